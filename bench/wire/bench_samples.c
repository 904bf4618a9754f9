/* How fast metrics are decoded, on one core: expositions in text in MB, remote writes in samples, OTLP in points, each
 * per CPU-second.
 *
 *   bench_samples [FILE ...]   made inputs, then each FILE: an exposition in text. Prints the median of five runs and
 * a hash of all that came out, names, labels, values and times, the same on every machine. */
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base_hash.h"
#include "io_snappy.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"
#include "wire_points.h"
#include "wire_prom.h"
#include "wire_remote.h"
#include "wire_remote_fields.h"

#define RUNS 5
#define RUN_SAMPLES 1000000u /* at least, in a run: the input over and over */
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

static bool decode_remote(struct wire_sampler *m, struct base_str bytes) {
  static struct wire_remote remote;
  struct wire_err err;
  return wire_remote_take(m, &remote, bytes, &err) == WIRE_OK;
}

static bool decode_packed(struct wire_sampler *m, struct base_str bytes) {
  static char mem[LIMIT_MESSAGE_BYTES];
  size_t n;
  if (io_snappy_unpack(bytes, mem, sizeof mem, &n) != IO_SNAPPY_OK) return false;
  return decode_remote(m, (struct base_str){mem, n});
}

static bool decode_points(struct wire_sampler *m, struct base_str bytes) {
  wire_points_take(m, bytes);
  return m->tally.rejected == 0;
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
  for (out->bytes = 0; counter[REC_COUNTER_SAMPLES] < RUN_SAMPLES; out->bytes += body.n) {
    wire_sampler_start(m);
    if (!decode(m, body) || counter[REC_COUNTER_SAMPLES] == 0) return false;
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

static const char *const keys[] = {"__name__", "cluster",   "container", "endpoint",      "instance",
                                   "job",      "namespace", "pod",       "response_code", "service"};
enum { KEYS = sizeof keys / sizeof *keys, SERIES = 2000 };

static struct base_str value_of(unsigned key, unsigned series, char mem[64]) {
  if (key == 0) return STR("istio_requests_total");
  int n = snprintf(mem, 64, "%s-of-the-mesh-%u", keys[key], key > 3 ? series % (key * 31) : 1);
  return (struct base_str){mem, (size_t)n};
}

static void sample_put(struct base_buf *out, unsigned i) {
  double value = 1000.0 + i;
  size_t at = pbw_enter(out, REMOTE_TimeSeries_samples);
  pbw_fixed64(out, REMOTE_Sample_value, bits_of(value));
  pbw_int(out, REMOTE_Sample_timestamp, 1767225600000ull);
  pbw_leave(out, at);
}

/* A sample a series, as Prometheus sends them. */
static void write1_put(struct base_buf *out) {
  char mem[64];
  for (unsigned i = 0; i < SERIES; i++) {
    size_t at = pbw_enter(out, REMOTE_WriteRequest_timeseries);
    for (unsigned k = 0; k < KEYS; k++) {
      size_t label = pbw_enter(out, REMOTE_TimeSeries_labels);
      pbw_str(out, REMOTE_Label_name, str_of(keys[k]));
      pbw_str(out, REMOTE_Label_value, value_of(k, i, mem));
      pbw_leave(out, label);
    }
    sample_put(out, i);
    pbw_leave(out, at);
  }
}

/* Symbols once a message: here one a key, and one a series and key. */
static void write2_put(struct base_buf *out) {
  char mem[64];
  pbw_str(out, REMOTE_Request2_symbols, STR(""));
  for (unsigned k = 0; k < KEYS; k++) pbw_str(out, REMOTE_Request2_symbols, str_of(keys[k]));
  for (unsigned i = 0; i < SERIES; i++)
    for (unsigned k = 0; k < KEYS; k++) pbw_str(out, REMOTE_Request2_symbols, value_of(k, i, mem));
  for (unsigned i = 0; i < SERIES; i++) {
    size_t at = pbw_enter(out, REMOTE_Request2_timeseries);
    size_t refs = pbw_enter(out, PB_TAG(1, PB_LEN));
    for (unsigned k = 0; k < KEYS; k++) {
      pbw_varint(out, 1 + k);
      pbw_varint(out, 1 + KEYS + i * KEYS + k);
    }
    pbw_leave(out, refs);
    sample_put(out, i);
    size_t metadata = pbw_enter(out, REMOTE_TimeSeries2_metadata);
    pbw_int(out, REMOTE_Metadata2_type, REMOTE_COUNTER);
    pbw_leave(out, metadata);
    pbw_leave(out, at);
  }
}

static void attribute_put(struct base_buf *out, uint32_t tag, unsigned key, unsigned i) {
  char mem[64];
  size_t at = pbw_enter(out, tag);
  pbw_str(out, OTLP_pair_key, str_of(keys[key]));
  size_t value = pbw_enter(out, OTLP_pair_value);
  pbw_str(out, OTLP_any_string_value, value_of(key, i, mem));
  pbw_leave(out, value);
  pbw_leave(out, at);
}

static void histogram_put(struct base_buf *out, unsigned i) {
  size_t at = pbw_enter(out, OTLP_histogram_data_points);
  pbw_fixed64(out, OTLP_histogram_point_time_unix_nano, 1767225600000000000ull);
  pbw_fixed64(out, OTLP_histogram_point_count, i);
  pbw_fixed64(out, OTLP_histogram_point_sum, bits_of(0.125 * i));
  for (unsigned k = 0; k < 15; k++) pbw_fixed64(out, OTLP_histogram_point_bucket_counts, k * i);
  for (unsigned k = 0; k < 14; k++)
    pbw_fixed64(out, OTLP_histogram_point_explicit_bounds, bits_of(0.005 * (double)(1u << k)));
  for (unsigned k = 5; k < KEYS; k++) attribute_put(out, OTLP_histogram_point_attributes, k, i);
  pbw_leave(out, at);
}

static void number_put(struct base_buf *out, unsigned i) {
  size_t at = pbw_enter(out, OTLP_sum_data_points);
  pbw_fixed64(out, OTLP_number_time_unix_nano, 1767225600000000000ull);
  pbw_fixed64(out, OTLP_number_as_int, i);
  for (unsigned k = 5; k < KEYS; k++) attribute_put(out, OTLP_number_attributes, k, i);
  pbw_leave(out, at);
}

/* A histogram's point and a sum's by turns. */
static void points_put(struct base_buf *out) {
  size_t resource_metrics = pbw_enter(out, OTLP_metrics_resource_metrics);
  size_t resource = pbw_enter(out, OTLP_of_resource_metrics_resource);
  for (unsigned k = 1; k < 5; k++) attribute_put(out, OTLP_resource_attributes, k, 1);
  pbw_leave(out, resource);
  size_t scope = pbw_enter(out, OTLP_of_resource_metrics_scope_metrics);
  for (unsigned i = 0; i < SERIES; i++) {
    bool sum = i % 2;
    size_t metric = pbw_enter(out, OTLP_of_scope_metrics_metrics);
    pbw_str(out, OTLP_metric_name, STR("http.server.request.duration"));
    size_t data = pbw_enter(out, sum ? OTLP_metric_sum : OTLP_metric_histogram);
    pbw_int(out, OTLP_sum_aggregation_temporality, 2);
    if (sum) pbw_int(out, OTLP_sum_is_monotonic, 1);
    if (sum)
      number_put(out, i);
    else
      histogram_put(out, i);
    pbw_leave(out, data);
    pbw_leave(out, metric);
  }
  pbw_leave(out, scope);
  pbw_leave(out, resource_metrics);
}

/* The same as it comes: in snappy. */
static void packed_put(struct base_buf *out) {
  struct base_buf plain = buf_open(INPUT_BYTES_MAX);
  write1_put(&plain);
  size_t n = snappy_max_compressed_length(plain.n);
  char *to = buf_reserve(out, n);
  if (!to || snappy_compress(plain.p, plain.n, to, &n) != SNAPPY_OK) abort();
  out->n += n;
  buf_fini(&plain);
}

static int made_bench(struct wire_sampler *m, const char *name, decoder *decode, void (*put)(struct base_buf *)) {
  struct base_buf out = buf_open(INPUT_BYTES_MAX);
  put(&out);
  int status = out.bad ? 1 : bench(m, name, decode, buf_str(&out));
  buf_fini(&out);
  return status;
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
  int status = m ? 0 : 1;
  if (status == 0) status = made_bench(m, "text", decode_text, text_put);
  if (status == 0) status = made_bench(m, "write 1.0", decode_remote, write1_put);
  if (status == 0) status = made_bench(m, "write 2.0", decode_remote, write2_put);
  if (status == 0) status = made_bench(m, "1.0 packed", decode_packed, packed_put);
  if (status == 0) status = made_bench(m, "OTLP", decode_points, points_put);
  for (int i = 1; i < argc && status == 0; i++) status = file_bench(m, argv[i]);
  free(m);
  return status;
}
