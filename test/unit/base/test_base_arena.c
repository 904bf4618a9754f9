/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_arena.h"

static void pieces_are_aligned_apart_and_inside(void **state) {
  (void)state;
  _Alignas(64) char mem[512];
  struct base_arena a = arena_over(mem + 1, sizeof mem - 1);
  char *end = mem + 1;
  for (size_t align = 1; align <= 64; align *= 2) {
    char *p = arena_take(&a, 5, align);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % align, 0);
    assert_true(p >= end && p + 5 <= mem + sizeof mem);
    end = p + 5;
  }
}

static void what_does_not_fit_is_refused_and_costs_nothing(void **state) {
  (void)state;
  _Alignas(16) char mem[32];
  struct base_arena a = arena_over(mem, sizeof mem);
  assert_non_null(arena_take(&a, 20, 1));
  assert_null(arena_take(&a, 13, 1));
  assert_null(arena_take(&a, 1, 64));
  assert_null(arena_take(&a, SIZE_MAX, 1));
  assert_null(arena_take(&a, SIZE_MAX - 8, 16));
  assert_non_null(arena_take(&a, 12, 1));
  assert_null(arena_take(&a, 1, 1));
}

static void a_mark_can_be_returned_to(void **state) {
  (void)state;
  char mem[64];
  struct base_arena a = arena_over(mem, sizeof mem), mark = a;
  void *first = arena_take(&a, 10, 1);
  a = mark;
  assert_ptr_equal(arena_take(&a, 10, 1), first);
}

static void str_is_copied(void **state) {
  (void)state;
  char mem[8], source[] = "cart";
  struct base_arena a = arena_over(mem, sizeof mem);
  struct base_str s = arena_str(&a, str_of(source));
  source[0] = 'X';
  assert_true(str_eq(s, STR("cart")));
  assert_null(arena_str(&a, STR("too long")).p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_are_aligned_apart_and_inside),
      cmocka_unit_test(what_does_not_fit_is_refused_and_costs_nothing),
      cmocka_unit_test(a_mark_can_be_returned_to),
      cmocka_unit_test(str_is_copied),
  };
  return cmocka_run_group_tests_name("base_arena", tests, NULL, NULL);
}
