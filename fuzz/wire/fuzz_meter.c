/* Expositions of any bytes through profiles, meter and fold, at any pace: nothing breaks, ticks come in order, and what
 * comes out is what rec_input.h promises. Input: a byte of mode, then scrapes, each behind a byte of target and time
 * and two bytes of length. Mode: bit 0 a receiver with a clock, bit 1 hardly any room for series, bit 2 OTLP instead of
 * text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base_must.h"
#include "wire_fold.h"

#define TICKS_MAX 20000u
#define START_NS 1767225600000000000ll

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void batch_check(const struct rec_batch *b) {
  for (size_t i = 0; i < b->obs_n; i++) {
    const struct rec_obs *o = &b->obs[i];
    uint64_t hist = 0;
    MUST(i == 0 || b->obs[i - 1].series_idx < o->series_idx);
    MUST(o->hist_from + o->hist_n <= b->cell_n);
    for (uint32_t k = 0; k < o->hist_n; k++) hist += b->cell[o->hist_from + k].count;
    MUST(hist <= o->class_n[REC_CLASS_OK] && (o->pace || !o->partial));
  }
}

static void ticks_take(struct wire_fold *f, struct base_wall now, bool flush, uint32_t *ticks, int64_t *end_ns) {
  struct rec_tick tick;
  while (*ticks < TICKS_MAX && wire_fold_tick(f, now, flush, &tick)) {
    MUST(tick.end.ns > *end_ns);
    *end_ns = tick.end.ns;
    ++*ticks;
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(f, b);
      batch_check(&batch);
    }
    struct rec_head_batch head = wire_fold_take_head(f);
    MUST(head.gap_n <= LIMIT_GAPS);
  }
}

/* The scrape behind the line of one of a few targets, or as it is. */
static void scrape_take(struct wire_fold *f, bool otlp, uint8_t target, struct base_str bytes, struct base_wall now) {
  static const char *const line[] = {"# target {pod=\"a\",namespace=\"s\"}\n",
                                     "# target {job=\"j\",instance=\"1\",node_cluster=\"web\"}\n",
                                     "# target {service_name=\"x\"} openmetrics\n", ""};
  static char text[1 << 17];
  size_t lead = strlen(line[target % 4]);
  if (otlp) {
    wire_fold_metrics(f, WIRE_METRICS_OTLP, 0, bytes, now);
    return;
  }
  memcpy(text, line[target % 4], lead);
  memcpy(text + lead, bytes.p, bytes.n);
  wire_fold_metrics(f, WIRE_METRICS_TEXT, 0, (struct base_str){text, lead + bytes.n}, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0) return 0;
  uint8_t mode = data[0];
  struct wire_fold_conf conf = {.series_max = mode & 2 ? 3 : 1024, .table_key = {3, 4}};
  size_t bytes = wire_fold_bytes(&conf), at = 1;
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mem == MAP_FAILED) abort();
  struct wire_fold *f = wire_fold_init(mem, bytes, &conf);
  struct base_wall now = {mode & 1 ? START_NS : 0};
  int64_t end_ns = INT64_MIN;
  uint32_t ticks = 0;
  while (at + 3 <= n) {
    uint8_t head = data[at];
    size_t size = (size_t)data[at + 1] << 8 | data[at + 2];
    if (size > n - at - 3) size = n - at - 3;
    scrape_take(f, mode & 4, head & 3, (struct base_str){(const char *)data + at + 3, size}, now);
    ticks_take(f, now, false, &ticks, &end_ns);
    if (now.ns) now.ns += (int64_t)(head >> 2) * 250000000;
    at += 3 + size;
  }
  ticks_take(f, now, true, &ticks, &end_ns);
  if (munmap(mem, bytes) != 0) abort();
  return 0;
}
