/* The incidents in memory: last state wins, order, filter by service, and the bound. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "serve_store.h"

static enum serve_put put(struct serve_store *s, unsigned id, unsigned started_s, unsigned rev, bool open) {
  char json[512];
  snprintf(json, sizeof json,
           "{\"id\":\"%016x\",\"verdict\":\"unhealthy\",\"acked\":false,\"started_at\":\"2026-03-02T09:00:%02uZ\","
           "\"updated_at\":\"2026-03-02T09:01:00Z\",\"rev\":%u,\"ended_at\":%s,"
           "\"root_causes\":[{\"entity\":{\"kind\":\"service\",\"service\":\"cause%u\"}}],"
           "\"affected\":[{\"kind\":\"service\",\"service\":\"hit\"}]}",
           id, started_s, rev, open ? "null" : "\"2026-03-02T09:02:00Z\"", id);
  return serve_store_put(s, str_of(json));
}

static void the_last_state_wins(void **state) {
  (void)state;
  struct serve_store *s = serve_store_open(8);
  assert_int_equal(put(s, 7, 1, 1, true), SERVE_PUT_NEW);
  assert_int_equal(put(s, 7, 1, 2, true), SERVE_PUT_CHANGED);
  assert_int_equal(put(s, 7, 1, 2, false), SERVE_PUT_OLD);
  assert_int_equal(put(s, 7, 1, 1, false), SERVE_PUT_OLD);
  assert_true(serve_store_find(s, STR("0000000000000007"))->open);
  assert_int_equal(put(s, 7, 1, 3, false), SERVE_PUT_CHANGED);
  assert_false(serve_store_find(s, STR("0000000000000007"))->open);
  assert_int_equal(serve_store_n(s), 1);
  serve_store_close(s);
}

static void sorted_by_start_then_id(void **state) {
  (void)state;
  struct serve_store *s = serve_store_open(8);
  put(s, 3, 5, 1, true);
  put(s, 9, 2, 1, true);
  put(s, 4, 2, 1, true);
  const struct serve_item *const *item = serve_store_sorted(s);
  assert_int_equal(item[0]->id, 4);
  assert_int_equal(item[1]->id, 9);
  assert_int_equal(item[2]->id, 3);
  put(s, 1, 1, 1, true);
  assert_int_equal(serve_store_sorted(s)[0]->id, 1);
  serve_store_close(s);
}

static void the_oldest_closed_one_goes(void **state) {
  (void)state;
  struct serve_store *s = serve_store_open(2);
  put(s, 1, 1, 1, true);
  put(s, 2, 2, 1, false);
  put(s, 3, 3, 1, true);
  assert_int_equal(serve_store_n(s), 2);
  assert_null(serve_store_find(s, STR("0000000000000002")));
  put(s, 4, 4, 1, true); /* all are open: the oldest goes */
  assert_null(serve_store_find(s, STR("0000000000000001")));
  assert_non_null(serve_store_find(s, STR("0000000000000003")));
  serve_store_close(s);
}

static void causes_and_affected_are_named(void **state) {
  (void)state;
  struct serve_store *s = serve_store_open(2);
  put(s, 1, 1, 1, true);
  const struct serve_item *i = serve_store_find(s, STR("0000000000000001"));
  assert_true(serve_item_names(i, STR("cause1")));
  assert_true(serve_item_names(i, STR("hit")));
  assert_false(serve_item_names(i, STR("cause")));
  assert_false(serve_item_names(i, STR("")));
  serve_store_close(s);
}

static void what_is_no_incident_is_bad(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "null",
      "[]",
      "{}",
      "{\"id\":\"xyz\"}",
      "{\"id\":\"000000000000000G\"}",
      "{\"id\":\"0000000000000001\",\"started_at\":\"yesterday\",\"updated_at\":\"2026-03-02T09:01:00Z\"}",
      "{\"id\":\"0000000000000001\",\"started_at\":\"2026-03-02T09:01:00Z\"}"};
  struct serve_store *s = serve_store_open(2);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(serve_store_put(s, str_of(bad[i])), SERVE_PUT_BAD);
  assert_int_equal(serve_store_n(s), 0);
  assert_null(serve_store_sorted(s));
  serve_store_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_last_state_wins),        cmocka_unit_test(sorted_by_start_then_id),
      cmocka_unit_test(the_oldest_closed_one_goes), cmocka_unit_test(causes_and_affected_are_named),
      cmocka_unit_test(what_is_no_incident_is_bad),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
