#include "series_catalog.h"

#include "base_hash.h"
#include "base_must.h"

#define NONE REC_SERIES_NONE
#define SLAB_BYTES 160u            /* a series' names usually fit */
#define NAME_BYTES_PER_SERIES 512u /* address space shared by those that do not, and the nodes */

static const size_t long_bytes[2] = {512, 1536}; /* the larger holds six names of 255 bytes */

static uint32_t pow2_above(uint32_t n) {
  uint32_t p = 64;
  while (p < n) p *= 2;
  return p;
}

uint32_t series_catalog_nodes(uint32_t series_max) {
  return series_max < LIMIT_SERVICES ? series_max : LIMIT_SERVICES;
}

static uint32_t edges_for(uint32_t series_max) {
  return series_max < LIMIT_EDGES ? series_max : LIMIT_EDGES;
}

size_t series_catalog_bytes(uint32_t series_max) {
  size_t n = series_catalog_nodes(series_max), e = edges_for(series_max);
  return (size_t)series_max * (sizeof(struct series_entry) + SLAB_BYTES + NAME_BYTES_PER_SERIES) +
         n * sizeof(struct series_node) + e * sizeof(struct series_edge) +
         pow2_above((uint32_t)n * 2) * sizeof(uint32_t) + 65536;
}

void series_catalog_init(struct series_catalog *c, void *mem, size_t bytes, uint32_t series_max) {
  MUST(bytes >= series_catalog_bytes(series_max));
  struct base_arena a = arena_over(mem, bytes);
  *c = (struct series_catalog){
      .entry_max = series_max, .node_max = series_catalog_nodes(series_max), .edge_max = edges_for(series_max)};
  uint32_t slots = pow2_above(c->node_max * 2);
  c->entry = ARENA_NEW(&a, struct series_entry, series_max);
  c->node = ARENA_NEW(&a, struct series_node, c->node_max);
  c->edge = ARENA_NEW(&a, struct series_edge, c->edge_max);
  c->node_hash = ARENA_NEW(&a, uint32_t, slots);
  c->slab = ARENA_NEW(&a, char, (size_t)series_max *SLAB_BYTES);
  MUST(c->entry && c->node && c->edge && c->node_hash && c->slab);
  for (uint32_t i = 0; i < slots; i++) c->node_hash[i] = NONE;
  c->node_hash_mask = slots - 1;
  c->names = arena_over(a.p + a.n, a.cap - a.n);
}

static uint32_t node_slot(const struct series_catalog *c, struct base_str ns, struct base_str name) {
  uint64_t h = hash_mix(hash_bytes(HASH_KEY_FIXED, ns.p, ns.n), hash_bytes(HASH_KEY_FIXED, name.p, name.n));
  return (uint32_t)h & c->node_hash_mask;
}

uint32_t series_catalog_node_find(const struct series_catalog *c, struct base_str ns, struct base_str name) {
  uint32_t i = c->node_hash[node_slot(c, ns, name)];
  while (i != NONE && !(str_eq(c->node[i].name, name) && str_eq(c->node[i].ns, ns))) i = c->node[i].hash_next;
  return i;
}

uint32_t series_catalog_node(struct series_catalog *c, struct base_str ns, struct base_str name) {
  uint32_t slot = node_slot(c, ns, name), known = series_catalog_node_find(c, ns, name);
  if (known != NONE) return known;
  if (c->node_n == c->node_max) {
    c->graph_full++;
    return NONE;
  }
  struct base_str own_ns = arena_str(&c->names, ns), own_name = arena_str(&c->names, name);
  if (!own_name.p || (ns.n && !own_ns.p)) {
    c->graph_full++;
    return NONE;
  }
  uint32_t i = c->node_n++;
  c->node[i] = (struct series_node){.ns = own_ns,
                                    .name = own_name,
                                    .series = {NONE, NONE},
                                    .first_child = NONE,
                                    .first_out = NONE,
                                    .first_in = NONE,
                                    .hash_next = c->node_hash[slot]};
  c->node_hash[slot] = i;
  return i;
}

uint32_t series_catalog_edge(struct series_catalog *c, uint32_t from, uint32_t to) {
  if (from == NONE || to == NONE) return NONE;
  for (uint32_t i = c->node[from].first_out; i != NONE; i = c->edge[i].next_out)
    if (c->edge[i].to == to) return i;
  if (c->edge_n == c->edge_max) {
    c->graph_full++;
    return NONE;
  }
  uint32_t i = c->edge_n++;
  c->edge[i] = (struct series_edge){.from = from,
                                    .to = to,
                                    .series = {NONE, NONE},
                                    .first_child = NONE,
                                    .next_out = c->node[from].first_out,
                                    .next_in = c->node[to].first_in};
  c->node[from].first_out = i;
  c->node[to].first_in = i;
  return i;
}

static char *long_take(struct series_catalog *c, unsigned class_) {
  char *p = c->long_free[class_];
  if (!p) return arena_take(&c->names, long_bytes[class_], _Alignof(char *));
  memcpy(&c->long_free[class_], p, sizeof(char *));
  return p;
}

static void long_give(struct series_catalog *c, char *p, unsigned class_) {
  if (!p) return;
  memcpy(p, &c->long_free[class_], sizeof(char *));
  c->long_free[class_] = p;
}

static size_t names_bytes(const struct rec_series *s, uint32_t dims) {
  size_t n = 0;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) n += dims >> d & 1u ? s->dim[d].n : 0;
  return n;
}

static bool names_keep(struct series_catalog *c, const struct rec_series *s, struct rec_series *out, char **long_names,
                       uint8_t *long_class) {
  uint32_t dims = rec_series_dims(s->level);
  size_t n = names_bytes(s, dims);
  struct base_arena own = arena_over(c->slab + (size_t)s->series_idx * SLAB_BYTES, SLAB_BYTES);
  *long_names = NULL;
  *long_class = n > long_bytes[0];
  if (n > long_bytes[1]) return false;
  if (n > SLAB_BYTES) {
    *long_names = long_take(c, *long_class);
    if (!*long_names) return false;
    own = arena_over(*long_names, long_bytes[*long_class]);
  }
  *out = *s;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    out->dim[d] = (dims >> d & 1u) && s->dim[d].n ? arena_str(&own, s->dim[d]) : STR_NONE;
  return true;
}

static void node_link(struct series_catalog *c, struct series_entry *e) {
  struct series_node *n = &c->node[e->node];
  if (e->who.level == REC_LEVEL_SERVICE) {
    n->series[e->who.side] = e->who.series_idx;
    return;
  }
  e->sibling = n->first_child;
  n->first_child = e->who.series_idx;
}

static void edge_link(struct series_catalog *c, struct series_entry *e) {
  const struct base_str *d = e->who.dim;
  uint32_t from = series_catalog_node(c, d[REC_DIM_CALLER_NAMESPACE], d[REC_DIM_CALLER]);
  e->edge = series_catalog_edge(c, from, e->node);
  if (e->edge == NONE) return;
  struct series_edge *g = &c->edge[e->edge];
  if (e->who.level == REC_LEVEL_EDGE) {
    g->series[e->who.side] = e->who.series_idx;
    return;
  }
  e->sibling = g->first_child;
  g->first_child = e->who.series_idx;
}

bool series_catalog_add(struct series_catalog *c, const struct rec_series *s) {
  if (s->series_idx >= c->entry_max) return false;
  struct series_entry *e = &c->entry[s->series_idx];
  if (e->live) series_catalog_drop(c, s->series_idx);
  struct rec_series own;
  char *long_names;
  uint8_t long_class;
  if (!names_keep(c, s, &own, &long_names, &long_class)) return false;
  *e = (struct series_entry){.who = own,
                             .node = NONE,
                             .edge = NONE,
                             .sibling = NONE,
                             .long_names = long_names,
                             .order = c->order++,
                             .live = 1,
                             .long_class = long_class};
  if (s->series_idx >= c->entry_n) c->entry_n = s->series_idx + 1;
  if (!(rec_series_dims(s->level) >> REC_DIM_SERVICE & 1u)) return true;
  e->node = series_catalog_node(c, own.dim[REC_DIM_NAMESPACE], own.dim[REC_DIM_SERVICE]);
  if (e->node == NONE) return true;
  if (s->level == REC_LEVEL_EDGE || s->level == REC_LEVEL_EDGE_CLUSTER) {
    edge_link(c, e);
  } else {
    node_link(c, e);
  }
  return true;
}

static void child_unlink(struct series_catalog *c, uint32_t *head, uint32_t idx) {
  for (uint32_t *at = head; *at != NONE; at = &c->entry[*at].sibling) {
    if (*at != idx) continue;
    *at = c->entry[idx].sibling;
    return;
  }
}

void series_catalog_drop(struct series_catalog *c, uint32_t series_idx) {
  if (series_idx >= c->entry_n || !c->entry[series_idx].live) return;
  struct series_entry *e = &c->entry[series_idx];
  e->live = 0;
  long_give(c, e->long_names, e->long_class);
  e->long_names = NULL;
  if (e->edge != NONE) {
    struct series_edge *g = &c->edge[e->edge];
    if (e->who.level == REC_LEVEL_EDGE)
      g->series[e->who.side] = NONE;
    else
      child_unlink(c, &g->first_child, series_idx);
  } else if (e->node != NONE && e->who.level != REC_LEVEL_EDGE && e->who.level != REC_LEVEL_EDGE_CLUSTER) {
    struct series_node *n = &c->node[e->node];
    if (e->who.level == REC_LEVEL_SERVICE)
      n->series[e->who.side] = NONE;
    else
      child_unlink(c, &n->first_child, series_idx);
  }
}

const struct series_entry *series_catalog_find(const struct series_catalog *c, uint32_t series_idx) {
  if (series_idx >= c->entry_n || !c->entry[series_idx].live) return NULL;
  return &c->entry[series_idx];
}

uint32_t series_catalog_child(const struct series_catalog *c, uint32_t first, enum rec_level level, enum rec_side side,
                              enum rec_dim dim, struct base_str value) {
  for (uint32_t i = first; i != NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level == level && w->side == side && str_eq(w->dim[dim], value)) return i;
  }
  return NONE;
}

struct series_walk series_catalog_walk(const struct series_catalog *c, uint32_t node, enum series_calls calls) {
  MUST(node < c->node_n);
  const struct series_node *n = &c->node[node];
  struct series_walk w = {.catalog = c,
                          .own = {n->series[REC_SIDE_SERVER], n->series[REC_SIDE_CLIENT]},
                          .child = n->first_child,
                          .edge = NONE,
                          .in = calls == SERIES_CALLS_IN};
  if (calls != SERIES_CALLS_NONE) w.edge = w.in ? n->first_in : n->first_out;
  return w;
}

/* Takes a number out of its place. */
static uint32_t own_take(uint32_t *own) {
  uint32_t idx = *own;
  *own = NONE;
  return idx;
}

uint32_t series_catalog_next(struct series_walk *w) {
  for (;;) {
    for (unsigned side = 0; side < REC_SIDE_COUNT; side++)
      if (w->own[side] != NONE) return own_take(&w->own[side]);
    uint32_t idx = w->child;
    if (idx != NONE) {
      w->child = w->catalog->entry[idx].sibling;
      return idx;
    }
    if (w->edge == NONE) return NONE;
    const struct series_edge *g = &w->catalog->edge[w->edge];
    w->own[REC_SIDE_CLIENT] = g->series[REC_SIDE_CLIENT];
    if (w->in) w->own[REC_SIDE_SERVER] = g->series[REC_SIDE_SERVER];
    w->child = g->first_child;
    w->edge = w->in ? g->next_in : g->next_out;
  }
}
