/* The history: incidents with their evidence, the changes near them, decisions, and who asked for what. An SQLite data
 * base (WAL, synchronous=NORMAL) that a thread of its own writes. It is an index: the incident log is the truth (I8,
 * I9), is given to it again at each start, and what it has already changes nothing.
 *
 * Nothing waits for it. What is to be written waits in a queue, in which a newer state of an incident takes the place
 * of an older one; past LIMIT_STORE_QUEUE or _BYTES the oldest gives way and is counted. A disk that is full, read-only
 * or gone is the problem until a write succeeds, which is tried again every few seconds. A file that is damaged is put
 * aside as PATH.corrupt, in place of an older one, and begun anew; the next start fills it from the incident log.
 *
 * Calls from one thread. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_log.h"
#include "base_str.h"
#include "rec_input.h"

struct store;

struct store_conf {
  const char *path;   /* copied */
  int64_t keep_ns;    /* closed incidents so much older than the newest are removed */
  uint64_t bytes_max; /* of the file; past it the oldest closed incidents are removed */
  struct base_log log;
};

struct store_stats {
  uint64_t written; /* states and audit records, in the data base */
  uint64_t dropped; /* lost to the queue's bound, or unreadable */
  uint64_t errors;  /* writes that failed */
  uint32_t waiting;
  char problem[256]; /* empty where all is well */
};

/* Starts the thread, which opens, checks and migrates. NULL: out of memory or threads. */
struct store *store_open(const struct store_conf *conf);
/* A state of an incident as its JSON (contract, with "rev"); copied. */
void store_incident(struct store *s, struct base_str json);
/* An operator's command, the n-th of its tick; copied. */
void store_audit(struct store *s, uint64_t tick_seq, uint32_t n, const struct rec_command *command);
/* Call once a second: what failed is tried again from time to time. */
void store_second(struct store *s);
void store_stats(struct store *s, struct store_stats *out);
/* The last state of an incident. False: none, or it cannot be read now. Cost: a look-up by key on another connection.
 */
bool store_find(struct store *s, uint64_t id, struct base_buf *out);
/* The same of a file that another process may be writing. Cost: opening it. */
bool store_read(const char *path, uint64_t id, struct base_buf *out);
/* Writes what waits, once, and ends. s may be NULL. */
void store_close(struct store *s);

/* A copy of the data base at path (incidents or series), whole and checked, while another process writes it. out must
 * not exist; it appears when it is complete. False: err says why. Cost: reads and writes all of it, and reads it again.
 */
bool store_backup(const char *path, const char *out, char err[256]);

#endif
