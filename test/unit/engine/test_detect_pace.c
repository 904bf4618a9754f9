/* Series that are told a scrape at a time: what counts as no requests, what as nothing known, and what is not judged.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "detect_pace.h"
#include "detect_step.h"
#include "mesh_make.h"

#define PACE 60u
#define LOG_C 22.0

struct rig {
  struct series_state s;
  struct mesh_rng rng;
  uint32_t seq, block_n, block_e, k;
  double rate, fail_p;
  bool partial, silent, wavers;
  uint32_t raised[REC_SIGNAL_COUNT], over[REC_SIGNAL_COUNT], from[REC_SIGNAL_COUNT];
};

static uint32_t part(uint32_t n, uint32_t k) {
  return n * (k + 1) / PACE - n * k / PACE;
}

static void tick(struct rig *r) {
  struct detect_signal said[32];
  struct detect_out out = {.signal = said, .cap = 32};
  struct detect_context ctx = {.seq = r->seq, .rates = true, .log_c = {LOG_C, LOG_C, LOG_C}};
  if (r->seq % PACE == 0) {
    r->block_n = rng_poisson(&r->rng, r->rate * PACE / LIMIT_TICKS_PER_S);
    r->block_e = rng_binomial(&r->rng, r->block_n, r->fail_p);
    r->k = 0;
  }
  uint32_t e = part(r->block_e, r->k), n = part(r->block_n, r->k);
  struct rec_hist_cell cell = {30, n - e};
  uint32_t pace = r->wavers ? PACE + 2 + r->seq / (5 * PACE) % 2 : PACE;
  struct rec_obs o = {
      .pace = (uint16_t)pace, .partial = r->partial, .hist_n = n > e, .latency_sum_ns = (n - e) * 20000000ull};
  o.class_n[REC_CLASS_SERVER_ERROR] = e;
  o.class_n[REC_CLASS_OK] = n - e;
  r->k++;
  if (!r->silent)
    detect_series_step(&r->s, &o, &cell, &ctx, &out);
  else if ((r->seq + 1) % LIMIT_TICKS_PER_S == 0)
    detect_series_step(&r->s, NULL, NULL, &ctx, &out);
  for (uint32_t i = 0; i < out.n; i++) {
    r->raised[said[i].signal] += said[i].event == DETECT_RAISED;
    r->over[said[i].signal] += said[i].event == DETECT_OVER;
    if (said[i].event == DETECT_RAISED) r->from[said[i].signal] = said[i].from_seq;
  }
  r->seq++;
}

static void run(struct rig *r, uint32_t seconds) {
  for (uint32_t i = 0; i < seconds * LIMIT_TICKS_PER_S; i++) tick(r);
}

static struct rig *rig_open(uint64_t seed) {
  struct rig *r = calloc(1, sizeof *r);
  struct rec_series who = {.series_idx = 1, .level = REC_LEVEL_SERVICE, .side = REC_SIDE_SERVER};
  assert_non_null(r);
  r->rng.at = seed;
  r->rate = 20.0;
  r->fail_p = 0.001;
  detect_series_init(&r->s, &who, 0);
  run(r, 3600);
  return r;
}

static uint32_t raised_all(const struct rig *r) {
  uint32_t n = 0;
  for (unsigned i = 0; i < REC_SIGNAL_COUNT; i++) n += r->raised[i];
  return n;
}

static void an_outage_is_found_within_a_pace_of_its_scrape(void **state) {
  (void)state;
  struct rig *r = rig_open(1);
  assert_int_equal(raised_all(r), 0);
  uint32_t start = r->seq;
  r->rate = 0.0;
  run(r, 15);
  assert_int_equal(r->raised[REC_SIGNAL_REQUESTS_DOWN], 1);
  assert_in_range(r->from[REC_SIGNAL_REQUESTS_DOWN], start - 4, start + 4);
  free(r);
}

static void failures_are_found_within_a_pace_of_their_scrape(void **state) {
  (void)state;
  struct rig *r = rig_open(2);
  r->fail_p = 0.05;
  run(r, 30);
  assert_int_equal(r->raised[REC_SIGNAL_ERRORS], 1);
  free(r);
}

static void no_word_is_no_outage(void **state) {
  (void)state;
  struct rig *r = rig_open(3);
  r->silent = true;
  run(r, 600);
  r->silent = false;
  run(r, 600);
  assert_int_equal(raised_all(r), 0);
  free(r);
}

static void part_of_the_scrapes_is_no_drop(void **state) {
  (void)state;
  struct rig *r = rig_open(4);
  r->partial = true;
  r->rate = 10.0;
  run(r, 300);
  r->partial = false;
  r->rate = 20.0;
  run(r, 600);
  assert_int_equal(raised_all(r), 0);
  free(r);
}

/* A young series whose rate wanders by a seventh: how much it does cannot be known yet. */
static void a_young_series_wanders_without_a_word(void **state) {
  (void)state;
  struct rig *r = calloc(1, sizeof *r);
  struct rec_series who = {.series_idx = 1, .level = REC_LEVEL_SERVICE, .side = REC_SIDE_SERVER};
  assert_non_null(r);
  r->rng.at = 8;
  detect_series_init(&r->s, &who, 0);
  for (int i = 0; i < 20; i++) {
    r->rate = i % 4 < 2 ? 130.0 : 112.0;
    run(r, 30);
  }
  assert_int_equal(r->raised[REC_SIGNAL_REQUESTS_DOWN] + r->raised[REC_SIGNAL_REQUESTS_UP], 0);
  free(r);
}

/* Even within a block, and a step between blocks: a scatter that no traffic has. */
static void even_seconds_are_no_bunching(void **state) {
  (void)state;
  struct rig *r = rig_open(5);
  for (int i = 0; i < 40; i++) {
    r->rate = i % 2 ? 20.0 : 21.0;
    run(r, 60);
  }
  assert_int_equal(r->raised[REC_SIGNAL_ERRATIC] + r->raised[REC_SIGNAL_BYTES], 0);
  assert_int_equal(r->s.pace, PACE);
  free(r);
}

/* Poisson counts of scrapes have a dispersion of 1, though their seconds have less. */
static void dispersion_is_that_of_the_scrapes(void **state) {
  (void)state;
  struct rig *r = rig_open(6);
  run(r, 4 * 3600);
  assert_true(r->s.rate.phi_ten >= 1.0f && r->s.rate.phi_ten < 1.5f);
  assert_true(r->s.rate.zeta2 < 0.0005f); /* the wander of a minute: none */
  free(r);
}

/* Scrapes that come a little late now and then: the window would be of 70 s, and then of 80. */
static void dispersion_stands_while_the_pace_wavers(void **state) {
  (void)state;
  struct rig *r = rig_open(8);
  assert_int_not_equal(detect_pace_window(PACE + 2), detect_pace_window(PACE + 3));
  r->wavers = true;
  run(r, 4 * 3600);
  assert_true(r->s.rate.phi_ten >= 1.0f && r->s.rate.phi_ten < 1.5f);
  r->rate = 0.0;
  run(r, 60);
  assert_int_equal(r->raised[REC_SIGNAL_REQUESTS_DOWN], 1);
  free(r);
}

/* The formula against a sum over all phases of a window upon blocks of independent counts. */
static void what_a_window_sees_of_a_block(void **state) {
  (void)state;
  const uint32_t pace[] = {4, 60, 240}, window[] = {4, 40, 240, 280};
  for (unsigned p = 0; p < 3; p++)
    for (unsigned w = 0; w < 4; w++) {
      uint32_t l = pace[p] * 9 / 8;
      double sum = 0.0;
      for (uint32_t phase = 0; phase < l; phase++) {
        double squares = 0.0;
        for (uint32_t from = phase, left = window[w]; left;) {
          uint32_t n = l - from % l < left ? l - from % l : left;
          squares += (double)n * n;
          from += n;
          left -= n;
        }
        sum += squares / ((double)l * window[w]); /* a block's variance is its mean; a tick has an l-th of it */
      }
      double exact = sum / l, f = detect_pace_seen(window[w], pace[p]);
      assert_true(f > exact - 0.16 && f < exact + 0.03); /* ticks are whole, which matters to the shortest */
      if (pace[p] > 4) assert_true(f > exact - 0.004 && f < exact + 0.004);
    }
  assert_int_equal(detect_pace_window(0), 40);
  assert_int_equal(detect_pace_window(4), 40);
  assert_int_equal(detect_pace_window(60), 280);
  assert_int_equal(detect_pace_window(1200), 1200);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_outage_is_found_within_a_pace_of_its_scrape),
      cmocka_unit_test(failures_are_found_within_a_pace_of_their_scrape),
      cmocka_unit_test(no_word_is_no_outage),
      cmocka_unit_test(part_of_the_scrapes_is_no_drop),
      cmocka_unit_test(a_young_series_wanders_without_a_word),
      cmocka_unit_test(even_seconds_are_no_bunching),
      cmocka_unit_test(dispersion_is_that_of_the_scrapes),
      cmocka_unit_test(dispersion_stands_while_the_pace_wavers),
      cmocka_unit_test(what_a_window_sees_of_a_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
