/* Where reports are missing, traffic is not judged: fewer reports are not fewer requests. */
#include "engine_impl.h"

#define NONE REC_SERIES_NONE
#define MATTERS 0.03 /* of a series' requests: below, the loss is in its noise */
#define WINDOW_S 4.0 /* a gap's numbers are of so many seconds */

static void series_hold(struct engine *e, uint32_t idx, uint32_t until) {
  if (!e->state[idx].used) return;
  if (e->state[idx].rates_from < until) e->state[idx].rates_from = until;
}

/* All that is told by the proxies of a service: its own series, and the calls that it makes. */
static void service_hold(struct engine *e, uint32_t node, uint32_t until) {
  struct series_walk w = series_catalog_walk(&e->catalog, node, SERIES_CALLS_OUT);
  for (uint32_t i = series_catalog_next(&w); i != NONE; i = series_catalog_next(&w)) series_hold(e, i, until);
}

static void pooled_hold(struct engine *e, uint32_t until) {
  const struct series_catalog *c = &e->catalog;
  for (uint32_t i = 0; i < c->entry_n; i++)
    if (c->entry[i].live && c->entry[i].node == NONE) series_hold(e, i, until);
}

static double rate_of(const struct engine *e, uint32_t idx) {
  if (idx == NONE || !e->state[idx].used || e->state[idx].span <= 0.0f) return 0.0;
  return (double)(e->state[idx].requests / e->state[idx].span) * (double)LIMIT_TICKS_PER_S;
}

/* Lost a second by all proxies of a service; NONE: of the mesh. */
static double lost_by(const struct incident_head *h, uint32_t node) {
  double lost = 0.0;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++)
    if (h->gap[i].used && (node == NONE || h->gap[i].node == node)) lost += (double)h->gap[i].lost / WINDOW_S;
  return lost;
}

void engine_gap_run(struct engine *e, uint32_t seq) {
  const struct incident_head *h = &e->head;
  uint32_t until = seq + ENGINE_GRACE;
  double lost_all = lost_by(h, NONE), silent = 0.0, all = 0.0;
  if (incident_gap_n(h) == 0) return;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++) {
    const struct incident_gap *g = &h->gap[i];
    if (!g->used || g->node == NONE || g->node >= e->catalog.node_n) continue;
    double per_s = rate_of(e, e->catalog.node[g->node].series[REC_SIDE_SERVER]);
    if (g->expected == 0) silent += 1.0;
    if (g->expected == 0 || lost_by(h, g->node) >= MATTERS * per_s) service_hold(e, g->node, until);
  }
  for (uint32_t i = 0; i < e->catalog.node_n; i++) all += rate_of(e, e->catalog.node[i].series[REC_SIDE_SERVER]);
  if (silent > 0.0 || lost_all >= MATTERS * all) pooled_hold(e, until);
}

uint32_t engine_telemetry(const struct engine *e, struct engine_gap *out, uint32_t max) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++) {
    const struct incident_gap *g = &e->head.gap[i];
    if (!g->used) continue;
    if (n < max)
      out[n] = (struct engine_gap){.node = g->pod,
                                   .service = g->service,
                                   .cluster = g->cluster,
                                   .reason = g->reason,
                                   .lost_share = incident_gap_lost(g)};
    n++;
  }
  return n;
}
