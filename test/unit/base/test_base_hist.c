/* Oracle of the quantiles: the sorted values themselves. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "base_hist.h"

static void edges_ascend_and_bound_their_bucket(void **state) {
  (void)state;
  for (uint32_t b = 1; b < HIST_BUCKETS; b++) {
    uint64_t lo = hist_bucket_ns(b), hi = hist_bucket_ns(b + 1);
    assert_true(lo < hi);
    assert_int_equal(hist_bucket(lo), b);
    assert_int_equal(hist_bucket(lo - 1), b - 1);
    assert_int_equal(hist_bucket(hi - 1), b);
    assert_true((double)hi / (double)lo > 1.14 && (double)hi / (double)lo <= 1.25);
  }
  for (uint32_t b = 1; b < HIST_FINE_BUCKETS; b++) {
    uint64_t lo = hist_fine_bucket_ns(b), hi = hist_fine_bucket_ns(b + 1);
    assert_true(lo < hi);
    assert_int_equal(hist_fine_bucket(lo), b);
    assert_int_equal(hist_fine_bucket(lo - 1), b - 1);
    assert_true((double)(hi - lo) <= 0.016 * (double)lo);
  }
}

static void values_past_either_end_stay_in_the_end_buckets(void **state) {
  (void)state;
  assert_int_equal(hist_bucket(0), 0);
  assert_int_equal(hist_bucket(131071), 0);
  assert_int_equal(hist_bucket(131072), 0);
  assert_int_equal(hist_bucket(8589934591ull), 63);
  assert_int_equal(hist_bucket(8589934592ull), 63);
  assert_int_equal(hist_bucket(UINT64_MAX), 63);
  assert_int_equal(hist_fine_bucket(UINT64_MAX), HIST_FINE_BUCKETS - 1);
  assert_int_equal(hist_fine_bucket(0), 0);
}

static int u64_order(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

#define VALUES 10007u

static void quantiles_are_within_a_bucket_of_the_exact_ones(void **state) {
  (void)state;
  static uint64_t value[VALUES];
  static uint32_t fine[HIST_FINE_BUCKETS], coarse[HIST_BUCKETS];
  uint64_t x = 88172645463325252ull;
  for (unsigned i = 0; i < VALUES; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    value[i] = 1000000 + x % 1000000 * (x >> 44 & 1023);
    fine[hist_fine_bucket(value[i])]++;
    coarse[hist_bucket(value[i])]++;
  }
  qsort(value, VALUES, sizeof *value, u64_order);
  for (double q = 0.0; q <= 1.0; q += 1.0 / 128) {
    double exact = (double)value[(unsigned)(q * (VALUES - 1))];
    double f = (double)hist_quantile_ns(fine, HIST_FINE_BUCKETS, HIST_FINE_FLOOR_LOG2, HIST_FINE_BITS, q);
    double c = (double)hist_quantile_ns(coarse, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, q);
    assert_true(f > exact * 0.984 && f < exact * 1.016);
    assert_true(c > exact * 0.79 && c < exact * 1.26);
  }
}

static void the_smallest_histograms(void **state) {
  (void)state;
  uint32_t count[HIST_BUCKETS] = {0};
  assert_int_equal(hist_quantile_ns(count, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, 0.5), 0);
  count[10] = 1;
  uint64_t lo = hist_bucket_ns(10), hi = hist_bucket_ns(11);
  for (double q = 0.0; q <= 1.0; q += 0.25)
    assert_int_equal(hist_quantile_ns(count, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, q), lo + (hi - lo) / 2);
  count[10] = UINT32_MAX;
  count[40] = UINT32_MAX;
  assert_in_range(hist_quantile_ns(count, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, 0.49), lo, hi);
  assert_in_range(hist_quantile_ns(count, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, 0.51), hist_bucket_ns(40),
                  hist_bucket_ns(41));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(edges_ascend_and_bound_their_bucket),
      cmocka_unit_test(values_past_either_end_stay_in_the_end_buckets),
      cmocka_unit_test(quantiles_are_within_a_bucket_of_the_exact_ones),
      cmocka_unit_test(the_smallest_histograms),
  };
  return cmocka_run_group_tests_name("base_hist", tests, NULL, NULL);
}
