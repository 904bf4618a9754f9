/* While an incident is open, what it is about is not learned from (quarantine): not by its alarming series, and not by
 * the other series of the service where it begins, of those that it reaches or that call it, and of the ways to them,
 * whose evidence may be too weak to say so themselves: of a tail that one request in fifty has, a caller's route would
 * make its normal p99. */
#include "engine_impl.h"

#define NONE REC_SERIES_NONE
#define HOLD_TICKS (20u * LIMIT_TICKS_PER_S)

static void series_hold(struct engine *e, uint32_t idx, uint32_t until) {
  if (idx == NONE || idx >= e->conf.series_max || !e->state[idx].used) return;
  if (e->state[idx].learn_from < until) e->state[idx].learn_from = until;
}

/* Whose first series is held was walked already: a thousand alarms are of some dozen services. */
static void node_hold(struct engine *e, uint32_t node, uint32_t until) {
  struct series_walk w = series_catalog_walk(&e->catalog, node, SERIES_CALLS_IN);
  uint32_t first = series_catalog_next(&w);
  if (first == NONE || e->state[first].learn_from >= until) return;
  for (uint32_t i = first; i != NONE; i = series_catalog_next(&w)) series_hold(e, i, until);
}

static void source_hold(struct engine *e, uint32_t node, uint32_t until) {
  node_hold(e, node, until);
  for (uint32_t i = e->catalog.node[node].first_in; i != NONE; i = e->catalog.edge[i].next_in)
    node_hold(e, e->catalog.edge[i].from, until);
}

/* Of an alarm: all series of its service, and its own where the graph had no room for it. */
static void alarm_hold(struct engine *e, uint32_t idx, uint32_t until) {
  const struct series_entry *s = series_catalog_find(&e->catalog, idx);
  if (s && s->node != NONE) node_hold(e, s->node, until);
  series_hold(e, idx, until);
}

static bool holds(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c) {
  return c->used && !c->resting && c->told && c->family != INCIDENT_GAP && c->story.verdict == REC_VERDICT_UNHEALTHY &&
         incident_case_alive(h, v, c);
}

/* An incident of traffic: the rates of a service and of those that it calls are not learned meanwhile, nor for a while
 * after; what else there is to learn is. */
static void rates_hold(struct engine *e, uint32_t node) {
  struct series_walk w = series_catalog_walk(&e->catalog, node, SERIES_CALLS_IN);
  uint32_t first = series_catalog_next(&w);
  if (first == NONE || first >= e->conf.series_max || e->state[first].still == HOLD_TICKS) return; /* walked already */
  for (uint32_t i = first; i != NONE; i = series_catalog_next(&w))
    if (i < e->conf.series_max && e->state[i].used) e->state[i].still = HOLD_TICKS;
}

static void traffic_hold(struct engine *e, uint32_t idx) {
  const struct series_entry *s = series_catalog_find(&e->catalog, idx);
  if (!s || s->node == NONE) return;
  rates_hold(e, s->node);
  for (uint32_t i = e->catalog.node[s->node].first_out; i != NONE; i = e->catalog.edge[i].next_out)
    rates_hold(e, e->catalog.edge[i].to);
}

void engine_hold_run(struct engine *e, uint32_t seq) {
  const struct incident_head *h = &e->head;
  const struct incident_view v = {&e->catalog, e->state, seq, e->log_c, false, &e->gauge};
  uint32_t until = seq + HOLD_TICKS;
  bool held[LIMIT_INCIDENTS_OPEN];
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    held[i] = holds(h, &v, &h->case_[i]);
    if (held[i] && h->case_[i].family != INCIDENT_TRAFFIC && h->case_[i].source != NONE)
      source_hold(e, h->case_[i].source, until);
  }
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    if (h->alarm[i].over_seq || h->alarm[i].case_idx == INCIDENT_NO_CASE) continue;
    const struct incident_case *c = &h->case_[h->alarm[i].case_idx];
    if (!held[h->alarm[i].case_idx]) continue;
    if (c->family == INCIDENT_TRAFFIC)
      traffic_hold(e, h->alarm[i].series_idx);
    else
      alarm_hold(e, h->alarm[i].series_idx, until);
  }
}
