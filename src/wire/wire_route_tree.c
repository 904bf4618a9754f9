#include "wire_route_tree.h"

#include "base_buf.h"
#include "base_must.h"

#define METHODS 10u
#define ROOT_NAMED METHODS /* the root whose children are routes with names of their own */
#define ROOT_GRPC (METHODS + 1)
#define ROOTS (METHODS + 2)
#define CACHE_SETS 16384u
#define CACHE_WAYS 2u
#define CACHE_TEXT 40u
#define PROBES 16u

struct route_service {
  uint32_t namespace_, service;
  uint32_t used;
  uint32_t route_n;
  uint32_t root[ROOTS]; /* node, 0 none */
};

struct route_node {
  uint32_t parent, first_child, next; /* nodes; next: sibling, or the next free one */
  uint32_t segment;                   /* name; of {id} and * too */
  uint32_t route;                     /* name of the route that ends here, 0 none */
  uint32_t route_n;                   /* routes that end here or below */
  uint16_t child_n;                   /* words among the children */
  uint8_t collapsed;                  /* every word is {id} here */
};

struct route_cached {
  uint64_t hash;
  uint32_t service, route, generation;
  uint8_t method, n;
  char text[CACHE_TEXT];
};

struct wire_routes {
  struct wire_names *names;
  struct base_hash_key key;
  struct route_service *service;
  struct route_node *node;
  struct route_cached *cache;
  uint32_t node_n, node_free;
  uint32_t generation; /* of the cache: moves when a template changes */
  uint32_t name_id, name_star, name_other;
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_routes_bytes(void) {
  return up64(sizeof(struct wire_routes)) + up64(sizeof(struct route_service) * WIRE_ROUTE_SERVICES) +
         up64(sizeof(struct route_node) * WIRE_ROUTE_NODES) + sizeof(struct route_cached) * CACHE_SETS * CACHE_WAYS;
}

struct wire_routes *wire_routes_init(void *mem, struct wire_names *names, struct base_hash_key key) {
  struct wire_routes *r = mem;
  char *p = (char *)mem + up64(sizeof *r);
  r->service = (struct route_service *)(void *)p;
  p += up64(sizeof(struct route_service) * WIRE_ROUTE_SERVICES);
  r->node = (struct route_node *)(void *)p;
  p += up64(sizeof(struct route_node) * WIRE_ROUTE_NODES);
  r->cache = (struct route_cached *)(void *)p;
  r->names = names;
  r->key = key;
  r->node_n = 1;
  r->generation = 1;
  r->name_id = wire_names_add(names, STR("{id}"));
  r->name_star = wire_names_add(names, STR("*"));
  r->name_other = wire_names_add(names, STR("other"));
  return r;
}

/* The service's place, taken where it is new; NULL where no place is left near its hash. */
static struct route_service *service_find(struct wire_routes *r, uint32_t ns, uint32_t name) {
  uint32_t at = (uint32_t)hash_mix(hash_mix(r->key.k0, ns), name);
  for (uint32_t i = 0; i < PROBES; i++) {
    struct route_service *s = &r->service[(at + i) % WIRE_ROUTE_SERVICES];
    if (!s->used) {
      s->used = 1;
      s->namespace_ = ns;
      s->service = name;
    }
    if (s->namespace_ == ns && s->service == name) return s;
  }
  return NULL;
}

static uint32_t node_take(struct wire_routes *r, uint32_t parent, uint32_t segment) {
  uint32_t at = r->node_free;
  if (at)
    r->node_free = r->node[at].next;
  else if (r->node_n < WIRE_ROUTE_NODES)
    at = r->node_n++;
  else
    return 0;
  r->node[at] = (struct route_node){.parent = parent, .segment = segment};
  if (parent) {
    r->node[at].next = r->node[parent].first_child;
    r->node[parent].first_child = at;
  }
  return at;
}

static uint32_t child_find(const struct wire_routes *r, uint32_t parent, uint32_t segment) {
  uint32_t at = r->node[parent].first_child;
  while (at && r->node[at].segment != segment) at = r->node[at].next;
  return at;
}

/* Gives back a subtree, leaves first, without recursion. */
static void subtree_drop(struct wire_routes *r, uint32_t top) {
  uint32_t stop = r->node[top].parent, at = top;
  while (at != stop) {
    uint32_t child = r->node[at].first_child;
    if (child) {
      r->node[at].first_child = r->node[child].next;
      at = child;
      continue;
    }
    uint32_t parent = r->node[at].parent;
    r->node[at] = (struct route_node){.next = r->node_free};
    r->node_free = at;
    at = parent;
  }
}

/* The position below `parent` has too many words: they are values. Their routes are given back. */
static void collapse(struct wire_routes *r, struct route_service *s, uint32_t parent) {
  struct route_node *p = &r->node[parent];
  uint32_t gone = 0, keep = 0;
  for (uint32_t at = p->first_child, next; at; at = next) {
    next = r->node[at].next;
    if (r->node[at].segment == r->name_id) {
      keep = at;
      continue;
    }
    gone += r->node[at].route_n;
    subtree_drop(r, at);
  }
  p->first_child = keep;
  if (keep) r->node[keep].next = 0;
  p->child_n = 0;
  p->collapsed = 1;
  MUST(s->route_n >= gone);
  s->route_n -= gone;
  for (uint32_t at = parent; at; at = r->node[at].parent) r->node[at].route_n -= gone;
  r->generation++;
}

/* The child for a word that is known here already. Words are never values, so it needs no look at what it is. */
static uint32_t word_find(const struct wire_routes *r, uint32_t parent, struct base_str segment) {
  uint32_t at = r->node[parent].first_child;
  while (at && (r->node[at].segment == r->name_id || !str_eq(wire_names_view(r->names, r->node[at].segment), segment)))
    at = r->node[at].next;
  return at;
}

/* The child of `parent` for a segment of a path, learned where new. 0: no nodes or names are left. */
static uint32_t child_step(struct wire_routes *r, struct route_service *s, uint32_t parent, struct base_str segment) {
  uint32_t known = word_find(r, parent, segment);
  if (known) return known;
  bool value = r->node[parent].collapsed || wire_route_is_value(segment);
  uint32_t name = value ? r->name_id : wire_names_add(r->names, segment);
  if (name == WIRE_NAME_FULL) return 0;
  uint32_t at = child_find(r, parent, name);
  if (at) return at;
  if (!value && r->node[parent].child_n >= LIMIT_SEGMENT_VALUES) {
    collapse(r, s, parent);
    return child_step(r, s, parent, segment);
  }
  at = node_take(r, parent, name);
  if (at && !value) r->node[parent].child_n++;
  return at;
}

static uint32_t root_find(struct wire_routes *r, struct route_service *s, uint32_t kind) {
  if (!s->root[kind]) s->root[kind] = node_take(r, 0, 0);
  return s->root[kind];
}

/* "GET /a/{id}" of the node at the end of a path. False: longer than a name may be. */
static bool template_text(const struct wire_routes *r, uint32_t node, uint32_t method, struct base_buf *out) {
  uint32_t chain[WIRE_ROUTE_DEPTH + 2], n = 0;
  for (uint32_t at = node; r->node[at].parent; at = r->node[at].parent) chain[n++] = at;
  struct base_str verb = wire_route_method(method);
  buf_put_str(out, verb);
  if (verb.n) buf_put_char(out, ' ');
  if (n == 0) buf_put_char(out, '/');
  while (n--) {
    buf_put_char(out, '/');
    buf_put_str(out, wire_names_view(r->names, r->node[chain[n]].segment));
  }
  return !out->bad;
}

/* Makes the node at `at` the end of a route named `text`, where the service still has room for one. */
static uint32_t route_open(struct wire_routes *r, struct route_service *s, uint32_t at, struct base_str text) {
  if (s->route_n >= LIMIT_ROUTES_PER_SERVICE) return r->name_other;
  uint32_t name = wire_names_add(r->names, text);
  if (name == WIRE_NAME_FULL) return name;
  r->node[at].route = name;
  s->route_n++;
  for (uint32_t up = at; up; up = r->node[up].parent) r->node[up].route_n++;
  return name;
}

static uint32_t path_find(struct wire_routes *r, struct route_service *s, uint32_t method, struct base_str path) {
  char mem[LIMIT_NAME_BYTES];
  struct base_buf text = buf_over(mem, sizeof mem);
  struct base_str segment;
  uint32_t at = root_find(r, s, method);
  for (uint32_t depth = 0; at && wire_route_segment(&path, &segment); depth++) {
    if (depth == WIRE_ROUTE_DEPTH) {
      uint32_t star = child_find(r, at, r->name_star);
      at = star ? star : node_take(r, at, r->name_star);
      break;
    }
    at = child_step(r, s, at, segment);
  }
  if (!at) return r->name_other;
  if (r->node[at].route) return r->node[at].route;
  if (s->route_n >= LIMIT_ROUTES_PER_SERVICE || !template_text(r, at, method, &text)) return r->name_other;
  return route_open(r, s, at, buf_str(&text));
}

/* A route that is known by one whole name: configured, or a gRPC method. */
static uint32_t named_find(struct wire_routes *r, struct route_service *s, uint32_t kind, struct base_str text) {
  if (text.n > LIMIT_NAME_BYTES) return r->name_other;
  uint32_t root = root_find(r, s, kind), name = wire_names_add(r->names, text);
  if (!root || name == WIRE_NAME_FULL) return root ? name : r->name_other;
  uint32_t at = child_find(r, root, name);
  if (at) return r->node[at].route;
  if (s->route_n >= LIMIT_ROUTES_PER_SERVICE) return r->name_other;
  at = node_take(r, root, name);
  return at ? route_open(r, s, at, text) : r->name_other;
}

static uint32_t kind_of(const struct wire_route_ask *ask, struct base_str *text) {
  if (wire_route_says(ask->route_name)) {
    *text = ask->route_name;
    return ROOT_NAMED;
  }
  *text = wire_route_path(ask->path);
  if (wire_route_is_grpc(*text)) return ROOT_GRPC;
  return ask->method < METHODS ? ask->method : 0;
}

static struct route_cached *cache_find(struct wire_routes *r, const struct route_cached *want, bool *hit) {
  struct route_cached *set = &r->cache[want->hash % CACHE_SETS * CACHE_WAYS];
  for (uint32_t i = 0; i < CACHE_WAYS; i++) {
    struct route_cached *c = &set[i];
    *hit = c->hash == want->hash && c->generation == want->generation && c->service == want->service &&
           c->method == want->method && c->n == want->n && memcmp(c->text, want->text, want->n) == 0;
    if (*hit) return c;
  }
  return &set[want->hash >> 32 & (CACHE_WAYS - 1)];
}

uint32_t wire_routes_find(struct wire_routes *r, const struct wire_route_ask *ask, bool *other) {
  struct base_str text;
  struct route_cached *slot = NULL;
  bool hit = false;
  uint32_t kind = kind_of(ask, &text);
  *other = false;
  if (text.n == 0) return 0;
  struct route_service *s = service_find(r, ask->namespace_, ask->service);
  if (s && text.n <= CACHE_TEXT) {
    struct route_cached want = {.service = (uint32_t)(s - r->service), .method = (uint8_t)kind, .n = (uint8_t)text.n};
    want.generation = r->generation;
    want.hash = hash_mix(hash_bytes(r->key, text.p, text.n), (uint64_t)want.service << 8 | kind);
    memcpy(want.text, text.p, text.n);
    slot = cache_find(r, &want, &hit);
    if (!hit) *slot = want;
  }
  if (!hit) {
    uint32_t route = r->name_other;
    if (s) route = kind >= ROOT_NAMED ? named_find(r, s, kind, text) : path_find(r, s, kind, text);
    if (!slot) {
      *other = route == r->name_other;
      return route;
    }
    slot->route = route;
    slot->generation = route == WIRE_NAME_FULL ? 0 : r->generation;
  }
  *other = slot->route == r->name_other;
  return slot->route;
}

void wire_routes_mark(struct wire_routes *r) {
  wire_names_mark(r->names, r->name_id);
  wire_names_mark(r->names, r->name_star);
  wire_names_mark(r->names, r->name_other);
  for (uint32_t i = 1; i < r->node_n; i++) {
    wire_names_mark(r->names, r->node[i].segment);
    wire_names_mark(r->names, r->node[i].route);
  }
  for (uint32_t i = 0; i < WIRE_ROUTE_SERVICES; i++) {
    if (!r->service[i].used) continue;
    wire_names_mark(r->names, r->service[i].namespace_);
    wire_names_mark(r->names, r->service[i].service);
  }
  r->generation++;
}
