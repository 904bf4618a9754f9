/* Black boxes: with which checkpoint they begin, what they pin, what gives way, and that they outlive their process. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_box.h"
#include "daemon_box_file.h"
#include "rec_counter.h"

#define S TIME_NS_PER_S

struct bench {
  char dir[64], journal_dir[96];
  struct box_conf conf;
  struct boxes *boxes;
  struct journal *journal;
  uint64_t counters[REC_COUNTER_COUNT];
};

static struct bench bench;

static void bench_open(uint64_t engine) {
  struct journal_conf conf = {.dir = bench.journal_dir, .segment_bytes = 1000, .segments_max = 3};
  struct journal_err err;
  bench.conf.engine = engine;
  bench.boxes = box_open(&bench.conf);
  assert_non_null(bench.boxes);
  bench.journal = journal_open(&conf, &err);
  assert_non_null(bench.journal);
}

static void bench_close(void) {
  journal_close(bench.journal);
  box_close(bench.boxes);
}

static int setup(void **state) {
  (void)state;
  bench = (struct bench){.dir = "/tmp/foreshock_box_XXXXXX"};
  if (!mkdtemp(bench.dir)) return -1;
  snprintf(bench.journal_dir, sizeof bench.journal_dir, "%s/journal", bench.dir);
  bench.conf = (struct box_conf){.dir = bench.dir,
                                 .before_ns = 60 * S,
                                 .bytes_max = 1 << 20,
                                 .conf = "max_series: 64\n",
                                 .version = "1",
                                 .counters = bench.counters};
  bench_open(7);
  return 0;
}

static int teardown(void **state) {
  char command[128];
  (void)state;
  bench_close();
  snprintf(command, sizeof command, "rm -r %s", bench.dir);
  return system(command);
}

/* n frames of 100 bytes; the number of the last. */
static uint64_t frames(int n) {
  static const char body[91];
  while (n-- > 0) assert_int_equal(journal_append(bench.journal, 1, (struct base_str){body, sizeof body}), JOURNAL_OK);
  struct rec_tick_input *in = calloc(1, sizeof *in);
  box_tick(bench.boxes, in);
  free(in);
  return journal_next(bench.journal) - 1;
}

static void checkpoint_sized(int64_t end_s, long bytes) {
  char path[PATH_MAX];
  struct base_wall end = {end_s * S};
  box_checkpoint_path(bench.boxes, journal_next(bench.journal), end, path);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fseek(f, bytes - 1, SEEK_SET), 0);
  fputc('x', f);
  fclose(f);
  box_checkpoint(bench.boxes, journal_next(bench.journal), end);
}

static void checkpoint(int64_t end_s) {
  checkpoint_sized(end_s, 100);
}

static void told(uint64_t id, int64_t started_s, enum rec_state state) {
  struct rec_incident *in = calloc(1, sizeof *in);
  in->id_hash = id;
  in->started_at.ns = started_s * S;
  in->state = (uint8_t)state;
  box_incident(bench.boxes, in, journal_next(bench.journal) - 1);
  free(in);
}

static struct box box_of(uint64_t id) {
  struct box b = {0};
  const char *why;
  assert_true(box_read(bench.dir, id, &b, NULL, &why));
  return b;
}

static bool box_gone(uint64_t id) {
  struct box b;
  const char *why;
  return !box_read(bench.dir, id, &b, NULL, &why) && strcmp(why, "none") == 0;
}

static bool frame_kept(uint64_t number) {
  struct journal_err err;
  uint64_t got = 0;
  uint8_t kind;
  struct base_str body;
  assert_int_equal(journal_sync(bench.journal, false), JOURNAL_OK);
  struct journal_cursor *c = journal_cursor_open(bench.journal_dir, number, &err);
  enum journal_status status = journal_cursor_next(c, &got, &kind, &body, &err);
  journal_cursor_close(c);
  return status == JOURNAL_OK && got == number;
}

static void a_box_begins_before_its_incident(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, true);
  for (int64_t at = 1000; at <= 1300; at += 60) {
    frames(5);
    checkpoint(at);
  }
  frames(3);
  told(1, 1290, REC_STATE_OPEN);
  struct box b = box_of(1);
  assert_int_equal(b.end_ns, 1180 * S); /* the newest that is a minute before; 1240 is not */
  assert_int_equal(b.from, 20);
  assert_int_equal(b.to, BOX_OPEN);
  told(1, 1290, REC_STATE_CLOSED);
  assert_int_equal(box_of(1).to, 32);
  assert_int_equal(bench.counters[REC_COUNTER_BOXES], 1);
}

static void the_first_begins_with_an_empty_engine(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, true);
  frames(5);
  told(1, 3, REC_STATE_OPEN);
  assert_int_equal(box_of(1).from, 0);
  assert_int_equal(box_of(1).end_ns, 0);
}

static void what_a_box_pins_stays(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, false);
  frames(5);
  checkpoint(1000);
  told(1, 1100, REC_STATE_OPEN);
  uint64_t end = frames(20);
  told(1, 1100, REC_STATE_CLOSED);
  frames(200);
  assert_true(frame_kept(5) && frame_kept(end));
  assert_false(frame_kept(end + 20));
  struct box_stats stats;
  box_stats(bench.boxes, &stats);
  assert_int_equal(stats.n, 1);
  assert_int_equal(stats.open, 0);
  assert_true(stats.bytes > 2000 && stats.bytes < 5000);
}

static void the_oldest_closed_give_way_and_no_open_one(void **state) {
  (void)state;
  bench.boxes = (box_close(bench.boxes), NULL);
  bench.conf.bytes_max = 6000;
  bench.boxes = box_open(&bench.conf);
  box_journal(bench.boxes, bench.journal, false);
  for (uint64_t id = 1; id <= 4; id++) {
    checkpoint((int64_t)(1000 + 1000 * id));
    told(id, (int64_t)(1100 + 1000 * id), REC_STATE_OPEN);
    frames(20);
    if (id != 2) told(id, (int64_t)(1100 + 1000 * id), REC_STATE_CLOSED);
    frames(20);
  }
  frames(40);
  assert_true(box_gone(1));
  assert_int_equal(box_of(2).to, BOX_OPEN);
  assert_true(bench.counters[REC_COUNTER_BOXES_DROPPED] >= 1);
}

static void an_open_one_that_is_too_large_begins_anew_where_its_last_state_can_be_made(void **state) {
  (void)state;
  bench.boxes = (box_close(bench.boxes), NULL);
  bench.conf.bytes_max = 3000;
  bench.boxes = box_open(&bench.conf);
  box_journal(bench.boxes, bench.journal, false);
  checkpoint(1000);
  told(1, 1100, REC_STATE_OPEN);
  frames(40);
  checkpoint(1200);
  frames(30);
  told(1, 1100, REC_STATE_OPEN);
  uint64_t last = frames(0);
  frames(5);
  checkpoint(1300); /* too late for that state */
  frames(60);
  struct box b = box_of(1);
  assert_int_equal(b.from, 40);
  assert_true(b.from <= last);
  assert_int_equal(bench.counters[REC_COUNTER_BOXES_SHORTENED], 1);
  assert_int_equal(bench.counters[REC_COUNTER_BOXES_DROPPED], 0);
}

static void after_a_gap_a_box_begins_with_the_next_checkpoint(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, true);
  frames(5);
  told(1, 3, REC_STATE_OPEN);
  box_gap(bench.boxes);
  assert_true(box_gone(1));
  told(2, 4, REC_STATE_OPEN); /* opened while nothing is written */
  assert_true(box_gone(2));
  told(3, 4, REC_STATE_OPEN);
  told(3, 4, REC_STATE_CLOSED); /* and over before it could begin */
  box_journal(bench.boxes, bench.journal, false);
  frames(5);
  checkpoint(10);
  assert_int_equal(box_of(1).from, 10);
  assert_int_equal(box_of(2).from, 10);
  assert_true(box_gone(3));
}

static void who_comes_back_goes_on_where_the_log_is_whole(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, false);
  frames(5);
  checkpoint(1000);
  for (uint64_t id = 1; id <= 2; id++) {
    told(id, 1100, REC_STATE_OPEN);
    frames(1);
    told(id, 1100, REC_STATE_CLOSED);
  }
  frames(10);
  told(1, 1100, REC_STATE_OPEN);
  assert_int_equal(box_of(1).from, 5);
  frames(100);
  checkpoint(1500);
  frames(5);
  told(2, 1100, REC_STATE_OPEN); /* what lies between is gone */
  assert_int_equal(box_of(2).from, 117);
}

static void boxes_outlive_their_process(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, false);
  frames(5);
  checkpoint(1000);
  told(1, 1100, REC_STATE_OPEN);
  frames(20);
  told(1, 1100, REC_STATE_CLOSED);
  told(2, 1100, REC_STATE_OPEN);
  bench_close();
  bench_open(7);
  box_journal(bench.boxes, bench.journal, false);
  frames(200);
  assert_true(frame_kept(5));
  told(2, 1100, REC_STATE_CLOSED);
  assert_int_equal(box_of(2).from, 5);
}

static void another_engine_begins_anew(void **state) {
  (void)state;
  box_journal(bench.boxes, bench.journal, false);
  frames(5);
  checkpoint(1000);
  told(1, 1100, REC_STATE_OPEN);
  told(2, 1100, REC_STATE_OPEN);
  frames(1);
  told(2, 1100, REC_STATE_CLOSED);
  bench_close();
  bench_open(8);
  box_journal(bench.boxes, bench.journal, false);
  assert_true(box_gone(1));
  assert_int_equal(box_of(2).engine, 7); /* what is over stays what it is */
  frames(5);
  checkpoint(1200);
  assert_int_equal(box_of(1).from, 11);
  assert_int_equal(box_of(1).engine, 8);
}

static void a_damaged_file_is_counted(void **state) {
  char path[PATH_MAX];
  struct box b;
  const char *why = "";
  (void)state;
  box_path(bench.dir, 1, path);
  FILE *f = fopen(path, "w");
  fputs("{\"incident\":\"0000000000000001\",\"from\":5,\"to\":4}", f);
  fclose(f);
  assert_false(box_read(bench.dir, 1, &b, NULL, &why));
  assert_string_equal(why, "it is damaged");
  bench_close();
  bench_open(7);
  assert_int_equal(bench.counters[REC_COUNTER_BOX_ERRORS], 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_box_begins_before_its_incident),
      TEST(the_first_begins_with_an_empty_engine),
      TEST(what_a_box_pins_stays),
      TEST(the_oldest_closed_give_way_and_no_open_one),
      TEST(an_open_one_that_is_too_large_begins_anew_where_its_last_state_can_be_made),
      TEST(after_a_gap_a_box_begins_with_the_next_checkpoint),
      TEST(who_comes_back_goes_on_where_the_log_is_whole),
      TEST(boxes_outlive_their_process),
      TEST(another_engine_begins_anew),
      TEST(a_damaged_file_is_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
