/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "als_make.h"
#include "base_limits.h"
#include "wire_pb.h"

/* A copy in an allocation of exactly its size, so that a sanitizer sees any read past the end. */
static struct base_str exact(struct base_str s) {
  char *p = malloc(s.n ? s.n : 1);
  assert_non_null(p);
  if (s.n) memcpy(p, s.p, s.n);
  return (struct base_str){p, s.n};
}

static void drop(struct base_str s) {
  free((void *)(uintptr_t)s.p);
}

/* Skips all fields; what stopped it, or NULL. */
static const char *skip_all(struct base_str bytes) {
  struct base_str copy = exact(bytes);
  struct wire_pb c = pb_over(copy);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) pb_skip(&c, tag);
  drop(copy);
  return c.reason;
}

static void varints_of_every_length_are_read_with_any_number_of_bytes_behind(void **state) {
  (void)state;
  for (unsigned bits = 0; bits <= 64; bits++) {
    uint64_t v = bits == 0 ? 0 : (0xa5a5a5a5a5a5a5a5ull | 1ull << 63) >> (64 - bits);
    for (size_t behind = 0; behind < 12; behind++) {
      char mem[32];
      struct base_buf b = buf_over(mem, sizeof mem);
      make_varint(&b, v);
      size_t n = b.n;
      for (size_t i = 0; i < behind; i++) buf_put_char(&b, (char)0xff);
      struct base_str bytes = exact(buf_str(&b));
      struct wire_pb c = pb_over(bytes);
      assert_true(pb_varint(&c) == v);
      assert_null(c.reason);
      assert_int_equal((const char *)c.p - bytes.p, n);
      drop(bytes);
    }
  }
}

static void a_varint_longer_than_needed_is_read(void **state) {
  (void)state;
  struct wire_pb c = pb_over(STR("\x85\x80\x80\x00\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"));
  assert_true(pb_varint(&c) == 5);
  assert_true(pb_varint(&c) == 1);
  assert_null(c.reason);
}

static void a_cut_varint_is_broken_at_every_length(void **state) {
  (void)state;
  for (size_t n = 0; n <= 9; n++) {
    struct base_str bytes = exact((struct base_str){"\xff\xff\xff\xff\xff\xff\xff\xff\xff", n});
    struct wire_pb c = pb_over(bytes);
    assert_true(pb_varint(&c) == 0);
    assert_string_equal(c.reason, "broken varint");
    drop(bytes);
  }
}

static void a_varint_of_eleven_bytes_is_broken(void **state) {
  (void)state;
  struct wire_pb c = pb_over(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  assert_true(pb_varint(&c) == 0);
  assert_string_equal(c.reason, "broken varint");
}

static void fixed_numbers_are_little_endian_and_bounded(void **state) {
  (void)state;
  struct wire_pb c = pb_over(STR("\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x88\x01\x02\x03"));
  assert_int_equal(pb_fixed32(&c), 0x04030201);
  assert_true(pb_fixed64(&c) == 0x8807060504030201ull);
  assert_int_equal(pb_fixed32(&c), 0);
  assert_string_equal(c.reason, "fixed32 past the end");
  c = pb_over(STR("\x01\x02\x03\x04\x05\x06\x07"));
  assert_true(pb_fixed64(&c) == 0);
  assert_string_equal(c.reason, "fixed64 past the end");
}

static void a_view_points_into_the_input_and_an_empty_one_is_not_absent(void **state) {
  (void)state;
  struct base_str bytes =
      STR("\x03"
          "abc\x00");
  struct wire_pb c = pb_over(bytes);
  struct base_str s = pb_view(&c);
  assert_ptr_equal(s.p, bytes.p + 1);
  assert_int_equal(s.n, 3);
  s = pb_view(&c);
  assert_non_null(s.p);
  assert_int_equal(s.n, 0);
  assert_null(c.reason);
}

static void a_length_past_the_end_is_broken(void **state) {
  (void)state;
  assert_string_equal(skip_all(STR("\x0a\x04"
                                   "abc")),
                      "length past the end");
  assert_string_equal(skip_all(STR("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "length past the end");
}

static void the_first_fault_stays_and_stops_all(void **state) {
  (void)state;
  struct base_str bytes = STR("\x08\x01\x12\x7f\x08\x01");
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  assert_int_equal(pb_next(&c, &tag), WIRE_OK);
  assert_int_equal(tag, PB_TAG(1, PB_VARINT));
  assert_true(pb_varint(&c) == 1);
  assert_int_equal(pb_next(&c, &tag), WIRE_OK);
  assert_int_equal(pb_view(&c).n, 0);
  assert_int_equal((const char *)c.p - bytes.p, 4);
  assert_int_equal(pb_next(&c, &tag), WIRE_BAD);
  assert_int_equal(pb_varint(&c), 0);
  pb_fail(&c, "another");
  assert_string_equal(c.reason, "length past the end");
  assert_int_equal(pb_next(&c, &tag), WIRE_BAD);
}

static void the_end_is_no_fault(void **state) {
  (void)state;
  uint32_t tag;
  struct wire_pb c = pb_over(STR_NONE);
  assert_int_equal(pb_next(&c, &tag), WIRE_END);
  c = pb_over(STR("\x08\x01"));
  assert_int_equal(pb_next(&c, &tag), WIRE_OK);
  pb_skip(&c, tag);
  assert_int_equal(pb_next(&c, &tag), WIRE_END);
  assert_null(c.reason);
}

static void tags_of_every_length_are_read(void **state) {
  (void)state;
  static const uint32_t number[] = {1, 15, 16, 2047, 2048, 262143, 262144, 536870911};
  for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
    char mem[16];
    struct base_buf b = buf_over(mem, sizeof mem);
    make_uint(&b, number[i], 7);
    struct wire_pb c = pb_over(buf_str(&b));
    uint32_t tag;
    assert_int_equal(pb_next(&c, &tag), WIRE_OK);
    assert_int_equal(tag, PB_TAG(number[i], PB_VARINT));
    assert_int_equal(pb_varint(&c), 7);
  }
  assert_string_equal(skip_all(STR("\x80\x80\x80\x80\x10\x00")), "tag over 32 bits");
  assert_string_equal(skip_all(STR("\x88")), "broken varint");
}

static void what_is_no_field_is_broken(void **state) {
  (void)state;
  assert_string_equal(skip_all(STR("\x00\x01")), "field number 0");
  assert_string_equal(skip_all(STR("\x0e\x01")), "unknown wire type");
  assert_string_equal(skip_all(STR("\x0f\x01")), "unknown wire type");
  assert_string_equal(skip_all(STR("\x0c")), "group end without a group");
}

static void fields_of_every_type_are_skipped_whole(void **state) {
  (void)state;
  struct wire_pb c =
      pb_over(STR("\x08\x96\x01\x09"
                  "abcdefgh\x12\x02hi\x1d"
                  "abcd\x28\x2a"));
  uint32_t tag = 0;
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pb_next(&c, &tag), WIRE_OK);
    pb_skip(&c, tag);
  }
  assert_int_equal(pb_next(&c, &tag), WIRE_OK);
  assert_int_equal(tag, PB_TAG(5, PB_VARINT));
  assert_int_equal(pb_varint(&c), 42);
}

static void groups_are_skipped_with_all_they_hold(void **state) {
  (void)state;
  assert_null(skip_all(STR("\x0b\x10\x01\x13\x1a\x01x\x14\x0c\x08\x01")));
  assert_string_equal(skip_all(STR("\x0b\x10\x01")), "group without an end");
  assert_string_equal(skip_all(STR("\x0b\x14")), "group ended by another number");
  assert_string_equal(skip_all(STR("\x0b\x00\x0c")), "field number 0");
}

static const char *skip_nested(unsigned depth) {
  char mem[128];
  struct base_buf b = buf_over(mem, sizeof mem);
  for (unsigned i = 0; i < depth; i++) buf_put_char(&b, '\x0b');
  for (unsigned i = 0; i < depth; i++) buf_put_char(&b, '\x0c');
  return skip_all(buf_str(&b));
}

static void groups_nest_to_the_limit_and_no_deeper(void **state) {
  (void)state;
  assert_null(skip_nested(LIMIT_PB_DEPTH));
  assert_string_equal(skip_nested(LIMIT_PB_DEPTH + 1), "groups nest too deep");
}

static void a_fault_inside_becomes_the_outer_one(void **state) {
  (void)state;
  struct base_str bytes = STR("\x0a\x02\x12\x05\x08\x01");
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  assert_int_equal(pb_next(&c, &tag), WIRE_OK);
  struct wire_pb inner = pb_enter(&c);
  assert_int_equal(pb_next(&inner, &tag), WIRE_OK);
  (void)pb_view(&inner);
  pb_leave(&c, &inner);
  assert_string_equal(c.reason, "length past the end");
  assert_int_equal((const char *)c.p - bytes.p, 4);
  assert_int_equal(pb_next(&c, &tag), WIRE_BAD);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(varints_of_every_length_are_read_with_any_number_of_bytes_behind),
      cmocka_unit_test(a_varint_longer_than_needed_is_read),
      cmocka_unit_test(a_cut_varint_is_broken_at_every_length),
      cmocka_unit_test(a_varint_of_eleven_bytes_is_broken),
      cmocka_unit_test(fixed_numbers_are_little_endian_and_bounded),
      cmocka_unit_test(a_view_points_into_the_input_and_an_empty_one_is_not_absent),
      cmocka_unit_test(a_length_past_the_end_is_broken),
      cmocka_unit_test(the_first_fault_stays_and_stops_all),
      cmocka_unit_test(the_end_is_no_fault),
      cmocka_unit_test(tags_of_every_length_are_read),
      cmocka_unit_test(what_is_no_field_is_broken),
      cmocka_unit_test(fields_of_every_type_are_skipped_whole),
      cmocka_unit_test(groups_are_skipped_with_all_they_hold),
      cmocka_unit_test(groups_nest_to_the_limit_and_no_deeper),
      cmocka_unit_test(a_fault_inside_becomes_the_outer_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
