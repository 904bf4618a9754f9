#include "meter_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base_must.h"

#define S 1000000000.0

static void seen_put(void *arg, const struct wire_seen *s) {
  struct meter_made *t = arg;
  char key[400];
  (void)snprintf(key, sizeof key, "%s %.*s>%.*s/%.*s v=%.*s c=%.*s p=%.*s r=%.*s %s",
                 rec_side_text((enum rec_side)s->side), STR_ARG(s->dim[REC_DIM_CALLER]),
                 STR_ARG(s->dim[REC_DIM_NAMESPACE]), STR_ARG(s->dim[REC_DIM_SERVICE]), STR_ARG(s->dim[REC_DIM_VERSION]),
                 STR_ARG(s->dim[REC_DIM_CLUSTER]), STR_ARG(s->dim[REC_DIM_POD]), STR_ARG(s->dim[REC_DIM_ROUTE]),
                 rec_class_text((enum rec_class)s->class_));
  uint32_t at = 0;
  while (at < t->sum_n && strcmp(t->sum[at].key, key) != 0) at++;
  MUST(at < METER_SUMS);
  if (at == t->sum_n) memcpy(t->sum[t->sum_n++].key, key, sizeof key);
  t->sum[at].n += s->weight;
}

struct meter_made *meter_open(void) {
  struct wire_fold_conf conf = {.series_max = 4096, .table_key = {5, 6}};
  struct meter_made *t = calloc(1, sizeof *t);
  MUST(t != NULL);
  t->bytes = wire_fold_bytes(&conf);
  t->mem = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MUST(t->mem != MAP_FAILED);
  t->f = wire_fold_init(t->mem, t->bytes, &conf);
  wire_fold_watch(t->f, seen_put, t);
  return t;
}

void meter_close(struct meter_made *t) {
  munmap(t->mem, t->bytes);
  free(t);
}

static void obs_take(struct meter_made *t, const struct rec_batch *b, const struct rec_obs *o) {
  t->service = *o;
  t->has_service = true;
  t->ok_n += o->class_n[REC_CLASS_OK];
  uint64_t timed = 0;
  for (uint32_t i = 0; i < o->hist_n; i++) timed += b->cell[o->hist_from + i].count;
  MUST(timed <= o->class_n[REC_CLASS_OK]);
  t->hist_n += timed;
  t->latency_ns += o->latency_sum_ns;
  t->bytes_in += o->bytes_in;
  t->partial_n += o->partial;
  t->pace = o->pace;
  uint64_t n = 0;
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++) n += o->class_n[i];
  t->zero_n += n == 0 && !o->partial;
}

/* The number of the first series of level SERVICE, server side. */
static uint32_t service_idx = REC_SERIES_NONE;

static void batch_take(struct meter_made *t, const struct rec_batch *b) {
  for (size_t i = 0; i < b->series_n; i++)
    if (b->series[i].level == REC_LEVEL_SERVICE && b->series[i].side == REC_SIDE_SERVER && t->tick_n)
      if (service_idx == REC_SERIES_NONE) service_idx = b->series[i].series_idx;
  for (size_t i = 0; i < b->obs_n; i++)
    if (b->obs[i].series_idx == service_idx) obs_take(t, b, &b->obs[i]);
}

static void ticks(struct meter_made *t, double now_s, bool flush) {
  struct rec_tick tick;
  struct base_wall now = {now_s < 0 ? 0 : METER_T0_S * 1000000000ll + (int64_t)(now_s * S)};
  if (t->tick_n == 0) service_idx = REC_SERIES_NONE;
  while (wire_fold_tick(t->f, now, flush, &tick)) {
    t->tick_n++;
    t->has_service = false;
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(t->f, b);
      batch_take(t, &batch);
    }
    struct rec_head_batch head = wire_fold_take_head(t->f);
    for (size_t i = 0; i < head.gap_n; i++) {
      t->gap_n += head.gap[i].reason == REC_GAP_SCRAPE || head.gap[i].reason == REC_GAP_COUNTED;
      t->whole_n += head.gap[i].reason == REC_GAP_WHOLE;
      if (head.gap[i].reason >= REC_GAP_SCRAPE) t->gap = head.gap[i];
    }
  }
}

/* key="value",... */
static void labels_read(struct wire_sample *s, struct base_str text) {
  while (text.n) {
    size_t eq = str_find(text, '=', 0), end = str_find(text, '"', eq + 2);
    MUST(s->label_n < WIRE_SAMPLE_LABELS && eq < text.n && end < text.n);
    s->label[s->label_n++] = (struct wire_label){str_cut(text, 0, eq), str_cut(text, eq + 2, end)};
    text = str_cut(text, end + 1 + (end + 1 < text.n && text.p[end + 1] == ','), text.n);
  }
}

void meter_line(struct meter_made *t, const char *target, const char *line, double at_s, double recv_s) {
  struct wire_sample s = {.kind = WIRE_SAMPLE_UNTYPED};
  struct base_str text = str_of(line);
  size_t open = str_find(text, '{', 0), close = text.n;
  while (close > 0 && text.p[close - 1] != '}') close--;
  s.name = str_cut(text, 0, open);
  labels_read(&s, str_cut(text, open + 1, close - 1));
  labels_read(&s, str_of(target));
  const char *number = line + close + 1, *start = strchr(number, '@');
  s.stale = strncmp(number, "stale", 5) == 0;
  if (!s.stale) s.value = strtod(number, NULL);
  if (start) s.start_ns = METER_T0_S * 1000000000ll + (int64_t)(strtod(start + 1, NULL) * S);
  s.time_ns = METER_T0_S * 1000000000ll + (int64_t)(at_s * S);
  struct base_wall recv = {recv_s < 0 ? 0 : METER_T0_S * 1000000000ll + (int64_t)(recv_s * S)};
  wire_meter_take(wire_fold_meter(t->f), &s, recv);
}

void meter_scrape(struct meter_made *t, const char *target, const char *lines, double at_s) {
  char line[4096];
  while (*lines) {
    size_t n = strcspn(lines, "\n");
    MUST(n < sizeof line);
    memcpy(line, lines, n);
    line[n] = 0;
    meter_line(t, target, line, at_s, at_s);
    lines += n + (lines[n] == '\n');
  }
  ticks(t, at_s, false);
}

void meter_wait(struct meter_made *t, double until_s) {
  ticks(t, until_s, false);
}

void meter_flush(struct meter_made *t) {
  ticks(t, -1.0, true);
}

uint64_t meter_sum_of(const struct meter_made *t, const char *key) {
  for (uint32_t i = 0; i < t->sum_n; i++)
    if (strcmp(t->sum[i].key, key) == 0) return t->sum[i].n;
  return 0;
}

void meter_print(const struct meter_made *t) {
  for (uint32_t i = 0; i < t->sum_n; i++) printf("# %s = %llu\n", t->sum[i].key, (unsigned long long)t->sum[i].n);
}
