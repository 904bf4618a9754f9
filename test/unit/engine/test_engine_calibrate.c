/* Thresholds against what the traffic itself shows; newborn series; traffic whose reports are missing. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_math.h"
#include "engine_impl.h"
#include "mesh_make.h"

#define S LIMIT_TICKS_PER_S
#define MINUTE (60u * S)
#define WEEK (604800u / 60u) /* minutes */

static const struct mesh_call calls[] = {{0, 1, 1.0}};
static const struct mesh_conf small = {.service_n = 2,
                                       .cluster_n = 1,
                                       .pod_n = 4,
                                       .route_n = 2,
                                       .version_n = 1,
                                       .call = calls,
                                       .call_n = 1,
                                       .entry_per_s = 60.0,
                                       .error_p = 0.01,
                                       .seed = 5};

/* n minutes with `together` excursions each, whose heights above 10 nats are exponential with the given mean, as
 * quantiles; then minutes of nothing. */
static void excursions_put(struct engine *e, uint32_t n, uint32_t together, double mean, uint32_t minutes) {
  uint32_t seq = MINUTE - 1;
  for (uint32_t i = 0; i < n; i++) {
    double over = -mean * math_log(1.0 - ((double)i + 0.5) / (double)n);
    for (uint32_t k = 0; k < together; k++) {
      struct detect_out *out = &e->bucket[k % LIMIT_BUCKETS].out;
      out->excursion[out->excursion_n++] = (struct detect_excursion){
          .series_idx = k, .seq = seq, .top = (float)(DETECT_FREEZE + over), .signal = REC_SIGNAL_LATENCY};
    }
    engine_calibrate_run(e, seq += MINUTE);
  }
  for (uint32_t i = 0; i < minutes; i++) engine_calibrate_run(e, seq += MINUTE);
}

static struct engine_calibration latency_of(const struct engine *e) {
  struct engine_calibration c[REC_SIGNAL_COUNT];
  engine_calibration(e, c);
  return c[REC_SIGNAL_LATENCY];
}

/* A tail as the theory says (mean height 1): nothing is raised. */
static void good_tail_raises_nothing(void **state) {
  (void)state;
  struct engine *e = mesh_engine_open(64);
  excursions_put(e, 320, 1, 1.0, WEEK - 320);
  assert_true(latency_of(e).raised_by == 0.0);
  mesh_engine_close(e);
}

/* A tail twice as long: 640 a week over 10 nats, of which exp(-(c - 10) / 2) pass c. The raise is what makes that one
 * in (number of signals) a week: c + r = 10 + 2 ln(640 / budget). */
static void long_tail_raises(void **state) {
  (void)state;
  struct engine *e = mesh_engine_open(64);
  excursions_put(e, 640, 1, 2.0, WEEK - 640);
  struct engine_calibration c = latency_of(e);
  double want = 10.0 + 2.0 * math_log(640.0 * (double)REC_SIGNAL_COUNT) - c.threshold;
  assert_true(c.raised_by > 0.85 * want && c.raised_by < 1.15 * want);
  assert_true(c.seen[0] == 640.0 && c.seen[3] < 40.0 && c.seen[3] > 25.0);
  mesh_engine_close(e);
}

/* What rises in a hundred series at once is one: a trouble of half an hour that was not told raises nothing. */
static void together_is_one(void **state) {
  (void)state;
  struct engine *e = mesh_engine_open(64);
  excursions_put(e, 30, 100, 6.0, 60);
  struct engine_calibration c = latency_of(e);
  assert_true(c.seen[0] == 3000.0 && c.raised_by == 0.0);
  mesh_engine_close(e);
}

/* Few excursions are not believed, and none that was above while an incident was open, though it ended later. */
static void little_is_not_believed(void **state) {
  (void)state;
  struct engine *e = mesh_engine_open(64);
  excursions_put(e, 40, 1, 6.0, 60);
  assert_true(latency_of(e).raised_by == 0.0);
  e->head.case_[0] = (struct incident_case){.used = 1, .shown = 1};
  excursions_put(e, 640, 1, 6.0, 60);
  assert_true(latency_of(e).seen[0] == 40.0);
  struct detect_out *out = &e->bucket[0].out;
  out->excursion[out->excursion_n++] =
      (struct detect_excursion){.seq = 10 * MINUTE - 2, .top = 20.0f, .signal = REC_SIGNAL_LATENCY};
  engine_calibrate_run(e, 10 * MINUTE - 1);
  e->head.case_[0].used = 0;
  for (uint32_t i = 1; i < 5; i++) engine_calibrate_run(e, (10 + i) * MINUTE - 1);
  assert_int_equal(out->excursion_n, 0);
  assert_true(latency_of(e).seen[0] == 40.0);
  mesh_engine_close(e);
}

/* A pod that appears late knows at once what its siblings know; one in an empty mesh knows nothing. */
static void newborn_pod_takes_over(void **state) {
  (void)state;
  struct mesh m;
  struct mesh_conf conf = small;
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(512);
  struct mesh_fault absent = MESH_FAULT(0, 600 * S);
  absent.service = 1;
  absent.pod = 3;
  absent.traffic = -1.0;
  mesh_fault(&m, absent);
  mesh_run(&m, e, 600 * S + 4);
  uint32_t born = mesh_series(&m, REC_LEVEL_POD, REC_SIDE_SERVER, 1, 0, 0, 3, MESH_ANY),
           old = mesh_series(&m, REC_LEVEL_POD, REC_SIDE_SERVER, 1, 0, 0, 0, MESH_ANY);
  const struct series_state *s = &e->state[born], *o = &e->state[old];
  assert_true(s->used && m.seq - s->born_seq < 8);
  assert_true(s->requests > 100.0f); /* siblings are alike: a strong prior */
  double p = (double)s->ratio[0].a / (double)s->requests, q = (double)o->ratio[0].a / (double)o->requests;
  assert_true(p > 0.6 * q && p < 1.6 * q);
  assert_true(s->latency.total >= 100.0f);
  assert_true(s->latency.mean_s > 0.8f * o->latency.mean_s && s->latency.mean_s < 1.2f * o->latency.mean_s);
  mesh_engine_close(e);
  mesh_close(&m);
}

/* Half of one service's reports are lost, which is said: no incident of traffic, and nothing is unlearned. */
static void lost_reports_are_no_drop(void **state) {
  (void)state;
  struct mesh m;
  struct mesh_conf conf = small;
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(512);
  struct mesh_fault loss = MESH_FAULT(300 * S, 420 * S);
  loss.service = 0;
  loss.traffic = 0.5;
  mesh_fault(&m, loss);
  mesh_run(&m, e, 300 * S);
  uint32_t idx = mesh_series(&m, REC_LEVEL_SERVICE, REC_SIDE_SERVER, 0, MESH_ANY, MESH_ANY, MESH_ANY, MESH_ANY);
  double before = (double)e->state[idx].rate.a / (double)e->state[idx].rate.b;
  struct rec_gap gap = {.node = STR("s0-c0-p0"),
                        .ns = STR("shop"),
                        .service = STR("s0"),
                        .expected = 240,
                        .lost = 120,
                        .reason = REC_GAP_LOSS};
  for (uint32_t i = 0; i < 120; i++) {
    m.head = (struct rec_head_batch){.gap = &gap, .gap_n = 1};
    mesh_run(&m, e, S);
  }
  struct engine_gap told[4];
  assert_int_equal(engine_telemetry(e, told, 4), 1);
  assert_string_equal(told[0].service, "s0");
  assert_true(told[0].lost_share == 0.5);
  for (uint32_t i = 0; i < m.seen_n; i++) assert_int_equal(m.seen[i].in.verdict, REC_VERDICT_EXPECTED);
  gap = (struct rec_gap){.node = STR("s0-c0-p0"), .reason = REC_GAP_WHOLE};
  m.head = (struct rec_head_batch){.gap = &gap, .gap_n = 1};
  mesh_run(&m, e, 60 * S);
  assert_int_equal(engine_telemetry(e, told, 4), 0);
  double after = (double)e->state[idx].rate.a / (double)e->state[idx].rate.b;
  assert_true(after > 0.93 * before && after < 1.07 * before);
  mesh_engine_close(e);
  mesh_close(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_tail_raises_nothing), cmocka_unit_test(long_tail_raises),
      cmocka_unit_test(together_is_one),          cmocka_unit_test(little_is_not_believed),
      cmocka_unit_test(newborn_pod_takes_over),   cmocka_unit_test(lost_reports_are_no_drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
