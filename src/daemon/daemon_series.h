/* From the seconds in memory to the history of series on disk: each minute that is over is handed to the store, a part
 * of the series each second, so that no second has all of them to do. What memory keeps seconds of is kept on disk, in
 * the order that serve_history.c gives the levels. */
#ifndef DAEMON_SERIES_H
#define DAEMON_SERIES_H

#include "engine.h"
#include "serve_history.h"
#include "store_series.h"

struct series_keeper {
  struct store_series *store;
  const struct serve_history *seconds;
  const struct engine *engine;
  int64_t minute_s; /* the one under way, its begin; 0: nothing was seen yet */
  uint32_t at;      /* series of it that are handed over */
};

/* The identity of a series, whole: level, side, and each name of its level behind its length. Returns its bytes. */
size_t series_key(const struct rec_series *s, char out[LIMIT_SERIES_KEY_BYTES]);

/* Call once a second. Cost: a part of the minute, 60 reads a series. */
void series_keeper_second(struct series_keeper *k);
/* Hands over what there is of the minute under way, too. */
void series_keeper_finish(struct series_keeper *k);

#endif
