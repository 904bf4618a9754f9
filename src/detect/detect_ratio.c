#include "detect_ratio.h"

#include <string.h>

#include "base_math.h"
#include "base_must.h"
#include "detect_fixed.h"
#include "detect_zone.h"

#define ODDS_SMALL 3.0
#define LOG_SMALL 1.0986122886681098
#define ODDS_SHARP 1.5        /* p1 = 0.6 */
#define MOMENTS_REQUESTS 20.0 /* a service with fewer says nothing about the others */
#define STRENGTH_MAX 2000.0   /* requests' worth; all the mesh is never more than that */
#define UPPER_MAX 0.999
#define UPPER_ALONE 4.5 /* events beyond a + 3 sqrt(a) */
#define UPPER_LENT 2.5
#define BLIND 0.9     /* p0 from which on no alternative is in use: where nearly all fail, worse means nothing */
#define CLUSTER 8.0f  /* so many events at once are still learned whole: failures come in clusters */
#define PHI_PRIOR 8.0 /* events' worth of belief in phi = 1 */
#define PHI_GROW 1.25 /* one window's say: phi at most so many times what it was, */
#define PHI_YOUNG 6.0 /* and while young more, by so many times the weight of a window */
#define PHI_NOISE 1.2 /* so much may be chance: the standard error over an hour of windows is 0.075 */
#define PHI_SURE 1.6  /* and here it is none any more */
#define PHI_LOG_MAX 1023u
#define HEALTHY_MIN 0.01
#define VOID 0x7fffu     /* win_e: this window is not learned */
#define WINDOWS 360.0    /* of ten seconds, an hour: horizon of a and of phi */
#define NEAR_EVENTS 24.0 /* what the ratio was of late looks back so many events, or a window */
#define NEAR_ONE 64.0
#define NEAR_ZERO 64u /* signed numbers are kept with this added */
#define NEAR_MASK 127u
#define WANDER_ONE 2048.0
#define WANDER_ZERO 4096u
#define WANDER_MASK 8191u
#define WANDER_PRIOR 0.02  /* slow variance of the odds that is believed at first, */
#define WANDER_EVENTS 20.0 /* as if seen in so many events */
#define WANDER_HOURS 6.0   /* it is a mean over these: wander of half an hour shows itself a dozen times */
#define WANDER_CLIP 4.0    /* one window's say in it, in standard deviations of that */
#define WANDER_NOISE 0.5   /* over sqrt(24 a), seven tenths of a standard error: so much may be chance */
#define FRESH_MOST 7u      /* a mask, too. Twice as many would find more slow rises, and alarm at more that wander */
#define IDLE_RISE 1.0      /* nats above its usual level: no longer calm */
#define COST_MIN 1e-3      /* nats: a second that costs less is taken to cost so much */

/* While an alarm stands, g[0] and g[1] hold the requests and events since it was raised, and g[2] the requests without
 * an event of which it is not known yet whether the trouble was over before them: those do not count until it goes on.
 */
enum { SINCE_N = 0, SINCE_E = 1, OPEN_N = 2 };

/* v in 1 / one, shifted by `zero` into [0, mask]. */
static uint32_t shifted(double v, double one, uint32_t zero, uint32_t mask, uint32_t turn) {
  uint32_t at = fixed_u16(v + (double)zero / one, one, turn);
  return at < mask ? at : mask;
}

static double near_of(const struct series_ratio *r) {
  return ((double)r->near - (double)NEAR_ZERO) / NEAR_ONE;
}

static void near_set(struct series_ratio *r, double b, uint32_t turn) {
  r->near = shifted(b, NEAR_ONE, NEAR_ZERO, NEAR_MASK, turn) & NEAR_MASK;
}

double detect_ratio_wander(const struct series_ratio *r) {
  double root = ((double)r->wander - (double)WANDER_ZERO) / WANDER_ONE;
  return root < 0.0 ? -root * root : root * root;
}

static void wander_set(struct series_ratio *r, double z, uint32_t turn) {
  double root = z < 0.0 ? -math_sqrt(-z) : math_sqrt(z);
  r->wander = shifted(root, WANDER_ONE, WANDER_ZERO, WANDER_MASK, turn) & WANDER_MASK;
}

static void phi_set(struct series_ratio *r, double phi, uint32_t turn) {
  uint32_t log2 = fixed_u16(math_log_fast(phi) / MATH_LN2, SERIES_RATIO_PHI_OCTAVE, turn);
  r->phi_log = (log2 < PHI_LOG_MAX ? log2 : PHI_LOG_MAX) & PHI_LOG_MAX;
}

static float top_of(const struct series_ratio *r) {
  float top = r->g[0];
  for (unsigned i = 1; i < SERIES_RATIO_ALTS; i++) top = r->g[i] > top ? r->g[i] : top;
  return top;
}

void detect_ratio_init(struct series_ratio *r, uint8_t signal, uint32_t seq) {
  *r = (struct series_ratio){.signal = signal & SERIES_RATIO_FREE, .calm = 1};
  near_set(r, 0.0, 0);
  wander_set(r, WANDER_PRIOR, 0);
  detect_ratio_clear(r, seq);
}

void detect_ratio_clear(struct series_ratio *r, uint32_t seq) {
  uint8_t best;
  detect_alarm_clear(r->g, SERIES_RATIO_ALTS, &r->alarm, &best, seq);
  r->best = SERIES_RATIO_CALM;
  r->fresh = 0;
}

double detect_ratio_mean(const struct series_ratio *r, float requests) {
  return requests > 0.0f ? (double)r->a / ((double)requests + 1.0) : 0.0;
}

/* Events that are held for normal, those that other services lend included: what is under examination right now does
 * not speak for itself. */
static double known_of(const struct series_ratio *r, struct detect_prior prior) {
  double a = (double)r->a - (double)r->fresh;
  return (a > 0.0 ? a : 0.0) + (double)prior.mean * (double)prior.strength;
}

/* Three standard deviations up: of what a events may come from (a gamma of shape a + 1) where a service stands alone,
 * of shape a where others lend an event's worth or more. */
double detect_ratio_upper(const struct series_ratio *r, struct detect_prior prior, float requests) {
  double a = known_of(r, prior), lent = (double)prior.mean * (double)prior.strength;
  double more = UPPER_ALONE - (UPPER_ALONE - UPPER_LENT) * (lent < 1.0 ? lent : 1.0);
  double p = (a + 3.0 * math_sqrt(a) + more) / ((double)requests + (double)prior.strength + 1.0);
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

/* What the alternatives make of a step: l = e gain - n cost. gain 0: out of use. */
struct scores {
  double edge[SERIES_RATIO_ALTS];   /* odds up to which all is normal */
  double target[SERIES_RATIO_ALTS]; /* odds of the alternative */
  double gain[SERIES_RATIO_ALTS], cost[SERIES_RATIO_ALTS];
};

/* What windows of lone events may show by chance is not taken for clusters. */
static double plain_of(double phi) {
  if (phi <= PHI_NOISE) return 1.0;
  return phi < PHI_SURE ? 1.0 + (phi - PHI_NOISE) * (PHI_SURE - 1.0) / (PHI_SURE - PHI_NOISE) : phi;
}

/* The slow variance that the null must allow for. Where nothing wanders it is 0 in three of four series and costs the
 * others little: up to 0.13 / sqrt(a) the upper end of the learned ratio reaches farther. */
static double slow_of(const struct series_ratio *r) {
  double z = detect_ratio_wander(r) -
             WANDER_NOISE * series_ratio_phi(r) / math_sqrt(NEAR_EVENTS * ((double)r->a + WANDER_EVENTS));
  return z > 0.0 ? z : 0.0;
}

/* Distance in log odds of the null's end from the learned ratio for the alternative that is k times that end: the zone
 * of detect_zone.h, whose `far` is then off + ln k. */
static double zone_beyond(double log_k, double sd) {
  double off = DETECT_ZONE_NATS * sd * sd / log_k;
  if (off > DETECT_ZONE_MAX * sd) off = DETECT_ZONE_MAX * sd;
  return off > DETECT_ZONE_MIN * sd ? off : DETECT_ZONE_MIN * sd;
}

/* Each alternative has its own end of the null: where the ratio's wander ends for it, but never below what the learned
 * ratio itself may be. */
static void edges_of(struct scores *s, const struct series_ratio *r, struct detect_prior prior, float requests) {
  double p0 = detect_ratio_upper(r, prior, requests), up = p0 / (1.0 - p0), sd = math_sqrt(slow_of(r));
  double mean = known_of(r, prior) / ((double)requests + (double)prior.strength + 1.0);
  double usual = mean < UPPER_MAX ? mean / (1.0 - mean) : up;
  bool wanders = usual * math_exp_fast(DETECT_ZONE_MAX * sd) > up;
  s->edge[0] = wanders ? usual * math_exp_fast(zone_beyond(LOG_SMALL, sd)) : up;
  if (s->edge[0] < up) s->edge[0] = up;
  s->target[0] = ODDS_SMALL * s->edge[0];
  s->target[1] = math_sqrt(ODDS_SHARP * s->target[0]);
  s->target[2] = ODDS_SHARP;
  for (unsigned i = 1; i < SERIES_RATIO_ALTS; i++) {
    s->edge[i] = up;
    if (!wanders || s->target[i] <= usual) continue;
    double edge = usual * math_exp_fast(detect_zone(math_log_fast(s->target[i] / usual), sd));
    if (edge > up) s->edge[i] = edge;
  }
}

/* The two sharper alternatives are for where 0.6 is far; where nearly all fail there is none. */
static bool in_use(const struct scores *s, unsigned i) {
  if (i == 0) return s->edge[0] < BLIND / (1.0 - BLIND);
  return s->target[2] > ODDS_SMALL * s->edge[0] && s->target[i] > ODDS_SMALL * s->edge[i];
}

/* Events come in clusters of geometric size, of mean m, a request beginning one with probability p0 / m. Tilted so that
 * there are k times as many, an event weighs 2 ln x with x = 2 sqrt(k) / (b + sqrt(b^2 + 4 k (1 - b))), b = 1/m, and a
 * request costs ln(1 + p0 sqrt(k) (x - 1/x)). For m = 1 that is ln k and ln(1 + p0 (k - 1)), the binomial's. */
static struct scores scores_of(const struct series_ratio *r, struct detect_prior prior, float requests) {
  struct scores s;
  double b = 2.0 / (plain_of(series_ratio_phi(r)) + 1.0); /* phi = 2 m - 1 */
  edges_of(&s, r, prior, requests);
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    s.gain[i] = s.cost[i] = 0.0;
    if (!in_use(&s, i)) continue;
    double k = s.target[i] / s.edge[i], p0 = s.edge[i] / (1.0 + s.edge[i]);
    double root = math_sqrt(k), x = 2.0 * root / (b + math_sqrt(b * b + 4.0 * k * (1.0 - b)));
    s.gain[i] = 2.0 * math_log_fast(x);
    s.cost[i] = math_log_fast(1.0 + p0 * root * (x - 1.0 / x));
  }
  return s;
}

double detect_ratio_edge(const struct series_ratio *r, struct detect_prior prior, float requests,
                         unsigned alternative) {
  struct scores s;
  MUST(alternative < SERIES_RATIO_ALTS);
  edges_of(&s, r, prior, requests);
  return s.edge[alternative] / (1.0 + s.edge[alternative]);
}

void detect_ratio_idle(struct series_ratio *r, struct detect_prior prior, float requests, uint32_t seconds) {
  struct scores s = scores_of(r, prior, requests);
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

static struct detect_verdict calm_step(struct series_ratio *r, const struct scores *s, uint32_t n, uint32_t e,
                                       double log_c, uint32_t seq, uint32_t dt) {
  double l[SERIES_RATIO_ALTS];
  uint8_t best = SERIES_CALM;
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++)
    l[i] = s->gain[i] > 0.0 ? (double)e * s->gain[i] - (double)n * s->cost[i] : (double)DETECT_FLOOR;
  struct detect_verdict v = detect_alarm_step(r->g, l, SERIES_RATIO_ALTS, &r->alarm, &best, log_c, seq, dt);
  if (v.event == DETECT_RAISED) {
    r->best = best & SERIES_RATIO_CALM;
    double p1 = s->target[best] / (1.0 + s->target[best]), since = (double)n > 4.0 ? (double)n : 4.0;
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
  double against = -((double)e * gain + (double)(n - e) * cost) / series_ratio_phi(r);
  uint8_t best = (uint8_t)r->best;
  struct detect_verdict v = detect_alarm_recover(r->g, SERIES_RATIO_ALTS, &r->alarm, &best, against, seq);
  if (v.event == DETECT_OVER) {
    r->best = SERIES_RATIO_CALM;
    return v;
  }
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
  struct scores s = scores_of(r, prior, requests);
  if (e > n) e = n;
  if (r->best != SERIES_RATIO_CALM) return alarm_step(r, s.edge[r->best] / (1.0 + s.edge[r->best]), n, e, seq);
  return calm_step(r, &s, n, e, armed ? log_c : 1e30, seq, dt);
}

void detect_ratio_since(const struct series_ratio *r, double *n, double *e) {
  *n = r->best == SERIES_RATIO_CALM ? 0.0 : (double)r->g[SINCE_N];
  *e = r->best == SERIES_RATIO_CALM ? 0.0 : (double)r->g[SINCE_E];
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
  double n = per_s * span_s;
  struct scores s = scores_of(r, prior, requests);
  double mean = ((double)r->a + 0.5) / ((double)requests + 1.0), want = log_c + LOG_SMALL;
  double lo = detect_ratio_upper(r, prior, requests), hi = 1.0;
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
  return r->best != SERIES_RATIO_CALM || (double)top_of(r) > DETECT_FREEZE;
}

static bool calm(const struct series_ratio *r) {
  return r->best == SERIES_RATIO_CALM && top_of(r) < DETECT_CALM_LEVEL;
}

/* The most events at once of which all are learned. */
static float room_of(const struct series_ratio *r, float mean) {
  float phi = (float)series_ratio_phi(r);
  return mean + 3.0f * (float)math_sqrt((double)(mean * phi)) + CLUSTER * phi;
}

/* Is the evidence above what it stands at while all is well? Where a second's requests cost little, that is
 * R = 1 / (1 - exp(-cost)), some nats for hours. */
static bool rises(const struct series_ratio *r, struct detect_prior prior, float requests, double per_s) {
  struct scores s = scores_of(r, prior, requests);
  for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) {
    double cost = s.cost[i] * per_s, left = math_exp_fast(cost > COST_MIN ? -cost : -COST_MIN);
    if (s.gain[i] > 0.0 && (double)r->g[i] > IDLE_RISE - math_log_fast(1.0 - left)) return true;
  }
  return false;
}

void detect_ratio_learn(struct series_ratio *r, struct detect_prior prior, float requests, double per_s, uint32_t n,
                        uint32_t e, float keep, bool freeze) {
  float p = requests > 0.0f ? r->a / requests : 0.0f, mean = p * (float)n, room = room_of(r, mean);
  float x = freeze ? mean : (float)e < room ? (float)e : room; /* frozen: keeps the ratio as it is */
  r->a = r->a * keep + x;
  bool news = r->best == SERIES_RATIO_CALM && (e || r->fresh);
  if (!news || !rises(r, prior, requests, per_s))
    r->fresh = 0;
  else if (!freeze)
    r->fresh = (r->fresh + e < FRESH_MOST ? r->fresh + e : FRESH_MOST) & FRESH_MOST;
  if (e == 0 || (freeze && !detect_ratio_suspects(r))) return; /* nobody is to learn now */
  uint32_t win = (uint32_t)r->win_e + e;
  r->win_e = (win < VOID ? win : VOID) & VOID;
  r->late |= freeze & 1u;
}

static void window_open(struct series_ratio *r) {
  r->win_e = 0;
  r->late = r->held = 0;
  r->calm = calm(r);
}

/* A window as the learning sees it. */
struct window {
  double mean;    /* events that were to be expected */
  double d;       /* those that there were, beyond that */
  double healthy; /* 1 - p: d / healthy / mean is the relative deviation of the odds */
  double windows; /* before this one */
};

/* phi - 1 is kept as a quotient: of the sums of d^2 / (1 - p) - e over windows and of their events, which is A, both
 * with the same horizon. It asks for two events together before it says anything. Where there are many, d is held
 * against the ratio of late: what lasts is the wander's. That is not known better than the events it looks back at. */
static double phi_next(const struct series_ratio *r, const struct window *w) {
  double weight = 1.0 / ((w->windows < WINDOWS ? w->windows : WINDOWS) + 1.0);
  double e = (double)r->win_e, a = (double)r->a, before = (a > e ? a - e : 0.0) + PHI_PRIOR * (1.0 - weight);
  double phi = series_ratio_phi(r), m = w->mean, d = w->d - near_of(r) * m * w->healthy;
  double own = d * d / w->healthy / (1.0 + m / (2.0 * NEAR_EVENTS + m));
  double next = 1.0 + ((phi - 1.0) * before + own - e) / (a + PHI_PRIOR), most = (PHI_GROW + PHI_YOUNG * weight) * phi;
  return next < 1.0 ? 1.0 : next < most ? next : most;
}

/* The slow variance z is a quotient, too: of the sums over windows of x b and of the events to be expected; x is how
 * far the window is off, b how far those before it were. What windows have in common is not in one alone: clusters and
 * chance have no say in it, and a fault that is over within a window has none. One that goes on has: so no window
 * counts before which the ratio was high and there was evidence. That depends on the past alone, as b does, and leaves
 * the mean of x b as it is. */
static double wander_next(const struct series_ratio *r, const struct window *w) {
  double z = detect_ratio_wander(r), plus = z > 0.0 ? z : 0.0, phi = series_ratio_phi(r), b = near_of(r), m = w->mean;
  double sd_x = math_sqrt(phi * m / w->healthy + plus * m * m),
         sd_b = math_sqrt(phi / ((2.0 * NEAR_EVENTS + m) * w->healthy) + plus);
  double hours = w->windows / WINDOWS, most = WANDER_CLIP * sd_x * sd_b, xb = w->d / w->healthy * b;
  if (b > 0.0 && !r->calm) return z;
  hours = hours < 1.0 ? 1.0 : hours < WANDER_HOURS ? hours : WANDER_HOURS;
  xb = xb > most ? most : xb < -most ? -most : xb;
  return z + (xb - z * m) / ((double)r->a * hours + WANDER_EVENTS);
}

static void window_learn(struct series_ratio *r, float requests, double win_n, double windows) {
  double p = detect_ratio_mean(r, requests), healthy = 1.0 - p > HEALTHY_MIN ? 1.0 - p : HEALTHY_MIN;
  struct window w = {p * win_n, (double)r->win_e - p * win_n, healthy, windows};
  if (r->held && w.d > 0.0) { /* its events were late */
    double room = (double)room_of(r, (float)w.mean);
    r->a += (float)(w.d < room ? w.d : room);
  }
  uint32_t turn;
  memcpy(&turn, &r->a, sizeof turn);
  double phi = phi_next(r, &w), z = wander_next(r, &w), b = near_of(r);
  phi_set(r, phi, turn);
  wander_set(r, z, turn + 1);
  near_set(r, b + (w.d / healthy - b * w.mean) / (NEAR_EVENTS + w.mean), turn + 2);
}

/* What was seen under suspicion counts once a window has passed without an event under suspicion and no alarm stands:
 * what goes on is a trouble, and no cluster. */
void detect_ratio_window(struct series_ratio *r, float requests, float win_n, float windows) {
  bool troubled = r->late || r->best != SERIES_RATIO_CALM;
  if (troubled) {
    if (r->held) r->win_e = VOID; /* for more than a window */
    r->held = 1;
    r->late = 0;
    return;
  }
  if (r->win_e != VOID) window_learn(r, requests, r->held ? 2.0 * (double)win_n : (double)win_n, (double)windows);
  window_open(r);
}
