#include "detect_latency.h"

#include "base_math.h"
#include "base_must.h"

#define TAU 14400.0f /* ticks: one hour */
#define ARMED_REQUESTS 100.0f
#define ARMED_AGE 120u /* ticks: 30 s */
#define SCORE_MIN (-4.0)
#define SCORE_MAX 6.0
#define SD_MIN 0.5 /* buckets */
#define ZETA_WIDTH 3.0
#define ZETA2_PRIOR 0.01f
#define FRESH_MIN 50u /* requests before the derived numbers are made anew */

static const double eta[SERIES_TILT_ALTS] = {0.25, 0.5, 1.0, 2.0};
static const double tail_mass[SERIES_TAIL_ALTS] = {0.05, 0.01};
static const double tail_odds[SERIES_TAIL_ALTS] = {4.0, 10.0};
static const double tail_log_odds[SERIES_TAIL_ALTS] = {1.3862943611198906, 2.3025850929940457};

void detect_latency_init(struct series_latency *d, uint32_t seq) {
  *d = (struct series_latency){.phi = 1.0f, .zeta2 = ZETA2_PRIOR, .sd = 1.0f};
  detect_alarm_clear(d->g, SERIES_LATENCY_ALTS, &d->alarm, &d->best, seq);
}

static double score_of(const struct series_latency *d, uint32_t bucket) {
  double s = ((double)bucket - (double)d->mu) / (double)d->sd;
  return s < SCORE_MIN ? SCORE_MIN : s > SCORE_MAX ? SCORE_MAX : s;
}

static void moments_derive(struct series_latency *d) {
  double m = 0.0, v = 0.0, total = (double)d->total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) m += (double)d->p[j] * (double)j;
  m /= total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) v += (double)d->p[j] * ((double)j - m) * ((double)j - m);
  double sd = math_sqrt(v / total);
  d->mu = (float)m;
  d->sd = (float)(sd > SD_MIN ? sd : SD_MIN);
}

/* The normaliser is taken over the clipped scores themselves, so exp(l) has mean one exactly; the mean score of
 * the clipped scores is what the window statistics are centred on. */
static void tilts_derive(struct series_latency *d) {
  double z[SERIES_TILT_ALTS] = {0}, total = (double)d->total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    if (d->p[j] < 1e-6f) continue;
    double root = math_exp_fast(0.25 * score_of(d, j)), p = (double)d->p[j];
    for (unsigned k = 0; k < SERIES_TILT_ALTS; k++) { /* each eta is twice the one before */
      z[k] += p * root;
      root *= root;
    }
  }
  for (unsigned k = 0; k < SERIES_TILT_ALTS; k++) d->log_norm[k] = (float)math_log_fast(z[k] / total);
}

static void tails_derive(struct series_latency *d) {
  double above = 0.0;
  unsigned t = SERIES_TAIL_ALTS;
  for (uint32_t j = HIST_BUCKETS; j-- > 0 && t > 0;) {
    double with = above + (double)d->p[j];
    while (t > 0 &&
           with > tail_mass[t - 1] * (double)d->total) { /* bucket j holds the quantile: the tail starts above */
      t--;
      d->tail_from[t] = (uint8_t)(j + 1);
      d->tail_p[t] = (float)(above / (double)d->total);
    }
    above = with;
  }
}

static void derive(struct series_latency *d) {
  moments_derive(d);
  tilts_derive(d);
  tails_derive(d);
}

/* Upper credible end of a tail's probability, moved by the zone: a wander of z sd in the mean score multiplies the
 * density two sd out by about exp(2 z). */
static double tail_null(const struct series_latency *d, unsigned t, double z) {
  double a = (double)d->tail_p[t] * (double)d->total;
  double p = (a + 3.0 * math_sqrt(a) + 4.5) / ((double)d->total + 1.0) * math_exp_fast(2.0 * (z < 1.0 ? z : 1.0));
  return p < 0.5 ? p : 0.5;
}

static double zone_of(const struct series_latency *d) {
  return ZETA_WIDTH * (math_sqrt((double)d->zeta2) + math_sqrt((double)d->phi / (double)d->total));
}

static void scores(const struct series_latency *d, const struct rec_hist_cell *cell, uint32_t cell_n, uint32_t n,
                   double sum, double *l) {
  double z = zone_of(d), phi = (double)d->phi;
  for (unsigned k = 0; k < SERIES_TILT_ALTS; k++)
    l[k] = (eta[k] * (sum - (double)n * z) - (double)n * (double)d->log_norm[k]) / phi;
  for (unsigned t = 0; t < SERIES_TAIL_ALTS; t++) {
    uint32_t hit = 0;
    for (uint32_t i = 0; i < cell_n; i++)
      if (cell[i].bucket >= d->tail_from[t]) hit += cell[i].count;
    double p = tail_null(d, t, z), odds = p / (1.0 - p);
    double cost = math_log_fast(1.0 + tail_odds[t] * odds) - math_log_fast(1.0 + odds);
    l[SERIES_TILT_ALTS + t] = ((double)hit * tail_log_odds[t] - (double)n * cost) / phi;
  }
}

static void learn(struct series_latency *d, const struct rec_hist_cell *cell, uint32_t cell_n, uint32_t n, double sum_s,
                  uint32_t dt, uint32_t age) {
  float keep = detect_alarm_keep(age, dt, TAU);
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) d->p[j] *= keep;
  for (uint32_t i = 0; i < cell_n; i++) d->p[cell[i].bucket] += (float)cell[i].count;
  d->total = d->total * keep + (float)n;
  if (d->total > 0.0f) d->mean_s += ((float)sum_s - (float)n * d->mean_s) / d->total;
  if (d->mean_s < 0.0f) d->mean_s = 0.0f;
}

struct detect_verdict detect_latency_step(struct series_latency *d, const struct rec_hist_cell *cell, uint32_t cell_n,
                                          uint32_t n, double sum_s, double log_c, bool armed, uint32_t seq, uint32_t dt,
                                          uint32_t age) {
  struct detect_verdict v = {DETECT_NOTHING, false, (double)DETECT_FLOOR, 0};
  if (n == 0) return v;
  if (d->total >= ARMED_REQUESTS && age >= ARMED_AGE && d->sd > 0.0f) {
    double sum = 0.0, l[SERIES_LATENCY_ALTS];
    for (uint32_t i = 0; i < cell_n; i++) sum += score_of(d, cell[i].bucket) * (double)cell[i].count;
    scores(d, cell, cell_n, n, sum, l);
    if (d->best != SERIES_CALM) {
      v = detect_alarm_recover(d->g, SERIES_LATENCY_ALTS, &d->alarm, &d->best, -l[d->best], seq);
    } else {
      v = detect_alarm_step(d->g, l, SERIES_LATENCY_ALTS, &d->alarm, &d->best, armed ? log_c : 1e30, seq, dt);
    }
    if (!v.freeze) {
      d->win_s += (float)sum;
      d->win_n += (float)n;
      d->min_s += (float)sum;
      d->min_n += (float)n;
    }
  }
  if (v.freeze) return v;
  learn(d, cell, cell_n, n, sum_s, dt, age);
  d->fresh = (uint16_t)(d->fresh + n < 65535u ? d->fresh + n : 65535u);
  if (d->fresh >= FRESH_MIN && ((float)d->fresh >= 0.02f * d->total || d->fresh == 65535u)) {
    derive(d);
    d->fresh = 0;
  }
  return v;
}

void detect_latency_window(struct series_latency *d, float weight) {
  if (d->win_n >= 2.0f) {
    float m = d->win_s / d->win_n, ratio = d->win_n * m * m;
    if (ratio > 60.0f) ratio = 60.0f;
    d->phi += (ratio - d->phi) * weight;
    if (d->phi < 1.0f) d->phi = 1.0f;
  }
  d->win_s = d->win_n = 0.0f;
}

void detect_latency_minute(struct series_latency *d, float weight) {
  if (d->min_n >= 2.0f) {
    float m = d->min_s / d->min_n, excess = m * m - d->phi / d->min_n;
    if (excess > 1.0f) excess = 1.0f;
    d->zeta2 += (excess - d->zeta2) * weight;
    if (d->zeta2 < 0.0f) d->zeta2 = 0.0f;
  }
  d->min_s = d->min_n = 0.0f;
}

double detect_latency_quantile_s(const struct series_latency *d, double q) {
  MUST(q >= 0.0 && q <= 1.0);
  if (d->total <= 0.0f) return 0.0;
  double want = q * (double)d->total, seen = 0.0;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    double c = (double)d->p[j];
    if (c > 0.0 && seen + c >= want) {
      double lo = j ? (double)hist_bucket_ns(j) : 0.0, hi = (double)hist_bucket_ns(j + 1);
      return (lo + (hi - lo) * (want - seen) / c) * 1e-9;
    }
    seen += c;
  }
  return (double)hist_bucket_ns(HIST_BUCKETS) * 1e-9;
}
