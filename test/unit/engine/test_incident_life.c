/* The life of incidents: opened, told, joined, acknowledged and closed by rule; what they count and list. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "incident_life.h"
#include "mesh_make.h"

#define AT 960u

static const struct mesh_call calls[] = {{0, 1, 1.0}, {1, 2, 1.0}};

static void bed_open(struct mesh_bed *b) {
  struct mesh_conf conf = {.service_n = 4,
                           .cluster_n = 2,
                           .pod_n = 2,
                           .route_n = 1,
                           .version_n = 1,
                           .call = calls,
                           .call_n = 2,
                           .entry_per_s = 60.0,
                           .seed = 31};
  mesh_bed_open(b, &conf, 1024);
}

static struct mesh_fault fails(uint32_t service, uint32_t from, uint32_t to) {
  struct mesh_fault f = mesh_fault_of(from, to, service);
  f.fail_p = 0.7;
  return f;
}

static const struct rec_incident *seen(const struct mesh_bed *b, uint32_t i) {
  return &b->m.seen[i].in;
}

static void opened_while_bad_and_closed_after_the_hold(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  mesh_fault(&b.m, fails(2, AT, AT + 40));
  mesh_run(&b.m, b.e, AT + 4);
  assert_int_equal(b.m.seen_n, 1); /* within a second */
  assert_int_equal(seen(&b, 0)->rev, b.m.seen[0].told);
  mesh_run(&b.m, b.e, 36 + 60);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_OPEN);
  mesh_run(&b.m, b.e, 40);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  uint32_t told = b.m.seen[0].told;
  mesh_run(&b.m, b.e, 200);
  assert_int_equal(b.m.seen[0].told, told); /* closed is the last word */
  assert_int_equal(b.m.seen_n, 1);
  mesh_bed_close(&b);
}

/* Ticks are numbered on where time is missing (a restart took two minutes): it began when it began. */
static void the_onset_stands_still_when_time_jumps(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  mesh_fault(&b.m, fails(2, AT, AT + 400));
  mesh_run(&b.m, b.e, AT + 40);
  assert_int_equal(b.m.seen_n, 1);
  int64_t began_ns = seen(&b, 0)->started_at.ns;
  b.m.jump_ns = 120 * TIME_NS_PER_S;
  mesh_run(&b.m, b.e, 120);
  for (uint32_t i = 0; i < b.m.seen_n; i++)
    if (seen(&b, i)->verdict == REC_VERDICT_UNHEALTHY) assert_int_equal(seen(&b, i)->started_at.ns, began_ns);
  mesh_bed_close(&b);
}

/* On and off with pauses below 20 s is one incident; after a minute it is that one again. */
static void flapping_is_one_incident(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  for (uint32_t i = 0; i < 4; i++) mesh_fault(&b.m, fails(2, AT + i * 72, AT + i * 72 + 12));
  mesh_run(&b.m, b.e, AT + 3 * 72 + 12 + 220);
  assert_int_equal(b.m.seen_n, 1);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  mesh_fault(&b.m, fails(2, b.m.seq + 240, b.m.seq + 252));
  mesh_run(&b.m, b.e, 400);
  assert_int_equal(b.m.seen_n, 1);
  assert_int_equal(seen(&b, 0)->occurrences, 2);
  mesh_bed_close(&b);
}

/* Requests and failures of the culprit, in the seconds from started_at to before ended_at: not one more or less. The
 * fault begins and ends with a second. */
static void impact_is_exact(void **state) {
  (void)state;
  struct mesh_bed b;
  uint64_t n = 0, failed = 0;
  bed_open(&b);
  mesh_fault(&b.m, fails(2, AT, AT + 80));
  mesh_run(&b.m, b.e, AT);
  uint32_t idx = mesh_series(&b.m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 2, 1, MESH_ANY, MESH_ANY, MESH_ANY);
  for (uint32_t t = 0; t < 300; t++) {
    mesh_draw(&b.m);
    const struct rec_batch *batch = &b.m.batch[b.m.series[idx].bucket];
    for (size_t i = 0; t < 80 && i < batch->obs_n; i++) {
      if (batch->obs[i].series_idx != idx) continue;
      n += detect_obs_requests(&batch->obs[i]);
      failed += detect_obs_failures(&batch->obs[i]);
    }
    mesh_feed(&b.m, b.e);
  }
  assert_int_equal(b.m.seen_n, 1);
  assert_int_equal(seen(&b, 0)->ended_at.ns - seen(&b, 0)->started_at.ns, 80 * LIMIT_TICK_NS);
  assert_int_equal(seen(&b, 0)->impact_failed, failed);
  assert_int_equal(seen(&b, 0)->impact_requests, n);
  mesh_bed_close(&b);
}

static struct rec_exemplar exemplar(const struct mesh_bed *b, uint32_t service, const char *id, enum rec_class class_) {
  struct rec_exemplar x = {
      .at = b->m.tick.end, .class_ = (uint8_t)class_, .side = REC_SIDE_SERVER, .latency_ns = 9000000};
  x.series[0] = mesh_series(&b->m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, service, MESH_ANY, MESH_ANY, MESH_ANY, MESH_ANY);
  x.series[1] = x.series[2] = x.series[3] = REC_SERIES_NONE;
  x.request_id = str_of(id);
  x.trace_id = STR("4bf92f3577b34da6a3ce929d0e0e4736");
  return x;
}

static void head_next(struct mesh_bed *b, struct rec_head_batch in) {
  mesh_draw(&b->m);
  b->m.head = in;
  mesh_feed(&b->m, b->e);
}

static void exemplars_are_of_the_culprit_and_failed(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  mesh_fault(&b.m, fails(2, AT, AT + 80));
  mesh_run(&b.m, b.e, AT + 8);
  struct rec_exemplar x[] = {exemplar(&b, 2, "bad-1", REC_CLASS_SERVER_ERROR),
                             exemplar(&b, 3, "elsewhere", REC_CLASS_SERVER_ERROR),
                             exemplar(&b, 2, "fine", REC_CLASS_OK)};
  head_next(&b, (struct rec_head_batch){.exemplar = x, .exemplar_n = 3});
  mesh_run(&b.m, b.e, 8);
  assert_int_equal(seen(&b, 0)->exemplar_n, 1);
  assert_string_equal(seen(&b, 0)->exemplar[0].request_id, "bad-1");
  assert_string_equal(seen(&b, 0)->exemplar[0].trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  mesh_bed_close(&b);
}

/* With an incident that goes on, and its id. */
static void bed_told(struct mesh_bed *b, char id[17]) {
  bed_open(b);
  mesh_fault(&b->m, fails(2, AT, AT + 80));
  mesh_run(&b->m, b->e, AT + 8);
  rec_incident_id(seen(b, 0), id);
}

static void command_acknowledges(void **state) {
  (void)state;
  struct mesh_bed b;
  char id[17];
  bed_told(&b, id);
  struct rec_command no = {.verb = REC_VERB_ACK, .incident_id = STR("0000000000000000")};
  struct rec_command yes = {.verb = REC_VERB_ACK, .incident_id = str_of(id), .who = STR("mia")};
  head_next(&b, (struct rec_head_batch){.command = &no, .command_n = 1});
  assert_false(seen(&b, 0)->acked);
  head_next(&b, (struct rec_head_batch){.command = &yes, .command_n = 1});
  assert_true(seen(&b, 0)->acked);
  mesh_run(&b.m, b.e, 300);
  assert_true(seen(&b, 0)->acked); /* and stays so when it closes */
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  mesh_bed_close(&b);
}

/* Whoever was told of it hears that it is muted now, and not when it next changes. */
static void a_mute_is_told_at_once(void **state) {
  (void)state;
  struct mesh_bed b;
  char id[17];
  bed_told(&b, id);
  uint64_t rev = seen(&b, 0)->rev;
  while (seen(&b, 0)->rev == rev) mesh_run(&b.m, b.e, 1); /* it is not due to be told by itself in the next tick */
  rev = seen(&b, 0)->rev;
  head_next(&b, (struct rec_head_batch){0});
  assert_int_equal(seen(&b, 0)->rev, rev);
  struct rec_command mute = {.verb = REC_VERB_MUTE, .incident_id = str_of(id), .who = STR("mia")};
  head_next(&b, (struct rec_head_batch){.command = &mute, .command_n = 1});
  assert_int_equal(seen(&b, 0)->rev, rev + 1);
  mesh_bed_close(&b);
}

/* Changes from ten minutes before the start on are listed, newest first; older ones are not. */
static void changes_near_the_start_are_listed(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  mesh_fault(&b.m, fails(2, AT, AT + 80));
  mesh_run(&b.m, b.e, AT - 20);
  struct rec_change c[] = {{b.m.tick.end, STR("api"), STR("deploy"), STR("v2 of s2"), {STR("service"), {STR_NONE}}},
                           {{b.m.tick.end.ns - 700 * TIME_NS_PER_S},
                            STR("api"),
                            STR("config"),
                            STR("long ago"),
                            {STR("service"), {STR_NONE}}}};
  c[0].entity.dim[REC_DIM_SERVICE] = STR("s2");
  head_next(&b, (struct rec_head_batch){.change = c, .change_n = 2});
  mesh_run(&b.m, b.e, 40);
  assert_int_equal(seen(&b, 0)->change_n, 1);
  assert_true(str_eq(seen(&b, 0)->change[0].summary, STR("v2 of s2")));
  assert_true(str_eq(seen(&b, 0)->change[0].entity.dim[REC_DIM_SERVICE], STR("s2")));
  assert_int_equal(seen(&b, 0)->change[0].at.ns, c[0].at.ns);
  mesh_bed_close(&b);
}

static void lost_reports_are_said(void **state) {
  (void)state;
  struct mesh_bed b;
  struct rec_gap gap = {
      .node = STR("s2-c0-p0"), .service = STR("s2"), .expected = 100, .lost = 31, .reason = REC_GAP_LOSS};
  bed_open(&b);
  mesh_fault(&b.m, fails(2, AT, AT + 80));
  mesh_run(&b.m, b.e, AT + 8);
  assert_string_equal(seen(&b, 0)->telemetry, "complete");
  head_next(&b, (struct rec_head_batch){.gap = &gap, .gap_n = 1});
  mesh_run(&b.m, b.e, 8);
  assert_string_equal(seen(&b, 0)->telemetry, "degraded: 31 % of the reports of s2-c0-p0 are missing");
  assert_int_equal(seen(&b, 1)->verdict, REC_VERDICT_EXPECTED); /* and as a finding of its own */
  assert_string_equal(seen(&b, 1)->kind, "change");
  assert_int_equal(strncmp(seen(&b, 1)->summary, "telemetry degraded: 31 % of", 27), 0);
  mesh_run(&b.m, b.e, 80); /* nothing is said of it any more */
  assert_string_equal(seen(&b, 1)->telemetry, "degraded: reports were lost in the last minute");
  assert_int_not_equal(seen(&b, 1)->ended_at.ns, 0);
  mesh_bed_close(&b);
}

/* Three times the traffic from outside, and all is well: expected, and it pages nobody. */
static void surge_at_the_entry_is_expected(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = MESH_FAULT(AT, AT + 160);
  f.traffic = 3.0;
  bed_open(&b);
  f.service = MESH_ANY; /* s3 stands alone; it gets more, too */
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT);
  assert_int_equal(b.m.seen_n, 0);
  mesh_run(&b.m, b.e, 400);
  assert_true(b.m.seen_n > 0);
  for (uint32_t i = 0; i < b.m.seen_n; i++) {
    assert_int_equal(seen(&b, i)->verdict, REC_VERDICT_EXPECTED);
    assert_int_equal(seen(&b, i)->severity, REC_SEVERITY_INFO);
    assert_string_equal(seen(&b, i)->kind, "traffic");
  }
  mesh_bed_close(&b);
}

/* All traffic from outside is gone: nobody can see why, so somebody must look. */
static void lost_entry_traffic_is_unhealthy(void **state) {
  (void)state;
  struct mesh_bed b;
  struct mesh_fault f = MESH_FAULT(AT, AT + 160);
  f.traffic = -1.0;
  bed_open(&b);
  for (f.service = 0; f.service < 3; f.service++) mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT + 400);
  assert_int_equal(b.m.seen_n, 1);
  assert_int_equal(seen(&b, 0)->verdict, REC_VERDICT_UNHEALTHY);
  assert_true(str_eq(seen(&b, 0)->cause[0].entity.dim[REC_DIM_SERVICE], STR("s0")));
  mesh_bed_close(&b);
}

/* A head by itself, with signals made by hand: services a, x and b, of which a calls x and x calls b. */
struct hand {
  struct incident_head *h;
  struct rec_incident *rec;
  struct series_catalog c;
  void *mem;
  struct series_state *s;
  struct rec_tick t;
};

static void hand_open(struct hand *o) {
  const struct rec_series who[] = {
      {.level = REC_LEVEL_SERVICE, .dim = {[REC_DIM_SERVICE] = STR("a")}},
      {.level = REC_LEVEL_SERVICE, .dim = {[REC_DIM_SERVICE] = STR("b")}},
      {.level = REC_LEVEL_EDGE, .dim = {[REC_DIM_SERVICE] = STR("x"), [REC_DIM_CALLER] = STR("a")}},
      {.level = REC_LEVEL_EDGE, .dim = {[REC_DIM_SERVICE] = STR("b"), [REC_DIM_CALLER] = STR("x")}},
  };
  size_t bytes = series_catalog_bytes(64);
  *o = (struct hand){.h = calloc(1, sizeof *o->h),
                     .rec = calloc(LIMIT_INCIDENTS_OPEN, sizeof *o->rec),
                     .mem = calloc(1, bytes),
                     .s = calloc(64, sizeof *o->s)};
  assert_true(o->h && o->rec && o->mem && o->s);
  series_catalog_init(&o->c, o->mem, bytes, 64);
  for (uint32_t i = 0; i < sizeof who / sizeof who[0]; i++) {
    struct rec_series one = who[i];
    one.series_idx = i;
    assert_true(series_catalog_add(&o->c, &one));
    detect_series_init(&o->s[i], &one, 0);
  }
}

static void hand_close(struct hand *o) {
  free(o->h);
  free(o->rec);
  free(o->mem);
  free(o->s);
}

static void hand_tick(struct hand *o, uint32_t seq, uint32_t series_idx, enum rec_signal signal,
                      enum detect_event event) {
  struct incident_view v = {&o->c, o->s, seq, NULL, false, NULL};
  struct detect_signal x = {
      .series_idx = series_idx, .from_seq = seq, .log_e = 25.0f, .signal = (uint8_t)signal, .event = (uint8_t)event};
  struct rec_head_batch in = {0};
  o->t.end.ns += LIMIT_TICK_NS;
  (void)incident_life_tick(o->h, &v, &x, 1, &in, o->t, o->rec, LIMIT_INCIDENTS_OPEN);
}

/* An incident that goes on and off for hours must not fill the table of alarms: others would not be heard. */
static void long_flapping_leaves_room_for_others(void **state) {
  (void)state;
  struct hand o;
  hand_open(&o);
  for (uint32_t seq = 100; seq < 100 + 2 * LIMIT_ALARMS + 200; seq++)
    hand_tick(&o, seq, 0, REC_SIGNAL_DENIED, seq % 2 ? DETECT_OVER : DETECT_RAISED);
  assert_int_equal(incident_life_open_n(o.h), 1);
  hand_tick(&o, 200 + 2 * LIMIT_ALARMS + 200, 1, REC_SIGNAL_DENIED, DETECT_RAISED);
  assert_int_equal(o.h->counter_alarm_limit, 0);
  assert_true(incident_life_alarming(o.h, 1));
  hand_close(&o);
}

/* What is handed on along calls is one signal; another one, at a service that calls the first through others, is
 * another trouble. */
static void another_signal_is_another_incident(void **state) {
  (void)state;
  for (unsigned same = 0; same < 2; same++) {
    struct hand o;
    hand_open(&o);
    hand_tick(&o, 100, 1, REC_SIGNAL_DENIED, DETECT_RAISED);
    hand_tick(&o, 101, 0, same ? REC_SIGNAL_DENIED : REC_SIGNAL_THROTTLED, DETECT_RAISED);
    assert_int_equal(incident_life_open_n(o.h), same ? 1 : 2);
    hand_close(&o);
  }
}

/* As long as a record of it may be. */
static void changes_are_kept_whole(void **state) {
  (void)state;
  static char word[LIMIT_NAME_BYTES + 1], text[LIMIT_TEXT_BYTES + 1];
  memset(word, 'w', LIMIT_NAME_BYTES);
  memset(text, 't', LIMIT_TEXT_BYTES);
  struct hand o;
  hand_open(&o);
  struct rec_change change = {.source = str_of(word), .kind = str_of(word), .summary = str_of(text)};
  struct rec_head_batch in = {.change = &change, .change_n = 1};
  struct incident_view v = {&o.c, o.s, 100, NULL, false, NULL};
  (void)incident_life_tick(o.h, &v, NULL, 0, &in, o.t, o.rec, LIMIT_INCIDENTS_OPEN);
  assert_string_equal(o.h->change[0].source, word);
  assert_string_equal(o.h->change[0].kind, word);
  assert_string_equal(o.h->change[0].summary, text);
  hand_close(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_onset_stands_still_when_time_jumps),
      cmocka_unit_test(opened_while_bad_and_closed_after_the_hold),
      cmocka_unit_test(flapping_is_one_incident),
      cmocka_unit_test(impact_is_exact),
      cmocka_unit_test(exemplars_are_of_the_culprit_and_failed),
      cmocka_unit_test(command_acknowledges),
      cmocka_unit_test(a_mute_is_told_at_once),
      cmocka_unit_test(changes_near_the_start_are_listed),
      cmocka_unit_test(lost_reports_are_said),
      cmocka_unit_test(surge_at_the_entry_is_expected),
      cmocka_unit_test(lost_entry_traffic_is_unhealthy),
      cmocka_unit_test(long_flapping_leaves_room_for_others),
      cmocka_unit_test(another_signal_is_another_incident),
      cmocka_unit_test(changes_are_kept_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
