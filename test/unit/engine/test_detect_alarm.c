/* The shared e-detector: its guarantee, its onset, its end; and days of quiet through all detectors of a series. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "base_math.h"
#include "detect_alarm.h"
#include "detect_step.h"
#include "mesh_rng.h"

#define K 3u

struct bench {
  float g[K];
  struct series_alarm a;
  uint8_t best;
};

static void bench_open(struct bench *b) {
  detect_alarm_clear(b->g, K, &b->a, &b->best, 0);
}

/* Exact null: Poisson of mean lam, alternatives k lam. */
static bool alarm_by(struct mesh_rng *r, double lam, uint32_t ticks, double log_c) {
  static const double k[K] = {1.5, 2.0, 4.0};
  struct bench b;
  bench_open(&b);
  for (uint32_t t = 1; t <= ticks; t++) {
    double l[K], x = (double)rng_poisson(r, lam);
    for (unsigned i = 0; i < K; i++) l[i] = x * math_log(k[i]) - (k[i] - 1.0) * lam;
    if (detect_alarm_step(b.g, l, K, &b.a, &b.best, log_c, t, 1).event == DETECT_RAISED) return true;
  }
  return false;
}

/* P(alarm within T steps) <= T / c (docs/detectors/alarm.md, The bound). Four standard deviations of allowance. */
static void false_alarms_keep_the_bound(void **state) {
  (void)state;
  static const struct {
    double lam, log_c;
    uint32_t ticks;
  } cases[] = {{0.3, 4.0, 8}, {2.0, 5.0, 30}, {2.0, 5.0, 60}, {9.0, 6.0, 100}};
  struct mesh_rng r = {17};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const uint32_t runs = 6000;
    uint32_t hits = 0;
    for (uint32_t n = 0; n < runs; n++) hits += alarm_by(&r, cases[i].lam, cases[i].ticks, cases[i].log_c);
    double bound = (double)cases[i].ticks / math_exp(cases[i].log_c), p = (double)hits / (double)runs;
    assert_true(p <= bound + 4.0 * math_sqrt(bound * (1.0 - bound) / (double)runs));
    assert_true(hits > 0); /* and it is not so because nothing ever alarms */
  }
}

/* R <- (1 + R) L and the mean over the alternatives, against plain arithmetic. */
static void statistic_is_the_mean_of_recursions(void **state) {
  (void)state;
  struct bench b;
  struct mesh_rng r = {5};
  double plain[K] = {0};
  bench_open(&b);
  for (uint32_t t = 1; t < 400; t++) {
    double l[K], sum = 0.0;
    for (unsigned i = 0; i < K; i++) {
      l[i] = (rng_unit(&r) - 0.5) * (double)(i + 1);
      plain[i] = (1.0 + plain[i]) * math_exp(l[i]);
      sum += plain[i];
    }
    struct detect_verdict v = detect_alarm_step(b.g, l, K, &b.a, &b.best, 1e30, t, 1);
    for (unsigned i = 0; i < K; i++)
      assert_true(b.g[i] - (float)math_log(plain[i]) < 2e-3f && (float)math_log(plain[i]) - b.g[i] < 2e-3f);
    if (v.log_e >= 3.1) assert_true(v.log_e - math_log(sum / K) < 2e-3 && math_log(sum / K) - v.log_e < 2e-3);
  }
}

/* The worked example of docs/detectors/alarm.md. */
static void worked_example(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b);
  double l[K] = {2.0, 1.0, -1.0};
  (void)detect_alarm_step(b.g, l, K, &b.a, &b.best, 20.0, 1, 1);
  struct detect_verdict v = detect_alarm_step(b.g, l, K, &b.a, &b.best, 20.0, 2, 1);
  /* R1 = (1 + e^2) e^2 = 61.99, R2 = (1 + e) e = 10.11, R3 = (1 + e^-1) e^-1 = 0.5032; mean 24.20, ln 3.186 */
  assert_true(v.log_e > 3.185 && v.log_e < 3.187);
  assert_int_equal(v.event, DETECT_NOTHING);
}

/* Calm for long, then strong evidence at once: the onset is the first tick of it. */
static void onset_is_the_first_bad_tick(void **state) {
  (void)state;
  struct bench b;
  struct detect_verdict v = {0};
  bench_open(&b);
  double calm[K] = {-0.2, -0.4, -0.8}, bad[K] = {3.0, 5.0, 4.0};
  uint32_t t = 1;
  for (; t < 500; t++) (void)detect_alarm_step(b.g, calm, K, &b.a, &b.best, 22.0, t, 1);
  for (; v.event != DETECT_RAISED; t++) v = detect_alarm_step(b.g, bad, K, &b.a, &b.best, 22.0, t, 1);
  assert_int_equal(v.from_seq, 500);
  assert_int_equal(b.best, 1);
  assert_true(t - 500 <= 6);
}

/* The end is the tick after the last bad one, however long it takes to be sure of it. */
static void end_is_the_first_good_tick(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b);
  b.best = 1;
  struct detect_verdict v = {0};
  uint32_t t = 100;
  for (; t < 140; t++) v = detect_alarm_recover(b.g, K, &b.a, &b.best, t % 3 ? -2.0 : 0.5, t);
  assert_int_equal(v.event, DETECT_NOTHING);
  for (; v.event != DETECT_OVER; t++) v = detect_alarm_recover(b.g, K, &b.a, &b.best, 0.7, t);
  assert_int_equal(v.from_seq, 140); /* tick 139 was the last bad one */
  assert_int_equal(b.best, SERIES_CALM);
}

/* Two minutes in which nothing speaks for the alarm are its end, too. */
static void silence_ends_an_alarm(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b);
  b.best = 0;
  b.a.seq = 100;
  struct detect_verdict v = {0};
  uint32_t t = 101;
  for (; v.event != DETECT_OVER && t < 2000; t++) v = detect_alarm_recover(b.g, K, &b.a, &b.best, 0.001, t);
  assert_int_equal(t - 1, 100 + DETECT_QUIET_TICKS);
}

static void discount_keeps_most_of_a_young_baseline(void **state) {
  (void)state;
  double a = 0.0;
  for (uint32_t age = 0; age < 1000; age++) a = a * (double)detect_alarm_keep(age, 1, 14400.0f) + 1.0;
  assert_true(a > 780.0 && a < 820.0);
  assert_true(detect_alarm_keep(0, 100, 14400.0f) == 0.0f);
  assert_true(detect_alarm_keep(1u << 30, 1, 14400.0f) > 0.9999f);
}

/* A service's seconds: Poisson requests, binomial failures, durations from ten buckets. */
static void second_step(struct mesh_rng *r, struct series_state *s, struct detect_context *ctx, struct detect_out *out,
                        double per_s, double fail_p) {
  struct rec_obs obs = {0};
  struct rec_hist_cell cell[10];
  uint32_t hist[10] = {0}, n = rng_poisson(r, per_s), failed = rng_binomial(r, n, fail_p);
  for (uint32_t i = 0; i < n - failed; i++) hist[__builtin_popcountll(rng_next(r) & 0x1ff)]++;
  for (uint32_t j = 0; j < 10; j++)
    if (hist[j]) cell[obs.hist_n++] = (struct rec_hist_cell){15 + j, hist[j]};
  obs.class_n[REC_CLASS_OK] = n - failed;
  obs.class_n[REC_CLASS_SERVER_ERROR] = failed;
  obs.latency_sum_ns = (uint64_t)(n - failed) * 5000000;
  ctx->seq += 4;
  detect_series_step(s, n ? &obs : NULL, cell, ctx, out);
}

/* Log c 22 and a few series-days: no alarm of any signal at any rate. */
static void quiet_days_are_quiet(void **state) {
  (void)state;
  static const struct {
    double per_s, fail_p;
    uint32_t days;
  } cases[] = {{0.02, 0.01, 7}, {0.5, 0.002, 4}, {5.0, 0.05, 3}, {60.0, 0.001, 1}};
  struct mesh_rng r = {99};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct series_state s;
    struct detect_signal signal[16];
    struct detect_out out = {.signal = signal, .cap = 16};
    struct detect_context ctx = {.seq = 3, .rates = true, .log_c = {22.0, 22.0, 22.0}};
    struct rec_series who = {.level = REC_LEVEL_SERVICE};
    detect_series_init(&s, &who, 0);
    for (uint32_t sec = 0; sec < cases[i].days * 86400; sec++)
      second_step(&r, &s, &ctx, &out, cases[i].per_s, cases[i].fail_p);
    if (out.n) print_error("%.2f/s: %s at %u\n", cases[i].per_s, rec_signal_text(signal[0].signal), signal[0].from_seq);
    assert_int_equal(out.n, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(false_alarms_keep_the_bound),
      cmocka_unit_test(statistic_is_the_mean_of_recursions),
      cmocka_unit_test(worked_example),
      cmocka_unit_test(onset_is_the_first_bad_tick),
      cmocka_unit_test(end_is_the_first_good_tick),
      cmocka_unit_test(silence_ends_an_alarm),
      cmocka_unit_test(discount_keeps_most_of_a_young_baseline),
      cmocka_unit_test(quiet_days_are_quiet),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
