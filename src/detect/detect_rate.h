/* Requests a tick, down and up (docs/detectors/rate.md). Discounted gamma baseline lambda = a/b.
 * Noise is told apart by time scale:
 *   phi      variance of one second over Poisson's           judged at every step, against sharp changes
 *   phi_ten  variance of ten-second sums: bursts, sessions   judged on those sums, against moderate changes
 *   zeta     relative wander of the minutes beyond that      the zone: no change inside it is a change
 *   fine:    null lambda (1 +- 4 sqrt(zeta^2 + (phi_ten - phi) / 10 s lambda)), k in {.05, .5} down, {2, 4} up
 *   coarse:  null lambda (1 +- 3 zeta),                                         k in {.25, .6} down, {1.5, 2.5} up
 *   l = [x ln(k / edge) - (k - edge) lambda dt] / phi, per step; the same over ten seconds with phi_ten
 * A step covers dt >= 1 ticks: counts of whole ticks are independent given the rate, so one likelihood over dt ticks
 * is the product of theirs. The mean of all alternatives' statistics is one e-detector, whatever their scale. */
#ifndef DETECT_RATE_H
#define DETECT_RATE_H

#include "detect_alarm.h"

void detect_rate_init(struct series_rate *r, uint32_t seq);

struct detect_rate_verdict {
  struct detect_verdict down, up;
  bool relearned; /* the new level was adopted after a long alarm */
};

/* One step: x requests in dt ticks; age in ticks before it. Learns by itself. armed: may raise. */
struct detect_rate_verdict detect_rate_step(struct series_rate *r, uint32_t x, uint32_t dt, uint32_t age, double log_c,
                                            bool armed, uint32_t seq);

/* Time passed that says nothing about traffic: sums that are open over it are void. */
void detect_rate_skip(struct series_rate *r);

/* Requests a second believed. */
double detect_rate_per_s(const struct series_rate *r);

#endif
