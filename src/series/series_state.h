/* What is known now of one series: baselines, detector state, recent seconds. Plain data (a checkpoint is a copy),
 * one writer (its bucket), no pointers. One kibibyte a series, histogram included; the assertion below keeps it so.
 *
 * Units: rates are a tick (250 ms) unless a name says _per_s; times are tick numbers; log-likelihoods are nats. */
#ifndef SERIES_STATE_H
#define SERIES_STATE_H

#include <stdbool.h>

#include "base_hist.h"
#include "base_limits.h"
#include "rec_input.h"

#define SERIES_NONE 0xffffffffu

/* One e-detector's alarm. A detector is a mixture over K alternatives; `best` is the one that raised the alarm,
 * SERIES_CALM while there is none. The other two fields serve one state each, which keeps them small:
 *   calm:     level is the log e-value that counts as usual; seq the last tick at which it was usual (the onset)
 *   alarming: level is the recovery CUSUM: the reversed log-likelihood ratio of `best`, floored at 0; seq the tick
 *             at which it last stood at 0, which is where the trouble ended once the CUSUM passes its threshold */
#define SERIES_CALM 0xffu
struct series_alarm {
  float level;
  uint32_t seq;
};

#define SERIES_RATE_FINE 2u   /* alternatives judged at every step */
#define SERIES_RATE_COARSE 2u /* judged on sums of ten seconds */
#define SERIES_RATE_ALTS (SERIES_RATE_FINE + SERIES_RATE_COARSE)
struct series_rate {
  float a, b;                /* discounted gamma: requests, ticks (docs/detectors/rate.md) */
  float phi;                 /* overdispersion of the counts of a second, >= 1 */
  float phi_ten;             /* of the sums of ten seconds, >= phi: bursts and sessions */
  float zeta2;               /* relative variance of the minutes beyond that: the wander zone squared */
  float win_x, ten_x, min_x; /* requests in the open phi window, ten seconds (< 0: void) and minute */
  float min_lam;             /* the rate that was believed when the open minute began */
  uint16_t win_t, min_t;     /* ticks of those windows */
  uint8_t down_best, up_best;
  uint16_t frozen_s; /* seconds for which learning has stood still */
  float g_down[SERIES_RATE_ALTS], g_up[SERIES_RATE_ALTS];
  struct series_alarm down, up;
};

#define SERIES_RATIO_ALTS 3u
struct series_ratio {
  float a; /* discounted number of events */
  float g[SERIES_RATIO_ALTS];
  struct series_alarm alarm;
  uint16_t phi_q8; /* overdispersion of the events in 1/256, >= 256 */
  uint16_t win_e;  /* events in the open phi window, saturating */
  uint16_t waiting; /* requests without an event since the last step: judged together with the next */
  uint8_t best;
  uint8_t pad;
};

#define SERIES_TILT_ALTS 4u
#define SERIES_TAIL_ALTS 2u
#define SERIES_LATENCY_ALTS (SERIES_TILT_ALTS + SERIES_TAIL_ALTS)
struct series_latency {
  float p[HIST_BUCKETS];            /* discounted counts of durations: a Dirichlet */
  float total;                      /* their sum */
  float mean_s;                     /* discounted mean duration, seconds */
  float mu, sd;                     /* mean and sd of the bucket number under p */
  float log_norm[SERIES_TILT_ALTS]; /* ln sum_j p_j exp(eta s_j) */
  float tail_p[SERIES_TAIL_ALTS];   /* probability of the tails from tail_from on */
  float phi, zeta2;                 /* of the mean score: overdispersion, slow variance */
  float win_s, win_n;               /* the open ten-second window: sum of scores, requests */
  float min_s, min_n;               /* the open one-minute window */
  float g[SERIES_LATENCY_ALTS];
  struct series_alarm alarm;
  uint8_t tail_from[SERIES_TAIL_ALTS]; /* first bucket of the p95 and p99 tails */
  uint8_t best;
  uint8_t pad;
  uint16_t fresh; /* requests since the derived numbers were made */
  uint16_t pad2;
};

/* Recent history for ranking and explanation. Counts are small floats (series_half.h): relative error <= 2^-11. */
struct series_slot {
  uint16_t n, e; /* requests; failures of the serving side */
  float lat_s;   /* sum of durations of fine requests, seconds */
};
#define SERIES_FINE_SLOTS 16u   /* of 1 s */
#define SERIES_COARSE_SLOTS 12u /* of 10 s */

struct series_state {
  uint32_t series_idx;
  uint32_t next; /* of the bucket's list, SERIES_NONE at its end */
  uint8_t level, side;
  uint8_t used;
  uint8_t pad;
  uint32_t born_seq; /* first tick */
  uint32_t step_seq; /* last tick stepped */
  uint32_t data_seq; /* last tick with requests */
  float requests;    /* discounted requests: the denominator of the ratios */
  float span;        /* ticks discounted alike: requests / span is the rate of the last hour */
  float win_n;       /* requests in the ratios' and the latency's open phi window */
  struct series_rate rate;
  struct series_ratio ratio[REC_SIGNAL_RATIO_COUNT];
  struct series_latency latency;
  struct series_slot fine[SERIES_FINE_SLOTS], coarse[SERIES_COARSE_SLOTS];
  uint32_t fine_at, coarse_at;                 /* second and ten-second of the newest slot, in units of their length */
  uint32_t fine_n, fine_e, coarse_n, coarse_e; /* exact counts of the newest slots: rounded once, not at every tick */
};

_Static_assert(sizeof(struct series_state) <= 1024, "one kibibyte a series");

#endif
