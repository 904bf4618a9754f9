/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "rec_counter.h"
#include "rec_sample.h"

static void only_the_levels_dims_are_the_key(void **state) {
  (void)state;
  for (unsigned level = 0; level < REC_LEVEL_COUNT; level++) {
    struct rec_series a = sample_series(1, level);
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
      struct rec_series b = a;
      b.dim[d] = STR("other");
      bool in_key = rec_series_dims(level) >> d & 1u;
      assert_int_equal(rec_series_eq(&a, &b), !in_key);
      assert_int_equal(rec_series_hash(&a) == rec_series_hash(&b), !in_key);
    }
  }
}

static void glued_names_do_not_collide(void **state) {
  (void)state;
  struct rec_series a = sample_series(1, REC_LEVEL_SERVICE), b = a;
  a.dim[REC_DIM_NAMESPACE] = STR("ab");
  a.dim[REC_DIM_SERVICE] = STR("c");
  b.dim[REC_DIM_NAMESPACE] = STR("a");
  b.dim[REC_DIM_SERVICE] = STR("bc");
  assert_false(rec_series_eq(&a, &b));
  assert_true(rec_series_hash(&a) != rec_series_hash(&b));
}

static void level_and_side_are_part_of_the_key(void **state) {
  (void)state;
  struct rec_series a = sample_series(1, REC_LEVEL_EDGE), b = a;
  b.side = REC_SIDE_SERVER;
  assert_false(rec_series_eq(&a, &b));
  assert_true(rec_series_hash(&a) != rec_series_hash(&b));
  b = a;
  b.series_idx = 99;
  b.bucket ^= 1;
  assert_true(rec_series_eq(&a, &b));
}

static void failed_classes_are_those_of_group_e(void **state) {
  (void)state;
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) assert_int_equal(rec_class_failed(c), rec_class_group(c) == 'e');
}

static void counter_texts_are_unique_metric_names(void **state) {
  (void)state;
  for (unsigned a = 0; a < REC_COUNTER_COUNT; a++) {
    const char *text = rec_counter_text(a);
    assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(text));
    assert_true(strlen(rec_counter_doc(a)) > 0);
    for (unsigned b = 0; b < a; b++) assert_string_not_equal(text, rec_counter_text(b));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_the_levels_dims_are_the_key),      cmocka_unit_test(glued_names_do_not_collide),
      cmocka_unit_test(level_and_side_are_part_of_the_key),    cmocka_unit_test(failed_classes_are_those_of_group_e),
      cmocka_unit_test(counter_texts_are_unique_metric_names),
  };
  return cmocka_run_group_tests_name("rec_input", tests, NULL, NULL);
}
