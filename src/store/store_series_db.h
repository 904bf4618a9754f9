/* The data base of the history of series: what its thread does there. */
#ifndef STORE_SERIES_DB_H
#define STORE_SERIES_DB_H

#include "store_db.h"
#include "store_series.h"

struct minute_item {
  struct minute_item *next;
  int64_t from_s;
  struct base_str key; /* behind the item */
  struct store_point point[STORE_MINUTE];
};

/* A tier's numbers, by its enum. */
extern const uint32_t tier_step_s[STORE_TIERS], tier_points[STORE_TIERS];
static inline int64_t tier_window_s(unsigned tier) {
  return (int64_t)tier_step_s[tier] * tier_points[tier];
}

struct series_db {
  struct db db;
  sqlite3_stmt *find, *add, *seen, *get, *put, *bytes, *bytes_get, *done, *roll, *oldest, *drop, *forget;
};

enum db_status series_db_open(struct series_db *d, const char *path, uint64_t bytes_max);
void series_db_close(struct series_db *d);
/* Writes the list in one transaction. Where the file is as large as it may be, the oldest give way. */
enum db_status series_db_write(struct series_db *d, const struct minute_item *first);
/* Sums up one window of a tier, where one is over by now_s; *more: another one may be. One transaction. */
enum db_status series_db_roll(struct series_db *d, int64_t now_s, bool *more);
/* Removes what is older or more than the tiers may have. */
enum db_status series_db_prune(struct series_db *d, const struct store_tier_conf tier[STORE_TIERS], int64_t now_s,
                               uint64_t bytes[STORE_TIERS]);

/* Reading, on another connection. False: it cannot be read now, which says nothing of what there is: the thread may be
 * opening the file, and who reads does not wait.
 * The series' number, 0: there is none. */
bool series_read_id(sqlite3 *h, struct base_str key, int64_t *id);
/* The first and the last slot that a tier has; 0 and -1: none. */
bool series_read_slots(sqlite3 *h, unsigned tier, int64_t *first, int64_t *last);
/* The first slot of a tier that is not summed up yet. */
bool series_read_done(sqlite3 *h, unsigned tier, int64_t *slot);

#endif
