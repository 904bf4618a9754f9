#include "detect_apart.h"

#include "base_math.h"

#define LN2 0.6931471805599453
#define LN4 (2.0 * LN2)
#define TEN_S 10u
#define MINUTE_S 60u
#define SETTLING_S 20u      /* seconds compared: what is learned still moves */
#define FIRST_KNOWN 250u    /* seconds compared: noise is learned in larger steps until then */
#define STUCK_MINUTES 10u   /* evidence that neither grows into an alarm nor goes freezes no longer */
#define NEWCOMER_FREEZE 4.0 /* nats: it has little of its own to learn, and that little might be the fault */
#define SILENT (60u * LIMIT_TICKS_PER_S)
#define KEEP (1.0 - 1.0 / 1800.0) /* a second: a horizon of 30 minutes */
#define FAILURES_KEPT 500.0       /* so many are remembered, however long ago */
#define CLUSTER 8.0               /* failures at once that are learned whole, in phi */
#define PHI_CLIP 60.0             /* one window's say */
#define PHI_FAILURES 20.0         /* weight of where phi starts */
#define PHI_MAX 60.0
#define PRIOR_FIRST 0.05         /* of the prior holds until a member is judged */
#define LEARN_MOST (1.0 / 300.0) /* a second's weight against all that is known */
#define ZETA2_MIN 0.0009         /* 0.03 buckets: half a percent */
#define ZETA2_FIRST_MAX 1.0
#define Z_CLIP 5.0
#define MU_PER_ROOT 0.4 /* tilts of one request's score stay mild: few requests' mean is no Gaussian */
#define AGAINST_CLIP 3.0
#define PRIOR_MEMBERS 4.0 /* so many members' worth is the prior of the spread among siblings */
#define OFF_DEV_MAX 25.0  /* one member's say in it, in prior variances */

/* While an alarm stands, g[0] and g[1] hold what was seen since it was raised: requests and failures, or differences
 * weighted by their information and that. */
enum { SINCE_N = 0, SINCE_E = 1, SINCE_D = 0, SINCE_V = 1 };

static const double odds_alt[SERIES_APART_ALTS] = {3.0, 20.0};
static const double odds_log[SERIES_APART_ALTS] = {1.0986122886681098, 2.995732273553991};
static const double shift_alt[SERIES_APART_ALTS] = {0.5, 3.0};

/* How siblings differ for good, where nothing is known of them: clusters see other clients and other networks. */
struct prior {
  double odds_info; /* 1 / variance: as many failures' worth */
  double off_var, zeta2;
};
static const struct prior prior_alike = {200.0, 0.0169, 0.0025}, prior_cluster = {16.0, 0.36, 0.016};

static const struct prior *prior_of(enum rec_level level) {
  return level == REC_LEVEL_SERVICE_CLUSTER ? &prior_cluster : &prior_alike;
}

void detect_apart_init(struct series_apart *a, uint32_t seq) {
  *a = (struct series_apart){.errors = {.phi = 1.0f}, .latency = {.phi = 1.0f, .zeta2 = (float)ZETA2_MIN}};
  detect_alarm_clear(a->errors.g, SERIES_APART_ALTS, &a->errors.alarm, &a->errors_best, seq);
  detect_alarm_clear(a->latency.g, SERIES_APART_ALTS, &a->latency.alarm, &a->latency_best, seq);
}

void detect_apart_adopt(struct series_apart *a, uint32_t seq) {
  struct series_apart was = *a;
  detect_apart_init(a, seq);
  a->sec_b = was.sec_b;
  a->sec_n = was.sec_n;
  a->sec = was.sec;
}

void detect_apart_add(struct series_apart *a, const struct rec_hist_cell *cell, uint32_t cell_n, uint32_t seq) {
  uint16_t sec = (uint16_t)(seq / LIMIT_TICKS_PER_S);
  if (a->sec != sec) {
    a->sec = sec;
    a->sec_b = 0.0f;
    a->sec_n = 0;
  }
  for (uint32_t i = 0; i < cell_n; i++) {
    a->sec_b += (float)cell[i].bucket * (float)cell[i].count;
    a->sec_n += cell[i].count;
  }
}

uint32_t detect_apart_timed(const struct series_apart *a, uint32_t sec, double *sum_b) {
  bool has = a->sec == (uint16_t)sec;
  *sum_b = has ? (double)a->sec_b : 0.0;
  return has ? a->sec_n : 0;
}

static double odds_of(const struct series_apart_errors *d, double k) {
  return ((double)d->seen + k) / ((double)d->due + k);
}

double detect_apart_odds(const struct series_apart *a, enum rec_level level) {
  return odds_of(&a->errors, prior_of(level)->odds_info);
}

void detect_apart_moments_add(struct detect_apart_moments *m, const struct series_apart *a, enum rec_level level) {
  if (a->known < DETECT_APART_KNOWN_S) return;
  const struct prior *p = prior_of(level);
  double dev = odds_of(&a->errors, p->odds_info) - 1.0, off2 = (double)a->latency.off * (double)a->latency.off;
  double off_max = OFF_DEV_MAX * p->off_var;
  m->odds_dev += dev < 1.0 ? dev * dev : 1.0;
  m->off_dev += off2 < off_max ? off2 : off_max;
  m->errors_phi += (double)a->errors.phi;
  m->latency_phi += (double)a->latency.phi;
  m->zeta2 += (double)a->latency.zeta2;
  m->count++;
}

struct detect_apart_common detect_apart_moments_common(const struct detect_apart_moments *m, enum rec_level level,
                                                       double sd_b, double phi_first) {
  const struct prior *p = prior_of(level);
  double n = (double)m->count, all = n + PRIOR_MEMBERS;
  double odds_var = (PRIOR_MEMBERS / p->odds_info + m->odds_dev) / all;
  double off_var = (PRIOR_MEMBERS * p->off_var + m->off_dev) / all;
  struct detect_apart_common c = {.sd_b = sd_b, .odds_info = 1.0 / odds_var};
  if (c.odds_info > p->odds_info) c.odds_info = p->odds_info; /* siblings that are alike so far are no promise */
  c.off_info = 1.0 / (off_var > p->off_var ? off_var : p->off_var);
  c.errors_phi = m->count ? m->errors_phi / n : phi_first < 1.0 ? 1.0 : phi_first;
  c.latency_phi = m->count ? m->latency_phi / n : 1.25;
  c.zeta2 = m->count && m->zeta2 / n > p->zeta2 ? m->zeta2 / n : p->zeta2;
  return c;
}

/* ---- errors ---- */

/* Odds of a failure here at the edge of what is normal. What is known of them: the prior's k failures, and as much as
 * the fewer of both sides' own failures say. */
static double odds_edge(const struct series_apart_errors *d, double n, double x, double k) {
  double rest = (double)d->due * x / n, seen = (double)d->seen;
  double known = seen + rest > 0.0 ? seen * rest / (seen + rest) : 0.0;
  double sd3 = 3.0 / math_sqrt(k + known / (double)d->phi);
  return odds_of(d, k) * (1.0 + sd3 + 0.5 * sd3 * sd3);
}

static void errors_scores(double share, double e, double all, double phi, double l[SERIES_APART_ALTS]) {
  for (unsigned i = 0; i < SERIES_APART_ALTS; i++)
    l[i] = (e * odds_log[i] - all * math_log_fast(1.0 + share * (odds_alt[i] - 1.0))) / phi;
}

/* Until a difference has lasted, its evidence is held at half of what an alarm takes: of siblings that all change, one
 * is heard of first, and the difference is gone when the others are. */
static struct detect_verdict calm_step(float *g, const double *l, struct series_alarm *a, uint8_t *best, double log_c,
                                       const struct detect_apart_when *when) {
  bool held = when->hold && when->seq - a->seq <= when->hold;
  struct detect_verdict v =
      detect_alarm_step(g, l, SERIES_APART_ALTS, a, best, held ? 1e30 : log_c, when->seq, LIMIT_TICKS_PER_S);
  if (!held) return v;
  for (unsigned i = 0; i < SERIES_APART_ALTS; i++)
    if ((double)g[i] > 0.5 * log_c) g[i] = (float)(0.5 * log_c);
  if (v.log_e > 0.5 * log_c) v.log_e = 0.5 * log_c;
  return v;
}

static struct detect_verdict errors_calm(struct series_apart *a, const struct detect_apart_second *own,
                                         const struct detect_apart_second *rest, double edge,
                                         const struct detect_apart_when *when) {
  struct series_apart_errors *d = &a->errors;
  double l[SERIES_APART_ALTS] = {DETECT_HOLD, DETECT_HOLD}, all = own->e + rest->e; /* no failure, nothing to say */
  double weight = own->n * edge;
  if (all > 0.0) errors_scores(weight / (weight + rest->x), own->e, all, (double)d->phi, l);
  struct detect_verdict v = calm_step(d->g, l, &d->alarm, &a->errors_best, when->log_c[0] - LN4, when);
  if (v.event != DETECT_RAISED) return v;
  d->g[SINCE_N] = (float)own->n;
  d->g[SINCE_E] = (float)(own->e > 0.0 ? own->e : 1.0);
  d->last_d = (float)rest->e;
  d->last_v = (float)rest->n;
  return v;
}

/* Healthy, which is what the siblings' last minute and the odds make due, against half of what the alarm has seen. */
static struct detect_verdict errors_alarm(struct series_apart *a, const struct detect_apart_second *own,
                                          const struct detect_apart_second *rest, double edge, uint32_t seq) {
  struct series_apart_errors *d = &a->errors;
  d->last_d = d->last_d * (1.0f - 1.0f / (float)MINUTE_S) + (float)rest->e;
  d->last_v = d->last_v * (1.0f - 1.0f / (float)MINUTE_S) + (float)rest->n;
  double p0 = edge * ((double)d->last_d + 0.5) / ((double)d->last_v + 1.0);
  if (p0 > 0.5) p0 = 0.5;
  double p1 = 0.5 * (double)d->g[SINCE_E] / (double)d->g[SINCE_N];
  if (p1 < 1.5 * p0) p1 = 1.5 * p0;
  if (p1 > 0.95) p1 = 0.95;
  double gain = math_log_fast(p1 / p0), cost = math_log_fast((1.0 - p1) / (1.0 - p0));
  double against = -(own->e * gain + (own->n - own->e) * cost) / (double)d->phi;
  struct detect_verdict v = detect_alarm_recover(d->g, SERIES_APART_ALTS, &d->alarm, &a->errors_best, against, seq);
  if (v.event == DETECT_OVER) {
    d->last_d = d->last_v = 0.0f;
  } else if (d->alarm.level == 0.0f) { /* calm stretches do not dilute the estimate */
    d->g[SINCE_N] += (float)own->n;
    d->g[SINCE_E] += (float)own->e;
  }
  return v;
}

/* Overdispersion from what successive seconds with failures differ: a share that has moved moves both, so that a fault
 * does not pass for noise. */
static void errors_phi(struct series_apart_errors *d, double x, double var) {
  double both = var + (double)d->last_v, diff = x - (double)d->last_d, most = PHI_CLIP * (both + 0.25);
  double weight = (double)d->due < FAILURES_KEPT ? (double)d->due + PHI_FAILURES : FAILURES_KEPT + PHI_FAILURES;
  double d2 = diff * diff < most ? diff * diff : most;
  double phi = (double)d->phi + 0.5 * (d2 - (double)d->phi * both) / (weight + both);
  d->phi = (float)(phi < 1.0 ? 1.0 : phi < PHI_MAX ? phi : PHI_MAX);
}

static void errors_learn(struct series_apart_errors *d, const struct detect_apart_second *own,
                         const struct detect_apart_second *rest, double k, bool freeze) {
  double weight = own->n * odds_of(d, k), share = weight / (weight + rest->x), all = own->e + rest->e;
  double mean = all * share, var = mean * (1.0 - share);
  if (d->last_v > 0.0f) errors_phi(d, own->e - mean, var);
  d->last_d = (float)(own->e - mean);
  d->last_v = (float)var;
  if (freeze) return;
  double take = own->e, room = mean + CLUSTER * (double)d->phi;
  if (take > room) {
    room += 3.0 * math_sqrt(mean * (double)d->phi);
    take = take < room ? take : room;
  }
  d->seen += (float)take;
  d->due += (float)(own->n * rest->e / rest->x);
  if ((double)d->seen + (double)d->due <= FAILURES_KEPT) return;
  d->seen *= (float)KEEP;
  d->due *= (float)KEEP;
}

static struct detect_verdict errors_run(struct series_apart *a, const struct detect_apart_second *own,
                                        const struct detect_apart_second *rest,
                                        const struct detect_apart_common *common, const struct detect_apart_when *when,
                                        bool judge) {
  struct series_apart_errors *d = &a->errors;
  struct detect_verdict v = {0};
  double k = common->odds_info, all = own->e + rest->e;
  bool was_alarm = a->errors_best != SERIES_CALM;
  if (was_alarm)
    v = errors_alarm(a, own, rest, odds_edge(d, own->n, rest->x, k), when->seq);
  else if (judge)
    v = errors_calm(a, own, rest, all > 0.0 ? odds_edge(d, own->n, rest->x, k) : 1.0, when);
  if (was_alarm || a->errors_best != SERIES_CALM) return v;
  bool suspects = v.freeze || (when->newcomer && v.log_e > NEWCOMER_FREEZE);
  bool freeze = when->still || (suspects && a->errors_stuck < STUCK_MINUTES);
  if (all > 0.0) errors_learn(d, own, rest, k, freeze);
  uint32_t next = when->seq / LIMIT_TICKS_PER_S + 1;
  if (next % MINUTE_S == 0) a->errors_stuck = (uint8_t)(suspects ? a->errors_stuck + (a->errors_stuck < 255u) : 0);
  return v;
}

/* ---- latency ---- */

/* One second's difference. */
struct difference {
  double d;    /* from the learned difference, buckets */
  double info; /* 1 / variance of it, were requests independent */
  double zone; /* width of what is normal */
  double root_n;
};

static struct difference difference_of(const struct series_apart_latency *d, const struct detect_apart_second *own,
                                       const struct detect_apart_second *rest,
                                       const struct detect_apart_common *common) {
  double n = own->timed * rest->timed / (own->timed + rest->timed);
  double zeta2 = (double)d->zeta2 > common->zeta2 ? (double)d->zeta2 : common->zeta2; /* siblings wander alike */
  double zone = math_sqrt(16.0 * zeta2 + 9.0 / ((double)d->seen + common->off_info));
  return (struct difference){own->sum_b / own->timed - rest->sum_b / rest->timed - (double)d->off,
                             n / (common->sd_b * common->sd_b), zone, math_sqrt(n)};
}

static double clip(double x, double most) {
  return x > most ? most : x < -most ? -most : x;
}

static struct detect_verdict latency_calm(struct series_apart *a, const struct difference *at, double sd_b,
                                          const struct detect_apart_when *when) {
  struct series_apart_latency *d = &a->latency;
  double l[SERIES_APART_ALTS], z = clip((at->d - at->zone) * at->root_n / sd_b, Z_CLIP);
  for (unsigned i = 0; i < SERIES_APART_ALTS; i++) {
    double mu = shift_alt[i], most = MU_PER_ROOT * at->root_n;
    if (mu > most) mu = most;
    l[i] = mu * (z - 0.5 * mu) / (double)d->phi;
  }
  struct detect_verdict v = calm_step(d->g, l, &d->alarm, &a->latency_best, when->log_c[1] - LN4, when);
  if (v.event != DETECT_RAISED) return v;
  d->g[SINCE_D] = (float)(at->info * (at->d > at->zone ? at->d : at->zone));
  d->g[SINCE_V] = (float)at->info;
  d->win_d = d->win_v = d->last_v = 0.0f;
  return v;
}

/* As before against half of what the alarm has seen: the sign changes at a quarter of it. */
static struct detect_verdict latency_alarm(struct series_apart *a, const struct difference *at, uint32_t seq) {
  struct series_apart_latency *d = &a->latency;
  double half = 0.5 * (double)d->g[SINCE_D] / (double)d->g[SINCE_V];
  if (half < 0.5 * at->zone) half = 0.5 * at->zone;
  double against = clip(half * (0.5 * half - at->d) * at->info / (double)d->phi, AGAINST_CLIP);
  struct detect_verdict v = detect_alarm_recover(d->g, SERIES_APART_ALTS, &d->alarm, &a->latency_best, against, seq);
  if (v.event == DETECT_OVER || d->alarm.level > 0.0f) return v;
  d->g[SINCE_D] += (float)(at->d * at->info);
  d->g[SINCE_V] += (float)at->info;
  return v;
}

/* A Gaussian's mean with a prior at 0: the numerator off (seen + prior) is discounted, so the prior keeps its pull.
 * slowly: what is judged is not learned before it can be found; before that, the difference is taken as it is. */
static void latency_learn(struct series_apart_latency *d, const struct difference *at, double prior, bool slowly,
                          bool freeze) {
  double var = (double)d->phi / at->info + (double)d->zeta2, r = at->d;
  if (r * r > 16.0 * var) r = clip(r, 4.0 * math_sqrt(var));
  d->win_d += (float)(r * at->info);
  d->win_v += (float)at->info;
  if (freeze) return;
  if (!slowly) prior *= PRIOR_FIRST;
  double seen = (double)d->seen * KEEP, weight = 1.0 / var, most = (seen + prior) * LEARN_MOST;
  if (slowly && weight > most) weight = most;
  d->off += (float)((r * weight - (double)d->off * prior * (1.0 - KEEP)) / (seen + weight + prior));
  d->seen = (float)(seen + weight);
}

/* Overdispersion from what successive ten seconds differ, so that a shift does not pass for noise; what they differ
 * from the learned beyond that is wander: noise that does not average out. */
static void latency_window(struct series_apart_latency *d, uint32_t known, bool freeze) {
  double v = (double)d->win_v, mean = (double)d->win_d / v, zeta2 = (double)d->zeta2, phi = (double)d->phi;
  if (d->last_v > 0.0f) {
    double diff = mean - (double)d->last_m, ratio = diff * diff / (1.0 / v + 1.0 / (double)d->last_v);
    phi += ((ratio < PHI_CLIP ? ratio : PHI_CLIP) - phi) * (known < FIRST_KNOWN ? 1.0 / 20.0 : 1.0 / 120.0);
  }
  d->phi = (float)(phi < 1.0 ? 1.0 : phi);
  d->last_m = (float)mean;
  d->last_v = known < SETTLING_S ? 0.0f : (float)v;
  d->win_d = d->win_v = 0.0f;
  if (freeze || known < SETTLING_S) return;
  double excess = mean * mean - phi / v, most = known < DETECT_APART_KNOWN_S ? ZETA2_FIRST_MAX : 25.0 * zeta2;
  double weight = known < DETECT_APART_KNOWN_S ? 1.0 / 8.0 : known < FIRST_KNOWN ? 1.0 / 30.0 : 1.0 / 120.0;
  zeta2 += ((excess < most ? excess : most) - zeta2) * weight;
  d->zeta2 = (float)(zeta2 < ZETA2_MIN ? ZETA2_MIN : zeta2);
}

static struct detect_verdict latency_run(struct series_apart *a, const struct detect_apart_second *own,
                                         const struct detect_apart_second *rest,
                                         const struct detect_apart_common *common, const struct detect_apart_when *when,
                                         bool judge) {
  struct series_apart_latency *d = &a->latency;
  struct difference at = difference_of(d, own, rest, common);
  struct detect_verdict v = {0};
  bool was_alarm = a->latency_best != SERIES_CALM;
  if (was_alarm)
    v = latency_alarm(a, &at, when->seq);
  else if (judge)
    v = latency_calm(a, &at, common->sd_b, when);
  if (was_alarm || a->latency_best != SERIES_CALM) return v;
  bool suspects = v.freeze || (when->newcomer && v.log_e > NEWCOMER_FREEZE);
  bool freeze = when->still || (suspects && a->latency_stuck < STUCK_MINUTES);
  latency_learn(d, &at, common->off_info, judge, freeze);
  uint32_t next = when->seq / LIMIT_TICKS_PER_S + 1;
  if (next % TEN_S == 0) latency_window(d, judge && when->newcomer ? FIRST_KNOWN : a->known, freeze);
  if (next % MINUTE_S == 0) a->latency_stuck = (uint8_t)(suspects ? a->latency_stuck + (a->latency_stuck < 255u) : 0);
  return v;
}

struct detect_apart_verdict detect_apart_step(struct series_apart *a, const struct detect_apart_second *own,
                                              const struct detect_apart_second *rest,
                                              const struct detect_apart_common *common,
                                              const struct detect_apart_when *when) {
  struct detect_apart_verdict v = {0};
  bool judge = when->newcomer || a->known >= DETECT_APART_KNOWN_S;
  if (a->known == 0) {
    a->errors.phi = (float)common->errors_phi;
    a->latency.phi = (float)common->latency_phi;
    a->latency.zeta2 = (float)common->zeta2;
  }
  if (own->n > 0.0 && rest->x > 0.0) v.errors = errors_run(a, own, rest, common, when, judge);
  if (!when->cold && own->timed > 0.0 && rest->timed > 0.0 && common->sd_b > 0.0)
    v.latency = latency_run(a, own, rest, common, when, judge);
  if (a->known < 255u) a->known++;
  return v;
}

static struct detect_verdict silence_end(float *g, struct series_alarm *alarm, uint8_t *best, uint32_t seq) {
  struct detect_verdict v = {DETECT_OVER, false, 0.0, alarm->seq + 1};
  if (*best == SERIES_CALM || seq - alarm->seq < SILENT) return (struct detect_verdict){0};
  detect_alarm_clear(g, SERIES_APART_ALTS, alarm, best, seq);
  return v;
}

struct detect_apart_verdict detect_apart_idle(struct series_apart *a, uint32_t seq) {
  struct series_apart_errors *d = &a->errors;
  struct detect_apart_verdict v = {silence_end(d->g, &d->alarm, &a->errors_best, seq),
                                   silence_end(a->latency.g, &a->latency.alarm, &a->latency_best, seq)};
  if (v.errors.event == DETECT_OVER) d->last_d = d->last_v = 0.0f;
  return v;
}

static double least_errors(const struct series_apart *a, const struct detect_apart_second *own,
                           const struct detect_apart_second *rest, double k, double nats) {
  double least = DETECT_APART_HUGE, weight = own->n * odds_edge(&a->errors, own->n, rest->x, k);
  for (unsigned i = 0; i < SERIES_APART_ALTS; i++) {
    double cost = math_log(1.0 + weight / (weight + rest->x) * (odds_alt[i] - 1.0));
    double e = (nats * (double)a->errors.phi + rest->e * cost) / (odds_log[i] - cost);
    if (e < least) least = e;
  }
  return least / own->n;
}

static double least_latency(const struct series_apart *a, const struct detect_apart_second *own,
                            const struct detect_apart_second *rest, const struct detect_apart_common *common,
                            double nats) {
  struct difference at = difference_of(&a->latency, own, rest, common);
  double least = DETECT_APART_HUGE;
  for (unsigned i = 0; i < SERIES_APART_ALTS; i++) {
    double mu = shift_alt[i] < MU_PER_ROOT * at.root_n ? shift_alt[i] : MU_PER_ROOT * at.root_n;
    double z = nats * (double)a->latency.phi / mu + 0.5 * mu;
    if (z < Z_CLIP && z < least) least = z;
  }
  if (least >= DETECT_APART_HUGE) return least;
  return math_exp((at.zone + least * common->sd_b / at.root_n) * LN2 / (double)(1u << HIST_BITS));
}

struct detect_apart_least detect_apart_smallest(const struct series_apart *a, const struct detect_apart_second *own,
                                                const struct detect_apart_second *rest,
                                                const struct detect_apart_common *common, double log_c, double span_s) {
  struct detect_apart_least least = {DETECT_APART_HUGE, DETECT_APART_HUGE};
  double nats = (log_c - LN4 + LN2) / span_s;
  if (own->n > 0.0 && rest->x > 0.0) least.error_ratio = least_errors(a, own, rest, common->odds_info, nats);
  if (own->timed > 0.0 && rest->timed > 0.0 && common->sd_b > 0.0)
    least.latency_factor = least_latency(a, own, rest, common, nats);
  return least;
}
