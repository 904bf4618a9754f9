/* Requests that do not end: what is found, what is load or loss instead, the bound, and what is learned. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */
#include "base_limits.h"
#include "base_math.h"
#include "detect_hanging.h"
#include "mesh_rng.h"

#define LOG_C 22.0
#define RING 1024u /* ticks ahead for which ends are kept */

/* A service: requests begin at random and take an exponential time, at least a tenth of the mean. */
struct one {
  struct series_hanging d;
  struct mesh_rng rng;
  uint32_t seq;
  uint32_t ends[RING];
};

struct life {
  double per_s, usual_s;
  double lost_p; /* of the end entries */
  double slower; /* than usual_s, which the detector is told */
  bool hang;     /* none ends any more */
};

static struct one *born(uint64_t seed) {
  static struct one o;
  memset(&o, 0, sizeof o);
  o.rng.at = seed;
  detect_hanging_init(&o.d, 0);
  return &o;
}

static struct detect_verdict tick(struct one *o, const struct life *l) {
  uint32_t began = rng_poisson(&o->rng, 0.25 * l->per_s), *now = &o->ends[o->seq % RING];
  for (uint32_t i = 0; i < began; i++) {
    double took_s = l->usual_s * l->slower * (0.1 - 0.9 * math_log(1.0 - rng_unit(&o->rng)));
    double at = rng_unit(&o->rng) + 4.0 * took_s;
    if (at < RING - 1 && rng_unit(&o->rng) >= l->lost_p) o->ends[(o->seq + (uint32_t)at) % RING]++;
  }
  uint32_t ended = l->hang ? 0 : *now;
  *now = 0;
  struct detect_verdict v = detect_hanging_take(&o->d, began, ended, l->usual_s, LOG_C, o->seq >= 480, o->seq);
  o->seq++;
  return v;
}

/* Ticks until an alarm, 0 where there is none in `most`. */
static uint32_t run(struct one *o, struct life l, uint32_t most) {
  if (l.slower == 0.0) l.slower = 1.0;
  for (uint32_t t = 1; t <= most; t++)
    if (tick(o, &l).event == DETECT_RAISED) return t;
  return 0;
}

static void hang_is_found_in_time(void **state) {
  (void)state;
  static const struct {
    struct life l;
    uint32_t ticks;
  } cases[] = {
      {{.per_s = 5.0, .usual_s = 0.1}, 20},                /* five seconds */
      {{.per_s = 50.0, .usual_s = 0.1}, 16},               /* four windows of a second */
      {{.per_s = 5.0, .usual_s = 0.1, .lost_p = 0.2}, 48}, /* a fifth is lost anyway */
      {{.per_s = 20.0, .usual_s = 2.0}, 128},              /* windows of eight seconds */
      {{.per_s = 0.5, .usual_s = 0.1}, 240},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (uint64_t seed = 1; seed <= 20; seed++) {
      struct one *o = born(seed);
      struct life l = cases[i].l;
      assert_int_equal(run(o, l, 4800 + (uint32_t)seed % 4), 0);
      l.hang = true;
      uint32_t t = run(o, l, 2000);
      if (t == 0 || t > cases[i].ticks) print_error("case %u seed %u: %u ticks\n", i, (unsigned)seed, t);
      assert_in_range(t, 1, cases[i].ticks);
    }
}

/* Three times the load, with three times the time in flight: completions follow. */
static void load_is_no_hang(void **state) {
  (void)state;
  static const struct life calm[] = {
      {.per_s = 5.0, .usual_s = 0.1}, {.per_s = 100.0, .usual_s = 0.1}, {.per_s = 20.0, .usual_s = 2.0}};
  for (unsigned i = 0; i < 3; i++)
    for (uint64_t seed = 1; seed <= 4; seed++) {
      struct one *o = born(seed);
      struct life busy = calm[i];
      busy.per_s *= 3.0;
      busy.slower = 3.0;
      for (unsigned turn = 0; turn < 10; turn++) {
        assert_int_equal(run(o, calm[i], 1600), 0);
        assert_int_equal(run(o, busy, 800), 0);
      }
    }
}

/* A fifth of the end entries gets lost: always, from now on, or while traffic comes and goes. */
static void lost_entries_are_no_hang(void **state) {
  (void)state;
  static const double per_s[] = {5.0, 100.0};
  for (unsigned i = 0; i < 2; i++)
    for (uint64_t seed = 1; seed <= 4; seed++) {
      struct one *o = born(seed);
      struct life whole = {.per_s = per_s[i], .usual_s = 0.1}, lossy = whole, none = {.usual_s = 0.1};
      lossy.lost_p = 0.2;
      for (unsigned turn = 0; turn < 6; turn++) {
        assert_int_equal(run(o, whole, 2400), 0);
        assert_int_equal(run(o, lossy, 2400), 0);
        assert_int_equal(run(o, none, 100), 0);
      }
      assert_true(o->d.open < 4.0f * (float)per_s[i]); /* what was lost is not under way */
    }
}

static void quiet_days_are_quiet(void **state) {
  (void)state;
  static const struct life lives[] = {{.per_s = 0.1, .usual_s = 0.2},
                                      {.per_s = 1.0, .usual_s = 1.0},
                                      {.per_s = 5.0, .usual_s = 0.1},
                                      {.per_s = 5.0, .usual_s = 0.1, .lost_p = 0.1},
                                      {.per_s = 30.0, .usual_s = 0.5}};
  for (unsigned i = 0; i < sizeof lives / sizeof lives[0]; i++)
    assert_int_equal(run(born(90 + i), lives[i], 345600), 0);
}

/* Known series, no evidence at first: alarms by T windows at most T / c. */
static void false_alarms_keep_the_bound(void **state) {
  (void)state;
  static const struct life lives[] = {{.per_s = 2.0, .usual_s = 0.2, .slower = 1.0},
                                      {.per_s = 5.0, .usual_s = 0.1, .slower = 1.0},
                                      {.per_s = 5.0, .usual_s = 0.1, .lost_p = 0.2, .slower = 1.0}};
  const uint32_t windows = 10, runs = 3000;
  const double log_c = 4.0, bound = windows / math_exp(log_c);
  uint32_t hits_all = 0;
  for (unsigned i = 0; i < 3; i++) {
    struct one *o = born(30 + i);
    uint32_t hits = 0;
    assert_int_equal(run(o, lives[i], 4800), 0);
    for (uint32_t n = 0; n < runs; n++) {
      bool hit = false;
      detect_alarm_clear(&o->d.g, 1, &o->d.alarm, &o->d.best, o->seq);
      for (uint32_t t = 0; t < 4 * windows; t++) {
        (void)tick(o, &lives[i]);
        hit |= (double)o->d.g >= log_c;
      }
      hits += hit;
    }
    double p = (double)hits / (double)runs;
    if (p > bound) print_error("life %u: %g > %g\n", i, p, bound);
    assert_true(p <= bound + 4.0 * math_sqrt(bound * (1.0 - bound) / (double)runs));
    hits_all += hits;
  }
  assert_true(hits_all > 0);
}

/* A quarter of an hour of hanging teaches nothing; it ends with the first second in which requests end. */
static void hang_is_not_learned_and_ends(void **state) {
  (void)state;
  struct one *o = born(2);
  struct life l = {.per_s = 20.0, .usual_s = 0.1, .slower = 1.0};
  assert_int_equal(run(o, l, 4800), 0);
  float mean = o->d.mean;
  uint16_t late = o->d.late;
  l.hang = true;
  assert_true(run(o, l, 40) > 0);
  for (uint32_t t = 0; t < 3600; t++) assert_int_equal(tick(o, &l).event, DETECT_NOTHING);
  assert_true(o->d.mean > 0.95f * mean && o->d.mean < 1.05f * mean);
  assert_true(o->d.late < late + 65536 / 50);
  assert_true(o->d.open > 15000.0f && o->d.open < 20000.0f); /* 20 a second for a quarter of an hour */
  uint32_t end = o->seq;
  struct detect_verdict v = {0};
  l.hang = false;
  while (v.event != DETECT_OVER && o->seq < end + 40) v = tick(o, &l);
  assert_true(o->seq - end <= 8);
  assert_in_range(v.from_seq, end - 4, end + 4);
}

/* Callers give up: with nothing that begins, the alarm is over after two minutes. */
static void silence_ends_an_alarm(void **state) {
  (void)state;
  struct one *o = born(8);
  struct life l = {.per_s = 20.0, .usual_s = 0.1, .slower = 1.0}, none = {.usual_s = 0.1, .slower = 1.0};
  assert_int_equal(run(o, l, 4800), 0);
  l.hang = true;
  assert_true(run(o, l, 40) > 0);
  uint32_t t = 0;
  while (tick(o, &none).event != DETECT_OVER && t < 1000) t++;
  assert_in_range(t, 400, 500);
}

static void smallest_is_about_what_is_found(void **state) {
  (void)state;
  struct one *o = born(4);
  assert_true(detect_hanging_smallest(&o->d, 0.1, LOG_C, 60.0) == 0.0);
  struct life l = {.per_s = 20.0, .usual_s = 0.1};
  assert_int_equal(run(o, l, 4800), 0);
  double ten = detect_hanging_smallest(&o->d, 0.1, LOG_C, 10.0),
         sixty = detect_hanging_smallest(&o->d, 0.1, LOG_C, 60.0);
  assert_true(sixty > 0.2 && sixty < ten && ten < 1.0);
  assert_true(detect_hanging_smallest(&o->d, 0.1, LOG_C, 2.0) == 0.0); /* two windows cannot */
  struct one learned = *o;
  uint32_t found = 0;
  l.lost_p = ten; /* as good as hanging */
  for (uint64_t seed = 1; seed <= 60; seed++) {
    *o = learned;
    o->rng.at = seed;
    found += run(o, l, 40) > 0;
  }
  if (found < 15 || found > 55) print_error("%.2f: %u of 60\n", ten, found);
  assert_in_range(found, 15, 59);
}

/* The worked example of docs/detectors/hanging.md: 5 a second, 100 ms, six began and two ended. */
static void worked_example(void **state) {
  (void)state;
  struct series_hanging d;
  detect_hanging_init(&d, 0);
  d.mean = 0.5f;
  d.late = 3277; /* 0.05 */
  d.seen = 255;
  (void)detect_hanging_take(&d, 6, 2, 0.1, LOG_C, true, 3);
  assert_true(d.g > 5.37f && d.g < 5.39f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hang_is_found_in_time),
      cmocka_unit_test(load_is_no_hang),
      cmocka_unit_test(lost_entries_are_no_hang),
      cmocka_unit_test(quiet_days_are_quiet),
      cmocka_unit_test(false_alarms_keep_the_bound),
      cmocka_unit_test(hang_is_not_learned_and_ends),
      cmocka_unit_test(silence_ends_an_alarm),
      cmocka_unit_test(smallest_is_about_what_is_found),
      cmocka_unit_test(worked_example),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
