/* Lines on standard error: their two forms, the journal's priorities, what is left out, what names cannot do. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

#include "daemon_log.h"

static int fd = -1;
static char said[65536];

static int begin(void **state) {
  (void)state;
  fd = memfd_create("log", 0);
  unsetenv("JOURNAL_STREAM");
  return fd < 0;
}

static int end(void **state) {
  (void)state;
  log_open(LOG_FORM_TEXT, STDERR_FILENO);
  return close(fd);
}

/* All that was said. */
static const char *read_all(void) {
  ssize_t n = pread(fd, said, sizeof said - 1, 0);
  assert_true(n >= 0);
  said[n] = 0;
  return said;
}

static yyjson_doc *said_doc(void) {
  size_t n = strlen(read_all());
  return yyjson_read(said, n, 0);
}

static void a_line_of_text(void **state) {
  (void)state;
  log_open(LOG_FORM_TEXT, fd);
  log_say(BASE_LEVEL_ERROR, "disk", "/data: %s", "No space left on device");
  log_fail(STR("api_port: wants a whole number"));
  log_data(BASE_LEVEL_INFO, "action", STR("{\"who\":\"anna\"}"));
  assert_string_equal(read_all(),
                      "foreshock: disk: /data: No space left on device\n"
                      "foreshock: api_port: wants a whole number\n"
                      "foreshock: action: {\"who\":\"anna\"}\n");
}

static yyjson_val *member(yyjson_doc *doc, const char *key) {
  return yyjson_obj_get(yyjson_doc_get_root(doc), key);
}

static void a_line_of_json(void **state) {
  (void)state;
  log_open(LOG_FORM_JSON, fd);
  log_say(BASE_LEVEL_WARNING, "incident", "cart \"fails\"\nfor %d s", 7);
  yyjson_doc *doc = said_doc();
  assert_non_null(doc);
  assert_true(yyjson_equals_str(member(doc, "level"), "warning"));
  assert_true(yyjson_equals_str(member(doc, "event"), "incident"));
  assert_true(yyjson_equals_str(member(doc, "text"), "cart \"fails\"\nfor 7 s"));
  assert_int_equal(strlen(yyjson_get_str(member(doc, "at"))), strlen("2026-03-02T09:00:00.000000000Z"));
  assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
  yyjson_doc_free(doc);
}

static void what_is_data_stays_an_object(void **state) {
  (void)state;
  log_open(LOG_FORM_JSON, fd);
  log_data(BASE_LEVEL_INFO, "action", STR("{\"who\":\"anna\"}"));
  yyjson_doc *doc = said_doc();
  assert_true(yyjson_equals_str(yyjson_obj_get(member(doc, "data"), "who"), "anna"));
  assert_null(member(doc, "text"));
  yyjson_doc_free(doc);
}

static void a_room_says_the_same(void **state) {
  (void)state;
  struct base_log room = log_room(), mute = {0};
  log_open(LOG_FORM_TEXT, fd);
  log_put(&room, BASE_LEVEL_INFO, "history", "writing %s", "again");
  log_put(&mute, BASE_LEVEL_ERROR, "history", "to nobody");
  assert_string_equal(read_all(), "foreshock: history: writing again\n");
}

static void the_journal_gets_priorities(void **state) {
  (void)state;
  char named[64];
  struct stat st;
  assert_int_equal(fstat(fd, &st), 0);
  snprintf(named, sizeof named, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
  setenv("JOURNAL_STREAM", named, 1);
  log_open(LOG_FORM_TEXT, fd);
  log_say(BASE_LEVEL_ERROR, "disk", "full");
  log_say(BASE_LEVEL_WARNING, "incident", "opened");
  log_say(BASE_LEVEL_INFO, "disk", "well");
  snprintf(named, sizeof named, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
  setenv("JOURNAL_STREAM", named, 1); /* it was, before somebody redirected it */
  log_open(LOG_FORM_TEXT, fd);
  log_say(BASE_LEVEL_ERROR, "disk", "full");
  assert_string_equal(read_all(), "<3>disk: full\n<4>incident: opened\n<6>disk: well\nforeshock: disk: full\n");
}

static unsigned lines(void) {
  unsigned n = 0;
  for (const char *p = read_all(); *p; p++) n += *p == '\n';
  return n;
}

/* One event's flood takes no line from another. */
static void what_comes_again_and_again_is_left_out(void **state) {
  (void)state;
  log_open(LOG_FORM_TEXT, fd);
  for (unsigned i = 0; i < 1000; i++) log_say(BASE_LEVEL_INFO, "action", "%u", i);
  assert_int_equal(lines(), LOG_BURST);
  log_say(BASE_LEVEL_ERROR, "disk", "full");
  assert_int_equal(lines(), LOG_BURST + 1);
  for (unsigned i = 0; i < 100; i++) log_fail(STR("never left out"));
  assert_int_equal(lines(), LOG_BURST + 101);
}

static void what_was_left_out_is_told(void **state) {
  (void)state;
  log_open(LOG_FORM_TEXT, fd);
  for (unsigned i = 0; i < LOG_BURST + 41; i++) log_say(BASE_LEVEL_INFO, "action", "x");
  struct timespec wait = {.tv_sec = LOG_EVERY_NS / 1000000000ll, .tv_nsec = 100000000};
  nanosleep(&wait, NULL);
  log_say(BASE_LEVEL_INFO, "action", "y");
  assert_non_null(strstr(read_all(), "foreshock: action: y (41 more were left out)\n"));
}

/* Names of services come from outside. */
static void a_name_begins_no_line(void **state) {
  (void)state;
  log_open(LOG_FORM_TEXT, fd);
  log_say(BASE_LEVEL_INFO, "incident", "%s", "a\nforeshock: disk: full\x1b[2J");
  assert_string_equal(read_all(), "foreshock: incident: a?foreshock: disk: full?[2J\n");
}

static void a_long_text_is_cut(void **state) {
  (void)state;
  static char text[5000];
  memset(text, 'x', sizeof text - 1);
  log_open(LOG_FORM_JSON, fd);
  log_say(BASE_LEVEL_INFO, "incident", "%s", text);
  assert_int_equal(lines(), 1);
  yyjson_doc *doc = said_doc();
  assert_int_equal(yyjson_get_len(member(doc, "text")), LOG_TEXT_BYTES - 1);
  yyjson_doc_free(doc);
}

static void more_words_than_there_is_room_for(void **state) {
  (void)state;
  static char name[2 * LOG_EVENTS][8];
  log_open(LOG_FORM_TEXT, fd);
  for (unsigned i = 0; i < 2 * LOG_EVENTS; i++) {
    snprintf(name[i], sizeof name[i], "e%u", i);
    for (unsigned k = 0; k < LOG_BURST; k++) log_say(BASE_LEVEL_INFO, name[i], "x");
  }
  assert_int_equal(lines(), LOG_EVENTS * LOG_BURST);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(a_line_of_text),
      TEST(a_line_of_json),
      TEST(what_is_data_stays_an_object),
      TEST(a_room_says_the_same),
      TEST(the_journal_gets_priorities),
      TEST(what_comes_again_and_again_is_left_out),
      TEST(what_was_left_out_is_told),
      TEST(a_name_begins_no_line),
      TEST(a_long_text_is_cut),
      TEST(more_words_than_there_is_room_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
