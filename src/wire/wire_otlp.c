#include "wire_otlp.h"

#include "wire_attr.h"
#include "wire_otlp_fields.h"

/* The frame of traces and of logs is one. */
_Static_assert(OTLP_traces_resource_spans == OTLP_logs_resource_logs, "one frame");
_Static_assert(OTLP_of_resource_spans_resource == OTLP_of_resource_logs_resource, "one frame");
_Static_assert(OTLP_of_resource_spans_scope_spans == OTLP_of_resource_logs_scope_logs, "one frame");
_Static_assert(OTLP_of_scope_spans_spans == OTLP_of_scope_logs_log_records, "one frame");

static enum wire_status otlp_bad(struct wire_err *err, struct base_str whole, const struct wire_pb *c) {
  err->offset = c->p ? (size_t)((const char *)c->p - whole.p) : 0;
  err->reason = c->reason;
  return WIRE_BAD;
}

static size_t offset(const struct wire_otlp_iter *it, const struct wire_pb *c) {
  return (size_t)((const char *)c->p - it->bytes.p);
}

enum wire_status wire_otlp_check(struct base_str bytes, struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) pb_skip(&c, tag);
  return c.reason ? otlp_bad(err, bytes, &c) : WIRE_OK;
}

void wire_otlp_iter_init(struct wire_otlp_iter *it, struct base_str bytes) {
  *it = (struct wire_otlp_iter){.bytes = bytes};
}

struct base_str wire_otlp_resource(const struct wire_otlp_iter *it) {
  return str_cut(it->bytes, it->attribute_at, it->attribute_at + it->attribute_n);
}

/* The next field `want` between *at and end: *at moves behind it. */
static enum wire_status field_next(struct wire_otlp_iter *it, size_t *at, size_t end, uint32_t want,
                                   struct base_str *out, struct wire_err *err) {
  struct wire_pb c = pb_over(str_cut(it->bytes, *at, end));
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != want) {
      pb_skip(&c, tag);
      continue;
    }
    *out = pb_view(&c);
    if (c.reason) break;
    *at = offset(it, &c);
    return WIRE_OK;
  }
  *at = end;
  return c.reason ? otlp_bad(err, it->bytes, &c) : WIRE_END;
}

/* The resource may stand behind what belongs to it. */
static void resource_find(struct wire_otlp_iter *it, struct base_str group) {
  struct wire_pb c = pb_over(group);
  uint32_t tag;
  it->attribute_at = it->attribute_n = 0;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != OTLP_of_resource_spans_resource) {
      pb_skip(&c, tag);
      continue;
    }
    struct base_str resource = pb_view(&c);
    it->attribute_at = (size_t)(resource.p - it->bytes.p);
    it->attribute_n = resource.n;
  }
}

static void span_of(const struct wire_otlp_iter *it, struct base_str in, size_t *at, size_t *end) {
  *at = (size_t)(in.p - it->bytes.p);
  *end = *at + in.n;
}

enum wire_status wire_otlp_next(struct wire_otlp_iter *it, struct base_str *item, struct wire_err *err) {
  struct base_str in;
  for (;;) {
    enum wire_status s;
    if (it->scope_at < it->scope_end) {
      s = field_next(it, &it->scope_at, it->scope_end, OTLP_of_scope_spans_spans, item, err);
    } else if (it->resource_at < it->resource_end) {
      s = field_next(it, &it->resource_at, it->resource_end, OTLP_of_resource_spans_scope_spans, &in, err);
      if (s == WIRE_OK) span_of(it, in, &it->scope_at, &it->scope_end);
      if (s == WIRE_OK) continue;
    } else if (it->at < it->bytes.n) {
      s = field_next(it, &it->at, it->bytes.n, OTLP_traces_resource_spans, &in, err);
      if (s == WIRE_OK) resource_find(it, in);
      if (s == WIRE_OK) span_of(it, in, &it->resource_at, &it->resource_end);
      if (s == WIRE_OK) continue;
    } else {
      return WIRE_END;
    }
    if (s != WIRE_END) return s;
  }
}

static struct base_str id_view(struct wire_pb *c, size_t want) {
  struct base_str id = pb_view(c);
  if (id.n != want) return STR_NONE;
  for (size_t i = 0; i < id.n; i++)
    if (id.p[i]) return id;
  return STR_NONE;
}

static bool is_error(struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag, code = 0;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_status_code)
      code = (uint32_t)pb_varint(&c);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  return code == 2;
}

enum wire_status wire_span_read(struct base_str bytes, const struct wire_attr_keys *keys, struct wire_span *out,
                                struct wire_attrs *attrs, struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  *out = (struct wire_span){0};
  attrs_clear(attrs);
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case OTLP_span_trace_id: out->trace_id = id_view(&c, 16); break;
      case OTLP_span_span_id: out->span_id = id_view(&c, 8); break;
      case OTLP_span_trace_state: out->trace_state = pb_view(&c); break;
      case OTLP_span_parent_span_id: out->parent_id = id_view(&c, 8); break;
      case OTLP_span_attributes: attrs_read(attrs, keys, &c, tag); break;
      case OTLP_span_name: out->name = pb_view(&c); break;
      case OTLP_span_kind: out->kind = (uint32_t)pb_varint(&c); break;
      case OTLP_span_start_time_unix_nano: out->start_ns = pb_fixed64(&c); break;
      case OTLP_span_end_time_unix_nano: out->end_ns = pb_fixed64(&c); break;
      case OTLP_span_status: out->error = is_error(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  return c.reason ? otlp_bad(err, bytes, &c) : WIRE_OK;
}

/* A body is text, or pairs, which count as attributes. */
static void body_read(struct wire_pb *outer, const struct wire_attr_keys *keys, struct wire_log *out,
                      struct wire_attrs *attrs) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_any_string_value) {
      out->body = pb_view(&c);
    } else if (tag == OTLP_any_kvlist_value) {
      struct wire_pb list = pb_enter(&c);
      while (pb_next(&list, &tag) == WIRE_OK) {
        if (tag == OTLP_list_values)
          attrs_read(attrs, keys, &list, tag);
        else
          pb_skip(&list, tag);
      }
      pb_leave(&c, &list);
    } else {
      pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

enum wire_status wire_log_read(struct base_str bytes, const struct wire_attr_keys *keys, struct wire_log *out,
                               struct wire_attrs *attrs, struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  *out = (struct wire_log){0};
  attrs_clear(attrs);
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case OTLP_log_time_unix_nano: out->time_ns = pb_fixed64(&c); break;
      case OTLP_log_observed_time_unix_nano: out->observed_ns = pb_fixed64(&c); break;
      case OTLP_log_severity_number: out->severity = (uint32_t)pb_varint(&c); break;
      case OTLP_log_body: body_read(&c, keys, out, attrs); break;
      case OTLP_log_attributes: attrs_read(attrs, keys, &c, tag); break;
      case OTLP_log_trace_id: out->trace_id = id_view(&c, 16); break;
      case OTLP_log_span_id: out->span_id = id_view(&c, 8); break;
      default: pb_skip(&c, tag);
    }
  }
  return c.reason ? otlp_bad(err, bytes, &c) : WIRE_OK;
}

enum wire_status wire_resource_read(struct base_str bytes, const struct wire_attr_keys *keys, struct wire_attrs *attrs,
                                    struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  attrs_clear(attrs);
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_resource_attributes)
      attrs_read(attrs, keys, &c, tag);
    else
      pb_skip(&c, tag);
  }
  return c.reason ? otlp_bad(err, bytes, &c) : WIRE_OK;
}
