#include "detect_latency.h"

#include "base_math.h"
#include "base_must.h"
#include "detect_zone.h"

#define TAU 14400.0f /* ticks: one hour */
#define ARMED_REQUESTS 100.0f
#define ARMED_AGE 120u /* ticks: 30 s */
#define SCORE_MIN (-4.0)
#define SCORE_MAX 6.0
#define SD_MIN 0.5      /* buckets */
#define KNOWN_WIDTH 3.0 /* sd of the baseline's own error */
#define NEAR_WINDOWS \
  6.0f /* of ten seconds: horizon of the near mean, or as long as it takes to see so many requests: */
#define NEAR_REQUESTS 300.0f
#define ZETA_DOUBT 4.0f /* of one request's noise over an hour's: what minutes leave unknown in zeta^2, half an sd */
#define CLIP2 4.0f      /* one minute's say in zeta^2, in variances: a trouble not yet known must not widen it much */
#define CLIP2_MEAN 0.9205f /* mean of a squared normal that is clipped there */
#define PHI_CLIP2 9.0f     /* one window's say in an overdispersion, in variances */
#define PHI_ONE 256.0f
#define ZETA2_PRIOR 0.01f
#define INSIDE 0.95
#define SINCE_MOST 500.0f /* requests that an alarm's size is learned from */
#define ANEW_NATS 3.0     /* evidence that says that it goes on */
#define ANEW_MASK 0xfffffu
#define RECOVER_LEAST 0.25 /* nats that a fine request may always say: twenty in a row end any trouble */
#define OCTAVE 0.6931471805599453
#define FRESH_MIN 50u /* requests before the derived numbers are made anew */

/* Tilts, nearest first. A wander puts the nearest out of use (detect_zone): the more it does, the closer the others
 * stand together, or a shift by a full sd would fall between one that is out of use and one that asks for more. */
#define GRIDS 7u
static const double grids[GRIDS][SERIES_TILT_ALTS] = {
    {0.25, 0.5, 1.0, 2.0}, {0.35, 0.6, 1.1, 2.0}, {0.5, 0.75, 1.2, 2.0}, {0.75, 1.0, 1.4, 2.0},
    {1.0, 1.25, 1.6, 2.1}, {1.5, 1.8, 2.2, 2.8},  {2.2, 2.6, 3.1, 3.7}};
static const double tail_mass[SERIES_TAIL_ALTS] = {0.01, 0.002};
static const double tail_odds[SERIES_TAIL_ALTS] = {3.0, 8.0};
static const double tail_log_odds[SERIES_TAIL_ALTS] = {1.0986122886681098, 2.0794415416798357};
static const double tail_slope[SERIES_TAIL_ALTS] = {2.5, 3.0}; /* of the log density, that far out */

/* While an alarm stands, g holds instead: the requests since it was raised (at most SINCE_MOST), the sum of their
 * scores, how many were in the p99 tail; the evidence that has gathered anew, and when it last was enough (ticks modulo
 * 2^20). */
enum { SINCE_N = 0, SINCE_X = 1, SINCE_HIT = 2, ANEW = 3, ANEW_SEQ = 4 };

void detect_latency_init(struct series_latency *d, uint32_t seq) {
  *d = (struct series_latency){.phi = 1.0f, .zeta2 = ZETA2_PRIOR, .sd = 1.0f, .tail_phi_q8 = (uint16_t)PHI_ONE};
  detect_alarm_clear(d->g, SERIES_LATENCY_ALTS, &d->alarm, &d->best, seq);
}

static double score_of(const struct series_latency *d, uint32_t bucket) {
  double s = ((double)bucket - (double)d->mu) / (double)d->sd;
  return s < SCORE_MIN ? SCORE_MIN : s > SCORE_MAX ? SCORE_MAX : s;
}

/* A request in a hundred that is far out (a time-out's duration, what a trouble left behind) must not make the scores
 * of all others small: deviations count as far as scores do, in the units of the sd before. */
static void moments_derive(struct series_latency *d) {
  double m = 0.0, v = 0.0, total = (double)d->total, least = SCORE_MIN * (double)d->sd,
         most = SCORE_MAX * (double)d->sd;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) m += (double)d->p[j] * (double)j;
  m /= total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    double off = (double)j - m;
    off = off < least ? least : off > most ? most : off;
    v += (double)d->p[j] * off * off;
  }
  double sd = math_sqrt(v / total);
  d->mu = (float)m;
  d->sd = (float)(sd > SD_MIN ? sd : SD_MIN);
}

static double wander_of(const struct series_latency *d) {
  return math_sqrt((double)(d->zeta2 + ZETA_DOUBT * d->phi / d->total));
}

/* Or is such a shift this series' normal life? */
static bool in_use(double eta, double zone) {
  return zone <= INSIDE * eta;
}

/* The normaliser is taken over the clipped scores themselves, so exp(l) has mean one exactly; the mean score of
 * the clipped scores is what the window statistics are centred on. */
static void tilts_derive(struct series_latency *d) {
  double z[SERIES_TILT_ALTS] = {0}, total = (double)d->total, wander = wander_of(d);
  d->grid = 0;
  while (d->grid + 1u < GRIDS && !in_use(grids[d->grid][0], detect_zone(grids[d->grid][0], wander))) d->grid++;
  const double *eta = grids[d->grid];
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    if (d->p[j] < 1e-6f) continue;
    double s = score_of(d, j), p = (double)d->p[j];
    for (unsigned k = 0; k < SERIES_TILT_ALTS; k++) z[k] += p * math_exp_fast(eta[k] * s);
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
 * density t sd out by about exp(t z). */
static double tail_null(const struct series_latency *d, unsigned t, double z, double phi) {
  double a = (double)d->tail_p[t] * (double)d->total, slope = tail_slope[t] * (z < 1.0 ? z : 1.0);
  double p = (a + 3.0 * math_sqrt(a * phi) + 4.5 * phi) / ((double)d->total + 1.0) * math_exp_fast(slope);
  return p < 0.5 ? p : 0.5;
}

static double known_of(const struct series_latency *d) {
  return KNOWN_WIDTH * math_sqrt((double)(d->phi / d->total));
}

static double tail_phi_of(const struct series_latency *d) {
  return (double)((float)d->tail_phi_q8 / PHI_ONE);
}

static uint32_t tail_hits(const struct series_latency *d, unsigned t, const struct rec_hist_cell *cell,
                          uint32_t cell_n) {
  uint32_t hit = 0;
  for (uint32_t i = 0; i < cell_n; i++)
    if (cell[i].bucket >= d->tail_from[t]) hit += cell[i].count;
  return hit;
}

/* n requests, sum of their scores, hits in the tails. The steeper a tilt, the more it is about the tail, and shares the
 * tail's overdispersion: slow requests may come in groups that the mean hardly feels. */
static void scores(const struct series_latency *d, const uint32_t *hit, uint32_t n, double sum, double *l) {
  double known = known_of(d), wander = wander_of(d), phi = (double)d->phi, tail_phi = tail_phi_of(d);
  const double *eta = grids[d->grid];
  for (unsigned k = 0; k < SERIES_TILT_ALTS; k++) {
    double zone = detect_zone(eta[k], wander), own = 1.0 + (tail_phi - 1.0) * (eta[k] < 1.0 ? eta[k] : 1.0);
    l[k] = (eta[k] * (sum - (double)n * (known + zone)) - (double)n * (double)d->log_norm[k]) / (own > phi ? own : phi);
    if (!in_use(eta[k], zone)) l[k] = (double)DETECT_FLOOR;
  }
  for (unsigned t = 0; t < SERIES_TAIL_ALTS; t++) {
    double p = tail_null(d, t, known + DETECT_ZONE_MAX * wander, tail_phi), odds = p / (1.0 - p);
    double cost = math_log_fast(1.0 + tail_odds[t] * odds) - math_log_fast(1.0 + odds);
    l[SERIES_TILT_ALTS + t] = ((double)hit[t] * tail_log_odds[t] - (double)n * cost) / tail_phi;
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

static void windows_add(struct series_latency *d, double sum, uint32_t n, uint32_t hit) {
  uint32_t hits = d->win_hit + hit;
  d->win_s += (float)sum;
  d->win_n += (float)n;
  d->min_s += (float)sum;
  d->min_n += (float)n;
  d->win_hit = (uint16_t)(hits < 65535u ? hits : 65535u);
}

static void since_begin(struct series_latency *d, const uint32_t *hit, uint32_t n, double sum, uint32_t seq) {
  unsigned best = d->best, t = best < SERIES_TILT_ALTS ? 0 : best - SERIES_TILT_ALTS;
  const double *eta = grids[d->grid];
  double n0 = (double)n > 4.0 ? (double)n : 4.0, x = sum, hits = (double)hit[0];
  /* The step that passed the bar need not look like the rest: as much as the alternative says is believed at least. */
  double least = n0 * tail_odds[t] * (double)d->tail_p[0];
  if (best < SERIES_TILT_ALTS && x < eta[best] * n0) x = eta[best] * n0;
  if (best >= SERIES_TILT_ALTS && hits < least) hits = least;
  d->g[SINCE_N] = (float)n0;
  d->g[SINCE_X] = (float)x;
  d->g[SINCE_HIT] = (float)hits;
  d->g[ANEW] = 0.0f;
  d->g[ANEW_SEQ] = (float)(seq & ANEW_MASK);
}

/* Healthy against what the alarm has seen, by the share of slow requests (seven tenths of it) or by the mean score
 * (half of it), whichever a fine request says more by. It says no more than that share allows: a mixture of fine and
 * slow requests has runs of fine ones, and must not be over after each. */
static double against_of(const struct series_latency *d, uint32_t n, double sum, uint32_t hit) {
  double n0 = (double)d->g[SINCE_N], half = 0.5 * (double)d->g[SINCE_X] / n0, p1 = 0.7 * (double)d->g[SINCE_HIT] / n0;
  double phi = tail_phi_of(d), p0 = tail_null(d, 0, known_of(d), phi), most = RECOVER_LEAST;
  const double *eta = grids[d->grid];
  unsigned k = 0;
  while (k + 1 < SERIES_TILT_ALTS && eta[k + 1] <= half) k++;
  if (p1 > 0.7) p1 = 0.7;
  if (-math_log_fast(1.0 - p1) > most) most = -math_log_fast(1.0 - p1);
  if (p1 < 1.5 * p0) p1 = 1.5 * p0;
  double tilt = half < eta[0] ? (half > 0.0 ? half : 0.0) : eta[k]; /* small ones: scores have variance one */
  double cost = (half < eta[0] ? 0.5 * tilt * tilt : (double)d->log_norm[k]) / (double)d->phi;
  double fine = -math_log_fast((1.0 - p1) / (1.0 - p0)) / phi;
  double by_mean = (double)n * cost - tilt * sum / (double)d->phi;
  double by_share = (double)(n - hit) * fine - (double)hit * math_log_fast(p1 / p0) / phi;
  double l = d->best >= SERIES_TILT_ALTS || fine > cost ? by_share : by_mean;
  return l < most * (double)n ? l : most * (double)n;
}

/* Does what raised the alarm gather anew? Small troubles end slowly by the reversed ratio: where nothing speaks for
 * them any more for two minutes, they are over, too. */
static bool stale(struct series_latency *d, double l, uint32_t seq) {
  double anew = (double)d->g[ANEW] + l;
  d->g[ANEW] = anew > 0.0 ? (float)anew : 0.0f;
  if (anew >= ANEW_NATS) {
    d->g[ANEW] = 0.0f;
    d->g[ANEW_SEQ] = (float)(seq & ANEW_MASK);
  }
  return ((seq - (uint32_t)d->g[ANEW_SEQ]) & ANEW_MASK) >= DETECT_QUIET_TICKS;
}

/* l: of the alternative that raised the alarm. */
static struct detect_verdict alarm_step(struct series_latency *d, double l, uint32_t hit, uint32_t n, double sum,
                                        uint32_t seq) {
  if (hit > n) hit = n;
  double against = stale(d, l, seq) ? (double)DETECT_RECOVER : against_of(d, n, sum, hit);
  struct detect_verdict v = detect_alarm_recover(d->g, SERIES_LATENCY_ALTS, &d->alarm, &d->best, against, seq);
  if (v.event == DETECT_OVER || d->alarm.level > 0.0f) return v; /* calm stretches do not dilute the estimate */
  if (d->g[SINCE_N] >= SINCE_MOST) return v;
  d->g[SINCE_N] += (float)n;
  d->g[SINCE_X] += (float)sum;
  d->g[SINCE_HIT] += (float)hit;
  return v;
}

static struct detect_verdict judge(struct series_latency *d, const struct rec_hist_cell *cell, uint32_t cell_n,
                                   uint32_t n, double log_c, uint32_t seq, uint32_t dt, bool learns) {
  struct detect_verdict v;
  double sum = 0.0, l[SERIES_LATENCY_ALTS];
  uint32_t hit[SERIES_TAIL_ALTS];
  for (uint32_t i = 0; i < cell_n; i++) sum += score_of(d, cell[i].bucket) * (double)cell[i].count;
  for (unsigned t = 0; t < SERIES_TAIL_ALTS; t++) hit[t] = tail_hits(d, t, cell, cell_n);
  scores(d, hit, n, sum, l);
  if (d->best != SERIES_CALM) return alarm_step(d, l[d->best], hit[0], n, sum, seq);
  v = detect_alarm_step(d->g, l, SERIES_LATENCY_ALTS, &d->alarm, &d->best, log_c, seq, dt);
  if (v.event == DETECT_RAISED) since_begin(d, hit, n, sum, seq);
  if (!v.freeze && learns) windows_add(d, sum, n, hit[0]);
  return v;
}

struct detect_verdict detect_latency_step(struct series_latency *d, const struct rec_hist_cell *cell, uint32_t cell_n,
                                          uint32_t n, double sum_s, double log_c, bool armed, uint32_t seq, uint32_t dt,
                                          uint32_t age, bool learns) {
  struct detect_verdict v = {DETECT_NOTHING, false, (double)DETECT_FLOOR, 0};
  if (n == 0) return v;
  if (d->total >= ARMED_REQUESTS && age >= ARMED_AGE && d->sd > 0.0f)
    v = judge(d, cell, cell_n, n, armed ? log_c : 1e30, seq, dt, learns);
  if (v.freeze || !learns) return v;
  learn(d, cell, cell_n, n, sum_s, dt, age);
  d->fresh = (uint16_t)(d->fresh + n < 65535u ? d->fresh + n : 65535u);
  if (d->fresh >= FRESH_MIN && ((float)d->fresh >= 0.02f * d->total || d->fresh == 65535u)) {
    derive(d);
    d->fresh = 0;
  }
  return v;
}

/* phi moves towards one window's squared deviation over its variance, which is clipped at three sd. */
static float phi_update(float phi, float ratio, float weight) {
  float most = PHI_CLIP2 * phi, next = phi + ((ratio < most ? ratio : most) - phi) * weight;
  return next > 1.0f ? next : 1.0f;
}

/* Around the near mean: slow wander is zeta's. */
static void near_learn(struct series_latency *d, float weight) {
  float off = d->win_s / d->win_n - d->near, part = d->win_n / NEAR_REQUESTS;
  d->phi = phi_update(d->phi, d->win_n * off * off, weight);
  d->near += off * (part < 1.0f / NEAR_WINDOWS ? part : 1.0f / NEAR_WINDOWS);
}

static void tail_learn(struct series_latency *d, float weight) {
  float mean = d->win_n * d->tail_p[0], off = (float)d->win_hit - mean, phi = (float)d->tail_phi_q8 / PHI_ONE;
  if (mean <= 1e-6f) return;
  phi = PHI_ONE * phi_update(phi, off * off / mean, weight);
  d->tail_phi_q8 = (uint16_t)(phi < 65535.0f ? phi + 0.5f : 65535.0f);
}

void detect_latency_window(struct series_latency *d, float weight) {
  if (d->win_n >= 2.0f) near_learn(d, weight);
  if (d->win_n > 0.0f) tail_learn(d, weight);
  d->win_s = d->win_n = 0.0f;
  d->win_hit = 0;
}

void detect_latency_minute(struct series_latency *d, float weight) {
  if (d->min_n >= 2.0f) {
    float m = d->min_s / d->min_n, var = d->zeta2 + d->phi / d->min_n, ratio = m * m / var;
    float w = 1.5f * weight / (1.0f + 0.5f * weight); /* the prior is forgotten faster */
    d->zeta2 += ((ratio < CLIP2 ? ratio : CLIP2) / CLIP2_MEAN - 1.0f) * var * w;
    if (d->zeta2 < 0.0f) d->zeta2 = 0.0f;
  }
  d->min_s = d->min_n = 0.0f;
}

/* A shift by x sd of all requests adds x to each score: solved for the tilt that needs least. */
double detect_latency_smallest(const struct series_latency *d, double requests_per_s, double log_c, double span_s) {
  double n = requests_per_s * span_s, best = 0.0;
  if (n <= 0.0 || d->total < ARMED_REQUESTS) return 0.0;
  double nats = (log_c + math_log_fast((double)SERIES_LATENCY_ALTS)) * (double)d->phi / n;
  double known = known_of(d), wander = wander_of(d);
  const double *eta = grids[d->grid];
  for (unsigned k = 0; k < SERIES_TILT_ALTS; k++) {
    double zone = detect_zone(eta[k], wander), x = (nats + (double)d->log_norm[k]) / eta[k] + known + zone;
    if (in_use(eta[k], zone) && (best <= 0.0 || x < best)) best = x;
  }
  return best > 0.0 && best < SCORE_MAX ? math_exp_fast(best * (double)d->sd * OCTAVE / (double)(1u << HIST_BITS))
                                        : 0.0;
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
