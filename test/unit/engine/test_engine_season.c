/* The shape of day and week: what is learned of it, and that a step that comes each day is no surprise. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "engine_season.h"

#define HOUR_NS (3600 * TIME_NS_PER_S)

static double rate_at(unsigned hour) { /* a shop that opens at 8 and closes at 18, but not on days 2 and 3 */
  unsigned day = hour / 24 % 7, clock = hour % 24;
  bool open = clock >= 8 && clock < 18 && day != 2 && day != 3;
  return open ? 40.0 : 5.0;
}

static void weeks_learn(struct engine_season *s, unsigned hours) {
  for (unsigned h = 0; h < hours; h++)
    for (unsigned m = 0; m < 60; m++) {
      struct base_wall t = {(int64_t)h * HOUR_NS + (int64_t)(m + 1) * 60 * TIME_NS_PER_S - 1};
      season_minute(s, t, rate_at(h) * 60.0, 60.0, m == 59);
    }
}

static void nothing_is_known_before_a_day(void **state) {
  (void)state;
  struct engine_season s = {0};
  weeks_learn(&s, 7);
  assert_int_equal(season_step(&s, 7, 8), 0);
}

/* Eight times more at eight, three octaves: 24 eighths, from the second day on by the hour of the day. */
static void a_daily_step_is_known_after_a_day(void **state) {
  (void)state;
  struct engine_season s = {0};
  weeks_learn(&s, 24);
  assert_in_range(season_step(&s, 24 + 7, 24 + 8), 20, 28);
  assert_in_range(-season_step(&s, 24 + 17, 24 + 18), 20, 28);
  assert_in_range(season_step(&s, 24 + 10, 24 + 11) + 2, 0, 4);
}

/* After two weeks the days that are closed have no step, and the others have. */
static void a_weekly_shape_is_known_after_two(void **state) {
  (void)state;
  struct engine_season s = {0};
  weeks_learn(&s, 2 * 168);
  assert_in_range(season_step(&s, 24 + 7, 24 + 8), 20, 28);
  assert_in_range(season_step(&s, 48 + 7, 48 + 8) + 3, 0, 6);
}

static void hours_are_those_of_the_week(void **state) {
  (void)state;
  assert_int_equal(season_hour((struct base_wall){0}), 0);
  assert_int_equal(season_hour((struct base_wall){167 * HOUR_NS + 5}), 167);
  assert_int_equal(season_hour((struct base_wall){168 * HOUR_NS}), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_known_before_a_day),
      cmocka_unit_test(a_daily_step_is_known_after_a_day),
      cmocka_unit_test(a_weekly_shape_is_known_after_two),
      cmocka_unit_test(hours_are_those_of_the_week),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
