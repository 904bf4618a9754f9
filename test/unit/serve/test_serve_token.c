/* The file of tokens: what is refused and where; and that only a whole token opens. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "serve_token.h"

static struct serve_tokens tokens;

static void two_people(void **state) {
  (void)state;
  unsigned line;
  const char *reason;
  assert_true(
      tokens_read(STR("# who\n\nwall read 0123456789abcdef # the screen\r\n  anna\tact  fedcba9876543210~+/=\n"),
                  &tokens, &line, &reason));
  assert_int_equal(tokens.n, 2);
  const struct serve_token *t = tokens_find(&tokens, STR("Bearer 0123456789abcdef"));
  assert_string_equal(t->name, "wall");
  assert_int_equal(t->right, TOKEN_READ);
  t = tokens_find(&tokens, STR("bearer fedcba9876543210~+/= "));
  assert_string_equal(t->name, "anna");
  assert_int_equal(t->right, TOKEN_ACT);
  static const char *const wrong[] = {"Bearer 0123456789abcde",
                                      "Bearer 0123456789abcdef0",
                                      "Bearer 0123456789abcdeF",
                                      "Basic 0123456789abcdef",
                                      "0123456789abcdef",
                                      "Bearer ",
                                      "",
                                      "Bearer 0123456789abcdef fedcba9876543210~+/="};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_null(tokens_find(&tokens, str_of(wrong[i])));
  assert_null(tokens_find(&tokens, STR_NONE));
}

static void refused(const char *text, unsigned want_line, const char *part) {
  unsigned line = 99;
  const char *reason = "";
  assert_false(tokens_read(str_of(text), &tokens, &line, &reason));
  assert_int_equal(line, want_line);
  if (!strstr(reason, part)) fail_msg("'%s' has no '%s'", reason, part);
}

static void what_is_wrong_is_said_with_its_line(void **state) {
  (void)state;
  refused("", 0, "no token");
  refused("# nothing\n", 1, "no token");
  refused("anna act 0123456789abcdef\nbob write 0123456789abcdeg\n", 2, "neither read nor act");
  refused("anna act short\n", 1, "16 to 256");
  refused("anna act\n", 1, "16 to 256");
  refused("anna act 0123456789abcdef more\n", 1, "nothing more");
  refused("anna act 0123456789abcde\"\n", 1, "letters");
  refused("anna act 0123456789abcdef\nanna read 0123456789abcdeg\n", 2, "above already");
  refused("anna act 0123456789abcdef\nbob read 0123456789abcdef\n", 2, "above already");
  char many[8192];
  size_t n = 0;
  for (unsigned i = 0; i <= LIMIT_TOKENS; i++)
    n += (size_t)snprintf(many + n, sizeof many - n, "name%u read 0123456789abcdef%04u\n", i, i);
  refused(many, LIMIT_TOKENS + 1, "64");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_people),
                                     cmocka_unit_test(what_is_wrong_is_said_with_its_line)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
