/* What came of scrapes, on the way into a recording. */
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

#include "daemon_receiver.h"
#include "io_scrape.h"

#define T0 1767225600000000000ll
#define LABELS "{job=\"mesh\",instance=\"10.0.0.1:15020\"}"

struct heard {
  char text[4096];
  struct base_buf out;
};

/* A frame a line: its messages with their times. */
static void frames_read(const char *path, struct heard *h) {
  struct journal_err err = {0};
  struct journal_cursor *c = journal_cursor_open(path, 0, &err);
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  assert_non_null(c);
  h->out = buf_over(h->text, sizeof h->text);
  while (journal_cursor_next(c, &number, &kind, &body, &err) == JOURNAL_OK) {
    struct rec_arrival a;
    const char *reason;
    assert_true(rec_codec_arrival_read(body, &a, &reason));
    if (kind == REC_FRAME_STREAM) buf_put_f(&h->out, "stream %.*s\n", STR_ARG(a.bytes));
    if (kind == REC_FRAME_MESSAGE) buf_put_f(&h->out, "+%lld %.*s", (long long)(a.recv.ns - T0), STR_ARG(a.bytes));
  }
  journal_cursor_close(c);
  buf_put_char(&h->out, 0);
}

static void a_scrape_is_its_exposition_and_whether_it_came(void **state) {
  (void)state;
  char dir[] = "/tmp/foreshock-receiver-XXXXXX", path[64];
  uint64_t counter[REC_COUNTER_COUNT] = {0};
  struct journal_err err = {0};
  struct heard heard;
  assert_non_null(mkdtemp(dir));
  (void)snprintf(path, sizeof path, "%s/recording", dir);
  struct receiver r = {.recording = recording_open(path, &err), .counters = counter};
  assert_non_null(r.recording);
  struct io_scraped came = {
      .labels = STR(LABELS), .why = "", .message = STR("# target " LABELS " text\na 1\n"), .at = {T0 + 1}};
  struct io_scraped failed = {.labels = STR(LABELS), .fail = IO_SCRAPE_CONNECT, .why = "no connection", .at = {T0 + 2}};
  receiver_scraped(&r, &came);
  receiver_scraped(&r, &failed);
  receiver_close(&r, (struct base_wall){T0 + 3});
  assert_true(recording_close(r.recording));
  frames_read(path, &heard);
  assert_string_equal(heard.text,
                      "stream prometheus\n"
                      "+1 # target " LABELS
                      " text\na 1\n"
                      "+1 # target " LABELS
                      " text\nup 1\n"
                      "+2 # target " LABELS " text\nup 0\n");
  assert_int_equal(counter[REC_COUNTER_MESSAGES], 3);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(dir), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_scrape_is_its_exposition_and_whether_it_came)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
