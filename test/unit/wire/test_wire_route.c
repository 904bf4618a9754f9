/* Route names and path templates, and the tree that learns which positions are values. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>

#include "wire_route_tree.h"

static void values_and_words(void **state) {
  (void)state;
  static const char *const value[] = {"42",
                                      "0",
                                      "550e8400-e29b-41d4-a716-446655440000",
                                      "deadbeef01",
                                      "OLJC0139X",
                                      "2026-03-02",
                                      "2026-03-02T09:00:00Z",
                                      "10.1.2.3",
                                      "someone@example.com",
                                      "a%20b",
                                      "x,y",
                                      "k=v",
                                      "dGhpc0lzQVRva2Vu",
                                      "507f1f77bcf86cd799439011",
                                      "order-2024-000017"};
  static const char *const word[] = {"cart",
                                     "v1",
                                     "v2",
                                     "v1alpha1",
                                     "v1beta2",
                                     "oauth2",
                                     "checkout",
                                     "defaced",
                                     "oauth2-token",
                                     "GetSupportedCurrencies",
                                     "user-profile-settings",
                                     "index.html",
                                     "a",
                                     "facade",
                                     "ListProducts",
                                     "internal_metrics_endpoint"};
  for (size_t i = 0; i < sizeof value / sizeof *value; i++)
    if (!wire_route_is_value(str_of(value[i]))) fail_msg("%s is a value", value[i]);
  for (size_t i = 0; i < sizeof word / sizeof *word; i++)
    if (wire_route_is_value(str_of(word[i]))) fail_msg("%s is a word", word[i]);
  char longer[WIRE_ROUTE_SEGMENT_BYTES + 1];
  memset(longer, 'x', sizeof longer);
  assert_true(wire_route_is_value((struct base_str){longer, sizeof longer}));
  assert_false(wire_route_is_value((struct base_str){longer, sizeof longer - 1}));
}

static void grpc_methods(void **state) {
  (void)state;
  assert_true(wire_route_is_grpc(STR("/shop.Cart/Get")));
  assert_true(wire_route_is_grpc(STR("/Greeter/SayHello")));
  assert_true(wire_route_is_grpc(STR("/grpc.health.v1.Health/Check")));
  assert_false(wire_route_is_grpc(STR("/cart/items")));
  assert_false(wire_route_is_grpc(STR("/cart/Items")));
  assert_false(wire_route_is_grpc(STR("/shop.Cart/Get/more")));
  assert_false(wire_route_is_grpc(STR("/shop.Cart/")));
  assert_false(wire_route_is_grpc(STR("/index.html")));
}

static void paths_lose_what_is_no_path(void **state) {
  (void)state;
  assert_true(str_eq(wire_route_path(STR("/a/b?c=/d")), STR("/a/b")));
  assert_true(str_eq(wire_route_path(STR("/a#b")), STR("/a")));
  assert_true(str_eq(wire_route_path(STR("http://host:80/a/b?c")), STR("/a/b")));
  assert_true(str_eq(wire_route_path(STR("*")), STR("*")));
}

static void names_that_say_nothing(void **state) {
  (void)state;
  assert_true(wire_route_says(STR("viewcart")));
  assert_true(wire_route_says(STR("httproute/shop/cart/rule/0/match/0/*")));
  assert_false(wire_route_says(STR("")));
  assert_false(wire_route_says(STR("default")));
  assert_false(wire_route_says(STR("allow_any")));
  assert_false(wire_route_says(STR("block_all")));
  assert_false(wire_route_says(STR("inbound|http|8080")));
}

/* --- the tree --- */

struct tree {
  void *names_mem, *mem;
  struct wire_names *names;
  struct wire_routes *routes;
};

static int tree_open(void **state) {
  struct tree *t = calloc(1, sizeof *t);
  struct base_hash_key key = {1, 2};
  t->names_mem = calloc(1, wire_names_bytes(1 << 16));
  t->mem = calloc(1, wire_routes_bytes());
  t->names = wire_names_init(t->names_mem, 1 << 16, key);
  t->routes = wire_routes_init(t->mem, t->names, key);
  *state = t;
  return 0;
}

static int tree_close(void **state) {
  struct tree *t = *state;
  free(t->names_mem);
  free(t->mem);
  free(t);
  return 0;
}

static struct base_str ask(struct tree *t, const char *service, uint32_t method, const char *name, const char *path,
                           bool *other) {
  struct wire_route_ask a = {0, wire_names_add(t->names, str_of(service)), method, str_of(name), str_of(path)};
  uint32_t id = wire_routes_find(t->routes, &a, other);
  assert_int_not_equal(id, WIRE_NAME_FULL);
  return wire_names_view(t->names, id);
}

static void expect(struct tree *t, uint32_t method, const char *name, const char *path, const char *want) {
  bool other;
  struct base_str got = ask(t, "cart", method, name, path, &other);
  if (!str_eq(got, str_of(want))) fail_msg("%s %s: %.*s, not %s", name, path, STR_ARG(got), want);
}

static void templates(void **state) {
  struct tree *t = *state;
  expect(t, 1, "default", "/product/OLJC0139X", "GET /product/{id}");
  expect(t, 3, "", "/carts/17/items", "POST /carts/{id}/items");
  expect(t, 1, "", "/carts/17/items?x=1", "GET /carts/{id}/items");
  expect(t, 1, "", "/", "GET /");
  expect(t, 0, "", "/a", "/a");
  expect(t, 1, "", "//a//b/", "GET /a/b");
  expect(t, 1, "viewcart", "/cart", "viewcart");
  expect(t, 3, "default", "/shop.Cart/Get", "/shop.Cart/Get");
  expect(t, 1, "", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14",
         "GET /{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/*");
  expect(t, 1, "", "", "");
}

static void a_position_with_many_words_becomes_a_value(void **state) {
  struct tree *t = *state;
  char path[64];
  for (uint32_t i = 0; i < LIMIT_SEGMENT_VALUES; i++) {
    char want[80];
    (void)snprintf(path, sizeof path, "/user/%c%c/cart", 'a' + (int)(i / 5), 'a' + (int)(i % 5));
    (void)snprintf(want, sizeof want, "GET %s", path);
    expect(t, 1, "", path, want);
  }
  expect(t, 1, "", "/user/zz/cart", "GET /user/{id}/cart");
  expect(t, 1, "", "/user/aa/cart", "GET /user/{id}/cart");
  expect(t, 1, "", "/other/aa/cart", "GET /other/aa/cart");
  expect(t, 3, "", "/user/aa/cart", "POST /user/aa/cart");
}

static void routes_past_the_cap_are_other(void **state) {
  struct tree *t = *state;
  bool other;
  char name[16];
  for (uint32_t i = 0; i < LIMIT_ROUTES_PER_SERVICE; i++) {
    (void)snprintf(name, sizeof name, "route-%u", i);
    assert_true(str_eq(ask(t, "cart", 1, name, "/", &other), str_of(name)));
    assert_false(other);
  }
  assert_true(str_eq(ask(t, "cart", 1, "one more", "/", &other), STR("other")));
  assert_true(other);
  assert_true(str_eq(ask(t, "cart", 1, "", "/path", &other), STR("other")));
  assert_true(other);
  assert_true(str_eq(ask(t, "cart", 1, "route-3", "/", &other), STR("route-3")));
  assert_false(other);
  assert_true(str_eq(ask(t, "db", 1, "one more", "/", &other), STR("one more")));
}

static void a_value_position_gives_its_routes_back(void **state) {
  struct tree *t = *state;
  bool other;
  char path[64];
  for (uint32_t i = 0; i < 4 * (LIMIT_SEGMENT_VALUES + 1); i++) {
    uint32_t k = i % (LIMIT_SEGMENT_VALUES + 1);
    (void)snprintf(path, sizeof path, "/p%c/%c%c", 'a' + (int)(i / (LIMIT_SEGMENT_VALUES + 1)), 'a' + (int)(k / 5),
                   'a' + (int)(k % 5));
    ask(t, "cart", 1, "", path, &other);
    assert_false(other);
  }
}

static void hostile_paths_stay_bounded(void **state) {
  struct tree *t = *state;
  bool other = false;
  char path[4096];
  uint32_t others = 0;
  for (uint32_t i = 0; i < 20000; i++) {
    int n = 0;
    for (uint32_t k = 0, v = i * 2654435761u; k < 6; k++, v = v * 1664525u + 1013904223u)
      n += snprintf(path + n, sizeof path - (size_t)n, "/%c%c%c", 'a' + v % 26, 'a' + v / 26 % 26, 'a' + v / 676 % 26);
    ask(t, "cart", 1 + i % 9, "", path, &other);
    others += other;
  }
  assert_true(others > 0);
  memset(path, '/', sizeof path);
  struct wire_route_ask a = {0, 1, 1, STR_NONE, {path, sizeof path}};
  assert_int_not_equal(wire_routes_find(t->routes, &a, &other), WIRE_NAME_FULL);
}

static void names_are_swept_unless_held(void **state) {
  struct tree *t = *state;
  bool other;
  ask(t, "cart", 1, "", "/kept/here", &other);
  uint32_t gone = wire_names_add(t->names, STR("gone"));
  wire_routes_mark(t->routes);
  wire_names_sweep(t->names);
  expect(t, 1, "", "/kept/here", "GET /kept/here");
  assert_int_equal(wire_names_add(t->names, STR("new")), gone);
}

#define TREE(f) cmocka_unit_test_setup_teardown(f, tree_open, tree_close)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_words),
      cmocka_unit_test(grpc_methods),
      cmocka_unit_test(paths_lose_what_is_no_path),
      cmocka_unit_test(names_that_say_nothing),
      TREE(templates),
      TREE(a_position_with_many_words_becomes_a_value),
      TREE(routes_past_the_cap_are_other),
      TREE(a_value_position_gives_its_routes_back),
      TREE(hostile_paths_stay_bounded),
      TREE(names_are_swept_unless_held),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
