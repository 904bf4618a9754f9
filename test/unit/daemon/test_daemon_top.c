/* The screen of `foreshock top`: what comes first, what fits, and what an odd name can do to it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <yyjson.h>

#include "daemon_top.h"

static char out_bytes[65536];

static const char status_json[] =
    "{\"uptime_s\":7260,\"series\":593,\"streams\":105,\"tick\":{\"lag_s\":0.52},\"storage\":{\"problem\":null},"
    "\"telemetry\":{\"proxies_n\":0}}";
static const char mesh_json[] =
    "{\"requests_per_s\":331,\"errors_per_s\":19,\"latency_mean_ms\":8.07,\"learned_latency_mean_ms\":7.9}";
static const char incidents_json[] =
    "[{\"id\":\"00000000000000aa\",\"severity\":\"info\",\"started_at\":\"1970-01-01T00:00:10Z\",\"summary\":\"a "
    "little\"},"
    "{\"id\":\"00000000000000ab\",\"severity\":\"critical\",\"started_at\":\"1970-01-01T00:00:40Z\",\"acked\":true,"
    "\"summary\":\"cart fails: \\u001b[31m12 of 20\"},"
    "{\"id\":\"00000000000000ac\",\"verdict\":\"expected\",\"severity\":\"critical\",\"started_at\":"
    "\"1970-01-01T00:00:00Z\",\"summary\":\"a surge\"}]";
static const char graph_json[] =
    "{\"nodes\":[{\"id\":\"shop/idle\",\"health\":\"unknown\"},"
    "{\"id\":\"shop/busy\",\"health\":\"ok\",\"requests_per_s\":900,\"errors_per_s\":0,\"latency_mean_ms\":3},"
    "{\"id\":\"shop/quiet\",\"health\":\"ok\",\"requests_per_s\":1,\"errors_per_s\":0,\"latency_mean_ms\":3},"
    "{\"id\":\"shop/cart\",\"health\":\"alarming\",\"requests_per_s\":20,\"errors_per_s\":12,\"latency_mean_ms\":41.5,"
    "\"learned_latency_mean_ms\":4},"
    "{\"id\":\"shop/\xc3\xbc-name-that-is-longer-than-the-column\",\"health\":\"ok\",\"requests_per_s\":2,"
    "\"errors_per_s\":1,\"latency_mean_ms\":3}]}";

static const char changes_json[] =
    "[{\"at\":\"1970-01-01T00:01:10Z\",\"kind\":\"deploy\",\"summary\":\"cart to v3\",\"source\":\"argo\"},"
    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"new\",\"summary\":\"pay serves\",\"source\":\"traffic\"}]";
#define PARTS 5u

static const char *screen_of(const char *status, struct text t, unsigned rows, const char *problem) {
  struct base_buf out = buf_over(out_bytes, sizeof out_bytes - 1);
  const char *json[PARTS] = {status, incidents_json, mesh_json, graph_json, changes_json};
  yyjson_doc *doc[PARTS];
  for (unsigned i = 0; i < PARTS; i++) assert_non_null(doc[i] = yyjson_read(json[i], strlen(json[i]), 0));
  struct top_answers a = {yyjson_doc_get_root(doc[0]),
                          yyjson_doc_get_root(doc[1]),
                          yyjson_doc_get_root(doc[2]),
                          yyjson_doc_get_root(doc[3]),
                          yyjson_doc_get_root(doc[4]),
                          "http://h:1",
                          problem,
                          100000000000};
  t.out = &out;
  top_screen(&t, &a, rows, "\n");
  assert_false(out.bad);
  out_bytes[out.n] = 0;
  for (unsigned i = 0; i < PARTS; i++) yyjson_doc_free(doc[i]);
  return out_bytes;
}

static const char *screen(struct text t, unsigned rows, const char *problem) {
  return screen_of(status_json, t, rows, problem);
}

static void silence_is_told(void **state) {
  (void)state;
  static const char silent[] = "{\"tick\":{\"seq\":9,\"lag_s\":110},\"telemetry\":{\"proxies_n\":0}}";
  static const char unheard[] = "{\"tick\":{\"seq\":0,\"lag_s\":0},\"telemetry\":{\"proxies_n\":0}}";
  static const char told[] = "no telemetry has come for 2 min: what stands below is that old\n";
  assert_non_null(strstr(screen_of(silent, (struct text){.width = 80}, 24, NULL), told));
  assert_null(strstr(screen_of(unheard, (struct text){.width = 80}, 24, NULL), "telemetry"));
  assert_null(strstr(screen(((struct text){.width = 80}), 24, NULL), "telemetry"));
}

static void the_worst_comes_first(void **state) {
  (void)state;
  assert_string_equal(screen((struct text){.width = 80}, 100, NULL),
                      "foreshock  up 2.0 h  0.5 s behind  593 series  105 streams  http://h:1\n"
                      "331.0 requests/s  19.0 errors/s (5.74 %)  8.1 ms mean, usually 7.9\n"
                      "\n"
                      "3 open incidents\n"
                      "critical     60 s  00000000000000ab  [acked] cart fails: ?[31m12 of 20\n"
                      "info        2 min  00000000000000aa  a little\n"
                      "expected    2 min  00000000000000ac  a surge\n"
                      "\n"
                      "changed lately\n"
                      "deploy       30 s  cart to v3, says argo\n"
                      "new         2 min  pay serves, says traffic\n"
                      "\n"
                      "service                      req/s    failing    mean ms    usually  health\n"
                      "shop/cart                     20.0    60.00 %       41.5        4.0  alarming\n"
                      "shop/\xc3\xbc-name-that-is-long       2.0    50.00 %        3.0        0.0  ok\n"
                      "shop/busy                    900.0     0.00 %        3.0        0.0  ok\n"
                      "shop/quiet                     1.0     0.00 %        3.0        0.0  ok\n");
}

static unsigned rows_of(const char *s) {
  unsigned n = 0;
  for (; *s; s++) n += *s == '\n';
  return n;
}

static void it_fits_any_terminal(void **state) {
  (void)state;
  for (unsigned rows = 1; rows <= 16; rows++) {
    for (unsigned width = 40; width <= 120; width += 20) {
      const char *s = screen((struct text){.width = width}, rows, NULL);
      assert_in_range(rows_of(s), 1, rows);
      for (const char *line = s, *end; (end = strchr(line, '\n')); line = end + 1)
        assert_in_range(text_columns((struct base_str){line, (size_t)(end - line)}), 0, width);
    }
  }
  assert_non_null(strstr(screen((struct text){.width = 80}, 11, NULL), "and 3 more services\n"));
  assert_non_null(strstr(screen((struct text){.width = 80}, 8, NULL), "and 1 more\n"));
}

/* Changes take no room that incidents and services need. */
static void changes_where_there_is_room(void **state) {
  (void)state;
  assert_null(strstr(screen((struct text){.width = 80}, 16, NULL), "changed lately"));
  const char *s = screen((struct text){.width = 80}, 21, NULL);
  assert_non_null(strstr(s, "changed lately\ndeploy "));
  assert_null(strstr(s, "says traffic"));
  static const char begins[] = "{\"tick\":{\"seq\":9,\"lag_s\":1},\"telemetry\":{\"proxies_n\":0},\"restoring\":true}";
  assert_non_null(strstr(screen_of(begins, (struct text){.width = 80}, 24, NULL), "it has just started"));
}

static void colours_and_what_is_old(void **state) {
  (void)state;
  const char *s = screen((struct text){.width = 80, .colour = true}, 100, "no answer");
  assert_non_null(strstr(s, "\033[1;31mcritical"));
  assert_non_null(strstr(s, "\033[1;31mshop/cart"));
  assert_non_null(strstr(s, "not fresh: no answer"));
  assert_null(strstr(screen((struct text){.width = 80}, 100, NULL), "\033"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_worst_comes_first),   cmocka_unit_test(silence_is_told),
      cmocka_unit_test(it_fits_any_terminal),    cmocka_unit_test(changes_where_there_is_room),
      cmocka_unit_test(colours_and_what_is_old),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
