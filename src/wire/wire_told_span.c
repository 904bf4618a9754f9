/* Spans: which are requests, and what they say. */
#include "base_hash.h"
#include "wire_told.h"

#define TH_BITS 56u
#define TH_DIGITS 14u

static int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of `th` in the member `ot` of a trace state: "congo=t61rc,ot=th:8;rv:…". */
static struct base_str threshold_find(struct base_str state) {
  while (state.n) {
    size_t comma = str_find(state, ',', 0);
    struct base_str member = str_cut(state, 0, comma);
    state = str_cut(state, comma + 1, state.n);
    while (member.n && member.p[0] == ' ') member = str_cut(member, 1, member.n);
    if (!str_starts(member, STR("ot="))) continue;
    member = str_cut(member, 3, member.n);
    while (member.n) {
      size_t semicolon = str_find(member, ';', 0);
      struct base_str part = str_cut(member, 0, semicolon);
      if (str_starts(part, STR("th:"))) return str_cut(part, 3, part.n);
      member = str_cut(member, semicolon + 1, member.n);
    }
  }
  return STR_NONE;
}

uint32_t wire_told_weight(struct base_str state, struct base_str trace_id) {
  struct base_str th = state.n ? threshold_find(state) : STR_NONE;
  uint64_t threshold = 0;
  if (th.n == 0 || th.n > TH_DIGITS) return 1;
  for (size_t i = 0; i < TH_DIGITS; i++) {
    int digit = i < th.n ? hex_of(th.p[i]) : 0;
    if (digit < 0) return 1;
    threshold = threshold << 4 | (uint64_t)digit;
  }
  uint64_t kept = (1ull << TH_BITS) - threshold, whole = (1ull << TH_BITS) / kept;
  if (whole >= LIMIT_SAMPLE_WEIGHT) return LIMIT_SAMPLE_WEIGHT;
  /* The rest of the division, as a share of 2^32, against a number that the trace gives itself: all its spans round
   * alike. */
  uint64_t share = (((1ull << TH_BITS) - whole * kept) >> 24 << 32) / ((kept >> 24) + 1);
  uint64_t chance = hash_bytes((struct base_hash_key){0, 0}, trace_id.p, trace_id.n) >> 32;
  return (uint32_t)whole + (chance < share);
}

/* The host, with its port, of a URL. */
static struct base_str url_host(struct base_str url) {
  size_t at = str_find(url, ':', 0);
  while (at < url.n && !str_starts(str_cut(url, at, url.n), STR("://"))) at = str_find(url, ':', at + 1);
  if (at == url.n) return STR_NONE;
  url = str_cut(url, at + 3, url.n);
  url.n = str_find(url, '/', 0);
  url.n = str_find(url, '?', 0);
  url.n = str_find(url, '#', 0);
  return url;
}

static bool is_true(const struct wire_attrs *a, enum wire_attr i) {
  if (!attrs_has(a, i)) return false;
  return a->value[i].text.p ? !str_eq(a->value[i].text, STR("false")) : a->value[i].number != 0;
}

/* A proxy's span says by its status how it ended; an application's may have none. */
static enum wire_said said_of(const struct wire_span *s, const struct wire_attrs *a) {
  struct base_str type = attrs_text(a, WIRE_ATTR_ERROR_TYPE);
  if (!s->error && !is_true(a, WIRE_ATTR_ERROR)) return WIRE_SAID_FINE;
  if (str_has(type, STR("imeout")) || str_has(type, STR("eadline"))) return WIRE_SAID_TIMEOUT;
  return WIRE_SAID_FAILED;
}

/* Envoy's span of a request has what it knows of the one who asks; its spans of tries, and of its own calls
 * (authorization, rate limits), do not. */
static bool is_attempt(const struct wire_attrs *a) {
  return !attrs_has(a, WIRE_ATTR_DOWNSTREAM_CLUSTER) && !attrs_has(a, WIRE_ATTR_REQUEST_ID) &&
         !attrs_has(a, WIRE_ATTR_URL) && !attrs_has(a, WIRE_ATTR_METHOD);
}

/* With a span for each try, Envoy calls the span of the request SERVER at listeners of both directions: then its name
 * tells, or the rules for access logs (the upstream cluster). */
static enum wire_hint proxy_hint(const struct wire_span *s) {
  if (str_starts(s->name, STR("ingress"))) return WIRE_HINT_SERVER;
  if (str_starts(s->name, STR("egress")) || s->kind == WIRE_SPAN_CLIENT) return WIRE_HINT_CLIENT;
  return WIRE_HINT_NONE;
}

static void told_proxy(const struct wire_attrs *a, struct wire_told *out) {
  struct wire_request *e = &out->request;
  out->kind = WIRE_TOLD_REQUEST;
  e->source = WIRE_SOURCE_PROXY_SPAN;
  e->authority = url_host(attrs_text(a, WIRE_ATTR_URL));
  if (e->downstream_direct_remote.ip.n == 0)
    e->downstream_direct_remote = told_address(attrs_text(a, WIRE_ATTR_PEER_ADDRESS));
}

static void told_client(const struct wire_attrs *a, struct wire_request *e) {
  struct base_str service = attrs_text(a, WIRE_ATTR_PEER_SERVICE), host = attrs_text(a, WIRE_ATTR_HOST);
  uint64_t port = 0;
  if (host.n == 0) host = url_host(attrs_text(a, WIRE_ATTR_URL));
  if (service.n == 0 && host.n == 0) service = attrs_text(a, WIRE_ATTR_DB);
  e->upstream_cluster = service;
  e->authority = host;
  e->upstream_remote = told_address(attrs_text(a, WIRE_ATTR_PEER_ADDRESS));
  if (attrs_number(a, WIRE_ATTR_PEER_PORT, &port) && port <= UINT16_MAX) e->upstream_remote.port = (uint32_t)port;
}

/* Semantic conventions name spans of remote calls after the method, and HTTP spans without a route after less. */
static void told_application(const struct wire_span *s, const struct wire_attrs *a, struct wire_told *out) {
  struct wire_request *e = &out->request;
  bool server = s->kind == WIRE_SPAN_SERVER;
  if (!server && s->kind != WIRE_SPAN_CLIENT) return;
  out->kind = WIRE_TOLD_REQUEST;
  out->hint = server ? WIRE_HINT_SERVER : WIRE_HINT_CLIENT;
  e->source = WIRE_SOURCE_SPAN;
  e->said = (uint8_t)said_of(s, a);
  e->upstream_cluster = STR_NONE;
  e->flags = 0;
  if (attrs_has(a, WIRE_ATTR_RPC_SYSTEM) || e->path.n == 0) e->route_name = s->name;
  if (server)
    e->downstream_direct_remote = told_address(attrs_text(a, WIRE_ATTR_PEER_ADDRESS));
  else
    told_client(a, e);
}

void wire_told_span(const struct wire_attrs *resource, const struct wire_span *s, const struct wire_attrs *a,
                    struct wire_told *out) {
  struct wire_request *e = &out->request;
  out->kind = WIRE_TOLD_OTHER;
  out->hint = WIRE_HINT_NONE;
  told_reporter(resource, a, &out->who);
  if (!out->who.is_proxy && s->kind != WIRE_SPAN_SERVER && s->kind != WIRE_SPAN_CLIENT) return;
  if (out->who.is_proxy) out->hint = proxy_hint(s);
  if (out->who.is_proxy && is_attempt(a)) {
    out->kind = WIRE_TOLD_ATTEMPT;
    told_time(e, s->start_ns, s->end_ns - s->start_ns);
    return;
  }
  request_clear(e);
  told_words(a, e);
  told_time(e, s->start_ns, s->end_ns - s->start_ns);
  e->time_absurd |= s->end_ns < s->start_ns;
  e->weight = wire_told_weight(s->trace_state, s->trace_id);
  if (out->who.is_proxy)
    told_proxy(a, out);
  else
    told_application(s, a, out);
}
