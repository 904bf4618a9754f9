/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "journal_scratch.h"

static void it_reads_back_and_replaces_the_older(void **state) {
  (void)state;
  struct journal_err err;
  const char *path = scratch_path("snapshot"), *temporary = scratch_path("snapshot.tmp");
  struct base_buf out = buf_open(1 << 20);
  assert_int_equal(journal_snapshot_write(path, STR("first, and longer"), &err), JOURNAL_OK);
  assert_int_equal(journal_snapshot_write(path, STR("second\0one"), &err), JOURNAL_OK);
  assert_int_equal(journal_snapshot_read(path, &out, &err), JOURNAL_OK);
  assert_true(str_eq(buf_str(&out), STR("second\0one")));
  assert_int_not_equal(access(temporary, F_OK), 0);
  buf_clear(&out);
  assert_int_equal(journal_snapshot_write(path, STR_NONE, &err), JOURNAL_OK);
  assert_int_equal(journal_snapshot_read(path, &out, &err), JOURNAL_OK);
  assert_int_equal(out.n, 0);
  buf_fini(&out);
}

static void every_other_length_and_every_flipped_byte_is_bad(void **state) {
  (void)state;
  struct journal_err err;
  const char *path = scratch_path("snapshot");
  assert_int_equal(journal_snapshot_write(path, STR("the engine's memory"), &err), JOURNAL_OK);
  struct base_buf whole = file_bytes(path), out = buf_open(1 << 20);
  for (size_t n = 0; n < whole.n; n++) {
    file_make(path, whole.p, n);
    assert_int_equal(journal_snapshot_read(path, &out, &err), JOURNAL_BAD);
  }
  for (size_t at = 0; at < whole.n; at++) {
    whole.p[at] ^= 4;
    file_make(path, whole.p, whole.n);
    assert_int_equal(journal_snapshot_read(path, &out, &err), JOURNAL_BAD);
    whole.p[at] ^= 4;
  }
  buf_put_char(&whole, 'x');
  file_make(path, whole.p, whole.n);
  assert_int_equal(journal_snapshot_read(path, &out, &err), JOURNAL_BAD);
  assert_int_equal(out.n, 0);
  buf_fini(&whole);
  buf_fini(&out);
}

static void absent_too_large_and_unwritable_are_told_apart(void **state) {
  (void)state;
  struct journal_err err;
  char small[4];
  struct base_buf out = buf_over(small, sizeof small);
  assert_int_equal(journal_snapshot_read(scratch_path("absent"), &out, &err), JOURNAL_END);
  assert_int_equal(journal_snapshot_write(scratch_path("large"), STR("12345"), &err), JOURNAL_OK);
  assert_int_equal(journal_snapshot_read(scratch_path("large"), &out, &err), JOURNAL_BAD);
  assert_non_null(strstr(err.text, "larger than it may be"));
  assert_int_equal(journal_snapshot_write(scratch_path("no/dir"), STR("x"), &err), JOURNAL_IO);
  assert_non_null(strstr(err.text, "No such file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_reads_back_and_replaces_the_older),
      TEST(every_other_length_and_every_flipped_byte_is_bad),
      TEST(absent_too_large_and_unwritable_are_told_apart),
  };
  return cmocka_run_group_tests_name("journal_snapshot", tests, NULL, NULL);
}
