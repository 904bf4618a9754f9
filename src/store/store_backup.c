/* The copy is made by SQLite's backup in one step, inside one read transaction: the writer goes on meanwhile (WAL). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "store_db.h"

static bool fail(char err[256], const char *what, const char *why) {
  snprintf(err, 256, "%.80s: %.160s", what, why);
  return false;
}

static bool copy_pages(sqlite3 *from, sqlite3 *to) {
  sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
  if (!b) return false;
  int code = sqlite3_backup_step(b, -1);
  return sqlite3_backup_finish(b) == SQLITE_OK && code == SQLITE_DONE;
}

/* The copy is a file by itself: no WAL beside it. */
static bool copy_check(sqlite3 *to) {
  sqlite3_stmt *q = NULL;
  bool ok = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(to, "PRAGMA integrity_check(1)", -1, &q, NULL) == SQLITE_OK &&
            sqlite3_step(q) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
  sqlite3_finalize(q);
  return ok;
}

static bool copy(const char *path, const char *out, char err[256]) {
  sqlite3 *from = db_open_read(path), *to = NULL;
  if (!from) return fail(err, path, "cannot be opened");
  (void)sqlite3_busy_timeout(from, 5000);
  bool ok = sqlite3_open_v2(out, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK;
  if (!ok || !copy_pages(from, to))
    ok = fail(err, out, sqlite3_errcode(from) ? sqlite3_errmsg(from) : sqlite3_errmsg(to));
  else
    ok = copy_check(to) || fail(err, out, "the copy is not sound");
  (void)sqlite3_close(to);
  (void)sqlite3_close(from);
  return ok;
}

bool store_backup(const char *path, const char *out, char err[256]) {
  char part[4096];
  int n = snprintf(part, sizeof part, "%s.part", out);
  if (n < 0 || (size_t)n >= sizeof part) return fail(err, "--out", "too long");
  if (access(path, F_OK) != 0) return fail(err, path, strerror(errno));
  if (access(out, F_OK) == 0) return fail(err, out, "exists already");
  (void)unlink(part);
  bool ok = copy(path, part, err);
  if (ok && rename(part, out) != 0) ok = fail(err, out, strerror(errno));
  if (!ok) (void)unlink(part);
  return ok;
}
