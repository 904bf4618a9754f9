/* The load curve of a service: how much slower more traffic alone may make it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "engine_impl.h"
#include "mesh_make.h"

#define S LIMIT_TICKS_PER_S

static void near_to(double a, double b) {
  assert_true(a > b - 0.002 && a < b + 0.002);
}

/* Without history: beta = 0.75 with sd 0.4, and clusters that differ by half of that: sd 0.548. A fifth more requests
 * may take 1.2 / (1 - 1.846 * 0.2) times as long. */
static void worked_example(void **state) {
  (void)state;
  struct incident_head *h = calloc(1, sizeof *h);
  assert_non_null(h);
  near_to(incident_load_band(h, 0, 1.0, true), 1.2);
  near_to(incident_load_band(h, 0, 1.2, true), 1.2 / (1.0 - 1.8466 * 0.2));
  near_to(incident_load_band(h, 0, 9.0, true), 12.0);
  /* sum x^2 = 4, sum x y = 2, sum y^2 = 2.04, 100 minutes. Least squares: beta = 0.5, residual 1.04, and with four
   * minutes of 0.01 a variance of 1.08 / 104 = 0.010385; the prior is worth 0.010385 / 0.16 = 0.0649 of x^2. */
  h->load[1] = (struct incident_load){4.0f, 2.0f, 2.04f, 100.0f, 0.0f};
  double one = 1.08 / 104.0, prior = one / 0.16, beta = (2.0 + prior * 0.75) / (4.0 + prior);
  double sd = 0.25702; /* sqrt(0.010385 / 4.0649 + 0.252^2) */
  near_to(beta, 0.50399);
  near_to(incident_load_band(h, 1, 1.5, true), 1.2 / (1.0 - (beta + 2.0 * sd) * 0.5));
  /* All of the spread may be chance: it cannot make the slope more than twice as steep. */
  h->load[2] = (struct incident_load){4.0f, 2.0f, 2.04f, 100.0f, 4.5f};
  beta = (2.0 + prior * 0.75) / (2.0 + prior);
  sd = 0.50111; /* sqrt(0.010385 / 2.0649 + 0.49607^2) */
  near_to(beta, 0.99214);
  near_to(incident_load_band(h, 2, 1.3, true), 1.2 / (1.0 - (beta + 2.0 * sd) * 0.3));
  free(h);
}

/* Traffic that comes and goes by half while durations stay the same: the band gets narrow, as the service is never
 * slower for it. */
static void a_service_that_is_not_slowed_has_a_narrow_band(void **state) {
  (void)state;
  struct mesh m;
  struct mesh_conf conf = {
      .service_n = 1, .cluster_n = 2, .pod_n = 1, .route_n = 1, .version_n = 1, .entry_per_s = 100.0, .seed = 3};
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(64);
  for (uint32_t k = 0; k < MESH_FAULTS; k++) {
    struct mesh_fault f = MESH_FAULT((10 + 4 * k) * 60 * S, (12 + 4 * k) * 60 * S);
    f.traffic = k % 2 ? 0.6 : 1.5;
    mesh_fault(&m, f);
  }
  mesh_run(&m, e, 75 * 60 * S);
  assert_true(incident_load_band(&e->head, 0, 1.5, true) < 1.5);
  assert_true(incident_load_band(&e->head, 0, 1.5, true) >= 1.2);
  mesh_engine_close(e);
  mesh_close(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(worked_example),
      cmocka_unit_test(a_service_that_is_not_slowed_has_a_narrow_band),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
