/* The queue of one receiver: order, merging, its bounds, and the back-off. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "act_queue.h"

static struct act_queue queue;

static int queue_end(void **state) {
  (void)state;
  queue_fini(&queue);
  assert_int_equal(queue.n, 0);
  assert_int_equal(queue.bytes, 0);
  return 0;
}

static void put(uint64_t id, uint64_t rev, enum act_event event, const char *json, int64_t due_ns,
                const struct queue_item *busy) {
  struct act_known after = {.state = {.id = id, .rev = rev}, .open = event != ACT_ENDED};
  bool ok = false;
  assert_null(queue_put(&queue, busy, event, &after, str_of(json), 0, due_ns, &ok));
  assert_true(ok);
}

/* Takes what may be sent now. */
static void sent(uint64_t id, enum act_event event, const char *json) {
  struct queue_item *i = queue_pick(&queue, 100);
  assert_non_null(i);
  assert_int_equal(i->after.state.id, id);
  assert_int_equal(i->event, event);
  assert_true(str_eq(i->json, str_of(json)));
  queue_drop(&queue, i);
}

static void messages_of_an_incident_stay_in_order(void **state) {
  (void)state;
  put(1, 1, ACT_OPENED, "a", 50, NULL);
  put(2, 1, ACT_OPENED, "b", 0, NULL);
  put(1, 2, ACT_ENDED, "c", 0, NULL);
  struct queue_item *i = queue_pick(&queue, 10);
  assert_int_equal(i->after.state.id, 2); /* the end of 1 does not overtake its beginning, which is not due */
  assert_int_equal(queue_due(&queue), 0);
  queue_drop(&queue, i);
  assert_null(queue_pick(&queue, 10));
  assert_int_equal(queue_due(&queue), 50);
  sent(1, ACT_OPENED, "a");
  sent(1, ACT_ENDED, "c");
  assert_int_equal(queue_due(&queue), INT64_MAX);
}

static void what_failed_does_not_hold_others_up(void **state) {
  (void)state;
  put(1, 1, ACT_OPENED, "a", 0, NULL);
  put(2, 1, ACT_OPENED, "b", 0, NULL);
  queue_pick(&queue, 0)->attempts = 3;
  sent(2, ACT_OPENED, "b");
  sent(1, ACT_OPENED, "a");
}

static void changes_are_merged_into_what_waits(void **state) {
  (void)state;
  put(1, 1, ACT_OPENED, "a", 0, NULL);
  put(1, 2, ACT_CHANGED, "b", 0, NULL);
  put(1, 3, ACT_CHANGED, "c", 0, NULL);
  assert_int_equal(queue.n, 1);
  assert_int_equal(queue.first->after.state.rev, 3);
  put(1, 4, ACT_ENDED, "d", 0, NULL);
  sent(1, ACT_OPENED, "c");
  sent(1, ACT_ENDED, "d");
}

static void what_is_under_way_is_left_alone(void **state) {
  (void)state;
  put(1, 1, ACT_OPENED, "a", 0, NULL);
  struct queue_item *busy = queue.first;
  put(1, 2, ACT_CHANGED, "b", 0, busy);
  put(1, 3, ACT_CHANGED, "c", 0, busy);
  assert_int_equal(queue.n, 2);
  assert_true(queue.first == busy && str_eq(busy->json, STR("a")));
  put(1, 4, ACT_ENDED, "d", 0, busy); /* and a change that nobody needs any more goes */
  assert_int_equal(queue.n, 2);
  sent(1, ACT_OPENED, "a");
  sent(1, ACT_ENDED, "d");
}

static void an_acknowledgement_is_not_skipped(void **state) {
  (void)state;
  put(1, 1, ACT_OPENED, "a", 0, NULL);
  put(1, 2, ACT_ACKED, "b", 0, NULL);
  put(1, 3, ACT_CHANGED, "c", 0, NULL); /* after it: not merged into what was before it */
  sent(1, ACT_OPENED, "a");
  sent(1, ACT_ACKED, "b");
  sent(1, ACT_CHANGED, "c");
}

static void a_graver_change_is_due_at_once(void **state) {
  (void)state;
  put(1, 2, ACT_CHANGED, "a", 90, NULL);
  put(1, 3, ACT_CHANGED, "b", 0, NULL);
  assert_int_equal(queue_due(&queue), 0);
  put(1, 4, ACT_CHANGED, "c", 80, NULL); /* and stays so */
  assert_int_equal(queue_due(&queue), 0);
  sent(1, ACT_CHANGED, "c");
}

static void the_bounds_hold(void **state) {
  (void)state;
  struct act_known after = {.open = true};
  bool ok = false;
  for (uint64_t id = 1; id <= LIMIT_ALERT_QUEUE; id++) put(id, 1, ACT_OPENED, "a", 0, NULL);
  after.state.id = LIMIT_ALERT_QUEUE + 1;
  struct queue_item *busy = queue.first;
  struct queue_item *old = queue_put(&queue, busy, ACT_OPENED, &after, STR("z"), 0, 0, &ok);
  assert_non_null(old); /* the oldest that is not under way */
  assert_int_equal(old->after.state.id, 2);
  assert_int_equal(queue.n, LIMIT_ALERT_QUEUE);
  free(old);
  queue_fini(&queue);
  char *large = calloc(1, LIMIT_ALERT_QUEUE_BYTES);
  assert_non_null(large);
  put(1, 1, ACT_OPENED, "a", 0, NULL);
  old = queue_put(&queue, NULL, ACT_OPENED, &after, (struct base_str){large, LIMIT_ALERT_QUEUE_BYTES}, 0, 0, &ok);
  assert_non_null(old);
  assert_int_equal(queue.bytes, LIMIT_ALERT_QUEUE_BYTES);
  free(old);
  free(large);
}

static void the_wait_doubles_to_a_minute(void **state) {
  (void)state;
  int64_t want = TIME_NS_PER_S / 2;
  for (uint32_t failures = 1; failures < 40; failures++) {
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t key = 0; key < 500; key++) {
      int64_t ns = queue_backoff_ns(failures, key);
      assert_int_equal(ns, queue_backoff_ns(failures, key));
      least = ns < least ? ns : least;
      most = ns > most ? ns : most;
    }
    assert_true(least >= want / 4 * 3 && least < want / 5 * 4); /* spread over a quarter to each side */
    assert_true(most <= want / 4 * 5 && most > want / 5 * 6);
    want = want * 2 < 60 * TIME_NS_PER_S ? want * 2 : 60 * TIME_NS_PER_S;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(messages_of_an_incident_stay_in_order, queue_end),
      cmocka_unit_test_teardown(what_failed_does_not_hold_others_up, queue_end),
      cmocka_unit_test_teardown(changes_are_merged_into_what_waits, queue_end),
      cmocka_unit_test_teardown(what_is_under_way_is_left_alone, queue_end),
      cmocka_unit_test_teardown(an_acknowledgement_is_not_skipped, queue_end),
      cmocka_unit_test_teardown(a_graver_change_is_due_at_once, queue_end),
      cmocka_unit_test_teardown(the_bounds_hold, queue_end),
      cmocka_unit_test(the_wait_doubles_to_a_minute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
