#include "incident_rank.h"

#include "base_must.h"

#define NONE REC_SERIES_NONE
#define Z_HOT 2.0
#define ONSET_S 10u    /* the level that an onset is held against */
#define ONSET_GAP_S 2u /* seconds below it that end the way back */
#define DEPTH_MAX 24u
#define EXPLAINED 0.5               /* share of a node's excess that its calls must hold to look below it */
#define CONCORD_S SERIES_FINE_SLOTS /* seconds */

bool incident_nodes_has(const struct incident_nodes *set, uint32_t node) {
  for (uint32_t i = 0; i < set->n; i++)
    if (set->node[i] == node) return true;
  return false;
}

bool incident_nodes_add(struct incident_nodes *set, uint32_t node) {
  if (node == NONE || set->n == INCIDENT_NODES || incident_nodes_has(set, node)) return false;
  set->node[set->n++] = node;
  return true;
}

static struct base_str node_scope(const struct incident_view *v, uint32_t node, struct base_str cluster) {
  if (incident_node_series(v, node, REC_SIDE_SERVER, cluster) != NONE) return cluster;
  return incident_node_series(v, node, REC_SIDE_CLIENT, cluster) != NONE ? cluster : STR_NONE;
}

void incident_nodes_reach(const struct incident_view *v, struct incident_nodes *set, uint32_t first, uint32_t node,
                          struct base_str cluster, enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  (void)incident_nodes_add(set, node);
  for (uint32_t done = first; done < set->n; done++)
    for (uint32_t e = c->node[set->node[done]].first_in; e != NONE; e = c->edge[e].next_in)
      if (incident_z(incident_call_excess(v, e, cluster, family, from, to)) >= Z_HOT)
        incident_nodes_add(set, c->edge[e].from);
}

static struct incident_excess side_excess(const struct incident_view *v, uint32_t node, enum rec_side side,
                                          struct base_str cluster, enum incident_family family, uint32_t from,
                                          uint32_t to) {
  return incident_excess_of(v, incident_node_series(v, node, side, node_scope(v, node, cluster)), family, from, to);
}

uint32_t incident_rank_source(const struct incident_view *v, uint32_t node, struct base_str cluster,
                              enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
    /* By whoever sees more of it: what breaks on the way to a service, it does not report. */
    double own = side_excess(v, node, REC_SIDE_SERVER, cluster, family, from, to).x,
           seen = side_excess(v, node, REC_SIDE_CLIENT, cluster, family, from, to).x, below = 0.0, most = 0.0;
    if (seen > own) own = seen;
    uint32_t next = NONE;
    for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out) {
      struct incident_excess x = incident_call_excess(v, e, cluster, family, from, to);
      if (incident_z(x) < Z_HOT || c->edge[e].to == node) continue;
      below += x.x;
      if (x.x <= most) continue;
      most = x.x;
      next = c->edge[e].to;
    }
    if (next == NONE || below < EXPLAINED * own) return node;
    node = next;
  }
  return node;
}

static struct incident_self self_of(const struct incident_view *v, uint32_t node, struct base_str cluster,
                                    enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  struct incident_weight w;
  cluster = node_scope(v, node, cluster);
  incident_weight_open(&w, incident_node_series(v, node, REC_SIDE_SERVER, cluster) != NONE,
                       side_excess(v, node, REC_SIDE_SERVER, cluster, family, from, to),
                       side_excess(v, node, REC_SIDE_CLIENT, cluster, family, from, to));
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out)
    incident_weight_call(&w, incident_call_excess(v, e, cluster, family, from, to));
  return incident_weight_self(&w);
}

/* Self-excess of one second, ungated. */
static double self_second(const struct incident_view *v, uint32_t node, bool between, struct base_str cluster,
                          enum incident_family family, uint32_t sec) {
  const struct series_catalog *c = v->catalog;
  cluster = node_scope(v, node, cluster);
  uint32_t server = incident_node_series(v, node, REC_SIDE_SERVER, cluster);
  uint32_t client = incident_node_series(v, node, REC_SIDE_CLIENT, cluster);
  if (between) {
    double k = incident_excess_second(v, client, family, sec);
    return server == NONE ? k : k - incident_excess_second(v, server, family, sec);
  }
  double x = incident_excess_second(v, server != NONE ? server : client, family, sec);
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out) {
    double call = incident_excess_second(v, incident_call_within(v, e, cluster), family, sec);
    if (call > 0.0) x -= call;
  }
  return x;
}

uint32_t incident_rank_onset(const struct incident_view *v, uint32_t node, enum incident_family family, uint32_t from,
                             uint32_t to) {
  uint32_t last = to / LIMIT_TICKS_PER_S, first = from / LIMIT_TICKS_PER_S, on = last;
  double level = 0.0;
  if (last < first + ONSET_S) return from;
  for (uint32_t i = 1; i <= ONSET_S; i++) level += self_second(v, node, false, STR_NONE, family, last - i);
  level /= 2.0 * ONSET_S;
  for (uint32_t back = 1; back < CONCORD_S && back <= last - first; back++) {
    if (self_second(v, node, false, STR_NONE, family, last - back) >= level)
      on = last - back;
    else if (on > last - back + ONSET_GAP_S)
      break;
  }
  return on == first ? from : on * LIMIT_TICKS_PER_S;
}

/* Excess in each second that is kept, the newest last. */
struct course {
  uint32_t first, n;
  double victim[CONCORD_S];
};

static struct course course_of(const struct incident_view *v, uint32_t victim, struct base_str cluster,
                               enum incident_family family) {
  cluster = node_scope(v, victim, cluster);
  uint32_t now = v->seq / LIMIT_TICKS_PER_S, t = incident_node_series(v, victim, REC_SIDE_SERVER, cluster);
  struct course out = {.first = now >= CONCORD_S ? now - CONCORD_S + 1 : 0};
  if (t == NONE) t = incident_node_series(v, victim, REC_SIDE_CLIENT, cluster);
  out.n = now - out.first + 1;
  for (uint32_t i = 0; i < out.n; i++) out.victim[i] = incident_excess_second(v, t, family, out.first + i);
  return out;
}

static double concordance(const struct incident_view *v, const struct incident_claim *c, const struct course *course,
                          struct base_str cluster, enum incident_family family) {
  double self[CONCORD_S];
  for (uint32_t i = 0; i < course->n; i++)
    self[i] = self_second(v, c->id, incident_claim_between(c), cluster, family, course->first + i);
  return incident_concordance(self, course->victim, course->n);
}

/* The only edge into a node, or NONE. */
static uint32_t edge_only(const struct series_catalog *c, uint32_t node) {
  uint32_t e = c->node[node].first_in;
  return e != NONE && c->edge[e].next_in == NONE ? e : NONE;
}

static uint32_t victim_of(const struct incident_view *v, const struct incident_nodes *set, struct base_str cluster,
                          enum incident_family family, uint32_t from, uint32_t to) {
  uint32_t victim = set->node[0];
  double most = -1.0;
  for (uint32_t i = 0; i < set->n; i++) {
    double x = side_excess(v, set->node[i], REC_SIDE_SERVER, cluster, family, from, to).x;
    if (x > most) {
      most = x;
      victim = set->node[i];
    }
  }
  return victim;
}

/* By whoever sees more of it. */
static double victim_excess(const struct incident_view *v, uint32_t node, struct base_str cluster,
                            enum incident_family family, uint32_t from, uint32_t to) {
  double own = side_excess(v, node, REC_SIDE_SERVER, cluster, family, from, to).x,
         seen = side_excess(v, node, REC_SIDE_CLIENT, cluster, family, from, to).x;
  return own > seen ? own : seen;
}

static struct incident_rank rank_of(const struct incident_view *v, const struct incident_claim *c,
                                    enum incident_family family) {
  bool between = incident_claim_between(c);
  return (struct incident_rank){
      .node = c->id,
      /* Slow between, and only one calls: it is that way. (Failures between are rather the callee that is gone.) */
      .edge = between && family == INCIDENT_LATENCY ? edge_only(v->catalog, c->id) : NONE,
      .client_side = between,
      .score = c->score,
      .self = c->self.own + c->self.between,
      .self_sd = between ? c->self.between_sd : c->self.own_sd,
  };
}

uint32_t incident_rank_run(const struct incident_view *v, const struct incident_nodes *set, struct base_str cluster,
                           enum incident_family family, uint32_t from, uint32_t to, const double *gauge,
                           struct incident_rank *out, uint32_t max, uint32_t *victim) {
  MUST(set->n > 0 && max > 0 && max <= LIMIT_CAUSES);
  struct incident_claim best[LIMIT_CAUSES];
  uint32_t n = 0;
  *victim = victim_of(v, set, cluster, family, from, to);
  struct course course = course_of(v, *victim, cluster, family);
  for (uint32_t i = 0; i < set->n; i++) {
    struct incident_claim c = {.id = set->node[i], .self = self_of(v, set->node[i], cluster, family, from, to)};
    c.gauge = gauge ? gauge[i] : 0.0;
    if (c.self.own + c.self.between + c.gauge <= 0.0) continue;
    c.concordance = concordance(v, &c, &course, cluster, family);
    incident_claim_add(best, &n, max, c);
  }
  n = incident_claims_share(best, n, victim_excess(v, *victim, cluster, family, from, to));
  for (uint32_t i = 0; i < n; i++) out[i] = rank_of(v, &best[i], family);
  return n;
}
