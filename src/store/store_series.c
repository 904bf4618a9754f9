#include "store_series.h"

#include <stdlib.h>

#include "base_must.h"
#include "store_series_db.h"
#include "store_writer.h"

#define SERIES_TEND_S 60u   /* calls of store_series_second between two rounds of summing up and pruning */
#define SERIES_FILE_SLACK 2 /* the file may be so many times as large as its points: rows, free pages */

struct store_series {
  struct store_series_conf conf;
  struct store_writer writer; /* its lock is over what follows */
  struct minute_item *first, *last;
  size_t bytes;
  struct store_series_stats stats; /* all but errors and problem */
  int64_t now_s;                   /* the newest minute's end */
  uint32_t tended_s;
  bool tend;
};

/* ---- the thread ---- */

static void queue_free(struct minute_item *first) {
  for (struct minute_item *i = first, *next; i; i = next) {
    next = i->next;
    free(i);
  }
}

static size_t item_bytes(const struct minute_item *i) {
  return sizeof *i + i->key.n;
}

static void put_aside(struct store_series *s, struct series_db *d) {
  series_db_close(d);
  writer_aside(&s->writer, d->db.err);
}

static uint64_t file_bytes_max(const struct store_series *s) {
  uint64_t sum = 64u << 20;
  for (unsigned t = 0; t < STORE_TIERS; t++) sum += s->conf.tier[t].bytes_max * SERIES_FILE_SLACK;
  return sum;
}

/* Opens what is not open; a damaged file is replaced once. */
static bool writable(struct store_series *s, struct series_db *d) {
  if (d->put) return true;
  enum db_status status = series_db_open(d, s->writer.path, file_bytes_max(s));
  if (status == DB_DAMAGED) {
    put_aside(s, d);
    status = series_db_open(d, s->writer.path, file_bytes_max(s));
  }
  if (status == DB_GOOD) return true;
  series_db_close(d);
  writer_problem(&s->writer, d->db.err);
  return false;
}

static void failed(struct store_series *s, struct series_db *d, enum db_status status) {
  if (status == DB_DAMAGED) {
    put_aside(s, d);
    return;
  }
  writer_problem(&s->writer, d->db.err);
  series_db_close(d);
}

struct work {
  struct minute_item *first;
  int64_t now_s;
  bool tend, stop;
};

/* Something to write or to tend, or a try of what failed. */
static struct work work_take(struct store_series *s) {
  pthread_mutex_lock(&s->writer.lock);
  while (!s->writer.stop && !writer_is_due(&s->writer, s->first || s->tend))
    pthread_cond_wait(&s->writer.wake, &s->writer.lock);
  struct work w = {s->first, s->now_s, s->tend, s->writer.stop};
  s->first = s->last = NULL;
  s->bytes = 0;
  s->tend = false;
  pthread_mutex_unlock(&s->writer.lock);
  return w;
}

/* In front of what came since, as far as there is room: the oldest give way. */
static void work_return(struct store_series *s, struct work *w) {
  struct minute_item *last = w->first;
  if (!last) return;
  size_t bytes = item_bytes(last);
  for (; last->next; last = last->next) bytes += item_bytes(last->next);
  pthread_mutex_lock(&s->writer.lock);
  last->next = s->first;
  s->first = w->first;
  if (!s->last) s->last = last;
  s->bytes += bytes;
  while (s->bytes > LIMIT_SERIES_QUEUE_BYTES) {
    struct minute_item *old = s->first;
    s->first = old->next;
    s->bytes -= item_bytes(old);
    s->stats.dropped++;
    free(old);
  }
  if (!s->first) s->last = NULL;
  pthread_mutex_unlock(&s->writer.lock);
}

static enum db_status tend(struct store_series *s, struct series_db *d, int64_t now_s) {
  uint64_t bytes[STORE_TIERS] = {0};
  bool more = true;
  enum db_status status = DB_GOOD;
  while (more && status == DB_GOOD) status = series_db_roll(d, now_s, &more);
  if (status == DB_GOOD) status = series_db_prune(d, s->conf.tier, now_s, bytes);
  pthread_mutex_lock(&s->writer.lock);
  memcpy(s->stats.bytes, bytes, sizeof bytes);
  pthread_mutex_unlock(&s->writer.lock);
  return status;
}

static void work_do(struct store_series *s, struct series_db *d, struct work *w) {
  uint64_t n = 0;
  enum db_status status = writable(s, d) ? DB_GOOD : DB_FAILED;
  bool opened = status == DB_GOOD;
  for (const struct minute_item *i = w->first; i; i = i->next) n++;
  if (opened && w->first) status = series_db_write(d, w->first);
  bool wrote = status == DB_GOOD;
  if (!wrote)
    work_return(s, w);
  else
    queue_free(w->first);
  if (wrote && w->tend && w->now_s) status = tend(s, d, w->now_s);
  pthread_mutex_lock(&s->writer.lock);
  if (wrote) s->stats.written += n;
  bool was = s->writer.failed;
  pthread_mutex_unlock(&s->writer.lock);
  if (opened && status != DB_GOOD) failed(s, d, status);
  if (status == DB_GOOD && was) writer_problem(&s->writer, "");
}

static void *thread_main(void *ctx) {
  struct store_series *s = ctx;
  struct series_db d = {0};
  (void)writable(s, &d); /* what is wrong is told at the start */
  for (;;) {
    struct work w = work_take(s);
    work_do(s, &d, &w);
    if (w.stop) break;
  }
  series_db_close(&d);
  return NULL;
}

/* ---- the caller's side ---- */

struct store_series *store_series_open(const struct store_series_conf *conf) {
  struct store_series *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->conf = *conf;
  if (writer_open(&s->writer, "series", conf->path, conf->log, thread_main, s)) return s;
  free(s);
  return NULL;
}

void store_series_put(struct store_series *s, struct base_str key, int64_t from_s,
                      const struct store_point point[STORE_MINUTE]) {
  MUST(key.n && key.n <= LIMIT_SERIES_KEY_BYTES && from_s % STORE_MINUTE == 0);
  struct minute_item *i = malloc(sizeof *i + key.n);
  if (i) {
    *i = (struct minute_item){.from_s = from_s, .key = {(const char *)(i + 1), key.n}};
    memcpy(i + 1, key.p, key.n);
    memcpy(i->point, point, sizeof i->point);
  }
  pthread_mutex_lock(&s->writer.lock);
  if (!i || s->bytes + item_bytes(i) > LIMIT_SERIES_QUEUE_BYTES) {
    s->stats.dropped++;
    free(i);
  } else {
    if (s->last)
      s->last->next = i;
    else
      s->first = i;
    s->last = i;
    s->bytes += item_bytes(i);
    if (from_s + STORE_MINUTE > s->now_s) s->now_s = from_s + STORE_MINUTE;
  }
  pthread_mutex_unlock(&s->writer.lock);
}

void store_series_second(struct store_series *s) {
  pthread_mutex_lock(&s->writer.lock);
  writer_second(&s->writer);
  if (++s->tended_s >= SERIES_TEND_S) {
    s->tended_s = 0;
    s->tend = true;
  }
  if (s->first || s->tend) pthread_cond_signal(&s->writer.wake);
  pthread_mutex_unlock(&s->writer.lock);
}

void store_series_stats(struct store_series *s, struct store_series_stats *out) {
  pthread_mutex_lock(&s->writer.lock);
  *out = s->stats;
  out->errors = s->writer.errors;
  memcpy(out->problem, s->writer.problem, sizeof out->problem);
  pthread_mutex_unlock(&s->writer.lock);
}

int64_t store_series_reach(const struct store_series *s, uint32_t step_s) {
  int64_t reach = 0;
  for (unsigned t = 0; t < STORE_TIERS; t++)
    if (step_s % tier_step_s[t] == 0 && s->conf.tier[t].keep_s > reach) reach = s->conf.tier[t].keep_s;
  return reach;
}

void store_series_close(struct store_series *s) {
  if (!s) return;
  pthread_mutex_lock(&s->writer.lock);
  s->tend = s->now_s != 0;
  pthread_mutex_unlock(&s->writer.lock);
  writer_close(&s->writer);
  queue_free(s->first);
  free(s);
}

/* ---- reading ---- */

struct series_read {
  sqlite3_stmt *rows;
  int64_t series, from_s, end_s;
  uint32_t step_s, *budget;
  struct store_point *sum;
};

static void chunk_sum(const struct series_read *r, unsigned tier, int64_t slot, struct base_str bytes) {
  struct store_point p[CHUNK_POINTS_MAX];
  if (!chunk_read(bytes, p, tier_points[tier])) return;
  for (uint32_t i = 0; i < tier_points[tier]; i++) {
    int64_t at = slot * tier_window_s(tier) + (int64_t)i * tier_step_s[tier];
    if (at >= r->from_s && at < r->end_s) point_add(&r->sum[(at - r->from_s) / r->step_s], &p[i]);
  }
}

/* Chunks of one tier in [from_s, to_s), a look-up each: a tier's rows lie by time. */
static bool tier_read(struct series_read *r, sqlite3 *h, unsigned tier, int64_t from_s, int64_t to_s) {
  int64_t window = tier_window_s(tier), first, last;
  if (!series_read_slots(h, tier, &first, &last)) return false;
  if (first < from_s / window) first = from_s / window;
  for (int64_t slot = first; slot <= last && slot * window < to_s; slot++) {
    if (*r->budget == 0) return false;
    --*r->budget;
    (void)sqlite3_bind_int64(r->rows, 1, tier);
    (void)sqlite3_bind_int64(r->rows, 2, slot);
    (void)sqlite3_bind_int64(r->rows, 3, r->series);
    int code = sqlite3_step(r->rows);
    struct base_str bytes = {sqlite3_column_blob(r->rows, 0), (size_t)sqlite3_column_bytes(r->rows, 0)};
    if (code == SQLITE_ROW) chunk_sum(r, tier, slot, bytes);
    (void)sqlite3_reset(r->rows);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return false;
  }
  return true;
}

static bool tiers_read(struct series_read *r, sqlite3 *h) {
  int64_t at = r->from_s;
  for (unsigned tier = STORE_TIERS; tier-- > 0;) {
    int64_t until = r->end_s, done = 0;
    if (r->step_s % tier_step_s[tier]) continue;
    if (tier > 0 && !series_read_done(h, tier, &done)) return false;
    if (tier > 0) until = done * tier_window_s(tier);
    if (until > r->end_s) until = r->end_s;
    if (until <= at) continue;
    if (!tier_read(r, h, tier, at, until)) return false;
    at = until;
  }
  return true;
}

static bool series_sum(struct series_read *r, sqlite3 *reader, uint32_t n) {
  r->sum = malloc(n * sizeof *r->sum);
  for (uint32_t i = 0; r->sum && i < n; i++) r->sum[i] = (struct store_point){.mean_ms = -1, .p99_ms = -1};
  bool good = r->sum && sqlite3_prepare_v2(reader, "SELECT points FROM chunk WHERE tier=?1 AND slot=?2 AND series=?3",
                                           -1, &r->rows, NULL) == SQLITE_OK;
  good = good && tiers_read(r, reader);
  sqlite3_finalize(r->rows);
  return good;
}

bool store_series_read(struct store_series *s, struct base_str key, int64_t from_s, uint32_t step_s, uint32_t n,
                       struct store_point *out, uint32_t *rows) {
  struct series_read r = {.from_s = from_s, .end_s = from_s + (int64_t)step_s * n, .step_s = step_s, .budget = rows};
  sqlite3 *reader = writer_reader(&s->writer);
  if (!reader || n == 0) return reader != NULL;
  (void)sqlite3_busy_timeout(reader, 0); /* the loop's thread does not wait */
  bool good = series_read_id(reader, key, &r.series);
  if (good && r.series == 0) return true;
  good = good && series_sum(&r, reader, n);
  for (uint32_t i = 0; good && i < n; i++)
    if (!out[i].known) out[i] = r.sum[i];
  free(r.sum);
  if (!good && *rows > 0) writer_reader_close(&s->writer);
  return good;
}
