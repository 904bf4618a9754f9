/* A recording holds what came, in order, and is never written over. */
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

#include "daemon_recording.h"

static char dir[] = "/tmp/foreshock-recording-XXXXXX", path[64];

static void expect(struct journal_cursor *c, uint8_t kind, uint64_t stream, int64_t ns, const char *bytes) {
  struct journal_err err;
  uint64_t number;
  uint8_t got;
  struct base_str body;
  struct rec_arrival a;
  const char *reason;
  assert_int_equal(journal_cursor_next(c, &number, &got, &body, &err), JOURNAL_OK);
  assert_int_equal(got, kind);
  assert_true(rec_codec_arrival_read(body, &a, &reason));
  assert_int_equal(a.stream, stream);
  assert_int_equal(a.recv.ns, ns);
  assert_true(str_eq(a.bytes, str_of(bytes)));
}

static void what_came_in_order(void **state) {
  (void)state;
  struct journal_err err;
  struct recording *r = recording_open(path, &err);
  assert_non_null(r);
  assert_int_equal(recording_stream_open(r, DOOR_FORM_ALS, (struct base_wall){10}), 1);
  assert_int_equal(recording_stream_open(r, DOOR_FORM_ALS, (struct base_wall){11}), 2);
  recording_message(r, 2, STR("hello"), (struct base_wall){12});
  recording_step(r, (struct base_wall){13});
  recording_stream_close(r, 1, (struct base_wall){14});
  assert_int_equal(recording_messages(r), 1);
  assert_int_equal(recording_bytes(r), 5);
  assert_true(recording_close(r));
  struct journal_cursor *c = journal_cursor_open(path, 0, &err);
  expect(c, REC_FRAME_STREAM, 1, 10, "");
  expect(c, REC_FRAME_STREAM, 2, 11, "");
  expect(c, REC_FRAME_MESSAGE, 2, 12, "hello");
  expect(c, REC_FRAME_CLOSE, 0, 13, "");
  expect(c, REC_FRAME_STREAM_END, 1, 14, "");
  journal_cursor_close(c);
}

/* What the API took stands between what came before and after it. */
static void what_was_told(void **state) {
  (void)state;
  char said[sizeof path + 8];
  snprintf(said, sizeof said, "%s-told", path);
  struct journal_err err;
  struct recording *r = recording_open(said, &err);
  struct rec_command ack = {{9}, REC_VERB_ACK, STR("00000000000000aa"), STR("ann")};
  struct rec_head_batch head = {.command = &ack, .command_n = 1};
  recording_step(r, (struct base_wall){10});
  recording_told(r, &head, (struct base_wall){11});
  recording_step(r, (struct base_wall){12});
  assert_true(recording_close(r));
  struct journal_cursor *c = journal_cursor_open(said, 0, &err);
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  const char *reason;
  char mem[4096];
  struct base_arena arena = arena_over(mem, sizeof mem);
  struct rec_tick_input *in = calloc(1, sizeof *in);
  expect(c, REC_FRAME_CLOSE, 0, 10, "");
  assert_int_equal(journal_cursor_next(c, &number, &kind, &body, &err), JOURNAL_OK);
  assert_int_equal(kind, REC_FRAME_TOLD);
  assert_true(rec_codec_tick_read(body, &arena, in, &reason));
  assert_int_equal(in->head.command_n, 1);
  assert_int_equal(in->head.command[0].verb, REC_VERB_ACK);
  assert_true(str_eq(in->head.command[0].who, STR("ann")));
  expect(c, REC_FRAME_CLOSE, 0, 12, "");
  journal_cursor_close(c);
  free(in);
  (void)unlink(said);
}

static void an_old_recording_stays(void **state) {
  (void)state;
  struct journal_err err;
  assert_null(recording_open(path, &err));
  assert_non_null(strstr(err.text, "exists already"));
}

static void a_directory_that_is_not_there(void **state) {
  (void)state;
  struct journal_err err;
  assert_null(recording_open("/nonexistent/dir/x.rec", &err));
  assert_non_null(strstr(err.text, "/nonexistent/dir/x.rec"));
}

static int setup(void **state) {
  (void)state;
  if (!mkdtemp(dir)) return 1;
  snprintf(path, sizeof path, "%s/a.rec", dir);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  (void)unlink(path);
  return rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_came_in_order),
      cmocka_unit_test(what_was_told),
      cmocka_unit_test(an_old_recording_stays),
      cmocka_unit_test(a_directory_that_is_not_there),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
