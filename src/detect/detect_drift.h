/* Errors and latency of a series against a reference that does not follow them, judged on minutes and on days: what the
 * tracker would learn because it comes slowly (docs/detectors/drift.md).
 *
 *   errors    l = [e ln 1.5 - .5 n p0] / phi a minute,  p0: upper credible end of the reference and its zone
 *   latency   z = (D - zone) / sd a minute,  l = z - 1/2,  D: mean bucket number less the reference's
 *   days      z = (D - .03) / sd_day,  one look a day, raised when z^2 / 2 reaches the threshold */
#ifndef DETECT_DRIFT_H
#define DETECT_DRIFT_H

#include "detect_alarm.h"

/* latency_best while an alarm stands: what raised it. */
enum detect_drift_scale { DETECT_DRIFT_MINUTES, DETECT_DRIFT_DAYS };

void detect_drift_init(struct series_drift *d, uint32_t seq);

/* One step: n requests, e failures, and the histogram of the fine ones' durations. */
void detect_drift_add(struct series_drift *d, uint32_t n, uint32_t e, const struct rec_hist_cell *cell,
                      uint32_t cell_n);

struct detect_drift_verdict {
  struct detect_verdict errors, latency;
};
/* Closes the minute. calm: no faster detector of the series stands in alarm or suspects; otherwise the minute is
 * neither judged nor learned from. still: an incident is open over it, so that nothing is learned and no alarm is
 * raised; those that stand may end. sd_b: standard deviation of one request's bucket number. log_c: threshold for steps
 * of one tick; it is lowered to what steps of minutes and days need. armed_*: may raise. */
struct detect_drift_verdict detect_drift_minute(struct series_drift *d, bool calm, bool still, double sd_b,
                                                double log_c, bool armed_errors, bool armed_latency, uint32_t seq);

/* The present level is the normal one from now on. */
void detect_drift_adopt(struct series_drift *d, uint32_t seq);

/* What the reference says: share of failures; mean bucket number of minutes; how much days are above theirs (buckets).
 */
double detect_drift_errors(const struct series_drift *d);
double detect_drift_bucket(const struct series_drift *d);
double detect_drift_days(const struct series_drift *d);

/* The smallest share of failures, and the smallest slowdown (a factor), that would be shown within span_s seconds at n
 * requests a second. A share above 1 or a factor of HUGE cannot be. */
#define DETECT_DRIFT_HUGE 1e9
struct detect_drift_least {
  double error_ratio, latency_factor;
};
struct detect_drift_least detect_drift_smallest(const struct series_drift *d, double n_per_s, double sd_b, double log_c,
                                                double span_s);

#endif
