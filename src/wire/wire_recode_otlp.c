/* OTLP as JSON -> OTLP as protobuf. One function a message; each walks its object once and writes as it goes. */
#include "wire_json.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"
#include "wire_recode.h"

struct recode {
  struct wire_json c;
  struct base_buf *out;
};

/* What a field of JSON becomes. */
enum field_kind { FIELD_TEXT, FIELD_HEX, FIELD_FIXED, FIELD_ENUM, FIELD_EACH, FIELD_ONE };

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

/* A number, or the name of a span's kind; other names are unspecified. */
static uint64_t enum_read(struct recode *r) {
  static const struct base_str kind[] = {KEY("SPAN_KIND_UNSPECIFIED"), KEY("SPAN_KIND_INTERNAL"),
                                         KEY("SPAN_KIND_SERVER"),      KEY("SPAN_KIND_CLIENT"),
                                         KEY("SPAN_KIND_PRODUCER"),    KEY("SPAN_KIND_CONSUMER")};
  if (wire_json_peek(&r->c) != WIRE_JSON_STRING) return (uint64_t)wire_json_int(&r->c);
  struct base_str name = wire_json_string(&r->c);
  if (str_eq(name, STR("STATUS_CODE_ERROR"))) return 2;
  for (uint64_t i = 0; i < sizeof kind / sizeof *kind; i++)
    if (str_eq(kind[i], name)) return i;
  return 0;
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
    case FIELD_TEXT: text_write(r, f->tag); break;
    case FIELD_HEX: hex_write(r, f->tag); break;
    case FIELD_FIXED: pbw_fixed64(r->out, f->tag, (uint64_t)wire_json_int(&r->c)); break;
    case FIELD_ENUM: pbw_int(r->out, f->tag, enum_read(r)); break;
    case FIELD_ONE: one_write(r, f); break;
    case FIELD_EACH:
      wire_json_array(&r->c);
      while (wire_json_item(&r->c)) one_write(r, f);
      break;
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

static void double_write(struct recode *r) {
  /* Only the whole part is ever read, so that is what goes on. */
  struct base_str text = wire_json_number(&r->c);
  bool minus = text.n && text.p[0] == '-', whole = str_find(text, 'e', 0) == text.n && str_find(text, 'E', 0) == text.n;
  struct base_str digits = str_cut(text, minus, str_find(text, '.', 0));
  uint64_t n = 0;
  if (!whole || digits.n > 18) return;
  for (size_t i = 0; i < digits.n; i++) n = n * 10 + (uint64_t)(digits.p[i] - '0');
  pbw_int(r->out, OTLP_any_int_value, minus ? 0 - n : n);
}

static void any_scalar(struct recode *r, struct base_str key) {
  if (str_eq(key, STR("stringValue")))
    text_write(r, OTLP_any_string_value);
  else if (str_eq(key, STR("intValue")))
    pbw_int(r->out, OTLP_any_int_value, (uint64_t)wire_json_int(&r->c));
  else if (str_eq(key, STR("boolValue")))
    pbw_int(r->out, OTLP_any_bool_value, wire_json_bool(&r->c));
  else if (str_eq(key, STR("doubleValue")) && wire_json_peek(&r->c) == WIRE_JSON_NUMBER)
    double_write(r);
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
