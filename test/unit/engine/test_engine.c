/* The engine's rules at its edges: limits, series that go, time that jumps. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "detect_step.h"
#include "mesh_make.h"
#include "rec_counter.h"

static const struct mesh_call calls[] = {{0, 1, 1.0}};
static const struct mesh_conf pair = {.service_n = 2,
                                      .cluster_n = 1,
                                      .pod_n = 2,
                                      .route_n = 1,
                                      .version_n = 2,
                                      .call = calls,
                                      .call_n = 1,
                                      .entry_per_s = 60.0,
                                      .error_p = 0.001,
                                      .seed = 11};

static void series_past_the_limit_are_not_opened(void **state) {
  (void)state;
  struct mesh m;
  struct mesh_conf conf = pair;
  struct engine_info info;
  conf.service_n = 8;
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(64);
  assert_true(m.series_n > 64);
  mesh_run(&m, e, 100);
  engine_info(e, &info);
  assert_int_equal(info.series_n, 64);
  assert_int_equal(info.series_max, 64);
  assert_int_equal(engine_counters(e)[REC_COUNTER_REJECT_SERIES_LIMIT], m.series_n - 64);
  assert_null(engine_series(e, 64));
  mesh_engine_close(e);
  mesh_close(&m);
}

/* Reports are missing for half a minute, then all is as before: nothing is said about traffic, wherever in its ten
 * seconds and at whatever rate it happens. */
static void grace_run(uint32_t at, double per_s) {
  struct mesh m;
  struct mesh_conf conf = pair;
  conf.entry_per_s = per_s;
  conf.seed = at;
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(256);
  mesh_run(&m, e, 800 + at);
  assert_int_equal(engine_counters(e)[REC_COUNTER_ALARMS], 0);
  m.jump_ns = 30 * TIME_NS_PER_S;
  mesh_run(&m, e, 240);
  if (engine_counters(e)[REC_COUNTER_ALARMS])
    print_error("%u ticks into its ten seconds, %.0f/s: %s\n", at, per_s,
                m.seen_n ? m.seen[0].in.summary : "(not told)");
  assert_int_equal(engine_counters(e)[REC_COUNTER_ALARMS], 0);
  mesh_engine_close(e);
  mesh_close(&m);
}

static void missing_time_raises_no_alarm(void **state) {
  (void)state;
  grace_run(0, 60.0);
  grace_run(20, 60.0);
}

static void missing_time_raises_no_alarm_within_ten_seconds(void **state) {
  (void)state;
  for (uint32_t at = 4; at < 40; at += 8) grace_run(at, 800.0);
}

/* Traffic that is half after the grace is still found. */
static void drop_after_missing_time_is_found(void **state) {
  (void)state;
  struct mesh m;
  struct mesh_fault f = MESH_FAULT(800, 2000);
  f.traffic = 0.1;
  mesh_open(&m, &pair);
  mesh_fault(&m, f);
  struct engine *e = mesh_engine_open(256);
  mesh_run(&m, e, 800);
  m.jump_ns = 30 * TIME_NS_PER_S;
  mesh_run(&m, e, 60);
  assert_int_equal(m.seen_n, 1); /* only that nobody was heard is said */
  assert_string_equal(m.seen[0].in.summary, "telemetry degraded: every proxy reports nothing");
  assert_int_equal(m.seen[0].in.verdict, REC_VERDICT_EXPECTED);
  mesh_run(&m, e, 160);
  assert_true(m.seen_n > 1);
  assert_string_equal(m.seen[1].in.kind, "traffic");
  mesh_engine_close(e);
  mesh_close(&m);
}

/* A pod fails; its incident is open when the pod is forgotten. */
static void pod_fails(struct mesh *m, struct engine **e) {
  struct mesh_fault f = MESH_FAULT(800, 880);
  f.service = 1;
  f.pod = 1;
  f.fail_p = 0.9;
  struct mesh_conf conf = pair;
  conf.cluster_n = 2;
  mesh_open(m, &conf);
  mesh_fault(m, f);
  *e = mesh_engine_open(256);
  mesh_run(m, *e, 880);
  assert_int_equal(m->seen_n, 1);
  assert_int_equal(m->seen[0].in.state, REC_STATE_OPEN);
}

static void drop_at_next_tick(struct mesh *m, struct engine *e, struct rec_drop *drop,
                              const struct rec_series *instead) {
  mesh_draw(m);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
    struct rec_batch *batch = &m->batch[b];
    struct rec_obs *obs = (struct rec_obs *)(uintptr_t)batch->obs;
    size_t n = 0;
    for (size_t i = 0; i < batch->obs_n; i++)
      if (obs[i].series_idx != drop->series_idx) obs[n++] = obs[i];
    batch->obs_n = n;
  }
  struct rec_batch *batch = &m->batch[m->series[drop->series_idx].bucket];
  batch->drop = drop;
  batch->drop_n = 1;
  if (instead) {
    batch->series = instead;
    batch->series_n = 1;
  }
  mesh_feed(m, e);
}

static void dropped_series_ends_its_alarms(void **state) {
  (void)state;
  struct mesh m;
  struct engine *e;
  pod_fails(&m, &e);
  for (uint32_t i = 0; i < m.series_n; i++) {
    struct rec_drop drop = {i};
    drop_at_next_tick(&m, e, &drop, NULL);
  }
  struct engine_info info;
  engine_info(e, &info);
  assert_int_equal(info.series_n, 0);
  for (unsigned i = 0; i < 100; i++) { /* nobody speaks any more */
    struct rec_out out;
    m.tick.seq++;
    m.tick.end.ns += LIMIT_TICK_NS;
    m.tick.now.ns += LIMIT_TICK_NS;
    engine_tick(e, NULL, m.tick, &out);
    mesh_see(&m, &out);
  }
  assert_int_equal(m.seen[0].in.state, REC_STATE_CLOSED);
  assert_true(m.seen[0].in.ended_at.ns > m.seen[0].in.started_at.ns);
  mesh_engine_close(e);
  mesh_close(&m);
}

static bool entity_is(const struct rec_entity *e, enum rec_dim d, const char *text) {
  return str_eq(e->dim[d], str_of(text));
}

/* The number of the culprit is given to somebody else before the incident closes. */
static void reused_number_is_not_blamed(void **state) {
  (void)state;
  struct mesh m;
  struct engine *e;
  pod_fails(&m, &e);
  bool named = false;
  mesh_run(&m, e, 44);
  assert_int_equal(m.seen[0].in.state, REC_STATE_OPEN);
  assert_true(m.seen[0].in.ended_at.ns != 0); /* its alarms are over, and its story stands */
  for (unsigned side = 0; side < REC_SIDE_COUNT; side++) {
    for (uint32_t cluster = 0; cluster < 2; cluster++) {
      struct rec_drop drop = {mesh_series(&m, REC_LEVEL_POD, side, 1, 0, cluster, 1, 0)};
      struct rec_series other = m.series[drop.series_idx];
      other.dim[REC_DIM_SERVICE] = STR("stranger");
      other.dim[REC_DIM_POD] = STR("stranger-1");
      drop_at_next_tick(&m, e, &drop, &other);
    }
    struct rec_drop drop = {mesh_series(&m, REC_LEVEL_VERSION, side, 1, 0, 0, 1, 0)};
    struct rec_series other = m.series[drop.series_idx];
    other.dim[REC_DIM_SERVICE] = STR("stranger");
    drop_at_next_tick(&m, e, &drop, &other);
  }
  mesh_run(&m, e, 200);
  assert_int_equal(m.seen[0].in.state, REC_STATE_CLOSED);
  const struct rec_incident *in = &m.seen[0].in;
  for (uint32_t i = 0; i < in->cause_n; i++) named |= entity_is(&in->cause[i].entity, REC_DIM_SERVICE, "stranger");
  for (uint32_t i = 0; i < in->not_affected_n; i++)
    named |= entity_is(&in->not_affected[i], REC_DIM_SERVICE, "stranger");
  for (uint32_t i = 0; i < in->affected_n; i++) named |= entity_is(&in->affected[i], REC_DIM_SERVICE, "stranger");
  assert_false(named);
  mesh_engine_close(e);
  mesh_close(&m);
}

/* A tick that is given out 20 s late because nobody was heard. */
static void silence_run(struct mesh *m, struct engine *e) {
  mesh_draw(m);
  m->tick.now.ns = m->tick.end.ns + LIMIT_LAG_NS_MAX + 20 * TIME_NS_PER_S;
  mesh_feed(m, e);
}

/* Silence is lost telemetry where the mesh's traffic makes it unlikely: no other series speaks for it that is given
 * the mesh's number. */
static void reused_number_is_not_the_mesh(void **state) {
  (void)state;
  for (unsigned reused = 0; reused < 2; reused++) {
    struct mesh m;
    mesh_open(&m, &pair);
    struct engine *e = mesh_engine_open(256);
    mesh_run(&m, e, 400);
    struct rec_drop drop = {mesh_series(&m, REC_LEVEL_MESH, REC_SIDE_SERVER, 0, MESH_ANY, 0, 0, 0)};
    struct rec_series other = m.series[drop.series_idx];
    other.level = REC_LEVEL_SERVICE;
    other.dim[REC_DIM_SERVICE] = STR("stranger");
    if (reused) drop_at_next_tick(&m, e, &drop, &other);
    mesh_run(&m, e, 400);
    assert_int_equal(m.seen_n, 0);
    silence_run(&m, e);
    assert_int_equal(m.seen_n, reused ? 0 : 1);
    mesh_engine_close(e);
    mesh_close(&m);
  }
}

/* All proxies speak at once, every two seconds: that is how they are. Who is cut for 12 s does not make it their habit.
 */
static void flushes_of_seconds_are_no_silence(void **state) {
  (void)state;
  const int64_t flush_ns = 2 * TIME_NS_PER_S;
  struct mesh m;
  mesh_open(&m, &pair);
  struct engine *e = mesh_engine_open(256);
  for (unsigned i = 0; i < 2400; i++) {
    mesh_draw(&m);
    m.tick.now.ns = ((m.tick.end.ns + LIMIT_LAG_NS_MAX) / flush_ns + 1) * flush_ns;
    if (i == 1600 || i == 2000) m.tick.now.ns += 12 * TIME_NS_PER_S;
    mesh_feed(&m, e);
    assert_int_equal(m.seen_n, i < 1600 ? 0 : i < 2000 ? 1 : 2);
  }
  mesh_engine_close(e);
  mesh_close(&m);
}

/* Failures that grow over hours, and stop. Their open incident keeps the series from learning, not from recovering. */
static void incident_of_a_drift_ends_with_it(void **state) {
  (void)state;
  const uint32_t minute = 60 * LIMIT_TICKS_PER_S, end = 300 * minute;
  struct mesh m;
  struct mesh_conf conf = pair;
  conf.error_p = 0.02;
  mesh_open(&m, &conf);
  for (uint32_t i = 0; i < 15; i++) {
    struct mesh_fault f = MESH_FAULT((120 + 10 * i) * minute, end);
    f.service = 1;
    f.fail_p = 0.002;
    mesh_fault(&m, f);
  }
  struct engine *e = mesh_engine_open(256);
  mesh_run(&m, e, end);
  assert_int_equal(m.seen_n, 1);
  assert_int_equal(m.seen[0].in.state, REC_STATE_OPEN);
  int64_t end_ns = m.tick.end.ns;
  mesh_run(&m, e, 15 * minute);
  assert_int_equal(m.seen_n, 1);
  assert_int_equal(m.seen[0].in.state, REC_STATE_CLOSED);
  assert_in_range(m.seen[0].in.ended_at.ns, end_ns - 120 * TIME_NS_PER_S, end_ns + 120 * TIME_NS_PER_S);
  mesh_engine_close(e);
  mesh_close(&m);
}

/* One series, stepped by hand. */
struct one {
  struct series_state s;
  struct detect_context ctx;
  struct detect_signal signal[4];
  struct detect_out out;
};

static void one_step(struct one *o, uint32_t n, uint32_t failed) {
  struct rec_obs obs = {.class_n = {[REC_CLASS_OK] = n - failed, [REC_CLASS_SERVER_ERROR] = failed}};
  struct rec_hist_cell cell = {20, n - failed};
  obs.hist_n = n > failed;
  obs.latency_sum_ns = (uint64_t)(n - failed) * 5000000;
  detect_series_step(&o->s, &obs, &cell, &o->ctx, &o->out);
  o->ctx.seq++;
}

static void one_open(struct one *o) {
  struct rec_series who = {.level = REC_LEVEL_SERVICE};
  *o = (struct one){.ctx = {.rates = true, .log_c = {22.0, 22.0, 22.0}}};
  o->out = (struct detect_out){.signal = o->signal, .cap = 4};
  detect_series_init(&o->s, &who, 0);
}

/* A signal for which the bucket has no room in this tick comes in a later one (base_limits.h). */
static void signal_without_room_comes_later(void **state) {
  (void)state;
  struct one o;
  one_open(&o);
  while (o.ctx.seq < 800) one_step(&o, 20, 0);
  assert_int_equal(o.out.n, 0);
  o.out.cap = 0;
  for (unsigned i = 0; i < 8; i++) one_step(&o, 20, 20);
  assert_true(o.out.dropped > 0);
  o.out.cap = 4;
  for (unsigned i = 0; i < 8; i++) one_step(&o, 20, 20);
  assert_int_equal(o.out.n, 1);
  assert_int_equal(o.signal[0].signal, REC_SIGNAL_ERRORS);
}

/* The tick in which a series is born would make any rate look high. */
static void first_tick_makes_no_rate(void **state) {
  (void)state;
  struct one o;
  one_open(&o);
  float a = o.s.rate.a, b = o.s.rate.b;
  one_step(&o, 500, 0);
  assert_true(o.s.rate.a == a && o.s.rate.b == b);
  one_step(&o, 2, 0);
  assert_true(o.s.rate.b > b);
}

static void classes_apart_are_in_nothing(void **state) {
  (void)state;
  struct rec_obs obs = {.class_n = {[REC_CLASS_OK] = 5,
                                    [REC_CLASS_TIMEOUT] = 3,
                                    [REC_CLASS_NOT_FOUND] = 2,
                                    [REC_CLASS_CANCELLED] = 1,
                                    [REC_CLASS_HEALTH_CHECK] = 100,
                                    [REC_CLASS_INJECTED] = 100,
                                    [REC_CLASS_CACHED] = 100,
                                    [REC_CLASS_LONG_LIVED] = 100},
                        .retries = 4};
  assert_int_equal(detect_obs_requests(&obs), 11);
  assert_int_equal(detect_obs_failures(&obs), 3);
  assert_int_equal(detect_obs_events(&obs, REC_SIGNAL_TIMEOUTS), 3);
  assert_int_equal(detect_obs_events(&obs, REC_SIGNAL_UNREACHABLE), 0);
  assert_int_equal(detect_obs_events(&obs, REC_SIGNAL_CLIENT_ERRORS), 2);
  assert_int_equal(detect_obs_events(&obs, REC_SIGNAL_CANCELLED), 1);
  assert_int_equal(detect_obs_events(&obs, REC_SIGNAL_RETRIES), 4);
}

/* log c = ln(ticks a week x pairs x shares in use / alerts a week), 100 pairs at least (docs/detectors/alarm.md). */
static void thresholds_follow_the_budget(void **state) {
  (void)state;
  struct mesh m;
  struct engine_info info;
  mesh_open(&m, &pair);
  struct engine *e = mesh_engine_open(256);
  engine_info(e, &info);
  assert_true(info.threshold_log_min > 19.304 && info.threshold_log_min < 19.305); /* ln(2419200 x 100) */
  mesh_run(&m, e, 8);
  engine_info(e, &info);
  assert_true(info.threshold_log_min > 20.40 && info.threshold_log_max < 21.5); /* three shares, 100.. pairs each */
  mesh_engine_close(e);
  mesh_close(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(series_past_the_limit_are_not_opened),
      cmocka_unit_test(missing_time_raises_no_alarm),
      cmocka_unit_test(missing_time_raises_no_alarm_within_ten_seconds),
      cmocka_unit_test(drop_after_missing_time_is_found),
      cmocka_unit_test(dropped_series_ends_its_alarms),
      cmocka_unit_test(reused_number_is_not_blamed),
      cmocka_unit_test(reused_number_is_not_the_mesh),
      cmocka_unit_test(flushes_of_seconds_are_no_silence),
      cmocka_unit_test(incident_of_a_drift_ends_with_it),
      cmocka_unit_test(signal_without_room_comes_later),
      cmocka_unit_test(first_tick_makes_no_rate),
      cmocka_unit_test(classes_apart_are_in_nothing),
      cmocka_unit_test(thresholds_follow_the_budget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
