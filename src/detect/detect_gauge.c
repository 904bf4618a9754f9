#include "detect_gauge.h"

#include "base_math.h"
#include "base_must.h"

#define DAY_S 86400.0
#define SLOT_S (DAY_S / GAUGE_SLOTS)
#define AGE_MAX_S 2592000.0
#define STEP_MAX_S 1e7 /* a longer silence counts as this long */
#define GAP_MAX 64.0   /* usual steps: the same, for what is counted in samples */

#define FAST_N 6.0 /* horizons, in samples */
#define SLOW_N 96.0
#define SCALE_N 1000.0
#define WIDE_N 2000.0
#define RECENT_N 16.0
#define WEIGHT_N 64.0
#define WEIGHT_FREEZE 4.0 /* nats: the last sample would soon explain a new level, before it is seen as one */
#define TAIL_N 4000.0
#define EXCESSES_MAX 100.0f
#define BACK_N 96u

#define SHAPE_DAYS 7.0       /* horizon of the daily shape */
#define SHAPE_EARLY_S 259200 /* so long it learns whatever it sees: a sharp daily pattern looks like trouble */
#define CUT 3.0              /* scales, or the 98 % quantile: learning never takes a sample to be further off */
#define SCALE_CUT 6.0        /* scales: the same for the size of errors */
#define WIDE_CUT 1000.0      /* scales: the same for `wide` */
#define WIDE_SHARE 0.2       /* no scale is below this share of `wide` */
#define RESIDUAL_CUT 10.0    /* what one sample can add to the longer scales, in scales */
#define EXCESS_CUT 20.0      /* sigmas of one excess that the tail learns */
#define LOSS_MAX 1.0         /* nats that a forecast can lose in one step */
#define DOUBT2 16.0          /* what it costs to prefer a forecast without weight: as much as 4 sd */
#define AGREE 2.0            /* long scales say no more than this many times what the last few samples do */
#define RESOLUTION 1e-7      /* of the level: smaller changes are rounding */

#define TAIL_Q 0.02 /* share of samples above u */
#define LOG_TAIL_Q (-3.912023005428146)
#define GAMMA_PRIOR 0.25f /* a heavy tail, until GAMMA_PRIOR_N excesses say otherwise */
#define GAMMA_PRIOR_N 20.0f
#define GAMMA_MIN 0.05
#define GAMMA_MAX 1.0
#define KNEE_MAX 12.0                 /* nats: nobody has seen e^12 samples of one gauge */
#define KNEE_BEYOND 5.0               /* nats past ln n that a tail of n samples is believed */
#define LOG_TESTS 2.0794415416798357  /* ln 8 */
#define LOG_BAND (-6.907755278982137) /* ln 1e-3 */

static const double smooth[GAUGE_SCALES] = {1.0, 0.25, 0.0625, 0.015625};
/* Standard deviation of e_j when z is white: sqrt(a / (2 - a)). */
static const double smooth_sd[GAUGE_SCALES] = {1.0, 0.3779644730092272, 0.1796053020267749, 0.0887356509416114};

/* Where in the daily shape a time lies: between the middles of two slots, `part` of the way. */
struct place {
  uint32_t slot, next;
  double part;
};

/* What is believed of a sample before it is seen. */
struct belief {
  double of[GAUGE_FORECASTS], scale[GAUGE_FORECASTS];
  double forecast, sd;
  struct place place;
  double shape; /* at that place */
  double dt_s;  /* since the last sample */
  double steps; /* the same in usual distances, in [1, GAP_MAX] */
};

static double cut(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

static double size_of(double x) {
  return x < 0.0 ? -x : x;
}

/* The gain of a mean that is plain while young and forgets with the horizon later. n: samples before this one. */
static double gain_of(uint32_t n, double horizon) {
  return (double)n + 1.0 < horizon ? 1.0 / ((double)n + 1.0) : 1.0 / horizon;
}

void detect_gauge_init(struct detect_gauge *g) {
  *g = (struct detect_gauge){0};
  for (unsigned j = 0; j < GAUGE_SCALES; j++) { /* as if residuals were normal, but for the shape */
    struct gauge_tail t = {.u = (float)(2.05 * smooth_sd[j]),
                           .log_sigma = (float)math_log_fast(0.4 * smooth_sd[j]),
                           .gamma = GAMMA_PRIOR,
                           .n = GAMMA_PRIOR_N};
    g->tail[j][0] = g->tail[j][1] = t;
  }
}

static struct place place_of(double time_s) {
  double at = time_s / SLOT_S - 0.5;
  int64_t whole = (int64_t)at;
  if ((double)whole > at) whole--; /* the cast rounds towards 0 */
  uint32_t slot = (uint32_t)((whole % GAUGE_SLOTS + GAUGE_SLOTS) % GAUGE_SLOTS);
  return (struct place){slot, (slot + 1) % GAUGE_SLOTS, at - (double)whole};
}

static double shape_at(const struct detect_gauge *g, struct place p) {
  return (double)g->shape[p.slot] * (1.0 - p.part) + (double)g->shape[p.next] * p.part;
}

/* Forecasts and their scales; a gap makes every forecast as uncertain as a random walk over it. */
static void forecasts_fill(const struct detect_gauge *g, struct belief *b) {
  double wide = b->steps > 1.5 ? math_sqrt(b->steps) : 1.0;
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) {
    b->of[k] = g->level[k] + (k >= GAUGE_DAILY ? b->shape : 0.0);
    double least = RESOLUTION * size_of(b->of[k]) + WIDE_SHARE * (double)g->wide + 1e-12;
    b->scale[k] = ((double)g->scale[k] > least ? (double)g->scale[k] : least) * wide;
  }
}

static struct belief belief_of(const struct detect_gauge *g, double time_s) {
  struct belief b = {.dt_s = cut(time_s - g->time_s, 0.0, STEP_MAX_S), .place = place_of(time_s)};
  if (b.dt_s <= 0.0) b.dt_s = g->step_s > 0.0f ? (double)g->step_s : 1.0;
  b.steps = g->step_s > 0.0f ? cut(b.dt_s / (double)g->step_s, 1.0, GAP_MAX) : 1.0;
  b.shape = shape_at(g, b.place);
  forecasts_fill(g, &b);
  double sum = 0.0, var = 0.0, weight[GAUGE_FORECASTS];
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) sum += weight[k] = math_exp_fast((double)g->log_w[k]);
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) b.forecast += weight[k] / sum * b.of[k];
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) {
    double off = b.of[k] - b.forecast;
    var += weight[k] / sum * (b.scale[k] * b.scale[k] + off * off);
  }
  b.sd = math_sqrt(var);
  return b;
}

/* ln P(e > v). Below u no tail speaks: from ln q at u straight up to 0 at 0, so that it stays a ranking. */
static double tail_log_p(const struct gauge_tail *t, double v) {
  if (v <= 0.0) return 0.0;
  if (v <= (double)t->u) return LOG_TAIL_Q * v / (double)t->u;
  double gamma = (double)t->gamma, over = (v - (double)t->u) * math_exp_fast(-(double)t->log_sigma);
  return LOG_TAIL_Q - math_log_fast(1.0 + gamma * over) / gamma;
}

/* The v with ln P(e > v) = log_p, log_p below ln q. */
static double tail_quantile(const struct gauge_tail *t, double log_p) {
  double gamma = (double)t->gamma, far = LOG_TAIL_Q - log_p;
  return (double)t->u + math_exp_fast((double)t->log_sigma) * (math_exp_fast(gamma * far) - 1.0) / gamma;
}

/* One step of the likelihood's ascent in (ln sigma, gamma), the gradient times the inverse of Fisher's information
 * (Smith 1984) over n: in the long run as good as the estimate from all excesses at once, without keeping them. */
static void excess_learn(struct gauge_tail *t, double y) {
  double gamma = (double)t->gamma, over = cut(y * math_exp_fast(-(double)t->log_sigma), 0.0, EXCESS_CUT);
  double grown = 1.0 + gamma * over;
  double by_sigma = (1.0 + gamma) * over / grown - 1.0;
  double by_gamma = math_log_fast(grown) / (gamma * gamma) - (1.0 + 1.0 / gamma) * over / grown;
  if (t->n < EXCESSES_MAX) t->n += 1.0f;
  double gain = (1.0 + gamma) / (double)t->n;
  double log_sigma = (double)t->log_sigma + cut(gain * (2.0 * by_sigma - by_gamma), -0.5, 0.5);
  t->log_sigma = (float)cut(log_sigma, -12.0, 12.0);
  t->gamma = (float)cut(gamma + cut(gain * ((1.0 + gamma) * by_gamma - by_sigma), -0.1, 0.1), GAMMA_MIN, GAMMA_MAX);
}

/* u by Robbins and Monro (1951): the best gain is 1 / (n density), and an exponential tail has density q / sigma. */
static void tail_learn(struct gauge_tail *t, double v, uint32_t n) {
  double over = v - (double)t->u, gain = math_exp_fast((double)t->log_sigma) / TAIL_Q * gain_of(n, TAIL_N);
  if (over > 0.0) excess_learn(t, over);
  t->u = (float)cut((double)t->u + gain * ((over > 0.0 ? 1.0 : 0.0) - TAIL_Q), 1e-3, 1e6);
}

/* The residual in units of the mixture's sd. A forecast that is out of favour may explain a sample that surprises, at a
 * price, and so may what was normal before the newest trouble, for nothing. In a trouble that lasts the last sample
 * explains nothing. */
static double residual_of(const struct detect_gauge *g, const struct belief *b, double value) {
  double z = (value - b->forecast) / b->sd, least = z * z;
  for (unsigned k = GAUGE_SLOW; k < GAUGE_FORECASTS; k++) {
    double other = (value - b->of[k]) / b->sd;
    if (k == GAUGE_LAST_DAILY && g->hold) continue;
    if (other * other + DOUBT2 < least) least = other * other + DOUBT2;
  }
  double other = (value - g->before) / b->sd;
  if (g->back && other * other < least) least = other * other;
  least = cut(math_sqrt(least), 0.0, 1e6);
  return z < 0.0 ? -least : least;
}

/* What scale j says for one side: no more than the last few samples still bear out. */
static double heard(const struct detect_gauge *g, unsigned j, unsigned side) {
  double e = (double)g->e[j], of_late = AGREE * (double)g->e[1];
  if (!side) e = -e, of_late = -of_late;
  return j < 2 || e < of_late ? e : of_late;
}

/* A sample as before the newest trouble: evidence that is still loud is of the past, and halves. */
static bool returned(const struct detect_gauge *g, const struct belief *b, double value) {
  return g->back && size_of(value - g->before) < b->sd;
}

static void residual_smooth(struct detect_gauge *g, double steps, double z, bool halve) {
  g->e[0] = (float)z;
  for (unsigned j = 1; j < GAUGE_SCALES; j++) {
    double keep = 1.0;
    for (double i = 0.5; i < steps; i += 1.0) keep *= 1.0 - smooth[j];
    if (halve && size_of((double)g->e[j]) > (double)g->tail[j][g->e[j] > 0.0f].u) keep *= 0.5;
    g->e[j] = (float)((double)g->e[j] * keep + smooth[j] * cut(z, -RESIDUAL_CUT, RESIDUAL_CUT));
  }
}

/* A tail says little of what is much rarer than the samples seen: past the knee the score grows as a logarithm. */
static double score_believed(double score, uint32_t n) {
  double knee = math_log_fast((double)n) + KNEE_BEYOND;
  if (knee > KNEE_MAX) knee = KNEE_MAX;
  return score <= knee ? score : knee + math_log_fast(1.0 + score - knee);
}

static void evidence_fill(const struct detect_gauge *g, struct detect_gauge_verdict *v) {
  double best = 0.0;
  for (unsigned j = 0; j < GAUGE_SCALES; j++)
    for (unsigned side = 0; side < 2; side++) {
      double log_p = tail_log_p(&g->tail[j][side], heard(g, j, side));
      if (-log_p <= best) continue;
      best = -log_p;
      v->side = side ? 1 : -1;
      v->scale_idx = (uint8_t)j;
    }
  v->score = score_believed(best - LOG_TESTS, g->n);
  if (v->score > 0.0 && g->n >= GAUGE_ARMED) return;
  v->score = 0.0;
  v->side = 0;
}

/* The usual distance of samples, as a median of logarithms: a gap does not move it. */
static void step_learn(struct detect_gauge *g, double dt_s) {
  if (g->n == 1) {
    g->step_s = (float)dt_s;
    return;
  }
  float by = 1.0f + (g->n < 50 ? 0.5f / (float)g->n : 0.01f);
  if ((float)dt_s > g->step_s * by) g->step_s *= by;
  if ((float)dt_s < g->step_s / by) g->step_s /= by;
}

/* Student's t with four degrees of freedom: an outlier costs a forecast a logarithm, not a square. */
static void weights_learn(struct detect_gauge *g, const struct belief *b, double value) {
  double log_like[GAUGE_FORECASTS], best = -1e300, top = -1e300;
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) {
    double z = cut((value - b->of[k]) / b->scale[k], -1e6, 1e6);
    log_like[k] = -math_log_fast(b->scale[k]) - 2.5 * math_log_fast(1.0 + 0.25 * z * z);
    if (log_like[k] > best) best = log_like[k];
  }
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) {
    double log_w = (double)g->log_w[k] * (1.0 - 1.0 / WEIGHT_N) - cut(best - log_like[k], 0.0, LOSS_MAX);
    g->log_w[k] = (float)log_w;
    if (log_w > top) top = log_w;
  }
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) g->log_w[k] -= (float)top;
}

/* Mean absolute errors, times sqrt(pi / 2), which makes them standard deviations where errors are normal. */
static void scales_learn(struct detect_gauge *g, const struct belief *b, double value) {
  double gain = gain_of(g->n - 1, SCALE_N);
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) {
    double error = 1.2533141373155003 * size_of(value - b->of[k]);
    if (g->n >= GAUGE_ARMED && error > SCALE_CUT * b->scale[k]) error = SCALE_CUT * b->scale[k];
    g->scale[k] += (float)(gain * (error - (double)g->scale[k]));
  }
}

static void levels_learn(struct detect_gauge *g, const struct belief *b, double taken, double value) {
  double error = cut(size_of(value - b->forecast), 0.0, WIDE_CUT * b->sd);
  g->level[GAUGE_LAST] = taken;
  g->level[GAUGE_FAST] += (taken - g->level[GAUGE_FAST]) * gain_of(g->n, FAST_N);
  g->level[GAUGE_SLOW] += (taken - g->level[GAUGE_SLOW]) * gain_of(g->n, SLOW_N);
  g->level[GAUGE_DAILY] += (taken - b->shape - g->level[GAUGE_DAILY]) * gain_of(g->n, SLOW_N);
  g->level[GAUGE_LAST_DAILY] = taken - b->shape;
  g->recent += (float)((size_of(value - g->late) - (double)g->recent) * gain_of(g->n, RECENT_N));
  g->late += (value - g->late) * gain_of(g->n, FAST_N);
  g->wide += (float)((error - (double)g->wide) * gain_of(g->n, WIDE_N));
}

/* The shape is what is left of the mean of a day, drawn towards none by one visit that saw none. A slot forgets over
 * SHAPE_DAYS visits; its neighbour learns its part, so that samples on a boundary shape both (normalised least mean
 * squares). */
static void shape_learn(struct detect_gauge *g, const struct belief *b, double value) {
  double days = (double)g->age_s / DAY_S, near = 1.0 - b->place.part, far = b->place.part;
  double share = b->dt_s / DAY_S, young = gain_of(g->n, 1e9);
  g->day += (value - g->day) * cut(share > young ? share : young, 0.0, 1.0);
  double gain = cut(b->dt_s / SLOT_S, 0.0, 1.0) / (days + 2.0 < SHAPE_DAYS ? days + 2.0 : SHAPE_DAYS);
  double step = (value - g->day - b->shape) * cut(gain, 0.0, 0.5) / (near * near + far * far);
  g->shape[b->place.slot] += (float)(step * near);
  g->shape[b->place.next] += (float)(step * far);
}

static void tails_learn(struct detect_gauge *g) {
  for (unsigned j = 0; j < GAUGE_SCALES; j++)
    for (unsigned side = 0; side < 2; side++) tail_learn(&g->tail[j][side], heard(g, j, side), g->n);
}

/* The evidence has stood for so long that it is how things are now. */
static void level_adopt(struct detect_gauge *g, const struct belief *b) {
  g->level[GAUGE_LAST] = g->level[GAUGE_FAST] = g->level[GAUGE_SLOW] = g->late;
  g->level[GAUGE_DAILY] = g->level[GAUGE_LAST_DAILY] = g->day = g->late - b->shape;
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) {
    if (g->scale[k] < g->recent) g->scale[k] = g->recent;
    g->log_w[k] *= 0.25f;
  }
  for (unsigned j = 0; j < GAUGE_SCALES; j++) g->e[j] = 0.0f;
  g->hold = g->back = 0;
}

/* Counts how long evidence stands, and remembers from where it came. True once the level is to be adopted. */
static bool hold_step(struct detect_gauge *g, const struct belief *b, bool frozen) {
  if (frozen) {
    if (g->hold == 0 && g->back == 0) g->before = b->forecast;
    g->hold++;
    g->back = BACK_N;
  } else {
    if (g->hold) g->hold--;
    if (g->back) g->back--;
  }
  return g->hold >= GAUGE_ADOPT;
}

/* Levels never learn more than a cut of a sample. While evidence stands weights, scales and shape learn nothing, and
 * the tails only its first sample: a spike now and then is a habit. */
static void learn(struct detect_gauge *g, const struct belief *b, double value, struct detect_gauge_verdict *v) {
  double down = CUT > (double)g->tail[0][0].u ? CUT : (double)g->tail[0][0].u;
  double up = CUT > (double)g->tail[0][1].u ? CUT : (double)g->tail[0][1].u;
  bool newborn = g->n < GAUGE_ARMED, early = g->age_s < (float)SHAPE_EARLY_S;
  double taken = newborn ? value : cut(value, b->forecast - down * b->sd, b->forecast + up * b->sd);
  v->frozen = v->score >= GAUGE_FREEZE;
  if (v->score < WEIGHT_FREEZE) weights_learn(g, b, value);
  if (!v->frozen) scales_learn(g, b, value);
  if (early || !v->frozen) shape_learn(g, b, early ? value : taken);
  if (!newborn && (!v->frozen || g->hold == 0)) tails_learn(g);
  levels_learn(g, b, taken, value);
  v->adopted = hold_step(g, b, v->frozen);
  if (v->adopted) level_adopt(g, b);
}

static void start(struct detect_gauge *g, double value, double time_s) {
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) g->level[k] = value;
  g->day = g->late = value;
  g->time_s = time_s;
  g->n = 1;
}

struct detect_gauge_verdict detect_gauge_step(struct detect_gauge *g, double value, double time_s) {
  MUST(value - value == 0.0 && time_s - time_s == 0.0); /* finite */
  value = cut(value, -GAUGE_VALUE_MAX, GAUGE_VALUE_MAX);
  time_s = cut(time_s, -1e12, 1e12);
  struct detect_gauge_verdict v = {.forecast = value, .low = value, .high = value};
  if (g->n == 0) {
    start(g, value, time_s);
    return v;
  }
  struct belief b = belief_of(g, time_s);
  v.forecast = b.forecast;
  v.low = b.forecast - tail_quantile(&g->tail[0][0], LOG_BAND) * b.sd;
  v.high = b.forecast + tail_quantile(&g->tail[0][1], LOG_BAND) * b.sd;
  residual_smooth(g, b.steps, residual_of(g, &b, value), returned(g, &b, value));
  evidence_fill(g, &v);
  step_learn(g, b.dt_s);
  learn(g, &b, value, &v);
  if (time_s > g->time_s) g->time_s = time_s;
  g->age_s = (float)cut((double)g->age_s + b.dt_s, 0.0, AGE_MAX_S);
  if (g->n < UINT32_MAX) g->n++;
  return v;
}
