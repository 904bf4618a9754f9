/* Spans, log records and what they tell, from bytes to a request; JSON and Zipkin on the way. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "otlp_make.h"
#include "wire_json.h"
#include "wire_otlp_fields.h"
#include "wire_outcome.h"
#include "wire_pb_write.h"
#include "wire_recode.h"
#include "wire_told.h"

#define MS 1000000ll
#define T0 1767225600000000000ll

static struct wire_attr_keys keys;
static struct wire_attrs resource, item;
static struct wire_told told;
static char mem[1 << 16];

static int setup(void **state) {
  (void)state;
  wire_attr_keys_init(&keys);
  return 0;
}

/* ---- attributes ---- */

static void every_name_of_the_table_is_found_and_no_other(void **state) {
  (void)state;
  uint32_t row = 0;
#define X(attr, text)                                                 \
  assert_int_equal(wire_attr_find(&keys, STR(text)), row++);          \
  assert_int_equal(wire_attr_find(&keys, STR(text "x")), UINT32_MAX); \
  assert_int_equal(wire_attr_find(&keys, STR("x" text)), UINT32_MAX);
  WIRE_ATTR_TABLE(X)
#undef X
  assert_int_equal(wire_attr_find(&keys, STR_NONE), UINT32_MAX);
}

static void of_two_names_for_one_thing_the_first_of_the_table_counts(void **state) {
  (void)state;
  const struct made_pair a[] = {{"http.response.status_code", "200"}, {"response_code", "503"}, {NULL, NULL}};
  const struct made_pair b[] = {{"response_code", "503"}, {"http.response.status_code", "200"}, {NULL, NULL}};
  for (int i = 0; i < 2; i++) {
    struct base_buf out = buf_over(mem, sizeof mem);
    struct made_span s = {.trace = "t", .id = "a", .kind = 2};
    memcpy(s.attr, i ? b : a, sizeof a);
    otlp_make_spans(&out, NULL, &s, 1);
    struct wire_otlp_iter it;
    struct base_str bytes;
    struct wire_err err;
    struct wire_span span;
    uint64_t code = 0;
    wire_otlp_iter_init(&it, buf_str(&out));
    assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_OK);
    assert_int_equal(wire_span_read(bytes, &keys, &span, &item, &err), WIRE_OK);
    assert_true(attrs_number(&item, WIRE_ATTR_CODE, &code));
    assert_int_equal(code, 200);
  }
}

/* The pairs of a span, read; the reason where it is broken. */
static const char *pairs_read(struct base_str bytes) {
  struct wire_err err = {0, NULL};
  struct wire_span span;
  return wire_span_read(bytes, &keys, &span, &item, &err) == WIRE_OK ? NULL : err.reason;
}

/* A pair in the shapes that protobuf allows: 0 as it is sent, 1 with idle bits in its lengths, 2 its value first, 3 an
 * unknown field in front, 4 one behind the text, 5 a number before the text. */
static void shape_put(struct base_buf *out, unsigned shape, struct base_str key, struct base_str text) {
  char value_mem[512], pair_mem[1024];
  struct base_buf value = buf_over(value_mem, sizeof value_mem), pair = buf_over(pair_mem, sizeof pair_mem);
  if (shape == 5) pbw_int(&value, OTLP_any_int_value, 7);
  pbw_str(&value, OTLP_any_string_value, text);
  if (shape == 4) pbw_int(&value, PB_TAG(77, PB_VARINT), 1);
  if (shape == 3) pbw_int(&pair, PB_TAG(77, PB_VARINT), 1);
  if (shape == 2) pbw_str(&pair, OTLP_pair_value, buf_str(&value));
  pbw_str(&pair, OTLP_pair_key, key);
  if (shape == 1) {
    size_t any = pbw_enter(&pair, OTLP_pair_value);
    buf_put_str(&pair, buf_str(&value));
    pbw_leave(&pair, any);
  } else if (shape != 2) {
    pbw_str(&pair, OTLP_pair_value, buf_str(&value));
  }
  pbw_str(out, OTLP_span_attributes, buf_str(&pair));
}

static void a_pair_is_read_in_any_shape_and_of_any_length(void **state) {
  (void)state;
  static char text[300];
  static const size_t length[] = {0, 1, 7, 100, 107, 108, 109, 110, 127, 128, 300};
  memset(text, 'x', sizeof text);
  for (unsigned shape = 0; shape < 6; shape++)
    for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
      struct base_buf out = buf_over(mem, sizeof mem);
      struct base_str want = {text, length[i]};
      shape_put(&out, shape, STR("http.route"), want);
      shape_put(&out, 0, STR("http.request.method"), STR("GET"));
      shape_put(&out, shape, STR("src"), want);
      assert_null(pairs_read(buf_str(&out)));
      if (shape != 4) assert_true(str_eq(attrs_text(&item, WIRE_ATTR_ROUTE), want));
      if (shape != 4) assert_true(str_eq(attrs_text(&item, WIRE_ATTR_SOURCE), want));
      assert_int_equal(attrs_has(&item, WIRE_ATTR_ROUTE), shape != 4); /* a later field of its value is none we know */
      assert_true(str_eq(attrs_text(&item, WIRE_ATTR_METHOD), STR("GET")));
    }
}

/* Each byte of a name counts, wherever it stands. */
static void a_name_that_differs_in_one_byte_is_another(void **state) {
  (void)state;
  char name[WIRE_ATTR_NAME_MAX];
#define X(attr, text)                                               \
  for (size_t i = 0; i + 1 < sizeof(text); i++) {                   \
    memcpy(name, text, sizeof(text) - 1);                           \
    name[i] = '#';                                                  \
    struct base_str other = {name, sizeof(text) - 1};               \
    assert_int_equal(wire_attr_find(&keys, other), WIRE_ATTR_NONE); \
  }
  WIRE_ATTR_TABLE(X)
#undef X
}

/* Cut anywhere, or with any one byte of its frame changed, a pair is broken or another one; nothing is read past it. */
static void a_pair_that_is_cut_is_broken(void **state) {
  (void)state;
  struct base_buf out = buf_over(mem, sizeof mem);
  shape_put(&out, 0, STR("component"), STR("proxy"));
  for (size_t n = 1; n < out.n; n++) {
    char *exact = malloc(n); /* so that a sanitizer sees each byte too far */
    assert_non_null(exact);
    memcpy(exact, mem, n);
    assert_non_null(pairs_read((struct base_str){exact, n}));
    free(exact);
  }
  assert_null(pairs_read(buf_str(&out)));
  mem[1] = (char)(mem[1] - 1); /* the pair ends a byte before its text does */
  assert_non_null(pairs_read(str_cut(buf_str(&out), 0, out.n - 1)));
}

/* ---- the frame ---- */

static void the_resource_may_stand_behind_its_spans(void **state) {
  (void)state;
  struct base_buf out = buf_over(mem, sizeof mem);
  size_t group = pbw_enter(&out, OTLP_traces_resource_spans);
  size_t scope = pbw_enter(&out, OTLP_of_resource_spans_scope_spans);
  pbw_str(&out, OTLP_of_scope_spans_spans, STR("\x2a\x01n"));
  pbw_leave(&out, scope);
  pbw_str(&out, OTLP_of_resource_spans_resource, STR("resource"));
  pbw_leave(&out, group);
  struct wire_otlp_iter it;
  struct base_str bytes;
  struct wire_err err;
  wire_otlp_iter_init(&it, buf_str(&out));
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_OK);
  assert_true(str_eq(wire_otlp_resource(&it), STR("resource")));
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_END);
}

static void a_broken_group_costs_itself_alone(void **state) {
  (void)state;
  struct base_buf out = buf_over(mem, sizeof mem);
  pbw_str(&out, OTLP_traces_resource_spans, STR("\x12\x05\x12")); /* a scope longer than its group */
  struct made_span s = {.trace = "t", .id = "a", .name = "whole"};
  otlp_make_spans(&out, NULL, &s, 1);
  struct wire_otlp_iter it;
  struct base_str bytes;
  struct wire_err err;
  wire_otlp_iter_init(&it, buf_str(&out));
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_BAD);
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_OK);
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_END);
}

/* ---- spans ---- */

static const struct wire_request *tell(const struct made_pair *of, const struct made_span *s) {
  struct base_buf out = buf_over(mem, sizeof mem);
  struct wire_otlp_iter it;
  struct base_str bytes;
  struct wire_err err;
  struct wire_span span;
  otlp_make_spans(&out, of, s, 1);
  wire_otlp_iter_init(&it, buf_str(&out));
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_OK);
  assert_int_equal(wire_resource_read(wire_otlp_resource(&it), &keys, &resource, &err), WIRE_OK);
  assert_int_equal(wire_span_read(bytes, &keys, &span, &item, &err), WIRE_OK);
  wire_told_span(&resource, &span, &item, &told);
  return &told.request;
}

static const struct made_pair app[] = {{"service.name", "cart"},       {"service.namespace", "other"},
                                       {"k8s.namespace.name", "shop"}, {"k8s.pod.name", "cart-1"},
                                       {"service.version", "v2"},      {"cloud.region", "eu"},
                                       {"k8s.cluster.name", "c1"},     {NULL, NULL}};

static void an_applications_server_span_is_a_request_that_it_served(void **state) {
  (void)state;
  struct made_span s = {.trace = "t",
                        .id = "a",
                        .kind = 2,
                        .name = "GET /carts/{id}",
                        .start_ns = T0,
                        .span_ns = 5 * MS,
                        .attr = {{"http.request.method", "GET"},
                                 {"http.route", "/carts/{id}"},
                                 {"url.path", "/carts/7"},
                                 {"http.response.status_code", "503"}}};
  const struct wire_request *e = tell(app, &s);
  struct wire_self self;
  assert_int_equal(told.kind, WIRE_TOLD_REQUEST);
  assert_int_equal(told.hint, WIRE_HINT_SERVER);
  assert_int_equal(e->source, WIRE_SOURCE_SPAN);
  assert_int_equal(e->method, 1);
  assert_int_equal(e->code, 503);
  assert_int_equal(e->duration_ns, 5 * MS);
  assert_true(str_eq(e->path, STR("/carts/{id}")));
  wire_identity_reporter(&told.who, &self);
  assert_true(str_eq(self.who.service, STR("cart")) && str_eq(self.who.namespace_, STR("shop")));
  assert_true(str_eq(self.who.pod, STR("cart-1")) && str_eq(self.who.version, STR("v2")));
  assert_true(str_eq(self.who.cluster, STR("c1")) && str_eq(self.who.region, STR("eu")));
}

static void internal_and_queue_spans_are_no_requests(void **state) {
  (void)state;
  static const uint32_t kind[] = {0, 1, 4, 5, 77};
  for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
    struct made_span s = {.trace = "t", .id = "a", .kind = kind[i], .start_ns = T0, .span_ns = MS};
    (void)tell(app, &s);
    assert_int_equal(told.kind, WIRE_TOLD_OTHER);
  }
}

static void outcomes_without_a_status_come_from_the_spans(void **state) {
  (void)state;
  static const struct {
    const char *key, *value;
    bool error;
    enum rec_class want;
  } row[] = {{NULL, NULL, false, REC_CLASS_OK},
             {NULL, NULL, true, REC_CLASS_SERVER_ERROR},
             {"error", "true", false, REC_CLASS_SERVER_ERROR},
             {"error", "false", false, REC_CLASS_OK},
             {"error.type", "java.net.SocketTimeoutException", true, REC_CLASS_TIMEOUT},
             {"error.type", "context.DeadlineExceeded", true, REC_CLASS_TIMEOUT},
             {"http.status_code", "200", true, REC_CLASS_SERVER_ERROR},
             {"http.status_code", "404", true, REC_CLASS_NOT_FOUND},
             {"rpc.grpc.status_code", "14", true, REC_CLASS_SERVER_ERROR},
             {"rpc.grpc.status_code", "0", false, REC_CLASS_OK},
             {"rpc.response.status_code", "DEADLINE_EXCEEDED", true, REC_CLASS_TIMEOUT},
             {"rpc.response.status_code", "NOT_FOUND", true, REC_CLASS_NOT_FOUND}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct made_span s = {.trace = "t", .id = "a", .kind = 3, .start_ns = T0, .span_ns = MS, .error = row[i].error};
    s.attr[0] = (struct made_pair){row[i].key, row[i].value};
    const struct wire_request *e = tell(app, &s);
    if (wire_outcome(e) != row[i].want) fail_msg("row %zu: class %s", i, rec_class_text(wire_outcome(e)));
  }
}

static const struct made_pair envoy[] = {{"service.name", "cart"}, {"telemetry.sdk.name", "envoy"}, {NULL, NULL}};

static void envoys_span_of_a_try_is_told_from_that_of_the_request(void **state) {
  (void)state;
  struct made_span s = {.trace = "t",
                        .id = "a",
                        .kind = 3,
                        .name = "router db egress",
                        .start_ns = T0,
                        .attr = {{"component", "proxy"}, {"upstream_cluster", "db"}, {"http.status_code", "200"}}};
  (void)tell(envoy, &s);
  assert_int_equal(told.kind, WIRE_TOLD_ATTEMPT);
  struct made_span whole = {.trace = "t",
                            .id = "a",
                            .kind = 2,
                            .name = "egress db",
                            .start_ns = T0,
                            .span_ns = MS,
                            .attr = {{"component", "proxy"},
                                     {"downstream_cluster", "-"},
                                     {"upstream_cluster", "db"},
                                     {"http.url", "http://db.shop:8080/x?y"},
                                     {"response_flags", "UF,URX"},
                                     {"guid:x-request-id", "r-1"},
                                     {"node_id", "cart-1.shop"},
                                     {"http.status_code", "503"},
                                     {"peer.address", "10.0.0.9:4711"}}};
  const struct wire_request *e = tell(envoy, &whole);
  assert_int_equal(told.kind, WIRE_TOLD_REQUEST);
  assert_int_equal(told.hint, WIRE_HINT_CLIENT); /* by its name: its kind says server */
  assert_int_equal(e->source, WIRE_SOURCE_PROXY_SPAN);
  assert_int_equal(e->flags, WIRE_FLAG(UF) | WIRE_FLAG(URX));
  assert_true(str_eq(e->authority, STR("db.shop:8080")) && str_eq(e->request_id, STR("r-1")));
  assert_true(str_eq(e->downstream_direct_remote.ip, STR("10.0.0.9")));
  assert_int_equal(e->downstream_direct_remote.port, 4711);
}

static void istio_and_kuma_say_who_they_are_in_their_own_words(void **state) {
  (void)state;
  struct wire_self self;
  struct made_span istio = {.trace = "t",
                            .id = "a",
                            .kind = 2,
                            .start_ns = T0,
                            .attr = {{"component", "proxy"},
                                     {"node_id", "sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local"},
                                     {"istio.canonical_service", "cart"},
                                     {"istio.canonical_revision", "v2"},
                                     {"istio.cluster_id", "c1"},
                                     {"istio.namespace", "shop"},
                                     {"zone", "z1"},
                                     {"http.url", "http://cart/"}}};
  (void)tell(envoy, &istio);
  wire_identity_reporter(&told.who, &self);
  assert_int_equal(self.kind, WIRE_KIND_SIDECAR);
  assert_true(str_eq(self.who.service, STR("cart")) && str_eq(self.who.version, STR("v2")));
  assert_true(str_eq(self.who.cluster, STR("c1")) && str_eq(self.who.pod, STR("cart-1")));
  assert_true(str_eq(self.ip[0], STR("10.0.0.1")) && str_eq(self.who.zone, STR("z1")));
  struct made_span kuma = {.trace = "t",
                           .id = "a",
                           .kind = 2,
                           .start_ns = T0,
                           .attr = {{"component", "proxy"},
                                    {"node_id", "default.cart-1"},
                                    {"kuma.mesh", "default"},
                                    {"kuma.zone", "zone-a"},
                                    {"kuma.workload", "kri_wl_default_zone-a_shop_cart_"},
                                    {"http.url", "http://cart/"}}};
  (void)tell(envoy, &kuma);
  wire_identity_reporter(&told.who, &self);
  assert_true(str_eq(self.who.service, STR("cart")) && str_eq(self.who.namespace_, STR("shop")));
  assert_true(str_eq(self.who.cluster, STR("zone-a")) && str_eq(self.who.pod, STR("cart-1")));
  struct wire_target t;
  wire_identity_target(STR("kri_msvc_default_zone-a_shop_db_8080"), &t);
  assert_true(str_eq(t.service, STR("db")) && str_eq(t.namespace_, STR("shop")) && str_eq(t.cluster, STR("zone-a")));
}

/* OpenTelemetry, "TraceState: Probability Sampling": th:8 keeps half, th:c a quarter, th:0 all; th:e66, 0xe66 of 2^12,
 * keeps 410 of 4096, th:fd70a4 one in a hundred. */
static void weights_come_from_the_threshold_and_have_its_mean(void **state) {
  (void)state;
  static const struct {
    const char *state;
    double mean;
  } row[] = {{"ot=th:8", 2},
             {"ot=th:0", 1},
             {"ot=th:c", 4},
             {"congo=x, ot=rv:1234;th:c;p:8", 4},
             {"ot=th:e66", 4096.0 / 410},
             {"ot=th:fd70a4", 100.0},
             {"ot=th:ffffffffffffff", LIMIT_SAMPLE_WEIGHT},
             {"", 1},
             {"ot=th:", 1},
             {"ot=th:xyz", 1},
             {"ot=th:123456789abcdef", 1},
             {"ott=th:8", 1},
             {"ot=tth:8", 1}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    uint64_t sum = 0;
    for (uint32_t k = 0; k < 20000; k++) {
      char id[16] = {0};
      memcpy(id, &k, sizeof k);
      sum += wire_told_weight(str_of(row[i].state), (struct base_str){id, sizeof id});
    }
    double mean = (double)sum / 20000;
    if (fabs(mean - row[i].mean) > row[i].mean * 0.001) fail_msg("%s: %f", row[i].state, mean);
  }
}

/* ---- access logs ---- */

static const struct wire_request *tell_log(const struct made_pair *of, const struct made_log *l) {
  struct base_buf out = buf_over(mem, sizeof mem);
  struct wire_otlp_iter it;
  struct base_str bytes;
  struct wire_err err;
  struct wire_log log;
  otlp_make_logs(&out, of, l, 1);
  wire_otlp_iter_init(&it, buf_str(&out));
  assert_int_equal(wire_otlp_next(&it, &bytes, &err), WIRE_OK);
  assert_int_equal(wire_resource_read(wire_otlp_resource(&it), &keys, &resource, &err), WIRE_OK);
  assert_int_equal(wire_log_read(bytes, &keys, &log, &item, &err), WIRE_OK);
  wire_told_log(&resource, &log, &keys, &item, &told);
  return &told.request;
}

static void lines_of_the_default_formats_are_requests(void **state) {
  (void)state;
  static const struct {
    const char *line, *path, *cluster, *caller, *callee, *rid;
    uint32_t code, flags, ms, out;
    bool tcp;
  } row[] = {{"[2026-11-24T22:14:12.560Z] \"GET /a b HTTP/1.1\" 503 UF,URX via_upstream - \"-\" 7 19 3 3 \"-\" "
              "\"curl/7.88.1\" "
              "\"808b\" \"cart.shop:8080\" \"10.0.0.2:8080\" outbound|8080||cart.shop.svc.cluster.local 10.0.0.1:5 "
              "10.0.0.2:8080 "
              "10.0.0.1:33262 - default\n",
              "/a b", "outbound|8080||cart.shop.svc.cluster.local", NULL, NULL, "808b", 503,
              WIRE_FLAG(UF) | WIRE_FLAG(URX), 3, 19, false},
             {"[2026-11-24T22:14:12.560Z] \"POST /x HTTP/2\" 200 - 0 5 12 11 \"-\" \"agent\" \"id-1\" \"host\" "
              "\"10.0.0.2:80\"",
              "/x", NULL, NULL, NULL, "id-1", 200, 0, 12, 5, false},
             {"[2026-11-24T22:17:28.046Z] default \"GET /c HTTP/1.1\" 503 URX 0 95 264 263 \"-\" \"Go\" \"-\" \"6798\" "
              "\"127.0.0.22:10102\" \"cart\" \"db\" \"127.0.0.22\" \"127.0.0.23:10003\"",
              "/c", NULL, "cart", "db", "6798", 503, WIRE_FLAG(URX), 264, 95, false},
             {"[2026-11-24T22:17:28.046Z] UF default 10.0.0.1(cart)->10.0.0.2:5432(db) took 17ms, sent 3 bytes, "
              "received: 4 bytes",
              NULL, NULL, "cart", "db", NULL, 0, WIRE_FLAG(UF), 17, 3, true},
             {"{\"response_code\":404,\"response_flags\":\"-\",\"duration\":8,\"path\":\"/j\",\"method\":\"GET\","
              "\"bytes_sent\":\"2\",\"request_id\":\"q\",\"x\":[{}]}",
              "/j", NULL, NULL, NULL, "q", 404, 0, 8, 2, false}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct made_log l = {.time_ns = T0, .body = row[i].line};
    const struct wire_request *e = tell_log(NULL, &l);
    if (told.kind != WIRE_TOLD_REQUEST) fail_msg("row %zu is no request", i);
    assert_int_equal(e->code, row[i].code);
    assert_int_equal(e->flags, row[i].flags);
    assert_int_equal(e->duration_ns, row[i].ms * MS);
    assert_int_equal(e->start_ns, T0);
    assert_int_equal(e->is_tcp, row[i].tcp);
    assert_int_equal(e->is_tcp ? e->tcp_sent : e->response_body_bytes, row[i].out);
    assert_true(str_eq(e->path, str_of(row[i].path)) && str_eq(e->request_id, str_of(row[i].rid)));
    assert_true(str_eq(e->upstream_cluster, str_of(row[i].cluster)));
    assert_true(row[i].caller ? e->caller && str_eq(e->caller->service, str_of(row[i].caller)) : !e->caller);
    assert_true(row[i].callee ? e->callee && str_eq(e->callee->service, str_of(row[i].callee)) : !e->callee);
  }
}

static void other_records_are_no_requests(void **state) {
  (void)state;
  static const char *const body[] = {"[error] no such thing",
                                     "[2026] \"GET / HTTP/1.1\" 200",
                                     "plain words",
                                     "{\"level\":\"info\"}",
                                     "{\"code\":200",
                                     "[2026-11-24T22:17:28.046Z] UF default a b c sent 3 bytes, received: 4 bytes x",
                                     "[",
                                     "[x] \"",
                                     ""};
  for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
    struct made_log l = {.time_ns = T0, .severity = 17, .body = body[i]};
    (void)tell_log(app, &l);
    assert_int_equal(told.kind, WIRE_TOLD_OTHER);
  }
  /* An application's own log of its requests has no flags: it is no proxy's access log. */
  struct made_log own = {.time_ns = T0, .attr = {{"http.response.status_code", "200"}, {"http.request.method", "GET"}}};
  (void)tell_log(app, &own);
  assert_int_equal(told.kind, WIRE_TOLD_OTHER);
  struct made_log poor = {.time_ns = T0, .attr = {{"response_code", "200"}, {"response_flags", "-"}}};
  (void)tell_log(app, &poor);
  assert_int_equal(told.kind, WIRE_TOLD_POOR);
}

static void directions_are_told_by_labels_and_by_the_logs_name(void **state) {
  (void)state;
  const struct made_pair out[] = {{"log_name", "cart-outbound"}, {"node_name", "cart-1.shop"}, {NULL, NULL}};
  struct made_log l = {.time_ns = T0, .attr = {{"code", "200"}, {"flags", "-"}, {"duration", "1"}}};
  (void)tell_log(out, &l);
  assert_int_equal(told.hint, WIRE_HINT_CLIENT);
  l.attr[3] = (struct made_pair){"dir", "INBOUND"};
  (void)tell_log(out, &l);
  assert_int_equal(told.hint, WIRE_HINT_SERVER);
  l.attr[3] = (struct made_pair){"reporter", "destination"};
  (void)tell_log(NULL, &l);
  assert_int_equal(told.hint, WIRE_HINT_SERVER);
}

static void addresses_come_with_and_without_a_port(void **state) {
  (void)state;
  static const struct {
    const char *text, *ip;
    uint32_t port;
  } row[] = {{"10.0.0.1:80", "10.0.0.1", 80},
             {"[::1]:80", "::1", 80},
             {"10.0.0.1", "10.0.0.1", 0},
             {"::1", "::1", 0},
             {"fe80::2", "fe80::2", 0},
             {"name:80", NULL, 0},
             {"", NULL, 0},
             {"10.0.0.1:999999", NULL, 0},
             {"/run/x.sock", NULL, 0}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    struct wire_addr a = told_address(str_of(row[i].text));
    if (!row[i].ip && a.ip.n && row[i].text[0] == '1') continue; /* taken whole for IPv6 text: no such node is known */
    if (!str_eq(a.ip, str_of(row[i].ip)) || a.port != row[i].port) fail_msg("%s", row[i].text);
  }
}

/* ---- JSON ---- */

static bool json_sound(const char *text) {
  struct wire_json c = wire_json_over(str_of(text));
  wire_json_skip(&c);
  wire_json_end(&c);
  return c.reason == NULL;
}

/* Cases of JSONTestSuite (Nicolas Seriot, "Parsing JSON is a minefield"): y must be read, n must not. */
static void the_grammar_is_kept(void **state) {
  (void)state;
  static const char *const good[] = {
      "{}",           "[]",  " [ 1 , -0 , 0.5e+3 , \"\\u00e9\\n\" , null , true , false ] ",
      "\"\"",         "0",   "{\"a\":{\"b\":[[]]},\"a\":1}",
      "[[[[[[]]]]]]", "1e9", "\"\\\\\\\"\\/\\b\\f\""};
  static const char *const bad[] = {
      "",           "{",     "}",  "[1,]", "[,1]", "{\"a\":1,}", "{a:1}",  "{\"a\" 1}", "[1 2]",       "01",
      "-",          "1.",    ".5", "1e",   "+1",   "nul",        "tru",    "\"\\x\"",   "\"\\u12g4\"", "\"a",
      "[\"a\nb\"]", "{} {}", "[}", "{]",   "[1",   "'a'",        "\"\t\"", "NaN",       "{\"a\":}",    "[\"\\u00\"]"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    if (!json_sound(good[i])) fail_msg("refused: %s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (json_sound(bad[i])) fail_msg("taken: %s", bad[i]);
  char deep[2 * LIMIT_JSON_DEPTH + 4];
  for (unsigned over = 0; over < 2; over++) {
    unsigned n = LIMIT_JSON_DEPTH + over;
    memset(deep, '[', n);
    memset(deep + n, ']', n);
    deep[2 * n] = 0;
    assert_int_equal(json_sound(deep), !over);
  }
}

static void escapes_become_utf8(void **state) {
  (void)state;
  static const struct {
    const char *raw, *want;
  } row[] = {{"a\\n\\t\\\\\\\"\\/b", "a\n\t\\\"/b"},
             {"\\u20ac", "\xe2\x82\xac"},
             {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
             {"\\ud83dx", "\xef\xbf\xbdx"},
             {"\\ude00", "\xef\xbf\xbd"},
             {"\\u0041\\u00e9", "A\xc3\xa9"},
             {"plain", "plain"},
             {"\\ud83d\\u0041",
              "\xef\xbf\xbd"
              "A"}};
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    char out[64];
    struct base_buf b = buf_over(out, sizeof out);
    wire_json_unescape(str_of(row[i].raw), &b);
    if (!str_eq(buf_str(&b), str_of(row[i].want))) fail_msg("%s: %.*s", row[i].raw, STR_ARG(buf_str(&b)));
  }
}

/* protobuf.dev, "ProtoJSON Format": null is a field that is not set, in whichever of a value's forms. */
static void null_is_a_field_that_is_not_set(void **state) {
  (void)state;
  static const char frame[] = "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"a\",\"value\":{%s}}]}}]}";
  static const char *const unset[] = {"\"stringValue\":null", "\"intValue\":null", "\"boolValue\":null",
                                      "\"doubleValue\":null"};
  char json[256], want_mem[256], got_mem[256];
  struct base_buf want = buf_over(want_mem, sizeof want_mem);
  struct wire_err err;
  (void)snprintf(json, sizeof json, frame, "");
  assert_int_equal(wire_recode_traces(str_of(json), &want, &err), WIRE_OK);
  for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) {
    struct base_buf got = buf_over(got_mem, sizeof got_mem);
    (void)snprintf(json, sizeof json, frame, unset[i]);
    assert_int_equal(wire_recode_traces(str_of(json), &got, &err), WIRE_OK);
    assert_true(str_eq(buf_str(&got), buf_str(&want)));
  }
}

static enum wire_status zipkin(const char *json, uint32_t *lost) {
  static char out[1 << 12];
  struct base_buf b = buf_over(out, sizeof out);
  struct wire_err err;
  struct base_str bytes;
  struct wire_otlp_iter it;
  struct wire_span span;
  enum wire_status s = wire_recode_zipkin_json(str_of(json), &b, lost, &err);
  if (s != WIRE_OK) return s;
  wire_otlp_iter_init(&it, buf_str(&b));
  if (wire_otlp_next(&it, &bytes, &err) != WIRE_OK) return WIRE_END;
  assert_int_equal(wire_resource_read(wire_otlp_resource(&it), &keys, &resource, &err), WIRE_OK);
  assert_int_equal(wire_span_read(bytes, &keys, &span, &item, &err), WIRE_OK);
  wire_told_span(&resource, &span, &item, &told);
  memcpy(mem, span.span_id.p, span.span_id.n);
  if (span.parent_id.n) memcpy(mem + 8, span.parent_id.p, span.parent_id.n);
  return s;
}

static void zipkins_spans_are_the_same_in_other_words(void **state) {
  (void)state;
  uint32_t lost;
  assert_int_equal(
      zipkin("[{\"traceId\":\"5af7183fb1d4cf5f\",\"id\":\"352bff9a74ca9ad2\",\"kind\":\"CLIENT\",\"name\":\"get\","
             "\"timestamp\":1472470996199000,\"duration\":207000,\"localEndpoint\":{\"serviceName\":\"cart\"},"
             "\"remoteEndpoint\":{\"serviceName\":\"db\",\"ipv4\":\"10.0.0.2\",\"port\":5432},"
             "\"annotations\":[{\"timestamp\":1,\"value\":\"x\"}],\"tags\":{\"http.status_code\":\"500\","
             "\"http.path\":\"/a\\u002fb\",\"error\":\"\"}}]",
             &lost),
      WIRE_OK);
  assert_int_equal(lost, 0);
  assert_int_equal(told.kind, WIRE_TOLD_REQUEST);
  assert_true(str_eq(told.who.service, STR("cart")) && str_eq(told.request.upstream_cluster, STR("db")));
  assert_true(str_eq(told.request.upstream_remote.ip, STR("10.0.0.2")));
  assert_int_equal(told.request.start_ns, 1472470996199000000ll);
  assert_int_equal(told.request.duration_ns, 207000000);
  assert_int_equal(told.request.code, 500);
  assert_int_equal(told.request.said, WIRE_SAID_FAILED);
}

static void a_server_that_shares_its_clients_id_gets_one_of_its_own(void **state) {
  (void)state;
  uint32_t lost;
  assert_int_equal(zipkin("[{\"traceId\":\"1\",\"id\":\"00000000000000ff\",\"parentId\":\"2\",\"kind\":\"SERVER\","
                          "\"shared\":true,\"timestamp\":5}]",
                          &lost),
                   WIRE_OK);
  assert_memory_equal(mem, "\xff\xff\xff\xff\xff\xff\xff\x00", 8);
  assert_memory_equal(mem + 8, "\0\0\0\0\0\0\0\xff", 8);
}

static void zipkins_broken_spans_are_left_out_and_counted(void **state) {
  (void)state;
  uint32_t lost;
  assert_int_equal(zipkin("[{\"id\":\"1\"},{\"traceId\":\"zz\",\"id\":\"1\"},{\"traceId\":\"1\",\"id\":\"0\"}]", &lost),
                   WIRE_END);
  assert_int_equal(lost, 3);
  assert_int_equal(zipkin("[{\"traceId\":5}]", &lost), WIRE_BAD);
  assert_int_equal(zipkin("{}", &lost), WIRE_BAD);
  assert_int_equal(zipkin("[]", &lost), WIRE_END);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_name_of_the_table_is_found_and_no_other),
      cmocka_unit_test(of_two_names_for_one_thing_the_first_of_the_table_counts),
      cmocka_unit_test(a_pair_is_read_in_any_shape_and_of_any_length),
      cmocka_unit_test(a_name_that_differs_in_one_byte_is_another),
      cmocka_unit_test(a_pair_that_is_cut_is_broken),
      cmocka_unit_test(the_resource_may_stand_behind_its_spans),
      cmocka_unit_test(a_broken_group_costs_itself_alone),
      cmocka_unit_test(an_applications_server_span_is_a_request_that_it_served),
      cmocka_unit_test(internal_and_queue_spans_are_no_requests),
      cmocka_unit_test(outcomes_without_a_status_come_from_the_spans),
      cmocka_unit_test(envoys_span_of_a_try_is_told_from_that_of_the_request),
      cmocka_unit_test(istio_and_kuma_say_who_they_are_in_their_own_words),
      cmocka_unit_test(weights_come_from_the_threshold_and_have_its_mean),
      cmocka_unit_test(lines_of_the_default_formats_are_requests),
      cmocka_unit_test(other_records_are_no_requests),
      cmocka_unit_test(directions_are_told_by_labels_and_by_the_logs_name),
      cmocka_unit_test(addresses_come_with_and_without_a_port),
      cmocka_unit_test(the_grammar_is_kept),
      cmocka_unit_test(escapes_become_utf8),
      cmocka_unit_test(null_is_a_field_that_is_not_set),
      cmocka_unit_test(zipkins_spans_are_the_same_in_other_words),
      cmocka_unit_test(a_server_that_shares_its_clients_id_gets_one_of_its_own),
      cmocka_unit_test(zipkins_broken_spans_are_left_out_and_counted),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
