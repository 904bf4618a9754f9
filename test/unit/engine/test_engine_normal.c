/* The bands and smallest effects that the API tells: seconds of healthy life lie inside, a failure of the size that is
 * said to show does show, and nothing is told of what is not learned. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "engine.h"
#include "mesh_make.h"

#define S LIMIT_TICKS_PER_S
#define LEARN_S 600u
#define WATCH_S 600u

static const struct mesh_call calls[] = {{0, 1, 1.0}};
static const struct mesh_conf small = {.service_n = 2,
                                       .cluster_n = 1,
                                       .pod_n = 2,
                                       .route_n = 1,
                                       .version_n = 1,
                                       .call = calls,
                                       .call_n = 1,
                                       .entry_per_s = 80.0,
                                       .error_p = 0.01,
                                       .seed = 7};

struct second {
  double requests, errors, latency_s;
};

/* One second of one series, as the ticks have it. */
static struct second second_run(struct mesh *m, struct engine *e, uint32_t idx) {
  double n = 0, bad = 0, fine = 0, sum_s = 0;
  for (unsigned t = 0; t < S; t++) {
    mesh_draw(m);
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      for (size_t i = 0; i < m->batch[b].obs_n; i++) {
        const struct rec_obs *o = &m->batch[b].obs[i];
        if (o->series_idx != idx) continue;
        for (unsigned c = 0; c < REC_CLASS_COUNT; c++) {
          n += o->class_n[c];
          if (rec_class_failed(c)) bad += o->class_n[c];
        }
        fine += o->class_n[REC_CLASS_OK];
        sum_s += (double)o->latency_sum_ns / 1e9;
      }
    }
    mesh_feed(m, e);
  }
  return (struct second){n, n > 0 ? bad / n : 0, fine > 0 ? sum_s / fine : 0};
}

static bool inside(double v, struct engine_band b) {
  return v >= b.low && v <= b.high;
}

static void healthy_seconds_lie_inside(void **state) {
  (void)state;
  struct mesh m;
  struct engine *e = mesh_engine_open(256);
  unsigned in[3] = {0};
  mesh_open(&m, &small);
  mesh_run(&m, e, LEARN_S * S);
  uint32_t idx = mesh_series(&m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 1, MESH_ANY, MESH_ANY, MESH_ANY, MESH_ANY);
  struct engine_normal n;
  for (unsigned s = 0; s < WATCH_S; s++) {
    assert_true(engine_series_normal(e, idx, 1, &n));
    struct second seen = second_run(&m, e, idx);
    in[0] += inside(seen.requests, n.requests_per_s);
    in[1] += inside(seen.errors, n.error_ratio);
    in[2] += inside(seen.latency_s, n.latency_mean_s);
  }
  /* Three standard deviations hold 99.7 % of a normal distribution's seconds, of a skewed one's some fewer. */
  for (unsigned k = 0; k < 3; k++) assert_in_range(in[k], (uintmax_t)(0.98 * WATCH_S), WATCH_S);
  assert_true(n.requests_per_s.low > 30 && n.requests_per_s.high < 140); /* and they are no wider than they must be */
  assert_true(n.error_ratio.high < 0.08);
  struct engine_normal ten;
  assert_true(engine_series_normal(e, idx, 10, &ten)); /* ten seconds scatter less */
  assert_true(ten.requests_per_s.high - ten.requests_per_s.low < 0.7 * (n.requests_per_s.high - n.requests_per_s.low));
  assert_true(ten.error_ratio.high < n.error_ratio.high);
  mesh_close(&m);
  mesh_engine_close(e);
}

static void what_is_said_to_show_shows(void **state) {
  (void)state;
  struct mesh m;
  struct engine *e = mesh_engine_open(256);
  struct engine_normal n;
  mesh_open(&m, &small);
  mesh_run(&m, e, LEARN_S * S);
  uint32_t idx = mesh_series(&m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 1, MESH_ANY, MESH_ANY, MESH_ANY, MESH_ANY);
  assert_true(engine_series_normal(e, idx, 1, &n));
  assert_true(n.smallest_error_ratio > 0.01 && n.smallest_error_ratio < 0.2);
  assert_true(n.smallest_fewer > 0 && n.smallest_fewer < 1 && n.smallest_more > 1 && n.smallest_slower > 1);
  struct mesh_fault f = MESH_FAULT(m.seq, m.seq + 120 * S);
  f.service = 1;
  f.fail_p = 1.3 * n.smallest_error_ratio;
  f.class_ = REC_CLASS_SERVER_ERROR;
  mesh_fault(&m, f);
  mesh_run(&m, e, 90 * S);
  struct engine_rate r;
  assert_true(engine_series_rate(e, idx, &r));
  assert_true(r.alarming);
  mesh_close(&m);
  mesh_engine_close(e);
}

static void nothing_is_said_of_the_unknown(void **state) {
  (void)state;
  struct mesh m;
  struct engine *e = mesh_engine_open(256);
  struct engine_normal n;
  assert_false(engine_series_normal(e, 0, 1, &n));
  mesh_open(&m, &small);
  mesh_run(&m, e, 60 * S);
  assert_true(engine_series_normal(e, 0, 1, &n));
  assert_false(engine_series_normal(e, 0, 0, &n));
  assert_false(engine_series_normal(e, 255, 1, &n));
  assert_false(engine_series_normal(e, REC_SERIES_NONE, 1, &n));
  mesh_close(&m);
  mesh_engine_close(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(healthy_seconds_lie_inside),
      cmocka_unit_test(what_is_said_to_show_shows),
      cmocka_unit_test(nothing_is_said_of_the_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
