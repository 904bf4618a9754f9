/* How fast spans are decoded, joined and folded together, with ticks closed on the way, in spans per CPU-second.
 *
 *   bench_otlp [FILE ...]   folds a made mesh of calls, then each FILE: the bodies of gRPC calls (a flag, a length and
 * an ExportTraceServiceRequest each). Prints the median of five runs and a hash of what came out, the same on every
 * machine. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base_hash.h"
#include "otlp_make.h"
#include "rec_counter.h"
#include "wire_fold.h"

#define RUNS 5
#define INPUT_BYTES_MAX (512u << 20)
#define MADE_CALLS 40000u
#define MADE_EACH 20u /* calls in a message */
#define T0 1767225600000000000ll

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

static struct result fold_run(struct wire_fold *f, struct base_str body) {
  struct result out = {0};
  double from_s = cpu_now_s();
  for (size_t at = 0; at + 5 <= body.n;) {
    const unsigned char *p = (const unsigned char *)body.p + at;
    size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    (void)wire_fold_otlp(f, WIRE_OTLP_TRACES, str_cut(body, at + 5, at + 5 + n), (struct base_wall){0});
    ticks_take(f, false, &out);
    at += 5 + n;
  }
  ticks_take(f, true, &out);
  out.cpu_s = cpu_now_s() - from_s;
  const uint64_t *c = wire_fold_counters(f);
  out.spans = c[REC_COUNTER_SPANS];
  out.requests = c[REC_COUNTER_REQUESTS_SERVER] + c[REC_COUNTER_REQUESTS_CLIENT];
  return out;
}

static int by_cpu(const void *a, const void *b) {
  double x = ((const struct result *)a)->cpu_s, y = ((const struct result *)b)->cpu_s;
  return (x > y) - (x < y);
}

static int bench(const char *name, struct base_str body) {
  struct wire_fold_conf conf = {.series_max = LIMIT_SERIES_DEFAULT, .table_key = {1, 2}};
  struct result run[RUNS];
  size_t bytes = wire_fold_bytes(&conf);
  for (int i = 0; i < RUNS; i++) {
    void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mem == MAP_FAILED) return 1;
    run[i] = fold_run(wire_fold_init(mem, bytes, &conf), body);
    if (munmap(mem, bytes) != 0) return 1;
  }
  qsort(run, RUNS, sizeof run[0], by_cpu);
  const struct result *mid = &run[RUNS / 2];
  if (mid->spans == 0) return 1;
  (void)printf("%-12s %8.3f M spans per CPU-second  %5.0f ns a span  %llu spans %llu requests  hash %016llx\n", name,
               (double)mid->spans / mid->cpu_s / 1e6, mid->cpu_s / (double)mid->spans * 1e9,
               (unsigned long long)mid->spans, (unsigned long long)mid->requests, (unsigned long long)mid->hash);
  return 0;
}

/* ---- a made mesh ---- */

static void frame_put(struct base_buf *out, const struct made_pair *resource, const struct made_span *s, size_t n) {
  size_t at = out->n;
  buf_put(out, "\0\0\0\0\0", 5);
  otlp_make_spans(out, resource, s, n);
  size_t size = out->n - at - 5;
  for (unsigned i = 0; i < 4; i++) out->p[at + 1 + i] = (char)(size >> (24 - 8 * i));
}

/* Calls of web to shop; ids are the texts' first bytes, so a few hundred calls are in flight at a time. */
static void calls_put(struct base_buf *out, uint32_t first) {
  static const struct made_pair web[] = {{"service.name", "web"}, {"k8s.pod.name", "web-1"}, {NULL, NULL}};
  static const struct made_pair shop[] = {{"service.name", "shop"}, {"k8s.pod.name", "shop-1"}, {NULL, NULL}};
  static char id[MADE_EACH][4];
  struct made_span client[MADE_EACH] = {{0}}, server[MADE_EACH] = {{0}};
  for (uint32_t i = 0; i < MADE_EACH; i++) {
    int64_t at = T0 + (int64_t)(first + i) * 100000;
    id[i][0] = (char)(1 + (first + i) % 250);
    id[i][2] = (char)(251 - (first + i) % 250);
    client[i] = (struct made_span){.trace = id[i],
                                   .id = id[i],
                                   .name = "GET",
                                   .kind = 3,
                                   .start_ns = at,
                                   .span_ns = 5000000,
                                   .attr = {{"server.address", "shop"},
                                            {"http.request.method", "GET"},
                                            {"http.response.status_code", "200"},
                                            {"url.full", "http://shop/carts/7"}}};
    server[i] = (struct made_span){.trace = id[i],
                                   .id = id[i] + 2,
                                   .parent = id[i],
                                   .name = "GET /carts/{id}",
                                   .kind = 2,
                                   .start_ns = at,
                                   .span_ns = 4000000,
                                   .attr = {{"http.route", "/carts/{id}"},
                                            {"http.request.method", "GET"},
                                            {"http.response.status_code", "200"},
                                            {"url.path", "/carts/7"}}};
  }
  frame_put(out, web, client, MADE_EACH);
  frame_put(out, shop, server, MADE_EACH);
}

static int file_bench(const char *path) {
  FILE *f = fopen(path, "rb");
  char *mem = malloc(INPUT_BYTES_MAX);
  if (!f || !mem) return 1;
  struct base_str body = {mem, fread(mem, 1, INPUT_BYTES_MAX, f)};
  int status = bench("file", body);
  free(mem);
  return fclose(f) == 0 ? status : 1;
}

int main(int argc, char **argv) {
  struct base_buf out = buf_open(INPUT_BYTES_MAX);
  for (uint32_t i = 0; i < MADE_CALLS; i += MADE_EACH) calls_put(&out, i);
  int status = out.bad ? 1 : bench("made", buf_str(&out));
  buf_fini(&out);
  for (int i = 1; i < argc && status == 0; i++) status = file_bench(argv[i]);
  return status;
}
