#include "detect_stages.h"

#include "base_math.h"
#include "base_must.h"
#include "detect_fixed.h"
#include "series_half.h"

#define HORIZON (3.0 * LIMIT_TICKS_PER_S)
#define WINDOW (10u * LIMIT_TICKS_PER_S)
#define LEAST 8.0f       /* requests that recent stands for, where fewer came within the horizon */
#define US_MOST 0x1p41   /* 25 days: below what half_of saturates at, which says that nothing is known */
#define EXACT_BELOW 4096 /* of series_half.h */

/* To one of the two nearest numbers of 16 bits, right on average over the turns. */
static uint16_t rounded(double us, uint32_t turn) {
  if (us <= 0.0) return half_of((uint64_t)fixed_point(turn));
  if (us > US_MOST) us = US_MOST;
  uint64_t whole = (uint64_t)us;
  uint32_t shift = whole < EXACT_BELOW ? 0 : 63u - (uint32_t)__builtin_clzll(whole) - 11u;
  double step = (double)(1ull << shift);
  return half_of((uint64_t)(us / step + fixed_point(turn)) << shift);
}

static double us_of(uint16_t h) {
  return (double)half_value(h);
}

void detect_stages_init(struct series_stages *d) {
  *d = (struct series_stages){.usual = {SERIES_STAGES_UNKNOWN}};
}

/* Sums of one tick, in ns, by the end's own stages. */
static void sums_of(enum rec_side side, const struct rec_obs *o, double sum[SERIES_STAGES]) {
  const uint64_t *s = o->stage_ns;
  double before = (double)s[REC_STAGE_BEFORE], retried = (double)s[REC_STAGE_RETRIED];
  double known =
      before + retried + (double)s[REC_STAGE_SEND] + (double)s[REC_STAGE_WAIT] + (double)s[REC_STAGE_RECEIVE];
  bool client = side == REC_SIDE_CLIENT;
  sum[SERIES_STAGE_BEFORE] = client ? before : before + retried;
  sum[SERIES_STAGE_RETRIED] = client ? retried : 0.0;
  sum[SERIES_STAGE_SEND] = (double)s[REC_STAGE_SEND];
  sum[SERIES_STAGE_WAIT] = (double)s[REC_STAGE_WAIT];
  sum[SERIES_STAGE_RECEIVE] = (double)s[REC_STAGE_RECEIVE];
  sum[SERIES_STAGE_LAST] = client ? (double)o->latency_sum_ns - known : (double)s[REC_STAGE_PASS];
}

static float near_after(float near, uint32_t n, uint32_t dt) {
  float faded = near * (float)math_exp_fast(-(double)dt / HORIZON), least = near < LEAST ? near : LEAST;
  return (faded > least ? faded : least) + (float)n;
}

void detect_stages_add(struct series_stages *d, enum rec_side side, const struct rec_obs *obs, uint32_t n, uint32_t dt,
                       uint32_t seq) {
  double sum[SERIES_STAGES];
  uint64_t told = 0;
  MUST(n > 0);
  for (unsigned i = 0; i < REC_STAGE_COUNT; i++) told |= obs->stage_ns[i];
  if (!told) return; /* its reporters tell no moments of their requests */
  sums_of(side, obs, sum);
  d->near = near_after(d->near, n, dt);
  double weight = (double)n / (double)d->near;
  for (unsigned i = 0; i < SERIES_STAGES; i++) {
    double was = us_of(d->recent[i]), now = 1e-3 * sum[i] / (double)n;
    d->recent[i] = rounded(was + (now - was) * weight, seq * SERIES_STAGES + i);
  }
}

void detect_stages_window(struct series_stages *d, double weight, uint32_t seq) {
  MUST(weight > 0.0 && weight <= 1.0);
  if (d->near <= 0.0f) return;
  if (!detect_stages_known(d)) weight = 1.0;
  for (unsigned i = 0; i < SERIES_STAGES; i++) {
    double was = weight < 1.0 ? us_of(d->usual[i]) : 0.0;
    d->usual[i] = rounded(was + (us_of(d->recent[i]) - was) * weight, seq / WINDOW * SERIES_STAGES + i);
  }
}

void detect_stages_adopt(struct series_stages *d) {
  if (d->near <= 0.0f) return;
  for (unsigned i = 0; i < SERIES_STAGES; i++) d->usual[i] = d->recent[i];
}

bool detect_stages_known(const struct series_stages *d) {
  return d->usual[0] != SERIES_STAGES_UNKNOWN;
}

double detect_stages_usual_s(const struct series_stages *d, enum series_stage stage) {
  return 1e-6 * us_of(d->usual[stage]);
}

double detect_stages_recent_s(const struct series_stages *d, enum series_stage stage) {
  return 1e-6 * us_of(d->recent[stage]);
}
