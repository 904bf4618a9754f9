#include "incident_mix.h"

#include "base_math.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define MIX_SHARE 0.4 /* of the excess: what the strata may hold of it themselves, */
#define MIX_Z 3.0     /* with so many standard deviations; where it is more: */
#define MIX_LITTLE 0.2
#define MIX_COVERS 0.95 /* of the requests: what is in a stratum that is known */
#define BYTES_NATS 5.0f /* evidence of a route's own */
#define FEW 0.5         /* of the usual requests */
#define MIX_SD 1.0      /* standard deviations that the mix moves it by, at least */

struct asked {
  const struct incident_view *v;
  const struct series_entry *e;
  enum incident_family family;
  uint32_t from, to;
};

struct strata {
  double x, var, n;
};

static void strata_add(const struct asked *q, uint32_t idx, struct strata *sum) {
  struct incident_excess e = incident_excess_of(q->v, idx, q->family, q->from, q->to);
  if (e.n <= 0.0) return;
  sum->x += e.x;
  sum->var += e.sd * e.sd;
  sum->n += e.n;
}

/* Narrower series of the service at one level, of the asked one's side; where `dim` is one, those that share its name.
 */
static struct strata by_level(const struct asked *q, enum rec_level level, enum rec_dim dim) {
  const struct series_catalog *c = q->v->catalog;
  struct strata sum = {0};
  for (uint32_t i = c->node[q->e->node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct rec_series *w = &c->entry[i].who;
    if (w->level != level || w->side != q->e->who.side) continue;
    if (dim != REC_DIM_COUNT && !str_eq(w->dim[dim], q->e->who.dim[dim])) continue;
    strata_add(q, i, &sum);
  }
  return sum;
}

static struct strata by_caller(const struct asked *q) {
  const struct series_catalog *c = q->v->catalog;
  struct strata sum = {0};
  for (uint32_t e = c->node[q->e->node].first_in; e != NONE; e = c->edge[e].next_in) {
    uint32_t idx = incident_edge_series(q->v, e, q->e->who.side, q->e->who.dim[REC_DIM_CLUSTER]);
    if (idx != NONE) strata_add(q, idx, &sum);
  }
  return sum;
}

/* Pods of all services in the cluster or region that is asked for. `called`: but of those that nobody calls, as a
 * gateway, whose requests are those of who it calls. */
static struct strata by_pod(const struct asked *q, bool called) {
  const struct series_catalog *c = q->v->catalog;
  const struct rec_series *own = &q->e->who;
  enum rec_dim dim = own->level == REC_LEVEL_CLUSTER ? REC_DIM_CLUSTER : REC_DIM_REGION;
  struct strata sum = {0};
  for (uint32_t i = 0; i < c->entry_n; i++) {
    const struct series_entry *e = &c->entry[i];
    if (!e->live || e->who.side != own->side || e->who.level != REC_LEVEL_POD || e->node == NONE) continue;
    if (called && c->node[e->node].first_in == NONE) continue;
    if (own->level == REC_LEVEL_MESH || str_eq(e->who.dim[dim], own->dim[dim])) strata_add(q, i, &sum);
  }
  return sum;
}

static bool explains(struct incident_excess all, struct strata sum) {
  double most = sum.x < MIX_Z * math_sqrt(sum.var) ? MIX_SHARE : MIX_LITTLE, left = all.x > 0.0 ? most * all.x : 0.0;
  return sum.n >= MIX_COVERS * all.n && sum.x <= left && all.x - sum.x >= MIX_SD * all.sd;
}

/* Strata that are to be all of it, and no more. */
static bool parts_explain(struct incident_excess all, struct strata sum) {
  return sum.n * MIX_COVERS <= all.n && explains(all, sum);
}

bool incident_mix_explains(const struct incident_view *v, uint32_t series_idx, enum incident_family family,
                           uint32_t from, uint32_t to) {
  const struct series_entry *e = series_catalog_find(v->catalog, series_idx);
  struct incident_excess all = incident_excess_of(v, series_idx, family, from, to);
  struct asked q = {v, e, family, from, to};
  if (!e || all.n <= 0.0) return false;
  switch (e->who.level) {
    case REC_LEVEL_MESH:
    case REC_LEVEL_REGION:
    case REC_LEVEL_CLUSTER: return parts_explain(all, by_pod(&q, false)) || parts_explain(all, by_pod(&q, true));
    case REC_LEVEL_SERVICE:
      return parts_explain(all, by_level(&q, REC_LEVEL_ROUTE, REC_DIM_COUNT)) || parts_explain(all, by_caller(&q)) ||
             parts_explain(all, by_level(&q, REC_LEVEL_POD, REC_DIM_COUNT));
    case REC_LEVEL_SERVICE_CLUSTER:
      return parts_explain(all, by_level(&q, REC_LEVEL_ROUTE_CLUSTER, REC_DIM_CLUSTER)) ||
             parts_explain(all, by_caller(&q)) || parts_explain(all, by_level(&q, REC_LEVEL_POD, REC_DIM_CLUSTER));
    case REC_LEVEL_VERSION:
      if (parts_explain(all, by_level(&q, REC_LEVEL_POD, REC_DIM_VERSION))) return true;
      return explains(all, by_level(&q, REC_LEVEL_ROUTE, REC_DIM_COUNT));
    case REC_LEVEL_POD:
    case REC_LEVEL_EDGE:
    case REC_LEVEL_EDGE_CLUSTER: return explains(all, by_level(&q, REC_LEVEL_ROUTE, REC_DIM_COUNT));
    default: return false; /* of a route's requests nothing finer is known */
  }
}

static bool bytes_suspects(const struct series_state *s) {
  const struct series_bytes *b = &s->extra.flow.bytes;
  if (b->best != SERIES_CALM) return true;
  for (unsigned k = 0; k < SERIES_BYTES_ALTS; k++)
    if (b->g[k] >= BYTES_NATS) return true;
  return false;
}

/* Adds the service's routes to *n; false where one of them has evidence. */
static bool bytes_calm(const struct incident_view *v, uint32_t node, uint32_t *n) {
  const struct series_catalog *c = v->catalog;
  for (uint32_t i = c->node[node].first_child; i != NONE; i = c->entry[i].sibling) {
    const struct series_state *s = &v->state[i];
    if (c->entry[i].who.level != REC_LEVEL_ROUTE || !s->used || s->extra.flow.bytes.seen == 0) continue;
    if (bytes_suspects(s)) return false;
    ++*n;
  }
  return true;
}

bool incident_mix_bytes(const struct incident_view *v, uint32_t series_idx) {
  const struct series_catalog *c = v->catalog;
  const struct series_entry *e = series_catalog_find(c, series_idx);
  uint32_t n = 0;
  if (!e || e->who.level == REC_LEVEL_ROUTE || e->who.level == REC_LEVEL_ROUTE_CLUSTER) return false;
  if (e->node != NONE) return bytes_calm(v, e->node, &n) && n >= 2;
  for (uint32_t node = 0; node < c->node_n; node++)
    if (!bytes_calm(v, node, &n)) return false;
  return n >= 2;
}

bool incident_mix_survives(const struct incident_view *v, uint32_t series_idx, uint32_t from, uint32_t to) {
  const struct series_state *s = &v->state[series_idx];
  struct series_sum sum = series_recent_sum(s, from, to);
  double usual = series_usual_per_tick(s) * (double)(to - from + 1);
  double p = s->requests > 0.0f ? (double)(s->ratio[0].a / s->requests) : 0.0, fails = usual * p;
  if (sum.n >= FEW * usual) return false;
  return sum.e <= fails + 3.0 * math_sqrt(fails * series_ratio_phi(&s->ratio[0])) + 2.0;
}
