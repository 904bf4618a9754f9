/* The engine's memory, seen by the files of this room only.
 *
 *   [ struct engine | catalog | states (series_max x 1 KiB) | signals (64 x LIMIT_SIGNALS_PER_BUCKET) | records |
 *     seasons | gauges ]
 *
 * A state is owned by its series' bucket; everything else by the head. */
#ifndef ENGINE_IMPL_H
#define ENGINE_IMPL_H

#include "detect_gauge_table.h"
#include "engine.h"
#include "engine_season.h"
#include "incident_life.h"
#include "rec_counter.h"
#include "rec_scope.h"

#define ENGINE_SHARES 3u
/* After missed time: streams come back one by one, traffic looks thin. */
#define ENGINE_GRACE (15u * LIMIT_TICKS_PER_S)
#define ENGINE_APART_MAX 1024u /* signals of the comparison of siblings in one second */

/* How high the evidence of one signal rose while nothing was wrong. */
struct engine_tail {
  double series_weeks; /* watched meanwhile, summed over the series */
  double n, sum, sum2; /* minutes with an excursion above DETECT_FREEZE, and by how much the highest went over it */
  double seen[ENGINE_CALIBRATION_LEVELS]; /* so many excursions went over each level */
};

struct engine_bucket {
  uint32_t first, last;       /* list of its series through series_state.next */
  const struct rec_batch *in; /* of the tick under way */
  struct detect_out out;
};

/* What the silence of everybody means: none, lost streams, no traffic. */
enum engine_silence { ENGINE_HEARD, ENGINE_UNHEARD, ENGINE_QUIET };

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
  struct engine_season *season; /* by node */
  struct gauge_table gauge;
  struct rec_scope mute[REC_SCOPES];
  uint32_t mute_n;
  struct engine_tail tail[REC_SIGNAL_COUNT];
  float raised[REC_SIGNAL_COUNT];     /* nats on top of log_c */
  uint64_t watched[REC_SIGNAL_COUNT]; /* series that are watched for it */
  double calm_weeks;                  /* of the mesh, without an open incident */
  struct detect_out apart;            /* signals of the head's own comparison of siblings */
  struct detect_signal apart_signal[ENGINE_APART_MAX];
  uint32_t live_n;
  enum engine_silence silence; /* of the last tick */
  uint32_t mesh_idx;           /* the series of the whole mesh, or REC_SERIES_NONE */
  double mesh_nats_per_s;
  int64_t hush_ns;    /* usual time between two arrivals from anybody */
  uint32_t grace_seq; /* traffic is judged from this tick on */
  struct rec_tick tick;
  uint64_t counter[REC_COUNTER_COUNT]; /* only the engine's own are set */
  struct incident_head head;
};

/* engine_birth.c: a new series takes over what its parent knows. At the barrier, in the order of the log. Cost: one
 * pass over the narrower series of its service, until enough of them are its siblings, and over a histogram. */
void engine_birth_run(struct engine *e, uint32_t series_idx, uint32_t seq);
/* engine_adopt.c: the head's decisions, to the series. */
void engine_adopt_run(struct engine *e);
/* engine_hold.c: once a second; quarantine from learning. */
void engine_hold_run(struct engine *e, uint32_t seq);
/* engine_season.c: once a minute, what each service's traffic is about to do by the hour. */
void engine_season_run(struct engine *e, struct rec_tick t);
/* engine_gap.c: traffic of series whose reports are missing is not judged for a while. */
void engine_gap_run(struct engine *e, uint32_t seq);
/* engine_gauge.c: the tick's samples, each one step of its gauge. Cost: bench_tick prints it. */
void engine_gauge_run(struct engine *e, const struct rec_head_batch *in, struct rec_tick t);
/* engine_mute.c: does the configuration say that it shall page nobody? */
bool engine_muted(const struct engine *e, const struct rec_incident *in);
/* What an operator mutes is told once more in the same tick, so that whoever was told of it hears the end of that. */
void engine_mute_take(struct engine *e, const struct rec_head_batch *in);
/* So many gauges are watched in an engine of so many series at most. */
static inline uint32_t engine_gauges(uint32_t series_max) {
  return series_max < LIMIT_GAUGES ? series_max : LIMIT_GAUGES;
}
/* engine_calibrate.c: once a minute. */
void engine_calibrate_run(struct engine *e, uint32_t seq);
/* engine_apart.c: once a second, siblings against each other; appends to e->apart. */
void engine_apart_run(struct engine *e, uint32_t seq, struct detect_out *out);

/* engine_rename.c: the head's texts; of all slots, used or not. */
void engine_head_rename(struct incident_head *h, const struct engine_names *names);
void engine_gauge_rename(char key[REC_GAUGE_KEY_BYTES], uint16_t *key_n, char line[LIMIT_LOG_LINE_BYTES],
                         uint8_t *line_n, const struct engine_names *names);

/* log c of each share from the budget and the number of watched pairs (docs/detectors/alarm.md). */
void engine_threshold_set(struct engine *e);
void engine_pairs_add(struct engine *e, const struct rec_series *s, int sign);
void engine_list_append(struct engine *e, unsigned bucket, uint32_t series_idx);

#endif
