/* Requests that bunch: what is found, what is not, the bound, and what is learned. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_limits.h"
#include "base_math.h"
#include "detect_erratic.h"
#include "detect_rate.h"
#include "mesh_rng.h"

#define LOG_C 22.0

/* A series with its rate detector beside it, stepped once a second. */
struct one {
  struct series_rate rate;
  struct series_erratic d;
  struct mesh_rng rng;
  uint32_t sec;
};

static struct detect_verdict step(struct one *o, uint32_t x) {
  uint32_t seq = o->sec++ * 4 + 3;
  struct detect_rate_when when = {.seq = seq, .dt = 4, .age = seq, .armed = true};
  struct detect_rate_verdict r = detect_rate_step(&o->rate, x, LOG_C, &when);
  bool quiet = r.down.freeze || r.up.freeze;
  return detect_erratic_step(&o->d, x, 4, detect_rate_per_s(&o->rate), LOG_C, seq >= 480, quiet, seq);
}

static struct one born(uint64_t seed) {
  struct one o = {.rng = {seed}};
  detect_rate_init(&o.rate, 0);
  detect_erratic_init(&o.d, 0);
  return o;
}

/* Batches of `batch` requests at once: variance batch times Poisson's at the same mean. */
static uint32_t batches(struct mesh_rng *r, double per_s, uint32_t batch) {
  return batch * rng_poisson(r, per_s / (double)batch);
}

static unsigned quiet(struct one *o, uint32_t seconds, double per_s, uint32_t batch) {
  unsigned raised = 0;
  for (; seconds; seconds--) raised += step(o, batches(&o->rng, per_s, batch)).event == DETECT_RAISED;
  return raised;
}

static struct one learned(uint64_t seed, double per_s) {
  struct one o = born(seed);
  assert_int_equal(quiet(&o, 1200 + (uint32_t)seed % 10, per_s, 1), 0);
  return o;
}

/* Seconds to the alarm, 0 where there is none in `most`. */
typedef uint32_t (*shape)(struct one *o, uint32_t t, double per_s);
static uint32_t delay(struct one *o, shape x, double per_s, uint32_t most) {
  for (uint32_t t = 0; t < most; t++)
    if (step(o, x(o, t, per_s)).event == DETECT_RAISED) return t + 1;
  return 0;
}

/* Variance eight times Poisson's by alternation: mean +- sqrt(7 mean). */
static uint32_t alternating(struct one *o, uint32_t t, double per_s) {
  double off = math_sqrt(7.0 * per_s);
  return rng_poisson(&o->rng, t % 2 ? per_s + off : per_s - off);
}

/* All that is due in five seconds comes in one of them. */
static uint32_t bunched(struct one *o, uint32_t t, double per_s) {
  return t % 5 ? 0 : rng_poisson(&o->rng, 5.0 * per_s);
}

static uint32_t in_eights(struct one *o, uint32_t t, double per_s) {
  (void)t;
  return batches(&o->rng, per_s, 8);
}

static void bunching_is_found_within_a_minute(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct one a = learned(seed, 20.0), b = learned(seed + 100, 20.0);
    assert_in_range(delay(&a, alternating, 20.0, 300), 1, 60);
    assert_in_range(delay(&b, bunched, 20.0, 300), 1, 60);
  }
}

/* Batches of eight are the same variance at random: windows differ, and it takes a minute or three. */
static void random_batches_are_found_in_minutes(void **state) {
  (void)state;
  uint32_t found = 0, within_minute = 0;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct one o = learned(seed, 20.0);
    uint32_t s = delay(&o, in_eights, 20.0, 240);
    found += s > 0;
    within_minute += s > 0 && s <= 60;
  }
  assert_true(found >= 34);
  assert_true(within_minute >= 12);
}

/* The same mean and variance as ever, by other means: none of this bunches. */
static uint32_t shifted(struct one *o, uint32_t t, double per_s) {
  return rng_poisson(&o->rng, t / 600 % 2 ? 3.0 * per_s : per_s);
}
static uint32_t ramp(struct one *o, uint32_t t, double per_s) {
  double up = (double)(t % 600 < 120 ? t % 600 : 120); /* five times as much within two minutes */
  return rng_poisson(&o->rng, per_s * (1.0 + up / 30.0));
}
static uint32_t spiked(struct one *o, uint32_t t, double per_s) {
  return rng_poisson(&o->rng, t % 300 == 137 ? 10.0 * per_s : per_s);
}
static uint32_t outage(struct one *o, uint32_t t, double per_s) {
  return t % 900 < 120 ? 0 : rng_poisson(&o->rng, per_s);
}
/* Noise of 30 % of the rate a second, whatever the rate, and four times the traffic for half an hour. */
static uint32_t proportional(struct one *o, uint32_t t, double per_s) {
  double noise = 0.7 + 0.6 * rng_unit(&o->rng);
  return rng_poisson(&o->rng, per_s * noise * (t % 7200 > 5400 ? 4.0 : 1.0));
}

static void changes_of_the_mean_are_no_bunching(void **state) {
  (void)state;
  static const struct {
    shape x;
    double per_s;
  } cases[] = {{shifted, 20.0}, {shifted, 300.0}, {ramp, 20.0},    {ramp, 300.0},        {spiked, 5.0},
               {spiked, 100.0}, {outage, 20.0},   {outage, 200.0}, {proportional, 20.0}, {proportional, 200.0}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (uint64_t seed = 1; seed <= 3; seed++) {
      struct one o = born(seed);
      uint32_t s = delay(&o, cases[i].x, cases[i].per_s, 6 * 3600);
      if (s) print_error("case %u seed %u: alarm after %u s\n", i, (unsigned)seed, s);
      assert_int_equal(s, 0);
    }
}

/* Who always bunches is not ill. */
static void bursty_life_is_learned(void **state) {
  (void)state;
  static const uint32_t batch[] = {1, 3, 10, 40};
  for (unsigned i = 0; i < 4; i++) {
    struct one o = born(50 + i);
    assert_int_equal(quiet(&o, 6 * 3600, 30.0, batch[i]), 0);
    assert_true(o.d.seen == 255);
  }
}

/* Windows of a known series, one after the other, from no evidence: alarms by T windows at most T / c. */
static void false_alarms_keep_the_bound(void **state) {
  (void)state;
  static const double per_s[] = {1.5, 20.0, 300.0};
  const uint32_t windows = 20, runs = 1500;
  const double log_c = 4.0, bound = windows / math_exp(log_c);
  uint32_t hits_all = 0;
  for (unsigned i = 0; i < 3; i++) {
    struct one o = born(7 + i);
    uint32_t hits = 0;
    for (uint32_t n = 0; n < runs; n++) {
      if (n % 100 == 0) (void)quiet(&o, 3000, per_s[i], 1);
      struct series_erratic d = o.d;
      detect_alarm_clear(d.g, SERIES_ERRATIC_ALTS, &d.alarm, &d.best, 0);
      bool raised = false;
      for (uint32_t s = 0; s < 10 * windows && !raised; s++)
        raised =
            detect_erratic_step(&d, rng_poisson(&o.rng, per_s[i]), 4, per_s[i], log_c, true, false, s * 4 + 3).event ==
            DETECT_RAISED;
      hits += raised;
    }
    double p = (double)hits / (double)runs;
    if (p > bound) print_error("%g/s: %g > %g\n", per_s[i], p, bound);
    assert_true(p <= bound + 4.0 * math_sqrt(bound * (1.0 - bound) / (double)runs));
    hits_all += hits;
  }
  assert_true(hits_all > 0); /* and not because nothing ever alarms */
}

/* An hour of it teaches nothing; it ends with it. */
static void bunching_is_not_learned_and_ends(void **state) {
  (void)state;
  struct one o = learned(3, 20.0);
  int16_t before = o.d.log_d;
  assert_true(delay(&o, alternating, 20.0, 120) > 0);
  for (uint32_t t = 0; t < 3600; t++) assert_true(step(&o, alternating(&o, t, 20.0)).event != DETECT_OVER);
  assert_true(o.d.log_d - before < 512 && before - o.d.log_d < 512); /* a quarter of a nat */
  uint32_t end = o.sec, s = 0;
  struct detect_verdict v = {0};
  while (v.event != DETECT_OVER && s++ < 120) v = step(&o, rng_poisson(&o.rng, 20.0));
  assert_true(s <= 60);
  assert_in_range(v.from_seq, (end - 10) * 4, (end + 20) * 4);
  assert_int_equal(quiet(&o, 1200, 20.0, 1), 0);
}

/* While another detector suspects, and in windows with missing reports, nothing is learned. */
static void doubtful_windows_teach_nothing(void **state) {
  (void)state;
  struct one o = learned(5, 20.0);
  while (o.sec % 10) (void)step(&o, 20);
  struct series_erratic before = o.d;
  for (uint32_t s = 0; s < 10; s++, o.sec++)
    (void)detect_erratic_step(&o.d, s % 2 ? 0 : 40, 4, 20.0, LOG_C, true, true, o.sec * 4 + 3);
  assert_int_equal(o.d.log_d, before.log_d);
  for (uint32_t s = 0; s < 10; s++, o.sec++) {
    if (s == 4) detect_erratic_skip(&o.d);
    before.g[0] = o.d.g[0];
    (void)detect_erratic_step(&o.d, s % 2 ? 0 : 40, 4, 20.0, LOG_C, true, false, o.sec * 4 + 3);
  }
  assert_int_equal(o.d.log_d, before.log_d);
  assert_true(o.d.g[0] == before.g[0]);
}

/* An alarm whose series goes silent does not stand for ever. */
static void silence_ends_an_alarm(void **state) {
  (void)state;
  struct one o = learned(6, 20.0);
  assert_true(delay(&o, bunched, 20.0, 120) > 0);
  uint32_t s = 0;
  while (step(&o, 0).event != DETECT_OVER && s < 600) s++;
  assert_true(s < 130);
}

/* What it says it can find, it finds about as often as not; what is known grows with the span. */
static void smallest_is_about_what_is_found(void **state) {
  (void)state;
  struct one o = born(9);
  assert_true(detect_erratic_smallest(&o.d, LOG_C, 120.0) == 0.0);
  (void)quiet(&o, 3600, 40.0, 1);
  double two = detect_erratic_smallest(&o.d, LOG_C, 120.0), ten = detect_erratic_smallest(&o.d, LOG_C, 600.0);
  assert_true(ten > 1.5 && ten < two && two < 9.0);
  assert_true(detect_erratic_smallest(&o.d, LOG_C, 20.0) == 0.0); /* two windows cannot */
  uint32_t found = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    struct one c = o;
    c.rng.at = seed;
    uint32_t batch = (uint32_t)(two + 1.5), hit = 0;
    for (uint32_t s = 0; s < 120 && !hit; s++) hit = step(&c, batches(&c.rng, 40.0, batch)).event == DETECT_RAISED;
    found += hit;
  }
  if (found < 20 || found > 59) print_error("x%.2f: %u of 60\n", two, found);
  assert_in_range(found, 20, 59);
}

/* The worked example of docs/detectors/erratic.md: 16, 24, 16, ... requests a second. */
static void worked_example(void **state) {
  (void)state;
  struct series_erratic d;
  detect_erratic_init(&d, 0);
  d.log_d = -512;   /* -0.25 */
  d.var_d = 2048;   /* 0.5 */
  d.log_level = 62; /* e^2.21 = 9.2, a root of 21 a second */
  d.seen = 255;
  for (uint32_t s = 0; s < 10; s++)
    (void)detect_erratic_step(&d, s % 2 ? 24 : 16, 4, 20.0, LOG_C, true, false, s * 4 + 3);
  assert_true(d.g[0] > 1.88f && d.g[0] < 1.90f);
  assert_true(d.g[1] > -0.11f && d.g[1] < -0.09f);
  /* The same in a series whose tail is heavy by one nat. */
  detect_alarm_clear(d.g, SERIES_ERRATIC_ALTS, &d.alarm, &d.best, 0);
  d.log_d = -512;
  d.var_d = 2048;
  d.log_level = 62;
  d.corr = 0;
  d.log_heavy = 32;
  for (uint32_t s = 10; s < 20; s++)
    (void)detect_erratic_step(&d, s % 2 ? 24 : 16, 4, 20.0, LOG_C, true, false, s * 4 + 3);
  assert_true(d.g[0] > 0.88f && d.g[0] < 0.90f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bunching_is_found_within_a_minute),   cmocka_unit_test(random_batches_are_found_in_minutes),
      cmocka_unit_test(changes_of_the_mean_are_no_bunching), cmocka_unit_test(bursty_life_is_learned),
      cmocka_unit_test(false_alarms_keep_the_bound),         cmocka_unit_test(bunching_is_not_learned_and_ends),
      cmocka_unit_test(doubtful_windows_teach_nothing),      cmocka_unit_test(silence_ends_an_alarm),
      cmocka_unit_test(smallest_is_about_what_is_found),     cmocka_unit_test(worked_example),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
