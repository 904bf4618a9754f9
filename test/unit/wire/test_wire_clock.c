/* The watermark, and proxies whose clocks are off. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_time.h"
#include "wire_clock.h"

#define S TIME_NS_PER_S
#define MS TIME_NS_PER_MS
#define T0 (1767225600 * S)

static void the_lag_starts_at_two_seconds_and_falls_after_a_minute(void **state) {
  (void)state;
  struct wire_clock c;
  wire_clock_init(&c);
  assert_true(wire_clock_watermark(&c) == WIRE_CLOCK_NONE);
  wire_clock_arrive(&c, T0);
  assert_int_equal(wire_clock_watermark(&c), T0 - 2 * S);
  for (int64_t i = 1; i < 60; i++) {
    wire_clock_arrive(&c, T0 + i * S);
    wire_clock_late(&c, T0 + i * S - 400 * MS);
    assert_int_equal(wire_clock_lag(&c), 2 * S);
  }
  wire_clock_arrive(&c, T0 + 60 * S);
  assert_int_equal(wire_clock_lag(&c), 400 * MS);
}

static void the_lag_is_the_largest_lateness_of_the_last_minute(void **state) {
  (void)state;
  struct wire_clock c;
  wire_clock_init(&c);
  wire_clock_arrive(&c, T0);
  wire_clock_arrive(&c, T0 + 100 * S);
  wire_clock_late(&c, T0 + 100 * S - 900 * MS);
  assert_int_equal(wire_clock_lag(&c), 900 * MS);
  wire_clock_arrive(&c, T0 + 130 * S);
  wire_clock_late(&c, T0 + 130 * S - 300 * MS);
  assert_int_equal(wire_clock_lag(&c), 900 * MS);
  wire_clock_arrive(&c, T0 + 160 * S);
  assert_int_equal(wire_clock_lag(&c), 300 * MS);
}

static void the_lag_stays_in_its_bounds(void **state) {
  (void)state;
  struct wire_clock c;
  wire_clock_init(&c);
  wire_clock_arrive(&c, T0);
  wire_clock_arrive(&c, T0 + 100 * S);
  assert_int_equal(wire_clock_lag(&c), LIMIT_LAG_NS_MIN);
  wire_clock_late(&c, T0 + 100 * S - LIMIT_LAG_NS_MAX);
  assert_int_equal(wire_clock_lag(&c), LIMIT_LAG_NS_MAX);
}

static void what_is_beyond_waiting_for_is_not_learned_from(void **state) {
  (void)state;
  struct wire_clock c;
  wire_clock_init(&c);
  wire_clock_arrive(&c, T0);
  wire_clock_arrive(&c, T0 + 100 * S);
  wire_clock_late(&c, T0 + 100 * S - LIMIT_LAG_NS_MAX - 1);
  assert_int_equal(wire_clock_lag(&c), LIMIT_LAG_NS_MIN);
}

static void the_watermark_never_goes_back(void **state) {
  (void)state;
  struct wire_clock c;
  wire_clock_init(&c);
  wire_clock_arrive(&c, T0);
  wire_clock_arrive(&c, T0 + 100 * S);
  int64_t mark = wire_clock_watermark(&c);
  wire_clock_late(&c, T0 + 98 * S);
  assert_int_equal(wire_clock_watermark(&c), mark);
  wire_clock_arrive(&c, T0 + 50 * S);
  assert_int_equal(wire_clock_watermark(&c), mark);
}

static void a_little_ahead_is_now(void **state) {
  (void)state;
  struct wire_skew s = {0};
  assert_int_equal(wire_skew_end(&s, T0, T0 + 300 * MS), T0);
  assert_int_equal(wire_skew_end(&s, T0 + S, T0 + 900 * MS), T0 + 900 * MS);
}

static void a_clock_far_ahead_is_shifted(void **state) {
  (void)state;
  struct wire_skew s = {0};
  assert_int_equal(wire_skew_end(&s, T0, T0 + 40 * S), T0);
  assert_int_equal(wire_skew_end(&s, T0 + S, T0 + 40 * S + 500 * MS), T0 + 500 * MS);
}

static void a_clock_far_behind_is_shifted_once_that_is_sure(void **state) {
  (void)state;
  struct wire_skew s = {0};
  for (int64_t i = 0; i < 30; i++)
    assert_int_equal(wire_skew_end(&s, T0 + i * S, T0 + i * S - 8 * S), T0 + (i - 8) * S);
  assert_int_equal(wire_skew_end(&s, T0 + 31 * S, T0 + 23 * S), T0 + 31 * S);
  assert_int_equal(wire_skew_end(&s, T0 + 32 * S, T0 + 23 * S), T0 + 31 * S);
}

static void one_backlog_is_no_skew(void **state) {
  (void)state;
  struct wire_skew s = {0};
  assert_int_equal(wire_skew_end(&s, T0, T0 - 20 * S), T0 - 20 * S);
  for (int64_t i = 1; i < 90; i++) assert_int_equal(wire_skew_end(&s, T0 + i * S, T0 + i * S - MS), T0 + i * S - MS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_lag_starts_at_two_seconds_and_falls_after_a_minute),
      cmocka_unit_test(the_lag_is_the_largest_lateness_of_the_last_minute),
      cmocka_unit_test(the_lag_stays_in_its_bounds),
      cmocka_unit_test(what_is_beyond_waiting_for_is_not_learned_from),
      cmocka_unit_test(the_watermark_never_goes_back),
      cmocka_unit_test(a_little_ahead_is_now),
      cmocka_unit_test(a_clock_far_ahead_is_shifted),
      cmocka_unit_test(a_clock_far_behind_is_shifted_once_that_is_sure),
      cmocka_unit_test(one_backlog_is_no_skew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
