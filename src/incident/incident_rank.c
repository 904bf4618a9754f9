#include "incident_rank.h"

#include "base_math.h"
#include "base_must.h"

#define NONE REC_SERIES_NONE
#define Z_GATE 3.0
#define Z_HOT 2.0
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

static struct incident_excess edge_excess(const struct incident_view *v, uint32_t edge, struct base_str cluster,
                                          enum incident_family family, uint32_t from, uint32_t to) {
  return incident_excess_of(v, incident_edge_series(v, edge, REC_SIDE_CLIENT, cluster), family, from, to);
}

void incident_nodes_reach(const struct incident_view *v, struct incident_nodes *set, uint32_t node,
                          struct base_str cluster, enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  (void)incident_nodes_add(set, node);
  for (uint32_t done = 0; done < set->n; done++) /* all members: what was not hot a second ago may be now */
    for (uint32_t e = c->node[set->node[done]].first_in; e != NONE; e = c->edge[e].next_in)
      if (incident_z(edge_excess(v, e, cluster, family, from, to)) >= Z_HOT) incident_nodes_add(set, c->edge[e].from);
}

static struct incident_excess side_excess(const struct incident_view *v, uint32_t node, enum rec_side side,
                                          struct base_str cluster, enum incident_family family, uint32_t from,
                                          uint32_t to) {
  return incident_excess_of(v, incident_node_series(v, node, side, cluster), family, from, to);
}

uint32_t incident_rank_source(const struct incident_view *v, uint32_t node, struct base_str cluster,
                              enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
    struct incident_excess own = side_excess(v, node, REC_SIDE_SERVER, cluster, family, from, to);
    double below = 0.0, most = 0.0;
    uint32_t next = NONE;
    for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out) {
      struct incident_excess x = edge_excess(v, e, cluster, family, from, to);
      if (incident_z(x) < Z_HOT || c->edge[e].to == node) continue;
      below += x.x;
      if (x.x <= most) continue;
      most = x.x;
      next = c->edge[e].to;
    }
    if (next == NONE || below < EXPLAINED * own.x) return node;
    node = next;
  }
  return node;
}

struct self {
  double own, own_sd;         /* D_v */
  double between, between_sd; /* N_v */
};

static struct self self_of(const struct incident_view *v, uint32_t node, struct base_str cluster,
                           enum incident_family family, uint32_t from, uint32_t to) {
  const struct series_catalog *c = v->catalog;
  struct incident_excess s = side_excess(v, node, REC_SIDE_SERVER, cluster, family, from, to);
  struct incident_excess k = side_excess(v, node, REC_SIDE_CLIENT, cluster, family, from, to);
  bool server = incident_node_series(v, node, REC_SIDE_SERVER, cluster) != NONE && s.n > 0.0;
  struct incident_excess seen = server ? s : k;
  struct self out = {seen.x, seen.sd * seen.sd, 0.0, 1.0};
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out) {
    struct incident_excess x = edge_excess(v, e, cluster, family, from, to);
    if (x.x <= 0.0) continue;
    out.own -= x.x;
    out.own_sd += x.sd * x.sd;
  }
  out.own_sd = math_sqrt(out.own_sd);
  /* No server report at all in the window: its clients' word is the only one, and stands as `own` above, unless it
   * normally reports, in which case what its clients see is between them and it. */
  bool reports = incident_node_series(v, node, REC_SIDE_SERVER, cluster) != NONE;
  if (reports && k.n > 0.0) {
    /* A caller that gives up on a service which waits for its own calls blames the way to it: what its calls explain
     * beyond its own reports is not between. */
    double calls = seen.x - out.own, held = s.x > 0.0 ? s.x : 0.0;
    out.between = k.x - s.x - (calls > held ? calls - held : 0.0);
    out.between_sd = math_sqrt(k.sd * k.sd + s.sd * s.sd);
    if (!server) out.own = 0.0;
  }
  return out;
}

static double gated(double x, double sd) {
  return x > 0.0 && x >= Z_GATE * sd ? x : 0.0;
}

/* Self-excess of one second, ungated. */
static double self_second(const struct incident_view *v, uint32_t node, bool client_side, struct base_str cluster,
                          enum incident_family family, uint32_t sec) {
  const struct series_catalog *c = v->catalog;
  uint32_t server = incident_node_series(v, node, REC_SIDE_SERVER, cluster);
  uint32_t client = incident_node_series(v, node, REC_SIDE_CLIENT, cluster);
  if (client_side) {
    double k = incident_excess_second(v, client, family, sec);
    return server == NONE ? k : k - incident_excess_second(v, server, family, sec);
  }
  double x = incident_excess_second(v, server != NONE ? server : client, family, sec);
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out) {
    double call = incident_excess_second(v, incident_edge_series(v, e, REC_SIDE_CLIENT, cluster), family, sec);
    if (call > 0.0) x -= call;
  }
  return x;
}

/* Ruzicka similarity of the victim's and the candidate's excess over the seconds that are kept. */
static double concordance(const struct incident_view *v, const struct incident_rank *r, uint32_t victim,
                          struct base_str cluster, enum incident_family family) {
  uint32_t now = v->seq / LIMIT_TICKS_PER_S, first = now >= CONCORD_S ? now - CONCORD_S + 1 : 0;
  uint32_t t = incident_node_series(v, victim, REC_SIDE_SERVER, cluster);
  double both = 0.0, either = 0.0;
  if (t == NONE) t = incident_node_series(v, victim, REC_SIDE_CLIENT, cluster);
  for (uint32_t sec = first; sec <= now; sec++) {
    double a = self_second(v, r->node, r->client_side, cluster, family, sec),
           b = incident_excess_second(v, t, family, sec);
    if (a < 0.0) a = 0.0;
    if (b < 0.0) b = 0.0;
    both += a < b ? a : b;
    either += a > b ? a : b;
  }
  return either > 0.0 ? both / either : 0.0;
}

/* The only edge into a node, or NONE. */
static uint32_t edge_only(const struct series_catalog *c, uint32_t node) {
  uint32_t e = c->node[node].first_in;
  return e != NONE && c->edge[e].next_in == NONE ? e : NONE;
}

static void rank_insert(struct incident_rank *out, uint32_t *n, uint32_t max, struct incident_rank r) {
  uint32_t at = *n < max ? (*n)++ : max;
  if (at == max) {
    if (r.score <= out[max - 1].score) return;
    at = max - 1;
  }
  for (; at > 0 && out[at - 1].score < r.score; at--) out[at] = out[at - 1];
  out[at] = r;
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

uint32_t incident_rank_run(const struct incident_view *v, const struct incident_nodes *set, struct base_str cluster,
                           enum incident_family family, uint32_t from, uint32_t to, struct incident_rank *out,
                           uint32_t max, uint32_t *victim) {
  MUST(set->n > 0 && max > 0 && max <= LIMIT_CAUSES);
  uint32_t n = 0;
  double sum = 0.0;
  *victim = victim_of(v, set, cluster, family, from, to);
  for (uint32_t i = 0; i < set->n; i++) {
    struct self s = self_of(v, set->node[i], cluster, family, from, to);
    double own = gated(s.own, s.own_sd), between = gated(s.between, s.between_sd);
    if (own + between <= 0.0) continue;
    struct incident_rank r = {.node = set->node[i],
                              .edge = NONE,
                              .client_side = between > own,
                              .self = own + between,
                              .self_sd = between > own ? s.between_sd : s.own_sd};
    r.score = r.self * (0.3 + 0.7 * concordance(v, &r, *victim, cluster, family));
    rank_insert(out, &n, max, r);
  }
  for (uint32_t i = 0; i < n; i++) sum += out[i].score;
  for (uint32_t i = 0; i < n; i++) {
    out[i].score /= sum;
    /* Slow between, and only one calls: it is that way. (Failures between are rather the callee that is gone.) */
    if (out[i].client_side && family == INCIDENT_LATENCY) out[i].edge = edge_only(v->catalog, out[i].node);
  }
  return n;
}
