/* The schemas and their histories.
 * Times are nanoseconds since 1970, ids the signed form of the 16 hex digits. */
#include <stdio.h>

#include "store_db.h"

static const char *const incidents[] = {
    /* 1 */
    "CREATE TABLE incident (id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, state TEXT NOT NULL, verdict TEXT NOT NULL,"
    " kind TEXT NOT NULL, severity TEXT NOT NULL, acked INTEGER NOT NULL, muted INTEGER NOT NULL,"
    " started_ns INTEGER NOT NULL, ended_ns INTEGER, updated_ns INTEGER NOT NULL, merged_into TEXT,"
    " summary TEXT NOT NULL, json TEXT NOT NULL);"
    "CREATE INDEX incident_started ON incident (started_ns);"
    "CREATE INDEX incident_updated ON incident (state, updated_ns);"
    "CREATE TABLE incident_service (incident INTEGER NOT NULL REFERENCES incident ON DELETE CASCADE,"
    " service TEXT NOT NULL, is_cause INTEGER NOT NULL, PRIMARY KEY (service, incident)) WITHOUT ROWID;"
    "CREATE INDEX incident_service_incident ON incident_service (incident);"
    "CREATE TABLE change (incident INTEGER NOT NULL REFERENCES incident ON DELETE CASCADE, n INTEGER NOT NULL,"
    " at_ns INTEGER NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, summary TEXT NOT NULL, entity TEXT NOT NULL,"
    " PRIMARY KEY (incident, n)) WITHOUT ROWID;"
    "CREATE INDEX change_at ON change (at_ns);"
    "CREATE TABLE decision (incident INTEGER NOT NULL REFERENCES incident ON DELETE CASCADE, n INTEGER NOT NULL,"
    " at_ns INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (incident, n)) WITHOUT ROWID;"
    "CREATE TABLE audit (tick INTEGER NOT NULL, n INTEGER NOT NULL, at_ns INTEGER NOT NULL, verb TEXT NOT NULL,"
    " incident INTEGER, who TEXT NOT NULL, PRIMARY KEY (tick, n, at_ns)) WITHOUT ROWID;"
    "CREATE INDEX audit_at ON audit (at_ns);",
};

const struct db_schema db_incidents = {"history", "PRAGMA integrity_check(1)", incidents,
                                       (int)(sizeof incidents / sizeof incidents[0])};

/* Slots are numbers of a tier's windows since 1970; bytes those of its points and ROW_BYTES a row; done the first slot
 * that is not summed up from the tier before. */
static const char *const series[] = {
    /* 1 */
    "CREATE TABLE series (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, last_s INTEGER NOT NULL);"
    "CREATE TABLE tier (tier INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, done INTEGER NOT NULL);"
    "INSERT INTO tier VALUES (0,0,0),(1,0,0),(2,0,0);"
    "CREATE TABLE chunk (tier INTEGER NOT NULL, slot INTEGER NOT NULL, series INTEGER NOT NULL, points BLOB NOT NULL,"
    " PRIMARY KEY (tier, slot, series)) WITHOUT ROWID;",
};

const struct db_schema db_series = {"series", "PRAGMA quick_check(1)", series, (int)(sizeof series / sizeof series[0])};

static int version_read(struct db *d) {
  sqlite3_stmt *q = NULL;
  int version = -1;
  if (sqlite3_prepare_v2(d->handle, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
    version = sqlite3_column_int(q, 0);
  sqlite3_finalize(q);
  return version;
}

/* A script and the number that it leads to are one transaction. */
static bool script_run(struct db *d, const struct db_schema *schema, int version) {
  char set[64];
  snprintf(set, sizeof set, "PRAGMA user_version = %d", version);
  bool ok = sqlite3_exec(d->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_exec(d->handle, schema->script[version - 1], NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_exec(d->handle, set, NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_exec(d->handle, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
  return ok;
}

enum db_status db_migrate(struct db *d, const struct db_schema *schema) {
  int version = version_read(d);
  if (version < 0) return db_fail(d, "schema");
  if (version > schema->script_n) {
    snprintf(d->err, sizeof d->err, "the %s was written by a newer version (schema %d, this one knows %d)",
             schema->what, version, schema->script_n);
    return DB_FAILED;
  }
  while (version < schema->script_n) {
    if (script_run(d, schema, ++version)) continue;
    enum db_status status = db_fail(d, "schema");
    (void)sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
  }
  return DB_GOOD;
}
