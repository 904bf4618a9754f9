#include "store.h"

#include <stdlib.h>

#include "store_db.h"
#include "store_writer.h"

#define STORE_PRUNE_EVERY 64u /* writes between two prunings */

struct store {
  struct store_conf conf;
  struct store_writer writer; /* its lock is over what follows */
  struct store_queue queue;
  struct store_stats stats; /* written and dropped */
};

/* ---- the thread ---- */

static void put_aside(struct store *s, struct db *d) {
  db_close(d);
  writer_aside(&s->writer, d->err);
}

/* Opens what is not open; a damaged file is replaced once. */
static bool writable(struct store *s, struct db *d) {
  if (d->put) return true;
  enum db_status status = db_open(d, s->writer.path, s->conf.bytes_max);
  if (status == DB_DAMAGED) {
    put_aside(s, d);
    status = db_open(d, s->writer.path, s->conf.bytes_max);
  }
  if (status == DB_GOOD) (void)db_prune(d, s->conf.keep_ns);
  if (status == DB_GOOD) return true;
  db_close(d);
  writer_problem(&s->writer, d->err);
  return false;
}

/* Where the file is as large as it may be, the oldest give way. */
static enum db_status write_all(struct db *d, const struct store_queue *q, uint64_t *bad) {
  enum db_status status = db_write(d, q->first, bad);
  if (status != DB_FULL || db_thin(d) != DB_GOOD) return status;
  *bad = 0;
  return db_write(d, q->first, bad);
}

static struct store_queue take(struct store *s) {
  pthread_mutex_lock(&s->writer.lock);
  while (!s->writer.stop && !writer_is_due(&s->writer, s->queue.n > 0))
    pthread_cond_wait(&s->writer.wake, &s->writer.lock);
  struct store_queue q = s->queue;
  s->queue = (struct store_queue){0};
  pthread_mutex_unlock(&s->writer.lock);
  return q;
}

static void written(struct store *s, struct store_queue *q, uint64_t bad) {
  pthread_mutex_lock(&s->writer.lock);
  s->stats.written += q->n - bad;
  s->stats.dropped += bad;
  bool was = s->writer.failed;
  pthread_mutex_unlock(&s->writer.lock);
  if (was) writer_problem(&s->writer, "");
  store_queue_fini(q);
}

static void give_back(struct store *s, struct store_queue *q) {
  pthread_mutex_lock(&s->writer.lock);
  s->stats.dropped += store_queue_return(&s->queue, q);
  pthread_mutex_unlock(&s->writer.lock);
}

static void write_once(struct store *s, struct db *d, struct store_queue *q, uint32_t *writes) {
  uint64_t bad = 0;
  if (!writable(s, d)) {
    give_back(s, q);
    return;
  }
  enum db_status status = write_all(d, q, &bad);
  if (status == DB_GOOD) {
    written(s, q, bad);
    if (++*writes % STORE_PRUNE_EVERY == 0) (void)db_prune(d, s->conf.keep_ns);
    return;
  }
  give_back(s, q);
  if (status == DB_DAMAGED) {
    put_aside(s, d);
    return;
  }
  writer_problem(&s->writer, d->err);
  db_close(d);
}

static void *thread_main(void *ctx) {
  struct store *s = ctx;
  struct db d = {0};
  uint32_t writes = 0;
  (void)writable(s, &d); /* what is wrong is told at the start, not at the first incident */
  for (;;) {
    struct store_queue q = take(s);
    write_once(s, &d, &q, &writes);
    pthread_mutex_lock(&s->writer.lock);
    bool end = s->writer.stop && (s->writer.failed || !s->queue.n);
    pthread_mutex_unlock(&s->writer.lock);
    if (end) break;
  }
  db_close(&d);
  return NULL;
}

/* ---- the caller's side ---- */

struct store *store_open(const struct store_conf *conf) {
  struct store *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->conf = *conf;
  if (writer_open(&s->writer, "history", conf->path, conf->log, thread_main, s)) return s;
  free(s);
  return NULL;
}

static void put(struct store *s, struct store_item *i) {
  pthread_mutex_lock(&s->writer.lock);
  s->stats.dropped += i ? store_queue_put(&s->queue, i) : 1;
  pthread_cond_signal(&s->writer.wake);
  pthread_mutex_unlock(&s->writer.lock);
}

void store_incident(struct store *s, struct base_str json) {
  uint64_t id = 0;
  struct store_item *i = store_id_read(json, &id) ? store_item_new(STORE_INCIDENT, json) : NULL;
  if (i) i->id = id;
  put(s, i);
}

static const char *verb_text(uint8_t verb) {
  switch (verb) {
    case REC_VERB_ACK: return "acknowledge";
    case REC_VERB_EXPECT: return "expect";
    default: return "other";
  }
}

void store_audit(struct store *s, uint64_t tick_seq, uint32_t n, const struct rec_command *command) {
  struct store_item *i = store_item_new(STORE_AUDIT, command->who);
  char text[17] = "";
  if (i && command->incident_id.n == 16) memcpy(text, command->incident_id.p, 16);
  if (i) {
    i->id = strtoull(text, NULL, 16);
    i->tick_seq = tick_seq;
    i->n = n;
    i->at_ns = command->at.ns;
    i->verb = verb_text(command->verb);
  }
  put(s, i);
}

void store_second(struct store *s) {
  pthread_mutex_lock(&s->writer.lock);
  writer_second(&s->writer);
  pthread_mutex_unlock(&s->writer.lock);
}

void store_stats(struct store *s, struct store_stats *out) {
  pthread_mutex_lock(&s->writer.lock);
  *out = s->stats;
  out->waiting = s->queue.n;
  out->errors = s->writer.errors;
  memcpy(out->problem, s->writer.problem, sizeof out->problem);
  pthread_mutex_unlock(&s->writer.lock);
}

static bool json_find(sqlite3 *reader, uint64_t id, struct base_buf *out) {
  sqlite3_stmt *q = NULL;
  bool ok = reader && sqlite3_prepare_v2(reader, "SELECT json FROM incident WHERE id=?1", -1, &q, NULL) == SQLITE_OK;
  if (ok) (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)id);
  ok = ok && sqlite3_step(q) == SQLITE_ROW;
  if (ok) buf_put(out, sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));
  sqlite3_finalize(q);
  return ok && !out->bad;
}

bool store_find(struct store *s, uint64_t id, struct base_buf *out) {
  return json_find(writer_reader(&s->writer), id, out);
}

bool store_read(const char *path, uint64_t id, struct base_buf *out) {
  sqlite3 *reader = db_open_read(path);
  bool found = json_find(reader, id, out);
  (void)sqlite3_close(reader);
  return found;
}

void store_close(struct store *s) {
  if (!s) return;
  writer_close(&s->writer);
  store_queue_fini(&s->queue);
  free(s);
}
