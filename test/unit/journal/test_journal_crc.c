/* Published values: the check value of CRC-32C, and the vectors of RFC 3720, appendix B.4. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "journal_crc.h"

static void assert_crc(const void *bytes, size_t n, uint32_t want) {
  assert_int_equal(journal_crc(0, bytes, n), want);
  assert_int_equal(journal_crc_table(0, bytes, n), want);
}

static void published_values(void **state) {
  (void)state;
  unsigned char m[32];
  assert_crc("123456789", 9, 0xE3069283u);
  assert_crc("", 0, 0);
  memset(m, 0, sizeof m);
  assert_crc(m, sizeof m, 0x8A9136AAu);
  memset(m, 0xff, sizeof m);
  assert_crc(m, sizeof m, 0x62A8AB43u);
  for (unsigned i = 0; i < sizeof m; i++) m[i] = (unsigned char)i;
  assert_crc(m, sizeof m, 0x46DD794Eu);
  for (unsigned i = 0; i < sizeof m; i++) m[i] = (unsigned char)(31 - i);
  assert_crc(m, sizeof m, 0x113FDB5Cu);
}

static void both_paths_agree_at_every_length_and_offset(void **state) {
  (void)state;
  unsigned char m[200];
  for (unsigned i = 0; i < sizeof m; i++) m[i] = (unsigned char)(i * i * 31u + i);
  for (size_t from = 0; from < 9; from++)
    for (size_t n = 0; from + n <= sizeof m; n++)
      assert_int_equal(journal_crc(7, m + from, n), journal_crc_table(7, m + from, n));
}

static void it_continues(void **state) {
  (void)state;
  for (size_t cut = 0; cut <= 9; cut++)
    assert_int_equal(journal_crc(journal_crc(0, "123456789", cut), &"123456789"[cut], 9 - cut), 0xE3069283u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_values),
      cmocka_unit_test(both_paths_agree_at_every_length_and_offset),
      cmocka_unit_test(it_continues),
  };
  return cmocka_run_group_tests_name("journal_crc", tests, NULL, NULL);
}
