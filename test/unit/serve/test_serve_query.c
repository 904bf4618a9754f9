/* Query strings: decoding, the bounds, and what is refused. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "serve_query.h"

static void check(const struct serve_query *q, const char *name, const char *want) {
  struct base_str got = query_find(q, name);
  if (!want) {
    assert_null(got.p);
    return;
  }
  assert_true(str_eq(got, str_of(want)));
  assert_non_null(got.p);
}

static void values_are_decoded(void **state) {
  (void)state;
  struct serve_query q;
  assert_null(query_read(STR("since=2026-03-02T09%3A00%3a00%2B01:00&service=a+b&&empty=&bare"), &q));
  check(&q, "since", "2026-03-02T09:00:00+01:00");
  check(&q, "service", "a b");
  check(&q, "empty", "");
  check(&q, "bare", "");
  check(&q, "absent", NULL);
  assert_int_equal(q.param_n, 4);
}

static void nothing_is_a_query_without_parameters(void **state) {
  (void)state;
  struct serve_query q;
  assert_null(query_read(STR_NONE, &q));
  assert_int_equal(q.param_n, 0);
}

static void broken_escapes_and_repeats_are_refused(void **state) {
  (void)state;
  struct serve_query q;
  assert_non_null(query_read(STR("a=%"), &q));
  assert_non_null(query_read(STR("a=%4"), &q));
  assert_non_null(query_read(STR("a=%zz"), &q));
  assert_non_null(query_read(STR("a=1&b=2&a=3"), &q));
}

static void bounds_are_kept(void **state) {
  (void)state;
  struct serve_query q;
  char many[QUERY_PARAMS_MAX * 4 + 8];
  size_t n = 0;
  for (unsigned i = 0; i <= QUERY_PARAMS_MAX; i++) {
    many[n++] = (char)('a' + i);
    many[n++] = '&';
  }
  assert_null(query_read((struct base_str){many, n - 2}, &q));
  assert_non_null(query_read((struct base_str){many, n}, &q));
  char *big = malloc(QUERY_BYTES_MAX + 2);
  memset(big, 'x', QUERY_BYTES_MAX + 2);
  assert_null(query_read((struct base_str){big, QUERY_BYTES_MAX}, &q));
  assert_non_null(query_read((struct base_str){big, QUERY_BYTES_MAX + 1}, &q));
  free(big);
}

static void unknown_parameters_are_found(void **state) {
  (void)state;
  static const char *const names[] = {"a", "b", NULL};
  struct serve_query q;
  assert_null(query_read(STR("a=1&b=2"), &q));
  assert_null(query_unknown(&q, names));
  assert_null(query_read(STR("a=1&c=2"), &q));
  assert_true(str_eq(query_unknown(&q, names)->name, STR("c")));
}

static void a_path_keeps_its_plus(void **state) {
  (void)state;
  char out[8];
  size_t n;
  assert_true(query_decode(STR("a+%2F"), false, out, sizeof out, &n));
  assert_true(str_eq((struct base_str){out, n}, STR("a+/")));
  assert_false(query_decode(STR("123456789"), false, out, sizeof out, &n));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_decoded),
      cmocka_unit_test(nothing_is_a_query_without_parameters),
      cmocka_unit_test(broken_escapes_and_repeats_are_refused),
      cmocka_unit_test(bounds_are_kept),
      cmocka_unit_test(unknown_parameters_are_found),
      cmocka_unit_test(a_path_keeps_its_plus),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
