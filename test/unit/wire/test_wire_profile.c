/* Who the metrics of each mesh speak of, from lines as the meshes write them; and that an access log of the same proxy
 * speaks of the same. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "fold_make.h"
#include "meter_make.h"
#include "rec_counter.h"
#include "wire_profile.h"

/* A line of counters: 100 a scrape, after a first one; a line that ends in "first" begins with the second. */
static struct meter_made *scraped(const char *target, const char *const *line, size_t n) {
  struct meter_made *t = meter_open();
  char text[4096];
  for (int i = 0; i < 4; i++) {
    for (size_t k = 0; k < n; k++) {
      (void)snprintf(text, sizeof text, "%s %d", line[k], 1000 + 100 * i);
      meter_line(t, target, text, 15 * i, 15 * i);
    }
    meter_wait(t, 15 * i);
  }
  meter_wait(t, 70);
  return t;
}

#define SCRAPED(target, ...) \
  scraped(target, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void has(const struct meter_made *t, const char *key) {
  if (meter_sum_of(t, key) != 300) {
    meter_print(t);
    print_error("want %s\n", key);
  }
  assert_int_equal(meter_sum_of(t, key), 300);
}

/* --- Istio ----------------------------------------------------------------------------------------------------- */

/* Istio 1.24, sidecar of cart, scraped at :15020; the merge of proxy and agent leaves the labels as they are. */
#define ISTIO(reporter, src, src_version, dst, dst_version, code, flags)                                            \
  "istio_requests_total{reporter=\"" reporter "\",source_workload=\"" src "\",source_canonical_service=\"" src      \
  "\",source_canonical_revision=\"" src_version                                                                     \
  "\",source_workload_namespace=\"shop\",source_principal=\"spiffe:"                                                \
  "//cluster.local/ns/shop/sa/" src "\",source_app=\"" src "\",source_version=\"" src_version                       \
  "\",source_cluster=\"east\",destination_workload=\"" dst                                                          \
  "\",destination_workload_namespace=\"shop\","                                                                     \
  "destination_principal=\"unknown\",destination_app=\"" dst "\",destination_version=\"" dst_version                \
  "\",destination_service=\"" dst ".shop.svc.cluster.local\",destination_canonical_service=\"" dst                  \
  "\",destination_canonical_revision=\"" dst_version "\",destination_service_name=\"" dst                           \
  "\",destination_service_namespace=\"shop\",destination_cluster=\"east\",request_protocol=\"http\",response_code=" \
  "\"" code "\",grpc_response_status=\"\",response_flags=\"" flags "\",connection_security_policy=\"mutual_tls\"}"
#define ISTIO_TARGET(pod) \
  "app=\"x\",instance=\"10.1.0.5:15020\",job=\"kubernetes-pods\",namespace=\"shop\",pod=\"" pod "\""

static void test_istio_both_sides_are_two_reports(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(ISTIO_TARGET("cart-1"), ISTIO("destination", "web", "v1", "cart", "v2", "200", "-"),
                                 ISTIO("destination", "web", "v1", "cart", "v2", "503", "UC"),
                                 ISTIO("source", "cart", "v2", "db", "latest", "200", "-"),
                                 ISTIO("source", "cart", "v2", "db", "latest", "429", "RL"));
  has(t, "server web>shop/cart v=v2 c=east p=cart-1 r= ok");
  has(t, "server web>shop/cart v=v2 c=east p=cart-1 r= unreachable");
  has(t, "client cart>shop/db v=latest c=east p= r= ok");
  has(t, "client cart>shop/db v=latest c=east p= r= throttled");
  assert_int_equal(t->sum_n, 4);
  meter_close(t);
}

/* Where nobody was reached the peer is unknown: the call is still one to the service, in the cluster where it was. */
static void test_istio_unknown_peers_stay_with_the_service(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      ISTIO_TARGET("cart-1"), ISTIO("source", "cart", "v2", "db", "latest", "200", "-"),
      "istio_requests_total{reporter=\"source\",source_workload=\"cart\",source_canonical_service=\"cart\",source_"
      "canonical_revision=\"v2\",source_workload_namespace=\"shop\",source_cluster=\"east\",destination_workload="
      "\"unknown\",destination_workload_namespace=\"unknown\",destination_app=\"unknown\",destination_service=\"db."
      "shop.svc.cluster.local\",destination_canonical_service=\"unknown\",destination_canonical_revision=\"latest\","
      "destination_service_name=\"db\",destination_service_namespace=\"shop\",destination_cluster=\"unknown\","
      "response_code=\"503\",response_flags=\"UF,URX\"}");
  has(t, "client cart>shop/db v=latest c=east p= r= ok");
  has(t, "client cart>shop/db v= c=east p= r= unreachable");
  meter_close(t);
}

static void test_istio_outside_hosts_gateways_waypoints(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      ISTIO_TARGET("web-1"),
      "istio_requests_total{reporter=\"source\",source_workload=\"web\",source_canonical_service=\"web\",source_"
      "workload_namespace=\"shop\",destination_service=\"api.bank.example\",destination_service_name="
      "\"PassthroughCluster\",destination_canonical_service=\"unknown\",response_code=\"200\"}",
      "istio_requests_total{reporter=\"source\",source_workload=\"istio-ingressgateway\",source_canonical_service="
      "\"istio-ingressgateway\",source_workload_namespace=\"shop\",source_cluster=\"east\",destination_service=\"web."
      "shop.svc.cluster.local\",destination_canonical_service=\"web\",destination_workload_namespace=\"shop\","
      "response_code=\"200\"}",
      "istio_requests_total{reporter=\"waypoint\",source_canonical_service=\"web\",source_workload_namespace=\"shop\","
      "destination_service=\"cart.shop.svc.cluster.local\",destination_canonical_service=\"cart\",destination_"
      "workload_namespace=\"shop\",destination_canonical_revision=\"v2\",destination_cluster=\"east\",response_code="
      "\"200\"}");
  has(t, "client web>/api.bank.example v= c= p= r= ok");
  has(t, "client istio-ingressgateway>shop/web v= c= p= r= ok");
  has(t, "server web>shop/cart v=v2 c=east p= r= ok");
  meter_close(t);
}

static void test_ztunnel_speaks_for_the_pods_beside_it(void **state) {
  (void)state;
#define Z(name, reporter, flags)                                                                                   \
  name "{reporter=\"" reporter                                                                                     \
       "\",source_workload=\"web\",source_canonical_service=\"web\",source_canonical_"                             \
       "revision=\"v1\",source_workload_namespace=\"shop\",source_region=\"eu\",destination_workload=\"cart\","    \
       "destination_canonical_service=\"cart\",destination_canonical_revision=\"v2\",destination_workload_"        \
       "namespace=\"shop\",destination_service=\"cart.shop.svc.cluster.local\",destination_region=\"eu\",request_" \
       "protocol=\"tcp\",response_flags=\"" flags "\"}"
  struct meter_made *t = SCRAPED("app=\"ztunnel\",pod=\"ztunnel-x2x9p\",namespace=\"istio-system\"",
                                 Z("istio_tcp_connections_closed_total", "destination", "-"),
                                 Z("istio_tcp_connections_closed_total", "source", "-"),
                                 Z("istio_tcp_connections_failed_total", "source", "DENY"),
                                 Z("istio_tcp_connections_failed_total", "source", "CONNECT"));
  has(t, "server web>shop/cart v=v2 c= p= r= ok");
  has(t, "client web>shop/cart v=v2 c= p= r= ok");
  has(t, "client web>shop/cart v=v2 c= p= r= forbidden");
  has(t, "client web>shop/cart v=v2 c= p= r= unreachable");
  meter_close(t);
}

/* One request as an access log of the same sidecars tells it, and as their metrics do: the same names at both ends. */
static void test_istio_metrics_and_access_logs_name_the_same(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  char mem[1 << 14];
  struct base_buf out = buf_over(mem, sizeof mem);
  struct made m = {.start_ns = METER_T0_S * 1000000000ll,
                   .span_ns = 5000000,
                   .cluster = "inbound|8080||",
                   .path = "/",
                   .code = 200,
                   .peer_key = "downstream_peer",
                   .peer = {"web-1", fold_web.ns, fold_web.service, fold_web.version, fold_web.cluster, NULL, NULL}};
  wire_stream s = wire_fold_stream_open(t->f);
  fold_make_message(&out, &fold_cart, &m, 1);
  assert_int_equal(wire_fold_message(t->f, s, buf_str(&out), (struct base_wall){METER_T0_S * 1000000000ll + 6000000}),
                   1);
  meter_flush(t);
  assert_int_equal(t->sum_n, 1);
  char log[400], target[256], lines[1024], want[400];
  memcpy(log, t->sum[0].key, sizeof log);
  meter_close(t);
  t = meter_open();
  (void)snprintf(target, sizeof target, "pod=\"%s\",namespace=\"%s\"", fold_cart.pod, fold_cart.ns);
  for (int i = 0; i < 4; i++) {
    (void)snprintf(
        lines, sizeof lines,
        "istio_requests_total{reporter=\"destination\",source_canonical_service=\"%s\",source_workload_"
        "namespace=\"%s\",source_canonical_revision=\"%s\",destination_canonical_service=\"%s\",destination_"
        "workload_namespace=\"%s\",destination_canonical_revision=\"%s\",destination_cluster=\"%s\",response_"
        "code=\"200\"} %d",
        fold_web.service, fold_web.ns, fold_web.version, fold_cart.service, fold_cart.ns, fold_cart.version,
        fold_cart.cluster, i);
    meter_line(t, target, lines, i, i);
  }
  meter_wait(t, 10);
  assert_int_equal(t->sum_n, 1);
  (void)snprintf(want, sizeof want, "%s", log);
  char *route = strstr(want, " r="); /* metrics have no route */
  assert_non_null(route);
  route[3] = 0;
  assert_memory_equal(t->sum[0].key, want, strlen(want));
  meter_close(t);
}

/* --- OpenTelemetry --------------------------------------------------------------------------------------------- */

static void test_opentelemetry_of_today_and_before(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      "service.name=\"cart\",service.namespace=\"shop\",service.version=\"2.1\",k8s.pod.name=\"cart-7f\",k8s.cluster."
      "name="
      "\"east\"",
      "http_server_request_duration_seconds_count{http.request.method=\"GET\",http.route=\"/carts/{id}\",http.response."
      "status_code=\"200\"}",
      "http_server_request_duration_seconds_count{http.request.method=\"GET\",http.route=\"/carts/{id}\",http.response."
      "status_code=\"500\",error.type=\"500\"}",
      "http_client_request_duration_seconds_count{http.request.method=\"GET\",server.address=\"db.shop.svc.cluster."
      "local\",server.port=\"80\",error.type=\"timeout\"}",
      "http_client_duration_milliseconds_count{http.method=\"POST\",net.peer.name=\"mail\",http.status_code=\"404\"}",
      "rpc_server_duration_milliseconds_count{rpc.system=\"grpc\",rpc.service=\"shop.Cart\",rpc.method=\"Add\",rpc."
      "grpc."
      "status_code=\"13\"}");
  has(t, "server >shop/cart v=2.1 c=east p=cart-7f r=GET /carts/{id} ok");
  has(t, "server >shop/cart v=2.1 c=east p=cart-7f r=GET /carts/{id} server_error");
  has(t, "client cart>shop/db v= c= p= r= timeout");
  has(t, "client cart>shop/mail v= c= p= r= not_found");
  has(t, "server >shop/cart v=2.1 c=east p=cart-7f r=shop.Cart/Add server_error");
  meter_close(t);
}

static void test_opentelemetry_scraped_by_prometheus(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      "job=\"shop/cart\",instance=\"10.0.0.7:9464\"",
      "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/\",http_response_status_"
      "code=\"200\"}");
  has(t, "server >shop/cart v= c= p=10.0.0.7:9464 r=GET / ok");
  meter_close(t);
}

/* --- Linkerd --------------------------------------------------------------------------------------------------- */

static void test_linkerd_inbound_outbound_probes(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      "namespace=\"emojivoto\",pod=\"web-5f86686c4d-58p7k\",deployment=\"web\",pod_template_hash=\"5f86686c4d\"",
      "response_total{direction=\"inbound\",tls=\"true\",client_id=\"vote-bot.emojivoto.serviceaccount.identity."
      "linkerd."
      "cluster.local\",srv_kind=\"server\",srv_name=\"web-http\",route_kind=\"default\",route_name=\"default\",status_"
      "code="
      "\"200\",classification=\"success\",grpc_status=\"\",error=\"\"}",
      "response_total{direction=\"inbound\",tls=\"no_identity\",route_kind=\"default\",route_name=\"probe\",status_"
      "code="
      "\"200\",classification=\"success\"}",
      "response_total{direction=\"outbound\",authority=\"voting-svc.emojivoto.svc.cluster.local:8080\",dst_service="
      "\"voting-svc\",dst_namespace=\"emojivoto\",dst_deployment=\"voting\",dst_pod=\"voting-1\",dst_pod_template_hash="
      "\"9d\",status_code=\"200\",classification=\"failure\",grpc_status=\"2\",error=\"\"}");
  has(t, "server vote-bot>emojivoto/web v=5f86686c4d c= p=web-5f86686c4d-58p7k r= ok");
  has(t, "server >emojivoto/web v=5f86686c4d c= p=web-5f86686c4d-58p7k r=probe health_check");
  has(t, "client web>emojivoto/voting v=9d c= p=voting-1 r= server_error");
  assert_int_equal(t->sum_n, 3);
  meter_close(t);
}

/* Route metrics tell the same requests again: they count only where the others do not. */
static void test_linkerd_routes_do_not_count_twice(void **state) {
  (void)state;
#define ROUTE                                                                                                  \
  "outbound_http_route_request_statuses_total{parent_group=\"core\",parent_kind=\"Service\",parent_namespace=" \
  "\"shop\","                                                                                                  \
  "parent_name=\"voting\",route_group=\"gateway.networking.k8s.io\",route_kind=\"HTTPRoute\",route_namespace=" \
  "\"shop\","                                                                                                  \
  "route_name=\"\",http_status=\"200\",error=\"\"}"
  struct meter_made *t = SCRAPED("namespace=\"shop\",pod=\"web-1\",deployment=\"web\"", ROUTE);
  has(t, "client web>shop/voting v= c= p= r= ok");
  meter_close(t);
  t = SCRAPED("namespace=\"shop\",pod=\"web-1\",deployment=\"web\"",
              "response_total{direction=\"outbound\",dst_service=\"voting\",dst_namespace=\"shop\",status_code=\"200\","
              "classification=\"success\"}",
              ROUTE);
  has(t, "client web>shop/voting v= c= p= r= ok");
  assert_int_equal(t->sum_n, 1);
  meter_close(t);
}

/* --- Envoy, Kuma, Consul --------------------------------------------------------------------------------------- */

#define ENVOY_TARGET "node_id=\"web-1.shop\",node_cluster=\"web\""

static void test_envoy_clusters_and_listeners(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      ENVOY_TARGET, "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"cart\"}",
      "envoy_cluster_upstream_rq{envoy_response_code=\"504\",envoy_cluster_name=\"cart\"}",
      "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"cart\"}",
      "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"local\"}",
      "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"xds-grpc\"}",
      "envoy_cluster_external_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"cart\"}",
      "envoy_http_downstream_rq_xx{envoy_response_code_class=\"2\",envoy_http_conn_manager_prefix=\"inbound\"}",
      "envoy_http_downstream_rq_xx{envoy_response_code_class=\"2\",envoy_http_conn_manager_prefix=\"outbound\"}");
  has(t, "client web>shop/cart v= c= p= r= ok");
  has(t, "client web>shop/cart v= c= p= r= timeout");
  has(t, "server >shop/web v= c= p=web-1 r= ok");
  meter_close(t);
}

/* Statistics that Envoy makes when they are first needed come together, the coarse before the fine: once is enough. */
static void test_envoy_families_that_begin_together_count_once(void **state) {
  (void)state;
  const char *const line[] = {
      "envoy_cluster_upstream_rq_xx{envoy_cluster_name=\"tiny\",envoy_response_code_class=\"5\"}",
      "envoy_cluster_upstream_rq{envoy_cluster_name=\"tiny\",envoy_response_code=\"503\"}",
      "envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix=\"in\",envoy_response_code_class=\"5\"}",
      "envoy_cluster_upstream_rq{envoy_cluster_name=\"local\",envoy_response_code=\"504\"}"};
  const char *const known[] = {
      "envoy_cluster_upstream_rq_xx{envoy_cluster_name=\"x\",envoy_response_code_class=\"2\"} 1",
      "envoy_cluster_upstream_rq{envoy_cluster_name=\"x\",envoy_response_code=\"200\"} 1",
      "envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix=\"y\",envoy_response_code_class=\"2\"} 1"};
  struct meter_made *t = meter_open();
  for (int i = 0; i < 4; i++) {
    char text[256];
    for (unsigned k = 0; k < 3; k++) meter_line(t, ENVOY_TARGET, known[k], 5 * i, 5 * i);
    for (unsigned k = 0; i > 1 && k < 4; k++) {
      (void)snprintf(text, sizeof text, "%s %d", line[k], (k < 2 ? 60 : 40) * (i - 1));
      meter_line(t, ENVOY_TARGET, text, 5 * i, 5 * i);
    }
    meter_wait(t, 5 * i);
  }
  meter_wait(t, 40);
  assert_int_equal(meter_sum_of(t, "client web>shop/tiny v= c= p= r= server_error"), 120);
  assert_int_equal(meter_sum_of(t, "server >shop/web v= c= p=web-1 r= timeout"), 80);
  assert_int_equal(meter_sum_of(t, "server >shop/web v= c= p=web-1 r= server_error"), 0);
  meter_close(t);
}

/* The same by the names that Envoy's metrics service and its OTLP sink send. */
static void test_envoy_dotted_names(void **state) {
  (void)state;
  struct meter_made *t =
      SCRAPED(ENVOY_TARGET, "cluster.upstream_rq{envoy.response_code=\"200\",envoy.cluster_name=\"cart.shop\"}",
              "http.downstream_rq_xx{envoy.response_code_class=\"5\",envoy.http_conn_manager_prefix=\"ingress_http\"}");
  has(t, "client web>shop/cart v= c= p= r= ok");
  has(t, "server >shop/web v= c= p=web-1 r= server_error");
  meter_close(t);
}

static void test_kuma_resources(void **state) {
  (void)state;
  struct meter_made *t =
      SCRAPED("mesh=\"default\",zone=\"zone-a\",kuma_workload=\"frontend\",pod=\"frontend-1\"",
              "envoy_cluster_upstream_rq{envoy_cluster_name=\"kri_msvc_default_zone-a_shop_cart_8080\",envoy_response_"
              "code=\"200\"}",
              "envoy_cluster_upstream_rq{envoy_cluster_name=\"self_inbound_dp_10001\",envoy_response_code=\"503\"}");
  has(t, "client frontend>shop/cart v= c=zone-a p= r= ok");
  has(t, "server >/frontend v= c=zone-a p=frontend-1 r= server_error");
  meter_close(t);
}

static void test_consul_tags(void **state) {
  (void)state;
  struct meter_made *t = SCRAPED(
      "pod=\"web-1\",local_cluster=\"web\",consul_source_service=\"web\",consul_source_namespace=\"default\",consul_"
      "source_"
      "datacenter=\"dc1\"",
      "envoy_cluster_upstream_rq{consul_destination_service=\"api\",consul_destination_namespace=\"default\",consul_"
      "destination_datacenter=\"dc2\",envoy_cluster_name=\"api\",envoy_response_code=\"200\"}",
      "envoy_cluster_upstream_rq{envoy_cluster_name=\"local_app\",envoy_response_code=\"200\"}");
  has(t, "client web>default/api v= c=dc2 p= r= ok");
  has(t, "server >/web v= c=dc1 p=web-1 r= ok");
  meter_close(t);
}

/* --- Hubble ---------------------------------------------------------------------------------------------------- */

static void test_hubble_with_a_labels_context(void **state) {
  (void)state;
#define H(name, more)                                                                                            \
  name "{" more                                                                                                  \
       ",source_namespace=\"shop\",source_workload=\"web\",source_pod=\"web-1\",destination_namespace=\"shop\"," \
       "destination_workload=\"cart\",destination_pod=\"cart-1\"}"
  struct meter_made *t = SCRAPED(
      "instance=\"10.0.0.1:9965\",job=\"hubble\"",
      H("hubble_http_requests_total", "method=\"GET\",protocol=\"HTTP/1.1\",status=\"200\",reporter=\"server\""),
      H("hubble_http_requests_total", "method=\"GET\",protocol=\"HTTP/1.1\",status=\"500\",reporter=\"client\""),
      H("hubble_drop_total", "reason=\"POLICY_DENIED\",protocol=\"TCP\",traffic_direction=\"ingress\""));
  has(t, "server web>shop/cart v= c= p=cart-1 r= ok");
  has(t, "client web>shop/cart v= c= p=cart-1 r= server_error");
  has(t, "server web>shop/cart v= c= p=cart-1 r= forbidden");
  meter_close(t);
}

/* --- sources --------------------------------------------------------------------------------------------------- */

/* A sidecar and the application behind it tell the same requests: the sidecar's word counts. */
static void test_an_application_is_not_counted_beside_its_proxy(void **state) {
  (void)state;
  struct meter_made *t = meter_open();
  for (int i = 0; i < 6; i++) {
    char line[2048];
    (void)snprintf(line, sizeof line, "%s %d", ISTIO("destination", "web", "v1", "cart", "v2", "200", "-"), 100 * i);
    meter_line(t, ISTIO_TARGET("cart-1"), line, i, i);
    (void)snprintf(line, sizeof line, "http_server_request_duration_seconds_count{} %d", 100 * i);
    meter_line(t, "service.name=\"cart\",k8s.namespace.name=\"shop\",k8s.pod.name=\"cart-1\"", line, i, i);
    meter_wait(t, i);
  }
  meter_wait(t, 20);
  assert_int_equal(meter_sum_of(t, "server web>shop/cart v=v2 c=east p=cart-1 r= ok"), 500);
  uint64_t twice = meter_sum_of(t, "server >shop/cart v= c= p=cart-1 r= ok");
  assert_true(twice <= 100); /* before the proxy's first block */
  assert_true(wire_fold_counters(t->f)[REC_COUNTER_SECONDARY] >= 400);
  meter_close(t);
}

/* A sidecar whose counters say more than its access log brings: the loss is that of the log, within 5 %, whatever else.
 */
static double loss_of(struct meter_made *t, uint32_t lost_of_20) {
  wire_stream s = wire_fold_stream_open(t->f);
  uint32_t counted = 0;
  for (int second = 0; second < 150; second++) {
    static char mem[1 << 16];
    struct base_buf out = buf_over(mem, sizeof mem);
    struct made m[20] = {{.tcp = false}};
    uint32_t n = 0;
    for (uint32_t i = 0; i < 20; i++) {
      if (i < lost_of_20) continue;
      m[n] = (struct made){.start_ns = (METER_T0_S + second) * 1000000000ll + (int64_t)i * 45000000};
      m[n].span_ns = 5000000;
      m[n].cluster = "inbound|8080||";
      m[n].path = "/";
      m[n++].code = 200;
    }
    fold_make_message(&out, &fold_cart, m, n);
    (void)wire_fold_message(t->f, s, buf_str(&out), (struct base_wall){(METER_T0_S + second + 1) * 1000000000ll});
    counted += 20;
    if (second % 5 == 4) {
      char line[1024], target[256];
      (void)snprintf(target, sizeof target, "pod=\"%s\",namespace=\"%s\"", fold_cart.pod, fold_cart.ns);
      (void)snprintf(line, sizeof line,
                     "istio_requests_total{reporter=\"destination\",destination_canonical_service=\"%s\",destination_"
                     "workload_namespace=\"%s\",destination_canonical_revision=\"%s\",destination_cluster=\"%s\","
                     "response_code=\"200\"} %u",
                     fold_cart.service, fold_cart.ns, fold_cart.version, fold_cart.cluster, counted);
      meter_line(t, target, line, second + 1, second + 1);
    }
    meter_wait(t, second + 1);
  }
  return t->gap.expected ? (double)t->gap.lost / (double)t->gap.expected : 0.0;
}

static void test_counters_tell_what_the_log_lost(void **state) {
  (void)state;
  const uint32_t lost[] = {0, 2, 6, 15};
  for (unsigned i = 0; i < 4; i++) {
    struct meter_made *t = meter_open();
    double share = loss_of(t, lost[i]), want = lost[i] / 20.0;
    assert_true(share > want - 0.05 && share < want + 0.05);
    assert_int_equal(t->gap.reason, lost[i] ? REC_GAP_COUNTED : 0);
    if (lost[i]) assert_in_range(t->gap.expected, 70, 90); /* of four seconds at 20 a second */
    assert_int_equal(meter_sum_of(t, "server >shop/cart v=v1 c=east p=cart-1 r= ok"), 0); /* the log counts */
    meter_close(t);
  }
}

static void test_every_family_is_found_by_all_of_its_names(void **state) {
  (void)state;
  struct wire_families t;
  wire_families_init(&t);
  for (uint8_t row = 0; row < wire_family_count(); row++) {
    const struct wire_family *f = wire_family_view(row);
    struct wire_sample s = {.name = f->name};
    enum wire_part part;
    assert_int_equal(wire_families_find(&t, &s, &part), row);
    s.name = f->dotted;
    if (s.name.n) assert_int_equal(wire_families_find(&t, &s, &part), row);
    char text[128];
    (void)snprintf(text, sizeof text, "%.*s_bucket", STR_ARG(f->name));
    s.name = str_of(text);
    assert_int_equal(wire_families_find(&t, &s, &part), row);
    assert_int_equal(part, WIRE_PART_BUCKET);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_istio_both_sides_are_two_reports),
      cmocka_unit_test(test_istio_unknown_peers_stay_with_the_service),
      cmocka_unit_test(test_istio_outside_hosts_gateways_waypoints),
      cmocka_unit_test(test_ztunnel_speaks_for_the_pods_beside_it),
      cmocka_unit_test(test_istio_metrics_and_access_logs_name_the_same),
      cmocka_unit_test(test_opentelemetry_of_today_and_before),
      cmocka_unit_test(test_opentelemetry_scraped_by_prometheus),
      cmocka_unit_test(test_linkerd_inbound_outbound_probes),
      cmocka_unit_test(test_linkerd_routes_do_not_count_twice),
      cmocka_unit_test(test_envoy_clusters_and_listeners),
      cmocka_unit_test(test_envoy_families_that_begin_together_count_once),
      cmocka_unit_test(test_envoy_dotted_names),
      cmocka_unit_test(test_kuma_resources),
      cmocka_unit_test(test_consul_tags),
      cmocka_unit_test(test_hubble_with_a_labels_context),
      cmocka_unit_test(test_an_application_is_not_counted_beside_its_proxy),
      cmocka_unit_test(test_counters_tell_what_the_log_lost),
      cmocka_unit_test(test_every_family_is_found_by_all_of_its_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
