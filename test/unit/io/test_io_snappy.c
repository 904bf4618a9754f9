/* snappy's blocks: what is packed comes out as it was, what is broken or too large is told. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <string.h>

#include "io_snappy.h"

static char to[256];

/* By hand, from the format's description: 10 bytes; a literal of 5; a copy of 5 from 5 back. */
static const char block[] =
    "\x0a\x10"
    "abcde"
    "\x05\x05";

static enum io_snappy unpack(const char *p, size_t n, size_t max, size_t *made) {
  char *copy = malloc(n ? n : 1); /* reading past the end is seen by the sanitizer */
  assert_non_null(copy);
  if (n) memcpy(copy, p, n);
  memset(to, 0, sizeof to);
  enum io_snappy s = io_snappy_unpack((struct base_str){copy, n}, to, max, made);
  free(copy);
  return s;
}

static void a_block_made_by_hand(void **state) {
  (void)state;
  size_t n;
  assert_int_equal(unpack(block, sizeof block - 1, sizeof to, &n), IO_SNAPPY_OK);
  assert_int_equal(n, 10);
  assert_memory_equal(to, "abcdeabcde", 10);
  assert_int_equal(unpack("\0", 1, sizeof to, &n), IO_SNAPPY_OK); /* of nothing */
  assert_int_equal(n, 0);
}

static void a_cut_block_is_broken(void **state) {
  (void)state;
  size_t n;
  for (size_t cut = 0; cut < sizeof block - 1; cut++) {
    assert_int_equal(unpack(block, cut, sizeof to, &n), IO_SNAPPY_BAD);
    assert_int_equal(n, 0);
  }
  assert_int_equal(unpack("\x04\x05\x09", 3, sizeof to, &n), IO_SNAPPY_BAD); /* a copy from before the beginning */
}

static void what_says_that_it_is_too_large_is_not_looked_at(void **state) {
  (void)state;
  size_t n;
  assert_int_equal(unpack(block, sizeof block - 1, 9, &n), IO_SNAPPY_OVERSIZE);
  assert_int_equal(to[0], 0);
  assert_int_equal(unpack(block, sizeof block - 1, 10, &n), IO_SNAPPY_OK);
  assert_int_equal(unpack("\x80\x80\x80\x80\x04", 5, sizeof to, &n), IO_SNAPPY_OVERSIZE); /* 1 GiB */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_block_made_by_hand),
      cmocka_unit_test(a_cut_block_is_broken),
      cmocka_unit_test(what_says_that_it_is_too_large_is_not_looked_at),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
