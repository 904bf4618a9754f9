#include "detect_alarm.h"

#include "base_math.h"
#include "base_must.h"

#define NOTHING (-8.0f) /* ln(1 + e^g) is below 0.0004: left out, which only makes R smaller */

static double log_mean(const float *g, unsigned k, float top) {
  double sum = 0.0;
  if (top <= DETECT_FLOOR) return (double)DETECT_FLOOR;
  for (unsigned i = 0; i < k; i++) sum += math_exp_fast((double)(g[i] - top));
  return (double)top + math_log_fast(sum / (double)k);
}

float detect_alarm_keep(uint32_t age, uint32_t dt, float tau) {
  float horizon = 4.0f * ((float)age + 2.0f);
  float keep = 1.0f - (float)dt / (horizon < tau ? horizon : tau);
  return keep > 0.0f ? keep : 0.0f;
}

void detect_alarm_clear(float *g, unsigned k, struct series_alarm *a, uint8_t *best, uint32_t seq) {
  for (unsigned i = 0; i < k; i++) g[i] = DETECT_FLOOR;
  *a = (struct series_alarm){DETECT_CALM_LEVEL, seq};
  *best = SERIES_CALM;
}

/* Keeps the level that is usual for this detector and the last tick at which it held. Series with little
 * information sit well above zero for hours (R grows like t), so a fixed level would not do. */
static void calm_follow(struct series_alarm *a, float top, uint32_t seq, uint32_t dt) {
  if (top <= a->level + DETECT_CALM_RISE) a->seq = seq;
  if (top < a->level) {
    a->level = top > DETECT_CALM_LEVEL ? top : DETECT_CALM_LEVEL;
    return;
  }
  float rise = DETECT_CALM_DRIFT * (float)dt;
  a->level += top - a->level < rise ? top - a->level : rise;
}

struct detect_verdict detect_alarm_step(float *g, const double *l, unsigned k, struct series_alarm *a, uint8_t *best,
                                        double log_c, uint32_t seq, uint32_t dt) {
  MUST(*best == SERIES_CALM && k > 0);
  unsigned top = 0;
  for (unsigned i = 0; i < k; i++) {
    if (l[i] < DETECT_HOLD) {
      double next = l[i] + (g[i] > NOTHING ? math_log1p_exp_fast((double)g[i]) : 0.0);
      g[i] = next > (double)DETECT_FLOOR ? (float)next : DETECT_FLOOR;
    }
    if (g[i] > g[top]) top = i;
  }
  struct detect_verdict v = {DETECT_NOTHING, false, (double)g[top], 0};
  if (g[top] < 3.0f) { /* far from everything: the mean need not be known */
    calm_follow(a, g[top], seq, dt);
    return v;
  }
  v.log_e = log_mean(g, k, g[top]);
  v.freeze = v.log_e > DETECT_FREEZE;
  if (v.log_e < log_c) {
    calm_follow(a, g[top], seq, dt);
    return v;
  }
  v.event = DETECT_RAISED;
  v.from_seq = a->seq + 1;
  *best = (uint8_t)top;
  *a = (struct series_alarm){0.0f, seq};
  return v;
}

struct detect_verdict detect_alarm_recover(float *g, unsigned k, struct series_alarm *a, uint8_t *best, double against,
                                           uint32_t seq) {
  struct detect_verdict v = {DETECT_NOTHING, true, 0.0, 0};
  double next = (double)a->level + against;
  a->level = next > 0.0 ? (float)next : 0.0f;
  if (a->level == 0.0f) a->seq = seq;
  if (a->level < DETECT_RECOVER && seq - a->seq < DETECT_QUIET_TICKS) return v;
  v.event = DETECT_OVER;
  v.from_seq = a->seq + 1;
  detect_alarm_clear(g, k, a, best, seq);
  return v;
}
