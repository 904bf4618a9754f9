#include "als_make.h"

#include <string.h>

#define PART_BYTES 4096

static void make_tag(struct base_buf *out, uint32_t number, uint32_t type) {
  make_varint(out, (uint64_t)number << 3 | type);
}

void make_varint(struct base_buf *out, uint64_t v) {
  for (; v > 127; v >>= 7) buf_put_char(out, (char)(v | 128));
  buf_put_char(out, (char)v);
}

void make_uint(struct base_buf *out, uint32_t number, uint64_t v) {
  make_tag(out, number, 0);
  make_varint(out, v);
}

void make_double(struct base_buf *out, uint32_t number, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  make_tag(out, number, 1);
  for (unsigned i = 0; i < 8; i++) buf_put_char(out, (char)(bits >> (8 * i)));
}

void make_view(struct base_buf *out, uint32_t number, struct base_str bytes) {
  make_tag(out, number, 2);
  make_varint(out, bytes.n);
  buf_put_str(out, bytes);
}

void make_text(struct base_buf *out, uint32_t number, const char *z) {
  make_view(out, number, str_of(z));
}

void make_pair(struct base_buf *out, uint32_t number, const char *key, struct base_str value) {
  char mem[PART_BYTES];
  struct base_buf pair = buf_over(mem, sizeof mem);
  make_text(&pair, 1, key);
  make_view(&pair, 2, value);
  make_view(out, number, buf_str(&pair));
}

/* A string field of a google.protobuf.Struct. */
static void make_field(struct base_buf *out, const char *key, const char *text) {
  char mem[PART_BYTES];
  struct base_buf value = buf_over(mem, sizeof mem);
  make_text(&value, 3, text);
  make_pair(out, 1, key, buf_str(&value));
}

static void make_locality(struct base_buf *out) {
  char mem[PART_BYTES];
  struct base_buf part = buf_over(mem, sizeof mem);
  make_text(&part, 1, "r1");
  make_text(&part, 2, "z1");
  make_view(out, 4, buf_str(&part));
}

static void make_node(struct base_buf *out) {
  char mem[PART_BYTES];
  struct base_buf part = buf_over(mem, sizeof mem);
  make_text(out, 1, "sidecar~10.1.0.7~cart-v1-6c9f7d8b5-x7k2p.shop~shop.svc.cluster.local");
  make_text(out, 2, "cart.shop");
  make_field(&part, "NAME", "cart-v1-6c9f7d8b5-x7k2p");
  make_field(&part, "NAMESPACE", "shop");
  make_field(&part, "WORKLOAD_NAME", "cart-v1");
  make_field(&part, "CLUSTER_ID", "c1");
  make_view(out, 3, buf_str(&part));
  make_locality(out);
  make_text(out, 6, "envoy");
  for (unsigned i = 0; i < 8; i++) make_text(out, 9, "an extension that nobody reads");
}

void als_make_identifier(struct base_buf *out) {
  char node_mem[PART_BYTES], mem[PART_BYTES];
  struct base_buf node = buf_over(node_mem, sizeof node_mem), part = buf_over(mem, sizeof mem);
  make_node(&node);
  make_view(&part, 1, buf_str(&node));
  make_text(&part, 2, "mesh");
  make_view(out, 1, buf_str(&part));
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t chance(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

static void make_time(struct base_buf *out, uint32_t number, uint64_t s, uint64_t ns) {
  char mem[32];
  struct base_buf part = buf_over(mem, sizeof mem);
  if (s) make_uint(&part, 1, s);
  if (ns) make_uint(&part, 2, ns);
  make_view(out, number, buf_str(&part));
}

static void make_addr(struct base_buf *out, uint32_t number, const char *ip, uint64_t port) {
  char mem[128], outer_mem[128];
  struct base_buf socket = buf_over(mem, sizeof mem), addr = buf_over(outer_mem, sizeof outer_mem);
  make_text(&socket, 2, ip);
  make_uint(&socket, 3, port);
  make_view(&addr, 1, buf_str(&socket));
  make_view(out, number, buf_str(&addr));
}

static void make_cert(struct base_buf *out, uint32_t number, const char *uri) {
  char mem[256], outer_mem[256];
  struct base_buf san = buf_over(mem, sizeof mem), cert = buf_over(outer_mem, sizeof outer_mem);
  make_text(&san, 1, uri);
  make_view(&cert, 1, buf_str(&san));
  make_view(out, number, buf_str(&cert));
}

static void make_tls(struct base_buf *out) {
  char mem[1024];
  struct base_buf tls = buf_over(mem, sizeof mem);
  make_uint(&tls, 1, 4);
  make_text(&tls, 3, "outbound_.8080_._.cart.shop.svc.cluster.local");
  make_cert(&tls, 4, "spiffe://cluster.local/ns/shop/sa/cart");
  make_cert(&tls, 5, "spiffe://cluster.local/ns/shop/sa/frontend");
  make_view(out, 4, buf_str(&tls));
}

static void make_peer(struct base_buf *out, const char *key, const char *workload) {
  char mem[1024], any_mem[1024];
  struct base_buf fields = buf_over(mem, sizeof mem), any = buf_over(any_mem, sizeof any_mem);
  make_field(&fields, "workload", workload);
  make_field(&fields, "namespace", "shop");
  make_field(&fields, "cluster", "c1");
  make_text(&any, 1, "type.googleapis.com/google.protobuf.Struct");
  make_view(&any, 2, buf_str(&fields));
  make_pair(out, 21, key, buf_str(&any));
}

static void make_hex(struct base_buf *out, uint64_t *state, unsigned digits) {
  for (unsigned i = 0; i < digits; i++) buf_put_char(out, "0123456789abcdef"[chance(state) & 15]);
}

static void make_times(struct base_buf *out, uint64_t *r) {
  static const uint32_t part[] = {1, 10, 11, 90, 92, 93, 95}; /* hundredths of the whole, fields 6 to 12 */
  uint64_t whole_ns = 100000 + chance(r) % 20000000;
  make_time(out, 5, 1767225600 + chance(r) % 86400, chance(r) % 1000000 * 1000);
  for (uint32_t i = 0; i < 7; i++) make_time(out, 6 + i, 0, whole_ns * part[i] / 100 + 1);
  make_time(out, 23, 0, whole_ns);
}

static void make_common(struct base_buf *out, uint64_t *r, bool failed) {
  char id_mem[40];
  struct base_buf id = buf_over(id_mem, sizeof id_mem);
  uint64_t port = 30000 + chance(r) % 30000;
  make_addr(out, 2, "10.1.0.3", port);
  make_addr(out, 3, "10.1.0.7", 8080);
  make_tls(out);
  make_times(out, r);
  make_addr(out, 13, "10.1.0.9", 8080);
  make_addr(out, 14, "10.1.0.7", 40000 + chance(r) % 20000);
  make_text(out, 15, "outbound|8080||cart.shop.svc.cluster.local");
  make_view(out, 16, failed ? STR("\x30\x01") : STR("")); /* UF */
  make_text(out, 19, "default");
  make_addr(out, 20, "10.1.0.3", port);
  make_peer(out, "upstream_peer", "cart-v1");
  make_peer(out, "downstream_peer", "frontend-v1");
  make_pair(out, 22, "pod", STR("cart-v1-6c9f7d8b5-x7k2p"));
  make_uint(out, 24, 1);
  make_hex(&id, r, 32);
  make_view(out, 26, buf_str(&id));
  for (uint32_t i = 29; i <= 32; i++) make_uint(out, i, 100 + chance(r) % 1000);
  make_uint(out, 33, 6);
}

static void make_request(struct base_buf *out, uint64_t *r) {
  char mem[64];
  struct base_buf text = buf_over(mem, sizeof mem);
  make_uint(out, 1, 1 + chance(r) % 3);
  make_text(out, 2, "http");
  make_text(out, 3, "cart.shop:8080");
  buf_put_f(&text, "/api/v1/cart/%u/items", (unsigned)(chance(r) % 100000));
  make_view(out, 5, buf_str(&text));
  make_text(out, 6, "Go-http-client/1.1");
  buf_clear(&text);
  make_hex(&text, r, 32);
  make_view(out, 9, buf_str(&text));
  make_uint(out, 11, 200 + chance(r) % 200);
  buf_clear(&text);
  buf_put_str(&text, STR("00-"));
  make_hex(&text, r, 32);
  buf_put_str(&text, STR("-52b26f3443a0f3af-01"));
  make_pair(out, 13, "traceparent", buf_str(&text));
}

static void make_response(struct base_buf *out, uint64_t *r, bool failed) {
  char mem[16];
  struct base_buf code = buf_over(mem, sizeof mem);
  make_uint(&code, 1, failed ? 503 : 200);
  make_view(out, 1, buf_str(&code));
  make_uint(out, 2, 100 + chance(r) % 100);
  make_uint(out, 3, chance(r) % 5000);
  make_text(out, 6, failed ? "upstream_reset_before_response_started" : "via_upstream");
}

void als_make_entry(struct base_buf *out, uint64_t seed) {
  char mem[PART_BYTES];
  struct base_buf part = buf_over(mem, sizeof mem);
  uint64_t state = seed;
  bool failed = chance(&state) % 50 == 0;
  make_common(&part, &state, failed);
  make_view(out, 1, buf_str(&part));
  make_uint(out, 2, 2);
  buf_clear(&part);
  make_request(&part, &state);
  make_view(out, 3, buf_str(&part));
  buf_clear(&part);
  make_response(&part, &state, failed);
  make_view(out, 4, buf_str(&part));
}

void als_make_message(struct base_buf *out, uint64_t seed, uint32_t entry_n, bool identifier) {
  char mem[PART_BYTES];
  struct base_buf list = buf_open(4u << 20);
  if (identifier) als_make_identifier(out);
  for (uint32_t i = 0; i < entry_n; i++) {
    struct base_buf entry = buf_over(mem, sizeof mem);
    als_make_entry(&entry, seed + i);
    make_view(&list, 1, buf_str(&entry));
    if (entry.bad) out->bad = true;
  }
  make_view(out, 2, buf_str(&list));
  if (list.bad) out->bad = true;
  buf_fini(&list);
}
