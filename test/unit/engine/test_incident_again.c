/* Troubles that come back are one incident that recurs; what may become the normal level, and what never does. */
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
#define AT (240u * S)

static const struct mesh_call calls[] = {{0, 1, 1.0}};

static void bed_open(struct mesh_bed *b, double per_s) {
  struct mesh_conf conf = {.service_n = 3,
                           .cluster_n = 1,
                           .pod_n = 1,
                           .route_n = 1,
                           .version_n = 1,
                           .call = calls,
                           .call_n = 1,
                           .entry_per_s = per_s,
                           .error_p = 0.001,
                           .seed = 77};
  mesh_bed_open(b, &conf, 256);
}

static void dip(struct mesh_bed *b, uint32_t service, uint32_t at) {
  struct mesh_fault f = mesh_fault_of(at, at + S, service);
  f.fail_p = 0.8;
  mesh_fault(&b->m, f);
}

static const struct rec_incident *seen(const struct mesh_bed *b, uint32_t i) {
  return &b->m.seen[i].in;
}

static void dips_of_an_hour_are_one_incident(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0);
  for (uint32_t i = 0; i < 4; i++) dip(&b, 1, AT + i * 300 * S);
  mesh_run(&b.m, b.e, AT + 960 * S);
  const struct rec_incident *in = seen(&b, 0);
  assert_int_equal(b.m.seen_n, 1);
  assert_int_equal(in->state, REC_STATE_CLOSED);
  assert_int_equal(in->occurrences, 4);
  assert_int_equal(in->again_n, 3);
  int64_t first = in->started_at.ns;
  for (uint32_t i = 0; i < 3; i++) {
    int64_t off = in->again[i].started_at.ns - first - (int64_t)(i + 1) * 300 * TIME_NS_PER_S;
    assert_in_range(off + LIMIT_TICK_NS, 0, 2 * LIMIT_TICK_NS);
    assert_in_range(in->again[i].ended_at.ns - in->again[i].started_at.ns, 3 * LIMIT_TICK_NS, 5 * LIMIT_TICK_NS);
  }
  assert_in_range(in->impact_failed, 4 * 30, 4 * 65); /* 60 a second, 80 % of them, of all four */
  mesh_bed_close(&b);
}

/* Minutes of trouble are an incident each, unless they follow each other within three. */
static void long_troubles_are_incidents_each(void **state) {
  (void)state;
  struct mesh_bed b;
  static const uint32_t at[] = {0, 150, 600};
  bed_open(&b, 60.0);
  for (uint32_t i = 0; i < 3; i++) {
    struct mesh_fault f = MESH_FAULT(AT + at[i] * S, AT + (at[i] + 60) * S);
    f.service = 1;
    f.fail_p = 0.5;
    mesh_fault(&b.m, f);
  }
  mesh_run(&b.m, b.e, AT + 720 * S);
  assert_int_equal(b.m.seen_n, 2);
  assert_int_equal(seen(&b, 0)->occurrences, 2);
  assert_int_equal(seen(&b, 1)->occurrences, 1);
  mesh_bed_close(&b);
}

static void another_service_is_another_incident(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0);
  dip(&b, 1, AT);
  dip(&b, 2, AT + 120 * S);
  mesh_run(&b.m, b.e, AT + 240 * S);
  assert_int_equal(b.m.seen_n, 2);
  assert_int_equal(seen(&b, 0)->occurrences, 1);
  mesh_bed_close(&b);
}

static void what_rests_is_forgotten_after_an_hour(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0);
  dip(&b, 1, AT);
  dip(&b, 1, AT + 3700 * S);
  mesh_run(&b.m, b.e, AT + 3800 * S);
  assert_int_equal(b.m.seen_n, 2);
  mesh_bed_close(&b);
}

/* An outage is one in its sixth hour, and nothing of it is learned. */
static void outage_is_not_learned(void **state) {
  (void)state;
  struct mesh_bed b;
  struct engine_rate before, after;
  bed_open(&b, 20.0);
  struct mesh_fault f = mesh_fault_of(AT, AT + 6 * 3600 * S, 1);
  f.fail_p = 0.3;
  f.slow_ms = 40.0;
  f.slow_p = 0.5;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT);
  uint32_t idx = mesh_series(&b.m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 1, 0, MESH_ANY, MESH_ANY, MESH_ANY);
  assert_true(engine_series_rate(b.e, idx, &before));
  mesh_run(&b.m, b.e, 6 * 3600 * S - 8);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_OPEN);
  assert_int_equal(seen(&b, 0)->verdict, REC_VERDICT_UNHEALTHY);
  mesh_run(&b.m, b.e, 120 * S);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  assert_true(engine_series_rate(b.e, idx, &after));
  double more = after.learned_latency_mean_ms / before.learned_latency_mean_ms;
  assert_true(more > 0.95 && more < 1.05);
  assert_true(after.learned_error_ratio < 1.05 * before.learned_error_ratio + 0.0005);
  mesh_bed_close(&b);
}

/* Three times the traffic from outside is expected, and after half an hour it is how it is: with a decision on record.
 */
static void surge_that_stays_is_adopted(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 20.0);
  struct mesh_fault f = MESH_FAULT(AT, AT + 7200 * S);
  f.traffic = 3.0;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT + 1700 * S);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_OPEN);
  assert_int_equal(seen(&b, 0)->verdict, REC_VERDICT_EXPECTED);
  mesh_run(&b.m, b.e, 300 * S);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  assert_true(seen(&b, 0)->decision_n >= 1);
  assert_non_null(strstr(seen(&b, 0)->decision[0].text, "adopted as the new normal"));
  uint32_t told = b.m.seen_n;
  mesh_run(&b.m, b.e, 1800 * S);
  assert_int_equal(b.m.seen_n, told);
  mesh_bed_close(&b);
}

/* "It is meant", says an operator: the level of failures is learned at once. */
static void marked_as_expected_is_adopted(void **state) {
  (void)state;
  struct mesh_bed b;
  char id[17];
  bed_open(&b, 20.0);
  struct mesh_fault f = mesh_fault_of(AT, AT + 1200 * S, 1);
  f.fail_p = 0.3;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT + 60 * S);
  assert_int_equal(seen(&b, 0)->verdict, REC_VERDICT_UNHEALTHY);
  rec_incident_id(seen(&b, 0), id);
  struct rec_command c = {.verb = REC_VERB_EXPECT, .incident_id = str_of(id)};
  b.m.head = (struct rec_head_batch){.command = &c, .command_n = 1};
  mesh_run(&b.m, b.e, 60 * S);
  assert_int_equal(seen(&b, 0)->verdict, REC_VERDICT_EXPECTED);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  assert_non_null(strstr(seen(&b, 0)->decision[seen(&b, 0)->decision_n - 1].text, "operator"));
  uint32_t told = b.m.seen_n;
  mesh_run(&b.m, b.e, 600 * S);
  assert_int_equal(b.m.seen_n, told);
  mesh_bed_close(&b);
}

/* The finding's numbers are those of the series, and its interval holds the truth. */
static void finding_says_what_was_seen(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0);
  struct mesh_fault f = mesh_fault_of(AT, AT + 60 * S, 1);
  f.fail_p = 0.4;
  mesh_fault(&b.m, f);
  mesh_run(&b.m, b.e, AT + 40 * S);
  const struct rec_finding *x = &seen(&b, 0)->finding;
  const struct rec_plot *p = &seen(&b, 0)->plot;
  assert_true(x->known);
  assert_string_equal(x->unit, "share");
  assert_true(x->observed > 0.36 && x->observed < 0.44);
  assert_true(x->baseline > 0.0003 && x->baseline < 0.003);
  assert_true(x->effect_low < 0.4 / x->baseline && x->effect_high > 0.4 / x->baseline);
  assert_true(x->effect_smallest > 1.0 && x->effect_smallest < x->effect);
  assert_true(x->log_e >= x->log_c && x->log_c > 15.0);
  assert_in_range(x->onset.ns - seen(&b, 0)->started_at.ns + 1, 1, 1);
  assert_in_range(p->n, 70, 85); /* 40 s before and as many after */
  assert_int_equal(p->step_s, 1);
  double high = 0.0;
  for (uint32_t i = 45; i < p->n; i++) high += (double)p->value[i] / (double)(p->n - 45);
  assert_true(high > 0.36 && high < 0.44);
  assert_true(p->value[20] < 0.1f && p->high < 0.2f);
  mesh_bed_close(&b);
}

/* Would an alarm of failures at service 1 that is raised now, with evidence from that tick on, be news? Its onset then.
 */
static uint32_t news_from(const struct mesh_bed *b, uint32_t from) {
  const struct engine *e = b->e;
  struct incident_view v = {&e->catalog, e->state, b->m.seq - 1, e->log_c, false, NULL};
  struct incident_alarm a = {.from_seq = from, .raised_seq = v.seq, .signal = REC_SIGNAL_ERRORS};
  for (uint32_t i = 0; i < e->catalog.entry_n; i++) {
    const struct rec_series *w = &e->catalog.entry[i].who;
    if (w->level == REC_LEVEL_SERVICE && w->side == REC_SIDE_SERVER && str_eq(w->dim[REC_DIM_SERVICE], STR("s1")))
      a.series_idx = i;
  }
  return incident_again_fresh(&e->head, &v, &a) ? a.from_seq : 0;
}

/* Evidence that a trouble left behind is none of the next; where there is a next, it begins after the first. */
static void what_is_left_of_a_trouble_is_not_the_next(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 60.0);
  dip(&b, 1, AT);
  mesh_run(&b.m, b.e, AT + 60 * S);
  assert_int_equal(seen(&b, 0)->state, REC_STATE_CLOSED);
  assert_int_equal(news_from(&b, AT + 1), 0);
  assert_int_equal(news_from(&b, AT + 50 * S), AT + 50 * S);
  dip(&b, 1, AT + 60 * S);
  mesh_run(&b.m, b.e, S);
  struct incident_case *c = b.e->head.case_; /* the second dip has woken it: as if it had not */
  while (!c->used || c->occurrences < 2) c++;
  c->resting = 1;
  c->last_seq = AT + 2 * S;
  assert_int_equal(news_from(&b, AT + 1), AT + 2 * S + 1);
  mesh_bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_left_of_a_trouble_is_not_the_next),
      cmocka_unit_test(dips_of_an_hour_are_one_incident),
      cmocka_unit_test(long_troubles_are_incidents_each),
      cmocka_unit_test(another_service_is_another_incident),
      cmocka_unit_test(what_rests_is_forgotten_after_an_hour),
      cmocka_unit_test(outage_is_not_learned),
      cmocka_unit_test(surge_that_stays_is_adopted),
      cmocka_unit_test(marked_as_expected_is_adopted),
      cmocka_unit_test(finding_says_what_was_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
