/* Messages of any bytes through identity and fold: nothing breaks, ticks come in order, and what comes out is what
 * rec_input.h promises. Input: a byte of mode, then messages, each behind two bytes of length. Mode: bit 0 a receiver
 * with a clock, bit 1 two streams by turns, bit 2 hardly any room for series, bit 3 by turns two messages of OTLP
 * spans, one of OTLP logs, one of access logs. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base_must.h"
#include "wire_fold.h"

#define TICKS_MAX 40000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void batch_check(const struct rec_batch *b, unsigned bucket, uint32_t series_max) {
  for (size_t i = 0; i < b->series_n; i++) {
    MUST(b->series[i].bucket == bucket && b->series[i].series_idx < series_max);
    MUST(i == 0 || b->series[i - 1].series_idx < b->series[i].series_idx);
  }
  for (size_t i = 0; i < b->obs_n; i++) {
    const struct rec_obs *o = &b->obs[i];
    uint64_t hist = 0;
    MUST(o->series_idx < series_max && (i == 0 || b->obs[i - 1].series_idx < o->series_idx));
    MUST(o->hist_from + o->hist_n <= b->cell_n);
    for (uint32_t k = 0; k < o->hist_n; k++) hist += b->cell[o->hist_from + k].count;
    MUST(hist <= o->class_n[REC_CLASS_OK]);
  }
}

static void ticks_take(struct wire_fold *f, struct base_wall now, bool flush, uint32_t series_max, uint32_t *ticks,
                       int64_t *end_ns) {
  struct rec_tick tick;
  while (*ticks < TICKS_MAX && wire_fold_tick(f, now, flush, &tick)) {
    MUST(tick.end.ns > *end_ns);
    *end_ns = tick.end.ns;
    ++*ticks;
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(f, b);
      batch_check(&batch, b, series_max);
    }
    (void)wire_fold_take_head(f);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0) return 0;
  uint8_t mode = data[0];
  struct wire_fold_conf conf = {.series_max = mode & 4 ? 3 : 1024, .table_key = {3, 4}};
  size_t bytes = wire_fold_bytes(&conf), at = 1;
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mem == MAP_FAILED) abort();
  struct wire_fold *f = wire_fold_init(mem, bytes, &conf);
  wire_stream stream[2] = {wire_fold_stream_open(f), wire_fold_stream_open(f)};
  struct base_wall now = {mode & 1 ? 1767225600000000000ll : 0};
  int64_t end_ns = INT64_MIN;
  uint32_t ticks = 0;
  for (uint32_t k = 0; at + 2 <= n; k++) {
    size_t size = (size_t)data[at] << 8 | data[at + 1];
    if (size > n - at - 2) size = n - at - 2;
    struct base_str message = {(const char *)data + at + 2, size};
    if (!(mode & 8) || k % 4 == 3)
      wire_fold_message(f, stream[mode & 2 ? k % 2 : 0], message, now);
    else
      wire_fold_otlp(f, k % 4 == 2 ? WIRE_OTLP_LOGS : WIRE_OTLP_TRACES, message, now);
    ticks_take(f, now, false, conf.series_max, &ticks, &end_ns);
    if (now.ns) now.ns += 100000000;
    at += 2 + size;
  }
  ticks_take(f, now, true, conf.series_max, &ticks, &end_ns);
  for (int i = 0; i < 2; i++) wire_fold_stream_close(f, stream[i]);
  if (munmap(mem, bytes) != 0) abort();
  return 0;
}
