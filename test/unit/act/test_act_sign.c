/* Signatures of webhooks, against the test vector of the Standard Webhooks libraries. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "act_sign.h"

#define KEY_TEXT "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static bool signs(const char *secret, size_t secret_n, const char *want) {
  char mem[128];
  struct base_buf out = buf_over(mem, sizeof mem);
  bool ok = sign_webhook((struct base_str){secret, secret_n}, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), STR("1614265330"),
                         STR("{\"test\": 2432232314}"), &out);
  if (!ok) return false;
  assert_true(str_eq(buf_str(&out), str_of(want)));
  return true;
}

static void the_published_vector(void **state) {
  (void)state;
  assert_true(signs(KEY_TEXT, strlen(KEY_TEXT), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

/* The same key as its bytes. */
static void a_key_may_be_raw(void **state) {
  (void)state;
  static const unsigned char key[24] = {0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4,
                                        0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0};
  assert_true(signs((const char *)key, sizeof key, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

/* Padding is no part of the key: "aGk=" is "hi", "aA==" is "h". */
static void padding_is_no_key(void **state) {
  (void)state;
  char raw[128], coded[128];
  const char *const texts[][2] = {{"whsec_aGk=", "hi"}, {"whsec_aA==", "h"}};
  for (size_t i = 0; i < 2; i++) {
    struct base_buf a = buf_over(coded, sizeof coded), b = buf_over(raw, sizeof raw);
    assert_true(sign_webhook(str_of(texts[i][0]), STR("i"), STR("1"), STR("{}"), &a));
    assert_true(sign_webhook(str_of(texts[i][1]), STR("i"), STR("1"), STR("{}"), &b));
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
  }
}

static void what_is_no_key_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"", "whsec_", "whsec_abc", "whsec_????", "whsec_===="};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(signs(bad[i], strlen(bad[i]), ""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_published_vector),
      cmocka_unit_test(a_key_may_be_raw),
      cmocka_unit_test(padding_is_no_key),
      cmocka_unit_test(what_is_no_key_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
