#include "wire_link.h"

#include "base_must.h"

#define WAYS 16u
#define SETS (LIMIT_SPAN_LINKS / WAYS)
#define YOUNG_TICKS (10u * LIMIT_TICKS_PER_S)
#define SPAN_BITS 24u

/* What a look at a set needs stands together: a span costs these two cache lines, and its own and its parent's. */
struct set {
  uint16_t tag[WAYS]; /* of the id; 0: a free place */
  uint32_t spilled;   /* tick at which a span of a trace of this set had to go to its own, or 0 */
  uint32_t rest[7];
  uint32_t tick[WAYS]; /* of the last word about it, low bits */
  struct {
    uint64_t id;
    struct wire_link link;
  } at[WAYS];
};
_Static_assert(sizeof(struct set) % 64 == 0, "whole cache lines");

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

uint64_t wire_link_trace(const struct wire_links *t, struct base_str trace_id) {
  return hash_bytes(t->key, trace_id.p, trace_id.n);
}

/* Whoever knows a trace's id may send spans of it under any id: those need no key of their own. */
uint64_t wire_link_id(uint64_t trace, struct base_str span_id) {
  uint64_t raw;
  MUST(span_id.n == sizeof raw);
  memcpy(&raw, span_id.p, sizeof raw);
  uint64_t span = hash_mix(trace, raw);
  uint64_t id = trace << SPAN_BITS | span >> (64 - SPAN_BITS);
  return id ? id : 1;
}

static inline struct set *set_of_trace(const struct wire_links *t, uint64_t id) {
  return &t->set[(id >> SPAN_BITS) % SETS];
}

static inline struct set *set_of_span(const struct wire_links *t, uint64_t id) {
  return &t->set[hash_mix(id, t->key.k0) % SETS];
}

static inline uint16_t tag_of(uint64_t id) {
  return (uint16_t)(id >> 8 | 1);
}

/* Where the search for a span begins; it ends at a free place, as none ever becomes free again. */
static inline uint32_t way_of(uint64_t id) {
  return (uint32_t)id % WAYS;
}

void wire_links_near(const struct wire_links *t, uint64_t id) {
  const struct set *s = set_of_trace(t, id);
  __builtin_prefetch(s->tag);
  __builtin_prefetch(s->tick);
  __builtin_prefetch(&s->at[way_of(id)]);
}

/* The place of a span in a set; WAYS where it has none. */
static inline uint32_t set_find(const struct set *s, uint64_t id) {
  uint32_t at = way_of(id);
  for (uint32_t i = 0; i < WAYS && s->tag[at]; i++, at = (at + 1) % WAYS)
    if (s->tag[at] == tag_of(id) && s->at[at].id == id) return at;
  return WAYS;
}

/* The set that has a span, and where; NULL where none has. */
static inline struct set *link_at(const struct wire_links *t, uint64_t id, uint32_t *at) {
  struct set *s = set_of_trace(t, id);
  if ((*at = set_find(s, id)) < WAYS) return s;
  if (!s->spilled || t->tick - s->spilled >= 2 * YOUNG_TICKS) return NULL;
  s = set_of_span(t, id);
  return (*at = set_find(s, id)) < WAYS ? s : NULL;
}

const struct wire_link *wire_links_find(const struct wire_links *t, uint64_t id) {
  uint32_t at;
  const struct set *s = link_at(t, id, &at);
  return s ? &s->at[at].link : NULL;
}

/* The place of a set that a new span takes: the first free one of its search, else the oldest. */
static uint32_t place_of(const struct set *s, uint64_t id) {
  uint32_t at = way_of(id), oldest = at;
  for (uint32_t i = 0; i < WAYS; i++, at = (at + 1) % WAYS) {
    if (!s->tag[at]) return at;
    if ((int32_t)(s->tick[at] - s->tick[oldest]) < 0) oldest = at;
  }
  return oldest;
}

static bool is_young(const struct set *s, uint32_t at, uint32_t tick) {
  return s->tag[at] && tick - s->tick[at] < YOUNG_TICKS;
}

static struct set *link_new(struct wire_links *t, uint64_t id, uint32_t tick, uint32_t *at) {
  struct set *s = set_of_trace(t, id);
  *at = place_of(s, id);
  if (is_young(s, *at, tick)) {
    s->spilled = t->tick ? t->tick : 1;
    s = set_of_span(t, id);
    *at = place_of(s, id);
    *t->lost += is_young(s, *at, tick);
  }
  s->tag[*at] = tag_of(id);
  s->tick[*at] = tick;
  s->at[*at].id = id;
  s->at[*at].link = (struct wire_link){0};
  return s;
}

/* The place of a span, new where it has none. */
static struct wire_link *link_open(struct wire_links *t, uint64_t id, uint32_t tick) {
  uint32_t at;
  struct set *s = link_at(t, id, &at);
  if (!s) s = link_new(t, id, tick, &at);
  if ((int32_t)(tick - s->tick[at]) > 0) s->tick[at] = tick;
  return &s->at[at].link;
}

/* What the server said to a try holds for the call that it is a try of. */
static void pass_on(struct wire_links *t, const struct wire_link *l) {
  if (l->role != WIRE_LINK_TRY || !l->answered.at || !l->parent) return;
  uint32_t at;
  struct set *s = link_at(t, l->parent, &at);
  if (s) s->at[at].link.answered = l->answered;
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
  const struct wire_link *own = wire_links_find(t, s->id); /* the parent may have taken its place */
  if (own) pass_on(t, own);
}
