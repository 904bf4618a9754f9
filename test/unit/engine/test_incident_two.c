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

struct bed {
  struct mesh m;
  struct engine *e;
};

static void bed_open(struct bed *b, double entry_per_s, uint32_t route_n) {
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
  mesh_open(&b->m, &conf);
  b->e = mesh_engine_open(2048);
}

static void bed_close(struct bed *b) {
  mesh_engine_close(b->e);
  mesh_close(&b->m);
}

static void slow(struct bed *b, uint32_t from, uint32_t to, uint32_t service, uint32_t cluster, uint32_t route,
                 double ms, double share) {
  struct mesh_fault f = MESH_FAULT(from, to);
  f.service = service;
  f.cluster = cluster;
  f.route = route;
  f.slow_ms = ms;
  f.slow_p = share;
  mesh_fault(&b->m, f);
}

/* The unhealthy incident whose first cause is at the service; NULL where there is none. */
static const struct mesh_seen *of_service(const struct bed *b, const char *name) {
  for (uint32_t i = 0; i < b->m.seen_n; i++) {
    const struct rec_incident *in = &b->m.seen[i].in;
    if (in->verdict == REC_VERDICT_UNHEALTHY && in->cause_n &&
        str_eq(in->cause[0].entity.dim[REC_DIM_SERVICE], str_of(name)))
      return &b->m.seen[i];
  }
  return NULL;
}

/* What s1 waits for longer is the same in all of its clusters; one of them is slow by itself, too, for 100 s. It keeps
 * its name when that is over, and its end is there and not where the other trouble ends. */
static void a_part_is_named_while_what_it_calls_is_slow_too(void **state) {
  (void)state;
  struct bed b;
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
  bed_close(&b);
}

/* One request in seven of one route of thirty is slow: of the service's requests one in two hundred. */
static void one_route_of_many_is_told_soon(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b, 300.0, 30);
  slow(&b, AT, AT + 90 * S, 2, MESH_ANY, 3, 30.0, 0.15);
  mesh_run(&b.m, b.e, AT + 45 * S);
  const struct mesh_seen *own = of_service(&b, "s2");
  assert_non_null(own);
  assert_true(str_eq(own->in.cause[0].entity.kind, STR("route")));
  assert_true(str_eq(own->in.cause[0].entity.dim[REC_DIM_ROUTE], STR("GET /3")));
  bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_part_is_named_while_what_it_calls_is_slow_too),
      cmocka_unit_test(one_route_of_many_is_told_soon),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
