/* CPU time of a tick over active series of all levels, every signal watched; and of grouping and ranking when much
 * alarms at once.
 *
 *   bench_tick               10,000 and 100,000 series; then 2,000 services with 10,000 edges of which some fail
 *   bench_tick tick N        about N series
 *   bench_tick rank          that only
 *   bench_tick gauge N       N gauges, a sample of each in every tick; the last of all
 *   bench_tick tiny          all, small: for the tests
 *
 * Prints TAP with the figures as comments. The digest at the end says whether two runs did the same work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base_must.h"
#include "detect_gauge_table.h"
#include "detect_mask.h"
#include "mesh_make.h"
#include "rec_counter.h"
#include "series_state.h"

#define ROUNDS_MAX 400u

static double cpu_ms(void) {
  struct timespec t;
  MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static long rss_kib(void) {
  struct rusage u;
  MUST(getrusage(RUSAGE_SELF, &u) == 0);
  return u.ru_maxrss;
}

/* Each service is called by `in` of the `window` before it, so that the graph is deep and rates stay alike. */
static struct mesh_call *calls_make(uint32_t services, uint32_t in, uint32_t window, uint32_t *n) {
  struct mesh_call *call = calloc((size_t)services * in, sizeof *call);
  struct mesh_rng r = {41};
  MUST(call);
  *n = 0;
  for (uint32_t to = window; to < services; to++)
    for (uint32_t k = 0; k < in;) {
      uint32_t from = to - 1 - (uint32_t)(rng_unit(&r) * window), same = 0;
      for (uint32_t i = *n - k; i < *n; i++) same += call[i].from == from;
      if (same) continue;
      call[(*n)++] = (struct mesh_call){from, to, 1.0 / (double)in};
      k++;
    }
  return call;
}

struct cost {
  double bucket_ms, head_ms;
};

static struct cost feed(struct mesh *m, struct engine *e) {
  struct rec_out out;
  double from = cpu_ms(), mid, to;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_take(e, b, &m->batch[b]);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_bucket_tick(e, b, m->tick);
  mid = cpu_ms();
  engine_head_tick(e, NULL, m->tick, &out);
  to = cpu_ms();
  return (struct cost){mid - from, to - mid};
}

static uint64_t pairs_of(const struct mesh *m) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < m->series_n; i++) n += detect_mask_count(m->series[i].level, m->series[i].side);
  return n;
}

static void tick_bench(uint32_t want, uint32_t warm, uint32_t rounds) {
  static double all[ROUNDS_MAX];
  uint32_t services = want / 56 + 8, call_n;
  struct mesh_call *call = calls_make(services, 3, 6, &call_n);
  struct mesh_conf conf = {.service_n = services,
                           .cluster_n = 2,
                           .pod_n = 3,
                           .route_n = 3,
                           .version_n = 2,
                           .call = call,
                           .call_n = call_n,
                           .entry_per_s = 160.0,
                           .error_p = 0.001,
                           .seed = 7};
  struct mesh m;
  uint64_t obs = 0;
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(m.series_n + 64);
  for (uint32_t i = 0; i < warm; i++) {
    mesh_draw(&m);
    (void)feed(&m, e);
  }
  for (uint32_t i = 0; i < rounds; i++) {
    mesh_draw(&m);
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) obs += m.batch[b].obs_n;
    struct cost c = feed(&m, e);
    all[i] = c.bucket_ms + c.head_ms;
  }
  qsort(all, rounds, sizeof all[0], ascending);
  double median = all[rounds / 2], step_n = (double)obs / rounds;
  printf("# %u series, %.0f with requests a tick: median %.2f ms CPU a tick, most %.2f ms\n", m.series_n, step_n,
         median, all[rounds - 1]);
  printf("# %.0f ns a series with requests, %.1f ns a watched (series, signal)\n", 1e6 * median / step_n,
         1e6 * median / step_n * m.series_n / (double)pairs_of(&m));
  printf("# %zu bytes of state a series; most RSS so far %ld KiB, the mesh's own included\n",
         sizeof(struct series_state), rss_kib());
  printf("# digest %016llx, alarms %llu\n", (unsigned long long)engine_digest(e),
         (unsigned long long)engine_counters(e)[REC_COUNTER_ALARMS]);
  mesh_engine_close(e);
  mesh_close(&m);
  free(call);
}

/* One service in twenty fails, and with it all that call it. */
static void rank_bench(uint32_t services, uint32_t warm, uint32_t rounds) {
  uint32_t call_n;
  struct mesh_call *call = calls_make(services, 5, 50, &call_n);
  struct mesh_conf conf = {.service_n = services,
                           .cluster_n = 1,
                           .pod_n = 1,
                           .route_n = 1,
                           .call = call,
                           .call_n = call_n,
                           .entry_per_s = 80.0,
                           .error_p = 0.0005,
                           .seed = 9};
  struct mesh m;
  struct engine_info info;
  mesh_open(&m, &conf);
  struct engine *e = mesh_engine_open(m.series_n + 64);
  struct mesh_fault f = MESH_FAULT(warm, warm + rounds);
  f.fail_p = 0.9;
  for (uint32_t k = 0; k < MESH_FAULTS; k++) {
    f.service = services - 1 - k * services / 20;
    mesh_fault(&m, f);
  }
  for (uint32_t i = 0; i < warm; i++) {
    mesh_draw(&m);
    (void)feed(&m, e);
  }
  printf("# %u services, %u edges, %u series\n", services, call_n, m.series_n);
  uint64_t before = engine_counters(e)[REC_COUNTER_ALARMS];
  for (uint32_t i = 0; i < rounds; i++) {
    mesh_draw(&m);
    struct cost c = feed(&m, e);
    uint64_t now = engine_counters(e)[REC_COUNTER_ALARMS];
    engine_info(e, &info);
    printf("# tick %u of the fault: %llu alarms raised, %u incidents open, head %.2f ms CPU, buckets %.2f ms\n", i,
           (unsigned long long)(now - before), info.incidents_open, c.head_ms, c.bucket_ms);
    before = now;
  }
  printf("# digest %016llx\n", (unsigned long long)engine_digest(e));
  mesh_engine_close(e);
  mesh_close(&m);
  free(call);
}

/* Each gauge of a pod of its own; one in a hundred is in trouble all the time. */
static void gauge_bench(uint32_t gauges, uint32_t rounds) {
  static double all[ROUNDS_MAX];
  struct rec_gauge *g = calloc(gauges, sizeof *g);
  char(*pod)[16] = calloc(gauges, sizeof *pod);
  struct mesh_rng r = {3};
  struct rec_tick t = {.end = {1772442000000000000}};
  struct rec_out out;
  struct engine *e = mesh_engine_open(gauges > 64 ? gauges : 64);
  MUST(g && pod);
  for (uint32_t i = 0; i < gauges; i++) {
    (void)snprintf(pod[i], sizeof pod[i], "cart-%u", i);
    g[i] = (struct rec_gauge){.metric = STR("container_cpu_usage_seconds_total"),
                              .dim = {STR("shop"), STR("cart"), STR("east-1"), [REC_DIM_POD] = str_of(pod[i])}};
  }
  for (uint32_t k = 0; k < rounds + 200; k++) {
    t.seq = k;
    t.end.ns += LIMIT_TICK_NS;
    for (uint32_t i = 0; i < gauges; i++) {
      g[i].at.ns = t.end.ns - 1;
      g[i].value = rng_unit(&r) + (i % 100 == 0 && k / 8 % 2 ? 9.0 : 0.0);
    }
    struct rec_head_batch in = {.gauge = g, .gauge_n = gauges};
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_bucket_tick(e, b, t);
    double from = cpu_ms();
    engine_head_tick(e, &in, t, &out);
    if (k >= 200) all[k - 200] = cpu_ms() - from;
  }
  qsort(all, rounds, sizeof all[0], ascending);
  printf("# %u gauges, a sample of each a tick: median %.0f ns CPU a sample, most %.0f ns; %zu bytes a gauge\n", gauges,
         1e6 * all[rounds / 2] / gauges, 1e6 * all[rounds - 1] / gauges, sizeof(struct gauge_watch));
  printf("# digest %016llx, taken %llu\n", (unsigned long long)engine_digest(e),
         (unsigned long long)engine_counters(e)[REC_COUNTER_GAUGES]);
  mesh_engine_close(e);
  free(g);
  free(pod);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "all";
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(what, "tiny") == 0) {
    tick_bench(300, 40, 8);
    rank_bench(120, 480, 8);
    gauge_bench(64, 8);
  } else if (strcmp(what, "rank") == 0) {
    rank_bench(2000, 500, 16);
  } else if (strcmp(what, "gauge") == 0 && argc > 2) {
    gauge_bench((uint32_t)strtoul(argv[2], NULL, 10), 100);
  } else if (strcmp(what, "tick") == 0 && argc > 2) {
    tick_bench((uint32_t)strtoul(argv[2], NULL, 10), 300, 100);
  } else {
    tick_bench(10000, 300, 200);
    tick_bench(100000, 130, 30);
    rank_bench(2000, 500, 16);
    gauge_bench(LIMIT_GAUGES_TICK, 100);
  }
  puts("ok 1 - bench_tick\n1..1");
  return 0;
}
