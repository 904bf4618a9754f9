/* The protobuf fields of OTLP and of Zipkin that the decoders read and write: the one place where their numbers stand.
 * A test compares the OTLP part with the descriptors of OpenTelemetry's .proto files. */
#ifndef WIRE_OTLP_FIELDS_H
#define WIRE_OTLP_FIELDS_H

#include "wire_pb.h"

/* X(name in WIRE_OTLP_FIELD_TABLE, full name of the message) */
#define WIRE_OTLP_MESSAGE_TABLE(X)                                                           \
  X(traces, "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest")              \
  X(traces_reply, "opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse")       \
  X(traces_partial, "opentelemetry.proto.collector.trace.v1.ExportTracePartialSuccess")      \
  X(logs, "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")                  \
  X(logs_reply, "opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse")           \
  X(logs_partial, "opentelemetry.proto.collector.logs.v1.ExportLogsPartialSuccess")          \
  X(metrics, "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest")         \
  X(metrics_reply, "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse")  \
  X(metrics_partial, "opentelemetry.proto.collector.metrics.v1.ExportMetricsPartialSuccess") \
  X(of_resource_spans, "opentelemetry.proto.trace.v1.ResourceSpans")                         \
  X(of_resource_logs, "opentelemetry.proto.logs.v1.ResourceLogs")                            \
  X(of_resource_metrics, "opentelemetry.proto.metrics.v1.ResourceMetrics")                   \
  X(of_scope_spans, "opentelemetry.proto.trace.v1.ScopeSpans")                               \
  X(of_scope_logs, "opentelemetry.proto.logs.v1.ScopeLogs")                                  \
  X(of_scope_metrics, "opentelemetry.proto.metrics.v1.ScopeMetrics")                         \
  X(resource, "opentelemetry.proto.resource.v1.Resource")                                    \
  X(pair, "opentelemetry.proto.common.v1.KeyValue")                                          \
  X(any, "opentelemetry.proto.common.v1.AnyValue")                                           \
  X(list, "opentelemetry.proto.common.v1.KeyValueList")                                      \
  X(span, "opentelemetry.proto.trace.v1.Span")                                               \
  X(status, "opentelemetry.proto.trace.v1.Status")                                           \
  X(log, "opentelemetry.proto.logs.v1.LogRecord")                                            \
  X(metric, "opentelemetry.proto.metrics.v1.Metric")                                         \
  X(gauge, "opentelemetry.proto.metrics.v1.Gauge")                                           \
  X(sum, "opentelemetry.proto.metrics.v1.Sum")                                               \
  X(histogram, "opentelemetry.proto.metrics.v1.Histogram")                                   \
  X(exponential, "opentelemetry.proto.metrics.v1.ExponentialHistogram")                      \
  X(summary, "opentelemetry.proto.metrics.v1.Summary")                                       \
  X(number, "opentelemetry.proto.metrics.v1.NumberDataPoint")                                \
  X(histogram_point, "opentelemetry.proto.metrics.v1.HistogramDataPoint")                    \
  X(exponential_point, "opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint")       \
  X(buckets, "opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint.Buckets")         \
  X(summary_point, "opentelemetry.proto.metrics.v1.SummaryDataPoint")

/* X(message, field, number, enum pb_type without PB_) */
#define WIRE_OTLP_FIELD_TABLE(X)                      \
  X(traces, resource_spans, 1, LEN)                   \
  X(traces_reply, partial_success, 1, LEN)            \
  X(traces_partial, rejected_spans, 1, VARINT)        \
  X(traces_partial, error_message, 2, LEN)            \
  X(logs, resource_logs, 1, LEN)                      \
  X(logs_reply, partial_success, 1, LEN)              \
  X(logs_partial, rejected_log_records, 1, VARINT)    \
  X(logs_partial, error_message, 2, LEN)              \
  X(metrics, resource_metrics, 1, LEN)                \
  X(metrics_reply, partial_success, 1, LEN)           \
  X(metrics_partial, rejected_data_points, 1, VARINT) \
  X(metrics_partial, error_message, 2, LEN)           \
  X(of_resource_spans, resource, 1, LEN)              \
  X(of_resource_spans, scope_spans, 2, LEN)           \
  X(of_resource_logs, resource, 1, LEN)               \
  X(of_resource_logs, scope_logs, 2, LEN)             \
  X(of_resource_metrics, resource, 1, LEN)            \
  X(of_resource_metrics, scope_metrics, 2, LEN)       \
  X(of_scope_spans, spans, 2, LEN)                    \
  X(of_scope_logs, log_records, 2, LEN)               \
  X(of_scope_metrics, metrics, 2, LEN)                \
  X(resource, attributes, 1, LEN)                     \
  X(pair, key, 1, LEN)                                \
  X(pair, value, 2, LEN)                              \
  X(any, string_value, 1, LEN)                        \
  X(any, bool_value, 2, VARINT)                       \
  X(any, int_value, 3, VARINT)                        \
  X(any, double_value, 4, I64)                        \
  X(any, array_value, 5, LEN)                         \
  X(any, kvlist_value, 6, LEN)                        \
  X(any, bytes_value, 7, LEN)                         \
  X(list, values, 1, LEN)                             \
  X(span, trace_id, 1, LEN)                           \
  X(span, span_id, 2, LEN)                            \
  X(span, trace_state, 3, LEN)                        \
  X(span, parent_span_id, 4, LEN)                     \
  X(span, name, 5, LEN)                               \
  X(span, kind, 6, VARINT)                            \
  X(span, start_time_unix_nano, 7, I64)               \
  X(span, end_time_unix_nano, 8, I64)                 \
  X(span, attributes, 9, LEN)                         \
  X(span, status, 15, LEN)                            \
  X(status, code, 3, VARINT)                          \
  X(log, time_unix_nano, 1, I64)                      \
  X(log, severity_number, 2, VARINT)                  \
  X(log, body, 5, LEN)                                \
  X(log, attributes, 6, LEN)                          \
  X(log, trace_id, 9, LEN)                            \
  X(log, span_id, 10, LEN)                            \
  X(log, observed_time_unix_nano, 11, I64)            \
  X(metric, name, 1, LEN)                             \
  X(metric, unit, 3, LEN)                             \
  X(metric, gauge, 5, LEN)                            \
  X(metric, sum, 7, LEN)                              \
  X(metric, histogram, 9, LEN)                        \
  X(metric, exponential_histogram, 10, LEN)           \
  X(metric, summary, 11, LEN)                         \
  X(gauge, data_points, 1, LEN)                       \
  X(sum, data_points, 1, LEN)                         \
  X(sum, aggregation_temporality, 2, VARINT)          \
  X(sum, is_monotonic, 3, VARINT)                     \
  X(histogram, data_points, 1, LEN)                   \
  X(histogram, aggregation_temporality, 2, VARINT)    \
  X(exponential, data_points, 1, LEN)                 \
  X(exponential, aggregation_temporality, 2, VARINT)  \
  X(summary, data_points, 1, LEN)                     \
  X(number, start_time_unix_nano, 2, I64)             \
  X(number, time_unix_nano, 3, I64)                   \
  X(number, as_double, 4, I64)                        \
  X(number, exemplars, 5, LEN)                        \
  X(number, as_int, 6, I64)                           \
  X(number, attributes, 7, LEN)                       \
  X(number, flags, 8, VARINT)                         \
  X(histogram_point, start_time_unix_nano, 2, I64)    \
  X(histogram_point, time_unix_nano, 3, I64)          \
  X(histogram_point, count, 4, I64)                   \
  X(histogram_point, sum, 5, I64)                     \
  X(histogram_point, bucket_counts, 6, I64)           \
  X(histogram_point, explicit_bounds, 7, I64)         \
  X(histogram_point, exemplars, 8, LEN)               \
  X(histogram_point, attributes, 9, LEN)              \
  X(histogram_point, flags, 10, VARINT)               \
  X(exponential_point, attributes, 1, LEN)            \
  X(exponential_point, start_time_unix_nano, 2, I64)  \
  X(exponential_point, time_unix_nano, 3, I64)        \
  X(exponential_point, count, 4, I64)                 \
  X(exponential_point, sum, 5, I64)                   \
  X(exponential_point, scale, 6, VARINT)              \
  X(exponential_point, zero_count, 7, I64)            \
  X(exponential_point, positive, 8, LEN)              \
  X(exponential_point, negative, 9, LEN)              \
  X(exponential_point, flags, 10, VARINT)             \
  X(exponential_point, exemplars, 11, LEN)            \
  X(exponential_point, zero_threshold, 14, I64)       \
  X(buckets, offset, 1, VARINT)                       \
  X(buckets, bucket_counts, 2, VARINT)                \
  X(summary_point, start_time_unix_nano, 2, I64)      \
  X(summary_point, time_unix_nano, 3, I64)            \
  X(summary_point, count, 4, I64)                     \
  X(summary_point, sum, 5, I64)                       \
  X(summary_point, attributes, 7, LEN)                \
  X(summary_point, flags, 8, VARINT)

/* zipkin.proto3 (openzipkin/zipkin-api): ListOfSpans, Span, Endpoint, and an entry of Span.tags. */
#define WIRE_ZIPKIN_FIELD_TABLE(X)   \
  X(zipkins, spans, 1, LEN)          \
  X(zipkin, trace_id, 1, LEN)        \
  X(zipkin, parent_id, 2, LEN)       \
  X(zipkin, id, 3, LEN)              \
  X(zipkin, kind, 4, VARINT)         \
  X(zipkin, name, 5, LEN)            \
  X(zipkin, timestamp, 6, I64)       \
  X(zipkin, duration, 7, VARINT)     \
  X(zipkin, local_endpoint, 8, LEN)  \
  X(zipkin, remote_endpoint, 9, LEN) \
  X(zipkin, tags, 11, LEN)           \
  X(zipkin, shared, 13, VARINT)      \
  X(endpoint, service_name, 1, LEN)  \
  X(endpoint, ipv4, 2, LEN)          \
  X(endpoint, ipv6, 3, LEN)          \
  X(endpoint, port, 4, VARINT)

/* OTLP_<message>_<field>: the number and wire type as they stand before the field. */
enum wire_otlp_tag {
#define X(message, field, number, type) OTLP_##message##_##field = PB_TAG(number, PB_##type),
  WIRE_OTLP_FIELD_TABLE(X) WIRE_ZIPKIN_FIELD_TABLE(X)
#undef X
};

#endif
