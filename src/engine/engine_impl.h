/* The engine's memory, seen by the files of this room only.
 *
 *   [ struct engine | catalog | states (series_max x 1 KiB) | signals (64 x LIMIT_SIGNALS_PER_BUCKET) | records ]
 *
 * A state is owned by its series' bucket; everything else by the head. */
#ifndef ENGINE_IMPL_H
#define ENGINE_IMPL_H

#include "engine.h"
#include "incident_life.h"
#include "rec_counter.h"

#define ENGINE_SHARES 3u

struct engine_bucket {
  uint32_t first, last;       /* list of its series through series_state.next */
  const struct rec_batch *in; /* of the tick under way */
  struct detect_out out;
};

struct engine {
  struct engine_conf conf;
  struct engine_bucket bucket[LIMIT_BUCKETS];
  struct series_catalog catalog;
  struct series_state *state;
  struct detect_signal *gathered; /* all buckets' signals of a tick */
  uint32_t *by_order;             /* scratch of a checkpoint: series numbers in the order of adding */
  struct rec_incident *rec;
  const struct rec_incident *rec_out[LIMIT_INCIDENTS_OPEN];
  double log_c[ENGINE_SHARES];
  uint64_t pairs[ENGINE_SHARES]; /* watched (series, signal) pairs by budget share */
  struct detect_prior prior[REC_SIGNAL_RATIO_COUNT];
  uint32_t live_n;
  uint32_t grace_seq; /* traffic is judged from this tick on */
  struct rec_tick tick;
  uint64_t counter[REC_COUNTER_COUNT]; /* only the engine's own are set */
  struct incident_head head;
};

/* log c of each share from the budget and the number of watched pairs (docs/detectors/alarm.md). */
void engine_threshold_set(struct engine *e);
void engine_pairs_add(struct engine *e, const struct rec_series *s, int sign);
void engine_list_append(struct engine *e, unsigned bucket, uint32_t series_idx);

#endif
