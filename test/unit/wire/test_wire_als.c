/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>
#include <stdlib.h>

#include "als_make.h"
#include "wire_als.h"

#define PART_BYTES 4096
#define TYPE_STRUCT "type.googleapis.com/google.protobuf.Struct"
#define TYPE_BYTES "type.googleapis.com/google.protobuf.BytesValue"

/* A buffer of a test, on its stack. */
#define BUF(name)              \
  char name##_mem[PART_BYTES]; \
  struct base_buf name = buf_over(name##_mem, PART_BYTES)

static void assert_text(struct base_str got, const char *want) {
  if (!str_eq(got, str_of(want))) fail_msg("got '%.*s', not '%s'", STR_ARG(got), want);
}

/* The one entry of a message whose http_logs (number 2) or tcp_logs (3) hold `entry`. Views live in static memory. */
static enum wire_status entry_read(uint32_t number, struct base_str entry, struct wire_request *out) {
  static char mem[PART_BYTES];
  struct base_buf msg = buf_over(mem, sizeof mem);
  struct wire_als_msg m;
  struct wire_als_iter it;
  struct wire_err err;
  BUF(list);
  make_view(&list, 1, entry);
  make_view(&msg, number, buf_str(&list));
  assert_false(list.bad || msg.bad);
  assert_int_equal(wire_als_msg_read(buf_str(&msg), &m, &err), WIRE_OK);
  wire_als_iter_init(&it, &m);
  memset(out, 0xee, sizeof *out); /* what the last entry left behind must not show */
  return wire_als_next(&it, out, &err);
}

static struct wire_request common_entry(struct base_str common) {
  struct wire_request e;
  BUF(entry);
  make_view(&entry, 1, common);
  assert_int_equal(entry_read(2, buf_str(&entry), &e), WIRE_OK);
  return e;
}

static struct wire_request http_entry(uint32_t number, struct base_str part) {
  struct wire_request e;
  BUF(entry);
  make_view(&entry, number, part);
  assert_int_equal(entry_read(2, buf_str(&entry), &e), WIRE_OK);
  return e;
}

/* Counts over a whole message. */
struct tally {
  uint32_t ok, bad, tcp;
  size_t bad_offset;
  enum wire_status msg;
};

static struct tally tally(struct base_str bytes) {
  struct tally t = {0};
  struct wire_als_msg m;
  struct wire_als_iter it;
  struct wire_request e;
  struct wire_err err;
  t.msg = wire_als_msg_read(bytes, &m, &err);
  if (t.msg != WIRE_OK) {
    assert_true(err.offset <= bytes.n && err.reason);
    return t;
  }
  wire_als_iter_init(&it, &m);
  for (;;) {
    enum wire_status s = wire_als_next(&it, &e, &err);
    if (s == WIRE_END) return t;
    if (s == WIRE_OK) {
      t.ok++;
      t.tcp += e.is_tcp;
    } else {
      t.bad++;
      t.bad_offset = err.offset;
      assert_true(err.offset <= bytes.n && err.reason);
    }
    assert_true(t.ok + t.bad <= bytes.n); /* each call moves forward */
  }
}

static void an_identifier_is_read_and_its_extensions_are_not(void **state) {
  (void)state;
  BUF(b);
  struct wire_als_msg m;
  struct wire_err err;
  struct base_str value;
  bool is_struct;
  als_make_identifier(&b);
  assert_int_equal(wire_als_msg_read(buf_str(&b), &m, &err), WIRE_OK);
  assert_true(m.has_node);
  assert_text(m.node.id, "sidecar~10.1.0.7~cart-v1-6c9f7d8b5-x7k2p.shop~shop.svc.cluster.local");
  assert_text(m.node.cluster, "cart.shop");
  assert_text(m.node.region, "r1");
  assert_text(m.node.zone, "z1");
  assert_text(m.node.user_agent_name, "envoy");
  assert_text(m.log_name, "mesh");
  assert_true(wire_struct_find(m.node.metadata, STR("WORKLOAD_NAME"), &value, &is_struct));
  assert_text(value, "cart-v1");
}

static void a_message_without_an_identifier_says_so(void **state) {
  (void)state;
  struct wire_als_msg m;
  struct wire_err err;
  assert_int_equal(wire_als_msg_read(STR_NONE, &m, &err), WIRE_OK);
  assert_false(m.has_node);
  assert_int_equal(tally(STR_NONE).ok, 0);
}

static void a_real_looking_entry_is_read_field_by_field(void **state) {
  (void)state;
  BUF(b);
  struct wire_request e;
  als_make_entry(&b, 1);
  assert_int_equal(entry_read(2, buf_str(&b), &e), WIRE_OK);
  assert_false(e.is_tcp);
  assert_true(e.has_start && !e.time_absurd);
  assert_in_range(e.start_ns, 1767225600000000000, 1767312000000000000);
  assert_true(e.rx_last_ns > 0 && e.rx_last_ns < e.up_tx_first_ns && e.up_tx_first_ns < e.up_tx_last_ns);
  assert_true(e.up_tx_last_ns < e.up_rx_first_ns && e.up_rx_first_ns < e.up_rx_last_ns);
  assert_true(e.up_rx_last_ns < e.down_tx_first_ns && e.down_tx_last_ns < e.duration_ns);
  assert_text(e.downstream_remote.ip, "10.1.0.3");
  assert_text(e.upstream_remote.ip, "10.1.0.9");
  assert_int_equal(e.upstream_remote.port, 8080);
  assert_text(e.tls.local_uri, "spiffe://cluster.local/ns/shop/sa/cart");
  assert_text(e.tls.peer_uri, "spiffe://cluster.local/ns/shop/sa/frontend");
  assert_int_equal(e.tls.version, 4);
  assert_text(e.upstream_cluster, "outbound|8080||cart.shop.svc.cluster.local");
  assert_int_equal(e.attempts, 1);
  assert_int_equal(e.log_type, WIRE_LOG_DOWNSTREAM_END);
  assert_int_equal(e.tag_n, 1);
  assert_text(e.tag[0].key, "pod");
  assert_int_equal(e.traceparent.n, 55);
  assert_true(e.has_code);
  assert_int_equal(e.code, 200);
  assert_text(e.code_details, "via_upstream");
}

static void a_tcp_entry_has_its_own_bytes(void **state) {
  (void)state;
  BUF(conn);
  BUF(entry);
  struct wire_request e;
  make_uint(&conn, 1, 300);
  make_uint(&conn, 2, 1ull << 40);
  make_view(&entry, 2, buf_str(&conn));
  assert_int_equal(entry_read(3, buf_str(&entry), &e), WIRE_OK);
  assert_true(e.is_tcp);
  assert_int_equal(e.tcp_received, 300);
  assert_true(e.tcp_sent == 1ull << 40);
  assert_false(e.has_code);
}

static void an_empty_entry_has_nothing_in_it(void **state) {
  (void)state;
  struct wire_request e;
  assert_int_equal(entry_read(2, STR_NONE, &e), WIRE_OK);
  assert_false(e.has_start || e.has_code || e.has_tls || e.time_absurd || e.upstream_peer_flat);
  assert_true(e.duration_ns == WIRE_NEVER && e.rx_last_ns == WIRE_NEVER && e.down_tx_last_ns == WIRE_NEVER);
  assert_null(e.path.p);
  assert_null(e.upstream_peer.p);
  assert_null(e.grpc_status.p);
  assert_int_equal(e.tag_n + e.tag_over + e.flags, 0);
}

static void the_list_that_comes_last_counts_and_equal_ones_add_up(void **state) {
  (void)state;
  BUF(b);
  struct base_str two = STR("\x0a\x00\x0a\x00"), one = STR("\x0a\x00");
  make_view(&b, 2, two);
  make_view(&b, 2, one);
  assert_int_equal(tally(buf_str(&b)).ok, 3);
  make_view(&b, 3, one);
  assert_int_equal(tally(buf_str(&b)).ok, 1);
  assert_int_equal(tally(buf_str(&b)).tcp, 1);
  make_view(&b, 2, one);
  assert_int_equal(tally(buf_str(&b)).ok, 1);
  assert_int_equal(tally(buf_str(&b)).tcp, 0);
}

static void a_broken_entry_costs_only_itself(void **state) {
  (void)state;
  BUF(list);
  BUF(b);
  BUF(good);
  als_make_entry(&good, 5);
  make_view(&list, 1, buf_str(&good));
  make_view(&list, 1, STR("\x0a\x05\x0a"));
  make_view(&list, 1, buf_str(&good));
  make_view(&b, 2, buf_str(&list));
  struct tally t = tally(buf_str(&b));
  assert_int_equal(t.ok, 2);
  assert_int_equal(t.bad, 1);
  /* message tag and length 3, list tag and length 3, good, then tag and length 2, and 2 inside */
  assert_int_equal(t.bad_offset, 3 + 3 + good.n + 2 + 2);
}

static void a_broken_list_ends_and_the_next_goes_on(void **state) {
  (void)state;
  BUF(b);
  make_view(&b, 2, STR("\x0a\x00\x0a\x7f"));
  make_view(&b, 2, STR("\x0a\x00"));
  struct tally t = tally(buf_str(&b));
  assert_int_equal(t.ok, 2);
  assert_int_equal(t.bad, 1);
}

static void a_broken_message_is_refused_whole(void **state) {
  (void)state;
  assert_int_equal(tally(STR("\x12\x02\x0a\x00\x12\x05")).msg, WIRE_BAD);
  assert_int_equal(tally(STR("\x0a\x04\x0a\x09xy")).msg, WIRE_BAD);
}

static void every_head_of_a_message_is_survived(void **state) {
  (void)state;
  struct base_buf b = buf_open(1u << 20);
  als_make_message(&b, 9, 2, true);
  for (size_t n = 0; n <= b.n; n++) {
    char *p = malloc(n ? n : 1);
    assert_non_null(p);
    memcpy(p, b.p, n);
    struct tally t = tally((struct base_str){p, n});
    if (n == b.n) assert_int_equal(t.ok, 2);
    free(p);
  }
  buf_fini(&b);
}

static void parts_that_come_twice_merge(void **state) {
  (void)state;
  BUF(entry);
  struct wire_request e;
  make_view(&entry, 1, STR("\x2a\x02\x08\x05\x7a\x01x\xba\x01\x02\x08\x01")); /* start 5 s, cluster, duration 1 s */
  make_view(&entry, 1, STR("\x2a\x02\x10\x07\xba\x01\x02\x10\x03"));          /* and 7 ns; and 3 ns */
  make_view(&entry, 1, STR("\x9a\x01\x01r"));
  assert_int_equal(entry_read(2, buf_str(&entry), &e), WIRE_OK);
  assert_true(e.start_ns == 5000000007ll);
  assert_true(e.duration_ns == 1000000003ll);
  assert_text(e.upstream_cluster, "x");
  assert_text(e.route_name, "r");
  /* The second half alone looks like most durations: 100,000 ns. */
  e = common_entry(STR("\xba\x01\x02\x08\x01\xba\x01\x04\x10\xa0\x8d\x06"));
  assert_true(e.duration_ns == 1000100000ll);
}

/* A duration (field 23) of those seconds and nanoseconds, which wrap to what the wire carries. */
static struct wire_request duration_entry(int64_t s, int64_t ns) {
  BUF(time);
  BUF(common);
  make_uint(&time, 1, (uint64_t)s);
  make_uint(&time, 2, (uint64_t)ns);
  make_view(&common, 23, buf_str(&time));
  return common_entry(buf_str(&common));
}

static void durations_that_cannot_be_are_marked_and_left_out(void **state) {
  (void)state;
  static const int64_t bad[][2] = {{-1, 0}, {0, -1}, {0, 1000000000}, {9223372036, 0}, {INT64_MAX, 0}, {INT64_MIN, 0}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct wire_request e = duration_entry(bad[i][0], bad[i][1]);
    assert_true(e.time_absurd);
    assert_true(e.duration_ns == WIRE_NEVER);
  }
  struct wire_request e = duration_entry(9223372035, 999999999);
  assert_false(e.time_absurd);
  assert_true(e.duration_ns == 9223372035999999999ll);
}

/* The decoder reads nanoseconds of three and four bytes on a path of their own. */
static void durations_of_every_length_are_exact(void **state) {
  (void)state;
  for (int64_t ns = 0; ns <= 999999999; ns = ns * 3 + 1) {
    BUF(time);
    BUF(common);
    make_uint(&time, 2, (uint64_t)ns);
    make_view(&common, 23, buf_str(&time));
    struct wire_request e = common_entry(buf_str(&common));
    assert_true(e.duration_ns == ns);
  }
  struct wire_request e = common_entry(STR("\xba\x01\x04\x10\x05\x10\x06")); /* twice one byte: the last */
  assert_true(e.duration_ns == 6);
  e = common_entry(STR("\xba\x01\x00"));
  assert_true(e.duration_ns == 0);
}

static void an_absurd_start_is_none(void **state) {
  (void)state;
  struct wire_request e = common_entry(STR("\x2a\x06\x10\xff\xff\xff\xff\x0f"));
  assert_false(e.has_start);
  assert_true(e.time_absurd);
  assert_true(e.start_ns == 0);
  e = common_entry(STR("\x2a\x00"));
  assert_true(e.has_start && !e.time_absurd);
}

static void a_sample_rate_is_a_number(void **state) {
  (void)state;
  const double rate[][2] = {{0.25, 0.25}, {-1, 0}, {(double)INFINITY, 0}, {(double)NAN, 0}};
  for (size_t i = 0; i < 4; i++) {
    BUF(common);
    make_double(&common, 1, rate[i][0]);
    assert_true(common_entry(buf_str(&common)).sample_rate == rate[i][1]);
  }
}

static struct wire_addr addr_of(struct base_str address) {
  BUF(common);
  make_view(&common, 13, address);
  return common_entry(buf_str(&common)).upstream_remote;
}

static void the_kind_of_address_that_comes_last_counts(void **state) {
  (void)state;
  struct wire_addr a = addr_of(STR("\x0a\x05\x12\x01x\x18\x09"));
  assert_text(a.ip, "x");
  assert_int_equal(a.port, 9);
  a = addr_of(STR("\x0a\x05\x12\x01x\x18\x09\x12\x03\x0a\x01p"));
  assert_true(a.is_pipe);
  assert_text(a.ip, "p");
  assert_int_equal(a.port, 0);
  a = addr_of(STR("\x12\x03\x0a\x01p\x0a\x02\x18\x09"));
  assert_false(a.is_pipe);
  assert_null(a.ip.p);
  assert_int_equal(a.port, 9);
  a = addr_of(STR("\x0a\x03\x12\x01x\x0a\x02\x18\x09")); /* two halves of one kind merge */
  assert_text(a.ip, "x");
  assert_int_equal(a.port, 9);
  a = addr_of(STR("\x0a\x05\x12\x01x\x18\x09\x1a\x03\x0a\x01q"));
  assert_null(a.ip.p);
  a = addr_of(STR("\x0a\x05\x18\x09\x22\x01n")); /* a named port in the number's place */
  assert_int_equal(a.port, 0);
}

static void every_flag_is_its_field(void **state) {
  (void)state;
  for (uint32_t number = 1; number < WIRE_FLAG_COUNT; number++) {
    BUF(flags);
    BUF(common);
    if (number == WIRE_FLAG_UAEX) {
      make_view(&flags, number, STR("\x08\x01"));
    } else {
      make_uint(&flags, number, 1);
    }
    make_view(&common, 16, buf_str(&flags));
    assert_int_equal(common_entry(buf_str(&common)).flags, 1u << number);
  }
  assert_int_equal(common_entry(STR("\x82\x01\x04\x10\x01\x10\x00")).flags, 0); /* set, then taken back */
  assert_int_equal(common_entry(STR("\x82\x01\x03\xe8\x01\x01")).flags, 0);     /* field 29 of a later Envoy */
}

static void tags_past_the_limit_are_counted_and_equal_keys_replace(void **state) {
  (void)state;
  BUF(common);
  for (uint32_t i = 0; i < LIMIT_CUSTOM_TAGS + 3; i++) {
    const char key[2] = {(char)('a' + i), 0};
    make_pair(&common, 22, key, STR("first"));
  }
  make_pair(&common, 22, "b", STR("second"));
  struct wire_request e = common_entry(buf_str(&common));
  assert_int_equal(e.tag_n, LIMIT_CUSTOM_TAGS);
  assert_int_equal(e.tag_over, 3);
  assert_text(e.tag[1].key, "b");
  assert_text(e.tag[1].value, "second");
  assert_text(e.tag[LIMIT_CUSTOM_TAGS - 1].value, "first");
}

static void a_pair_may_lack_a_half_or_hold_unknown_fields(void **state) {
  (void)state;
  struct wire_request e = common_entry(STR("\xb2\x01\x00\xb2\x01\x09\x18\x07\x12\x01v\x0a\x02pq"));
  assert_int_equal(e.tag_n, 2);
  assert_text(e.tag[0].key, "");
  assert_non_null(e.tag[0].value.p);
  assert_text(e.tag[1].key, "pq");
  assert_text(e.tag[1].value, "v");
}

static void headers_that_were_asked_for_are_found(void **state) {
  (void)state;
  static const char *const key[] = {"traceparent", "x-b3-traceid", "b3", "content-type", "upgrade"};
  BUF(request);
  for (size_t i = 0; i < 5; i++) make_pair(&request, 13, key[i], str_of(key[i]));
  make_pair(&request, 13, "Traceparent", STR("no"));
  make_pair(&request, 13, "traceparenu", STR("no"));
  struct wire_request e = http_entry(3, buf_str(&request));
  assert_text(e.traceparent, "traceparent");
  assert_text(e.b3_traceid, "x-b3-traceid");
  assert_text(e.b3_single, "b3");
  assert_text(e.content_type, "content-type");
  assert_text(e.upgrade, "upgrade");
  assert_null(e.grpc_status.p);
}

static void trailers_win_over_headers_for_grpc(void **state) {
  (void)state;
  BUF(response);
  make_pair(&response, 5, "grpc-status", STR("14"));
  make_pair(&response, 4, "grpc-status", STR("2"));
  make_pair(&response, 4, "grpc-message", STR("only here"));
  make_pair(&response, 4, "content-type", STR("text/event-stream"));
  struct wire_request e = http_entry(4, buf_str(&response));
  assert_text(e.grpc_status, "14");
  assert_text(e.grpc_message, "only here");
  assert_text(e.response_content_type, "text/event-stream");
  assert_null(e.content_type.p);
}

static void a_code_of_nought_is_a_code(void **state) {
  (void)state;
  struct wire_request e = http_entry(4, STR("\x0a\x00"));
  assert_true(e.has_code);
  assert_int_equal(e.code, 0);
}

static void make_any(struct base_buf *out, const char *key, const char *type, struct base_str value) {
  BUF(any);
  make_text(&any, 1, type);
  make_view(&any, 2, value);
  make_pair(out, 21, key, buf_str(&any));
}

static void the_newer_peer_wins_in_any_order(void **state) {
  (void)state;
  BUF(a);
  BUF(b);
  make_any(&a, "upstream_peer", TYPE_STRUCT, STR("new"));
  make_any(&a, "wasm.upstream_peer", TYPE_BYTES, STR("\x0a\x03old"));
  make_any(&b, "wasm.upstream_peer", TYPE_BYTES, STR("\x0a\x03old"));
  make_any(&b, "upstream_peer", TYPE_STRUCT, STR("new"));
  struct wire_request e = common_entry(buf_str(&a));
  assert_text(e.upstream_peer, "new");
  assert_false(e.upstream_peer_flat);
  e = common_entry(buf_str(&b));
  assert_text(e.upstream_peer, "new");
  assert_null(e.downstream_peer.p);
  BUF(c);
  make_any(&c, "downstream_peer", TYPE_STRUCT, STR("new"));
  make_any(&c, "wasm.downstream_peer", TYPE_STRUCT, STR("old"));
  assert_text(common_entry(buf_str(&c)).downstream_peer, "new");
}

static void an_older_peer_is_flat_and_has_an_id(void **state) {
  (void)state;
  BUF(common);
  make_any(&common, "wasm.downstream_peer", TYPE_BYTES,
           STR("\x0a\x04"
               "flat"));
  make_any(&common, "wasm.downstream_peer_id", TYPE_BYTES, STR("\x0a\x02id"));
  struct wire_request e = common_entry(buf_str(&common));
  assert_text(e.downstream_peer, "flat");
  assert_true(e.downstream_peer_flat);
  assert_text(e.downstream_peer_id, "id");
}

static void a_peer_of_another_type_or_broken_is_none(void **state) {
  (void)state;
  BUF(common);
  make_any(&common, "upstream_peer", TYPE_BYTES, STR("\x0a\x01x"));
  make_any(&common, "wasm.downstream_peer", TYPE_BYTES, STR("\x0a\x7fx"));
  struct wire_request e = common_entry(buf_str(&common));
  assert_null(e.upstream_peer.p);
  assert_null(e.downstream_peer.p);
  assert_false(e.downstream_peer_flat);
}

static void the_first_name_of_each_kind_in_a_certificate_counts(void **state) {
  (void)state;
  BUF(cert);
  BUF(tls);
  BUF(common);
  make_view(&cert, 1,
            STR("\x12\x02"
                "d1"));
  make_view(&cert, 1, STR("\x0a\x02u1"));
  make_view(&cert, 1, STR("\x0a\x02u2"));
  make_text(&cert, 2, "CN=x");
  make_view(&tls, 5, buf_str(&cert));
  make_view(&common, 4, buf_str(&tls));
  struct wire_request e = common_entry(buf_str(&common));
  assert_text(e.tls.peer_uri, "u1");
  assert_text(e.tls.peer_dns, "d1");
  assert_text(e.tls.peer_subject, "CN=x");
  assert_null(e.tls.local_uri.p);
}

static void a_struct_gives_strings_and_structs_and_nothing_else(void **state) {
  (void)state;
  struct base_str raw = STR("\x0a\x06\x0a\x01s\x12\x01\x00"); /* a value that is broken */
  struct base_str out = STR("untouched");
  bool is_struct = false;
  assert_false(wire_struct_find(raw, STR("s"), &out, &is_struct));
  raw = STR("\x0a\x08\x0a\x01s\x12\x03\x1a\x01v\x0a\x07\x0a\x01t\x12\x02\x2a\x00\x0a\x07\x0a\x01n\x12\x02\x20\x01");
  assert_false(wire_struct_find(raw, STR("n"), &out, &is_struct));
  assert_false(wire_struct_find(raw, STR("absent"), &out, &is_struct));
  assert_text(out, "untouched");
  assert_true(wire_struct_find(raw, STR("s"), &out, &is_struct));
  assert_text(out, "v");
  assert_false(is_struct);
  assert_true(wire_struct_find(raw, STR("t"), &out, &is_struct));
  assert_int_equal(out.n, 0);
  assert_true(is_struct);
}

static void the_last_of_equal_keys_in_a_struct_counts(void **state) {
  (void)state;
  struct base_str out, raw = STR("\x0a\x08\x0a\x01s\x12\x03\x1a\x01v\x0a\x08\x12\x03\x1a\x01w\x0a\x01s");
  bool is_struct;
  assert_true(wire_struct_find(raw, STR("s"), &out, &is_struct));
  assert_text(out, "w");
  raw = STR("\x0a\x08\x0a\x01s\x12\x03\x1a\x01v\x0a\x03\x0a\x01s"); /* the last one says nothing */
  assert_false(wire_struct_find(raw, STR("s"), &out, &is_struct));
  raw = STR("\x0a\x05\x12\x03\x1a\x01k"); /* a missing key is an empty one */
  assert_true(wire_struct_find(raw, STR(""), &out, &is_struct));
  assert_text(out, "k");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_identifier_is_read_and_its_extensions_are_not),
      cmocka_unit_test(a_message_without_an_identifier_says_so),
      cmocka_unit_test(a_real_looking_entry_is_read_field_by_field),
      cmocka_unit_test(a_tcp_entry_has_its_own_bytes),
      cmocka_unit_test(an_empty_entry_has_nothing_in_it),
      cmocka_unit_test(the_list_that_comes_last_counts_and_equal_ones_add_up),
      cmocka_unit_test(a_broken_entry_costs_only_itself),
      cmocka_unit_test(a_broken_list_ends_and_the_next_goes_on),
      cmocka_unit_test(a_broken_message_is_refused_whole),
      cmocka_unit_test(every_head_of_a_message_is_survived),
      cmocka_unit_test(parts_that_come_twice_merge),
      cmocka_unit_test(durations_that_cannot_be_are_marked_and_left_out),
      cmocka_unit_test(durations_of_every_length_are_exact),
      cmocka_unit_test(an_absurd_start_is_none),
      cmocka_unit_test(a_sample_rate_is_a_number),
      cmocka_unit_test(the_kind_of_address_that_comes_last_counts),
      cmocka_unit_test(every_flag_is_its_field),
      cmocka_unit_test(tags_past_the_limit_are_counted_and_equal_keys_replace),
      cmocka_unit_test(a_pair_may_lack_a_half_or_hold_unknown_fields),
      cmocka_unit_test(headers_that_were_asked_for_are_found),
      cmocka_unit_test(trailers_win_over_headers_for_grpc),
      cmocka_unit_test(a_code_of_nought_is_a_code),
      cmocka_unit_test(the_newer_peer_wins_in_any_order),
      cmocka_unit_test(an_older_peer_is_flat_and_has_an_id),
      cmocka_unit_test(a_peer_of_another_type_or_broken_is_none),
      cmocka_unit_test(the_first_name_of_each_kind_in_a_certificate_counts),
      cmocka_unit_test(a_struct_gives_strings_and_structs_and_nothing_else),
      cmocka_unit_test(the_last_of_equal_keys_in_a_struct_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
