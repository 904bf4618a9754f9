/* Requests a tick: exact expectations at the edge of the zone, delays, what is learned, and the end. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_limits.h"
#include "base_math.h"
#include "detect_rate.h"
#include "detect_zone.h"
#include "mesh_rng.h"

static double poisson_log(uint32_t x, double mean) {
  return x * math_log(mean) - mean - math_lgamma(x + 1.0);
}

/* A rate known so well that nothing is added for not knowing it. */
static struct series_rate known(double lam, double zeta) {
  struct series_rate r;
  detect_rate_init(&r, 0);
  r.b = 1e12f;
  r.a = (float)lam * 1e12f;
  r.near = (float)lam;
  r.zeta2 = (float)(zeta * zeta);
  return r;
}

static struct detect_rate_verdict judge(struct series_rate *r, uint32_t x, uint32_t dt, uint32_t seq) {
  struct detect_rate_when when = {.seq = seq, .dt = dt, .age = 100000, .armed = true};
  return detect_rate_step(r, x, 1e30, &when);
}

/* E exp(l) of alternative k when counts are Poisson with edge times the believed rate. seq 39 ends ten seconds. */
static double mean_likelihood(const struct series_rate *r, double mean, bool down, unsigned k, uint32_t dt,
                              uint32_t seq) {
  double sum = 0.0;
  for (uint32_t x = 0; x < 5.0 * mean + 60.0; x++) {
    struct series_rate one = *r;
    (void)judge(&one, x, dt, seq);
    sum += math_exp(poisson_log(x, mean) + (double)(down ? one.g_down[k] : one.g_up[k]));
  }
  return sum;
}

static const double k_down[SERIES_RATE_ALTS] = {0.05, 0.5, 0.0, 0.75};
static const double k_up[SERIES_RATE_ALTS] = {2.0, 4.0, 1.4, 2.5};

/* The edge of the null for an alternative, as docs/detectors/rate.md has it, for a rate that is known for sure. */
static double edge_slow(double lam, double zeta, double phi, double k, bool fine) {
  double back = 600.0 / lam < 240.0 ? 240.0 : 600.0 / lam > 2400.0 ? 2400.0 : 600.0 / lam;
  double wander = zeta * zeta + 0.12 * phi / (240.0 * lam);
  double sd = math_sqrt(fine ? phi / (2.0 * lam * back) + wander * back / 2400.0 : wander);
  double off = detect_zone(k < 1.0 ? 1.0 - k : 1.0 - 1.0 / k, sd);
  return k < 1.0 ? 1.0 - off : 1.0 + off + 0.5 * off * off;
}

/* The run of seconds has a null of its own (test_detect_fewer.c). */
static bool has_edge(bool down, unsigned k) {
  return !down || k_down[k] > 0.0;
}

static void mean_check(double lam, double zeta, bool down, unsigned k) {
  bool fine = k < SERIES_RATE_FINE;
  struct series_rate r = known(lam, zeta);
  double edge = edge_slow(lam, zeta, 1.0, down ? k_down[k] : k_up[k], fine), ticks = fine ? 1.0 : 40.0;
  if (edge < 0.01) edge = 0.01;
  double at = mean_likelihood(&r, edge * lam * ticks, down, k, (uint32_t)ticks, 39);
  double inside = mean_likelihood(&r, lam * ticks, down, k, (uint32_t)ticks, 39);
  if (!(at <= 1.0 + 1e-3)) print_error("rate %g zeta %g %s %u: %g\n", lam, zeta, down ? "down" : "up", k, at);
  assert_true(at <= 1.0 + 1e-3);
  assert_true(at >= 1.0 - 1e-3 || at < 1e-12); /* exact, or out of use: inside the zone */
  assert_true(inside <= 1.0 + 1e-3);
}

static void likelihood_has_mean_one_at_the_edge(void **state) {
  (void)state;
  static const double lam[] = {0.05, 0.7, 6.0, 90.0}, zeta[] = {0.0, 0.02, 0.1};
  for (unsigned i = 0; i < 4; i++)
    for (unsigned j = 0; j < 3; j++)
      for (unsigned k = 0; k < SERIES_RATE_ALTS; k++) {
        if (has_edge(true, k)) mean_check(lam[i], zeta[j], true, k);
        mean_check(lam[i], zeta[j], false, k);
      }
}

/* ln P(x) of a negative binomial with that mean and variance phi times the mean. */
static double negative_binomial_log(uint32_t x, double mean, double phi) {
  double r = mean / (phi - 1.0);
  return math_lgamma(x + r) - math_lgamma(r) - math_lgamma(x + 1.0) - r * math_log(phi) +
         x * math_log((phi - 1.0) / phi);
}

/* Where counts scatter, the mean is one for groups of phi requests (down) and for a negative binomial (up). */
static void likelihood_has_mean_one_where_counts_scatter(void **state) {
  (void)state;
  const double lam = 6.0, phi = 3.0;
  for (unsigned k = 0; k < SERIES_RATE_ALTS; k++) {
    bool fine = k < SERIES_RATE_FINE;
    double ticks = fine ? 1.0 : 4.0, down = 0.0, up = 0.0;
    double low = edge_slow(lam, 0.02, phi, k_down[k], fine) * lam * ticks;
    double high = edge_slow(lam, 0.02, phi, k_up[k], fine) * lam * ticks;
    for (uint32_t x = 0; x < 1500; x++) {
      struct series_rate r = known(lam, 0.02);
      r.phi = r.phi_ten = (float)phi;
      (void)judge(&r, x, (uint32_t)ticks, 41);
      if (x % 3 == 0) down += math_exp(poisson_log(x / 3, low / phi) + (double)r.g_down[k]);
      up += math_exp(negative_binomial_log(x, high, phi) + (double)r.g_up[k]);
    }
    if ((has_edge(true, k) && down > 1.001) || up > 1.001) print_error("alternative %u: %g down, %g up\n", k, down, up);
    assert_true(!has_edge(true, k) || (down < 1.001 && (down > 0.999 || down < 1e-12)));
    assert_true(up < 1.001 && (up > 0.999 || up < 1e-12));
  }
}

/* The zone leaves no wander, however far out, more evidence than its own rarity costs; or it is as wide as it gets. */
static void zone_outweighs_wander(void **state) {
  (void)state;
  for (double far = 0.1; far < 2.5; far *= 1.7)
    for (double sd = 0.001; sd < 0.3; sd *= 1.5) {
      double off = detect_zone(far, sd);
      assert_true(off >= DETECT_ZONE_MIN * sd * 0.999 && off <= DETECT_ZONE_MAX * sd * 1.001);
      if (off > DETECT_ZONE_MAX * sd * 0.999) continue;
      for (double w = 0.0; w < 20.0; w += 0.1)
        assert_true(2.0 * DETECT_ZONE_NATS * (w * sd - off) / (far - off) <= 0.5 * w * w + 1e-9);
    }
}

/* One count over four ticks is as likely as the four counts that it sums up. From a large R, where R + 1 is R. */
static void ticks_may_be_summed(void **state) {
  (void)state;
  struct series_rate one = known(3.0, 0.01), four = one;
  static const uint32_t x[4] = {2, 0, 5, 1};
  for (unsigned k = 0; k < SERIES_RATE_ALTS; k++) one.g_down[k] = four.g_down[k] = one.g_up[k] = four.g_up[k] = 100.0f;
  for (uint32_t i = 0; i < 4; i++) (void)judge(&four, x[i], 1, 40 + i);
  (void)judge(&one, 8, 4, 43);
  for (unsigned k = 0; k < SERIES_RATE_FINE; k++) {
    assert_true(one.g_down[k] - four.g_down[k] < 1e-4f && four.g_down[k] - one.g_down[k] < 1e-4f);
    assert_true(one.g_up[k] - four.g_up[k] < 1e-4f && four.g_up[k] - one.g_up[k] < 1e-4f);
  }
}

struct one {
  struct series_rate r;
  struct mesh_rng rng;
  uint32_t seq;
};

static struct detect_rate_verdict step(struct one *o, double mean) {
  struct detect_rate_when when = {.seq = o->seq, .dt = 1, .age = o->seq - 1, .armed = true};
  struct detect_rate_verdict v = detect_rate_step(&o->r, rng_poisson(&o->rng, mean), 22.0, &when);
  o->seq++;
  return v;
}

static void quiet(struct one *o, uint32_t ticks, double mean) {
  for (; ticks; ticks--) {
    struct detect_rate_verdict v = step(o, mean);
    assert_int_equal(v.down.event, DETECT_NOTHING);
    assert_int_equal(v.up.event, DETECT_NOTHING);
  }
}

static struct one learned(uint64_t seed, double mean) {
  struct one o = {.rng = {seed}, .seq = 1};
  detect_rate_init(&o.r, 0);
  quiet(&o, 7200, mean);
  return o;
}

/* Ticks from the first changed one to the alarm on the right side. */
static uint32_t delay(uint64_t seed, double before, double after, uint32_t *off) {
  struct one o = learned(seed, before);
  uint32_t from = o.seq;
  struct detect_verdict v = {0};
  while (v.event != DETECT_RAISED && o.seq < from + 4000) {
    struct detect_rate_verdict both = step(&o, after);
    v = after < before ? both.down : both.up;
    assert_int_equal((after < before ? both.up : both.down).event, DETECT_NOTHING);
  }
  *off = v.from_seq > from ? v.from_seq - from : from - v.from_seq;
  return o.seq - from;
}

static void changes_are_found_in_time(void **state) {
  (void)state;
  static const struct {
    double before, after;
    uint32_t ticks, off;
  } cases[] = {
      {100.0, 0.0, 1, 0},   /* 400 a second to none: at once */
      {25.0, 0.0, 4, 1},    /* 100 a second: within a second */
      {2.5, 0.0, 40, 8},    /* 10 a second */
      {25.0, 75.0, 4, 1},   /* three times as much */
      {25.0, 10.0, 48, 12}, /* 40 %: 12 s */
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (uint64_t seed = 1; seed <= 10; seed++) {
      uint32_t off, ticks = delay(seed, cases[i].before, cases[i].after, &off);
      if (ticks > cases[i].ticks || off > cases[i].off)
        print_error("case %u: %u ticks, onset off by %u\n", i, ticks, off);
      assert_true(ticks <= cases[i].ticks);
      assert_true(off <= cases[i].off);
    }
}

/* Nearly half an hour without a request teaches nothing; the end is told to the tick. */
static void outage_is_not_learned_and_its_end_is_exact(void **state) {
  (void)state;
  struct one o = learned(2, 25.0);
  double before = detect_rate_per_s(&o.r);
  unsigned over = 0;
  for (uint32_t i = 0; i < 7000; i++) over += step(&o, 0.0).down.event == DETECT_OVER;
  assert_int_equal(over, 0);
  assert_true(detect_rate_per_s(&o.r) > 0.95 * before && detect_rate_per_s(&o.r) < 1.05 * before);
  uint32_t end = o.seq;
  struct detect_verdict v = {0};
  while (v.event != DETECT_OVER && o.seq < end + 100) v = step(&o, 25.0).down;
  assert_int_equal(v.from_seq, end);
  assert_true(o.seq - end <= 8);
  quiet(&o, 2400, 25.0);
}

/* A new level is never believed by itself, not in six hours; once adopted, all is quiet at it. */
static void lasting_change_is_adopted_when_told(void **state) {
  (void)state;
  struct one o = learned(4, 25.0);
  for (uint32_t i = 0; i < 6 * 14400; i++) (void)step(&o, 75.0);
  assert_true(o.r.up_best != SERIES_CALM);
  assert_true(detect_rate_per_s(&o.r) > 95.0 && detect_rate_per_s(&o.r) < 105.0);
  detect_rate_adopt(&o.r, o.seq);
  quiet(&o, 4800, 75.0);
  assert_true(detect_rate_per_s(&o.r) > 290.0 && detect_rate_per_s(&o.r) < 310.0);
}

/* Sums of ten seconds that scatter more than their seconds do are no news to this series. */
static void bursts_are_learned(void **state) {
  (void)state;
  struct one o = {.rng = {8}, .seq = 1};
  detect_rate_init(&o.r, 0);
  for (uint32_t i = 0; i < 7200; i++) (void)step(&o, i / 40 % 2 ? 20.0 : 30.0);
  assert_true(o.r.phi_ten > 20.0f);
  for (uint32_t i = 0; i < 7200; i++) {
    struct detect_rate_verdict v = step(&o, i / 40 % 2 ? 20.0 : 30.0);
    assert_true(v.down.event != DETECT_RAISED && v.up.event != DETECT_RAISED);
  }
}

/* The worked example of docs/detectors/rate.md: 400 a second, zeta 0.02, a tick with 30. */
static void worked_example(void **state) {
  (void)state;
  struct series_rate r = known(100.0, 0.02);
  (void)judge(&r, 30, 1, 1);
  assert_true(r.g_down[0] > 4.29f && r.g_down[0] < 4.33f);   /* a twentieth: 30 ln(.05/.988) + 93.8 */
  assert_true(r.g_down[1] > 28.36f && r.g_down[1] < 28.41f); /* half: 30 ln(.5/.988) + 48.8 */
}

static bool raised_within(struct one o, double mean, uint32_t ticks, bool down) {
  for (; ticks; ticks--) {
    struct detect_rate_verdict v = step(&o, mean);
    if ((down ? v.down : v.up).event == DETECT_RAISED) return true;
  }
  return false;
}

/* What is said to be the smallest change that shows does show, most times, and half of that change seldom. */
static void smallest_change_is_about_what_shows(void **state) {
  (void)state;
  static const double rate[] = {2.5, 10.0, 100.0};
  for (unsigned i = 0; i < 3; i++)
    for (unsigned down = 0; down < 2; down++) {
      unsigned shown = 0, half = 0;
      for (uint64_t seed = 1; seed <= 10; seed++) {
        struct one o = learned(seed, rate[i]);
        double f = detect_rate_smallest(&o.r, 22.0, 60.0, down);
        assert_true(down ? f > 0.0 && f < 1.0 : f > 1.0 && f < 4.0);
        shown += raised_within(o, rate[i] * (1.0 + 1.2 * (f - 1.0)), 260, down);
        half += raised_within(o, rate[i] * (1.0 + 0.5 * (f - 1.0)), 240, down);
      }
      if (shown < 8 || half > 2)
        print_error("%g a tick, %s: %u of 10, half %u\n", rate[i], down ? "down" : "up", shown, half);
      assert_true(shown >= 8 && half <= 2);
    }
  struct series_rate young;
  detect_rate_init(&young, 0);
  assert_true(detect_rate_smallest(&young, 22.0, 1.0, true) <= 0.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(likelihood_has_mean_one_at_the_edge),
      cmocka_unit_test(likelihood_has_mean_one_where_counts_scatter),
      cmocka_unit_test(zone_outweighs_wander),
      cmocka_unit_test(ticks_may_be_summed),
      cmocka_unit_test(changes_are_found_in_time),
      cmocka_unit_test(outage_is_not_learned_and_its_end_is_exact),
      cmocka_unit_test(lasting_change_is_adopted_when_told),
      cmocka_unit_test(bursts_are_learned),
      cmocka_unit_test(worked_example),
      cmocka_unit_test(smallest_change_is_about_what_shows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
