/* Files of secrets and lists: whole, or refused with the reason. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io_file.h"

enum { CAP = 8 };

static char path[] = "/tmp/test_io_file.XXXXXX";

static void file_write(const char *bytes, size_t n) {
  FILE *f = fopen(path, "we");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

static void line_is(const char *bytes, size_t n, const char *want) {
  char out[CAP] = "before";
  file_write(bytes, n);
  assert_true(io_line_read(path, out, sizeof out));
  assert_string_equal(out, want);
}

static void line_fails(const char *bytes, size_t n, int want) {
  static const char none[CAP];
  char out[CAP] = "before";
  file_write(bytes, n);
  errno = ENOENT;
  assert_false(io_line_read(path, out, sizeof out));
  assert_int_equal(errno, want);
  assert_memory_equal(out, none, sizeof out); /* no part of a secret stays */
}

static void a_line_is_one_line(void **state) {
  (void)state;
  line_is("token", 5, "token");
  line_is("a b\t\r\n\n", 7, "a b");
  line_is("1234567", 7, "1234567");
  line_fails("", 0, 0);
  line_fails(" \n", 2, 0);
  line_fails("a\nb\n", 4, 0);
  line_fails("a\0b", 3, 0);
  line_fails("12345678", 8, EFBIG);
  line_fails("a\n\n\n\n\n\n\n\n", 9, EFBIG);
}

static void a_file_is_whole_or_none(void **state) {
  static char bytes[3 * 4096];
  (void)state;
  memset(bytes, 'x', sizeof bytes);
  file_write(bytes, sizeof bytes);
  struct base_buf out = buf_open(sizeof bytes + 4096);
  assert_true(io_file_read(path, &out));
  assert_int_equal(out.n, sizeof bytes);
  assert_memory_equal(out.p, bytes, sizeof bytes);
  buf_fini(&out);
  out = buf_open(sizeof bytes - 1);
  assert_false(io_file_read(path, &out));
  assert_int_equal(errno, EFBIG);
  buf_fini(&out);
}

static void what_is_not_there_is_told(void **state) {
  char out[CAP];
  struct base_buf buf = buf_open(8192);
  (void)state;
  assert_false(io_line_read("/nonexistent", out, sizeof out));
  assert_int_equal(errno, ENOENT);
  assert_false(io_file_read("/nonexistent", &buf));
  assert_int_equal(errno, ENOENT);
  assert_false(io_line_read("/", out, sizeof out));
  assert_int_equal(errno, EISDIR);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_one_line),
      cmocka_unit_test(a_file_is_whole_or_none),
      cmocka_unit_test(what_is_not_there_is_told),
  };
  int fd = mkstemp(path);
  if (fd < 0 || close(fd) != 0) return 1;
  int failed = cmocka_run_group_tests_name("io_file", tests, NULL, NULL);
  (void)unlink(path);
  return failed;
}
