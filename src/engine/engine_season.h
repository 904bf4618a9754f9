/* The shape of day and week of each service's traffic, by hour of the week (UTC): what the tracker cannot know before
 * it comes, so that a peak that comes each day at nine is no surge (docs/detectors/season.md). */
#ifndef ENGINE_SEASON_H
#define ENGINE_SEASON_H

#include "base_time.h"
#include "series_state.h"

#define ENGINE_HOURS 168u

struct engine_season {
  int8_t level[ENGINE_HOURS];  /* log2 of the hour's rate over the running level, in eighths */
  uint8_t weeks[ENGINE_HOURS]; /* how often that hour was seen, saturating */
  float level_ewma;            /* requests an hour, running level of about a day */
  float hour_n;                /* requests of the open hour */
  uint32_t hour_s;             /* seconds of it that were seen */
};

/* Hour of the week of a time: 0 is Thursday 00:00 UTC, as the epoch began. */
unsigned season_hour(struct base_wall t);

/* Adds one minute's requests; closes the hour when `last`. */
void season_minute(struct engine_season *s, struct base_wall t, double requests, double seconds, bool last);

/* log2, in eighths, of how the rate changes from this hour to the next by what is known, 0 where nothing is. By the
 * hour of the week where it was seen twice, else by the hour of the day over the days that were seen. */
int season_step(const struct engine_season *s, unsigned from_hour, unsigned to_hour);

#endif
