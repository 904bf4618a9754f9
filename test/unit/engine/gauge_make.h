/* Gauges beside the toy mesh: once a second of each service's first pod its processor's share, and the requests that
 * wait for a connection to it, which rise in a fault. For tests. */
#ifndef GAUGE_MAKE_H
#define GAUGE_MAKE_H

#include <stdio.h>

#include "mesh_make.h"

#define GAUGE_MAKE_SERVICES 8u

struct gauge_make {
  struct mesh_rng rng;
  uint32_t service_n;
  uint32_t hot, from, to; /* the service whose queue fills, ticks [from, to) */
  double queue;           /* to how many */
  char service[GAUGE_MAKE_SERVICES][8], pod[GAUGE_MAKE_SERVICES][16];
  struct rec_gauge gauge[2 * GAUGE_MAKE_SERVICES];
};

static inline void gauge_make_open(struct gauge_make *g, uint32_t service_n, uint32_t hot, uint32_t from, uint32_t to) {
  *g = (struct gauge_make){.rng = {77}, .service_n = service_n, .hot = hot, .from = from, .to = to, .queue = 48.0};
  for (uint32_t i = 0; i < service_n; i++) {
    (void)snprintf(g->service[i], sizeof g->service[i], "s%u", i);
    (void)snprintf(g->pod[i], sizeof g->pod[i], "s%u-c0-p0", i);
  }
}

static inline struct rec_gauge gauge_make_one(const struct gauge_make *g, uint32_t service, const struct mesh *m) {
  return (struct rec_gauge){.at = {m->tick.end.ns - 1},
                            .dim = {[REC_DIM_NAMESPACE] = STR("shop"),
                                    [REC_DIM_SERVICE] = str_of(g->service[service]),
                                    [REC_DIM_POD] = str_of(g->pod[service])},
                            .bad = REC_BAD_ABOVE};
}

/* After mesh_draw: the samples go into the head of the tick that it drew. */
static inline void gauge_make_draw(struct gauge_make *g, struct mesh *m) {
  uint32_t n = 0, seq = (uint32_t)m->tick.seq;
  if (seq % LIMIT_TICKS_PER_S != 2) return;
  for (uint32_t i = 0; i < g->service_n; i++) {
    struct rec_gauge *cpu = &g->gauge[n++], *queue = &g->gauge[n++];
    *cpu = *queue = gauge_make_one(g, i, m);
    cpu->metric = STR("cpu");
    cpu->unit = REC_UNIT_SHARE;
    cpu->role = REC_ROLE_RESOURCE;
    cpu->value = 0.3 + 0.1 * rng_unit(&g->rng);
    queue->metric = STR("upstream_rq_pending_active");
    queue->role = REC_ROLE_SATURATION;
    queue->value = (double)(uint32_t)(3.0 * rng_unit(&g->rng));
    if (i == g->hot && seq >= g->from && seq < g->to) queue->value += g->queue;
  }
  m->head.gauge = g->gauge;
  m->head.gauge_n = n;
}

#endif
