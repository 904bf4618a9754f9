/* The history of series: points come back, are summed up by ten seconds and by the minute, and leave in time. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_series.h"
#include "store_series_db.h"

#define DAY 86400
#define BEGIN (1772442000ll / 21600 * 21600) /* a whole window of every tier */

static char dir[256], path[300];

static int dir_make(void **state) {
  (void)state;
  const char *root = getenv("TMPDIR");
  snprintf(dir, sizeof dir, "%s/foreshock_series_XXXXXX", root ? root : "/tmp");
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/series.db", dir);
  return 0;
}

static int dir_drop(void **state) {
  static const char *const endings[] = {"", "-wal", "-shm", ".corrupt", ".corrupt-wal", ".corrupt-shm"};
  (void)state;
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    char name[400];
    snprintf(name, sizeof name, "%s%s", path, endings[i]);
    (void)remove(name);
  }
  return rmdir(dir);
}

/* xorshift32 (Marsaglia 2003) */
static uint32_t chance(void) {
  static uint32_t x = 2463534242u;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return x;
}

/* What a series did in second s: a function of it, so that any sum can be made again. */
static struct store_point second(int64_t s) {
  uint64_t n = 100 + (uint64_t)(s % 37), e = s % 11 == 0 ? 3 : 0;
  return (struct store_point){n, e, s % 50 == 7 ? -1 : 4.0 + (double)(s % 5), 20 + (double)(s % 9), true};
}

static bool near(double a, double b) {
  return a == b || fabs(a - b) <= 0.003 * fabs(b);
}

static void expect_point(const struct store_point *got, const struct store_point *want) {
  assert_int_equal(got->known, want->known);
  assert_int_equal(got->requests, want->requests);
  assert_int_equal(got->errors, want->errors);
  if (!near(got->mean_ms, want->mean_ms) || !near(got->p99_ms, want->p99_ms))
    fail_msg("%g %g, want %g %g", got->mean_ms, got->p99_ms, want->mean_ms, want->p99_ms);
}

/* ---- chunks ---- */

static void a_chunk_comes_back(void **state) {
  (void)state;
  char mem[8192];
  struct store_point p[360], q[360];
  for (unsigned gaps = 0; gaps < 4; gaps++) {
    for (unsigned i = 0; i < 360; i++) {
      p[i] = second(i);
      if (i % 7 == 3) p[i].requests = UINT64_MAX >> (i % 60), p[i].errors = p[i].requests / 2;
      if (i % 90 == 5) p[i].mean_ms = 1e9, p[i].p99_ms = 0;
      if ((gaps & 1 && i < 20) || (gaps & 2 && i % 2)) p[i] = (struct store_point){.mean_ms = -1, .p99_ms = -1};
    }
    struct base_buf out = buf_over(mem, sizeof mem);
    chunk_write(p, 360, &out);
    assert_false(out.bad);
    assert_true(chunk_read(buf_str(&out), q, 360));
    for (unsigned i = 0; i < 360; i++) expect_point(&q[i], &p[i]);
    assert_false(chunk_read(buf_str(&out), q, 359));
    for (size_t n = 0; n < out.n; n++) assert_false(chunk_read((struct base_str){mem, n}, q, 360));
  }
}

static void hostile_bytes_are_refused_or_read(void **state) {
  (void)state;
  unsigned char mem[64];
  struct store_point p[60];
  for (unsigned round = 0; round < 200000; round++) {
    for (size_t i = 0; i < sizeof mem; i++) mem[i] = (unsigned char)(chance() % 4 ? chance() % 8 : chance());
    mem[0] = 1;
    mem[1] = 60;
    if (chunk_read((struct base_str){(char *)mem, sizeof mem}, p, 60))
      for (unsigned i = 0; i < 60; i++) assert_true(isfinite(p[i].mean_ms) && isfinite(p[i].p99_ms));
  }
}

static void quiet_and_busy_series_take_few_bytes(void **state) {
  (void)state;
  char mem[4096];
  struct store_point p[60];
  struct base_buf out = buf_over(mem, sizeof mem);
  for (unsigned i = 0; i < 60; i++) p[i] = (struct store_point){.mean_ms = -1, .p99_ms = -1, .known = true};
  chunk_write(p, 60, &out);
  assert_true(out.n <= 12);
  buf_clear(&out);
  for (unsigned i = 0; i < 60;
       i++) { /* 200 requests a second, Poisson by its variance, durations that jitter by a tenth */
    double jitter = (double)chance() / (double)UINT32_MAX - 0.5;
    p[i] = (struct store_point){(uint64_t)(200 + 48 * jitter), 0, 5 + 0.5 * jitter, 20 * (1 + 0.1 * jitter), true};
  }
  chunk_write(p, 60, &out);
  print_message("# %.1f bytes a point of a busy series\n", (double)out.n / 60);
  assert_true(out.n <= 60 * 4);
}

/* ---- the data base ---- */

static struct store_series *opened(int64_t keep_1s, uint64_t bytes_1s) {
  struct store_series_conf conf = {.path = path,
                                   .tier = {{keep_1s, bytes_1s}, {7 * DAY, 1 << 20}, {90 * DAY, 1 << 20}}};
  struct store_series *s = store_series_open(&conf);
  assert_non_null(s);
  return s;
}

/* Minutes [from, to) of a series, from BEGIN on. */
static void put(struct store_series *s, const char *key, int64_t from, int64_t to) {
  for (int64_t m = from; m < to; m++) {
    struct store_point p[STORE_MINUTE];
    for (unsigned i = 0; i < STORE_MINUTE; i++) p[i] = second(BEGIN + m * 60 + i);
    store_series_put(s, str_of(key), BEGIN + m * 60, p);
  }
}

/* Reading does not wait for the thread, which may be opening the file still. */
static bool read_soon(struct store_series *s, const char *key, int64_t from_s, uint32_t step_s, uint32_t n,
                      struct store_point *out, uint32_t rows) {
  for (unsigned i = 0; i < 6000; i++) {
    uint32_t left = rows;
    if (store_series_read(s, str_of(key), from_s, step_s, n, out, &left)) return true;
    usleep(10000);
  }
  return false;
}

static void expect_span(struct store_series *s, const char *key, int64_t from, uint32_t step, uint32_t n) {
  struct store_point *p = calloc(n, sizeof *p);
  assert_true(read_soon(s, key, BEGIN + from, step, n, p, 10000));
  for (uint32_t i = 0; i < n; i++) {
    struct store_point want = {.mean_ms = -1, .p99_ms = -1};
    for (uint32_t k = 0; k < step; k++) {
      struct store_point one = second(BEGIN + from + (int64_t)i * step + k);
      point_add(&want, &one);
    }
    assert_true(p[i].known);
    assert_int_equal(p[i].requests, want.requests);
    assert_int_equal(p[i].errors, want.errors);
    assert_true(near(p[i].mean_ms, want.mean_ms) || fabs(p[i].mean_ms - want.mean_ms) < 0.02 * fabs(want.mean_ms));
    assert_true(near(p[i].p99_ms, want.p99_ms) || fabs(p[i].p99_ms - want.p99_ms) < 0.01 * want.p99_ms);
  }
  free(p);
}

static void points_come_back_at_every_step_and_after_a_restart(void **state) {
  (void)state;
  struct store_series *s = opened(DAY, 8 << 20);
  put(s, "cart", 0, 8 * 60);
  put(s, "pay", 100, 110);
  store_series_close(s); /* writes, sums up */
  s = opened(DAY, 8 << 20);
  expect_span(s, "cart", 0, 1, 7200);
  expect_span(s, "cart", 3600, 10, 1000);
  expect_span(s, "cart", 0, 60, 480); /* six hours are summed up to minutes, the rest comes from finer tiers */
  expect_span(s, "cart", 0, 300, 96);
  expect_span(s, "pay", 6000, 1, 600);
  struct store_point p[2] = {{0}};
  assert_true(read_soon(s, "pay", BEGIN, 60, 2, p, 100));
  assert_false(p[0].known); /* before it was there */
  assert_true(read_soon(s, "nobody", BEGIN, 60, 2, p, 100));
  assert_false(p[0].known);
  store_series_close(s);
}

static void a_restart_within_a_minute_keeps_both_parts(void **state) {
  (void)state;
  for (unsigned life = 0; life < 2; life++) {
    struct store_series *s = opened(DAY, 8 << 20);
    struct store_point p[STORE_MINUTE];
    for (unsigned i = 0; i < STORE_MINUTE; i++) {
      p[i] = second(BEGIN + i);
      if (life == 0 ? i >= 20 : i < 20) p[i] = (struct store_point){.mean_ms = -1, .p99_ms = -1};
    }
    store_series_put(s, STR("cart"), BEGIN, p);
    store_series_close(s);
  }
  struct store_series *s = opened(DAY, 8 << 20);
  expect_span(s, "cart", 0, 1, 60);
  store_series_close(s);
}

static void the_second_leaves_and_the_minute_stays(void **state) {
  (void)state;
  struct store_series *s = opened(3600, 8 << 20);
  put(s, "cart", 0, 13 * 60);
  store_series_close(s);
  s = opened(3600, 8 << 20);
  struct store_point p[60] = {{0}};
  assert_true(read_soon(s, "cart", BEGIN, 1, 60, p, 1000));
  assert_false(p[0].known);
  expect_span(s, "cart", 12 * 3600, 1, 3600);
  expect_span(s, "cart", 0, 60, 13 * 60);
  assert_int_equal(store_series_reach(s, 1), 3600);
  assert_int_equal(store_series_reach(s, 10), 7 * DAY);
  assert_int_equal(store_series_reach(s, 600), 90 * DAY);
  store_series_close(s);
}

static void bytes_are_bounded(void **state) {
  (void)state;
  struct store_series *s = opened(DAY, 100000);
  char key[16];
  for (unsigned k = 0; k < 40; k++) {
    snprintf(key, sizeof key, "series %u", k);
    put(s, key, 0, 60);
  }
  store_series_close(s);
  s = opened(DAY, 100000);
  put(s, "x", 60, 61);
  store_series_close(s);
  struct series_db d;
  struct store_tier_conf tier[STORE_TIERS] = {{DAY, 100000}, {7 * DAY, 1 << 20}, {90 * DAY, 1 << 20}};
  uint64_t bytes[STORE_TIERS];
  assert_int_equal(series_db_open(&d, path, 64 << 20), DB_GOOD);
  assert_int_equal(series_db_prune(&d, tier, BEGIN + 3660, bytes), DB_GOOD);
  sqlite3_stmt *q;
  assert_int_equal(
      sqlite3_prepare_v2(d.db.handle, "SELECT sum(length(points)+24) FROM chunk WHERE tier=0", -1, &q, NULL),
      SQLITE_OK);
  assert_int_equal(sqlite3_step(q), SQLITE_ROW);
  assert_int_equal(sqlite3_column_int64(q, 0), bytes[0]); /* what is counted is what is there */
  assert_true(bytes[0] <= 100000 && bytes[0] > 80000);
  sqlite3_finalize(q);
  series_db_close(&d);
}

/* Pods that come and go: each is heard of for a minute. Their names outgrow their points, and no tier is over its
 * bytes. */
static void a_file_that_may_not_grow_lets_the_oldest_go(void **state) {
  (void)state;
  char key[200];
  struct series_db d;
  assert_int_equal(series_db_open(&d, path, 1 << 20), DB_GOOD);
  struct minute_item item = {.key = {key, sizeof key}};
  for (unsigned i = 0; i < STORE_MINUTE; i++) item.point[i] = second(BEGIN + i);
  memset(key, 'x', sizeof key);
  for (unsigned n = 0; n < 8000; n++) {
    item.from_s = BEGIN + n / 10 * 60;
    snprintf(key, sizeof key, "pod %u", n);
    if (series_db_write(&d, &item) != DB_GOOD) fail_msg("%u: %s", n, d.db.err);
  }
  int64_t id = 0;
  assert_true(series_read_id(d.db.handle, item.key, &id) && id != 0);
  snprintf(key, sizeof key, "pod %u", 0);
  assert_true(series_read_id(d.db.handle, item.key, &id) && id == 0);
  series_db_close(&d);
}

static void an_answer_reads_no_more_than_it_may(void **state) {
  (void)state;
  struct store_series *s = opened(DAY, 8 << 20);
  put(s, "cart", 0, 60);
  store_series_close(s);
  s = opened(DAY, 8 << 20);
  struct store_point *p = calloc(3600, sizeof *p);
  uint32_t rows = 59;
  assert_true(read_soon(s, "cart", BEGIN, 1, 60, p, 1));
  assert_false(store_series_read(s, STR("cart"), BEGIN, 1, 3600, p, &rows));
  rows = 60;
  assert_true(store_series_read(s, STR("cart"), BEGIN, 1, 3600, p, &rows));
  assert_int_equal(rows, 0);
  free(p);
  store_series_close(s);
}

/* Somebody has the file to himself: what is there is not known, which is not the same as nothing. */
static void a_file_that_cannot_be_read_now_is_told(void **state) {
  (void)state;
  struct store_point p[60] = {{0}};
  uint32_t rows = 1000;
  sqlite3 *other = NULL;
  struct store_series *s = opened(DAY, 8 << 20);
  put(s, "cart", 0, 1);
  store_series_close(s);
  assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL),
                   SQLITE_OK);
  s = opened(DAY, 8 << 20);
  assert_false(store_series_read(s, STR("cart"), BEGIN, 1, 60, p, &rows));
  assert_int_equal(rows, 1000);
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  expect_span(s, "cart", 0, 1, 60);
  store_series_close(s);
}

static void a_damaged_file_is_put_aside(void **state) {
  (void)state;
  struct store_series_stats stats = {0};
  char aside[400];
  FILE *f = fopen(path, "w");
  for (unsigned i = 0; i < 4096; i++) fputs("no data base ", f);
  fclose(f);
  struct store_series *s = opened(DAY, 8 << 20);
  put(s, "cart", 0, 1);
  store_series_close(s);
  s = opened(DAY, 8 << 20);
  expect_span(s, "cart", 0, 1, 60);
  store_series_stats(s, &stats);
  assert_string_equal(stats.problem, "");
  store_series_close(s);
  snprintf(aside, sizeof aside, "%s.corrupt", path);
  assert_int_equal(access(aside, F_OK), 0);
}

static void a_disk_that_fails_is_told_and_tried_again(void **state) {
  (void)state;
  struct store_series_stats stats = {0};
  assert_int_equal(mkdir(path, 0700), 0); /* a directory where the file would be */
  struct store_series *s = opened(DAY, 8 << 20);
  put(s, "cart", 0, 1);
  for (unsigned i = 0; i < 6000 && !stats.problem[0]; i++) {
    store_series_stats(s, &stats);
    usleep(10000);
  }
  assert_true(stats.problem[0] && stats.errors);
  assert_int_equal(rmdir(path), 0);
  for (unsigned i = 0; i < 6000 && stats.written == 0; i++) {
    store_series_second(s);
    store_series_stats(s, &stats);
    usleep(10000);
  }
  assert_int_equal(stats.written, 1);
  store_series_stats(s, &stats);
  assert_string_equal(stats.problem, "");
  store_series_close(s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, dir_make, dir_drop)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_chunk_comes_back),
      cmocka_unit_test(hostile_bytes_are_refused_or_read),
      cmocka_unit_test(quiet_and_busy_series_take_few_bytes),
      TEST(points_come_back_at_every_step_and_after_a_restart),
      TEST(a_restart_within_a_minute_keeps_both_parts),
      TEST(the_second_leaves_and_the_minute_stays),
      TEST(bytes_are_bounded),
      TEST(a_file_that_may_not_grow_lets_the_oldest_go),
      TEST(an_answer_reads_no_more_than_it_may),
      TEST(a_file_that_cannot_be_read_now_is_told),
      TEST(a_damaged_file_is_put_aside),
      TEST(a_disk_that_fails_is_told_and_tried_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
