#include "wire_link.h"

#define WAYS 4u
#define SETS (LIMIT_SPAN_LINKS / WAYS)
#define YOUNG_TICKS (10u * LIMIT_TICKS_PER_S)

struct wire_links {
  struct base_hash_key key;
  uint64_t *lost;
  struct wire_link *link;
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_links_bytes(void) {
  return up64(sizeof(struct wire_links)) + sizeof(struct wire_link) * LIMIT_SPAN_LINKS;
}

struct wire_links *wire_links_init(void *mem, struct base_hash_key key, uint64_t *lost) {
  struct wire_links *t = mem;
  *t = (struct wire_links){key, lost, (struct wire_link *)(void *)((char *)mem + up64(sizeof *t))};
  return t;
}

uint64_t wire_link_id(const struct wire_links *t, struct base_str trace_id, struct base_str span_id) {
  uint64_t h = hash_mix(hash_bytes(t->key, trace_id.p, trace_id.n), hash_bytes(t->key, span_id.p, span_id.n));
  return h ? h : 1;
}

static struct wire_link *link_at(const struct wire_links *t, uint64_t id) {
  struct wire_link *set = &t->link[id % SETS * WAYS];
  for (uint32_t i = 0; i < WAYS; i++)
    if (set[i].id == id) return &set[i];
  return NULL;
}

const struct wire_link *wire_links_find(const struct wire_links *t, uint64_t id) {
  return link_at(t, id);
}

/* The place of a span, new where it has none. */
static struct wire_link *link_open(struct wire_links *t, uint64_t id, uint32_t tick) {
  struct wire_link *l = link_at(t, id), *set = &t->link[id % SETS * WAYS];
  if (!l) {
    l = set;
    for (uint32_t i = 0; i < WAYS && l->id; i++)
      if (!set[i].id || (int32_t)(set[i].tick - l->tick) < 0) l = &set[i];
    if (l->id && tick - l->tick < YOUNG_TICKS) ++*t->lost;
    *l = (struct wire_link){.id = id, .tick = tick};
  }
  if ((int32_t)(tick - l->tick) > 0) l->tick = tick;
  return l;
}

/* What the server said to a try holds for the call that it is a try of. */
static void pass_on(struct wire_links *t, const struct wire_link *l) {
  if (l->role != WIRE_LINK_TRY || !l->answered.at || !l->parent) return;
  struct wire_link *call = link_at(t, l->parent);
  if (call) call->answered = l->answered;
}

void wire_links_add(struct wire_links *t, const struct wire_link_span *s) {
  struct wire_link *l = link_open(t, s->id, s->tick);
  bool again = l->role == s->role;
  l->role = (uint8_t)s->role;
  l->proxy = s->proxy;
  l->self = s->self;
  l->parent = s->parent == s->id ? 0 : s->parent;
  if (l->parent) {
    struct wire_link *parent = link_open(t, l->parent, s->tick);
    if (s->role == WIRE_LINK_SERVER) parent->answered = s->self;
    if (s->role == WIRE_LINK_CLIENT && s->proxy) parent->inner = s->self;
    if (s->role == WIRE_LINK_TRY && !again && parent->tries < UINT8_MAX) parent->tries++;
    pass_on(t, parent);
  }
  l = link_at(t, s->id); /* the parent may have taken its place */
  if (l) pass_on(t, l);
}
