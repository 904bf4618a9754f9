/* What waits for the incident log: the newest state of each incident, in order, and no more than its bound. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base_limits.h"
#include "daemon_unlogged.h"

static void expect(const struct unlogged *u, const char *const *texts) {
  const struct unlogged_item *i = u->first;
  for (; *texts; texts++, i = i->next) {
    assert_non_null(i);
    assert_true(str_eq(i->text, str_of(*texts)));
  }
  assert_null(i);
}

static void a_newer_state_replaces_an_older_one(void **state) {
  (void)state;
  struct unlogged u = {0};
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 1, STR("a1")), 0);
  assert_int_equal(unlogged_put(&u, REC_FRAME_AUDIT, 0, STR("ann")), 0);
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 2, STR("b1")), 0);
  assert_int_equal(unlogged_put(&u, REC_FRAME_AUDIT, 0, STR("bob")), 0);
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 1, STR("a2")), 0);
  expect(&u, (const char *const[]){"ann", "b1", "bob", "a2", NULL});
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 1, STR("a3")), 0); /* the last one */
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 3, STR("c1")), 0);
  expect(&u, (const char *const[]){"ann", "b1", "bob", "a3", "c1", NULL});
  assert_int_equal(u.n, 5);
  unlogged_clear(&u);
  expect(&u, (const char *const[]){NULL});
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 1, STR("a4")), 0);
  expect(&u, (const char *const[]){"a4", NULL});
  unlogged_clear(&u);
}

static void the_oldest_gives_way(void **state) {
  (void)state;
  struct unlogged u = {0};
  for (uint64_t id = 1; id <= LIMIT_UNLOGGED; id++)
    assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, id, STR("x")), 0);
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, 5, STR("y")), 0);
  assert_int_equal(unlogged_put(&u, REC_FRAME_INCIDENT, LIMIT_UNLOGGED + 1, STR("z")), 1);
  assert_int_equal(u.n, LIMIT_UNLOGGED);
  assert_int_equal(u.first->id, 2);
  assert_int_equal(u.last->id, LIMIT_UNLOGGED + 1);
  unlogged_clear(&u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_newer_state_replaces_an_older_one),
      cmocka_unit_test(the_oldest_gives_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
