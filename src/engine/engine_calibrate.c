/* What the traffic itself says of the thresholds (docs/detectors/alarm.md): how high evidence rises while nothing is
 * wrong, over all series of a signal; where that is higher than the theory allows, the threshold is raised. It is never
 * lower than the theory's. What rises in many series in one minute has one cause, and would be one incident: only the
 * highest counts, or a single trouble that nobody has seen yet would make the mesh deaf to the next. */
#include "base_math.h"
#include "engine_impl.h"

#define MINUTE (60u * LIMIT_TICKS_PER_S)
#define TICKS_PER_WEEK (604800.0 * (double)LIMIT_TICKS_PER_S)
#define BASE DETECT_FREEZE /* evidence is measured from here on */
#define STEP 2.0           /* nats between the levels that are counted */
#define ENOUGH 50.0        /* excursions before they are believed */
#define RAISED_MAX 10.0
#define SHAPE_MAX 0.5 /* of the generalised Pareto tail: more is not believed from so few */

/* Evidence that rose while an incident was open is no sign of how high it rises without one. */
static bool troubled(const struct incident_head *h) {
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *c = &h->case_[i];
    if (c->used && !c->resting && c->shown && c->story.verdict == REC_VERDICT_UNHEALTHY) return true;
  }
  return false;
}

static void excursion_take(struct engine_tail *t, const struct detect_excursion *x, double *highest) {
  double over = (double)x->top - BASE;
  for (unsigned k = 0; k < ENGINE_CALIBRATION_LEVELS && over >= STEP * (double)k; k++) t->seen[k] += 1.0;
  if (over > *highest) *highest = over;
}

/* What became an alarm is on the books, incident or not; what was above while an incident was open, by its doing.
 * highest: of the excursions that ended, by signal, in nats above BASE. */
static void bucket_sweep(struct engine *e, struct detect_out *out, uint32_t seq, bool count, double *highest) {
  uint32_t keep = 0;
  for (uint32_t i = 0; i < out->excursion_n; i++) {
    struct detect_excursion x = out->excursion[i];
    x.raised |= !count;
    if (seq - x.seq < DETECT_EXCURSION_ENDS)
      out->excursion[keep++] = x;
    else if (!x.raised)
      excursion_take(&e->tail[x.signal], &x, &highest[x.signal]);
  }
  out->excursion_n = keep;
}

static void highest_take(struct engine_tail *t, double over) {
  if (over < 0.0) return; /* there was none */
  t->n += 1.0;
  t->sum += over;
  t->sum2 += over * over;
}

/* Generalised Pareto tail of the heights above BASE by the method of moments (Hosking and Wallis 1987):
 *   shape xi = (1 - m^2 / s^2) / 2, scale = m (m^2 / s^2 + 1) / 2;  P(over > y) = (1 + xi y / scale)^(-1 / xi)
 * The theory's tail is exponential with scale 1. */
static double tail_p(const struct engine_tail *t, double y) {
  double m = t->sum / t->n, var = t->sum2 / t->n - m * m;
  if (m <= 0.0) return 0.0;
  double r = var > 0.0 ? m * m / var : 1.0, xi = 0.5 * (1.0 - r), scale = 0.5 * m * (r + 1.0);
  if (xi > SHAPE_MAX) xi = SHAPE_MAX;
  if (xi < 0.01) return math_exp(-y / (xi < 0.0 ? m : scale)); /* a bounded tail is not believed: exponential */
  return math_exp(-math_log(1.0 + xi * y / scale) / xi);
}

/* Smallest raise at which the traffic itself would give no more alarms than this signal's part of the budget. */
static double raise_of(const struct engine *e, const struct engine_tail *t, double weeks) {
  double budget = e->conf.alerts_per_week / (double)REC_SIGNAL_COUNT, lo = 0.0, hi = RAISED_MAX;
  if (t->n < ENOUGH || weeks <= 0.0) return 0.0;
  double base = e->log_c[0] - BASE; /* the lowest threshold in use; the others are within some nats */
  for (unsigned s = 1; s < ENGINE_SHARES; s++) base = e->log_c[s] - BASE < base ? e->log_c[s] - BASE : base;
  if (t->n / weeks * tail_p(t, base) <= budget) return 0.0;
  for (unsigned i = 0; i < 30; i++) {
    double mid = 0.5 * (lo + hi);
    if (t->n / weeks * tail_p(t, base + mid) <= budget)
      hi = mid;
    else
      lo = mid;
  }
  return hi;
}

void engine_calibrate_run(struct engine *e, uint32_t seq) {
  if ((seq + 1) % MINUTE != 0) return;
  bool count = !troubled(&e->head);
  double highest[REC_SIGNAL_COUNT];
  for (unsigned s = 0; s < REC_SIGNAL_COUNT; s++) highest[s] = -1.0;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) bucket_sweep(e, &e->bucket[b].out, seq, count, highest);
  bucket_sweep(e, &e->apart, seq, count, highest);
  if (count) e->calm_weeks += (double)MINUTE / TICKS_PER_WEEK;
  for (unsigned s = 0; s < REC_SIGNAL_COUNT; s++) {
    struct engine_tail *t = &e->tail[s];
    highest_take(t, highest[s]);
    if (count) t->series_weeks += (double)e->watched[s] * (double)MINUTE / TICKS_PER_WEEK;
    e->raised[s] = (float)raise_of(e, t, e->calm_weeks);
  }
}

void engine_calibration(const struct engine *e, struct engine_calibration out[REC_SIGNAL_COUNT]) {
  for (unsigned s = 0; s < REC_SIGNAL_COUNT; s++) {
    const struct engine_tail *t = &e->tail[s];
    struct engine_calibration *c = &out[s];
    *c = (struct engine_calibration){.signal = (uint8_t)s,
                                     .series_weeks = t->series_weeks,
                                     .threshold = e->log_c[0],
                                     .raised_by = (double)e->raised[s]};
    for (unsigned k = 0; k < ENGINE_CALIBRATION_LEVELS; k++) {
      c->level[k] = BASE + STEP * (double)k;
      c->seen[k] = t->seen[k];
      c->bound[k] = t->series_weeks * TICKS_PER_WEEK * math_exp(-c->level[k]);
    }
  }
}
