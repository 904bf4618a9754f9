/* OTLP on the wire: the bytes of one ExportTraceServiceRequest, ExportLogsServiceRequest or ExportMetricsServiceRequest
 * -> spans, log records or metrics, one after the other, each with the resource that it belongs to. Zero copy: views
 * point into the message and live as long as it. All requests have the same frame (Resource…{resource, Scope…{items}}),
 * so one iterator serves all. What a metric holds is read by wire_points.h.
 *
 * Read as protobuf wants it: fields in any order, unknown ones skipped, the last of a repeated scalar counts. A
 * `resource` that comes twice is the last one, not a merge. Numbers of fields: wire_otlp_fields.h. */
#ifndef WIRE_OTLP_H
#define WIRE_OTLP_H

#include "wire_request.h"

/* Moves with its message: offsets, no pointers. */
struct wire_otlp_iter {
  struct base_str bytes;
  size_t at;                        /* next top-level field */
  size_t resource_at, resource_end; /* inside a ResourceSpans, …Logs or …Metrics; 0 outside */
  size_t scope_at, scope_end;       /* inside a ScopeSpans, …Logs or …Metrics; 0 outside */
  size_t attribute_at, attribute_n; /* the resource's own bytes; n 0: it has none */
};

/* Reads the frame of the whole message, without its items. WIRE_BAD: *err tells where. */
enum wire_status wire_otlp_check(struct base_str bytes, struct wire_err *err);

void wire_otlp_iter_init(struct wire_otlp_iter *it, struct base_str bytes);
/* WIRE_OK: *item is the next span, log record or metric, in wire order. WIRE_END: no more. WIRE_BAD: a broken frame;
 * what it held is lost, and the iterator can go on: each call moves forward. Cost: a few ns beside the item's. */
enum wire_status wire_otlp_next(struct wire_otlp_iter *it, struct base_str *item, struct wire_err *err);
/* The bytes of the Resource that the last item belongs to; empty where it has none. */
struct base_str wire_otlp_resource(const struct wire_otlp_iter *it);

enum wire_span_kind {
  WIRE_SPAN_NONE,
  WIRE_SPAN_INTERNAL,
  WIRE_SPAN_SERVER,
  WIRE_SPAN_CLIENT,
  WIRE_SPAN_PRODUCER,
  WIRE_SPAN_CONSUMER
};

/* One span, or what a log record has of one. Ids are raw bytes: 16 of a trace, 8 of a span; of another length, or all
 * zero, they are absent (OTLP: such an id is invalid). */
struct wire_span {
  struct base_str trace_id, span_id, parent_id, trace_state, name;
  uint32_t kind; /* enum wire_span_kind */
  bool error;    /* status code 2 */
  uint64_t start_ns, end_ns;
};

struct wire_log {
  struct base_str trace_id, span_id;
  uint64_t time_ns, observed_ns;
  uint32_t severity;    /* 0 unspecified, 1..24 */
  struct base_str body; /* where it is text */
};

struct wire_attrs;
struct wire_attr_keys;

/* The known attributes of a span, a record or a Resource go into *attrs, which is cleared first. A record whose body is
 * a list of pairs has them as attributes, too. WIRE_BAD: *reason and *at (in bytes) tell why. Cost: one pass. */
enum wire_status wire_span_read(struct base_str bytes, const struct wire_attr_keys *keys, struct wire_span *out,
                                struct wire_attrs *attrs, struct wire_err *err);
enum wire_status wire_log_read(struct base_str bytes, const struct wire_attr_keys *keys, struct wire_log *out,
                               struct wire_attrs *attrs, struct wire_err *err);
enum wire_status wire_resource_read(struct base_str bytes, const struct wire_attr_keys *keys, struct wire_attrs *attrs,
                                    struct wire_err *err);

#endif
