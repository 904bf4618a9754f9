/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "journal_frame.h"
#include "journal_scratch.h"

static void it_starts_at_the_frame_asked_for(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200};
  struct journal *j = must_open(&conf);
  append(j, 60);
  journal_close(j);
  struct journal_err err;
  for (uint64_t from = 0; from <= 60; from++) {
    struct journal_cursor *c = must_read(conf.dir, from);
    for (uint64_t i = from; i < 60; i++) assert_frame(c, i);
    assert_int_equal(stop_status(c, &err), JOURNAL_END);
    journal_cursor_close(c);
  }
}

static void it_starts_at_the_oldest_kept(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200, .segments_max = 2};
  struct journal *j = must_open(&conf);
  append(j, 60);
  journal_close(j);
  struct journal_err err;
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body;
  struct journal_cursor *c = must_read(conf.dir, 3);
  assert_int_equal(journal_cursor_next(c, &number, &kind, &body, &err), JOURNAL_OK);
  assert_true(number > 40);
  for (uint64_t i = number + 1; i < 60; i++) assert_frame(c, i);
  journal_cursor_close(c);
}

static void it_follows_a_live_directory_over_segments(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 250};
  struct journal_err err;
  struct journal *j = must_open(&conf);
  struct journal_cursor *c = must_read(conf.dir, 0);
  uint64_t next = 0;
  for (unsigned round = 0; round < 200; round++) {
    assert_int_equal(stop_status(c, &err), JOURNAL_END);
    assert_string_equal(err.text, "");
    append(j, round % 17);
    assert_int_equal(journal_sync(j, false), JOURNAL_OK);
    for (unsigned k = 0; k < round % 17; k++) assert_frame(c, next++);
  }
  journal_close(j);
  journal_cursor_close(c);
}

static void it_waits_in_an_empty_directory(void **state) {
  (void)state;
  struct journal_err err;
  const char *dir = scratch_path("dir");
  assert_int_equal(mkdir(dir, 0700), 0);
  struct journal_cursor *c = must_read(dir, 0);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  struct journal_conf conf = {.dir = dir};
  struct journal *j = must_open(&conf);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  append(j, 2);
  journal_close(j);
  assert_frame(c, 0);
  assert_frame(c, 1);
  journal_cursor_close(c);
}

/* The writer's crash and return in view of a reader: what the reader saw of the torn frame is forgotten. */
static void it_follows_over_a_cut_tail(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir")};
  struct journal_err err;
  const char *segment = scratch_path("dir/0000000000000000.seg");
  struct journal *j = must_open(&conf);
  append(j, 3);
  journal_close(j);
  struct base_buf bytes = file_bytes(segment);
  buf_put(&bytes, "\x20\0\0\0torn", 8);
  file_make(segment, bytes.p, bytes.n);
  struct journal_cursor *c = must_read(conf.dir, 0);
  for (uint64_t i = 0; i < 3; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  assert_non_null(strstr(err.text, "ends inside a frame"));
  j = must_open(&conf);
  append(j, 2);
  journal_close(j);
  assert_frame(c, 3);
  assert_frame(c, 4);
  journal_cursor_close(c);
  buf_fini(&bytes);
}

static void a_reader_outlives_the_segment_it_reads(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200, .segments_max = 2};
  struct journal_err err;
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body;
  struct journal *j = must_open(&conf);
  append(j, 2);
  assert_int_equal(journal_sync(j, false), JOURNAL_OK);
  struct journal_cursor *c = must_read(conf.dir, 0);
  assert_frame(c, 0);
  append(j, 200);
  journal_close(j);
  assert_frame(c, 1);
  uint64_t last = 1, gaps = 0;
  while (journal_cursor_next(c, &number, &kind, &body, &err) == JOURNAL_OK) {
    assert_true(number > last);
    gaps += number != last + 1;
    last = number;
  }
  assert_int_equal(last, 201);
  assert_int_equal(gaps, 1);
  journal_cursor_close(c);
}

static void a_wrong_segment_is_bad_and_the_next_is_read(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200};
  struct journal_err err;
  struct journal *j = must_open(&conf);
  append(j, 30);
  journal_close(j);
  uint64_t *first = NULL;
  assert_true(journal_os_segments(conf.dir, &first) >= 3);
  uint64_t second = first[1], third = first[2];
  free(first);
  char *path = journal_os_segment_path(conf.dir, second);
  static const char *const content[] = {"FSHK1 journal\n\0\0wrong no", "FSHK9 journal\n\0\0\0\0\0\0\0\0\0\0", "FSHK"};
  static const size_t bytes[] = {24, 24, 4};
  for (size_t k = 0; k < 3; k++) {
    file_make(path, content[k], bytes[k]);
    struct journal_cursor *c = must_read(conf.dir, 0);
    for (uint64_t i = 0; i < second; i++) assert_frame(c, i);
    assert_int_equal(stop_status(c, &err), JOURNAL_BAD);
    assert_non_null(strstr(err.text, "offset 0"));
    for (uint64_t i = third; i < 30; i++) assert_frame(c, i);
    journal_cursor_close(c);
  }
  free(path);
}

static void what_is_no_journal_is_not_opened(void **state) {
  (void)state;
  struct journal_err err;
  assert_null(journal_cursor_open(scratch_path("absent"), 0, &err));
  assert_non_null(strstr(err.text, "absent: No such file"));
  file_make(scratch_path("other"), "{\"this\": \"is something else\"}", 29);
  assert_null(journal_cursor_open(scratch_path("other"), 0, &err));
  assert_non_null(strstr(err.text, "not a journal"));
}

/* Standard output to standard input, through a pipe. */
static void streams_go_through_a_pipe(void **state) {
  (void)state;
  struct journal_err err;
  int end[2], out = dup(STDOUT_FILENO), in = dup(STDIN_FILENO);
  assert_int_equal(pipe(end), 0);
  (void)fflush(stdout);
  assert_true(dup2(end[1], STDOUT_FILENO) >= 0 && dup2(end[0], STDIN_FILENO) >= 0);
  (void)close(end[0]);
  (void)close(end[1]);
  struct journal *j = journal_open(&(struct journal_conf){.file = "-"}, &err);
  enum journal_status status = j ? JOURNAL_OK : JOURNAL_IO;
  char mem[64];
  for (uint64_t i = 0; i < 100 && status == JOURNAL_OK; i++) status = journal_append(j, (uint8_t)i, frame_body(i, mem));
  if (status == JOURNAL_OK) status = journal_sync(j, true);
  journal_close(j);
  assert_true(dup2(out, STDOUT_FILENO) >= 0);
  struct journal_cursor *c = journal_cursor_open("-", 0, &err);
  assert_true(dup2(in, STDIN_FILENO) >= 0);
  (void)close(in);
  (void)close(out);
  assert_int_equal(status, JOURNAL_OK);
  assert_non_null(c);
  for (uint64_t i = 0; i < 100; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  assert_string_equal(err.text, "");
  journal_cursor_close(c);
}

static void a_length_out_of_range_is_bad_before_its_bytes_come(void **state) {
  (void)state;
  struct journal_frame frame;
  assert_int_equal(journal_frame_read(STR("\x01\0\x80\0"), &frame), JOURNAL_FRAME_BAD_LENGTH);
  assert_int_equal(journal_frame_read(STR("\0\0\x80\0"), &frame), JOURNAL_FRAME_MORE);
  assert_int_equal(journal_frame_read(STR("\xff\xff\xff"), &frame), JOURNAL_FRAME_MORE);
  assert_int_equal(journal_frame_read(STR_NONE, &frame), JOURNAL_FRAME_MORE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_starts_at_the_frame_asked_for),
      TEST(it_starts_at_the_oldest_kept),
      TEST(it_follows_a_live_directory_over_segments),
      TEST(it_waits_in_an_empty_directory),
      TEST(it_follows_over_a_cut_tail),
      TEST(a_reader_outlives_the_segment_it_reads),
      TEST(a_wrong_segment_is_bad_and_the_next_is_read),
      TEST(what_is_no_journal_is_not_opened),
      TEST(streams_go_through_a_pipe),
      TEST(a_length_out_of_range_is_bad_before_its_bytes_come),
  };
  return cmocka_run_group_tests_name("journal_cursor", tests, NULL, NULL);
}
