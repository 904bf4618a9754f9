#include "store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_db.h"

#define STORE_RETRY_S 5u      /* calls of store_second between two tries of what failed */
#define STORE_PRUNE_EVERY 64u /* writes between two prunings */

struct store {
  struct store_conf conf;
  char *path;
  pthread_t thread;
  sqlite3 *reader;      /* the caller's, opened when it is first asked */
  pthread_mutex_t lock; /* over what follows */
  pthread_cond_t wake;
  struct store_queue queue;
  struct store_stats stats;
  uint32_t seconds; /* since the last failure */
  bool failed, stop;
};

/* ---- the thread ---- */

static void problem_set(struct store *s, const char *text) {
  pthread_mutex_lock(&s->lock);
  bool news = strcmp(s->stats.problem, text) != 0;
  if (text[0]) s->stats.errors++;
  if (news) snprintf(s->stats.problem, sizeof s->stats.problem, "%s", text);
  s->failed = text[0] != 0;
  s->seconds = 0;
  pthread_mutex_unlock(&s->lock);
  if (news && text[0]) log_put(&s->conf.log, BASE_LEVEL_ERROR, "history", "%s", text);
  if (news && !text[0]) log_put(&s->conf.log, BASE_LEVEL_INFO, "history", "writing again");
}

static void put_aside(struct store *s, struct db *d) {
  char text[DB_ERR_BYTES * 2 + 64];
  db_close(d);
  bool ok = db_put_aside(s->path);
  snprintf(text, sizeof text, "%s; %s", d->err, ok ? "put aside as .corrupt, begun anew" : "it cannot be put aside");
  pthread_mutex_lock(&s->lock);
  s->stats.errors++;
  pthread_mutex_unlock(&s->lock);
  log_put(&s->conf.log, BASE_LEVEL_ERROR, "history", "%s: %s", s->path, text);
}

/* Opens what is not open; a damaged file is replaced once. */
static bool writable(struct store *s, struct db *d) {
  if (d->put) return true;
  enum db_status status = db_open(d, s->path, s->conf.bytes_max);
  if (status == DB_DAMAGED) {
    put_aside(s, d);
    status = db_open(d, s->path, s->conf.bytes_max);
  }
  if (status == DB_GOOD) (void)db_prune(d, s->conf.keep_ns);
  if (status == DB_GOOD) return true;
  db_close(d);
  problem_set(s, d->err);
  return false;
}

/* Where the file is as large as it may be, the oldest give way. */
static enum db_status write_all(struct db *d, const struct store_queue *q, uint64_t *bad) {
  enum db_status status = db_write(d, q->first, bad);
  if (status != DB_FULL || db_thin(d) != DB_GOOD) return status;
  *bad = 0;
  return db_write(d, q->first, bad);
}

/* Something to write, or a try of what failed. */
static bool is_due(const struct store *s) {
  return s->failed ? s->seconds >= STORE_RETRY_S : s->queue.n > 0;
}

static struct store_queue take(struct store *s) {
  pthread_mutex_lock(&s->lock);
  while (!s->stop && !is_due(s)) pthread_cond_wait(&s->wake, &s->lock);
  struct store_queue q = s->queue;
  s->queue = (struct store_queue){0};
  pthread_mutex_unlock(&s->lock);
  return q;
}

static void written(struct store *s, struct store_queue *q, uint64_t bad) {
  pthread_mutex_lock(&s->lock);
  s->stats.written += q->n - bad;
  s->stats.dropped += bad;
  bool was = s->failed;
  pthread_mutex_unlock(&s->lock);
  if (was) problem_set(s, "");
  store_queue_fini(q);
}

static void give_back(struct store *s, struct store_queue *q) {
  pthread_mutex_lock(&s->lock);
  s->stats.dropped += store_queue_return(&s->queue, q);
  pthread_mutex_unlock(&s->lock);
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
  problem_set(s, d->err);
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
    pthread_mutex_lock(&s->lock);
    bool end = s->stop && (s->failed || !s->queue.n);
    pthread_mutex_unlock(&s->lock);
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
  s->path = strdup(conf->path);
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->wake, NULL);
  if (s->path && pthread_create(&s->thread, NULL, thread_main, s) == 0) return s;
  free(s->path);
  free(s);
  return NULL;
}

static void put(struct store *s, struct store_item *i) {
  pthread_mutex_lock(&s->lock);
  s->stats.dropped += i ? store_queue_put(&s->queue, i) : 1;
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
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
  pthread_mutex_lock(&s->lock);
  s->seconds++;
  if (s->failed && s->seconds >= STORE_RETRY_S) pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
}

void store_stats(struct store *s, struct store_stats *out) {
  pthread_mutex_lock(&s->lock);
  *out = s->stats;
  out->waiting = s->queue.n;
  pthread_mutex_unlock(&s->lock);
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
  if (!s->reader) s->reader = db_open_read(s->path);
  return json_find(s->reader, id, out);
}

bool store_read(const char *path, uint64_t id, struct base_buf *out) {
  sqlite3 *reader = db_open_read(path);
  bool found = json_find(reader, id, out);
  (void)sqlite3_close(reader);
  return found;
}

void store_close(struct store *s) {
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->stop = true;
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
  store_queue_fini(&s->queue);
  (void)sqlite3_close(s->reader);
  pthread_cond_destroy(&s->wake);
  pthread_mutex_destroy(&s->lock);
  free(s->path);
  free(s);
}
