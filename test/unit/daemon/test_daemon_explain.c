/* Text for a person: wrapping, no control characters from the mesh, and the story of an incident. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <yyjson.h>

#include "daemon_explain.h"

static char out_bytes[16384];
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
    "  1. cart, pod cart-1, cluster eu (errors, 90 %)\n"
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
    "Confidence 80 %, telemetry complete.\n";

static void the_whole_story(void **state) {
  (void)state;
  yyjson_doc *doc = yyjson_read(incident, sizeof incident - 1, 0);
  struct text t = text_new(80, false);
  explain_whole(&t, yyjson_doc_get_root(doc));
  assert_false(out.bad);
  assert_string_equal(out_bytes, story);
  yyjson_doc_free(doc);
}

static void one_line_a_list(void **state) {
  (void)state;
  yyjson_doc *doc = yyjson_read(incident, sizeof incident - 1, 0);
  struct text t = text_new(80, false);
  explain_line(&t, yyjson_doc_get_root(doc));
  assert_string_equal(out_bytes, "00000000000000aa  closed  critical  2026-03-02 09:00:00 UTC  pod cart-1 fails\n");
  yyjson_doc_free(doc);
}

static void odd_members_are_left_out(void **state) {
  (void)state;
  static const char *const odd[] = {"{}", "[]",
                                    "{\"root_causes\":7,\"affected\":\"x\",\"changes\":[1,null],\"started_at\":3}"};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
    yyjson_doc *doc = yyjson_read(odd[i], strlen(odd[i]), 0);
    struct text t = text_new(80, false);
    explain_whole(&t, yyjson_doc_get_root(doc));
    explain_line(&t, yyjson_doc_get_root(doc));
    assert_false(out.bad);
    yyjson_doc_free(doc);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_wrapped_at_words),
      cmocka_unit_test(columns_are_characters),
      cmocka_unit_test(control_characters_do_not_pass),
      cmocka_unit_test(colours_only_where_welcome),
      cmocka_unit_test(the_whole_story),
      cmocka_unit_test(one_line_a_list),
      cmocka_unit_test(odd_members_are_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
