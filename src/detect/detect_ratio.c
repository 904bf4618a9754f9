#include "detect_ratio.h"

#include "base_math.h"

#define ODDS_SMALL 3.0
#define LOG_SMALL 1.0986122886681098
#define ODDS_SHARP 1.5        /* p1 = 0.6 */
#define MOMENTS_REQUESTS 20.0 /* a service with fewer says nothing about the others */
#define STRENGTH_MAX 2000.0   /* requests' worth; all the mesh is never more than that */
#define PHI_ONE 256u
#define CLUSTER 8.0f        /* so many events at once are still learned whole: failures come in clusters */
#define PHI_WINDOW_MAX 60.0 /* one window's say: the variance ratio is clipped here */

/* While an alarm stands, g[0] and g[1] hold the requests and events since it was raised. */
enum { SINCE_N = 0, SINCE_E = 1 };

void detect_ratio_init(struct series_ratio *r, uint8_t signal, uint32_t seq) {
  *r = (struct series_ratio){.phi_q8 = PHI_ONE, .signal = signal};
  detect_alarm_clear(r->g, SERIES_RATIO_ALTS, &r->alarm, &r->best, seq);
}

double detect_ratio_mean(const struct series_ratio *r, float requests) {
  return requests > 0.0f ? (double)r->a / ((double)requests + 1.0) : 0.0;
}

double detect_ratio_upper(const struct series_ratio *r, struct detect_prior prior, float requests) {
  double a = (double)r->a + (double)prior.mean * (double)prior.strength;
  double p = (a + 3.0 * math_sqrt(a) + 4.5) / ((double)requests + (double)prior.strength + 1.0);
  return p < 0.9 ? p : 0.9;
}

void detect_moments_add(struct detect_moments *m, double a, double n) {
  if (n < MOMENTS_REQUESTS) return;
  m->a += a;
  m->n += n;
  m->n2 += n * n;
  m->sum_np2 += a * a / n;
  m->count++;
}

struct detect_prior detect_moments_prior(const struct detect_moments *m) {
  if (m->count < 3) return (struct detect_prior){0.0f, 0.0f};
  double mean = m->a / m->n, binomial = mean * (1.0 - mean), k = STRENGTH_MAX;
  double spread = m->sum_np2 - m->n * mean * mean, between = spread - (double)(m->count - 1) * binomial;
  double weight = m->n - m->n2 / m->n;
  if (between > 0.0 && weight > 0.0) k = binomial * weight / between - 1.0;
  if (k < 0.0) k = 0.0;
  if (k > STRENGTH_MAX) k = STRENGTH_MAX;
  return (struct detect_prior){(float)mean, (float)k};
}

static double phi_of(const struct series_ratio *r) {
  return (double)r->phi_q8 / (double)PHI_ONE;
}

/* Odds o0 of the null and k of the alternative: ln(p1/p0) = ln k - (ln(1+k o0) - ln(1+o0)), and the rest likewise. */
static void odds_score(double *l, double odds, double log_k, double k, uint32_t n, uint32_t e, double phi) {
  double cost = math_log_fast(1.0 + k * odds) - math_log_fast(1.0 + odds);
  *l = ((double)e * log_k - (double)n * cost) / phi;
}

/* Odds ratios of the alternatives at null odds; 1 is out of use. */
static void alternatives_of(double odds, double k[SERIES_RATIO_ALTS], double log_k[SERIES_RATIO_ALTS]) {
  double sharp = ODDS_SHARP / odds;
  k[0] = ODDS_SMALL;
  log_k[0] = LOG_SMALL;
  k[1] = k[2] = 1.0;
  log_k[1] = log_k[2] = 0.0;
  if (sharp <= ODDS_SMALL) return;
  k[2] = sharp;
  log_k[2] = math_log_fast(sharp);
  k[1] = math_sqrt(ODDS_SMALL * sharp);
  log_k[1] = 0.5 * (LOG_SMALL + log_k[2]);
}

void detect_ratio_idle(struct series_ratio *r, struct detect_prior prior, float requests, uint32_t seconds) {
  double p0 = detect_ratio_upper(r, prior, requests), odds = p0 / (1.0 - p0);
  double k[SERIES_RATIO_ALTS], log_k[SERIES_RATIO_ALTS], t = (double)seconds;
  if (seconds == 0) return;
  alternatives_of(odds, k, log_k);
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    double cost, once;
    if (log_k[i] <= 0.0) continue;
    odds_score(&cost, odds, log_k[i], k[i], 1, 0, 1.0);
    once = cost * (double)requests / (t < 3600.0 ? t : 3600.0); /* requests are those of the last hour */
    double left = once < -1e-6 ? (1.0 - math_exp(once * t)) / (1.0 - math_exp(once)) : t;
    double g = once + math_log(left);
    r->g[i] = g > (double)DETECT_FLOOR ? (float)g : DETECT_FLOOR;
  }
}

static struct detect_verdict calm_step(struct series_ratio *r, double p0, uint32_t n, uint32_t e, double log_c,
                                       uint32_t seq, uint32_t dt) {
  double odds = p0 / (1.0 - p0), phi = phi_of(r), l[SERIES_RATIO_ALTS];
  double k[SERIES_RATIO_ALTS], log_k[SERIES_RATIO_ALTS];
  alternatives_of(odds, k, log_k);
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    l[i] = (double)DETECT_FLOOR;
    if (log_k[i] > 0.0) odds_score(&l[i], odds, log_k[i], k[i], n, e, phi);
  }
  struct detect_verdict v = detect_alarm_step(r->g, l, SERIES_RATIO_ALTS, &r->alarm, &r->best, log_c, seq, dt);
  if (v.event == DETECT_RAISED) {
    double p1 = k[r->best] * odds / (1.0 + k[r->best] * odds), since = (double)n > 4.0 ? (double)n : 4.0;
    r->g[SINCE_N] = (float)since;
    r->g[SINCE_E] = (float)((double)e > since * p1 ? (double)e : since * p1);
  }
  return v;
}

/* Healthy against half of what the alarm has seen so far: the fewer requests it takes, the sharper the fault. */
static struct detect_verdict alarm_step(struct series_ratio *r, double p0, uint32_t n, uint32_t e, uint32_t seq) {
  double p1 = 0.5 * (double)r->g[SINCE_E] / (double)r->g[SINCE_N];
  if (p1 < 1.5 * p0) p1 = 1.5 * p0;
  if (p1 > 0.95) p1 = 0.95;
  if (p1 < p0 * 1.001) p1 = p0 * 1.001;
  double gain = math_log_fast(p1 / p0), cost = math_log_fast((1.0 - p1) / (1.0 - p0));
  double against = -((double)e * gain + (double)(n - e) * cost) / phi_of(r);
  struct detect_verdict v = detect_alarm_recover(r->g, SERIES_RATIO_ALTS, &r->alarm, &r->best, against, seq);
  if (v.event == DETECT_OVER || r->alarm.level > 0.0f) return v; /* calm stretches do not dilute the estimate */
  r->g[SINCE_N] += (float)n;
  r->g[SINCE_E] += (float)e;
  return v;
}

struct detect_verdict detect_ratio_step(struct series_ratio *r, struct detect_prior prior, float requests, uint32_t n,
                                        uint32_t e, double log_c, bool armed, uint32_t seq, uint32_t dt) {
  double p0 = detect_ratio_upper(r, prior, requests);
  if (e > n) e = n;
  if (r->best != SERIES_CALM) return alarm_step(r, p0, n, e, seq);
  return calm_step(r, p0, n, e, armed ? log_c : 1e30, seq, dt);
}

void detect_ratio_since(const struct series_ratio *r, double *n, double *e) {
  *n = r->best == SERIES_CALM ? 0.0 : (double)r->g[SINCE_N];
  *e = r->best == SERIES_CALM ? 0.0 : (double)r->g[SINCE_E];
}

/* Expected evidence of n requests of which a share p are events, by the alternative that sees most. */
static double expected_of(double odds, double p, double n, double phi) {
  double k[SERIES_RATIO_ALTS], log_k[SERIES_RATIO_ALTS], most = 0.0;
  alternatives_of(odds, k, log_k);
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    double cost = math_log(1.0 + k[i] * odds) - math_log(1.0 + odds), l = n * (p * log_k[i] - cost) / phi;
    if (l > most) most = l;
  }
  return most;
}

double detect_ratio_smallest(const struct series_ratio *r, struct detect_prior prior, float requests, double per_s,
                             double log_c, double span_s) {
  double p0 = detect_ratio_upper(r, prior, requests), odds = p0 / (1.0 - p0), n = per_s * span_s;
  double mean = ((double)r->a + 0.5) / ((double)requests + 1.0), want = log_c + LOG_SMALL, lo = p0, hi = 1.0;
  if (expected_of(odds, 1.0, n, phi_of(r)) < want) return 0.0;
  for (unsigned i = 0; i < 40; i++) {
    double mid = 0.5 * (lo + hi);
    if (expected_of(odds, mid, n, phi_of(r)) < want)
      lo = mid;
    else
      hi = mid;
  }
  return hi / mean;
}

bool detect_ratio_suspects(const struct series_ratio *r) {
  float top = r->g[0];
  for (unsigned i = 1; i < SERIES_RATIO_ALTS; i++) top = r->g[i] > top ? r->g[i] : top;
  return r->best != SERIES_CALM || (double)top > DETECT_FREEZE;
}

void detect_ratio_learn(struct series_ratio *r, float requests, uint32_t n, uint32_t e, float keep, bool freeze) {
  float p = requests > 0.0f ? r->a / requests : 0.0f, mean = p * (float)n;
  float phi = (float)phi_of(r);
  float room = mean + 3.0f * (float)math_sqrt((double)(mean * phi)) + CLUSTER * phi;
  float x = freeze ? mean : (float)e < room ? (float)e : room; /* frozen: keeps the ratio as it is */
  r->a = r->a * keep + x;
  uint32_t win = (uint32_t)r->win_e + e;
  if (!freeze) r->win_e = (uint16_t)(win < 65535u ? win : 65535u);
}

void detect_ratio_window(struct series_ratio *r, float requests, float win_n, float weight) {
  double p = detect_ratio_mean(r, requests), mean = p * (double)win_n;
  if (mean > 1e-9 && r->best == SERIES_CALM) {
    double d = (double)r->win_e - mean, ratio = d * d / (mean * (1.0 - p));
    if (ratio > PHI_WINDOW_MAX) ratio = PHI_WINDOW_MAX;
    double phi = (double)r->phi_q8 + ((double)PHI_ONE * ratio - (double)r->phi_q8) * (double)weight;
    r->phi_q8 = (uint16_t)(phi < (double)PHI_ONE ? (double)PHI_ONE : phi > 65535.0 ? 65535.0 : phi);
  }
  r->win_e = 0;
}
