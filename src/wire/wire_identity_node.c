#include "wire_identity_node.h"

#include "base_must.h"
#include "rec_counter.h"
#include "wire_route.h"

#define HEADS (2u * LIMIT_NODES)
#define ADDRESS_WAYS 8u
#define ADDRESS_SETS (LIMIT_PEER_ADDRESSES / ADDRESS_WAYS)
#define ADDRESS_BYTES 46u
#define PLACE_WAYS 4u
#define PLACE_SETS 16384u
#define WENT_WAYS 2u
#define WENT_SETS 32768u
#define WENT_SEGMENTS 3u

struct address {
  uint64_t hash;
  struct wire_node_ref ref;
  uint32_t age; /* when it was told last; 0 is a free place */
  uint16_t port;
  uint8_t n;
  char ip[ADDRESS_BYTES];
};

struct went {
  uint64_t hash; /* of the kind; its bytes are not kept: a clash costs a wrong guess and is 2^-64 likely */
  struct wire_node_ref reporter;
  uint32_t cluster;
  uint32_t age;
};

struct wire_nodes {
  struct wire_names *names;
  struct base_hash_key key;
  struct wire_node_rec *node;
  uint32_t *head;
  struct address *address;
  struct wire_place *place;
  struct went *went;
  uint32_t node_n, node_free, step_at;
  uint32_t age;
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_nodes_bytes(void) {
  return up64(sizeof(struct wire_nodes)) + up64(sizeof(struct wire_node_rec) * LIMIT_NODES) +
         up64(sizeof(uint32_t) * HEADS) + up64(sizeof(struct address) * ADDRESS_SETS * ADDRESS_WAYS) +
         up64(sizeof(struct wire_place) * PLACE_SETS * PLACE_WAYS) + sizeof(struct went) * WENT_SETS * WENT_WAYS;
}

struct wire_nodes *wire_nodes_init(void *mem, struct wire_names *names, struct base_hash_key key) {
  struct wire_nodes *t = mem;
  char *p = (char *)mem + up64(sizeof *t);
  t->node = (struct wire_node_rec *)(void *)p;
  p += up64(sizeof(struct wire_node_rec) * LIMIT_NODES);
  t->head = (uint32_t *)(void *)p;
  p += up64(sizeof(uint32_t) * HEADS);
  t->address = (struct address *)(void *)p;
  p += up64(sizeof(struct address) * ADDRESS_SETS * ADDRESS_WAYS);
  t->place = (struct wire_place *)(void *)p;
  p += up64(sizeof(struct wire_place) * PLACE_SETS * PLACE_WAYS);
  t->went = (struct went *)(void *)p;
  t->names = names;
  t->key = key;
  t->node_n = 1;
  return t;
}

uint32_t wire_identity_name(struct wire_names *names, struct base_str s, unsigned *reason) {
  if (s.n == 0) return 0;
  if (s.n > LIMIT_NAME_BYTES || !wire_identity_is_utf8(s)) {
    *reason = s.n > LIMIT_NAME_BYTES ? REC_COUNTER_REJECT_NAME : REC_COUNTER_REJECT_UTF8;
    return WIRE_NAME_FULL;
  }
  uint32_t id = wire_names_add(names, s);
  if (id == WIRE_NAME_FULL) *reason = REC_COUNTER_REJECT_CELL_LIMIT;
  return id;
}

bool wire_identity_who(struct wire_names *names, const struct wire_who *who, struct wire_who_id *out,
                       unsigned *reason) {
  const struct base_str from[] = {who->namespace_, who->service, who->version, who->cluster,
                                  who->region,     who->zone,    who->pod};
  uint32_t *const to[] = {&out->namespace_, &out->service, &out->version, &out->cluster,
                          &out->region,     &out->zone,    &out->pod};
  for (size_t i = 0; i < sizeof from / sizeof *from; i++)
    if ((*to[i] = wire_identity_name(names, from[i], reason)) == WIRE_NAME_FULL) return false;
  return true;
}

static bool node_same(const struct wire_node_rec *a, const struct wire_node_rec *b) {
  return a->hash == b->hash && a->id == b->id && a->kind == b->kind && a->intercepts == b->intercepts &&
         memcmp(&a->who, &b->who, sizeof a->who) == 0;
}

static uint64_t node_hash(const struct wire_nodes *t, const struct wire_node_rec *n) {
  uint64_t h = hash_mix(hash_mix(t->key.k0, n->id), (uint64_t)n->kind << 1 | n->intercepts);
  const uint32_t *id = &n->who.namespace_;
  for (size_t i = 0; i < sizeof n->who / sizeof *id; i++) h = hash_mix(h, id[i]);
  return h;
}

/* A place for a new node; 0 where none is left. */
static uint32_t node_take(struct wire_nodes *t) {
  uint32_t at = t->node_free;
  if (at) {
    t->node_free = t->node[at].next;
    return at;
  }
  return t->node_n < LIMIT_NODES ? t->node_n++ : 0;
}

static struct wire_node_ref node_open(struct wire_nodes *t, struct wire_node_rec *want, const struct wire_self *self,
                                      unsigned *reason) {
  for (uint32_t i = 0; i < self->ip_n; i++)
    if ((want->ip[i] = wire_identity_name(t->names, self->ip[i], reason)) == WIRE_NAME_FULL)
      return (struct wire_node_ref){0};
  uint32_t at = node_take(t);
  if (!at) {
    *reason = REC_COUNTER_REJECT_NODE_LIMIT;
    return (struct wire_node_ref){0};
  }
  uint32_t *head = &t->head[want->hash % HEADS];
  want->ip_n = self->ip_n;
  want->used = 1;
  want->next = *head;
  want->generation = t->node[at].generation + 1;
  t->node[at] = *want;
  *head = at;
  struct wire_node_ref ref = {at, want->generation};
  for (uint32_t i = 0; i < self->ip_n; i++) wire_nodes_address_add(t, self->ip[i], 0, ref);
  return ref;
}

struct wire_node_ref wire_nodes_add(struct wire_nodes *t, struct base_str id, const struct wire_self *self,
                                    uint64_t tick, unsigned *reason) {
  struct wire_node_rec want = {.kind = (uint8_t)self->kind, .intercepts = self->intercepts, .seen_tick = tick};
  if (!wire_identity_who(t->names, &self->who, &want.who, reason)) return (struct wire_node_ref){0};
  if ((want.id = wire_identity_name(t->names, id, reason)) == WIRE_NAME_FULL) return (struct wire_node_ref){0};
  want.hash = node_hash(t, &want);
  for (uint32_t at = t->head[want.hash % HEADS]; at; at = t->node[at].next) {
    if (!node_same(&t->node[at], &want)) continue;
    t->node[at].seen_tick = tick;
    return (struct wire_node_ref){at, t->node[at].generation};
  }
  return node_open(t, &want, self, reason);
}

struct wire_node_rec *wire_nodes_view(struct wire_nodes *t, struct wire_node_ref ref) {
  if (ref.at == 0) return NULL;
  struct wire_node_rec *n = &t->node[ref.at];
  return n->used && n->generation == ref.generation ? n : NULL;
}

static void node_drop(struct wire_nodes *t, uint32_t at) {
  uint32_t *link = &t->head[t->node[at].hash % HEADS];
  while (*link != at) link = &t->node[*link].next;
  *link = t->node[at].next;
  t->node[at] = (struct wire_node_rec){.generation = t->node[at].generation, .next = t->node_free};
  t->node_free = at;
}

const struct wire_node_rec *wire_nodes_next(const struct wire_nodes *t, uint32_t *at) {
  while (++*at < t->node_n)
    if (t->node[*at].used) return &t->node[*at];
  return NULL;
}

void wire_nodes_step(struct wire_nodes *t, uint64_t before) {
  for (uint32_t n = t->node_n / 256 + 1; n; n--) {
    if (++t->step_at >= t->node_n) t->step_at = 1;
    if (t->step_at >= t->node_n) return;
    struct wire_node_rec *node = &t->node[t->step_at];
    if (node->used && node->stream_n == 0 && node->seen_tick < before) node_drop(t, t->step_at);
  }
}

void wire_nodes_mark(struct wire_nodes *t) {
  for (uint32_t at = 1; at < t->node_n; at++) {
    const struct wire_node_rec *n = &t->node[at];
    if (!n->used) continue;
    const uint32_t *id = &n->who.namespace_;
    wire_names_mark(t->names, n->id);
    for (size_t i = 0; i < sizeof n->who / sizeof *id; i++) wire_names_mark(t->names, id[i]);
    for (uint32_t i = 0; i < n->ip_n; i++) wire_names_mark(t->names, n->ip[i]);
  }
  for (uint32_t i = 0; i < PLACE_SETS * PLACE_WAYS; i++) {
    if (!t->place[i].used) continue;
    wire_names_mark(t->names, t->place[i].upstream_cluster);
    wire_names_mark(t->names, t->place[i].cluster);
    wire_names_mark(t->names, t->place[i].namespace_);
  }
  for (uint32_t i = 0; i < WENT_SETS * WENT_WAYS; i++) wire_names_mark(t->names, t->went[i].cluster);
}

static struct address *address_at(struct wire_nodes *t, struct base_str ip, uint32_t port, uint64_t hash) {
  struct address *set = &t->address[hash % ADDRESS_SETS * ADDRESS_WAYS];
  for (uint32_t i = 0; i < ADDRESS_WAYS; i++)
    if (set[i].hash == hash && set[i].age && set[i].port == port && set[i].n == ip.n &&
        memcmp(set[i].ip, ip.p, ip.n) == 0)
      return &set[i];
  return NULL;
}

static bool is_address(struct base_str ip, uint32_t port) {
  return ip.n > 0 && ip.n <= ADDRESS_BYTES && port <= UINT16_MAX;
}

void wire_nodes_address_add(struct wire_nodes *t, struct base_str ip, uint32_t port, struct wire_node_ref ref) {
  if (!is_address(ip, port)) return;
  uint64_t hash = hash_mix(hash_bytes(t->key, ip.p, ip.n), port);
  struct address *a = address_at(t, ip, port, hash);
  if (!a) {
    struct address *set = &t->address[hash % ADDRESS_SETS * ADDRESS_WAYS];
    a = set;
    for (uint32_t i = 1; i < ADDRESS_WAYS; i++)
      if (set[i].age < a->age) a = &set[i];
    *a = (struct address){.hash = hash, .port = (uint16_t)port, .n = (uint8_t)ip.n};
    memcpy(a->ip, ip.p, ip.n);
  }
  a->ref = ref;
  a->age = ++t->age;
}

struct wire_node_ref wire_nodes_address_find(struct wire_nodes *t, struct base_str ip, uint32_t port) {
  if (!is_address(ip, port)) return (struct wire_node_ref){0};
  uint64_t hash = hash_bytes(t->key, ip.p, ip.n);
  const struct address *a = port ? address_at(t, ip, port, hash_mix(hash, port)) : NULL;
  if (!a || !wire_nodes_view(t, a->ref)) a = address_at(t, ip, 0, hash_mix(hash, 0));
  return a && wire_nodes_view(t, a->ref) ? a->ref : (struct wire_node_ref){0};
}

struct wire_place *wire_nodes_place(struct wire_nodes *t, struct wire_node_ref reporter,
                                    struct base_str upstream_cluster, bool add) {
  if (upstream_cluster.n == 0 || upstream_cluster.n > LIMIT_NAME_BYTES) return NULL;
  uint64_t hash = hash_mix(hash_bytes(t->key, upstream_cluster.p, upstream_cluster.n), reporter.at);
  struct wire_place *set = &t->place[hash % PLACE_SETS * PLACE_WAYS], *oldest = set;
  for (uint32_t i = 0; i < PLACE_WAYS; i++) {
    struct wire_place *p = &set[i];
    if (p->used && p->hash == hash && p->reporter.at == reporter.at && p->reporter.generation == reporter.generation &&
        str_eq(wire_names_view(t->names, p->upstream_cluster), upstream_cluster))
      return p;
    if (!p->used || (oldest->used && p->age < oldest->age)) oldest = p;
  }
  unsigned reason;
  uint32_t name = add ? wire_identity_name(t->names, upstream_cluster, &reason) : WIRE_NAME_FULL;
  if (name == WIRE_NAME_FULL) return NULL;
  *oldest =
      (struct wire_place){.hash = hash, .reporter = reporter, .upstream_cluster = name, .used = 1, .age = ++t->age};
  return oldest;
}

/* The hashes of a kind, the most special first; *n of them, 1 or 2. */
static void kind_hash(const struct wire_nodes *t, struct wire_node_ref reporter,
                      const struct wire_kind_of_request *kind, uint64_t hash[2], unsigned *n) {
  uint64_t h = hash_mix(t->key.k1, (uint64_t)reporter.at << 32 | kind->port);
  *n = 1;
  if (wire_route_says(kind->route_name)) {
    hash[0] = hash_mix(h, hash_bytes(t->key, kind->route_name.p, kind->route_name.n));
    return;
  }
  struct base_str path = wire_route_path(kind->path), segment;
  h = hash_mix(h, hash_bytes(t->key, kind->authority.p, kind->authority.n));
  for (unsigned i = 0; i < WENT_SEGMENTS && wire_route_segment(&path, &segment); i++) {
    h = hash_mix(h, wire_route_is_value(segment) ? 1 : hash_bytes(t->key, segment.p, segment.n));
    if (i == 0) hash[1] = hash_mix(h, 1);
    *n = 2;
  }
  hash[0] = hash_mix(h, WENT_SEGMENTS);
}

static struct went *went_at(struct wire_nodes *t, struct wire_node_ref reporter, uint64_t hash, bool *hit) {
  struct went *set = &t->went[hash % WENT_SETS * WENT_WAYS];
  for (uint32_t i = 0; i < WENT_WAYS; i++) {
    *hit =
        set[i].hash == hash && set[i].reporter.at == reporter.at && set[i].reporter.generation == reporter.generation;
    if (*hit) return &set[i];
  }
  return set[0].age <= set[1].age ? &set[0] : &set[1];
}

static void went_put(struct wire_nodes *t, struct wire_node_ref reporter, uint64_t hash, uint32_t cluster) {
  bool hit;
  struct went *w = went_at(t, reporter, hash, &hit);
  if (hit)
    w->cluster = cluster;
  else
    *w = (struct went){hash, reporter, cluster, ++t->age};
}

void wire_nodes_went(struct wire_nodes *t, struct wire_node_ref reporter, const struct wire_kind_of_request *kind,
                     uint32_t upstream_cluster) {
  uint64_t hash[2];
  unsigned n;
  kind_hash(t, reporter, kind, hash, &n);
  t->node[reporter.at].went = true;
  for (unsigned i = 0; i < n; i++) went_put(t, reporter, hash[i], upstream_cluster);
}

uint32_t wire_nodes_goes(struct wire_nodes *t, struct wire_node_ref reporter, const struct wire_kind_of_request *kind) {
  uint64_t hash[2];
  unsigned n;
  bool hit = false;
  if (!t->node[reporter.at].went) return 0;
  kind_hash(t, reporter, kind, hash, &n);
  for (unsigned i = 0; i < n; i++) {
    const struct went *w = went_at(t, reporter, hash[i], &hit);
    if (hit) return w->cluster;
  }
  return 0;
}
