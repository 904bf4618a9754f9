/* Gauges at the door: lines "<kind, value, time>name{label=value,…}" in any order; what comes out is sorted, bounded,
 * and what the codec can write. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base_must.h"
#include "rec_codec.h"
#include "rec_counter.h"
#include "wire_gauge.h"

#define HEAD_BYTES 3u
#define T0 1772442000000000000ll

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void labels_read(struct base_str text, struct wire_sample *s) {
  for (size_t at = 0; at < text.n && s->label_n < WIRE_SAMPLE_LABELS;) {
    size_t end = str_find(text, ',', at), eq = str_find(text, '=', at);
    if (eq > end) eq = end;
    s->label[s->label_n++] = (struct wire_label){str_cut(text, at, eq), str_cut(text, eq + 1, end)};
    at = end + 1;
  }
}

static void line_take(struct wire_gauges *g, struct base_str line, int64_t now_ns) {
  struct wire_sample s = {.time_ns = now_ns};
  if (line.n < HEAD_BYTES) return;
  const unsigned char *head = (const unsigned char *)line.p;
  s.kind = head[0] % 5;
  s.mode = head[0] / 8 % 2;
  s.stale = head[0] == 0xff;
  s.value = head[1] & 0x80 ? (double)head[1] * 1e300 : (double)head[1] - 3.0;
  s.time_ns += (int64_t)(head[2] % 128) * 100000000 - (head[2] & 0x80 ? 70000000000 : 0);
  size_t brace = str_find(line, '{', HEAD_BYTES);
  s.name = str_cut(line, HEAD_BYTES, brace);
  labels_read(str_cut(line, brace + 1, line.n), &s);
  (void)wire_gauge_take(g, &s, (struct base_wall){head[0] & 0x20 ? now_ns : 0});
}

/* The first line's labels are the names of a pod that requests were seen of, and of whom it calls. */
static void series_learn(struct wire_gauges *g, struct base_str line) {
  struct wire_sample s = {.label_n = 0};
  labels_read(line, &s);
  for (uint32_t i = 0; i < s.label_n; i++) {
    struct rec_series pod = {.level = REC_LEVEL_POD}, edge = {.level = REC_LEVEL_EDGE};
    pod.dim[REC_DIM_POD] = s.label[i].key;
    pod.dim[REC_DIM_SERVICE] = edge.dim[REC_DIM_CALLER] = s.label[i].value;
    edge.dim[REC_DIM_SERVICE] = s.label[0].value;
    wire_gauge_series(g, &pod);
    wire_gauge_series(g, &edge);
  }
}

static void tick_check(struct wire_gauges *g, uint64_t tick) {
  struct rec_tick_input in = {.tick.seq = tick};
  struct base_buf out = buf_open(64u << 20);
  in.head.gauge = wire_gauge_close(g, tick, &in.head.gauge_n);
  MUST(in.head.gauge_n <= LIMIT_GAUGES_TICK);
  for (size_t i = 1; i < in.head.gauge_n; i++) MUST(rec_gauge_cmp(&in.head.gauge[i - 1], &in.head.gauge[i]) < 0);
  rec_codec_tick_write(&in, &out);
  MUST(!out.bad);
  buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t counter[REC_COUNTER_COUNT] = {0};
  size_t bytes = wire_gauges_bytes(), at = 0;
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MUST(mem != MAP_FAILED);
  struct wire_gauges *g = wire_gauges_init(mem, (struct base_hash_key){1, 2}, counter);
  struct base_str text = {(const char *)data, size};
  for (uint64_t n = 0; at < text.n; n++) {
    size_t end = str_find(text, '\n', at);
    if (n == 0)
      series_learn(g, str_cut(text, at, end));
    else
      line_take(g, str_cut(text, at, end), T0 + (int64_t)n * 50000000);
    if (n % 8 == 7) tick_check(g, n / 8);
    at = end + 1;
  }
  tick_check(g, 1000);
  munmap(mem, bytes);
  return 0;
}
