#include "serve_history.h"

#include <stdlib.h>

#include "base_hist.h"
#include "base_must.h"

#define NONE 0xffffffffu

struct point {
  uint32_t requests, errors;
  float mean_ms, p99_ms; /* < 0: no fine request */
};

struct ring {
  uint32_t series_idx;
  uint32_t before, after;  /* of its list, NONE at the ends */
  uint8_t list;            /* of its rank, or LIST_FREE */
  int64_t first_s, last_s; /* the seconds held; last_s is the newest with an observation, maybe still open */
  uint64_t open_ns;        /* of last_s: durations of fine requests, and how they fall */
  uint32_t open_hist[HIST_BUCKETS];
  struct point point[LIMIT_HISTORY_S]; /* second s at s % LIMIT_HISTORY_S */
};

#define LIST_FREE REC_LEVEL_COUNT

struct serve_history {
  history_who who;
  void *ctx;
  uint32_t *place; /* of a series number: its ring, or NONE */
  struct ring *ring;
  uint32_t series_max, ring_n, ring_used; /* rings from ring_used on were never used */
  uint32_t free_n;                        /* given back */
  uint32_t first[LIST_FREE + 1];          /* of each rank's list, and of the free ones */
  int64_t now_s;                          /* the second of the newest tick: not whole yet */
};

/* What a screen asks for first keeps its history longest; smaller is better. */
static unsigned rank_of(enum rec_level level) {
  static const uint8_t rank[REC_LEVEL_COUNT] = {
      [REC_LEVEL_MESH] = 0,         [REC_LEVEL_REGION] = 1,        [REC_LEVEL_CLUSTER] = 2,
      [REC_LEVEL_SERVICE] = 3,      [REC_LEVEL_VERSION] = 4,       [REC_LEVEL_EDGE] = 5,
      [REC_LEVEL_POD] = 6,          [REC_LEVEL_ROUTE] = 7,         [REC_LEVEL_SERVICE_CLUSTER] = 8,
      [REC_LEVEL_EDGE_CLUSTER] = 9, [REC_LEVEL_ROUTE_CLUSTER] = 10};
  return rank[level];
}

struct serve_history *history_open(size_t bytes, uint32_t series_max, history_who who, void *ctx) {
  MUST(series_max > 0 && who);
  struct serve_history *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  size_t n = bytes / sizeof(struct ring);
  *h = (struct serve_history){.who = who, .ctx = ctx, .series_max = series_max};
  h->ring_n = n < series_max ? (uint32_t)n : series_max;
  h->place = malloc(series_max * sizeof *h->place);
  h->ring = calloc(h->ring_n ? h->ring_n : 1, sizeof *h->ring);
  if (!h->place || !h->ring) {
    history_close(h);
    return NULL;
  }
  for (uint32_t i = 0; i < series_max; i++) h->place[i] = NONE;
  for (unsigned l = 0; l <= LIST_FREE; l++) h->first[l] = NONE;
  return h;
}

void history_close(struct serve_history *h) {
  if (!h) return;
  free(h->place);
  free(h->ring);
  free(h);
}

/* ---- rings ---- */

static void list_put(struct serve_history *h, struct ring *r, unsigned list) {
  uint32_t own = (uint32_t)(r - h->ring), first = h->first[list];
  r->list = (uint8_t)list;
  r->before = NONE;
  r->after = first;
  if (first != NONE) h->ring[first].before = own;
  h->first[list] = own;
}

static void list_take(struct serve_history *h, struct ring *r) {
  if (r->before == NONE)
    h->first[r->list] = r->after;
  else
    h->ring[r->before].after = r->after;
  if (r->after != NONE) h->ring[r->after].before = r->before;
}

static void ring_give(struct serve_history *h, struct ring *r) {
  h->place[r->series_idx] = NONE;
  h->free_n++;
  list_take(h, r);
  list_put(h, r, LIST_FREE);
}

/* The worst rank that has a ring, 0 where none has. */
static unsigned rank_worst(const struct serve_history *h) {
  unsigned worst = REC_LEVEL_COUNT - 1;
  while (worst > 0 && h->first[worst] == NONE) worst--;
  return worst;
}

static bool has_room(const struct serve_history *h, unsigned rank) {
  return h->ring_used < h->ring_n || h->free_n > 0 || rank_worst(h) > rank;
}

/* In no list; NULL: there is no room. */
static struct ring *ring_take(struct serve_history *h, unsigned rank, uint64_t *counters) {
  if (!has_room(h, rank)) return NULL;
  if (h->ring_used < h->ring_n) return &h->ring[h->ring_used++];
  if (h->free_n == 0) { /* of the worst, the one that came last */
    counters[REC_COUNTER_HISTORY_EVICTED]++;
    ring_give(h, &h->ring[h->first[rank_worst(h)]]);
  }
  struct ring *r = &h->ring[h->first[LIST_FREE]];
  h->free_n--;
  list_take(h, r);
  return r;
}

static struct ring *ring_open(struct serve_history *h, const struct rec_series *s, int64_t now_s, uint64_t *counters) {
  if (s->series_idx >= h->series_max) return NULL;
  if (h->place[s->series_idx] != NONE) ring_give(h, &h->ring[h->place[s->series_idx]]);
  struct ring *r = ring_take(h, rank_of(s->level), counters);
  if (!r) {
    counters[REC_COUNTER_HISTORY_LIMIT]++;
    return NULL;
  }
  r->series_idx = s->series_idx;
  r->first_s = r->last_s = now_s;
  r->open_ns = 0;
  memset(r->open_hist, 0, sizeof r->open_hist);
  r->point[now_s % LIMIT_HISTORY_S] = (struct point){.mean_ms = -1, .p99_ms = -1};
  list_put(h, r, rank_of(s->level));
  h->place[s->series_idx] = (uint32_t)(r - h->ring);
  return r;
}

/* Its ring, opened where there is room for it: one that a checkpoint brought was never told as new. */
static struct ring *ring_find(struct serve_history *h, uint32_t idx, int64_t now_s, uint64_t *counters) {
  if (idx >= h->series_max) return NULL;
  if (h->place[idx] != NONE) return &h->ring[h->place[idx]];
  const struct rec_series *s = has_room(h, 0) ? h->who(h->ctx, idx) : NULL;
  return s && has_room(h, rank_of(s->level)) ? ring_open(h, s, now_s, counters) : NULL;
}

/* ---- seconds ---- */

static uint64_t fine_n(const struct ring *r) {
  uint64_t n = 0;
  for (unsigned b = 0; b < HIST_BUCKETS; b++) n += r->open_hist[b];
  return n;
}

/* The newest second's durations, as its point has them. */
static struct point ring_newest(const struct ring *r) {
  struct point p = r->point[r->last_s % LIMIT_HISTORY_S];
  uint64_t n = fine_n(r);
  if (n == 0) return p;
  p.mean_ms = (float)((double)r->open_ns / (double)n / 1e6);
  p.p99_ms = (float)((double)hist_quantile_ns(r->open_hist, HIST_BUCKETS, HIST_FLOOR_LOG2, HIST_BITS, 0.99) / 1e6);
  return p;
}

/* Goes on to second s: the one before is settled, those between had nothing. */
static void ring_advance(struct ring *r, int64_t s) {
  r->point[r->last_s % LIMIT_HISTORY_S] = ring_newest(r);
  int64_t from = s - r->last_s > (int64_t)LIMIT_HISTORY_S ? s - (int64_t)LIMIT_HISTORY_S : r->last_s;
  for (int64_t k = from + 1; k <= s; k++) r->point[k % LIMIT_HISTORY_S] = (struct point){.mean_ms = -1, .p99_ms = -1};
  r->last_s = s;
  r->open_ns = 0;
  memset(r->open_hist, 0, sizeof r->open_hist);
}

static uint32_t add_capped(uint32_t a, uint64_t b) {
  return b < UINT32_MAX - a ? a + (uint32_t)b : UINT32_MAX;
}

static void ring_add(struct ring *r, int64_t s, const struct rec_obs *o, const struct rec_hist_cell *cell) {
  uint64_t requests = 0, errors = 0;
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) {
    if (rec_class_group(c) == 'x') continue;
    requests += o->class_n[c];
    if (rec_class_failed(c)) errors += o->class_n[c];
  }
  if (s > r->last_s) ring_advance(r, s);
  struct point *p = &r->point[s % LIMIT_HISTORY_S];
  p->requests = add_capped(p->requests, requests);
  p->errors = add_capped(p->errors, errors);
  r->open_ns += o->latency_sum_ns;
  for (uint32_t i = o->hist_from; i < o->hist_from + o->hist_n; i++)
    r->open_hist[cell[i].bucket] = add_capped(r->open_hist[cell[i].bucket], cell[i].count);
}

static void batch_add(struct serve_history *h, const struct rec_batch *b, int64_t s, uint64_t *counters) {
  for (size_t i = 0; i < b->drop_n; i++) {
    uint32_t idx = b->drop[i].series_idx;
    if (idx < h->series_max && h->place[idx] != NONE) ring_give(h, &h->ring[h->place[idx]]);
  }
  for (size_t i = 0; i < b->series_n; i++) (void)ring_open(h, &b->series[i], s, counters);
  for (size_t i = 0; i < b->obs_n; i++) {
    struct ring *r = ring_find(h, b->obs[i].series_idx, s, counters);
    if (r && s >= r->last_s) ring_add(r, s, &b->obs[i], b->cell);
  }
}

/* A clock that goes back by less than a tick's length is none of ours: ticks' ends ascend. */
void history_tick(struct serve_history *h, const struct rec_batch *batch, unsigned batch_n, struct base_wall end,
                  uint64_t *counters) {
  int64_t s = (end.ns - 1) / TIME_NS_PER_S;
  if (s < h->now_s) return;
  h->now_s = s;
  for (unsigned i = 0; i < batch_n; i++) batch_add(h, &batch[i], s, counters);
}

/* ---- reading ---- */

int64_t history_newest(const struct serve_history *h) {
  return h->now_s ? h->now_s - 1 : 0;
}

static const struct ring *ring_of(const struct serve_history *h, uint32_t idx) {
  return idx < h->series_max && h->place[idx] != NONE ? &h->ring[h->place[idx]] : NULL;
}

bool history_since(const struct serve_history *h, uint32_t series_idx, int64_t *from_s) {
  const struct ring *r = ring_of(h, series_idx);
  if (!r) return false;
  int64_t oldest = r->last_s - (int64_t)LIMIT_HISTORY_S + 1;
  *from_s = r->first_s > oldest ? r->first_s : oldest;
  return true;
}

/* A second after the newest observation, but not after the newest tick, had nothing. */
static struct point ring_second(const struct ring *r, int64_t s) {
  if (s > r->last_s) return (struct point){.mean_ms = -1, .p99_ms = -1};
  return s == r->last_s ? ring_newest(r) : r->point[s % LIMIT_HISTORY_S];
}

static void point_add(struct history_point *out, double *fine, struct point p) {
  out->requests += p.requests;
  out->errors += p.errors;
  if (p.mean_ms < 0) return;
  /* Client errors are no fine requests either; among the seconds of one series their share hardly changes. */
  double n = p.requests > p.errors ? (double)(p.requests - p.errors) : 1.0;
  double sum = (out->latency_mean_ms < 0 ? 0 : out->latency_mean_ms * *fine) + (double)p.mean_ms * n;
  *fine += n;
  out->latency_mean_ms = sum / *fine;
  if ((double)p.p99_ms > out->latency_p99_ms) out->latency_p99_ms = (double)p.p99_ms;
}

bool history_read(const struct serve_history *h, uint32_t series_idx, int64_t from_s, uint32_t n,
                  struct history_point *out) {
  int64_t since;
  if (!history_since(h, series_idx, &since) || from_s < since || from_s + n > h->now_s) return false;
  const struct ring *r = ring_of(h, series_idx);
  double fine = 0;
  *out = (struct history_point){.latency_mean_ms = -1, .latency_p99_ms = -1};
  for (int64_t s = from_s; s < from_s + n; s++) point_add(out, &fine, ring_second(r, s));
  return true;
}

size_t history_bytes(const struct serve_history *h) {
  uint32_t used;
  (void)history_rings(h, &used);
  return used * sizeof(struct ring);
}

uint32_t history_rings(const struct serve_history *h, uint32_t *used) {
  *used = h->ring_used - h->free_n;
  return h->ring_n;
}
