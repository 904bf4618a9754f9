/* What waits for the data base: newest states only, in order, bounded. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "store_item.h"

static struct store_queue queue;

static int queue_end(void **state) {
  (void)state;
  store_queue_fini(&queue);
  assert_int_equal(queue.n, 0);
  assert_int_equal(queue.bytes, 0);
  assert_null(queue.last);
  return 0;
}

static uint32_t put(struct store_queue *q, enum store_kind kind, uint64_t id, const char *text) {
  struct store_item *i = store_item_new(kind, str_of(text));
  assert_non_null(i);
  i->id = id;
  return store_queue_put(q, i);
}

/* The texts that wait, in order. */
static void holds(const struct store_queue *q, const char *want) {
  char text[256] = "";
  uint32_t n = 0;
  const struct store_item *last = NULL;
  for (const struct store_item *i = q->first; i; i = i->next, n++) {
    memcpy(text + strlen(text), i->text.p, i->text.n < 8 ? i->text.n : 8);
    last = i;
  }
  assert_string_equal(text, want);
  assert_int_equal(n, q->n);
  assert_ptr_equal(last, q->last);
}

static void a_newer_state_takes_the_older_ones_place(void **state) {
  (void)state;
  assert_int_equal(put(&queue, STORE_INCIDENT, 1, "a"), 0);
  assert_int_equal(put(&queue, STORE_INCIDENT, 2, "b"), 0);
  assert_int_equal(put(&queue, STORE_AUDIT, 1, "x"), 0);
  assert_int_equal(put(&queue, STORE_AUDIT, 1, "y"), 0);
  assert_int_equal(put(&queue, STORE_INCIDENT, 1, "c"), 0);
  holds(&queue, "bxyc");
  assert_int_equal(put(&queue, STORE_INCIDENT, 1, "d"), 0);
  holds(&queue, "bxyd");
}

static void what_failed_goes_in_front_of_what_came_since(void **state) {
  (void)state;
  struct store_queue taken = {0};
  put(&taken, STORE_INCIDENT, 1, "a");
  put(&taken, STORE_INCIDENT, 2, "b");
  put(&queue, STORE_INCIDENT, 1, "c");
  put(&queue, STORE_INCIDENT, 3, "d");
  assert_int_equal(store_queue_return(&queue, &taken), 0);
  holds(&queue, "bcd");
  assert_int_equal(taken.n, 0);
}

static void the_bounds_hold(void **state) {
  (void)state;
  for (uint64_t id = 1; id <= LIMIT_STORE_QUEUE; id++) assert_int_equal(put(&queue, STORE_AUDIT, id, "a"), 0);
  assert_int_equal(put(&queue, STORE_AUDIT, 0, "b"), 1);
  assert_int_equal(queue.n, LIMIT_STORE_QUEUE);
  assert_int_equal(queue.first->id, 2);
  char *large = calloc(1, LIMIT_STORE_QUEUE_BYTES + 1);
  assert_non_null(large);
  memset(large, 'x', LIMIT_STORE_QUEUE_BYTES);
  assert_int_equal(put(&queue, STORE_AUDIT, 0, large), LIMIT_STORE_QUEUE);
  assert_int_equal(queue.n, 1);
  assert_int_equal(put(&queue, STORE_AUDIT, 0, large), 1);
  free(large);
}

static void an_id_is_16_hex_digits(void **state) {
  (void)state;
  uint64_t id = 0;
  assert_true(store_id_read(STR("{\"id\":\"fedcba9876543210\"}"), &id));
  assert_true(id == 0xfedcba9876543210u);
  assert_false(store_id_read(STR("{\"id\":\"fedcba987654321\"}"), &id));
  assert_false(store_id_read(STR("{\"id\":\"fedcba987654321x\"}"), &id));
  assert_false(store_id_read(STR("{}"), &id));
  assert_false(store_id_read(STR(""), &id));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(a_newer_state_takes_the_older_ones_place, queue_end),
      cmocka_unit_test_teardown(what_failed_goes_in_front_of_what_came_since, queue_end),
      cmocka_unit_test_teardown(the_bounds_hold, queue_end),
      cmocka_unit_test(an_id_is_16_hex_digits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
