/* The way back after a kill, while telemetry comes: through the real door, behind what the last process left. */
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
#include <unistd.h>

#include "daemon_keep.h"
#include "daemon_line.h"
#include "fold_make.h"

#define BEGIN_NS (1772442000 * TIME_NS_PER_S)
#define HEARD_MAX 4096u

struct place {
  char dir[64];
  struct line *line;
  struct keep *keep;
  bool restoring;
  wire_stream stream[3];
  int64_t now_ns;
  uint64_t messages; /* sent to this process */
  uint64_t heard[HEARD_MAX];
  uint32_t heard_n;
};

static void place_heard(void *ctx, const struct rec_tick_input *in) {
  struct place *p = ctx;
  assert_true(p->heard_n < HEARD_MAX);
  p->heard[p->heard_n++] = in->tick.seq;
}

static void place_tick(void *ctx, const struct rec_tick_input *in, struct rec_tick tick) {
  struct place *p = ctx;
  (void)tick;
  keep_tick(p->keep, in);
  if (!p->restoring) place_heard(p, in);
}

static struct line *line_make(void) {
  struct line_conf conf = {.engine = {.series_max = 256, .alerts_per_week = 1}, .threads = 2};
  const char *why = "";
  struct line *l = line_open(&conf, &why);
  assert_non_null(l);
  return l;
}

/* A process's start; what it hears meanwhile is poll's business. */
static void place_start(struct place *p, void (*poll)(void *), struct keep_restored *restored) {
  struct journal_err err;
  struct keep_conf conf = {
      .dir = p->dir, .segment_bytes = 1u << 16, .segments_max = 1000, .box_bytes = 1, .conf = "", .version = "test"};
  struct keep_between between = {poll, place_heard, p};
  p->line = line_make();
  p->keep = keep_open(&conf, &err);
  assert_non_null(p->keep);
  line_on(p->line, NULL, place_tick, p);
  memset(p->stream, 0, sizeof p->stream);
  p->messages = p->heard_n = 0;
  p->restoring = true;
  assert_true(keep_restore(p->keep, p->line, &between, restored));
}

static void place_caught_up(struct place *p) {
  keep_catch_up(p->keep);
  p->restoring = false;
}

static void place_open(struct place *p) {
  struct keep_restored restored;
  *p = (struct place){.dir = "/tmp/foreshock_restore_XXXXXX", .now_ns = BEGIN_NS};
  assert_non_null(mkdtemp(p->dir));
  place_start(p, NULL, &restored);
  place_caught_up(p);
}

/* As a kill leaves it. */
static void place_kill(struct place *p) {
  keep_flush(p->keep);
  keep_close(p->keep);
  line_close(p->line);
}

static void place_close(struct place *p) {
  char command[128];
  place_kill(p);
  snprintf(command, sizeof command, "rm -r %s", p->dir);
  assert_int_equal(system(command), 0);
}

static uint64_t engine_seq(const struct place *p) {
  struct engine_info info;
  engine_info(line_engine(p->line), &info);
  return info.tick_seq;
}

static void send(struct place *p, unsigned who) {
  static const struct made_node *const node[] = {&fold_cart, &fold_web, &fold_gate};
  char mem[8192];
  struct base_buf out = buf_over(mem, sizeof mem);
  bool first = !p->stream[who];
  struct made m = {.start_ns = p->now_ns - 20000000,
                   .span_ns = 20000000,
                   .moment_ns = {-1, -1, -1, -1, -1, -1, 20000000},
                   .cluster = "inbound|8080||",
                   .path = "/items",
                   .local_ip = node[who]->ips,
                   .local_port = 8080,
                   .up_ip = node[who]->ips,
                   .up_port = 8080,
                   .remote_ip = "10.9.0.1",
                   .code = 200};
  if (first) p->stream[who] = line_stream_open(p->line);
  assert_int_not_equal(p->stream[who], 0);
  fold_make_message(&out, first ? node[who] : NULL, &m, 1);
  assert_false(out.bad);
  line_message(p->line, p->stream[who], DOOR_FORM_ALS, buf_str(&out), (struct base_wall){p->now_ns});
  p->messages++;
}

/* So many ticks' time goes by, with a request a tick at the first `services` services. */
static void traffic(struct place *p, unsigned ticks, unsigned services) {
  while (ticks-- > 0) {
    p->now_ns += LIMIT_TICK_NS;
    for (unsigned i = 0; i < services; i++) send(p, i);
    while (line_step(p->line, (struct base_wall){p->now_ns}, false)) continue;
  }
}

/* All that the door was sent is in. */
static void none_refused(const struct place *p) {
  const uint64_t *counter = wire_fold_counters(line_fold(p->line));
  assert_int_equal(counter[REC_COUNTER_ENTRIES], p->messages);
  for (unsigned c = 0; c < REC_COUNTER_COUNT; c++)
    if (strncmp(rec_counter_text((enum rec_counter)c), "reject", 6) == 0) assert_int_equal(counter[c], 0);
}

/* The digest of an engine that heard the whole journal without a break. */
static uint64_t unbroken(const struct place *p) {
  char path[128];
  struct journal_err err;
  struct line *line = line_make();
  struct rec_tick_input *in = calloc(1, sizeof *in);
  void *mem = malloc(1 << 20);
  uint64_t number, digest;
  uint8_t kind;
  struct base_str body;
  const char *why = "";
  assert_true(in && mem);
  snprintf(path, sizeof path, "%s/journal", p->dir);
  struct journal_cursor *c = journal_cursor_open(path, 0, &err);
  assert_non_null(c);
  while (journal_cursor_next(c, &number, &kind, &body, &err) == JOURNAL_OK) {
    struct base_arena arena = arena_over(mem, 1 << 20);
    assert_true(rec_codec_tick_read(body, &arena, in, &why));
    line_apply(line, in);
  }
  journal_cursor_close(c);
  digest = engine_digest(line_engine(line));
  line_close(line);
  free(mem);
  free(in);
  return digest;
}

static void heard_in_order(const struct place *p, uint64_t from, uint64_t to) {
  assert_int_equal(p->heard_n, to - from + 1);
  for (uint32_t i = 0; i < p->heard_n; i++) assert_int_equal(p->heard[i], from + i);
}

/* ---- a start under traffic ---- */

struct start {
  struct place place;
  uint64_t tail_from, tail_to, polled;
};

/* At the first look nothing of the tail is applied, and messages come: of a service that the checkpoint has, of one
 * that only the tail has, and of one that is new. */
static void poll_messages(void *ctx) {
  struct place *p = ctx;
  struct start *s = ctx;
  if (s->polled++ == 0) {
    assert_int_equal(engine_seq(p), s->tail_from);
    traffic(p, 40, 3);
    assert_int_equal(engine_seq(p), s->tail_from); /* closed, and not heard before its turn */
    assert_int_equal(p->heard_n, 0);
    return;
  }
  assert_int_equal(engine_seq(p), s->tail_from + s->polled - 1);
}

static void series_have_one_number_each(const struct place *p) {
  const struct engine *e = line_engine(p->line);
  for (uint32_t i = 0; i < engine_series_n(e); i++)
    for (uint32_t k = 0; k < i; k++) {
      const struct rec_series *a = engine_series(e, i), *b = engine_series(e, k);
      assert_false(a && b && rec_series_eq(a, b));
    }
}

/* A process heard 25 s after its checkpoint, and was killed. */
static void leave_tail(struct start *s) {
  struct place *p = &s->place;
  place_open(p);
  traffic(p, 60, 1);
  keep_checkpoint(p->keep, line_engine(p->line), true);
  s->tail_from = engine_seq(p);
  traffic(p, 100, 2);
  s->tail_to = engine_seq(p);
  place_kill(p);
}

/* The end of what every start leads to: the engine is where one is that heard it all without a break. */
static void is_unbroken(struct place *p) {
  keep_flush(p->keep);
  assert_int_equal(engine_digest(line_engine(p->line)), unbroken(p));
  place_close(p);
}

static void what_comes_while_a_tail_is_applied_comes_behind_it(void **state) {
  (void)state;
  struct start s = {0};
  struct place *p = &s.place;
  struct keep_restored restored;
  leave_tail(&s);
  place_start(p, poll_messages, &restored);
  assert_int_equal(restored.ticks, s.tail_to - s.tail_from);
  assert_int_equal(engine_seq(p), s.tail_to);
  place_caught_up(p);
  assert_true(p->heard_n >= 20);
  none_refused(p);
  heard_in_order(p, s.tail_to + 1, engine_seq(p));
  traffic(p, 20, 3);
  none_refused(p);
  heard_in_order(p, s.tail_to + 1, engine_seq(p));
  series_have_one_number_each(p);
  is_unbroken(p);
}

/* A kill while it is under way costs nothing of what came: it is in the journal, behind the tail. */
static void a_kill_while_a_tail_is_applied_loses_nothing(void **state) {
  (void)state;
  struct start s = {0};
  struct place *p = &s.place;
  struct keep_restored restored;
  leave_tail(&s);
  place_start(p, poll_messages, &restored);
  place_kill(p); /* what came waits still */
  place_start(p, NULL, &restored);
  place_caught_up(p);
  assert_true(restored.ticks >= s.tail_to - s.tail_from + 20);
  is_unbroken(p);
}

/* Ticks come twice as fast as they are applied, for as long as it takes. */
static void poll_flood(void *ctx) {
  struct place *p = ctx;
  struct start *s = ctx;
  s->polled++;
  assert_true(s->polled < 2000);
  traffic(p, 2, 1);
}

static void catching_up_ends_under_any_load(void **state) {
  (void)state;
  struct start s = {0};
  struct place *p = &s.place;
  struct keep_restored restored;
  place_open(p);
  traffic(p, 60, 1);
  uint64_t before = engine_seq(p);
  place_kill(p);
  place_start(p, poll_flood, &restored);
  assert_true(s.polled >= before);
  place_caught_up(p);
  heard_in_order(p, before + 1, engine_seq(p));
  is_unbroken(p);
}

/* A tick that no frame can hold cannot wait: all before it is applied at once, then it. */
static void poll_oversize(void *ctx) {
  struct place *p = ctx;
  struct start *s = ctx;
  static char text[LIMIT_FRAME_BYTES + 1];
  struct rec_tick_input *in = calloc(1, sizeof *in);
  struct rec_change change = {.summary = {text, sizeof text}};
  if (s->polled++ == 0) {
    assert_non_null(in);
    traffic(p, 20, 1);
    uint64_t last = s->tail_to + 100;
    in->tick = (struct rec_tick){.seq = last, .end = {p->now_ns}, .now = {p->now_ns}};
    in->head.change = &change;
    in->head.change_n = 1;
    keep_tick(p->keep, in);
    assert_int_equal(engine_seq(p), last);
    assert_true(p->heard_n > 5);
    for (uint32_t i = 0; i + 1 < p->heard_n; i++) assert_int_equal(p->heard[i], s->tail_to + 1 + i);
  }
  free(in);
}

static void a_tick_that_cannot_wait_is_applied_in_its_turn(void **state) {
  (void)state;
  struct start s = {0};
  struct place *p = &s.place;
  struct keep_restored restored;
  place_open(p);
  traffic(p, 60, 1);
  s.tail_to = engine_seq(p);
  place_kill(p);
  place_start(p, poll_oversize, &restored);
  place_caught_up(p);
  assert_int_equal(s.polled, 1);
  assert_non_null(keep_problem(p->keep)); /* the journal has not got it */
  place_close(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_comes_while_a_tail_is_applied_comes_behind_it),
                                     cmocka_unit_test(a_kill_while_a_tail_is_applied_loses_nothing),
                                     cmocka_unit_test(catching_up_ends_under_any_load),
                                     cmocka_unit_test(a_tick_that_cannot_wait_is_applied_in_its_turn)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
