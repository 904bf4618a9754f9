/* The data base's connection: opening, checking, migrating; what may be written. Used by the store's thread alone, but
 * for db_open_read. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "store_item.h"

#define DB_ERR_BYTES 256u

enum db_status {
  DB_GOOD,
  DB_FAILED,  /* may be tried again */
  DB_FULL,    /* the disk, or the file may not grow */
  DB_DAMAGED, /* the file is no sound data base */
};

struct db {
  sqlite3 *handle; /* NULL: closed */
  sqlite3_stmt *put, *clear[3], *service, *change, *decision, *audit;
  char err[DB_ERR_BYTES]; /* of the last status that was not DB_GOOD */
};

/* The history of a file's schema: version n is reached by the n-th script. A script that was released is never changed:
 * what comes later is a script of its own. */
struct db_schema {
  const char *what;  /* "history": for the words of an error */
  const char *check; /* what is asked at each opening: the whole integrity, or, of a large file, all but its indices */
  const char *const *script;
  int script_n;
};
extern const struct db_schema db_incidents, db_series;

/* Makes the file where it is missing; checks it; migrates. Statements are the caller's. */
enum db_status db_file_open(struct db *d, const char *path, uint64_t bytes_max, const struct db_schema *schema);
/* The same of the incidents, with their statements. */
enum db_status db_open(struct db *d, const char *path, uint64_t bytes_max);
void db_close(struct db *d);
/* PATH, PATH-wal and PATH-shm get the ending .corrupt. */
bool db_put_aside(const char *path);
/* Writes the list in one transaction: all of it or, where it fails, nothing. Items that hold no incident are skipped
 * and counted in *bad. */
enum db_status db_write(struct db *d, const struct store_item *first, uint64_t *bad);
/* Removes closed incidents that are keep_ns older than the newest; audit records likewise. */
enum db_status db_prune(struct db *d, int64_t keep_ns);
/* Removes an eighth of the closed incidents, the oldest. */
enum db_status db_thin(struct db *d);

sqlite3 *db_open_read(const char *path);

/* Returns DB_FAILED for a file of a newer version, too. */
enum db_status db_migrate(struct db *d, const struct db_schema *schema);
/* Notes the connection's error, after `what`; the status that it means. */
enum db_status db_fail(struct db *d, const char *what);

#endif
