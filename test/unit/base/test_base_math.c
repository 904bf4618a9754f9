/* Oracle: libm, over dense grids; published values where libm has none. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <math.h>
#include <stdio.h>

#include "base_math.h"

#define BITS_DIGEST 0xa306733f2ea1ea0eull

static double relative(double got, double want) {
  return got == want ? 0.0 : fabs(got - want) / fabs(want);
}

static double mixed(double got, double want) {
  return fabs(got - want) / fmax(1.0, fabs(want));
}

static double absolute(double got, double want) {
  return fabs(got - want);
}

/* The largest error of fn against want on n even steps from lo to hi. */
#define GRID_MAX(error, fn, want, lo, hi, n, worst)  \
  do {                                               \
    (worst) = 0.0;                                   \
    for (int i_ = 0; i_ <= (n); i_++) {              \
      double x = (lo) + ((hi) - (lo)) * i_ / (n);    \
      (worst) = fmax((worst), error(fn(x), (want))); \
    }                                                \
  } while (0)

#define GRID(error, fn, want, lo, hi, n, bound)                                                                     \
  do {                                                                                                              \
    double worst_;                                                                                                  \
    GRID_MAX(error, fn, want, lo, hi, n, worst_);                                                                   \
    if (!(worst_ <= (bound))) print_error("%s: error %g over [%g, %g]\n", #fn, worst_, (double)(lo), (double)(hi)); \
    assert_true(worst_ <= (bound));                                                                                 \
  } while (0)

static void exp_equals_libm(void **state) {
  (void)state;
  GRID(relative, math_exp, exp(x), -708.0, 709.78, 400000, 1e-15);
  GRID(relative, math_exp, exp(x), -1.0, 1.0, 400000, 1e-15);
  GRID(relative, math_exp, exp(x), -1e-9, 1e-9, 1000, 1e-15);
  GRID(absolute, math_exp, exp(x), -746.0, -708.0, 10000, 1e-323);
  assert_true(math_exp(0.0) == 1.0);
  assert_true(math_exp(709.79) == (double)INFINITY && math_exp(1e300) == (double)INFINITY);
  assert_true(math_exp(-746.0) == 0.0 && math_exp(-1e300) == 0.0);
}

static double log_of_power(double x) {
  return math_log(exp2(x));
}

static void log_equals_libm(void **state) {
  (void)state;
  GRID(relative, math_log, log(x), 0.4, 2.6, 400000, 1e-15);
  GRID(relative, math_log, log(x), 1.0 - 1e-6, 1.0 + 1e-6, 10000, 1e-15);
  GRID(relative, log_of_power, log(exp2(x)), -1074.0, 1023.9, 400000, 1e-15);
  assert_true(math_log(1.0) == 0.0);
  assert_true(math_log(0.0) == -(double)INFINITY);
  assert_true(math_log((double)INFINITY) == (double)INFINITY);
}

static void log1p_equals_libm(void **state) {
  (void)state;
  GRID(relative, math_log1p, log1p(x), -0.999999, 3.0, 400000, 1e-15);
  GRID(relative, math_log1p, log1p(x), -1e-5, 1e-5, 10000, 1e-15);
  GRID(relative, math_log1p, log1p(x), 1e14, 1e18, 10000, 1e-15);
  assert_true(math_log1p(0.0) == 0.0 && math_log1p(1e-300) == 1e-300);
  assert_true(math_log1p(-1.0) == -(double)INFINITY);
}

static void log1p_exp_equals_libm(void **state) {
  (void)state;
  GRID(relative, math_log1p_exp, log1p(exp(x)), -700.0, 40.0, 200000, 1e-15);
  GRID(relative, math_log1p_exp, x, 40.0, 1e6, 1000, 1e-15);
  assert_true(math_log1p_exp(1e300) == 1e300 && math_log1p_exp(-1e300) == 0.0);
}

static void sqrt_is_correctly_rounded(void **state) {
  (void)state;
  GRID(absolute, math_sqrt, sqrt(x), 0.0, 1e6, 100000, 0.0);
}

static void lgamma_equals_libm_and_factorials(void **state) {
  (void)state;
  GRID(mixed, math_lgamma, lgamma(x), 0.001, 40.0, 200000, 1e-14);
  GRID(mixed, math_lgamma, lgamma(x), 40.0, 1e9, 100000, 1e-14);
  double log_factorial = 0.0;
  for (int n = 1; n <= 170; n++) {
    log_factorial += log(n);
    assert_true(mixed(math_lgamma(n + 1.0), log_factorial) < 1e-14);
  }
  assert_true(math_lgamma(1.0) == 0.0 && math_lgamma(2.0) == 0.0);
}

static void norm_sf_equals_libm(void **state) {
  (void)state;
  /* erfc's argument is rounded, which costs up to z^2 * 1e-16 of the tail: the bound grows with it. */
  GRID(relative, math_norm_sf, 0.5 * erfc(x * sqrt(0.5)), -9.0, 6.0, 300000, 2e-14);
  GRID(relative, math_norm_sf, 0.5 * erfc(x * sqrt(0.5)), 6.0, 37.4, 100000, 4e-13);
  assert_true(math_norm_sf(0.0) == 0.5);
  assert_true(math_norm_sf(40.0) == 0.0 && math_norm_sf(-40.0) == 1.0);
}

/* Values: Wichura's own test values of AS 241 and common table values. */
static void norm_quantile_gives_published_values_and_inverts_sf(void **state) {
  (void)state;
  assert_true(fabs(math_norm_quantile(0.25) - -0.6744897501960817) < 1e-15);
  assert_true(fabs(math_norm_quantile(0.001) - -3.090232306167814) < 1e-14);
  assert_true(fabs(math_norm_quantile(1e-20) - -9.262340089798408) < 1e-14);
  assert_true(fabs(math_norm_quantile(0.975) - 1.959963984540054) < 1e-14);
  assert_true(math_norm_quantile(0.5) == 0.0);
  for (double z = 0.0; z < 37.0; z += 1.0 / 64) assert_true(mixed(-math_norm_quantile(math_norm_sf(z)), z) < 1e-14);
}

static void fast_forms_keep_their_bounds(void **state) {
  (void)state;
  GRID(relative, math_exp_fast, exp(x), -708.0, 709.0, 400000, 1.5e-7);
  GRID(relative, math_exp_fast, exp(x), -2.0, 2.0, 100000, 1.5e-7);
  GRID(absolute, math_log_fast, log(x), 0.3, 3.0, 400000, 1e-7);
  GRID(absolute, math_log_fast, log(x), 1.0, 1e12, 100000, 1e-7);
  GRID(absolute, math_log_fast, log(x), 1e-12, 1e-3, 100000, 1e-7);
  GRID(absolute, math_log1p_exp_fast, log1p(exp(x)), -60.0, 60.0, 400000, 3e-6);
}

static void fast_forms_saturate(void **state) {
  (void)state;
  assert_true(math_exp_fast(0.0) == 1.0);
  assert_true(math_log_fast(1.0) == 0.0);
  assert_true(isfinite(math_exp_fast(1e300)) && math_exp_fast(1e300) > 8e307);
  assert_true(math_exp_fast(-1e300) > 0.0 && math_exp_fast(-1e300) < 1e-306);
  assert_true(fabs(math_log_fast(0.0) - -708.396) < 0.001);
  assert_true(math_log_fast(-5.0) == math_log_fast(0.0));
  assert_true(math_log1p_exp_fast(1e6) == 1e6 && math_log1p_exp_fast(-1e6) < 1e-306);
}

/* The same bits everywhere is the promise of the file. These were computed once; another compiler, flag or CPU that
 * gives others breaks replay equality. */
static void the_bits_are_these(void **state) {
  (void)state;
  uint64_t h = 0;
  for (int i = 0; i < 20000; i++) {
    double x = -30.0 + i * 0.003, y = math_exp(x);
    double value[] = {y,
                      math_log(y),
                      math_log1p(y),
                      math_log1p_exp(x),
                      math_lgamma(y),
                      math_norm_sf(x),
                      math_exp_fast(x),
                      math_log_fast(y),
                      math_log1p_exp_fast(x),
                      math_sqrt(y)};
    for (size_t k = 0; k < sizeof value / sizeof *value; k++) h = h * 0x9e3779b97f4a7c15ull + math_bits(value[k]);
  }
  if (h != BITS_DIGEST) print_error("digest 0x%016llx\n", (unsigned long long)h);
  assert_true(h == BITS_DIGEST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exp_equals_libm),
      cmocka_unit_test(log_equals_libm),
      cmocka_unit_test(log1p_equals_libm),
      cmocka_unit_test(log1p_exp_equals_libm),
      cmocka_unit_test(sqrt_is_correctly_rounded),
      cmocka_unit_test(lgamma_equals_libm_and_factorials),
      cmocka_unit_test(norm_sf_equals_libm),
      cmocka_unit_test(norm_quantile_gives_published_values_and_inverts_sf),
      cmocka_unit_test(fast_forms_keep_their_bounds),
      cmocka_unit_test(fast_forms_saturate),
      cmocka_unit_test(the_bits_are_these),
  };
  return cmocka_run_group_tests_name("base_math", tests, NULL, NULL);
}
