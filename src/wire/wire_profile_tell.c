/* A sample's labels -> the words of an access log of the same proxy, so that one identity code (wire_fold_resolve.c)
 * gives both the same names. What each mesh writes stands in docs/reference-identity.md. */
#include "base_buf.h"
#include "wire_profile.h"

#define OF(field) (l->of[WIRE_FIELD_##field])

/* What a call of wire_profile_tell works with. */
struct tell {
  const struct wire_family *family;
  const struct wire_fields *l;
  struct wire_profile_text *text;
  struct wire_told *out;
};

static struct base_str first(struct base_str a, struct base_str b) {
  return a.n ? a : b;
}

/* Parts put together in `to`; absent where they do not fit, so that nothing is cut. */
static struct base_str put(char to[WIRE_PROFILE_TEXT], const struct base_str *part, size_t n) {
  struct base_buf b = buf_over(to, WIRE_PROFILE_TEXT);
  for (size_t i = 0; i < n; i++) buf_put_str(&b, part[i]);
  return b.bad ? STR_NONE : (struct base_str){to, b.n};
}

static uint32_t number_of(struct base_str s) {
  uint32_t n = 0;
  if (s.n == 0 || s.n > 3) return UINT32_MAX;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return UINT32_MAX;
    n = n * 10 + (uint32_t)(s.p[i] - '0');
  }
  return n;
}

/* "2" and "2xx" are 200. A class says less than a code. */
static void code_put(const struct wire_fields *l, struct wire_request *e) {
  uint32_t code = number_of(OF(CODE)), class_ = OF(CODE_CLASS).n ? number_of(str_cut(OF(CODE_CLASS), 0, 1)) : 0;
  if (code == UINT32_MAX) code = class_ >= 1 && class_ <= 5 ? class_ * 100 : UINT32_MAX;
  if (code == UINT32_MAX) return;
  e->has_code = true;
  e->code = code;
}

static void words_put(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_request *e = &t->out->request;
  request_clear(e);
  e->source = t->family->source;
  code_put(l, e);
  e->grpc_status = told_grpc(OF(GRPC));
  e->flags = told_flags(OF(FLAGS));
  e->method = told_method(OF(METHOD));
  e->is_tcp = t->family->role == WIRE_ROLE_CONNECTIONS || t->family->role == WIRE_ROLE_REFUSED;
}

/* The families of durations and bytes that name no outcome are of all requests, and stand with the fine ones. */
static void outcome_default(struct wire_request *e) {
  if (!e->has_code && !e->grpc_status.n && !e->flags && e->said == WIRE_SAID_NOTHING) e->said = WIRE_SAID_FINE;
}

/* --- Istio ----------------------------------------------------------------------------------------------------- */

/* One end's names as Istio's metrics have them. */
#define ISTIO_WHO(end)                                                                                     \
  ((struct wire_who){OF(end##_NAMESPACE), first(OF(end##_SERVICE), OF(end##_WORKLOAD)), OF(end##_VERSION), \
                     OF(end##_CLUSTER), OF(end##_REGION), OF(end##_ZONE), OF(end##_POD)})

static bool is_ztunnel(const struct wire_fields *l) {
  return str_eq(OF(APP), STR("ztunnel")) || str_starts(OF(POD), STR("ztunnel-")) || str_eq(OF(JOB), STR("ztunnel"));
}

static bool is_gateway(const struct wire_fields *l) {
  return str_ends(OF(GATEWAY), STR("gateway")) || str_ends(OF(SRC_WORKLOAD), STR("gateway"));
}

/* The node's id as pilot writes it, <kind>~<ip>~<pod>.<namespace>~<domain>. */
static void istio_reporter(const struct tell *t, struct base_str kind, const struct wire_who *self) {
  const struct wire_fields *l = t->l;
  struct wire_reporter *r = &t->out->who;
  const struct base_str id[] = {kind, STR("~~"), self->pod, STR("."), self->namespace_, STR("~")};
  *r = (struct wire_reporter){.is_proxy = true, .pod = self->pod, .namespace_ = self->namespace_};
  r->node_id = put(t->text->node, id, sizeof id / sizeof *id);
  r->canonical_service = self->service;
  r->canonical_revision = self->version;
  r->cluster = first(self->cluster, OF(CLUSTER));
  r->region = first(self->region, OF(REGION));
  r->zone = first(self->zone, OF(ZONE));
}

/* The host that was asked for; where none is known, the cluster that such requests go to. */
static void istio_target(const struct tell *t, struct base_str direction) {
  const struct wire_fields *l = t->l;
  struct wire_request *e = &t->out->request;
  bool host = str_has(OF(DST_HOST), STR("."));
  if (str_ends(OF(DST_NAME), STR("Cluster")) && !str_has(OF(DST_HOST), STR(".svc."))) {
    e->upstream_cluster = OF(DST_NAME); /* PassthroughCluster, BlackHoleCluster */
    e->authority = OF(DST_HOST);
  } else if (host) {
    const struct base_str part[] = {direction, STR("|||"), OF(DST_HOST)};
    e->upstream_cluster = put(t->text->cluster, part, 3);
  } else if (OF(DST_NAME).n && OF(DST_NAME_NAMESPACE).n) {
    const struct base_str part[] = {direction, STR("|||"), OF(DST_NAME), STR("."), OF(DST_NAME_NAMESPACE), STR(".svc")};
    e->upstream_cluster = put(t->text->cluster, part, 6);
  }
}

static bool tell_istio(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_told *out = t->out;
  struct wire_request *e = &out->request;
  bool client = str_eq(OF(REPORTER), STR("source")), waypoint = str_eq(OF(REPORTER), STR("waypoint"));
  if (!client && !waypoint && !str_eq(OF(REPORTER), STR("destination"))) return false;
  struct wire_who self = client ? ISTIO_WHO(SRC) : ISTIO_WHO(DST);
  if (waypoint) self = (struct wire_who){.namespace_ = OF(NAMESPACE), .service = first(OF(GATEWAY), OF(APP))};
  if (!is_ztunnel(l)) self.pod = OF(POD);
  if (!is_ztunnel(l) && self.namespace_.n == 0) self.namespace_ = OF(NAMESPACE);
  if (self.service.n == 0 && self.pod.n == 0) return false;
  e->is_tcp |= str_starts(t->family->name, STR("istio_tcp_"));
  istio_reporter(t, waypoint ? STR("waypoint") : client && is_gateway(l) ? STR("router") : STR("sidecar"), &self);
  if (client || waypoint)
    istio_target(t, client ? STR("outbound") : STR("inbound-vip"));
  else
    e->upstream_cluster = STR("inbound|||");
  out->callee = ISTIO_WHO(DST);
  out->caller = ISTIO_WHO(SRC);
  if ((client || waypoint) && out->callee.service.n) e->callee = &out->callee;
  if (!client && out->caller.service.n) e->caller = &out->caller;
  if (t->family->role != WIRE_ROLE_REFUSED) return true;
  bool denied = str_has(OF(FLAGS), STR("DENY")) || str_has(OF(FLAGS), STR("POLICY")) ||
                str_has(OF(FLAGS), STR("IDENTITY")) || str_has(OF(FLAGS), STR("REVOKED"));
  e->flags = denied ? WIRE_FLAG(UAEX) : WIRE_FLAG(UF);
  return true;
}

/* --- Linkerd --------------------------------------------------------------------------------------------------- */

static struct base_str label_at(struct base_str s, char sep, unsigned n) {
  size_t from = 0;
  while (n--) from = str_find(s, sep, from) + 1;
  return str_cut(s, from, str_find(s, sep, from));
}

/* `account.namespace.serviceaccount.identity.…`: the account stands in for the service, as in a SPIFFE id. */
static bool linkerd_client(struct base_str id, struct wire_who *out) {
  *out = (struct wire_who){.service = label_at(id, '.', 0), .namespace_ = label_at(id, '.', 1)};
  return str_eq(label_at(id, '.', 2), STR("serviceaccount")) && !str_eq(out->service, STR("default"));
}

static void linkerd_callee(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_request *e = &t->out->request;
  struct base_str asked = OF(TO_SERVICE);
  if (asked.n == 0 && str_eq(OF(PARENT_KIND), STR("Service"))) asked = OF(PARENT);
  t->out->callee = (struct wire_who){first(OF(TO_NAMESPACE), OF(PARENT_NAMESPACE)),
                                     first(OF(TO_WORKLOAD), asked),
                                     OF(TO_HASH),
                                     OF(TO_CLUSTER),
                                     STR_NONE,
                                     OF(TO_ZONE),
                                     OF(TO_POD)};
  if (t->out->callee.service.n)
    e->callee = &t->out->callee;
  else
    e->authority = OF(AUTHORITY);
}

static bool tell_linkerd(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_told *out = t->out;
  struct wire_request *e = &out->request;
  bool client = str_eq(OF(DIRECTION), STR("outbound")) || str_starts(t->family->name, STR("outbound_"));
  if (!client && !str_eq(OF(DIRECTION), STR("inbound"))) return false;
  out->who = (struct wire_reporter){.is_proxy = true, .node_id = OF(POD), .pod = OF(POD), .namespace_ = OF(NAMESPACE)};
  out->who.node_cluster = first(OF(WORKLOAD), first(OF(APP), OF(SERVICE)));
  out->who.version = first(OF(POD_HASH), OF(VERSION));
  out->who.cluster = OF(CLUSTER);
  out->who.region = OF(REGION);
  out->who.zone = OF(ZONE);
  if (out->who.pod.n == 0 && out->who.node_cluster.n == 0) return false;
  out->hint = client ? WIRE_HINT_CLIENT : WIRE_HINT_SERVER;
  e->route_name = OF(ROUTE_NAME);
  if (str_eq(OF(ROUTE_NAME), STR("probe"))) e->user_agent = STR("Linkerd-Probe");
  if (str_eq(OF(CLASSIFICATION), STR("failure"))) e->said = WIRE_SAID_FAILED;
  if (str_eq(OF(CLASSIFICATION), STR("success"))) e->said = WIRE_SAID_FINE;
  if (!e->has_code && OF(ERROR).n) e->said = str_has(OF(ERROR), STR("imeout")) ? WIRE_SAID_TIMEOUT : WIRE_SAID_FAILED;
  if (client)
    linkerd_callee(t);
  else if (linkerd_client(OF(CLIENT_ID), &out->caller))
    e->caller = &out->caller;
  return true;
}

/* --- Hubble ---------------------------------------------------------------------------------------------------- */

static bool tell_hubble(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_told *out = t->out;
  struct wire_request *e = &out->request;
  bool client = str_eq(OF(REPORTER), STR("client")) || str_eq(OF(DIRECTION), STR("egress"));
  struct wire_who self = client ? ISTIO_WHO(SRC) : ISTIO_WHO(DST);
  if (self.service.n == 0) return false;
  out->who = (struct wire_reporter){.is_proxy = true, .node_id = self.pod, .pod = self.pod};
  out->who.namespace_ = self.namespace_;
  out->who.node_cluster = self.service;
  out->who.cluster = first(self.cluster, OF(CLUSTER));
  out->hint = client ? WIRE_HINT_CLIENT : WIRE_HINT_SERVER;
  out->callee = ISTIO_WHO(DST);
  out->caller = ISTIO_WHO(SRC);
  if (client && out->callee.service.n) e->callee = &out->callee;
  if (!client && out->caller.service.n) e->caller = &out->caller;
  if (t->family->role == WIRE_ROLE_REFUSED)
    e->flags =
        str_has(OF(REASON), STR("olicy")) || str_has(OF(REASON), STR("POLICY")) ? WIRE_FLAG(UAEX) : WIRE_FLAG(UF);
  return true;
}

/* --- Envoy ----------------------------------------------------------------------------------------------------- */

/* Clusters of the control plane and of telemetry. */
static bool is_plumbing(struct base_str cluster) {
  static const char *const name[] = {"xds-grpc",
                                     "sds-grpc",
                                     "xds_cluster",
                                     "ads_cluster",
                                     "zipkin",
                                     "agent",
                                     "local_agent",
                                     "prometheus_stats",
                                     "kuma_envoy_admin",
                                     "foreshock",
                                     "admin",
                                     "envoy_accesslog_service",
                                     "envoy_metrics_service",
                                     "prometheus_backend"};
  for (size_t i = 0; i < sizeof name / sizeof *name; i++)
    if (str_eq(cluster, str_of(name[i]))) return true;
  return str_starts(cluster, STR("kuma_")) || str_starts(cluster, STR("self_admin")) ||
         str_starts(cluster, STR("_kuma")) || str_starts(cluster, STR("outbound|0||"));
}

/* [subset.]service.namespace.datacenter.internal.trust.consul, as Consul names its clusters. */
static struct base_str consul_cluster(const struct tell *t) {
  const struct wire_fields *l = t->l;
  const struct base_str part[] = {OF(DST_SERVICE), STR("."),        first(OF(DST_NAMESPACE), STR("default")),
                                  STR("."),        OF(DST_CLUSTER), STR(".internal.trust.consul")};
  return put(t->text->cluster, part, sizeof part / sizeof *part);
}

static void envoy_reporter(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_reporter *r = &t->out->who;
  bool kuma = OF(MESH).n && (OF(KUMA_WORKLOAD).n || OF(KUMA_ZONE).n || OF(ZONE).n);
  *r = (struct wire_reporter){.is_proxy = true, .pod = OF(POD), .namespace_ = OF(NAMESPACE), .version = OF(VERSION)};
  r->node_id = first(OF(NODE_ID), first(OF(POD), OF(INSTANCE)));
  r->node_cluster = first(OF(NODE_CLUSTER), first(OF(SERVICE), first(OF(APP), OF(JOB))));
  if (OF(DST_SERVICE).n || OF(SRC_SERVICE).n) r->node_cluster = first(OF(SRC_SERVICE), r->node_cluster); /* Consul */
  r->cluster = first(OF(CLUSTER), OF(SRC_CLUSTER));
  r->region = OF(REGION);
  r->zone = OF(ZONE);
  if (!kuma) return;
  r->kuma_mesh = OF(MESH);
  r->kuma_workload = OF(KUMA_WORKLOAD);
  r->service = str_starts(OF(KUMA_WORKLOAD), STR("kri_")) ? STR_NONE : OF(KUMA_WORKLOAD);
  r->cluster = first(OF(KUMA_ZONE), OF(ZONE));
  r->zone = STR_NONE;
}

/* What a listener serves; what it sends on is told by the clusters. */
static bool envoy_listener(const struct tell *t) {
  const struct wire_fields *l = t->l;
  if (str_eq(OF(PREFIX), STR("admin")) || wire_identity_hint(OF(PREFIX)) == WIRE_HINT_CLIENT) return false;
  t->out->request.upstream_cluster = STR("local");
  t->out->hint = WIRE_HINT_SERVER;
  return true;
}

static bool tell_envoy(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_request *e = &t->out->request;
  struct base_str cluster = OF(UPSTREAM);
  if (str_ends(cluster, STR(";"))) cluster = str_cut(cluster, 0, cluster.n - 1); /* Istio's names end so since 1.24 */
  envoy_reporter(t);
  if (t->out->who.node_id.n == 0 && t->out->who.node_cluster.n == 0 && t->out->who.kuma_workload.n == 0) return false;
  if (OF(PREFIX).n) return envoy_listener(t);
  if (cluster.n == 0 || is_plumbing(cluster)) return false;
  e->upstream_cluster = OF(DST_SERVICE).n && OF(DST_CLUSTER).n ? consul_cluster(t) : cluster;
  return true;
}

/* --- OpenTelemetry --------------------------------------------------------------------------------------------- */

static void otel_route(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_request *e = &t->out->request;
  e->path = OF(ROUTE);
  if (!str_starts(t->family->name, STR("rpc_"))) return;
  const struct base_str part[] = {OF(RPC_SERVICE), STR("/"), OF(RPC_METHOD)};
  e->route_name = OF(RPC_SERVICE).n ? put(t->text->path, part, 3) : OF(RPC_METHOD);
}

static bool tell_otel(const struct tell *t) {
  const struct wire_fields *l = t->l;
  struct wire_told *out = t->out;
  struct wire_request *e = &out->request;
  bool client = str_has(t->family->name, STR("_client_"));
  size_t slash = str_find(OF(JOB), '/', 0);
  struct base_str job = slash < OF(JOB).n ? str_cut(OF(JOB), slash + 1, OF(JOB).n) : OF(JOB);
  out->who = (struct wire_reporter){.service = first(OF(SERVICE), job), .version = OF(VERSION)};
  out->who.namespace_ = first(OF(NAMESPACE), slash < OF(JOB).n ? str_cut(OF(JOB), 0, slash) : STR_NONE);
  out->who.pod = first(OF(POD), OF(INSTANCE));
  out->who.cluster = OF(CLUSTER);
  out->who.region = OF(REGION);
  out->who.zone = OF(ZONE);
  if (out->who.service.n == 0) return false;
  out->hint = client ? WIRE_HINT_CLIENT : WIRE_HINT_SERVER;
  otel_route(t);
  if (OF(ERROR).n && number_of(OF(ERROR)) == UINT32_MAX)
    e->said =
        str_has(OF(ERROR), STR("imeout")) || str_has(OF(ERROR), STR("eadline")) ? WIRE_SAID_TIMEOUT : WIRE_SAID_FAILED;
  if (!client) return true;
  e->upstream_cluster = OF(PEER);
  e->authority = OF(SERVER);
  return true;
}

bool wire_profile_tell(const struct wire_family *family, const struct wire_fields *l, struct wire_profile_text *text,
                       struct wire_told *out) {
  static bool (*const tell[WIRE_PROFILE_COUNT])(const struct tell *) = {tell_istio, tell_linkerd, tell_hubble,
                                                                        tell_envoy, tell_otel};
  struct tell t = {family, l, text, out};
  out->kind = WIRE_TOLD_REQUEST;
  out->hint = WIRE_HINT_NONE;
  words_put(&t);
  if (!tell[family->profile](&t)) return false;
  outcome_default(&out->request);
  return true;
}
