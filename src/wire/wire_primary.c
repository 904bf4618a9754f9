#include "wire_primary.h"

#define WAYS 4u
#define SETS 16384u
/* In place of a name: whichever it is. */
#define ANY UINT32_MAX

struct claim {
  uint64_t hash;
  int64_t tick;  /* of the last word */
  uint64_t told; /* reports of single requests */
  uint8_t source, used;
};

struct wire_primaries {
  struct base_hash_key key;
  struct claim claim[SETS * WAYS];
};

size_t wire_primary_bytes(void) {
  return sizeof(struct wire_primaries);
}

struct wire_primaries *wire_primary_init(void *mem, struct base_hash_key key) {
  struct wire_primaries *t = mem;
  t->key = key;
  return t;
}

static uint64_t claim_hash(const struct wire_primaries *t, uint32_t ns, uint32_t service, uint32_t pod, uint8_t side) {
  return hash_mix(hash_mix(t->key.k0, (uint64_t)ns << 32 | service), (uint64_t)pod << 8 | side);
}

static const struct claim *claim_view(const struct wire_primaries *t, uint64_t hash) {
  const struct claim *set = &t->claim[hash % SETS * WAYS];
  for (uint32_t i = 0; i < WAYS; i++)
    if (set[i].used && set[i].hash == hash) return &set[i];
  return NULL;
}

static struct claim *claim_find(struct wire_primaries *t, uint64_t hash) {
  const struct claim *c = claim_view(t, hash);
  return c ? &t->claim[c - t->claim] : NULL;
}

static bool is_alive(const struct claim *c, int64_t tick) {
  return c && tick - c->tick <= (int64_t)WIRE_PRIMARY_TICKS;
}

/* The claim is renewed, or taken over: by a better source at once, by a worse one where the owner is dead. */
static bool claim_put(struct wire_primaries *t, uint64_t hash, enum wire_source source, int64_t tick) {
  struct claim *c = claim_find(t, hash);
  if (c && source > c->source && is_alive(c, tick)) return false;
  bool switched = c && c->source != source;
  if (!c) {
    struct claim *set = &t->claim[hash % SETS * WAYS];
    c = set;
    for (uint32_t i = 0; i < WAYS && c->used; i++)
      if (!set[i].used || set[i].tick < c->tick) c = &set[i];
    *c = (struct claim){.tick = tick};
  }
  if (tick < c->tick) tick = c->tick;
  *c = (struct claim){.hash = hash, .tick = tick, .told = c->told, .source = (uint8_t)source, .used = 1};
  return switched;
}

static bool is_better(struct wire_primaries *t, uint64_t hash, enum wire_source source, int64_t tick) {
  const struct claim *c = claim_find(t, hash);
  return is_alive(c, tick) && c->source < source;
}

bool wire_primary_take(struct wire_primaries *t, const struct wire_reporter_id *who, enum wire_source source,
                       int64_t tick, bool *switched) {
  uint32_t ns = who->namespace_ ? who->namespace_ : ANY;
  uint64_t exact = claim_hash(t, ns, who->service, who->pod, who->side); /* pod 0: of nobody in particular */
  uint64_t podless = claim_hash(t, ns, who->service, 0, who->side);
  uint64_t any = claim_hash(t, ns, who->service, ANY, who->side);
  *switched = false;
  if (is_better(t, who->pod ? exact : any, source, tick) || is_better(t, podless, source, tick)) return false;
  *switched = claim_put(t, exact, source, tick);
  (void)claim_put(t, any, source, tick);
  if (ns == ANY) return true;
  (void)claim_put(t, claim_hash(t, ANY, who->service, who->pod, who->side), source, tick);
  (void)claim_put(t, claim_hash(t, ANY, who->service, ANY, who->side), source, tick);
  return true;
}

static uint64_t exact_hash(const struct wire_primaries *t, const struct wire_reporter_id *who) {
  return claim_hash(t, who->namespace_ ? who->namespace_ : ANY, who->service, who->pod, who->side);
}

bool wire_primary_view(const struct wire_primaries *t, const struct wire_reporter_id *who, int64_t tick,
                       enum wire_source *source) {
  const struct claim *c = claim_view(t, exact_hash(t, who));
  if (!is_alive(c, tick)) return false;
  *source = (enum wire_source)c->source;
  return true;
}

void wire_primary_tell(struct wire_primaries *t, const struct wire_reporter_id *who, uint64_t n) {
  struct claim *c = claim_find(t, exact_hash(t, who));
  if (c) c->told += n;
}

uint64_t wire_primary_told(const struct wire_primaries *t, const struct wire_reporter_id *who) {
  const struct claim *c = claim_view(t, exact_hash(t, who));
  return c ? c->told : 0;
}
