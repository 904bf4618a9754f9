/* Gauges (docs/detectors/gauge.md): a number that is sampled, of which nothing is known beforehand. Five forecasts are
 * mixed by how well they did of late; what they leave over is smoothed at four scales; each scale has a tail of its own
 * on both sides, from which the evidence is read.
 *   forecast  f = sum w_k f_k;  ln w_k ~ discounted log-likelihood of forecast k;  s^2 the variance of the mixture
 *   residual  z = (x - f) / s, or less where another forecast explains x better;  e_j <- (1 - a_j) e_j + a_j z,
 *             a_j in {1, 1/4, 1/16, 1/64}
 *   tail      P(e > u + y) = .02 (1 + gamma y / sigma)^(-1/gamma)    peaks over a threshold (Pickands 1975)
 *   score     -ln(8 min p), the smallest p of the 4 scales x 2 sides; nats
 * A score is evidence, not a proof: residuals are neither independent nor of one kind for ever. */
#ifndef DETECT_GAUGE_H
#define DETECT_GAUGE_H

#include <stdbool.h>
#include <stdint.h>

#define GAUGE_FORECASTS 5u
#define GAUGE_SCALES 4u
#define GAUGE_SLOTS 48u      /* of the daily shape: half hours */
#define GAUGE_VALUE_MAX 1e30 /* values are cut to +- this */
#define GAUGE_ARMED 32u      /* samples before the first score */
#define GAUGE_FREEZE 6.0     /* nats: from here on a sample is learned only in part */
#define GAUGE_ADOPT 96u      /* samples of standing evidence after which a level is the new normal */

enum gauge_forecast { GAUGE_LAST, GAUGE_FAST, GAUGE_SLOW, GAUGE_DAILY, GAUGE_LAST_DAILY };

/* One side of one scale: a moving threshold u and the generalised Pareto law of what is above it. */
struct gauge_tail {
  float u;         /* the 98 % quantile of e, tracked */
  float log_sigma; /* of the excesses */
  float gamma;     /* their shape: 0 an exponential tail, 1 one without a mean */
  float n;         /* excesses behind both, the prior's included */
};

/* Plain data without pointers: a checkpoint is a copy. Levels are doubles, since a gauge may be large and its changes
 * small. */
struct detect_gauge {
  double time_s;                 /* of the newest sample */
  double level[GAUGE_FORECASTS]; /* what each forecast follows, the daily shape taken out for the last two */
  double day;                    /* mean of about a day, against which the daily shape is learned */
  double late;                   /* fast level of the values as they came, uncut: where an adoption goes */
  double before;                 /* forecast when the newest trouble began: to go back there is no news */
  float scale[GAUGE_FORECASTS];  /* usual size of each forecast's error, as a standard deviation */
  float log_w[GAUGE_FORECASTS];  /* discounted log-likelihoods, best 0 */
  float shape[GAUGE_SLOTS];      /* daily shape: offset in the middle of each slot (UTC) */
  float e[GAUGE_SCALES];
  struct gauge_tail tail[GAUGE_SCALES][2]; /* [0] below, [1] above */
  float wide;                              /* mean absolute error over a long time: no scale is far below it */
  float recent;                            /* mean distance from `late`: the scale after an adoption */
  float step_s;                            /* usual distance of samples */
  float age_s;                             /* time seen, at most 30 days */
  uint32_t n;                              /* samples, saturating */
  uint16_t hold;                           /* samples of standing evidence */
  uint16_t back;                           /* samples for which `before` still counts */
};

_Static_assert(sizeof(struct detect_gauge) <= 512, "half a kibibyte a gauge");

struct detect_gauge_verdict {
  double score;      /* nats; 0 where nothing is unusual or too little is known */
  int8_t side;       /* +1 above, -1 below, 0 where the score is 0 */
  uint8_t scale_idx; /* which e_j speaks loudest: about 1, 4, 16, 64 samples */
  bool frozen;       /* score >= GAUGE_FREEZE: the sample was learned only in part */
  bool adopted;      /* the evidence has stood for GAUGE_ADOPT samples: this level is the new normal */
  double forecast;   /* of this sample, before it was seen */
  double low, high;  /* by the tails a single sample is outside once in 1000, each side */
};

void detect_gauge_init(struct detect_gauge *g);

/* One sample, finite (MUST). time_s: unix seconds, finite (MUST); need not be regular; a sample that is not later than
 * the one before counts as one step later. Cost: bounded by a constant. Same input, same bits on every machine. */
struct detect_gauge_verdict detect_gauge_step(struct detect_gauge *g, double value, double time_s);

#endif
