/* The last seconds of series: exact sums, means and quantiles against a slow recount, gaps as zeroes, the ring's end,
 * and who gives way to whom. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_hist.h"
#include "serve_history.h"

#define SERIES_MAX 64u
#define T0 1000000

static uint64_t counters[REC_COUNTER_COUNT];

static const struct rec_series *nobody(void *ctx, uint32_t idx) {
  (void)ctx;
  (void)idx;
  return NULL;
}

/* One tick of a single series; quarter 0..3 of second s. */
static void tick(struct serve_history *h, int64_t s, unsigned quarter, uint32_t idx, uint32_t fine, uint32_t failed,
                 uint64_t each_ns, enum rec_level born, bool new_one) {
  struct rec_series who = {.series_idx = idx, .level = (uint8_t)born};
  struct rec_hist_cell cell = {hist_bucket(each_ns), fine};
  struct rec_obs obs = {.series_idx = idx, .hist_n = fine ? 1 : 0, .latency_sum_ns = fine * each_ns};
  obs.class_n[REC_CLASS_OK] = fine;
  obs.class_n[REC_CLASS_SERVER_ERROR] = failed;
  obs.class_n[REC_CLASS_HEALTH_CHECK] = 7; /* in no rate */
  struct rec_batch batch = {.series = &who,
                            .series_n = new_one,
                            .obs = &obs,
                            .obs_n = fine + failed > 0,
                            .cell = &cell,
                            .cell_n = fine ? 1 : 0};
  history_tick(h, &batch, 1, (struct base_wall){s * TIME_NS_PER_S + (int64_t)(quarter + 1) * LIMIT_TICK_NS}, counters);
}

static struct serve_history *some(size_t bytes) {
  memset(counters, 0, sizeof counters);
  struct serve_history *h = history_open(bytes, SERIES_MAX, nobody, NULL);
  assert_non_null(h);
  return h;
}

static void four_ticks_are_one_second(void **state) {
  (void)state;
  struct serve_history *h = some(1 << 20);
  struct history_point p;
  for (unsigned q = 0; q < 4; q++) tick(h, T0, q, 3, 10 * (q + 1), q, (q + 1) * 1000000, REC_LEVEL_SERVICE, q == 0);
  assert_false(history_read(h, 3, T0, 1, &p)); /* not over before the next begins */
  tick(h, T0 + 1, 0, 3, 1, 0, 5000000, REC_LEVEL_SERVICE, false);
  assert_int_equal(history_newest(h), T0);
  assert_true(history_read(h, 3, T0, 1, &p));
  assert_int_equal(p.requests, 10 + 20 + 30 + 40 + 0 + 1 + 2 + 3);
  assert_int_equal(p.errors, 6);
  assert_float_equal(p.latency_mean_ms, (10 * 1 + 20 * 2 + 30 * 3 + 40 * 4) / 100.0, 1e-5);
  uint32_t count[HIST_BUCKETS] = {0};
  for (unsigned q = 0; q < 4; q++) count[hist_bucket((q + 1) * 1000000)] += 10 * (q + 1);
  double p99 = (double)hist_quantile_ns(count, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, 0.99) / 1e6;
  assert_float_equal(p.latency_p99_ms, p99, 1e-5);
  history_close(h);
}

static void silence_is_zero_and_the_unknown_is_unknown(void **state) {
  (void)state;
  struct serve_history *h = some(1 << 20);
  struct history_point p;
  tick(h, T0, 0, 3, 4, 1, 2000000, REC_LEVEL_SERVICE, true);
  tick(h, T0 + 10, 0, 3, 2, 0, 2000000, REC_LEVEL_SERVICE, false);
  tick(h, T0 + 20, 0, 9, 0, 0, 0, REC_LEVEL_SERVICE, true);
  assert_true(history_read(h, 3, T0 + 5, 1, &p));
  assert_int_equal(p.requests, 0);
  assert_true(p.latency_mean_ms < 0);
  assert_true(history_read(h, 3, T0 + 15, 1, &p)); /* after its newest observation */
  assert_int_equal(p.requests, 0);
  assert_true(history_read(h, 3, T0, 20, &p)); /* several together */
  assert_int_equal(p.requests, 7);
  assert_int_equal(p.errors, 1);
  assert_false(history_read(h, 3, T0 - 1, 1, &p));
  assert_false(history_read(h, 3, T0 + 20, 1, &p));
  assert_false(history_read(h, 4, T0, 1, &p));
  history_close(h);
}

static void the_ring_forgets_its_oldest(void **state) {
  (void)state;
  struct serve_history *h = some(1 << 20);
  struct history_point p;
  int64_t since;
  int64_t n = (int64_t)LIMIT_HISTORY_S + 50;
  for (int64_t s = 0; s < n; s++) tick(h, T0 + s, 0, 3, (uint32_t)(s % 97 + 1), 0, 1000000, REC_LEVEL_POD, s == 0);
  assert_true(history_since(h, 3, &since));
  assert_int_equal(since, T0 + n - (int64_t)LIMIT_HISTORY_S);
  assert_false(history_read(h, 3, since - 1, 1, &p));
  for (int64_t s = since; s < T0 + n - 1; s++) {
    assert_true(history_read(h, 3, s, 1, &p));
    assert_int_equal(p.requests, (s - T0) % 97 + 1);
  }
  tick(h, T0 + n + 5000, 0, 3, 1, 0, 1000000, REC_LEVEL_POD, false); /* a long silence leaves nothing of before */
  assert_true(history_read(h, 3, T0 + n + 4999, 1, &p));
  assert_int_equal(p.requests, 0);
  history_close(h);
}

/* Room for two: found by trying, so that the test knows no size. */
static struct serve_history *two(void) {
  size_t bytes = 1024;
  for (;;) {
    uint32_t used;
    struct serve_history *h = some(bytes);
    if (history_rings(h, &used) == 2) return h;
    history_close(h);
    bytes += 1024;
  }
}

static void a_service_takes_the_ring_of_a_pod(void **state) {
  (void)state;
  struct serve_history *h = two();
  struct history_point p;
  uint32_t used;
  tick(h, T0, 0, 1, 5, 0, 1000000, REC_LEVEL_POD, true);
  tick(h, T0, 1, 2, 5, 0, 1000000, REC_LEVEL_EDGE, true);
  tick(h, T0, 2, 3, 5, 0, 1000000, REC_LEVEL_POD, true); /* no better than the first */
  assert_int_equal(counters[REC_COUNTER_HISTORY_LIMIT], 1);
  assert_int_equal(counters[REC_COUNTER_HISTORY_EVICTED], 0);
  tick(h, T0, 3, 4, 5, 0, 1000000, REC_LEVEL_SERVICE, true);
  assert_int_equal(counters[REC_COUNTER_HISTORY_EVICTED], 1);
  tick(h, T0 + 1, 0, 2, 5, 0, 1000000, REC_LEVEL_EDGE, false);
  assert_false(history_read(h, 1, T0, 1, &p));
  assert_true(history_read(h, 2, T0, 1, &p));
  assert_true(history_read(h, 4, T0, 1, &p));
  struct rec_drop drop = {2};
  struct rec_batch gone = {.drop = &drop, .drop_n = 1};
  history_tick(h, &gone, 1, (struct base_wall){(T0 + 2) * TIME_NS_PER_S}, counters);
  history_rings(h, &used);
  assert_int_equal(used, 1);
  tick(h, T0 + 3, 0, 2, 5, 0, 1000000, REC_LEVEL_POD, true); /* the number again, somebody else */
  assert_false(history_read(h, 2, T0, 1, &p));
  history_close(h);
}

static const struct rec_series *a_known_service(void *ctx, uint32_t idx) {
  static struct rec_series who;
  (void)ctx;
  who = (struct rec_series){.series_idx = idx, .level = idx == 9 ? REC_LEVEL_SERVICE : REC_LEVEL_POD};
  return &who;
}

/* After a restart nobody is told as new; pods that speak first must not keep a service out. */
static void what_a_checkpoint_brought_finds_room(void **state) {
  (void)state;
  struct history_point p;
  for (size_t bytes = 1024;; bytes += 1024) {
    uint32_t used;
    struct serve_history *h = history_open(bytes, SERIES_MAX, a_known_service, NULL);
    if (history_rings(h, &used) < 2) {
      history_close(h);
      continue;
    }
    for (uint32_t idx = 1; idx <= 9; idx++) tick(h, T0, 0, idx, 5, 0, 1000000, REC_LEVEL_POD, false);
    tick(h, T0 + 1, 0, 1, 5, 0, 1000000, REC_LEVEL_POD, false);
    assert_true(history_read(h, 9, T0, 1, &p));
    assert_int_equal(p.requests, 5);
    assert_true(history_read(h, 1, T0, 1, &p));
    assert_false(history_read(h, 2, T0, 1, &p));
    history_close(h);
    return;
  }
}

static void without_room_nothing_is_kept(void **state) {
  (void)state;
  struct serve_history *h = some(0);
  struct history_point p;
  tick(h, T0, 0, 1, 5, 0, 1000000, REC_LEVEL_MESH, true);
  tick(h, T0 + 1, 0, 1, 5, 0, 1000000, REC_LEVEL_MESH, false);
  assert_false(history_read(h, 1, T0, 1, &p));
  assert_int_equal(counters[REC_COUNTER_HISTORY_LIMIT], 1);
  history_close(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(four_ticks_are_one_second),
      cmocka_unit_test(silence_is_zero_and_the_unknown_is_unknown),
      cmocka_unit_test(the_ring_forgets_its_oldest),
      cmocka_unit_test(a_service_takes_the_ring_of_a_pod),
      cmocka_unit_test(what_a_checkpoint_brought_finds_room),
      cmocka_unit_test(without_room_nothing_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
