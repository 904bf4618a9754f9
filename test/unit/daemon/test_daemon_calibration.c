/* The table of `foreshock calibration`. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "daemon_calibration.h"
#include "text_sample.h"

static const char *table(const char *json, struct text t) {
  return sample_text(calibration_text, json, t);
}

static const char two[] =
    "[{\"signal\":\"requests_erratic\",\"threshold\":20.4,\"raised_to\":22.75,\"series_weeks\":12.41,\"exceeding\":["
    "{\"level\":10,\"seen\":1431,\"bound\":1362.5},{\"level\":12,\"seen\":190,\"bound\":184.4},"
    "{\"level\":14,\"seen\":3,\"bound\":24.96},{\"level\":16,\"seen\":0,\"bound\":3.38},"
    "{\"level\":24,\"seen\":0,\"bound\":0.001}]},"
    "{\"signal\":\"errors\",\"threshold\":20.4,\"raised_to\":20.4,\"series_weeks\":0.5,\"exceeding\":["
    "{\"level\":10,\"seen\":0,\"bound\":0.0045}]},"
    "{\"signal\":\"bytes\",\"threshold\":20.4,\"raised_to\":20.4,\"series_weeks\":0,\"exceeding\":[]},"
    "{\"signal\":\"hanging\",\"threshold\":20.4,\"raised_to\":20.4,\"series_weeks\":0,\"exceeding\":[]}]";

static void as_many_levels_as_fit(void **state) {
  (void)state;
  assert_string_equal(table(two, (struct text){.width = 80}),
                      "signal              weeks  in use  raised         >10         >12         >14\n"
                      "requests_erratic     12.4    22.8    2.35 1,430/1,400     190/180        3/25\n"
                      "errors                0.5    20.4       -      0/<.01\n"
                      "\n"
                      "weeks: watched so far while no incident was open, summed over the series. in\n"
                      "use: the evidence that an alarm needs, in nats, and by how much of it the\n"
                      "traffic itself raised it; it is never lowered. >10: how often evidence rose over\n"
                      "10 nats and fell again without an alarm / how often at most it should have.\n"
                      "Not watched so far: bytes, hanging.\n");
  const char *wide = table(two, (struct text){.width = 120});
  assert_non_null(strstr(wide, "         >16         >24\n"));
  assert_non_null(strstr(wide, "       0/3.4      0/<.01\n"));
}

static void a_raised_threshold_stands_out(void **state) {
  (void)state;
  const char *got = table(two, (struct text){.width = 80, .colour = true});
  assert_non_null(strstr(got, "\033[1;33m2.35\033[0m"));
  assert_null(strstr(table(two, (struct text){.width = 80}), "\033"));
}

static void odd_members_are_left_out(void **state) {
  (void)state;
  assert_string_equal(table("[]", (struct text){.width = 80}), "");
  assert_string_equal(table("{}", (struct text){.width = 80}), "");
  assert_string_equal(table("[{\"signal\":\"errors\",\"series_weeks\":null}]", (struct text){.width = 80}),
                      "Not watched so far: errors.\n");
  table("[7,null,{\"series_weeks\":1,\"exceeding\":{}},{\"series_weeks\":1e300,\"exceeding\":[1,{\"seen\":-1}]}]",
        (struct text){.width = 40});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_many_levels_as_fit),
      cmocka_unit_test(a_raised_threshold_stands_out),
      cmocka_unit_test(odd_members_are_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
