/* What spans and access logs have in common: words for the same things. */
#include "wire_told.h"

#include "wire_route.h"

#define METHODS 9u

static inline struct base_str either(const struct wire_attrs *a, const struct wire_attrs *b, enum wire_attr i) {
  return attrs_has(a, i) ? attrs_text(a, i) : attrs_text(b, i);
}

static inline struct base_str first(struct base_str a, struct base_str b) {
  return a.n ? a : b;
}

_Static_assert(WIRE_ATTR_COMPONENT < 64, "what tells a reporter stands first");

/* An attribute of the item stands over its resource's. Most of them are in neither. */
void told_reporter(const struct wire_attrs *resource, const struct wire_attrs *a, struct wire_reporter *out) {
  const uint64_t said = a->has[0] | resource->has[0];
#define OF(name) (said >> WIRE_ATTR_##name & 1 ? either(a, resource, WIRE_ATTR_##name) : STR_NONE)
  *out = (struct wire_reporter){.node_id = OF(NODE_ID), .node_cluster = OF(NODE_CLUSTER), .service = OF(SERVICE)};
  out->is_proxy = str_eq(attrs_text(a, WIRE_ATTR_COMPONENT), STR("proxy")) || out->node_id.n ||
                  str_eq(attrs_text(resource, WIRE_ATTR_SDK), STR("envoy"));
  out->namespace_ = first(OF(ISTIO_NAMESPACE), first(OF(K8S_NAMESPACE), OF(SERVICE_NAMESPACE)));
  out->version = OF(SERVICE_VERSION);
  out->pod = out->is_proxy ? OF(POD) : first(OF(POD), OF(SERVICE_INSTANCE));
  out->cluster = first(OF(ISTIO_CLUSTER), first(OF(KUMA_ZONE), OF(K8S_CLUSTER)));
  out->region = OF(REGION);
  out->zone = first(OF(ZONE), OF(NODE_ZONE));
  out->ip = OF(POD_IP);
  out->canonical_service = OF(ISTIO_SERVICE);
  out->canonical_revision = OF(ISTIO_REVISION);
  out->kuma_mesh = OF(KUMA_MESH);
  out->kuma_workload = OF(KUMA_WORKLOAD);
#undef OF
}

uint32_t told_method(struct base_str text) {
  for (uint32_t m = 1; m <= METHODS; m++)
    if (str_eq(wire_route_method(m), text)) return m;
  return 0;
}

/* "UF,URX" -> bits; "-" and unknown codes are none. */
uint32_t told_flags(struct base_str text) {
  static const struct {
    struct base_str name;
    uint32_t bit;
  } flag[] = {
#define X(number, name) {{#name, sizeof(#name) - 1}, 1u << (number)},
      WIRE_FLAG_TABLE(X)
#undef X
  };
  uint32_t bits = 0;
  while (text.n) {
    size_t comma = str_find(text, ',', 0);
    struct base_str one = str_cut(text, 0, comma);
    for (size_t i = 0; one.n > 1 && i < sizeof flag / sizeof *flag; i++)
      if (str_eq(flag[i].name, one)) bits |= flag[i].bit;
    text = str_cut(text, comma + 1, text.n);
  }
  return bits;
}

static bool is_digits(struct base_str s) {
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] < '0' || s.p[i] > '9') return false;
  return s.n > 0;
}

/* ip:port, [v6]:port; anything else is no address. */
struct wire_addr told_address(struct base_str text) {
  struct wire_addr out = {0};
  size_t colon = text.n;
  if (text.n == 0) return out;
  while (colon > 0 && text.p[colon - 1] != ':') colon--;
  struct base_str port = str_cut(text, colon, text.n), ip = colon ? str_cut(text, 0, colon - 1) : text;
  if (colon == 0 || !is_digits(port) || port.n > 5 || (str_find(ip, ':', 0) < ip.n && ip.p[0] != '[')) {
    ip = text; /* without a port */
  } else {
    for (size_t i = 0; i < port.n; i++) out.port = out.port * 10 + (uint32_t)(port.p[i] - '0');
  }
  if (ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']') ip = str_cut(ip, 1, ip.n - 1);
  if (!wire_identity_is_ip(ip)) return (struct wire_addr){0};
  out.ip = ip;
  return out;
}

void told_time(struct wire_request *e, uint64_t start_ns, uint64_t span_ns) {
  e->has_start = start_ns > 0 && start_ns <= INT64_MAX;
  e->time_absurd = start_ns > INT64_MAX || span_ns > INT64_MAX;
  e->start_ns = e->has_start ? (int64_t)start_ns : 0;
  e->duration_ns = span_ns <= INT64_MAX ? (int64_t)span_ns : 0;
}

/* gRPC's status, as a number in text or by its name (google/rpc/code.proto). */
struct base_str told_grpc(struct base_str text) {
  static const struct {
    struct base_str digits, name;
  } status[] = {
#define S(digits, name)             \
  {                                 \
    {digits, sizeof(digits) - 1}, { \
      name, sizeof(name) - 1        \
    }                               \
  }
      S("0", "OK"),
      S("1", "CANCELLED"),
      S("2", "UNKNOWN"),
      S("3", "INVALID_ARGUMENT"),
      S("4", "DEADLINE_EXCEEDED"),
      S("5", "NOT_FOUND"),
      S("6", "ALREADY_EXISTS"),
      S("7", "PERMISSION_DENIED"),
      S("8", "RESOURCE_EXHAUSTED"),
      S("9", "FAILED_PRECONDITION"),
      S("10", "ABORTED"),
      S("11", "OUT_OF_RANGE"),
      S("12", "UNIMPLEMENTED"),
      S("13", "INTERNAL"),
      S("14", "UNAVAILABLE"),
      S("15", "DATA_LOSS"),
      S("16", "UNAUTHENTICATED")};
#undef S
  for (size_t i = 0; text.n && i < sizeof status / sizeof *status; i++)
    if (str_eq(status[i].name, text) || str_eq(status[i].digits, text)) return status[i].digits;
  return STR_NONE;
}

static struct base_str grpc_of(const struct wire_attrs *a) {
  static const char digit[] = "012345678910111213141516";
  uint64_t n;
  if (!attrs_number(a, WIRE_ATTR_GRPC, &n)) return told_grpc(attrs_text(a, WIRE_ATTR_RPC_STATUS));
  if (n > 16) return STR_NONE;
  return n < 10 ? (struct base_str){digit + n, 1} : (struct base_str){digit + 10 + 2 * (n - 10), 2};
}

static struct base_str plain(struct base_str s) {
  return str_eq(s, STR("-")) ? STR_NONE : s;
}

void told_words(const struct wire_attrs *a, struct wire_request *e) {
#define OF(name) plain(attrs_text(a, WIRE_ATTR_##name))
  uint64_t n;
  e->method = told_method(OF(METHOD));
  e->path = first(OF(ROUTE), first(OF(PATH), OF(URL)));
  e->route_name = OF(ROUTE_NAME);
  e->user_agent = OF(AGENT);
  e->request_id = OF(REQUEST_ID);
  e->upstream_cluster = OF(UPSTREAM_CLUSTER);
  e->upstream_remote = told_address(OF(UPSTREAM_HOST));
  e->downstream_local = told_address(OF(DOWNSTREAM_LOCAL));
  e->downstream_direct_remote = told_address(OF(DOWNSTREAM_REMOTE));
  e->flags = told_flags(OF(FLAGS));
  e->grpc_status = grpc_of(a);
  if (attrs_number(a, WIRE_ATTR_CODE, &n) && n <= 999) {
    e->has_code = true;
    e->code = (uint32_t)n;
  }
  if (attrs_number(a, WIRE_ATTR_BYTES_IN, &n)) e->request_body_bytes = n;
  if (attrs_number(a, WIRE_ATTR_BYTES_OUT, &n)) e->response_body_bytes = n;
  if (attrs_number(a, WIRE_ATTR_ATTEMPTS, &n)) e->attempts = n < UINT16_MAX ? (uint32_t)n : UINT16_MAX;
#undef OF
}
