/* Reading recordings: framing, what is broken, and the order among files. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_limits.h"
#include "daemon_input.h"
#include "daemon_input_index.h"

struct place {
  char dir[64];
  char path[256];
};

static int place_open(void **state) {
  struct place *p = calloc(1, sizeof *p);
  (void)snprintf(p->dir, sizeof p->dir, "/tmp/daemon_input.XXXXXX");
  assert_non_null(mkdtemp(p->dir));
  *state = p;
  return 0;
}

static const char *path_of(struct place *p, const char *name) {
  (void)snprintf(p->path, sizeof p->path, "%s/%s", p->dir, name);
  return p->path;
}

static const char *const names[] = {"in", "StreamAccessLogs.1.grpc", "StreamAccessLogs.2.grpc", "index.jsonl"};

static int place_close(void **state) {
  struct place *p = *state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)unlink(path_of(p, names[i]));
  (void)rmdir(p->dir);
  free(p);
  return 0;
}

static void put(struct place *p, const char *name, struct base_str bytes) {
  FILE *f = fopen(path_of(p, name), "we");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
  assert_int_equal(fclose(f), 0);
}

static struct daemon_input *input(const char *path, enum daemon_format format) {
  char err[256];
  struct daemon_input *in = daemon_input_open(path, format, err, sizeof err);
  if (!in) fail_msg("%s", err);
  return in;
}

static void expect(struct daemon_input *in, enum daemon_input_status status, const char *bytes, uint64_t offset) {
  struct daemon_message m;
  assert_int_equal(daemon_input_next(in, &m), status);
  if (status == DAEMON_INPUT_END) return;
  assert_int_equal(m.offset, offset);
  if (status == DAEMON_INPUT_OK)
    assert_true(str_eq(m.bytes, str_of(bytes)));
  else
    assert_non_null(m.reason);
}

static void messages_by_their_length(void **state) {
  struct place *p = *state;
  put(p, "in",
      STR("\x03"
          "abc\x00\x82\x00"
          "de"));
  struct daemon_input *in = input(path_of(p, "in"), DAEMON_FORMAT_ALS);
  expect(in, DAEMON_INPUT_OK, "abc", 0);
  expect(in, DAEMON_INPUT_OK, "", 4);
  expect(in, DAEMON_INPUT_OK, "de", 5);
  expect(in, DAEMON_INPUT_END, NULL, 0);
  daemon_input_close(in);
}

static void what_came_before_the_cut_counts(void **state) {
  struct place *p = *state;
  put(p, "in",
      STR("\x03"
          "abc\x05"
          "de"));
  struct daemon_input *in = input(path_of(p, "in"), DAEMON_FORMAT_ALS);
  expect(in, DAEMON_INPUT_OK, "abc", 0);
  expect(in, DAEMON_INPUT_CUT, NULL, 4);
  expect(in, DAEMON_INPUT_END, NULL, 0);
  daemon_input_close(in);
}

static void no_length_is_the_end_of_a_file(void **state) {
  struct place *p = *state;
  put(p, "in", STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  struct daemon_input *in = input(path_of(p, "in"), DAEMON_FORMAT_ALS);
  expect(in, DAEMON_INPUT_CUT, NULL, 0);
  expect(in, DAEMON_INPUT_END, NULL, 0);
  daemon_input_close(in);
}

static void compressed_and_oversize_are_passed_over(void **state) {
  struct place *p = *state;
  size_t n = LIMIT_MESSAGE_BYTES + 1;
  char *bytes = calloc(1, 5 + n + 7 + 6);
  memcpy(bytes, (char[]){0, (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n}, 5);
  memcpy(bytes + 5 + n, "\x01\0\0\0\x02zz\0\0\0\0\x01y", 13);
  put(p, "in", (struct base_str){bytes, 5 + n + 13});
  free(bytes);
  struct daemon_input *in = input(path_of(p, "in"), DAEMON_FORMAT_ALS_GRPC);
  expect(in, DAEMON_INPUT_SKIP, NULL, 0);
  expect(in, DAEMON_INPUT_SKIP, NULL, 5 + n);
  expect(in, DAEMON_INPUT_OK, "y", 5 + n + 7);
  expect(in, DAEMON_INPUT_END, NULL, 0);
  daemon_input_close(in);
}

static void files_in_the_order_of_their_chunks(void **state) {
  struct place *p = *state;
  put(p, "StreamAccessLogs.1.grpc",
      STR("\0\0\0\0\x01"
          "a"
          "\0\0\0\0\x01"
          "b"));
  put(p, "StreamAccessLogs.2.grpc",
      STR("\0\0\0\0\x01"
          "c"
          "\0\0\0\0\x01"
          "d"));
  put(p, "index.jsonl",
      STR("{\"t\":\"2026-01-01T00:00:03Z\",\"method\":\"chunk\",\"file\":\"StreamAccessLogs.1.grpc\",\"off\":6,\"len\":"
          "6}\n"
          "{\"t\":\"2026-01-01T00:00:01.5Z\",\"method\":\"chunk\",\"file\":\"StreamAccessLogs.2.grpc\",\"off\":0,"
          "\"len\":9}\n"
          "{\"t\":\"2026-01-01T00:00:02Z\",\"method\":\"chunk\",\"file\":\"StreamAccessLogs.1.grpc\",\"off\":0,\"len\":"
          "6}\n"
          "no json\n"
          "{\"t\":\"2026-01-01T00:00:04Z\",\"method\":\"chunk\",\"file\":\"StreamAccessLogs.2.grpc\",\"off\":9,\"len\":"
          "1}\n"));
  struct daemon_input *in = input(p->dir, DAEMON_FORMAT_ALS_GRPC);
  assert_int_equal(daemon_input_streams(in), 2);
  expect(in, DAEMON_INPUT_OK, "c", 0);
  expect(in, DAEMON_INPUT_OK, "a", 0);
  expect(in, DAEMON_INPUT_OK, "b", 6);
  expect(in, DAEMON_INPUT_OK, "d", 6); /* past what the index knows */
  expect(in, DAEMON_INPUT_END, NULL, 0);
  daemon_input_close(in);
}

static void an_index_line(void **state) {
  (void)state;
  static const char *const name[] = {"x", "f"};
  struct input_chunk c;
  assert_true(input_index_line(STR("{\"hdr\":{\"file\":[\"x\"]},\"t\":\"1970-01-01T00:00:01Z\",\"method\":\"chunk\","
                                   "\"file\":\"f\",\"off\":3,\"len\":4}"),
                               name, 2, &c));
  assert_int_equal(c.file, 1);
  assert_int_equal(c.until, 7);
  assert_int_equal(c.at.ns, 1000000000);
  assert_false(input_index_line(
      STR("{\"t\":\"1970-01-01T00:00:01Z\",\"method\":\"POST\",\"file\":\"f\",\"off\":0,\"len\":-1}"), name, 2, &c));
  assert_false(input_index_line(
      STR("{\"method\":\"chunk\",\"file\":\"g\",\"off\":0,\"len\":1,\"t\":\"1970-01-01T00:00:01Z\"}"), name, 2, &c));
  assert_false(input_index_line(STR("{\"method\":\"chu\\"), name, 2, &c));
}

static void what_is_not_there_is_said(void **state) {
  (void)state;
  char err[256] = "";
  assert_null(daemon_input_open("/nowhere/at/all", DAEMON_FORMAT_ALS, err, sizeof err));
  assert_non_null(strstr(err, "/nowhere/at/all: "));
}

#define IN(f) cmocka_unit_test_setup_teardown(f, place_open, place_close)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN(messages_by_their_length),
      IN(what_came_before_the_cut_counts),
      IN(no_length_is_the_end_of_a_file),
      IN(compressed_and_oversize_are_passed_over),
      IN(files_in_the_order_of_their_chunks),
      cmocka_unit_test(an_index_line),
      cmocka_unit_test(what_is_not_there_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
