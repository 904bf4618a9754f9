/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <math.h>
#include <stdlib.h>

#include "base_json.h"

static struct base_buf quoted(struct base_str s) {
  struct base_buf b = buf_open(1 << 16);
  json_quote(&b, s);
  return b;
}

static void assert_quoted(struct base_str s, const char *want) {
  struct base_buf b = quoted(s);
  assert_false(b.bad);
  buf_put_char(&b, '\0');
  assert_string_equal(b.p, want);
  buf_fini(&b);
}

static void commas_and_nesting_come_by_themselves(void **state) {
  (void)state;
  struct base_buf b = buf_open(4096);
  struct base_json j = json_over(&b);
  json_object(&j);
  json_key(&j, "a");
  json_array(&j);
  json_u64(&j, UINT64_MAX);
  json_i64(&j, INT64_MIN);
  json_array(&j);
  json_close(&j);
  json_object(&j);
  json_close(&j);
  json_close(&j);
  json_key(&j, "b");
  json_bool(&j, true);
  json_key(&j, "c");
  json_null(&j);
  json_key_str(&j, STR("d\"e"));
  json_raw(&j, STR("{\"x\":[1]}"));
  json_key(&j, "t");
  json_time(&j, (struct base_wall){250000000});
  json_close(&j);
  assert_true(json_whole(&j));
  assert_true(str_eq(buf_str(&b), STR("{\"a\":[18446744073709551615,-9223372036854775808,[],{}],\"b\":true,"
                                      "\"c\":null,\"d\\\"e\":{\"x\":[1]},\"t\":\"1970-01-01T00:00:00.250000000Z\"}")));
  buf_fini(&b);
}

static void every_control_character_is_escaped(void **state) {
  (void)state;
  assert_quoted(STR("\"\\\b\f\n\r\t/\x7f"), "\"\\\"\\\\\\b\\f\\n\\r\\t/\x7f\"");
  for (int c = 0; c < 0x20; c++) {
    char one = (char)c;
    struct base_buf b = quoted((struct base_str){&one, 1});
    for (size_t i = 0; i < b.n; i++) assert_true((unsigned char)b.p[i] >= 0x20);
    assert_true(b.p[1] == '\\' && (b.n == 4 || b.n == 8));
    buf_fini(&b);
  }
  assert_quoted(STR("\x01\x1f"), "\"\\u0001\\u001f\"");
  assert_quoted(STR("\0"), "\"\\u0000\"");
  assert_quoted(STR_NONE, "\"\"");
}

#define R "\xef\xbf\xbd"

/* The example of table 3-8 (Unicode 15, 3.9) among them. */
static void what_is_no_utf8_is_replaced_part_by_part(void **state) {
  (void)state;
  assert_quoted(STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9f \xf4\x8f\xbf\xbf"),
                "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9f \xf4\x8f\xbf\xbf\"");
  assert_quoted(STR("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"), "\"a" R R R "b" R "c" R R "d\"");
  assert_quoted(STR("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), "\"" R R R R R R R R "A\"");
  assert_quoted(STR("\xed\xa0\x80\xf4\x91\x92\x93\xff\x41"), "\"" R R R R R R R R "A\"");
  assert_quoted(STR("cut\xe2\x82"), "\"cut" R "\"");
  assert_quoted(STR("\xe2\""), "\"" R "\\\"\"");
}

static void doubles_read_back_to_the_same_bits(void **state) {
  (void)state;
  static const double value[] = {0.0,  -0.0,    0.1, 1.0 / 3.0,          5e-324, 1.7976931348623157e308, 123456789.125,
                                 1e21, -2.5e-7, 3.0, 0.30000000000000004};
  for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
    char mem[64];
    struct base_buf b = buf_over(mem, sizeof mem - 1);
    struct base_json j = json_over(&b);
    json_f64(&j, value[i]);
    mem[b.n] = '\0';
    double back = strtod(mem, NULL);
    assert_memory_equal(&back, &value[i], sizeof back);
  }
}

static void doubles_are_short_and_never_nan(void **state) {
  (void)state;
  struct base_buf b = buf_open(256);
  struct base_json j = json_over(&b);
  json_array(&j);
  json_f64(&j, 0.1);
  json_f64(&j, 12.0);
  json_f64(&j, (double)NAN);
  json_f64(&j, (double)INFINITY);
  json_f64(&j, -(double)INFINITY);
  json_close(&j);
  assert_true(str_eq(buf_str(&b), STR("[0.1,12,null,null,null]")));
  buf_fini(&b);
}

static void a_full_buffer_is_not_whole(void **state) {
  (void)state;
  char mem[4];
  struct base_buf b = buf_over(mem, sizeof mem);
  struct base_json j = json_over(&b);
  json_array(&j);
  json_text(&j, "long");
  json_close(&j);
  assert_false(json_whole(&j));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commas_and_nesting_come_by_themselves),    cmocka_unit_test(every_control_character_is_escaped),
      cmocka_unit_test(what_is_no_utf8_is_replaced_part_by_part), cmocka_unit_test(doubles_read_back_to_the_same_bits),
      cmocka_unit_test(doubles_are_short_and_never_nan),          cmocka_unit_test(a_full_buffer_is_not_whole),
  };
  return cmocka_run_group_tests_name("base_json", tests, NULL, NULL);
}
