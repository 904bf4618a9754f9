/* How fast metrics are decoded, on one core: expositions in text in MB, remote writes in samples, OTLP in points, each
 * per CPU-second.
 *
 *   bench_samples [FILE ...]   made inputs, then each FILE: an exposition in text. Prints the median of five runs and
 * a hash of all that came out, names, labels, values and times, the same on every machine. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base_hash.h"
#include "wire_prom.h"

#define RUNS 5
#define RUN_BYTES (256u << 20) /* decoded in a run, the input over and over */
#define INPUT_BYTES_MAX (4u << 20)

typedef bool decoder(struct wire_sampler *m, struct base_str bytes);

struct result {
  uint64_t samples, bytes;
  double cpu_s;
};

static double cpu_now_s(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) abort();
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t bits_of(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

/* So that nothing of a sample can be left out by the compiler; as cheap as can be. */
static void sink_touch(void *arg, const struct wire_sample *s) {
  uint64_t *hash = arg;
  *hash += s->name.n + s->label_n + s->bucket_n + bits_of(s->value) + (uint64_t)s->time_ns;
}

static uint64_t hash_str(struct base_str s) {
  return hash_bytes(HASH_KEY_FIXED, s.p, s.n);
}

static void sink_hash(void *arg, const struct wire_sample *s) {
  uint64_t *hash = arg;
  *hash = hash_mix(*hash, hash_str(s->name) ^ bits_of(s->value) ^ (uint64_t)s->time_ns ^ s->kind);
  for (uint32_t i = 0; i < s->label_n; i++)
    *hash = hash_mix(*hash, hash_str(s->label[i].key) ^ 3 * hash_str(s->label[i].value));
  for (uint32_t i = 0; i < s->bucket_n; i++) *hash = hash_mix(*hash, bits_of(s->bucket[i].upper) ^ s->bucket[i].n);
}

static bool decode_text(struct wire_sampler *m, struct base_str bytes) {
  struct wire_err err;
  return wire_prom_take(m, WIRE_PROM_TEXT, bytes, &err) == WIRE_OK;
}

static int by_cpu(const void *a, const void *b) {
  double x = ((const struct result *)a)->cpu_s, y = ((const struct result *)b)->cpu_s;
  return (x > y) - (x < y);
}

static bool run(struct wire_sampler *m, decoder *decode, struct base_str body, struct result *out) {
  uint64_t hash = 0;
  uint64_t counter[REC_COUNTER_COUNT] = {0};
  wire_sampler_init(m, sink_touch, &hash, counter);
  double from_s = cpu_now_s();
  for (out->bytes = 0; out->bytes < RUN_BYTES; out->bytes += body.n) {
    wire_sampler_start(m);
    if (!decode(m, body)) return false;
  }
  out->cpu_s = cpu_now_s() - from_s;
  out->samples = counter[REC_COUNTER_SAMPLES];
  return out->samples != 0;
}

static int bench(struct wire_sampler *m, const char *name, decoder *decode, struct base_str body) {
  struct result all[RUNS];
  uint64_t hash = 0;
  uint64_t counter[REC_COUNTER_COUNT] = {0};
  wire_sampler_init(m, sink_hash, &hash, counter);
  if (!decode(m, body)) return 1;
  for (int i = 0; i < RUNS; i++)
    if (!run(m, decode, body, &all[i])) return 1;
  qsort(all, RUNS, sizeof all[0], by_cpu);
  const struct result *mid = &all[RUNS / 2];
  (void)printf("%-12s %7.1f MB and %6.2f M samples per CPU-second  %5.0f ns a sample of %3.0f bytes  hash %016llx\n",
               name, (double)mid->bytes / mid->cpu_s / 1e6, (double)mid->samples / mid->cpu_s / 1e6,
               mid->cpu_s / (double)mid->samples * 1e9, (double)mid->bytes / (double)mid->samples,
               (unsigned long long)hash);
  return 0;
}

/* ---- made inputs ---- */

/* What a sidecar of Istio tells of its requests. */
static void text_put(struct base_buf *out) {
  buf_put_str(out, STR("# TYPE istio_requests_total counter\n"));
  for (unsigned i = 0; i < 2000; i++)
    buf_put_f(out,
              "istio_requests_total{reporter=\"destination\",source_workload=\"frontend-v%u\","
              "source_workload_namespace=\"shop\",source_canonical_service=\"frontend\","
              "destination_service=\"cart.shop.svc.cluster.local\",destination_workload=\"cart\","
              "destination_workload_namespace=\"shop\",request_protocol=\"http\",response_code=\"%u\","
              "response_flags=\"-\",connection_security_policy=\"mutual_tls\"} %u\n",
              i % 7, 200 + i % 5, i * 977);
  buf_put_str(out, STR("# TYPE envoy_cluster_upstream_rq_time histogram\n"));
  for (unsigned i = 0; i < 200; i++)
    for (unsigned k = 0; k < 20; k++)
      buf_put_f(out, "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"outbound|80||svc-%u\",le=\"%g\"} %u\n",
                i, 0.5 * (double)(1u << k), i * k);
}

static int file_bench(struct wire_sampler *m, const char *path) {
  FILE *f = fopen(path, "rb");
  char *mem = malloc(INPUT_BYTES_MAX);
  if (!f || !mem) return 1;
  struct base_str body = {mem, fread(mem, 1, INPUT_BYTES_MAX, f)};
  int status = bench(m, "text file", decode_text, body);
  free(mem);
  return fclose(f) == 0 ? status : 1;
}

int main(int argc, char **argv) {
  struct wire_sampler *m = malloc(sizeof *m);
  struct base_buf out = buf_open(INPUT_BYTES_MAX);
  text_put(&out);
  int status = out.bad || !m ? 1 : bench(m, "text", decode_text, buf_str(&out));
  for (int i = 1; i < argc && status == 0; i++) status = file_bench(m, argv[i]);
  buf_fini(&out);
  free(m);
  return status;
}
