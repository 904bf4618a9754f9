/* From messages to gaps: the fold asks wire_pair the right questions, and names who lost. And requests that begin. */
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
#include "rec_counter.h"
#include "rec_text.h"
#include "wire_fold.h"

#define S 1000000000ll
#define MS 1000000ll
#define T0 (1767225600 * S)
#define GAPS 512u
#define TEXT_BYTES 512u
#define RATE 50u /* requests a second */

/* Two sidecars, web and cart; web calls cart. Each sends what it gathered once a second, cart half a second later. */
struct pair {
  void *mem;
  size_t bytes;
  struct wire_fold *f;
  wire_stream stream[2]; /* web, cart; 0: none */
  struct rec_gap gap[GAPS];
  int64_t gap_ns[GAPS];
  char text[GAPS][TEXT_BYTES];
  uint32_t gap_n;
  uint32_t id, flags; /* of web's reports */
  bool live, no_ids, broken;
  uint32_t cart_of_10; /* cart's reports that come, of ten */
  uint64_t started[REC_LEVEL_COUNT][2], ended[REC_LEVEL_COUNT][2], requests[REC_LEVEL_COUNT][2];
  uint8_t level[64], side[64];
  char message[1 << 20];
};

static struct pair *pair_open(uint64_t key) {
  struct wire_fold_conf conf = {.series_max = 64, .table_key = {key, ~key}};
  struct pair *t = calloc(1, sizeof *t);
  t->bytes = wire_fold_bytes(&conf);
  t->mem = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert_true(t->mem != MAP_FAILED);
  t->f = wire_fold_init(t->mem, t->bytes, &conf);
  for (int i = 0; i < 2; i++) t->stream[i] = wire_fold_stream_open(t->f);
  t->cart_of_10 = 10;
  return t;
}

static void pair_close(struct pair *t) {
  munmap(t->mem, t->bytes);
  free(t);
}

static void gap_take(struct pair *t, const struct rec_gap *g, int64_t now_ns) {
  struct base_buf text = buf_over(t->text[t->gap_n], TEXT_BYTES - 1);
  assert_true(t->gap_n < GAPS);
  rec_text_gap(g, &text);
  t->gap_ns[t->gap_n] = now_ns;
  t->gap[t->gap_n++] = *g;
}

static void obs_take(struct pair *t, const struct rec_batch *b) {
  for (size_t i = 0; i < b->series_n; i++) {
    t->level[b->series[i].series_idx] = b->series[i].level;
    t->side[b->series[i].series_idx] = b->series[i].side;
  }
  for (size_t i = 0; i < b->obs_n; i++) {
    const struct rec_obs *o = &b->obs[i];
    uint8_t level = t->level[o->series_idx], side = t->side[o->series_idx];
    t->started[level][side] += o->started;
    t->ended[level][side] += o->ended_started;
    for (unsigned k = 0; k < REC_CLASS_COUNT; k++) t->requests[level][side] += o->class_n[k];
  }
}

static void ticks(struct pair *t, int64_t now_ns, bool flush) {
  struct rec_tick tick;
  while (wire_fold_tick(t->f, (struct base_wall){t->live ? now_ns : 0}, flush, &tick)) {
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(t->f, b);
      obs_take(t, &batch);
    }
    struct rec_head_batch h = wire_fold_take_head(t->f);
    for (size_t i = 0; i < h.gap_n; i++) gap_take(t, &h.gap[i], tick.now.ns);
  }
}

static void send(struct pair *t, int who, const struct made_node *node, const struct made *m, uint32_t n,
                 int64_t now_ns) {
  struct base_buf out = buf_over(t->message, sizeof t->message);
  fold_make_message(&out, node, m, n);
  assert_false(out.bad);
  if (t->stream[who])
    (void)wire_fold_message(t->f, t->stream[who], buf_str(&out), (struct base_wall){t->live ? now_ns : 0});
  ticks(t, now_ns, false);
}

static struct made served(int64_t at_ns) {
  return (struct made){.start_ns = at_ns + MS,
                       .span_ns = 3 * MS,
                       .answer_ns = 2 * MS,
                       .cluster = "inbound|8080||",
                       .route = "default",
                       .path = "/carts/17",
                       .code = 200,
                       .up_ip = "127.0.0.1",
                       .up_port = 8080,
                       .local_ip = "10.1.0.7",
                       .local_port = 8080,
                       .remote_ip = "10.1.0.3"};
}

static struct made called(int64_t at_ns) {
  return (struct made){.start_ns = at_ns,
                       .span_ns = 5 * MS,
                       .answer_ns = 4 * MS,
                       .cluster = "outbound|80||cart.shop.svc.cluster.local",
                       .route = "default",
                       .path = "/carts/17",
                       .code = 200,
                       .up_ip = "10.1.0.7",
                       .up_port = 8080,
                       .local_ip = "10.96.0.1",
                       .local_port = 80,
                       .remote_ip = "127.0.0.1"};
}

/* The requests of one second as both tell them, the one that began at second s. */
static void second(struct pair *t, uint32_t s) {
  static struct made web_m[RATE], cart_m[RATE];
  static char id[RATE][40];
  uint32_t cart_n = 0;
  for (uint32_t i = 0; i < RATE; i++) {
    int64_t at_ns = T0 + s * S + i * (S / RATE);
    t->id++;
    (void)snprintf(id[i], sizeof id[i], "%08x-4a7c-4ce8-9a41-%012x", t->id * 2654435761u, t->id);
    web_m[i] = called(at_ns);
    web_m[i].flags = t->flags;
    struct made m = served(at_ns);
    web_m[i].request_id = m.request_id = t->no_ids ? NULL : id[i];
    if (i * 7 % 10 < t->cart_of_10) cart_m[cart_n++] = m;
  }
  send(t, 0, &fold_web, web_m, RATE, T0 + (s + 1) * S);
  if (!t->broken && cart_n) send(t, 1, &fold_cart, cart_m, cart_n, T0 + (s + 1) * S + S / 2);
}

static void seconds(struct pair *t, uint32_t from, uint32_t to) {
  for (uint32_t s = from; s < to; s++) second(t, s);
}

/* The gap told last up to that moment. */
static const struct rec_gap *told(const struct pair *t, int64_t until_ns) {
  for (uint32_t i = t->gap_n; i-- > 0;)
    if (t->gap_ns[i] <= until_ns) return &t->gap[i];
  return NULL;
}

static void a_gap_says_who_lost_how_much(void **state) {
  (void)state;
  for (int live = 0; live < 2; live++) {
    struct pair *t = pair_open(1);
    t->live = live;
    seconds(t, 0, 70);
    assert_int_equal(t->gap_n, 0);
    t->cart_of_10 = 7;
    seconds(t, 70, 80);
    const struct rec_gap *g = told(t, T0 + 75 * S);
    assert_non_null(g);
    assert_true(str_eq(g->node, STR("cart-1")) && str_eq(g->ns, STR("shop")) && str_eq(g->service, STR("cart")) &&
                str_eq(g->cluster, STR("c1")));
    assert_int_equal(g->reason, REC_GAP_LOSS);
    assert_true(g->lost * 100 > g->expected * 25 && g->lost * 100 < g->expected * 35);
    t->cart_of_10 = 10;
    seconds(t, 80, 100);
    for (uint32_t i = 0; i < t->gap_n; i++) assert_true(str_eq(t->gap[i].node, STR("cart-1")));
    assert_int_equal(told(t, INT64_MAX)->reason, REC_GAP_WHOLE);
    assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_GAPS], t->gap_n);
    pair_close(t);
  }
}

static void table_keys_change_no_gap(void **state) {
  (void)state;
  struct pair *t[2] = {pair_open(1), pair_open(99)};
  for (int i = 0; i < 2; i++) {
    seconds(t[i], 0, 70);
    t[i]->cart_of_10 = 6;
    seconds(t[i], 70, 85);
    assert_true(t[i]->gap_n > 5);
  }
  assert_int_equal(t[0]->gap_n, t[1]->gap_n);
  assert_memory_equal(t[0]->text, t[1]->text, sizeof t[0]->text);
  pair_close(t[0]);
  pair_close(t[1]);
}

static void a_stream_that_broke_is_told_as_one(void **state) {
  (void)state;
  struct pair *t = pair_open(1);
  t->live = true;
  seconds(t, 0, 70);
  wire_fold_stream_close(t->f, t->stream[1]);
  t->stream[1] = 0;
  t->broken = true;
  seconds(t, 70, 80);
  const struct rec_gap *g = told(t, T0 + 75 * S);
  assert_true(g && g->reason == REC_GAP_STREAM && g->lost * 100 > g->expected * 90);
  t->stream[1] = wire_fold_stream_open(t->f);
  t->broken = false;
  seconds(t, 80, 95);
  assert_int_equal(told(t, INT64_MAX)->reason, REC_GAP_WHOLE);
  pair_close(t);
}

/* The recording has no streams that end: silence is all that shows. */
static void a_silence_is_told_with_and_without_ids(void **state) {
  (void)state;
  for (int ids = 0; ids < 2; ids++) {
    struct pair *t = pair_open(1);
    t->no_ids = !ids;
    seconds(t, 0, 70);
    t->broken = true;
    seconds(t, 70, 82);
    const struct rec_gap *g = told(t, INT64_MAX);
    assert_true(g && g->reason == REC_GAP_SILENT && str_eq(g->node, STR("cart-1")));
    assert_true(ids ? g->lost == g->expected && g->lost >= 4 * RATE * 9 / 10 : g->expected == 0);
    t->broken = false;
    seconds(t, 82, 100);
    assert_int_equal(told(t, INT64_MAX)->reason, REC_GAP_WHOLE);
    pair_close(t);
  }
}

/* Connections fail: what nobody answered, nobody owes. */
static void an_outage_is_not_lost_telemetry(void **state) {
  (void)state;
  static const uint32_t flags[] = {WIRE_FLAG(UF), WIRE_FLAG(UH), WIRE_FLAG(UC), WIRE_FLAG(UT), WIRE_FLAG(UO)};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    struct pair *t = pair_open(1);
    seconds(t, 0, 70);
    t->flags = flags[i];
    t->broken = true;
    seconds(t, 70, 90);
    assert_int_equal(t->gap_n, 0);
    pair_close(t);
  }
}

/* The callee's reports say as much about the caller's. */
static void a_caller_that_loses_is_told(void **state) {
  (void)state;
  struct pair *t = pair_open(1);
  seconds(t, 0, 70);
  wire_stream web_stream = t->stream[0];
  for (uint32_t s = 70; s < 80; s++) {
    t->stream[0] = s % 2 ? web_stream : 0;
    second(t, s);
  }
  assert_true(t->gap_n > 0);
  for (uint32_t i = 0; i < t->gap_n; i++) assert_true(str_eq(t->gap[i].node, STR("web-1")));
  pair_close(t);
}

static void entries_over_10_s_late_are_told_as_late(void **state) {
  (void)state;
  struct pair *t = pair_open(1);
  t->live = true;
  seconds(t, 0, 30);
  struct made m[20];
  for (int i = 0; i < 20; i++) m[i] = served(T0 + S + i * MS);
  send(t, 1, &fold_cart, m, 20, T0 + 31 * S);
  seconds(t, 31, 33);
  const struct rec_gap *g = told(t, INT64_MAX);
  assert_true(g && g->reason == REC_GAP_LATE && g->lost == 20 && g->expected > 20);
  assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_REJECT_LATE], 20);
  pair_close(t);
}

/* --- requests that begin --------------------------------------------------------------------------------------- */

static void begins_count_where_the_reporter_serves(void **state) {
  (void)state;
  struct pair *t = pair_open(1);
  struct made m[4] = {served(T0), served(T0 + 300 * MS), served(T0 - S), served(T0 + 300 * MS)};
  m[0].type = WIRE_LOG_DOWNSTREAM_START;
  m[1].type = WIRE_LOG_DOWNSTREAM_START;
  m[0].span_ns = m[1].span_ns = 0;
  m[0].code = m[1].code = 0;
  m[3].peer_uri = m[1].peer_uri = "spiffe://cluster.local/ns/shop/sa/web";
  send(t, 1, &fold_cart, m, 4, T0 + S);
  struct made out = called(T0);
  out.type = WIRE_LOG_DOWNSTREAM_START;
  send(t, 0, &fold_web, &out, 1, T0 + S);
  ticks(t, 0, true);
  static const uint8_t level[] = {REC_LEVEL_MESH,    REC_LEVEL_CLUSTER, REC_LEVEL_SERVICE, REC_LEVEL_SERVICE_CLUSTER,
                                  REC_LEVEL_VERSION, REC_LEVEL_POD,     REC_LEVEL_ROUTE,   REC_LEVEL_ROUTE_CLUSTER};
  for (size_t i = 0; i < sizeof level; i++) {
    assert_int_equal(t->started[level[i]][REC_SIDE_SERVER], 2);
    assert_int_equal(t->ended[level[i]][REC_SIDE_SERVER], 1); /* the other one began before begins were told */
    assert_int_equal(t->requests[level[i]][REC_SIDE_SERVER], 2);
  }
  for (unsigned l = 0; l < REC_LEVEL_COUNT; l++) assert_int_equal(t->started[l][REC_SIDE_CLIENT], 0);
  assert_int_equal(t->started[REC_LEVEL_EDGE][REC_SIDE_SERVER], 0);
  assert_int_equal(t->ended[REC_LEVEL_EDGE][REC_SIDE_SERVER], 0);
  assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_STARTS], 2);
  assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_PROGRESS], 3);
  assert_int_equal(wire_fold_counters(t->f)[REC_COUNTER_REQUESTS_SERVER], 2);
  pair_close(t);
}

/* What a gateway serves it reports itself, in the entry of its call. */
static void begins_at_a_gateway_count_at_its_own_service(void **state) {
  (void)state;
  struct pair *t = pair_open(1);
  struct made m[2] = {called(T0), called(T0)};
  m[0].type = WIRE_LOG_DOWNSTREAM_START;
  send(t, 0, &fold_gate, m, 2, T0 + S);
  ticks(t, 0, true);
  assert_int_equal(t->started[REC_LEVEL_SERVICE][REC_SIDE_SERVER], 1);
  assert_int_equal(t->ended[REC_LEVEL_SERVICE][REC_SIDE_SERVER], 1);
  assert_int_equal(t->started[REC_LEVEL_SERVICE][REC_SIDE_CLIENT], 0);
  assert_int_equal(t->requests[REC_LEVEL_SERVICE][REC_SIDE_CLIENT], 1);
  pair_close(t);
}

static void a_begin_counts_in_the_tick_of_its_start(void **state) {
  (void)state;
  struct pair *t = pair_open(1);
  struct made m[2] = {served(T0), served(T0)};
  m[0].type = WIRE_LOG_DOWNSTREAM_START;
  m[0].span_ns = 900 * MS; /* says nothing about the start */
  m[1].span_ns = 900 * MS;
  send(t, 1, &fold_cart, m, 2, T0 + S);
  struct rec_tick tick;
  uint32_t at = 0, started_at = 0, ended_at = 0;
  while (wire_fold_tick(t->f, (struct base_wall){0}, true, &tick)) {
    at++;
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(t->f, b);
      for (size_t i = 0; i < batch.obs_n; i++) {
        if (batch.obs[i].started) started_at = at;
        if (batch.obs[i].ended_started) ended_at = at;
      }
    }
  }
  assert_true(started_at > 0 && ended_at == started_at + 3);
  pair_close(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_gap_says_who_lost_how_much),
      cmocka_unit_test(table_keys_change_no_gap),
      cmocka_unit_test(a_stream_that_broke_is_told_as_one),
      cmocka_unit_test(a_silence_is_told_with_and_without_ids),
      cmocka_unit_test(an_outage_is_not_lost_telemetry),
      cmocka_unit_test(a_caller_that_loses_is_told),
      cmocka_unit_test(entries_over_10_s_late_are_told_as_late),
      cmocka_unit_test(begins_count_where_the_reporter_serves),
      cmocka_unit_test(begins_at_a_gateway_count_at_its_own_service),
      cmocka_unit_test(a_begin_counts_in_the_tick_of_its_start),
  };
  return cmocka_run_group_tests_name("wire_fold_pair", tests, NULL, NULL);
}
