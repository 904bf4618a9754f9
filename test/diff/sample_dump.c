/* Prints the samples that the decoders of metrics make of a file of gRPC frames, for a comparison with other decoders.
 *
 *   sample_dump otlp|otlp-json|envoy|text|proto|remote FILE   JSON, a line a sample (S), and one a message (M)
 *   sample_dump --fields                                      Prometheus' tables of protobuf fields (F)
 *
 * S [kind, delta, name, unit, [[key, value] …], value, time_ns, start_ns, stale, count, sum or null, [[upper, n] …]]
 * M [samples, histograms, exemplars, rejected]. Numbers that are doubles are texts in hexadecimal, which are exact. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base_json.h"
#include "base_must.h"
#include "wire_fold.h"
#include "wire_prom_fields.h"
#include "wire_recode.h"
#include "wire_remote_fields.h"

#define FILE_BYTES_MAX ((size_t)1 << 28)
#define LINE_BYTES_MAX ((size_t)1 << 24)

static const char *const kinds[] = {"otlp", "envoy", "text", "proto", "remote"}; /* by enum wire_metrics_kind */

static void put_double(struct base_json *j, double v) {
  char text[64];
  (void)snprintf(text, sizeof text, "%a", v);
  json_text(j, text);
}

static void put_labels(struct base_json *j, const struct wire_sample *s) {
  json_array(j);
  for (uint32_t i = 0; i < s->label_n; i++) {
    json_array(j);
    json_str(j, s->label[i].key);
    json_str(j, s->label[i].value);
    json_close(j);
  }
  json_close(j);
}

static void put_buckets(struct base_json *j, const struct wire_sample *s) {
  json_array(j);
  for (uint32_t i = 0; i < s->bucket_n; i++) {
    json_array(j);
    put_double(j, s->bucket[i].upper);
    json_u64(j, s->bucket[i].n);
    json_close(j);
  }
  json_close(j);
}

static void put_line(struct base_buf *line) {
  MUST(!line->bad);
  (void)printf("%.*s\n", STR_ARG(buf_str(line)));
}

static void put_sample(void *arg, const struct wire_sample *s) {
  struct base_buf *line = arg;
  buf_clear(line);
  buf_put_str(line, STR("S "));
  struct base_json j = json_over(line);
  json_array(&j);
  json_text(&j, sample_kind_text((enum wire_sample_kind)s->kind));
  json_bool(&j, s->mode == WIRE_SAMPLE_DELTA);
  json_str(&j, s->name);
  json_str(&j, s->unit);
  put_labels(&j, s);
  put_double(&j, s->value);
  json_i64(&j, s->time_ns);
  json_i64(&j, s->start_ns);
  json_bool(&j, s->stale);
  json_u64(&j, s->count);
  if (s->has_sum)
    put_double(&j, s->sum);
  else
    json_null(&j);
  put_buckets(&j, s);
  json_close(&j);
  put_line(line);
}

static void put_tally(const struct wire_fold *f, bool broken) {
  const struct wire_sample_tally *t = wire_fold_tally(f);
  (void)printf("M [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %d]\n", t->samples, t->histograms, t->exemplars,
               t->rejected, broken);
}

static void put_message(struct wire_fold *f, enum wire_metrics_kind kind, wire_stream s, bool json,
                        struct base_str bytes) {
  static char mem[LIMIT_MESSAGE_BYTES];
  struct base_buf out = buf_over(mem, sizeof mem);
  struct wire_err err;
  struct rec_tick tick;
  bool good = !json || wire_recode_metrics(bytes, &out, &err) == WIRE_OK;
  uint64_t before = wire_fold_counters(f)[REC_COUNTER_REJECT_MESSAGE];
  if (good) (void)wire_fold_metrics(f, kind, s, json ? buf_str(&out) : bytes, (struct base_wall){0});
  put_tally(f, !good || wire_fold_counters(f)[REC_COUNTER_REJECT_MESSAGE] != before);
  while (wire_fold_tick(f, (struct base_wall){0}, false, &tick)) continue;
}

static void put_frames(struct wire_fold *f, enum wire_metrics_kind kind, bool json, struct base_str file) {
  wire_stream s = wire_fold_stream_open(f);
  for (size_t at = 0; at + 5 <= file.n;) {
    const unsigned char *p = (const unsigned char *)file.p + at;
    size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    put_message(f, kind, s, json, str_cut(file, at + 5, at + 5 + n));
    at += 5 + n;
  }
}

static void put_fields(void) {
#define X(message, field, number, type) (void)printf("F\tprom\t%s\t%s\t%d\t%d\n", #message, #field, number, PB_##type);
  WIRE_PROM_FIELD_TABLE(X)
#undef X
#define X(message, field, number, type) \
  (void)printf("F\tremote\t%s\t%s\t%d\t%d\n", #message, #field, number, PB_##type);
  WIRE_REMOTE_FIELD_TABLE(X)
#undef X
}

static int run(enum wire_metrics_kind kind, bool json, const char *path) {
  struct wire_fold_conf conf = {.series_max = LIMIT_SERIES_DEFAULT, .table_key = {1, 2}};
  size_t bytes = wire_fold_bytes(&conf);
  FILE *f = fopen(path, "rb");
  char *mem = malloc(FILE_BYTES_MAX), *line_mem = malloc(LINE_BYTES_MAX);
  void *fold_mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!f || !mem || !line_mem || fold_mem == MAP_FAILED) return 1;
  struct base_str file = {mem, fread(mem, 1, FILE_BYTES_MAX, f)};
  struct base_buf line = buf_over(line_mem, LINE_BYTES_MAX);
  struct wire_fold *fold = wire_fold_init(fold_mem, bytes, &conf);
  wire_fold_watch_samples(fold, put_sample, &line);
  put_frames(fold, kind, json, file);
  free(mem);
  free(line_mem);
  return munmap(fold_mem, bytes) == 0 && fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--fields") == 0) {
    put_fields();
    return 0;
  }
  if (argc == 3 && strcmp(argv[1], "otlp-json") == 0) return run(WIRE_METRICS_OTLP, true, argv[2]);
  for (unsigned i = 0; argc == 3 && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(argv[1], kinds[i]) == 0) return run((enum wire_metrics_kind)i, false, argv[2]);
  return 2;
}
