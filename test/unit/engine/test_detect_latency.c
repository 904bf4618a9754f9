/* Durations: the scores against a slow exact form, delays, what is learned, and the end. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_math.h"
#include "detect_latency.h"
#include "detect_zone.h"
#include "mesh_rng.h"

struct one {
  struct series_latency d;
  struct mesh_rng rng;
  uint32_t seq;
};

/* n requests whose buckets are mid plus a sum of nine coins; `up` buckets later for a share of them. */
static struct detect_verdict step(struct one *o, uint32_t n, uint32_t mid, uint32_t up, double share) {
  struct rec_hist_cell cell[HIST_BUCKETS];
  uint32_t hist[HIST_BUCKETS] = {0}, cells = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t j = mid + (uint32_t)__builtin_popcountll(rng_next(&o->rng) & 0x1ff) + (rng_unit(&o->rng) < share ? up : 0);
    hist[j < HIST_BUCKETS ? j : HIST_BUCKETS - 1]++;
  }
  for (uint32_t j = 0; j < HIST_BUCKETS; j++)
    if (hist[j]) cell[cells++] = (struct rec_hist_cell){j, hist[j]};
  struct detect_verdict v =
      detect_latency_step(&o->d, cell, cells, n, n * 0.005, 22.0, true, o->seq, 1, o->seq - 1, true);
  o->seq++;
  if (o->seq % 40 == 0) detect_latency_window(&o->d, 1.0f / (1.0f + (float)o->seq / 40.0f));
  if (o->seq % 240 == 0) detect_latency_minute(&o->d, 1.0f / (1.0f + (float)o->seq / 240.0f));
  return v;
}

static struct one learned(uint64_t seed, uint32_t n, uint32_t ticks) {
  struct one o = {.rng = {seed}, .seq = 1};
  detect_latency_init(&o.d, 0);
  for (; ticks; ticks--) assert_int_equal(step(&o, n, 15, 0, 0.0).event, DETECT_NOTHING);
  return o;
}

struct slow {
  double mu, sd, z[4], norm[4];
};

static double score(const struct slow *s, uint32_t j) {
  double at = ((double)j - s->mu) / s->sd;
  return at < -4.0 ? -4.0 : at > 6.0 ? 6.0 : at;
}

static const double eta[4] = {0.25, 0.5, 1.0, 2.0};

/* The derived numbers again, from the learned distribution as it stands. */
static struct slow slow_of(const struct series_latency *d) {
  struct slow s = {0};
  double total = 0.0, v = 0.0;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) total += (double)d->p[j];
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) s.mu += (double)d->p[j] * j / total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) v += (double)d->p[j] * (j - s.mu) * (j - s.mu) / total;
  s.sd = math_sqrt(v) > 0.5 ? math_sqrt(v) : 0.5;
  for (unsigned k = 0; k < 4; k++) {
    double sum = 0.0;
    for (uint32_t j = 0; j < HIST_BUCKETS; j++) sum += (double)d->p[j] / total * math_exp(eta[k] * score(&s, j));
    s.norm[k] = math_log(sum);
  }
  double wander = math_sqrt((double)d->zeta2 + 4.0 * (double)d->phi / total);
  for (unsigned k = 0; k < 4; k++) s.z[k] = 3.0 * math_sqrt((double)d->phi / total) + detect_zone(eta[k], wander);
  return s;
}

/* l of one request in bucket j, and E exp(l) of one request: exp(-eta z) under what was learned, at most one where the
 * mean score stands at the edge of the zone. */
static void scores_equal_a_slow_form(void **state) {
  (void)state;
  struct one o = learned(1, 20, 2000);
  o.d.phi = 1.0f;
  o.d.tail_phi_q8 = 256;
  struct slow s = slow_of(&o.d);
  double mean[4] = {0}, edge[4] = {0}, total = (double)o.d.total, tilt[4] = {0};
  for (uint32_t j = 0; j < HIST_BUCKETS; j++)
    for (unsigned k = 0; k < 4; k++) tilt[k] += (double)o.d.p[j] / total * math_exp(s.z[k] * score(&s, j));
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    struct series_latency one = o.d;
    struct rec_hist_cell cell = {j, 1};
    if (o.d.p[j] < 1e-3f) continue;
    detect_alarm_clear(one.g, SERIES_LATENCY_ALTS, &one.alarm, &one.best, 0);
    (void)detect_latency_step(&one, &cell, 1, 1, 0.005, 1e30, false, o.seq, 1, o.seq, true);
    for (unsigned k = 0; k < 4; k++) {
      double want = eta[k] * (score(&s, j) - s.z[k]) - s.norm[k], p = (double)o.d.p[j] / total;
      assert_true((double)one.g[k] - want < 2e-2 && want - (double)one.g[k] < 2e-2); /* derived a little earlier */
      mean[k] += p * math_exp((double)one.g[k]);
      edge[k] += p * math_exp(s.z[k] * score(&s, j)) / tilt[k] * math_exp((double)one.g[k]);
    }
  }
  for (unsigned k = 0; k < 4; k++) {
    assert_true(mean[k] < math_exp(-eta[k] * s.z[k]) + 1e-2 && mean[k] > math_exp(-eta[k] * s.z[k]) - 1e-2);
    assert_true(edge[k] < 1.05);
  }
}

static void tails_have_mean_below_one(void **state) {
  (void)state;
  struct one o = learned(2, 20, 2000);
  double mean[2] = {0}, total = (double)o.d.total;
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) {
    struct series_latency one = o.d;
    struct rec_hist_cell cell = {j, 1};
    if (o.d.p[j] <= 0.0f) continue;
    detect_alarm_clear(one.g, SERIES_LATENCY_ALTS, &one.alarm, &one.best, 0);
    (void)detect_latency_step(&one, &cell, 1, 1, 0.005, 1e30, false, o.seq, 1, o.seq, true);
    for (unsigned t = 0; t < 2; t++)
      mean[t] += (double)o.d.p[j] / total * math_exp((double)one.g[SERIES_TILT_ALTS + t]);
  }
  assert_true(mean[0] <= 1.0 && mean[0] > 0.9 && mean[1] <= 1.0 && mean[1] > 0.9);
  double above[2] = {0};
  for (unsigned t = 0; t < 2; t++)
    for (uint32_t j = o.d.tail_from[t]; j < HIST_BUCKETS; j++) above[t] += (double)o.d.p[j] / total;
  assert_true(above[0] <= 0.01 && above[1] <= 0.002 && o.d.tail_from[0] <= o.d.tail_from[1]);
}

/* 4 buckets are an octave: x2. Seven are about x3.4. */
static void slowness_is_found_in_time(void **state) {
  (void)state;
  static const struct {
    uint32_t n, up;
    double share;
    uint32_t ticks, off;
  } cases[] = {
      {12, 7, 1.0, 4, 1},     /* 50 a second, all three times slower: within a second */
      {3, 7, 1.0, 12, 3},     /* 12 a second */
      {50, 3, 1.0, 12, 3},    /* x1.7 */
      {50, 16, 0.10, 12, 4},  /* one in ten sixteen times slower: 3 s */
      {50, 16, 0.02, 60, 20}, /* one in fifty: 15 s */
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (uint64_t seed = 1; seed <= 10; seed++) {
      struct one o = learned(seed, cases[i].n, 4800);
      uint32_t from = o.seq;
      struct detect_verdict v = {0};
      while (v.event != DETECT_RAISED && o.seq < from + 2000) v = step(&o, cases[i].n, 15, cases[i].up, cases[i].share);
      uint32_t off = v.from_seq > from ? v.from_seq - from : from - v.from_seq, ticks = o.seq - from;
      if (ticks > cases[i].ticks || off > cases[i].off)
        print_error("case %u: %u ticks, onset off by %u\n", i, ticks, off);
      assert_true(ticks <= cases[i].ticks && off <= cases[i].off);
    }
}

static void faster_is_no_alarm(void **state) {
  (void)state;
  struct one o = learned(5, 20, 4800);
  for (unsigned i = 0; i < 400; i++) assert_int_equal(step(&o, 20, 8, 0, 0.0).event, DETECT_NOTHING);
}

static void slow_half_hour_is_not_learned_and_its_end_is_exact(void **state) {
  (void)state;
  struct one o = learned(6, 20, 4800);
  double p50 = detect_latency_quantile_s(&o.d, 0.5);
  unsigned over = 0;
  for (uint32_t i = 0; i < 7200; i++) over += step(&o, 20, 15, 7, 1.0).event == DETECT_OVER;
  assert_int_equal(over, 0);
  double after = detect_latency_quantile_s(&o.d, 0.5);
  assert_true(after < 1.05 * p50 && after > 0.95 * p50);
  uint32_t end = o.seq;
  struct detect_verdict v = {0};
  while (v.event != DETECT_OVER && o.seq < end + 100) v = step(&o, 20, 15, 0, 0.0);
  assert_int_equal(v.from_seq, end);
  assert_true(o.seq - end <= 8);
}

/* The derived numbers follow what is learned at any rate, also where an hour holds millions of requests. */
static void derived_numbers_follow_at_high_rates(void **state) {
  (void)state;
  struct one o = {.rng = {7}, .seq = 1};
  detect_latency_init(&o.d, 0);
  struct rec_hist_cell cell[3];
  for (; o.seq < 40000; o.seq++) {
    double drift = o.seq < 20000 ? 0.0 : (o.seq - 20000) / 20000.0;
    uint32_t moved = (uint32_t)(200.0 * drift);
    cell[0] = (struct rec_hist_cell){18, 201 - moved};
    cell[1] = (struct rec_hist_cell){20, 200};
    cell[2] = (struct rec_hist_cell){22, 200 + moved};
    (void)detect_latency_step(&o.d, cell, 3, 601, 3.0, 22.0, false, o.seq, 1, o.seq, true);
  }
  struct slow s = slow_of(&o.d);
  if (s.mu - (double)o.d.mu > 0.05) print_error("mean bucket learned %.3f, judged by %.3f\n", s.mu, (double)o.d.mu);
  assert_true(s.mu - (double)o.d.mu < 0.05);
}

static void quantiles_are_those_of_the_histogram(void **state) {
  (void)state;
  struct one o = learned(9, 20, 2000);
  uint32_t count[HIST_BUCKETS];
  for (uint32_t j = 0; j < HIST_BUCKETS; j++) count[j] = (uint32_t)o.d.p[j];
  for (unsigned i = 1; i < 10; i++) {
    double want = (double)hist_quantile_ns(count, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, i / 10.0) * 1e-9;
    double got = detect_latency_quantile_s(&o.d, i / 10.0);
    assert_true(got < want * 1.02 && got > want * 0.98);
  }
}

/* The worked example of docs/detectors/latency.md: four equal buckets, so mu = 21.5, sd = 1.118, one request at 23. */
static void worked_example(void **state) {
  (void)state;
  struct series_latency d;
  detect_latency_init(&d, 0);
  d.zeta2 = 0.0f;
  struct rec_hist_cell cell[4] = {{20, 10}, {21, 10}, {22, 10}, {23, 10}};
  for (uint32_t t = 1; t <= 200; t++) {
    (void)detect_latency_step(&d, cell, 4, 40, 0.2, 1e30, false, t, 1, t, true);
    detect_alarm_clear(d.g, SERIES_LATENCY_ALTS, &d.alarm, &d.best, t);
  }
  struct rec_hist_cell one = {23, 1};
  double z = 3.0 * math_sqrt(1.0 / (double)d.total) + detect_zone(1.0, math_sqrt(4.0 / (double)d.total));
  (void)detect_latency_step(&d, &one, 1, 1, 0.005, 1e30, false, 201, 1, 201, true);
  /* eta = 1: score 1.3416, ln mean exp = 0.4527 */
  assert_true((double)d.g[2] + z > 0.886 && (double)d.g[2] + z < 0.892);
}

/* Requests that are slow in groups, as when a process pauses, are this series' normal life. */
static void slow_groups_are_learned(void **state) {
  (void)state;
  struct one o = {.rng = {11}, .seq = 1};
  detect_latency_init(&o.d, 0);
  for (uint32_t i = 0; i < 14400; i++) {
    bool pause = rng_unit(&o.rng) < 0.03; /* some of a tick's, every eight seconds */
    struct detect_verdict v = step(&o, 20, 15, 8, pause ? 0.2 : 0.0);
    if (i >= 7200) assert_int_equal(v.event, DETECT_NOTHING);
  }
  if (o.d.tail_phi_q8 <= 2 * 256) print_error("overdispersion of the tail %.2f\n", o.d.tail_phi_q8 / 256.0);
  assert_true(o.d.tail_phi_q8 > 2 * 256);
}

/* One minute of a trouble that is not yet known widens the zone by little. */
static void one_minute_does_not_widen_the_zone(void **state) {
  (void)state;
  struct one o = learned(12, 20, 7200);
  double before = (double)o.d.zeta2, noise = (double)o.d.phi / 4800.0;
  o.d.min_n = 4800.0f;
  o.d.min_s = 4800.0f;
  detect_latency_minute(&o.d, 1.0f / 31.0f);
  assert_true((double)o.d.zeta2 < before + 0.2 * (before + noise));
}

/* Between the tilts that a wander puts out of use and the next one no shift is lost: of scores like a normal's, the
 * nearest tilt in use needs 4 sd of wander for its zone and half of 4.2 sd for itself. */
static void wander_leaves_no_hole_between_the_tilts(void **state) {
  (void)state;
  for (double w = 0.07; w < 0.45; w += 0.01) {
    struct one o = learned(13, 20, 7200);
    o.d.zeta2 = (float)(w * w) - 4.0f * o.d.phi / o.d.total;
    o.d.fresh = 65535;
    (void)step(&o, 20, 15, 0, 0.0);
    double f = detect_latency_smallest(&o.d, 80.0, 22.0, 1e6), buckets = 4.0 * math_log(f) / MATH_LN2;
    if (buckets > 7.3 * w * (double)o.d.sd) print_error("wander %.2f: %.2f sd\n", w, buckets / (double)o.d.sd);
    assert_true(f > 1.0 && buckets <= 7.3 * w * (double)o.d.sd);
  }
}

static void smallest_slowdown_is_about_what_shows(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = learned(seed, 20, 7200);
    double f = detect_latency_smallest(&o.d, 80.0, 22.0, 3.0), buckets = 4.0 * math_log(f) / MATH_LN2;
    assert_true(f > 1.05 && f < 2.0);
    for (unsigned more = 0; more < 2; more++) { /* a bucket and a half more shows within the time; nothing does not */
      struct one c = o;
      bool raised = false;
      uint32_t up = more ? (uint32_t)(buckets + 1.5) : 0;
      for (uint32_t i = 0; i < 12; i++) raised |= step(&c, 20, 15, up, 1.0).event == DETECT_RAISED;
      assert_int_equal(raised, more);
    }
  }
  struct series_latency young;
  detect_latency_init(&young, 0);
  assert_true(detect_latency_smallest(&young, 80.0, 22.0, 60.0) <= 0.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores_equal_a_slow_form),
      cmocka_unit_test(tails_have_mean_below_one),
      cmocka_unit_test(slowness_is_found_in_time),
      cmocka_unit_test(faster_is_no_alarm),
      cmocka_unit_test(slow_half_hour_is_not_learned_and_its_end_is_exact),
      cmocka_unit_test(derived_numbers_follow_at_high_rates),
      cmocka_unit_test(quantiles_are_those_of_the_histogram),
      cmocka_unit_test(worked_example),
      cmocka_unit_test(slow_groups_are_learned),
      cmocka_unit_test(one_minute_does_not_widen_the_zone),
      cmocka_unit_test(wander_leaves_no_hole_between_the_tilts),
      cmocka_unit_test(smallest_slowdown_is_about_what_shows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
