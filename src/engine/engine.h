/* The engine: a deterministic function of the input log. 64 buckets that know nothing of each other, a barrier,
 * and a head that groups, ranks and keeps incidents. The daemon, replay, simulator, fuzzers and benchmarks are
 * small programs over this file.
 *
 *   per tick:  engine_take(e, b, batch)        b = 0..63, any thread, each bucket by one thread at a time
 *              engine_bucket_tick(e, b, tick)  b = 0..63, likewise
 *              engine_head_tick(e, head, tick, out)   one thread, after all buckets: the barrier
 *   or engine_tick(), which does the last two in order on the calling thread.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "rec_incident.h"
#include "rec_input.h"

struct engine;

struct engine_conf {
  uint32_t series_max;    /* 64..LIMIT_SERIES_MAX */
  double alerts_per_week; /* the false-alarm budget B, > 0 */
  bool seasonality;       /* learn the shape of day and week */
  struct base_str mute;   /* what pages nobody (rec_scope.h); must be sound and live as long as the engine */
};

/* Incidents whose state changed in a tick, in a fixed order; views live until the next tick. */
struct rec_out {
  const struct rec_incident *const *incident;
  size_t incident_n;
};

size_t engine_bytes(const struct engine_conf *conf);
/* mem must be zeroed (fresh from the OS), aligned to 64, engine_bytes() long. */
struct engine *engine_init(void *mem, size_t mem_bytes, const struct engine_conf *conf);

void engine_take(struct engine *e, unsigned bucket, const struct rec_batch *in);
void engine_bucket_tick(struct engine *e, unsigned bucket, struct rec_tick t);
void engine_head_tick(struct engine *e, const struct rec_head_batch *in, struct rec_tick t, struct rec_out *out);
void engine_tick(struct engine *e, const struct rec_head_batch *in, struct rec_tick t, struct rec_out *out);

/* Checkpoint: the whole memory as plain data, with version, configuration and digest. The digest finds damage, not
 * malice: a checkpoint is as trusted as the program, and whoever may write the data directory may feed it anything.
 * engine_save_bytes is an
 * upper bound. engine_save returns the bytes written, 0 where dst is too small. */
enum engine_status {
  ENGINE_OK,
  ENGINE_BAD_MAGIC,
  ENGINE_BAD_VERSION,
  ENGINE_BAD_CONF,
  ENGINE_BAD_DIGEST,
  ENGINE_BAD_DATA
};
size_t engine_save_bytes(const struct engine *e);
size_t engine_save(const struct engine *e, void *dst, size_t dst_bytes);
/* The two halves of it: a copy, between two ticks, and its digest, which may be put in on any thread later. */
size_t engine_copy(const struct engine *e, void *dst, size_t dst_bytes);
void engine_seal(void *dst, size_t n);
enum engine_status engine_load(struct engine *e, const void *src, size_t src_bytes);
const char *engine_status_text(enum engine_status s);

/* Other names in place of those of a mesh, for a checkpoint that may be shown to strangers. What to name: a dim, or one
 * of these. */
enum { ENGINE_WORD_REQUEST = REC_DIM_COUNT, ENGINE_WORD_TRACE, ENGINE_WORD_TEXT };
#define ENGINE_WORD_BYTES 40u
struct engine_names {
  void *ctx;
  /* Equal names must become equal, different ones different; `was` is never empty. Returns the bytes in out. */
  size_t (*name)(void *ctx, unsigned what, struct base_str was, char out[ENGINE_WORD_BYTES]);
  uint64_t (*id)(void *ctx, uint64_t id_hash); /* ids of incidents are made from names */
};
/* As engine_save; sentences in it that were made of names are withheld. e is spent: its incidents lose their names. */
size_t engine_save_as(struct engine *e, void *dst, size_t dst_bytes, const struct engine_names *names);
/* The series by other names, which text holds; its bucket is that of its new key. */
struct rec_series engine_series_rename(const struct rec_series *s, const struct engine_names *names,
                                       char text[REC_DIM_COUNT][ENGINE_WORD_BYTES]);

/* A hash over all state, in a fixed order: equal logs, equal digests, whatever the threads. */
uint64_t engine_digest(const struct engine *e);

/* Readers, for the API and reports; between ticks only. */
struct engine_info {
  uint64_t tick_seq;
  struct base_wall tick_end, tick_now; /* of the last tick; now: the arrival clock when it closed */
  uint32_t series_n, series_max;
  uint32_t incidents_open;
  double threshold_log_min, threshold_log_max; /* log c over the levels in use */
  size_t bytes_per_series;
  uint32_t gauge_n, gauge_max; /* watched now, and at most */
};
void engine_info(const struct engine *e, struct engine_info *out);
/* Identity of a series number, or NULL. */
const struct rec_series *engine_series(const struct engine *e, uint32_t series_idx);
uint32_t engine_series_n(const struct engine *e);        /* numbers given so far: 0..n-1 */
const uint64_t *engine_counters(const struct engine *e); /* by enum rec_counter, only the engine's own are set */

/* Rates of the last 10 s of a series, for graph and status. False where unknown. */
struct engine_rate {
  double requests_per_s, errors_per_s, latency_mean_ms;
  double learned_requests_per_s, learned_error_ratio, learned_latency_mean_ms;
  bool alarming;
  uint32_t age_s; /* since first seen */
};
bool engine_series_rate(const struct engine *e, uint32_t series_idx, struct engine_rate *out);

/* Normal life of a series, as learned: where a point of step_s seconds lies, three standard deviations either way, and
 * the smallest change that would be shown within a minute of its beginning. False: nothing is learned yet. */
struct engine_band {
  double low, high; /* 0 <= low <= high */
};
struct engine_normal {
  struct engine_band requests_per_s, error_ratio, latency_mean_s;
  double latency_p99_s;
  double smallest_fewer, smallest_more; /* factors of the learned rate, below and above 1; 0: none would show */
  double smallest_slower;               /* factor of all durations; 0 likewise */
  double smallest_error_ratio;          /* share of failures; 0 likewise */
};
bool engine_series_normal(const struct engine *e, uint32_t series_idx, uint32_t step_s, struct engine_normal *out);

/* Alarms that go on, by the level of their series. Cost: a pass over them. */
void engine_alarms(const struct engine *e, uint32_t n[REC_LEVEL_COUNT]);

/* Proxies whose reports are incomplete now, at most max; returns how many there are. Views live until the next tick. */
struct engine_gap {
  const char *node, *service, *cluster; /* NUL-terminated; "" where unknown */
  uint8_t reason;                       /* enum rec_gap_reason */
  double lost_share;                    /* 0..1, 0 unknown */
};
uint32_t engine_telemetry(const struct engine *e, struct engine_gap *out, uint32_t max);

/* What the user's own traffic says of the thresholds (docs/detectors/alarm.md): per signal, how often the evidence of
 * all series went over each level, the budget's level, and how much higher the level in use is. */
#define ENGINE_CALIBRATION_LEVELS 12u
struct engine_calibration {
  uint8_t signal;                                                           /* enum rec_signal */
  double series_weeks;                                                      /* watched so far, summed over the series */
  double level[ENGINE_CALIBRATION_LEVELS];                                  /* nats, ascending */
  double seen[ENGINE_CALIBRATION_LEVELS], bound[ENGINE_CALIBRATION_LEVELS]; /* times: observed, and at most expected */
  double threshold, raised_by; /* nats; in use is threshold + raised_by, raised_by >= 0 */
};
void engine_calibration(const struct engine *e, struct engine_calibration out[REC_SIGNAL_COUNT]);

#endif
