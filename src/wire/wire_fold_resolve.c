/* From an entry to its base. The rules stand in docs/reference-identity.md in the order in which they are asked here.
 * First comes a look into what the same raw bytes meant last time; addresses and places that were learned since are
 * part of those bytes. */
#include "wire_flat.h"
#include "wire_fold_state.h"

/* All that identity rests on, gathered once an entry. */
struct view {
  const struct wire_request *e;
  const struct fold_run *run;
  struct wire_node_rec *node;    /* the reporter */
  struct wire_node_ref up, down; /* known instances at the upstream's and the caller's address */
  struct wire_place *place;      /* where the destination was last, only asked where no peer is known */
  struct wire_who up_peer, down_peer;
  bool has_up_peer, has_down_peer;
  struct base_str cluster; /* the upstream's, as the entry has it, or where such requests went before */
  bool needs_authority;
};

/* Identity of one entry as names, before it is numbered. */
struct found {
  struct wire_who self, dst, caller;
  struct wire_target target;
  bool server, gateway, waypoint;
};

struct key {
  uint32_t n;
  bool over;
  char p[FOLD_KEY_BYTES];
};

static void key_put(struct key *k, const void *p, size_t n) {
  if (n > sizeof k->p - k->n) {
    k->over = true;
    return;
  }
  if (n) memcpy(k->p + k->n, p, n);
  k->n += (uint32_t)n;
}

static void key_str(struct key *k, struct base_str s) {
  uint16_t n = (uint16_t)s.n;
  if (s.n > FOLD_KEY_BYTES) k->over = true;
  if (k->over) return;
  key_put(k, &n, sizeof n);
  key_put(k, s.p, s.n);
}

static void key_who(struct key *k, const struct wire_who *w) {
  key_str(k, w->namespace_);
  key_str(k, w->service);
  key_str(k, w->version);
  key_str(k, w->cluster);
  key_str(k, w->region);
  key_str(k, w->pod);
}

static bool flat_peer(struct base_str raw, struct wire_who *out) {
  struct wire_flat_node flat;
  *out = (struct wire_who){0};
  if (wire_flat_read(raw, &flat) != WIRE_OK) return false;
  out->pod = flat.name;
  out->namespace_ = flat.space;
  out->cluster = flat.cluster_id;
  if (!wire_flat_find(&flat.labels, STR("service.istio.io/canonical-name"), &out->service) &&
      !wire_flat_find(&flat.labels, STR("app"), &out->service))
    out->service = flat.workload_name;
  if (!wire_flat_find(&flat.labels, STR("service.istio.io/canonical-revision"), &out->version) &&
      !wire_flat_find(&flat.labels, STR("version"), &out->version))
    out->version = STR("latest");
  return out->service.n > 0 || out->pod.n > 0;
}

static bool peer(struct base_str raw, bool flat, struct wire_who *out) {
  if (raw.n == 0) return false;
  return flat ? flat_peer(raw, out) : wire_identity_peer(raw, out);
}

static bool named(const struct wire_who *who, struct wire_who *out) {
  if (who) *out = *who;
  return who != NULL;
}

/* The address at the other end of the downstream connection itself, not what a header says. */
static const struct wire_addr *caller_address(const struct wire_request *e) {
  return e->downstream_direct_remote.ip.n ? &e->downstream_direct_remote : &e->downstream_remote;
}

/* Does the upstream cluster name nobody, so that the authority has to? */
static bool needs_authority(struct base_str cluster) {
  return cluster.n == 0 || str_starts(cluster, STR("PassthroughCluster")) ||
         str_starts(cluster, STR("BlackHoleCluster"));
}

static struct wire_kind_of_request kind_of(const struct wire_request *e) {
  return (struct wire_kind_of_request){e->route_name, e->authority, e->original_path.n ? e->original_path : e->path,
                                       e->downstream_local.port};
}

/* An Envoy that turned the request down early names no cluster. Where no route was found there is none to name. */
static struct base_str cluster_of(struct wire_fold *f, const struct fold_run *run, const struct wire_request *e) {
  if (e->upstream_cluster.n || e->is_tcp || (e->flags & WIRE_FLAG(NR))) return e->upstream_cluster;
  struct wire_kind_of_request kind = kind_of(e);
  return wire_names_view(f->names, wire_nodes_goes(f->nodes, run->node, &kind));
}

static void view_gather(struct wire_fold *f, const struct fold_run *run, struct wire_node_rec *node,
                        const struct wire_request *e, struct view *v) {
  *v = (struct view){.e = e, .run = run, .node = node};
  v->has_up_peer = peer(e->upstream_peer, e->upstream_peer_flat, &v->up_peer) || named(e->callee, &v->up_peer);
  v->has_down_peer =
      peer(e->downstream_peer, e->downstream_peer_flat, &v->down_peer) || named(e->caller, &v->down_peer);
  if (!e->upstream_remote.is_pipe)
    v->up = wire_nodes_address_find(f->nodes, e->upstream_remote.ip, e->upstream_remote.port);
  v->down = wire_nodes_address_find(f->nodes, caller_address(e)->ip, 0);
  v->cluster = cluster_of(f, run, e);
  v->needs_authority = needs_authority(v->cluster);
  if (v->needs_authority) {
    struct wire_target target;
    struct base_str host;
    uint32_t port;
    wire_identity_authority(e->authority, STR_NONE, &target, &host, &port);
    if (target.kind == WIRE_TARGET_NONE) v->up = wire_nodes_address_find(f->nodes, host, port);
  } else if (v->up.at == 0 && !v->has_up_peer) {
    v->place = wire_nodes_place(f->nodes, run->node, v->cluster, false);
  }
}

static bool same_address(struct base_str a, struct base_str b) {
  return a.n > 0 && str_eq(a, b);
}

static bool is_own_ip(const struct wire_fold *f, const struct wire_node_rec *node, struct base_str ip) {
  for (uint32_t i = 0; i < node->ip_n; i++)
    if (same_address(ip, wire_names_view(f->names, node->ip[i]))) return true;
  return false;
}

/* The upstream is the application beside this proxy, as far as addresses tell. */
static bool is_own_upstream(const struct wire_fold *f, const struct view *v) {
  struct base_str up = v->e->upstream_remote.ip;
  return same_address(up, v->e->downstream_local.ip) || is_own_ip(f, v->node, up) ||
         (wire_identity_is_loopback(up) && !wire_identity_is_loopback(v->e->downstream_local.ip));
}

static void view_key(const struct wire_fold *f, const struct view *v, struct key *k) {
  struct {
    struct wire_node_ref node, up, down;
    uint32_t epoch, place_cluster, place_namespace;
    uint8_t hint, flags, has_place, zero;
  } head = {.node = v->run->node, .up = v->up, .down = v->down, .epoch = f->epoch, .hint = v->run->hint};
  bool any_up = v->e->upstream_remote.ip.n > 0;
  if (v->place) {
    head.place_cluster = v->place->cluster;
    head.place_namespace = v->place->namespace_;
    head.has_place = (uint8_t)(1 | v->place->local << 1 | v->place->known << 2);
  }
  head.flags = (uint8_t)(v->has_up_peer | v->has_down_peer << 1 | any_up << 2 | is_own_upstream(f, v) << 3 |
                         is_own_ip(f, v->node, v->e->downstream_local.ip) << 4);
  k->n = 0;
  k->over = false;
  key_put(k, &head, sizeof head);
  key_str(k, v->cluster);
  key_str(k, v->e->tls.peer_uri);
  if (v->needs_authority) {
    key_str(k, v->e->route_name);
    key_str(k, v->e->authority);
  }
  if (v->has_up_peer) key_who(k, &v->up_peer);
  if (v->has_down_peer) key_who(k, &v->down_peer);
  for (uint32_t i = 0; i < v->e->tag_n; i++) {
    key_str(k, v->e->tag[i].key);
    key_str(k, v->e->tag[i].value);
  }
}

static struct wire_who names_of(const struct wire_fold *f, const struct wire_who_id *w) {
  return (struct wire_who){wire_names_view(f->names, w->namespace_), wire_names_view(f->names, w->service),
                           wire_names_view(f->names, w->version),    wire_names_view(f->names, w->cluster),
                           wire_names_view(f->names, w->region),     wire_names_view(f->names, w->zone),
                           wire_names_view(f->names, w->pod)};
}

static bool who_at(const struct wire_fold *f, struct wire_node_ref ref, struct wire_who *out) {
  const struct wire_node_rec *n = wire_nodes_view(f->nodes, ref);
  if (n) *out = names_of(f, &n->who);
  return n != NULL;
}

/* Istio: the upstream cluster says whose report it is; without one, the route and the listener. */
static bool istio_is_server(const struct wire_fold *f, const struct view *v, const struct wire_target *t) {
  if (v->node->kind == WIRE_KIND_ROUTER) return false;
  if (v->node->kind == WIRE_KIND_WAYPOINT || t->kind == WIRE_TARGET_LOCAL) return true;
  if (t->kind != WIRE_TARGET_NONE) return false;
  if (str_eq(v->e->route_name, STR("allow_any")) || str_eq(v->e->route_name, STR("block_all"))) return false;
  return v->node->intercepts && is_own_ip(f, v->node, v->e->downstream_local.ip);
}

static bool plain_is_server(const struct wire_fold *f, const struct view *v, const struct found *w) {
  struct base_str tag = wire_identity_tag(v->e, STR("direction"));
  enum wire_hint hint = tag.n ? wire_identity_hint(tag) : WIRE_HINT_NONE;
  if (hint == WIRE_HINT_NONE) hint = (enum wire_hint)v->run->hint;
  if (hint != WIRE_HINT_NONE) return hint == WIRE_HINT_SERVER;
  if (w->target.kind == WIRE_TARGET_LOCAL) return true;
  if (w->target.kind == WIRE_TARGET_SERVICE && w->target.bare && str_eq(w->target.service, w->self.service))
    return true;
  return v->e->upstream_remote.ip.n ? is_own_upstream(f, v) : v->place && v->place->known && v->place->local;
}

/* A plain Envoy whose log is a server's but which passes the request on to another service is a gateway. */
static bool plain_is_gateway(const struct wire_fold *f, const struct view *v, const struct found *w) {
  if (w->target.kind != WIRE_TARGET_SERVICE || str_eq(w->target.service, w->self.service)) return false;
  if (v->e->upstream_remote.ip.n == 0) return v->place && v->place->known && !v->place->local;
  if (v->up.at && v->up.at != v->run->node.at) return true;
  return !is_own_upstream(f, v) && !wire_identity_is_loopback(v->e->upstream_remote.ip);
}

/* A name without a namespace is the reporter's neighbour, unless the instance of that name says otherwise. */
static struct base_str bare_namespace(const struct wire_fold *f, const struct view *v, const struct found *w,
                                      struct base_str service) {
  struct wire_who known;
  if (who_at(f, v->up, &known) && str_eq(known.service, service)) return known.namespace_;
  if (v->place && v->place->namespace_) return wire_names_view(f->names, v->place->namespace_);
  return w->self.namespace_;
}

/* Who answers, by the most stable name: tags, the upstream cluster, the authority. */
static void name_destination(const struct wire_fold *f, const struct view *v, struct found *w) {
  const struct wire_request *e = v->e;
  struct wire_target t = w->target;
  struct base_str tag = wire_identity_tag(e, STR("upstream_service")), host = STR_NONE;
  uint32_t port = 0;
  if (v->needs_authority) {
    struct base_str fallback = t.service;
    wire_identity_authority(e->authority, w->self.namespace_, &t, &host, &port);
    if (t.kind != WIRE_TARGET_SERVICE) {
      t = (struct wire_target){.service = fallback};
      if (v->up.at && v->up.at != v->run->node.at && who_at(f, v->up, &w->dst)) return;
    }
  }
  w->dst = (struct wire_who){.service = t.service, .namespace_ = t.namespace_, .cluster = t.cluster};
  if (t.bare && w->dst.namespace_.n == 0) w->dst.namespace_ = bare_namespace(f, v, w, t.service);
  if (tag.n) w->dst = (struct wire_who){.service = tag, .namespace_ = w->self.namespace_};
  tag = wire_identity_tag(e, STR("upstream_namespace"));
  if (tag.n) w->dst.namespace_ = tag;
}

static void over(struct base_str *name, struct base_str value) {
  if (value.n) *name = value;
}

/* Instance and place of the destination; the service keeps its name. A word about another namespace is about someone
 * else (an address that was used again, a gateway in between). */
static void take_place(struct wire_who *dst, const struct wire_who *from) {
  if (dst->namespace_.n && from->namespace_.n && !str_eq(dst->namespace_, from->namespace_)) return;
  if (dst->service.n == 0) dst->service = from->service;
  if (dst->namespace_.n == 0) dst->namespace_ = from->namespace_;
  over(&dst->version, from->version);
  over(&dst->cluster, from->cluster);
  over(&dst->region, from->region);
  over(&dst->pod, from->pod);
}

static bool host_tag(const struct wire_request *e, struct wire_who *out) {
  for (uint32_t i = 0; i < e->tag_n; i++)
    if (wire_identity_host_tag(e->tag[i].value, out)) return true;
  return false;
}

static void tagged_place(const struct wire_request *e, struct wire_who *dst) {
  if (e->tag_n == 0) return;
  over(&dst->pod, wire_identity_tag(e, STR("upstream_pod")));
  over(&dst->version, wire_identity_tag(e, STR("upstream_version")));
  over(&dst->cluster, wire_identity_tag(e, STR("upstream_cluster")));
  over(&dst->region, wire_identity_tag(e, STR("upstream_region")));
}

static void place_destination(const struct wire_fold *f, const struct view *v, struct found *w) {
  struct wire_who who;
  bool external = w->dst.service.n && w->dst.namespace_.n == 0 && !w->target.bare;
  if (v->has_up_peer)
    take_place(&w->dst, &v->up_peer);
  else if (host_tag(v->e, &who))
    take_place(&w->dst, &who);
  else if (!external && w->dst.service.n && who_at(f, v->up, &who))
    take_place(&w->dst, &who);
  else if (v->place && w->dst.cluster.n == 0)
    w->dst.cluster = wire_names_view(f->names, v->place->cluster);
  tagged_place(v->e, &w->dst);
}

/* Who calls: its own peer word, a tag, the instance at its address, its certificate. */
static void name_caller(const struct wire_fold *f, const struct view *v, struct found *w) {
  struct wire_who cert, known;
  struct base_str tag = wire_identity_tag(v->e, STR("caller"));
  bool has_cert = wire_identity_spiffe(v->e->tls.peer_uri, &cert) || cert.namespace_.n;
  if (v->has_down_peer) {
    w->caller = v->down_peer;
  } else if (tag.n) {
    w->caller = (struct wire_who){.service = tag, .namespace_ = wire_identity_tag(v->e, STR("caller_namespace"))};
    if (w->caller.namespace_.n == 0) w->caller.namespace_ = w->self.namespace_;
  } else if (who_at(f, v->down, &known) && (!has_cert || str_eq(cert.namespace_, known.namespace_))) {
    w->caller = known;
  } else if (has_cert) {
    w->caller = cert;
  }
}

static void find(const struct wire_fold *f, const struct view *v, struct found *w) {
  *w = (struct found){.self = names_of(f, &v->node->who)};
  bool plain = v->node->kind == WIRE_KIND_PLAIN;
  if (plain) wire_identity_tags(v->e, &w->self);
  wire_identity_target(v->cluster, &w->target);
  w->waypoint = v->node->kind == WIRE_KIND_WAYPOINT;
  w->server = plain ? plain_is_server(f, v, w) : istio_is_server(f, v, &w->target);
  w->gateway = v->node->kind == WIRE_KIND_ROUTER || (plain && w->server && plain_is_gateway(f, v, w));
  if (w->gateway) w->server = false;
  if (w->server && !w->waypoint) {
    w->dst = w->self;
  } else {
    name_destination(f, v, w);
    place_destination(f, v, w);
  }
  if (w->server)
    name_caller(f, v, w);
  else
    w->caller = w->self;
}

static bool base_key(struct wire_fold *f, const struct found *w, struct wire_base *out, unsigned *reason) {
  const bool client = !w->server;
  const struct base_str name[WIRE_BASE_COUNT] = {
      [WIRE_BASE_NAMESPACE] = w->dst.namespace_,
      [WIRE_BASE_SERVICE] = w->dst.service,
      [WIRE_BASE_VERSION] = w->dst.version,
      [WIRE_BASE_CLUSTER] = w->dst.cluster,
      [WIRE_BASE_REGION] = w->dst.region,
      [WIRE_BASE_POD] = w->dst.pod,
      [WIRE_BASE_CALLER_NAMESPACE] = w->caller.service.n ? w->caller.namespace_ : STR_NONE,
      [WIRE_BASE_CALLER] = w->caller.service,
      [WIRE_BASE_OWN_CLUSTER] = client ? w->self.cluster : STR_NONE,
      [WIRE_BASE_OWN_REGION] = client ? w->self.region : STR_NONE,
      [WIRE_BASE_OWN_VERSION] = w->gateway ? w->self.version : STR_NONE,
      [WIRE_BASE_OWN_POD] = w->gateway ? w->self.pod : STR_NONE,
  };
  *out = (struct wire_base){.side = w->server ? REC_SIDE_SERVER : REC_SIDE_CLIENT, .gateway = w->gateway};
  for (unsigned i = 0; i < WIRE_BASE_COUNT; i++)
    if ((out->id[i] = wire_identity_name(f->names, name[i], reason)) == WIRE_NAME_FULL) return false;
  return true;
}

/* Remembers where this reporter's destination is, for its requests that will reach nobody. */
static void place_learn(struct wire_fold *f, const struct view *v, const struct found *w, const struct wire_base *b,
                        struct fold_known *k) {
  k->place = NULL;
  k->cluster = 0;
  bool local = w->server && !w->waypoint;
  bool plain = v->node->kind == WIRE_KIND_PLAIN;
  if (v->needs_authority || v->e->upstream_remote.ip.n == 0 || (!plain && local)) return;
  struct wire_place *p = wire_nodes_place(f->nodes, v->run->node, v->e->upstream_cluster, true);
  if (!p) return;
  if (!local) k->cluster = p->upstream_cluster;
  p->known = 1;
  p->local = local;
  if (local || b->id[WIRE_BASE_CLUSTER] == 0) return;
  k->place = p;
  k->place_hash = p->hash;
  k->place_cluster = p->cluster = b->id[WIRE_BASE_CLUSTER];
  k->place_namespace = p->namespace_ = w->target.bare ? b->id[WIRE_BASE_NAMESPACE] : 0;
}

/* The node that the entry speaks for: the reporter, or where tags say more, the instance that they name. */
static struct wire_node_ref self_ref(struct wire_fold *f, const struct view *v, const struct found *w) {
  unsigned reason;
  if (v->node->kind != WIRE_KIND_PLAIN || v->e->tag_n == 0) return v->run->node;
  struct wire_self self = {.who = w->self};
  struct wire_node_ref ref =
      wire_nodes_add(f->nodes, wire_names_view(f->names, v->node->id), &self, v->node->seen_tick, &reason);
  return ref.at ? ref : v->run->node;
}

/* Every host has 127.0.0.1, and Istio's proxies call from 127.0.0.6. Elsewhere in 127/8 an address is one proxy's own:
 * so are meshes set up on one machine. */
static bool is_anybodys(struct base_str ip) {
  return str_starts(ip, STR("127.0.0.")) || str_eq(ip, STR("::1"));
}

/* A plain Envoy's listener address is where its callers find it. */
static void address_learn(struct wire_fold *f, struct wire_node_rec *node, const struct wire_request *e,
                          struct wire_node_ref self) {
  struct base_str ip = e->downstream_local.ip;
  if (e->downstream_local.is_pipe || ip.n == 0 || ip.n > sizeof node->local_ip) return;
  if (node->local_port == e->downstream_local.port && node->local_n == ip.n && memcmp(node->local_ip, ip.p, ip.n) == 0)
    return;
  node->local_port = e->downstream_local.port;
  node->local_n = (uint8_t)ip.n;
  memcpy(node->local_ip, ip.p, ip.n);
  wire_nodes_address_add(f->nodes, ip, e->downstream_local.port, self);
  if (!is_anybodys(ip)) wire_nodes_address_add(f->nodes, ip, 0, self);
}

static uint32_t resolve_slow(struct wire_fold *f, const struct view *v, struct fold_known *k, unsigned *reason) {
  struct found w;
  struct wire_base key;
  find(f, v, &w);
  if (!base_key(f, &w, &key, reason)) return 0;
  uint32_t base = wire_cells_base(f->cells, &key);
  if (!base) {
    *reason = REC_COUNTER_REJECT_CELL_LIMIT;
    return 0;
  }
  k->base = base;
  k->base_generation = wire_cells_base_view(f->cells, base)->generation;
  k->self = self_ref(f, v, &w);
  place_learn(f, v, &w, &key, k);
  return base;
}

/* The place of these bytes among what is known, and whether it holds them. */
static struct fold_known *known_find(struct wire_fold *f, const struct key *k, uint64_t hash, bool *hit) {
  struct fold_known *set = &f->known[hash % FOLD_KEY_SETS * FOLD_KEY_WAYS];
  for (uint32_t i = 0; i < FOLD_KEY_WAYS; i++) {
    struct fold_known *w = &set[i];
    if (w->hash != hash || w->n != k->n || !w->base || memcmp(w->key, k->p, k->n) != 0) continue;
    const struct wire_base *b = wire_cells_base_view(f->cells, w->base);
    *hit = b->used && b->generation == w->base_generation;
    return w;
  }
  *hit = false;
  return set[0].base ? &set[hash >> 40 & (FOLD_KEY_WAYS - 1)] : &set[0];
}

static uint32_t resolve_known(struct wire_fold *f, const struct view *v, const struct key *k, struct fold_known **out,
                              unsigned *reason) {
  bool hit;
  uint64_t hash = hash_bytes(f->key, k->p, k->n);
  struct fold_known *w = known_find(f, k, hash, &hit);
  *out = w;
  if (hit) {
    if (w->place && w->place->hash == w->place_hash) {
      w->place->cluster = w->place_cluster;
      w->place->namespace_ = w->place_namespace;
    }
    return w->base;
  }
  w->base = 0;
  if (!resolve_slow(f, v, w, reason)) return 0;
  w->hash = hash;
  w->n = (uint16_t)k->n;
  memcpy(w->key, k->p, k->n);
  return w->base;
}

uint32_t fold_resolve(struct wire_fold *f, const struct fold_run *run, const struct wire_request *e,
                      struct fold_ends *ends, unsigned *reason) {
  struct fold_known once, *known = &once;
  struct view v;
  struct key k;
  struct wire_node_rec *node = wire_nodes_view(f->nodes, run->node);
  if (!node) {
    *reason = REC_COUNTER_REJECT_NO_IDENTIFIER;
    return 0;
  }
  view_gather(f, run, node, e, &v);
  view_key(f, &v, &k);
  uint32_t base = k.over ? resolve_slow(f, &v, &once, reason) : resolve_known(f, &v, &k, &known, reason);
  if (!base) return 0;
  if (known->cluster && !e->is_tcp) {
    struct wire_kind_of_request kind = kind_of(e);
    wire_nodes_went(f->nodes, run->node, &kind, known->cluster);
  }
  const struct wire_base *b = wire_cells_base_view(f->cells, base);
  if (node->kind == WIRE_KIND_PLAIN && (b->side == REC_SIDE_SERVER || b->gateway))
    address_learn(f, node, e, known->self);
  *ends = (struct fold_ends){.self = known->self, .up = v.up, .down = v.down};
  return base;
}
