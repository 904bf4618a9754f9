/* The paragraph of a finding, a golden text for each form and what changes it. The texts were written by hand from
 * docs/detectors/README.md. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "daemon_explain_room.h"
#include "rec_name.h"
#include "text_sample.h"

static const char *told_as(const char *json, bool ascii) {
  return sample_text(explain_finding, json, (struct text){.width = 10000, .ascii = ascii});
}

struct sample {
  const char *signal, *unit, *numbers; /* from "baseline" to "smallest_effect" */
};

#define ENTITY "{\"kind\":\"service\",\"service\":\"cart\",\"cluster\":\"east-1\"}"
#define LEARNED ", learned from 14,200 requests in 3.2 h"

static const char *told(struct sample s) {
  static char json[4096];
  (void)snprintf(json, sizeof json,
                 "{\"finding\":{\"entity\":" ENTITY
                 ",\"signal\":\"%s\",\"unit\":\"%s\",%s,\"baseline_age_s\":11520,"
                 "\"baseline_requests\":14213,\"log_e\":31.23,\"threshold\":20.4,"
                 "\"onset\":\"2026-03-02T09:21:00.000000000Z\"}}",
                 s.signal, s.unit, s.numbers);
  return told_as(json, true);
}

/* All but the last sentence, which is the same for all. */
static void assert_told(struct sample s, const char *want) {
  char whole[2048];
  (void)snprintf(whole, sizeof whole,
                 "%s Evidence against mere chance: 10^13 to 1; the budget of false alarms (one a week unless set "
                 "otherwise) asks for 10^8 to 1 over all that is watched.\n",
                 want);
  assert_string_equal(told(s), whole);
}

#define SLOW                                                                     \
  "\"baseline\":0.096,\"baseline_sd\":0.003,\"observed\":0.412,\"effect\":4.29," \
  "\"effect_interval\":[4.1,4.5],\"smallest_effect\":1.15"
#define SLOW_TOLD                                                                                           \
  "cart in east-1 answered in 412 ms on average from 09:21:00 UTC on, where 96 ms (+- 3) is normal" LEARNED \
  ": 4.3 times as slow (4.1 to 4.5)"
#define SLOW_LEAST " The smallest slow-down that it could have shown in a minute is 1.15 times."
#define FAILS                                                                     \
  "\"baseline\":0.0005,\"baseline_sd\":0.00001,\"observed\":0.31,\"effect\":620," \
  "\"effect_interval\":[580,660],\"smallest_effect\":18"
#define FAILS_NORMAL \
  " from 09:21:00 UTC on, where 0.05 % (+- 0.001) is normal" LEARNED ": 31 percentage points more (29 to 33)"
#define FAILS_LEAST " The smallest share that it could have shown in a minute is 0.9 %."

static void slow(void **state) {
  (void)state;
  assert_told((struct sample){"latency", "s", SLOW}, SLOW_TOLD "." SLOW_LEAST);
  assert_told((struct sample){"latency_apart", "s", SLOW},
              SLOW_TOLD ", and slower than its siblings in the same seconds." SLOW_LEAST);
  assert_told((struct sample){"latency_drift", "s", SLOW},
              SLOW_TOLD ", and slower than in its reference time." SLOW_LEAST);
}

static void shares(void **state) {
  (void)state;
  static const char *const words[][2] = {{"errors", "failed 31 % of its requests"},
                                         {"unreachable", "gave no answer to 31 % of its requests"},
                                         {"timeouts", "gave no answer in time to 31 % of its requests"},
                                         {"overload", "turned away 31 % of its requests to protect itself"},
                                         {"client_errors", "answered 31 % of its requests with a client error"},
                                         {"denied", "denied 31 % of its requests"},
                                         {"throttled", "throttled 31 % of its requests"},
                                         {"cancelled", "lost 31 % of its requests to clients that went away"},
                                         {"retries", "had 31 % of its requests retried"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    char want[1024];
    (void)snprintf(want, sizeof want, "cart in east-1 %s%s", words[i][1], FAILS_NORMAL "." FAILS_LEAST);
    assert_told((struct sample){words[i][0], "share", FAILS}, want);
  }
  assert_told((struct sample){"errors_apart", "share", FAILS},
              "cart in east-1 failed 31 % of its requests" FAILS_NORMAL
              ", and more than its siblings in the same seconds." FAILS_LEAST);
  assert_told((struct sample){"errors_drift", "share", FAILS}, "cart in east-1 failed 31 % of its requests" FAILS_NORMAL
                                                               ", and more than in its reference time." FAILS_LEAST);
}

static void rates(void **state) {
  (void)state;
  assert_told((struct sample){"requests_down", "1/s",
                              "\"baseline\":96,\"baseline_sd\":3,\"observed\":12.5,\"effect\":0.13,"
                              "\"effect_interval\":[0.11,0.15],\"smallest_effect\":0.7"},
              "cart in east-1 got 12.5 requests a second from 09:21:00 UTC on, where 96 (+- 3) is normal" LEARNED
              ": 87 % fewer (85 to 89). The smallest drop that it could have shown in a minute is 30 %.");
  assert_told((struct sample){"requests_up", "1/s",
                              "\"baseline\":1200,\"baseline_sd\":30,\"observed\":2640,\"effect\":2.2,"
                              "\"effect_interval\":[2.1,2.3],\"smallest_effect\":1.3"},
              "cart in east-1 got 2,640 requests a second from 09:21:00 UTC on, where 1,200 (+- 30) is normal" LEARNED
              ": 2.2 times as many (2.1 to 2.3). The smallest surge that it could have shown in a minute is 1.3 "
              "times.");
  assert_told((struct sample){"requests_erratic", "1/s",
                              "\"baseline\":96,\"baseline_sd\":3,\"observed\":97,\"effect\":1.01,"
                              "\"effect_interval\":[0.9,1.1],\"smallest_effect\":null"},
              "cart in east-1 got 97 requests a second on average, but in bunches, from 09:21:00 UTC on, where 96 (+- "
              "3) is normal" LEARNED ": from second to second their number varies far more than it did.");
}

static void sizes_and_requests_under_way(void **state) {
  (void)state;
  assert_told((struct sample){"bytes", "bytes",
                              "\"baseline\":4100,\"baseline_sd\":120,\"observed\":1230000,\"effect\":300,"
                              "\"effect_interval\":[290,310],\"smallest_effect\":1.5"},
              "cart in east-1 moved 1.23 MB a request from 09:21:00 UTC on, where 4.1 kB (+- 0.12) is normal" LEARNED
              ": 300 times as much (290 to 310). The smallest growth that it could have shown in a minute is 1.5 "
              "times.");
  assert_told((struct sample){"hanging", "requests",
                              "\"baseline\":12,\"baseline_sd\":0,\"observed\":240,\"effect\":20,"
                              "\"effect_interval\":[18,22],\"smallest_effect\":null"},
              "cart in east-1 had 240 requests under way from 09:21:00 UTC on, where 12 is normal" LEARNED
              ": 20 times as many (18 to 22).");
}

/* 1981 of 1981 failed where 0.5 of 6608 is normal: the ratio is known to a factor of 16 only, the difference to some
 * points. By hand: ln(211424 / 826.503) / 3.92 = 1.41439, squared 2.00051, less (0.000106983 / 0.0000756485)^2
 * = 2.00000 is 0.00051 = 1 / 1981 nearly; 1.96 sqrt(0.00051) = 0.044; and a share ends at 1. */
static void a_difference_is_known_better_than_a_ratio_to_nearly_nothing(void **state) {
  (void)state;
  assert_told((struct sample){"errors", "share",
                              "\"baseline\":7.56485e-05,\"baseline_sd\":0.000106983,\"observed\":1,\"effect\":13219,"
                              "\"effect_interval\":[826.503,211424]"},
              "cart in east-1 failed 100 % of its requests from 09:21:00 UTC on, where 0.00756 % (+- 0.011) is "
              "normal" LEARNED ": 100 percentage points more (96 to 100).");
}

/* A service that got nothing at all, one that never failed, one that became better. */
static void the_ends_of_the_scale(void **state) {
  (void)state;
  assert_told(
      (struct sample){"requests_down", "1/s", "\"baseline\":96,\"observed\":0,\"effect\":0,\"effect_interval\":[0,0]"},
      "cart in east-1 got 0 requests a second from 09:21:00 UTC on, where 96 is normal" LEARNED ": 100 % fewer.");
  assert_told((struct sample){"errors", "share",
                              "\"baseline\":0,\"observed\":0.02,\"effect\":0,"
                              "\"effect_interval\":[0,0],\"smallest_effect\":null"},
              "cart in east-1 failed 2 % of its requests from 09:21:00 UTC on, where 0 % is normal" LEARNED
              ": 2 percentage points more.");
  assert_told((struct sample){"errors", "share",
                              "\"baseline\":0.5,\"observed\":0.2,\"effect\":0.4,"
                              "\"effect_interval\":[0.3,0.6]"},
              "cart in east-1 failed 20 % of its requests from 09:21:00 UTC on, where 50 % is normal" LEARNED
              ": 30 percentage points less (23 to 37).");
  assert_told((struct sample){"latency", "s",
                              "\"baseline\":0.002,\"observed\":0.00042,\"effect\":0.21,"
                              "\"effect_interval\":[0.2,0.3]"},
              "cart in east-1 answered in 420 us on average from 09:21:00 UTC on, where 2 ms is normal" LEARNED
              ": 79 % less time (70 to 80).");
}

static void the_subject_is_named_in_full(void **state) {
  (void)state;
  static const char *const want[][2] = {
      {"{\"kind\":\"pod\",\"service\":\"cart\",\"cluster\":\"eu\",\"region\":\"r\",\"pod\":\"cart-1\"}",
       "pod cart-1 of cart in eu failed "},
      {"{\"kind\":\"route\",\"service\":\"cart\",\"route\":\"GET /x\",\"region\":\"r\"}",
       "route GET /x of cart in r failed "},
      {"{\"kind\":\"version\",\"service\":\"cart\",\"version\":\"v2\"}", "version v2 of cart failed "},
      {"{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"}", "cart, called by front, failed "},
      {"{\"kind\":\"cluster\",\"cluster\":\"eu\"}", "cluster eu failed "},
      {"{\"kind\":\"mesh\"}", "mesh failed "},
  };
  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
    char json[1024];
    (void)snprintf(json, sizeof json,
                   "{\"finding\":{\"entity\":%s,\"signal\":\"errors\",\"unit\":\"share\",\"baseline\":0.1,"
                   "\"observed\":0.3}}",
                   want[i][0]);
    const char *got = told_as(json, true);
    if (strncmp(got, want[i][1], strlen(want[i][1])) != 0) fail_msg("%s", got);
  }
}

/* An onset is known to a quarter of a second. */
static void the_onset_keeps_its_fraction(void **state) {
  (void)state;
  const char *json =
      "{\"finding\":{\"entity\":{\"kind\":\"mesh\"},\"signal\":\"latency\",\"unit\":\"s\","
      "\"baseline\":0.000096,\"baseline_sd\":0.000003,\"observed\":1.5,\"effect\":15625,"
      "\"onset\":\"2026-03-02T09:21:00.250000000Z\"}}";
  assert_string_equal(told_as(json, false),
                      "mesh answered in 1.5 s on average from 09:21:00.25 UTC on, where 96 \xc2\xb5s (\xc2\xb1 3) is "
                      "normal: 16,000 times as slow.\n");
}

/* An older daemon has none; a newer one may have signals that are not known here. */
static void without_its_numbers_it_is_left_out(void **state) {
  (void)state;
  static const char *const odd[] = {
      "{}",
      "[]",
      "{\"finding\":null}",
      "{\"finding\":7}",
      "{\"finding\":{}}",
      "{\"finding\":{\"signal\":\"latency\",\"unit\":\"s\",\"baseline\":null,\"observed\":1}}",
      "{\"finding\":{\"signal\":\"latency\",\"unit\":\"s\",\"baseline\":1}}",
      "{\"finding\":{\"signal\":\"of tomorrow\",\"unit\":\"s\",\"baseline\":1,\"observed\":2}}",
  };
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) assert_string_equal(told_as(odd[i], true), "");
}

static void every_signal_has_its_words(void **state) {
  (void)state;
  for (unsigned s = 0; s < REC_SIGNAL_COUNT; s++) {
    const char *got = told((struct sample){rec_signal_text(s), "share", "\"baseline\":0.1,\"observed\":0.2"});
    if (!strstr(got, " from 09:21:00 UTC on,")) fail_msg("%s: %s", rec_signal_text(s), got);
  }
}

static void numbers_have_as_many_digits_as_asked(void **state) {
  (void)state;
  static const struct {
    double v;
    int digits;
    const char *want;
  } row[] = {{0, 3, "0"},     {-0.0, 3, "0"},       {9.96, 2, "10"},          {0.0049951, 3, "0.005"},
             {412, 3, "412"}, {14213, 3, "14,200"}, {999999, 3, "1,000,000"}, {-1.25, 2, "-1.2"},
             {100, 2, "100"}, {1e15, 3, ""},        {1.15, 3, "1.15"},        {123456, 2, "120,000"}};
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    char text[64] = {0};
    struct base_buf b = buf_over(text, sizeof text - 1);
    explain_put_number(&b, row[i].v, row[i].digits);
    assert_string_equal(text, row[i].want);
  }
}

static void paced(void **state) {
  (void)state;
  struct sample s = {"latency", "s", "\"pace_s\":15," SLOW};
  assert_told(s, SLOW_TOLD ". Seen every 15 s: it may have begun up to 15 s later." SLOW_LEAST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paced),
      cmocka_unit_test(slow),
      cmocka_unit_test(shares),
      cmocka_unit_test(rates),
      cmocka_unit_test(sizes_and_requests_under_way),
      cmocka_unit_test(a_difference_is_known_better_than_a_ratio_to_nearly_nothing),
      cmocka_unit_test(the_ends_of_the_scale),
      cmocka_unit_test(the_subject_is_named_in_full),
      cmocka_unit_test(the_onset_keeps_its_fraction),
      cmocka_unit_test(without_its_numbers_it_is_left_out),
      cmocka_unit_test(every_signal_has_its_words),
      cmocka_unit_test(numbers_have_as_many_digits_as_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
