/* Who is who: names from nodes, peers, clusters, authorities, certificates, tags. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "fold_make.h"
#include "wire_identity.h"

static void same(struct base_str got, const char *want) {
  if (!str_eq(got, str_of(want))) fail_msg("'%.*s', not '%s'", STR_ARG(got), want);
}

static void targets(void **state) {
  (void)state;
  static const struct {
    const char *cluster;
    enum wire_target_kind kind;
    const char *service, *ns, *place;
  } table[] = {
      {"", WIRE_TARGET_NONE, "", "", ""},
      {"inbound|8080||", WIRE_TARGET_LOCAL, "", "", ""},
      {"outbound|80||cart.shop.svc.cluster.local", WIRE_TARGET_SERVICE, "cart", "shop", ""},
      {"outbound|80|v1|cart.shop.svc.cluster.local", WIRE_TARGET_SERVICE, "cart", "shop", ""},
      {"outbound_.80_.v1_.cart.shop.svc.cluster.local", WIRE_TARGET_SERVICE, "cart", "shop", ""},
      {"outbound|443||api.example.com", WIRE_TARGET_SERVICE, "api.example.com", "", ""},
      {"inbound-vip|8080|http|cart.shop.svc.cluster.local", WIRE_TARGET_SERVICE, "cart", "shop", ""},
      {"PassthroughCluster", WIRE_TARGET_UNKNOWN, "PassthroughCluster", "", ""},
      {"BlackHoleCluster", WIRE_TARGET_UNKNOWN, "BlackHoleCluster", "", ""},
      {"InboundPassthroughClusterIpv4", WIRE_TARGET_LOCAL, "", "", ""},
      {"httproute/shop/cart-route/rule/0", WIRE_TARGET_SERVICE, "cart-route", "shop", ""},
      {"cart.default.dc1.internal.0d3b.consul", WIRE_TARGET_SERVICE, "cart", "default", "dc1"},
      {"v2.cart.default.dc1.internal-v1.0d3b.consul", WIRE_TARGET_SERVICE, "cart", "default", "dc1"},
      {"cart_shop_svc_8080", WIRE_TARGET_SERVICE, "cart", "shop", ""},
      {"local_app", WIRE_TARGET_LOCAL, "", "", ""},
      {"local", WIRE_TARGET_LOCAL, "", "", ""},
      {"cart", WIRE_TARGET_SERVICE, "cart", "", ""},
      {"cart.shop", WIRE_TARGET_SERVICE, "cart", "shop", ""},
      {"|||", WIRE_TARGET_NONE, "", "", ""},
      {"outbound_.", WIRE_TARGET_SERVICE, "outbound_.", "", ""},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct wire_target t;
    wire_identity_target(str_of(table[i].cluster), &t);
    if (t.kind != table[i].kind && !(i == sizeof table / sizeof *table - 1)) fail_msg("kind of %s", table[i].cluster);
    if (i == sizeof table / sizeof *table - 1) continue; /* a broken name only has to end */
    same(t.service, table[i].service);
    same(t.namespace_, table[i].ns);
    same(t.cluster, table[i].place);
  }
  struct wire_target t;
  wire_identity_target(STR("cart"), &t);
  assert_true(t.bare);
  wire_identity_target(STR("inbound-vip|8080|http|cart.shop.svc.cluster.local"), &t);
  assert_true(t.waypoint);
}

static void authorities(void **state) {
  (void)state;
  static const struct {
    const char *authority;
    enum wire_target_kind kind;
    const char *service, *ns;
    uint32_t port;
  } table[] = {
      {"db.shop.svc.cluster.local:8080", WIRE_TARGET_SERVICE, "db", "shop", 8080},
      {"db.shop:8080", WIRE_TARGET_SERVICE, "db", "shop", 8080},
      {"example.com", WIRE_TARGET_SERVICE, "example.com", "", 0},
      {"api.example.com:443", WIRE_TARGET_SERVICE, "api.example.com", "", 443},
      {"db", WIRE_TARGET_SERVICE, "db", "", 0},
      {"10.1.2.3:80", WIRE_TARGET_NONE, "", "", 80},
      {"[2001:db8::1]:80", WIRE_TARGET_NONE, "", "", 80},
      {"", WIRE_TARGET_NONE, "", "", 0},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct wire_target t;
    struct base_str host;
    uint32_t port;
    wire_identity_authority(str_of(table[i].authority), STR("shop"), &t, &host, &port);
    assert_int_equal(t.kind, table[i].kind);
    assert_int_equal(port, table[i].port);
    same(t.service, table[i].service);
    same(t.namespace_, table[i].ns);
  }
}

static void certificates(void **state) {
  (void)state;
  struct wire_who w;
  assert_true(wire_identity_spiffe(STR("spiffe://cluster.local/ns/shop/sa/cart"), &w));
  same(w.service, "cart");
  same(w.namespace_, "shop");
  assert_false(wire_identity_spiffe(STR("spiffe://cluster.local/ns/shop/sa/default"), &w));
  same(w.namespace_, "shop");
  assert_true(wire_identity_spiffe(STR("spiffe://x.consul/ns/default/dc/dc1/svc/web"), &w));
  same(w.service, "web");
  same(w.cluster, "dc1");
  assert_false(wire_identity_spiffe(STR("https://example.com/ns/shop/sa/cart"), &w));
  assert_false(wire_identity_spiffe(STR(""), &w));
}

static void host_tags(void **state) {
  (void)state;
  struct wire_who w;
  assert_true(wire_identity_host_tag(STR("cart-v1;shop;cart;;c1"), &w));
  same(w.service, "cart");
  same(w.namespace_, "shop");
  same(w.version, "latest");
  same(w.cluster, "c1");
  assert_true(wire_identity_host_tag(STR("cart-v1;shop;;v2;c1"), &w));
  same(w.service, "cart-v1");
  same(w.version, "v2");
  assert_false(wire_identity_host_tag(STR("cart"), &w));
  assert_false(wire_identity_host_tag(STR("a;b;c;d;e;f"), &w));
}

static void self(const struct made_node *made, struct wire_self *out) {
  static char mem[8192];
  struct base_buf b = buf_over(mem, sizeof mem);
  struct wire_als_msg msg;
  struct wire_err err;
  fold_make_message(&b, made, NULL, 0);
  assert_false(b.bad);
  assert_int_equal(wire_als_msg_read(buf_str(&b), &msg, &err), WIRE_OK);
  wire_identity_self(&msg.node, out);
}

static void an_istio_node(void **state) {
  (void)state;
  struct wire_self s;
  self(&(struct made_node){.id = "sidecar~10.1.0.7~cart-v1-x.shop~shop.svc.cluster.local",
                           .node_cluster = "cart.shop",
                           .region = "r1",
                           .pod = "cart-v1-x",
                           .ns = "shop",
                           .service = "cart",
                           .version = "v1",
                           .cluster = "c1",
                           .ips = "10.1.0.7,fd00::7"},
       &s);
  assert_int_equal(s.kind, WIRE_KIND_SIDECAR);
  assert_true(s.intercepts);
  same(s.who.pod, "cart-v1-x");
  same(s.who.namespace_, "shop");
  same(s.who.service, "cart");
  same(s.who.version, "v1");
  same(s.who.cluster, "c1");
  same(s.who.region, "r1");
  assert_int_equal(s.ip_n, 2);
  same(s.ip[1], "fd00::7");
}

static void an_istio_node_with_its_id_alone(void **state) {
  (void)state;
  struct wire_self s;
  self(&(struct made_node){.id = "router~10.1.0.2~gw-7d.istio-system~istio-system.svc.cluster.local",
                           .node_cluster = "gw.istio-system"},
       &s);
  assert_int_equal(s.kind, WIRE_KIND_ROUTER);
  same(s.who.pod, "gw-7d");
  same(s.who.namespace_, "istio-system");
  same(s.who.service, "gw");
  same(s.who.version, "latest");
}

static void plain_nodes(void **state) {
  (void)state;
  struct wire_self s;
  self(&(struct made_node){.id = "cart-1.shop", .node_cluster = "cart"}, &s);
  assert_int_equal(s.kind, WIRE_KIND_PLAIN);
  same(s.who.pod, "cart-1");
  same(s.who.namespace_, "shop");
  same(s.who.service, "cart");
  same(s.who.version, "");
  self(
      &(struct made_node){
          .id = "node-7", .node_cluster = "cart.shop", .pod = "cart-1", .version = "v3", .cluster = "c2"},
      &s);
  same(s.who.pod, "cart-1");
  same(s.who.namespace_, "shop");
  same(s.who.service, "cart");
  same(s.who.version, "v3");
  same(s.who.cluster, "c2");
  self(&(struct made_node){.id = "ip-10-0-0-1.ec2.internal", .node_cluster = "cart"}, &s);
  same(s.who.pod, "ip-10-0-0-1.ec2.internal");
  same(s.who.namespace_, "");
}

static void hints(void **state) {
  (void)state;
  assert_int_equal(wire_identity_hint(STR("cart-inbound")), WIRE_HINT_SERVER);
  assert_int_equal(wire_identity_hint(STR("Ingress-log")), WIRE_HINT_SERVER);
  assert_int_equal(wire_identity_hint(STR("cart-outbound")), WIRE_HINT_CLIENT);
  assert_int_equal(wire_identity_hint(STR("egress")), WIRE_HINT_CLIENT);
  assert_int_equal(wire_identity_hint(STR("mesh")), WIRE_HINT_NONE);
}

static void utf8(void **state) {
  (void)state;
  assert_true(wire_identity_is_utf8(STR("a plain name of some length")));
  assert_true(
      wire_identity_is_utf8(STR("gr\xc3\xbc\xc3\x9f"
                                "e \xe2\x82\xac \xf0\x9f\x98\x80")));
  assert_false(wire_identity_is_utf8(STR("\xc0\xaf")));
  assert_false(wire_identity_is_utf8(STR("\xed\xa0\x80")));
  assert_false(wire_identity_is_utf8(STR("eight ok\xff")));
  assert_false(wire_identity_is_utf8(STR("cut \xe2\x82")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets),     cmocka_unit_test(authorities),   cmocka_unit_test(certificates),
      cmocka_unit_test(host_tags),   cmocka_unit_test(an_istio_node), cmocka_unit_test(an_istio_node_with_its_id_alone),
      cmocka_unit_test(plain_nodes), cmocka_unit_test(hints),         cmocka_unit_test(utf8),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
