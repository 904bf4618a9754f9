/* Bytes a request, both ways, judged on windows of ten seconds (docs/detectors/bytes.md).
 *   y     ln(bytes / requests) of a window of n requests; e = y - mean
 *   s^2   var max(1, n0 / n) (1 + 4 / (seen + 1)): fewer requests than the usual n0 make a window's mean less sure
 *   edge  the larger of ln 1.2 and 3 standard deviations of the slow wander, plus the mean's own error
 *   u     (+-e - edge) / s clipped to [-4, 5]
 *   l     a u - a^2 / 2 - ln M, at most 6 nats;  a = ln 2 / s in [0.5, 2];  M the learned mean of exp(a u - a^2 / 2) */
#ifndef DETECT_BYTES_H
#define DETECT_BYTES_H

#include "detect_alarm.h"

enum detect_bytes_side { DETECT_BYTES_MORE, DETECT_BYTES_FEWER };

void detect_bytes_init(struct series_bytes *d, uint32_t seq);
void detect_bytes_add(struct series_bytes *d, uint64_t bytes);

/* Closes the window of n requests. Learns by itself. armed: may raise. dt: ticks since the last window. A window
 * without requests or without a byte says nothing. Cost: a few logarithms; detect_bytes_add: one addition. */
struct detect_verdict detect_bytes_window(struct series_bytes *d, float n, double log_c, bool armed, uint32_t seq,
                                          uint32_t dt);
/* Learned mean bytes a request, 0 where unknown. */
double detect_bytes_mean(const struct series_bytes *d);

/* Bytes a request that the alarm in force sees, 0 while calm. */
double detect_bytes_seen(const struct series_bytes *d);

/* The present size is the normal one from now on: forgets the alarm and learns anew. */
void detect_bytes_adopt(struct series_bytes *d, uint32_t seq);

/* The smallest factor (> 1; a division for fewer) that would raise an alarm at log_c within span_s at the usual
 * traffic, about as likely as not. 0 where none would, or too little is known. */
double detect_bytes_smallest(const struct series_bytes *d, double log_c, double span_s);

#endif
