/* The part that all e-detectors share: a mixture of Shiryaev-Roberts statistics in logs, its threshold, the onset,
 * and the end of an alarm.
 *
 *   R_k <- (1 + R_k) L_k,  g_k = ln R_k;   log e-value of the mixture = ln mean_k R_k;   alarm when >= ln c.
 *
 * Under the null E R_t <= t, so P(alarm within T steps) <= T / c, under any dependence between detectors
 * (Shiryaev 1963, Roberts 1966; Shin, Ramdas, Rinaldo 2022, "E-detectors"). */
#ifndef DETECT_ALARM_H
#define DETECT_ALARM_H

#include "series_state.h"

#define DETECT_FLOOR (-30.0f)    /* ln R of a detector that knows nothing */
#define DETECT_HOLD 1e9          /* as l: this alternative has nothing to say at this step */
#define DETECT_FREEZE 10.0       /* nats: from here on the baseline does not learn */
#define DETECT_RECOVER 5.0f      /* nats of the reversed ratio: the trouble is over */
#define DETECT_QUIET_TICKS 480u  /* or nothing spoke for it for two minutes */
#define DETECT_CALM_LEVEL 3.0f   /* what is usual is never taken to be less: R grows to e^3 in twenty idle steps */
#define DETECT_CALM_RISE 2.0f    /* nats above the usual level are no longer calm */
#define DETECT_CALM_DRIFT 0.005f /* how fast the usual level may rise, nats a tick */

enum detect_event { DETECT_NOTHING, DETECT_RAISED, DETECT_OVER };

/* What a detector says of one step. */
struct detect_verdict {
  enum detect_event event;
  bool freeze;       /* do not learn from this step */
  double log_e;      /* log e-value of the mixture */
  uint32_t from_seq; /* RAISED: first tick of the trouble; OVER: the tick after its last */
};

/* One step of K alternatives with log-likelihood ratios l[0..k) (NAN-free; an alternative that is out of use has
 * l <= DETECT_FLOOR). dt: ticks since the last step. Only while calm. */
struct detect_verdict detect_alarm_step(float *g, const double *l, unsigned k, struct series_alarm *a, uint8_t *best,
                                        double log_c, uint32_t seq, uint32_t dt);

/* One step while alarming: `against` is the log-likelihood ratio of healthy over the alarm's alternative. */
struct detect_verdict detect_alarm_recover(float *g, unsigned k, struct series_alarm *a, uint8_t *best, double against,
                                           uint32_t seq);

/* The discount of one step of dt ticks for a baseline of horizon tau: 1 - dt/min(4 (age + 2), tau). While young it
 * keeps four fifths of all that was seen (with 1 - 1/age it would be half). In [0, 1]. */
float detect_alarm_keep(uint32_t age, uint32_t dt, float tau);

/* Forgets an alarm and all evidence. */
void detect_alarm_clear(float *g, unsigned k, struct series_alarm *a, uint8_t *best, uint32_t seq);

#endif
