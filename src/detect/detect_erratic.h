/* Requests that bunch: the mean is as ever, the variance is not (docs/detectors/erratic.md).
 *   y_i   sqrt(x_i) + sqrt(x_i + 1) of the ten seconds of a window (Freeman, Tukey 1950: variance 1 for Poisson counts)
 *   d_i   y_(i+1) - y_i: nine differences, less the largest up and the largest down (von Neumann 1941, trimmed)
 *   D     the mean square of the seven that are left about their own mean: no shift, ramp or single spike is in it
 *   l     kappa [D / m (1 / edge - 1 / r) - ln(r / edge)],  r in {4, 16} times the usual variance, at most 8 nats
 * ln D is learned (mean and variance, which gives kappa and m); D is a gamma variable of that shape where all is well.
 */
#ifndef DETECT_ERRATIC_H
#define DETECT_ERRATIC_H

#include "detect_alarm.h"

#define DETECT_ERRATIC_PER_S 1.0 /* requests a second: below, seconds hold too little to say how they scatter */

void detect_erratic_init(struct series_erratic *d, uint32_t seq);

/* One step: x requests in dt ticks of a series that is believed to have per_s requests a second. Seconds and tens end
 * by seq. Learns by itself. armed: may raise. quiet: another detector of its traffic stands in alarm or suspects, so
 * nothing is learned. Cost: some additions a tick, a root a second, logarithms each ten seconds. */
struct detect_verdict detect_erratic_step(struct series_erratic *d, uint32_t x, uint32_t dt, double per_s, double log_c,
                                          bool armed, bool quiet, uint32_t seq);
/* Time passed that says nothing about traffic: what is open over it is void. */
void detect_erratic_skip(struct series_erratic *d);

/* The present scatter is the normal one from now on: forgets the alarm and learns anew. */
void detect_erratic_adopt(struct series_erratic *d, uint32_t seq);

/* The smallest factor of the variance of a second's count that would raise an alarm at log_c within span_s, about as
 * likely as not. 0 where none would, or too little is known. */
double detect_erratic_smallest(const struct series_erratic *d, double log_c, double span_s);

#endif
