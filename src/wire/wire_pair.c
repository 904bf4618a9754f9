#include "wire_pair.h"

#include "base_must.h"
#include "wire_pair_state.h"
#include "wire_request_id.h"

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_pair_bytes(void) {
  return up64(sizeof(struct wire_pairs)) + up64(sizeof(struct pair_group) * LIMIT_PAIRS) +
         up64(sizeof(uint16_t) * PAIR_HEADS) + up64(sizeof(struct pair_edge) * PAIR_EDGES) +
         up64(sizeof(struct pair_node) * LIMIT_NODES) + sizeof(uint32_t) * LIMIT_NODES;
}

struct wire_pairs *wire_pair_init(void *mem, uint64_t *counter) {
  struct wire_pairs *p = mem;
  char *at = (char *)mem + up64(sizeof *p);
  p->group = (struct pair_group *)(void *)at;
  at += up64(sizeof(struct pair_group) * LIMIT_PAIRS);
  p->head = (uint16_t *)(void *)at;
  at += up64(sizeof(uint16_t) * PAIR_HEADS);
  p->edge = (struct pair_edge *)(void *)at;
  at += up64(sizeof(struct pair_edge) * PAIR_EDGES);
  p->node = (struct pair_node *)(void *)at;
  at += up64(sizeof(struct pair_node) * LIMIT_NODES);
  p->active = (uint32_t *)(void *)at;
  p->counter = counter;
  p->group_n = 1;
  return p;
}

static int64_t tick_of(int64_t ns) {
  return ns / LIMIT_TICK_NS;
}

/* --- the sample ------------------------------------------------------------------------------------------------ */

static bool is_sampled(uint32_t sample, uint32_t rate) {
  return (sample & ((1u << rate) - 1)) == 0;
}

/* A wider sample begins with requests that end after it: neither report of those has come yet. */
static uint32_t rate_at(const struct pair_sample *s, int64_t end_ns) {
  return end_ns > s->wide_ns ? s->rate : s->rate_before;
}

static void sample_narrow(struct pair_sample *s, int64_t tick) {
  if (s->rate < PAIR_RATE_MAX) s->rate_before = ++s->rate;
  s->changed = tick;
}

static uint32_t seen_count(const struct pair_sample *s) {
  uint32_t n = 0;
  for (unsigned i = 0; i < 4; i++) n += (uint32_t)__builtin_popcountll(s->seen[i]);
  return n ? n : 1;
}

/* Once a second: as few as tell enough. */
static void sample_adapt(struct pair_sample *s, int64_t now_ns, int64_t tick, int64_t ticks) {
  uint32_t enough = PAIR_ENOUGH * seen_count(s);
  uint64_t per_s = (uint64_t)s->opened * LIMIT_TICKS_PER_S / (uint64_t)ticks;
  bool may_widen = s->rate > 0 && tick - s->changed >= (int64_t)PAIR_WIDEN_TICKS;
  if (may_widen && per_s < enough / 3) {
    s->rate_before = s->rate--;
    s->wide_ns = now_ns + TIME_NS_PER_S;
    s->changed = tick;
  }
  for (; per_s > enough && s->rate < PAIR_RATE_MAX; per_s /= 2) sample_narrow(s, tick);
  s->opened = 0;
  memset(s->seen, 0, sizeof s->seen);
}

static void samples_adapt(struct wire_pairs *p, int64_t now_ns, int64_t tick) {
  int64_t ticks = tick - p->sample_tick;
  if (ticks < (int64_t)LIMIT_TICKS_PER_S) return;
  p->sample_tick = tick;
  for (uint32_t i = 0; i < PAIR_SAMPLES; i++)
    if (p->sample[i].opened || p->sample[i].rate) sample_adapt(&p->sample[i], now_ns, tick, ticks);
}

/* --- groups ---------------------------------------------------------------------------------------------------- */

static void group_drop(struct wire_pairs *p, uint32_t at) {
  struct pair_group *g = &p->group[at];
  uint16_t *link = &p->head[g->hash % PAIR_HEADS];
  while (*link != at) link = &p->group[*link].next;
  *link = g->next;
  g->due_next = p->group_free;
  p->group_free = at;
  p->group_used--;
}

static void due_put(struct wire_pairs *p, uint32_t at) {
  uint32_t *head = &p->due[p->group[at].due % PAIR_DUE_TICKS];
  p->group[at].due_next = *head;
  *head = at;
}

/* The table fills: half as many from now on; what falls out of the sample goes at once. */
static void samples_halve(struct wire_pairs *p) {
  for (uint32_t i = 0; i < PAIR_SAMPLES; i++) sample_narrow(&p->sample[i], p->tick);
  for (unsigned t = 0; t < PAIR_DUE_TICKS; t++) {
    uint32_t at = p->due[t], next;
    p->due[t] = 0;
    for (; at; at = next) {
      next = p->group[at].due_next;
      if (is_sampled(p->group[at].sample, p->sample[p->group[at].of].rate))
        due_put(p, at);
      else
        group_drop(p, at);
    }
  }
}

static uint32_t group_find(const struct wire_pairs *p, uint64_t hash) {
  uint32_t at = p->head[hash % PAIR_HEADS];
  while (at && p->group[at].hash != hash) at = p->group[at].next;
  return at;
}

static uint32_t group_open(struct wire_pairs *p, uint64_t hash, int64_t tick) {
  uint32_t at = p->group_free;
  if (at)
    p->group_free = p->group[at].due_next;
  else if (p->group_n < LIMIT_PAIRS)
    at = p->group_n++;
  else
    return 0;
  struct pair_group *g = &p->group[at];
  uint16_t *head = &p->head[hash % PAIR_HEADS];
  g->hash = hash;
  g->due = (uint32_t)tick;
  g->born = (uint16_t)tick;
  g->member_n = g->print_n = 0;
  g->next = *head;
  *head = (uint16_t)at;
  p->group_used++;
  return at;
}

/* A message that came twice brings the same reports again. */
static bool is_known_print(struct pair_group *g, const struct wire_pair_report *r) {
  uint64_t h = hash_mix((uint64_t)r->start_ns ^ (uint64_t)r->end_ns << 20, (uint64_t)r->self.at << 1 | r->client);
  uint16_t print = (uint16_t)h;
  unsigned n = g->print_n < PAIR_PRINTS ? g->print_n : PAIR_PRINTS;
  for (unsigned i = 0; i < n; i++)
    if (g->print[i] == print) return true;
  g->print[g->print_n % PAIR_PRINTS] = print;
  g->print_n = g->print_n == 2 * PAIR_PRINTS - 1 ? PAIR_PRINTS : (uint8_t)(g->print_n + 1);
  return false;
}

/* NULL: one too many, which the group remembers. */
static struct pair_member *member_at(struct pair_group *g, struct wire_node_ref node, enum pair_role role) {
  uint32_t key = node.at << 1 | (uint32_t)role;
  if (g->member_n == PAIR_OVER) return NULL;
  for (unsigned i = 0; i < g->member_n; i++)
    if (g->member[i].node == key) return &g->member[i];
  if (g->member_n == PAIR_MEMBERS) {
    g->member_n = PAIR_OVER;
    return NULL;
  }
  struct pair_member *m = &g->member[g->member_n++];
  *m = (struct pair_member){.node = key};
  return m;
}

static void saturate(uint8_t *to, uint32_t by) {
  *to = (uint8_t)(by > (uint32_t)UINT8_MAX - *to ? UINT8_MAX : *to + by);
}

static void group_put(struct wire_pairs *p, struct pair_group *g, const struct wire_pair_report *r) {
  enum pair_role self = r->client ? PAIR_CALLER : PAIR_CALLEE, other = r->client ? PAIR_CALLEE : PAIR_CALLER;
  struct pair_member *m = member_at(g, r->self, self);
  if (m) saturate(&m->told, r->client ? r->attempts : 1);
  if (!r->owed || r->other.at == 0) return;
  m = member_at(g, r->other, other);
  if (!m) return;
  saturate(&m->said, 1);
  m->edge = pair_edge_at(p, r->self_service, r->other_service, other);
}

/* Both reports of a request and the one of a lost one lead to the same time, where clocks agree: so what is lost and
 * what is not is judged together. */
static uint32_t due_tick(struct wire_pairs *p, const struct pair_group *g, const struct wire_pair_report *r) {
  int64_t wait_ns = r->other.at ? pair_node_wait(p, pair_node_at(p, r->other)) : PAIR_WAIT_NS;
  int64_t now = tick_of(r->now_ns), age = (uint16_t)((uint16_t)now - g->born);
  int64_t due = tick_of(r->end_ns + wait_ns) + 1, after = tick_of(r->now_ns + PAIR_WAIT_NEW_NS) + 1;
  if (after > due) due = after;
  if (due > now - age + (int64_t)PAIR_LIFE_TICKS) due = now - age + (int64_t)PAIR_LIFE_TICKS;
  return (uint32_t)(due > p->tick ? due : p->tick + 1);
}

static void forget(struct wire_pairs *p) {
  for (unsigned t = 0; t < PAIR_DUE_TICKS; t++) {
    uint32_t at = p->due[t], next;
    p->due[t] = 0;
    for (; at; at = next) {
      next = p->group[at].due_next;
      group_drop(p, at);
    }
  }
}

/* Nothing was heard for long, or this is the first: what was pending says nothing about who lost it. */
static void jump_step(struct wire_pairs *p, int64_t tick) {
  if (tick - p->tick <= PAIR_JUMP_TICKS) return;
  forget(p);
  p->tick = tick - 1;
}

/* Without an id no request can be asked for; but a proxy with which requests are answered cannot have none to tell. */
static void nameless_put(struct wire_pairs *p, const struct wire_pair_report *r) {
  p->counter[REC_COUNTER_PAIR_NO_ID]++;
  if (!r->owed || r->other.at == 0) return;
  struct pair_node *other = pair_node_at(p, r->other);
  if (r->end_ns <= other->heard_ns) return;
  other->owed++;
  other->owed_ns = r->now_ns;
  pair_node_wake(p, r->other.at);
}

void wire_pair_report(struct wire_pairs *p, const struct wire_pair_report *r) {
  struct pair_node *self = pair_node_at(p, r->self);
  struct base_str id = r->request_id;
  jump_step(p, tick_of(r->now_ns));
  self->reports |= (uint8_t)(1u << (r->client ? PAIR_CALLER : PAIR_CALLEE));
  if (id.n == 0 || id.n > WIRE_REQUEST_ID_BYTES) {
    nameless_put(p, r);
    return;
  }
  uint64_t whole = wire_request_id_hash(id);
  uint32_t bits = (uint32_t)(whole >> 32), of = (uint32_t)(hash_mix(r->callee, 0) % PAIR_SAMPLES);
  struct pair_sample *s = &p->sample[of];
  s->seen[r->self.at / 64 % 4] |= 1ull << (r->self.at % 64);
  if (!is_sampled(bits, rate_at(s, r->end_ns))) return;
  int64_t delay_ns = pair_node_delay(self, r->now_ns, r->end_ns);
  if (delay_ns > PAIR_WAIT_NS) pair_node_tardy(p, self, r->now_ns, delay_ns);
  if (delay_ns > pair_node_wait(p, self)) {
    pair_node_slow(self, 1u << s->rate);
    return;
  }
  uint64_t hash = hash_mix(whole, r->callee);
  uint32_t at = group_find(p, hash);
  bool fresh = at == 0;
  if (fresh) at = group_open(p, hash, tick_of(r->now_ns));
  if (!at) return;
  struct pair_group *g = &p->group[at];
  if (fresh) {
    g->sample = bits;
    g->of = (uint16_t)of;
    s->opened++;
  }
  if (is_known_print(g, r)) return;
  group_put(p, g, r);
  uint32_t due = due_tick(p, g, r);
  if (fresh || due > g->due) g->due = due;
  if (fresh) due_put(p, at);
  if (p->group_used > LIMIT_PAIRS / 8 * 7) samples_halve(p);
}

/* --- time ------------------------------------------------------------------------------------------------------ */

static void group_settle(struct wire_pairs *p, const struct pair_group *g, int64_t tick) {
  uint32_t rate = p->sample[g->of].rate;
  if (!is_sampled(g->sample, rate)) return; /* its other reports are passed over since */
  if (g->member_n == PAIR_OVER) {
    p->counter[REC_COUNTER_PAIR_UNUSED]++;
    return;
  }
  for (unsigned i = 0; i < g->member_n; i++)
    if (g->member[i].said) pair_node_settle(p, &g->member[i], tick, rate);
}

static void settle(struct wire_pairs *p, int64_t tick) {
  uint32_t at = p->due[(uint64_t)tick % PAIR_DUE_TICKS], next;
  p->due[(uint64_t)tick % PAIR_DUE_TICKS] = 0;
  for (; at; at = next) {
    next = p->group[at].due_next;
    __builtin_prefetch(&p->group[next]);
    if (p->group[at].due > (uint32_t)tick) {
      due_put(p, at);
      continue;
    }
    group_settle(p, &p->group[at], tick);
    group_drop(p, at);
  }
}

uint32_t wire_pair_step(struct wire_pairs *p, int64_t now_ns, const struct wire_pair_gap **out) {
  int64_t tick = tick_of(now_ns);
  *out = p->gap;
  p->gap_n = 0;
  if (tick <= p->tick) return 0;
  jump_step(p, tick);
  while (p->tick < tick) settle(p, ++p->tick);
  pair_tardy_fade(&p->tardy, now_ns);
  samples_adapt(p, now_ns, tick);
  pair_tell(p, now_ns, tick);
  MUST(p->gap_n <= LIMIT_GAPS);
  return p->gap_n;
}
