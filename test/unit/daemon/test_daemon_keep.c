/* What is kept on disk, where the disk fails at the wrong moment. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_box_file.h"
#include "daemon_checkpoint.h"
#include "daemon_keep.h"
#include "daemon_line.h"

#define CHECKPOINT_RATE 1000000u /* bytes a second */
#define BEGIN_NS (1772442000 * TIME_NS_PER_S)

struct place {
  char dir[64];
  struct line *line;
  struct keep *keep;
  uint64_t seq;
};

static int64_t end_ns(uint64_t seq) {
  return BEGIN_NS + (int64_t)seq * (TIME_NS_PER_S / LIMIT_TICKS_PER_S);
}

static void place_start(struct place *p, const struct keep_between *between, struct keep_restored *restored) {
  struct line_conf line = {.engine = {.series_max = 64, .alerts_per_week = 1}, .threads = 1};
  struct journal_err err;
  const char *why = "";
  struct keep_conf conf = {.dir = p->dir,
                           .segments_max = 10,
                           .box_before_ns = TIME_NS_PER_S,
                           .box_bytes = 1u << 30,
                           .checkpoint_bytes_per_s = CHECKPOINT_RATE,
                           .conf = "",
                           .version = "test"};
  p->line = line_open(&line, &why);
  assert_non_null(p->line);
  p->keep = keep_open(&conf, &err);
  assert_non_null(p->keep);
  assert_true(keep_restore(p->keep, p->line, between, restored));
  keep_catch_up(p->keep);
}

static void place_open(struct place *p) {
  struct keep_restored restored;
  *p = (struct place){.dir = "/tmp/foreshock_keep_XXXXXX"};
  assert_non_null(mkdtemp(p->dir));
  place_start(p, NULL, &restored);
}

/* As a new process finds it. */
static void place_again(struct place *p, const struct keep_between *between, struct keep_restored *restored) {
  keep_close(p->keep);
  line_close(p->line);
  place_start(p, between, restored);
}

static uint64_t checkpoint_size(const struct place *p) {
  struct stat st;
  char path[128];
  snprintf(path, sizeof path, "%s/checkpoint", p->dir);
  return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void place_close(struct place *p) {
  char command[128];
  keep_close(p->keep);
  line_close(p->line);
  snprintf(command, sizeof command, "rm -r %s", p->dir);
  assert_int_equal(system(command), 0);
}

static void ticks(struct place *p, unsigned n) {
  struct rec_tick_input *in = calloc(1, sizeof *in);
  assert_non_null(in);
  while (n-- > 0) {
    struct base_wall end = {end_ns(++p->seq)};
    in->tick = (struct rec_tick){.seq = p->seq, .end = end, .now = end};
    keep_tick(p->keep, in);
    line_apply(p->line, in);
    keep_flush(p->keep);
  }
  free(in);
}

static void checkpoint(struct place *p, bool wait) {
  keep_checkpoint(p->keep, line_engine(p->line), wait);
}

/* The second name of the checkpoint after tick seq, before the journal's frame. */
static bool named(const struct place *p, uint64_t frame, uint64_t seq) {
  char name[48], path[PATH_MAX];
  box_checkpoint_name(frame, end_ns(seq), name);
  snprintf(path, sizeof path, "%s/box/%s", p->dir, name);
  return access(path, F_OK) == 0;
}

/* No file may become larger than the journal is: the next tick cannot be written. */
static void disk_full(bool full) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = full ? 1 : limit.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void open_tell(struct place *p, uint64_t id) {
  struct rec_incident *in = calloc(1, sizeof *in);
  assert_non_null(in);
  in->id_hash = id;
  in->state = REC_STATE_OPEN;
  in->started_at.ns = end_ns(p->seq);
  keep_incident(p->keep, in, STR("{}"));
  free(in);
}

/* The engine was copied, the disk fails while that is written: the ticks since are not in the journal, so nothing can
 * be made from this checkpoint, and all is not well before there is another. */
static void a_checkpoint_before_a_gap_begins_no_box(void **state) {
  (void)state;
  struct place p;
  struct box b;
  const char *why = "";
  place_open(&p);
  ticks(&p, 20);
  checkpoint(&p, true);
  assert_true(named(&p, 20, 20));
  ticks(&p, 5);
  checkpoint(&p, false);
  for (unsigned i = 0; i < 1000 && !named(&p, 25, 25); i++) usleep(10000);
  assert_true(named(&p, 25, 25));
  disk_full(true);
  ticks(&p, 1);
  disk_full(false);
  assert_non_null(keep_problem(p.keep));
  open_tell(&p, 1);
  checkpoint(&p, false); /* sees that the other one is there, and begins the next */
  assert_non_null(keep_problem(p.keep));
  assert_false(named(&p, 25, 25));
  ticks(&p, 1);
  checkpoint(&p, true);
  assert_null(keep_problem(p.keep));
  assert_true(box_read(p.dir, 1, &b, NULL, &why));
  assert_int_equal(b.end_ns, end_ns(26));
  assert_int_equal(b.from, 25);
  place_close(&p);
}

/* By what a start would take again, and by what may be written. */
static void a_checkpoint_is_due(void **state) {
  (void)state;
  struct place p;
  place_open(&p);
  ticks(&p, 4);
  checkpoint(&p, true);
  int64_t enough_ns = (int64_t)(1e9 * (double)checkpoint_size(&p) / CHECKPOINT_RATE);
  assert_true(keep_is_due(p.keep, TIME_NS_PER_S, enough_ns));
  assert_false(keep_is_due(p.keep, TIME_NS_PER_S, enough_ns * 9 / 10));
  assert_false(keep_is_due(p.keep, TIME_NS_PER_S / 10, enough_ns)); /* so little is soon done again */
  assert_false(keep_is_due(p.keep, TIME_NS_PER_S, 0));
  static char much[1 << 16];
  memset(much, ' ', sizeof much);
  for (uint64_t n = checkpoint_size(&p) / sizeof much; n-- > 0;)
    keep_audit(p.keep, (struct base_str){much, sizeof much});
  assert_false(keep_is_due(p.keep, TIME_NS_PER_S, 0));
  keep_audit(p.keep, (struct base_str){much, sizeof much});
  assert_true(keep_is_due(p.keep, TIME_NS_PER_S, 0)); /* the logs were given as much meanwhile */
  place_close(&p);
}

struct between {
  struct place *place;
  uint32_t n;
  uint64_t first_seq, last_seq;
};

static void between(void *ctx) {
  struct between *b = ctx;
  struct engine_info info;
  engine_info(line_engine(b->place->line), &info);
  if (b->n++ == 0) b->first_seq = info.tick_seq;
  b->last_seq = info.tick_seq;
}

/* Others are served from the checkpoint on, and again after each tick of the tail. */
static void a_start_lets_others_in_between(void **state) {
  (void)state;
  struct place p;
  struct keep_restored restored;
  struct between b = {.place = &p};
  const struct keep_between poll = {.poll = between, .ctx = &b};
  place_open(&p);
  ticks(&p, 20);
  checkpoint(&p, true);
  ticks(&p, 5);
  place_again(&p, &poll, &restored);
  assert_int_equal(restored.ticks, 5);
  assert_int_equal(b.n, 6);
  assert_int_equal(b.first_seq, 20);
  assert_int_equal(b.last_seq, 25);
  place_close(&p);
}

/* A log of which nobody knows what is on the disk is not gone on with: a pipe can take all, and be synced never. */
static void a_log_that_cannot_be_synced_is_seen(void **state) {
  (void)state;
  struct place p;
  struct journal_err err;
  int pipe_fd[2];
  place_open(&p);
  ticks(&p, 4);
  assert_int_equal(pipe(pipe_fd), 0);
  struct checkpoint *c = checkpoint_open(p.dir);
  assert_true(checkpoint_save(c, line_engine(p.line), 4, "", (int[]){pipe_fd[1], -1}));
  assert_int_equal(checkpoint_poll(c, true, &err), CHECKPOINT_UNSYNCED);
  assert_non_null(strstr(err.text, "cannot be synced"));
  assert_int_equal(checkpoint_size(&p), 0);
  checkpoint_close(c);
  close(pipe_fd[0]);
  close(pipe_fd[1]);
  place_close(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_checkpoint_before_a_gap_begins_no_box), cmocka_unit_test(a_checkpoint_is_due),
      cmocka_unit_test(a_start_lets_others_in_between), cmocka_unit_test(a_log_that_cannot_be_synced_is_seen)};
  (void)signal(SIGXFSZ, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
