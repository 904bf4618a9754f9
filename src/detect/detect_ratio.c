#include "detect_ratio.h"

#include <string.h>

#include "base_math.h"
#include "detect_fixed.h"

#define ODDS_SMALL 3.0
#define LOG_SMALL 1.0986122886681098
#define ODDS_SHARP 1.5        /* p1 = 0.6 */
#define MOMENTS_REQUESTS 20.0 /* a service with fewer says nothing about the others */
#define STRENGTH_MAX 2000.0   /* requests' worth; all the mesh is never more than that */
#define PHI_ONE 256u
#define UPPER_MAX 0.999
#define BLIND 0.9     /* p0 from which on no alternative is in use: where nearly all fail, worse means nothing */
#define CLUSTER 8.0f  /* so many events at once are still learned whole: failures come in clusters */
#define PHI_PRIOR 8.0 /* events' worth of belief in phi = 1 */
#define PHI_GROW 1.25 /* one window's say: phi at most so many times what it was, */
#define PHI_YOUNG 6.0 /* and while young more, by so many times the weight of a window */
#define PHI_NOISE 1.2 /* so much may be chance: the standard error over an hour of windows is 0.075 */
#define PHI_SURE 1.6  /* and here it is none any more */
#define HEALTHY_MIN 0.01
#define VOID 0xffffu /* win_e: this window is not learned */

/* While an alarm stands, g[0] and g[1] hold the requests and events since it was raised, and g[2] the requests without
 * an event of which it is not known yet whether the trouble was over before them: those do not count until it goes on.
 */
enum { SINCE_N = 0, SINCE_E = 1, OPEN_N = 2 };

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
  return p < UPPER_MAX ? p : UPPER_MAX;
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

/* What the alternatives make of a step: l = e gain - n cost. gain 0: out of use. */
struct scores {
  double k[SERIES_RATIO_ALTS]; /* odds ratio */
  double gain[SERIES_RATIO_ALTS], cost[SERIES_RATIO_ALTS];
};

/* Odds ratios of the alternatives at null odds; 1 is out of use. */
static void odds_of(double p0, double k[SERIES_RATIO_ALTS]) {
  double odds = p0 / (1.0 - p0), sharp = ODDS_SHARP / odds;
  k[0] = p0 < BLIND ? ODDS_SMALL : 1.0;
  k[1] = k[2] = 1.0;
  if (sharp <= ODDS_SMALL) return;
  k[2] = sharp;
  k[1] = math_sqrt(ODDS_SMALL * sharp);
}

/* What windows of lone events may show by chance is not taken for clusters. */
static double plain_of(double phi) {
  if (phi <= PHI_NOISE) return 1.0;
  return phi < PHI_SURE ? 1.0 + (phi - PHI_NOISE) * (PHI_SURE - 1.0) / (PHI_SURE - PHI_NOISE) : phi;
}

/* Events come in clusters of geometric size, of mean m, a request beginning one with probability p0 / m. Tilted so that
 * there are k times as many, an event weighs 2 ln x with x = 2 sqrt(k) / (b + sqrt(b^2 + 4 k (1 - b))), b = 1/m, and a
 * request costs ln(1 + p0 sqrt(k) (x - 1/x)). For m = 1 that is ln k and ln(1 + p0 (k - 1)), the binomial's. */
static struct scores scores_of(double p0, double phi) {
  struct scores s;
  double b = 2.0 / (plain_of(phi) + 1.0); /* phi = 2 m - 1 */
  odds_of(p0, s.k);
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    s.gain[i] = s.cost[i] = 0.0;
    if (s.k[i] <= 1.0) continue;
    double root = math_sqrt(s.k[i]), x = 2.0 * root / (b + math_sqrt(b * b + 4.0 * s.k[i] * (1.0 - b)));
    s.gain[i] = 2.0 * math_log_fast(x);
    s.cost[i] = math_log_fast(1.0 + p0 * root * (x - 1.0 / x));
  }
  return s;
}

void detect_ratio_idle(struct series_ratio *r, struct detect_prior prior, float requests, uint32_t seconds) {
  struct scores s = scores_of(detect_ratio_upper(r, prior, requests), 1.0);
  double t = (double)seconds;
  if (seconds == 0) return;
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    if (s.gain[i] <= 0.0) continue;
    double once = -s.cost[i] * (double)requests / (t < 3600.0 ? t : 3600.0); /* requests are those of the last hour */
    double left = once < -1e-6 ? (1.0 - math_exp(once * t)) / (1.0 - math_exp(once)) : t;
    double g = once + math_log(left);
    r->g[i] = g > (double)DETECT_FLOOR ? (float)g : DETECT_FLOOR;
  }
}

static struct detect_verdict calm_step(struct series_ratio *r, double p0, uint32_t n, uint32_t e, double log_c,
                                       uint32_t seq, uint32_t dt) {
  struct scores s = scores_of(p0, phi_of(r));
  double odds = p0 / (1.0 - p0), l[SERIES_RATIO_ALTS];
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++)
    l[i] = s.gain[i] > 0.0 ? (double)e * s.gain[i] - (double)n * s.cost[i] : (double)DETECT_FLOOR;
  struct detect_verdict v = detect_alarm_step(r->g, l, SERIES_RATIO_ALTS, &r->alarm, &r->best, log_c, seq, dt);
  if (v.event == DETECT_RAISED) {
    double k = s.k[r->best], p1 = k * odds / (1.0 + k * odds), since = (double)n > 4.0 ? (double)n : 4.0;
    r->g[SINCE_N] = (float)since;
    r->g[SINCE_E] = (float)((double)e > since * p1 ? (double)e : since * p1);
    r->g[OPEN_N] = 0.0f;
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
  if (v.event == DETECT_OVER) return v;
  r->g[SINCE_N] += (float)e;
  r->g[SINCE_E] += (float)e;
  r->g[OPEN_N] += (float)(n - e);
  if (r->alarm.level > 0.0f) return v; /* the end must not dilute what the trouble was */
  r->g[SINCE_N] += r->g[OPEN_N];
  r->g[OPEN_N] = 0.0f;
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
static double expected_of(const struct scores *s, double p, double n) {
  double most = 0.0;
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    double l = n * (p * s->gain[i] - s->cost[i]);
    if (l > most) most = l;
  }
  return most;
}

double detect_ratio_smallest(const struct series_ratio *r, struct detect_prior prior, float requests, double per_s,
                             double log_c, double span_s) {
  double p0 = detect_ratio_upper(r, prior, requests), n = per_s * span_s;
  struct scores s = scores_of(p0, phi_of(r));
  double mean = ((double)r->a + 0.5) / ((double)requests + 1.0), want = log_c + LOG_SMALL, lo = p0, hi = 1.0;
  if (expected_of(&s, 1.0, n) < want) return 0.0;
  for (unsigned i = 0; i < 40; i++) {
    double mid = 0.5 * (lo + hi);
    if (expected_of(&s, mid, n) < want)
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

/* The most events at once of which all are learned. */
static float room_of(const struct series_ratio *r, float mean) {
  float phi = (float)phi_of(r);
  return mean + 3.0f * (float)math_sqrt((double)(mean * phi)) + CLUSTER * phi;
}

void detect_ratio_learn(struct series_ratio *r, float requests, uint32_t n, uint32_t e, float keep, bool freeze) {
  float p = requests > 0.0f ? r->a / requests : 0.0f, mean = p * (float)n, room = room_of(r, mean);
  float x = freeze ? mean : (float)e < room ? (float)e : room; /* frozen: keeps the ratio as it is */
  r->a = r->a * keep + x;
  if (e == 0 || (freeze && !detect_ratio_suspects(r))) return; /* nobody is to learn now */
  uint32_t win = (uint32_t)r->win_e + e;
  r->win_e = (uint16_t)(win < VOID ? win : VOID);
  r->late |= freeze;
}

static void window_open(struct series_ratio *r) {
  r->win_e = 0;
  r->late = r->held = 0;
}

/* phi - 1 is kept as a quotient: of the sums of d^2 / (1 - p) - e over windows and of their events, which is A, both
 * with the same horizon. It asks for two events together before it says anything. */
static void window_learn(struct series_ratio *r, float requests, double win_n, double weight) {
  double p = detect_ratio_mean(r, requests), mean = p * win_n, e = (double)r->win_e, d = e - mean, phi = phi_of(r);
  double healthy = 1.0 - p > HEALTHY_MIN ? 1.0 - p : HEALTHY_MIN;
  if (r->held && d > 0.0) { /* its events were late */
    double room = (double)room_of(r, (float)mean);
    r->a += (float)(d < room ? d : room);
  }
  double a = (double)r->a, before = (a > e ? a - e : 0.0) + PHI_PRIOR * (1.0 - weight);
  double next = 1.0 + ((phi - 1.0) * before + d * d / healthy - e) / (a + PHI_PRIOR),
         most = (PHI_GROW + PHI_YOUNG * weight) * phi;
  uint32_t turn;
  memcpy(&turn, &r->a, sizeof turn);
  r->phi_q8 = fixed_u16(next < 1.0 ? 1.0 : next < most ? next : most, (double)PHI_ONE, turn);
}

/* What was seen under suspicion counts once a window has passed without an event under suspicion and no alarm stands:
 * what goes on is a trouble, and no cluster. */
void detect_ratio_window(struct series_ratio *r, float requests, float win_n, float weight) {
  bool troubled = r->late || r->best != SERIES_CALM;
  if (troubled) {
    if (r->held) r->win_e = VOID; /* for more than a window */
    r->held = 1;
    r->late = 0;
    return;
  }
  if (r->win_e != VOID) window_learn(r, requests, r->held ? 2.0 * (double)win_n : (double)win_n, (double)weight);
  window_open(r);
}
