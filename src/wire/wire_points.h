/* OTLP metrics: the bytes of one ExportMetricsServiceRequest -> samples (wire_sampler.h), a data point each.
 * Source: opentelemetry-proto's metrics.proto, and opentelemetry.io/docs/specs/otel/metrics/data-model.
 *
 *   gauge                    GAUGE
 *   sum, monotonic           COUNTER, cumulative or delta
 *   sum, not monotonic       GAUGE: cumulative its level, delta (mode DELTA) a change of it
 *   histogram, exponential   HISTOGRAM, whole; without buckets it has one, up to +Inf
 *   summary                  SUMMARY: count and sum; quantiles are not read
 *
 * Labels are the point's attributes, then its resource's; numbers and bools as text, arrays, lists and bytes left out.
 * A point flagged as without a value is stale. Unspecified temporality, a point without a value, bounds that do not
 * rise and counts that do not fit them are refused [sample_malformed]; so is a metric of a kind that is not known. */
#ifndef WIRE_POINTS_H
#define WIRE_POINTS_H

#include "wire_sampler.h"

/* All points of a message whose frame was checked (wire_otlp_check). m->tally.rejected is what partial success tells.
 * Cost: bench samples. */
void wire_points_take(struct wire_sampler *m, struct base_str bytes);

#endif
