/* How long an incident goes on. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "engine_impl.h"
#include "mesh_make.h"

#define S LIMIT_TICKS_PER_S
#define AT (600u * S)
#define GONE_AT (AT + 60u * S)
#define EVER (100000u * S)
#define SEED 89u

/* A front calls s1, which has three pods in each of two clusters. */
static void bed_open(struct mesh_bed *b) {
  static const struct mesh_call calls[] = {{0, 1, 1.0}};
  static const struct mesh_conf conf = {.service_n = 2,
                                        .cluster_n = 2,
                                        .pod_n = 3,
                                        .route_n = 1,
                                        .version_n = 1,
                                        .call = calls,
                                        .call_n = 1,
                                        .entry_per_s = 60.0,
                                        .error_p = 0.001,
                                        .seed = SEED};
  mesh_bed_open(b, &conf, 1024);
}

static struct mesh_fault pod_fault(uint32_t from, uint32_t to) {
  struct mesh_fault f = mesh_fault_of(from, to, 1);
  f.cluster = 0;
  f.pod = 1;
  return f;
}

/* Four of five requests fail. */
static void let_fail(struct mesh_bed *b, struct mesh_fault f) {
  f.fail_p = 0.8;
  f.class_ = REC_CLASS_SERVER_ERROR;
  mesh_fault(&b->m, f);
}

static const struct rec_incident *of_s1(const struct mesh_bed *b, const char *kind) {
  const struct rec_incident *found = NULL;
  for (uint32_t i = 0; i < b->m.seen_n; i++) {
    const struct rec_incident *in = &b->m.seen[i].in;
    if (strcmp(in->kind, kind) || !in->cause_n) continue;
    if (str_eq(in->cause[0].entity.dim[REC_DIM_SERVICE], STR("s1"))) found = in;
  }
  return found;
}

/* It is slow, so it is taken away: nobody will ever see it recover. */
static void a_pod_that_is_gone_keeps_no_incident_open(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  struct mesh_fault slow = pod_fault(AT, EVER), gone = pod_fault(GONE_AT, EVER);
  slow.slow_ms = 100.0;
  slow.slow_p = 1.0;
  gone.traffic = -1.0;
  mesh_fault(&b.m, slow);
  mesh_fault(&b.m, gone);
  for (uint32_t pod = 0; pod < 3; pod += 2) { /* the others have its requests */
    struct mesh_fault more = pod_fault(GONE_AT, EVER);
    more.pod = pod;
    more.traffic = 1.5;
    mesh_fault(&b.m, more);
  }
  mesh_run(&b.m, b.e, GONE_AT);
  const struct rec_incident *in = of_s1(&b, "latency");
  assert_non_null(in);
  assert_int_equal(in->state, REC_STATE_OPEN);
  mesh_run(&b.m, b.e, 150 * S);
  in = of_s1(&b, "latency");
  assert_int_equal(in->state, REC_STATE_CLOSED);
  int64_t lasted_ns = in->ended_at.ns - in->started_at.ns;
  assert_in_range(lasted_ns, 50 * TIME_NS_PER_S, 120 * TIME_NS_PER_S);
  mesh_bed_close(&b);
}

/* It fails on: nothing else of the service does, and that must not end it. */
static void a_pod_that_fails_keeps_it_open(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  let_fail(&b, pod_fault(AT, EVER));
  mesh_run(&b.m, b.e, AT + 600 * S);
  const struct rec_incident *in = of_s1(&b, "errors");
  assert_non_null(in);
  assert_int_equal(in->state, REC_STATE_OPEN);
  mesh_bed_close(&b);
}

/* A service that nobody can ask any more, as all of its requests are gone: that is no end of it. */
static void a_service_that_is_gone_stays_open(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  struct mesh_fault gone = mesh_fault_of(GONE_AT, EVER, MESH_ANY);
  gone.traffic = -1.0;
  let_fail(&b, mesh_fault_of(AT, EVER, 1));
  mesh_fault(&b.m, gone);
  mesh_run(&b.m, b.e, GONE_AT + 150 * S);
  const struct rec_incident *in = of_s1(&b, "errors");
  assert_non_null(in);
  assert_int_equal(in->state, REC_STATE_OPEN);
  mesh_bed_close(&b);
}

/* An alarm that its incident left in force half an hour ago: its level is how it is now, or it would never learn again.
 * Not so of failures. */
static void what_is_left_of_latency_is_adopted(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b);
  mesh_run(&b.m, b.e, 60 * S);
  struct engine *e = b.e;
  struct incident_view v = {&e->catalog, e->state, 8000 * S, e->log_c, false, &e->gauge};
  uint32_t idx = mesh_series(&b.m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 1, MESH_ANY, 0, 0, 0);
  const uint8_t signal[] = {REC_SIGNAL_LATENCY, REC_SIGNAL_LATENCY, REC_SIGNAL_ERRORS, REC_SIGNAL_LATENCY};
  const uint32_t raised[] = {8000 * S - 1801 * S, 8000 * S - 1799 * S, 0, 0};
  for (uint32_t i = 0; i < 4; i++)
    e->head.alarm[i] = (struct incident_alarm){.series_idx = idx,
                                               .case_idx = INCIDENT_NO_CASE,
                                               .signal = signal[i],
                                               .raised_seq = raised[i],
                                               .over_seq = i == 3};
  e->head.alarm_n = 4;
  incident_adopt_step(&e->head, &v);
  for (uint32_t i = 0; i < 4; i++) assert_int_equal(e->head.alarm[i].adopt, i == 0);
  mesh_bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_pod_that_is_gone_keeps_no_incident_open),
      cmocka_unit_test(a_pod_that_fails_keeps_it_open),
      cmocka_unit_test(a_service_that_is_gone_stays_open),
      cmocka_unit_test(what_is_left_of_latency_is_adopted),
  };
  return cmocka_run_group_tests_name("incident_alive", tests, NULL, NULL);
}
