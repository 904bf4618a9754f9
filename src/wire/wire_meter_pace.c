/* Targets in time, and the blocks that they bring. A scrape tells what happened since the one before, and nothing of
 * when: its block is given out evenly over as long as the next one takes to come, from its arrival on, so that all of a
 * proxy's counts are the same time late and no tick is empty for want of a scrape. What is left of a block when the
 * next comes is added to that. */
#include "wire_meter_state.h"

/* --- targets --------------------------------------------------------------------------------------------------- */

/* The middle one of the last intervals: a missed scrape makes one twice as long. */
static void pace_learn(struct meter_target *t, int64_t interval_ns) {
  int64_t sorted[METER_INTERVALS];
  uint32_t n = t->interval_n < METER_INTERVALS ? t->interval_n + 1 : METER_INTERVALS;
  t->interval_ns[t->interval_n % METER_INTERVALS] = interval_ns;
  t->interval_n = t->interval_n + 1 < 2 * METER_INTERVALS ? t->interval_n + 1 : METER_INTERVALS;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t at = i;
    for (; at > 0 && sorted[at - 1] > t->interval_ns[i]; at--) sorted[at] = sorted[at - 1];
    sorted[at] = t->interval_ns[i];
  }
  int64_t ticks = (sorted[n == 2 ? 0 : n / 2] + LIMIT_TICK_NS / 2) / LIMIT_TICK_NS;
  if (ticks < (int64_t)METER_PACE_TICKS_MIN) ticks = METER_PACE_TICKS_MIN;
  if (ticks > (int64_t)METER_PACE_TICKS_MAX) ticks = METER_PACE_TICKS_MAX;
  t->pace = (uint32_t)ticks;
}

static void block_begin(struct wire_meter *m, struct meter_target *t, int64_t now_ns) {
  struct wire_fold *f = m->fold;
  int64_t now = now_ns / LIMIT_TICK_NS;
  t->from_tick = now > f->open_tick ? now : f->open_tick;
  if (t->first_tick != INT64_MAX && t->from_tick > t->end_tick)
    t->hole[t->hole_n++ % METER_HOLES] = (struct meter_hole){t->end_tick, t->from_tick};
  t->end_tick = t->from_tick + meter_block_ticks(t->pace);
  if (t->first_tick == INT64_MAX) t->first_tick = t->from_tick;
  t->block_before_n = t->block_n;
  t->block_n = 0;
  if (t->end_tick - 1 > f->touched_tick) f->touched_tick = t->end_tick - 1;
}

void meter_target_hear(struct wire_meter *m, struct meter_target *t, uint8_t row, int64_t at_ns, int64_t now_ns) {
  int64_t apart_ns = t->pace ? (int64_t)t->pace * LIMIT_TICK_NS / 4 : METER_BATCH_NS;
  if (apart_ns < METER_BATCH_NS) apart_ns = METER_BATCH_NS;
  if (!t->batch_ns || at_ns - t->batch_ns >= apart_ns) {
    if (t->batch_ns) pace_learn(t, at_ns - t->batch_ns);
    meter_loss_batch(m, t);
    t->before_ns = t->batch_ns;
    t->batch_ns = at_ns;
    t->heard_ns = now_ns;
    t->families |= t->families_now;
    t->families_now = 0;
    t->gone = 0;
    if (t->batch_n < UINT32_MAX) t->batch_n++;
    if (t->pace) block_begin(m, t, now_ns);
  }
  t->families_now |= 1ull << row;
}

double meter_share(const struct meter_target *t, int64_t span_ns) {
  double pace_ns = (double)t->pace * (double)LIMIT_TICK_NS;
  return t->pace && (double)span_ns > 1.5 * pace_ns ? pace_ns / (double)span_ns : 1.0;
}

/* --- blocks ---------------------------------------------------------------------------------------------------- */

static struct meter_sum *now_open(struct meter_flow *w, const struct meter_target *t, int64_t open_tick) {
  int64_t left = t->end_tick - open_tick;
  if (w->now.k || !w->now.slices || w->now.batch != t->batch_n) meter_block_again(&w->now, left > 0 ? left : 1);
  w->now.batch = t->batch_n;
  return &w->now.all;
}

/* The block of the target's newest batch: the one under way where that has begun, else one that will begin. */
struct meter_sum *meter_flow_open(struct wire_meter *m, struct meter_flow *w) {
  const struct meter_target *t = &m->target[w->target];
  if (t->from_tick <= m->fold->open_tick) return now_open(w, t, m->fold->open_tick);
  uint32_t *link = &w->later, last = 0;
  while (*link) {
    last = *link;
    link = &m->later[last].next;
  }
  if (!last || m->later[last].batch != t->batch_n) {
    uint32_t at = meter_later_take(m);
    if (!at && !last) return now_open(w, t, m->fold->open_tick);
    if (at) {
      m->later[at].from_tick = t->from_tick;
      *link = last = at;
    }
    m->later[last].batch = t->batch_n;
    m->later[last].end_tick = t->end_tick;
  }
  return &m->later[last].all;
}

/* Later blocks begin: what is left of the one before is added to them. */
static void block_turn(struct wire_meter *m, struct meter_flow *w, int64_t tick) {
  for (uint32_t at = w->later; at && m->later[at].from_tick <= tick; at = w->later) {
    struct meter_later *l = &m->later[at];
    meter_block_again(&w->now, l->end_tick > tick ? l->end_tick - tick : 1);
    meter_sum_add(&w->now.all, &l->all);
    w->now.batch = l->batch;
    w->later = l->next;
    meter_later_drop(m, at);
  }
}

/* --- the tick that closes -------------------------------------------------------------------------------------- */

static void flow_give(struct wire_meter *m, struct meter_flow *w, const struct meter_target *t, int64_t tick) {
  struct meter_sum part;
  block_turn(m, w, tick);
  meter_block_next(&w->now, tick, &part);
  fold_meter_count(m->fold, w, &part, tick, t->pace);
}

/* Does a block of the target hold this tick? */
static bool is_told(const struct meter_target *t, int64_t tick) {
  if (tick < t->first_tick || tick >= t->end_tick) return false;
  for (uint32_t i = 0; i < METER_HOLES; i++)
    if (tick >= t->hole[i].from_tick && tick < t->hole[i].end_tick) return false;
  return true;
}

/* It is scraped, or it pushes, and does not say that it has ended: its silence is no traffic's. */
static bool is_expected(const struct wire_meter *m, const struct meter_target *t) {
  int64_t silent_ns = m->fold->clock.arrival_ns - t->heard_ns;
  if (!t->used || t->gone || t->first_tick == INT64_MAX) return false;
  if (t->up_said && !t->up) return true;
  int64_t most_ns = 10 * (int64_t)t->pace * LIMIT_TICK_NS;
  return silent_ns < (most_ns > METER_MISSED_MAX_NS ? most_ns : METER_MISSED_MAX_NS);
}

static void target_close(struct wire_meter *m, struct meter_target *t, int64_t tick) {
  bool told = is_told(t, tick), expected = is_expected(m, t);
  for (uint32_t i = t->flow; i; i = m->flow[i].sibling) {
    wire_cells_base_keep(m->fold->cells, m->flow[i].base, (uint64_t)tick);
    if (told)
      flow_give(m, &m->flow[i], t, tick);
    else if (expected && tick >= t->first_tick)
      fold_meter_miss(m->fold, &m->flow[i], tick, t->pace);
  }
}

void wire_meter_close(struct wire_meter *m, int64_t tick) {
  for (uint32_t i = 1; i < m->target_n; i++) {
    struct meter_target *t = &m->target[i];
    if (!t->used) continue;
    target_close(m, t, tick);
    if (m->fold->clock.arrival_ns - t->heard_ns > METER_FORGET_NS && !(t->up_said && !t->up)) meter_target_drop(m, i);
  }
}

bool wire_meter_hears(const struct wire_meter *m) {
  for (uint32_t i = 1; i < m->target_n; i++)
    if (is_expected(m, &m->target[i])) return true;
  return false;
}

/* --- who is missing -------------------------------------------------------------------------------------------- */

static bool is_missing(const struct wire_meter *m, const struct meter_target *t) {
  int64_t silent_ns = m->fold->clock.arrival_ns - t->heard_ns;
  if (!is_expected(m, t)) return false;
  return (t->up_said && !t->up) || silent_ns > (int64_t)t->pace * LIMIT_TICK_NS * 5 / 2;
}

static void gap_names(struct wire_meter *m, const struct meter_target *t, struct rec_gap *to) {
  const struct wire_node_rec *n = wire_nodes_view(m->fold->nodes, t->node);
  if (!n) return;
  to->node = wire_names_view(m->fold->names, n->who.pod ? n->who.pod : n->id);
  to->ns = wire_names_view(m->fold->names, n->who.namespace_);
  to->service = wire_names_view(m->fold->names, n->who.service);
  to->cluster = wire_names_view(m->fold->names, n->who.cluster);
}

/* Of the last four seconds, as of the last block; one at least, so that an idle target is no silent one. */
static uint32_t owed(const struct meter_target *t) {
  uint64_t n = (t->block_n ? t->block_n : t->block_before_n) * 4 * LIMIT_TICKS_PER_S / (t->pace ? t->pace : 1);
  return n < 1 ? 1 : n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static bool gap_find(const struct wire_meter *m, const struct meter_target *t, struct rec_gap *g) {
  if (is_missing(m, t)) {
    g->reason = REC_GAP_SCRAPE;
    g->expected = g->lost = owed(t);
    return true;
  }
  if (!meter_loss_view(m, t, &g->expected, &g->lost)) return false;
  g->reason = REC_GAP_COUNTED;
  return true;
}

uint32_t wire_meter_gaps(struct wire_meter *m, struct rec_gap *gap, uint32_t n, uint32_t max) {
  for (uint32_t i = 1; i < m->target_n; i++) {
    struct meter_target *t = &m->target[i];
    struct rec_gap g = {.reason = REC_GAP_WHOLE};
    if (!t->used || (!gap_find(m, t, &g) && !t->told)) continue;
    if (n == max) {
      m->fold->counter[REC_COUNTER_GAP_LIMIT]++;
      continue;
    }
    gap_names(m, t, &g);
    t->told = g.reason != REC_GAP_WHOLE;
    if (g.node.n) gap[n++] = g;
  }
  return n;
}

uint32_t wire_meter_targets(const struct wire_meter *m, struct wire_meter_target *out, uint32_t max) {
  uint32_t n = 0;
  for (uint32_t i = 1; i < m->target_n; i++) {
    const struct meter_target *t = &m->target[i];
    const struct wire_node_rec *w = t->used ? wire_nodes_view(m->fold->nodes, t->node) : NULL;
    if (!t->used) continue;
    if (n < max) {
      out[n] = (struct wire_meter_target){.pace_s = (double)t->pace / LIMIT_TICKS_PER_S, .missing = is_missing(m, t)};
      if (w) {
        out[n].node = wire_names_view(m->fold->names, w->who.pod ? w->who.pod : w->id);
        out[n].namespace_ = wire_names_view(m->fold->names, w->who.namespace_);
        out[n].service = wire_names_view(m->fold->names, w->who.service);
      }
    }
    n++;
  }
  return n;
}

void wire_meter_mark(struct wire_meter *m) {
  for (uint32_t i = 1; i < m->flow_n; i++)
    if (m->flow[i].used) wire_names_mark(m->fold->names, m->flow[i].route);
}
