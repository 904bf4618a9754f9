/* Known values: `date -u -d @SECONDS` of GNU coreutils. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_time.h"

struct known {
  int64_t ns;
  const char *text;
};

static const struct known known[] = {
    {1772442000000000000, "2026-03-02T09:00:00.000000000Z"},
    {0, "1970-01-01T00:00:00.000000000Z"},
    {-1, "1969-12-31T23:59:59.999999999Z"},
    {951782399000000001, "2000-02-28T23:59:59.000000001Z"},
    {951782400000000000, "2000-02-29T00:00:00.000000000Z"},
    {4107542399000000000, "2100-02-28T23:59:59.000000000Z"},
    {4107542400000000000, "2100-03-01T00:00:00.000000000Z"},
    {-2208988800000000000, "1900-01-01T00:00:00.000000000Z"},
    {-9214560000000000000, "1678-01-01T00:00:00.000000000Z"},
    {9214646399999999999, "2261-12-31T23:59:59.999999999Z"},
};

static void known_times_are_written_and_read(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    char text[TIME_TEXT_BYTES];
    struct base_wall t = {0};
    time_text((struct base_wall){known[i].ns}, text);
    assert_string_equal(text, known[i].text);
    assert_true(time_read(str_of(known[i].text), &t));
    assert_true(t.ns == known[i].ns);
  }
}

static void the_ends_of_the_range_are_written(void **state) {
  (void)state;
  char text[TIME_TEXT_BYTES];
  time_text((struct base_wall){INT64_MAX}, text);
  assert_string_equal(text, "2262-04-11T23:47:16.854775807Z");
  time_text((struct base_wall){INT64_MIN}, text);
  assert_string_equal(text, "1677-09-21T00:12:43.145224192Z");
}

static void a_round_trip_gives_the_same_nanosecond(void **state) {
  (void)state;
  for (int64_t ns = -9214560000000000000; ns < 9214646399000000000 - 7919000000123457; ns += 7919000000123457) {
    char text[TIME_TEXT_BYTES];
    struct base_wall t = {0};
    time_text((struct base_wall){ns}, text);
    assert_true(time_read(str_of(text), &t));
    assert_true(t.ns == ns);
  }
}

static void other_forms_of_rfc_3339_are_read(void **state) {
  (void)state;
  static const char *const same[] = {"2026-03-02T09:00:00Z",      "2026-03-02t09:00:00z",      "2026-03-02 09:00:00.0Z",
                                     "2026-03-02T10:30:00+01:30", "2026-03-01T23:00:00-10:00", "2026-03-02T08:59:60Z"};
  struct base_wall t = {0};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    assert_true(time_read(str_of(same[i]), &t));
    assert_true(t.ns == 1772442000000000000);
  }
  assert_true(time_read(STR("2026-03-02T09:00:00.25Z"), &t));
  assert_true(t.ns == 1772442000250000000);
}

static void anything_else_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "2026-03-02",
                                    "2026-03-02T09:00:00",
                                    "2026-03-02T09:00Z",
                                    "2026-3-2T09:00:00Z",
                                    "2026-13-02T09:00:00Z",
                                    "2026-00-02T09:00:00Z",
                                    "2026-03-32T09:00:00Z",
                                    "2026-02-29T09:00:00Z",
                                    "2026-04-31T09:00:00Z",
                                    "2026-03-02T24:00:00Z",
                                    "2026-03-02T09:60:00Z",
                                    "2026-03-02T09:00:61Z",
                                    "2026-03-02T09:00:00.Z",
                                    "2026-03-02T09:00:00Z ",
                                    "2026-03-02T09:00:00+24:00",
                                    "2026-03-02T09:00:00+0100",
                                    "1677-03-02T09:00:00Z",
                                    "2262-03-02T09:00:00Z",
                                    "99999-03-02T09:00:00Z",
                                    "-026-03-02T09:00:00Z"};
  struct base_wall t = {0};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(time_read(str_of(bad[i]), &t));
  assert_false(time_read(STR_NONE, &t));
  assert_true(t.ns == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_times_are_written_and_read),
      cmocka_unit_test(the_ends_of_the_range_are_written),
      cmocka_unit_test(a_round_trip_gives_the_same_nanosecond),
      cmocka_unit_test(other_forms_of_rfc_3339_are_read),
      cmocka_unit_test(anything_else_is_refused),
  };
  return cmocka_run_group_tests_name("base_time", tests, NULL, NULL);
}
