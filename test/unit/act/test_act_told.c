/* The log of what was told: it says the same after any end, and damage costs no more than it hides. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act_told.h"

static char dir[256], segment[300];

static int dir_make(void **state) {
  (void)state;
  const char *root = getenv("TMPDIR");
  snprintf(dir, sizeof dir, "%s/foreshock_told_XXXXXX", root ? root : "/tmp");
  if (!mkdtemp(dir)) return -1;
  snprintf(segment, sizeof segment, "%s/%016x.seg", dir, 0u);
  return 0;
}

static int dir_drop(void **state) {
  (void)state;
  (void)chmod(dir, 0700);
  (void)unlink(segment);
  return rmdir(dir);
}

static const struct base_wall now = {1772442000000000000};

static struct told *told_new(void) {
  struct told *t = told_open(dir, now);
  assert_non_null(t);
  return t;
}

static bool tell(struct told *t, uint64_t id, uint64_t rev, bool open, const char *memo) {
  struct act_known k = {.state = {.id = id, .rev = rev, .severity = ACT_CRITICAL, .culprit = 77, .affected_n = 3},
                        .open = open};
  k.state.acked = true;
  struct told_item *i = told_plan(t, id, &k);
  assert_non_null(i);
  told_memo(i, memo);
  return told_write(t, open ? ACT_OPENED : ACT_ENDED, &k, memo, NULL, now);
}

static void what_was_told_is_known_again(void **state) {
  (void)state;
  struct told *t = told_new();
  assert_true(tell(t, 1, 5, true, "C1 17.5 \"\\"));
  assert_true(tell(t, 0xfedcba9876543210u, 9, false, NULL));
  told_close(t);
  t = told_new();
  assert_int_equal(told_n(t), 2);
  struct told_item *i = told_find(t, 1);
  assert_non_null(i);
  assert_int_equal(i->known.state.rev, 5);
  assert_int_equal(i->known.state.culprit, 77);
  assert_int_equal(i->known.state.affected_n, 3);
  assert_int_equal(i->known.state.severity, ACT_CRITICAL);
  assert_true(i->known.state.acked && i->known.open);
  assert_string_equal(i->memo, "C1 17.5 \"\\");
  i = told_find(t, 0xfedcba9876543210u);
  assert_true(i && !i->known.open && !i->memo);
  told_close(t);
}

static void it_knows_since_when_the_receiver_is_there(void **state) {
  (void)state;
  told_close(told_new());
  struct told *t = told_open(dir, (struct base_wall){now.ns + 3600 * TIME_NS_PER_S});
  assert_int_equal(told_since(t).ns, now.ns - 60 * TIME_NS_PER_S);
  told_close(t);
}

static void a_torn_end_costs_the_last_message_only(void **state) {
  (void)state;
  struct stat st;
  struct told *t = told_new();
  assert_true(tell(t, 1, 1, true, NULL));
  assert_true(tell(t, 2, 1, true, NULL));
  told_close(t);
  assert_int_equal(stat(segment, &st), 0);
  assert_int_equal(truncate(segment, st.st_size - 3), 0);
  t = told_new();
  assert_non_null(told_find(t, 1));
  assert_null(told_find(t, 2));
  assert_true(tell(t, 3, 1, true, NULL));
  told_close(t);
  t = told_new();
  assert_int_equal(told_n(t), 2);
  told_close(t);
}

static void a_bad_disk_costs_no_more_than_the_note(void **state) {
  (void)state;
  struct told *t = told_open("/dev/null/nowhere", now);
  assert_non_null(t);
  assert_false(tell(t, 1, 1, true, NULL));
  assert_non_null(told_find(t, 1));
  told_close(t);
}

static void what_the_disk_did_not_take_is_written_when_it_is_back(void **state) {
  (void)state;
  assert_int_equal(rmdir(dir), 0);
  FILE *f = fopen(dir, "w"); /* a file where the directory would be */
  assert_non_null(f);
  fclose(f);
  struct told *t = told_open(dir, now);
  assert_false(tell(t, 1, 1, true, "memo"));
  assert_false(tell(t, 2, 1, true, NULL));
  assert_true(told_waiting(t));
  assert_false(told_retry(t));
  assert_int_equal(unlink(dir), 0);
  assert_true(told_retry(t));
  assert_false(told_waiting(t));
  assert_true(tell(t, 3, 1, true, NULL));
  told_close(t);
  t = told_new();
  assert_int_equal(told_n(t), 3);
  assert_string_equal(told_find(t, 1)->memo, "memo");
  told_close(t);
}

static void the_table_is_bounded_and_keeps_what_is_open(void **state) {
  (void)state;
  struct told *t = told_open(NULL, now);
  assert_true(tell(t, 1, 1, true, NULL));
  for (uint64_t id = 2; id <= LIMIT_INCIDENTS_KEPT + 10; id++) assert_true(tell(t, id, 1, false, NULL));
  assert_int_equal(told_n(t), LIMIT_INCIDENTS_KEPT);
  assert_non_null(told_find(t, 1));
  assert_null(told_find(t, 2));
  assert_non_null(told_find(t, LIMIT_INCIDENTS_KEPT + 10));
  told_close(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_was_told_is_known_again, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(it_knows_since_when_the_receiver_is_there, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(a_torn_end_costs_the_last_message_only, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(what_the_disk_did_not_take_is_written_when_it_is_back, dir_make, dir_drop),
      cmocka_unit_test(a_bad_disk_costs_no_more_than_the_note),
      cmocka_unit_test(the_table_is_bounded_and_keeps_what_is_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
