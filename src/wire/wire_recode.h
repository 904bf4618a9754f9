/* OTLP as JSON, and Zipkin's spans as JSON and as protobuf, become OTLP's protobuf at the door: behind it there is one
 * form of spans, one of log records and one of metrics, one decoder, one thing to record. What no later step reads
 * (events, links, annotations, exemplars, quantiles, nested values) is left out.
 *
 *   OTLP/JSON   opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding": lowerCamelCase names, ids in hex, enums as
 *               numbers, 64-bit numbers as numbers or strings. A span's kind by name is taken, too.
 *   Zipkin      zipkin.io/zipkin-api, v2: a span each with its localEndpoint; mapped as OpenTelemetry maps it (docs of
 *               the SDK's exporter, read backwards). A server span that shares its client's id (`shared`) gets an id of
 *               its own, the complement, and the shared one as its parent.
 *
 * Pure. Input of any bytes gives WIRE_OK with sound protobuf, or WIRE_BAD with *err; a single span of Zipkin without
 * ids is left out and counted in *lost. */
#ifndef WIRE_RECODE_H
#define WIRE_RECODE_H

#include "base_buf.h"
#include "wire_request.h"

enum wire_status wire_recode_traces(struct base_str json, struct base_buf *out, struct wire_err *err);
enum wire_status wire_recode_logs(struct base_str json, struct base_buf *out, struct wire_err *err);
enum wire_status wire_recode_metrics(struct base_str json, struct base_buf *out, struct wire_err *err);
enum wire_status wire_recode_zipkin_json(struct base_str json, struct base_buf *out, uint32_t *lost,
                                         struct wire_err *err);
enum wire_status wire_recode_zipkin(struct base_str bytes, struct base_buf *out, uint32_t *lost, struct wire_err *err);

#endif
