/* Log records: which are access logs, and what they say. */
#include "base_time.h"
#include "wire_told.h"

#define NS_PER_MS 1000000ull

/* Envoy's records carry the node that wrote them, or the flags that only an access log has. */
static bool is_access_log(const struct wire_attrs *resource, const struct wire_attrs *a) {
  bool ended = attrs_has(a, WIRE_ATTR_CODE) || attrs_has(a, WIRE_ATTR_FLAGS);
  return ended && (attrs_has(a, WIRE_ATTR_FLAGS) || attrs_has(a, WIRE_ATTR_UPSTREAM_CLUSTER) ||
                   attrs_has(resource, WIRE_ATTR_NODE_ID) || attrs_has(resource, WIRE_ATTR_LOG_NAME));
}

static enum wire_hint direction(const struct wire_attrs *resource, const struct wire_attrs *a) {
  struct base_str said = attrs_text(a, WIRE_ATTR_DIRECTION);
  enum wire_hint hint = wire_identity_hint(said);
  if (hint == WIRE_HINT_NONE && str_eq(said, STR("source"))) hint = WIRE_HINT_CLIENT;
  if (hint == WIRE_HINT_NONE && str_eq(said, STR("destination"))) hint = WIRE_HINT_SERVER;
  return hint != WIRE_HINT_NONE ? hint : wire_identity_hint(attrs_text(resource, WIRE_ATTR_LOG_NAME));
}

/* Envoy's record has the request's start as its time; START_TIME stands in, then what the collector observed. */
static void log_time(const struct wire_log *l, const struct wire_attrs *a, uint64_t span_ns, struct wire_request *e) {
  struct base_wall start;
  uint64_t start_ns = l->time_ns;
  if (start_ns == 0 && time_read(attrs_text(a, WIRE_ATTR_START), &start) && start.ns > 0) start_ns = (uint64_t)start.ns;
  if (start_ns == 0 && l->observed_ns > span_ns) start_ns = l->observed_ns - span_ns;
  told_time(e, start_ns, span_ns);
}

static bool names_one(struct base_str s) {
  return s.n > 0 && !str_eq(s, STR("-")) && !str_eq(s, STR("unknown"));
}

static void log_peers(const struct wire_attrs *a, struct wire_told *out) {
  struct wire_request *e = &out->request;
  out->caller = (struct wire_who){.service = attrs_text(a, WIRE_ATTR_SOURCE),
                                  .namespace_ = attrs_text(a, WIRE_ATTR_SOURCE_NAMESPACE)};
  out->callee = (struct wire_who){.service = attrs_text(a, WIRE_ATTR_DESTINATION),
                                  .namespace_ = attrs_text(a, WIRE_ATTR_DESTINATION_NAMESPACE)};
  if (names_one(out->caller.service)) e->caller = &out->caller;
  if (names_one(out->callee.service)) e->callee = &out->callee;
}

/* Connections have no method: Envoy writes a dash, or leaves the label out. */
static bool is_connection(const struct wire_attrs *a, const struct wire_request *e) {
  bool dash = str_eq(attrs_text(a, WIRE_ATTR_METHOD), STR("-"));
  bool bare = !attrs_has(a, WIRE_ATTR_METHOD) && e->path.n == 0;
  return e->code == 0 && e->method == 0 && (dash || (bare && e->authority.n == 0));
}

/* A proxy that does not say who it is, is known by its address: its listener's where it serves, else the one that it
 * calls from. */
static void reporter_address(const struct wire_attrs *a, struct wire_told *out) {
  struct wire_reporter *who = &out->who;
  if (who->node_id.n || who->service.n || who->node_cluster.n || who->canonical_service.n) return;
  bool local = str_starts(out->request.upstream_cluster, STR("inbound"));
  struct wire_addr up = told_address(attrs_text(a, WIRE_ATTR_UPSTREAM_LOCAL));
  who->node_id = local || out->hint == WIRE_HINT_SERVER ? out->request.downstream_local.ip : up.ip;
  if (who->node_id.n == 0) who->node_id = out->request.downstream_local.ip;
}

void wire_told_log(const struct wire_attrs *resource, const struct wire_log *l, const struct wire_attr_keys *keys,
                   struct wire_attrs *a, struct wire_told *out) {
  struct wire_request *e = &out->request;
  uint64_t ms = 0;
  out->kind = WIRE_TOLD_OTHER;
  bool line = l->body.n > 0 && wire_told_text(l->body, keys, a);
  told_reporter(resource, a, &out->who);
  if (!line && !is_access_log(resource, a)) return;
  out->who.is_proxy = true;
  request_clear(e);
  told_words(a, e);
  e->source = WIRE_SOURCE_LOG;
  e->authority = attrs_text(a, WIRE_ATTR_AUTHORITY);
  out->hint = direction(resource, a);
  out->kind =
      attrs_number(a, WIRE_ATTR_DURATION, &ms) && ms < UINT64_MAX / NS_PER_MS ? WIRE_TOLD_REQUEST : WIRE_TOLD_POOR;
  log_time(l, a, ms * NS_PER_MS, e);
  log_peers(a, out);
  e->is_tcp = is_connection(a, e);
  if (e->is_tcp) {
    e->tcp_received = e->request_body_bytes;
    e->tcp_sent = e->response_body_bytes;
  }
  reporter_address(a, out);
}
