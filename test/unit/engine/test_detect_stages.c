/* Means by stage in 16 bits, against the same means in doubles without rounding. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */
#include "base_math.h"
#include "detect_stages.h"
#include "detect_step.h"
#include "mesh_rng.h"

#define WINDOW (10u * LIMIT_TICKS_PER_S)

/* The slow exact version: the same definitions, nothing rounded. */
struct exact {
  double usual[SERIES_STAGES], recent[SERIES_STAGES], near;
  bool known;
};

static void exact_add(struct exact *x, const double sum_us[SERIES_STAGES], uint32_t n, uint32_t dt) {
  double faded = x->near * math_exp(-(double)dt / 12.0), least = x->near < 8.0 ? x->near : 8.0;
  x->near = (faded > least ? faded : least) + n;
  for (unsigned i = 0; i < SERIES_STAGES; i++) x->recent[i] += (sum_us[i] / n - x->recent[i]) * n / x->near;
}

static void exact_window(struct exact *x, double weight) {
  for (unsigned i = 0; i < SERIES_STAGES; i++)
    x->usual[i] = x->known ? x->usual[i] + (x->recent[i] - x->usual[i]) * weight : x->recent[i];
  x->known = true;
}

/* A request of such means, in us, that scatter by half. At the caller; what the last stage has is in the whole alone.
 */
static void drawn(struct mesh_rng *rng, const double mean_us[SERIES_STAGES], uint32_t n, struct rec_obs *o,
                  double sum_us[SERIES_STAGES]) {
  static const uint8_t stage[] = {REC_STAGE_BEFORE, REC_STAGE_RETRIED, REC_STAGE_SEND, REC_STAGE_WAIT,
                                  REC_STAGE_RECEIVE};
  *o = (struct rec_obs){0};
  memset(sum_us, 0, SERIES_STAGES * sizeof *sum_us);
  for (uint32_t k = 0; k < n; k++)
    for (unsigned i = 0; i < SERIES_STAGES; i++) {
      uint64_t ns = (uint64_t)(1e3 * mean_us[i] * (0.5 + rng_unit(rng)));
      if (i < sizeof stage) o->stage_ns[stage[i]] += ns;
      o->latency_sum_ns += ns;
      sum_us[i] += 1e-3 * (double)ns;
    }
}

struct pair {
  struct series_stages d;
  struct exact x;
  struct mesh_rng rng;
  uint32_t seq, last;
};

static void pair_open(struct pair *p, uint64_t seed) {
  *p = (struct pair){.rng.at = seed};
  detect_stages_init(&p->d);
}

static void pair_tick(struct pair *p, const double mean_us[SERIES_STAGES], double per_s, double weight) {
  uint32_t n = rng_poisson(&p->rng, per_s / LIMIT_TICKS_PER_S);
  struct rec_obs o;
  double sum_us[SERIES_STAGES];
  if (n) {
    drawn(&p->rng, mean_us, n, &o, sum_us);
    detect_stages_add(&p->d, REC_SIDE_CLIENT, &o, n, p->seq - p->last, p->seq);
    exact_add(&p->x, sum_us, n, p->seq - p->last);
    p->last = p->seq;
  }
  if ((p->seq + 1) % WINDOW == 0 && p->seq - p->last < WINDOW && p->x.near > 0.0) {
    detect_stages_window(&p->d, weight, p->seq);
    exact_window(&p->x, weight);
  }
  p->seq++;
}

static void assert_near(double got_s, double want_us, double rel, double abs_us) {
  double off = 1e6 * got_s - want_us;
  if (off < 0) off = -off;
  if (off > rel * want_us + abs_us) print_error("%g us, exact %g us\n", 1e6 * got_s, want_us);
  assert_true(off <= rel * want_us + abs_us);
}

/* Over hours, at high and low rates, from microseconds to minutes. */
static void follows_the_exact_version(void **state) {
  (void)state;
  static const double mean[][SERIES_STAGES] = {
      {300, 0, 100, 20000, 120, 90}, {3, 5, 2, 8, 1, 1}, {4e6, 1e6, 2e5, 9e7, 4100, 4095}};
  static const double per_s[] = {100.0, 0.3, 5000.0};
  for (unsigned c = 0; c < 3; c++) {
    struct pair p;
    pair_open(&p, 5 + c);
    for (uint32_t t = 0; t < (c == 2 ? 4800u : 28800u); t++) pair_tick(&p, mean[c], per_s[c], 1.0 / 361.0);
    assert_true(detect_stages_known(&p.d));
    for (unsigned i = 0; i < SERIES_STAGES; i++) {
      assert_near(detect_stages_recent_s(&p.d, i), p.x.recent[i], 0.003, 1.5);
      assert_near(detect_stages_usual_s(&p.d, i), p.x.usual[i], 0.003, 1.5);
    }
  }
}

/* Steps below what 16 bits can hold are not lost: a slow rise by a fifth is followed. */
static void small_steps_add_up(void **state) {
  (void)state;
  struct pair p;
  pair_open(&p, 9);
  double mean[SERIES_STAGES] = {300, 0, 100, 40000, 120, 90};
  for (uint32_t t = 0; t < 4800; t++) pair_tick(&p, mean, 50.0, 0.05);
  for (uint32_t t = 0; t < 57600; t++) {
    mean[SERIES_STAGE_WAIT] += 8000.0 / 57600.0;
    pair_tick(&p, mean, 50.0, 1.0 / 361.0);
  }
  assert_near(detect_stages_usual_s(&p.d, SERIES_STAGE_WAIT), p.x.usual[SERIES_STAGE_WAIT], 0.002, 0.0);
  assert_true(detect_stages_usual_s(&p.d, SERIES_STAGE_WAIT) > 0.044);
}

/* After a step by 80 ms, nine tenths of it within seven seconds, and none of it in what is usual. */
static void a_step_shows_within_seconds(void **state) {
  (void)state;
  struct pair p;
  pair_open(&p, 3);
  double mean[SERIES_STAGES] = {300, 0, 100, 20000, 120, 90};
  for (uint32_t t = 0; t < 2400; t++) pair_tick(&p, mean, 100.0, 1.0 / 61.0);
  mean[SERIES_STAGE_WAIT] += 80000.0;
  for (uint32_t t = 0; t < 28; t++) pair_tick(&p, mean, 100.0, 1.0 / 61.0);
  double usual = detect_stages_usual_s(&p.d, SERIES_STAGE_WAIT), now = detect_stages_recent_s(&p.d, SERIES_STAGE_WAIT);
  assert_true(usual > 0.0194 && usual < 0.0206);
  assert_true(now - usual > 0.072 && now - usual < 0.084);
  detect_stages_adopt(&p.d);
  assert_true(detect_stages_usual_s(&p.d, SERIES_STAGE_WAIT) == now);
}

/* The callee's end has no tries of its own, and its last stage is what it holds back. */
static void each_end_has_its_stages(void **state) {
  (void)state;
  struct series_stages d;
  struct rec_obs o = {.latency_sum_ns = 100000000,
                      .stage_ns = {[REC_STAGE_BEFORE] = 1000000,
                                   [REC_STAGE_RETRIED] = 2000000,
                                   [REC_STAGE_SEND] = 3000000,
                                   [REC_STAGE_WAIT] = 40000000,
                                   [REC_STAGE_PASS] = 5000000,
                                   [REC_STAGE_RECEIVE] = 6000000}};
  static const double client[] = {1, 2, 3, 40, 6, 48}, server[] = {3, 0, 3, 40, 6, 5};
  for (unsigned side = 0; side < REC_SIDE_COUNT; side++) {
    detect_stages_init(&d);
    detect_stages_add(&d, side, &o, 1, 1, 7);
    for (unsigned i = 0; i < SERIES_STAGES; i++)
      assert_near(detect_stages_recent_s(&d, i), 1e3 * (side == REC_SIDE_CLIENT ? client : server)[i], 0.0003, 1.0);
  }
}

/* Reporters that tell no moments leave it unknown: all of their time would look like the proxy's own. */
static void without_moments_nothing_is_known(void **state) {
  (void)state;
  struct series_stages d;
  struct rec_obs o = {.latency_sum_ns = 100000000};
  detect_stages_init(&d);
  detect_stages_add(&d, REC_SIDE_CLIENT, &o, 1, 1, 7);
  detect_stages_window(&d, 0.5, 39);
  assert_false(detect_stages_known(&d));
}

/* One second of an edge, as the step sees it. */
static void edge_run(struct series_state *s, uint32_t *seq, uint32_t ticks, uint64_t wait_ns) {
  struct detect_signal signal[64];
  static struct detect_out out;
  struct detect_context ctx = {.rates = true, .log_c = {22, 22, 22}};
  for (uint32_t t = 0; t < ticks; t++, ++*seq) {
    struct rec_hist_cell cell = {hist_bucket(wait_ns + 1000000), 25};
    struct rec_obs o = {.hist_n = 1, .latency_sum_ns = 25 * (wait_ns + 1000000), .class_n = {[REC_CLASS_OK] = 25}};
    o.stage_ns[REC_STAGE_BEFORE] = 25 * 500000;
    o.stage_ns[REC_STAGE_WAIT] = 25 * wait_ns;
    out = (struct detect_out){.signal = signal, .cap = 64};
    ctx.seq = *seq;
    detect_series_step(s, &o, &cell, &ctx, &out);
  }
}

/* An edge learns like its latency: not while that is suspect, and not while it is held. */
static void nothing_is_learned_from_a_trouble(void **state) {
  (void)state;
  for (unsigned side = 0; side < REC_SIDE_COUNT; side++) {
    struct series_state s = {0};
    struct rec_series who = {.level = REC_LEVEL_EDGE, .side = (uint8_t)side};
    uint32_t seq = 0;
    detect_series_init(&s, &who, 0);
    edge_run(&s, &seq, 2400, 20000000);
    assert_near(detect_stages_usual_s(&s.extra.flow.stages, SERIES_STAGE_WAIT), 20000.0, 0.002, 0.0);
    edge_run(&s, &seq, 1200, 100000000); /* five minutes of 80 ms more */
    assert_near(detect_stages_recent_s(&s.extra.flow.stages, SERIES_STAGE_WAIT), 100000.0, 0.002, 0.0);
    assert_near(detect_stages_usual_s(&s.extra.flow.stages, SERIES_STAGE_WAIT), 20000.0, 0.1, 0.0);
    edge_run(&s, &seq, 2400, 20000000);
    s.learn_from = seq + 100000;
    uint16_t before = s.extra.flow.stages.usual[SERIES_STAGE_WAIT];
    edge_run(&s, &seq, 1200, 20500000); /* too little to be suspect, but an incident is open over it */
    assert_int_equal(s.extra.flow.stages.usual[SERIES_STAGE_WAIT], before);
    s.learn_from = 0;
    edge_run(&s, &seq, 1200, 20500000);
    assert_true(s.extra.flow.stages.usual[SERIES_STAGE_WAIT] > before);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(follows_the_exact_version),        cmocka_unit_test(small_steps_add_up),
      cmocka_unit_test(a_step_shows_within_seconds),      cmocka_unit_test(each_end_has_its_stages),
      cmocka_unit_test(without_moments_nothing_is_known), cmocka_unit_test(nothing_is_learned_from_a_trouble),
  };
  return cmocka_run_group_tests_name("detect_stages", tests, NULL, NULL);
}
