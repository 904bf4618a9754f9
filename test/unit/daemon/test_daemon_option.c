/* The command line: forms, order, and what is refused. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon_option.h"

static const struct option_spec spec[] = {{"out", "FILE", "where"}, {"set", "K=V", "key"}, {"fast", NULL, "flag"}, {0}};

static bool read_args(struct option_set *o, int n, const char *const *args) {
  char *argv[16];
  for (int i = 0; i < n; i++) argv[i] = (char *)(uintptr_t)args[i]; /* only read */
  return option_read(o, spec, n, argv);
}

#define READ(o, ...) \
  read_args(o, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

static void all_forms(void **state) {
  (void)state;
  struct option_set o;
  assert_true(READ(&o, "--out", "a", "x", "--set=k=v", "--fast", "--set", "k=w", "-"));
  assert_string_equal(option_get(&o, "out", NULL), "a");
  assert_string_equal(option_get(&o, "set", NULL), "k=w");
  assert_true(option_has(&o, "fast"));
  assert_int_equal(o.given_n, 4);
  assert_string_equal(o.given[1].value, "k=v");
  assert_int_equal(o.positional_n, 2);
  assert_string_equal(o.positional[0], "x");
  assert_string_equal(o.positional[1], "-");
  assert_false(o.help);
}

static void absent_options_have_their_default(void **state) {
  (void)state;
  struct option_set o;
  assert_true(READ(&o, "x"));
  assert_null(option_get(&o, "out", NULL));
  assert_string_equal(option_get(&o, "out", "d"), "d");
  assert_false(option_has(&o, "fast"));
}

static void two_dashes_end_the_options(void **state) {
  (void)state;
  struct option_set o;
  assert_true(READ(&o, "--", "--out", "-h"));
  assert_int_equal(o.positional_n, 2);
  assert_false(o.help);
}

static void help_is_seen_anywhere(void **state) {
  (void)state;
  struct option_set o;
  assert_true(READ(&o, "x", "--help"));
  assert_true(o.help);
  assert_true(READ(&o, "-h"));
  assert_true(o.help);
}

static void refusals(void **state) {
  (void)state;
  struct option_set o;
  assert_false(READ(&o, "--nope"));
  assert_non_null(strstr(o.error, "--nope"));
  assert_false(READ(&o, "--out"));
  assert_false(READ(&o, "--fast=1"));
  assert_false(READ(&o, "-x"));
  assert_false(READ(&o, "--ou", "a"));
  assert_false(READ(&o, "1", "2", "3", "4", "5"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_forms),
      cmocka_unit_test(absent_options_have_their_default),
      cmocka_unit_test(two_dashes_end_the_options),
      cmocka_unit_test(help_is_seen_anywhere),
      cmocka_unit_test(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
