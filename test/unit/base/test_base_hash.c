/* Oracle: SipHash-c-d written down once more from the paper (Aumasson, Bernstein 2012, section 2), byte by byte, and
 * tied to the paper by its own published vector: SipHash-2-4 of 00 01 .. 0e under the key 00 01 .. 0f is
 * a129ca6149be45e5. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_hash.h"

static uint64_t rotate(uint64_t x, unsigned by) {
  return x << by | x >> (64 - by);
}

static void paper_round(uint64_t v[4]) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotate(v[1], 13);
  v[3] = rotate(v[3], 16);
  v[1] ^= v[0];
  v[3] ^= v[2];
  v[0] = rotate(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = rotate(v[1], 17);
  v[3] = rotate(v[3], 21);
  v[1] ^= v[2];
  v[3] ^= v[0];
  v[2] = rotate(v[2], 32);
}

static uint64_t paper_siphash(int c, int d, uint64_t k0, uint64_t k1, const unsigned char *m, size_t n) {
  uint64_t v[4] = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull, k0 ^ 0x6c7967656e657261ull,
                   k1 ^ 0x7465646279746573ull};
  for (size_t word = 0; word <= n / 8; word++) {
    uint64_t mi = word == n / 8 ? (uint64_t)n << 56 : 0;
    for (size_t i = 0; i < 8 && word * 8 + i < n; i++) mi |= (uint64_t)m[word * 8 + i] << (8 * i);
    v[3] ^= mi;
    for (int i = 0; i < c; i++) paper_round(v);
    v[0] ^= mi;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < d; i++) paper_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void the_oracle_gives_the_papers_vector(void **state) {
  (void)state;
  unsigned char m[15];
  for (unsigned i = 0; i < sizeof m; i++) m[i] = (unsigned char)i;
  assert_true(paper_siphash(2, 4, 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull, m, sizeof m) == 0xa129ca6149be45e5ull);
}

static void equals_the_oracle_at_every_length(void **state) {
  (void)state;
  unsigned char m[300];
  for (unsigned i = 0; i < sizeof m; i++) m[i] = (unsigned char)(i * 151u + 7u);
  struct base_hash_key key = {0x0123456789abcdefull, 0xfedcba9876543210ull};
  for (size_t n = 0; n <= sizeof m; n++)
    for (size_t from = 0; from < 8 && from + n <= sizeof m; from++)
      assert_true(hash_bytes(key, m + from, n) == paper_siphash(1, 3, key.k0, key.k1, m + from, n));
}

static void the_fixed_key_is_fixed(void **state) {
  (void)state;
  struct base_hash_key key = HASH_KEY_FIXED;
  const unsigned char cart[] = "cart";
  assert_true(hash_bytes(key, cart, 4) == paper_siphash(1, 3, 0x6f72657368306b46ull, 0x5f666f72655f736bull, cart, 4));
}

static void mix_depends_on_the_order(void **state) {
  (void)state;
  assert_true(hash_mix(hash_mix(0, 1), 2) != hash_mix(hash_mix(0, 2), 1));
  assert_true(hash_mix(0, 0) != hash_mix(hash_mix(0, 0), 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_oracle_gives_the_papers_vector),
      cmocka_unit_test(equals_the_oracle_at_every_length),
      cmocka_unit_test(the_fixed_key_is_fixed),
      cmocka_unit_test(mix_depends_on_the_order),
  };
  return cmocka_run_group_tests_name("base_hash", tests, NULL, NULL);
}
