/* The protobuf fields of Prometheus that the decoders read: the one place where their numbers stand. A test compares
 * them with the descriptors of the .proto files. */
#ifndef WIRE_PROM_FIELDS_H
#define WIRE_PROM_FIELDS_H

#include "wire_pb.h"

/* io/prometheus/client/metrics.proto. X(message, field, number, enum pb_type without PB_) */
#define WIRE_PROM_FIELD_TABLE(X)            \
  X(MetricFamily, name, 1, LEN)             \
  X(MetricFamily, type, 3, VARINT)          \
  X(MetricFamily, metric, 4, LEN)           \
  X(MetricFamily, unit, 5, LEN)             \
  X(LabelPair, name, 1, LEN)                \
  X(LabelPair, value, 2, LEN)               \
  X(Metric, label, 1, LEN)                  \
  X(Metric, gauge, 2, LEN)                  \
  X(Metric, counter, 3, LEN)                \
  X(Metric, summary, 4, LEN)                \
  X(Metric, untyped, 5, LEN)                \
  X(Metric, timestamp_ms, 6, VARINT)        \
  X(Metric, histogram, 7, LEN)              \
  X(Gauge, value, 1, I64)                   \
  X(Untyped, value, 1, I64)                 \
  X(Counter, value, 1, I64)                 \
  X(Counter, exemplar, 2, LEN)              \
  X(Counter, created_timestamp, 3, LEN)     \
  X(Summary, sample_count, 1, VARINT)       \
  X(Summary, sample_sum, 2, I64)            \
  X(Summary, created_timestamp, 4, LEN)     \
  X(Histogram, sample_count, 1, VARINT)     \
  X(Histogram, sample_sum, 2, I64)          \
  X(Histogram, bucket, 3, LEN)              \
  X(Histogram, sample_count_float, 4, I64)  \
  X(Histogram, schema, 5, VARINT)           \
  X(Histogram, zero_threshold, 6, I64)      \
  X(Histogram, zero_count, 7, VARINT)       \
  X(Histogram, zero_count_float, 8, I64)    \
  X(Histogram, negative_span, 9, LEN)       \
  X(Histogram, negative_delta, 10, VARINT)  \
  X(Histogram, negative_count, 11, I64)     \
  X(Histogram, positive_span, 12, LEN)      \
  X(Histogram, positive_delta, 13, VARINT)  \
  X(Histogram, positive_count, 14, I64)     \
  X(Histogram, created_timestamp, 15, LEN)  \
  X(Histogram, exemplars, 16, LEN)          \
  X(Bucket, cumulative_count, 1, VARINT)    \
  X(Bucket, upper_bound, 2, I64)            \
  X(Bucket, exemplar, 3, LEN)               \
  X(Bucket, cumulative_count_float, 4, I64) \
  X(BucketSpan, offset, 1, VARINT)          \
  X(BucketSpan, length, 2, VARINT)

enum wire_prom_tag {
#define X(message, field, number, type) PROM_##message##_##field = PB_TAG(number, PB_##type),
  WIRE_PROM_FIELD_TABLE(X)
#undef X
};

/* MetricType. */
enum wire_prom_type {
  PROM_COUNTER,
  PROM_GAUGE,
  PROM_SUMMARY,
  PROM_UNTYPED,
  PROM_HISTOGRAM,
  PROM_GAUGE_HISTOGRAM,
  PROM_TYPES
};

#endif
