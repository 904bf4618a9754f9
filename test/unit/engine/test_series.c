/* Counts in 16 bits, the recent rings against a slow exact list, and the catalog's graph. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "mesh_rng.h"
#include "series_catalog.h"
#include "series_half.h"
#include "series_recent.h"

static void half_is_exact_below_4096(void **state) {
  (void)state;
  for (uint64_t v = 0; v < 4096; v++) assert_true(half_value(half_of(v)) == v);
}

/* Dense near powers of two, where the shift changes. */
static void half_is_near_and_monotone(void **state) {
  (void)state;
  for (unsigned e = 12; e < 42; e++) {
    uint64_t before = half_value(half_of((1ull << e) - 3000));
    for (int64_t d = -2999; d <= 3000; d++) {
      uint64_t v = (1ull << e) + (uint64_t)d, got = half_value(half_of(v)), off = got > v ? got - v : v - got;
      assert_true(off * 4096 <= v);
      assert_true(got >= before);
      before = got;
    }
  }
}

static void half_codes_are_their_own_values(void **state) {
  (void)state;
  for (uint32_t h = 0; h <= 0xffffu; h++) assert_int_equal(half_of(half_value((uint16_t)h)), h);
}

static void half_saturates(void **state) {
  (void)state;
  assert_int_equal(half_of(1ull << 43), 0xffff);
  assert_int_equal(half_of(UINT64_MAX), 0xffff);
}

/* The slow exact form: every tick ever added. */
#define TICKS 4000u
static uint32_t slow_n[TICKS], slow_e[TICKS];

static void slow_sum(uint32_t from, uint32_t to, double *n, double *e) {
  *n = *e = 0.0;
  for (uint32_t t = from; t <= to && t < TICKS; t++) {
    *n += slow_n[t];
    *e += slow_e[t];
  }
}

static void check_second(const struct series_state *s, uint32_t sec) {
  struct series_sum got;
  double n, e;
  if (!series_recent_second(s, sec, &got)) {
    assert_true(sec + SERIES_FINE_SLOTS <= s->fine_at);
    return;
  }
  slow_sum(sec * 4, sec * 4 + 3, &n, &e);
  assert_true(got.n == n && got.e == e);
}

static void check_ten(const struct series_state *s, uint32_t ten) {
  struct series_sum got;
  double n, e;
  if (!series_recent_ten(s, ten, &got)) {
    assert_true(ten + SERIES_COARSE_SLOTS <= s->fine_at / SERIES_COARSE_S);
    return;
  }
  slow_sum(ten * 40, ten * 40 + 39, &n, &e);
  assert_true(got.n == n && got.e == e);
}

/* Sums over whole seconds: of the fine ring exactly, of older parts in whole tens. */
static void check_sums(const struct series_state *s, uint32_t seq, struct mesh_rng *r) {
  uint32_t now = seq / 4, back = (uint32_t)(rng_unit(r) * (double)SERIES_FINE_SLOTS),
           first = now > back ? now - back : 0;
  double n, e;
  struct series_sum got = series_recent_sum(s, first * 4, seq);
  slow_sum(first * 4, seq, &n, &e);
  assert_true(got.n == n && got.e == e);
  uint32_t ten = now / 10, tens = (uint32_t)(rng_unit(r) * (double)(SERIES_COARSE_SLOTS - 1)),
           from = ten > tens ? ten - tens : 0;
  got = series_recent_sum(s, from * 40, seq);
  slow_sum(from * 40, seq, &n, &e);
  assert_true(got.n == n && got.e == e);
}

static void recent_equals_a_slow_list(void **state) {
  (void)state;
  struct series_state s = {0};
  struct mesh_rng r = {7};
  for (uint32_t seq = 0; seq < TICKS; seq++) {
    bool quiet = seq / 300 % 3 == 2; /* gaps longer than the fine ring */
    slow_n[seq] = quiet ? 0 : rng_poisson(&r, 3.0);
    slow_e[seq] = rng_binomial(&r, slow_n[seq], 0.2);
    if (!slow_n[seq]) continue;
    series_recent_add(&s, seq, slow_n[seq], slow_e[seq], 0.0f);
    for (uint32_t sec = seq / 4 > 20 ? seq / 4 - 20 : 0; sec <= seq / 4 + 1; sec++) check_second(&s, sec);
    for (uint32_t ten = seq / 40 > 16 ? seq / 40 - 16 : 0; ten <= seq / 40 + 1; ten++) check_ten(&s, ten);
    check_sums(&s, seq, &r);
  }
}

/* A slot is summed from up to 40 ticks; rounding in each must not add up to more than what the header promises. */
static void recent_sums_stay_within_a_thousandth(void **state) {
  (void)state;
  static const uint32_t rates[] = {110, 500, 1100, 5000, 30000};
  for (unsigned k = 0; k < sizeof rates / sizeof rates[0]; k++) {
    struct series_state s = {0};
    struct series_sum got;
    for (uint32_t seq = 0; seq < 40; seq++) series_recent_add(&s, seq, rates[k], rates[k] / 100, 0.0f);
    assert_true(series_recent_ten(&s, 0, &got));
    double n = 40.0 * rates[k], e = 40.0 * (rates[k] / 100);
    assert_true(got.n > n * 0.999 && got.n < n * 1.001);
    assert_true(got.e > e * 0.999 && got.e < e * 1.001);
  }
}

/* Few requests after a burst: the slot keeps counting them. */
static void recent_counts_little_after_much(void **state) {
  (void)state;
  struct series_state s = {0};
  struct series_sum got;
  series_recent_add(&s, 0, 20000, 0, 0.0f);
  for (uint32_t seq = 1; seq < 40; seq++) series_recent_add(&s, seq, 3, 0, 0.0f);
  assert_true(series_recent_ten(&s, 0, &got));
  assert_true(got.n >= 20117.0 * (1.0 - 0x1p-11) && got.n <= 20117.0 * (1.0 + 0x1p-11));
}

#define MAX 256u
static struct series_catalog catalog;
static void *catalog_mem;

static int catalog_make(void **state) {
  (void)state;
  size_t bytes = series_catalog_bytes(MAX);
  catalog_mem = calloc(1, bytes);
  series_catalog_init(&catalog, catalog_mem, bytes, MAX);
  return 0;
}

static int catalog_free(void **state) {
  (void)state;
  free(catalog_mem);
  return 0;
}

static struct rec_series who(uint32_t idx, enum rec_level level, const char *service, const char *caller,
                             const char *pod) {
  struct rec_series s = {.series_idx = idx, .level = (uint8_t)level};
  s.dim[REC_DIM_NAMESPACE] = STR("shop");
  s.dim[REC_DIM_SERVICE] = str_of(service);
  if (caller) {
    s.dim[REC_DIM_CALLER_NAMESPACE] = STR("shop");
    s.dim[REC_DIM_CALLER] = str_of(caller);
  }
  s.dim[REC_DIM_POD] = str_of(pod);
  return s;
}

static void add(struct rec_series s) {
  assert_true(series_catalog_add(&catalog, &s));
}

static void catalog_draws_the_graph(void **state) {
  (void)state;
  add(who(0, REC_LEVEL_SERVICE, "cart", NULL, NULL));
  add(who(1, REC_LEVEL_EDGE, "cart", "front", NULL));
  add(who(2, REC_LEVEL_EDGE, "db", "cart", NULL));
  add(who(3, REC_LEVEL_POD, "cart", NULL, "cart-1"));
  add(who(4, REC_LEVEL_POD, "cart", NULL, "cart-2"));
  assert_int_equal(catalog.node_n, 3);
  assert_int_equal(catalog.edge_n, 2);
  uint32_t cart = series_catalog_node(&catalog, STR("shop"), STR("cart"));
  uint32_t front = series_catalog_node(&catalog, STR("shop"), STR("front"));
  uint32_t db = series_catalog_node(&catalog, STR("shop"), STR("db"));
  const struct series_node *n = &catalog.node[cart];
  assert_int_equal(n->series[REC_SIDE_SERVER], 0);
  assert_int_equal(n->series[REC_SIDE_CLIENT], REC_SERIES_NONE);
  assert_int_equal(catalog.edge[n->first_in].from, front);
  assert_int_equal(catalog.edge[n->first_in].series[REC_SIDE_SERVER], 1);
  assert_int_equal(catalog.edge[n->first_out].to, db);
  assert_int_equal(series_catalog_child(&catalog, n->first_child, REC_LEVEL_POD, 0, REC_DIM_POD, STR("cart-1")), 3);
  assert_int_equal(series_catalog_child(&catalog, n->first_child, REC_LEVEL_POD, 0, REC_DIM_POD, STR("cart-2")), 4);
  assert_int_equal(series_catalog_child(&catalog, n->first_child, REC_LEVEL_POD, 1, REC_DIM_POD, STR("cart-1")),
                   REC_SERIES_NONE);
}

/* ("ab", "c") and ("a", "bc") are two services. */
static void catalog_does_not_glue_names(void **state) {
  (void)state;
  assert_int_not_equal(series_catalog_node(&catalog, STR("ab"), STR("c")),
                       series_catalog_node(&catalog, STR("a"), STR("bc")));
}

static void catalog_drop_unlinks(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 3; i++) {
    char pod[8];
    (void)snprintf(pod, sizeof pod, "p%u", i);
    add(who(i, REC_LEVEL_POD, "cart", NULL, pod));
  }
  add(who(3, REC_LEVEL_SERVICE, "cart", NULL, NULL));
  add(who(4, REC_LEVEL_EDGE, "cart", "front", NULL));
  series_catalog_drop(&catalog, 1);
  series_catalog_drop(&catalog, 3);
  series_catalog_drop(&catalog, 4);
  series_catalog_drop(&catalog, 4); /* twice is once */
  series_catalog_drop(&catalog, 99);
  uint32_t cart = series_catalog_node(&catalog, STR("shop"), STR("cart")), first = catalog.node[cart].first_child;
  assert_null(series_catalog_find(&catalog, 1));
  assert_int_equal(series_catalog_child(&catalog, first, REC_LEVEL_POD, 0, REC_DIM_POD, STR("p1")), REC_SERIES_NONE);
  assert_int_equal(series_catalog_child(&catalog, first, REC_LEVEL_POD, 0, REC_DIM_POD, STR("p0")), 0);
  assert_int_equal(series_catalog_child(&catalog, first, REC_LEVEL_POD, 0, REC_DIM_POD, STR("p2")), 2);
  assert_int_equal(catalog.node[cart].series[0], REC_SERIES_NONE);
  assert_int_equal(catalog.edge[0].series[0], REC_SERIES_NONE);
}

static uint32_t walked(uint32_t node, enum series_calls calls) {
  struct series_walk w = series_catalog_walk(&catalog, node, calls);
  uint32_t set = 0;
  for (uint32_t i = series_catalog_next(&w); i != REC_SERIES_NONE; i = series_catalog_next(&w)) {
    assert_false(set >> i & 1u);
    set |= 1u << i;
  }
  return set;
}

/* All of a service, once each, of the calls to it what both sides tell, and of its own calls what it tells. */
static void catalog_walks_a_service(void **state) {
  (void)state;
  add(who(0, REC_LEVEL_SERVICE, "cart", NULL, NULL));
  add(who(1, REC_LEVEL_POD, "cart", NULL, "p0"));
  add(who(2, REC_LEVEL_POD, "cart", NULL, "p1"));
  add(who(3, REC_LEVEL_EDGE, "cart", "front", NULL));
  add(who(4, REC_LEVEL_EDGE, "db", "cart", NULL));
  add(who(5, REC_LEVEL_EDGE_CLUSTER, "cart", "front", NULL));
  add(who(6, REC_LEVEL_EDGE_CLUSTER, "db", "cart", NULL));
  add(who(7, REC_LEVEL_SERVICE, "db", NULL, NULL));
  for (uint32_t i = 8; i < 11; i++) {
    static const uint8_t level[] = {REC_LEVEL_SERVICE, REC_LEVEL_EDGE, REC_LEVEL_EDGE};
    struct rec_series s = who(i, level[i - 8], i == 10 ? "db" : "cart", i == 10 ? "cart" : "front", NULL);
    s.side = REC_SIDE_CLIENT;
    add(s);
  }
  uint32_t cart = series_catalog_node(&catalog, STR("shop"), STR("cart")), own = 1u | 1u << 1 | 1u << 2 | 1u << 8;
  assert_int_equal(walked(cart, SERIES_CALLS_NONE), own);
  assert_int_equal(walked(cart, SERIES_CALLS_IN), own | 1u << 3 | 1u << 5 | 1u << 9);
  assert_int_equal(walked(cart, SERIES_CALLS_OUT), own | 1u << 6 | 1u << 10);
}

/* A number used again carries the new names everywhere and the old ones nowhere. */
static void catalog_number_is_used_again(void **state) {
  (void)state;
  add(who(5, REC_LEVEL_POD, "cart", NULL, "old"));
  series_catalog_drop(&catalog, 5);
  add(who(5, REC_LEVEL_POD, "pay", NULL, "new"));
  uint32_t cart = series_catalog_node(&catalog, STR("shop"), STR("cart")),
           pay = series_catalog_node(&catalog, STR("shop"), STR("pay"));
  assert_int_equal(catalog.node[cart].first_child, REC_SERIES_NONE);
  assert_int_equal(catalog.node[pay].first_child, 5);
  assert_true(str_eq(series_catalog_find(&catalog, 5)->who.dim[REC_DIM_POD], STR("new")));
}

/* Pods come and go for as long as the program runs. */
static void churn(unsigned name_bytes) {
  char pod[256];
  for (uint32_t round = 0; round < 20000; round++) {
    memset(pod, 'x', sizeof pod);
    (void)snprintf(pod, sizeof pod, "%08u", round);
    pod[8] = 'x';
    struct rec_series s = who(round % MAX, REC_LEVEL_POD, "a-service-with-a-name", NULL, NULL);
    s.dim[REC_DIM_POD] = (struct base_str){pod, name_bytes};
    series_catalog_drop(&catalog, s.series_idx);
    assert_true(series_catalog_add(&catalog, &s));
    assert_true(str_eq(series_catalog_find(&catalog, s.series_idx)->who.dim[REC_DIM_POD], s.dim[REC_DIM_POD]));
  }
}

static void catalog_reuse_leaks_nothing(void **state) {
  (void)state;
  churn(60);
}

static void catalog_reuse_of_long_names_leaks_nothing(void **state) {
  (void)state;
  churn(LIMIT_NAME_BYTES);
}

static void catalog_refuses_what_does_not_fit(void **state) {
  (void)state;
  struct rec_series s = who(MAX, REC_LEVEL_SERVICE, "cart", NULL, NULL);
  assert_false(series_catalog_add(&catalog, &s));
}

/* More services than nodes: the series is watched all the same, and counted. */
static void catalog_graph_is_bounded(void **state) {
  (void)state;
  char name[16];
  for (uint32_t i = 0; i < MAX + 10; i++) {
    (void)snprintf(name, sizeof name, "n%u", i);
    uint32_t got = series_catalog_node(&catalog, STR("shop"), str_of(name));
    assert_int_equal(got, i < MAX ? i : REC_SERIES_NONE);
  }
  assert_int_equal(catalog.graph_full, 10);
  add(who(0, REC_LEVEL_SERVICE, "one-too-many", NULL, NULL));
  assert_int_equal(series_catalog_find(&catalog, 0)->node, REC_SERIES_NONE);
  series_catalog_drop(&catalog, 0);
  uint32_t full = 0;
  for (uint32_t i = 0; i < 20; i++)
    for (uint32_t k = 0; k < 20; k++) full += series_catalog_edge(&catalog, i, k) == REC_SERIES_NONE;
  assert_int_equal(catalog.edge_n, MAX);
  assert_int_equal(full, 400 - MAX);
  assert_int_equal(series_catalog_edge(&catalog, 0, 1), 1); /* known ones are still found */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(half_is_exact_below_4096),
      cmocka_unit_test(half_is_near_and_monotone),
      cmocka_unit_test(half_codes_are_their_own_values),
      cmocka_unit_test(half_saturates),
      cmocka_unit_test(recent_equals_a_slow_list),
      cmocka_unit_test(recent_sums_stay_within_a_thousandth),
      cmocka_unit_test(recent_counts_little_after_much),
      cmocka_unit_test_setup_teardown(catalog_draws_the_graph, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_does_not_glue_names, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_drop_unlinks, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_walks_a_service, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_number_is_used_again, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_reuse_leaks_nothing, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_reuse_of_long_names_leaks_nothing, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_refuses_what_does_not_fit, catalog_make, catalog_free),
      cmocka_unit_test_setup_teardown(catalog_graph_is_bounded, catalog_make, catalog_free),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
