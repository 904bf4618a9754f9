/* What a proxy says of itself (its node) and of the other end (a peer's Struct). */
#include "wire_identity.h"
#include "wire_identity_struct.h"

/* The labels that Istio's canonical names come from, best first (istio: pkg/kube/labels/labels.go). */
struct labels {
  struct base_str name[3], revision[3], cluster;
};

static void labels_read(struct base_str raw, struct labels *out) {
  struct wire_struct_iter it = wire_struct_over(raw);
  struct base_str key, value;
  bool is_struct;
  while (wire_struct_next(&it, &key, &value, &is_struct)) {
    if (is_struct) continue;
    if (str_eq(key, STR("service.istio.io/canonical-name"))) out->name[0] = value;
    if (str_eq(key, STR("app.kubernetes.io/name"))) out->name[1] = value;
    if (str_eq(key, STR("app"))) out->name[2] = value;
    if (str_eq(key, STR("service.istio.io/canonical-revision"))) out->revision[0] = value;
    if (str_eq(key, STR("app.kubernetes.io/version"))) out->revision[1] = value;
    if (str_eq(key, STR("version"))) out->revision[2] = value;
    if (str_eq(key, STR("topology.istio.io/cluster"))) out->cluster = value;
  }
}

static struct base_str first(const struct base_str *s, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    if (s[i].n) return s[i];
  return STR_NONE;
}

static void self_ips(struct base_str list, struct wire_self *out) {
  while (list.n && out->ip_n < WIRE_SELF_IPS) {
    size_t comma = str_find(list, ',', 0);
    struct base_str ip = str_cut(list, 0, comma);
    bool known = ip.n == 0;
    for (uint32_t i = 0; i < out->ip_n; i++) known |= str_eq(out->ip[i], ip);
    if (!known) out->ip[out->ip_n++] = ip;
    list = str_cut(list, comma + 1, list.n);
  }
}

static struct base_str part(struct base_str id, unsigned n) {
  size_t from = 0;
  while (n--) from = str_find(id, '~', from) + 1;
  return str_cut(id, from, str_find(id, '~', from));
}

/* What the node's metadata holds, whatever the mesh. */
struct meta {
  struct base_str pod, namespace_, service, workload, version, cluster, region, zone, ips, interception;
  struct labels labels;
};

static bool same_word(struct base_str s, const char *word) {
  size_t n = strlen(word);
  if (s.n != n) return false;
  for (size_t i = 0; i < n; i++)
    if ((s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]) != word[i]) return false;
  return true;
}

/* Keys are compared without regard to case, so that `pod` and `POD` are one. */
static void meta_key(struct meta *m, struct base_str key, struct base_str value) {
  static const struct {
    const char *key;
    size_t at;
  } table[] = {{"pod", offsetof(struct meta, pod)},
               {"pod_name", offsetof(struct meta, pod)},
               {"name", offsetof(struct meta, pod)},
               {"namespace", offsetof(struct meta, namespace_)},
               {"pod_namespace", offsetof(struct meta, namespace_)},
               {"service", offsetof(struct meta, service)},
               {"service_name", offsetof(struct meta, service)},
               {"app", offsetof(struct meta, service)},
               {"workload_name", offsetof(struct meta, workload)},
               {"version", offsetof(struct meta, version)},
               {"cluster_id", offsetof(struct meta, cluster)},
               {"cluster", offsetof(struct meta, cluster)},
               {"cluster_name", offsetof(struct meta, cluster)},
               {"region", offsetof(struct meta, region)},
               {"zone", offsetof(struct meta, zone)},
               {"instance_ips", offsetof(struct meta, ips)},
               {"pod_ip", offsetof(struct meta, ips)},
               {"ip", offsetof(struct meta, ips)},
               {"interception_mode", offsetof(struct meta, interception)}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (!same_word(key, table[i].key)) continue;
    struct base_str *to = (struct base_str *)(void *)((char *)m + table[i].at);
    *to = value;
    return;
  }
}

static void meta_read(struct base_str raw, struct meta *m) {
  struct wire_struct_iter it = wire_struct_over(raw);
  struct base_str key, value;
  bool is_struct;
  while (wire_struct_next(&it, &key, &value, &is_struct)) {
    if (!is_struct)
      meta_key(m, key, value);
    else if (str_eq(key, STR("LABELS")))
      labels_read(value, &m->labels);
  }
}

static void self_istio(const struct wire_node *node, const struct meta *m, struct wire_self *out) {
  struct base_str pod = part(node->id, 2);
  size_t dot = pod.n;
  while (dot > 0 && pod.p[dot - 1] != '.') dot--;
  struct wire_who *w = &out->who;
  w->pod = m->pod.n ? m->pod : str_cut(pod, 0, dot ? dot - 1 : pod.n);
  w->namespace_ = m->namespace_.n || dot == 0 ? m->namespace_ : str_cut(pod, dot, pod.n);
  w->service = first(m->labels.name, 3);
  if (w->service.n == 0) w->service = m->workload;
  if (w->service.n == 0) w->service = str_cut(node->cluster, 0, str_find(node->cluster, '.', 0));
  w->version = first(m->labels.revision, 3);
  if (w->version.n == 0) w->version = STR("latest");
  w->cluster = m->cluster.n ? m->cluster : m->labels.cluster;
  out->intercepts = !str_eq(m->interception, STR("NONE"));
  self_ips(part(node->id, 1), out);
}

/* "name.ns" with exactly one dot -> name and ns; else the whole. */
static struct base_str cut_namespace(struct base_str s, struct base_str *ns) {
  size_t dot = str_find(s, '.', 0);
  if (dot == s.n || dot == 0 || dot + 1 == s.n || str_find(s, '.', dot + 1) != s.n || wire_identity_is_ip(s)) return s;
  if (ns->n == 0) *ns = str_cut(s, dot + 1, s.n);
  return str_cut(s, 0, dot);
}

static void self_plain(const struct wire_node *node, const struct meta *m, struct wire_self *out) {
  struct wire_who *w = &out->who;
  w->namespace_ = m->namespace_;
  struct base_str pod = cut_namespace(node->id, &w->namespace_);
  w->pod = m->pod.n ? m->pod : pod;
  w->service = m->service.n ? m->service : cut_namespace(node->cluster, &w->namespace_);
  w->version = m->version.n ? m->version : first(m->labels.revision, 3);
  w->cluster = m->cluster;
}

static enum wire_kind kind_of(struct base_str id) {
  static const struct {
    struct base_str prefix;
    enum wire_kind kind;
  } kind[] = {
      {{"sidecar~", 8}, WIRE_KIND_SIDECAR}, {{"router~", 7}, WIRE_KIND_ROUTER}, {{"waypoint~", 9}, WIRE_KIND_WAYPOINT}};
  for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
    if (str_starts(id, kind[i].prefix)) return kind[i].kind;
  return WIRE_KIND_PLAIN;
}

static void self_of(const struct wire_node *node, const struct meta *m, struct wire_self *out) {
  out->kind = kind_of(node->id);
  if (out->kind == WIRE_KIND_PLAIN)
    self_plain(node, m, out);
  else
    self_istio(node, m, out);
  out->who.region = node->region.n ? node->region : m->region;
  out->who.zone = node->zone.n ? node->zone : m->zone;
  self_ips(m->ips, out);
}

void wire_identity_self(const struct wire_node *node, struct wire_self *out) {
  struct meta m = {0};
  *out = (struct wire_self){0};
  meta_read(node->metadata, &m);
  self_of(node, &m, out);
}

static bool is_word(struct base_str s) {
  return s.n > 0 && !str_eq(s, STR("-")) && !str_eq(s, STR("unknown"));
}

static struct base_str word(struct base_str s) {
  return is_word(s) ? s : STR_NONE;
}

/* Kuma: the node's id is <mesh>.<dataplane>, the rest is in the workload's KRI:
 * kri_wl_<mesh>_<zone>_<namespace>_<name>_<section>. */
static void self_kuma(const struct wire_reporter *r, struct wire_self *out) {
  size_t dot = str_find(r->node_id, '.', 0);
  struct wire_who *w = &out->who;
  w->pod = r->pod.n ? r->pod : dot < r->node_id.n ? str_cut(r->node_id, dot + 1, r->node_id.n) : r->node_id;
  w->namespace_ = r->namespace_;
  w->service = r->service.n ? r->service : r->node_cluster;
  if (str_starts(r->kuma_workload, STR("kri_"))) {
    if (w->namespace_.n == 0) w->namespace_ = wire_identity_kri(r->kuma_workload, 4);
    if (w->service.n == 0) w->service = wire_identity_kri(r->kuma_workload, 5);
  }
  w->version = r->version;
  w->cluster = r->cluster;
  w->region = r->region;
  w->zone = r->zone;
  self_ips(r->ip, out);
}

void wire_identity_reporter(const struct wire_reporter *r, struct wire_self *out) {
  *out = (struct wire_self){0};
  if (r->kuma_mesh.n || r->kuma_workload.n) {
    self_kuma(r, out);
    return;
  }
  struct meta m = {.pod = r->pod, .namespace_ = r->namespace_, .version = r->version, .cluster = r->cluster};
  struct wire_node node = {.zone = word(r->zone)};
  m.region = r->region;
  m.ips = r->ip;
  m.labels.name[0] = r->canonical_service;
  m.labels.revision[0] = r->canonical_revision;
  if (r->is_proxy) {
    node.id = r->node_id;
    node.cluster = r->node_cluster.n ? r->node_cluster : r->service;
    if (m.labels.name[0].n && kind_of(node.id) == WIRE_KIND_PLAIN) m.service = m.labels.name[0];
  } else {
    m.service = r->service;
  }
  self_of(&node, &m, out);
}

bool wire_identity_peer(struct base_str raw, struct wire_who *out) {
  struct wire_struct_iter it = wire_struct_over(raw);
  struct base_str key, value, workload = STR_NONE;
  bool is_struct;
  *out = (struct wire_who){0};
  while (wire_struct_next(&it, &key, &value, &is_struct)) {
    if (is_struct || value.n == 0 || key.n < 4 || str_eq(value, STR("unknown"))) continue;
    switch (key.n << 8 | (unsigned char)key.p[0]) {
      case 4u << 8 | 'n': out->pod = str_eq(key, STR("name")) ? value : out->pod; break;
      case 9u << 8 | 'n': out->namespace_ = str_eq(key, STR("namespace")) ? value : out->namespace_; break;
      case 7u << 8 | 's': out->service = str_eq(key, STR("service")) ? value : out->service; break;
      case 7u << 8 | 'c': out->cluster = str_eq(key, STR("cluster")) ? value : out->cluster; break;
      case 8u << 8 | 'r': out->version = str_eq(key, STR("revision")) ? value : out->version; break;
      case 6u << 8 | 'r': out->region = str_eq(key, STR("region")) ? value : out->region; break;
      case 17u << 8 | 'a': out->zone = str_eq(key, STR("availability_zone")) ? value : out->zone; break;
      case 8u << 8 | 'w': workload = str_eq(key, STR("workload")) ? value : workload; break;
      default: break;
    }
  }
  if (out->service.n == 0) out->service = workload;
  return out->service.n > 0 || out->pod.n > 0;
}
