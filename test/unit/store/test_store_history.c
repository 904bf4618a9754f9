/* The data base: what is in it, its bounds, and what becomes of a file that is damaged, newer, or not to be written. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

#define SECOND 1000000000ll

static char dir[256], path[300], out[300];

static int dir_make(void **state) {
  (void)state;
  const char *root = getenv("TMPDIR");
  snprintf(dir, sizeof dir, "%s/foreshock_store_XXXXXX", root ? root : "/tmp");
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/history.db", dir);
  snprintf(out, sizeof out, "%s/copy.db", dir);
  return 0;
}

static int dir_drop(void **state) {
  (void)state;
  static const char *const endings[] = {"", "-wal", "-shm", ".corrupt", ".corrupt-wal", ".corrupt-shm"};
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    char name[400];
    snprintf(name, sizeof name, "%s%s", path, endings[i]);
    (void)remove(name);
  }
  (void)remove(out);
  return rmdir(dir);
}

static struct store *opened(void) {
  struct store_conf conf = {.path = path, .keep_ns = 3600 * SECOND, .bytes_max = 16u << 20};
  struct store *s = store_open(&conf);
  assert_non_null(s);
  return s;
}

/* An incident's state; age_s before a fixed hour. */
static void put(struct store *s, uint64_t id, unsigned rev, bool closed, unsigned age_s, size_t padding) {
  struct base_buf b = buf_open(1u << 20);
  char at[TIME_TEXT_BYTES];
  time_text((struct base_wall){(1772442000 - (int64_t)age_s) * SECOND}, at);
  buf_put_f(&b,
            "{\"id\":\"%016llx\",\"rev\":%u,\"verdict\":\"unhealthy\",\"kind\":\"errors\",\"severity\":\"critical\","
            "\"acked\":true,\"muted\":false,\"started_at\":\"%s\",\"updated_at\":\"%s\",\"ended_at\":",
            (unsigned long long)id, rev, at, at);
  buf_put_f(&b, closed ? "\"%s\"" : "null", at);
  buf_put_f(&b,
            ",\"summary\":\"cart fails\",\"root_causes\":[{\"entity\":{\"kind\":\"pod\",\"service\":\"cart\"}}],"
            "\"affected\":[{\"kind\":\"service\",\"service\":\"front\"},{\"kind\":\"service\",\"service\":\"cart\"}],"
            "\"changes\":[{\"at\":\"%s\",\"source\":\"ci\",\"kind\":\"deploy\",\"entity\":{\"kind\":\"service\"},"
            "\"summary\":\"v2\"}],\"decisions\":[{\"at\":\"%s\",\"text\":\"rev %u\"}],\"x\":\"%*s\"}",
            at, at, rev, (int)padding, "");
  store_incident(s, buf_str(&b));
  buf_fini(&b);
}

/* The one value of a query on the file. */
static void asked(const char *file, const char *sql, const char *want) {
  sqlite3 *h = NULL;
  sqlite3_stmt *q = NULL;
  assert_int_equal(sqlite3_open(file, &h), SQLITE_OK);
  if (sqlite3_prepare_v2(h, sql, -1, &q, NULL) != SQLITE_OK || sqlite3_step(q) != SQLITE_ROW)
    fail_msg("%s: %s", sql, sqlite3_errmsg(h));
  const char *got = (const char *)sqlite3_column_text(q, 0);
  if (!got || strcmp(got, want) != 0) fail_msg("%s: got %s, want %s", sql, got ? got : "NULL", want);
  sqlite3_finalize(q);
  sqlite3_close(h);
}

/* The writer has its own time: a minute on a machine that is busy with other things. */
static struct store_stats stats_done(struct store *s, uint64_t written, uint64_t dropped) {
  struct store_stats stats;
  for (unsigned i = 0; i < 12000; i++) {
    store_stats(s, &stats);
    if (stats.written >= written && stats.dropped >= dropped) break;
    (void)usleep(5000);
  }
  return stats;
}

static struct store_stats stats_when(struct store *s, uint64_t written) {
  return stats_done(s, written, 0);
}

static void states_are_kept_with_their_parts(void **state) {
  (void)state;
  struct store *s = opened();
  put(s, 0xfedcba9876543210u, 2, false, 0, 0);
  struct rec_command ack = {.at = {5}, .verb = REC_VERB_ACK, .incident_id = STR("fedcba9876543210"), .who = STR("ann")};
  store_audit(s, 77, 0, &ack);
  store_audit(s, 77, 0, &ack); /* as a replay of the journal gives it */
  store_close(s);
  asked(path, "SELECT count(*) || severity || acked || state FROM incident", "1critical1open");
  asked(path, "SELECT printf('%016llx', id) FROM incident", "fedcba9876543210");
  asked(path, "SELECT group_concat(service || is_cause) FROM (SELECT * FROM incident_service ORDER BY service)",
        "cart1,front0");
  asked(path, "SELECT count(*) || source || kind || summary || entity FROM change",
        "1cideployv2{\"kind\":\"service\"}");
  asked(path, "SELECT count(*) || who || verb || tick FROM audit", "1annacknowledge77");
  asked(path, "SELECT text FROM decision", "rev 2");
}

static void only_a_newer_state_replaces(void **state) {
  (void)state;
  struct store *s = opened();
  put(s, 1, 2, false, 0, 0);
  (void)stats_when(s, 1);
  put(s, 1, 1, false, 0, 0);
  (void)stats_when(s, 2);
  struct base_buf b = buf_open(4096);
  assert_true(store_find(s, 1, &b));
  assert_non_null(memmem(b.p, b.n, "rev 2", 5));
  put(s, 1, 3, true, 0, 0);
  store_incident(s, STR("{\"id\":\"0000000000000002\"}"));
  store_incident(s, STR("no JSON"));
  (void)stats_when(s, 3);
  buf_clear(&b);
  assert_true(store_find(s, 1, &b));
  assert_non_null(memmem(b.p, b.n, "rev 3", 5));
  assert_false(store_find(s, 2, &b));
  buf_fini(&b);
  assert_int_equal(stats_done(s, 3, 2).dropped, 2);
  store_close(s);
  asked(path, "SELECT count(*) || state || text FROM incident JOIN decision ON id = incident", "1closedrev 3");
}

static void old_ones_leave(void **state) {
  (void)state;
  struct store *s = opened();
  put(s, 1, 1, true, 7200, 0);
  put(s, 2, 1, false, 7200, 0);
  put(s, 3, 1, true, 0, 0);
  store_close(s);
  store_close(opened());
  (void)usleep(1000);
  s = opened();
  put(s, 3, 2, true, 0, 0);
  store_close(s);
  asked(path, "SELECT group_concat(id) FROM (SELECT id FROM incident ORDER BY id)", "2,3");
  asked(path, "SELECT count(*) FROM change", "2");
}

static void the_file_is_bounded(void **state) {
  (void)state;
  struct store_conf conf = {.path = path, .keep_ns = INT64_MAX / 4, .bytes_max = 1u << 20};
  struct store *s = store_open(&conf);
  struct stat st;
  uint64_t written = 0;
  for (uint64_t id = 1; id <= 64; id++) {
    put(s, id, 1, true, 1000 - (unsigned)id, 60000);
    written = stats_when(s, id).written;
  }
  assert_int_equal(written, 64);
  store_close(s);
  assert_int_equal(stat(path, &st), 0);
  assert_true(st.st_size <= 1 << 20);
  asked(path, "SELECT max(id) || (count(*) > 4) || (min(id) > 40) FROM incident", "6411");
}

static void a_damaged_file_is_put_aside(void **state) {
  (void)state;
  char aside[400];
  struct stat st;
  snprintf(aside, sizeof aside, "%s.corrupt", path);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  for (unsigned i = 0; i < 1000; i++) fputs("this is no data base ", f);
  fclose(f);
  struct store *s = opened();
  put(s, 1, 1, false, 0, 0);
  struct store_stats stats = stats_when(s, 1);
  assert_string_equal(stats.problem, "");
  assert_int_equal(stats.errors, 1);
  store_close(s);
  asked(path, "SELECT count(*) FROM incident", "1");
  assert_int_equal(stat(aside, &st), 0);
  assert_int_equal(st.st_size, 21000);
}

/* Damage in the middle of a sound file, which only a check finds. */
static void damage_inside_is_found_at_the_start(void **state) {
  (void)state;
  struct store *s = opened();
  for (uint64_t id = 1; id <= 50; id++) put(s, id, 1, true, 0, 2000);
  store_close(s);
  FILE *f = fopen(path, "r+");
  assert_non_null(f);
  assert_int_equal(fseek(f, 5 * 4096, SEEK_SET), 0);
  for (unsigned i = 0; i < 4096; i++) fputc(0xa5, f);
  fclose(f);
  s = opened();
  put(s, 77, 1, false, 0, 0);
  struct store_stats stats = stats_when(s, 1);
  assert_int_equal(stats.errors, 1);
  store_close(s);
  asked(path, "SELECT group_concat(id) FROM incident", "77");
}

static void a_newer_files_schema_is_not_touched(void **state) {
  (void)state;
  sqlite3 *h = NULL;
  assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
  assert_int_equal(sqlite3_exec(h, "CREATE TABLE t (a); PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(h);
  struct store *s = opened();
  put(s, 1, 1, false, 0, 0);
  struct store_stats stats = {0};
  for (unsigned i = 0; i < 12000 && !stats.problem[0]; i++) {
    (void)usleep(5000);
    store_stats(s, &stats);
  }
  assert_non_null(strstr(stats.problem, "newer version"));
  store_close(s);
  asked(path, "SELECT group_concat(name) FROM sqlite_schema", "t");
}

/* A directory in the file's place: nothing can be written, not even by root. */
static void a_disk_that_heals_is_written_again(void **state) {
  (void)state;
  assert_int_equal(mkdir(path, 0700), 0);
  struct store *s = opened();
  put(s, 1, 1, false, 0, 0);
  struct store_stats stats = {0};
  for (unsigned i = 0; i < 12000 && !stats.problem[0]; i++) {
    (void)usleep(5000);
    store_stats(s, &stats);
  }
  assert_non_null(strstr(stats.problem, "open"));
  assert_int_equal(stats.waiting, 1);
  assert_int_equal(rmdir(path), 0);
  for (unsigned i = 0; i < 5; i++) store_second(s);
  stats = stats_when(s, 1);
  assert_string_equal(stats.problem, "");
  assert_int_equal(stats.waiting, 0);
  store_close(s);
  asked(path, "SELECT count(*) FROM incident", "1");
}

static void a_backup_is_whole_while_it_is_written(void **state) {
  (void)state;
  char err[256] = "";
  struct store *s = opened();
  for (uint64_t id = 1; id <= 200; id++) put(s, id, 1, false, 0, 500);
  (void)stats_when(s, 100);
  if (!store_backup(path, out, err)) fail_msg("%s", err);
  asked(out, "PRAGMA integrity_check", "ok");
  asked(out, "SELECT count(*) >= 100 FROM incident", "1");
  assert_false(store_backup(path, out, err));
  assert_non_null(strstr(err, "exists already"));
  store_close(s);
  assert_false(store_backup("/nonexistent/history.db", out, err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(states_are_kept_with_their_parts, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(only_a_newer_state_replaces, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(old_ones_leave, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(the_file_is_bounded, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(a_damaged_file_is_put_aside, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(damage_inside_is_found_at_the_start, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(a_newer_files_schema_is_not_touched, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(a_disk_that_heals_is_written_again, dir_make, dir_drop),
      cmocka_unit_test_setup_teardown(a_backup_is_whole_while_it_is_written, dir_make, dir_drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
