/* A new series starts from what its parent has learned, weighed by how alike the parent's other children are
 * (empirical Bayes; Kleinman 1973 for the ratios). A pod of a service is like its siblings; a route need not be. */
#include "base_math.h"
#include "engine_impl.h"

#define NONE REC_SERIES_NONE
#define SIBLINGS_MAX 64u        /* asked for their spread */
#define SIBLING_REQUESTS 20.0   /* one with fewer says nothing */
#define RATIO_STRENGTH_MAX 500. /* requests' worth that a newborn takes over */
#define TIMES_STRENGTH_MAX 200. /* likewise, durations */
#define TIMES_STRENGTH_MIN 5.

static const struct series_state *parent_of(const struct engine *e, const struct series_entry *n) {
  const struct series_catalog *c = &e->catalog;
  uint32_t idx = NONE;
  if (n->node == NONE) return NULL;
  switch (n->who.level) {
    case REC_LEVEL_EDGE_CLUSTER: idx = c->edge[n->edge].series[n->who.side]; break;
    case REC_LEVEL_EDGE: idx = c->node[n->node].series[n->who.side]; break;
    case REC_LEVEL_ROUTE_CLUSTER:
      idx = series_catalog_child(c, c->node[n->node].first_child, REC_LEVEL_ROUTE, n->who.side, REC_DIM_ROUTE,
                                 n->who.dim[REC_DIM_ROUTE]);
      break;
    case REC_LEVEL_SERVICE: break;
    default: idx = c->node[n->node].series[n->who.side]; break;
  }
  return idx != NONE && idx != n->who.series_idx && e->state[idx].used ? &e->state[idx] : NULL;
}

struct spread {
  struct detect_moments ratio[REC_SIGNAL_RATIO_COUNT];
  double n, mu, mu2, within; /* of the mean bucket number over siblings; variance inside one */
};

/* How the siblings at the same level and side differ. */
static void spread_of(const struct engine *e, const struct series_entry *born, struct spread *out) {
  const struct series_catalog *c = &e->catalog;
  uint32_t asked = 0, i = c->node[born->node].first_child;
  if (born->edge != NONE) i = NONE; /* edges: the callers of a service differ; the parent's word is taken weakly */
  *out = (struct spread){0};
  for (; i != NONE && asked < SIBLINGS_MAX; i = c->entry[i].sibling) {
    const struct series_state *s = &e->state[i];
    if (i == born->who.series_idx || s->level != born->who.level || s->side != born->who.side || !s->used) continue;
    if ((double)s->requests < SIBLING_REQUESTS) continue;
    asked++;
    for (unsigned k = 0; k < REC_SIGNAL_RATIO_COUNT; k++) {
      const struct series_ratio *r = series_ratio_find(s, REC_SIGNAL_RATIO_FIRST + k);
      detect_moments_add(&out->ratio[k], r ? (double)r->a : 0.0, (double)s->requests);
    }
    if (s->latency.mu <= 0.0f) continue;
    out->n += 1.0;
    out->mu += (double)s->latency.mu;
    out->mu2 += (double)s->latency.mu * (double)s->latency.mu;
    out->within += (double)s->latency.sd * (double)s->latency.sd;
  }
}

/* The signal's own slot or a free one; what the newborn has seen itself is not thrown out for it. */
static struct series_ratio *slot_of(struct series_state *s, uint8_t signal, uint32_t seq) {
  unsigned own = series_ratio_slot(s, signal), free = series_ratio_slot(s, SERIES_RATIO_FREE);
  if (own < SERIES_RATIO_SLOTS) return &s->ratio[own];
  if (free == SERIES_RATIO_SLOTS) return NULL;
  detect_ratio_init(&s->ratio[free], signal, seq);
  return &s->ratio[free];
}

/* One strength for all ratios of the series, as they share its number of requests: the least of theirs. */
static void ratios_inherit(struct series_state *s, const struct series_state *parent, const struct spread *spread,
                           uint32_t seq) {
  double strength = RATIO_STRENGTH_MAX;
  if ((double)parent->requests < SIBLING_REQUESTS) return;
  for (unsigned k = 0; k < REC_SIGNAL_RATIO_COUNT; k++) {
    if (spread->ratio[k].count < 3) continue;
    double one = (double)detect_moments_prior(&spread->ratio[k]).strength;
    if (spread->ratio[k].a > 0.0 && one < strength) strength = one;
  }
  if (spread->ratio[0].count < 3) strength = strength < SIBLING_REQUESTS ? strength : SIBLING_REQUESTS;
  if (strength > (double)parent->requests) strength = (double)parent->requests;
  for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++) {
    const struct series_ratio *p = &parent->ratio[i];
    if (p->signal == SERIES_RATIO_FREE || p->a <= 0.0f) continue;
    struct series_ratio *r = slot_of(s, p->signal, seq);
    if (r) r->a += p->a / parent->requests * (float)strength;
  }
  s->requests += (float)strength;
}

static void times_inherit(struct series_state *s, const struct series_state *parent, const struct spread *spread) {
  const struct series_latency *p = &parent->latency;
  struct series_latency *d = &s->latency;
  if (spread->n < 3.0 || (double)p->total < 100.0) return;
  double m = spread->mu / spread->n, within = spread->within / spread->n,
         between = spread->mu2 / spread->n - m * m - within / 100.0;
  double strength = between > 0.0 ? within / between : TIMES_STRENGTH_MAX;
  if (strength > TIMES_STRENGTH_MAX) strength = TIMES_STRENGTH_MAX;
  if (strength < TIMES_STRENGTH_MIN) return;
  float share = (float)(strength / (double)p->total), before = d->total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) d->p[j] += p->p[j] * share;
  d->total += (float)strength;
  d->mean_s = (d->mean_s * before + p->mean_s * (float)strength) / d->total;
  d->phi = p->phi;
  d->tail_phi_q8 = p->tail_phi_q8;
  d->zeta2 = p->zeta2;
  d->fresh = 65535u; /* the derived numbers are made anew at the next step */
}

void engine_birth_run(struct engine *e, uint32_t series_idx, uint32_t seq) {
  const struct series_entry *n = series_catalog_find(&e->catalog, series_idx);
  struct series_state *s = &e->state[series_idx];
  struct spread spread;
  if (!n || !s->used) return;
  const struct series_state *parent = parent_of(e, n);
  if (!parent || seq - parent->born_seq < DETECT_YOUNG) return;
  spread_of(e, n, &spread);
  ratios_inherit(s, parent, &spread, seq);
  times_inherit(s, parent, &spread);
}
