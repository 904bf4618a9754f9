/* The table of gauges: keys whole, bounds, episodes. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "detect_gauge_table.h"
#include "mesh_rng.h"

#define S TIME_NS_PER_S
#define T0 (1772442000 * S)

struct bed {
  struct gauge_table t;
  void *mem;
  struct mesh_rng rng;
};

static void bed_open(struct bed *b, uint32_t max) {
  b->mem = calloc(1, gauge_table_bytes(max));
  b->rng = (struct mesh_rng){5};
  assert_non_null(b->mem);
  gauge_table_init(&b->t, b->mem, max);
}

static void bed_close(struct bed *b) {
  free(b->mem);
}

static struct rec_gauge sample(const char *service, const char *metric, int64_t at_ns, double value) {
  return (struct rec_gauge){.at = {at_ns},
                            .metric = str_of(metric),
                            .dim = {[REC_DIM_SERVICE] = str_of(service)},
                            .value = value,
                            .bad = REC_BAD_ABOVE};
}

static enum gauge_taken take(struct bed *b, struct rec_gauge g) {
  return gauge_table_take(&b->t, &g, (struct base_wall){g.at.ns + 1});
}

/* A queue that is usually 0 to 2, a sample a second for 300 s; then what the caller says. Gives its watch. */
static const struct gauge_watch *learned(struct bed *b) {
  bed_open(b, 64);
  for (int i = 0; i < 300; i++)
    assert_int_equal(take(b, sample("cart", "queue", T0 + i * S, (double)(int)(3.0 * rng_unit(&b->rng)))), GAUGE_TAKEN);
  assert_int_equal(b->t.n, 1);
  assert_int_equal(gauge_table_hot(&b->t, 0), GAUGE_NONE);
  return &b->t.watch[0];
}

/* The oracle is the detector itself, fed by hand. */
static void each_gauge_is_stepped_alone(void **state) {
  (void)state;
  struct bed b;
  struct detect_gauge want[3];
  static const char *const name[] = {"a", "b", "c"};
  bed_open(&b, 64);
  for (unsigned k = 0; k < 3; k++) detect_gauge_init(&want[k]);
  for (int i = 0; i < 400; i++)
    for (unsigned k = 0; k < 3; k++) {
      double value = (double)k + rng_unit(&b.rng) + (i > 350 ? 20.0 : 0.0);
      int64_t at = T0 + i * S;
      (void)detect_gauge_step(&want[k], value, (double)at * 1e-9);
      assert_int_equal(take(&b, sample("cart", name[k], at, value)), GAUGE_TAKEN);
    }
  for (unsigned k = 0; k < 3; k++) assert_memory_equal(&b.t.watch[k].gauge, &want[k], sizeof want[k]);
  bed_close(&b);
}

/* Names that would be equal if they were glued together are three gauges. */
static void keys_are_compared_whole(void **state) {
  (void)state;
  struct bed b;
  struct rec_gauge_names n;
  struct rec_gauge g[3] = {sample("ab", "c", T0, 1.0), sample("a", "bc", T0, 2.0), sample("a", "b", T0, 3.0)};
  bed_open(&b, 64);
  g[2].part = STR("c");
  for (unsigned k = 0; k < 3; k++) assert_int_equal(take(&b, g[k]), GAUGE_TAKEN);
  assert_int_equal(b.t.n, 3);
  for (unsigned k = 0; k < 3; k++) {
    assert_true(rec_gauge_key_read(b.t.watch[k].key, b.t.watch[k].key_n, &n));
    assert_true(str_eq(n.metric, g[k].metric) && str_eq(n.part, g[k].part));
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) assert_true(str_eq(n.dim[d], g[k].dim[d]));
    assert_true(b.t.watch[k].value == g[k].value);
  }
  for (uint16_t cut = 0; cut < b.t.watch[2].key_n; cut++) assert_false(rec_gauge_key_read(b.t.watch[2].key, cut, &n));
  bed_close(&b);
}

static void names_that_are_too_long_are_refused_whole(void **state) {
  (void)state;
  struct bed b;
  char name[LIMIT_NAME_BYTES + 1];
  memset(name, 'x', LIMIT_NAME_BYTES);
  name[LIMIT_NAME_BYTES] = 0;
  bed_open(&b, 64);
  struct rec_gauge g = sample(name, "m", T0, 1.0);
  g.part = (struct base_str){name, REC_GAUGE_KEY_BYTES - LIMIT_NAME_BYTES - 1 - 2 * (REC_DIM_COUNT + 2)};
  assert_int_equal(take(&b, g), GAUGE_TAKEN); /* just fits */
  g.part.n++;
  assert_int_equal(take(&b, g), GAUGE_LONG);
  assert_int_equal(b.t.n, 1);
  bed_close(&b);
}

static void a_full_table_refuses_until_one_is_idle(void **state) {
  (void)state;
  struct bed b;
  char name[16];
  bed_open(&b, 64);
  for (unsigned i = 0; i < 65; i++) {
    (void)snprintf(name, sizeof name, "m%u", i);
    assert_int_equal(take(&b, sample("cart", name, T0, 1.0)), i < 64 ? GAUGE_TAKEN : GAUGE_FULL);
  }
  int64_t later = T0 + GAUGE_IDLE_NS + 2 * S;
  assert_int_equal(take(&b, sample("cart", "m7", T0 + GAUGE_IDLE_NS, 1.0)), GAUGE_TAKEN); /* this one is not */
  for (unsigned i = 0; i < 256; i++) gauge_table_sweep(&b.t, (struct base_wall){later});
  assert_int_equal(b.t.n, 1);
  assert_int_equal(take(&b, sample("cart", "m64", later, 1.0)), GAUGE_TAKEN);
  assert_int_equal(take(&b, sample("cart", "m7", later, 1.0)), GAUGE_TAKEN);
  assert_int_equal(b.t.n, 2);
  bed_close(&b);
}

static void a_sample_that_was_told_before_is_passed_over(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b, 64);
  assert_int_equal(take(&b, sample("cart", "m", T0, 1.0)), GAUGE_TAKEN);
  assert_int_equal(take(&b, sample("cart", "m", T0, 9.0)), GAUGE_OLD);
  assert_int_equal(take(&b, sample("cart", "m", T0 - S, 9.0)), GAUGE_OLD);
  assert_int_equal(b.t.watch[0].gauge.n, 1);
  /* One from the far future is of now: those that follow are still taken. */
  struct rec_gauge g = sample("cart", "m", T0 + 86400 * S, 1.0);
  assert_int_equal(gauge_table_take(&b.t, &g, (struct base_wall){T0 + S}), GAUGE_TAKEN);
  assert_int_equal(take(&b, sample("cart", "m", T0 + 2 * S, 1.0)), GAUGE_TAKEN);
  bed_close(&b);
}

static void an_episode_says_since_when_and_from_where(void **state) {
  (void)state;
  struct bed b;
  const struct gauge_watch *w = learned(&b);
  for (int i = 300; i < 310; i++) (void)take(&b, sample("cart", "queue", T0 + i * S, i == 304 ? 60.0 : 48.0));
  assert_int_equal(gauge_table_hot(&b.t, 0), 0);
  assert_int_equal(gauge_table_hot(&b.t, 1), GAUGE_NONE);
  assert_true(w->episode.from_ns == T0 + 300 * S);
  assert_true(w->episode.peak == 60.0 && w->episode.peak_ns == T0 + 304 * S);
  assert_true(w->episode.low == 0.0); /* never below 0, so that is not usual */
  assert_true(w->episode.high >= 2.0 && w->episode.high < 10.0);
  assert_true(w->episode.score >= GAUGE_LOUD && w->episode.side == 1);
  bed_close(&b);
}

/* Over after GAUGE_QUIET_NS, by the next samples or by the sweep alone. */
static void what_is_over_cools(void **state) {
  (void)state;
  struct bed b;
  const struct gauge_watch *w = learned(&b);
  for (int i = 300; i < 305; i++) (void)take(&b, sample("cart", "queue", T0 + i * S, 48.0));
  int64_t loud = w->episode.loud_ns;
  assert_true(loud >= T0 + 300 * S);
  for (unsigned i = 0; i < 256; i++) gauge_table_sweep(&b.t, (struct base_wall){loud + GAUGE_QUIET_NS});
  assert_int_equal(gauge_table_hot(&b.t, 0), 0);
  for (unsigned i = 0; i < 256; i++) gauge_table_sweep(&b.t, (struct base_wall){loud + GAUGE_QUIET_NS + 1});
  assert_int_equal(gauge_table_hot(&b.t, 0), GAUGE_NONE);
  for (int i = 305; i < 400; i++) (void)take(&b, sample("cart", "queue", T0 + i * S, 1.0));
  assert_int_equal(gauge_table_hot(&b.t, 0), GAUGE_NONE);
  bed_close(&b);
}

/* Fewer in the queue is no trouble; fewer healthy hosts are. */
static void the_good_side_is_not_heard(void **state) {
  (void)state;
  for (unsigned bad = REC_BAD_ABOVE; bad <= REC_BAD_BELOW; bad++) {
    struct bed b;
    bed_open(&b, 64);
    for (int i = 0; i < 320; i++) {
      struct rec_gauge g = sample("cart", "healthy", T0 + i * S, i < 300 ? 40.0 + rng_unit(&b.rng) : 5.0);
      g.bad = (uint8_t)bad;
      assert_int_equal(take(&b, g), GAUGE_TAKEN);
    }
    assert_int_equal(gauge_table_hot(&b.t, 0), bad == REC_BAD_BELOW ? 0 : GAUGE_NONE);
    bed_close(&b);
  }
}

static void a_new_template_is_hot_at_once(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b, 64);
  struct rec_gauge g = sample("cart", "log", T0, 7.5);
  g.role = REC_ROLE_LOG;
  g.novel = true;
  g.line = STR("refused by 10.0.0.7");
  assert_int_equal(take(&b, g), GAUGE_TAKEN);
  const struct gauge_watch *w = &b.t.watch[gauge_table_hot(&b.t, 0)];
  assert_true(w->episode.from_ns == T0 && w->episode.score == 7.5f && w->novel);
  assert_true(str_eq((struct base_str){w->line, w->line_n}, g.line));
  bed_close(&b);
}

/* A lead is as good as the zeros themselves. */
static void a_lead_stands_for_its_zeros(void **state) {
  (void)state;
  struct bed b;
  struct detect_gauge want;
  bed_open(&b, 64);
  detect_gauge_init(&want);
  for (int i = 0; i < 40; i++) (void)detect_gauge_step(&want, 0.0, (double)(T0 + i * S) * 1e-9);
  (void)detect_gauge_step(&want, 48.0, (double)(T0 + 40 * S) * 1e-9);
  struct rec_gauge g = sample("cart", "queue", T0 + 40 * S, 48.0);
  g.lead_n = 40;
  g.lead_ns = 40 * S;
  assert_int_equal(take(&b, g), GAUGE_TAKEN);
  assert_memory_equal(&b.t.watch[0].gauge, &want, sizeof want);
  for (int i = 41; i < 45; i++) (void)take(&b, sample("cart", "queue", T0 + i * S, 48.0));
  const struct gauge_episode *e = &b.t.watch[0].episode;
  assert_int_equal(gauge_table_hot(&b.t, 0), 0);
  assert_true(e->from_ns == T0 + 40 * S && e->low == 0.0 && e->high < 1e-3);
  bed_close(&b);
}

/* Quiet gauges rarely get loud: ten thousand quiet samples of white noise, at most a handful of episodes. */
static void noise_is_seldom_loud(void **state) {
  (void)state;
  struct bed b;
  int64_t loud = 0;
  unsigned episodes = 0;
  bed_open(&b, 64);
  for (int i = 0; i < 10000; i++) {
    double x = 0.0;
    for (unsigned k = 0; k < 12; k++) x += rng_unit(&b.rng);
    (void)take(&b, sample("cart", "cpu", T0 + i * S, 10.0 + x));
    if (b.t.watch[0].episode.loud_ns > loud + 60 * S) episodes++;
    loud = b.t.watch[0].episode.loud_ns;
  }
  assert_true(episodes <= 3);
  bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_gauge_is_stepped_alone),
      cmocka_unit_test(keys_are_compared_whole),
      cmocka_unit_test(names_that_are_too_long_are_refused_whole),
      cmocka_unit_test(a_full_table_refuses_until_one_is_idle),
      cmocka_unit_test(a_sample_that_was_told_before_is_passed_over),
      cmocka_unit_test(an_episode_says_since_when_and_from_where),
      cmocka_unit_test(what_is_over_cools),
      cmocka_unit_test(the_good_side_is_not_heard),
      cmocka_unit_test(a_new_template_is_hot_at_once),
      cmocka_unit_test(a_lead_stands_for_its_zeros),
      cmocka_unit_test(noise_is_seldom_loud),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
