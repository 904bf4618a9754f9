#include "daemon_stats_metrics.h"

#include <stdlib.h>

#include "base_hash.h"
#include "base_json.h"
#include "rec_counter.h"

/* Distinct things by 128 bits of hash: none of a billion is taken for another. */
struct set {
  struct mark {
    uint64_t a, b; /* a 0: free */
  } * mark;
  size_t n, cap; /* cap: a power of two */
};

struct stats_metrics {
  struct set series, family;
  uint64_t kind_n[WIRE_SAMPLE_KIND_COUNT], delta_n, stale_n;
  int64_t first_ns, last_ns; /* 0: no sample said when */
  bool full;
};

static const struct base_hash_key keys[2] = {{0x9ae16a3b2f90404full, 1}, {0xc949d7c7509e6557ull, 2}};

static bool set_grow(struct set *s) {
  struct set next = {.cap = s->cap ? 2 * s->cap : 1024};
  next.mark = calloc(next.cap, sizeof *next.mark);
  if (!next.mark) return false;
  for (size_t i = 0; i < s->cap; i++) {
    if (!s->mark[i].a) continue;
    size_t at = s->mark[i].a & (next.cap - 1);
    while (next.mark[at].a) at = (at + 1) & (next.cap - 1);
    next.mark[at] = s->mark[i];
  }
  next.n = s->n;
  free(s->mark);
  *s = next;
  return true;
}

static bool set_add(struct set *s, struct mark m) {
  if (4 * (s->n + 1) > 3 * s->cap && !set_grow(s)) return false;
  if (m.a == 0) m.a = 1;
  size_t at = m.a & (s->cap - 1);
  while (s->mark[at].a && (s->mark[at].a != m.a || s->mark[at].b != m.b)) at = (at + 1) & (s->cap - 1);
  s->n += s->mark[at].a == 0;
  s->mark[at] = m;
  return true;
}

static struct mark mark_of(struct base_str s) {
  return (struct mark){hash_bytes(keys[0], s.p, s.n), hash_bytes(keys[1], s.p, s.n)};
}

/* In whatever order the labels came. */
static struct mark series_mark(const struct wire_sample *s) {
  struct mark all = mark_of(s->name);
  for (uint32_t i = 0; i < s->label_n; i++) {
    struct mark key = mark_of(s->label[i].key), value = mark_of(s->label[i].value);
    all.a += hash_mix(key.a, value.a);
    all.b += hash_mix(key.b, value.b);
  }
  return all;
}

static struct base_str family_of(const struct wire_sample *s) {
  static const struct base_str suffix[] = {{"_bucket", 7}, {"_sum", 4}, {"_count", 6}};
  bool part = s->kind == WIRE_SAMPLE_COUNTER || s->kind == WIRE_SAMPLE_UNTYPED;
  for (size_t i = 0; part && i < sizeof suffix / sizeof *suffix; i++) {
    size_t n = suffix[i].n;
    if (s->name.n > n && str_eq(str_cut(s->name, s->name.n - n, s->name.n), suffix[i]))
      return str_cut(s->name, 0, s->name.n - n);
  }
  return s->name;
}

struct stats_metrics *stats_metrics_open(void) {
  return calloc(1, sizeof(struct stats_metrics));
}

void stats_metrics_close(struct stats_metrics *s) {
  if (!s) return;
  free(s->series.mark);
  free(s->family.mark);
  free(s);
}

void stats_metrics_take(void *arg, const struct wire_sample *sample) {
  struct stats_metrics *s = arg;
  s->kind_n[sample->kind]++;
  s->delta_n += sample->mode == WIRE_SAMPLE_DELTA;
  s->stale_n += sample->stale;
  if (!set_add(&s->series, series_mark(sample)) || !set_add(&s->family, mark_of(family_of(sample)))) s->full = true;
  if (sample->time_ns <= 0) return;
  if (!s->first_ns || sample->time_ns < s->first_ns) s->first_ns = sample->time_ns;
  if (sample->time_ns > s->last_ns) s->last_ns = sample->time_ns;
}

bool stats_metrics_full(const struct stats_metrics *s) {
  return s->full;
}

static void kinds_write(const struct stats_metrics *s, struct base_json *j) {
  json_key(j, "kinds");
  json_object(j);
  for (unsigned i = 0; i < WIRE_SAMPLE_KIND_COUNT; i++)
    if (s->kind_n[i]) json_key_u64(j, sample_kind_text((enum wire_sample_kind)i), s->kind_n[i]);
  json_close(j);
}

static void time_write(struct base_json *j, const char *key, int64_t ns) {
  json_key(j, key);
  if (ns)
    json_time(j, (struct base_wall){ns});
  else
    json_null(j);
}

void stats_metrics_write(const struct stats_metrics *s, const uint64_t *counter, struct base_buf *out) {
  if (!counter[REC_COUNTER_SAMPLES]) return;
  buf_put_str(out, STR("\"metrics\":"));
  struct base_json j = json_over(out);
  json_object(&j);
  json_key_u64(&j, "samples", counter[REC_COUNTER_SAMPLES]);
  json_key_u64(&j, "not_finite", counter[REC_COUNTER_SAMPLES_NOT_FINITE]);
  json_key_u64(&j, "exemplars", counter[REC_COUNTER_EXEMPLARS]);
  kinds_write(s, &j);
  json_key_u64(&j, "delta", s->delta_n);
  json_key_u64(&j, "stale", s->stale_n);
  json_key_u64(&j, "series", s->series.n);
  json_key_u64(&j, "families", s->family.n);
  time_write(&j, "first", s->first_ns);
  time_write(&j, "last", s->last_ns);
  json_close(&j);
  buf_put_char(out, ',');
}
