/* OTLP as JSON -> OTLP as protobuf. One function a message; each walks its object once and writes as it goes. */
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

typedef void message_write(struct recode *r);

struct field {
  struct base_str key;
  uint32_t tag;
  enum field_kind kind;
  message_write *write; /* of FIELD_EACH, each item of an array, and of FIELD_ONE, an object */
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

static void one_write(struct recode *r, const struct field *f) {
  size_t at = pbw_enter(r->out, f->tag);
  f->write(r);
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

static void object_write(struct recode *r, const struct field *field, size_t n) {
  struct base_str key;
  wire_json_object(&r->c);
  while (wire_json_key(&r->c, &key)) {
    size_t i = 0;
    while (i < n && !str_eq(field[i].key, key)) i++;
    if (i < n)
      field_write(r, &field[i]);
    else
      wire_json_skip(&r->c);
  }
}
#define OBJECT(r, fields) object_write(r, fields, sizeof(fields) / sizeof *(fields))

static void any_scalar(struct recode *r, struct base_str key) {
  if (str_eq(key, STR("stringValue")))
    text_write(r, OTLP_any_string_value);
  else if (str_eq(key, STR("intValue")))
    pbw_int(r->out, OTLP_any_int_value, (uint64_t)wire_json_int(&r->c));
  else if (str_eq(key, STR("boolValue")))
    pbw_int(r->out, OTLP_any_bool_value, wire_json_bool(&r->c));
  else if (str_eq(key, STR("doubleValue")) && wire_json_peek(&r->c) != WIRE_JSON_NULL)
    double_write(r, OTLP_any_double_value);
  else
    wire_json_skip(&r->c);
}

static void any_write(struct recode *r) {
  struct base_str key;
  wire_json_object(&r->c);
  while (wire_json_key(&r->c, &key)) any_scalar(r, key);
}

static void pair_write(struct recode *r) {
  static const struct field fields[] = {{KEY("key"), OTLP_pair_key, FIELD_TEXT, NULL},
                                        {KEY("value"), OTLP_pair_value, FIELD_ONE, any_write}};
  OBJECT(r, fields);
}

static void list_write(struct recode *r) {
  static const struct field fields[] = {{KEY("values"), OTLP_list_values, FIELD_EACH, pair_write}};
  OBJECT(r, fields);
}

/* A record's body is the one value that is read a level deeper. */
static void body_write(struct recode *r) {
  static const struct field list = {KEY("kvlistValue"), OTLP_any_kvlist_value, FIELD_ONE, list_write};
  struct base_str key;
  wire_json_object(&r->c);
  while (wire_json_key(&r->c, &key)) {
    if (str_eq(key, list.key))
      field_write(r, &list);
    else
      any_scalar(r, key);
  }
}

static void status_write(struct recode *r) {
  static const struct field fields[] = {{KEY("code"), OTLP_status_code, FIELD_ENUM, NULL}};
  OBJECT(r, fields);
}

static void span_write(struct recode *r) {
  static const struct field fields[] = {{KEY("traceId"), OTLP_span_trace_id, FIELD_HEX, NULL},
                                        {KEY("spanId"), OTLP_span_span_id, FIELD_HEX, NULL},
                                        {KEY("traceState"), OTLP_span_trace_state, FIELD_TEXT, NULL},
                                        {KEY("parentSpanId"), OTLP_span_parent_span_id, FIELD_HEX, NULL},
                                        {KEY("name"), OTLP_span_name, FIELD_TEXT, NULL},
                                        {KEY("kind"), OTLP_span_kind, FIELD_ENUM, NULL},
                                        {KEY("startTimeUnixNano"), OTLP_span_start_time_unix_nano, FIELD_FIXED, NULL},
                                        {KEY("endTimeUnixNano"), OTLP_span_end_time_unix_nano, FIELD_FIXED, NULL},
                                        {KEY("attributes"), OTLP_span_attributes, FIELD_EACH, pair_write},
                                        {KEY("status"), OTLP_span_status, FIELD_ONE, status_write}};
  OBJECT(r, fields);
}

static void log_write(struct recode *r) {
  static const struct field fields[] = {
      {KEY("timeUnixNano"), OTLP_log_time_unix_nano, FIELD_FIXED, NULL},
      {KEY("observedTimeUnixNano"), OTLP_log_observed_time_unix_nano, FIELD_FIXED, NULL},
      {KEY("severityNumber"), OTLP_log_severity_number, FIELD_ENUM, NULL},
      {KEY("body"), OTLP_log_body, FIELD_ONE, body_write},
      {KEY("attributes"), OTLP_log_attributes, FIELD_EACH, pair_write},
      {KEY("traceId"), OTLP_log_trace_id, FIELD_HEX, NULL},
      {KEY("spanId"), OTLP_log_span_id, FIELD_HEX, NULL}};
  OBJECT(r, fields);
}

static void resource_write(struct recode *r) {
  static const struct field fields[] = {{KEY("attributes"), OTLP_resource_attributes, FIELD_EACH, pair_write}};
  OBJECT(r, fields);
}

static void scope_spans_write(struct recode *r) {
  static const struct field fields[] = {{KEY("spans"), OTLP_of_scope_spans_spans, FIELD_EACH, span_write}};
  OBJECT(r, fields);
}

static void scope_logs_write(struct recode *r) {
  static const struct field fields[] = {{KEY("logRecords"), OTLP_of_scope_logs_log_records, FIELD_EACH, log_write}};
  OBJECT(r, fields);
}

static void resource_spans_write(struct recode *r) {
  static const struct field fields[] = {
      {KEY("resource"), OTLP_of_resource_spans_resource, FIELD_ONE, resource_write},
      {KEY("scopeSpans"), OTLP_of_resource_spans_scope_spans, FIELD_EACH, scope_spans_write}};
  OBJECT(r, fields);
}

static void resource_logs_write(struct recode *r) {
  static const struct field fields[] = {
      {KEY("resource"), OTLP_of_resource_logs_resource, FIELD_ONE, resource_write},
      {KEY("scopeLogs"), OTLP_of_resource_logs_scope_logs, FIELD_EACH, scope_logs_write}};
  OBJECT(r, fields);
}

/* ---- metrics ---- */

/* The names of one message's fields: message as in WIRE_OTLP_FIELD_TABLE, field, name in JSON, kind. */
#define FIELD(message, field, name, kind) \
  { KEY(name), OTLP_##message##_##field, FIELD_##kind, NULL }
#define FIELD_OF(message, field, name, kind, write) \
  { KEY(name), OTLP_##message##_##field, FIELD_##kind, write }

static void point_write_number(struct recode *r) {
  static const struct field fields[] = {FIELD(number, start_time_unix_nano, "startTimeUnixNano", FIXED),
                                        FIELD(number, time_unix_nano, "timeUnixNano", FIXED),
                                        FIELD(number, as_double, "asDouble", DOUBLE),
                                        FIELD(number, as_int, "asInt", FIXED),
                                        FIELD(number, flags, "flags", INT),
                                        FIELD_OF(number, attributes, "attributes", EACH, pair_write)};
  OBJECT(r, fields);
}

static void point_write_histogram(struct recode *r) {
  static const struct field fields[] = {FIELD(histogram_point, start_time_unix_nano, "startTimeUnixNano", FIXED),
                                        FIELD(histogram_point, time_unix_nano, "timeUnixNano", FIXED),
                                        FIELD(histogram_point, count, "count", FIXED),
                                        FIELD(histogram_point, sum, "sum", DOUBLE),
                                        FIELD(histogram_point, bucket_counts, "bucketCounts", FIXEDS),
                                        FIELD(histogram_point, explicit_bounds, "explicitBounds", DOUBLES),
                                        FIELD(histogram_point, flags, "flags", INT),
                                        FIELD_OF(histogram_point, attributes, "attributes", EACH, pair_write)};
  OBJECT(r, fields);
}

static void buckets_write(struct recode *r) {
  static const struct field fields[] = {FIELD(buckets, offset, "offset", ZIGZAG),
                                        FIELD(buckets, bucket_counts, "bucketCounts", INTS)};
  OBJECT(r, fields);
}

static void point_write_exponential(struct recode *r) {
  static const struct field fields[] = {FIELD(exponential_point, start_time_unix_nano, "startTimeUnixNano", FIXED),
                                        FIELD(exponential_point, time_unix_nano, "timeUnixNano", FIXED),
                                        FIELD(exponential_point, count, "count", FIXED),
                                        FIELD(exponential_point, sum, "sum", DOUBLE),
                                        FIELD(exponential_point, scale, "scale", ZIGZAG),
                                        FIELD(exponential_point, zero_count, "zeroCount", FIXED),
                                        FIELD(exponential_point, zero_threshold, "zeroThreshold", DOUBLE),
                                        FIELD(exponential_point, flags, "flags", INT),
                                        FIELD_OF(exponential_point, positive, "positive", ONE, buckets_write),
                                        FIELD_OF(exponential_point, negative, "negative", ONE, buckets_write),
                                        FIELD_OF(exponential_point, attributes, "attributes", EACH, pair_write)};
  OBJECT(r, fields);
}

static void point_write_summary(struct recode *r) {
  static const struct field fields[] = {FIELD(summary_point, start_time_unix_nano, "startTimeUnixNano", FIXED),
                                        FIELD(summary_point, time_unix_nano, "timeUnixNano", FIXED),
                                        FIELD(summary_point, count, "count", FIXED),
                                        FIELD(summary_point, sum, "sum", DOUBLE),
                                        FIELD(summary_point, flags, "flags", INT),
                                        FIELD_OF(summary_point, attributes, "attributes", EACH, pair_write)};
  OBJECT(r, fields);
}

static void gauge_write(struct recode *r) {
  static const struct field fields[] = {FIELD_OF(gauge, data_points, "dataPoints", EACH, point_write_number)};
  OBJECT(r, fields);
}

static void sum_write(struct recode *r) {
  static const struct field fields[] = {FIELD(sum, aggregation_temporality, "aggregationTemporality", ENUM),
                                        FIELD(sum, is_monotonic, "isMonotonic", BOOL),
                                        FIELD_OF(sum, data_points, "dataPoints", EACH, point_write_number)};
  OBJECT(r, fields);
}

static void histogram_write(struct recode *r) {
  static const struct field fields[] = {FIELD(histogram, aggregation_temporality, "aggregationTemporality", ENUM),
                                        FIELD_OF(histogram, data_points, "dataPoints", EACH, point_write_histogram)};
  OBJECT(r, fields);
}

static void exponential_write(struct recode *r) {
  static const struct field fields[] = {
      FIELD(exponential, aggregation_temporality, "aggregationTemporality", ENUM),
      FIELD_OF(exponential, data_points, "dataPoints", EACH, point_write_exponential)};
  OBJECT(r, fields);
}

static void summary_write(struct recode *r) {
  static const struct field fields[] = {FIELD_OF(summary, data_points, "dataPoints", EACH, point_write_summary)};
  OBJECT(r, fields);
}

static void metric_write(struct recode *r) {
  static const struct field fields[] = {
      FIELD(metric, name, "name", TEXT),
      FIELD(metric, unit, "unit", TEXT),
      FIELD_OF(metric, gauge, "gauge", ONE, gauge_write),
      FIELD_OF(metric, sum, "sum", ONE, sum_write),
      FIELD_OF(metric, histogram, "histogram", ONE, histogram_write),
      FIELD_OF(metric, exponential_histogram, "exponentialHistogram", ONE, exponential_write),
      FIELD_OF(metric, summary, "summary", ONE, summary_write)};
  OBJECT(r, fields);
}

static void scope_metrics_write(struct recode *r) {
  static const struct field fields[] = {FIELD_OF(of_scope_metrics, metrics, "metrics", EACH, metric_write)};
  OBJECT(r, fields);
}

static void resource_metrics_write(struct recode *r) {
  static const struct field fields[] = {
      FIELD_OF(of_resource_metrics, resource, "resource", ONE, resource_write),
      FIELD_OF(of_resource_metrics, scope_metrics, "scopeMetrics", EACH, scope_metrics_write)};
  OBJECT(r, fields);
}

static enum wire_status recode(struct base_str json, const struct field *top, struct base_buf *out,
                               struct wire_err *err) {
  struct recode r = {wire_json_over(json), out};
  object_write(&r, top, 1);
  wire_json_end(&r.c);
  if (!r.c.reason && !out->bad) return WIRE_OK;
  err->offset = r.c.p ? (size_t)(r.c.p - json.p) : 0;
  err->reason = r.c.reason ? r.c.reason : "over the size limit";
  return WIRE_BAD;
}

enum wire_status wire_recode_traces(struct base_str json, struct base_buf *out, struct wire_err *err) {
  static const struct field top = {KEY("resourceSpans"), OTLP_traces_resource_spans, FIELD_EACH, resource_spans_write};
  return recode(json, &top, out, err);
}

enum wire_status wire_recode_logs(struct base_str json, struct base_buf *out, struct wire_err *err) {
  static const struct field top = {KEY("resourceLogs"), OTLP_logs_resource_logs, FIELD_EACH, resource_logs_write};
  return recode(json, &top, out, err);
}

enum wire_status wire_recode_metrics(struct base_str json, struct base_buf *out, struct wire_err *err) {
  static const struct field top = {KEY("resourceMetrics"), OTLP_metrics_resource_metrics, FIELD_EACH,
                                   resource_metrics_write};
  return recode(json, &top, out, err);
}
