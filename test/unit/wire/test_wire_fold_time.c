/* How the fold divides the time of a request by its report's moments. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <sys/mman.h>

#include "fold_make.h"
#include "wire_fold.h"

#define MS 1000000ll
#define T0 (1767225600ll * 1000 * MS)

static const struct made_node web = {.id = "sidecar~10.2.0.9~web-1.shop~shop.svc.cluster.local",
                                     .pod = "web-1",
                                     .ns = "shop",
                                     .service = "web",
                                     .cluster = "c1",
                                     .log_name = "mesh"};

/* A fine request of 100 ms from web to cart. */
static struct made call_made(void) {
  return (struct made){.start_ns = T0,
                       .span_ns = 100 * MS,
                       .cluster = "outbound|80||cart.shop.svc.cluster.local",
                       .route = "default",
                       .path = "/carts/17",
                       .authority = "cart.shop",
                       .code = 200,
                       .up_ip = "10.1.0.7",
                       .up_port = 8080};
}

/* What came out of the fold, by level: milliseconds of each stage, and of all. */
struct told {
  uint64_t stage_ms[REC_LEVEL_COUNT][REC_STAGE_COUNT], whole_ms[REC_LEVEL_COUNT];
};

static void tick_take(struct wire_fold *f, uint8_t *level, struct told *out) {
  for (unsigned bucket = 0; bucket < LIMIT_BUCKETS; bucket++) {
    struct rec_batch b = wire_fold_take(f, bucket);
    for (size_t i = 0; i < b.series_n; i++) level[b.series[i].series_idx] = b.series[i].level;
    for (size_t i = 0; i < b.obs_n; i++) {
      const struct rec_obs *o = &b.obs[i];
      unsigned at = level[o->series_idx];
      for (unsigned k = 0; k < REC_STAGE_COUNT; k++) out->stage_ms[at][k] += o->stage_ns[k] / MS;
      out->whole_ms[at] += o->latency_sum_ns / MS;
    }
  }
}

static struct told folded(const struct made *m, uint32_t n) {
  struct wire_fold_conf conf = {.series_max = 4096, .table_key = {7, 9}};
  size_t bytes = wire_fold_bytes(&conf);
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  static uint8_t level[4096];
  struct told out = {0};
  struct rec_tick tick;
  assert_true(mem != MAP_FAILED);
  struct wire_fold *f = wire_fold_init(mem, bytes, &conf);
  struct base_buf message = buf_open(1 << 16);
  fold_make_message(&message, &web, m, n);
  assert_int_equal(wire_fold_message(f, wire_fold_stream_open(f), buf_str(&message), (struct base_wall){0}), n);
  while (wire_fold_tick(f, (struct base_wall){0}, true, &tick)) tick_take(f, level, &out);
  buf_fini(&message);
  munmap(mem, bytes);
  return out;
}

static void assert_stages(const struct told *t, enum rec_level level, const uint64_t want_ms[REC_STAGE_COUNT]) {
  for (unsigned k = 0; k < REC_STAGE_COUNT; k++) {
    if (t->stage_ms[level][k] != want_ms[k]) print_error("%s, %s\n", rec_level_text(level), rec_stage_text(k));
    assert_int_equal(t->stage_ms[level][k], want_ms[k]);
  }
}

/* At the edge alone; failures have no part in it. The second came through at its third try. */
static void a_report_divides_its_time(void **state) {
  (void)state;
  struct made m[3] = {call_made(), call_made(), call_made()};
  for (unsigned i = 0; i < 3; i++)
    memcpy(m[i].moment_ns, (int64_t[7]){1 * MS, 5 * MS, 12 * MS, 52 * MS, 90 * MS, 55 * MS, 99 * MS},
           sizeof m[i].moment_ns);
  m[1].attempts = 3;
  m[2].code = 503;
  struct told t = folded(m, 3);
  assert_int_equal(t.whole_ms[REC_LEVEL_EDGE], 200);
  assert_int_equal(t.whole_ms[REC_LEVEL_SERVICE], 200);
  assert_stages(&t, REC_LEVEL_EDGE, (uint64_t[REC_STAGE_COUNT]){5, 5, 14, 80, 6, 70});
  for (unsigned level = 0; level < REC_LEVEL_COUNT; level++)
    if (level != REC_LEVEL_EDGE) assert_stages(&t, level, (uint64_t[REC_STAGE_COUNT]){0});
}

/* Moments that are missing, out of order or past the end: the parts stay inside the whole, and none is counted twice.
 */
static void moments_that_cannot_be_are_put_in_order(void **state) {
  (void)state;
  static const struct {
    int64_t moment[7];
    uint64_t want[REC_STAGE_COUNT];
  } cases[] = {
      {{1, -1, -1, -1, -1, -1, 100}, {0, 0, 0, 0, 0, 0}},   /* it asked nobody */
      {{1, 5, 12, -1, -1, -1, 100}, {5, 0, 0, 0, 0, 0}},    /* and had no answer */
      {{1, 5, 60, 20, 90, 20, 100}, {5, 0, 15, 0, 0, 70}},  /* the answer begins before the request has ended */
      {{1, 5, 12, 52, 60, 80, 99}, {5, 0, 7, 40, 20, 8}},   /* the proxy holds the answer back once it has all */
      {{1, 5, 12, 52, 300, 52, 100}, {5, 0, 7, 40, 0, 48}}, /* past the end */
      {{1, 300, 300, 300, 300, 300, 300}, {100, 0, 0, 0, 0, 0}},
      {{1, 40, 12, 5, 4, 3, 2}, {40, 0, 0, 0, 0, 0}}, /* backwards */
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct made m = call_made();
    for (unsigned k = 0; k < 7; k++) m.moment_ns[k] = cases[i].moment[k] < 0 ? -1 : cases[i].moment[k] * MS;
    struct told t = folded(&m, 1);
    assert_int_equal(t.whole_ms[REC_LEVEL_EDGE], 100);
    assert_stages(&t, REC_LEVEL_EDGE, cases[i].want);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_report_divides_its_time),
      cmocka_unit_test(moments_that_cannot_be_are_put_in_order),
  };
  return cmocka_run_group_tests_name("wire_fold_time", tests, NULL, NULL);
}
