/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <signal.h>
#include <sys/resource.h>

#include "journal_scratch.h"

#define HEADER 24u

static void frames_are_numbered_and_read_back(void **state) {
  (void)state;
  struct journal_conf conf = {.file = scratch_path("log")};
  struct journal *j = must_open(&conf);
  append(j, 5000);
  assert_int_equal(journal_append(j, 7, STR_NONE), JOURNAL_OK);
  journal_close(j);
  struct journal_err err;
  struct journal_cursor *c = must_read(conf.file, 0);
  for (uint64_t i = 0; i < 5000; i++) assert_frame(c, i);
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body = STR("x");
  assert_int_equal(journal_cursor_next(c, &number, &kind, &body, &err), JOURNAL_OK);
  assert_true(number == 5000 && kind == 7 && body.n == 0);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  assert_string_equal(err.text, "");
  journal_cursor_close(c);
}

/* Kind and body together are "123456789", whose CRC is the published check value. */
static void the_file_looks_as_documented(void **state) {
  (void)state;
  struct journal_conf conf = {.file = scratch_path("log")};
  struct journal *j = must_open(&conf);
  assert_int_equal(journal_append(j, 0x31, STR("23456789")), JOURNAL_OK);
  journal_close(j);
  struct base_buf b = file_bytes(conf.file);
  static const char want[] =
      "FSHK1 journal\n\0\0"
      "\0\0\0\0\0\0\0\0"
      "\x08\0\0\0"
      "\x83\x92\x06\xe3"
      "123456789";
  assert_int_equal(b.n, sizeof want - 1);
  assert_memory_equal(b.p, want, sizeof want - 1);
  buf_fini(&b);
}

static void it_continues_after_closing(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 300};
  for (int times = 0; times < 7; times++) {
    struct journal *j = must_open(&conf);
    assert_int_equal(journal_next(j), (uint64_t)times * 13);
    append(j, 13);
    journal_close(j);
  }
  struct journal_err err;
  struct journal_cursor *c = must_read(conf.dir, 0);
  for (uint64_t i = 0; i < 7 * 13; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  journal_cursor_close(c);
}

static void a_synced_frame_is_in_the_file_before_closing(void **state) {
  (void)state;
  struct journal_conf conf = {.file = scratch_path("log")};
  struct journal *j = must_open(&conf);
  append(j, 3);
  struct journal_err err;
  struct journal_cursor *c = must_read(conf.file, 0);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  assert_int_equal(journal_sync(j, true), JOURNAL_OK);
  for (uint64_t i = 0; i < 3; i++) assert_frame(c, i);
  journal_cursor_close(c);
  journal_close(j);
}

/* Makes a log of n frames; start[i] is the offset of frame i, start[n] the end. */
static struct base_buf log_of(unsigned n, size_t *start) {
  const char *path = scratch_path("whole");
  struct journal_conf conf = {.file = path};
  (void)unlink(path);
  struct journal *j = must_open(&conf);
  start[0] = HEADER;
  for (unsigned i = 0; i < n; i++) {
    char mem[64];
    start[i + 1] = start[i] + 9 + frame_body(i, mem).n;
    append(j, 1);
  }
  journal_close(j);
  struct base_buf b = file_bytes(path);
  assert_int_equal(b.n, start[n]);
  return b;
}

static void assert_reads(const char *path, uint64_t frames, enum journal_status then, bool unfinished) {
  struct journal_err err;
  struct journal_cursor *c = must_read(path, 0);
  for (uint64_t i = 0; i < frames; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), then);
  assert_int_equal(err.text[0] != '\0', unfinished);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  journal_cursor_close(c);
}

#define FRAMES 24u

static void every_torn_tail_leaves_the_frames_before_it(void **state) {
  (void)state;
  size_t start[FRAMES + 1];
  struct base_buf whole = log_of(FRAMES, start);
  struct journal_conf conf = {.file = scratch_path("torn")};
  for (size_t n = 0; n <= whole.n; n++) {
    unsigned frames = 0;
    while (frames < FRAMES && start[frames + 1] <= n) frames++;
    file_make(conf.file, whole.p, n);
    assert_reads(conf.file, frames, JOURNAL_END, n != 0 && n != start[frames]);
    struct journal *j = must_open(&conf);
    assert_int_equal(journal_next(j), frames);
    append(j, 2);
    journal_close(j);
    assert_reads(conf.file, frames + 2, JOURNAL_END, false);
  }
  buf_fini(&whole);
}

static void every_flipped_byte_leaves_the_frames_before_it(void **state) {
  (void)state;
  size_t start[FRAMES + 1];
  struct base_buf whole = log_of(FRAMES, start);
  const char *path = scratch_path("flipped");
  for (size_t at = HEADER; at < whole.n; at++) {
    unsigned frame = 0;
    while (start[frame + 1] <= at) frame++;
    whole.p[at] = (char)(whole.p[at] ^ 0x40);
    file_make(path, whole.p, whole.n);
    struct journal_err err;
    struct journal_cursor *c = must_read(path, 0);
    for (uint64_t i = 0; i < frame; i++) assert_frame(c, i);
    (void)stop_status(c, &err);
    assert_true(err.text[0]);
    assert_int_equal(stop_status(c, &err), JOURNAL_END);
    journal_cursor_close(c);
    whole.p[at] = (char)(whole.p[at] ^ 0x40);
  }
  buf_fini(&whole);
}

/* A page that a crash left as zeros, at the tail: the frames before it stay, the rest is passed by. */
static void zeros_at_the_tail_are_no_frames(void **state) {
  (void)state;
  size_t start[FRAMES + 1];
  struct base_buf whole = log_of(FRAMES, start);
  struct journal_conf conf = {.dir = scratch_path("zeros")};
  assert_int_equal(mkdir(conf.dir, 0700), 0);
  memset(whole.p + start[20], 0, whole.n - start[20]);
  file_make(scratch_path("zeros/0000000000000000.seg"), whole.p, whole.n);
  struct journal *j = must_open(&conf);
  uint64_t next = journal_next(j);
  assert_true(next > 20);
  append(j, 3);
  journal_close(j);
  struct journal_err err;
  struct journal_cursor *c = must_read(conf.dir, 0);
  for (uint64_t i = 0; i < 20; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_BAD);
  for (uint64_t i = next; i < next + 3; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  journal_cursor_close(c);
  buf_fini(&whole);
}

/* Damage with sound frames behind it: nothing is cut, and no number is given twice. */
static void damage_in_the_middle_is_kept_and_passed_by(void **state) {
  (void)state;
  size_t start[FRAMES + 1];
  struct base_buf whole = log_of(FRAMES, start);
  struct journal_conf conf = {.dir = scratch_path("damaged")};
  assert_int_equal(mkdir(conf.dir, 0700), 0);
  whole.p[start[10] + 12] ^= 1;
  file_make(scratch_path("damaged/0000000000000000.seg"), whole.p, whole.n);
  struct journal *j = must_open(&conf);
  uint64_t next = journal_next(j);
  assert_true(next >= FRAMES);
  append(j, 2);
  journal_close(j);
  struct base_buf after = file_bytes(scratch_path("damaged/0000000000000000.seg"));
  assert_true(str_eq(buf_str(&after), buf_str(&whole)));
  struct journal_err err;
  struct journal_cursor *c = must_read(conf.dir, 0);
  for (uint64_t i = 0; i < 10; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_BAD);
  char offset[32];
  (void)snprintf(offset, sizeof offset, "offset %zu", start[10]);
  assert_non_null(strstr(err.text, offset));
  assert_frame(c, next);
  assert_frame(c, next + 1);
  journal_cursor_close(c);
  buf_fini(&after);
  buf_fini(&whole);
}

/* A length that now points past the end looks like a torn tail, but sound frames follow: they are not cut away. */
static void a_damaged_length_does_not_cut_what_follows(void **state) {
  (void)state;
  size_t start[FRAMES + 1];
  struct base_buf whole = log_of(FRAMES, start);
  struct journal_conf conf = {.dir = scratch_path("damaged")};
  assert_int_equal(mkdir(conf.dir, 0700), 0);
  for (unsigned byte = 0; byte < 4; byte++) {
    whole.p[start[10] + byte] ^= 0x40;
    file_make(scratch_path("damaged/0000000000000000.seg"), whole.p, whole.n);
    journal_close(must_open(&conf));
    struct base_buf after = file_bytes(scratch_path("damaged/0000000000000000.seg"));
    assert_true(str_eq(buf_str(&after), buf_str(&whole)));
    buf_fini(&after);
    scratch_empty(conf.dir);
    whole.p[start[10] + byte] ^= 0x40;
  }
  buf_fini(&whole);
}

static void a_damaged_single_file_is_not_appended_to(void **state) {
  (void)state;
  size_t start[FRAMES + 1];
  struct base_buf whole = log_of(FRAMES, start);
  struct journal_conf conf = {.file = scratch_path("single")};
  struct journal_err err;
  whole.p[start[10] + 12] ^= 1;
  file_make(conf.file, whole.p, whole.n);
  assert_null(journal_open(&conf, &err));
  assert_non_null(strstr(err.text, "damaged at offset"));
  file_make(conf.file, "some other file of mine", 23);
  assert_null(journal_open(&conf, &err));
  assert_non_null(strstr(err.text, "not a journal"));
  struct base_buf after = file_bytes(conf.file);
  assert_true(str_eq(buf_str(&after), STR("some other file of mine")));
  buf_fini(&after);
  buf_fini(&whole);
}

static void only_one_writer_at_a_time(void **state) {
  (void)state;
  struct journal_err err;
  struct journal_conf dir = {.dir = scratch_path("dir")}, file = {.file = scratch_path("log")};
  struct journal *a = must_open(&dir), *b = must_open(&file);
  assert_null(journal_open(&dir, &err));
  assert_non_null(strstr(err.text, "another process"));
  assert_null(journal_open(&file, &err));
  assert_non_null(strstr(err.text, "another process"));
  journal_close(a);
  journal_close(b);
  journal_close(must_open(&dir));
}

static size_t segment_count(const char *dir, uint64_t *oldest) {
  uint64_t *first = NULL;
  ssize_t n = journal_os_segments(dir, &first);
  assert_true(n > 0);
  *oldest = first[0];
  free(first);
  return (size_t)n;
}

static void the_oldest_segments_go_but_for_the_pinned(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200, .segments_max = 4};
  uint64_t oldest = 0;
  struct journal *j = must_open(&conf);
  append(j, 100);
  assert_int_equal(segment_count(conf.dir, &oldest), 4);
  assert_true(oldest > 60);
  uint64_t pinned = oldest;
  journal_pin(j, 1, 0, oldest);
  journal_pin(j, 2, oldest + 1, oldest + 2);
  assert_int_equal(journal_window(j), pinned);
  assert_int_equal(journal_held_bytes(j), 0);
  append(j, 100);
  assert_int_equal(segment_count(conf.dir, &oldest), 5); /* on top of the newest four */
  assert_int_equal(oldest, pinned);
  assert_true(journal_window(j) > pinned + 50);
  assert_true(journal_held_bytes(j) >= 200 && journal_held_bytes(j) < 300);
  struct journal_cursor *c = must_read(conf.dir, 0);
  assert_frame(c, pinned);
  assert_frame(c, pinned + 1);
  journal_cursor_close(c);
  journal_pin(j, 2, pinned, pinned); /* moved, not added */
  journal_unpin(j, 1);
  append(j, 100);
  assert_int_equal(segment_count(conf.dir, &oldest), 5);
  assert_int_equal(oldest, pinned);
  uint64_t held = journal_held_bytes(j);
  journal_close(j);
  j = must_open(&conf); /* pins are its owner's to set again; sizes are found again */
  assert_int_equal(journal_held_bytes(j), held);
  journal_pin(j, 2, pinned, pinned);
  journal_unpin(j, 2);
  journal_unpin(j, 99);
  append(j, 30);
  (void)segment_count(conf.dir, &oldest);
  assert_true(oldest > pinned);
  journal_close(j);
}

static void unpinning_makes_room_at_once(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200, .segments_max = 2};
  uint64_t oldest = 0;
  struct journal *j = must_open(&conf);
  journal_pin(j, 1, 0, UINT64_MAX);
  append(j, 100);
  assert_true(segment_count(conf.dir, &oldest) > 10);
  assert_int_equal(oldest, 0);
  journal_unpin(j, 1);
  assert_int_equal(segment_count(conf.dir, &oldest), 2);
  journal_close(j);
}

/* A frame of the largest size, between small ones. */
static void a_frame_of_the_limit_fits(void **state) {
  (void)state;
  struct journal_conf conf = {.file = scratch_path("log")};
  char *large = malloc(LIMIT_FRAME_BYTES);
  assert_non_null(large);
  memset(large, 'L', LIMIT_FRAME_BYTES);
  struct journal *j = must_open(&conf);
  append(j, 1);
  assert_int_equal(journal_append(j, 9, (struct base_str){large, LIMIT_FRAME_BYTES}), JOURNAL_OK);
  append(j, 1);
  journal_close(j);
  struct journal_cursor *c = must_read(conf.file, 0);
  struct journal_err err;
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body = STR_NONE;
  assert_frame(c, 0);
  assert_int_equal(journal_cursor_next(c, &number, &kind, &body, &err), JOURNAL_OK);
  assert_true(body.n == LIMIT_FRAME_BYTES && memcmp(body.p, large, body.n) == 0);
  assert_frame(c, 2);
  journal_cursor_close(c);
  free(large);
}

static void file_size_limit_set(rlim_t bytes) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that is full for a while, by a limit on file sizes: refused frames are refused whole, accepted ones are all
 * there in the end, and in order. */
static void a_full_disk_loses_nothing_that_was_taken(void **state) {
  (void)state;
  struct journal_conf conf = {.file = scratch_path("log")};
  struct journal *j = must_open(&conf);
  (void)signal(SIGXFSZ, SIG_IGN);
  append(j, 100);
  assert_int_equal(journal_sync(j, true), JOURNAL_OK);
  file_size_limit_set(100000);
  enum journal_status status = JOURNAL_OK;
  char mem[64];
  for (int i = 0; i < 20000 && status == JOURNAL_OK; i++)
    status = journal_append(j, (uint8_t)journal_next(j), frame_body(journal_next(j), mem));
  uint64_t taken = journal_next(j);
  assert_int_equal(status, JOURNAL_IO);
  assert_non_null(strstr(journal_error(j), "log: write: "));
  assert_int_equal(journal_sync(j, true), JOURNAL_IO);
  assert_int_equal(journal_next(j), taken);
  assert_true(taken > 100);
  file_size_limit_set(RLIM_INFINITY);
  append(j, 5000);
  journal_close(j);
  struct journal_err err;
  struct journal_cursor *c = must_read(conf.file, 0);
  for (uint64_t i = 0; i < taken + 5000; i++) assert_frame(c, i);
  assert_int_equal(stop_status(c, &err), JOURNAL_END);
  assert_string_equal(err.text, "");
  journal_cursor_close(c);
}

/* No room for a new segment's header: the log goes on in the old one once there is room. */
static void a_segment_that_cannot_be_begun_leaves_no_trace(void **state) {
  (void)state;
  struct journal_conf conf = {.dir = scratch_path("dir"), .segment_bytes = 200};
  uint64_t oldest = 0;
  char mem[64];
  struct journal *j = must_open(&conf);
  (void)signal(SIGXFSZ, SIG_IGN);
  append(j, 7);
  assert_int_equal(journal_sync(j, true), JOURNAL_OK);
  size_t before = segment_count(conf.dir, &oldest);
  while (segment_count(conf.dir, &oldest) == before) {
    assert_int_equal(journal_sync(j, true), JOURNAL_OK);
    file_size_limit_set(10);
    enum journal_status status = journal_append(j, (uint8_t)journal_next(j), frame_body(journal_next(j), mem));
    file_size_limit_set(RLIM_INFINITY);
    assert_int_equal(segment_count(conf.dir, &oldest), before);
    if (status == JOURNAL_IO) append(j, 1);
  }
  append(j, 10);
  uint64_t n = journal_next(j);
  journal_close(j);
  struct journal_cursor *c = must_read(conf.dir, 0);
  for (uint64_t i = 0; i < n; i++) assert_frame(c, i);
  journal_cursor_close(c);
}

static void what_cannot_be_opened_says_why(void **state) {
  (void)state;
  struct journal_err err;
  struct journal_conf nowhere = {.dir = scratch_path("no/such/dir")}, is_dir = {.file = scratch};
  assert_null(journal_open(&nowhere, &err));
  assert_non_null(strstr(err.text, "no/such/dir: create the directory: No such file"));
  assert_null(journal_open(&is_dir, &err));
  assert_non_null(strstr(err.text, "directory"));
  file_make(scratch_path("plain"), "x", 1);
  struct journal_conf plain = {.dir = scratch_path("plain")};
  assert_null(journal_open(&plain, &err));
  assert_non_null(strstr(err.text, "Not a directory"));
}

static void a_device_without_room_is_an_error_not_a_crash(void **state) {
  (void)state;
  if (access("/dev/full", W_OK) != 0) skip();
  struct journal_conf conf = {.file = "/dev/full"};
  struct journal *j = must_open(&conf);
  append(j, 10);
  assert_int_equal(journal_sync(j, false), JOURNAL_IO);
  assert_non_null(strstr(journal_error(j), "No space left"));
  journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(frames_are_numbered_and_read_back),
      TEST(the_file_looks_as_documented),
      TEST(it_continues_after_closing),
      TEST(a_synced_frame_is_in_the_file_before_closing),
      TEST(every_torn_tail_leaves_the_frames_before_it),
      TEST(every_flipped_byte_leaves_the_frames_before_it),
      TEST(zeros_at_the_tail_are_no_frames),
      TEST(damage_in_the_middle_is_kept_and_passed_by),
      TEST(a_damaged_length_does_not_cut_what_follows),
      TEST(a_damaged_single_file_is_not_appended_to),
      TEST(only_one_writer_at_a_time),
      TEST(the_oldest_segments_go_but_for_the_pinned),
      TEST(unpinning_makes_room_at_once),
      TEST(a_frame_of_the_limit_fits),
      TEST(a_full_disk_loses_nothing_that_was_taken),
      TEST(a_segment_that_cannot_be_begun_leaves_no_trace),
      TEST(what_cannot_be_opened_says_why),
      TEST(a_device_without_room_is_an_error_not_a_crash),
  };
  return cmocka_run_group_tests_name("journal_writer", tests, NULL, NULL);
}
