/* How much slower a service gets by more traffic alone, learned from its own history (docs/detectors/expected.md).
 *
 *   M/M/1: L(r) / L0 = (1 - rho) / (1 - r rho) for r times the load,
 *   so 1 - L0 / L = beta (r - 1), beta = rho / (1 - rho)
 *
 * One number a service: the line through (1, 0) over its clusters' minutes while all is calm, with a normal prior. */
#include "base_math.h"
#include "incident_case.h"
#include "series_recent.h"

/* Queues and caches follow the load by half a minute: shorter would look flat. */
#define MINUTE (60u * LIMIT_TICKS_PER_S)
#define HORIZON 1440.0f /* minutes: one day */
#define ENOUGH 60.0     /* fine requests in a minute */
#define JUMP 0.5        /* more of a sudden is no minute to learn from */
#define PRIOR_BETA 0.75 /* rho = 0.43 */
#define PRIOR_SD 0.4
#define NOISE 0.01       /* variance of a minute's y before anything is known, worth four minutes, */
#define NOISE_MIN 0.0025 /* and the least that is believed: minutes go together */
#define CHANCE_MOST 0.5  /* of the spread of loads: more is not taken off as chance */
#define UNEVEN 0.5   /* how clusters of a service differ in beta, relative: one has more of its users than another */
#define STEEPEST 0.9 /* ten times as long: beyond it a queue overflows, and that is no band */
#define MARGIN 1.2

static bool calm(const struct series_state *s) {
  if (s->latency.best != SERIES_CALM || s->rate.down_best != SERIES_CALM) return false;
  for (unsigned i = 0; i < SERIES_RATIO_SLOTS; i++)
    if (s->ratio[i].signal != SERIES_RATIO_FREE && s->ratio[i].best != SERIES_RATIO_CALM) return false;
  return true;
}

static void load_add(struct incident_load *l, const struct series_state *s, uint32_t seq) {
  struct series_sum sum = series_recent_sum(s, seq - MINUTE + 1, seq);
  double usual = (double)s->rate.a / (double)s->rate.b * (double)MINUTE, mean = (double)s->latency.mean_s;
  if (!calm(s) || sum.n - sum.e < ENOUGH || sum.lat_s <= 0.0) return;
  if (usual <= 0.0 || mean <= 0.0) return;
  double x = sum.n / usual - 1.0, y = 1.0 - mean * (sum.n - sum.e) / sum.lat_s;
  if (x > JUMP) return; /* queues and caches have yet to follow */
  if (y > 1.0) y = 1.0;
  if (y < -1.0) y = -1.0;
  float keep = 1.0f - 1.0f / HORIZON;
  l->xx = l->xx * keep + (float)(x * x);
  l->chance = l->chance * keep + (float)((double)s->rate.phi_ten / usual);
  l->xy = l->xy * keep + (float)(x * y);
  l->yy = l->yy * keep + (float)(y * y);
  l->n = l->n * keep + 1.0f;
}

void incident_load_step(struct incident_head *h, const struct incident_view *v) {
  const struct series_catalog *c = v->catalog;
  for (uint32_t node = 0; node < c->node_n; node++)
    for (uint32_t i = c->node[node].first_child; i != REC_SERIES_NONE; i = c->entry[i].sibling)
      if (c->entry[i].who.level == REC_LEVEL_SERVICE_CLUSTER && c->entry[i].who.side == REC_SIDE_SERVER &&
          v->state[i].used)
        load_add(&h->load[node], &v->state[i], v->seq);
}

/* Variance of a minute's y around the line that fits best. */
static double noise_of(const struct incident_load *l) {
  double xx = (double)l->xx, xy = (double)l->xy, left = (double)l->yy;
  if (xx > 0.0) left -= xy * xy / xx;
  if (left < 0.0) left = 0.0;
  double one = (left + 4.0 * NOISE) / ((double)l->n + 4.0);
  return one > NOISE_MIN ? one : NOISE_MIN;
}

/* The count's own noise is no load: with it the slope would come out too flat. Where most is noise little is known of
 * the slope, and it may be no steeper for that. */
static double spread_of(const struct incident_load *l) {
  double real = (double)(l->xx - l->chance), least = (1.0 - CHANCE_MOST) * (double)l->xx;
  return real > least ? real : least;
}

double incident_load_band(const struct incident_head *h, uint32_t node, double ratio, bool part) {
  const struct incident_load *l = &h->load[node];
  double one = noise_of(l), prior = one / (PRIOR_SD * PRIOR_SD), xx = spread_of(l) + prior;
  double beta = ((double)l->xy + prior * PRIOR_BETA) / xx;
  double differ = (part ? UNEVEN : 0.5 * UNEVEN) * beta, sd = math_sqrt(one / xx + differ * differ);
  double steep = (beta + 2.0 * sd) * (ratio - 1.0);
  if (steep < 0.0) steep = 0.0;
  if (steep > STEEPEST) steep = STEEPEST;
  return MARGIN / (1.0 - steep);
}
