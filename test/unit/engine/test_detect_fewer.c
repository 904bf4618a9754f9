/* Fewer than a rate that wanders should give: against exact sums, and what it promises. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_math.h"
#include "detect_fewer.h"

static const double weights[] = {1e-4, 0.003, 0.02, 0.2}, means[] = {0.5, 4.0, 30.0, 200.0};

/* ln P(x) where the mean is m W, W gamma with mean 1 and variance w: negative binomial. */
static double null_log(double x, double m, double w) {
  double a = 1.0 / w;
  return math_lgamma(a + x) - math_lgamma(a) - math_lgamma(x + 1.0) + a * math_log(a / (a + m)) +
         (x > 0.0 ? x * math_log(m / (a + m)) : 0.0);
}

static double poisson_log(double x, double mean) {
  return (x > 0.0 ? x * math_log(mean) : 0.0) - mean - math_lgamma(x + 1.0);
}

static double slow(double x, double m, double w) {
  static const double k[] = {0.05, 0.2, 0.5};
  double sum = 0.0, null = null_log(x, m, w);
  for (unsigned i = 0; i < 3; i++) sum += math_exp(poisson_log(x, k[i] * m) - null) / 3.0;
  return math_log(sum);
}

static void is_the_ratio_of_the_two_likelihoods(void **state) {
  (void)state;
  for (unsigned i = 0; i < 4; i++)
    for (unsigned j = 0; j < 4; j++)
      for (double x = 0.0; x < 2.0 * means[j] + 5.0; x++) {
        double e = slow(x, means[j], weights[i]), off = detect_fewer(x, means[j], weights[i]) - e;
        if (off > 0.01 || off < -0.01)
          print_error("x %g, m %g, w %g: %g is off by %g\n", x, means[j], weights[i], e, off);
        assert_true(off < 0.01 && off > -0.01);
      }
}

/* E exp(evidence) is 1 under the null. */
static void is_an_e_value(void **state) {
  (void)state;
  for (unsigned i = 0; i < 4; i++)
    for (unsigned j = 0; j < 4; j++) {
      double sum = 0.0;
      for (double x = 0.0; x < 8.0 * means[j] + 200.0; x++)
        sum += math_exp(null_log(x, means[j], weights[i]) + detect_fewer(x, means[j], weights[i]));
      if (sum > 1.01 || sum < 0.99) print_error("m %g, w %g: %g\n", means[j], weights[i], sum);
      assert_true(sum < 1.01 && sum > 0.99);
    }
}

/* A wander of four standard deviations says nothing to speak of, however long it lasts. */
static void usual_wander_is_no_evidence(void **state) {
  (void)state;
  for (double w = 1e-4; w < 0.05; w *= 2.0) {
    double low = 1.0 - 4.0 * math_sqrt(w);
    for (double m = 1.0; m < 1e6; m *= 3.0)
      if (low > 0.0) assert_true(detect_fewer(low * m, m, w) < 12.0);
  }
}

/* docs/detectors/rate.md: 1.3 a second of which none comes, wander 8.5 %; 2.3 a second in groups of 3.4, wander 14 %.
 */
static void worked_example(void **state) {
  (void)state;
  assert_true(detect_fewer(0.0, 27.0, 0.085 * 0.085) > 22.0 && detect_fewer(0.0, 26.0, 0.085 * 0.085) < 22.0);
  double m = 90.0 * 2.3 / 3.4;
  assert_true(detect_fewer(0.1 * m, m, 0.14 * 0.14) > 22.0 && detect_fewer(0.5 * m, 100.0 * m, 0.14 * 0.14) < 0.0);
}

static void smallest_is_where_the_evidence_is_reached(void **state) {
  (void)state;
  double f = detect_fewer_smallest(22.0, 100.0, 0.01);
  assert_true(f > 0.05 && f < 0.6);
  double at = detect_fewer(f * 100.0, 100.0, 0.01);
  assert_true(at >= 22.0 && at < 22.01);
  assert_true(detect_fewer_smallest(22.0, 10.0, 0.01) <= 0.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_the_ratio_of_the_two_likelihoods), cmocka_unit_test(is_an_e_value),
      cmocka_unit_test(usual_wander_is_no_evidence), cmocka_unit_test(worked_example),
      cmocka_unit_test(smallest_is_where_the_evidence_is_reached),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
