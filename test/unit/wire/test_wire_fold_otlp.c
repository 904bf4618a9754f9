/* Spans and access logs through the fold: who called whom, what is counted once, which source counts. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fold_make.h"
#include "otlp_make.h"
#include "rec_counter.h"
#include "wire_fold.h"

#define S 1000000000ll
#define MS 1000000ll
#define T0 (1767225600 * S)
#define SEEN_MAX 256u

struct fold {
  void *mem;
  size_t bytes;
  struct wire_fold *f;
  wire_stream stream;
  char seen[SEEN_MAX][160]; /* "side caller>callee@pod class weight" */
  uint32_t n;
  char out[1 << 16];
};

static void seen_put(void *arg, const struct wire_seen *s) {
  struct fold *t = arg;
  assert_true(t->n < SEEN_MAX);
  (void)snprintf(t->seen[t->n++], sizeof t->seen[0], "%s %.*s>%.*s@%.*s %s %u", rec_side_text((enum rec_side)s->side),
                 STR_ARG(s->dim[REC_DIM_CALLER]), STR_ARG(s->dim[REC_DIM_SERVICE]), STR_ARG(s->dim[REC_DIM_POD]),
                 rec_class_text((enum rec_class)s->class_), s->weight);
}

static struct fold *fold_open(void) {
  struct wire_fold_conf conf = {.series_max = 4096, .table_key = {5, 6}};
  struct fold *t = calloc(1, sizeof *t);
  t->bytes = wire_fold_bytes(&conf);
  t->mem = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(t->mem != MAP_FAILED);
  t->f = wire_fold_init(t->mem, t->bytes, &conf);
  t->stream = wire_fold_stream_open(t->f);
  wire_fold_watch(t->f, seen_put, t);
  return t;
}

static void fold_close_(struct fold *t) {
  munmap(t->mem, t->bytes);
  free(t);
}

static void ticks(struct fold *t, bool flush) {
  struct rec_tick tick;
  while (wire_fold_tick(t->f, (struct base_wall){0}, flush, &tick)) continue;
}

static void spans(struct fold *t, const struct made_pair *resource, const struct made_span *s, size_t n) {
  struct base_buf out = buf_over(t->out, sizeof t->out);
  otlp_make_spans(&out, resource, s, n);
  assert_int_equal(wire_fold_otlp(t->f, WIRE_OTLP_TRACES, buf_str(&out), (struct base_wall){0}), n);
  ticks(t, false);
}

static void logs(struct fold *t, const struct made_pair *resource, const struct made_log *l, size_t n) {
  struct base_buf out = buf_over(t->out, sizeof t->out);
  otlp_make_logs(&out, resource, l, n);
  assert_int_equal(wire_fold_otlp(t->f, WIRE_OTLP_LOGS, buf_str(&out), (struct base_wall){0}), n);
  ticks(t, false);
}

static uint64_t counter(const struct fold *t, enum rec_counter c) {
  return wire_fold_counters(t->f)[c];
}

static uint32_t times(const struct fold *t, const char *text) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < t->n; i++) n += strcmp(t->seen[i], text) == 0;
  return n;
}

/* Exactly these, in any order. */
static void expect(const struct fold *t, const char *const *want, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (times(t, want[i]) == 0) {
      for (uint32_t k = 0; k < t->n; k++) print_error("seen: %s\n", t->seen[k]);
      fail_msg("not seen: %s", want[i]);
    }
  assert_int_equal(t->n, n);
}
#define EXPECT(t, ...)                                          \
  do {                                                          \
    static const char *const want_[] = {__VA_ARGS__};           \
    expect(t, want_, (uint32_t)(sizeof want_ / sizeof *want_)); \
  } while (0)

static const struct made_pair cart[] = {
    {"service.name", "cart"}, {"k8s.namespace.name", "shop"}, {"k8s.pod.name", "cart-1"}, {NULL, NULL}};
static const struct made_pair db[] = {
    {"service.name", "db"}, {"k8s.namespace.name", "shop"}, {"k8s.pod.name", "db-1"}, {NULL, NULL}};

/* A call of cart to db: what the caller and what the callee says of it. */
static const struct made_span call = {
    .trace = "t",
    .id = "c",
    .parent = "r",
    .kind = 3,
    .name = "GET",
    .start_ns = T0,
    .span_ns = 9 * MS,
    .attr = {{"server.address", "db.shop.svc.cluster.local"}, {"http.status_code", "200"}}};
static const struct made_span served = {.trace = "t",
                                        .id = "s",
                                        .parent = "c",
                                        .kind = 2,
                                        .name = "GET",
                                        .start_ns = T0 + MS,
                                        .span_ns = 7 * MS,
                                        .attr = {{"http.status_code", "200"}}};

static void both_ends_of_a_call_know_each_other_whichever_comes_first(void **state) {
  (void)state;
  for (int order = 0; order < 2; order++) {
    struct fold *t = fold_open();
    spans(t, order ? db : cart, order ? &served : &call, 1);
    spans(t, order ? cart : db, order ? &call : &served, 1);
    ticks(t, true);
    EXPECT(t, "client cart>db@db-1 ok 1", "server cart>db@db-1 ok 1");
    assert_int_equal(counter(t, REC_COUNTER_SPANS_JOINED), 2);
    assert_int_equal(counter(t, REC_COUNTER_SPANS_ORPHAN), 0);
    fold_close_(t);
  }
}

static void an_orphan_counts_without_its_caller(void **state) {
  (void)state;
  struct fold *t = fold_open();
  spans(t, db, &served, 1);
  ticks(t, true);
  EXPECT(t, "server >db@db-1 ok 1");
  assert_int_equal(counter(t, REC_COUNTER_SPANS_ORPHAN), 1);
  spans(t, cart, &call, 1); /* the other end comes after the tick: it still learns who answered */
  ticks(t, true);
  assert_int_equal(times(t, "client cart>db@db-1 ok 1"), 1);
  fold_close_(t);
}

static void a_call_that_nobody_answers_stays_with_those_that_were_answered(void **state) {
  (void)state;
  struct fold *t = fold_open();
  static const struct made_pair odd[] = {{"service.name", "db-main"},
                                         {"k8s.namespace.name", "shop"},
                                         {"k8s.pod.name", "db-1"},
                                         {"k8s.cluster.name", "c1"},
                                         {NULL, NULL}};
  spans(t, cart, &call, 1);
  spans(t, odd, &served, 1);
  struct made_span lost = call;
  lost.id = "d";
  lost.start_ns = T0 + 5 * S;
  lost.error = true;
  lost.attr[1] = (struct made_pair){NULL, NULL};
  spans(t, cart, &lost, 1);
  ticks(t, true);
  EXPECT(t, "client cart>db-main@db-1 ok 1", "server cart>db-main@db-1 ok 1", "client cart>db-main@ server_error 1");
  fold_close_(t);
}

/* What the two sidecars say of the same call: the requests, and the tries. */
static const struct made_pair cart_proxy[] = {{"service.name", "cart"}, {"telemetry.sdk.name", "envoy"}, {NULL, NULL}};
static const struct made_pair db_proxy[] = {{"service.name", "db"}, {"telemetry.sdk.name", "envoy"}, {NULL, NULL}};
#define HCM(node, to)                                                                             \
  {"component", "proxy"}, {"node_id", node}, {"downstream_cluster", "-"}, {"http.method", "GET"}, \
      {"http.url", "http://db/x"}, {"upstream_cluster", to}, {"http.status_code", "200"}, {       \
    "response_flags", "-"                                                                         \
  }
#define TRY(to)                                       \
  {"component", "proxy"}, {"upstream_cluster", to}, { \
    "http.status_code", "200"                         \
  }
static const struct made_span out_of_cart = {.trace = "t",
                                             .id = "1",
                                             .parent = "c",
                                             .kind = 3,
                                             .name = "egress db",
                                             .start_ns = T0,
                                             .span_ns = 8 * MS,
                                             .attr = {HCM("cart-1.shop", "db")}};
static const struct made_span cart_try = {.trace = "t",
                                          .id = "2",
                                          .parent = "1",
                                          .kind = 3,
                                          .name = "router db egress",
                                          .start_ns = T0,
                                          .span_ns = 7 * MS,
                                          .attr = {TRY("db")}};
static const struct made_span into_db = {.trace = "t",
                                         .id = "3",
                                         .parent = "2",
                                         .kind = 2,
                                         .name = "ingress",
                                         .start_ns = T0,
                                         .span_ns = 6 * MS,
                                         .attr = {HCM("db-1.shop", "local")}};
static const struct made_span db_try = {.trace = "t",
                                        .id = "4",
                                        .parent = "3",
                                        .kind = 3,
                                        .name = "router local egress",
                                        .start_ns = T0,
                                        .span_ns = 5 * MS,
                                        .attr = {TRY("local")}};

static void proxies_and_applications_tell_of_one_call_once(void **state) {
  (void)state;
  struct made_span inner = served;
  inner.parent = "4";
  struct fold *t = fold_open();
  spans(t, db, &inner, 1);
  spans(t, db_proxy, &db_try, 1);
  spans(t, db_proxy, &into_db, 1);
  spans(t, cart_proxy, &cart_try, 1);
  spans(t, cart_proxy, &out_of_cart, 1);
  spans(t, cart, &call, 1);
  ticks(t, true);
  EXPECT(t, "client cart>db@db-1 ok 1", "server cart>db@db-1 ok 1");
  assert_int_equal(counter(t, REC_COUNTER_SPANS_INNER), 2);
  assert_int_equal(counter(t, REC_COUNTER_SPANS_TRY), 2);
  fold_close_(t);
}

static void tries_are_counted_as_retries(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made_span again = cart_try;
  again.id = "5";
  spans(t, cart_proxy, &cart_try, 1);
  spans(t, cart_proxy, &again, 1);
  spans(t, cart_proxy, &out_of_cart, 1);
  struct rec_tick tick;
  uint64_t retries = 0;
  while (wire_fold_tick(t->f, (struct base_wall){0}, true, &tick))
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(t->f, b);
      for (size_t i = 0; i < batch.obs_n; i++)
        retries = batch.obs[i].retries > retries ? batch.obs[i].retries : retries;
    }
  assert_int_equal(retries, 1);
  fold_close_(t);
}

/* What is told counts for the others; what is judged is one request, as that is what there is evidence of. */
/* Who reports may be another one for each item, by what the item itself says. */
static void each_item_speaks_for_whom_it_names(void **state) {
  (void)state;
  static const struct made_pair shop[] = {{"service.name", "shop"}, {NULL, NULL}};
  static const char *const pod[] = {"a", "b", "a", "c", "b", NULL, "d", "a"};
  struct fold *t = fold_open();
  struct made_span s[8] = {{0}};
  for (unsigned i = 0; i < 8; i++) {
    s[i] = (struct made_span){.trace = "t",
                              .id = &"12345678"[i],
                              .kind = 2,
                              .start_ns = T0,
                              .span_ns = MS,
                              .attr = {{"http.route", "/"}, {"http.response.status_code", "200"}}};
    if (pod[i]) s[i].attr[2] = (struct made_pair){"k8s.pod.name", pod[i]};
  }
  spans(t, shop, s, 8);
  ticks(t, true);
  assert_int_equal(times(t, "server >shop@a ok 1"), 3);
  assert_int_equal(times(t, "server >shop@b ok 1"), 2);
  EXPECT(t, "server >shop@a ok 1", "server >shop@a ok 1", "server >shop@a ok 1", "server >shop@b ok 1",
         "server >shop@b ok 1", "server >shop@c ok 1", "server >shop@d ok 1", "server >shop@ ok 1");
  fold_close_(t);
}

/* More spans than a set of the table has places: they find each other all the same. */
static void each_call_of_a_large_trace_is_joined(void **state) {
  (void)state;
  static const struct made_pair web[] = {{"service.name", "web"}, {NULL, NULL}};
  static const struct made_pair shop[] = {{"service.name", "shop"}, {NULL, NULL}};
  struct fold *t = fold_open();
  struct made_span client[100] = {{0}}, server[100] = {{0}};
  char id[201];
  for (unsigned i = 0; i < 200; i++) id[i] = (char)(i + 1);
  for (unsigned i = 0; i < 100; i++) {
    client[i] = (struct made_span){.trace = "t",
                                   .id = &id[i],
                                   .kind = 3,
                                   .start_ns = T0,
                                   .span_ns = 2 * MS,
                                   .attr = {{"server.address", "shop"}, {"http.response.status_code", "200"}}};
    server[i] = (struct made_span){.trace = "t",
                                   .id = &id[100 + i],
                                   .parent = &id[i],
                                   .kind = 2,
                                   .start_ns = T0,
                                   .span_ns = MS,
                                   .attr = {{"http.route", "/"}, {"http.response.status_code", "200"}}};
  }
  spans(t, web, client, 100);
  spans(t, shop, server, 100);
  ticks(t, true);
  assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_SPANS_JOINED], 200);
  assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_SPANS_ORPHAN], 0);
  fold_close_(t);
}

static void a_sampled_span_is_told_as_many_and_judged_as_one(void **state) {
  struct rec_tick tick;
  uint64_t judged = 0;
  (void)state;
  struct fold *t = fold_open();
  struct made_span s = served;
  s.parent = NULL;
  s.state = "ot=th:c";
  spans(t, db, &s, 1);
  while (wire_fold_tick(t->f, (struct base_wall){0}, true, &tick))
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(t->f, b);
      for (size_t i = 0; i < batch.obs_n; i++)
        judged = batch.obs[i].class_n[REC_CLASS_OK] > judged ? batch.obs[i].class_n[REC_CLASS_OK] : judged;
      for (size_t i = 0; i < batch.cell_n; i++) assert_int_equal(batch.cell[i].count, 1);
    }
  assert_int_equal(judged, 1);
  EXPECT(t, "server >db@db-1 ok 4");
  assert_int_equal(counter(t, REC_COUNTER_REQUESTS_SERVER), 4);
  fold_close_(t);
}

/* ---- sources ---- */

static const struct made_pair db_log[] = {
    {"node_name", "db-1.shop"}, {"cluster_name", "db"}, {"log_name", "db-inbound"}, {NULL, NULL}};
static const struct made_log logged = {.time_ns = T0,
                                       .attr = {{"response_code", "200"},
                                                {"response_flags", "-"},
                                                {"duration", "6"},
                                                {"method", "GET"},
                                                {"path", "/x"},
                                                {"upstream_cluster", "local"}}};

static void als(struct fold *t, int64_t start_ns) {
  struct base_buf out = buf_over(t->out, sizeof t->out);
  struct made_node node = {.id = "db-1.shop", .node_cluster = "db", .log_name = "db-inbound"};
  struct made m = {.start_ns = start_ns, .span_ns = 6 * MS, .cluster = "local", .path = "/x", .code = 200};
  fold_make_message(&out, &node, &m, 1);
  assert_int_equal(wire_fold_message(t->f, t->stream, buf_str(&out), (struct base_wall){0}), 1);
  ticks(t, false);
}

static void the_best_source_of_a_reporter_counts_in_whatever_order_they_come(void **state) {
  (void)state;
  struct made_span app = served;
  app.parent = NULL;
  for (int order = 0; order < 2; order++) {
    struct fold *t = fold_open();
    if (order) als(t, T0);
    spans(t, db, &app, 1);
    spans(t, db_proxy, &into_db, 1);
    logs(t, db_log, &logged, 1);
    if (!order) als(t, T0);
    ticks(t, true);
    EXPECT(t, "server >db@db-1 ok 1");
    assert_int_equal(counter(t, REC_COUNTER_SECONDARY), 3);
    fold_close_(t);
  }
}

static void a_worse_source_takes_over_when_the_better_one_was_silent_for_long_enough(void **state) {
  (void)state;
  struct fold *t = fold_open();
  als(t, T0);
  for (int64_t second = 1; second <= 80; second++) {
    struct made_log l = logged;
    l.time_ns = T0 + second * S;
    logs(t, db_log, &l, 1);
  }
  ticks(t, true);
  /* Silent for 60 s: the log's requests count from then on, once the primary's claim has run out. */
  assert_in_range(t->n, 1 + 19, 1 + 23);
  assert_int_equal(counter(t, REC_COUNTER_SECONDARY) + t->n, 81);
  assert_int_equal(counter(t, REC_COUNTER_SOURCE_SWITCHED), 1);
  als(t, T0 + 81 * S);
  logs(t, db_log,
       &(struct made_log){.time_ns = T0 + 81 * S,
                          .attr = {{"response_code", "200"},
                                   {"response_flags", "-"},
                                   {"duration", "6"},
                                   {"path", "/x"},
                                   {"upstream_cluster", "local"}}},
       1);
  uint32_t before = t->n;
  ticks(t, true);
  assert_int_equal(t->n, before); /* the access log is back at once, and counted when it came */
  fold_close_(t);
}

static void another_pod_of_the_service_keeps_its_own_source(void **state) {
  (void)state;
  static const struct made_pair other[] = {
      {"service.name", "db"}, {"k8s.namespace.name", "shop"}, {"k8s.pod.name", "db-2"}, {NULL, NULL}};
  static const struct made_pair nobody[] = {{"service.name", "db"}, {NULL, NULL}};
  struct made_span app = served;
  app.parent = NULL;
  struct fold *t = fold_open();
  als(t, T0);
  spans(t, other, &app, 1);
  spans(t, nobody, &app, 1); /* names no pod: some pod of the service has a better source */
  ticks(t, true);
  EXPECT(t, "server >db@db-1 ok 1", "server >db@db-2 ok 1");
  fold_close_(t);
}

static void log_records_of_applications_are_counted_by_service_and_severity(void **state) {
  (void)state;
  struct fold *t = fold_open();
  const struct made_log l[] = {{.time_ns = T0, .severity = 17, .body = "no"},
                               {.time_ns = T0, .severity = 18, .body = "no"},
                               {.time_ns = T0, .severity = 9, .body = "yes"},
                               {.time_ns = T0, .body = "?"}};
  logs(t, cart, l, 4);
  struct wire_fold_log row[2];
  assert_int_equal(wire_fold_logs(t->f, row, 2), 1);
  assert_true(str_eq(row[0].service, STR("cart")));
  assert_int_equal(row[0].n[5], 2);
  assert_int_equal(row[0].n[3], 1);
  assert_int_equal(row[0].n[0], 1);
  assert_int_equal(counter(t, REC_COUNTER_LOGS_ERROR), 2);
  fold_close_(t);
}

static void hostile_items_are_refused_and_counted(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made_span backwards = served, ancient = served, nameless = served;
  spans(t, db, &served, 1);
  backwards.id = "b";
  backwards.span_ns = -5 * MS;
  ancient.id = "o";
  ancient.start_ns = 0;
  nameless.id = "n";
  spans(t, db, &backwards, 1);
  spans(t, db, &ancient, 1);
  char name[LIMIT_NAME_BYTES + 2];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = 0;
  const struct made_pair long_name[] = {{"service.name", name}, {NULL, NULL}};
  spans(t, long_name, &nameless, 1);
  assert_int_equal(wire_fold_otlp(t->f, WIRE_OTLP_TRACES, STR("\x0a\xff"), (struct base_wall){0}), 0);
  ticks(t, true);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_TIME), 1);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_NO_START), 1);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_NAME), 1);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_MESSAGE), 1);
  assert_int_equal(t->n, 1);
  fold_close_(t);
}

/* A message far ahead of the clock waits for a second one; spans as well as entries. */
static void spans_far_ahead_wait_for_a_witness(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made_span far = served;
  far.id = "f";
  far.start_ns = T0 + 3600 * S;
  spans(t, db, &served, 1);
  struct base_buf out = buf_over(t->out, sizeof t->out);
  otlp_make_spans(&out, db, &far, 1);
  assert_int_equal(wire_fold_otlp(t->f, WIRE_OTLP_TRACES, buf_str(&out), (struct base_wall){0}), 0);
  ticks(t, false);
  for (int i = 0; i < 70; i++) {
    struct made_span near = served;
    near.start_ns = T0 + (i + 1) * 10 * MS;
    spans(t, db, &near, 1);
  }
  ticks(t, true);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_AHEAD), 1);
  assert_int_equal(t->n, 71);
  fold_close_(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_ends_of_a_call_know_each_other_whichever_comes_first),
      cmocka_unit_test(an_orphan_counts_without_its_caller),
      cmocka_unit_test(a_call_that_nobody_answers_stays_with_those_that_were_answered),
      cmocka_unit_test(proxies_and_applications_tell_of_one_call_once),
      cmocka_unit_test(tries_are_counted_as_retries),
      cmocka_unit_test(each_item_speaks_for_whom_it_names),
      cmocka_unit_test(each_call_of_a_large_trace_is_joined),
      cmocka_unit_test(a_sampled_span_is_told_as_many_and_judged_as_one),
      cmocka_unit_test(the_best_source_of_a_reporter_counts_in_whatever_order_they_come),
      cmocka_unit_test(a_worse_source_takes_over_when_the_better_one_was_silent_for_long_enough),
      cmocka_unit_test(another_pod_of_the_service_keeps_its_own_source),
      cmocka_unit_test(log_records_of_applications_are_counted_by_service_and_severity),
      cmocka_unit_test(hostile_items_are_refused_and_counted),
      cmocka_unit_test(spans_far_ahead_wait_for_a_witness),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
