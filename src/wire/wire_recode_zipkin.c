/* Zipkin's spans, v2, as JSON or as protobuf -> OTLP as protobuf. Both readers fill one struct; one writer takes it. */
#include "wire_json.h"
#include "wire_otlp.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"
#include "wire_recode.h"

#define NS_PER_US 1000u
#define US_MAX (UINT64_MAX / NS_PER_US)

struct endpoint {
  struct base_str service, ip; /* ip as text */
  uint64_t port;
  char ip_text[46];
};

struct zipkin {
  uint8_t trace_id[16], id[8], parent_id[8];
  bool has_trace, has_id, has_parent, shared;
  enum wire_span_kind kind;
  uint64_t start_us, span_us;
  struct base_str name; /* escaped where raw is JSON */
  struct endpoint local, remote;
  struct base_str tags; /* JSON: the raw object; protobuf: the whole span, whose tags are read when they are written */
};

/* ---- out ---- */

/* How texts stand in the input. */
typedef void text_put(struct base_buf *out, struct base_str s);

static void plain_put(struct base_buf *out, struct base_str s) {
  buf_put_str(out, s);
}

static void text_write(struct base_buf *out, uint32_t tag, struct base_str s, text_put *put) {
  size_t at = pbw_enter(out, tag);
  put(out, s);
  pbw_leave(out, at);
}

static void pair_write(struct base_buf *out, uint32_t tag, struct base_str key, struct base_str value, text_put *put) {
  size_t pair = pbw_enter(out, tag);
  text_write(out, OTLP_pair_key, key, put);
  size_t any = pbw_enter(out, OTLP_pair_value);
  text_write(out, OTLP_any_string_value, value, put);
  pbw_leave(out, any);
  pbw_leave(out, pair);
}

static void number_write(struct base_buf *out, uint32_t tag, struct base_str key, uint64_t value) {
  size_t pair = pbw_enter(out, tag);
  pbw_str(out, OTLP_pair_key, key);
  size_t any = pbw_enter(out, OTLP_pair_value);
  pbw_int(out, OTLP_any_int_value, value);
  pbw_leave(out, any);
  pbw_leave(out, pair);
}

static void ids_write(const struct zipkin *z, struct base_buf *out) {
  uint8_t id[8];
  bool own = z->shared && z->kind == WIRE_SPAN_SERVER;
  for (size_t i = 0; i < sizeof id; i++) id[i] = own ? (uint8_t)~z->id[i] : z->id[i];
  const uint8_t *parent = own ? z->id : z->parent_id;
  pbw_str(out, OTLP_span_trace_id, (struct base_str){(const char *)z->trace_id, sizeof z->trace_id});
  pbw_str(out, OTLP_span_span_id, (struct base_str){(const char *)id, sizeof id});
  if (own || z->has_parent) pbw_str(out, OTLP_span_parent_span_id, (struct base_str){(const char *)parent, sizeof id});
}

static void remote_write(const struct zipkin *z, struct base_buf *out, text_put *put) {
  const struct endpoint *e = &z->remote;
  if (e->service.n) {
    size_t pair = pbw_enter(out, OTLP_span_attributes);
    pbw_str(out, OTLP_pair_key, STR("peer.service"));
    size_t any = pbw_enter(out, OTLP_pair_value);
    text_write(out, OTLP_any_string_value, e->service, put);
    pbw_leave(out, any);
    pbw_leave(out, pair);
  }
  if (e->ip.n) pair_write(out, OTLP_span_attributes, STR("net.peer.ip"), e->ip, plain_put);
  if (e->port) number_write(out, OTLP_span_attributes, STR("network.peer.port"), e->port);
}

/* The tags go in between: their reader knows the input's form. Gives where the span begins, for span_close. */
struct opened {
  size_t group, scope, span;
};

static struct opened span_open(const struct zipkin *z, struct base_buf *out, text_put *put) {
  struct opened o;
  uint64_t start_ns = z->start_us <= US_MAX ? z->start_us * NS_PER_US : UINT64_MAX;
  uint64_t span_ns = z->span_us <= US_MAX ? z->span_us * NS_PER_US : UINT64_MAX;
  o.group = pbw_enter(out, OTLP_traces_resource_spans);
  size_t resource = pbw_enter(out, OTLP_of_resource_spans_resource);
  if (z->local.service.n) {
    size_t pair = pbw_enter(out, OTLP_resource_attributes);
    pbw_str(out, OTLP_pair_key, STR("service.name"));
    size_t any = pbw_enter(out, OTLP_pair_value);
    text_write(out, OTLP_any_string_value, z->local.service, put);
    pbw_leave(out, any);
    pbw_leave(out, pair);
  }
  pbw_leave(out, resource);
  o.scope = pbw_enter(out, OTLP_of_resource_spans_scope_spans);
  o.span = pbw_enter(out, OTLP_of_scope_spans_spans);
  ids_write(z, out);
  text_write(out, OTLP_span_name, z->name, put);
  pbw_int(out, OTLP_span_kind, z->kind);
  pbw_fixed64(out, OTLP_span_start_time_unix_nano, start_ns);
  pbw_fixed64(out, OTLP_span_end_time_unix_nano, start_ns + span_ns < start_ns ? UINT64_MAX : start_ns + span_ns);
  remote_write(z, out, put);
  return o;
}

static void tag_write(struct base_buf *out, struct base_str key, struct base_str value, text_put *put) {
  pair_write(out, OTLP_span_attributes, key, value, put);
  if (!str_eq(key, STR("error")) || str_eq(value, STR("false"))) return;
  size_t status = pbw_enter(out, OTLP_span_status);
  pbw_int(out, OTLP_status_code, 2);
  pbw_leave(out, status);
}

static void span_close(struct base_buf *out, struct opened o) {
  pbw_leave(out, o.span);
  pbw_leave(out, o.scope);
  pbw_leave(out, o.group);
}

/* Local spans have no kind, and are no requests: they go on as internal. */
static bool is_whole(const struct zipkin *z) {
  return z->has_trace && z->has_id;
}

/* ---- JSON ---- */

static void json_put(struct base_buf *out, struct base_str s) {
  wire_json_unescape(s, out);
}

static int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Hex of up to 2 * n digits, right-aligned (64-bit trace ids have zeros before). False where it is none, or zero. */
static bool hex_read(struct base_str text, uint8_t *out, size_t n) {
  bool any = false;
  memset(out, 0, n);
  if (text.n == 0 || text.n > 2 * n) return false;
  for (size_t i = 0; i < text.n; i++) {
    int digit = nibble(text.p[text.n - 1 - i]);
    if (digit < 0) return false;
    any |= digit > 0;
    out[n - 1 - i / 2] |= (uint8_t)(digit << (i % 2 * 4));
  }
  return any;
}

static enum wire_span_kind kind_named(struct base_str name) {
  if (str_eq(name, STR("SERVER"))) return WIRE_SPAN_SERVER;
  if (str_eq(name, STR("CLIENT"))) return WIRE_SPAN_CLIENT;
  if (str_eq(name, STR("PRODUCER"))) return WIRE_SPAN_PRODUCER;
  return str_eq(name, STR("CONSUMER")) ? WIRE_SPAN_CONSUMER : WIRE_SPAN_INTERNAL;
}

static void endpoint_json(struct wire_json *c, struct endpoint *e) {
  struct base_str key;
  wire_json_object(c);
  while (wire_json_key(c, &key)) {
    if (wire_json_peek(c) == WIRE_JSON_NULL)
      wire_json_skip(c);
    else if (str_eq(key, STR("serviceName")))
      e->service = wire_json_string(c);
    else if (str_eq(key, STR("ipv4")) || str_eq(key, STR("ipv6")))
      e->ip = wire_json_string(c);
    else if (str_eq(key, STR("port")))
      e->port = (uint64_t)wire_json_int(c);
    else
      wire_json_skip(c);
  }
}

static void member_json(struct wire_json *c, struct base_str key, struct zipkin *z) {
  if (wire_json_peek(c) == WIRE_JSON_NULL)
    wire_json_skip(c);
  else if (str_eq(key, STR("traceId")))
    z->has_trace = hex_read(wire_json_string(c), z->trace_id, sizeof z->trace_id);
  else if (str_eq(key, STR("id")))
    z->has_id = hex_read(wire_json_string(c), z->id, sizeof z->id);
  else if (str_eq(key, STR("parentId")))
    z->has_parent = hex_read(wire_json_string(c), z->parent_id, sizeof z->parent_id);
  else if (str_eq(key, STR("kind")))
    z->kind = kind_named(wire_json_string(c));
  else if (str_eq(key, STR("name")))
    z->name = wire_json_string(c);
  else if (str_eq(key, STR("timestamp")))
    z->start_us = (uint64_t)wire_json_int(c);
  else if (str_eq(key, STR("duration")))
    z->span_us = (uint64_t)wire_json_int(c);
  else if (str_eq(key, STR("localEndpoint")))
    endpoint_json(c, &z->local);
  else if (str_eq(key, STR("remoteEndpoint")))
    endpoint_json(c, &z->remote);
  else if (str_eq(key, STR("tags")))
    z->tags = wire_json_raw(c);
  else if (str_eq(key, STR("shared")))
    z->shared = wire_json_bool(c);
  else
    wire_json_skip(c);
}

/* Tags are texts; what is none (some clients send numbers and bools) goes on as it stands. */
static void tags_json(struct wire_json *outer, struct base_str raw, struct base_buf *out) {
  struct wire_json c = wire_json_over(raw);
  struct base_str key;
  if (raw.n == 0) return;
  wire_json_object(&c);
  while (wire_json_key(&c, &key)) {
    bool text = wire_json_peek(&c) == WIRE_JSON_STRING;
    struct base_str value = text ? wire_json_string(&c) : wire_json_raw(&c);
    if (!c.reason) tag_write(out, key, value, text ? json_put : plain_put);
  }
  if (c.reason) wire_json_fail(outer, c.reason);
}

enum wire_status wire_recode_zipkin_json(struct base_str json, struct base_buf *out, uint32_t *lost,
                                         struct wire_err *err) {
  struct wire_json c = wire_json_over(json);
  struct base_str key;
  *lost = 0;
  wire_json_array(&c);
  while (wire_json_item(&c)) {
    struct zipkin z = {.kind = WIRE_SPAN_INTERNAL};
    wire_json_object(&c);
    while (wire_json_key(&c, &key)) member_json(&c, key, &z);
    if (c.reason) break;
    *lost += !is_whole(&z);
    if (!is_whole(&z)) continue;
    struct opened o = span_open(&z, out, json_put);
    tags_json(&c, z.tags, out);
    span_close(out, o);
  }
  wire_json_end(&c);
  if (!c.reason && !out->bad) return WIRE_OK;
  err->offset = c.p ? (size_t)(c.p - json.p) : 0;
  err->reason = c.reason ? c.reason : "over the size limit";
  return WIRE_BAD;
}

/* ---- protobuf ---- */

static bool id_read(struct base_str raw, uint8_t *out, size_t n) {
  bool any = false;
  memset(out, 0, n);
  if (raw.n == 0 || raw.n > n) return false;
  memcpy(out + n - raw.n, raw.p, raw.n);
  for (size_t i = 0; i < n; i++) any |= out[i] != 0;
  return any;
}

/* The bytes of an address as text; IPv6 in full, which is as good as short for comparing with itself. */
static struct base_str ip_write(struct base_str raw, char text[46]) {
  struct base_buf b = buf_over(text, 46);
  const uint8_t *p = (const uint8_t *)raw.p;
  if (raw.n != 4 && raw.n != 16) return STR_NONE;
  for (size_t i = 0; i < raw.n; i += raw.n == 4 ? 1 : 2) {
    if (raw.n == 4)
      buf_put_f(&b, i ? ".%u" : "%u", p[i]);
    else
      buf_put_f(&b, i ? ":%x" : "%x", p[i] << 8 | p[i + 1]);
  }
  return buf_str(&b);
}

static void endpoint_read(struct wire_pb *outer, struct endpoint *e) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case OTLP_endpoint_service_name: e->service = pb_view(&c); break;
      case OTLP_endpoint_ipv4:
      case OTLP_endpoint_ipv6: e->ip = ip_write(pb_view(&c), e->ip_text); break;
      case OTLP_endpoint_port: e->port = pb_varint(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

static enum wire_span_kind kind_numbered(uint64_t n) {
  static const uint8_t kind[] = {WIRE_SPAN_INTERNAL, WIRE_SPAN_CLIENT, WIRE_SPAN_SERVER, WIRE_SPAN_PRODUCER,
                                 WIRE_SPAN_CONSUMER};
  return n < sizeof kind ? (enum wire_span_kind)kind[n] : WIRE_SPAN_INTERNAL;
}

static void span_read(struct wire_pb *c, struct zipkin *z) {
  uint32_t tag;
  while (pb_next(c, &tag) == WIRE_OK) {
    switch (tag) {
      case OTLP_zipkin_trace_id: z->has_trace = id_read(pb_view(c), z->trace_id, sizeof z->trace_id); break;
      case OTLP_zipkin_id: z->has_id = id_read(pb_view(c), z->id, sizeof z->id); break;
      case OTLP_zipkin_parent_id: z->has_parent = id_read(pb_view(c), z->parent_id, sizeof z->parent_id); break;
      case OTLP_zipkin_kind: z->kind = kind_numbered(pb_varint(c)); break;
      case OTLP_zipkin_name: z->name = pb_view(c); break;
      case OTLP_zipkin_timestamp: z->start_us = pb_fixed64(c); break;
      case OTLP_zipkin_duration: z->span_us = pb_varint(c); break;
      case OTLP_zipkin_local_endpoint: endpoint_read(c, &z->local); break;
      case OTLP_zipkin_remote_endpoint: endpoint_read(c, &z->remote); break;
      case OTLP_zipkin_shared: z->shared = pb_varint(c) != 0; break;
      default: pb_skip(c, tag);
    }
  }
}

static void tags_read(struct base_str span, struct base_buf *out) {
  struct wire_pb c = pb_over(span);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != OTLP_zipkin_tags) {
      pb_skip(&c, tag);
      continue;
    }
    struct wire_pb pair = pb_enter(&c);
    struct base_str key = STR_NONE, value = STR_NONE;
    while (pb_next(&pair, &tag) == WIRE_OK) {
      switch (tag) {
        case OTLP_pair_key: key = pb_view(&pair); break; /* a map's entry has the same numbers */
        case OTLP_pair_value: value = pb_view(&pair); break;
        default: pb_skip(&pair, tag);
      }
    }
    if (!pair.reason) tag_write(out, key, value, plain_put);
  }
}

enum wire_status wire_recode_zipkin(struct base_str bytes, struct base_buf *out, uint32_t *lost, struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  *lost = 0;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != OTLP_zipkins_spans) {
      pb_skip(&c, tag);
      continue;
    }
    struct zipkin z = {.kind = WIRE_SPAN_INTERNAL};
    struct base_str span = pb_view(&c);
    struct wire_pb inner = pb_over(span);
    span_read(&inner, &z);
    *lost += inner.reason || !is_whole(&z);
    if (c.reason || inner.reason || !is_whole(&z)) continue;
    struct opened o = span_open(&z, out, plain_put);
    tags_read(span, out);
    span_close(out, o);
  }
  if (!c.reason && !out->bad) return WIRE_OK;
  err->offset = c.p ? (size_t)((const char *)c.p - bytes.p) : 0;
  err->reason = c.reason ? c.reason : "over the size limit";
  return WIRE_BAD;
}
