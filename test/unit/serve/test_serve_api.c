/* Every path's answer, over a made-up daemon. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "serve_fake.h"
#include "serve_room.h"

/* ---- one request ---- */

struct answer {
  int status;
  const char *type, *extra;
  char *text;
  yyjson_doc *doc;
};

static struct serve *serve;
static struct serve_store *store;
static struct serve_history *history;
static struct serve_tokens tokens;
static uint64_t counters[REC_COUNTER_COUNT];
static const char *authorization, *if_none_match, *accept_encoding, *accept;

static struct answer ask_with(const char *method, const char *path, const char *query, const char *type,
                              const char *body) {
  struct io_http_request req = {.method = str_of(method),
                                .path = str_of(path),
                                .query = str_of(query),
                                .content_type = str_of(type),
                                .accept = str_of(accept),
                                .accept_encoding = str_of(accept_encoding),
                                .authorization = str_of(authorization),
                                .if_none_match = str_of(if_none_match),
                                .body = str_of(body)};
  struct io_http_response res = {.status = 200, .body = buf_open(LIMIT_HTTP_OUT_BYTES)};
  serve_http(serve, &req, &res);
  assert_false(res.body.bad);
  struct answer a = {.status = res.status, .type = res.content_type, .extra = res.extra};
  a.text = strndup(res.body.n ? res.body.p : "", res.body.n);
  a.doc = yyjson_read(res.body.p, res.body.n, 0);
  buf_fini(&res.body);
  return a;
}

static struct answer get(const char *path, const char *query) {
  return ask_with("GET", path, query, NULL, NULL);
}

static void drop(struct answer *a) {
  free(a->text);
  yyjson_doc_free(a->doc);
}

static yyjson_val *at(struct answer *a, const char *pointer) {
  yyjson_val *v = yyjson_doc_ptr_get(a->doc, pointer);
  if (!v) print_error("no %s in %s\n", pointer, a->text);
  assert_non_null(v);
  return v;
}

static void expect_error(struct answer a, int status, const char *part) {
  assert_int_equal(a.status, status);
  assert_non_null(strstr(yyjson_get_str(at(&a, "/error")), part));
  drop(&a);
}

/* ---- tests ---- */

static void add_incident(const char *id, const char *verdict, const char *updated, const char *ended,
                         const char *service) {
  char json[512];
  snprintf(json, sizeof json,
           "{\"id\":\"%s\",\"verdict\":\"%s\",\"started_at\":\"2026-03-02T09:00:00Z\",\"updated_at\":\"%s\","
           "\"ended_at\":%s,\"root_causes\":[],\"affected\":[{\"service\":\"%s\"}]}",
           id, verdict, updated, ended, service);
  assert_int_equal(serve_incident(serve, str_of(json)), SERVE_PUT_NEW);
}

static uint64_t total(const char *query) {
  struct answer a = get("/api/v1/incidents", query);
  assert_int_equal(a.status, 200);
  uint64_t n = yyjson_get_uint(at(&a, "/total"));
  if (!strstr(query, "limit")) assert_int_equal(yyjson_arr_size(at(&a, "/incidents")), n);
  drop(&a);
  return n;
}

static void incidents_are_filtered(void **state) {
  (void)state;
  add_incident("0000000000000001", "unhealthy", "2026-03-02T09:01:00Z", "null", "cart");
  add_incident("0000000000000002", "expected", "2026-03-02T09:02:00Z", "\"2026-03-02T09:02:00Z\"", "pay");
  add_incident("0000000000000003", "unhealthy", "2026-03-02T09:03:00Z", "null", "pay");
  assert_int_equal(total(""), 3);
  assert_int_equal(total("verdict=expected"), 1);
  assert_int_equal(total("service=pay"), 2);
  assert_int_equal(total("service=pa"), 0);
  assert_int_equal(total("state=open"), 2);
  assert_int_equal(total("since=2026-03-02T09:02:00Z"), 2);
  assert_int_equal(total("since=2026-03-02T10:02:30%2B01:00"), 1);
  assert_int_equal(total("limit=1"), 3);
  struct answer a = get("/api/v1/incidents", "limit=1");
  assert_string_equal(yyjson_get_str(at(&a, "/incidents/0/id")), "0000000000000003");
  assert_int_equal(yyjson_arr_size(at(&a, "/incidents")), 1);
  drop(&a);
}

static void bad_filters_are_named(void **state) {
  (void)state;
  expect_error(get("/api/v1/incidents", "since=now"), 400, "since");
  expect_error(get("/api/v1/incidents", "verdict=bad"), 400, "verdict");
  expect_error(get("/api/v1/incidents", "state=x"), 400, "state");
  expect_error(get("/api/v1/incidents", "limit=0"), 400, "limit");
  expect_error(get("/api/v1/incidents", "limit=99999999999"), 400, "limit");
  expect_error(get("/api/v1/incidents", "limit=1x"), 400, "limit");
  expect_error(get("/api/v1/incidents", "foo=1"), 400, "foo");
  expect_error(get("/api/v1/incidents", "since=%"), 400, "query");
}

static void one_incident_and_its_ack(void **state) {
  (void)state;
  add_incident("00000000000000aa", "unhealthy", "2026-03-02T09:01:00Z", "null", "cart");
  struct answer a = get("/api/v1/incidents/00000000000000aa", "");
  assert_int_equal(a.status, 200);
  assert_string_equal(yyjson_get_str(at(&a, "/id")), "00000000000000aa");
  drop(&a);
  expect_error(get("/api/v1/incidents/00000000000000ab", ""), 404, "no incident");
  expect_error(get("/api/v1/incidents/../aa", ""), 404, "path");
  const char *ack = "/api/v1/incidents/00000000000000aa/ack";
  expect_error(ask_with("POST", ack, "", "text/plain", "{}"), 415, "application/json");
  expect_error(ask_with("POST", ack, "", "application/json", "{\"who\":\"\"}"), 400, "who");
  expect_error(ask_with("POST", ack, "", "application/json", "{\"by\":\"me\"}"), 400, "who");
  expect_error(ask_with("POST", ack, "", "application/json", "nonsense"), 400, "JSON");
  expect_error(get(ack, ""), 405, "POST");
  assert_int_equal(command_n, 0);
  a = ask_with("POST", ack, "", "Application/JSON ; charset=utf-8", "{\"who\":\"anna\"}");
  assert_int_equal(a.status, 202);
  drop(&a);
  assert_int_equal(command_n, 1);
  assert_int_equal(got_command.verb, REC_VERB_ACK);
  a = ask_with("POST", ack, "", "application/json", "");
  assert_int_equal(a.status, 202);
  assert_int_equal(command_n, 2);
  drop(&a);
  full = true;
  expect_error(ask_with("POST", ack, "", "application/json", ""), 503, "try again");
}

static struct answer post_change(const char *body) {
  return ask_with("POST", "/api/v1/changes", "", "application/json", body);
}

#define ENTITY "\"entity\":{\"kind\":\"service\",\"service\":\"cart\"}"

static void a_change_is_taken(void **state) {
  (void)state;
  struct answer a = post_change("{\"at\":\"1970-01-01T00:10:00Z\",\"source\":\"argo\",\"kind\":\"deploy\"," ENTITY
                                ",\"summary\":\"v2\"}");
  assert_int_equal(a.status, 202);
  drop(&a);
  assert_int_equal(change_n, 1);
  assert_true(got_change.at.ns == 600 * TIME_NS_PER_S);
  assert_string_equal(got_summary, "v2");
  a = post_change("{\"kind\":\"deploy\"," ENTITY ",\"summary\":\"v3\"}");
  assert_int_equal(a.status, 202);
  drop(&a);
  assert_true(got_change.at.ns == 1000 * TIME_NS_PER_S);
  full = true;
  expect_error(post_change("{\"kind\":\"deploy\"," ENTITY ",\"summary\":\"v3\"}"), 503, "try again");
}

static void a_bad_change_is_refused_by_field(void **state) {
  (void)state;
  expect_error(post_change("{"), 400, "JSON");
  expect_error(post_change("[]"), 400, "object");
  expect_error(post_change("{\"kind\":\"x\"," ENTITY ",\"summary\":\"s\",\"sumary\":1}"), 400, "sumary");
  expect_error(post_change("{" ENTITY ",\"summary\":\"s\"}"), 400, "kind");
  expect_error(post_change("{\"kind\":7," ENTITY ",\"summary\":\"s\"}"), 400, "kind");
  expect_error(post_change("{\"kind\":\"x\"," ENTITY "}"), 400, "summary");
  expect_error(post_change("{\"kind\":\"x\",\"summary\":\"s\"}"), 400, "entity");
  expect_error(post_change("{\"kind\":\"x\",\"summary\":\"s\",\"entity\":{\"kind\":\"cat\"}}"), 400, "entity.kind");
  expect_error(post_change("{\"kind\":\"x\",\"summary\":\"s\",\"entity\":{\"kind\":\"pod\",\"pd\":\"a\"}}"), 400,
               "entity.pd");
  /* Cut at the NUL, it would be said of the cart. */
  expect_error(post_change("{\"kind\":\"x\",\"summary\":\"s\",\"entity\":{\"kind\":\"service\",\"service\":"
                           "\"cart\\u0000-old\"}}"),
               400, "entity.service");
  expect_error(post_change("{\"kind\":\"x\\u0000y\"," ENTITY ",\"summary\":\"s\"}"), 400, "kind");
  expect_error(post_change("{\"at\":\"noon\",\"kind\":\"x\"," ENTITY ",\"summary\":\"s\"}"), 400, "at");
  expect_error(post_change("{\"at\":\"1970-01-03T00:00:00Z\",\"kind\":\"x\"," ENTITY ",\"summary\":\"s\"}"), 400, "at");
  assert_int_equal(change_n, 0);
}

static void the_graph_has_each_edge_once(void **state) {
  (void)state;
  struct answer a = get("/api/v1/graph", "");
  assert_int_equal(a.status, 200);
  assert_int_equal(yyjson_arr_size(at(&a, "/nodes")), 2);
  assert_string_equal(yyjson_get_str(at(&a, "/nodes/0/id")), "shop/cart");
  assert_string_equal(yyjson_get_str(at(&a, "/nodes/0/side")), "server");
  assert_string_equal(yyjson_get_str(at(&a, "/nodes/0/health")), "ok");
  assert_string_equal(yyjson_get_str(at(&a, "/nodes/1/id")), "shop/front");
  assert_string_equal(yyjson_get_str(at(&a, "/nodes/1/health")), "unknown");
  assert_int_equal(yyjson_arr_size(at(&a, "/edges")), 1);
  assert_string_equal(yyjson_get_str(at(&a, "/edges/0/source")), "shop/front");
  assert_string_equal(yyjson_get_str(at(&a, "/edges/0/target")), "shop/cart");
  assert_string_equal(yyjson_get_str(at(&a, "/edges/0/health")), "alarming");
  drop(&a);
}

static void numbers_are_rounded(void **state) {
  (void)state;
  const struct {
    double v;
    unsigned decimals;
    const char *text;
  } want[] = {{0, 3, "0"},
              {0.0004, 3, "0"},
              {0.0005, 3, "0.001"},
              {0.05, 2, "0.05"},
              {12.34, 2, "12.34"},
              {12.3456, 3, "12.346"},
              {100, 3, "100"},
              {99.9996, 3, "100"},
              {7.5, 0, "8"},
              {1e-6, 6, "0.000001"},
              {123456789.125, 3, "123456789.125"},
              {2e12, 3, "2000000000000"},
              {-1.5, 3, "-1.5"}};
  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
    char text[64];
    struct base_buf b = buf_over(text, sizeof text - 1);
    struct base_json json = json_over(&b);
    serve_fixed_json(&json, want[i].v, want[i].decimals);
    text[b.n] = 0;
    assert_string_equal(text, want[i].text);
  }
}

static void series_by_entity_and_signal(void **state) {
  (void)state;
  struct answer a =
      get("/api/v1/series", "entity=%7B%22kind%22:%22service%22,%22service%22:%22cart%22%7D&signal=requests_up");
  assert_int_equal(a.status, 200);
  assert_int_equal(yyjson_arr_size(at(&a, "/series")), 2);
  assert_true(yyjson_get_num(at(&a, "/series/1/value")) == 11);
  drop(&a);
  a = get("/api/v1/series", "entity=%7B%22kind%22:%22service%22,%22service%22:%22other%22%7D");
  assert_int_equal(yyjson_arr_size(at(&a, "/series")), 0);
  drop(&a);
  expect_error(get("/api/v1/series", ""), 400, "entity");
  expect_error(get("/api/v1/series", "entity=%7B%22kind%22:%22service%22%7D&signal=mood"), 400, "signal");
  expect_error(get("/api/v1/series", "entity=%7B%22kind%22:%22service%22%7D&from=1"), 400, "from");
  expect_error(get("/api/v1/series", "entity=%7B%22kind%22:%22service%22%7D&step=2d"), 400, "step");
  expect_error(get("/api/v1/series", "entity=%7B%22kind%22:%22service%22%7D&step=1&limit=257"), 400, "limit");
}

static void status_has_all_counters(void **state) {
  (void)state;
  struct answer a = get("/api/v1/status", "");
  assert_int_equal(a.status, 200);
  assert_true(yyjson_get_num(at(&a, "/uptime_s")) == 100);
  assert_true(yyjson_get_num(at(&a, "/tick/lag_s")) == 1);
  assert_int_equal(yyjson_obj_size(at(&a, "/counters")), REC_COUNTER_COUNT);
  assert_int_equal(yyjson_get_uint(at(&a, "/counters/entries")), 100 + REC_COUNTER_ENTRIES);
  assert_true(yyjson_is_null(at(&a, "/storage/data_dir")));
  drop(&a);
}

static void metrics_have_help_type_and_value(void **state) {
  (void)state;
  struct answer a = get("/metrics", "");
  assert_int_equal(a.status, 200);
  assert_string_equal(a.type, "text/plain; version=0.0.4; charset=utf-8");
  for (unsigned c = 0; c < REC_COUNTER_COUNT; c++) {
    char want[256];
    snprintf(want, sizeof want, "# TYPE foreshock_%s_total counter\nforeshock_%s_total %u\n", rec_counter_text(c),
             rec_counter_text(c), 100 + c);
    if (!strstr(a.text, want)) fail_msg("missing: %s", want);
    snprintf(want, sizeof want, "# HELP foreshock_%s_total ", rec_counter_text(c));
    assert_non_null(strstr(a.text, want));
  }
  assert_non_null(strstr(a.text, "\nforeshock_series 3\n"));
  assert_non_null(strstr(a.text, "\nforeshock_storage_ok 1\n"));
  assert_non_null(strstr(a.text, "\nforeshock_build_info{version=\"1\",commit=\"c\"} 1\n"));
  drop(&a);
}

/* The same families by the other form's rules. */
static void metrics_are_open_where_that_is_asked_for(void **state) {
  (void)state;
  accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5";
  struct answer a = get("/metrics", "");
  accept = NULL;
  assert_string_equal(a.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  char want[256];
  snprintf(want, sizeof want, "# TYPE foreshock_entries counter\nforeshock_entries_total %u\n",
           100 + REC_COUNTER_ENTRIES);
  assert_non_null(strstr(a.text, want));
  assert_null(strstr(a.text, "_total counter"));
  assert_non_null(strstr(a.text, "\nforeshock_reporters{source=\"mesh_metrics\"} 100\n"));
  assert_non_null(strstr(a.text, "\nforeshock_threshold_nats{signal=\"latency\"} 22\n"));
  assert_string_equal(a.text + strlen(a.text) - 7, "\n# EOF\n");
  drop(&a);
}

static void health_tells_of_the_disk_and_stays_200(void **state) {
  (void)state;
  struct answer a = get("/healthz", "");
  assert_int_equal(a.status, 200);
  assert_string_equal(yyjson_get_str(at(&a, "/status")), "ok");
  drop(&a);
  problem = "disk \"full\"";
  a = get("/healthz", "");
  assert_int_equal(a.status, 200);
  assert_string_equal(yyjson_get_str(at(&a, "/status")), "degraded");
  assert_string_equal(yyjson_get_str(at(&a, "/problems/0")), "disk \"full\"");
  drop(&a);
}

static void telemetry_names_who_loses_how_much(void **state) {
  (void)state;
  struct answer a = get("/api/v1/status", "");
  assert_string_equal(yyjson_get_str(at(&a, "/telemetry/state")), "complete");
  assert_int_equal(yyjson_arr_size(at(&a, "/telemetry/proxies")), 0);
  drop(&a);
  gap_n = 2;
  a = get("/api/v1/status", "");
  assert_non_null(strstr(a.text,
                         "\"telemetry\":{\"state\":\"degraded\",\"proxies_n\":2,\"proxies\":["
                         "{\"node\":\"cart-1\",\"service\":\"cart\",\"cluster\":null,\"reason\":\"lost\","
                         "\"lost_share\":0.25},"
                         "{\"node\":\"cart-1\",\"service\":null,\"cluster\":null,\"reason\":\"lost\","
                         "\"lost_share\":null}]}"));
  drop(&a);
  gap_n = 3 * SERVE_GAPS_MAX; /* no more are listed than fit, but all are counted */
  a = get("/api/v1/status", "");
  assert_int_equal(yyjson_get_int(at(&a, "/telemetry/proxies_n")), 3 * SERVE_GAPS_MAX);
  assert_int_equal(yyjson_arr_size(at(&a, "/telemetry/proxies")), SERVE_GAPS_MAX);
  drop(&a);
  a = get("/metrics", "");
  assert_non_null(strstr(a.text, "\nforeshock_telemetry_gaps 192\n"));
  drop(&a);
}

static void sources_say_who_is_counted_by_what(void **state) {
  (void)state;
  struct answer a = get("/api/v1/status", "");
  assert_non_null(strstr(a.text,
                         "\"sources\":{\"by_source\":{\"mesh_metrics\":100},\"reporters_n\":100,\"reporters\":["
                         "{\"namespace\":null,\"service\":\"cart\",\"node\":\"cart-1\",\"side\":\"client\","
                         "\"source\":\"mesh_metrics\"},"));
  assert_int_equal(yyjson_arr_size(at(&a, "/sources/reporters")), SERVE_REPORTERS_MAX);
  drop(&a);
}

static void calibration_has_every_signal(void **state) {
  (void)state;
  struct answer a = get("/api/v1/status", "");
  assert_int_equal(yyjson_arr_size(at(&a, "/calibration")), REC_SIGNAL_COUNT);
  assert_non_null(strstr(a.text,
                         "{\"signal\":\"latency\",\"threshold\":20.5,\"raised_to\":22,\"series_weeks\":12.5,"
                         "\"exceeding\":[{\"level\":10,\"seen\":31,\"bound\":54.5},"
                         "{\"level\":12,\"seen\":4,\"bound\":7.25}]}"));
  assert_non_null(strstr(a.text, "{\"signal\":\"errors\",\"threshold\":20.5,\"raised_to\":20.5,"));
  drop(&a);
}

static void readiness_is_a_status(void **state) {
  (void)state;
  struct answer a = get("/readyz", "");
  assert_int_equal(a.status, 503);
  drop(&a);
  ready = true;
  a = get("/readyz", "");
  assert_int_equal(a.status, 200);
  drop(&a);
}

static void every_answer_is_guarded(void **state) {
  (void)state;
  struct answer a = get("/", "");
  assert_int_equal(a.status, 200);
  assert_string_equal(a.type, "text/html; charset=utf-8");
  assert_non_null(strstr(a.extra, "Content-Security-Policy: default-src 'none'"));
  assert_non_null(strstr(a.extra, "nosniff"));
  drop(&a);
  a = get("/api/v1/status", "");
  assert_non_null(strstr(a.extra, "Cache-Control: no-store\r\n"));
  assert_non_null(strstr(a.extra, "X-Content-Type-Options: nosniff\r\n"));
  drop(&a);
}

static void wrong_paths_and_methods(void **state) {
  (void)state;
  expect_error(get("/api/v1/nothing", ""), 404, "path");
  expect_error(get("/api/v1/incidents/", ""), 404, "path");
  expect_error(get("//", ""), 404, "path");
  expect_error(get("", ""), 404, "path");
  struct answer a = ask_with("POST", "/api/v1/status", "", "application/json", "{}");
  assert_non_null(strstr(a.extra, "Allow: GET, HEAD\r\n"));
  expect_error(a, 405, "GET");
  expect_error(ask_with("DELETE", "/api/v1/status", "", NULL, NULL), 405, "GET");
  expect_error(get("/api/v1/incidents/00000000000000aa/ack", ""), 405, "POST");
  expect_error(ask_with("PUT", "/api/v1/changes", "", NULL, NULL), 405, "GET and POST");
  a = ask_with("HEAD", "/healthz", "", NULL, NULL);
  assert_int_equal(a.status, 200);
  drop(&a);
}

/* Series 0 has n requests in a second, m of which fail. */
static void second_of(uint32_t idx, int64_t s, uint32_t n, uint32_t m) {
  struct rec_tick_input *in = calloc(1, sizeof *in);
  struct rec_obs obs = {.series_idx = idx, .latency_sum_ns = 4000000ull * (n - m)};
  obs.class_n[REC_CLASS_OK] = n - m;
  obs.class_n[REC_CLASS_SERVER_ERROR] = m;
  struct rec_hist_cell cell = {20, n - m};
  obs.hist_n = 1;
  in->tick.end.ns = (s + 1) * TIME_NS_PER_S;
  in->bucket[5] = (struct rec_batch){.obs = &obs, .obs_n = 1, .cell = &cell, .cell_n = 1};
  serve_tick(serve, in);
  free(in);
}

static void second(int64_t s, uint32_t n, uint32_t m) {
  second_of(0, s, n, m);
}

#define SERVICE "entity=%7B%22kind%22:%22service%22,%22service%22:%22cart%22%7D"

static void series_have_their_seconds(void **state) {
  (void)state;
  for (int64_t s = 0; s < 30; s++) second(600 + s, 10 + (uint32_t)s, 1);
  struct answer a = get("/api/v1/series", SERVICE "&from=1970-01-01T00:10:10Z&to=1970-01-01T00:10:14Z");
  assert_int_equal(a.status, 200);
  assert_string_equal(yyjson_get_str(at(&a, "/series/0/points/from")), "1970-01-01T00:10:10.000000000Z");
  assert_int_equal(yyjson_arr_size(at(&a, "/series/0/points/requests_per_s")), 4);
  assert_true(yyjson_get_num(at(&a, "/series/0/points/requests_per_s/0")) == 20);
  assert_true(yyjson_get_num(at(&a, "/series/0/points/errors_per_s/3")) == 1);
  assert_true(yyjson_get_num(at(&a, "/series/0/points/latency_mean_ms/3")) == 4);
  assert_true(yyjson_get_num(at(&a, "/series/0/normal/requests_per_s/1")) == 11);
  assert_true(yyjson_get_num(at(&a, "/series/0/normal/smallest/slower")) == 1.5);
  assert_true(yyjson_is_null(at(&a, "/series/0/normal/smallest/more_requests")));
  assert_true(yyjson_is_null(at(&a, "/series/1/points"))); /* nothing was seen of the other side */
  assert_true(yyjson_is_null(at(&a, "/series/1/normal")));
  drop(&a);
  a = get("/api/v1/series", SERVICE "&step=10s");
  assert_int_equal(yyjson_arr_size(at(&a, "/series/0/points/requests_per_s")), 2); /* the last is not whole */
  assert_true(yyjson_get_num(at(&a, "/series/0/points/requests_per_s/1")) == 24.5);
  drop(&a);
  a = get("/api/v1/series", SERVICE "&from=1970-01-01T00:00:00Z"); /* begins where it is known */
  assert_string_equal(yyjson_get_str(at(&a, "/series/0/points/from")), "1970-01-01T00:10:00.000000000Z");
  drop(&a);
  a = get("/api/v1/series", SERVICE "&limit=1");
  assert_true(yyjson_get_bool(at(&a, "/cut")));
  drop(&a);
}

static bool disk_fails; /* which has a day by the second, ninety by the minute, a request each second */

static int64_t fake_reach(void *ctx, uint32_t step_s) {
  (void)ctx;
  return step_s % 60 == 0 ? 90 * 86400 : 86400;
}

static bool fake_points(void *ctx, uint32_t idx, int64_t from_s, uint32_t step_s, uint32_t n, struct serve_point *out,
                        uint32_t *rows) {
  (void)ctx;
  (void)from_s, (void)rows;
  for (uint32_t i = 0; idx == 0 && i < n; i++)
    if (!out[i].known) out[i] = (struct serve_point){{step_s, 0, 2, 3}, true};
  return !disk_fails;
}

static struct answer ask_span(uint64_t from_s, uint64_t to_s, const char *more) {
  char query[512], from[TIME_TEXT_BYTES], to[TIME_TEXT_BYTES];
  time_text((struct base_wall){(int64_t)from_s * TIME_NS_PER_S}, from);
  time_text((struct base_wall){(int64_t)to_s * TIME_NS_PER_S}, to);
  snprintf(query, sizeof query, "%s&from=%s&to=%s%s", SERVICE, from, to, more);
  return get("/api/v1/series", query);
}

static void expect_points(struct answer a, size_t n, unsigned step_s) {
  assert_int_equal(a.status, 200);
  assert_int_equal(yyjson_get_uint(at(&a, "/series/0/points/step_s")), step_s);
  assert_int_equal(yyjson_arr_size(at(&a, "/series/0/points/requests_per_s")), n);
  drop(&a);
}

static void older_points_come_from_the_disk_at_a_step_that_it_has(void **state) {
  (void)state;
  uint64_t now = 20100ull * 86400;
  serve_close(serve);
  struct serve_conf conf = {.store = store, .history = history, .counters = counters, .version = "1", .commit = "c"};
  conf.source = serve_fake();
  conf.source.reach = fake_reach;
  conf.source.points = fake_points;
  serve = serve_open(&conf);
  disk_fails = false;
  for (int64_t s = 0; s < 30; s++) second((int64_t)now - 30 + s, 10, 1);
  struct answer a = ask_span(now - 40, now, "&step=1s");
  assert_true(yyjson_get_num(at(&a, "/series/0/points/requests_per_s/0")) == 1);
  assert_true(yyjson_get_num(at(&a, "/series/0/points/requests_per_s/15")) == 10); /* memory's own word */
  assert_true(yyjson_is_null(at(&a, "/series/1/points")));
  drop(&a);
  expect_points(ask_span(now - 3600, now - 60, ""), 708, 5); /* the finest that gives no more than 1,440 */
  expect_points(ask_span(now - 7200, now - 3600, "&step=1s"), 3600, 1);
  expect_points(ask_span(now - 2 * 86400, now - 2 * 86400 + 600, "&step=7s"), 10, 60);
  expect_points(ask_span(now - 80 * 86400, now - 20 * 86400, ""), 1440, 3600);
  expect_error(ask_span(now - 86000, now, "&step=1s"), 400, "larger step");
  disk_fails = true;
  expect_error(ask_span(now - 7200, now - 3600, "&step=1s"), 400, "one answer");
}

static void an_incident_shows_its_series(void **state) {
  (void)state;
  for (int64_t s = 0; s < 300; s++) second(600 + s, 10, 0);
  const char *json =
      "{\"id\":\"00000000000000aa\",\"verdict\":\"unhealthy\",\"started_at\":\"1970-01-01T00:13:20Z\","
      "\"updated_at\":\"1970-01-01T00:13:20Z\",\"ended_at\":\"1970-01-01T00:13:30Z\",\"root_causes\":[{\"entity\":"
      "{\"kind\":\"service\",\"service\":\"cart\"}}],\"affected\":[{\"kind\":\"service\",\"service\":\"cart\"},"
      "{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"}]}";
  assert_int_equal(serve_incident(serve, str_of(json)), SERVE_PUT_NEW);
  struct answer a = get("/api/v1/incidents/00000000000000aa", "");
  assert_int_equal(a.status, 200);
  assert_int_equal(yyjson_arr_size(at(&a, "/series")), 1); /* each once, and only those of which something is kept */
  assert_string_equal(yyjson_get_str(at(&a, "/series/0/side")), "server");
  assert_string_equal(yyjson_get_str(at(&a, "/series/0/points/from")), "1970-01-01T00:11:20.000000000Z");
  assert_int_equal(yyjson_arr_size(at(&a, "/series/0/points/requests_per_s")),
                   SERVE_PLOT_BEFORE_S + 10 + SERVE_PLOT_AFTER_S);
  drop(&a);
}

/* The way between is in the word of who calls alone. */
static void an_edge_is_shown_by_who_calls(void **state) {
  (void)state;
  edge_served = true;
  for (int64_t s = 0; s < 300; s++) second_of(2 + (uint32_t)(s % 2), 600 + s / 2, 10, 0);
  const char *json =
      "{\"id\":\"00000000000000aa\",\"verdict\":\"unhealthy\",\"started_at\":\"1970-01-01T00:11:00Z\","
      "\"updated_at\":\"1970-01-01T00:11:00Z\",\"ended_at\":null,\"root_causes\":[{\"entity\":"
      "{\"kind\":\"edge\",\"service\":\"cart\",\"caller\":\"front\"}}],\"affected\":[]}";
  assert_int_equal(serve_incident(serve, str_of(json)), SERVE_PUT_NEW);
  struct answer a = get("/api/v1/incidents/00000000000000aa", "");
  assert_int_equal(yyjson_arr_size(at(&a, "/series")), 1);
  assert_string_equal(yyjson_get_str(at(&a, "/series/0/side")), "client");
  drop(&a);
}

static void pages_follow_the_cursor(void **state) {
  (void)state;
  for (unsigned i = 1; i <= 7; i++) {
    char id[17];
    snprintf(id, sizeof id, "%016x", i);
    add_incident(id, i % 2 ? "unhealthy" : "expected", "2026-03-02T09:01:00Z", "null", "cart");
  }
  char query[96] = "limit=3";
  unsigned seen = 0;
  for (unsigned page = 0; page < 3; page++) {
    struct answer a = get("/api/v1/incidents", query);
    assert_int_equal(a.status, 200);
    assert_int_equal(yyjson_get_uint(at(&a, "/total")), 7);
    size_t n = yyjson_arr_size(at(&a, "/incidents"));
    assert_int_equal(n, page < 2 ? 3 : 1);
    for (size_t i = 0; i < n; i++) {
      char id[17];
      snprintf(id, sizeof id, "%016x", 7 - seen++);
      assert_string_equal(yyjson_get_str(yyjson_obj_get(yyjson_arr_get(at(&a, "/incidents"), i), "id")), id);
    }
    const char *next = yyjson_get_str(at(&a, "/next"));
    assert_int_equal(next != NULL, page < 2);
    if (next) snprintf(query, sizeof query, "limit=3&cursor=%s", next);
    drop(&a);
  }
  expect_error(get("/api/v1/incidents", "cursor=7"), 400, "cursor");
  expect_error(get("/api/v1/incidents", "severity=bad"), 400, "severity");
  expect_error(get("/api/v1/incidents", "kind=bad"), 400, "kind");
}

static void muting_and_expecting(void **state) {
  (void)state;
  const char *json =
      "{\"id\":\"00000000000000aa\",\"verdict\":\"unhealthy\",\"started_at\":\"2026-03-02T09:00:00Z\",\"updated_at\":"
      "\"2026-03-02T09:00:00Z\",\"ended_at\":null,\"muted\":false,\"summary\":\"\\\"muted\\\":false\",\"rev\":1}";
  assert_int_equal(serve_incident(serve, str_of(json)), SERVE_PUT_NEW);
  assert_false(serve_muted(serve, 0xaa));
  struct answer a =
      ask_with("POST", "/api/v1/incidents/00000000000000aa/mute", "", "application/json", "{\"who\":\"anna\"}");
  assert_int_equal(a.status, 202);
  drop(&a);
  assert_int_equal(got_command.verb, REC_VERB_MUTE);
  assert_true(serve_muted(serve, 0xaa));
  a = get("/api/v1/incidents/00000000000000aa", "");
  assert_true(yyjson_get_bool(at(&a, "/muted")));
  assert_string_equal(yyjson_get_str(at(&a, "/summary")),
                      "\"muted\":false"); /* a text that looks like it is left alone */
  drop(&a);
  a = ask_with("POST", "/api/v1/incidents/00000000000000aa/expect", "", "application/json", "");
  assert_int_equal(a.status, 202);
  drop(&a);
  assert_int_equal(got_command.verb, REC_VERB_EXPECT);
  add_incident("00000000000000ab", "unhealthy", "2026-03-02T09:01:00Z", "\"2026-03-02T09:02:00Z\"", "cart");
  expect_error(ask_with("POST", "/api/v1/incidents/00000000000000ab/mute", "", "application/json", ""), 409, "over");
  a = get("/api/v1/audit", "");
  assert_int_equal(yyjson_arr_size(at(&a, "/actions")), 2);
  assert_string_equal(yyjson_get_str(at(&a, "/actions/0/action")), "expect");
  assert_string_equal(yyjson_get_str(at(&a, "/actions/1/who")), "anna");
  drop(&a);
  assert_non_null(strstr(got_audit, "\"action\":\"expect\",\"about\":\"00000000000000aa\",\"result\":\"accepted\""));
}

/* What another process kept of a mute, and of the incident, in the log's order. */
static void a_mute_outlives_the_process(void **state) {
  (void)state;
  const char *json =
      "{\"id\":\"00000000000000aa\",\"started_at\":\"2026-03-02T09:00:00Z\",\"updated_at\":"
      "\"2026-03-02T09:00:00Z\",\"ended_at\":null,\"muted\":false,\"rev\":1}";
  assert_int_equal(serve_store_put(store, str_of(json)), SERVE_PUT_NEW);
  serve_audit_known(serve, STR("{\"at\":\"2026-03-02T09:00:09Z\",\"who\":\"anna\",\"action\":\"mute\",\"about\":"
                               "\"00000000000000aa\",\"result\":\"accepted\"}"));
  serve_audit_known(serve, STR("nonsense"));
  assert_true(serve_muted(serve, 0xaa));
  struct answer a = get("/api/v1/incidents", "");
  assert_true(yyjson_get_bool(at(&a, "/incidents/0/muted")));
  drop(&a);
  a = get("/api/v1/audit", "limit=1");
  assert_string_equal(yyjson_get_str(at(&a, "/actions/0/who")), "anna");
  drop(&a);
}

static void tokens_read_or_act(void **state) {
  (void)state;
  unsigned line;
  const char *reason;
  struct serve_conf conf = {.store = store, .history = history, .tokens = &tokens, .counters = counters};
  conf.source = serve_fake();
  assert_true(tokens_read(STR("wall read 0123456789abcdef\nanna act fedcba9876543210\n"), &tokens, &line, &reason));
  serve_close(serve);
  serve = serve_open(&conf);
  struct answer a = get("/api/v1/changes", "");
  assert_non_null(strstr(a.extra, "WWW-Authenticate: Bearer"));
  expect_error(a, 401, "Authorization");
  expect_error(post_change("{}"), 401, "Authorization");
  assert_int_equal(counters[REC_COUNTER_HTTP_DENIED], 2);
  const char *const open[] = {"/", "/healthz", "/readyz", "/api/v1/openapi.yaml"};
  for (size_t i = 0; i < 4; i++) {
    a = get(open[i], "");
    assert_true(a.status == 200 || a.status == 503);
    drop(&a);
  }
  authorization = "Bearer 0123456789abcdef";
  a = get("/api/v1/changes", "");
  assert_int_equal(a.status, 200);
  drop(&a);
  expect_error(post_change("{\"kind\":\"deploy\"," ENTITY ",\"summary\":\"v2\"}"), 403, "not act");
  assert_int_equal(change_n, 0);
  assert_non_null(
      strstr(got_audit, "\"token\":\"wall\",\"action\":\"POST\",\"about\":\"/api/v1/changes\",\"result\":\"denied\""));
  authorization = "Bearer fedcba9876543210";
  a = post_change("{\"kind\":\"deploy\"," ENTITY ",\"summary\":\"v2\"}");
  assert_int_equal(a.status, 202);
  drop(&a);
  assert_non_null(strstr(got_audit, "\"token\":\"anna\",\"action\":\"change\""));
}

static void changes_are_listed_newest_first(void **state) {
  (void)state;
  struct rec_tick_input *in = calloc(1, sizeof *in);
  struct rec_change change = {.at = {500 * TIME_NS_PER_S},
                              .source = STR("argo"),
                              .kind = STR("deploy"),
                              .summary = STR("v2"),
                              .entity = {.kind = STR("service"), .dim[REC_DIM_SERVICE] = {"cart", 4}}};
  in->tick.end.ns = 600 * TIME_NS_PER_S;
  in->head = (struct rec_head_batch){.change = &change, .change_n = 1};
  serve_tick(serve, in);
  struct rec_series born = *fake_series(NULL, 0), version = *fake_series(NULL, 0);
  version.level = REC_LEVEL_VERSION;
  version.dim[REC_DIM_VERSION] = STR("v2");
  in->head.change_n = 0;
  in->bucket[0] = (struct rec_batch){.series = &born, .series_n = 1};
  serve_tick(serve, in); /* while the mesh is being met, new services are no news */
  in->tick.end.ns = 700 * TIME_NS_PER_S;
  in->bucket[0].series = &version;
  serve_tick(serve, in);
  struct answer a = get("/api/v1/changes", "");
  assert_int_equal(yyjson_get_uint(at(&a, "/total")), 2);
  assert_string_equal(yyjson_get_str(at(&a, "/changes/0/summary")), "version v2 of cart serves its first requests");
  assert_string_equal(yyjson_get_str(at(&a, "/changes/0/entity/version")), "v2");
  assert_string_equal(yyjson_get_str(at(&a, "/changes/1/source")), "argo");
  drop(&a);
  a = get("/api/v1/changes", "service=other");
  assert_int_equal(yyjson_get_uint(at(&a, "/total")), 0);
  drop(&a);
  a = get("/api/v1/changes", "since=1970-01-01T00:09:00Z");
  assert_int_equal(yyjson_get_uint(at(&a, "/total")), 1);
  drop(&a);
  free(in);
}

static void what_is_known_is_not_sent_again(void **state) {
  (void)state;
  struct answer a = get("/api/v1/openapi.yaml", "");
  assert_int_equal(a.status, 200);
  assert_string_equal(a.type, "application/yaml");
  assert_non_null(strstr(a.text, "openapi: 3.1.0"));
  const char *tag = strstr(a.extra, "ETag: ");
  assert_non_null(tag);
  char known[64];
  snprintf(known, sizeof known, "\"other\", %.28s", tag + 6);
  drop(&a);
  if_none_match = known;
  a = get("/api/v1/openapi.yaml", "");
  assert_int_equal(a.status, 304);
  assert_int_equal(strlen(a.text), 0);
  drop(&a);
  a = get("/", ""); /* has another tag */
  assert_int_equal(a.status, 200);
  drop(&a);
  if_none_match = NULL;
  accept_encoding = "br, gzip;q=0.5";
  a = get("/", "");
  assert_non_null(strstr(a.extra, "Content-Encoding: gzip\r\n"));
  assert_true(a.text[0] == 0x1f);
  drop(&a);
  accept_encoding = "gzip;q=0";
  a = get("/", "");
  assert_null(strstr(a.extra, "Content-Encoding"));
  drop(&a);
}

static int setup(void **state) {
  (void)state;
  problem = NULL;
  ready = full = edge_served = false;
  change_n = command_n = gap_n = 0;
  memset(got_summary, 0, sizeof got_summary);
  authorization = if_none_match = accept_encoding = NULL;
  memset(counters, 0, sizeof counters);
  store = serve_store_open(16);
  history = history_open(1 << 20, 8, fake_series, NULL);
  struct serve_conf conf = {.store = store, .history = history, .counters = counters, .version = "1", .commit = "c"};
  conf.source = serve_fake();
  serve = serve_open(&conf);
  return serve ? 0 : 1;
}

static int teardown(void **state) {
  (void)state;
  serve_close(serve);
  serve_store_close(store);
  history_close(history);
  return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(incidents_are_filtered),
      TEST(bad_filters_are_named),
      TEST(one_incident_and_its_ack),
      TEST(a_change_is_taken),
      TEST(a_bad_change_is_refused_by_field),
      TEST(the_graph_has_each_edge_once),
      TEST(numbers_are_rounded),
      TEST(series_by_entity_and_signal),
      TEST(series_have_their_seconds),
      TEST(older_points_come_from_the_disk_at_a_step_that_it_has),
      TEST(an_incident_shows_its_series),
      TEST(an_edge_is_shown_by_who_calls),
      TEST(pages_follow_the_cursor),
      TEST(muting_and_expecting),
      TEST(a_mute_outlives_the_process),
      TEST(tokens_read_or_act),
      TEST(changes_are_listed_newest_first),
      TEST(what_is_known_is_not_sent_again),
      TEST(status_has_all_counters),
      TEST(telemetry_names_who_loses_how_much),
      TEST(sources_say_who_is_counted_by_what),
      TEST(calibration_has_every_signal),
      TEST(metrics_have_help_type_and_value),
      TEST(metrics_are_open_where_that_is_asked_for),
      TEST(health_tells_of_the_disk_and_stays_200),
      TEST(readiness_is_a_status),
      TEST(every_answer_is_guarded),
      TEST(wrong_paths_and_methods),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
