/* Where the time went: golden tables, and what is odd. */
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

static const char *told(const char *json, bool ascii) {
  memset(out_bytes, 0, sizeof out_bytes);
  out = buf_over(out_bytes, sizeof out_bytes - 1);
  struct text t = {.width = 100, .ascii = ascii, .out = &out};
  yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
  assert_non_null(doc);
  explain_time(&t, yyjson_doc_get_root(doc));
  assert_false(out.bad);
  yyjson_doc_free(doc);
  return out_bytes;
}

#define EDGE "\"edge\":{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"},\"stages\":["
#define STAGE(place, normal, now) "{\"place\":\"" place "\",\"normal_ms\":" normal ",\"now_ms\":" now "}"

static void a_slow_network(void **state) {
  (void)state;
  assert_string_equal(
      told("{\"time\":{\"place\":\"network\"," EDGE STAGE("client_proxy", "0.33", "10.33") "," STAGE(
               "network", "0.566", "80.566") "," STAGE("application", "23.71", "23.6") "]}}",
           true),
      "front -> cart: a request takes 90 ms more than normal, 80 ms of it in the network between them.\n"
      "                          normal       now\n"
      "  caller's proxy         0.33 ms   10.3 ms  ###\n"
      "  network                0.57 ms   80.6 ms  ########################\n"
      "  application            23.7 ms   23.6 ms\n");
}

static void several_places_and_one_unheard_of(void **state) {
  (void)state;
  const char *text = told(
      "{\"time\":{\"place\":\"several\"," EDGE STAGE("beyond", "1", "3") "," STAGE("orbit", "0", "2") "]}}", false);
  assert_non_null(strstr(text, "a request takes 4 ms more than normal, in several places.\n"));
  assert_non_null(strstr(text, "  orbit                     0 ms      2 ms  \xe2\x96\x88"));
  text = told("{\"time\":{\"place\":\"orbit\"," EDGE STAGE("orbit", "0", "2") "]}}", true);
  assert_non_null(strstr(text, "2 ms more than normal, 2 ms of it orbit.\n"));
}

static void nothing_of_nothing(void **state) {
  (void)state;
  static const char *const json[] = {"{}", "{\"time\":null}", "{\"time\":{\"place\":\"network\"," EDGE "]}}",
                                     "{\"time\":{\"place\":\"network\"," EDGE STAGE("network", "0", "1e300") "]}}"};
  for (unsigned i = 0; i < sizeof json / sizeof json[0]; i++) assert_string_equal(told(json[i], true), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slow_network),
      cmocka_unit_test(several_places_and_one_unheard_of),
      cmocka_unit_test(nothing_of_nothing),
  };
  return cmocka_run_group_tests_name("daemon_explain_time", tests, NULL, NULL);
}
