#include "detect_bytes.h"

#include "base_math.h"
#include "detect_fixed.h"
#include "series_half.h"

#define WINDOW_S 10.0
#define WINDOW_TICKS 40u

/* Units of the fields. */
#define SIZE_ONE 2048.0 /* mean, log_n */
#define VAR_ONE 4096.0  /* var */
#define CORR_ONE 8192.0 /* corr */
#define OFF_ONE 32.0    /* off */
#define HELD_ONE 32.0   /* held */
#define HEAVY_ONE 128.0 /* heavy */

#define VAR_PRIOR 0.25 /* nats^2, with the weight of PRIOR_WEIGHT windows */
#define PRIOR_WEIGHT 8.0
#define YOUNG 128u /* windows until which the prior fades twice as fast: it may be far too wide */
#define CORR_PRIOR 0.25
#define CORR_NOISE 0.0625           /* standard deviation of corr after 256 independent windows */
#define SD_MIN 0.05                 /* ln bytes: sizes may be all alike */
#define EDGE_MIN 0.1823215567939546 /* ln 1.2: less is no change */
#define ZONE_WIDTH 3.0              /* standard deviations of the wander */
#define MEAN_WIDTH 2.0              /* standard deviations of the mean's own error */
#define CLIP 3.0                    /* standard deviations that one window can teach */
#define U_MIN (-4.0)
#define U_MAX 5.0
#define TILT_MIN 0.5
#define TILT_MAX 2.0
#define MOST 6.0           /* nats: one window's say; three cannot raise an alarm */
#define SUSPECT 5.0        /* nats: from here on */
#define SUSPECT_SLOW 0.125 /* of the weights: what does not become an alarm is learned, but over hours */
#define JUDGED_AGE 8u      /* windows learned from before the first is judged */
#define FREEZE_AGE 12u     /* before evidence stops the learning */
#define QUIET_SHARE (DETECT_RECOVER / (double)DETECT_QUIET_TICKS) /* against an alarm, a tick that says nothing */

/* How a window of n requests is judged. */
struct scale {
  double sd, edge, tilt, log_heavy;
};

void detect_bytes_init(struct series_bytes *d, uint32_t seq) {
  *d = (struct series_bytes){
      .var = fixed_near(VAR_PRIOR, VAR_ONE), .corr = (int16_t)(CORR_PRIOR * CORR_ONE), .heavy = (uint16_t)HEAVY_ONE};
  detect_alarm_clear(d->g, SERIES_BYTES_ALTS, &d->alarm, &d->best, seq);
}

void detect_bytes_adopt(struct series_bytes *d, uint32_t seq) {
  d->seen = d->held = 0;
  detect_alarm_clear(d->g, SERIES_BYTES_ALTS, &d->alarm, &d->best, seq);
}

void detect_bytes_add(struct series_bytes *d, uint64_t bytes) {
  d->win_b = half_of(half_value(d->win_b) + (bytes < 1ull << 42 ? bytes : 1ull << 42));
}

double detect_bytes_mean(const struct series_bytes *d) {
  return d->seen ? math_exp((double)d->mean / SIZE_ONE) : 0.0;
}

/* While an alarm stands, g[0] holds the log of the size that it sees over the learned one: the last windows' mean. */
enum { SINCE_OFF = 0 };

static double sd_of(const struct series_bytes *d, double log_n) {
  double less = (double)d->log_n / SIZE_ONE - log_n, var = (double)d->var / VAR_ONE;
  if (less > 0.0) var *= math_exp_fast(less);
  double sd = math_sqrt(var * (1.0 + 4.0 / ((double)d->seen + 1.0)));
  return sd > SD_MIN ? sd : SD_MIN;
}

static struct scale scale_of(const struct series_bytes *d, double log_n) {
  struct scale c = {.sd = sd_of(d, log_n)};
  double corr = (double)d->corr / CORR_ONE - CORR_NOISE, var = (double)d->var / VAR_ONE;
  c.edge = corr > 0.0 ? ZONE_WIDTH * math_sqrt(corr * var) : 0.0;
  if (c.edge < EDGE_MIN) c.edge = EDGE_MIN;
  c.edge += 2.0 * math_sqrt(var / ((double)d->seen + 1.0));
  c.tilt = MATH_LN2 / c.sd;
  if (c.tilt > TILT_MAX) c.tilt = TILT_MAX;
  if (c.tilt < TILT_MIN) c.tilt = TILT_MIN;
  c.log_heavy = d->heavy > (uint16_t)HEAVY_ONE ? math_log_fast((double)d->heavy / HEAVY_ONE) : 0.0;
  return c;
}

/* Before the heavy tail is taken off. */
static double score(const struct scale *c, double off) {
  double u = (off - c->edge) / c->sd;
  if (u < U_MIN) u = U_MIN;
  if (u > U_MAX) u = U_MAX;
  double l = c->tilt * (u - 0.5 * c->tilt);
  return l < MOST ? l : MOST;
}

/* The mean of exp(evidence) is at most 1 if logs of means are normal. Where it is more, tails are heavy. The last
 * window's evidence counts once this one is calm again: what goes on is an onset, not a tail. */
static void heavy_learn(struct series_bytes *d, double top, double w, uint32_t turn) {
  double heavy = (double)d->heavy / HEAVY_ONE, last = math_exp_fast((double)d->held / HELD_ONE);
  if (top < 0.0) d->heavy = fixed_u16(heavy + (last - heavy) * w, HEAVY_ONE, turn);
  d->held = top > 0.0 ? (uint8_t)(top * HELD_ONE) : 0;
}

/* What the windows' means do by themselves: their size, their variance at the usual number of requests, and how much of
 * that lasts from one window to the next (a wander, that no longer sum would average out). slow: 1, or less where
 * something is suspected. */
static void learn(struct series_bytes *d, double off, double sd, double log_n, double top, double slow, uint32_t turn) {
  double w = slow / ((double)d->seen + 1.0), z = off / sd;
  double w_prior = slow * (d->seen < YOUNG ? 2.0 : 1.0) / ((double)d->seen + PRIOR_WEIGHT);
  if (z > CLIP) z = CLIP;
  if (z < -CLIP) z = -CLIP;
  double less = (double)d->log_n / SIZE_ONE - log_n, var = (double)d->var / VAR_ONE;
  double take = z * sd, square = take * take * (less > 0.0 ? math_exp_fast(-less) : 1.0);
  double corr = (double)d->corr / CORR_ONE, pair = z * (double)d->off / OFF_ONE;
  d->mean = fixed_u16((double)d->mean / SIZE_ONE + take * w, SIZE_ONE, turn);
  d->var = fixed_u16(var + (square - var) * w_prior, VAR_ONE, turn);
  d->corr = fixed_i16(corr + (pair - corr) * w_prior, CORR_ONE, turn);
  d->log_n = fixed_u16((double)d->log_n / SIZE_ONE - less * w, SIZE_ONE, turn);
  d->off = (int8_t)(z * OFF_ONE);
  heavy_learn(d, top, w_prior, turn);
  if (d->seen < 255u) d->seen++;
}

/* The first window is where the mean begins. */
static void learn_first(struct series_bytes *d, double y, double log_n) {
  d->mean = fixed_near(y, SIZE_ONE);
  d->log_n = fixed_near(log_n, SIZE_ONE);
  d->off = 0;
  d->seen = 1;
}

static struct detect_verdict judge(struct series_bytes *d, double more, double fewer, double log_heavy, double log_c,
                                   uint32_t seq, uint32_t dt) {
  const double l[SERIES_BYTES_ALTS] = {more - log_heavy, fewer - log_heavy};
  if (d->best == SERIES_CALM) return detect_alarm_step(d->g, l, SERIES_BYTES_ALTS, &d->alarm, &d->best, log_c, seq, dt);
  return detect_alarm_recover(d->g, SERIES_BYTES_ALTS, &d->alarm, &d->best, -l[d->best], seq);
}

static struct detect_verdict window_judge(struct series_bytes *d, double y, double log_n, double log_c, uint32_t seq,
                                          uint32_t dt) {
  struct detect_verdict v = {0};
  struct scale c = scale_of(d, log_n);
  double off = y - (double)d->mean / SIZE_ONE, more = score(&c, off), fewer = score(&c, -off), slow = 1.0;
  if (d->seen >= JUDGED_AGE) v = judge(d, more, fewer, c.log_heavy, log_c, seq, dt);
  if (v.log_e > SUSPECT && d->seen >= FREEZE_AGE) slow = SUSPECT_SLOW;
  if (d->best == SERIES_CALM)
    learn(d, off, c.sd, log_n, more > fewer ? more : fewer, slow, seq / WINDOW_TICKS);
  else
    d->g[SINCE_OFF] = (float)(v.event == DETECT_RAISED ? off : (double)d->g[SINCE_OFF] * 0.75 + off * 0.25);
  return v;
}

double detect_bytes_seen(const struct series_bytes *d) {
  return d->best == SERIES_CALM ? 0.0 : math_exp((double)d->mean / SIZE_ONE + (double)d->g[SINCE_OFF]);
}

struct detect_verdict detect_bytes_window(struct series_bytes *d, float n, double log_c, bool armed, uint32_t seq,
                                          uint32_t dt) {
  struct detect_verdict v = {0};
  double bytes = (double)half_value(d->win_b);
  d->win_b = 0;
  if (n < 1.0f || bytes < 1.0) {
    if (d->best == SERIES_CALM) return v;
    return detect_alarm_recover(d->g, SERIES_BYTES_ALTS, &d->alarm, &d->best, QUIET_SHARE * (double)dt, seq);
  }
  double log_n = math_log_fast((double)n), y = math_log_fast(bytes) - log_n;
  if (y < 0.0) y = 0.0;
  if (d->seen) return window_judge(d, y, log_n, armed ? log_c : 1e30, seq, dt);
  learn_first(d, y, log_n);
  return v;
}

double detect_bytes_smallest(const struct series_bytes *d, double log_c, double span_s) {
  double windows = span_s / WINDOW_S - 0.5; /* half a window is lost at the onset */
  if (d->seen < JUDGED_AGE || windows < 1.0) return 0.0;
  struct scale c = scale_of(d, (double)d->log_n / SIZE_ONE);
  double need = (log_c + math_log_fast((double)SERIES_BYTES_ALTS)) / windows + c.log_heavy;
  double u = need / c.tilt + 0.5 * c.tilt;
  if (need > MOST || u > U_MAX) return 0.0;
  return math_exp_fast(c.edge + u * c.sd);
}
