#include "store_series_db.h"

#include <stdlib.h>

#define ROW_BYTES 24 /* of a chunk's row beside its points, about */
#define CHUNK_BYTES_MAX (64u << 10)
#define SEEN_EVERY_S 86400 /* how exactly it is known when a series was last heard of */
#define FULL_SHARE 8       /* of a file that may not grow such a part gives way */
#define ROLL_GRACE_S 120   /* a window is over when its last minute had time to arrive */

const uint32_t tier_step_s[STORE_TIERS] = {
#define X(name, step, points) step,
    STORE_TIER_TABLE(X)
#undef X
};
const uint32_t tier_points[STORE_TIERS] = {
#define X(name, step, points) points,
    STORE_TIER_TABLE(X)
#undef X
};

static bool prepare(struct series_db *d, const char *sql, sqlite3_stmt **out) {
  return sqlite3_prepare_v3(d->db.handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK;
}

static bool prepare_all(struct series_db *d) {
  return prepare(d, "SELECT id, last_s FROM series WHERE key=?1", &d->find) &&
         prepare(d, "INSERT INTO series (key, last_s) VALUES (?1, ?2)", &d->add) &&
         prepare(d, "UPDATE series SET last_s=?2 WHERE id=?1", &d->seen) &&
         prepare(d, "SELECT points FROM chunk WHERE tier=?1 AND slot=?2 AND series=?3", &d->get) &&
         prepare(d, "INSERT INTO chunk VALUES (?1,?2,?3,?4) ON CONFLICT DO UPDATE SET points=excluded.points",
                 &d->put) &&
         prepare(d, "UPDATE tier SET bytes=max(0, bytes+?2) WHERE tier=?1", &d->bytes) &&
         prepare(d, "SELECT bytes FROM tier WHERE tier=?1", &d->bytes_get) &&
         prepare(d, "UPDATE tier SET done=?2 WHERE tier=?1", &d->done) &&
         prepare(d,
                 "SELECT series, slot, points FROM chunk WHERE tier=?1 AND slot>=?2 AND slot<?3 ORDER BY series, slot",
                 &d->roll) &&
         prepare(d, "SELECT min(slot) FROM chunk WHERE tier=?1", &d->oldest) &&
         prepare(d, "DELETE FROM chunk WHERE tier=?1 AND slot=?2 RETURNING length(points)", &d->drop) &&
         prepare(d, "DELETE FROM series WHERE last_s<?1", &d->forget);
}

enum db_status series_db_open(struct series_db *d, const char *path, uint64_t bytes_max) {
  *d = (struct series_db){0};
  enum db_status status = db_file_open(&d->db, path, bytes_max, &db_series);
  if (status != DB_GOOD) return status;
  return prepare_all(d) ? DB_GOOD : db_fail(&d->db, "schema");
}

void series_db_close(struct series_db *d) {
  sqlite3_stmt *all[] = {d->find,      d->add,  d->seen, d->get,    d->put,  d->bytes,
                         d->bytes_get, d->done, d->roll, d->oldest, d->drop, d->forget};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) sqlite3_finalize(all[i]);
  struct db db = d->db;
  db_close(&db);
  *d = (struct series_db){.db = db};
}

/* ---- statements ---- */

static bool done(sqlite3_stmt *q) {
  int code = sqlite3_step(q);
  (void)sqlite3_reset(q);
  return code == SQLITE_DONE;
}

static void bind(sqlite3_stmt *q, int64_t a, int64_t b, int64_t c) {
  (void)sqlite3_bind_int64(q, 1, a);
  if (sqlite3_bind_parameter_count(q) > 1) (void)sqlite3_bind_int64(q, 2, b);
  if (sqlite3_bind_parameter_count(q) > 2) (void)sqlite3_bind_int64(q, 3, c);
}

/* Lives until the statement's next step or reset. */
static struct base_str blob(sqlite3_stmt *q, int column) {
  return (struct base_str){sqlite3_column_blob(q, column), (size_t)sqlite3_column_bytes(q, column)};
}

/* 1: there is a row, and its number; 0: there is none; -1: it could not be read, *out is as it was. */
static int asked(sqlite3_stmt *q, int64_t *out) {
  int code = sqlite3_step(q);
  if (code == SQLITE_ROW) *out = sqlite3_column_int64(q, 0);
  (void)sqlite3_reset(q);
  return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
}

static bool transaction(struct series_db *d, const char *sql) {
  return sqlite3_exec(d->db.handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static enum db_status commit(struct series_db *d, bool good) {
  if (good && transaction(d, "COMMIT")) return DB_GOOD;
  enum db_status status = db_fail(&d->db, "write");
  (void)transaction(d, "ROLLBACK");
  return status;
}

/* ---- writing ---- */

/* What the row holds already, from an earlier life of the process, stays where this one knows nothing. */
static int64_t row_merge(struct series_db *d, unsigned tier, int64_t slot, int64_t series, struct store_point *p) {
  struct store_point was[CHUNK_POINTS_MAX];
  int64_t bytes = -1;
  bind(d->get, tier, slot, series);
  if (sqlite3_step(d->get) == SQLITE_ROW) {
    struct base_str have = blob(d->get, 0);
    bytes = (int64_t)have.n;
    if (chunk_read(have, was, tier_points[tier]))
      for (uint32_t i = 0; i < tier_points[tier]; i++)
        if (!p[i].known) p[i] = was[i];
  }
  (void)sqlite3_reset(d->get);
  return bytes;
}

static bool row_put(struct series_db *d, unsigned tier, int64_t slot, int64_t series, struct store_point *p,
                    int64_t *grown) {
  char mem[CHUNK_BYTES_MAX];
  struct base_buf out = buf_over(mem, sizeof mem);
  int64_t had = row_merge(d, tier, slot, series, p);
  chunk_write(p, tier_points[tier], &out);
  if (out.bad) return false;
  bind(d->put, tier, slot, series);
  (void)sqlite3_bind_blob64(d->put, 4, out.p, out.n, SQLITE_STATIC);
  *grown += (int64_t)out.n - (had < 0 ? -ROW_BYTES : had);
  return done(d->put);
}

static bool grow(struct series_db *d, unsigned tier, int64_t bytes) {
  bind(d->bytes, tier, bytes, 0);
  return done(d->bytes);
}

/* Its number; a series that is heard of again is no longer the oldest. */
static bool series_id(struct series_db *d, const struct minute_item *m, int64_t *id) {
  (void)sqlite3_bind_blob64(d->find, 1, m->key.p, m->key.n, SQLITE_STATIC);
  int64_t last_s = 0;
  bool known = sqlite3_step(d->find) == SQLITE_ROW;
  if (known) *id = sqlite3_column_int64(d->find, 0);
  if (known) last_s = sqlite3_column_int64(d->find, 1);
  (void)sqlite3_reset(d->find);
  if (known && m->from_s - last_s < SEEN_EVERY_S) return true;
  if (known) {
    bind(d->seen, *id, m->from_s, 0);
    return done(d->seen);
  }
  (void)sqlite3_bind_blob64(d->add, 1, m->key.p, m->key.n, SQLITE_STATIC);
  (void)sqlite3_bind_int64(d->add, 2, m->from_s);
  if (!done(d->add)) return false;
  *id = sqlite3_last_insert_rowid(d->db.handle);
  return true;
}

static bool minute_write(struct series_db *d, const struct minute_item *m, int64_t *grown) {
  struct store_point p[STORE_MINUTE];
  int64_t id = 0;
  memcpy(p, m->point, sizeof p);
  return series_id(d, m, &id) &&
         row_put(d, STORE_TIER_SECOND, m->from_s / tier_window_s(STORE_TIER_SECOND), id, p, grown);
}

/* ---- summing up ---- */

bool series_read_done(sqlite3 *h, unsigned tier, int64_t *slot) {
  sqlite3_stmt *q = NULL;
  *slot = 0;
  bool good = sqlite3_prepare_v2(h, "SELECT done FROM tier WHERE tier=?1", -1, &q, NULL) == SQLITE_OK;
  if (good) (void)sqlite3_bind_int64(q, 1, tier);
  good = good && asked(q, slot) >= 0;
  sqlite3_finalize(q);
  return good;
}

/* One series' points of the coarser window, while its finer rows go by. */
struct roll {
  struct series_db *d;
  unsigned tier;
  int64_t slot, series, grown;
  struct store_point point[CHUNK_POINTS_MAX];
  bool any, good;
};

static void roll_clear(struct roll *r, int64_t series) {
  r->series = series;
  r->any = false;
  for (uint32_t i = 0; i < tier_points[r->tier]; i++) r->point[i] = (struct store_point){.mean_ms = -1, .p99_ms = -1};
}

static void roll_flush(struct roll *r) {
  if (r->any && r->good) r->good = row_put(r->d, r->tier, r->slot, r->series, r->point, &r->grown);
}

static void roll_row(struct roll *r, int64_t series, int64_t slot, struct base_str bytes) {
  struct store_point fine[CHUNK_POINTS_MAX];
  unsigned from = r->tier - 1;
  int64_t begin_s = slot * tier_window_s(from) - r->slot * tier_window_s(r->tier);
  if (series != r->series) {
    roll_flush(r);
    roll_clear(r, series);
  }
  if (!chunk_read(bytes, fine, tier_points[from])) return; /* damage that the check did not see costs its row */
  for (uint32_t i = 0; i < tier_points[from]; i++) {
    int64_t at = (begin_s + (int64_t)i * tier_step_s[from]) / tier_step_s[r->tier];
    point_add(&r->point[at], &fine[i]);
  }
  r->any = true;
}

static bool roll_window(struct series_db *d, unsigned tier, int64_t slot) {
  struct roll *r = calloc(1, sizeof *r);
  int64_t per = tier_window_s(tier) / tier_window_s(tier - 1);
  if (!r) return false;
  *r = (struct roll){.d = d, .tier = tier, .slot = slot, .good = true};
  roll_clear(r, 0);
  bind(d->roll, tier - 1, slot * per, (slot + 1) * per);
  int code;
  while (r->good && (code = sqlite3_step(d->roll)) == SQLITE_ROW)
    roll_row(r, sqlite3_column_int64(d->roll, 0), sqlite3_column_int64(d->roll, 1), blob(d->roll, 2));
  (void)sqlite3_reset(d->roll);
  roll_flush(r);
  bool good = r->good && code == SQLITE_DONE && grow(d, tier, r->grown);
  bind(d->done, tier, slot + 1, 0);
  good = good && done(d->done);
  free(r);
  return good;
}

/* The next window to sum up: none before the finer tier's first is looked at. */
static bool roll_next(struct series_db *d, unsigned tier, int64_t now_s, int64_t *slot) {
  int64_t per = tier_window_s(tier) / tier_window_s(tier - 1), first = -1, next = 0, finer = 0;
  (void)series_read_done(d->db.handle, tier, &next); /* where that fails, so does what is written next */
  bind(d->oldest, tier - 1, 0, 0);
  if (sqlite3_step(d->oldest) == SQLITE_ROW && sqlite3_column_type(d->oldest, 0) != SQLITE_NULL)
    first = sqlite3_column_int64(d->oldest, 0) / per;
  (void)sqlite3_reset(d->oldest);
  if (first < 0) return false;
  *slot = next > first ? next : first;
  if (tier > 1) (void)series_read_done(d->db.handle, tier - 1, &finer);
  int64_t whole_s = tier > 1 ? finer * tier_window_s(tier - 1) : now_s - ROLL_GRACE_S;
  return (*slot + 1) * tier_window_s(tier) <= whole_s;
}

enum db_status series_db_roll(struct series_db *d, int64_t now_s, bool *more) {
  *more = false;
  for (unsigned tier = 1; tier < STORE_TIERS; tier++) {
    int64_t slot;
    if (!roll_next(d, tier, now_s, &slot)) continue;
    *more = true;
    if (!transaction(d, "BEGIN IMMEDIATE")) return db_fail(&d->db, "write");
    return commit(d, roll_window(d, tier, slot));
  }
  return DB_GOOD;
}

/* ---- pruning ---- */

static bool slot_drop(struct series_db *d, unsigned tier, int64_t slot) {
  int64_t gone = 0;
  int code;
  bind(d->drop, tier, slot, 0);
  while ((code = sqlite3_step(d->drop)) == SQLITE_ROW) gone += sqlite3_column_int64(d->drop, 0) + ROW_BYTES;
  (void)sqlite3_reset(d->drop);
  return code == SQLITE_DONE && grow(d, tier, -gone);
}

/* Oldest first. A slot is one transaction, so that a reader never waits for long. */
static enum db_status tier_prune(struct series_db *d, unsigned tier, const struct store_tier_conf *conf, int64_t now_s,
                                 uint64_t *bytes) {
  for (;;) {
    int64_t oldest = 0, have = 0;
    bind(d->oldest, tier, 0, 0);
    bool any = sqlite3_step(d->oldest) == SQLITE_ROW && sqlite3_column_type(d->oldest, 0) != SQLITE_NULL;
    if (any) oldest = sqlite3_column_int64(d->oldest, 0);
    (void)sqlite3_reset(d->oldest);
    bind(d->bytes_get, tier, 0, 0);
    (void)asked(d->bytes_get, &have);
    *bytes = (uint64_t)have;
    bool old = any && (oldest + 1) * tier_window_s(tier) <= now_s - conf->keep_s;
    if (!old && (!any || *bytes <= conf->bytes_max)) return DB_GOOD;
    if (!transaction(d, "BEGIN IMMEDIATE")) return db_fail(&d->db, "prune");
    enum db_status status = commit(d, slot_drop(d, tier, oldest));
    if (status != DB_GOOD) return status;
  }
}

enum db_status series_db_prune(struct series_db *d, const struct store_tier_conf tier[STORE_TIERS], int64_t now_s,
                               uint64_t bytes[STORE_TIERS]) {
  int64_t keep_s = 0;
  for (unsigned t = 0; t < STORE_TIERS; t++) {
    enum db_status status = tier_prune(d, t, &tier[t], now_s, &bytes[t]);
    if (status != DB_GOOD) return status;
    if (tier[t].keep_s > keep_s) keep_s = tier[t].keep_s;
  }
  bind(d->forget, now_s - keep_s - tier_window_s(STORE_TIER_MINUTE), 0, 0);
  return done(d->forget) ? DB_GOOD : db_fail(&d->db, "prune");
}

/* ---- a file that may not grow ---- */

static int64_t pragma_read(struct series_db *d, const char *sql) {
  sqlite3_stmt *q = NULL;
  int64_t n = 0;
  if (sqlite3_prepare_v2(d->db.handle, sql, -1, &q, NULL) == SQLITE_OK) (void)asked(q, &n);
  sqlite3_finalize(q);
  return n;
}

/* So near its bound that it, and not the disk, is what is full. */
static bool file_full(struct series_db *d) {
  int64_t max = pragma_read(d, "PRAGMA max_page_count");
  return pragma_read(d, "PRAGMA page_count") - pragma_read(d, "PRAGMA freelist_count") >= max - max / FULL_SHARE;
}

/* Removes a share of each tier, the oldest, and the names of series that have no points any more: names are not among
 * a tier's bytes, and where series come and go they may be most of the file. Cost: a pass over the file. */
static enum db_status thin(struct series_db *d) {
  for (unsigned t = 0; t < STORE_TIERS; t++) {
    struct store_tier_conf conf = {.keep_s = INT64_MAX};
    uint64_t bytes = 0;
    int64_t have = 0;
    bind(d->bytes_get, t, 0, 0);
    (void)asked(d->bytes_get, &have);
    conf.bytes_max = (uint64_t)(have - have / FULL_SHARE);
    enum db_status status = tier_prune(d, t, &conf, 0, &bytes);
    if (status != DB_GOOD) return status;
  }
  bool good = transaction(d, "DELETE FROM series WHERE id NOT IN (SELECT series FROM chunk)");
  return good ? DB_GOOD : db_fail(&d->db, "prune");
}

static enum db_status list_write(struct series_db *d, const struct minute_item *first) {
  int64_t grown = 0;
  if (!transaction(d, "BEGIN IMMEDIATE")) return db_fail(&d->db, "write");
  bool good = true;
  for (const struct minute_item *m = first; good && m; m = m->next) good = minute_write(d, m, &grown);
  return commit(d, good && grow(d, STORE_TIER_SECOND, grown));
}

enum db_status series_db_write(struct series_db *d, const struct minute_item *first) {
  enum db_status status = list_write(d, first);
  return status == DB_FULL && file_full(d) && thin(d) == DB_GOOD ? list_write(d, first) : status;
}

/* ---- reading ---- */

bool series_read_id(sqlite3 *h, struct base_str key, int64_t *id) {
  sqlite3_stmt *q = NULL;
  *id = 0;
  bool good = sqlite3_prepare_v2(h, "SELECT id FROM series WHERE key=?1", -1, &q, NULL) == SQLITE_OK;
  if (good) (void)sqlite3_bind_blob64(q, 1, key.p, key.n, SQLITE_STATIC);
  good = good && asked(q, id) >= 0;
  sqlite3_finalize(q);
  return good;
}

bool series_read_slots(sqlite3 *h, unsigned tier, int64_t *first, int64_t *last) {
  sqlite3_stmt *q = NULL;
  *first = 0;
  *last = -1;
  /* Two questions, as only so each is a look-up. */
  bool good = sqlite3_prepare_v2(h,
                                 "SELECT (SELECT min(slot) FROM chunk WHERE tier=?1),"
                                 " (SELECT max(slot) FROM chunk WHERE tier=?1)",
                                 -1, &q, NULL) == SQLITE_OK;
  if (good) (void)sqlite3_bind_int64(q, 1, tier);
  good = good && sqlite3_step(q) == SQLITE_ROW;
  if (good && sqlite3_column_type(q, 0) != SQLITE_NULL) {
    *first = sqlite3_column_int64(q, 0);
    *last = sqlite3_column_int64(q, 1);
  }
  sqlite3_finalize(q);
  return good;
}
