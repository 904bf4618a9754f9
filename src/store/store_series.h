/* The history of series: what each did by the second, packed, in an SQLite file of its own, three times: by the second,
 * by ten, by the minute, each for its time and in its bytes (STORE_TIER_TABLE). A thread writes it, from a queue of
 * minutes; the coarser tiers are summed up from the finer ones there, so that a kill costs no more than the minute that
 * was not handed over. Nothing waits for it; a failing disk and a damaged file are met as in store.h.
 *
 * Calls from one thread. */
#ifndef STORE_SERIES_H
#define STORE_SERIES_H

#include "base_limits.h"
#include "base_log.h"
#include "store_chunk.h"

/* X(NAME, seconds a point, points a chunk) */
#define STORE_TIER_TABLE(X) \
  X(SECOND, 1, 60)          \
  X(TEN, 10, 60)            \
  X(MINUTE, 60, 360)

enum store_tier {
#define X(name, step, points) STORE_TIER_##name,
  STORE_TIER_TABLE(X)
#undef X
      STORE_TIERS
};

#define STORE_MINUTE 60u

struct store_tier_conf {
  int64_t keep_s;     /* older points leave */
  uint64_t bytes_max; /* past it the oldest leave */
};

struct store_series_conf {
  const char *path; /* copied */
  struct store_tier_conf tier[STORE_TIERS];
  struct base_log log;
};

struct store_series_stats {
  uint64_t written; /* minutes of series, in the data base */
  uint64_t dropped; /* lost to the queue's bound */
  uint64_t errors;  /* writes that failed */
  uint64_t bytes[STORE_TIERS];
  char problem[256]; /* empty where all is well */
};

struct store_series;

/* Starts the thread. NULL: out of memory or threads. */
struct store_series *store_series_open(const struct store_series_conf *conf);
/* One minute of a series, from a whole minute on; copied. key: its identity, any bytes, 1 to LIMIT_SERIES_KEY_BYTES. */
void store_series_put(struct store_series *s, struct base_str key, int64_t from_s,
                      const struct store_point point[STORE_MINUTE]);
/* Call once a second. */
void store_series_second(struct store_series *s);
void store_series_stats(struct store_series *s, struct store_series_stats *out);
/* Sums the points of [from_s, from_s + n * step_s) up into out[0..n), from the coarsest tier whose points fill steps
 * whole, and finer ones where that one has no points yet; what is known of out already stays. rows: how many
 * chunks may be read at most, less those that were. False: that was not enough, or the file cannot be read. Cost: 15 to
 * 30 us a chunk. */
bool store_series_read(struct store_series *s, struct base_str key, int64_t from_s, uint32_t step_s, uint32_t n,
                       struct store_point *out, uint32_t *rows);
/* Since when there are points no longer than step_s, as the tiers' times have it; seconds before now. */
int64_t store_series_reach(const struct store_series *s, uint32_t step_s);
/* Writes what waits, once, and ends. s may be NULL. */
void store_series_close(struct store_series *s);

#endif
