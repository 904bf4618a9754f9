/* Checkpoints and equal answers: save and load, hostile bytes, and threads. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "base_hash.h"
#include "daemon_pool.h"
#include "gauge_make.h"
#include "mesh_make.h"

/* A fault that begins before the checkpoint and ends after it, and one that begins after it. */
static void mesh_open_faulty(struct mesh *m, uint32_t at) {
  struct mesh_fault a = MESH_FAULT(at - 40, at + 60), b = MESH_FAULT(at + 100, at + 160);
  a.service = 3;
  a.fail_p = 0.4;
  b.service = 2;
  b.pod = 1;
  b.slow_ms = 100.0;
  b.slow_p = 1.0;
  mesh_open(m, &mesh_diamond);
  mesh_fault(m, a);
  mesh_fault(m, b);
}

struct saved {
  void *bytes;
  size_t n;
};

static struct saved save(const struct engine *e) {
  struct saved s = {0};
  size_t cap = engine_save_bytes(e);
  s.bytes = malloc(cap);
  assert_non_null(s.bytes);
  s.n = engine_save(e, s.bytes, cap);
  assert_true(s.n > 0 && s.n <= cap);
  return s;
}

/* Runs the mesh's next ticks through two engines that must not differ in one byte of JSON. */
static uint32_t run_both(struct mesh *m, struct gauge_make *g, struct engine *a, struct engine *b, uint32_t ticks) {
  static char mem[2][1 << 18];
  uint32_t told = 0;
  for (; ticks; ticks--) {
    struct engine *e[2] = {a, b};
    struct base_buf json[2];
    mesh_draw(m);
    gauge_make_draw(g, m);
    for (unsigned k = 0; k < 2; k++) {
      struct rec_out out;
      json[k] = buf_over(mem[k], sizeof mem[k]);
      for (unsigned i = 0; i < LIMIT_BUCKETS; i++) engine_take(e[k], i, &m->batch[i]);
      engine_tick(e[k], &m->head, m->tick, &out);
      for (size_t i = 0; i < out.incident_n; i++) rec_incident_json(out.incident[i], &json[k]);
      told += (uint32_t)out.incident_n;
    }
    assert_int_equal(json[0].n, json[1].n);
    assert_memory_equal(json[0].p, json[1].p, json[0].n);
    for (unsigned i = 0; i < LIMIT_BUCKETS; i++) m->batch[i].drop_n = 0;
    m->head = (struct rec_head_batch){0};
  }
  return told;
}

static void run_gauged(struct mesh *m, struct gauge_make *g, struct engine *e, uint32_t ticks) {
  for (; ticks; ticks--) {
    mesh_draw(m);
    gauge_make_draw(g, m);
    mesh_feed(m, e);
  }
}

static void loaded_engine_goes_on_alike(void **state) {
  (void)state;
  struct mesh m;
  struct gauge_make g;
  struct engine_info info;
  mesh_open_faulty(&m, 700);
  gauge_make_open(&g, 4, 3, 660, 760);
  struct engine *a = mesh_engine_open(1024), *b = mesh_engine_open(1024);
  run_gauged(&m, &g, a, 700);
  assert_true(m.seen_n > 0);
  engine_info(a, &info);
  assert_int_equal(info.gauge_n, 8);
  struct saved s = save(a);
  assert_int_equal(engine_load(b, s.bytes, s.n), ENGINE_OK);
  assert_true(engine_digest(a) == engine_digest(b));
  assert_true(run_both(&m, &g, a, b, 200) > 0);
  assert_true(engine_digest(a) == engine_digest(b));
  free(s.bytes);
  mesh_engine_close(a);
  mesh_engine_close(b);
  mesh_close(&m);
}

/* Numbers that were dropped and used again keep their order: lists, and with them sums, come out alike. */
static void loaded_engine_goes_on_alike_after_reuse(void **state) {
  (void)state;
  struct mesh m;
  struct gauge_make g;
  mesh_open_faulty(&m, 500);
  gauge_make_open(&g, 4, 3, 0, 0);
  struct engine *a = mesh_engine_open(1024), *b = mesh_engine_open(1024);
  mesh_run(&m, a, 300);
  for (uint32_t i = 3; i < m.series_n; i += 7) {
    struct rec_drop drop = {i};
    mesh_draw(&m);
    m.batch[m.series[i].bucket].drop = &drop;
    m.batch[m.series[i].bucket].drop_n = 1;
    struct rec_batch *batch = &m.batch[m.series[i].bucket]; /* comes back at once */
    batch->series = &m.series[i];
    batch->series_n = 1;
    mesh_feed(&m, a);
  }
  mesh_run(&m, a, 400 - (m.seq - 300));
  struct saved s = save(a);
  assert_int_equal(engine_load(b, s.bytes, s.n), ENGINE_OK);
  assert_true(engine_digest(a) == engine_digest(b));
  (void)run_both(&m, &g, a, b, 200);
  assert_true(engine_digest(a) == engine_digest(b));
  free(s.bytes);
  mesh_engine_close(a);
  mesh_engine_close(b);
  mesh_close(&m);
}

/* A checkpoint of a small engine, for the hostile ones. */
static struct saved small_save(uint64_t *digest) {
  struct mesh m;
  struct mesh_conf conf = {.service_n = 2,
                           .cluster_n = 1,
                           .pod_n = 1,
                           .route_n = 1,
                           .call = mesh_diamond.call,
                           .call_n = 1,
                           .entry_per_s = 40.0,
                           .seed = 5};
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(64);
  struct mesh_fault f = MESH_FAULT(560, 700);
  f.service = 1;
  f.fail_p = 0.5;
  mesh_fault(&m, f);
  mesh_run(&m, e, 620);
  assert_true(m.seen_n > 0);
  struct saved s = save(e);
  *digest = engine_digest(e);
  mesh_engine_close(e);
  mesh_close(&m);
  return s;
}

static enum engine_status load(const void *bytes, size_t n, uint64_t *digest) {
  struct engine *e = mesh_engine_open(64);
  enum engine_status status = engine_load(e, bytes, n);
  *digest = status == ENGINE_OK ? engine_digest(e) : 0;
  mesh_engine_close(e);
  return status;
}

/* Exactly as long as it says: a read past the end is seen by the sanitizer. */
static void truncated_is_refused(void **state) {
  (void)state;
  uint64_t digest, got;
  struct saved s = small_save(&digest);
  for (size_t n = 0; n < s.n; n += n < 4096 ? 7 : 40009) {
    void *cut = malloc(n ? n : 1);
    if (n) memcpy(cut, s.bytes, n);
    assert_int_equal(load(cut, n, &got), ENGINE_BAD_DATA);
    free(cut);
  }
  assert_int_equal(load(s.bytes, s.n - 1, &got), ENGINE_BAD_DATA);
  free(s.bytes);
}

static void flip(struct saved s, size_t at, enum engine_status want) {
  uint64_t got;
  ((unsigned char *)s.bytes)[at] ^= 0x10;
  enum engine_status status = load(s.bytes, s.n, &got);
  if (want != ENGINE_OK) assert_int_equal(status, want);
  if (status == ENGINE_OK) print_error("flipped byte %zu of %zu was not noticed\n", at, s.n);
  assert_int_not_equal(status, ENGINE_OK);
  ((unsigned char *)s.bytes)[at] ^= 0x10;
}

static void flipped_is_refused(void **state) {
  (void)state;
  uint64_t digest, got;
  struct saved s = small_save(&digest);
  assert_int_equal(load(s.bytes, s.n, &got), ENGINE_OK);
  assert_true(got == digest);
  flip(s, 0, ENGINE_BAD_MAGIC);
  flip(s, 8, ENGINE_BAD_VERSION);
  flip(s, 16, ENGINE_BAD_CONF);
  flip(s, s.n - 1, ENGINE_BAD_DIGEST);
  for (size_t at = 24; at < s.n; at += at < 1024 ? 5 : 30011) flip(s, at, ENGINE_OK);
  free(s.bytes);
}

/* Also those bytes that the state does not depend on once it is loaded, such as the mark of a series in use. */
static void flipped_series_record_is_refused(void **state) {
  (void)state;
  uint64_t digest;
  struct saved s = small_save(&digest);
  const char *name = memmem(s.bytes, s.n, "shop", 4);
  assert_non_null(name);
  for (size_t at = 600; at < 4200 && at < s.n; at++) flip(s, at, ENGINE_OK);
  free(s.bytes);
}

static void other_conf_is_refused(void **state) {
  (void)state;
  uint64_t digest;
  struct saved s = small_save(&digest);
  struct engine *e = mesh_engine_open(128);
  assert_int_equal(engine_load(e, s.bytes, s.n), ENGINE_BAD_CONF);
  mesh_engine_close(e);
  free(s.bytes);
}

static void save_into_too_little_says_so(void **state) {
  (void)state;
  struct engine *e = mesh_engine_open(64);
  size_t cap = engine_save_bytes(e);
  char *bytes = malloc(cap);
  assert_int_equal(engine_save(e, bytes, cap - 1), 0);
  assert_int_equal(engine_save(e, bytes, cap), cap);
  free(bytes);
  mesh_engine_close(e);
}

struct round {
  struct engine *e;
  struct rec_tick tick;
};

static void bucket_work(void *ctx, unsigned item) {
  struct round *r = ctx;
  engine_bucket_tick(r->e, item, r->tick);
}

/* Digest of the engine and of all that it told, with so many threads. */
static uint64_t run_threads(unsigned threads) {
  static char mem[1 << 18];
  struct mesh m;
  struct gauge_make g;
  mesh_open_faulty(&m, 560);
  gauge_make_open(&g, 4, 3, 520, 620);
  struct engine *e = mesh_engine_open(1024);
  struct pool *p = pool_open(threads);
  uint64_t h = 1, told = 0;
  assert_non_null(p);
  for (uint32_t t = 0; t < 720; t++) {
    struct rec_out out;
    mesh_draw(&m);
    m.head = (struct rec_head_batch){0};
    gauge_make_draw(&g, &m);
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_take(e, b, &m.batch[b]);
    struct round r = {e, m.tick};
    pool_run(p, LIMIT_BUCKETS, bucket_work, &r);
    engine_head_tick(e, &m.head, m.tick, &out);
    for (size_t i = 0; i < out.incident_n; i++) {
      struct base_buf json = buf_over(mem, sizeof mem);
      rec_incident_json(out.incident[i], &json);
      h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, json.p, json.n));
      told++;
    }
  }
  h = hash_mix(h, engine_digest(e));
  assert_true(told > 0);
  pool_close(p);
  mesh_engine_close(e);
  mesh_close(&m);
  return h;
}

static void threads_do_not_matter(void **state) {
  (void)state;
  uint64_t one = run_threads(1);
  assert_true(run_threads(1) == one);
  assert_true(run_threads(2) == one);
  assert_true(run_threads(4) == one);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loaded_engine_goes_on_alike),
      cmocka_unit_test(loaded_engine_goes_on_alike_after_reuse),
      cmocka_unit_test(truncated_is_refused),
      cmocka_unit_test(flipped_is_refused),
      cmocka_unit_test(flipped_series_record_is_refused),
      cmocka_unit_test(other_conf_is_refused),
      cmocka_unit_test(save_into_too_little_says_so),
      cmocka_unit_test(threads_do_not_matter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
