#include "incident_mix.h"

#include "base_math.h"
#include "base_must.h"

#define NONE REC_SERIES_NONE
#define MIX_SHARE 0.4 /* of the excess: what the strata may hold of it themselves, */
#define MIX_Z 3.0     /* with so many standard deviations; where it is more: */
#define MIX_LITTLE 0.2
#define MIX_COVERS 0.95 /* of the requests: what is in a stratum that is known */
#define MIX_SD 2.0      /* standard deviations between the excess and theirs, at least */

struct strata {
  double x, var, n;
};

static void strata_add(const struct incident_view *v, uint32_t idx, enum incident_family family, uint32_t from,
                       uint32_t to, struct strata *sum) {
  struct incident_excess e = incident_excess_of(v, idx, family, from, to);
  if (e.n <= 0.0) return;
  sum->x += e.x;
  sum->var += e.sd * e.sd;
  sum->n += e.n;
}

static struct strata by_route(const struct incident_view *v, uint32_t node, enum rec_side side, struct base_str cluster,
                              enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  enum rec_level level = cluster.n ? REC_LEVEL_ROUTE_CLUSTER : REC_LEVEL_ROUTE;
  struct strata sum = {0};
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level != level || w->side != side) continue;
    if (cluster.n && !str_eq(w->dim[REC_DIM_CLUSTER], cluster)) continue;
    strata_add(v, i, family, from, to, &sum);
  }
  return sum;
}

static struct strata by_caller(const struct incident_view *v, uint32_t node, enum rec_side side,
                               struct base_str cluster, enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  struct strata sum = {0};
  for (uint32_t e = c->node[node].first_in; e != NONE; e = c->edge[e].next_in) {
    uint32_t idx = incident_edge_series(v, e, side, cluster);
    if (idx != NONE) strata_add(v, idx, family, from, to, &sum);
  }
  return sum;
}

static bool explains(struct incident_excess all, struct strata sum) {
  double sd = math_sqrt(sum.var), most = sum.x < MIX_Z * sd ? MIX_SHARE : MIX_LITTLE;
  return sum.n >= MIX_COVERS * all.n && sum.x < most * all.x && sum.x + MIX_SD * sd < all.x;
}

bool incident_mix_explains(const struct incident_view *v, uint32_t node, struct base_str cluster,
                           enum incident_family family, uint32_t from, uint32_t to) {
  enum rec_side side = REC_SIDE_SERVER;
  MUST(node < v->catalog->node_n);
  uint32_t idx = incident_node_series(v, node, side, cluster);
  if (idx == NONE) idx = incident_node_series(v, node, side = REC_SIDE_CLIENT, cluster);
  struct incident_excess all = incident_excess_of(v, idx, family, from, to);
  if (all.n <= 0.0 || all.x <= 0.0) return false;
  return explains(all, by_route(v, node, side, cluster, family, from, to)) ||
         explains(all, by_caller(v, node, side, cluster, family, from, to));
}
