/* What the threads that write a data base have in common: one lock, how a failure is told and tried again, and the
 * connection that their caller reads with. The data base and the queue are their owner's. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_log.h"
#include "store_db.h"

struct store_writer {
  const char *name; /* "history": the event of its lines in the log; static */
  char *path;
  struct base_log log;
  pthread_t thread;
  sqlite3 *reader;      /* the caller's, opened when it is first asked */
  pthread_mutex_t lock; /* over what follows, and over what its owner shares with the thread */
  pthread_cond_t wake;
  char problem[DB_ERR_BYTES]; /* empty where all is well */
  uint64_t errors;
  uint32_t seconds; /* since the last failure */
  bool failed, stop;
};

/* Starts the thread. False: out of memory or threads; nothing is to be closed then. path is copied. */
bool writer_open(struct store_writer *w, const char *name, const char *path, struct base_log log,
                 void *(*main)(void *ctx), void *ctx);
/* Asks the thread to end, and waits for it. */
void writer_close(struct store_writer *w);

/* Is it time to try, where there is work? What failed waits for a few seconds. Under the lock. */
bool writer_is_due(const struct store_writer *w, bool work);
/* Call once a second, under the lock. */
void writer_second(struct store_writer *w);

/* A failure, or, with "", that it writes again: told once, and what failed waits. */
void writer_problem(struct store_writer *w, const char *text);
/* Puts the file aside, which is damaged and closed. */
void writer_aside(struct store_writer *w, const char *why);

/* For the caller; NULL: it cannot be read now. */
sqlite3 *writer_reader(struct store_writer *w);
/* For what failed in reading: the file may have been put aside since. All statements are finalized. */
void writer_reader_close(struct store_writer *w);

#endif
