/* Durations of fine requests against the learned distribution (docs/detectors/latency.md), slower only.
 *   s_j   standardised bucket number, clipped to [-4, 6]; S = sum over the step's n requests
 *   tilts l = [eta (S - n z) - n ln sum_j p_j exp(eta s_j)] / phi,  eta in {.25, .5, 1, 2}
 *   tails Bernoulli on the buckets from p99 (odds x3) and p99.8 (odds x8), over the tail's own overdispersion
 *   z     the zone of the mean score's slow wander (detect_zone.h), and 3 sqrt(phi/N): what is not yet known of it */
#ifndef DETECT_LATENCY_H
#define DETECT_LATENCY_H

#include "detect_alarm.h"

void detect_latency_init(struct series_latency *d, uint32_t seq);

/* One step of n fine requests with their sparse histogram and sum of durations. Learns by itself. win_n closes
 * the ten-second window when win_close; minute when min_close; weights are 1/(windows seen), floored. learns: false
 * while the series is in quarantine. */
struct detect_verdict detect_latency_step(struct series_latency *d, const struct rec_hist_cell *cell, uint32_t cell_n,
                                          uint32_t n, double sum_s, double log_c, bool armed, uint32_t seq, uint32_t dt,
                                          uint32_t age, bool learns);
void detect_latency_window(struct series_latency *d, float weight);
void detect_latency_minute(struct series_latency *d, float weight);

/* The smallest slow-down of all requests by one factor that would be expected to raise an alarm at log_c within span_s
 * seconds of requests_per_s requests: the factor, > 1. 0: none that can be told. */
double detect_latency_smallest(const struct series_latency *d, double requests_per_s, double log_c, double span_s);

/* The q-quantile of the learned distribution in seconds, 0 where nothing is learned. */
double detect_latency_quantile_s(const struct series_latency *d, double q);

#endif
