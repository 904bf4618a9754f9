/* What each proxy owes and lost, and what of that is usual between two services. */
#include "base_must.h"
#include "wire_pair_state.h"

struct pair_node *pair_node_at(struct wire_pairs *p, struct wire_node_ref ref) {
  MUST(ref.at < LIMIT_NODES);
  struct pair_node *n = &p->node[ref.at];
  if (n->generation == ref.generation) return n;
  uint8_t active = n->active;
  *n = (struct pair_node){.generation = ref.generation, .active = active};
  return n;
}

void pair_node_wake(struct wire_pairs *p, uint32_t at) {
  struct pair_node *n = &p->node[at];
  if (n->active) return;
  n->active = 1;
  p->active[p->active_n++] = at;
}

int64_t pair_node_wait(const struct wire_pairs *p, const struct pair_node *n) {
  int64_t wait_ns = n->delay.wait_ns ? n->delay.wait_ns : PAIR_WAIT_NS, longest_ns = 0;
  if (p->tardy.n >= PAIR_TARDY_LEAST) longest_ns = p->tardy.most_ns + (PAIR_WAIT_NS - PAIR_SLOW_NS);
  if (longest_ns > PAIR_WAIT_NS_MAX) longest_ns = PAIR_WAIT_NS_MAX;
  return wait_ns > longest_ns ? wait_ns : longest_ns;
}

/* A proxy that gathers its reports for seconds is waited for as long as it takes. */
static void delay_turn(struct pair_delay *d, int64_t now_ns, int64_t delay_ns) {
  bool gap = now_ns - d->half_ns >= 2 * PAIR_DELAY_NS;
  int64_t longest_ns = d->most_ns + (PAIR_WAIT_NS - PAIR_SLOW_NS);
  if (d->n) d->wait_ns = d->slow_n < d->n / 4 ? 0 : longest_ns;
  if (d->wait_ns && d->wait_ns < PAIR_WAIT_NS) d->wait_ns = 0;
  if (d->wait_ns > PAIR_WAIT_NS_MAX) d->wait_ns = PAIR_WAIT_NS_MAX;
  d->least_before_ns = gap ? delay_ns : d->least_ns;
  d->least_ns = delay_ns;
  d->half_ns = now_ns;
  d->most_ns = 0;
  d->n = d->slow_n = 0;
}

int64_t pair_node_delay(struct pair_node *n, int64_t now_ns, int64_t end_ns) {
  struct pair_delay *d = &n->delay;
  int64_t delay_ns = now_ns > end_ns ? now_ns - end_ns : 0;
  if (now_ns - d->half_ns >= PAIR_DELAY_NS) delay_turn(d, now_ns, delay_ns);
  if (delay_ns < d->least_ns) d->least_ns = delay_ns;
  int64_t usual_ns = d->least_ns < d->least_before_ns ? d->least_ns : d->least_before_ns;
  delay_ns -= usual_ns;
  if (delay_ns > d->most_ns) d->most_ns = delay_ns;
  d->n++;
  d->slow_n += delay_ns > PAIR_SLOW_NS;
  return delay_ns;
}

/* --- heard ----------------------------------------------------------------------------------------------------- */

static struct pair_tally *tally_at(struct pair_node *n, int64_t now_ns) {
  struct pair_tally *t = &n->tally;
  int64_t half = now_ns / (LIMIT_TICK_NS * (int64_t)PAIR_SPAN_TICKS);
  if (half <= t->half) return t;
  unsigned at = (unsigned)(half % 2);
  if (half - t->half > 1) t->entries[1 - at] = t->late[1 - at] = t->slow[1 - at] = t->shed[1 - at] = 0;
  t->entries[at] = t->late[at] = t->slow[at] = t->shed[at] = 0;
  t->half = half;
  return t;
}

void wire_pair_heard(struct wire_pairs *p, struct wire_node_ref node, int64_t now_ns, uint32_t entry_n) {
  struct pair_node *n = pair_node_at(p, node);
  struct pair_tally *t = tally_at(n, now_ns);
  t->entries[t->half % 2] += entry_n;
  if (now_ns <= n->heard_ns) return;
  int64_t gap_ns = n->heard_ns ? now_ns - n->heard_ns : 0;
  if (gap_ns > n->usual_gap_ns)
    n->usual_gap_ns = gap_ns;
  else
    n->usual_gap_ns -= (n->usual_gap_ns - gap_ns) / 16;
  if (n->owed > n->owed_usual)
    n->owed_usual = n->owed;
  else
    n->owed_usual -= (n->owed_usual - n->owed) / 16;
  n->owed = 0;
  n->heard_ns = now_ns;
  n->heard_n++;
}

void wire_pair_cut(struct wire_pairs *p, struct wire_node_ref node, int64_t now_ns) {
  pair_node_at(p, node)->cut_ns = now_ns;
}

void wire_pair_join(struct wire_pairs *p, struct wire_node_ref node) {
  pair_node_at(p, node)->cut_ns = 0;
}

void wire_pair_useless(struct wire_pairs *p, struct wire_node_ref node, enum rec_gap_reason reason) {
  MUST(reason == REC_GAP_LATE || reason == REC_GAP_SHED);
  struct pair_tally *t = &pair_node_at(p, node)->tally;
  (reason == REC_GAP_LATE ? t->late : t->shed)[t->half % 2]++;
  pair_node_wake(p, node.at);
}

/* Where the network holds a message up now and then, a proxy that is not heard for some seconds has lost nothing. What
 * one proxy, slow by itself, has to say is no such message, nor what a stream brings that comes back. */
void pair_node_tardy(struct wire_pairs *p, const struct pair_node *n, int64_t now_ns, int64_t delay_ns) {
  struct pair_tardy *t = &p->tardy;
  bool usually = n->delay.wait_ns != 0 || n->delay.slow_n >= n->delay.n / 4;
  if (usually || delay_ns > PAIR_WAIT_NS_MAX) return;
  if (delay_ns > t->most_ns) t->most_ns = delay_ns;
  if (now_ns - t->last_ns < PAIR_TARDY_NS) return;
  t->last_ns = now_ns;
  if (t->n < PAIR_TARDY_MOST) t->n++;
}

void pair_tardy_fade(struct pair_tardy *t, int64_t now_ns) {
  if (now_ns - t->faded_ns < PAIR_TARDY_FADE_NS) return;
  t->faded_ns = now_ns;
  t->n /= 2;
  if (t->n < PAIR_TARDY_LEAST) t->most_ns = 0;
}

void pair_node_slow(struct pair_node *n, uint32_t n_entries) {
  n->tally.slow[n->tally.half % 2] += n_entries;
}

/* --- usual ----------------------------------------------------------------------------------------------------- */

uint32_t pair_edge_at(struct wire_pairs *p, uint64_t partner, uint64_t self, enum pair_role role) {
  uint64_t key = hash_mix(hash_mix(partner, self), role) | 1;
  uint32_t set = (uint32_t)(key % (PAIR_EDGES / PAIR_EDGE_WAYS)) * PAIR_EDGE_WAYS, oldest = set;
  for (uint32_t i = set; i < set + PAIR_EDGE_WAYS; i++) {
    if (p->edge[i].key == key) return i;
    if (p->edge[i].seen < p->edge[oldest].seen) oldest = i;
  }
  p->edge[oldest] = (struct pair_edge){.key = key, .born = p->tick, .seen = p->tick, .faded = p->tick};
  return oldest;
}

static bool is_in_use(const struct pair_edge *e, int64_t tick) {
  return tick - e->born >= (int64_t)PAIR_LEARN_TICKS && e->expected >= PAIR_LEARN_GROUPS * PAIR_UNIT &&
         e->lost <= e->expected / 2;
}

static void edge_learn(struct pair_edge *e, int64_t tick, uint32_t lost) {
  while (tick - e->faded >= (int64_t)PAIR_FADE_TICKS && e->expected > 16 * PAIR_LEARN_GROUPS * PAIR_UNIT) {
    e->faded += PAIR_FADE_TICKS;
    e->expected -= e->expected / 4;
    e->lost -= e->lost / 4;
  }
  if (e->expected > UINT32_MAX / 2) {
    e->expected /= 2;
    e->lost /= 2;
  }
  e->expected += PAIR_UNIT;
  e->lost += lost;
}

/* What is usually lost of one group; one in a hundred to begin with, of which as many as are needed to learn count. */
static uint32_t edge_usual(const struct pair_edge *e) {
  uint64_t lost = (uint64_t)e->lost + PAIR_UNIT / 2, expected = (uint64_t)e->expected + PAIR_LEARN_GROUPS * PAIR_UNIT;
  return (uint32_t)((lost * PAIR_UNIT + expected / 2) / expected);
}

/* --- counts ---------------------------------------------------------------------------------------------------- */

static struct pair_bin *bin_at(struct pair_node *n, int64_t tick) {
  if (tick - n->bin_tick >= (int64_t)PAIR_BINS) {
    memset(n->bin, 0, sizeof n->bin);
    n->bin_tick = tick;
  }
  while (n->bin_tick < tick) n->bin[++n->bin_tick % PAIR_BINS] = (struct pair_bin){0};
  return &n->bin[tick % PAIR_BINS];
}

struct pair_bin pair_node_sum(const struct pair_node *n, int64_t tick, uint32_t span) {
  struct pair_bin sum = {0};
  for (int64_t t = tick; t > tick - (int64_t)span; t--) {
    if (t > n->bin_tick || t <= n->bin_tick - (int64_t)PAIR_BINS) continue;
    const struct pair_bin *b = &n->bin[t % PAIR_BINS];
    sum.expected += b->expected;
    sum.lost += b->lost;
    sum.usual += b->usual;
    sum.all += b->all;
    sum.all_lost += b->all_lost;
  }
  return sum;
}

void pair_node_settle(struct wire_pairs *p, const struct pair_member *m, int64_t tick, uint32_t rate) {
  struct pair_node *n = &p->node[m->node >> 1];
  struct pair_edge *e = &p->edge[m->edge];
  bool reports = n->reports >> (m->node & 1u) & 1u;
  if (!reports || n->delay.wait_ns == PAIR_WAIT_NS_MAX) {
    p->counter[REC_COUNTER_PAIR_UNUSED]++;
    return;
  }
  uint32_t missing = m->said > m->told ? (uint32_t)(m->said - m->told) : 0;
  uint32_t lost = (PAIR_UNIT * missing + m->said - 1u) / m->said;
  bool in_use = is_in_use(e, tick);
  e->seen = tick;
  if (in_use) {
    struct pair_bin *b = bin_at(n, tick);
    p->counter[lost ? REC_COUNTER_PAIR_UNMATCHED : REC_COUNTER_PAIR_MATCHED]++;
    b->expected += PAIR_UNIT;
    b->lost += lost;
    b->usual += edge_usual(e);
    b->all += PAIR_ALL << rate;
    b->all_lost += (lost / (PAIR_UNIT / PAIR_ALL)) << rate;
    if (lost) pair_node_wake(p, m->node >> 1);
  } else {
    p->counter[REC_COUNTER_PAIR_UNUSED]++;
  }
  if (!n->told || tick - n->told_tick > PAIR_TOLD_TICKS) edge_learn(e, tick, lost);
}
