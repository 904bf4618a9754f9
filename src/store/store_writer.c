#include "store_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define WRITER_RETRY_S 5u /* calls of writer_second between two tries of what failed */

/* What writer_open made. */
static void writer_fini(struct store_writer *w) {
  pthread_cond_destroy(&w->wake);
  pthread_mutex_destroy(&w->lock);
  free(w->path);
}

bool writer_open(struct store_writer *w, const char *name, const char *path, struct base_log log,
                 void *(*main)(void *ctx), void *ctx) {
  *w = (struct store_writer){.name = name, .path = strdup(path), .log = log};
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->wake, NULL);
  if (w->path && pthread_create(&w->thread, NULL, main, ctx) == 0) return true;
  writer_fini(w);
  return false;
}

void writer_close(struct store_writer *w) {
  pthread_mutex_lock(&w->lock);
  w->stop = true;
  pthread_cond_signal(&w->wake);
  pthread_mutex_unlock(&w->lock);
  pthread_join(w->thread, NULL);
  writer_reader_close(w);
  writer_fini(w);
}

bool writer_is_due(const struct store_writer *w, bool work) {
  return w->failed ? w->seconds >= WRITER_RETRY_S : work;
}

void writer_second(struct store_writer *w) {
  w->seconds++;
  if (w->failed && writer_is_due(w, true)) pthread_cond_signal(&w->wake);
}

void writer_problem(struct store_writer *w, const char *text) {
  pthread_mutex_lock(&w->lock);
  bool news = strcmp(w->problem, text) != 0;
  if (text[0]) w->errors++;
  if (news) snprintf(w->problem, sizeof w->problem, "%s", text);
  w->failed = text[0] != 0;
  w->seconds = 0;
  pthread_mutex_unlock(&w->lock);
  if (news && text[0]) log_put(&w->log, BASE_LEVEL_ERROR, w->name, "%s", text);
  if (news && !text[0]) log_put(&w->log, BASE_LEVEL_INFO, w->name, "writing again");
}

void writer_aside(struct store_writer *w, const char *why) {
  bool ok = db_put_aside(w->path);
  pthread_mutex_lock(&w->lock);
  w->errors++;
  pthread_mutex_unlock(&w->lock);
  log_put(&w->log, BASE_LEVEL_ERROR, w->name, "%s: %s; %s", w->path, why,
          ok ? "put aside as .corrupt, begun anew" : "it cannot be put aside");
}

sqlite3 *writer_reader(struct store_writer *w) {
  if (!w->reader) w->reader = db_open_read(w->path);
  return w->reader;
}

void writer_reader_close(struct store_writer *w) {
  (void)sqlite3_close(w->reader);
  w->reader = NULL;
}
