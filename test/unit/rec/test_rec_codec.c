/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "rec_codec.h"
#include "rec_sample.h"
#include "rec_text.h"

#define MEMORY (1u << 16)

static _Alignas(16) char memory[MEMORY];

static struct base_buf written(const struct rec_tick_input *in) {
  struct base_buf b = buf_open(1 << 20);
  rec_codec_tick_write(in, &b);
  return b;
}

static bool reads(struct base_str bytes, struct rec_tick_input *out) {
  struct base_arena arena = arena_over(memory, sizeof memory);
  const char *reason = "unset";
  bool sound = rec_codec_tick_read(bytes, &arena, out, &reason);
  assert_true(sound ? reason == NULL : reason != NULL);
  return sound;
}

static void every_record_survives(void **state) {
  (void)state;
  struct rec_sample s;
  struct rec_tick_input back;
  rec_sample_init(&s);
  assert_true(s.bucket != s.series[1].bucket);
  struct base_buf bytes = written(&s.in), text = buf_open(1 << 16), text_back = buf_open(1 << 16);
  assert_false(bytes.bad);
  assert_true(reads(buf_str(&bytes), &back));
  rec_text_tick_input(&s.in, &text);
  rec_text_tick_input(&back, &text_back);
  assert_true(text.n > 500);
  assert_true(str_eq(buf_str(&text), buf_str(&text_back)));
  assert_memory_equal(back.bucket[s.bucket].obs[0].class_n, s.obs[0].class_n, sizeof s.obs[0].class_n);
  assert_true(rec_series_eq(&back.bucket[s.bucket].series[0], &s.series[0]));
  assert_int_equal(back.bucket[s.bucket].series[0].bucket, s.bucket);
  buf_fini(&bytes);
  buf_fini(&text);
  buf_fini(&text_back);
}

static void an_empty_tick_is_small(void **state) {
  (void)state;
  struct rec_tick_input in = {.tick = {7, {1}, {2}, false}}, back;
  struct base_buf bytes = written(&in);
  assert_int_equal(bytes.n, 1 + 1 + 8 + 8 + 1 + 8 + 5);
  assert_true(reads(buf_str(&bytes), &back));
  assert_memory_equal(&back, &in, sizeof in);
  buf_fini(&bytes);
}

static void every_head_of_a_frame_is_refused(void **state) {
  (void)state;
  struct rec_sample s;
  struct rec_tick_input back;
  rec_sample_init(&s);
  struct base_buf bytes = written(&s.in);
  for (size_t n = 0; n < bytes.n; n++) {
    char *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes.p, n);
    assert_false(reads((struct base_str){exact, n}, &back));
    free(exact);
  }
  buf_put_char(&bytes, '\0');
  assert_false(reads(buf_str(&bytes), &back));
  buf_fini(&bytes);
}

/* One meaning has one encoding: a changed byte is refused, or means something that is written just so. */
static void what_reads_writes_back_to_the_same_bytes(void **state) {
  (void)state;
  struct rec_sample s;
  struct rec_tick_input back;
  rec_sample_init(&s);
  struct base_buf bytes = written(&s.in);
  unsigned read_well = 0;
  for (size_t i = 0; i < bytes.n; i++) {
    for (unsigned flip = 1; flip < 256; flip++) {
      bytes.p[i] = (char)(bytes.p[i] ^ (char)flip);
      if (reads(buf_str(&bytes), &back)) {
        struct base_buf again = written(&back);
        assert_true(!again.bad && str_eq(buf_str(&again), buf_str(&bytes)));
        buf_fini(&again);
        read_well++;
      }
      bytes.p[i] = (char)(bytes.p[i] ^ (char)flip);
    }
  }
  assert_true(read_well > 1000);
  buf_fini(&bytes);
}

static void too_small_an_arena_is_a_reason(void **state) {
  (void)state;
  struct rec_sample s;
  struct rec_tick_input back;
  rec_sample_init(&s);
  struct base_buf bytes = written(&s.in);
  size_t needed = 0;
  for (; needed < sizeof memory; needed++) {
    struct base_arena arena = arena_over(memory, needed);
    const char *reason = NULL;
    if (rec_codec_tick_read(buf_str(&bytes), &arena, &back, &reason)) break;
    assert_string_equal(reason, "the frame needs more memory than it may have");
  }
  assert_true(needed > sizeof s.obs && needed < 64 * bytes.n);
  buf_fini(&bytes);
}

static void a_count_past_the_frame_asks_for_no_memory(void **state) {
  (void)state;
  struct rec_tick_input in = {.tick = {7, {1}, {2}, false}}, back;
  struct base_buf bytes = written(&in);
  bytes.n -= 4; /* the head's four counts */
  buf_put(&bytes, "\xff\xff\xff\xff\x0f", 5);
  struct base_arena arena = arena_over(memory, sizeof memory);
  const char *reason = NULL;
  assert_false(rec_codec_tick_read(buf_str(&bytes), &arena, &back, &reason));
  assert_string_equal(reason, "a count exceeds the frame");
  assert_int_equal(arena.n, 0);
  buf_fini(&bytes);
}

static void assert_unwritable(const struct rec_sample *s) {
  struct base_buf b = written(&s->in);
  assert_true(b.bad);
  buf_fini(&b);
}

static void what_would_be_refused_is_not_written(void **state) {
  (void)state;
  static char long_name[LIMIT_NAME_BYTES + 1];
  memset(long_name, 'x', sizeof long_name);
  struct rec_sample s;
  rec_sample_init(&s);
  s.change[0].source = (struct base_str){long_name, sizeof long_name};
  assert_unwritable(&s);
  rec_sample_init(&s);
  s.obs[1].series_idx = 4;
  assert_unwritable(&s);
  rec_sample_init(&s);
  s.series[0].bucket ^= 1;
  assert_unwritable(&s);
  rec_sample_init(&s);
  s.cell[1].count = 0;
  assert_unwritable(&s);
  rec_sample_init(&s);
  s.drop[0].series_idx = LIMIT_SERIES_MAX;
  assert_unwritable(&s);
  rec_sample_init(&s);
  s.gap[0].reason = REC_GAP_REASON_COUNT;
  assert_unwritable(&s);
}

static void a_gauge_that_is_none_is_not_written(void **state) {
  (void)state;
  struct rec_sample s;
  for (unsigned k = 0; k < 10; k++) {
    rec_sample_init(&s);
    struct rec_gauge *g = &s.gauge[0];
    if (k == 0) g->value = 1e308 * 10.0;
    if (k == 1) g->metric = STR_NONE;
    if (k == 2) memset(g->dim, 0, sizeof g->dim);
    if (k == 3) g->role = REC_ROLE_COUNT;
    if (k == 4) g->unit = REC_UNIT_COUNT;
    if (k == 5) g->bad = REC_BAD_COUNT;
    if (k == 6) g->line = (struct base_str){memory, LIMIT_LOG_LINE_BYTES + 1};
    if (k == 7) g->lead_n = LIMIT_GAUGE_LEAD + 1;
    if (k == 8) g->lead_ns = 0;
    if (k == 9) g->lead_ns = -1;
    assert_unwritable(&s);
  }
}

/* The frame's last bytes are the value's eight, no lead (two), role, unit, bad and novel. */
static void a_gauge_of_unknown_words_is_refused(void **state) {
  (void)state;
  static const struct {
    size_t from_end;
    unsigned char byte;
  } wrong[] = {{1, 2}, {2, REC_BAD_COUNT}, {3, REC_UNIT_COUNT}, {4, REC_ROLE_COUNT}, {5, 1}, {6, 1}, {7, 0x7f}};
  struct rec_gauge gauge = {.metric = STR("m"), .dim = {STR("ns")}, .value = -1.5e308}; /* exponent all but full */
  struct rec_tick_input in = {.tick = {7, {1}, {2}, false}, .head = {.gauge = &gauge, .gauge_n = 1}}, back;
  struct base_buf bytes = written(&in);
  assert_true(reads(buf_str(&bytes), &back));
  assert_true(back.head.gauge[0].value == -1.5e308);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char *at = &bytes.p[bytes.n - wrong[i].from_end], was = *at;
    *at = (char)wrong[i].byte;
    if (wrong[i].from_end == 7) bytes.p[bytes.n - 8] = (char)0xf0;
    assert_false(reads(buf_str(&bytes), &back));
    *at = was;
  }
  buf_fini(&bytes);
}

static void a_series_in_a_wrong_bucket_is_refused(void **state) {
  (void)state;
  struct rec_sample s;
  struct rec_tick_input back;
  rec_sample_init(&s);
  struct base_buf bytes = written(&s.in);
  for (size_t i = 0; i + 4 < bytes.n; i++) {
    if (memcmp(bytes.p + i, "cart", 4) != 0) continue;
    bytes.p[i] = 'd';
    break;
  }
  assert_false(reads(buf_str(&bytes), &back));
  buf_fini(&bytes);
}

/* The reason is the byte before the number of gauges. */
static void a_gap_of_no_known_reason_is_refused(void **state) {
  (void)state;
  struct rec_gap gap = {.node = STR("n"), .reason = REC_GAP_SHED};
  struct rec_tick_input in = {.tick = {7, {1}, {2}, false}, .head = {.gap = &gap, .gap_n = 1}}, back;
  struct base_buf bytes = written(&in);
  assert_true(reads(buf_str(&bytes), &back));
  assert_int_equal(back.head.gap[0].reason, REC_GAP_SHED);
  bytes.p[bytes.n - 2] = REC_GAP_REASON_COUNT;
  assert_false(reads(buf_str(&bytes), &back));
  buf_fini(&bytes);
}

static void arrivals_survive(void **state) {
  (void)state;
  struct rec_arrival in = {300, {-5}, STR("message\0bytes")}, back;
  const char *reason = NULL;
  struct base_buf b = buf_open(256);
  rec_codec_arrival_write(&in, &b);
  assert_true(rec_codec_arrival_read(buf_str(&b), &back, &reason));
  assert_true(back.stream == 300 && back.recv.ns == -5 && str_eq(back.bytes, in.bytes));
  assert_true(rec_codec_arrival_read(str_cut(buf_str(&b), 0, 10), &back, &reason));
  assert_int_equal(back.bytes.n, 0);
  for (size_t n = 0; n < 10; n++) assert_false(rec_codec_arrival_read(str_cut(buf_str(&b), 0, n), &back, &reason));
  buf_fini(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_record_survives),
      cmocka_unit_test(an_empty_tick_is_small),
      cmocka_unit_test(every_head_of_a_frame_is_refused),
      cmocka_unit_test(what_reads_writes_back_to_the_same_bytes),
      cmocka_unit_test(too_small_an_arena_is_a_reason),
      cmocka_unit_test(a_count_past_the_frame_asks_for_no_memory),
      cmocka_unit_test(what_would_be_refused_is_not_written),
      cmocka_unit_test(a_series_in_a_wrong_bucket_is_refused),
      cmocka_unit_test(a_gap_of_no_known_reason_is_refused),
      cmocka_unit_test(a_gauge_that_is_none_is_not_written),
      cmocka_unit_test(a_gauge_of_unknown_words_is_refused),
      cmocka_unit_test(arrivals_survive),
  };
  return cmocka_run_group_tests_name("rec_codec", tests, NULL, NULL);
}
