/* The end of a tick: the counts of its cells are added up by series, numbered, sorted and laid out by bucket. */
#include "base_must.h"
#include "wire_meter_state.h"

#define RADIX 8192u

/* The place of a series among the tick's, opened where it has none. */
static uint32_t obs_find(struct wire_fold *f, uint32_t slot, int64_t tick) {
  struct fold_out *o = &f->out;
  struct wire_series_slot *s = wire_series_view(f->series, slot);
  if (!s->obs) {
    uint32_t at = o->obs_n++;
    s->obs = at + 1;
    s->fed_tick = (uint64_t)tick;
    o->slot[at] = slot;
    o->obs[at] = (struct rec_obs){0};
    memset(&o->page[at], 0, sizeof o->page[at]);
    if (s->idx == REC_SERIES_NONE) o->fresh[o->fresh_n++] = slot;
  }
  return s->obs - 1;
}

static void hist_add(const struct wire_fold *f, const struct fold_acc *a, struct fold_page *to) {
  if (a->page) {
    for (uint32_t b = 0; b < HIST_BUCKETS; b++) to->count[b] += f->page[a->page].count[b];
    return;
  }
  for (uint32_t i = 0; i < a->sparse_n; i++) to->count[a->sparse_bucket[i]] += a->sparse_count[i];
}

/* Begins count where the reporter itself serves; at edges the caller may not be known yet. */
static bool counts_starts(struct wire_fold *f, uint32_t slot) {
  const struct wire_series_slot *s = wire_series_view(f->series, slot);
  return s->side == REC_SIDE_SERVER && s->level != REC_LEVEL_EDGE && s->level != REC_LEVEL_EDGE_CLUSTER;
}

static bool has_requests(const struct fold_acc *a) {
  for (unsigned k = 0; k < REC_CLASS_COUNT; k++)
    if (a->class_n[k]) return true;
  return false;
}

static void acc_add(struct wire_fold *f, const struct fold_acc *a, int64_t tick) {
  const struct wire_cell *c = wire_cells_view(f->cells, a->cell);
  bool requests = has_requests(a);
  for (uint32_t i = 0; i < c->series_n; i++) {
    bool starts = (a->started | a->ended_started) && counts_starts(f, c->series[i]);
    if (!requests && !starts && !a->pace) continue;
    uint32_t at = obs_find(f, c->series[i], tick);
    struct rec_obs *o = &f->out.obs[at];
    if (a->pace > o->pace) o->pace = a->pace;
    o->partial |= a->partial;
    if (starts) {
      o->started += a->started;
      o->ended_started += a->ended_started;
    }
    for (unsigned k = 0; k < REC_CLASS_COUNT; k++) o->class_n[k] += a->class_n[k];
    o->retries += a->retries;
    o->latency_sum_ns += a->latency_sum_ns;
    if (wire_series_view(f->series, c->series[i])->level == REC_LEVEL_EDGE)
      for (unsigned k = 0; k < REC_STAGE_COUNT; k++) o->stage_ns[k] += a->stage_ns[k];
    o->bytes_in += a->bytes_in;
    o->bytes_out += a->bytes_out;
    hist_add(f, a, &f->out.page[at]);
  }
  f->counter[REC_COUNTER_REJECT_SERIES_LIMIT] += c->series_missing;
}

/* The running mean moves by an eighth of the way to the tick's mean. */
static void mean_step(struct wire_cell *c, const struct fold_acc *a) {
  uint64_t n = a->sparse_n || a->page ? a->class_n[REC_CLASS_OK] : 0;
  if (n == 0) return;
  uint64_t mean = a->latency_sum_ns / n;
  if (c->mean_ns == 0)
    c->mean_ns = mean;
  else if (mean > c->mean_ns)
    c->mean_ns += (mean - c->mean_ns) / 8;
  else
    c->mean_ns -= (c->mean_ns - mean) / 8;
}

static void exemplar_add(struct wire_fold *f, const struct wire_cell *c, uint32_t shown, int64_t tick) {
  struct fold_out *o = &f->out;
  if (!shown || o->exemplar_n == FOLD_SHOWN) return;
  const struct fold_shown *from = &f->shown[shown];
  struct fold_shown *s = &o->shown[o->exemplar_n];
  struct rec_exemplar *e = &o->exemplar[o->exemplar_n++];
  *s = *from;
  *e = (struct rec_exemplar){.at = {s->start_ns}, .class_ = s->class_, .latency_ns = s->latency_ns};
  e->side = wire_cells_base_view(f->cells, c->base)->side;
  e->request_id = (struct base_str){s->request_id, s->request_id_n};
  e->trace_id = (struct base_str){s->trace_id, s->trace_id_n};
  for (unsigned i = 0; i < 4; i++) {
    e->series[i] = REC_SERIES_NONE;
    if (!c->show[i]) continue;
    obs_find(f, c->show[i], tick);
    e->series[i] = wire_series_view(f->series, c->show[i])->idx;
  }
}

/* Failed before slow, then by series, the worse first, then by id: never by arrival. */
static int exemplar_cmp(const struct rec_exemplar *a, const struct rec_exemplar *b) {
  bool x = rec_class_failed(a->class_), y = rec_class_failed(b->class_);
  if (x != y) return x ? -1 : 1;
  for (unsigned i = 0; i < 4; i++)
    if (a->series[i] != b->series[i]) return a->series[i] < b->series[i] ? -1 : 1;
  if (a->side != b->side) return a->side < b->side ? -1 : 1;
  if (a->latency_ns != b->latency_ns) return a->latency_ns > b->latency_ns ? -1 : 1;
  if (a->at.ns != b->at.ns) return a->at.ns < b->at.ns ? -1 : 1;
  if (a->class_ != b->class_) return a->class_ < b->class_ ? -1 : 1;
  return str_cmp(a->request_id, b->request_id);
}

static void exemplar_sink(struct rec_exemplar *e, uint32_t at, uint32_t n) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= n) return;
    if (child + 1 < n && exemplar_cmp(&e[child], &e[child + 1]) < 0) child++;
    if (exemplar_cmp(&e[at], &e[child]) >= 0) return;
    struct rec_exemplar swap = e[at];
    e[at] = e[child];
    e[child] = swap;
    at = child;
  }
}

static void exemplar_sort(struct rec_exemplar *e, uint32_t n) {
  for (uint32_t at = n / 2; at-- > 0;) exemplar_sink(e, at, n);
  for (uint32_t end = n; end > 1; end--) {
    struct rec_exemplar swap = e[0];
    e[0] = e[end - 1];
    e[end - 1] = swap;
    exemplar_sink(e, 0, end - 1);
  }
}

static void close_exemplars(struct wire_fold *f, int64_t tick) {
  for (uint32_t at = f->tick_acc[tick % LIMIT_OPEN_TICKS]; at; at = f->acc[at].next) {
    const struct fold_acc *a = &f->acc[at];
    const struct wire_cell *c = wire_cells_view(f->cells, a->cell);
    exemplar_add(f, c, a->failed, tick);
    exemplar_add(f, c, a->slow, tick);
  }
  exemplar_sort(f->out.exemplar, f->out.exemplar_n);
  if (f->out.exemplar_n > FOLD_SHOWN_TICK) f->out.exemplar_n = FOLD_SHOWN_TICK;
}

static uint32_t order_key(struct wire_fold *f, uint32_t obs) {
  const struct wire_series_slot *s = wire_series_view(f->series, f->out.slot[obs]);
  return (uint32_t)s->bucket << 20 | s->idx;
}

/* One pass of a radix sort by 13 bits of (bucket, number). */
static void radix_pass(struct wire_fold *f, const uint32_t *from, uint32_t *to, unsigned shift) {
  uint32_t at[RADIX] = {0}, sum = 0;
  for (uint32_t i = 0; i < f->out.obs_n; i++) at[order_key(f, from[i]) >> shift & (RADIX - 1)]++;
  for (uint32_t i = 0; i < RADIX; i++) {
    uint32_t n = at[i];
    at[i] = sum;
    sum += n;
  }
  for (uint32_t i = 0; i < f->out.obs_n; i++) to[at[order_key(f, from[i]) >> shift & (RADIX - 1)]++] = from[i];
}

static uint32_t hist_write(const struct fold_page *page, struct rec_hist_cell *to) {
  uint32_t n = 0;
  for (uint32_t b = 0; b < HIST_BUCKETS; b++)
    if (page->count[b]) to[n++] = (struct rec_hist_cell){b, page->count[b]};
  return n;
}

/* Obs in order of (bucket, number), each bucket's histogram cells behind each other. */
static void close_obs(struct wire_fold *f) {
  struct fold_out *o = &f->out;
  uint32_t cell = 0, bucket = 0;
  for (uint32_t i = 0; i < o->obs_n; i++) o->order_tmp[i] = i;
  radix_pass(f, o->order_tmp, o->order, 0);
  radix_pass(f, o->order, o->order_tmp, 13);
  o->obs_at[0] = o->cell_at[0] = 0;
  for (uint32_t i = 0; i < o->obs_n; i++) {
    uint32_t at = o->order_tmp[i];
    struct wire_series_slot *s = wire_series_view(f->series, o->slot[at]);
    while (bucket < s->bucket) {
      bucket++;
      o->obs_at[bucket] = i;
      o->cell_at[bucket] = cell;
    }
    struct rec_obs *to = &o->sorted[i];
    *to = o->obs[at];
    to->series_idx = s->idx;
    to->hist_from = cell - o->cell_at[bucket];
    to->hist_n = hist_write(&o->page[at], o->cell + cell);
    cell += to->hist_n;
    s->obs = 0;
  }
  while (bucket < LIMIT_BUCKETS) {
    bucket++;
    o->obs_at[bucket] = o->obs_n;
    o->cell_at[bucket] = cell;
  }
}

/* New series by bucket, numbers ascending. They come sorted by key; numbers that are used again may be out of order. */
static void close_series(struct wire_fold *f) {
  struct fold_out *o = &f->out;
  uint32_t n = 0;
  for (uint32_t bucket = 0; bucket < LIMIT_BUCKETS; bucket++) {
    o->series_at[bucket] = n;
    for (uint32_t i = 0; i < o->fresh_n; i++) {
      if (wire_series_view(f->series, o->fresh[i])->bucket != bucket) continue;
      struct rec_series r = wire_series_rec(f->series, o->fresh[i]);
      wire_gauge_series(f->gauge, &r);
      uint32_t at = n++;
      for (; at > o->series_at[bucket] && o->series[at - 1].series_idx > r.series_idx; at--)
        o->series[at] = o->series[at - 1];
      o->series[at] = r;
    }
  }
  o->series_at[LIMIT_BUCKETS] = n;
}

static void close_drops(struct wire_fold *f, int64_t tick) {
  struct fold_out *o = &f->out;
  uint32_t n = wire_series_step(f->series, (uint64_t)tick, o->drop, o->drop_bucket, FOLD_DROPS), at = 0;
  for (uint32_t bucket = 0; bucket < LIMIT_BUCKETS; bucket++) {
    o->drop_at[bucket] = at;
    for (uint32_t i = 0; n && i < n; i++)
      if (o->drop_bucket[i] == bucket) o->drop_sorted[at++] = o->drop[i];
  }
  o->drop_at[LIMIT_BUCKETS] = at;
}

/* Names that nothing refers to any more make room, when it gets narrow. */
static void collect(struct wire_fold *f, int64_t tick) {
  if (!wire_names_crowded(f->names) || tick - f->collected_tick < (int64_t)FOLD_COLLECT_TICKS) return;
  f->collected_tick = tick;
  f->epoch++;
  wire_series_mark(f->series);
  wire_cells_mark(f->cells);
  wire_nodes_mark(f->nodes);
  wire_routes_mark(f->routes);
  fold_wait_mark(f);
  wire_meter_mark(f->meter);
  fold_metrics_mark(f);
  wire_between_mark(f->between, f->names);
  for (uint32_t i = 0; i < f->own_n; i++) wire_names_mark(f->names, f->own[i]);
  wire_names_sweep(f->names);
}

static void close_accs(struct wire_fold *f, int64_t tick) {
  uint32_t slot = (uint32_t)(tick % LIMIT_OPEN_TICKS), next;
  for (uint32_t at = f->tick_acc[slot]; at; at = next) {
    struct wire_cell *c = wire_cells_view(f->cells, f->acc[at].cell);
    next = f->acc[at].next;
    mean_step(c, &f->acc[at]);
    c->acc[slot] = 0;
    fold_acc_drop(f, at);
  }
  f->tick_acc[slot] = 0;
}

void fold_close(struct wire_fold *f, int64_t tick) {
  struct fold_out *o = &f->out;
  o->obs_n = o->fresh_n = o->exemplar_n = 0;
  collect(f, tick);
  for (uint32_t at = f->tick_acc[tick % LIMIT_OPEN_TICKS]; at; at = f->acc[at].next) acc_add(f, &f->acc[at], tick);
  wire_series_number(f->series, o->fresh, o->fresh_n);
  close_exemplars(f, tick);
  close_obs(f);
  close_series(f);
  close_accs(f, tick);
  close_drops(f, tick);
  wire_cells_step(f->cells, (uint64_t)tick);
  uint64_t before = (uint64_t)tick > FOLD_NODE_IDLE_TICKS ? (uint64_t)tick - FOLD_NODE_IDLE_TICKS : 0;
  wire_nodes_step(f->nodes, before);
  fold_pair_step(f);
  wire_template_close(f->templates, f->gauge, (uint64_t)tick, (tick + 1) * LIMIT_TICK_NS);
  o->gauge = wire_gauge_close(f->gauge, (uint64_t)tick, &o->gauge_n);
}

struct rec_batch wire_fold_take(struct wire_fold *f, unsigned bucket) {
  MUST(bucket < LIMIT_BUCKETS);
  const struct fold_out *o = &f->out;
  return (struct rec_batch){
      .series = o->series + o->series_at[bucket],
      .series_n = o->series_at[bucket + 1] - o->series_at[bucket],
      .obs = o->sorted + o->obs_at[bucket],
      .obs_n = o->obs_at[bucket + 1] - o->obs_at[bucket],
      .cell = o->cell + o->cell_at[bucket],
      .cell_n = o->cell_at[bucket + 1] - o->cell_at[bucket],
      .drop = o->drop_sorted + o->drop_at[bucket],
      .drop_n = o->drop_at[bucket + 1] - o->drop_at[bucket],
  };
}

struct rec_head_batch wire_fold_take_head(struct wire_fold *f) {
  const struct fold_out *o = &f->out;
  return (struct rec_head_batch){.exemplar = o->exemplar,
                                 .exemplar_n = o->exemplar_n,
                                 .gap = o->gap,
                                 .gap_n = o->gap_n,
                                 .gauge = o->gauge,
                                 .gauge_n = o->gauge_n};
}
