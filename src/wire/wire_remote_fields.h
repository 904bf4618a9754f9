/* The protobuf fields of Prometheus' remote write, 1.0 and 2.0: the one place where their numbers stand. */
#ifndef WIRE_REMOTE_FIELDS_H
#define WIRE_REMOTE_FIELDS_H

#include "wire_pb.h"

/* X(message, field, number, enum pb_type without PB_). prometheus.WriteRequest and what is in it, then (names ending in
 * 2) io.prometheus.write.v2.Request and what differs there. */
#define WIRE_REMOTE_FIELD_TABLE(X)              \
  X(WriteRequest, timeseries, 1, LEN)           \
  X(WriteRequest, metadata, 3, LEN)             \
  X(MetricMetadata, type, 1, VARINT)            \
  X(MetricMetadata, metric_family_name, 2, LEN) \
  X(TimeSeries, labels, 1, LEN)                 \
  X(TimeSeries, samples, 2, LEN)                \
  X(TimeSeries, exemplars, 3, LEN)              \
  X(TimeSeries, histograms, 4, LEN)             \
  X(Label, name, 1, LEN)                        \
  X(Label, value, 2, LEN)                       \
  X(Sample, value, 1, I64)                      \
  X(Sample, timestamp, 2, VARINT)               \
  X(Histogram, count_int, 1, VARINT)            \
  X(Histogram, count_float, 2, I64)             \
  X(Histogram, sum, 3, I64)                     \
  X(Histogram, schema, 4, VARINT)               \
  X(Histogram, zero_threshold, 5, I64)          \
  X(Histogram, zero_count_int, 6, VARINT)       \
  X(Histogram, zero_count_float, 7, I64)        \
  X(Histogram, negative_spans, 8, LEN)          \
  X(Histogram, negative_deltas, 9, VARINT)      \
  X(Histogram, negative_counts, 10, I64)        \
  X(Histogram, positive_spans, 11, LEN)         \
  X(Histogram, positive_deltas, 12, VARINT)     \
  X(Histogram, positive_counts, 13, I64)        \
  X(Histogram, reset_hint, 14, VARINT)          \
  X(Histogram, timestamp, 15, VARINT)           \
  X(Histogram, custom_values, 16, I64)          \
  X(Histogram2, start_timestamp, 17, VARINT)    \
  X(Request2, symbols, 4, LEN)                  \
  X(Request2, timeseries, 5, LEN)               \
  X(TimeSeries2, labels_refs, 1, VARINT)        \
  X(TimeSeries2, samples, 2, LEN)               \
  X(TimeSeries2, histograms, 3, LEN)            \
  X(TimeSeries2, exemplars, 4, LEN)             \
  X(TimeSeries2, metadata, 5, LEN)              \
  X(TimeSeries2, created_timestamp, 6, VARINT)  \
  X(Sample2, start_timestamp, 3, VARINT)        \
  X(Metadata2, type, 1, VARINT)                 \
  X(Metadata2, unit_ref, 4, VARINT)

enum wire_remote_tag {
#define X(message, field, number, type) REMOTE_##message##_##field = PB_TAG(number, PB_##type),
  WIRE_REMOTE_FIELD_TABLE(X)
#undef X
};

/* MetricMetadata.MetricType and Metadata.MetricType, which agree. */
enum wire_remote_type {
  REMOTE_UNKNOWN,
  REMOTE_COUNTER,
  REMOTE_GAUGE,
  REMOTE_HISTOGRAM,
  REMOTE_GAUGE_HISTOGRAM,
  REMOTE_SUMMARY,
  REMOTE_INFO,
  REMOTE_STATESET
};

enum { REMOTE_RESET_GAUGE = 3 };

#endif
