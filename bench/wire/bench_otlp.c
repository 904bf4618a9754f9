/* How fast spans are decoded, joined and folded together, with ticks closed on the way, in spans per CPU-second.
 *
 *   bench_otlp [FILE ...]   folds a made mesh of calls, then each FILE: the bodies of gRPC calls (a flag, a length and
 * an ExportTraceServiceRequest each), again and again, each time later. The first time is not counted, as all memory is
 * new then. Prints the median of the five others and a hash of what came out, the same on every machine. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base_hash.h"
#include "base_limits.h"
#include "bench_spans.h"
#include "rec_counter.h"
#include "wire_fold.h"

#define RUNS 5
#define INPUT_BYTES_MAX (512u << 20)
#define MADE_CALLS 40000u
#define MADE_EACH 20u /* calls in a message */
#define PAUSE_NS (2 * TIME_NS_PER_S)

struct result {
  uint64_t spans, requests, hash;
  double cpu_s;
};

static double cpu_now_s(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) abort();
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void ticks_take(struct wire_fold *f, bool flush, struct result *out) {
  struct rec_tick tick;
  while (wire_fold_tick(f, (struct base_wall){0}, flush, &tick))
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(f, b);
      for (size_t i = 0; i < batch.obs_n; i++)
        out->hash = hash_mix(out->hash, batch.obs[i].series_idx ^ batch.obs[i].latency_sum_ns);
    }
}

static uint64_t requests_of(const uint64_t *counter) {
  return counter[REC_COUNTER_REQUESTS_SERVER] + counter[REC_COUNTER_REQUESTS_CLIENT];
}

static struct result fold_run(struct wire_fold *f, struct base_str body) {
  struct result out = {0};
  struct base_str message;
  const uint64_t *c = wire_fold_counters(f);
  uint64_t spans = c[REC_COUNTER_SPANS], requests = requests_of(c);
  double from_s = cpu_now_s();
  for (size_t at = 0; spans_next(body, &at, &message);) {
    (void)wire_fold_otlp(f, WIRE_OTLP_TRACES, message, (struct base_wall){0});
    ticks_take(f, false, &out);
  }
  ticks_take(f, true, &out);
  out.cpu_s = cpu_now_s() - from_s;
  out.spans = c[REC_COUNTER_SPANS] - spans;
  out.requests = requests_of(c) - requests;
  return out;
}

static int by_cpu(const void *a, const void *b) {
  double x = ((const struct result *)a)->cpu_s, y = ((const struct result *)b)->cpu_s;
  return (x > y) - (x < y);
}

static int bench(const char *name, struct base_buf *body) {
  struct wire_fold_conf conf = {.series_max = LIMIT_SERIES_DEFAULT, .table_key = {1, 2}};
  struct result run[RUNS];
  uint64_t hash = 0;
  struct spans_range range = spans_range(buf_str(body));
  size_t bytes = wire_fold_bytes(&conf);
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mem == MAP_FAILED || range.spans == 0) return 1;
  struct wire_fold *f = wire_fold_init(mem, bytes, &conf);
  (void)fold_run(f, buf_str(body));
  for (int i = 0; i < RUNS; i++) {
    spans_move(body->p, body->n, range.last_ns - range.first_ns + PAUSE_NS);
    run[i] = fold_run(f, buf_str(body));
    hash = hash_mix(hash, run[i].hash);
  }
  if (munmap(mem, bytes) != 0) return 1;
  qsort(run, RUNS, sizeof run[0], by_cpu);
  const struct result *mid = &run[RUNS / 2];
  if (mid->spans != range.spans) return 1;
  (void)printf("%-12s %8.3f M spans per CPU-second  %5.0f ns a span  %llu spans %llu requests  hash %016llx\n", name,
               (double)mid->spans / mid->cpu_s / 1e6, mid->cpu_s / (double)mid->spans * 1e9,
               (unsigned long long)mid->spans, (unsigned long long)mid->requests, (unsigned long long)hash);
  return 0;
}

static int file_bench(const char *path) {
  FILE *f = fopen(path, "rb");
  struct base_buf body = buf_open(INPUT_BYTES_MAX);
  char *mem = buf_reserve(&body, INPUT_BYTES_MAX);
  if (!f || !mem) return 1;
  body.n = fread(mem, 1, INPUT_BYTES_MAX, f);
  int status = bench("file", &body);
  buf_fini(&body);
  return fclose(f) == 0 ? status : 1;
}

int main(int argc, char **argv) {
  struct base_buf out = buf_open(INPUT_BYTES_MAX);
  spans_make(&out, MADE_CALLS, MADE_EACH);
  int status = out.bad ? 1 : bench("made", &out);
  buf_fini(&out);
  for (int i = 1; i < argc && status == 0; i++) status = file_bench(argv[i]);
  return status;
}
