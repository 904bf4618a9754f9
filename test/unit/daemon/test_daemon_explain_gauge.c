/* The gauges of an incident in words: golden lines, and what is odd. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <yyjson.h>

#include "daemon_explain_room.h"

static char out_bytes[65536];
static struct base_buf out;

static const char *told(const char *json) {
  memset(out_bytes, 0, sizeof out_bytes);
  out = buf_over(out_bytes, sizeof out_bytes - 1);
  struct text t = {.width = 120, .ascii = true, .out = &out};
  yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
  assert_non_null(doc);
  explain_gauges(&t, yyjson_doc_get_root(doc));
  assert_false(out.bad);
  yyjson_doc_free(doc);
  return out_bytes;
}

#define POD "{\"gauges\":[{\"entity\":{\"kind\":\"pod\",\"service\":\"cart\",\"pod\":\"cart-7f\"},"
#define SINCE "\"since\":\"2026-03-02T12:00:03.000000000Z\"}]}"

static void each_has_its_usual(void **state) {
  (void)state;
  assert_string_equal(told(POD "\"metric\":\"upstream_rq_pending_active\",\"part\":\"outbound|80||db\",\"unit\":\"\","
                               "\"value\":48,\"usual\":[0,3.2],\"new\":false," SINCE),
                      "  - cart, pod cart-7f: upstream_rq_pending_active (outbound|80||db) 48, usually 0 to 3.2, since "
                      "12:00:03\n");
  assert_string_equal(told(POD "\"metric\":\"process_resident_memory_bytes\",\"part\":\"\",\"unit\":\"bytes\","
                               "\"value\":2.5e9,\"usual\":[5e8,5e8],\"new\":false," SINCE),
                      "  - cart, pod cart-7f: process_resident_memory_bytes 2.5 GB, usually 500 MB, since 12:00:03\n");
}

static void a_new_line_is_quoted(void **state) {
  (void)state;
  assert_string_equal(told(POD "\"metric\":\"log_errors\",\"part\":\"refused by <*>\",\"unit\":\"\",\"value\":0,"
                               "\"usual\":[0,0],\"new\":true,\"line\":\"refused by db\"," SINCE),
                      "  - cart, pod cart-7f logs what it never did before: \"refused by db\", since 12:00:03\n");
}

static void odd_ones_are_survived(void **state) {
  (void)state;
  static const char *const json[] = {"{}", "{\"gauges\":null}", "{\"gauges\":[]}"};
  for (unsigned i = 0; i < sizeof json / sizeof json[0]; i++) assert_string_equal(told(json[i]), "");
  assert_non_null(strstr(told("{\"gauges\":[{\"value\":1e300,\"usual\":[null],\"unit\":\"furlongs\"}]}"), "1e+300"));
  assert_non_null(strstr(told("{\"gauges\":[7,{}]}"), "usually 0"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_has_its_usual),
      cmocka_unit_test(a_new_line_is_quoted),
      cmocka_unit_test(odd_ones_are_survived),
  };
  return cmocka_run_group_tests_name("daemon_explain_gauge", tests, NULL, NULL);
}
