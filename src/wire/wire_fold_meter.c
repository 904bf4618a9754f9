/* What metrics tell of a tick, as counts of its cells. */
#include "base_must.h"
#include "wire_meter_state.h"

static uint64_t requests_of(const struct meter_sum *s) {
  uint64_t n = 0;
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++) n += s->class_n[i];
  return n;
}

static struct fold_acc *acc_of(struct wire_fold *f, const struct meter_flow *w, int64_t tick, uint32_t pace) {
  uint32_t cell = wire_cells_add(f->cells, w->base, w->route, (uint64_t)tick);
  struct wire_cell *c = cell ? wire_cells_view(f->cells, cell) : NULL;
  struct fold_acc *a = c ? fold_acc_find(f, c, cell, tick) : NULL;
  if (!a) {
    f->counter[REC_COUNTER_REJECT_CELL_LIMIT]++;
    return NULL;
  }
  if (pace > a->pace) a->pace = (uint16_t)(pace < UINT16_MAX ? pace : UINT16_MAX);
  return a;
}

static void acc_add(struct wire_fold *f, struct fold_acc *a, const struct meter_sum *s) {
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++) meter_add(&a->class_n[i], s->class_n[i]);
  meter_add(&a->retries, s->retries);
  a->latency_sum_ns += s->latency_ns;
  a->bytes_in += s->bytes_in;
  a->bytes_out += s->bytes_out;
  for (uint32_t i = 0; i < HIST_BUCKETS; i++)
    if (s->hist[i]) fold_hist_put(f, a, i, s->hist[i]);
}

static void class_tell(struct wire_fold *f, struct fold_request *q, uint32_t n) {
  q->weight = n;
  if (n) fold_tell(f, q);
}

/* Fine requests by their buckets; those without a duration as connections are told. */
static void slice_tell(struct wire_fold *f, const struct meter_flow *w, const struct meter_sum *s, int64_t tick) {
  struct fold_request q = {.base = w->base, .route = w->route, .end_ns = (tick + 1) * LIMIT_TICK_NS};
  uint32_t fine = s->class_n[REC_CLASS_OK];
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++) {
    q.class_ = (uint8_t)i;
    if (i != REC_CLASS_OK) class_tell(f, &q, s->class_n[i]);
  }
  q.class_ = REC_CLASS_OK;
  for (uint32_t i = 0; i < HIST_BUCKETS && fine; i++) {
    uint32_t n = s->hist[i] < fine ? s->hist[i] : fine;
    q.latency_ns = (int64_t)((hist_bucket_ns(i) + hist_bucket_ns(i + 1)) / 2);
    class_tell(f, &q, n);
    fine -= n;
  }
  q.latency_ns = 0;
  q.is_tcp = true;
  class_tell(f, &q, fine);
}

static void tally(struct wire_fold *f, const struct meter_flow *w, const struct meter_sum *s, int64_t tick) {
  f->counter[w->side == REC_SIDE_SERVER ? REC_COUNTER_REQUESTS_SERVER : REC_COUNTER_REQUESTS_CLIENT] += requests_of(s);
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++)
    if (rec_class_group((enum rec_class)i) == 'x') f->counter[REC_COUNTER_CLASSED_APART] += s->class_n[i];
  if (f->watcher) slice_tell(f, w, s, tick);
}

/* A node stays as long as its metrics come: who it is was asked when they came first. */
static void node_keep(struct wire_fold *f, struct wire_node_ref ref, int64_t tick) {
  struct wire_node_rec *n = wire_nodes_view(f->nodes, ref);
  if (n) n->seen_tick = (uint64_t)tick;
}

void fold_meter_count(struct wire_fold *f, const struct meter_flow *w, const struct meter_sum *s, int64_t tick,
                      uint32_t pace) {
  if (!w->counts) return;
  node_keep(f, w->self, tick);
  if (!fold_primary(f, w->self, w->side, (enum wire_source)w->source)) {
    f->counter[REC_COUNTER_SECONDARY] += requests_of(s);
    return;
  }
  struct fold_acc *a = acc_of(f, w, tick, pace);
  if (!a) return;
  acc_add(f, a, s);
  tally(f, w, s, tick);
}

void fold_meter_miss(struct wire_fold *f, const struct meter_flow *w, int64_t tick, uint32_t pace) {
  if (!w->counts) return;
  node_keep(f, w->self, tick);
  if (!fold_primary(f, w->self, w->side, (enum wire_source)w->source)) return;
  struct fold_acc *a = acc_of(f, w, tick, pace);
  if (a) a->partial = true;
}
