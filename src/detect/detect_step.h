/* All detectors of one series for one step: what it saw in, alarms out. Pure. */
#ifndef DETECT_STEP_H
#define DETECT_STEP_H

#include "detect_alarm.h"
#include "detect_ratio.h"

/* What of a series may be adopted (detect_adopt.h): the head's word, in the bits of series_state.used above bit 0. */
#define DETECT_ADOPT_TRAFFIC 1u
#define DETECT_ADOPT_RATIOS 2u
#define DETECT_ADOPT_LATENCY 4u
#define DETECT_ADOPT_REST 8u

#define DETECT_YOUNG 480u /* ticks of age, two minutes: before, the detectors of windows say nothing */

/* An alarm was raised or is over. */
struct detect_signal {
  uint32_t series_idx;
  uint32_t from_seq; /* raised: first tick of the trouble; over: first tick after it */
  float log_e;       /* raised: log e-value */
  uint8_t signal;    /* enum rec_signal */
  uint8_t event;     /* enum detect_event */
  uint8_t pad[2];
};

/* Evidence that rose above DETECT_FREEZE: its height, until it has been below for a minute (calibration). */
#define DETECT_EXCURSIONS 64u /* at one time; one more is not measured */
#define DETECT_EXCURSION_ENDS (60u * LIMIT_TICKS_PER_S)
struct detect_excursion {
  uint32_t series_idx, seq; /* the last tick at which it was above */
  float top;
  uint8_t signal, raised; /* raised: it became an alarm */
  uint8_t pad[2];
};

struct detect_out {
  struct detect_signal *signal; /* capacity cap */
  uint32_t n, cap;
  uint32_t excursion_n;
  struct detect_excursion excursion[DETECT_EXCURSIONS];
  uint64_t dropped;
  uint64_t refused; /* kinds of events that found no slot in their series */
};

/* What holds for all series of one tick. rates: false while traffic cannot be judged (reports were missed just now);
 * rates are then neither judged nor learned. */
struct detect_context {
  uint32_t seq;
  bool rates;
  double log_c[3];                /* threshold by budget share */
  float raised[REC_SIGNAL_COUNT]; /* nats on top of it, by what the traffic itself has shown; >= 0 */
  struct detect_prior prior[REC_SIGNAL_RATIO_COUNT];
};

void detect_series_init(struct series_state *s, const struct rec_series *who, uint32_t seq);

/* obs may be NULL: nothing was seen since the last step; of a series with a pace, nothing is known of it. Steps must
 * come at every tick with obs and at each last tick of a second. Cost: bench_tick prints it. */
void detect_series_step(struct series_state *s, const struct rec_obs *obs, const struct rec_hist_cell *cell,
                        const struct detect_context *ctx, struct detect_out *out);

/* Puts what a detector said into out, and notes the height of evidence above DETECT_FREEZE. */
void detect_signal_put(struct detect_out *out, uint32_t series_idx, enum rec_signal signal, struct detect_verdict v,
                       uint32_t seq);

/* Requests that count (classes not set apart), and failures of the serving side among them. */
uint64_t detect_obs_requests(const struct rec_obs *obs);
uint64_t detect_obs_failures(const struct rec_obs *obs);
/* Events of a ratio signal. */
uint64_t detect_obs_events(const struct rec_obs *obs, enum rec_signal signal);

#endif
