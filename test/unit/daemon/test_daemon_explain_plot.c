/* The plot of a finding: golden pictures in ASCII and in braille, and the odd ones. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "daemon_explain_room.h"
#include "text_sample.h"

static const char *drawn(const char *json, struct text t) {
  return sample_text(explain_plot, json, t);
}

static const struct text ascii = {.width = 48, .ascii = true}, utf8 = {.width = 48};

#define HEAD \
  "{\"severity\":\"critical\",\"ended_at\":%s,\"finding\":{\"unit\":\"%s\",\"onset\":\"2026-03-02T09:21:%s\"},"
#define FROM "\"plot\":{\"from\":\"2026-03-02T09:20:50.000000000Z\",\"step_s\":5,"

struct picture {
  const char *ended, *unit, *onset, *values, *band;
};

static const char *json_of(struct picture p) {
  static char json[8192];
  (void)snprintf(json, sizeof json, HEAD FROM "\"values\":%s,\"requests\":[],\"band\":%s}}", p.ended, p.unit, p.onset,
                 p.values, p.band);
  return json;
}

static const struct picture slow = {"\"2026-03-02T09:21:20.000000000Z\"", "s", "00.250000000Z",
                                    "[0.1,0.09,0.11,0.4,0.38,null,0.41,0.1,0.1]", "[0.08,0.12]"};

static void a_slow_service(void **state) {
  (void)state;
  assert_string_equal(drawn(json_of(slow), ascii),
                      "\n"
                      "500 ms +\n"
                      "       |             *********    ******\n"
                      "       |             *                 *\n"
                      "       |             *                 *\n"
                      "250 ms +             *                 *\n"
                      "       |             *                 *\n"
                      "       |**************-----------------*********\n"
                      "       |\n"
                      "  0 ms +---------^----------------^-------------\n"
                      "                 onset 09:21:00.25\n"
                      "                                  over 09:21:20\n"
                      "From 09:20:50 to 09:21:35 UTC, 5 s a point; -\n"
                      "normal: 80 to 120 ms\n");
}

static void in_braille(void **state) {
  (void)state;
  assert_string_equal(drawn(json_of(slow), utf8),
                      "\n"
                      "500 ms ┤\n"
                      "       │             ⡤⠤⠤⠤⢤⣀⣀⣀⣀    ⠠⠤⠤⠤⠤⡄\n"
                      "       │             ⡇                 ⡇\n"
                      "       │             ⡇                 ⡇\n"
                      "250 ms ┤             ⡇                 ⡇\n"
                      "       │             ⡇                 ⡇\n"
                      "       │⠒⠒⠒⠒⠒⠒⠒⠒⠚⠉⠉⠉⠉⠁░░░░░░░░░░░░░░░░░⠓⠒⠒⠒⠒⠒⠒⠒⠒\n"
                      "       │\n"
                      "  0 ms └─────────▲────────────────▲─────────────\n"
                      "                 onset 09:21:00.25\n"
                      "                                  over 09:21:20\n"
                      "From 09:20:50 to 09:21:35 UTC, 5 s a point; ░\n"
                      "normal: 80 to 120 ms\n");
}

/* Red from the onset to the end, the band dim; nothing of it where the output is no terminal. */
static void colours_from_onset_to_end(void **state) {
  (void)state;
  struct text t = utf8;
  t.colour = true;
  const char *got = drawn(json_of(slow), t);
  assert_non_null(strstr(got, "⠒⠒⠒⠒⠒⠒⠒⠒⠚\033[1;31m⠉⠉⠉⠉⠁\033[0m\033[2m░░░"));
  assert_non_null(strstr(got, "░\033[0m⠓⠒⠒⠒⠒⠒⠒⠒⠒\n"));
  assert_null(strstr(drawn(json_of(slow), utf8), "\033"));
}

/* Both marks on one line where they have room; neither where it is outside of the plot. */
static void marks(void **state) {
  (void)state;
  struct text wide = {.width = 80, .ascii = true};
  struct picture p = slow;
  p.onset = "00Z";
  assert_non_null(
      strstr(drawn(json_of(p), wide), "\n                      onset 09:21:00              over 09:21:20\n"));
  p.ended = "null";
  assert_null(strstr(drawn(json_of(p), wide), "over"));
  p.onset = "59Z";
  const char *got = drawn(json_of(p), wide);
  assert_null(strstr(got, "onset"));
  assert_null(strchr(got, '^'));
  assert_non_null(strstr(got, "-\nFrom 09:20:50"));
  p.onset = "34.75Z"; /* in the last cell: its words end under it */
  assert_non_null(strstr(drawn(json_of(p), ascii), "-^\n                               onset 09:21:34.75\n"));
}

static void one_point_is_a_line(void **state) {
  (void)state;
  struct picture p = {"null", "share", "00Z", "[0.5]", "null"};
  assert_string_equal(drawn(json_of(p), ascii),
                      "\n"
                      "50 % +******************************************\n"
                      "     |\n"
                      "     |\n"
                      "     |\n"
                      "25 % +\n"
                      "     |\n"
                      "     |\n"
                      "     |\n"
                      " 0 % +------------------------------------------\n"
                      "From 09:20:50 to 09:20:55 UTC, 5 s a point\n");
}

/* A band from 0 to 0 and values of 0 are what a service without failures looks like. */
static void nothing_but_zeros(void **state) {
  (void)state;
  struct picture p = {"null", "share", "00Z", "[0,0]", "[0,0]"};
  const char *got = drawn(json_of(p), ascii);
  assert_non_null(strstr(got, "  1 % +\n"));
  assert_non_null(strstr(got, "      |*****************************************\n  0 % +---"));
  p.values = "[0,0.04]"; /* a band without a height is a line all the same */
  got = drawn(json_of(p), ascii);
  assert_non_null(strstr(got, "4 % +                     **********************\n"));
  assert_non_null(strstr(got, "    |**********************---------------------\n"));
}

static void the_axis_goes_up_to_the_band(void **state) {
  (void)state;
  struct picture p = {"null", "1/s", "00Z", "[1,2]", "[10,1900]"};
  assert_non_null(strstr(drawn(json_of(p), ascii), "2,000/s +----"));
}

static void nothing_to_draw_draws_nothing(void **state) {
  (void)state;
  struct picture p = {"null", "s", "00Z", "[]", "null"};
  assert_string_equal(drawn(json_of(p), ascii), "");
  p.values = "[null,null,null]";
  p.band = "[1,2]";
  assert_string_equal(drawn(json_of(p), ascii), "");
  p.values = "[1e300]"; /* of no unit */
  assert_string_equal(drawn(json_of(p), ascii), "");
  static const char *const odd[] = {
      "{}",
      "{\"plot\":null,\"finding\":null}",
      "{\"plot\":7}",
      "{\"plot\":{\"values\":[1],\"step_s\":1}}",
      "{\"plot\":{\"from\":\"2026-03-02T09:20:50Z\",\"values\":[1],\"step_s\":0}}",
      "{\"plot\":{\"from\":\"2026-03-02T09:20:50Z\",\"values\":7,\"step_s\":1}}",
      "{\"plot\":{\"from\":\"2026-03-02T09:20:50Z\",\"values\":[1],\"step_s\":99999999999}}",
      "{\"plot\":{\"from\":\"2262-03-02T09:20:50Z\",\"values\":[1],\"step_s\":86400}}",
  };
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) assert_string_equal(drawn(odd[i], ascii), "");
}

/* More points than an incident has, in the narrowest and the widest text: no line is longer than it may be. */
static void it_keeps_to_the_width(void **state) {
  (void)state;
  char values[2048] = "[0";
  size_t n = 2;
  for (unsigned i = 0; i < 200; i++) n += (size_t)snprintf(values + n, sizeof values - n, ",%u", i % 7);
  (void)snprintf(values + n, sizeof values - n, "]");
  struct picture p = {"null", "bytes", "00Z", values, "[1,5]"};
  for (unsigned width = 40; width <= 120; width++) {
    const char *line = drawn(json_of(p), (struct text){.width = width, .ascii = width % 2});
    assert_true(*line);
    for (const char *end; (end = strchr(line, '\n')); line = end + 1)
      assert_in_range(text_columns((struct base_str){line, (size_t)(end - line)}), 0, width);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slow_service),
      cmocka_unit_test(in_braille),
      cmocka_unit_test(colours_from_onset_to_end),
      cmocka_unit_test(marks),
      cmocka_unit_test(one_point_is_a_line),
      cmocka_unit_test(nothing_but_zeros),
      cmocka_unit_test(the_axis_goes_up_to_the_band),
      cmocka_unit_test(nothing_to_draw_draws_nothing),
      cmocka_unit_test(it_keeps_to_the_width),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
