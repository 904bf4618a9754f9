/* Templates of webhooks: values in their places, whatever they hold; the result is always JSON. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <yyjson.h>

#include "act_template.h"

static const char *const incident =
    "{\"id\":\"00000000000000aa\",\"severity\":\"critical\",\"summary\":\"a \\\"b\\\" \\\\ \\n {{kind}}\",\"n\":1.5,"
    "\"root_causes\":[{\"entity\":{\"kind\":\"pod\",\"service\":\"cart\",\"pod\":\"cart-1\"}}],\"flag\":true,\"none\":"
    "null}";

static void becomes(const char *text, const char *want) {
  char why[160], mem[4096];
  struct base_buf out = buf_over(mem, sizeof mem);
  struct act_view v;
  struct act_template *t = template_read(str_of(text), why);
  if (!t) fail_msg("%s: %s", text, why);
  assert_true(view_open(&v, str_of(incident)));
  template_write(t, &v, ACT_CHANGED, "https://fs/", &out);
  if (!str_eq(buf_str(&out), str_of(want))) fail_msg("%s: got %.*s, want %s", text, STR_ARG(buf_str(&out)), want);
  yyjson_doc *doc = yyjson_read(out.p, out.n, 0);
  assert_non_null(doc);
  yyjson_doc_free(doc);
  view_close(&v);
  template_free(t);
}

static void values_stand_in_their_places(void **state) {
  (void)state;
  becomes("{}", "{}");
  becomes("{\"a\": {{n}}}", "{\"a\": 1.5}");
  becomes("{\"a\": \"x {{n}} {{flag}}\"}", "{\"a\": \"x 1.5 true\"}");
  becomes("[{{flag}}, {{none}}, {{severity}}]", "[true, null, \"critical\"]");
  becomes("\"{{event}} {{culprit}}\"", "\"changed service cart, pod cart-1\"");
  becomes("\"{{link}}\"", "\"https://fs/#/incidents/00000000000000aa\"");
  becomes("{{root_causes.0.entity.service}}", "\"cart\"");
  becomes("{{ root_causes.0.entity }}", "{\"kind\":\"pod\",\"service\":\"cart\",\"pod\":\"cart-1\"}");
}

static void what_is_not_there_is_empty(void **state) {
  (void)state;
  becomes("[{{no}}, {{root_causes.1}}, {{root_causes.x}}, {{root_causes.99999999999999999999}}]",
          "[null, null, null, null]");
  becomes("\"{{no}}{{n.x}}{{none}}{{root_causes.}}\"", "\"\"");
}

static void text_is_escaped_once_and_not_filled_again(void **state) {
  (void)state;
  becomes("\"{{summary}}\"", "\"a \\\"b\\\" \\\\ \\n {{kind}}\"");
  becomes("{\"a\\\"{\": \"{{n}}\", \"b\": {{n}}}", "{\"a\\\"{\": \"1.5\", \"b\": 1.5}");
  becomes("\"{{root_causes.0.entity}}\"",
          "\"{\\\"kind\\\":\\\"pod\\\",\\\"service\\\":\\\"cart\\\",\\\"pod\\\":\\\"cart-1\\\"}\"");
}

static void refused(const char *text, const char *part) {
  char why[160] = "";
  assert_null(template_read(str_of(text), why));
  if (!strstr(why, part)) fail_msg("%s: %s", text, why);
}

static void what_cannot_be_json_is_refused(void **state) {
  (void)state;
  refused("", "not JSON");
  refused("{", "not JSON");
  refused("{{summary}} {{summary}}", "not JSON");
  refused("{\"a\": {{}}}", "empty");
  refused("{\"a\": \"{{summary\"}", "no end");
  refused("\"{{", "no end");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_stand_in_their_places),
      cmocka_unit_test(what_is_not_there_is_empty),
      cmocka_unit_test(text_is_escaped_once_and_not_filled_again),
      cmocka_unit_test(what_cannot_be_json_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
