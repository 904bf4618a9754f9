/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <limits.h>

#include "base_buf.h"

static void fixed_never_passes_its_end_and_stays_bad(void **state) {
  (void)state;
  char mem[9];
  memset(mem, '#', sizeof mem);
  struct base_buf b = buf_over(mem, 8);
  buf_put_str(&b, STR("12345"));
  assert_false(b.bad);
  buf_put_str(&b, STR("6789"));
  assert_true(b.bad);
  buf_put_char(&b, 'x');
  assert_true(str_eq(buf_str(&b), STR("12345")));
  assert_int_equal(mem[8], '#');
  buf_clear(&b);
  buf_put_str(&b, STR("12345678"));
  assert_false(b.bad);
  assert_int_equal(mem[8], '#');
}

static void heap_grows_to_exactly_its_maximum(void **state) {
  (void)state;
  struct base_buf b = buf_open(1000);
  for (int i = 0; i < 1000; i++) buf_put_char(&b, (char)('a' + i % 26));
  assert_false(b.bad);
  assert_int_equal(b.n, 1000);
  for (int i = 0; i < 1000; i++) assert_int_equal(b.p[i], 'a' + i % 26);
  buf_put_char(&b, '!');
  assert_true(b.bad);
  assert_int_equal(b.n, 1000);
  buf_fini(&b);
  buf_put_str(&b, STR("again"));
  assert_true(str_eq(buf_str(&b), STR("again")));
  buf_fini(&b);
}

static void numbers_are_decimal_at_both_ends(void **state) {
  (void)state;
  struct base_buf b = buf_open(4096);
  buf_put_u64(&b, 0);
  buf_put_char(&b, ' ');
  buf_put_u64(&b, UINT64_MAX);
  buf_put_char(&b, ' ');
  buf_put_i64(&b, INT64_MIN);
  buf_put_char(&b, ' ');
  buf_put_i64(&b, -1);
  assert_true(str_eq(buf_str(&b), STR("0 18446744073709551615 -9223372036854775808 -1")));
  buf_fini(&b);
}

static void formatted_text_longer_than_its_scratch_is_whole(void **state) {
  (void)state;
  struct base_buf b = buf_open(4096);
  buf_put_f(&b, "%0600d|%s", 7, "end");
  assert_false(b.bad);
  assert_int_equal(b.n, 604);
  assert_memory_equal(b.p + 599, "7|end", 5);
  buf_fini(&b);
}

static void reserve_counts_only_what_the_caller_counts(void **state) {
  (void)state;
  struct base_buf b = buf_open(64);
  char *p = buf_reserve(&b, 10);
  assert_non_null(p);
  memcpy(p, "abc", 3);
  b.n += 3;
  assert_true(str_eq(buf_str(&b), STR("abc")));
  assert_null(buf_reserve(&b, 62));
  assert_true(b.bad);
  buf_fini(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fixed_never_passes_its_end_and_stays_bad),
      cmocka_unit_test(heap_grows_to_exactly_its_maximum),
      cmocka_unit_test(numbers_are_decimal_at_both_ends),
      cmocka_unit_test(formatted_text_longer_than_its_scratch_is_whole),
      cmocka_unit_test(reserve_counts_only_what_the_caller_counts),
  };
  return cmocka_run_group_tests_name("base_buf", tests, NULL, NULL);
}
