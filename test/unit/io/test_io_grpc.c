/* The deframer: any cut of the bytes gives the same messages, and memory follows what came, not what is announced. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "base_hash.h"
#include "base_limits.h"
#include "io_grpc.h"

enum { MESSAGE_BYTES_MAX = 70000, FEED_BYTES = 160000 };

/* What came out: how many messages, and a digest of their lengths and bytes in order. */
struct seen {
  unsigned n;
  uint64_t digest;
  enum io_deframe last;
};

static void seen_add(struct seen *s, struct base_str m) {
  s->n++;
  s->digest = hash_mix(hash_mix(s->digest, m.n), hash_bytes(HASH_KEY_FIXED, m.p, m.n));
}

static void take(struct io_grpc *g, struct base_str in, struct seen *s) {
  struct base_str m;
  while ((s->last = io_grpc_next(g, &in, &m)) == IO_DEFRAME_MESSAGE) seen_add(s, m);
  if (s->last == IO_DEFRAME_MORE) assert_int_equal(in.n, 0);
}

static size_t message_put(char *at, size_t n, int flag) {
  at[0] = (char)flag;
  for (int i = 0; i < 4; i++) at[1 + i] = (char)(n >> (24 - 8 * i));
  for (size_t i = 0; i < n; i++) at[5 + i] = (char)(i * 7 + n);
  return n + 5;
}

static size_t feed_make(char *feed, struct seen *want) {
  static const size_t len[] = {0, 1, 4, 5, 6, 0, 0, 300, 2000, MESSAGE_BYTES_MAX, 17, 65537, 3};
  size_t at = 0;
  *want = (struct seen){0};
  for (size_t i = 0; i < sizeof len / sizeof len[0]; i++) {
    message_put(feed + at, len[i], 0);
    seen_add(want, (struct base_str){feed + at + 5, len[i]});
    at += len[i] + 5;
  }
  want->last = IO_DEFRAME_MORE;
  return at;
}

static void same(const struct seen *got, const struct seen *want) {
  assert_int_equal(got->n, want->n);
  assert_true(got->digest == want->digest);
  assert_int_equal(got->last, want->last);
}

/* Feeds in pieces of the length that next() says, each in an allocation of its own, so that a sanitizer sees a view
 * that is kept too long or reaches too far. */
static void feed_in_pieces(const char *feed, size_t n, uint32_t seed, size_t piece_max, const struct seen *want) {
  struct io_hold hold;
  struct io_grpc g;
  struct seen got = {0};
  io_hold_init(&hold, LIMIT_HELD_BYTES);
  io_grpc_init(&g, &hold, MESSAGE_BYTES_MAX);
  for (size_t at = 0; at < n;) {
    seed = seed * 1664525u + 1013904223u;
    size_t k = piece_max > 1 ? 1 + (seed >> 8) % piece_max : 1;
    if (k > n - at) k = n - at;
    char *piece = malloc(k);
    assert_non_null(piece);
    memcpy(piece, feed + at, k);
    take(&g, (struct base_str){piece, k}, &got);
    free(piece);
    at += k;
  }
  same(&got, want);
  assert_false(io_grpc_partial(&g));
  io_grpc_fini(&g);
  assert_int_equal(hold.bytes, 0);
  io_hold_fini(&hold);
}

static void any_cut_gives_the_same_messages(void **state) {
  (void)state;
  static const size_t piece_max[] = {1, 2, 3, 7, 100, 5000, 40000, FEED_BYTES};
  char *feed = malloc(FEED_BYTES);
  struct seen want;
  assert_non_null(feed);
  size_t n = feed_make(feed, &want);
  for (size_t i = 0; i < sizeof piece_max / sizeof piece_max[0]; i++) {
    for (uint32_t seed = 1; seed <= 8; seed++) feed_in_pieces(feed, n, seed, piece_max[i], &want);
  }
  free(feed);
}

static void every_single_cut_of_a_small_feed(void **state) {
  (void)state;
  char feed[64];
  struct seen want = {0};
  size_t n = message_put(feed, 3, 0);
  n += message_put(feed + n, 0, 0);
  n += message_put(feed + n, 20, 0);
  struct io_hold hold;
  io_hold_init(&hold, LIMIT_HELD_BYTES);
  for (size_t cut = 0; cut <= n; cut++) {
    struct io_grpc g;
    struct seen got = {0};
    io_grpc_init(&g, &hold, 20);
    take(&g, (struct base_str){feed, cut}, &got);
    take(&g, (struct base_str){feed + cut, n - cut}, &got);
    if (cut == 0) want = got;
    assert_int_equal(got.n, 3);
    same(&got, &want);
    io_grpc_fini(&g);
  }
  io_hold_fini(&hold);
}

static void a_whole_message_is_not_copied(void **state) {
  (void)state;
  char feed[64];
  struct io_hold hold;
  struct io_grpc g;
  struct base_str in = {feed, message_put(feed, 40, 0)}, m;
  io_hold_init(&hold, LIMIT_HELD_BYTES);
  io_grpc_init(&g, &hold, 40);
  assert_int_equal(io_grpc_next(&g, &in, &m), IO_DEFRAME_MESSAGE);
  assert_ptr_equal(m.p, feed + 5);
  assert_int_equal(hold.bytes, 0);
  io_grpc_fini(&g);
}

static enum io_deframe first_answer(int flag, size_t len, size_t max) {
  char head[5] = {(char)flag, (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};
  struct io_hold hold;
  struct io_grpc g;
  struct base_str in = {head, 5}, m;
  io_hold_init(&hold, LIMIT_HELD_BYTES);
  io_grpc_init(&g, &hold, (uint32_t)max);
  enum io_deframe first = io_grpc_next(&g, &in, &m);
  in = (struct base_str){head, 5};
  if (first != IO_DEFRAME_MORE) assert_int_equal(io_grpc_next(&g, &in, &m), first); /* sticky */
  assert_int_equal(hold.bytes, 0);
  io_grpc_fini(&g);
  return first;
}

static void what_is_refused(void **state) {
  (void)state;
  assert_int_equal(first_answer(1, 10, 100), IO_DEFRAME_COMPRESSED);
  assert_int_equal(first_answer(2, 10, 100), IO_DEFRAME_BAD);
  assert_int_equal(first_answer(0xff, 10, 100), IO_DEFRAME_BAD);
  assert_int_equal(first_answer(0, 101, 100), IO_DEFRAME_OVERSIZE);
  assert_int_equal(first_answer(0, 0xffffffff, 100), IO_DEFRAME_OVERSIZE);
  assert_int_equal(first_answer(0, 100, 100), IO_DEFRAME_MORE);
}

static void memory_follows_what_came(void **state) {
  (void)state;
  struct io_hold hold;
  struct io_grpc g;
  struct base_str m;
  char head[6] = {0, 0, 0x40, 0, 0, 'x'}; /* announces 4 MiB, brings one byte */
  struct base_str in = {head, 6};
  io_hold_init(&hold, LIMIT_HELD_BYTES);
  io_grpc_init(&g, &hold, LIMIT_MESSAGE_BYTES);
  assert_int_equal(io_grpc_next(&g, &in, &m), IO_DEFRAME_MORE);
  assert_in_range(hold.bytes, 1, 128 << 10);
  assert_true(io_grpc_partial(&g));
  io_grpc_fini(&g);
  assert_int_equal(hold.bytes, 0);
  io_hold_fini(&hold);
}

static void the_account_has_a_bound(void **state) {
  (void)state;
  enum { STREAMS = 40 };
  static char part[5 + 60000];
  struct io_hold hold;
  struct io_grpc g[STREAMS];
  unsigned held = 0, refused = 0;
  io_hold_init(&hold, 1 << 20);
  message_put(part, 60000, 0);
  for (int i = 0; i < STREAMS; i++) {
    struct base_str in = {part, 50000}, m;
    io_grpc_init(&g[i], &hold, LIMIT_MESSAGE_BYTES);
    enum io_deframe step = io_grpc_next(&g[i], &in, &m);
    held += step == IO_DEFRAME_MORE;
    refused += step == IO_DEFRAME_MEMORY;
  }
  assert_in_range(held, 10, 20);
  assert_int_equal(held + refused, STREAMS);
  assert_in_range(hold.bytes, 1, 1 << 20);
  for (int i = 0; i < STREAMS; i++) io_grpc_fini(&g[i]);
  assert_int_equal(hold.bytes, 0);
  io_hold_fini(&hold);
}

static void a_warm_feed_allocates_nothing(void **state) {
  (void)state;
  static char part[5 + 20000];
  struct io_hold hold;
  struct io_grpc g;
  const char *first = NULL;
  io_hold_init(&hold, LIMIT_HELD_BYTES);
  io_grpc_init(&g, &hold, LIMIT_MESSAGE_BYTES);
  message_put(part, 20000, 0);
  for (int i = 0; i < 10; i++) {
    struct base_str a = {part, 16384}, b = {part + 16384, sizeof part - 16384}, m;
    assert_int_equal(io_grpc_next(&g, &a, &m), IO_DEFRAME_MORE);
    assert_int_equal(io_grpc_next(&g, &b, &m), IO_DEFRAME_MESSAGE);
    if (!first) first = m.p;
    assert_ptr_equal(m.p, first);
  }
  io_grpc_fini(&g);
  io_hold_fini(&hold);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_cut_gives_the_same_messages), cmocka_unit_test(every_single_cut_of_a_small_feed),
      cmocka_unit_test(a_whole_message_is_not_copied),   cmocka_unit_test(what_is_refused),
      cmocka_unit_test(memory_follows_what_came),        cmocka_unit_test(the_account_has_a_bound),
      cmocka_unit_test(a_warm_feed_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
