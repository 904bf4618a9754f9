/* Gauges: tails against known laws, what is learned of trouble, what is adopted, days, gaps, hostile numbers. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "base_math.h"
#include "detect_gauge.h"
#include "mesh_rng.h"

struct one {
  struct detect_gauge g;
  struct mesh_rng rng;
  double time_s, step_s;
};

static struct one born(uint64_t seed, double step_s) {
  struct one o = {.rng = {seed}, .time_s = 1.7e9, .step_s = step_s};
  detect_gauge_init(&o.g);
  return o;
}

static struct detect_gauge_verdict put(struct one *o, double x) {
  o->time_s += o->step_s;
  return detect_gauge_step(&o->g, x, o->time_s);
}

static double normal(struct one *o) {
  double p = 0.0;
  while (p <= 0.0) p = rng_unit(&o->rng);
  return math_norm_quantile(p);
}

/* Student's t with three degrees of freedom. */
static double student(struct one *o) {
  double a = normal(o), b = normal(o), c = normal(o), d = normal(o);
  return a / math_sqrt((b * b + c * c + d * d) / 3.0);
}

/* A gauge that knows its level to be 10 with a standard deviation of 1, and whose tails are still the prior's. */
static void worked_example(void **state) {
  (void)state;
  struct one o = born(1, 60.0);
  o.g.n = 1000;
  o.g.step_s = 60.0f;
  o.g.time_s = o.time_s;
  o.g.day = o.g.late = 10.0;
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++) o.g.level[k] = 10.0, o.g.scale[k] = 1.0f;
  struct detect_gauge_verdict v = put(&o, 14.0);
  assert_float_equal(v.forecast, 10.0, 1e-9);
  assert_float_equal(v.score, 5.0204, 1e-3);
  assert_float_equal(v.high, 13.8336, 1e-3);
  assert_int_equal(v.side, 1);
  assert_int_equal(v.scale_idx, 0);
}

enum law { NORMAL, STUDENT, AUTOREGRESSIVE, WALK };

static double law_next(struct one *o, enum law law, double last) {
  switch (law) {
    case NORMAL: return normal(o);
    case STUDENT: return student(o);
    case AUTOREGRESSIVE: return 0.9 * last + normal(o);
    case WALK: return last + normal(o);
    default: return 0.0;
  }
}

/* Of samples without trouble at most a share of e^-score has that score, for light and heavy tails and for series that
 * wander; and not far fewer, so that the score means something. */
static void scores_are_tail_probabilities(void **state) {
  (void)state;
  for (enum law law = NORMAL; law <= WALK; law++) {
    struct one o = born(7 + law, 60.0);
    double x = 0.0, above[2] = {0}, n = 0.0;
    for (unsigned i = 0; i < 300000; i++) {
      x = law_next(&o, law, x);
      double score = put(&o, 50.0 + x).score;
      if (i < 5000) continue;
      n += 1.0;
      above[0] += score >= 4.605170; /* 1 in 100 */
      above[1] += score >= 6.907755; /* 1 in 1000 */
    }
    if (above[1] / n >= 0.001) print_error("law %d: %g at 1e-2, %g at 1e-3\n", (int)law, above[0] / n, above[1] / n);
    assert_true(above[0] / n < 0.01 && above[0] / n > 0.001);
    assert_true(above[1] / n < 0.001 && above[1] / n > 0.00001);
  }
}

/* The band holds all but about one in 500. */
static void band_holds_what_it_says(void **state) {
  (void)state;
  struct one o = born(3, 15.0);
  double outside = 0.0, n = 100000.0;
  for (unsigned i = 0; i < 4000; i++) (void)put(&o, 5.0 + normal(&o));
  for (double i = 0.0; i < n; i += 1.0) {
    double x = 5.0 + normal(&o);
    struct detect_gauge_verdict v = put(&o, x);
    outside += x < v.low || x > v.high;
  }
  assert_true(outside / n < 0.004 && outside / n > 0.0005);
}

static struct one learned(uint64_t seed, double level, double sd) {
  struct one o = born(seed, 60.0);
  for (unsigned i = 0; i < 1500; i++) (void)put(&o, level + sd * normal(&o));
  return o;
}

static void spike_is_found_and_not_learned(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = learned(seed, 100.0, 2.0);
    struct detect_gauge_verdict v = put(&o, 1100.0);
    assert_true(v.score > 9.2 && v.side == 1 && v.frozen);
    for (unsigned i = 0; i < 8; i++) {
      v = put(&o, 100.0);
      assert_true(v.forecast > 92.0 && v.forecast < 108.0);
      assert_true(v.side >= 0 || v.score < GAUGE_FREEZE); /* back where it was: no news */
    }
    assert_true(v.score < GAUGE_FREEZE);
  }
}

/* Three standard deviations less, which no single sample proves, found by a longer scale within 32 samples. */
static void small_lasting_shift_is_found(void **state) {
  (void)state;
  unsigned longer = 0;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = learned(seed, 100.0, 2.0);
    unsigned i = 0, scale = 0;
    for (; i < 60; i++) {
      struct detect_gauge_verdict v = put(&o, 94.0 + 2.0 * normal(&o));
      scale = v.scale_idx;
      if (v.score >= 8.0 && v.side == -1) break; /* 1 in 3000 */
    }
    assert_in_range(i, 0, 32);
    longer += scale > 0;
  }
  assert_in_range(longer, 7, 10);
}

/* Thirty samples of trouble move the forecast by little, and are over when they are over. */
static void trouble_is_not_learned(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = learned(seed, 100.0, 2.0);
    double least = 1e9;
    for (unsigned i = 0; i < 30; i++) {
      double score = put(&o, 300.0 + 2.0 * normal(&o)).score;
      if (score < least) least = score;
    }
    assert_true(least > GAUGE_FREEZE);
    unsigned loud = 0;
    for (unsigned i = 0; i < 200; i++) loud += put(&o, 100.0 + 2.0 * normal(&o)).score >= 9.2;
    assert_in_range(loud, 0, 8);
  }
}

static void level_is_adopted_once(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = learned(seed, 100.0, 2.0);
    unsigned adopted = 0, at = 0, loud = 0;
    for (unsigned i = 0; i < 600; i++) {
      struct detect_gauge_verdict v = put(&o, 300.0 + 2.0 * normal(&o));
      if (v.adopted && !adopted++) at = i;
      loud += adopted && !v.adopted && v.score >= 9.2;
    }
    assert_int_equal(adopted, 1);
    assert_in_range(at, GAUGE_ADOPT - 1, GAUGE_ADOPT + 20);
    assert_in_range(loud, 0, 3);
    double forecast = put(&o, 300.0).forecast;
    assert_true(forecast > 295.0 && forecast < 305.0);
  }
}

static void constant_is_silent_until_it_moves(void **state) {
  (void)state;
  struct one o = born(1, 1.0);
  for (unsigned i = 0; i < 3000; i++) assert_true(put(&o, 0.25).score == 0.0);
  struct detect_gauge_verdict v = put(&o, 0.5);
  assert_true(v.score > GAUGE_FREEZE && v.side == 1 && v.score < 25.0); /* loud, not without bound */
  unsigned adopted = 0;
  for (unsigned i = 0; i < 400; i++) adopted += put(&o, 0.5).adopted;
  assert_int_equal(adopted, 1);
  assert_true(put(&o, 0.5).score < 1.0);
}

/* Mostly 0, now and then a spike: the spikes are its nature. */
static void habitual_spikes_become_quiet(void **state) {
  (void)state;
  struct one o = born(5, 60.0);
  unsigned loud = 0, spikes = 0;
  for (unsigned i = 0; i < 20000; i++) {
    bool spike = rng_unit(&o.rng) < 0.03;
    double score = put(&o, spike ? 20.0 + 100.0 * rng_unit(&o.rng) : 0.0).score;
    if (i >= 10000) loud += score >= 9.2, spikes += spike;
  }
  assert_true(loud * 20 < spikes);
}

static double of_day(double time_s) {
  double hour = time_s / 3600.0 - 24.0 * (double)(int64_t)(time_s / 86400.0);
  return hour >= 8.0 && hour < 18.0 ? 200.0 : 100.0;
}

/* A day with sharp edges: on the eleventh they are expected. */
static void days_are_learned(void **state) {
  (void)state;
  struct one o = born(9, 300.0);
  unsigned loud = 0;
  for (unsigned i = 0; i < 12 * 288; i++) {
    double score = put(&o, of_day(o.time_s + 300.0) + 3.0 * normal(&o)).score;
    loud += i >= 10 * 288 && score >= 9.2;
  }
  assert_in_range(loud, 0, 2);
}

/* Any distance of samples from a second to an hour, jitter and holes of hours: quiet where nothing happens. */
static void gaps_and_jitter_are_no_news(void **state) {
  (void)state;
  static const double steps[] = {1.0, 15.0, 300.0, 3600.0};
  for (unsigned s = 0; s < 4; s++) {
    struct one o = born(11 + s, steps[s]);
    double x = 0.0;
    unsigned loud = 0;
    for (unsigned i = 0; i < 20000; i++) {
      o.time_s += steps[s] * (0.4 * rng_unit(&o.rng) + (rng_unit(&o.rng) < 0.01 ? 50.0 : 0.0));
      x = 0.95 * x + normal(&o);
      loud += put(&o, 40.0 + x).score >= 9.2;
    }
    assert_in_range(loud, 0, 10);
    assert_true(o.g.step_s > 0.9 * steps[s] && o.g.step_s < 1.6 * steps[s]);
  }
}

static bool finite_of(double x) {
  return x - x == 0.0;
}

static void hostile_numbers_stay_finite(void **state) {
  (void)state;
  static const double odd[] = {0.0, -0.0, 1e308, -1e308, 5e-324, 1e30, -1.0, 1e-30, 1e15, 3.0};
  struct one o = born(13, 1.0);
  for (unsigned i = 0; i < 100000; i++) {
    double x = odd[(unsigned)(rng_unit(&o.rng) * 10.0)], t = odd[(unsigned)(rng_unit(&o.rng) * 10.0)];
    struct detect_gauge_verdict v = detect_gauge_step(&o.g, x, i % 3 ? (double)i : t);
    assert_true(finite_of(v.score) && v.score >= 0.0 && v.score < 100.0);
    assert_true(finite_of(v.forecast) && finite_of(v.low) && finite_of(v.high));
    assert_true(v.low <= v.forecast && v.forecast <= v.high);
  }
  for (unsigned k = 0; k < GAUGE_FORECASTS; k++)
    assert_true(finite_of(o.g.level[k]) && finite_of((double)o.g.scale[k]));
}

/* The same samples give the same bytes, with this compiler and any other. */
static void same_samples_same_bytes(void **state) {
  (void)state;
  struct one a = born(17, 10.0), b = a;
  uint64_t hash = 14695981039346656037ull;
  for (unsigned i = 0; i < 5000; i++) {
    double x = (double)(int)(100.0 * rng_unit(&a.rng)) + (i > 3000 && i < 3050 ? 500.0 : 0.0);
    struct detect_gauge_verdict v = put(&a, x);
    (void)put(&b, x);
    hash = (hash ^ math_bits(v.score)) * 1099511628211ull;
  }
  b.rng = a.rng;
  assert_memory_equal(&a, &b, sizeof a);
  assert_true(hash == 0xf37333ca1f49c69ull);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(worked_example),
      cmocka_unit_test(scores_are_tail_probabilities),
      cmocka_unit_test(band_holds_what_it_says),
      cmocka_unit_test(spike_is_found_and_not_learned),
      cmocka_unit_test(small_lasting_shift_is_found),
      cmocka_unit_test(trouble_is_not_learned),
      cmocka_unit_test(level_is_adopted_once),
      cmocka_unit_test(constant_is_silent_until_it_moves),
      cmocka_unit_test(habitual_spikes_become_quiet),
      cmocka_unit_test(days_are_learned),
      cmocka_unit_test(gaps_and_jitter_are_no_news),
      cmocka_unit_test(hostile_numbers_stay_finite),
      cmocka_unit_test(same_samples_same_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
