/* From messages to ticks: which series a request feeds, when, and under which number. */
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

#include "base_hash.h"
#include "base_hist.h"
#include "fold_make.h"
#include "rec_counter.h"
#include "wire_fold.h"

#define S 1000000000ll
#define MS 1000000ll
#define T0 (1767225600 * S)
#define SUMS_MAX 4096u
#define KEY_BYTES 256u
/* What came out for one series, over all ticks. */
struct sum {
  char key[KEY_BYTES]; /* "level side dim,dim,…" */
  uint32_t idx;
  bool live;
  uint64_t requests, ok, hist, failed, latency_ns, retries;
};
struct fold {
  void *mem;
  size_t bytes;
  struct wire_fold *f;
  wire_stream stream;
  struct sum sum[SUMS_MAX];
  uint32_t sum_n;
  uint64_t ticks, hash, last_seq, drops, exemplars;
  int64_t last_end_ns;
  uint64_t tick_requests[1024]; /* MESH or first series: requests by tick, in order */
  struct rec_exemplar shown[64];
  char shown_id[64][LIMIT_REQUEST_ID_BYTES + 1];
  struct base_buf message;
  char message_mem[1 << 20];
};
static struct fold *fold_open_key(uint32_t series_max, uint64_t key) {
  struct wire_fold_conf conf = {.series_max = series_max, .table_key = {key, ~key}};
  struct fold *t = calloc(1, sizeof *t);
  t->bytes = wire_fold_bytes(&conf);
  t->mem = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(t->mem != MAP_FAILED);
  t->f = wire_fold_init(t->mem, t->bytes, &conf);
  t->stream = wire_fold_stream_open(t->f);
  return t;
}

static struct fold *fold_open(void) {
  return fold_open_key(4096, 7);
}

static void fold_close_(struct fold *t) {
  wire_fold_stream_close(t->f, t->stream);
  munmap(t->mem, t->bytes);
  free(t);
}

static uint64_t counter(const struct fold *t, enum rec_counter c) {
  return wire_fold_counters(t->f)[c];
}

static void series_take(struct fold *t, const struct rec_series *s, unsigned bucket) {
  assert_int_equal(s->bucket, bucket);
  assert_int_equal(rec_series_hash(s) % LIMIT_BUCKETS, bucket);
  assert_true(t->sum_n < SUMS_MAX);
  struct sum *to = &t->sum[t->sum_n++];
  struct base_buf b = buf_over(to->key, KEY_BYTES - 1);
  buf_put_f(&b, "%s %s ", rec_level_text(s->level), rec_side_text(s->side));
  uint32_t dims = rec_series_dims(s->level);
  for (unsigned d = 0, n = 0; d < REC_DIM_COUNT; d++) {
    if (!(dims >> d & 1u)) continue;
    if (n++) buf_put_char(&b, ',');
    buf_put_str(&b, s->dim[d]);
  }
  to->idx = s->series_idx;
  to->live = true;
  for (uint32_t i = 0; i + 1 < t->sum_n; i++) assert_false(t->sum[i].live && t->sum[i].idx == to->idx);
}

static struct sum *by_idx(struct fold *t, uint32_t idx) {
  for (uint32_t i = 0; i < t->sum_n; i++)
    if (t->sum[i].live && t->sum[i].idx == idx) return &t->sum[i];
  fail_msg("series %u is not known", idx);
  return NULL;
}

static void obs_take(struct fold *t, const struct rec_obs *o, const struct rec_batch *b) {
  struct sum *s = by_idx(t, o->series_idx);
  uint64_t hist = 0;
  assert_true(o->hist_from + o->hist_n <= b->cell_n);
  for (uint32_t i = 0; i < o->hist_n; i++) {
    const struct rec_hist_cell *c = &b->cell[o->hist_from + i];
    assert_true(c->count > 0 && c->bucket < HIST_BUCKETS && (i == 0 || c[-1].bucket < c->bucket));
    hist += c->count;
  }
  for (unsigned k = 0; k < REC_CLASS_COUNT; k++) {
    s->requests += o->class_n[k];
    if (rec_class_failed(k)) s->failed += o->class_n[k];
  }
  s->ok += o->class_n[REC_CLASS_OK];
  s->hist += hist;
  s->latency_ns += o->latency_sum_ns;
  s->retries += o->retries;
  for (unsigned k = 0; k < REC_STAGE_COUNT; k++) t->hash = hash_mix(t->hash, o->stage_ns[k]);
  if (s == &t->sum[0] && t->ticks < 1024)
    for (unsigned k = 0; k < REC_CLASS_COUNT; k++) t->tick_requests[t->ticks] += o->class_n[k];
  t->hash = hash_mix(t->hash, hash_bytes(HASH_KEY_FIXED, o, offsetof(struct rec_obs, hist_from)));
  t->hash = hash_mix(t->hash, o->latency_sum_ns);
}

static void tick_take(struct fold *t, const struct rec_tick *tick) {
  if (t->ticks) assert_int_equal(tick->seq, t->last_seq + 1);
  assert_true(tick->end.ns > t->last_end_ns && tick->end.ns % LIMIT_TICK_NS == 0);
  for (unsigned bucket = 0; bucket < LIMIT_BUCKETS; bucket++) {
    struct rec_batch b = wire_fold_take(t->f, bucket);
    for (size_t i = 0; i < b.series_n; i++) {
      assert_true(i == 0 || b.series[i - 1].series_idx < b.series[i].series_idx);
      series_take(t, &b.series[i], bucket);
      t->hash = hash_mix(t->hash, rec_series_hash(&b.series[i]) ^ b.series[i].series_idx);
    }
    for (size_t i = 0; i < b.obs_n; i++) {
      assert_true(i == 0 || b.obs[i - 1].series_idx < b.obs[i].series_idx);
      obs_take(t, &b.obs[i], &b);
    }
    for (size_t i = 0; i < b.drop_n; i++) by_idx(t, b.drop[i].series_idx)->live = false;
    t->drops += b.drop_n;
  }
  struct rec_head_batch h = wire_fold_take_head(t->f);
  for (size_t i = 0; i < h.exemplar_n; i++, t->exemplars++) {
    if (t->exemplars >= 64) continue;
    t->shown[t->exemplars] = h.exemplar[i];
    (void)snprintf(t->shown_id[t->exemplars], sizeof t->shown_id[0], "%.*s", STR_ARG(h.exemplar[i].request_id));
    t->hash = hash_mix(t->hash, h.exemplar[i].latency_ns);
  }
  t->last_seq = tick->seq;
  t->last_end_ns = tick->end.ns;
  t->ticks++;
}

static void ticks(struct fold *t, int64_t now_ns, bool flush) {
  struct rec_tick tick;
  while (wire_fold_tick(t->f, (struct base_wall){now_ns}, flush, &tick)) tick_take(t, &tick);
}

static uint32_t send_at(struct fold *t, const struct made_node *node, const struct made *m, uint32_t n,
                        int64_t recv_ns) {
  t->message = buf_over(t->message_mem, sizeof t->message_mem);
  fold_make_message(&t->message, node, m, n);
  assert_false(t->message.bad);
  uint32_t got = wire_fold_message(t->f, t->stream, buf_str(&t->message), (struct base_wall){recv_ns});
  ticks(t, recv_ns, false);
  return got;
}

static void send(struct fold *t, const struct made_node *node, struct made m) {
  send_at(t, node, &m, 1, 0);
}

static const struct sum *sum_find(const struct fold *t, const char *key) {
  for (uint32_t i = 0; i < t->sum_n; i++)
    if (strcmp(t->sum[i].key, key) == 0) return &t->sum[i];
  return NULL;
}

static void expect(const struct fold *t, const char *key, uint64_t requests) {
  const struct sum *s = sum_find(t, key);
  uint64_t got = s ? s->requests : 0;
  if (got == requests) return;
  for (uint32_t i = 0; i < t->sum_n; i++) print_message("%s: %u\n", t->sum[i].key, (unsigned)t->sum[i].requests);
  fail_msg("%s: %u requests, not %u", key, (unsigned)got, (unsigned)requests);
}

static struct made inbound(int64_t at_ns) {
  return (struct made){.start_ns = at_ns,
                       .span_ns = 5 * MS,
                       .cluster = "inbound|8080||",
                       .route = "default",
                       .path = "/carts/17",
                       .authority = "cart.shop",
                       .code = 200,
                       .up_ip = "127.0.0.1",
                       .up_port = 8080,
                       .local_ip = "10.1.0.7",
                       .local_port = 8080,
                       .remote_ip = "10.1.0.3"};
}

static struct made outbound(int64_t at_ns) {
  return (struct made){.start_ns = at_ns,
                       .span_ns = 6 * MS,
                       .cluster = "outbound|80||cart.shop.svc.cluster.local",
                       .route = "default",
                       .path = "/carts/17",
                       .authority = "cart.shop",
                       .code = 200,
                       .up_ip = "10.1.0.7",
                       .up_port = 8080,
                       .local_ip = "10.96.0.1",
                       .local_port = 80,
                       .remote_ip = "10.1.0.3"};
}

static void peer_cart(struct made *m) {
  static const char *const peer[7] = {"cart-1", "shop", "cart", "v1", "c1", "r1", "cart-v1"};
  m->peer_key = "upstream_peer";
  memcpy(m->peer, peer, sizeof peer);
}

/* --- which series --- */

static void a_server_report_feeds_the_serving_side(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = inbound(T0);
  m.peer_uri = "spiffe://cluster.local/ns/shop/sa/web";
  send(t, &fold_cart, m);
  ticks(t, 0, true);
  expect(t, "mesh server ", 1);
  expect(t, "region server r1", 1);
  expect(t, "cluster server c1", 1);
  expect(t, "service server shop,cart", 1);
  expect(t, "service_cluster server shop,cart,c1", 1);
  expect(t, "version server shop,cart,v1", 1);
  expect(t, "pod server shop,cart,c1,r1,cart-1,v1", 1);
  expect(t, "route server shop,cart,GET /carts/{id}", 1);
  expect(t, "route_cluster server shop,cart,c1,GET /carts/{id}", 1);
  expect(t, "edge server shop,cart,shop,web", 1);
  expect(t, "edge_cluster server shop,cart,c1,shop,web", 1);
  assert_int_equal(t->sum_n, 11);
  assert_int_equal(counter(t, REC_COUNTER_REQUESTS_SERVER), 1);
  fold_close_(t);
}

static void an_unknown_caller_has_no_edge(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_cart, inbound(T0));
  ticks(t, 0, true);
  assert_int_equal(t->sum_n, 9);
  expect(t, "service server shop,cart", 1);
  fold_close_(t);
}

static void a_client_report_feeds_the_edge_and_its_own_place(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = outbound(T0);
  peer_cart(&m);
  send(t, &fold_web, m);
  ticks(t, 0, true);
  expect(t, "region client r2", 1);
  expect(t, "cluster client c2", 1);
  expect(t, "service client shop,cart", 1);
  expect(t, "service_cluster client shop,cart,c1", 1);
  expect(t, "pod client shop,cart,c1,r1,cart-1,v1", 1);
  expect(t, "route client shop,cart,GET /carts/{id}", 1);
  expect(t, "edge client shop,cart,shop,web", 1);
  expect(t, "edge_cluster client shop,cart,c1,shop,web", 1);
  assert_int_equal(t->sum_n, 8);
  fold_close_(t);
}

static void a_gateway_is_caller_and_server_in_one(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = outbound(T0);
  m.route = "viewcart";
  peer_cart(&m);
  send(t, &fold_gate, m);
  ticks(t, 0, true);
  expect(t, "edge client shop,cart,edge,gw", 1);
  expect(t, "service client shop,cart", 1);
  expect(t, "service server edge,gw", 1);
  expect(t, "service_cluster server edge,gw,c2", 1);
  expect(t, "version server edge,gw,v9", 1);
  expect(t, "pod server edge,gw,c2,r2,gw-1,v9", 1);
  expect(t, "route server edge,gw,viewcart", 1);
  expect(t, "route_cluster server edge,gw,c2,viewcart", 1);
  expect(t, "mesh server ", 0);
  expect(t, "cluster server c2", 0);
  assert_int_equal(t->sum_n, 14);
  fold_close_(t);
}

static void addresses_say_what_peers_would(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_web, inbound(T0)); /* makes 10.1.0.3 known */
  send(t, &fold_cart, inbound(T0));
  send(t, &fold_web, outbound(T0));
  ticks(t, 0, true);
  expect(t, "edge server shop,cart,shop,web", 1);
  expect(t, "edge_cluster client shop,cart,c1,shop,web", 1);
  expect(t, "pod client shop,cart,c1,r1,cart-1,v1", 1);
  fold_close_(t);
}

static void an_address_of_another_namespace_is_someone_else(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_gate, outbound(T0)); /* 10.1.0.2 is edge/gw */
  struct made m = inbound(T0);
  m.remote_ip = "10.1.0.2";
  m.peer_uri = "spiffe://cluster.local/ns/shop/sa/web";
  send(t, &fold_cart, m);
  m = outbound(T0);
  m.up_ip = "10.1.0.2";
  send(t, &fold_web, m);
  ticks(t, 0, true);
  expect(t, "edge server shop,cart,shop,web", 1);
  expect(t, "edge server shop,cart,edge,gw", 0);
  expect(t, "pod client shop,cart,c2,r2,gw-1,v9", 0);
  fold_close_(t);
}

/* --- failing traffic stays with the healthy --- */

static void a_failure_without_a_host_is_on_the_same_edge(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = outbound(T0);
  peer_cart(&m);
  send(t, &fold_web, m);
  m = outbound(T0 + MS);
  m.up_ip = NULL;
  m.code = 503;
  m.flags = WIRE_FLAG(UH);
  send(t, NULL, m);
  ticks(t, 0, true);
  expect(t, "edge client shop,cart,shop,web", 2);
  expect(t, "edge_cluster client shop,cart,c1,shop,web", 2);
  expect(t, "service_cluster client shop,cart,c1", 2);
  expect(t, "pod client shop,cart,c1,r1,cart-1,v1", 1);
  assert_int_equal(sum_find(t, "edge client shop,cart,shop,web")->failed, 1);
  assert_int_equal(t->sum_n, 8);
  fold_close_(t);
}

static void a_failure_without_a_cluster_is_where_such_requests_went(void **state) {
  (void)state;
  struct fold *t = fold_open();
  static const struct made_node plain = {.id = "web-1.shop", .node_cluster = "web", .log_name = "web-outbound"};
  struct made m = outbound(T0);
  m.cluster = "cart";
  m.route = NULL;
  m.authority = "127.0.0.11:10101";
  send(t, &plain, m);
  m.start_ns += MS;
  m.cluster = NULL;
  m.up_ip = NULL;
  m.code = 503;
  m.flags = WIRE_FLAG(UO);
  send(t, NULL, m);
  m.path = "/carts/99/items";
  m.start_ns += MS;
  send(t, NULL, m);
  m.path = "/elsewhere";
  send(t, NULL, m);
  m.path = "/carts/17";
  m.flags = WIRE_FLAG(NR);
  send(t, NULL, m);
  ticks(t, 0, true);
  expect(t, "edge client shop,cart,shop,web", 3);
  fold_close_(t);
}

static void an_authority_names_what_no_cluster_does(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = outbound(T0);
  m.cluster = "PassthroughCluster";
  m.route = "allow_any";
  m.authority = "db.shop.svc.cluster.local:8080";
  m.up_ip = "10.9.9.9";
  send(t, &fold_web, m);
  m.authority = "api.example.com:443";
  send(t, NULL, m);
  m.authority = "10.9.9.9:443";
  send(t, NULL, m);
  ticks(t, 0, true);
  expect(t, "edge client shop,db,shop,web", 1);
  expect(t, "edge client ,api.example.com,shop,web", 1);
  expect(t, "edge client ,PassthroughCluster,shop,web", 1);
  fold_close_(t);
}

/* --- plain Envoys --- */

static void plain_envoys_by_log_name_and_listener(void **state) {
  (void)state;
  struct fold *t = fold_open();
  static const struct made_node server = {.id = "cart-1.shop",
                                          .node_cluster = "cart",
                                          .region = "r1",
                                          .cluster = "c1",
                                          .version = "v1",
                                          .log_name = "cart-inbound"};
  static const struct made_node client = {
      .id = "web-1.shop", .node_cluster = "web", .region = "r2", .cluster = "c2", .log_name = "web-outbound"};
  struct made m = inbound(T0);
  m.cluster = "local";
  m.local_ip = "127.0.0.12";
  m.local_port = 10002;
  m.remote_ip = "127.0.0.1";
  send(t, &server, m);
  m = outbound(T0);
  m.cluster = "cart";
  m.up_ip = "127.0.0.12";
  m.up_port = 10002;
  send(t, &client, m);
  ticks(t, 0, true);
  expect(t, "pod server shop,cart,c1,r1,cart-1,v1", 1);
  expect(t, "pod client shop,cart,c1,r1,cart-1,v1", 1);
  expect(t, "edge_cluster client shop,cart,c1,shop,web", 1);
  fold_close_(t);
}

static void tags_of_a_plain_envoy_win_over_its_node(void **state) {
  (void)state;
  struct fold *t = fold_open();
  static const struct made_node node = {.id = "host-7", .node_cluster = "fleet", .log_name = "x"};
  struct made m = inbound(T0);
  m.tag[0][0] = "service";
  m.tag[0][1] = "cart";
  m.tag[1][0] = "pod";
  m.tag[1][1] = "cart-1";
  m.tag[2][0] = "direction";
  m.tag[2][1] = "inbound";
  m.cluster = "something";
  m.up_ip = NULL;
  send(t, &node, m);
  m = inbound(T0);
  m.tag[0][0] = "caller";
  m.tag[0][1] = "web";
  m.cluster = "local";
  send(t, NULL, m);
  ticks(t, 0, true);
  expect(t, "service server ,cart", 1);
  expect(t, "pod server ,cart,,,cart-1,", 1);
  expect(t, "edge server ,fleet,,web", 1);
  fold_close_(t);
}

static void a_plain_gateway(void **state) {
  (void)state;
  struct fold *t = fold_open();
  static const struct made_node node = {.id = "edge-1.shop", .node_cluster = "edge", .log_name = "ingress"};
  struct made m = outbound(T0);
  m.cluster = "cart";
  send(t, &node, m);
  ticks(t, 0, true);
  expect(t, "edge client shop,cart,shop,edge", 1);
  expect(t, "service server shop,edge", 1);
  expect(t, "mesh server ", 0);
  fold_close_(t);
}

/* --- what is no request --- */

static void twins_progress_and_own_are_passed_over(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = inbound(T0);
  send(t, &fold_cart, m);
  m.tcp = true; /* the same HTTP stream, told by a TCP logger */
  send(t, NULL, m);
  m.type = 99; /* by an Envoy that says no type: the listener is known for HTTP */
  m.route = NULL;
  send(t, NULL, m);
  m.type = WIRE_LOG_TCP_PERIODIC;
  send(t, NULL, m);
  m = outbound(T0);
  m.path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
  m.cluster = "outbound|4317||foreshock.obs.svc.cluster.local";
  send(t, NULL, m);
  m.tcp = true;
  m.type = WIRE_LOG_TCP_END;
  send(t, NULL, m);
  ticks(t, 0, true);
  assert_int_equal(counter(t, REC_COUNTER_TWINS), 2);
  assert_int_equal(counter(t, REC_COUNTER_PROGRESS), 1);
  assert_int_equal(counter(t, REC_COUNTER_OWN), 2);
  assert_int_equal(counter(t, REC_COUNTER_ENTRIES), 6);
  expect(t, "service server shop,cart", 1);
  fold_close_(t);
}

static void a_tcp_connection_counts_without_latency(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = outbound(T0);
  m.tcp = true;
  m.type = WIRE_LOG_TCP_END;
  m.route = NULL;
  m.local_port = 5432;
  m.cluster = "outbound|5432||db.shop.svc.cluster.local";
  send(t, &fold_web, m);
  m.flags = WIRE_FLAG(UF);
  send(t, NULL, m);
  ticks(t, 0, true);
  expect(t, "edge client shop,db,shop,web", 2);
  assert_int_equal(sum_find(t, "edge client shop,db,shop,web")->hist, 0);
  assert_int_equal(sum_find(t, "edge client shop,db,shop,web")->failed, 1);
  fold_close_(t);
}

static void refused_entries_have_their_reason(void **state) {
  (void)state;
  struct fold *t = fold_open();
  char longer[400];
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  send_at(t, NULL, (struct made[]){inbound(T0)}, 1, 0);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_NO_IDENTIFIER), 1);
  struct made m = inbound(0);
  send(t, &fold_cart, m);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_NO_START), 1);
  m = inbound(T0);
  m.span_ns = 40ll * 86400 * S;
  send(t, NULL, m);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_TIME), 1);
  m = outbound(T0);
  m.cluster = longer;
  send(t, NULL, m);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_NAME), 1);
  m.cluster = "caf\xe9";
  send(t, NULL, m);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_UTF8), 1);
  wire_fold_message(t->f, t->stream, STR("\xff\xff\xff"), (struct base_wall){0});
  assert_int_equal(counter(t, REC_COUNTER_REJECT_MESSAGE), 1);
  ticks(t, 0, true);
  assert_int_equal(t->sum_n, 0);
  fold_close_(t);
}

/* --- time --- */

static void an_entry_counts_in_the_tick_of_its_end(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = inbound(T0 - 100 * MS);
  m.span_ns = 100 * MS + 250 * MS - 1;
  send(t, &fold_cart, m);
  m.span_ns++;
  send(t, NULL, m);
  ticks(t, 0, true);
  assert_int_equal(t->last_end_ns, T0 + 500 * MS);
  assert_int_equal(t->tick_requests[t->ticks - 1], 1);
  assert_int_equal(t->tick_requests[t->ticks - 2], 1);
  fold_close_(t);
}

static void late_entries_count_in_the_oldest_open_tick(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_cart, inbound(T0));
  send(t, NULL, inbound(T0 + 5 * S));
  send(t, NULL, inbound(T0 + 1 * S)); /* 2 s late: closed by now */
  send(t, NULL, inbound(T0 + 9 * S));
  send(t, NULL, inbound(T0 + 18 * S));
  send(t, NULL, inbound(T0 + 5 * S));
  ticks(t, 0, true);
  assert_int_equal(counter(t, REC_COUNTER_LATE), 1);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_LATE), 1);
  expect(t, "service server shop,cart", 5);
  fold_close_(t);
}

static void ticks_go_on_in_silence(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send_at(t, &fold_cart, (struct made[]){inbound(T0)}, 1, T0 + 100 * MS);
  ticks(t, T0 + 10 * S, false);
  assert_true(t->last_end_ns >= T0 + 10 * S - LIMIT_LAG_NS_MAX && t->last_end_ns <= T0 + 10 * S);
  expect(t, "service server shop,cart", 1);
  fold_close_(t);
}

static void a_message_alone_in_the_future_is_not_believed(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_cart, inbound(T0));
  send(t, NULL, inbound(T0 + 86400 * S));
  for (int i = 0; i < 100; i++) send(t, NULL, inbound(T0 + i * 10 * MS));
  ticks(t, 0, true);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_AHEAD), 1);
  expect(t, "service server shop,cart", 101);
  assert_true(t->last_end_ns < T0 + 3 * S);
  fold_close_(t);
}

static void a_jump_that_is_confirmed_is_silence_and_counts(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_cart, inbound(T0));
  send(t, NULL, inbound(T0 + 60 * S));
  send(t, NULL, inbound(T0 + 61 * S));
  ticks(t, 0, true);
  expect(t, "service server shop,cart", 3);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_AHEAD), 0);
  assert_in_range(t->ticks, 60 * LIMIT_TICKS_PER_S, 70 * LIMIT_TICKS_PER_S);
  fold_close_(t);
}

static void a_jump_over_an_hour_starts_time_anew(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_cart, inbound(T0));
  send(t, NULL, inbound(T0 + 7200 * S));
  send(t, NULL, inbound(T0 + 7201 * S));
  ticks(t, 0, true);
  expect(t, "service server shop,cart", 3);
  assert_true(t->ticks < 60);
  fold_close_(t);
}

static void one_message_may_span_more_than_the_open_ticks(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m[100];
  for (int i = 0; i < 100; i++) m[i] = inbound(T0 + i * S);
  send_at(t, &fold_cart, m, 100, 0);
  ticks(t, 0, true);
  expect(t, "service server shop,cart", 100);
  fold_close_(t);
}

static void a_receiver_does_not_believe_a_clock_that_is_ahead(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send_at(t, &fold_cart, (struct made[]){inbound(T0 + 3600 * S)}, 1, T0);
  send_at(t, NULL, (struct made[]){inbound(T0 + 3601 * S)}, 1, T0 + S);
  ticks(t, T0 + 10 * S, false);
  expect(t, "service server shop,cart", 2);
  assert_true(t->last_end_ns <= T0 + 10 * S);
  fold_close_(t);
}

/* --- order and numbers --- */

static void mixed_load(struct fold *t, uint64_t shuffle) {
  struct made m[40];
  char path[40][32], id[40][16];
  for (int round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < 40; i++) {
      m[i] = i % 2 ? inbound(T0 + round * 250 * MS + i * MS) : outbound(T0 + round * 250 * MS + i * MS);
      (void)snprintf(path[i], sizeof path[i], "/c%c/%u", 'a' + (int)(i % 7), i);
      (void)snprintf(id[i], sizeof id[i], "id-%d-%u", round, i);
      m[i].path = path[i];
      m[i].request_id = id[i];
      m[i].span_ns = (1 + (int64_t)i * 37 % 11) * MS;
      m[i].code = i % 9 == 8 ? 503 : 200;
      m[i].attempts = 1 + i % 3;
    }
    for (uint32_t i = 39; shuffle && i > 0; i--) {
      uint32_t k = (uint32_t)(hash_mix(shuffle, (uint64_t)round * 64 + i) % (i + 1));
      struct made swap = m[i];
      m[i] = m[k];
      m[k] = swap;
    }
    send_at(t, round ? NULL : &fold_web, m, 40, 0);
  }
  ticks(t, 0, true);
}

static void order_inside_a_tick_and_table_keys_change_nothing(void **state) {
  (void)state;
  struct fold *a = fold_open_key(4096, 1), *b = fold_open_key(4096, 99);
  mixed_load(a, 0);
  mixed_load(b, 12345);
  assert_true(a->sum_n > 20);
  assert_int_equal(a->sum_n, b->sum_n);
  assert_true(a->hash == b->hash);
  for (uint32_t i = 0; i < a->sum_n; i++) {
    assert_string_equal(a->sum[i].key, b->sum[i].key);
    assert_int_equal(a->sum[i].idx, b->sum[i].idx);
  }
  fold_close_(a);
  fold_close_(b);
}

static void nothing_is_lost_or_doubled(void **state) {
  (void)state;
  struct fold *t = fold_open();
  mixed_load(t, 3);
  expect(t, "mesh server ", 400);
  expect(t, "cluster client c2", 400);
  const struct sum *s = sum_find(t, "mesh server ");
  assert_int_equal(s->hist, s->ok);
  uint64_t routes = 0, failed = 0;
  for (uint32_t i = 0; i < t->sum_n; i++)
    if (strncmp(t->sum[i].key, "route server", 12) == 0) {
      routes += t->sum[i].requests;
      failed += t->sum[i].failed;
    }
  assert_int_equal(routes, 400);
  assert_int_equal(failed, s->failed);
  assert_int_equal(s->requests, s->ok + s->failed);
  fold_close_(t);
}

static void numbers_are_dense_and_in_order_of_keys(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send(t, &fold_cart, inbound(T0));
  ticks(t, 0, true);
  bool seen[16] = {false};
  for (uint32_t i = 0; i < t->sum_n; i++) {
    assert_true(t->sum[i].idx < t->sum_n && !seen[t->sum[i].idx]);
    seen[t->sum[i].idx] = true;
  }
  assert_int_equal(sum_find(t, "mesh server ")->idx, 0);
  assert_int_equal(sum_find(t, "region server r1")->idx, 1);
  assert_int_equal(sum_find(t, "cluster server c1")->idx, 2);
  fold_close_(t);
}

static void idle_series_go_and_their_numbers_come_back(void **state) {
  (void)state;
  struct fold *t = fold_open();
  send_at(t, &fold_cart, (struct made[]){inbound(T0)}, 1, T0 + S);
  int64_t now = T0 + S;
  uint64_t after_35_min = 0;
  for (int i = 1; i <= 75 * 6; i++) {
    now = T0 + S + i * 10 * S;
    ticks(t, now, false);
    if (i == 35 * 6) after_35_min = t->drops;
  }
  assert_int_equal(after_35_min, 1); /* the pod */
  assert_int_equal(t->drops, 9);
  struct made m = inbound(now);
  send_at(t, NULL, &m, 1, now + S);
  ticks(t, now + 60 * S, false);
  assert_int_equal(t->sum_n, 18);
  for (uint32_t i = 9; i < 18; i++) assert_true(t->sum[i].idx < 9);
  fold_close_(t);
}

static void a_full_series_table_is_counted(void **state) {
  (void)state;
  struct fold *t = fold_open_key(5, 7);
  send(t, &fold_cart, inbound(T0));
  ticks(t, 0, true);
  assert_int_equal(t->sum_n, 5);
  assert_int_equal(counter(t, REC_COUNTER_REJECT_SERIES_LIMIT), 4);
  fold_close_(t);
}

static void numbers_go_on_after_a_restart(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct rec_series s = {.series_idx = 2, .level = REC_LEVEL_SERVICE, .side = REC_SIDE_SERVER};
  s.dim[REC_DIM_NAMESPACE] = STR("shop");
  s.dim[REC_DIM_SERVICE] = STR("cart");
  s.bucket = (uint8_t)(rec_series_hash(&s) % LIMIT_BUCKETS);
  assert_true(wire_fold_series_restore(t->f, &s));
  assert_false(wire_fold_series_restore(t->f, &s));
  series_take(t, &s, s.bucket);
  s.series_idx = 5;
  s.dim[REC_DIM_SERVICE] = STR("quiet");
  assert_true(wire_fold_series_restore(t->f, &s));
  wire_fold_tick_restore(t->f, 100, (struct base_wall){T0});
  send(t, &fold_cart, inbound(T0 + 100 * MS));
  ticks(t, 0, true);
  assert_int_equal(t->sum_n, 9);
  expect(t, "service server shop,cart", 1);
  assert_int_equal(t->sum[0].requests, 1); /* under its old number */
  assert_int_equal(sum_find(t, "mesh server ")->idx, 0);
  assert_int_equal(sum_find(t, "region server r1")->idx, 1);
  assert_int_equal(sum_find(t, "cluster server c1")->idx, 3);
  assert_int_equal(t->last_seq, 100);
  ticks(t, T0 + 200 * S, false); /* long enough for every place to be looked at */
  assert_int_equal(t->drops, 0); /* nobody was idle before the restart */
  fold_close_(t);
}

/* --- exemplars --- */

static void the_worst_failure_and_what_is_slow_are_shown(void **state) {
  (void)state;
  struct fold *t = fold_open();
  struct made m = inbound(T0);
  m.request_id = "fine";
  send(t, &fold_cart, m);
  send(t, NULL, inbound(T0 + 5 * S)); /* closes the first: the mean is 5 ms now */
  m = inbound(T0 + 5 * S);
  m.request_id = "not slow";
  m.span_ns = 9 * MS;
  send(t, NULL, m);
  m.request_id = "slow";
  m.span_ns = 12 * MS;
  send(t, NULL, m);
  m.request_id = "b";
  m.code = 503;
  send(t, NULL, m);
  m.request_id = "a";
  send(t, NULL, m);
  ticks(t, 0, true);
  assert_int_equal(t->exemplars, 2);
  assert_string_equal(t->shown_id[0], "a");
  assert_int_equal(t->shown[0].class_, REC_CLASS_SERVER_ERROR);
  assert_int_equal(t->shown[0].at.ns, T0 + 5 * S);
  assert_string_equal(t->shown_id[1], "slow");
  assert_int_equal(t->shown[0].series[0], sum_find(t, "service server shop,cart")->idx);
  assert_int_equal(t->shown[0].series[1], sum_find(t, "pod server shop,cart,c1,r1,cart-1,v1")->idx);
  assert_int_equal(t->shown[0].series[2], sum_find(t, "route server shop,cart,GET /carts/{id}")->idx);
  assert_int_equal(t->shown[0].series[3], REC_SERIES_NONE);
  fold_close_(t);
}

/* --- streams --- */

static void streams_end_and_come_back(void **state) {
  (void)state;
  struct fold *t = fold_open();
  wire_stream s[3] = {wire_fold_stream_open(t->f), wire_fold_stream_open(t->f), wire_fold_stream_open(t->f)};
  assert_true(s[0] && s[1] && s[2] && s[0] != s[1]);
  wire_fold_stream_close(t->f, s[1]);
  assert_int_equal(wire_fold_stream_open(t->f), s[1]);
  assert_int_equal(wire_fold_message(t->f, 0, STR(""), (struct base_wall){0}), 0);
  for (int i = 0; i < 3; i++) wire_fold_stream_close(t->f, s[i]);
  fold_close_(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_report_feeds_the_serving_side),
      cmocka_unit_test(an_unknown_caller_has_no_edge),
      cmocka_unit_test(a_client_report_feeds_the_edge_and_its_own_place),
      cmocka_unit_test(a_gateway_is_caller_and_server_in_one),
      cmocka_unit_test(addresses_say_what_peers_would),
      cmocka_unit_test(an_address_of_another_namespace_is_someone_else),
      cmocka_unit_test(a_failure_without_a_host_is_on_the_same_edge),
      cmocka_unit_test(a_failure_without_a_cluster_is_where_such_requests_went),
      cmocka_unit_test(an_authority_names_what_no_cluster_does),
      cmocka_unit_test(plain_envoys_by_log_name_and_listener),
      cmocka_unit_test(tags_of_a_plain_envoy_win_over_its_node),
      cmocka_unit_test(a_plain_gateway),
      cmocka_unit_test(twins_progress_and_own_are_passed_over),
      cmocka_unit_test(a_tcp_connection_counts_without_latency),
      cmocka_unit_test(refused_entries_have_their_reason),
      cmocka_unit_test(an_entry_counts_in_the_tick_of_its_end),
      cmocka_unit_test(late_entries_count_in_the_oldest_open_tick),
      cmocka_unit_test(ticks_go_on_in_silence),
      cmocka_unit_test(a_message_alone_in_the_future_is_not_believed),
      cmocka_unit_test(a_jump_that_is_confirmed_is_silence_and_counts),
      cmocka_unit_test(a_jump_over_an_hour_starts_time_anew),
      cmocka_unit_test(one_message_may_span_more_than_the_open_ticks),
      cmocka_unit_test(a_receiver_does_not_believe_a_clock_that_is_ahead),
      cmocka_unit_test(order_inside_a_tick_and_table_keys_change_nothing),
      cmocka_unit_test(nothing_is_lost_or_doubled),
      cmocka_unit_test(numbers_are_dense_and_in_order_of_keys),
      cmocka_unit_test(idle_series_go_and_their_numbers_come_back),
      cmocka_unit_test(a_full_series_table_is_counted),
      cmocka_unit_test(numbers_go_on_after_a_restart),
      cmocka_unit_test(the_worst_failure_and_what_is_slow_are_shown),
      cmocka_unit_test(streams_end_and_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
