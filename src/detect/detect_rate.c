#include "detect_rate.h"

#include "base_math.h"

#define SECOND LIMIT_TICKS_PER_S
#define TEN (10u * SECOND)
#define MINUTE (60u * SECOND)
#define TAU 2400.0f /* ticks: 600 s */
#define ARMED_AGE (60u * SECOND)
#define NEVER_FREEZE_AGE (120u * SECOND)
#define ZETA2_PRIOR 0.01f
#define FINE_WIDTH 4.0
#define COARSE_WIDTH 3.0
#define RELEARN_FROZEN_S 600u /* learning stood still without an alarm */
#define RELEARN_ALARM_S 1800u /* an alarm stood for so long: a new level */
#define LN2 0.6931471805599453

struct alternative {
  double k, log_k;
};

/* Fine ones first, then coarse. */
static const struct alternative alt_down[SERIES_RATE_ALTS] = {
    {0.05, -2.9957322735539909}, {0.5, -LN2}, {0.25, -2.0 * LN2}, {0.6, -0.5108256237659907}};
static const struct alternative alt_up[SERIES_RATE_ALTS] = {
    {2.0, LN2}, {4.0, 2.0 * LN2}, {1.5, 0.4054651081081644}, {2.5, 0.9162907318741551}};

/* While an alarm stands, g[0] and g[1] of that side hold the requests and ticks since it was raised. */
enum { SINCE_X = 0, SINCE_T = 1 };

/* What one side of one step is judged by. */
struct judged {
  double lam;
  uint32_t x, dt;
  bool coarse; /* a ten-second sum is complete */
  double ten_x, phi, phi_ten, edge_fine, edge_coarse;
};

void detect_rate_init(struct series_rate *r, uint32_t seq) {
  *r = (struct series_rate){.a = 0.05f, .b = 0.04f, .phi = 1.0f, .phi_ten = 1.0f, .zeta2 = ZETA2_PRIOR};
  detect_alarm_clear(r->g_down, SERIES_RATE_ALTS, &r->down, &r->down_best, seq);
  detect_alarm_clear(r->g_up, SERIES_RATE_ALTS, &r->up, &r->up_best, seq);
}

static double lambda(const struct series_rate *r) {
  return (double)r->a / (double)r->b;
}

double detect_rate_per_s(const struct series_rate *r) {
  return lambda(r) * (double)SECOND;
}

static double alternative_score(const struct alternative *a, double edge, double x, double mean, double phi) {
  bool outside = a->k < 1.0 ? a->k < 0.95 * edge : a->k > 1.05 * edge; /* else it is this series' normal life */
  if (!outside) return (double)DETECT_FLOOR;
  double log_edge = math_log_fast(edge);
  return (x * (a->log_k - log_edge) - (a->k - edge) * mean) / phi;
}

static struct detect_verdict side_calm(float *g, struct series_alarm *a, uint8_t *best, const struct alternative *alt,
                                       const struct judged *j, double log_c, uint32_t seq) {
  double l[SERIES_RATE_ALTS];
  for (unsigned i = 0; i < SERIES_RATE_FINE; i++)
    l[i] = alternative_score(&alt[i], j->edge_fine, (double)j->x, j->lam * (double)j->dt, j->phi);
  for (unsigned i = SERIES_RATE_FINE; i < SERIES_RATE_ALTS; i++)
    l[i] = j->coarse ? alternative_score(&alt[i], j->edge_coarse, j->ten_x, j->lam * (double)TEN, j->phi_ten)
                     : DETECT_HOLD;
  struct detect_verdict v = detect_alarm_step(g, l, SERIES_RATE_ALTS, a, best, log_c, seq, j->dt);
  if (v.event == DETECT_RAISED) {
    g[SINCE_X] = (float)(alt[*best].k * j->lam * (double)SECOND);
    g[SINCE_T] = (float)SECOND;
  }
  return v;
}

/* Healthy against halfway between it and what the alarm has seen. The zone is left out on the healthy side: coming
 * back to the learned rate is the end. */
static struct detect_verdict side_alarm(float *g, struct series_alarm *a, uint8_t *best, bool down,
                                        const struct judged *j, uint32_t seq) {
  double seen = (double)g[SINCE_X] / (double)g[SINCE_T], mid = 0.5 * (seen + j->lam);
  double limit = down ? 0.9 * j->lam : 1.1 * j->lam;
  if (down ? mid > limit : mid < limit) mid = limit;
  if (mid < 1e-9) mid = 1e-9;
  double against = -((double)j->x * math_log_fast(mid / j->lam) - (mid - j->lam) * (double)j->dt) / j->phi_ten;
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

/* phi from windows that hold about one request or more. */
static void phi_learn(struct series_rate *r, uint32_t x, uint32_t dt, uint32_t age, bool freeze) {
  double lam = lambda(r), per_s = lam * (double)SECOND;
  uint32_t want = per_s >= 2.0 ? SECOND : per_s >= 0.2 ? TEN : MINUTE;
  r->win_x += (float)x;
  r->win_t = (uint16_t)(r->win_t + dt);
  if (r->win_t < want) return;
  double mean = lam * (double)r->win_t;
  if (!freeze && age >= 20u * SECOND && mean > 0.0)
    r->phi =
        phi_update(r->phi, (double)r->win_x, mean, (double)age / (double)r->win_t, 3600.0 * SECOND / (double)r->win_t);
  r->win_x = 0.0f;
  r->win_t = 0;
}

static void ten_learn(struct series_rate *r, uint32_t age, bool freeze) {
  double mean = lambda(r) * (double)TEN;
  if (!freeze && age >= MINUTE && mean > 0.0) {
    r->phi_ten = phi_update(r->phi_ten, (double)r->ten_x, mean, (double)(age - MINUTE) / (double)TEN, 360.0);
  }
  if (r->phi_ten < r->phi) r->phi_ten = r->phi;
}

/* The tracker's own error counts as wander too: it is part of what the rate seems to do. */
static void zeta_learn(struct series_rate *r, uint32_t dt, uint32_t x, uint32_t age, bool freeze) {
  r->min_x += (float)x;
  r->min_t = (uint16_t)(r->min_t + dt);
  if (r->min_t < MINUTE) return;
  double mean = (double)r->min_lam * (double)r->min_t;
  if (!freeze && mean > 0.0 && age > 2u * MINUTE) {
    double rel = ((double)r->min_x - mean) / mean, excess = rel * rel - (double)r->phi_ten / mean;
    if (excess > 1.0) excess = 1.0;
    double minutes = (double)age / (double)MINUTE - 1.0, w = 1.0 / ((minutes < 30.0 ? minutes : 30.0) + 1.0);
    double z = (double)r->zeta2 + (excess - (double)r->zeta2) * w;
    r->zeta2 = z > 0.0 ? (float)z : 0.0f;
  }
  r->min_x = 0.0f;
  r->min_t = 0;
  r->min_lam = (float)lambda(r);
}

static void rate_learn(struct series_rate *r, uint32_t x, uint32_t dt, uint32_t age) {
  double mean = lambda(r) * (double)dt, clip = 3.0 * math_sqrt(mean * (double)r->phi) + 1.0, take = (double)x;
  if (age >= NEVER_FREEZE_AGE) {
    if (take > mean + clip) take = mean + clip;
    if (take < mean - clip) take = mean - clip;
  }
  float horizon = (float)age + 2.0f < TAU ? (float)age + 2.0f : TAU, keep = 1.0f - (float)dt / horizon;
  if (keep < 0.0f) keep = 0.0f;
  r->a = r->a * keep + (float)take;
  r->b = r->b * keep + (float)dt;
}

/* Adopts what was seen since the alarm as the new normal, still uncertain. */
static void level_adopt(struct series_rate *r, uint32_t seq) {
  const float *g = r->down_best != SERIES_CALM ? r->g_down : r->g_up;
  if (r->down_best != SERIES_CALM || r->up_best != SERIES_CALM) {
    float rate = g[SINCE_X] / g[SINCE_T];
    r->b = 60.0f;
    r->a = rate > 0.0f ? rate * r->b : 0.01f;
  } else {
    r->a *= 0.1f;
    r->b *= 0.1f;
  }
  detect_alarm_clear(r->g_down, SERIES_RATE_ALTS, &r->down, &r->down_best, seq);
  detect_alarm_clear(r->g_up, SERIES_RATE_ALTS, &r->up, &r->up_best, seq);
  r->frozen_s = 0;
}

static struct judged judged_of(const struct series_rate *r, uint32_t x, uint32_t dt, bool coarse) {
  double lam = lambda(r), young = 1.0 + (double)SECOND / ((double)r->b + 1.0); /* lambda's own uncertainty */
  double mean_ten = lam * (double)TEN, bursts = 0.0;
  if (mean_ten > 0.0 && r->phi_ten > r->phi) bursts = (double)(r->phi_ten - r->phi) / mean_ten;
  struct judged j = {.lam = lam, .x = x, .dt = dt, .coarse = coarse, .ten_x = (double)r->ten_x};
  j.phi = (double)r->phi * young;
  j.phi_ten = (double)(r->phi_ten > r->phi ? r->phi_ten : r->phi) * young;
  j.edge_fine = FINE_WIDTH * math_sqrt((double)r->zeta2 + bursts);
  j.edge_coarse = COARSE_WIDTH * math_sqrt((double)r->zeta2);
  return j;
}

static struct detect_verdict side_step(struct series_rate *r, struct judged j, bool down, double log_c, uint32_t seq) {
  float *g = down ? r->g_down : r->g_up;
  struct series_alarm *a = down ? &r->down : &r->up;
  uint8_t *best = down ? &r->down_best : &r->up_best;
  double sign = down ? -1.0 : 1.0;
  if (*best != SERIES_CALM) return side_alarm(g, a, best, down, &j, seq);
  j.edge_fine = 1.0 + sign * j.edge_fine;
  j.edge_coarse = 1.0 + sign * j.edge_coarse;
  if (j.edge_fine < 0.01) j.edge_fine = 0.01; /* every alternative is then inside the zone */
  if (j.edge_coarse < 0.01) j.edge_coarse = 0.01;
  return side_calm(g, a, best, down ? alt_down : alt_up, &j, log_c, seq);
}

void detect_rate_skip(struct series_rate *r) {
  r->ten_x = -1.0f; /* void until the next ten seconds begin */
  r->win_x = r->min_x = 0.0f;
  r->win_t = r->min_t = 0;
}

struct detect_rate_verdict detect_rate_step(struct series_rate *r, uint32_t x, uint32_t dt, uint32_t age, double log_c,
                                            bool armed, uint32_t seq) {
  struct detect_rate_verdict v = {0};
  bool ten_ends = (seq + 1) % TEN == 0, ten_whole = r->ten_x >= 0.0f,
       was_alarm = r->down_best != SERIES_CALM || r->up_best != SERIES_CALM;
  if (ten_whole) r->ten_x += (float)x;
  if (armed) {
    struct judged j = judged_of(r, x, dt, ten_ends && ten_whole && age >= ARMED_AGE + TEN);
    if (age < ARMED_AGE) log_c = 1e30;
    v.down = side_step(r, j, true, log_c, seq);
    v.up = side_step(r, j, false, log_c, seq);
  }
  bool freeze = (v.down.freeze || v.up.freeze) && age >= NEVER_FREEZE_AGE;
  phi_learn(r, x, dt, age, freeze);
  if (ten_ends) {
    if (ten_whole) ten_learn(r, age, freeze);
    r->ten_x = 0.0f;
  }
  zeta_learn(r, dt, x, age, freeze);
  if (!freeze) rate_learn(r, x, dt, age);
  if (!freeze) {
    r->frozen_s = 0;
  } else if (seq / SECOND != (seq - dt) / SECOND && r->frozen_s < 65535u) {
    r->frozen_s++;
  }
  if (r->frozen_s >= (was_alarm ? RELEARN_ALARM_S : RELEARN_FROZEN_S)) {
    v.relearned = was_alarm;
    if (r->down_best != SERIES_CALM) v.down = (struct detect_verdict){DETECT_OVER, true, 0.0, seq + 1};
    if (r->up_best != SERIES_CALM) v.up = (struct detect_verdict){DETECT_OVER, true, 0.0, seq + 1};
    level_adopt(r, seq);
  }
  return v;
}
