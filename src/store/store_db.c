#include "store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base_time.h"

#define DB_PAGE_BYTES 4096u

enum db_status db_fail(struct db *d, const char *what) {
  int code = d->handle ? sqlite3_errcode(d->handle) & 0xff : SQLITE_NOMEM;
  snprintf(d->err, sizeof d->err, "%s: %.200s", what, d->handle ? sqlite3_errmsg(d->handle) : "out of memory");
  if (code == SQLITE_FULL) return DB_FULL;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? DB_DAMAGED : DB_FAILED;
}

static bool run(struct db *d, const char *sql) {
  return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* ---- open ---- */

static const char *const put_sql =
    "INSERT INTO incident VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14) ON CONFLICT (id) DO UPDATE SET"
    " rev=excluded.rev, state=excluded.state, verdict=excluded.verdict, kind=excluded.kind, severity=excluded.severity,"
    " acked=excluded.acked, muted=excluded.muted, started_ns=excluded.started_ns, ended_ns=excluded.ended_ns,"
    " updated_ns=excluded.updated_ns, merged_into=excluded.merged_into, summary=excluded.summary, json=excluded.json"
    " WHERE excluded.rev > rev";

static bool prepare(struct db *d, const char *sql, sqlite3_stmt **out) {
  return sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK;
}

static bool prepare_all(struct db *d) {
  return prepare(d, put_sql, &d->put) && prepare(d, "DELETE FROM incident_service WHERE incident=?1", &d->clear[0]) &&
         prepare(d, "DELETE FROM change WHERE incident=?1", &d->clear[1]) &&
         prepare(d, "DELETE FROM decision WHERE incident=?1", &d->clear[2]) &&
         prepare(d, "INSERT INTO incident_service VALUES (?1,?2,?3) ON CONFLICT DO NOTHING", &d->service) &&
         prepare(d, "INSERT INTO change VALUES (?1,?2,?3,?4,?5,?6,?7)", &d->change) &&
         prepare(d, "INSERT INTO decision VALUES (?1,?2,?3,?4)", &d->decision) &&
         prepare(d, "INSERT INTO audit VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING", &d->audit);
}

/* "ok", or the first thing that is wrong. */
static enum db_status check(struct db *d, const char *sql) {
  sqlite3_stmt *q = NULL;
  bool asked = prepare(d, sql, &q) && sqlite3_step(q) == SQLITE_ROW;
  const char *text = asked ? (const char *)sqlite3_column_text(q, 0) : NULL;
  enum db_status status = DB_GOOD;
  if (!text) {
    status = db_fail(d, "integrity check");
  } else if (strcmp(text, "ok") != 0) {
    snprintf(d->err, sizeof d->err, "integrity check: %.200s", text);
    for (char *p = d->err; *p; p++)
      if (*p == '\n') *p = ' ';
    status = DB_DAMAGED;
  }
  sqlite3_finalize(q);
  return status;
}

enum db_status db_file_open(struct db *d, const char *path, uint64_t bytes_max, const struct db_schema *schema) {
  char pages[64];
  *d = (struct db){0};
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path, &d->handle, flags, NULL) != SQLITE_OK) return db_fail(d, "open");
  (void)sqlite3_busy_timeout(d->handle, 2000); /* a backup's or a reader's moment */
  enum db_status status = check(d, schema->check);
  if (status != DB_GOOD) return status;
  snprintf(pages, sizeof pages, "PRAGMA max_page_count = %llu", (unsigned long long)(bytes_max / DB_PAGE_BYTES));
  if (!run(d, "PRAGMA journal_mode = WAL") || !run(d, "PRAGMA synchronous = NORMAL") ||
      !run(d, "PRAGMA foreign_keys = ON") || !run(d, "PRAGMA trusted_schema = OFF") || !run(d, pages))
    return db_fail(d, "open");
  return db_migrate(d, schema);
}

enum db_status db_open(struct db *d, const char *path, uint64_t bytes_max) {
  enum db_status status = db_file_open(d, path, bytes_max, &db_incidents);
  if (status != DB_GOOD) return status;
  return prepare_all(d) ? DB_GOOD : db_fail(d, "schema");
}

void db_close(struct db *d) {
  sqlite3_stmt *all[] = {d->put, d->clear[0], d->clear[1], d->clear[2], d->service, d->change, d->decision, d->audit};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) sqlite3_finalize(all[i]);
  (void)sqlite3_close(d->handle);
  char err[DB_ERR_BYTES];
  memcpy(err, d->err, sizeof err);
  *d = (struct db){0};
  memcpy(d->err, err, sizeof err);
}

bool db_put_aside(const char *path) {
  static const char *const endings[] = {"", "-wal", "-shm"};
  bool ok = true;
  for (size_t i = 0; i < 3; i++) {
    char from[4096], to[4096 + 16];
    int n = snprintf(from, sizeof from, "%s%s", path, endings[i]);
    if (n < 0 || (size_t)n >= sizeof from) return false;
    snprintf(to, sizeof to, "%s.corrupt%s", path, endings[i]);
    (void)remove(to);
    bool moved = rename(from, to) == 0;
    if (i == 0) ok = moved;
  }
  return ok;
}

sqlite3 *db_open_read(const char *path) {
  sqlite3 *h = NULL;
  if (sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) return h;
  (void)sqlite3_close(h);
  return NULL;
}

/* ---- write ---- */

static void bind_text(sqlite3_stmt *q, int at, struct base_str s) {
  (void)sqlite3_bind_text64(q, at, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

static struct base_str text_of(yyjson_val *obj, const char *key) {
  yyjson_val *v = yyjson_obj_get(obj, key);
  return (struct base_str){yyjson_get_str(v), yyjson_get_len(v)};
}

static void bind_key(sqlite3_stmt *q, int at, yyjson_val *obj, const char *key) {
  struct base_str s = text_of(obj, key);
  bind_text(q, at, s.p ? s : STR(""));
}

static bool bind_time(sqlite3_stmt *q, int at, yyjson_val *obj, const char *key) {
  struct base_wall t;
  if (!time_read(text_of(obj, key), &t)) return sqlite3_bind_null(q, at) != SQLITE_OK; /* false: there is none */
  return sqlite3_bind_int64(q, at, t.ns) == SQLITE_OK;
}

/* Runs a bound statement and clears it. */
static bool finish(sqlite3_stmt *q) {
  int code = sqlite3_step(q);
  (void)sqlite3_reset(q);
  (void)sqlite3_clear_bindings(q);
  return code == SQLITE_DONE;
}

static bool put_service(struct db *d, sqlite3_int64 id, yyjson_val *entity, bool is_cause) {
  struct base_str name = text_of(entity, "service");
  if (!name.p) return true;
  (void)sqlite3_bind_int64(d->service, 1, id);
  bind_text(d->service, 2, name);
  (void)sqlite3_bind_int(d->service, 3, is_cause);
  return finish(d->service);
}

static bool put_cause(struct db *d, sqlite3_int64 id, int n, yyjson_val *cause) {
  (void)n;
  return put_service(d, id, yyjson_obj_get(cause, "entity"), true);
}

static bool put_affected(struct db *d, sqlite3_int64 id, int n, yyjson_val *entity) {
  (void)n;
  return put_service(d, id, entity, false);
}

static bool put_change(struct db *d, sqlite3_int64 id, int n, yyjson_val *change) {
  size_t bytes = 0;
  char *entity = yyjson_val_write(yyjson_obj_get(change, "entity"), 0, &bytes);
  (void)sqlite3_bind_int64(d->change, 1, id);
  (void)sqlite3_bind_int(d->change, 2, n);
  if (!bind_time(d->change, 3, change, "at")) (void)sqlite3_bind_int64(d->change, 3, 0);
  bind_key(d->change, 4, change, "source");
  bind_key(d->change, 5, change, "kind");
  bind_key(d->change, 6, change, "summary");
  bind_text(d->change, 7, entity ? (struct base_str){entity, bytes} : STR("{}"));
  bool ok = finish(d->change);
  free(entity);
  return ok;
}

static bool put_decision(struct db *d, sqlite3_int64 id, int n, yyjson_val *decision) {
  (void)sqlite3_bind_int64(d->decision, 1, id);
  (void)sqlite3_bind_int(d->decision, 2, n);
  if (!bind_time(d->decision, 3, decision, "at")) (void)sqlite3_bind_int64(d->decision, 3, 0);
  bind_key(d->decision, 4, decision, "text");
  return finish(d->decision);
}

typedef bool (*put_part)(struct db *d, sqlite3_int64 id, int n, yyjson_val *part);

/* Each element of a list; a list that is not there has none. */
static bool put_list(struct db *d, sqlite3_int64 id, yyjson_val *list, put_part put) {
  size_t n = yyjson_arr_size(list);
  yyjson_val *v = yyjson_arr_get_first(list);
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++, v = unsafe_yyjson_get_next(v)) ok = put(d, id, (int)i, v);
  return ok;
}

/* What hangs on an incident is written anew with each of its states. */
static bool put_parts(struct db *d, sqlite3_int64 id, yyjson_val *root) {
  bool ok = true;
  for (int k = 0; k < 3; k++) {
    (void)sqlite3_bind_int64(d->clear[k], 1, id);
    ok = finish(d->clear[k]) && ok;
  }
  return ok && put_list(d, id, yyjson_obj_get(root, "root_causes"), put_cause) &&
         put_list(d, id, yyjson_obj_get(root, "affected"), put_affected) &&
         put_list(d, id, yyjson_obj_get(root, "changes"), put_change) &&
         put_list(d, id, yyjson_obj_get(root, "decisions"), put_decision);
}

static bool put_bind(struct db *d, const struct store_item *item, yyjson_val *root) {
  sqlite3_stmt *q = d->put;
  (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)item->id);
  (void)sqlite3_bind_int64(q, 2, (sqlite3_int64)yyjson_get_uint(yyjson_obj_get(root, "rev")));
  (void)sqlite3_bind_int(q, 7, yyjson_is_true(yyjson_obj_get(root, "acked")));
  (void)sqlite3_bind_int(q, 8, yyjson_is_true(yyjson_obj_get(root, "muted")));
  bool ended = bind_time(q, 10, root, "ended_at");
  bind_text(q, 3, ended ? STR("closed") : STR("open"));
  bind_key(q, 4, root, "verdict");
  bind_key(q, 5, root, "kind");
  bind_key(q, 6, root, "severity");
  struct base_str merged = text_of(root, "merged_into");
  if (merged.p) bind_text(q, 12, merged);
  bind_key(q, 13, root, "summary");
  bind_text(q, 14, item->text);
  return bind_time(q, 9, root, "started_at") && bind_time(q, 11, root, "updated_at");
}

static bool put_incident(struct db *d, const struct store_item *item, uint64_t *bad) {
  yyjson_doc *doc = yyjson_read(item->text.n ? item->text.p : "", item->text.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  bool ok = true;
  if (!yyjson_is_obj(root) || !put_bind(d, item, root)) {
    ++*bad;
    (void)sqlite3_clear_bindings(d->put);
  } else {
    ok = finish(d->put);
    if (ok && sqlite3_changes(d->handle) > 0) ok = put_parts(d, (sqlite3_int64)item->id, root);
  }
  yyjson_doc_free(doc);
  return ok;
}

static bool put_audit(struct db *d, const struct store_item *item) {
  sqlite3_stmt *q = d->audit;
  (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)item->tick_seq);
  (void)sqlite3_bind_int64(q, 2, item->n);
  (void)sqlite3_bind_int64(q, 3, item->at_ns);
  bind_text(q, 4, str_of(item->verb));
  if (item->id) (void)sqlite3_bind_int64(q, 5, (sqlite3_int64)item->id);
  bind_text(q, 6, item->text);
  return finish(q);
}

enum db_status db_write(struct db *d, const struct store_item *first, uint64_t *bad) {
  bool ok = run(d, "BEGIN IMMEDIATE");
  for (const struct store_item *i = first; ok && i; i = i->next)
    ok = i->kind == STORE_INCIDENT ? put_incident(d, i, bad) : put_audit(d, i);
  if (ok && run(d, "COMMIT")) return DB_GOOD;
  enum db_status status = db_fail(d, "write");
  (void)run(d, "ROLLBACK");
  return status;
}

/* ---- remove ---- */

enum db_status db_prune(struct db *d, int64_t keep_ns) {
  char sql[256];
  snprintf(sql, sizeof sql,
           "DELETE FROM incident WHERE state = 'closed' AND updated_ns < (SELECT max(updated_ns) FROM incident) - %lld;"
           "DELETE FROM audit WHERE at_ns < (SELECT max(at_ns) FROM audit) - %lld;",
           (long long)keep_ns, (long long)keep_ns);
  return run(d, sql) ? DB_GOOD : db_fail(d, "prune");
}

enum db_status db_thin(struct db *d) {
  static const char *const sql =
      "DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE state = 'closed' ORDER BY updated_ns LIMIT"
      " (SELECT (count(*) + 7) / 8 FROM incident WHERE state = 'closed'));"
      "DELETE FROM audit WHERE at_ns < (SELECT min(updated_ns) FROM incident);";
  return run(d, sql) ? DB_GOOD : db_fail(d, "prune");
}
