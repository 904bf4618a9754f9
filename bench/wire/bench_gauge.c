/* CPU time of a sample at the door of gauges.
 *
 *   bench_gauge [N]      N samples of each kind, 1,000,000 by default
 *
 * Prints TAP with the figures as comments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base_must.h"
#include "rec_counter.h"
#include "wire_gauge.h"

#define PODS 500u
#define T0 1772442000000000000ll

static double cpu_ns(void) {
  struct timespec t;
  MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static char pod[PODS][16];

static struct wire_sample sample(struct base_str name, enum wire_sample_kind kind, uint32_t i) {
  struct wire_sample s = {.name = name, .kind = (uint8_t)kind, .value = 1.0 + (double)i, .label_n = 8};
  const struct wire_label label[] = {{STR("container"), STR("app")},      {STR("namespace"), STR("shop")},
                                     {STR("pod"), str_of(pod[i % PODS])}, {STR("instance"), STR("10.0.0.7:8080")},
                                     {STR("job"), STR("pods")},           {STR("image"), STR("registry/cart:1.2")},
                                     {STR("node"), STR("node-7")},        {STR("app"), STR("cart")}};
  memcpy(s.label, label, sizeof label);
  s.time_ns = T0 + (int64_t)(i / PODS) * 1000000000;
  return s;
}

/* 500 pods in turn; a tick is closed after each round of them. */
static void kind_bench(struct wire_gauges *g, const char *what, struct base_str name, enum wire_sample_kind kind,
                       uint32_t n, uint64_t *tick) {
  uint64_t taken = 0;
  double from = cpu_ns();
  for (uint32_t i = 0; i < n; i++) {
    struct wire_sample s = sample(name, kind, i);
    size_t out;
    taken += wire_gauge_take(g, &s, (struct base_wall){s.time_ns});
    if (i % PODS == PODS - 1) (void)wire_gauge_close(g, (*tick)++, &out);
  }
  printf("# %s: %.0f ns CPU a sample, its making and the tick's close included; %llu of %u taken\n", what,
         (cpu_ns() - from) / n, (unsigned long long)taken, n);
}

int main(int argc, char **argv) {
  uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000u;
  uint64_t counter[REC_COUNTER_COUNT] = {0}, tick = 0;
  size_t bytes = wire_gauges_bytes();
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MUST(mem != MAP_FAILED);
  struct wire_gauges *g = wire_gauges_init(mem, (struct base_hash_key){1, 2}, counter);
  for (uint32_t i = 0; i < PODS; i++) {
    (void)snprintf(pod[i], sizeof pod[i], "cart-%u", i);
    struct rec_series known = {.level = REC_LEVEL_POD,
                               .dim = {STR("shop"), STR("cart"), [REC_DIM_POD] = str_of(pod[i])}};
    wire_gauge_series(g, &known);
  }
  kind_bench(g, "no gauge", STR("http_requests_total"), WIRE_SAMPLE_COUNTER, n, &tick);
  kind_bench(g, "a gauge", STR("container_memory_working_set_bytes"), WIRE_SAMPLE_GAUGE, n, &tick);
  kind_bench(g, "a counter's rate", STR("container_cpu_usage_seconds_total"), WIRE_SAMPLE_COUNTER, n, &tick);
  munmap(mem, bytes);
  puts("ok 1 - bench_gauge\n1..1");
  return 0;
}
