/* Texts for people: cut at characters, names in full; lists of pairs. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "act_pairs.h"

static void cut(const char *text, size_t chars_max, const char *want) {
  char mem[64];
  struct base_buf out = buf_over(mem, sizeof mem);
  view_cut(str_of(text), chars_max, &out);
  if (!str_eq(buf_str(&out), str_of(want))) fail_msg("%s to %zu: %.*s", text, chars_max, STR_ARG(buf_str(&out)));
}

static void a_cut_is_between_characters(void **state) {
  (void)state;
  cut("", 1, "");
  cut("abc", 3, "abc");
  cut("abcd", 3, "ab\xe2\x80\xa6");
  cut("\xc3\xa4\xc3\xb6\xc3\xbc", 3, "\xc3\xa4\xc3\xb6\xc3\xbc");
  cut("\xc3\xa4\xc3\xb6\xc3\xbc!", 3, "\xc3\xa4\xc3\xb6\xe2\x80\xa6");
  cut("\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5", 1, "\xe2\x80\xa6");
}

static void an_incident_is_one_or_none(void **state) {
  (void)state;
  struct act_view v;
  assert_true(view_open(&v, STR("{\"id\":\"00000000000000ff\",\"severity\":\"info\"}")));
  char mem[64];
  struct base_buf out = buf_over(mem, sizeof mem);
  view_culprit_text(&v, &out);
  assert_true(str_eq(buf_str(&out), STR("unknown")));
  view_close(&v);
  static const char *const none[] = {"", "[]", "{\"id\":\"00000000000000FF\",\"severity\":\"info\"}",
                                     "{\"id\":\"ff\",\"severity\":\"info\"}",
                                     "{\"id\":\"00000000000000ff\",\"severity\":\"grave\"}"};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    assert_false(view_open(&v, str_of(none[i])));
    view_close(&v);
  }
}

static void pairs_are_read(void **state) {
  (void)state;
  struct base_str rest = STR("a=1; b = x=y ;c=z"), name, value;
  assert_true(pairs_good(rest));
  assert_true(pairs_next(&rest, &name, &value) && str_eq(name, STR("a")) && str_eq(value, STR("1")));
  assert_true(pairs_next(&rest, &name, &value) && str_eq(name, STR("b")) && str_eq(value, STR("x=y")));
  assert_true(pairs_next(&rest, &name, &value) && str_eq(name, STR("c")) && str_eq(value, STR("z")));
  assert_false(pairs_next(&rest, &name, &value));
  assert_true(pairs_good(STR("")));
  static const char *const bad[] = {"a", "=1", "a=", "1a=x", "a-b=x", "a=1;;b=2", "a=1;a=2", "a=1;b"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (pairs_good(str_of(bad[i]))) fail_msg("%s is good", bad[i]);
}

static void a_header_takes_no_line_ends(void **state) {
  (void)state;
  struct act_request r;
  request_init(&r);
  assert_true(request_header(&r, "A", STR("b c")));
  assert_string_equal(r.header[0], "A: b c");
  assert_false(request_header(&r, "A", STR("b\r\nC: d")));
  assert_int_equal(r.header_n, 1);
  request_fini(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cut_is_between_characters),
      cmocka_unit_test(an_incident_is_one_or_none),
      cmocka_unit_test(pairs_are_read),
      cmocka_unit_test(a_header_takes_no_line_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
