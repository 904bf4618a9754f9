/* Ranks one case from standard input (rank_case.h) with the program's own ranking (incident_weigh.h) and prints it,
 * best first: name, score, own excess and its sd, excess on the way and its sd, concordance, strain.
 * --without older|newcomer|concordance|strain|ways leaves a part out; --with gauges weighs gauges as the engine does.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "incident_weigh.h"
#include "rank_case.h"

static struct incident_excess excess_of(const struct rank_case *c, const struct rank_series *s) {
  struct incident_excess out = {.sd = s->var > 0.0 ? sqrt(s->var) : 1.0};
  for (uint32_t i = c->base + c->before; i < c->rows; i++) {
    out.n += s->n[i];
    out.x += s->x[i];
  }
  return out;
}

/* Who speaks for a node: itself, or where it never does its callers. */
static const struct rank_series *voice_of(const struct rank_case *c, uint32_t node) {
  return c->node[node].server.known ? &c->node[node].server : &c->node[node].client;
}

/* What the caller sees of an edge: as counted, or where nothing counts it its share of what the callee reports. */
static const struct rank_series *call_of(const struct rank_case *c, const struct rank_edge *e, double *share) {
  *share = e->call.known ? 1.0 : e->share;
  return e->call.known ? &e->call : &c->node[e->to].server;
}

static struct incident_excess call_excess(const struct rank_case *c, const struct rank_edge *e) {
  double share;
  struct incident_excess x = excess_of(c, call_of(c, e, &share));
  return (struct incident_excess){x.x * share, x.sd * share, x.n * share, 0.0};
}

static struct incident_self self_of(const struct rank_case *c, uint32_t node) {
  struct incident_weight w;
  const struct rank_node *v = &c->node[node];
  incident_weight_open(&w, v->server.known, excess_of(c, &v->server), excess_of(c, &v->client));
  for (uint32_t i = 0; i < c->edge_n; i++) {
    const struct rank_edge *e = &c->edge[i];
    bool out = e->from == node, in = e->to == node;
    if (out == in) continue;
    if (out) incident_weight_call(&w, call_excess(c, e));
    if (e->way.known && !c->without.ways) incident_weight_way(&w, in, excess_of(c, &e->way));
  }
  return incident_weight_self(&w);
}

/* Self-excess row by row, from before the onset on. */
static void course_of(const struct rank_case *c, uint32_t node, double *course) {
  const struct rank_series *own = voice_of(c, node);
  memcpy(course, own->x + c->base, (c->before + c->window) * sizeof *course);
  for (uint32_t i = 0; i < c->edge_n; i++) {
    double share;
    if (c->edge[i].from != node) continue;
    const struct rank_series *call = call_of(c, &c->edge[i], &share);
    for (uint32_t t = 0; t < c->before + c->window; t++) course[t] -= share * call->x[c->base + t];
  }
}

static double concordance_of(const struct rank_case *c, uint32_t node, uint32_t victim) {
  static double course[RANK_ROWS];
  if (c->without.concordance) return 1.0;
  course_of(c, node, course);
  return incident_concordance(course, voice_of(c, victim)->x + c->base, c->before + c->window);
}

static uint32_t victim_of(const struct rank_case *c) {
  uint32_t best = 0;
  double most = -1.0;
  if (c->victim < c->node_n) return c->victim;
  for (uint32_t i = 0; i < c->node_n; i++) {
    double x = excess_of(c, &c->node[i].server).x;
    if (x <= most) continue;
    most = x;
    best = i;
  }
  return best;
}

static uint32_t rank(const struct rank_case *c, struct incident_claim *best) {
  uint32_t n = 0, victim = victim_of(c);
  for (uint32_t i = 0; i < c->node_n; i++) {
    struct incident_claim k = {.id = i, .self = self_of(c, i), .strain = c->without.strain ? 0.0 : c->node[i].strain};
    if (c->gauges) k.gauge = c->node[i].gauge;
    if (k.self.own + k.self.between + k.strain + k.gauge <= 0.0) continue;
    k.concordance = concordance_of(c, i, victim);
    incident_claim_add(best, &n, RANK_NODES, k);
  }
  return incident_claims_share(best, n, excess_of(c, voice_of(c, victim)).x);
}

static bool without_set(struct rank_without *w, const char *name) {
  struct {
    const char *name;
    bool *flag;
  } part[] = {{"older", &w->older},
              {"newcomer", &w->newcomer},
              {"concordance", &w->concordance},
              {"strain", &w->strain},
              {"ways", &w->ways}};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    if (strcmp(part[i].name, name) != 0) continue;
    *part[i].flag = true;
    return true;
  }
  return false;
}

int main(int argc, char **argv) {
  static struct rank_case c; /* too large for a stack */
  static struct incident_claim best[RANK_NODES];
  unsigned line;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && strcmp(argv[i], "--without") == 0 && without_set(&c.without, argv[i + 1])) continue;
    if (i + 1 < argc && strcmp(argv[i], "--with") == 0 && strcmp(argv[i + 1], "gauges") == 0) {
      c.gauges = true;
      continue;
    }
    fprintf(stderr, "usage: bench_rank [--without older|newcomer|concordance|strain|ways]... [--with gauges] < case\n");
    return 2;
  }
  const char *wrong = rank_case_read(&c, stdin, &line);
  if (wrong) {
    fprintf(stderr, "bench_rank: line %u: %s\n", line, wrong);
    return 1;
  }
  uint32_t n = rank(&c, best);
  for (uint32_t i = 0; i < n; i++) {
    const struct incident_self *s = &best[i].self;
    printf("%s %.6f %.4g %.4g %.4g %.4g %.3f %.3f\n", c.node[best[i].id].name, best[i].score, s->own, s->own_sd,
           s->between, s->between_sd, best[i].concordance, best[i].strain);
  }
  return 0;
}
