/* Scopes: read from their text, refused with a reason, and held against entities. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "rec_scope.h"

static void scopes_are_read(void **state) {
  (void)state;
  struct rec_scope s[REC_SCOPES];
  uint32_t n = 9;
  const char *why = NULL;
  assert_true(rec_scopes_read(STR("service=cart  cluster=east-1 ;route=GET /carts/{id} service=cart;;"), s, &n, &why));
  assert_int_equal(n, 2);
  assert_int_equal(s[0].n, 2);
  assert_int_equal(s[0].dim[1], REC_DIM_CLUSTER);
  assert_true(str_eq(s[0].value[1], STR("east-1")));
  assert_true(str_eq(s[1].value[0], STR("GET /carts/{id}"))); /* a blank inside a value, before the next name */
  assert_int_equal(s[1].dim[1], REC_DIM_SERVICE);
  assert_true(rec_scopes_read(STR_NONE, s, &n, &why));
  assert_int_equal(n, 0);
}

static void what_is_wrong_is_said(void **state) {
  (void)state;
  static const char *const bad[] = {"cart", "service=", "shop=cart", "service=a cluster=b region=c pod=d zone=e"};
  struct rec_scope s[REC_SCOPES];
  uint32_t n;
  for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const char *why = NULL;
    assert_false(rec_scopes_read(str_of(bad[i]), s, &n, &why));
    assert_non_null(why);
  }
  char many[33 * 11 + 1];
  for (unsigned i = 0; i < 33; i++) snprintf(many + i * 11, 12, "service=%02u;", i);
  const char *why = NULL;
  assert_false(rec_scopes_read(str_of(many), s, &n, &why));
  assert_true(rec_scopes_read((struct base_str){many, 32 * 11}, s, &n, &why));
}

static void an_entity_is_inside_with_all_names(void **state) {
  (void)state;
  struct rec_scope s[REC_SCOPES];
  uint32_t n;
  const char *why;
  struct rec_entity e = {.kind = STR("pod")};
  e.dim[REC_DIM_SERVICE] = STR("cart");
  e.dim[REC_DIM_CLUSTER] = STR("east-1");
  assert_true(rec_scopes_read(STR("service=cart cluster=east-1;service=cart cluster=west-1;service=car"), s, &n, &why));
  assert_true(rec_scope_holds(&s[0], &e));
  assert_false(rec_scope_holds(&s[1], &e));
  assert_false(rec_scope_holds(&s[2], &e));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scopes_are_read),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(an_entity_is_inside_with_all_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
