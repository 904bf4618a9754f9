/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_str.h"

static void eq_compares_lengths_and_bytes(void **state) {
  (void)state;
  assert_true(str_eq(STR("cart"), str_of("cart")));
  assert_false(str_eq(STR("cart"), STR("carts")));
  assert_false(str_eq(STR("cart"), STR("carT")));
  assert_true(str_eq(STR_NONE, STR("")));
  assert_true(str_eq(STR("a\0b"), STR("a\0b")));
  assert_false(str_eq(STR("a\0b"), STR("a\0c")));
}

static void cmp_is_byte_order_with_the_prefix_first(void **state) {
  (void)state;
  assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
  assert_true(str_cmp(STR("abc"), STR("ab")) > 0);
  assert_true(str_cmp(STR("b"), STR("abc")) > 0);
  assert_true(str_cmp(STR("\x7f"), STR("\x80")) < 0);
  assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
}

static void starts_and_find(void **state) {
  (void)state;
  assert_true(str_starts(STR("outbound|80"), STR("outbound|")));
  assert_false(str_starts(STR("out"), STR("outbound")));
  assert_true(str_starts(STR_NONE, STR_NONE));
  assert_int_equal(str_find(STR("a/b/c"), '/', 0), 1);
  assert_int_equal(str_find(STR("a/b/c"), '/', 2), 3);
  assert_int_equal(str_find(STR("a/b/c"), '/', 4), 5);
  assert_int_equal(str_find(STR("a/b/c"), 'a', 99), 5);
}

static void cut_is_clipped(void **state) {
  (void)state;
  assert_true(str_eq(str_cut(STR("abcdef"), 2, 4), STR("cd")));
  assert_true(str_eq(str_cut(STR("abcdef"), 4, 99), STR("ef")));
  assert_int_equal(str_cut(STR("abcdef"), 5, 2).n, 0);
  assert_int_equal(str_cut(STR("abc"), 9, 12).n, 0);
  assert_null(str_cut(STR_NONE, 0, 5).p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eq_compares_lengths_and_bytes),
      cmocka_unit_test(cmp_is_byte_order_with_the_prefix_first),
      cmocka_unit_test(starts_and_find),
      cmocka_unit_test(cut_is_clipped),
  };
  return cmocka_run_group_tests_name("base_str", tests, NULL, NULL);
}
