/* While an incident is open, what it is about is not learned from (quarantine): not by its alarming series, and not by
 * the other series of the service where it begins and of the ways to it, whose evidence may be too weak to say so
 * themselves. */
#include "engine_impl.h"

#define NONE REC_SERIES_NONE
#define HOLD_TICKS (20u * LIMIT_TICKS_PER_S)

static void series_hold(struct engine *e, uint32_t idx, uint32_t until) {
  if (idx == NONE || idx >= e->conf.series_max || !e->state[idx].used) return;
  if (e->state[idx].learn_from < until) e->state[idx].learn_from = until;
}

static void node_hold(struct engine *e, uint32_t node, uint32_t until) {
  struct series_walk w = series_catalog_walk(&e->catalog, node, SERIES_CALLS_IN);
  for (uint32_t i = series_catalog_next(&w); i != NONE; i = series_catalog_next(&w)) series_hold(e, i, until);
}

static bool holds(const struct incident_head *h, const struct incident_case *c) {
  return c->used && !c->resting && c->told && c->family != INCIDENT_GAP && c->family != INCIDENT_TRAFFIC &&
         c->story.verdict == REC_VERDICT_UNHEALTHY && incident_case_alive(h, c);
}

void engine_hold_run(struct engine *e, uint32_t seq) {
  const struct incident_head *h = &e->head;
  uint32_t until = seq + HOLD_TICKS;
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++)
    if (holds(h, &h->case_[i]) && h->case_[i].source != NONE) node_hold(e, h->case_[i].source, until);
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].over_seq == 0 && holds(h, &h->case_[h->alarm[i].case_idx]))
      series_hold(e, h->alarm[i].series_idx, until);
}
