#include "detect_erratic.h"

#include "base_math.h"
#include "detect_fixed.h"
#include "series_half.h"

#define SECOND LIMIT_TICKS_PER_S
#define SECONDS 10u /* a window's */
#define TEN (SECONDS * SECOND)
#define VOID 0xffffu /* up: this window is not whole */

/* Units of the fields. */
#define ROOT_ONE 8.0    /* y and d */
#define LOG_ONE 2048.0  /* log_d */
#define VAR_ONE 4096.0  /* var_d */
#define CORR_ONE 8192.0 /* corr */
#define OFF_ONE 32.0    /* off */
#define LEVEL_ONE 28.0  /* log_level */
#define HEAVY_ONE 32.0  /* log_heavy */
#define HELD_ONE 32.0   /* held */

#define KEPT 7.0      /* differences that are left of nine */
#define D_MIN 0.07    /* counts that are all alike */
#define VAR_FLOOR 0.4 /* nats^2: seven differences cannot know ln D better than this */
#define VAR_PRIOR 0.6 /* believed of a new series, with the weight of PRIOR_WEIGHT windows */
#define PRIOR_WEIGHT 8.0
#define CORR_NOISE 1.5    /* standard deviations that independent windows may seem to have */
#define ZONE_WIDTH 3.0    /* standard deviations of the wander */
#define MEAN_WIDTH 2.0    /* standard deviations of the mean's own error */
#define OUTSIDE 0.5       /* nats that an alternative must be beyond the zone */
#define CLIP 3.0          /* standard deviations of ln D that one window can teach */
#define MOST 7.0          /* nats: one window's say; two cannot raise an alarm */
#define FROZEN_SLOW 0.125 /* of the weights: suspicion that does not become an alarm is learned, over hours */
#define JUDGED_AGE 6u     /* windows learned from before the first is judged */
#define FREEZE_AGE 12u    /* before evidence stops the learning */
#define OVER_STEP (DETECT_RECOVER * (double)TEN / (double)DETECT_QUIET_TICKS) /* a window that says nothing */

static const double ratio[SERIES_ERRATIC_ALTS] = {4.0, 16.0};
static const double log_ratio[SERIES_ERRATIC_ALTS] = {2.0 * MATH_LN2, 4.0 * MATH_LN2};

/* What this series' windows look like while all is well. */
struct usual {
  double kappa; /* shape of the gamma distribution of D */
  double mean;  /* of D */
  double zone;  /* ln of the edge of what is normal */
  double heavy; /* nats, off every window's evidence */
};

void detect_erratic_init(struct series_erratic *d, uint32_t seq) {
  *d = (struct series_erratic){.up = VOID, .var_d = fixed_near(VAR_PRIOR, VAR_ONE)};
  detect_alarm_clear(d->g, SERIES_ERRATIC_ALTS, &d->alarm, &d->best, seq);
}

void detect_erratic_skip(struct series_erratic *d) {
  d->up = VOID;
  d->sec_x = 0;
}

void detect_erratic_adopt(struct series_erratic *d, uint32_t seq) {
  d->seen = d->held = 0;
  detect_alarm_clear(d->g, SERIES_ERRATIC_ALTS, &d->alarm, &d->best, seq);
}

/* ln Gamma's derivative gives E ln D = ln mean + psi(kappa) - ln kappa and var ln D = psi'(kappa), which is close to
 * 1 / (kappa - 1/2). */
static struct usual usual_of(const struct series_erratic *d) {
  double var = (double)d->var_d / VAR_ONE, seen = (double)d->seen;
  double corr = (double)d->corr / CORR_ONE - CORR_NOISE / math_sqrt(seen + PRIOR_WEIGHT);
  double wander = corr > 0.0 ? math_sqrt(corr * var) : 0.0, heavy = (double)d->log_heavy / HEAVY_ONE;
  if (var < VAR_FLOOR) var = VAR_FLOOR;
  var *= 1.0 + 4.0 / (seen + 1.0);
  double kappa = 0.5 + 1.0 / var, shift = 1.0 / (2.0 * kappa) + 1.0 / (12.0 * kappa * kappa);
  double zone = ZONE_WIDTH * wander + MEAN_WIDTH * math_sqrt(var / (seen + 1.0));
  return (struct usual){kappa, math_exp_fast((double)d->log_d / LOG_ONE + shift), zone, heavy};
}

/* Before the heavy tail is taken off. */
static void scores(const struct usual *u, double relative, double *l) {
  double edge = math_exp_fast(u->zone);
  for (unsigned k = 0; k < SERIES_ERRATIC_ALTS; k++) {
    l[k] = u->kappa * (relative * (1.0 / edge - 1.0 / ratio[k]) - (log_ratio[k] - u->zone));
    if (log_ratio[k] < u->zone + OUTSIDE) l[k] = (double)DETECT_FLOOR; /* this series' normal life */
    if (l[k] > MOST) l[k] = MOST;
  }
}

/* The largest rise and the largest fall are kept apart; the squares of all others are summed. */
static void step_add(struct series_erratic *d, uint16_t y) {
  bool rose = y >= d->last;
  uint16_t step = (uint16_t)(rose ? y - d->last : d->last - y), *most = rose ? &d->up : &d->down;
  uint16_t other = step < *most ? step : *most;
  if (step > *most) *most = step < VOID ? step : VOID - 1u;
  d->sum_d2 = half_of(half_value(d->sum_d2) + (uint64_t)other * other);
}

static void second_close(struct series_erratic *d, uint32_t second) {
  double x = (double)half_value(d->sec_x);
  uint16_t y = fixed_near(math_sqrt(x) + math_sqrt(x + 1.0), ROOT_ONE);
  d->sec_x = 0;
  if (second % SECONDS == 0) {
    d->first = y;
    d->sum_d2 = d->up = d->down = 0;
  } else if (d->up != VOID) {
    step_add(d, y);
  }
  d->last = y;
}

/* ln D of a whole window. What is left of its net rise without the two apart is a ramp's. */
static double log_spread(const struct series_erratic *d) {
  double net = (double)d->last - (double)d->first - (double)d->up + (double)d->down;
  double mean_d2 = ((double)half_value(d->sum_d2) - net * net / KEPT) / (KEPT * ROOT_ONE * ROOT_ONE);
  return math_log_fast(mean_d2 > D_MIN ? mean_d2 : D_MIN);
}

/* Twice this is the log of the requests a second. */
static double log_level(const struct series_erratic *d) {
  return math_log_fast(0.5 * ((double)d->first + (double)d->last) / ROOT_ONE);
}

/* The mean of exp(evidence) is at most 1 if D is gamma distributed. Where it is more, tails are heavy. The last
 * window's evidence counts once this one is calm again: what goes on is an onset, not a tail. */
static void heavy_learn(struct series_erratic *d, double top, double w, uint32_t turn) {
  double heavy = math_exp_fast((double)d->log_heavy / HEAVY_ONE), last = math_exp_fast((double)d->held / HELD_ONE);
  if (top < 0.0) d->log_heavy = fixed_u8(math_log_fast(heavy + (last - heavy) * w), HEAVY_ONE, turn);
  d->held = top > 0.0 ? (uint8_t)(top * HELD_ONE) : 0;
}

/* What windows do by themselves: their mean, their variance, and how much of that lasts from one to the next (a wander,
 * that no number of windows would average out). slow: 1, or less where something is suspected. */
static void learn(struct series_erratic *d, double log_d, double level, double top, double slow, uint32_t turn) {
  double mean = (double)d->log_d / LOG_ONE, var = (double)d->var_d / VAR_ONE, corr = (double)d->corr / CORR_ONE;
  double w = slow / ((double)d->seen + 1.0), w_prior = slow / ((double)d->seen + PRIOR_WEIGHT);
  double usual = (double)d->log_level / LEVEL_ONE, sd = math_sqrt(var), z = (log_d - mean) / sd;
  if (d->seen == 0) mean = log_d, z = 0.0;
  if (z > CLIP) z = CLIP;
  if (z < -CLIP) z = -CLIP;
  d->log_d = fixed_i16(mean + z * sd * w, LOG_ONE, turn);
  d->var_d = fixed_u16(var + (z * z - 1.0) * var * w_prior, VAR_ONE, turn);
  d->corr = fixed_i16(corr + (z * (double)d->off / OFF_ONE - corr) * w_prior, CORR_ONE, turn);
  d->off = (int8_t)(z * OFF_ONE);
  d->log_level = fixed_u8(usual + (level - usual) * w, LEVEL_ONE, turn);
  heavy_learn(d, top, w_prior, turn);
  if (d->seen < 255u) d->seen++;
}

static struct detect_verdict judge(struct series_erratic *d, const double *raw, double heavy, double log_c,
                                   uint32_t seq) {
  double l[SERIES_ERRATIC_ALTS];
  for (unsigned k = 0; k < SERIES_ERRATIC_ALTS; k++) l[k] = raw[k] - heavy;
  if (d->best == SERIES_CALM)
    return detect_alarm_step(d->g, l, SERIES_ERRATIC_ALTS, &d->alarm, &d->best, log_c, seq, TEN);
  return detect_alarm_recover(d->g, SERIES_ERRATIC_ALTS, &d->alarm, &d->best, -l[d->best], seq);
}

static struct detect_verdict window_judge(struct series_erratic *d, double log_c, bool quiet, uint32_t seq) {
  double l[SERIES_ERRATIC_ALTS], log_d = log_spread(d), level = log_level(d);
  double grown = 2.0 * (level - (double)d->log_level / LEVEL_ONE), slow = 1.0;
  struct detect_verdict v = {0};
  struct usual u = usual_of(d);
  /* Noise that is proportional to traffic has grown with it, against Poisson's. */
  scores(&u, math_exp_fast(log_d - (grown > 0.0 ? grown : 0.0)) / u.mean, l);
  if (d->seen >= JUDGED_AGE) v = judge(d, l, u.heavy, log_c, seq);
  if (v.freeze && d->seen >= FREEZE_AGE) slow = FROZEN_SLOW;
  if (!quiet && d->best == SERIES_CALM) learn(d, log_d, level, l[0] > l[1] ? l[0] : l[1], slow, seq / TEN);
  return v;
}

static struct detect_verdict window_close(struct series_erratic *d, double per_s, double log_c, bool armed, bool quiet,
                                          uint32_t seq) {
  if (d->up != VOID && per_s >= DETECT_ERRATIC_PER_S) return window_judge(d, armed ? log_c : 1e30, quiet, seq);
  if (d->best == SERIES_CALM) return (struct detect_verdict){0};
  return detect_alarm_recover(d->g, SERIES_ERRATIC_ALTS, &d->alarm, &d->best, OVER_STEP, seq);
}

struct detect_verdict detect_erratic_step(struct series_erratic *d, uint32_t x, uint32_t dt, double per_s, double log_c,
                                          bool armed, bool quiet, uint32_t seq) {
  if (dt > seq % SECOND + 1u) detect_erratic_skip(d); /* over a second's end: which second had them is not known */
  d->sec_x = half_of(half_value(d->sec_x) + x);
  if ((seq + 1u) % SECOND == 0) second_close(d, seq / SECOND);
  if ((seq + 1u) % TEN == 0) return window_close(d, per_s, log_c, armed, quiet, seq);
  return (struct detect_verdict){0};
}

double detect_erratic_smallest(const struct series_erratic *d, double log_c, double span_s) {
  double windows = span_s / (double)SECONDS - 0.5, best = 0.0; /* half a window is lost at the onset */
  if (d->seen < JUDGED_AGE || windows < 1.0) return 0.0;
  struct usual u = usual_of(d);
  double need = (log_c + math_log_fast((double)SERIES_ERRATIC_ALTS)) / windows + u.heavy, edge = math_exp_fast(u.zone);
  if (need > MOST) return 0.0;
  for (unsigned k = 0; k < SERIES_ERRATIC_ALTS; k++) {
    if (log_ratio[k] < u.zone + OUTSIDE) continue;
    double factor = (need / u.kappa + log_ratio[k] - u.zone) / (1.0 / edge - 1.0 / ratio[k]);
    if (best == 0.0 || factor < best) best = factor;
  }
  return best;
}
