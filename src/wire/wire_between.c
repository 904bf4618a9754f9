#include "wire_between.h"

#include <assert.h>

#include "base_time.h"
#include "wire_request_id.h"

#define GROUPS LIMIT_BETWEEN_GROUPS
#define SETS 256u
#define WAYS 4u /* callees whose callers are learned: SETS x WAYS */
#define ITEMS 8u
#define VOICES 4u                      /* callers of one callee that are told apart */
#define LIFE_TICKS 20u                 /* 5 s: by then all reports of a request have come */
#define ENOUGH_PER_S 200u              /* groups opened a second; of more, half as many are sampled */
#define ENOUGH_VOTES 16u               /* of one caller, before it is believed */
#define BELIEVED 0.8                   /* its share of all votes, to be believed */
#define DOUBTED 0.5                    /* and below which it is not any more */
#define VOTES_MAX 4096u                /* then all are halved: what is no longer so is forgotten */
#define SKEW_NS (500 * TIME_NS_PER_MS) /* by which the clocks of two proxies may differ */
#define RATE_MAX 20u

struct item {
  struct wire_between_id callee;
  int64_t start_ns, end_ns;
  bool call;
};

struct group {
  uint64_t hash;
  int64_t born;  /* tick */
  uint32_t next; /* in its chain: its place, from 1 */
  uint32_t n;
  struct item item[ITEMS];
};

struct voice {
  struct wire_between_id caller;
  uint32_t votes;
};

struct learned {
  struct wire_between_id callee; /* service 0: free */
  int64_t tick;                  /* of its last vote */
  uint32_t votes;                /* all, those for nobody, too */
  uint32_t believed;             /* number of the voice, from 1; 0 none */
  struct voice voice[VOICES];
};

struct wire_betweens {
  int64_t tick, rated_tick;
  uint32_t rate; /* one id in 2^rate is looked at */
  uint32_t opened;
  uint32_t oldest, group_n; /* groups in order of birth: a ring */
  struct learned learned[SETS * WAYS];
  uint32_t head[GROUPS];
  struct group group[GROUPS];
};

static_assert((GROUPS & (GROUPS - 1)) == 0, "a ring by masks");

size_t wire_between_bytes(void) {
  return sizeof(struct wire_betweens);
}

struct wire_betweens *wire_between_init(void *mem) {
  return mem;
}

static bool same(struct wire_between_id a, struct wire_between_id b) {
  return a.namespace_ == b.namespace_ && a.service == b.service;
}

static int64_t tick_of(int64_t ns) {
  return ns / LIMIT_TICK_NS;
}

/* --- what is learned --------------------------------------------------------------------------------------------- */

static uint32_t set_of(struct wire_between_id callee) {
  return (uint32_t)(hash_mix((uint64_t)callee.namespace_ << 32 | callee.service, 0) % SETS) * WAYS;
}

static struct learned *learned_at(struct wire_betweens *b, struct wire_between_id callee) {
  struct learned *set = &b->learned[set_of(callee)], *oldest = set;
  for (uint32_t i = 0; i < WAYS; i++) {
    if (same(set[i].callee, callee)) return &set[i];
    if (set[i].tick < oldest->tick) oldest = &set[i];
  }
  *oldest = (struct learned){.callee = callee};
  return oldest;
}

static void votes_halve(struct learned *l) {
  l->votes = 0;
  for (unsigned i = 0; i < VOICES; i++) l->votes += l->voice[i].votes /= 2;
}

/* The voice of that caller, or in place of one that hardly anybody gave. */
static struct voice *voice_at(struct learned *l, struct wire_between_id caller) {
  struct voice *least = &l->voice[0];
  for (unsigned i = 0; i < VOICES; i++) {
    if (same(l->voice[i].caller, caller)) return &l->voice[i];
    if (l->voice[i].votes < least->votes) least = &l->voice[i];
  }
  if (least->votes == 0) *least = (struct voice){.caller = caller};
  return least->votes == 0 ? least : NULL;
}

static void belief_judge(struct learned *l) {
  const struct voice *now = l->believed ? &l->voice[l->believed - 1] : NULL;
  if (now && now->votes < DOUBTED * l->votes) l->believed = 0;
  for (unsigned i = 0; i < VOICES && !l->believed; i++)
    if (l->voice[i].votes >= ENOUGH_VOTES && l->voice[i].votes >= BELIEVED * l->votes) l->believed = i + 1;
}

static void vote(struct wire_betweens *b, struct wire_between_id callee, struct wire_between_id caller) {
  struct learned *l = learned_at(b, callee);
  struct voice *v = caller.service ? voice_at(l, caller) : NULL;
  l->tick = b->tick;
  l->votes++;
  if (v) v->votes++;
  if (l->votes > VOTES_MAX) votes_halve(l);
  belief_judge(l);
}

struct wire_between_id wire_between_caller(const struct wire_betweens *b, struct wire_between_id callee) {
  const struct learned *set = &b->learned[set_of(callee)];
  for (uint32_t i = 0; i < WAYS; i++)
    if (same(set[i].callee, callee) && set[i].believed) return set[i].voice[set[i].believed - 1].caller;
  return (struct wire_between_id){0, 0};
}

/* --- the requests ------------------------------------------------------------------------------------------------ */

/* Could a have been under way around all of o, as far as two clocks can tell? */
static bool holds(const struct item *a, const struct item *o) {
  return a->end_ns - a->start_ns >= o->end_ns - o->start_ns && a->start_ns <= o->start_ns + SKEW_NS &&
         a->end_ns >= o->end_ns - SKEW_NS && !same(a->callee, o->callee);
}

static void item_settle(struct wire_betweens *b, const struct group *g, const struct item *o) {
  const struct item *best = NULL;
  for (uint32_t i = 0; i < g->n; i++) {
    const struct item *a = &g->item[i];
    if (!a->call || !holds(a, o)) continue;
    if (!best || a->end_ns - a->start_ns < best->end_ns - best->start_ns) best = a;
  }
  vote(b, o->callee, best ? best->callee : (struct wire_between_id){0, 0});
}

/* A group in which something found no room says nothing. */
static void oldest_settle(struct wire_betweens *b) {
  struct group *g = &b->group[b->oldest];
  for (uint32_t i = 0; i < g->n && g->n < ITEMS; i++)
    if (!g->item[i].call) item_settle(b, g, &g->item[i]);
  uint32_t *link = &b->head[g->hash & (GROUPS - 1)];
  while (*link != b->oldest + 1) link = &b->group[*link - 1].next;
  *link = g->next;
  b->oldest = (b->oldest + 1) & (GROUPS - 1);
  b->group_n--;
}

static struct group *group_at(struct wire_betweens *b, uint64_t hash, int64_t tick) {
  uint32_t *head = &b->head[hash & (GROUPS - 1)];
  for (uint32_t i = *head; i; i = b->group[i - 1].next)
    if (b->group[i - 1].hash == hash) return &b->group[i - 1];
  if (b->group_n == GROUPS) oldest_settle(b);
  uint32_t at = (b->oldest + b->group_n++) & (GROUPS - 1);
  b->group[at] = (struct group){.hash = hash, .born = tick, .next = *head};
  *head = at + 1;
  b->opened++;
  return &b->group[at];
}

void wire_between_report(struct wire_betweens *b, const struct wire_between_report *r) {
  if (r->request_id.n == 0 || r->request_id.n > WIRE_REQUEST_ID_BYTES || r->callee.service == 0) return;
  uint64_t hash = wire_request_id_hash(r->request_id);
  if (hash >> 32 & ((1u << b->rate) - 1)) return;
  struct group *g = group_at(b, hash, tick_of(r->now_ns));
  if (g->n < ITEMS) g->item[g->n++] = (struct item){r->callee, r->start_ns, r->end_ns, r->call};
}

/* --- time -------------------------------------------------------------------------------------------------------- */

static void rate_adapt(struct wire_betweens *b) {
  if (b->tick - b->rated_tick < (int64_t)LIMIT_TICKS_PER_S) return;
  b->rated_tick = b->tick;
  if (b->opened > ENOUGH_PER_S && b->rate < RATE_MAX) b->rate++;
  if (b->opened < ENOUGH_PER_S / 4 && b->rate > 0) b->rate--;
  b->opened = 0;
}

void wire_between_step(struct wire_betweens *b, int64_t now_ns) {
  int64_t tick = tick_of(now_ns);
  if (tick <= b->tick) return;
  b->tick = tick;
  while (b->group_n && tick - b->group[b->oldest].born >= (int64_t)LIFE_TICKS) oldest_settle(b);
  rate_adapt(b);
}

void wire_between_mark(const struct wire_betweens *b, struct wire_names *names) {
  for (uint32_t i = 0; i < SETS * WAYS; i++) {
    const struct learned *l = &b->learned[i];
    wire_names_mark(names, l->callee.namespace_);
    wire_names_mark(names, l->callee.service);
    for (unsigned k = 0; k < VOICES; k++) {
      wire_names_mark(names, l->voice[k].caller.namespace_);
      wire_names_mark(names, l->voice[k].caller.service);
    }
  }
  for (uint32_t i = 0; i < b->group_n; i++) {
    const struct group *g = &b->group[(b->oldest + i) & (GROUPS - 1)];
    for (uint32_t k = 0; k < g->n; k++) {
      wire_names_mark(names, g->item[k].callee.namespace_);
      wire_names_mark(names, g->item[k].callee.service);
    }
  }
}
