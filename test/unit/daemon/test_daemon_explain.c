/* Text for a person: wrapping, no control characters from the mesh, and the story of an incident. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "daemon_explain.h"
#include "text_sample.h"

static char out_bytes[1024];
static struct base_buf out;

static struct text text_new(unsigned width, bool colour) {
  memset(out_bytes, 0, sizeof out_bytes);
  out = buf_over(out_bytes, sizeof out_bytes - 1);
  return (struct text){.out = &out, .width = width, .colour = colour};
}

static void lines_are_wrapped_at_words(void **state) {
  (void)state;
  struct text t = text_new(12, false);
  text_wrap(&t, " 1. ", STR("one two  three averyverylongword x"));
  assert_string_equal(out_bytes, " 1. one two\n    three\n    averyverylongword\n    x\n");
}

static void columns_are_characters(void **state) {
  (void)state;
  struct text t = text_new(9, false);
  text_wrap(&t, "", STR("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f \xc3\xa9\xc3\xa8\xc3\xaa\xc3\xab x"));
  assert_string_equal(out_bytes, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f \xc3\xa9\xc3\xa8\xc3\xaa\xc3\xab\nx\n");
}

static void control_characters_do_not_pass(void **state) {
  (void)state;
  struct text t = text_new(80, false);
  text_put(&t, STR("a\033[31mb\x7f\r\n\xc2\x9b"
                   "c\xc3\xa9"));
  assert_string_equal(out_bytes, "a?[31mb????c\xc3\xa9");
}

static void colours_only_where_welcome(void **state) {
  (void)state;
  struct text t = text_new(80, true);
  text_colour(&t, TEXT_RED, STR("x"));
  text_colour(&t, TEXT_PLAIN, STR("y"));
  assert_string_equal(out_bytes, "\033[1;31mx\033[0my");
  t = text_new(80, false);
  text_colour(&t, TEXT_RED, STR("x"));
  assert_string_equal(out_bytes, "x");
}

static const char incident[] =
    "{\"id\":\"00000000000000aa\",\"verdict\":\"unhealthy\",\"kind\":\"errors\",\"severity\":\"critical\","
    "\"state\":\"closed\",\"acked\":true,\"started_at\":\"2026-03-02T09:00:00.250000000Z\","
    "\"detected_at\":\"2026-03-02T09:00:02.000000000Z\",\"ended_at\":\"2026-03-02T09:05:00.250000000Z\","
    "\"summary\":\"pod cart-1 "
    "fails\",\"root_causes\":[{\"score\":0.9,\"entity\":{\"kind\":\"pod\",\"service\":\"cart\","
    "\"cluster\":\"eu\",\"pod\":\"cart-1\"},\"signal\":\"errors\",\"evidence\":\"12 of 20 failed\"}],"
    "\"affected\":[{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"}],"
    "\"not_affected\":[{\"kind\":\"region\",\"region\":\"us\"}],"
    "\"impact\":{\"requests\":100,\"failed\":12,\"slow\":3},\"changes\":[{\"at\":\"2026-03-02T08:59:58.000000000Z\","
    "\"source\":\"argo\",\"kind\":\"deploy\",\"entity\":{\"kind\":\"service\",\"service\":\"cart\"},\"summary\":\"v2\"}"
    "],"
    "\"exemplars\":[{\"request_id\":\"r1\",\"trace_id\":\"\",\"at\":\"2026-03-02T09:00:01.000000000Z\"}],"
    "\"confidence\":0.8,\"telemetry\":\"complete\"}";

static const char story[] =
    "critical  errors, closed, acknowledged, incident 00000000000000aa\n"
    "\n"
    "pod cart-1 fails\n"
    "It began at 2026-03-02 09:00:00 UTC and was found 1.8 s later. It was over after\n"
    "5 min. Of 100 requests in its reach 12 failed and 3 were slow.\n"
    "\n"
    "Most likely cause\n"
    "  1. cart, pod cart-1, cluster eu (errors, score 0.90)\n"
    "     12 of 20 failed\n"
    "\n"
    "Affected\n"
    "  - front -> cart\n"
    "\n"
    "Not affected\n"
    "  - region us\n"
    "\n"
    "Timeline\n"
    "  2026-03-02 08:59:58 UTC deploy (argo) cart: v2\n"
    "  2026-03-02 09:00:00 UTC it began\n"
    "  2026-03-02 09:00:02 UTC found\n"
    "  2026-03-02 09:05:00 UTC over\n"
    "\n"
    "Requests to look at\n"
    "  - 2026-03-02 09:00:01 UTC request r1\n"
    "\n"
    "Confidence that the cause named first is right: 80 %. Telemetry: complete.\n";

static void the_whole_story(void **state) {
  (void)state;
  assert_string_equal(sample_text(explain_whole, incident, (struct text){.width = 80}), story);
}

/* What a newer daemon adds: muted, returns, the finding's numbers and plot, decisions. */
static const char more[] =
    "{\"id\":\"00000000000000aa\",\"verdict\":\"unhealthy\",\"kind\":\"latency\",\"severity\":\"warning\","
    "\"state\":\"open\",\"acked\":false,\"muted\":true,\"started_at\":\"2026-03-02T09:21:00.000000000Z\","
    "\"detected_at\":\"2026-03-02T09:21:02.000000000Z\",\"ended_at\":null,\"summary\":\"cart is slow\","
    "\"impact\":{\"requests\":100,\"failed\":0,\"slow\":80},\"confidence\":0.9,\"telemetry\":\"complete\","
    "\"finding\":{\"entity\":{\"kind\":\"service\",\"service\":\"cart\"},\"signal\":\"latency\",\"unit\":\"s\","
    "\"baseline\":0.096,\"baseline_sd\":0.003,\"baseline_age_s\":11520,\"baseline_requests\":14213,"
    "\"observed\":0.412,\"effect\":4.29,\"effect_interval\":[4.1,4.5],\"smallest_effect\":1.15,\"log_e\":31.2,"
    "\"threshold\":20.4,\"onset\":\"2026-03-02T09:21:00.000000000Z\"},"
    "\"plot\":{\"from\":\"2026-03-02T09:20:50.000000000Z\",\"step_s\":5,\"values\":[0.1,0.1,0.4,0.4],"
    "\"requests\":[9,9,9,9],\"band\":[0.08,0.12]},\"occurrences\":20,"
    "\"recurrences\":[{\"started_at\":\"2026-03-02T09:23:00.000000000Z\",\"ended_at\":"
    "\"2026-03-02T09:23:12.500000000Z\"},{\"started_at\":\"2026-03-02T09:25:00.000000000Z\",\"ended_at\":null}],"
    "\"decisions\":[{\"at\":\"2026-03-02T09:24:00.000000000Z\",\"text\":\"the level of 412 ms is normal now\"}]}";

static const char more_story[] =
    "warning  latency, open, muted (it pages nobody), incident 00000000000000aa\n"
    "\n"
    "cart is slow\n"
    "It began at 2026-03-02 09:21:00 UTC and was found 2.0 s later. It goes on. Of\n"
    "100 requests in its reach 0 failed and 80 were slow.\n"
    "It came back 19 times, lately: 2026-03-02 09:23:00 UTC (12.5 s), 2026-03-02\n"
    "09:25:00 UTC (goes on).\n"
    "\n"
    "In numbers\n"
    "cart answered in 412 ms on average from 09:21:00 UTC on, where 96 ms (+- 3) is\n"
    "normal, learned from 14,200 requests in 3.2 h: 4.3 times as slow (4.1 to 4.5).\n"
    "The smallest slow-down that it could have shown in a minute is 1.15 times.\n"
    "Evidence against mere chance: 10^13 to 1; the budget of false alarms (one a week\n"
    "unless set otherwise) asks for 10^8 to 1 over all that is watched.\n"
    "\n"
    "400 ms +                                ********************************\n"
    "       |                                *\n"
    "       |                                *\n"
    "       |                                *\n"
    "200 ms +                                *\n"
    "       |*********************************-------------------------------\n"
    "       |----------------------------------------------------------------\n"
    "       |\n"
    "  0 ms +--------------------------------^-------------------------------\n"
    "                                        onset 09:21:00\n"
    "From 09:20:50 to 09:21:10 UTC, 5 s a point; - normal: 80 to 120 ms\n"
    "\n"
    "Timeline\n"
    "  2026-03-02 09:21:00 UTC it began\n"
    "  2026-03-02 09:21:02 UTC found\n"
    "  2026-03-02 09:24:00 UTC decided: the level of 412 ms is normal now\n"
    "\n"
    "Confidence that the cause named first is right: 90 %. Telemetry: complete.\n";

static void the_numbers_returns_and_decisions(void **state) {
  (void)state;
  assert_string_equal(sample_text(explain_whole, more, (struct text){.width = 80, .ascii = true}), more_story);
}

static void one_line_a_list(void **state) {
  (void)state;
  assert_string_equal(sample_text(explain_line, incident, (struct text){.width = 80}),
                      "00000000000000aa  closed  critical  2026-03-02 09:00:00 UTC  pod cart-1 fails\n");
}

static void odd_members_are_left_out(void **state) {
  (void)state;
  static const char wrong[] =
      "{\"finding\":{\"signal\":\"errors\"},\"plot\":[],\"occurrences\":-3,"
      "\"recurrences\":{},\"decisions\":[7,null,{}],\"muted\":\"yes\"}";
  static const char *const odd[] = {"{}",
                                    "[]",
                                    wrong,
                                    "{\"root_causes\":7,\"affected\":\"x\",\"changes\":[1,null],\"started_at\":3}",
                                    "{\"occurrences\":3,\"recurrences\":[1,{}]}",
                                    "{\"started_at\":\"1678-01-01T00:00:00Z\",\"ended_at\":\"2262-01-01T00:00:00Z\"}"};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
    (void)sample_text(explain_whole, odd[i], (struct text){.width = 80});
    (void)sample_text(explain_line, odd[i], (struct text){.width = 80});
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_wrapped_at_words),
      cmocka_unit_test(columns_are_characters),
      cmocka_unit_test(control_characters_do_not_pass),
      cmocka_unit_test(colours_only_where_welcome),
      cmocka_unit_test(the_whole_story),
      cmocka_unit_test(the_numbers_returns_and_decisions),
      cmocka_unit_test(one_line_a_list),
      cmocka_unit_test(odd_members_are_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
