/* Ratios: exact expectations under the null, delays, what is learned, and the prior. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "base_math.h"
#include "detect_ratio.h"
#include "mesh_rng.h"

#define KEEP (1.0f - 1.0f / DETECT_RATIO_TAU)
static const struct detect_prior none = {0.0f, 0.0f};

static uint32_t phi_log(double phi) {
  return (uint32_t)(math_log(phi) / MATH_LN2 * SERIES_RATIO_PHI_OCTAVE + 0.5);
}

static double binomial_log(uint32_t n, uint32_t e, double p) {
  return math_lgamma(n + 1.0) - math_lgamma(e + 1.0) - math_lgamma(n - e + 1.0) + e * math_log(p) +
         (n - e) * math_log1p(-p);
}

/* E exp(l) over all outcomes of one step at the null p, of one alternative. From R = 0 the statistic is l itself. */
static double mean_likelihood(const struct series_ratio *r, float requests, uint32_t n, double p, unsigned k) {
  double sum = 0.0;
  for (uint32_t e = 0; e <= n; e++) {
    struct series_ratio one = *r;
    (void)detect_ratio_step(&one, none, requests, n, e, 1e30, false, 1, 1);
    sum += math_exp(binomial_log(n, e, p) + (double)one.g[k]);
  }
  return sum;
}

static uint32_t wander_root(double sd) {
  return (uint32_t)(4096.0 + sd * 2048.0 + 0.5);
}

/* Each alternative at its own end of the null, with wander and without. */
static void likelihood_has_mean_one_at_the_edge(void **state) {
  (void)state;
  static const float requests[] = {100.0f, 10000.0f, 1e6f}, ratio[] = {0.0f, 0.001f, 0.05f, 0.3f};
  static const uint32_t n[] = {1, 7, 60, 300};
  static const double sd[] = {0.0, 0.1, 0.4};
  for (unsigned i = 0; i < 3 * 4 * 4 * 3; i++) {
    float total = requests[i % 3];
    uint32_t step_n = n[i / 12 % 4];
    struct series_ratio r;
    detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
    r.a = ratio[i / 3 % 4] * total;
    r.wander = wander_root(sd[i / 48]) & 8191u;
    for (unsigned k = 0; k < SERIES_RATIO_ALTS; k++) {
      double p0 = detect_ratio_edge(&r, none, total, k), at = mean_likelihood(&r, total, step_n, p0, k),
             below = mean_likelihood(&r, total, step_n, 0.6 * p0, k);
      assert_true(p0 > detect_ratio_upper(&r, none, total) * (1.0 - 1e-9));
      assert_true(at <= 1.0 + 1e-4);
      assert_true(at >= 1.0 - 1e-3 || at < 1e-12); /* one out of use is at the floor */
      assert_true(below <= at + 1e-9);
    }
  }
}

/* The exponent of an alternative's evidence while the ratio is p: theta with E exp(theta l) = 1; it passes h with the
 * probability exp(-theta h). 0 where it grows for certain. l0, l1: of a request without an event, and with one. */
static double exponent_of(double p, double l0, double l1) {
  double lo = 0.0, hi = 1.0;
  if ((1.0 - p) * l0 + p * l1 >= 0.0) return 0.0;
  for (unsigned i = 0; i < 60; i++) {
    double mid = 0.5 * (lo + hi), mean = (1.0 - p) * math_exp(mid * l0) + p * math_exp(mid * l1);
    *(mean < 1.0 ? &lo : &hi) = mid;
  }
  return lo;
}

/* A wander of u sd that lasts has the probability exp(-u^2 / 2); then evidence of 25 nats has exp(-25 theta): together
 * never more than a false alarm may have. Exactly, for all u, where detect_zone.h argues with a normal approximation.
 * Where the zone is cut off at 4 sd, less is kept: the tick's e^-25 is e^-17 in the half hour that a wander remembers.
 */
static void lasting_wander_keeps_the_promise(void **state) {
  (void)state;
  static const double sds[] = {0.02, 0.05, 0.1, 0.15, 0.2, 0.3}, means[] = {0.001, 0.01, 0.05};
  for (unsigned i = 0; i < 6 * 3; i++) {
    struct series_ratio r;
    double sd = sds[i % 6], mean = means[i / 6], odds = mean / (1.0 - mean);
    detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
    r.a = (float)(1e9 * mean);
    r.wander = wander_root(sd) & 8191u;
    for (unsigned k = 0; k < SERIES_RATIO_ALTS; k++) {
      struct series_ratio good = r, bad = r;
      (void)detect_ratio_step(&good, none, 1e9f, 1, 0, 1e30, false, 1, 1);
      (void)detect_ratio_step(&bad, none, 1e9f, 1, 1, 1e30, false, 1, 1);
      double least = 1e9, cut = sd > 0.17 && k == 0 ? 16.5 : 22.0;
      for (double u = 0.0; u < 12.0; u += 0.05) {
        double now = odds * math_exp(u * sd), p = now / (1.0 + now);
        double nats = 0.5 * u * u + 25.0 * exponent_of(p, (double)good.g[k], (double)bad.g[k]);
        if (bad.g[k] > DETECT_FLOOR && nats < least) least = nats;
      }
      if (least < cut) print_error("sd %.2f, mean %.3f, alternative %u: %.2f nats\n", sd, mean, k, least);
      assert_true(least >= cut);
    }
  }
}

/* Overdispersed: dividing l by phi only lowers the mean (Jensen). */
static void dispersion_lowers_the_mean(void **state) {
  (void)state;
  struct series_ratio r;
  detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
  r.a = 50.0f;
  r.phi_log = phi_log(3.0) & 1023u;
  double p0 = detect_ratio_upper(&r, none, 10000.0f);
  for (unsigned k = 0; k < SERIES_RATIO_ALTS; k++) assert_true(mean_likelihood(&r, 10000.0f, 60, p0, k) < 1.0);
}

/* P(e events) of n requests of which each begins a cluster with probability p / m, of geometric size and mean m: the
 * sum of n draws, by n convolutions. */
#define EVENTS_MAX 512
static void compound_p(double *at, uint32_t n, double p, double m) {
  double size[EVENTS_MAX] = {0.0}, next[EVENTS_MAX];
  size[0] = 1.0 - p / m;
  for (unsigned c = 1; c < EVENTS_MAX; c++) size[c] = c == 1 ? p / m / m : size[c - 1] * (1.0 - 1.0 / m);
  for (unsigned e = 0; e < EVENTS_MAX; e++) at[e] = e == 0;
  for (; n; n--) {
    for (unsigned e = 0; e < EVENTS_MAX; e++) {
      next[e] = 0.0;
      for (unsigned c = 0; c <= e; c++) next[e] += at[e - c] * size[c];
    }
    for (unsigned e = 0; e < EVENTS_MAX; e++) at[e] = next[e];
  }
}

/* Where failures come in clusters of the size that is learned, E exp(l) is 1 at most, and close to it. */
static void clusters_have_mean_one_at_the_edge(void **state) {
  (void)state;
  static const double sizes[] = {1.5, 3.0, 5.0};
  static double at[EVENTS_MAX];
  for (unsigned i = 0; i < 3; i++) {
    struct series_ratio r;
    detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
    r.a = 50.0f;
    r.phi_log = phi_log(2.0 * sizes[i] - 1.0) & 1023u;
    compound_p(at, 30, detect_ratio_upper(&r, none, 10000.0f), sizes[i]);
    for (unsigned k = 0; k < SERIES_RATIO_ALTS; k++) {
      double sum = 0.0;
      for (uint32_t e = 0; e < EVENTS_MAX; e++) {
        struct series_ratio one = r;
        if (at[e] < 1e-300) continue;
        (void)detect_ratio_step(&one, none, 10000.0f, 30, e, 1e30, false, 1, 1);
        sum += at[e] * math_exp((double)one.g[k]);
      }
      if (sum > 1.001 || (k == 0 && sum < 0.999)) print_error("m %.1f, alternative %u: %.4f\n", sizes[i], k, sum);
      assert_true(sum <= 1.001);
      assert_true(k > 0 || sum >= 0.999); /* the sharp ones live of more events than there are requests */
    }
  }
}

/* Of a step that is a tick. */
#define PER_S(n) ((double)(n) * (double)LIMIT_TICKS_PER_S)

/* One ratio with its baseline, stepped as detect_step.c does. */
struct one {
  struct series_ratio r;
  struct mesh_rng rng;
  float requests;
  uint32_t seq;
  double bar; /* nats that a whole step asks for */
};

static struct detect_verdict step(struct one *o, uint32_t n, uint32_t e) {
  struct detect_verdict v =
      detect_ratio_step(&o->r, none, o->requests, n, e, 22.0, o->seq >= DETECT_RATIO_ARMED, o->seq, 1);
  detect_ratio_learn(&o->r, none, o->requests, PER_S(n), n, e, KEEP, v.freeze && o->seq >= DETECT_RATIO_FREEZES);
  o->requests = o->requests * KEEP + (float)n;
  o->seq++;
  return v;
}

static struct detect_verdict draw(struct one *o, double n, double p) {
  uint32_t k = rng_poisson(&o->rng, n);
  return step(o, k, rng_binomial(&o->rng, k, p));
}

static void quiet(struct one *o, uint32_t ticks, double n, double p) {
  for (; ticks; ticks--) assert_int_equal(draw(o, n, p).event, DETECT_NOTHING);
}

static struct one learned(uint64_t seed, double n, double p) {
  struct one o = {.rng = {seed}, .seq = 1};
  detect_ratio_init(&o.r, REC_SIGNAL_ERRORS, 0);
  quiet(&o, 7200, n, p);
  return o;
}

/* Ticks from the first bad one to the alarm, and its onset's error. */
static uint32_t delay(uint64_t seed, double n, double before, double after, uint32_t *off) {
  struct one o = learned(seed, n, before);
  uint32_t from = o.seq;
  struct detect_verdict v = {0};
  while (v.event != DETECT_RAISED && o.seq < from + 4000) v = draw(&o, n, after);
  *off = v.from_seq > from ? v.from_seq - from : from - v.from_seq;
  return o.seq - from;
}

static void faults_are_found_in_time(void **state) {
  (void)state;
  static const struct {
    double n, before, after;
    uint32_t ticks, off; /* at most, in each of ten runs */
  } cases[] = {
      {25.0, 0.001, 1.0, 1, 0},    /* 100 a second, all fail: at once */
      {5.0, 0.001, 1.0, 4, 1},     /* 20 a second */
      {25.0, 0.001, 0.05, 60, 24}, /* to 5 %: 15 s at most */
      {25.0, 0.01, 0.04, 160, 80},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (uint64_t seed = 1; seed <= 10; seed++) {
      uint32_t off, ticks = delay(seed, cases[i].n, cases[i].before, cases[i].after, &off);
      if (ticks > cases[i].ticks || off > cases[i].off)
        print_error("case %u: %u ticks, onset off by %u\n", i, ticks, off);
      assert_true(ticks <= cases[i].ticks);
      assert_true(off <= cases[i].off);
    }
}

/* Half an hour of failures teaches nothing, and their end is told to the tick. */
static void outage_is_not_learned_and_its_end_is_exact(void **state) {
  (void)state;
  struct one o = learned(3, 25.0, 0.004);
  double before = detect_ratio_mean(&o.r, o.requests);
  unsigned raised = 0, over = 0;
  for (uint32_t i = 0; i < 7200; i++) {
    struct detect_verdict v = draw(&o, 25.0, 0.8);
    raised += v.event == DETECT_RAISED;
    over += v.event == DETECT_OVER;
  }
  assert_int_equal(raised, 1);
  assert_int_equal(over, 0);
  double after = detect_ratio_mean(&o.r, o.requests);
  assert_true(after < before * 1.05 && after > before * 0.95);
  uint32_t end = o.seq;
  struct detect_verdict v = {0};
  while (v.event != DETECT_OVER && o.seq < end + 100) v = draw(&o, 25.0, 0.004);
  assert_int_equal(v.from_seq, end);
  assert_true(o.seq - end <= 4); /* within a second */
  quiet(&o, 1200, 25.0, 0.004);
}

/* A service without an error so far, at a request a second: one error is no alarm. */
static void first_error_is_no_alarm(void **state) {
  (void)state;
  struct one o = {.rng = {1}, .seq = 1};
  detect_ratio_init(&o.r, REC_SIGNAL_ERRORS, 0);
  for (uint32_t i = 0; i < 2000; i++) (void)step(&o, 1, 0);
  for (uint32_t i = 0; i < 3; i++) assert_int_equal(step(&o, 1, 1).event, DETECT_NOTHING);
}

/* A pooled series counts one failure once at each hop: failures come six at a time. While the scatter is not yet known
 * nothing may be said, and then it is known. With the windows and the arming of detect_step.c. */
static void newborn_with_clustered_errors_is_calm(void **state) {
  (void)state;
  unsigned raised = 0;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = {.rng = {seed}, .seq = 1};
    float win_n = 0.0f;
    detect_ratio_init(&o.r, REC_SIGNAL_ERRORS, 0);
    for (uint32_t t = 0; t < 4800; t++, o.seq++) {
      uint32_t n = rng_poisson(&o.rng, 300.0), e = 6 * rng_poisson(&o.rng, 0.1);
      bool armed = t >= DETECT_RATIO_ARMED;
      struct detect_verdict v = detect_ratio_step(&o.r, none, o.requests, n, e, 22.0, armed, o.seq, 1);
      detect_ratio_learn(&o.r, none, o.requests, PER_S(n), n, e, KEEP, v.freeze && t >= DETECT_RATIO_FREEZES);
      raised += v.event == DETECT_RAISED;
      o.requests = o.requests * KEEP + (float)n;
      win_n += (float)n;
      if (t % 40 != 39) continue;
      detect_ratio_window(&o.r, o.requests, win_n, (float)t / 40.0f);
      win_n = 0.0f;
    }
  }
  if (raised) print_error("%u alarms in ten runs of 20 minutes\n", raised);
  assert_int_equal(raised, 0);
}

/* As detect_step.c does it, with windows. */
static struct detect_verdict whole_step(struct one *o, float *win_n, uint32_t n, uint32_t e) {
  float keep = detect_alarm_keep(o->seq, 1, DETECT_RATIO_TAU);
  double bar = o->bar + (o->seq < DETECT_RATIO_ARMED ? DETECT_RATIO_DOUBT : 0.0);
  struct detect_verdict v = {0};
  if (n) {
    v = detect_ratio_step(&o->r, none, o->requests, n, e, bar, o->seq >= DETECT_RATIO_NEWBORN, o->seq, 1);
    bool frozen = v.freeze && (o->seq >= DETECT_RATIO_FREEZES || o->r.best != SERIES_RATIO_CALM);
    detect_ratio_learn(&o->r, none, o->requests, PER_S(n), n, e, keep, frozen);
    o->requests = o->requests * keep + (float)n;
    *win_n += (float)n;
  }
  if (++o->seq % 40 || *win_n <= 0.0f) return v;
  detect_ratio_window(&o->r, o->requests, *win_n, (float)o->seq / 40.0f);
  *win_n = 0.0f;
  return v;
}

static unsigned whole_run(struct one *o, uint32_t ticks, double n, double p, double cluster) {
  unsigned raised = 0;
  float win_n = 0.0f;
  for (; ticks; ticks--) {
    uint32_t k = rng_poisson(&o->rng, n), e = 0;
    for (uint32_t c = rng_binomial(&o->rng, k, p / cluster); c; c--)
      for (e++; rng_unit(&o->rng) > 1.0 / cluster;) e++;
    raised += whole_step(o, &win_n, k, e < k ? e : k).event == DETECT_RAISED;
  }
  return raised;
}

static struct one whole(uint64_t seed) {
  struct one o = {.rng = {seed}, .bar = 20.0};
  detect_ratio_init(&o.r, REC_SIGNAL_ERRORS, 0);
  return o;
}

/* Twelve uniforms: variance one, and as good as normal within three. */
static double normal(struct mesh_rng *rng) {
  double sum = -6.0;
  for (unsigned i = 0; i < 12; i++) sum += rng_unit(rng);
  return sum;
}

/* The log of a ratio that wanders by itself: an Ornstein-Uhlenbeck process, stepped once a second. */
struct wander {
  double at, sd, memory_s;
};

static double wander_second(struct wander *w, struct mesh_rng *rng) {
  double keep = math_exp(-1.0 / w->memory_s);
  w->at = w->at * keep + w->sd * math_sqrt(1.0 - keep * keep) * normal(rng);
  return math_exp(w->at - 0.5 * w->sd * w->sd);
}

static unsigned wander_run(struct one *o, struct wander *w, uint32_t seconds, double n, double p) {
  unsigned raised = 0;
  float win_n = 0.0f;
  for (; seconds; seconds--) {
    double now = p * wander_second(w, &o->rng);
    for (unsigned t = 0; t < 4; t++) {
      uint32_t k = rng_poisson(&o->rng, n);
      raised += whole_step(o, &win_n, k, rng_binomial(&o->rng, k, now < 1.0 ? now : 1.0)).event == DETECT_RAISED;
    }
  }
  return raised;
}

/* A hundred requests a second, three failures at once on average, some ten: the first are alarms, and then they
 * are how this series lives. */
static void clusters_become_normal_life(void **state) {
  (void)state;
  unsigned early = 0, late = 0;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct one o = whole(seed);
    early += whole_run(&o, 2 * 3600 * 4, 25.0, 0.002, 3.0);
    late += whole_run(&o, 10 * 3600 * 4, 25.0, 0.002, 3.0);
    double phi = series_ratio_phi(&o.r), mean = detect_ratio_mean(&o.r, o.requests);
    if (phi < 3.5 || phi > 7.5 || mean < 0.0014 || mean > 0.0026) print_error("phi %.2f, mean %.5f\n", phi, mean);
    assert_true(phi > 3.5 && phi < 7.5); /* 2 m - 1 = 5 */
    assert_true(mean > 0.0014 && mean < 0.0026);
  }
  print_message("# %u alarms in the first two hours of ten, %u in the ten after\n", early, late);
  assert_int_equal(late, 0);
}

static void lone_failures_are_no_clusters(void **state) {
  (void)state;
  static const double rates[][2] = {{0.25, 0.02}, {2.5, 0.001}, {25.0, 0.01}, {250.0, 0.05}};
  for (unsigned i = 0; i < 4; i++) {
    struct one o = whole(i + 1);
    assert_int_equal(whole_run(&o, 4 * 3600 * 4, rates[i][0], rates[i][1], 1.0), 0);
    if (series_ratio_phi(&o.r) > 1.25) print_error("case %u: phi %.2f\n", i, series_ratio_phi(&o.r));
    assert_true(series_ratio_phi(&o.r) < 1.25);
  }
}

/* A second in which all fail: found, over, and worth one window's say. The next one is found, too. */
static void one_burst_is_found_and_teaches_little(void **state) {
  (void)state;
  struct one o = whole(1);
  float win_n = 0.0f;
  assert_int_equal(whole_run(&o, 2 * 3600 * 4, 5.0, 0.0005, 1.0), 0);
  for (unsigned burst = 0; burst < 2; burst++) {
    unsigned raised = 0;
    for (unsigned t = 0; t < 4; t++) raised += whole_step(&o, &win_n, 5, 5).event == DETECT_RAISED;
    assert_int_equal(raised, 1);
    double before = o.r.a, phi = series_ratio_phi(&o.r);
    assert_int_equal(whole_run(&o, 240, 5.0, 0.0005, 1.0), 0);
    assert_true(o.r.best == SERIES_RATIO_CALM);
    assert_true(o.r.a > before + 4.0 && o.r.a < before + 16.0); /* 8 phi and a lone one */
    assert_true(series_ratio_phi(&o.r) > 1.05 * phi && series_ratio_phi(&o.r) <= 1.27 * phi + 0.01);
  }
}

/* Six of six in a service that hardly anybody calls. */
static void quiet_service_that_fails_is_found(void **state) {
  (void)state;
  struct one o = whole(1);
  unsigned raised = 0;
  float win_n = 0.0f;
  (void)whole_run(&o, 3600 * 4, 0.25, 0.0, 1.0);
  for (unsigned i = 0; i < 6; i++) raised += whole_step(&o, &win_n, 1, 1).event == DETECT_RAISED;
  assert_int_equal(raised, 1);
}

/* A ratio that wanders, by more than the learned ratio's own error: normal life. The first hours are for learning. */
static void wandering_ratio_is_no_alarm(void **state) {
  (void)state;
  static const struct {
    double sd, memory_s, n, p;
  } cases[] = {
      {0.3, 600.0, 12.5, 0.01}, {0.3, 120.0, 5.0, 0.025}, {0.5, 1800.0, 15.0, 0.005}, {0.5, 1800.0, 15.0, 0.002}};
  unsigned early = 0, late = 0;
  for (unsigned i = 0; i < 8; i++) {
    struct one o = whole(i + 1);
    struct wander w = {0.0, cases[i % 4].sd, cases[i % 4].memory_s};
    early += wander_run(&o, &w, 2 * 3600, cases[i % 4].n, cases[i % 4].p);
    late += wander_run(&o, &w, 8 * 3600, cases[i % 4].n, cases[i % 4].p);
  }
  print_message("# %u alarms in the first two hours of eight, %u in the eight after\n", early, late);
  assert_true(early <= 2);
  assert_int_equal(late, 0);
}

/* While it wanders by a third, an outright failure is found in its second, and eight times the failures soon. */
static void faults_are_found_while_the_ratio_wanders(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 4; seed++) {
    struct one o = whole(seed);
    struct wander w = {0.0, 0.3, 600.0};
    float win_n = 0.0f;
    (void)wander_run(&o, &w, 3 * 3600, 12.5, 0.01);
    struct one all = o, eight = o;
    unsigned raised = 0, ticks = 0;
    for (unsigned t = 0; t < 4; t++) raised += whole_step(&all, &win_n, 12, 12).event == DETECT_RAISED;
    assert_int_equal(raised, 1);
    for (raised = 0; !raised && ticks < 400; ticks++)
      raised = whole_step(&eight, &win_n, 12, rng_binomial(&eight.rng, 12, 0.08)).event == DETECT_RAISED;
    if (ticks > 160) print_error("seed %u: %u ticks\n", (unsigned)seed, ticks);
    assert_true(ticks <= 160);
  }
}

/* Eight requests a second, of which one in 280 fails, and then for four minutes one in 42: a failure every five seconds
 * is little evidence each time, and is learned before the next one comes unless it waits. The bound lies halfway
 * between the 40 that are found and the 32 that were when three failures waited. */
static void a_slow_rise_is_not_half_learned(void **state) {
  (void)state;
  unsigned found = 0;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct one o = whole(seed);
    o.bar = 23.0;
    assert_int_equal(whole_run(&o, 25 * 60 * 4, 2.0, 0.0036, 1.0), 0);
    found += whole_run(&o, 4 * 60 * 4, 2.0, 0.024, 1.0) > 0;
  }
  if (found < 36) print_error("%u of 40 found\n", found);
  assert_true(found >= 36);
}

/* Windows of ten seconds alone, without evidence. The slow version has the same sums in full precision. */
static void wander_is_learned_as_the_slow_version_says(void **state) {
  (void)state;
  static const struct {
    double sd, memory_s, n, p, least, most;
  } cases[] = {
      {0.0, 600.0, 500.0, 0.01, -0.004, 0.004}, /* standard error 0.0013, as a is 1800 and there are six such hours */
      {0.3, 600.0, 500.0, 0.01, 0.045, 0.11},   /* 0.09, less what the learned ratio follows and the near one misses */
      {0.5, 1800.0, 500.0, 0.01, 0.09, 0.30},   /* 0.28 in the mean of odds; an hour's horizon follows a third */
      {0.3, 600.0, 5000.0, 0.05, 0.05, 0.12},
  };
  for (unsigned i = 0; i < 4; i++) {
    double sum = 0.0, sum_slow = 0.0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
      struct one o = whole(100 * seed + i);
      struct wander w = {0.0, cases[i].sd, cases[i].memory_s};
      double z = 0.02, b = 0.0;
      for (unsigned window = 0; window < 10 * 360; window++) {
        uint32_t n = rng_poisson(&o.rng, cases[i].n), e = 0;
        for (unsigned s = 0; s < 10; s++) e += rng_binomial(&o.rng, n / 10, cases[i].p * wander_second(&w, &o.rng));
        detect_ratio_learn(&o.r, none, o.requests, (double)n / 10.0, n, e,
                           detect_alarm_keep(window * 40, 40, DETECT_RATIO_TAU), false);
        o.requests = o.requests * detect_alarm_keep(window * 40, 40, DETECT_RATIO_TAU) + (float)n;
        double p = detect_ratio_mean(&o.r, o.requests), m = p * n, x = (e - m) / (1.0 - p), plus = z > 0.0 ? z : 0.0;
        double phi = series_ratio_phi(&o.r), hours = window / 360.0;
        double most = 4.0 * math_sqrt((phi * m / (1.0 - p) + plus * m * m) * (phi / ((48.0 + m) * (1.0 - p)) + plus));
        double xb = x * b > most ? most : x * b < -most ? -most : x * b;
        hours = hours < 1.0 ? 1.0 : hours < 6.0 ? hours : 6.0;
        z += (xb - z * m) / ((double)o.r.a * hours + 20.0);
        b += (x - b * m) / (24.0 + m);
        detect_ratio_window(&o.r, o.requests, (float)n, (float)window);
      }
      if (series_ratio_phi(&o.r) > 4.0) print_error("case %u: phi %.2f\n", i, series_ratio_phi(&o.r));
      assert_true(series_ratio_phi(&o.r) < 4.0); /* the last would be 20 if wander were taken for clusters */
      sum += detect_ratio_wander(&o.r) / 8.0;
      sum_slow += z / 8.0;
    }
    double off = sum - sum_slow, room = 0.002 + 0.15 * (sum_slow > 0.0 ? sum_slow : 0.0);
    if (off > room || off < -room || sum < cases[i].least || sum > cases[i].most)
      print_error("case %u: %.4f is learned, %.4f by the slow version\n", i, sum, sum_slow);
    assert_true(off <= room && off >= -room);
    assert_true(sum >= cases[i].least && sum <= cases[i].most);
  }
}

/* Half an hour old: three times as many failures, until they are found, are not taken for wander. */
static void trouble_is_not_learned_as_wander(void **state) {
  (void)state;
  unsigned found = 0;
  double widened = 0.0;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct one o = whole(seed);
    (void)whole_run(&o, 1800 * 4, 5.0, 0.01, 1.0);
    double before = detect_ratio_wander(&o.r);
    found += whole_run(&o, 600 * 4, 5.0, 0.03, 1.0) > 0;
    widened += (detect_ratio_wander(&o.r) - before) / 40.0;
  }
  if (found < 34 || widened > 0.005) print_error("%u of 40 found, widened by %.4f\n", found, widened);
  assert_true(found >= 34);
  assert_true(widened <= 0.005);
}

/* One request in a hundred seconds, in a mesh of services that hardly ever fail: six failures in a row are found at the
 * sixth. What fails now must not speak for itself: the evidence is that of p0 as it was before the first. */
static void six_in_a_row_are_found_at_the_sixth(void **state) {
  (void)state;
  struct detect_prior prior = {0.0016f, 600.0f};
  struct one o = whole(1);
  struct detect_verdict v = {0};
  double g[SERIES_RATIO_ALTS], top = 0.0, sum = 0.0;
  unsigned failed = 0;
  while (failed < 6 && v.event == DETECT_NOTHING) {
    o.seq += 400;
    uint32_t e = o.seq > 28800;
    float keep = detect_alarm_keep(o.seq, 400, DETECT_RATIO_TAU);
    struct series_ratio before = o.r;
    v = detect_ratio_step(&o.r, prior, o.requests, 1, e, 22.0, true, o.seq, 1);
    for (unsigned k = 0; e && k < SERIES_RATIO_ALTS; k++) {
      struct series_ratio one = before;
      if (failed == 0) g[k] = (double)before.g[k];
      one.a = 0.0f;
      one.fresh = 0;
      for (unsigned i = 0; i < SERIES_RATIO_ALTS; i++) one.g[i] = DETECT_FLOOR;
      (void)detect_ratio_step(&one, prior, o.requests, 1, 1, 1e30, false, o.seq, 1);
      g[k] = math_log1p_exp(g[k]) + (double)one.g[k];
      top = g[k] > top ? g[k] : top;
    }
    detect_ratio_learn(&o.r, prior, o.requests, PER_S(1), 1, e, keep, v.freeze);
    o.requests = o.requests * keep + 1.0f;
    if (v.event == DETECT_NOTHING) detect_ratio_window(&o.r, o.requests, 1.0f, (float)o.seq / 40.0f);
    failed += e;
  }
  for (unsigned k = 0; k < SERIES_RATIO_ALTS; k++) sum += math_exp(g[k] - top) / SERIES_RATIO_ALTS;
  double slow = top + math_log(sum);
  if (v.event != DETECT_RAISED || v.log_e - slow > 0.1 || slow - v.log_e > 0.1)
    print_error("%u failures, %.2f nats, %.2f by the slow version\n", failed, v.log_e, slow);
  assert_int_equal(v.event, DETECT_RAISED);
  assert_int_equal(failed, 6);
  assert_true(v.log_e - slow < 0.1 && slow - v.log_e < 0.1);
}

/* A third fails for six hours, also where windows pass without a failure: an alarm that stands and knows the share, and
 * from the first minutes on nothing of it is learned. */
static void long_trouble_is_no_cluster(void **state) {
  (void)state;
  static const double rates[] = {0.125, 1.0, 25.0};
  for (unsigned i = 0; i < 3; i++) {
    struct one o = whole(i + 1);
    double n, e;
    (void)whole_run(&o, 3600 * 4, rates[i], 0.002, 1.0);
    double before = detect_ratio_mean(&o.r, o.requests);
    unsigned raised = whole_run(&o, 300 * 4, rates[i], 0.3, 1.0), phi = o.r.phi_log;
    double mean = detect_ratio_mean(&o.r, o.requests), learned = (mean - before) * (double)o.requests;
    if (learned > 24.0 || phi > phi_log(1.75)) print_error("%.1f events, phi %u\n", learned, phi);
    assert_true(learned < 24.0 &&
                phi <= phi_log(1.75)); /* of the onset, before it was suspected, and of an end too soon */
    raised += whole_run(&o, 6 * 3600 * 4, rates[i], 0.3, 1.0);
    assert_true(raised == 1 || (i < 2 && raised == 2)); /* while it knows a few requests, good ones may seem an end */
    detect_ratio_since(&o.r, &n, &e);
    assert_true(e / n > 0.28 && e / n < 0.32);
    assert_int_equal(o.r.phi_log, phi);
    double after = detect_ratio_mean(&o.r, o.requests);
    assert_true(after > 0.95 * mean && after < 1.05 * mean);
  }
}

/* A service that has never done anything but fail is as it always was. */
static void failing_from_birth_is_no_alarm(void **state) {
  (void)state;
  static const double p[] = {1.0, 0.97, 0.85};
  for (unsigned i = 0; i < 3; i++) {
    struct one o = whole(i + 1);
    assert_int_equal(whole_run(&o, 6 * 3600 * 4, 5.0, p[i], 1.0), 0);
    assert_true(o.r.best == SERIES_RATIO_CALM && !detect_ratio_suspects(&o.r));
  }
}

/* The learned ratio is that of what was seen, also where failures come in clusters. */
static void clustered_errors_are_learned(void **state) {
  (void)state;
  struct one o = {.rng = {3}, .seq = 1};
  detect_ratio_init(&o.r, REC_SIGNAL_ERRORS, 0);
  for (uint32_t t = 0; t < 9600; t++) {
    uint32_t n = rng_poisson(&o.rng, 300.0), e = 6 * rng_poisson(&o.rng, 0.1);
    detect_ratio_learn(&o.r, none, o.requests, PER_S(n), n, e, KEEP, false);
    o.requests = o.requests * KEEP + (float)n;
  }
  double mean = detect_ratio_mean(&o.r, o.requests);
  if (mean < 0.0017) print_error("0.002 of all requests fail, %.5f is learned\n", mean);
  assert_true(mean > 0.0017 && mean < 0.0023);
}

/* p0 of the worked example in docs/detectors/ratio.md. */
static void worked_example(void **state) {
  (void)state;
  struct series_ratio r;
  detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
  r.a = 10.0f;
  double p0 = detect_ratio_upper(&r, none, 10000.0f); /* (10 + 3 sqrt 10 + 4.5) / 10001 */
  assert_true(p0 > 0.0023984 && p0 < 0.0023988);
  (void)detect_ratio_step(&r, none, 10000.0f, 20, 3, 1e30, false, 1, 1);
  assert_true(r.g[0] > 3.199f && r.g[0] < 3.201f); /* odds x 3 */
  assert_true(r.g[1] > 9.370f && r.g[1] < 9.372f); /* odds x 43.3 */
  assert_true(r.g[2] > 1.029f && r.g[2] < 1.031f); /* p1 = 0.6, odds x 624 */
}

/* And that of a ratio which wanders. */
static void worked_example_of_wander(void **state) {
  (void)state;
  static const double p0[SERIES_RATIO_ALTS] = {0.03176, 0.02094, 0.01605};
  struct series_ratio r;
  detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
  r.a = 1000.0f;
  r.wander = wander_root(0.2998) & 8191u; /* z = 0.0899 */
  for (unsigned k = 0; k < SERIES_RATIO_ALTS; k++) {
    double off = detect_ratio_edge(&r, none, 100000.0f, k) / p0[k];
    assert_true(off > 0.999 && off < 1.001);
  }
}

/* P(Poisson(x) <= k): the tail of a gamma of shape k + 1 beyond x. */
static double poisson_below(double x, unsigned k) {
  double term = math_exp(-x), sum = term;
  for (unsigned i = 1; i <= k; i++) sum += term *= x / i;
  return sum;
}

/* The upper end is where 0.00135 of a gamma is beyond it, as beyond three standard deviations, give or take a factor of
 * two; alone without an event it is a hundredth. */
static void upper_end_is_three_sd_up(void **state) {
  (void)state;
  static const unsigned a[] = {1, 2, 5, 10, 30, 100};
  struct detect_prior lends = {0.001f, 1000.0f};
  for (unsigned i = 0; i < 6; i++) {
    struct series_ratio r;
    detect_ratio_init(&r, REC_SIGNAL_ERRORS, 0);
    r.a = (float)a[i];
    double alone = poisson_below(detect_ratio_upper(&r, none, 1e5f) * 100001.0, a[i]);
    double lent = poisson_below(detect_ratio_upper(&r, lends, 1e5f) * 101001.0, a[i]); /* a + 1 events, shape a + 1 */
    if (alone < 0.0006 || alone > 0.0027 || lent < 0.0006 || lent > 0.0027)
      print_error("a %u: %.5f alone, %.5f with an event lent\n", a[i], alone, lent);
    assert_true(alone > 0.0006 && alone < 0.0027);
    assert_true(lent > 0.0006 && lent < 0.0027);
  }
}

/* Kleinman 1973 in two plain passes. */
static struct detect_prior prior_slow(const double *a, const double *n, unsigned count, struct detect_moments *m) {
  long double sa = 0, sn = 0, s = 0, n2 = 0;
  *m = (struct detect_moments){0};
  for (unsigned i = 0; i < count; i++) {
    detect_moments_add(m, a[i], n[i]);
    sa += a[i];
    sn += n[i];
    n2 += (long double)n[i] * n[i];
  }
  long double p = sa / sn;
  for (unsigned i = 0; i < count; i++) s += n[i] * (a[i] / n[i] - p) * (a[i] / n[i] - p);
  long double between = s - (count - 1) * p * (1 - p),
              k = between > 0 ? p * (1 - p) * (sn - n2 / sn) / between - 1 : 2000;
  return (struct detect_prior){(float)p, (float)(k < 0 ? 0 : k > 2000 ? 2000 : k)};
}

/* Services whose ratios are beta distributed with the strength given; 0: all alike. */
static struct detect_prior prior_of(double mean, unsigned strength, unsigned count, uint64_t seed) {
  struct mesh_rng r = {seed};
  double a[400], n[400];
  for (unsigned i = 0; i < count; i++) {
    double p = mean;
    n[i] = 200.0 + 20.0 * (double)(i % 50);
    if (strength) { /* a Polya urn's limit: the share of marks in many draws */
      double marks = mean * strength, all = strength;
      for (unsigned d = 0; d < 4000; d++, all += 1.0) marks += rng_unit(&r) < marks / all;
      p = marks / all;
    }
    a[i] = rng_binomial(&r, (uint32_t)n[i], p);
  }
  struct detect_moments m;
  struct detect_prior want = prior_slow(a, n, count, &m), got = detect_moments_prior(&m);
  assert_true(got.mean - want.mean < 1e-6f && want.mean - got.mean < 1e-6f);
  assert_true(got.strength < want.strength * 1.001f + 1e-3f && got.strength > want.strength * 0.999f - 1e-3f);
  return got;
}

static void prior_knows_what_services_have_in_common(void **state) {
  (void)state;
  struct detect_prior alike = prior_of(0.02, 0, 400, 1), apart = prior_of(0.02, 50, 400, 2),
                      wide = prior_of(0.1, 5, 400, 3);
  assert_true(alike.strength > 500.0f);
  assert_true(apart.strength > 30.0f && apart.strength < 80.0f);
  assert_true(wide.strength > 3.0f && wide.strength < 8.0f);
}

static void prior_of_too_few_is_nothing(void **state) {
  (void)state;
  struct detect_moments m = {0};
  detect_moments_add(&m, 1.0, 100.0);
  detect_moments_add(&m, 1.0, 100.0);
  detect_moments_add(&m, 1.0, 19.0); /* too few requests to say anything */
  assert_true(detect_moments_prior(&m).strength == 0.0f);
  detect_moments_add(&m, 0.0, 20.0);
  assert_true(detect_moments_prior(&m).mean > 0.0f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(likelihood_has_mean_one_at_the_edge),
      cmocka_unit_test(lasting_wander_keeps_the_promise),
      cmocka_unit_test(clusters_have_mean_one_at_the_edge),
      cmocka_unit_test(dispersion_lowers_the_mean),
      cmocka_unit_test(faults_are_found_in_time),
      cmocka_unit_test(outage_is_not_learned_and_its_end_is_exact),
      cmocka_unit_test(first_error_is_no_alarm),
      cmocka_unit_test(newborn_with_clustered_errors_is_calm),
      cmocka_unit_test(clustered_errors_are_learned),
      cmocka_unit_test(clusters_become_normal_life),
      cmocka_unit_test(lone_failures_are_no_clusters),
      cmocka_unit_test(one_burst_is_found_and_teaches_little),
      cmocka_unit_test(quiet_service_that_fails_is_found),
      cmocka_unit_test(six_in_a_row_are_found_at_the_sixth),
      cmocka_unit_test(wandering_ratio_is_no_alarm),
      cmocka_unit_test(faults_are_found_while_the_ratio_wanders),
      cmocka_unit_test(a_slow_rise_is_not_half_learned),
      cmocka_unit_test(wander_is_learned_as_the_slow_version_says),
      cmocka_unit_test(trouble_is_not_learned_as_wander),
      cmocka_unit_test(long_trouble_is_no_cluster),
      cmocka_unit_test(failing_from_birth_is_no_alarm),
      cmocka_unit_test(upper_end_is_three_sd_up),
      cmocka_unit_test(worked_example),
      cmocka_unit_test(worked_example_of_wander),
      cmocka_unit_test(prior_knows_what_services_have_in_common),
      cmocka_unit_test(prior_of_too_few_is_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
