#include "otlp_make.h"

#include "wire_otlp_fields.h"
#include "wire_pb_write.h"

static size_t field_bytes(size_t n) {
  return n < 128 ? 2 + n : 3 + n;
}

/* As senders write them: lengths have no idle bits. */
static void pairs_put(struct base_buf *out, uint32_t tag, const struct made_pair *p) {
  for (; p && p->key; p++) {
    size_t any = field_bytes(strlen(p->value));
    pbw_int(out, tag, field_bytes(strlen(p->key)) + field_bytes(any));
    pbw_str(out, OTLP_pair_key, str_of(p->key));
    pbw_int(out, OTLP_pair_value, any);
    pbw_str(out, OTLP_any_string_value, str_of(p->value));
  }
}

static void id_put(struct base_buf *out, uint32_t tag, const char *one, size_t n) {
  char id[16];
  if (!one) return;
  memset(id, one[0], sizeof id);
  pbw_str(out, tag, (struct base_str){id, n});
}

static void span_put(struct base_buf *out, const struct made_span *s) {
  size_t at = pbw_enter(out, OTLP_of_scope_spans_spans);
  id_put(out, OTLP_span_trace_id, s->trace, 16);
  id_put(out, OTLP_span_span_id, s->id, 8);
  id_put(out, OTLP_span_parent_span_id, s->parent, 8);
  if (s->state) pbw_str(out, OTLP_span_trace_state, str_of(s->state));
  if (s->name) pbw_str(out, OTLP_span_name, str_of(s->name));
  pbw_int(out, OTLP_span_kind, s->kind);
  pbw_fixed64(out, OTLP_span_start_time_unix_nano, (uint64_t)s->start_ns);
  pbw_fixed64(out, OTLP_span_end_time_unix_nano, (uint64_t)(s->start_ns + s->span_ns));
  pairs_put(out, OTLP_span_attributes, s->attr);
  if (s->error) {
    size_t status = pbw_enter(out, OTLP_span_status);
    pbw_int(out, OTLP_status_code, 2);
    pbw_leave(out, status);
  }
  pbw_leave(out, at);
}

static void log_put(struct base_buf *out, const struct made_log *l) {
  size_t at = pbw_enter(out, OTLP_of_scope_logs_log_records);
  pbw_fixed64(out, OTLP_log_time_unix_nano, (uint64_t)l->time_ns);
  pbw_int(out, OTLP_log_severity_number, l->severity);
  if (l->body) {
    size_t body = pbw_enter(out, OTLP_log_body);
    pbw_str(out, OTLP_any_string_value, str_of(l->body));
    pbw_leave(out, body);
  }
  pairs_put(out, OTLP_log_attributes, l->attr);
  pbw_leave(out, at);
}

struct frame {
  size_t group, scope;
};

static struct frame frame_open(struct base_buf *out, const struct made_pair *resource) {
  struct frame f = {.group = pbw_enter(out, OTLP_traces_resource_spans)};
  size_t at = pbw_enter(out, OTLP_of_resource_spans_resource);
  pairs_put(out, OTLP_resource_attributes, resource);
  pbw_leave(out, at);
  f.scope = pbw_enter(out, OTLP_of_resource_spans_scope_spans);
  return f;
}

static void frame_close(struct base_buf *out, struct frame f) {
  pbw_leave(out, f.scope);
  pbw_leave(out, f.group);
}

void otlp_make_spans(struct base_buf *out, const struct made_pair *resource, const struct made_span *span, size_t n) {
  struct frame f = frame_open(out, resource);
  for (size_t i = 0; i < n; i++) span_put(out, &span[i]);
  frame_close(out, f);
}

void otlp_make_logs(struct base_buf *out, const struct made_pair *resource, const struct made_log *log, size_t n) {
  struct frame f = frame_open(out, resource);
  for (size_t i = 0; i < n; i++) log_put(out, &log[i]);
  frame_close(out, f);
}
