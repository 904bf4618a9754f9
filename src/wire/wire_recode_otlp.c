/* OTLP as JSON -> OTLP as protobuf. One table a message; an object is walked once and written as it is read. */
#include "wire_json.h"
#include "wire_number.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"
#include "wire_recode.h"

struct recode {
  struct wire_json c;
  struct base_buf *out;
};

/* What a field of JSON becomes. */
enum field_kind {
  FIELD_TEXT,
  FIELD_HEX,
  FIELD_FIXED,
  FIELD_DOUBLE,
  FIELD_INT,
  FIELD_ZIGZAG,
  FIELD_BOOL,
  FIELD_ENUM,
  FIELD_FIXEDS, /* arrays */
  FIELD_DOUBLES,
  FIELD_INTS,
  FIELD_EACH,
  FIELD_ONE
};

struct message;

struct field {
  struct base_str key;
  uint32_t tag;
  enum field_kind kind;
  const struct message *of; /* of FIELD_EACH, each item of an array, and of FIELD_ONE, an object */
};

/* All that is read of a message; other members of its object are passed over. */
struct message {
  const struct field *field;
  size_t n;
};

#define KEY(text) \
  { text, sizeof(text) - 1 }

static int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void hex_write(struct recode *r, uint32_t tag) {
  struct base_str text = wire_json_string(&r->c);
  char raw[16];
  if (text.n % 2 || text.n > 2 * sizeof raw) wire_json_fail(&r->c, "an id of a wrong length");
  for (size_t i = 0; i < text.n && !r->c.reason; i += 2) {
    int high = nibble(text.p[i]), low = nibble(text.p[i + 1]);
    if (high < 0 || low < 0) wire_json_fail(&r->c, "an id that is no hex");
    raw[i / 2] = (char)((high & 15) << 4 | (low & 15));
  }
  if (!r->c.reason && text.n) pbw_str(r->out, tag, (struct base_str){raw, text.n / 2});
}

static void text_write(struct recode *r, uint32_t tag) {
  struct base_str raw = wire_json_string(&r->c);
  if (str_find(raw, '\\', 0) == raw.n) {
    pbw_str(r->out, tag, raw);
    return;
  }
  size_t at = pbw_enter(r->out, tag);
  wire_json_unescape(raw, r->out);
  pbw_leave(r->out, at);
}

/* A number, or the name of a value that matters; other names are unspecified. */
static uint64_t enum_read(struct recode *r) {
  static const struct {
    struct base_str name;
    uint64_t value;
  } names[] = {{KEY("SPAN_KIND_INTERNAL"), 1},
               {KEY("SPAN_KIND_SERVER"), 2},
               {KEY("SPAN_KIND_CLIENT"), 3},
               {KEY("SPAN_KIND_PRODUCER"), 4},
               {KEY("SPAN_KIND_CONSUMER"), 5},
               {KEY("STATUS_CODE_ERROR"), 2},
               {KEY("AGGREGATION_TEMPORALITY_DELTA"), 1},
               {KEY("AGGREGATION_TEMPORALITY_CUMULATIVE"), 2}};
  if (wire_json_peek(&r->c) != WIRE_JSON_STRING) return (uint64_t)wire_json_int(&r->c);
  struct base_str name = wire_json_string(&r->c);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (str_eq(names[i].name, name)) return names[i].value;
  return 0;
}

/* A number, or a text that is one: NaN and infinities have no other form. */
static void double_write(struct recode *r, uint32_t tag) {
  bool quoted = wire_json_peek(&r->c) == WIRE_JSON_STRING;
  struct base_str text = quoted ? wire_json_string(&r->c) : wire_json_number(&r->c);
  double v = 0;
  if (!r->c.reason && !number_read(text, &v)) wire_json_fail(&r->c, "this is no number");
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  pbw_fixed64(r->out, tag, bits);
}

static void zigzag_write(struct recode *r, uint32_t tag) {
  int64_t v = wire_json_int(&r->c);
  pbw_int(r->out, tag, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static void scalar_write(struct recode *r, uint32_t tag, enum field_kind kind) {
  switch (kind) {
    case FIELD_HEX: hex_write(r, tag); break;
    case FIELD_FIXED: pbw_fixed64(r->out, tag, (uint64_t)wire_json_int(&r->c)); break;
    case FIELD_DOUBLE: double_write(r, tag); break;
    case FIELD_INT: pbw_int(r->out, tag, (uint64_t)wire_json_int(&r->c)); break;
    case FIELD_ZIGZAG: zigzag_write(r, tag); break;
    case FIELD_BOOL: pbw_int(r->out, tag, wire_json_bool(&r->c)); break;
    case FIELD_ENUM: pbw_int(r->out, tag, enum_read(r)); break;
    default: text_write(r, tag);
  }
}

static void array_write(struct recode *r, uint32_t tag, enum field_kind each) {
  wire_json_array(&r->c);
  while (wire_json_item(&r->c)) scalar_write(r, tag, each);
}

static void object_write(struct recode *r, const struct message *m);

static void one_write(struct recode *r, const struct field *f) {
  size_t at = pbw_enter(r->out, f->tag);
  object_write(r, f->of);
  pbw_leave(r->out, at);
}

static void field_write(struct recode *r, const struct field *f) {
  if (wire_json_peek(&r->c) == WIRE_JSON_NULL) {
    wire_json_skip(&r->c);
    return;
  }
  switch (f->kind) {
    case FIELD_FIXEDS: array_write(r, f->tag, FIELD_FIXED); break;
    case FIELD_DOUBLES: array_write(r, f->tag, FIELD_DOUBLE); break;
    case FIELD_INTS: array_write(r, f->tag, FIELD_INT); break;
    case FIELD_ONE: one_write(r, f); break;
    case FIELD_EACH:
      wire_json_array(&r->c);
      while (wire_json_item(&r->c)) one_write(r, f);
      break;
    default: scalar_write(r, f->tag, f->kind);
  }
}

static void object_write(struct recode *r, const struct message *m) {
  struct base_str key;
  wire_json_object(&r->c);
  while (wire_json_key(&r->c, &key)) {
    size_t i = 0;
    while (i < m->n && !str_eq(m->field[i].key, key)) i++;
    if (i < m->n)
      field_write(r, &m->field[i]);
    else
      wire_json_skip(&r->c);
  }
}

/* ---- the messages, those inside of others first ---- */

/* FIELD: message and field as in WIRE_OTLP_FIELD_TABLE, name in JSON, kind. PART: the same of a message within. */
#define FIELD(message, field, name, kind) \
  { KEY(name), OTLP_##message##_##field, FIELD_##kind, NULL }
#define PART(message, field, name, kind, of) \
  { KEY(name), OTLP_##message##_##field, FIELD_##kind, &of##_message }
#define MESSAGE(name, ...)                                  \
  static const struct field name##_field[] = {__VA_ARGS__}; \
  static const struct message name##_message = {name##_field, sizeof name##_field / sizeof *name##_field}

#define ANY_FIELDS                                                                       \
  FIELD(any, string_value, "stringValue", TEXT), FIELD(any, int_value, "intValue", INT), \
      FIELD(any, bool_value, "boolValue", BOOL), FIELD(any, double_value, "doubleValue", DOUBLE)

MESSAGE(any, ANY_FIELDS);
MESSAGE(pair, FIELD(pair, key, "key", TEXT), PART(pair, value, "value", ONE, any));
MESSAGE(resource, PART(resource, attributes, "attributes", EACH, pair));

/* ---- traces ---- */

MESSAGE(status, FIELD(status, code, "code", ENUM));
MESSAGE(span, FIELD(span, trace_id, "traceId", HEX), FIELD(span, span_id, "spanId", HEX),
        FIELD(span, trace_state, "traceState", TEXT), FIELD(span, parent_span_id, "parentSpanId", HEX),
        FIELD(span, name, "name", TEXT), FIELD(span, kind, "kind", ENUM),
        FIELD(span, start_time_unix_nano, "startTimeUnixNano", FIXED),
        FIELD(span, end_time_unix_nano, "endTimeUnixNano", FIXED), PART(span, attributes, "attributes", EACH, pair),
        PART(span, status, "status", ONE, status));
MESSAGE(of_scope_spans, PART(of_scope_spans, spans, "spans", EACH, span));
MESSAGE(of_resource_spans, PART(of_resource_spans, resource, "resource", ONE, resource),
        PART(of_resource_spans, scope_spans, "scopeSpans", EACH, of_scope_spans));
MESSAGE(traces, PART(traces, resource_spans, "resourceSpans", EACH, of_resource_spans));

/* ---- logs ---- */

/* A record's body is the one value that is read a level deeper. */
MESSAGE(list, PART(list, values, "values", EACH, pair));
MESSAGE(body, ANY_FIELDS, PART(any, kvlist_value, "kvlistValue", ONE, list));
MESSAGE(log, FIELD(log, time_unix_nano, "timeUnixNano", FIXED),
        FIELD(log, observed_time_unix_nano, "observedTimeUnixNano", FIXED),
        FIELD(log, severity_number, "severityNumber", ENUM), PART(log, body, "body", ONE, body),
        PART(log, attributes, "attributes", EACH, pair), FIELD(log, trace_id, "traceId", HEX),
        FIELD(log, span_id, "spanId", HEX));
MESSAGE(of_scope_logs, PART(of_scope_logs, log_records, "logRecords", EACH, log));
MESSAGE(of_resource_logs, PART(of_resource_logs, resource, "resource", ONE, resource),
        PART(of_resource_logs, scope_logs, "scopeLogs", EACH, of_scope_logs));
MESSAGE(logs, PART(logs, resource_logs, "resourceLogs", EACH, of_resource_logs));

/* ---- metrics ---- */

/* What all points have, and what those do that count. */
#define POINT_FIELDS(point)                                                                                            \
  FIELD(point, start_time_unix_nano, "startTimeUnixNano", FIXED), FIELD(point, time_unix_nano, "timeUnixNano", FIXED), \
      FIELD(point, flags, "flags", INT), PART(point, attributes, "attributes", EACH, pair)
#define COUNT_FIELDS(point) POINT_FIELDS(point), FIELD(point, count, "count", FIXED), FIELD(point, sum, "sum", DOUBLE)

MESSAGE(number, POINT_FIELDS(number), FIELD(number, as_double, "asDouble", DOUBLE),
        FIELD(number, as_int, "asInt", FIXED));
MESSAGE(histogram_point, COUNT_FIELDS(histogram_point), FIELD(histogram_point, bucket_counts, "bucketCounts", FIXEDS),
        FIELD(histogram_point, explicit_bounds, "explicitBounds", DOUBLES));
MESSAGE(buckets, FIELD(buckets, offset, "offset", ZIGZAG), FIELD(buckets, bucket_counts, "bucketCounts", INTS));
MESSAGE(exponential_point, COUNT_FIELDS(exponential_point), FIELD(exponential_point, scale, "scale", ZIGZAG),
        FIELD(exponential_point, zero_count, "zeroCount", FIXED),
        FIELD(exponential_point, zero_threshold, "zeroThreshold", DOUBLE),
        PART(exponential_point, positive, "positive", ONE, buckets),
        PART(exponential_point, negative, "negative", ONE, buckets));
MESSAGE(summary_point, COUNT_FIELDS(summary_point));
MESSAGE(gauge, PART(gauge, data_points, "dataPoints", EACH, number));
MESSAGE(sum, FIELD(sum, aggregation_temporality, "aggregationTemporality", ENUM),
        FIELD(sum, is_monotonic, "isMonotonic", BOOL), PART(sum, data_points, "dataPoints", EACH, number));
MESSAGE(histogram, FIELD(histogram, aggregation_temporality, "aggregationTemporality", ENUM),
        PART(histogram, data_points, "dataPoints", EACH, histogram_point));
MESSAGE(exponential, FIELD(exponential, aggregation_temporality, "aggregationTemporality", ENUM),
        PART(exponential, data_points, "dataPoints", EACH, exponential_point));
MESSAGE(summary, PART(summary, data_points, "dataPoints", EACH, summary_point));
MESSAGE(metric, FIELD(metric, name, "name", TEXT), FIELD(metric, unit, "unit", TEXT),
        PART(metric, gauge, "gauge", ONE, gauge), PART(metric, sum, "sum", ONE, sum),
        PART(metric, histogram, "histogram", ONE, histogram),
        PART(metric, exponential_histogram, "exponentialHistogram", ONE, exponential),
        PART(metric, summary, "summary", ONE, summary));
MESSAGE(of_scope_metrics, PART(of_scope_metrics, metrics, "metrics", EACH, metric));
MESSAGE(of_resource_metrics, PART(of_resource_metrics, resource, "resource", ONE, resource),
        PART(of_resource_metrics, scope_metrics, "scopeMetrics", EACH, of_scope_metrics));
MESSAGE(metrics, PART(metrics, resource_metrics, "resourceMetrics", EACH, of_resource_metrics));

static enum wire_status recode(struct base_str json, const struct message *top, struct base_buf *out,
                               struct wire_err *err) {
  struct recode r = {wire_json_over(json), out};
  object_write(&r, top);
  wire_json_end(&r.c);
  if (!r.c.reason && !out->bad) return WIRE_OK;
  err->offset = r.c.p ? (size_t)(r.c.p - json.p) : 0;
  err->reason = r.c.reason ? r.c.reason : "over the size limit";
  return WIRE_BAD;
}

enum wire_status wire_recode_traces(struct base_str json, struct base_buf *out, struct wire_err *err) {
  return recode(json, &traces_message, out, err);
}

enum wire_status wire_recode_logs(struct base_str json, struct base_buf *out, struct wire_err *err) {
  return recode(json, &logs_message, out, err);
}

enum wire_status wire_recode_metrics(struct base_str json, struct base_buf *out, struct wire_err *err) {
  return recode(json, &metrics_message, out, err);
}
