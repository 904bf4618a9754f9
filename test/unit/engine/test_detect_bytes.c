/* Bytes a request: what is found, what is not, heavy tails, the bound, and what is learned. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_limits.h"
#include "base_math.h"
#include "detect_bytes.h"
#include "mesh_rng.h"

#define LOG_C 22.0

struct one {
  struct series_bytes d;
  struct mesh_rng rng;
  uint32_t window;
};

/* What a request's size is drawn from. */
typedef double (*size)(struct mesh_rng *r);

static double normal(struct mesh_rng *r) {
  double u = rng_unit(r);
  return math_norm_quantile(u > 1e-12 ? u : 1e-12);
}
static double log_normal_1(struct mesh_rng *r) {
  return math_exp(7.0 + normal(r));
}
static double log_normal_2(struct mesh_rng *r) {
  return math_exp(7.0 + 2.0 * normal(r));
}
/* One request in a hundred, in a thousand, is a thousand times as large as the others. */
static double one_in_100(struct mesh_rng *r) {
  return rng_unit(r) < 0.01 ? 1e6 : math_exp(7.0 + 0.3 * normal(r));
}
static double one_in_1000(struct mesh_rng *r) {
  return rng_unit(r) < 0.001 ? 1e7 : math_exp(9.0 + 0.5 * normal(r));
}
static double pareto(struct mesh_rng *r) {
  return 1000.0 * math_exp(-math_log(1.0 - rng_unit(r)) / 1.2); /* infinite variance */
}
static double all_alike(struct mesh_rng *r) {
  (void)r;
  return 500.0;
}

static struct detect_verdict window(struct one *o, size s, double per_s, double factor) {
  uint32_t n = rng_poisson(&o->rng, 10.0 * per_s), seq = o->window++ * 40 + 39;
  double bytes = 0.0;
  for (uint32_t i = 0; i < n; i++) bytes += s(&o->rng);
  detect_bytes_add(&o->d, (uint64_t)(bytes * factor));
  return detect_bytes_window(&o->d, (float)n, LOG_C, seq >= 480, seq, 40);
}

static struct one born(uint64_t seed) {
  struct one o = {.rng = {seed}};
  detect_bytes_init(&o.d, 0);
  return o;
}

static unsigned quiet(struct one *o, uint32_t windows, size s, double per_s) {
  unsigned raised = 0;
  for (; windows; windows--) raised += window(o, s, per_s, 1.0).event == DETECT_RAISED;
  return raised;
}

/* Windows of ten seconds to the alarm on the right side, 0 for none in 60. */
static uint32_t delay(uint64_t seed, size s, double per_s, double factor) {
  struct one o = born(seed);
  assert_int_equal(quiet(&o, 120, s, per_s), 0);
  for (uint32_t w = 1; w <= 60; w++) {
    if (window(&o, s, per_s, factor).event != DETECT_RAISED) continue;
    assert_int_equal(o.d.best, factor > 1.0 ? DETECT_BYTES_MORE : DETECT_BYTES_FEWER);
    return w;
  }
  return 0;
}

static void changes_are_found_in_time(void **state) {
  (void)state;
  static const struct {
    size s;
    double per_s, factor;
    uint32_t windows;
  } cases[] = {
      {log_normal_1, 10.0, 3.0, 6},       /* a minute */
      {log_normal_1, 10.0, 1.0 / 3.0, 6}, /* and fewer */
      {log_normal_1, 100.0, 1.5, 12},     /* two minutes */
      {log_normal_1, 1.0, 10.0, 12},      {all_alike, 5.0, 1.5, 6},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (uint64_t seed = 1; seed <= 10; seed++) {
      uint32_t w = delay(seed, cases[i].s, cases[i].per_s, cases[i].factor);
      if (w == 0 || w > cases[i].windows) print_error("case %u seed %u: %u windows\n", i, (unsigned)seed, w);
      assert_in_range(w, 1, cases[i].windows);
    }
}

static void heavy_tails_are_quiet(void **state) {
  (void)state;
  static const size sizes[] = {log_normal_1, log_normal_2, one_in_100, one_in_1000, pareto, all_alike};
  static const double per_s[] = {0.3, 2.0, 10.0};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    for (unsigned j = 0; j < 3; j++) {
      struct one o = born(40 + i * 3 + j);
      unsigned raised = quiet(&o, j == 2 ? 8640 : 3 * 8640, sizes[i], per_s[j]);
      if (raised) print_error("size %u at %g/s: %u alarms\n", i, per_s[j], raised);
      assert_int_equal(raised, 0);
    }
}

/* Ten times the traffic, a tenth, and a daily course of it: the sizes are the same. */
static void traffic_alone_is_no_change(void **state) {
  (void)state;
  static const size sizes[] = {log_normal_1, log_normal_2};
  static const double per_s[] = {10.0, 1.0, 5.0, 0.5, 10.0, 3.0};
  for (unsigned i = 0; i < 2; i++)
    for (uint64_t seed = 1; seed <= 3; seed++) {
      struct one o = born(seed);
      for (unsigned hour = 0; hour < 24; hour++) assert_int_equal(quiet(&o, 360, sizes[i], per_s[hour % 6]), 0);
    }
}

/* Sizes that wander by 30 % over ten minutes do so every day. */
static void wander_is_learned(void **state) {
  (void)state;
  struct one o = born(12);
  double off = 0.0, keep = math_exp(-1.0 / 60.0);
  unsigned raised = 0;
  for (uint32_t w = 0; w < 3 * 8640; w++) {
    off = off * keep + 0.3 * math_sqrt(1.0 - keep * keep) * normal(&o.rng);
    raised += window(&o, log_normal_1, 5.0, math_exp(off)).event == DETECT_RAISED;
  }
  assert_int_equal(raised, 0);
  assert_true(o.d.corr > 8192 / 5);
}

/* Known series, no evidence at first: alarms by T windows at most T / c. */
static void false_alarms_keep_the_bound(void **state) {
  (void)state;
  static const size sizes[] = {log_normal_1, log_normal_2, one_in_1000};
  const uint32_t windows = 20, runs = 1500;
  const double log_c = 4.0, bound = windows / math_exp(log_c);
  uint32_t hits_all = 0;
  for (unsigned i = 0; i < 3; i++) {
    struct one o = born(70 + i);
    uint32_t hits = 0;
    for (uint32_t n = 0; n < runs; n++) {
      if (n % 100 == 0) (void)quiet(&o, 300, sizes[i], 2.0);
      struct one c = o;
      detect_alarm_clear(c.d.g, SERIES_BYTES_ALTS, &c.d.alarm, &c.d.best, 0);
      for (uint32_t w = 0; w < windows; w++) {
        (void)window(&c, sizes[i], 2.0, 1.0);
        double top = (double)(c.d.g[0] > c.d.g[1] ? c.d.g[0] : c.d.g[1]);
        if (top - MATH_LN2 < log_c) continue; /* ln of the mean of two is at most their largest, at least that - ln 2 */
        hits++;
        break;
      }
      o.rng = c.rng;
    }
    double p = (double)hits / (double)runs;
    if (p > bound) print_error("size %u: %g > %g\n", i, p, bound);
    assert_true(p <= bound + 4.0 * math_sqrt(bound * (1.0 - bound) / (double)runs));
    hits_all += hits;
  }
  assert_true(hits_all > 0);
}

/* An hour of three times as much is not learned; the alarm ends with it, and silence ends it, too. */
static void change_is_not_learned_and_ends(void **state) {
  (void)state;
  struct one o = born(3);
  (void)quiet(&o, 200, log_normal_1, 10.0);
  double before = detect_bytes_mean(&o.d);
  uint32_t w = 0;
  while (window(&o, log_normal_1, 10.0, 3.0).event != DETECT_RAISED && w < 20) w++;
  for (w = 0; w < 360; w++) assert_true(window(&o, log_normal_1, 10.0, 3.0).event != DETECT_OVER);
  assert_true(detect_bytes_mean(&o.d) < 1.1 * before && detect_bytes_mean(&o.d) > 0.9 * before);
  struct one silent = o;
  uint32_t end = o.window;
  struct detect_verdict v = {0};
  for (w = 0; w < 6 && v.event != DETECT_OVER; w++) v = window(&o, log_normal_1, 10.0, 1.0);
  assert_int_equal(v.event, DETECT_OVER);
  assert_int_equal(v.from_seq, end * 40);
  v.event = DETECT_NOTHING;
  for (w = 0; w < 13 && v.event != DETECT_OVER; w++) v = window(&silent, log_normal_1, 0.0, 1.0);
  assert_int_equal(v.event, DETECT_OVER);
}

/* No bytes are told of: unknown is not none. */
static void untold_bytes_say_nothing(void **state) {
  (void)state;
  struct one o = born(4);
  (void)quiet(&o, 200, log_normal_1, 10.0);
  struct series_bytes before = o.d;
  for (uint32_t w = 0; w < 50; w++) assert_int_equal(window(&o, log_normal_1, 10.0, 0.0).event, DETECT_NOTHING);
  assert_int_equal(o.d.mean, before.mean);
}

static void smallest_is_about_what_is_found(void **state) {
  (void)state;
  struct one o = born(5);
  assert_true(detect_bytes_smallest(&o.d, LOG_C, 300.0) == 0.0);
  (void)quiet(&o, 300, log_normal_1, 10.0);
  double two = detect_bytes_smallest(&o.d, LOG_C, 120.0), ten = detect_bytes_smallest(&o.d, LOG_C, 600.0);
  assert_true(ten > 1.2 && ten < two && two < 2.5);
  assert_true(detect_bytes_smallest(&o.d, LOG_C, 30.0) == 0.0); /* three windows cannot */
  uint32_t found = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    struct one c = o;
    uint32_t hit = 0;
    c.rng.at = seed;
    for (uint32_t w = 0; w < 12 && !hit; w++) hit = window(&c, log_normal_1, 10.0, two).event == DETECT_RAISED;
    found += hit;
  }
  if (found < 20 || found > 55) print_error("x%.2f: %u of 60\n", two, found);
  assert_in_range(found, 20, 59);
}

/* The worked example of docs/detectors/bytes.md: 100 requests, usually 1000 bytes each, now 2000. */
static void worked_example(void **state) {
  (void)state;
  struct series_bytes d;
  detect_bytes_init(&d, 0);
  d.mean = (uint16_t)(6.907755 * 2048.0 + 0.5);
  d.log_n = (uint16_t)(4.605170 * 2048.0 + 0.5);
  d.var = 164; /* 0.04 */
  d.corr = 0;
  d.seen = 255;
  struct series_bytes before = d;
  detect_bytes_add(&d, 200000);
  (void)detect_bytes_window(&d, 100.0f, LOG_C, true, 39, 40);
  assert_true(d.g[DETECT_BYTES_MORE] > 2.81f && d.g[DETECT_BYTES_MORE] < 2.84f);
  assert_true(d.g[DETECT_BYTES_FEWER] < -9.9f);
  /* A quarter of the requests: twice the standard deviation, a = 1.72, u = 1.20. */
  struct series_bytes few = before;
  detect_bytes_add(&few, 50000);
  (void)detect_bytes_window(&few, 25.0f, LOG_C, true, 39, 40);
  assert_true(few.g[DETECT_BYTES_MORE] > 0.58f && few.g[DETECT_BYTES_MORE] < 0.61f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(changes_are_found_in_time),
      cmocka_unit_test(heavy_tails_are_quiet),
      cmocka_unit_test(traffic_alone_is_no_change),
      cmocka_unit_test(wander_is_learned),
      cmocka_unit_test(false_alarms_keep_the_bound),
      cmocka_unit_test(change_is_not_learned_and_ends),
      cmocka_unit_test(untold_bytes_say_nothing),
      cmocka_unit_test(smallest_is_about_what_is_found),
      cmocka_unit_test(worked_example),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
