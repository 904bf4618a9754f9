#include "wire_link.h"

#define WAYS 16u
#define SETS (LIMIT_SPAN_LINKS / WAYS)
#define YOUNG_TICKS (10u * LIMIT_TICKS_PER_S)
#define SPAN_BITS 24u

/* The numbers stand by themselves: a look at a set costs two cache lines, and one more where it is there. */
struct set {
  uint64_t id[WAYS];
  uint32_t spilled; /* tick at which a span of a trace of this set had to go to its own, or 0 */
  struct wire_link link[WAYS];
};

struct wire_links {
  struct base_hash_key key;
  uint64_t *lost;
  struct set *set;
  uint32_t tick; /* the newest */
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_links_bytes(void) {
  return up64(sizeof(struct wire_links)) + sizeof(struct set) * SETS;
}

struct wire_links *wire_links_init(void *mem, struct base_hash_key key, uint64_t *lost) {
  struct wire_links *t = mem;
  *t = (struct wire_links){key, lost, (struct set *)(void *)((char *)mem + up64(sizeof *t)), 0};
  return t;
}

uint64_t wire_link_id(const struct wire_links *t, struct base_str trace_id, struct base_str span_id) {
  uint64_t trace = hash_bytes(t->key, trace_id.p, trace_id.n);
  uint64_t span = hash_mix(trace, hash_bytes(t->key, span_id.p, span_id.n));
  uint64_t id = trace << SPAN_BITS | span >> (64 - SPAN_BITS);
  return id ? id : 1;
}

static struct set *set_of_trace(const struct wire_links *t, uint64_t id) {
  return &t->set[(id >> SPAN_BITS) % SETS];
}

static struct set *set_of_span(const struct wire_links *t, uint64_t id) {
  return &t->set[hash_mix(id, t->key.k0) % SETS];
}

static struct wire_link *set_find(struct set *s, uint64_t id) {
  for (uint32_t i = 0; i < WAYS; i++)
    if (s->id[i] == id) return &s->link[i];
  return NULL;
}

static struct wire_link *link_at(const struct wire_links *t, uint64_t id) {
  struct set *s = set_of_trace(t, id);
  struct wire_link *l = set_find(s, id);
  bool spilled = s->spilled && t->tick - s->spilled < 2 * YOUNG_TICKS;
  return l || !spilled ? l : set_find(set_of_span(t, id), id);
}

const struct wire_link *wire_links_find(const struct wire_links *t, uint64_t id) {
  return link_at(t, id);
}

/* The place of a set that may be taken first: a free one, else the oldest. */
static uint32_t place_of(const struct set *s) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < WAYS && s->id[at]; i++)
    if (!s->id[i] || (int32_t)(s->link[i].tick - s->link[at].tick) < 0) at = i;
  return at;
}

static bool is_young(const struct set *s, uint32_t at, uint32_t tick) {
  return s->id[at] && tick - s->link[at].tick < YOUNG_TICKS;
}

/* The place of a span, new where it has none. */
static struct wire_link *link_open(struct wire_links *t, uint64_t id, uint32_t tick) {
  struct wire_link *l = link_at(t, id);
  if (!l) {
    struct set *s = set_of_trace(t, id);
    uint32_t at = place_of(s);
    if (is_young(s, at, tick)) {
      s->spilled = t->tick ? t->tick : 1;
      s = set_of_span(t, id);
      at = place_of(s);
      *t->lost += is_young(s, at, tick);
    }
    s->id[at] = id;
    l = &s->link[at];
    *l = (struct wire_link){.tick = tick};
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
  if ((int32_t)(s->tick - t->tick) > 0 || t->tick == 0) t->tick = s->tick;
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
