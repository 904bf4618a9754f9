/* Requests that began and do not end, where proxies tell of beginnings (docs/detectors/hanging.md). Windows of m
 * seconds, m a power of two, at least four times as long as a request usually takes.
 *   due    min(N, N (1 - usual_s / m) + open0) of N that began: the others are still under way at the window's end, by
 *          Little's law, and those usually under way, open0, end instead
 *   late   min(max(due - E, 0), due) of E that ended
 *   l      late ln(0.9 / p0) - (due - late) ln((1 - p0) / 0.1) within +-9 nats, p0 the upper end of the usual share
 * No count of open requests is judged: entries that are lost cannot add up. */
#ifndef DETECT_HANGING_H
#define DETECT_HANGING_H

#include "detect_alarm.h"

#define DETECT_HANGING_USUAL_S 16.0 /* series whose requests take longer are not judged */

void detect_hanging_init(struct series_hanging *d, uint32_t seq);

/* One step: so many began, and so many of those that began ended. usual_s: how long a request of this series takes on
 * average, 0 where that is not known yet (taken as 250 ms). armed: may raise. Judged at the end of each window, a
 * second's for requests of up to 250 ms. Learns by itself. Cost: some additions a tick, a
 * logarithm or two a window. */
struct detect_verdict detect_hanging_take(struct series_hanging *d, uint32_t began, uint32_t ended, double usual_s,
                                          double log_c, bool armed, uint32_t seq);
/* Reports are missing: what is open is void. */
void detect_hanging_skip(struct series_hanging *d);

/* Forgets the alarm and learns anew. */
void detect_hanging_adopt(struct series_hanging *d, uint32_t seq);

/* The smallest share of requests that would have to hang to raise an alarm at log_c within span_s, in (0, 1]. 0 where
 * none would, or too little is known. */
double detect_hanging_smallest(const struct series_hanging *d, double usual_s, double log_c, double span_s);

#endif
