/* All detectors of one series for one step: what it saw in, alarms out. Pure. */
#ifndef DETECT_STEP_H
#define DETECT_STEP_H

#include "detect_alarm.h"
#include "detect_ratio.h"

/* An alarm was raised or is over. */
struct detect_signal {
  uint32_t series_idx;
  uint32_t from_seq; /* raised: first tick of the trouble; over: first tick after it */
  float log_e;       /* raised: log e-value */
  uint8_t signal;    /* enum rec_signal */
  uint8_t event;     /* enum detect_event */
  uint8_t relearned; /* over because the new level was adopted */
  uint8_t pad;
};

struct detect_out {
  struct detect_signal *signal; /* capacity cap */
  uint32_t n, cap;
  uint64_t dropped;
};

/* What holds for all series of one tick. rates: false while traffic cannot be judged (reports were missed just now);
 * rates are then neither judged nor learned. */
struct detect_context {
  uint32_t seq;
  bool rates;
  double log_c[3]; /* threshold by budget share */
  struct detect_prior prior[REC_SIGNAL_RATIO_COUNT];
};

void detect_series_init(struct series_state *s, const struct rec_series *who, uint32_t seq);

/* obs may be NULL: nothing was seen since the last step. Steps must come at every tick with obs and at each last tick
 * of a second. Cost: about 0.1 us without, 0.5 us with requests. */
void detect_series_step(struct series_state *s, const struct rec_obs *obs, const struct rec_hist_cell *cell,
                        const struct detect_context *ctx, struct detect_out *out);

/* Requests that count (classes not set apart), and failures of the serving side among them. */
uint64_t detect_obs_requests(const struct rec_obs *obs);
uint64_t detect_obs_failures(const struct rec_obs *obs);
/* Events of a ratio signal. */
uint64_t detect_obs_events(const struct rec_obs *obs, enum rec_signal signal);

#endif
