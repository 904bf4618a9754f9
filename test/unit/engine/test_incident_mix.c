/* A service is slower in the mean, as the quick half of its requests stays away: nothing is wrong with it. */
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
#define EVER (100000u * S)
#define SEED 83u

/* Of the three routes of s1, one takes so much more and fails so often, ever. */
static void bed_open(struct mesh_bed *b, double slow_ms, double fail_p) {
  static const struct mesh_call calls[] = {{0, 1, 1.0}};
  static const struct mesh_conf conf = {.service_n = 2,
                                        .cluster_n = 2,
                                        .pod_n = 2,
                                        .route_n = 3,
                                        .version_n = 1,
                                        .call = calls,
                                        .call_n = 1,
                                        .entry_per_s = 40.0,
                                        .error_p = 0.001,
                                        .seed = SEED};
  mesh_bed_open(b, &conf, 1024);
  struct mesh_fault f = mesh_fault_of(0, EVER, 1);
  f.route = 2;
  f.slow_ms = slow_ms;
  f.slow_p = 1.0;
  f.fail_p = fail_p;
  f.class_ = REC_CLASS_SERVER_ERROR;
  f.borne = true;
  mesh_fault(&b->m, f);
}

/* And at AT the other two are gone. */
static void others_stay_away(struct mesh_bed *b, double slow_ms, double fail_p) {
  bed_open(b, slow_ms, fail_p);
  for (uint32_t r = 0; r < 2; r++) {
    struct mesh_fault f = mesh_fault_of(AT, EVER, 1);
    f.route = r;
    f.traffic = -1.0;
    mesh_fault(&b->m, f);
  }
}

static bool is_about(const struct rec_incident *in, const char *kind) {
  return !strcmp(in->kind, kind) && in->cause_n && str_eq(in->cause[0].entity.dim[REC_DIM_SERVICE], str_of("s1"));
}

/* How many of that kind about s1 were ever unhealthy; *told: or told at all, for the mix of its requests. */
static uint32_t run_and_count(struct mesh_bed *b, uint32_t ticks, const char *kind, bool *told) {
  bool bad[MESH_SEEN] = {false};
  uint32_t n = 0;
  *told = false;
  for (; ticks; ticks--) {
    mesh_run(&b->m, b->e, 1);
    for (uint32_t i = 0; i < b->m.seen_n; i++) {
      const struct rec_incident *in = &b->m.seen[i].in;
      if (!is_about(in, kind)) continue;
      bad[i] |= in->verdict == REC_VERDICT_UNHEALTHY;
      *told |= in->verdict == REC_VERDICT_EXPECTED && strstr(in->summary, "other requests than usual");
    }
  }
  for (uint32_t i = 0; i < b->m.seen_n; i++) n += bad[i];
  return n;
}

static void another_mix_is_no_slowness(void **state) {
  (void)state;
  bool told;
  struct mesh_bed b;
  others_stay_away(&b, 40.0, 0.0);
  assert_int_equal(run_and_count(&b, AT + 120 * S, "latency", &told), 0);
  assert_true(told);
  mesh_bed_close(&b);
}

static void another_mix_is_no_failing(void **state) {
  (void)state;
  bool told;
  struct mesh_bed b;
  others_stay_away(&b, 0.0, 0.3);
  assert_int_equal(run_and_count(&b, AT + 120 * S, "errors", &told), 0);
  mesh_bed_close(&b);
}

/* What is slow while the mix moves is slow all the same. */
static void slowness_under_another_mix_is_one(void **state) {
  (void)state;
  bool told;
  struct mesh_bed b;
  others_stay_away(&b, 40.0, 0.0);
  struct mesh_fault f = mesh_fault_of(AT + 30 * S, EVER, 1);
  f.slow_ms = 100.0; /* the slow route's 40 are in it */
  f.slow_p = 1.0;
  mesh_fault(&b.m, f);
  assert_int_equal(run_and_count(&b, AT + 120 * S, "latency", &told), 1);
  mesh_bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(another_mix_is_no_slowness),
      cmocka_unit_test(another_mix_is_no_failing),
      cmocka_unit_test(slowness_under_another_mix_is_one),
  };
  return cmocka_run_group_tests_name("incident_mix", tests, NULL, NULL);
}
