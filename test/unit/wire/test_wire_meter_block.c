/* Blocks that are given out slice by slice. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "wire_meter_block.h"

#define SLICES 67u
#define LOW 10u
#define BUCKETS 40u

/* 400 fine requests whose durations are in 40 buckets, as those of one scrape of 15 s are. */
static struct meter_block block_of(uint32_t fine) {
  struct meter_block b = {0};
  meter_block_again(&b, SLICES);
  b.all.class_n[REC_CLASS_OK] = fine;
  b.all.latency_ns = 1000ull * fine;
  for (uint32_t i = 0; i < BUCKETS; i++) b.all.hist[LOW + i] = 1 + 18 * (i % 2);
  return b;
}

static uint32_t durations(const struct meter_sum *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < HIST_BUCKETS; i++) n += s->hist[i];
  return n;
}

static void no_tick_has_more_durations_than_fine_requests_and_all_are_given(void **state) {
  (void)state;
  struct meter_block b = block_of(400);
  struct meter_sum all = b.all, sum = {0}, part;
  for (uint32_t k = 0; k < SLICES; k++) {
    meter_block_next(&b, 1000 + k, &part);
    assert_int_equal(durations(&part), part.class_n[REC_CLASS_OK]);
    meter_sum_add(&sum, &part);
  }
  assert_memory_equal(&sum, &all, sizeof all);
  meter_block_next(&b, 1000 + SLICES, &part);
  assert_int_equal(part.class_n[REC_CLASS_OK] + durations(&part), 0);
}

/* Of fast and slow ones, of frequent and rare ones, each part of the block has its share: else a block would begin fast
 * and end slow, and one scrape after another would look like an alarm. */
static void each_part_of_a_block_is_like_the_whole(void **state) {
  (void)state;
  for (int64_t tick = 0; tick < 3000; tick += 17) {
    struct meter_block b = block_of(400);
    uint32_t slow = 0, rare = 0, n = 0;
    for (uint32_t k = 0; k < SLICES; k++) {
      struct meter_sum part;
      meter_block_next(&b, tick + k, &part);
      n += durations(&part);
      for (uint32_t i = 0; i < BUCKETS; i++) {
        slow += i >= BUCKETS / 2 ? part.hist[LOW + i] : 0;
        rare += i % 2 == 0 ? part.hist[LOW + i] : 0;
      }
      assert_in_range(2 * slow + 12, n, n + 24);
      assert_in_range(20 * rare + 60, n, n + 120);
    }
    assert_int_equal(slow, 200);
    assert_int_equal(rare, 20);
  }
}

static void durations_without_fine_requests_wait_for_the_next_block(void **state) {
  (void)state;
  struct meter_block b = block_of(390);
  struct meter_sum part;
  uint32_t n = 0;
  for (uint32_t k = 0; k < SLICES; k++) {
    meter_block_next(&b, k, &part);
    n += durations(&part);
  }
  assert_int_equal(n, 390);
  meter_block_again(&b, SLICES);
  b.all.class_n[REC_CLASS_OK] = 20;
  for (uint32_t k = 0; k < SLICES; k++) {
    meter_block_next(&b, k, &part);
    n += durations(&part);
  }
  assert_int_equal(n, 400);
}

static void no_more_wait_than_a_block_has_fine_requests(void **state) {
  (void)state;
  struct meter_block b = block_of(50);
  struct meter_sum part;
  uint32_t n = 0;
  for (uint32_t k = 0; k < SLICES; k++) meter_block_next(&b, k, &part);
  meter_block_again(&b, SLICES);
  b.all.class_n[REC_CLASS_OK] = 400;
  for (uint32_t k = 0; k < SLICES; k++) {
    meter_block_next(&b, k, &part);
    n += durations(&part);
  }
  assert_in_range(n, 30, 50); /* each bucket rounds down */
}

/* A scrape in the middle of the block before: nothing is lost, nothing is told twice. */
static void what_is_left_of_a_block_is_added_to_the_next(void **state) {
  (void)state;
  struct meter_block b = block_of(400);
  struct meter_sum more = b.all, sum = {0}, part;
  for (uint32_t k = 0; k < 30; k++) {
    meter_block_next(&b, k, &part);
    meter_sum_add(&sum, &part);
  }
  meter_block_again(&b, SLICES);
  meter_sum_add(&b.all, &more);
  for (uint32_t k = 0; k < SLICES; k++) {
    meter_block_next(&b, 30 + k, &part);
    meter_sum_add(&sum, &part);
  }
  meter_sum_add(&more, &more);
  assert_memory_equal(&sum, &more, sizeof sum);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_tick_has_more_durations_than_fine_requests_and_all_are_given),
      cmocka_unit_test(each_part_of_a_block_is_like_the_whole),
      cmocka_unit_test(durations_without_fine_requests_wait_for_the_next_block),
      cmocka_unit_test(no_more_wait_than_a_block_has_fine_requests),
      cmocka_unit_test(what_is_left_of_a_block_is_added_to_the_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
