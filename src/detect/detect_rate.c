#include "detect_rate.h"

#include "base_math.h"
#include "detect_fewer.h"
#include "detect_pace.h"
#include "detect_zone.h"

#define SECOND LIMIT_TICKS_PER_S
#define TEN (10u * SECOND)
#define MINUTE (60u * SECOND)
#define TAU 2400.0f      /* ticks: 600 s */
#define NEAR_TICKS 240.0 /* 60 s: horizon of the near rate, or as long as it takes to see so many requests: */
#define NEAR_REQUESTS 600.0
#define ARMED_AGE (60u * SECOND)
#define NEVER_FREEZE_AGE (120u * SECOND)
#define ZETA2_PRIOR 0.01f
#define ZETA_DOUBT 0.12   /* share of a minute's noise that thirty minutes leave in zeta^2: half an sd */
#define CLIP2 4.0         /* one minute's say in zeta^2, in variances: a trouble not yet known must not widen it much */
#define CLIP2_MEAN 0.9205 /* mean of a squared normal that is clipped there */
#define RELEARN_FROZEN_S 600u /* learning stood still without an alarm */
#define FROZEN_MAX_S 1023u
#define HELD_STEPS 15.0 /* of a variance: how fine a minute's deviation is held */
#define LN2 0.6931471805599453

struct alternative {
  double k, log_k;
};

/* Fine ones first, then coarse. Down, RUN has no k: it is the evidence of the run of seconds under way
 * (detect_fewer.h). */
enum { RUN = SERIES_RATE_FINE };
static const struct alternative alt_down[SERIES_RATE_ALTS] = {
    {0.05, -2.9957322735539909}, {0.5, -LN2}, {0.0, 0.0}, {0.75, -0.2876820724517809}};
static const struct alternative alt_up[SERIES_RATE_ALTS] = {
    {2.0, LN2}, {4.0, 2.0 * LN2}, {1.4, 0.3364722366212129}, {2.5, 0.9162907318741551}};

/* While an alarm stands, g[0] and g[1] of that side hold the requests and ticks since it was raised. */
enum { SINCE_X = 0, SINCE_T = 1 };

/* One time scale of what a step is judged by. */
struct scale {
  double lam, phi; /* believed requests a tick, their overdispersion */
  double sd;       /* relative wander of the rate itself */
};

struct judged {
  struct scale fine, coarse;
  double known;               /* relative variance of the rate of the last ten minutes, as it is known */
  double x, dt;               /* requests and ticks of the step */
  double coarse_x, coarse_dt; /* of what the coarse alternatives have not seen yet; ticks 0: not now */
};

void detect_rate_init(struct series_rate *r, uint32_t seq) {
  *r = (struct series_rate){.a = 0.05f,
                            .b = 0.04f,
                            .near = 1.25f,
                            .phi = 1.0f,
                            .phi_ten = 1.0f,
                            .zeta2 = ZETA2_PRIOR,
                            .held = SERIES_RATE_UNHELD};
  detect_alarm_clear(r->g_down, SERIES_RATE_ALTS, &r->down, &r->down_best, seq);
  detect_alarm_clear(r->g_up, SERIES_RATE_ALTS, &r->up, &r->up_best, seq);
}

static double lambda(const struct series_rate *r) {
  return (double)r->a / (double)r->b;
}

double detect_rate_per_s(const struct series_rate *r) {
  return lambda(r) * (double)SECOND;
}

/* The edge of the null towards the alternative, as a factor of the believed rate; 0 where the alternative is this
 * series' normal life. */
static double edge_of(const struct alternative *a, const struct scale *s) {
  bool down = a->k < 1.0;
  double off = detect_zone(down ? 1.0 - a->k : 1.0 - 1.0 / a->k, s->sd);
  if (off > 0.99) return 0.0;
  double edge = down ? 1.0 - off : 1.0 + off + 0.5 * off * off; /* rates wander by factors: exp(off) */
  return (down ? a->k < 0.95 * edge : a->k > 1.05 * edge) ? edge : 0.0;
}

/* exp(l) has mean 1 at the edge. Where counts scatter more than Poisson's, the null downwards is of requests that come
 * in groups of phi: l / phi. Upwards groups of any size come, and the null is negative binomial with variance phi over
 * mean: l is the likelihood ratio of two of them. */
static double alternative_score(const struct alternative *a, const struct scale *s, double x, double dt) {
  double edge = edge_of(a, s), mean = s->lam * dt;
  if (edge <= 0.0) return (double)DETECT_FLOOR;
  double tilt = a->log_k - math_log_fast(edge), more = s->phi - 1.0;
  if (a->k < 1.0 || more < 1e-3) return (x * tilt - (a->k - edge) * mean) / s->phi;
  double grown = math_log_fast((edge + more * a->k) / (edge * s->phi));
  return x * (tilt - grown) - grown / more * edge * mean;
}

/* One more second of the run, which begins anew where nothing speaks for too few: the largest over all beginnings of an
 * e-value is below the sum that an e-detector is allowed. */
static void run_step(struct series_rate *r, const struct judged *j) {
  if (j->coarse_dt <= 0.0) return;
  double x = (double)r->run_x + j->coarse_x / j->coarse.phi, m = (double)r->run_m;
  m += j->coarse.lam * j->coarse_dt / j->coarse.phi;
  double e = detect_fewer(x, m, j->known);
  bool more = e > 0.0;
  r->run_x = more ? (float)x : 0.0f;
  r->run_m = more ? (float)m : 0.0f;
  r->g_down[RUN] = more ? (float)e : 0.0f;
}

static void run_clear(struct series_rate *r) {
  r->run_x = r->run_m = 0.0f;
  if (r->down_best == SERIES_CALM) r->g_down[RUN] = DETECT_FLOOR;
}

static struct detect_verdict side_calm(float *g, struct series_alarm *a, uint8_t *best, const struct alternative *alt,
                                       const struct judged *j, double log_c, uint32_t seq) {
  double l[SERIES_RATE_ALTS];
  for (unsigned i = 0; i < SERIES_RATE_FINE; i++) l[i] = alternative_score(&alt[i], &j->fine, j->x, j->dt);
  for (unsigned i = SERIES_RATE_FINE; i < SERIES_RATE_ALTS; i++)
    l[i] = j->coarse_dt > 0.0 && alt[i].k > 0.0 ? alternative_score(&alt[i], &j->coarse, j->coarse_x, j->coarse_dt)
                                                : DETECT_HOLD;
  struct detect_verdict v = detect_alarm_step(g, l, SERIES_RATE_ALTS, a, best, log_c, seq, (uint32_t)j->dt);
  if (v.event == DETECT_RAISED) {
    g[SINCE_X] = (float)(alt[*best].k * j->coarse.lam * (double)SECOND);
    g[SINCE_T] = (float)SECOND;
  }
  return v;
}

/* Healthy against halfway between it and what the alarm has seen. The zone is left out on the healthy side: coming
 * back to the learned rate is the end. */
static struct detect_verdict side_alarm(float *g, struct series_alarm *a, uint8_t *best, bool down,
                                        const struct judged *j, uint32_t seq) {
  double seen = (double)g[SINCE_X] / (double)g[SINCE_T], lam = j->coarse.lam;
  double mid = 0.5 * (seen + lam), limit = down ? 0.9 * lam : 1.1 * lam;
  if (down ? mid > limit : mid < limit) mid = limit;
  if (mid < 1e-9) mid = 1e-9;
  double against = -(j->x * math_log_fast(mid / lam) - (mid - lam) * j->dt) / j->coarse.phi;
  struct detect_verdict v = detect_alarm_recover(g, SERIES_RATE_ALTS, a, best, against, seq);
  if (v.event == DETECT_OVER || a->level > 0.0f) return v;
  g[SINCE_X] += (float)j->x;
  g[SINCE_T] += (float)j->dt;
  return v;
}

/* One window's say in an overdispersion: clipped squared deviation over the mean, averaged over an hour. */
static float phi_update(float phi, double x, double mean, double seen, double horizon) {
  double d = x - mean, clip = 3.0 * math_sqrt((double)phi * mean) + 1.0;
  if (d > clip) d = clip;
  if (d < -clip) d = -clip;
  double next = (double)phi + (d * d / mean - (double)phi) / ((seen < horizon ? seen : horizon) + 1.0);
  return next > 1.0 ? (float)next : 1.0f;
}

/* Ticks that the near rate looks back: a minute or more, and not less than dispersion needs. */
static double near_horizon(const struct series_rate *r, uint32_t pace) {
  double lam = lambda(r), t = lam * (double)TAU > NEAR_REQUESTS ? NEAR_REQUESTS / lam : (double)TAU;
  if (t < NEAR_TICKS) t = NEAR_TICKS;
  if (pace && t < (double)detect_pace_window(pace)) t = (double)detect_pace_window(pace);
  return t < (double)r->b ? t : (double)r->b;
}

/* Ticks of a window that holds about one request or more. */
static uint32_t window_ticks(const struct series_rate *r) {
  double per_s = lambda(r) * (double)SECOND;
  return per_s >= 2.0 ? SECOND : per_s >= 0.2 ? TEN : MINUTE;
}

/* phi from whole windows, against the near rate: slow wander is zeta's. */
static void phi_learn(struct series_rate *r, uint32_t age, bool freeze, uint32_t pace) {
  if (r->win_t < window_ticks(r)) return;
  double mean = (double)r->near * (double)r->win_t;
  if (pace) /* its seconds are even, whatever the traffic does */
    r->phi = r->phi_ten;
  else if (!freeze && age >= 20u * SECOND && mean > 0.0)
    r->phi =
        phi_update(r->phi, (double)r->win_x, mean, (double)age / (double)r->win_t, 3600.0 * SECOND / (double)r->win_t);
  r->win_x = 0.0f;
  r->win_t = 0;
}

/* The near rate has taken in part of the window that is held against it: the deviation is scaled back up. */
static void ten_learn(struct series_rate *r, uint32_t age, bool freeze, uint32_t pace) {
  double window = (double)detect_pace_window(pace), mean = (double)r->near * window;
  if (!freeze && age >= MINUTE && mean > 0.0) {
    double back = 1.0 + 0.5 * window / near_horizon(r, pace), x = mean + ((double)r->ten_x - mean) * back;
    r->phi_ten = phi_update(r->phi_ten, x, mean, (double)(age - MINUTE) / window, 3600.0 * SECOND / window);
  }
  if (!pace && r->phi_ten < r->phi) r->phi_ten = r->phi;
}

/* The squared deviation of the last minute but one, in variances of it, goes into zeta^2. */
static void zeta_take(struct series_rate *r, double ratio, double noise, uint32_t age) {
  double minutes = (double)age / (double)MINUTE - 2.0, w = 1.5 / ((minutes < 45.0 ? minutes : 45.0) + 1.5);
  double z = (double)r->zeta2 + (ratio / CLIP2_MEAN - 1.0) * ((double)r->zeta2 + noise) * w;
  r->zeta2 = z > 0.0 ? (float)z : 0.0f;
}

/* The tracker's own error counts as wander too: it is part of what the rate seems to do. A minute is learned from when
 * the next has passed and nothing was suspected: the first minute of a trouble is not yet known as one. */
static void zeta_learn(struct series_rate *r, uint32_t x, const struct detect_rate_when *when, bool freeze) {
  if (freeze) r->held = SERIES_RATE_UNHELD;
  r->min_x += (float)x;
  r->min_t = (uint16_t)(r->min_t + when->dt);
  if (r->min_t < MINUTE) return;
  double mean = lambda(r) * (double)r->min_t;
  if (!freeze && mean > 0.0 && when->age > 2u * MINUTE) {
    double back = 1.0 + 0.5 * (double)r->min_t / (double)r->b, rel = ((double)r->min_x - mean) / mean * back;
    double even = detect_pace_seen((double)r->min_t, when->pace), noise = even * (double)r->phi_ten / mean;
    if (r->held != SERIES_RATE_UNHELD) zeta_take(r, (double)r->held / HELD_STEPS, noise, when->age);
    double ratio = rel * rel / ((double)r->zeta2 + noise);
    r->held = (uint16_t)((ratio < CLIP2 ? ratio : CLIP2) * HELD_STEPS + 0.5) & 63u;
  }
  r->min_x = 0.0f;
  r->min_t = 0;
}

static void rate_learn(struct series_rate *r, uint32_t x, const struct detect_rate_when *when) {
  uint32_t dt = when->dt, age = when->age;
  double mean = lambda(r) * (double)dt, clip = 3.0 * math_sqrt(mean * (double)r->phi) + 1.0, take = (double)x;
  if (age >= NEVER_FREEZE_AGE) {
    if (take > mean + clip) take = mean + clip;
    if (take < mean - clip) take = mean - clip;
  }
  float horizon = (float)age + 2.0f < TAU ? (float)age + 2.0f : TAU, keep = 1.0f - (float)dt / horizon;
  if (keep < 0.0f) keep = 0.0f;
  r->a = r->a * keep + (float)take;
  r->b = r->b * keep + (float)dt;
  double part = (double)dt / near_horizon(r, when->pace);
  r->near += (float)((take / (double)dt - (double)r->near) * (part < 1.0 ? part : 1.0));
}

void detect_rate_adopt(struct series_rate *r, uint32_t seq) {
  const float *g = r->down_best != SERIES_CALM ? r->g_down : r->g_up;
  if (r->down_best != SERIES_CALM || r->up_best != SERIES_CALM) {
    float rate = g[SINCE_X] / g[SINCE_T];
    r->b = 60.0f;
    r->a = rate > 0.0f ? rate * r->b : 0.01f;
  } else {
    r->a *= 0.1f;
    r->b *= 0.1f;
  }
  r->near = (float)lambda(r);
  detect_alarm_clear(r->g_down, SERIES_RATE_ALTS, &r->down, &r->down_best, seq);
  detect_alarm_clear(r->g_up, SERIES_RATE_ALTS, &r->up, &r->up_best, seq);
  run_clear(r);
  r->frozen_s = 0;
}

/* Fine: seconds against the last minute. That moves by what ten seconds vary beyond their seconds, and by the part of
 * the wander that its horizon leaves; and it is not known better than its requests allow. Coarse: against the last ten
 * minutes, and by all of the wander. */
static struct judged judged_of(const struct series_rate *r, uint32_t x, uint32_t dt, uint32_t pace) {
  double young = 1.0 + (double)SECOND / ((double)r->b + 1.0), lam = lambda(r); /* lambda's own uncertainty */
  double near = (double)r->near > 1e-9 ? (double)r->near : 1e-9, back = near_horizon(r, pace);
  double phi = (double)r->phi;
  double phi_ten = (double)(r->phi_ten > r->phi ? r->phi_ten : r->phi);
  double wander = (double)r->zeta2 + ZETA_DOUBT * phi_ten / (near * (double)MINUTE);
  double bursts = (phi_ten - phi) / (near * (double)TEN) + phi / (2.0 * near * back);
  struct judged j = {.x = (double)x, .dt = (double)dt};
  if (window_ticks(r) > SECOND) { /* slow series have few steps: at each of them */
    j.coarse_x = j.x;
    j.coarse_dt = j.dt;
  } else if (r->win_t >= SECOND) {
    j.coarse_x = (double)r->win_x;
    j.coarse_dt = (double)r->win_t;
  }
  j.fine = (struct scale){near, phi * young, math_sqrt(bursts + wander * back / (double)TAU)};
  j.coarse = (struct scale){lam, phi_ten * young, math_sqrt(wander)};
  j.known = wander + phi_ten / (double)r->a;
  return j;
}

/* Held against the rate that the clock is about to bring. */
static struct judged judged_season(struct judged j, int eighths) {
  double factor = math_exp((double)eighths * LN2 / 8.0);
  j.fine.lam *= factor;
  j.coarse.lam *= factor;
  return j;
}

static struct detect_verdict side_step(struct series_rate *r, const struct judged *j, bool down, double log_c,
                                       uint32_t seq) {
  float *g = down ? r->g_down : r->g_up;
  struct series_alarm *a = down ? &r->down : &r->up;
  uint8_t *best = down ? &r->down_best : &r->up_best;
  if (*best != SERIES_CALM) return side_alarm(g, a, best, down, j, seq);
  if (down) run_step(r, j);
  struct detect_verdict v = side_calm(g, a, best, down ? alt_down : alt_up, j, log_c, seq);
  if (!down || v.event != DETECT_RAISED) return v;
  if (*best == RUN) g[SINCE_X] = (float)((double)(r->run_x / r->run_m) * j->coarse.lam * (double)SECOND);
  run_clear(r);
  return v;
}

void detect_rate_skip(struct series_rate *r) {
  r->held = SERIES_RATE_UNHELD;
  r->ten_x = -1.0f; /* void until the next ten seconds begin */
  r->win_x = r->min_x = 0.0f;
  r->win_t = r->min_t = 0;
  r->near = (float)lambda(r);
  run_clear(r);
}

static struct detect_rate_verdict rate_judge(struct series_rate *r, uint32_t x, double log_c,
                                             const struct detect_rate_when *when) {
  struct judged j = judged_of(r, x, when->dt, when->pace);
  if (when->age < ARMED_AGE) log_c = 1e30;
  struct judged down = when->season < 0 ? judged_season(j, when->season) : j;
  struct judged up = when->season > 0 ? judged_season(j, when->season) : j;
  struct detect_rate_verdict v = {.down = side_step(r, &down, true, log_c, when->seq)};
  v.up = side_step(r, &up, false, log_c, when->seq);
  return v;
}

static void frozen_count(struct series_rate *r, const struct detect_rate_when *when) {
  bool second_began = when->seq / SECOND != (when->seq - when->dt) / SECOND;
  if (second_began && r->frozen_s < FROZEN_MAX_S) r->frozen_s = (r->frozen_s + 1u) & FROZEN_MAX_S;
}

struct detect_rate_verdict detect_rate_step(struct series_rate *r, uint32_t x, double log_c,
                                            const struct detect_rate_when *when) {
  struct detect_rate_verdict v = {0};
  bool ten_ends = (when->seq + 1) % detect_pace_window(when->pace) == 0, ten_whole = r->ten_x >= 0.0f,
       was_alarm = r->down_best != SERIES_CALM || r->up_best != SERIES_CALM;
  if (ten_whole) r->ten_x += (float)x;
  r->win_x += (float)x;
  r->win_t = (uint16_t)(r->win_t + when->dt);
  if (when->armed && !detect_pace_is_young(when->pace, when->age)) v = rate_judge(r, x, log_c, when);
  bool suspect = (v.down.freeze || v.up.freeze) && when->age >= NEVER_FREEZE_AGE, freeze = suspect || when->still;
  phi_learn(r, when->age, freeze, when->pace);
  if (ten_ends) {
    if (ten_whole) ten_learn(r, when->age, freeze, when->pace);
    r->ten_x = 0.0f;
  }
  zeta_learn(r, x, when, freeze);
  if (!freeze) rate_learn(r, x, when);
  if (suspect)
    frozen_count(r, when);
  else
    r->frozen_s = 0;
  if (r->frozen_s >= RELEARN_FROZEN_S && !was_alarm)
    detect_rate_adopt(r, when->seq); /* suspected for long, and never shown */
  return v;
}

/* The ratio of the rate whose expected evidence for the alternative is enough; linear in it. 0 where the alternative
 * is out of use. */
static double smallest_of(const struct alternative *a, const struct scale *s, double nats, double dt) {
  double edge = a->k > 0.0 ? edge_of(a, s) : 0.0, more = s->phi - 1.0;
  if (edge <= 0.0) return 0.0;
  double tilt = a->log_k - math_log_fast(edge), cost = a->k - edge;
  if (a->k < 1.0 || more < 1e-3) {
    nats *= s->phi;
  } else {
    double grown = math_log_fast((edge + more * a->k) / (edge * s->phi));
    tilt -= grown;
    cost = grown / more * edge;
  }
  return (nats / (s->lam * dt) + cost) / tilt;
}

double detect_rate_smallest(const struct series_rate *r, double log_c, double span_s, bool down) {
  struct judged j = judged_of(r, 0, SECOND, 0);
  const struct alternative *alt = down ? alt_down : alt_up;
  double nats = log_c + math_log_fast((double)SERIES_RATE_ALTS), dt = span_s * (double)SECOND, best = 0.0;
  if (dt <= 0.0 || lambda(r) <= 0.0) return 0.0;
  if (down) best = detect_fewer_smallest(nats, j.coarse.lam * dt / j.coarse.phi, j.known);
  for (unsigned i = 0; i < SERIES_RATE_ALTS; i++) {
    double one = smallest_of(&alt[i], i < SERIES_RATE_FINE ? &j.fine : &j.coarse, nats, dt);
    if (one > 0.0 && (best <= 0.0 || (down ? one > best : one < best))) best = one;
  }
  return best;
}
