/* Troubles that stand in the shadow of others: of a service while what it calls is in trouble, too; of one route of
 * many. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "mesh_make.h"

#define AT 2400u /* the first trouble begins: ten minutes after the first request */
#define S 4u

static const struct mesh_call calls[] = {{0, 1, 1.0}, {1, 2, 1.0}};

static void bed_open(struct mesh_bed *b, double entry_per_s, uint32_t route_n) {
  struct mesh_conf conf = {.service_n = 3,
                           .cluster_n = 3,
                           .pod_n = 2,
                           .route_n = route_n,
                           .version_n = 1,
                           .call = calls,
                           .call_n = 2,
                           .entry_per_s = entry_per_s,
                           .error_p = 0.001,
                           .seed = 78};
  mesh_bed_open(b, &conf, 2048);
}

static void slow(struct mesh_bed *b, uint32_t from, uint32_t to, uint32_t service, uint32_t cluster, uint32_t route,
                 double ms, double share) {
  struct mesh_fault f = mesh_fault_of(from, to, service);
  f.cluster = cluster;
  f.route = route;
  f.slow_ms = ms;
  f.slow_p = share;
  mesh_fault(&b->m, f);
}

/* The unhealthy incident whose first cause is at the service; NULL where there is none. */
static const struct mesh_seen *of_service(const struct mesh_bed *b, const char *name) {
  for (uint32_t i = 0; i < b->m.seen_n; i++) {
    const struct rec_incident *in = &b->m.seen[i].in;
    if (in->verdict == REC_VERDICT_UNHEALTHY && in->cause_n &&
        str_eq(in->cause[0].entity.dim[REC_DIM_SERVICE], str_of(name)))
      return &b->m.seen[i];
  }
  return NULL;
}

static uint32_t unhealthy_n(const struct mesh_bed *b) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < b->m.seen_n; i++) n += b->m.seen[i].in.verdict == REC_VERDICT_UNHEALTHY;
  return n;
}

/* What s1 waits for longer is the same in all of its clusters; one of them is slow by itself, too, for 100 s. It keeps
 * its name when that is over, and its end is there and not where the other trouble ends. */
static void a_part_is_named_while_what_it_calls_is_slow_too(void **state) {
  (void)state;
  struct mesh_bed b;
  uint32_t from = AT + 200 * S, to = from + 100 * S;
  bed_open(&b, 120.0, 2);
  slow(&b, AT, AT + 600 * S, 2, MESH_ANY, MESH_ANY, 15.0, 1.0);
  slow(&b, from, to, 1, 1, MESH_ANY, 30.0, 1.0);
  mesh_run(&b.m, b.e, AT + 500 * S);
  const struct mesh_seen *below = of_service(&b, "s2"), *own = of_service(&b, "s1");
  assert_non_null(below);
  assert_non_null(own);
  assert_int_equal(below->in.state, REC_STATE_OPEN);
  assert_int_equal(own->in.state, REC_STATE_CLOSED);
  assert_int_equal(own->in.merged_hash, 0);
  assert_true(str_eq(own->in.cause[0].entity.dim[REC_DIM_CLUSTER], STR("c1")));
  assert_in_range(own->in.ended_at.ns - own->in.started_at.ns, 85 * TIME_NS_PER_S, 125 * TIME_NS_PER_S);
  mesh_bed_close(&b);
}

/* What s2 takes longer is in what s1 takes longer, which has more by itself, and from ten seconds later on. */
static void caller_and_callee_are_two(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 120.0, 2);
  slow(&b, AT, AT + 90 * S, 2, MESH_ANY, MESH_ANY, 40.0, 1.0);
  slow(&b, AT + 10 * S, AT + 100 * S, 1, MESH_ANY, MESH_ANY, 150.0, 1.0);
  mesh_run(&b.m, b.e, AT + 160 * S);
  const struct mesh_seen *callee = of_service(&b, "s2"), *caller = of_service(&b, "s1");
  assert_non_null(callee);
  assert_non_null(caller);
  assert_true(callee->in.detected_at.ns < caller->in.detected_at.ns);
  int64_t later = caller->in.started_at.ns - callee->in.started_at.ns;
  assert_in_range(later, 8 * TIME_NS_PER_S, 12 * TIME_NS_PER_S);
  assert_int_equal(unhealthy_n(&b), 2);
  mesh_bed_close(&b);
}

/* Half of s1's requests fail while s2, which it calls, is slow; each failure is known to have taken so long. */
static void fail_and_wait(struct mesh_bed *b, uint64_t failure_ns) {
  struct mesh_fault f = mesh_fault_of(AT + 4 * S, AT + 60 * S, 1);
  f.fail_p = 0.5;
  f.class_ = REC_CLASS_SERVER_ERROR;
  mesh_fault(&b->m, f);
  slow(b, AT, AT + 60 * S, 2, MESH_ANY, MESH_ANY, 200.0, 1.0);
  struct rec_exemplar x = {.class_ = REC_CLASS_SERVER_ERROR, .latency_ns = failure_ns, .request_id = STR("bad")};
  for (unsigned k = 0; k < 4; k++) x.series[k] = REC_SERIES_NONE;
  x.series[0] = mesh_series(&b->m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 1, MESH_ANY, MESH_ANY, MESH_ANY, MESH_ANY);
  mesh_run(&b->m, b->e, AT + 4 * S);
  for (uint32_t i = 0; i < 50 * S; i++) {
    mesh_draw(&b->m);
    x.at.ns = b->m.tick.end.ns - (int64_t)failure_ns;
    b->m.head = (struct rec_head_batch){.exemplar = &x, .exemplar_n = 1};
    mesh_feed(&b->m, b->e);
  }
}

static void failing_sooner_than_it_waits_is_a_trouble_of_its_own(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 120.0, 2);
  fail_and_wait(&b, 2 * TIME_NS_PER_MS);
  const struct mesh_seen *own = of_service(&b, "s1");
  assert_non_null(own);
  assert_string_equal(own->in.kind, "errors");
  assert_non_null(of_service(&b, "s2"));
  mesh_bed_close(&b);
}

static void failing_after_waiting_is_a_consequence(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 120.0, 2);
  fail_and_wait(&b, 210 * TIME_NS_PER_MS);
  assert_null(of_service(&b, "s1"));
  assert_non_null(of_service(&b, "s2"));
  mesh_bed_close(&b);
}

/* Only the callee is slow: its callers are its victims, all the way up. */
static void a_callee_alone_is_one(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 120.0, 2);
  slow(&b, AT, AT + 90 * S, 2, MESH_ANY, MESH_ANY, 40.0, 1.0);
  mesh_run(&b.m, b.e, AT + 160 * S);
  assert_non_null(of_service(&b, "s2"));
  assert_int_equal(unhealthy_n(&b), 1);
  mesh_bed_close(&b);
}

/* One request in seven of one route of thirty is slow: of the service's requests one in two hundred. */
static void one_route_of_many_is_told_soon(void **state) {
  (void)state;
  struct mesh_bed b;
  bed_open(&b, 300.0, 30);
  slow(&b, AT, AT + 90 * S, 2, MESH_ANY, 3, 30.0, 0.15);
  mesh_run(&b.m, b.e, AT + 45 * S);
  const struct mesh_seen *own = of_service(&b, "s2");
  assert_non_null(own);
  assert_true(str_eq(own->in.cause[0].entity.kind, STR("route")));
  assert_true(str_eq(own->in.cause[0].entity.dim[REC_DIM_ROUTE], STR("GET /3")));
  mesh_bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_part_is_named_while_what_it_calls_is_slow_too),
      cmocka_unit_test(caller_and_callee_are_two),
      cmocka_unit_test(failing_sooner_than_it_waits_is_a_trouble_of_its_own),
      cmocka_unit_test(failing_after_waiting_is_a_consequence),
      cmocka_unit_test(a_callee_alone_is_one),
      cmocka_unit_test(one_route_of_many_is_told_soon),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
