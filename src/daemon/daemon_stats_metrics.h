/* What `foreshock stats` counts of metrics: samples by kind, distinct series and families, the span of their times. */
#ifndef DAEMON_STATS_METRICS_H
#define DAEMON_STATS_METRICS_H

#include "base_buf.h"
#include "wire_sample.h"

struct stats_metrics;

/* NULL: out of memory. */
struct stats_metrics *stats_metrics_open(void);
void stats_metrics_close(struct stats_metrics *s);

/* A wire_sample_sink. */
void stats_metrics_take(void *arg, const struct wire_sample *sample);
bool stats_metrics_full(const struct stats_metrics *s); /* out of memory: counts are short */

/* "metrics":{samples, not_finite, exemplars, kinds {kind: n}, delta, stale, series, families, first, last}, and a
 * comma; nothing where there was no sample. A series is a name and its labels, whole; a bucket is one where it comes by
 * itself. A family is a name without _bucket, _sum and _count. counter: of enum rec_counter. */
void stats_metrics_write(const struct stats_metrics *s, const uint64_t *counter, struct base_buf *out);

#endif
