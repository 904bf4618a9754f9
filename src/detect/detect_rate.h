/* Requests a tick, down and up (docs/detectors/rate.md). Discounted gamma baseline lambda = a/b over ten minutes, and
 * near, the rate of the last minute. Noise is told apart by time scale:
 *   phi      variance of one second around near over Poisson's: seconds that scatter
 *   phi_ten  variance of ten-second sums around near: groups of requests, visits
 *   zeta     relative wander of the minutes around lambda beyond that
 *   fine:    seconds against near,     k in {.05, .5} down, {2, 4} up,             at each step
 *   coarse:  any time against lambda,  k = .75 down,{1.4, 2.5} up,                 once a second
 *   run:     the seconds with too few against lambda, k in {.05, .2, .5} down,     once a second (detect_fewer.h)
 * Each alternative has its own edge of the null, outside of which the wander of its time scale is not expected
 * (detect_zone.h). A step covers dt >= 1 ticks: counts of whole ticks are independent given the rate, so one likelihood
 * over dt ticks is the product of theirs. The mean of all alternatives' statistics is one e-detector, whatever their
 * scale. */
#ifndef DETECT_RATE_H
#define DETECT_RATE_H

#include "detect_alarm.h"

void detect_rate_init(struct series_rate *r, uint32_t seq);

struct detect_rate_verdict {
  struct detect_verdict down, up;
};

struct detect_rate_when {
  uint32_t seq;
  uint32_t dt;   /* ticks that the step covers */
  uint32_t age;  /* ticks before it */
  uint32_t pace; /* ticks between the scrapes that tell x, 0 where each request is told by itself (detect_pace.h) */
  int season; /* log2, in eighths, of the step that the clock usually brings about now; the null then reaches to that */
  bool armed; /* may raise */
  bool still; /* must not learn */
};

/* One step: x requests in when->dt ticks, judged and learned. */
struct detect_rate_verdict detect_rate_step(struct series_rate *r, uint32_t x, double log_c,
                                            const struct detect_rate_when *when);

/* Time passed that says nothing about traffic: sums that are open over it are void. */
void detect_rate_skip(struct series_rate *r);

/* Adopts what was seen since the alarm as the new normal, still uncertain; without an alarm, doubts the old one. */
void detect_rate_adopt(struct series_rate *r, uint32_t seq);

/* The smallest change that would be expected to raise an alarm at log_c if it began now and lasted span_s seconds, as
 * a ratio of the believed rate: the largest below 1 for down, the smallest above 1 for up. 0: not even an outage, or
 * no surge that can be told, would. */
double detect_rate_smallest(const struct series_rate *r, double log_c, double span_s, bool down);

/* Requests a second believed. */
double detect_rate_per_s(const struct series_rate *r);

#endif
