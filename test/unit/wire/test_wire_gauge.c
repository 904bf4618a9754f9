/* Gauges at the door: whose a sample is, what it is worth, and bounds. Lines are as the projects document them. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "rec_counter.h"
#include "rec_text.h"
#include "wire_gauge.h"
#include "wire_gauge_table.h"

#define S TIME_NS_PER_S
#define T0 (1772442000 * S)

struct bed {
  struct wire_gauges *g;
  void *mem;
  uint64_t counter[REC_COUNTER_COUNT];
  uint64_t tick;
};

static void series_learn(struct bed *b, enum rec_level level, const char *ns, const char *service, const char *other) {
  struct rec_series s = {.level = (uint8_t)level};
  s.dim[REC_DIM_NAMESPACE] = str_of(ns);
  s.dim[REC_DIM_SERVICE] = str_of(service);
  if (level == REC_LEVEL_POD) {
    s.dim[REC_DIM_POD] = str_of(other);
    s.dim[REC_DIM_CLUSTER] = STR("east");
  } else {
    s.dim[REC_DIM_CALLER] = str_of(other);
    s.dim[REC_DIM_CALLER_NAMESPACE] = str_of(ns);
  }
  wire_gauge_series(b->g, &s);
}

static void bed_open(struct bed *b) {
  size_t n = (wire_gauges_bytes() + 63) / 64 * 64;
  *b = (struct bed){.mem = aligned_alloc(64, n)};
  assert_non_null(b->mem);
  memset(b->mem, 0, n);
  b->g = wire_gauges_init(b->mem, (struct base_hash_key){1, 2}, b->counter);
  series_learn(b, REC_LEVEL_POD, "shop", "cart", "cart-7f");
  series_learn(b, REC_LEVEL_EDGE, "shop", "db", "cart");
}

static void bed_close(struct bed *b) {
  free(b->mem);
}

/* "name{key=value,…}" -> a sample; a value may hold anything but a comma. */
static struct wire_sample sample(const char *line, enum wire_sample_kind kind, double value, int64_t at_ns) {
  struct wire_sample s = {.kind = (uint8_t)kind, .value = value, .time_ns = at_ns};
  struct base_str text = str_of(line);
  size_t at = str_find(text, '{', 0);
  s.name = str_cut(text, 0, at);
  for (at++; at < text.n;) {
    size_t end = str_find(text, ',', at), eq = str_find(text, '=', at);
    if (end == text.n) end = text.n - 1; /* the brace */
    s.label[s.label_n++] = (struct wire_label){str_cut(text, at, eq), str_cut(text, eq + 1, end)};
    at = end + 1;
  }
  return s;
}

static bool take(struct bed *b, const char *line, enum wire_sample_kind kind, double value, int64_t at_ns) {
  struct wire_sample s = sample(line, kind, value, at_ns);
  return wire_gauge_take(b->g, &s, (struct base_wall){at_ns});
}

static const struct rec_gauge *close_tick(struct bed *b, size_t *n) {
  return wire_gauge_close(b->g, b->tick++, n);
}

/* The one gauge that waits, as text without its time. */
static const char *only(struct bed *b) {
  static char mem[4096];
  size_t n;
  const struct rec_gauge *g = close_tick(b, &n);
  struct base_buf out = buf_over(mem, sizeof mem - 1);
  if (n != 1) return n ? "several" : "none";
  rec_text_gauge(g, &out);
  mem[out.n] = 0;
  return strchr(mem, 'm') ? strstr(mem, "metric=") : mem;
}

static void each_source_names_who_and_what(void **state) {
  (void)state;
  static const struct {
    const char *line, *want;
    enum wire_sample_kind kind;
  } row[] = {
      /* Envoy's own, scraped: of the calls from cart to db, measured at a pod of cart's */
      {"envoy_cluster_upstream_rq_pending_active{envoy_cluster_name=outbound|5432||db.shop.svc.cluster.local,pod=cart-"
       "7f,"
       "namespace=shop}",
       "metric=\"upstream_rq_pending_active\" part=\"outbound|5432||db.shop.svc.cluster.local\" namespace=\"shop\" "
       "service=\"db\" cluster=\"east\" pod=\"cart-7f\" caller_namespace=\"shop\" caller=\"cart\" value=7 "
       "role=saturation bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* the same of the metrics service, with dots */
      {"cluster.outbound|5432||db.shop.svc.cluster.local.circuit_breakers.default.rq_open{"
       "node_id=sidecar~10.0.0.7~cart-7f.shop~shop.svc.cluster.local,node_cluster=cart.shop}",
       "metric=\"circuit_breakers_default_rq_open\" part=\"outbound|5432||db.shop.svc.cluster.local\" "
       "namespace=\"shop\" service=\"db\" cluster=\"east\" pod=\"cart-7f\" caller_namespace=\"shop\" caller=\"cart\" "
       "value=7 role=saturation bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* its own application behind it */
      {"cluster.inbound|8080||.upstream_cx_active{node_id=sidecar~10.0.0.7~cart-7f.shop~shop.svc.cluster.local}",
       "metric=\"upstream_cx_active\" part=\"inbound|8080||\" namespace=\"shop\" service=\"cart\" cluster=\"east\" "
       "pod=\"cart-7f\" value=7 role=load bad=above\n",
       WIRE_SAMPLE_GAUGE},
      {"server.memory_allocated{node_id=sidecar~10.0.0.7~cart-7f.shop~shop.svc.cluster.local}",
       "metric=\"server.memory_allocated\" namespace=\"shop\" service=\"cart\" cluster=\"east\" pod=\"cart-7f\" "
       "value=7 "
       "unit=bytes role=resource bad=above\n",
       WIRE_SAMPLE_GAUGE},
      {"envoy_overload_envoy_overload_actions_stop_accepting_requests_active{pod=cart-7f}",
       "metric=\"envoy_overload_envoy_overload_actions_stop_accepting_requests_active\" "
       "part=\"envoy_overload_actions_stop_accepting_requests\" namespace=\"shop\" service=\"cart\" cluster=\"east\" "
       "pod=\"cart-7f\" value=7 role=saturation bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* cAdvisor: the labels behind the sample's are the agent's */
      {"container_memory_working_set_bytes{container=app,id=/kubepods/x,image=r/cart:1,namespace=shop,pod=cart-7f,"
       "service=kubelet,instance=10.0.0.1:10250}",
       "metric=\"container_memory_working_set_bytes\" part=\"app\" namespace=\"shop\" service=\"cart\" "
       "cluster=\"east\" pod=\"cart-7f\" value=7 unit=bytes role=resource bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* kube-state-metrics: of a workload, and of a pod where the scraper renamed the labels */
      {"kube_deployment_status_replicas_unavailable{namespace=shop,deployment=cart,app=kube-state-metrics,"
       "pod=kube-state-metrics-0}",
       "metric=\"kube_deployment_status_replicas_unavailable\" namespace=\"shop\" service=\"cart\" value=7 role=health "
       "bad=above\n",
       WIRE_SAMPLE_GAUGE},
      {"kube_pod_container_status_waiting_reason{exported_namespace=shop,exported_pod=cart-7f,container=app,"
       "reason=CrashLoopBackOff,namespace=monitoring,pod=kube-state-metrics-0,uid=1}",
       "metric=\"kube_pod_container_status_waiting_reason\" part=\"app,CrashLoopBackOff\" namespace=\"shop\" "
       "service=\"cart\" cluster=\"east\" pod=\"cart-7f\" value=7 role=health bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* a client library's, scraped from a pod that nobody called yet, by its app */
      {"go_goroutines{app=mail,namespace=shop,pod=mail-1,instance=10.0.0.9:8080,job=pods}",
       "metric=\"go_goroutines\" namespace=\"shop\" service=\"mail\" pod=\"mail-1\" value=7 role=load bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* OpenTelemetry, and the same by way of Prometheus */
      {"jvm.memory.used{jvm.memory.type=heap,jvm.memory.pool.name=G1 Old Gen,service.name=cart,"
       "k8s.namespace.name=shop,k8s.pod.name=cart-7f}",
       "metric=\"jvm.memory.used\" part=\"heap,G1 Old Gen\" namespace=\"shop\" service=\"cart\" cluster=\"east\" "
       "pod=\"cart-7f\" value=7 unit=bytes role=resource bad=above\n",
       WIRE_SAMPLE_GAUGE},
      {"hikaricp_connections_pending{pool=main,job=shop/cart,instance=cart-7f}",
       "metric=\"hikaricp_connections_pending\" part=\"main\" namespace=\"shop\" service=\"cart\" value=7 "
       "role=saturation bad=above\n",
       WIRE_SAMPLE_GAUGE},
      /* any other gauge of OTLP's, with all its own labels in the order of their names */
      {"orders.open{tier=gold,region.code=7,service.name=cart,service.namespace=shop,host.name=h1}",
       "metric=\"orders.open\" part=\"region.code=7,tier=gold\" namespace=\"shop\" service=\"cart\" value=7 role=other "
       "bad=either\n",
       WIRE_SAMPLE_GAUGE},
      {"orders_open{tier=gold,namespace=shop,pod=cart-7f}", "none", WIRE_SAMPLE_GAUGE},        /* not OTLP's */
      {"orders.count{service.name=cart,service.namespace=shop}", "none", WIRE_SAMPLE_COUNTER}, /* no gauge */
      {"go_goroutines{instance=10.0.0.9:8080,job=pods}", "none", WIRE_SAMPLE_GAUGE},           /* nobody's */
      {"envoy_cluster_upstream_rq_active{envoy_cluster_name=outbound|80||mail.shop.svc.cluster.local,pod=cart-7f}",
       "none", WIRE_SAMPLE_GAUGE}, /* cart never calls mail */
      /* of a proxy only what the table has */
      {"server.uptime{node_id=sidecar~10.0.0.7~cart-7f.shop~shop.svc.cluster.local,service.name=cart}", "none",
       WIRE_SAMPLE_GAUGE},
      {"envoy_server_uptime{service.name=cart,k8s.pod.name=cart-7f}", "none", WIRE_SAMPLE_GAUGE},
      {"istio_requests_total{pod=cart-7f}", "none", WIRE_SAMPLE_COUNTER},
  };
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
    struct bed b;
    bed_open(&b);
    bool taken = take(&b, row[i].line, row[i].kind, 7.0, T0);
    assert_int_equal(taken, strcmp(row[i].want, "none") != 0);
    const char *got = only(&b);
    if (strcmp(got, row[i].want) != 0) fail_msg("row %u: %s\nwanted  %s", i, got, row[i].want);
    bed_close(&b);
  }
}

/* Each row is found by its own name, with dots and with _total. */
static void every_row_is_found(void **state) {
  (void)state;
  static const char *const name[] = {
#define X(name, how, unit, role, bad, part, what) name,
      WIRE_GAUGE_TABLE(X)
#undef X
  };
  struct bed b;
  bed_open(&b);
  for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
    char line[256], total[256];
    const char *about =
        strstr(name[i], "kube_deploy") || strstr(name[i], "kube_state") || strstr(name[i], "kube_daemon")
            ? "deployment=cart"
            : "pod=cart-7f";
    (void)snprintf(line, sizeof line, "%s{%s,namespace=shop,envoy_cluster_name=inbound|80||}", name[i], about);
    (void)snprintf(total, sizeof total, "%s_total{%s,namespace=shop,envoy_cluster_name=inbound|80||}", name[i], about);
    if (!take(&b, line, WIRE_SAMPLE_UNTYPED, 1.0, T0)) fail_msg("%s is not taken", line);
    if (!take(&b, total, WIRE_SAMPLE_UNTYPED, 2.0, T0 + S)) fail_msg("%s is not taken", total);
    for (char *p = line; *p != '{'; p++)
      if (*p == '_') *p = '.';
    if (strncmp(line, "envoy", 5) != 0 && !take(&b, line, WIRE_SAMPLE_UNTYPED, 3.0, T0 + 2 * S))
      fail_msg("%s is not taken", line);
  }
  bed_close(&b);
}

#define OVERFLOW "envoy_cluster_upstream_rq_pending_overflow{envoy_cluster_name=inbound|80||,pod=cart-7f,a=b}"

static double rate_of(struct bed *b, double value, int64_t at_ns) {
  size_t n;
  assert_true(take(b, OVERFLOW, WIRE_SAMPLE_COUNTER, value, at_ns));
  const struct rec_gauge *g = close_tick(b, &n);
  return n ? g->value : -1.0;
}

static void counters_become_rates(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b);
  assert_true(rate_of(&b, 100.0, T0) == -1.0);                   /* the first says nothing */
  assert_true(rate_of(&b, 130.0, T0 + 15 * S) == 2.0);           /* 30 in 15 s */
  assert_true(rate_of(&b, 130.0, T0 + 15 * S) == -1.0);          /* told twice */
  assert_true(rate_of(&b, 130.0, T0 + 10 * S) == -1.0);          /* out of order */
  assert_true(rate_of(&b, 130.0, T0 + 30 * S) == 0.0);           /* rests, and is told, since it was more once */
  assert_true(rate_of(&b, 45.0, T0 + 45 * S) == 3.0);            /* began anew: 45 since */
  assert_true(rate_of(&b, 46.0, T0 + 46 * S + 700 * S) == -1.0); /* a mean over so long is not of now */
  assert_true(rate_of(&b, 47.0, T0 + 47 * S + 700 * S) == 1.0);
  bed_close(&b);
}

static void deltas_and_growth(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  bed_open(&b);
  struct wire_sample s = sample(OVERFLOW, WIRE_SAMPLE_COUNTER, 30.0, T0);
  s.mode = WIRE_SAMPLE_DELTA;
  s.start_ns = T0 - 10 * S;
  assert_true(wire_gauge_take(b.g, &s, (struct base_wall){T0}));
  assert_true(close_tick(&b, &n)->value == 3.0 && n == 1);
  const char *restarts = "kube_pod_container_status_restarts_total{namespace=shop,pod=cart-7f,container=app}";
  for (int i = 0; i < 4; i++) assert_true(take(&b, restarts, WIRE_SAMPLE_COUNTER, i < 3 ? 5.0 : 7.0, T0 + i * 15 * S));
  assert_true(close_tick(&b, &n)->value == 2.0 && n == 1);
  bed_close(&b);
}

#define QUEUE "hikaricp_connections_pending{service_name=cart,namespace=shop,pod=cart-7f}"

static void zeros_are_told_with_what_comes_after_them(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  bed_open(&b);
  for (int i = 0; i < 10; i++) assert_true(take(&b, QUEUE, WIRE_SAMPLE_GAUGE, 0.0, T0 + i * S));
  (void)close_tick(&b, &n);
  assert_int_equal(n, 0);
  assert_true(take(&b, QUEUE, WIRE_SAMPLE_GAUGE, 48.0, T0 + 10 * S));
  const struct rec_gauge *g = close_tick(&b, &n);
  assert_true(n == 1 && g->value == 48.0 && g->lead_n == 10 && g->lead_ns == 10 * S);
  assert_true(take(&b, QUEUE, WIRE_SAMPLE_GAUGE, 0.0, T0 + 11 * S));
  g = close_tick(&b, &n);
  assert_true(n == 1 && g->value == 0.0 && g->lead_n == 0 && g->lead_ns == 0);
  bed_close(&b);
}

/* Of a thousand zeros the last forty, at their usual distance. */
static void a_long_lead_is_the_last_of_it(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  bed_open(&b);
  for (int i = 0; i < 1000; i++) assert_true(take(&b, QUEUE, WIRE_SAMPLE_GAUGE, 0.0, T0 + i * S));
  assert_true(take(&b, QUEUE, WIRE_SAMPLE_GAUGE, 48.0, T0 + 1000 * S));
  const struct rec_gauge *g = close_tick(&b, &n);
  assert_true(n == 1 && g->lead_n == LIMIT_GAUGE_LEAD);
  assert_true(g->lead_ns > LIMIT_GAUGE_LEAD * S * 9 / 10 && g->lead_ns < LIMIT_GAUGE_LEAD * S * 11 / 10);
  bed_close(&b);
}

static void the_worse_of_one_tick_speaks(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  const char *healthy = "envoy_cluster_membership_healthy{envoy_cluster_name=inbound|80||,pod=cart-7f}";
  bed_open(&b);
  for (int i = 0; i < 3; i++) {
    assert_true(take(&b, QUEUE, WIRE_SAMPLE_GAUGE, i == 1 ? 9.0 : 4.0, T0 + i));
    assert_true(take(&b, healthy, WIRE_SAMPLE_GAUGE, i == 1 ? 1.0 : 4.0, T0 + i));
  }
  const struct rec_gauge *g = close_tick(&b, &n);
  assert_int_equal(n, 2);
  for (unsigned i = 0; i < 2; i++) {
    assert_true(g[i].value == (g[i].bad == REC_BAD_BELOW ? 1.0 : 9.0));
    assert_true(g[i].at.ns == T0 + 2);
  }
  bed_close(&b);
}

/* A counter with two sets of labels is one gauge, whose sets do not take each other for restarts. */
static void sets_of_labels_are_counted_apart(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  bed_open(&b);
  for (int i = 0; i < 3; i++) {
    assert_true(take(&b, "container_cpu_usage_seconds_total{container=app,cpu=0,pod=cart-7f}", WIRE_SAMPLE_COUNTER,
                     1000.0 + 0.25 * i, T0 + i * S));
    assert_true(take(&b, "container_cpu_usage_seconds_total{container=app,cpu=1,pod=cart-7f}", WIRE_SAMPLE_COUNTER,
                     5.0 + 0.75 * i, T0 + i * S));
    const struct rec_gauge *g = close_tick(&b, &n);
    assert_int_equal(n, i > 0);
    if (i) assert_true(g->value == 0.75 && g->unit == REC_UNIT_CORES);
  }
  bed_close(&b);
}

static void the_order_of_arrival_does_not_matter(void **state) {
  (void)state;
  struct bed b[2];
  size_t n[2];
  const struct rec_gauge *g[2];
  char line[128];
  for (unsigned k = 0; k < 2; k++) {
    bed_open(&b[k]);
    for (unsigned i = 0; i < 50; i++) {
      unsigned at = k ? 49 - i : i;
      (void)snprintf(line, sizeof line, "go_goroutines{pod=mail-%u,app=mail,namespace=n%u}", at, at % 7);
      assert_true(take(&b[k], line, WIRE_SAMPLE_GAUGE, 1.0 + at, T0 + at));
    }
    g[k] = close_tick(&b[k], &n[k]);
  }
  assert_int_equal(n[0], 50);
  for (size_t i = 0; i < 50; i++) {
    assert_int_equal(rec_gauge_cmp(&g[0][i], &g[1][i]), 0);
    assert_true(g[0][i].value == g[1][i].value);
    if (i) assert_true(rec_gauge_cmp(&g[0][i - 1], &g[0][i]) < 0);
  }
  for (unsigned k = 0; k < 2; k++) bed_close(&b[k]);
}

static void time_is_sound_or_the_receivers(void **state) {
  (void)state;
  struct bed b;
  size_t n;
  bed_open(&b);
  static const struct {
    int64_t said, want;
  } row[] = {{0, T0}, {T0 - 5 * S, T0 - 5 * S}, {T0 + 3600 * S, T0}, {T0 - 61 * S, 0}, {-5, T0}};
  for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
    struct wire_sample s = sample(QUEUE, WIRE_SAMPLE_GAUGE, 1.0, row[i].said);
    assert_int_equal(wire_gauge_take(b.g, &s, (struct base_wall){T0}), row[i].want != 0);
    const struct rec_gauge *g = close_tick(&b, &n);
    assert_int_equal(n, row[i].want != 0);
    if (n) assert_true(g->at.ns == row[i].want);
  }
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_LATE], 1);
  struct wire_sample s = sample(QUEUE, WIRE_SAMPLE_GAUGE, 1.0 / 0.0 - 1.0 / 0.0, T0);
  assert_false(wire_gauge_take(b.g, &s, (struct base_wall){T0}));
  s.value = 1.0;
  s.stale = true;
  assert_false(wire_gauge_take(b.g, &s, (struct base_wall){T0}));
  bed_close(&b);
}

/* Bounds: keys of one entity, keys of all, samples of a tick; and room again once they are idle. */
static void every_table_is_bounded(void **state) {
  (void)state;
  struct bed b;
  size_t n, all = 0;
  char line[160];
  bed_open(&b);
  for (unsigned i = 0; i <= LIMIT_GAUGES_ENTITY; i++) {
    (void)snprintf(line, sizeof line, "m%u{service.name=one,service.namespace=shop}", i);
    assert_int_equal(take(&b, line, WIRE_SAMPLE_GAUGE, 1.0, T0), i < LIMIT_GAUGES_ENTITY);
  }
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_ENTITY_LIMIT], 1);
  for (unsigned i = LIMIT_GAUGES_ENTITY; i <= WIRE_GAUGE_SLOTS; i++) {
    (void)snprintf(line, sizeof line, "m{service.name=s%u,service.namespace=shop}", i);
    bool taken = take(&b, line, WIRE_SAMPLE_GAUGE, 1.0, T0);
    if (i < WIRE_GAUGE_SLOTS) assert_true(taken);
  }
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_LIMIT], 1);
  for (unsigned i = 0; i < WIRE_GAUGE_SLOTS / LIMIT_GAUGES_TICK; i++) {
    (void)close_tick(&b, &n);
    assert_int_equal(n, LIMIT_GAUGES_TICK);
    all += n;
  }
  assert_int_equal(all, WIRE_GAUGE_SLOTS);
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_TICK_LIMIT], WIRE_GAUGE_SLOTS / LIMIT_GAUGES_TICK - 1);
  b.tick = WIRE_GAUGE_IDLE_TICKS + 100;
  for (unsigned i = 0; i < 1024; i++) (void)close_tick(&b, &n);
  assert_true(take(&b, "m0{service.name=one,service.namespace=shop}", WIRE_SAMPLE_GAUGE, 1.0, T0 + S));
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_LIMIT], 1);
  bed_close(&b);
}

static void a_name_that_is_too_long_is_refused_whole(void **state) {
  (void)state;
  struct bed b;
  char line[700];
  bed_open(&b);
  (void)snprintf(line, sizeof line, "m{service.name=%0250d,service.namespace=%0200d}", 1, 2);
  assert_false(take(&b, line, WIRE_SAMPLE_GAUGE, 1.0, T0));
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_NAME_LIMIT], 1);
  (void)snprintf(line, sizeof line, "m{service.name=cart,x=%0300d}", 1); /* a part of over 255 bytes */
  assert_false(take(&b, line, WIRE_SAMPLE_GAUGE, 1.0, T0));
  (void)snprintf(line, sizeof line, "m{service.name=cart,service.namespace=%0256d}", 1); /* and nothing else is long */
  assert_false(take(&b, line, WIRE_SAMPLE_GAUGE, 1.0, T0));
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_NAME_LIMIT], 2);
  (void)snprintf(line, sizeof line, "m{service.name=cart,service.namespace=%0255d}", 1);
  assert_true(take(&b, line, WIRE_SAMPLE_GAUGE, 1.0, T0));
  bed_close(&b);
}

/* A record must have one: a tick with such a gauge could not be written, and the journal would end. */
static void a_gauge_without_a_name_is_refused(void **state) {
  (void)state;
  struct bed b;
  bed_open(&b);
  assert_false(take(&b, "{service.name=cart,service.namespace=shop}", WIRE_SAMPLE_GAUGE, 1.0, T0));
  assert_int_equal(b.counter[REC_COUNTER_GAUGE_NAME_LIMIT], 1);
  bed_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_source_names_who_and_what),
      cmocka_unit_test(every_row_is_found),
      cmocka_unit_test(counters_become_rates),
      cmocka_unit_test(deltas_and_growth),
      cmocka_unit_test(zeros_are_told_with_what_comes_after_them),
      cmocka_unit_test(a_long_lead_is_the_last_of_it),
      cmocka_unit_test(the_worse_of_one_tick_speaks),
      cmocka_unit_test(sets_of_labels_are_counted_apart),
      cmocka_unit_test(the_order_of_arrival_does_not_matter),
      cmocka_unit_test(time_is_sound_or_the_receivers),
      cmocka_unit_test(every_table_is_bounded),
      cmocka_unit_test(a_name_that_is_too_long_is_refused_whole),
      cmocka_unit_test(a_gauge_without_a_name_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
