/* Counting: base and route -> cell, then one addition in (tick, cell). */
#include "base_must.h"
#include "wire_fold_state.h"
#include "wire_outcome.h"

static void shown_drop(struct wire_fold *f, uint32_t at) {
  if (!at) return;
  f->shown[at].next = f->shown_free;
  f->shown_free = at;
}

void fold_acc_drop(struct wire_fold *f, uint32_t at) {
  struct fold_acc *a = &f->acc[at];
  shown_drop(f, a->failed);
  shown_drop(f, a->slow);
  if (a->page) {
    f->page[a->page].count[0] = f->page_free;
    f->page_free = a->page;
  }
  a->next = f->acc_free;
  f->acc_free = at;
}

static uint32_t acc_take(struct wire_fold *f) {
  uint32_t at = f->acc_free;
  if (at) {
    f->acc_free = f->acc[at].next;
    return at;
  }
  return f->acc_n < FOLD_ACCS ? f->acc_n++ : 0;
}

static uint32_t page_take(struct wire_fold *f) {
  uint32_t at = f->page_free;
  if (at)
    f->page_free = f->page[at].count[0];
  else if (f->page_n < FOLD_PAGES)
    at = f->page_n++;
  if (at) memset(&f->page[at], 0, sizeof f->page[at]);
  return at;
}

static uint32_t shown_take(struct wire_fold *f) {
  uint32_t at = f->shown_free;
  if (at) {
    f->shown_free = f->shown[at].next;
    return at;
  }
  return f->shown_n < FOLD_SHOWN ? f->shown_n++ : 0;
}

struct fold_acc *fold_acc_find(struct wire_fold *f, struct wire_cell *c, uint32_t cell, int64_t tick) {
  uint32_t slot = (uint32_t)(tick % LIMIT_OPEN_TICKS);
  if (c->acc[slot]) return &f->acc[c->acc[slot]];
  uint32_t at = acc_take(f);
  if (!at) return NULL;
  f->acc[at] = (struct fold_acc){.cell = cell, .next = f->tick_acc[slot]};
  f->tick_acc[slot] = at;
  c->acc[slot] = at;
  c->fed_tick = (uint64_t)tick;
  if (tick > f->touched_tick) f->touched_tick = tick;
  return &f->acc[at];
}

/* The nearest bucket that is there already takes the count where pages have run out: the count stays exact. */
static void sparse_near(struct fold_acc *a, uint32_t bucket, uint32_t n) {
  uint32_t best = 0, best_gap = UINT32_MAX;
  for (uint32_t i = 0; i < FOLD_SPARSE; i++) {
    uint32_t has = a->sparse_bucket[i], gap = has > bucket ? has - bucket : bucket - has;
    if (gap < best_gap) {
      best_gap = gap;
      best = i;
    }
  }
  a->sparse_count[best] += n;
}

void fold_hist_put(struct wire_fold *f, struct fold_acc *a, uint32_t bucket, uint32_t n) {
  if (a->page) {
    f->page[a->page].count[bucket] += n;
    return;
  }
  for (uint32_t i = 0; i < a->sparse_n; i++) {
    if (a->sparse_bucket[i] != bucket) continue;
    a->sparse_count[i] += n;
    return;
  }
  if (a->sparse_n < FOLD_SPARSE) {
    a->sparse_bucket[a->sparse_n] = (uint8_t)bucket;
    a->sparse_count[a->sparse_n++] = n;
    return;
  }
  uint32_t page = page_take(f);
  if (!page) {
    sparse_near(a, bucket, n);
    return;
  }
  for (uint32_t i = 0; i < FOLD_SPARSE; i++) f->page[page].count[a->sparse_bucket[i]] = a->sparse_count[i];
  f->page[page].count[bucket] += n;
  a->page = page;
}

/* Where a trace id stands: in a traceparent (W3C: 00-<32 hex>-…), or what B3 says. */
static struct base_str trace_text(const struct wire_request *e) {
  if (e->trace_id.n) return e->trace_id;
  if (e->traceparent.n >= 35) return str_cut(e->traceparent, 3, 35);
  if (e->b3_traceid.n) return e->b3_traceid;
  return e->b3_single.n ? str_cut(e->b3_single, 0, str_find(e->b3_single, '-', 0)) : STR_NONE;
}

/* It is shown only where it is one. */
static struct base_str trace_sound(struct base_str id) {
  for (size_t i = 0; i < id.n; i++)
    if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f') ||
          (id.p[i] >= 'A' && id.p[i] <= 'F')))
      return STR_NONE;
  return id.n <= LIMIT_TRACE_ID_BYTES ? id : STR_NONE;
}

static void trace_write(struct fold_shown *s, const uint8_t raw[16]) {
  static const char digit[] = "0123456789abcdef";
  _Static_assert(LIMIT_TRACE_ID_BYTES >= 32, "room for its digits");
  for (unsigned i = 0; i < 16; i++) {
    s->trace_id[2 * i] = digit[raw[i] >> 4];
    s->trace_id[2 * i + 1] = digit[raw[i] & 15];
  }
  s->trace_id_n = 32;
}

/* Does q belong at the place of s? Slower wins, then the smaller request id, whatever came first. */
static bool shows_better(const struct fold_shown *s, const struct fold_request *q) {
  if ((uint64_t)q->latency_ns != s->latency_ns) return (uint64_t)q->latency_ns > s->latency_ns;
  return str_cmp(q->request_id, (struct base_str){s->request_id, s->request_id_n}) < 0;
}

static void show(struct wire_fold *f, uint32_t *at, const struct fold_request *q) {
  struct base_str id = q->request_id;
  if (id.n == 0 || id.n > LIMIT_REQUEST_ID_BYTES || !wire_identity_is_utf8(id)) return;
  if (*at && !shows_better(&f->shown[*at], q)) return;
  if (!*at) *at = shown_take(f);
  if (!*at) return;
  struct fold_shown *s = &f->shown[*at];
  struct base_str trace = trace_sound(q->trace_id);
  s->start_ns = q->end_ns - q->latency_ns;
  s->latency_ns = (uint64_t)q->latency_ns;
  s->class_ = q->class_;
  s->request_id_n = (uint8_t)id.n;
  s->trace_id_n = (uint8_t)trace.n;
  memcpy(s->request_id, id.p, id.n);
  if (trace.n) memcpy(s->trace_id, trace.p, trace.n);
  if (q->trace_raw) trace_write(s, q->trace_raw);
}

static int64_t within(int64_t t, int64_t least, int64_t most) {
  return t < least ? least : t > most ? most : t;
}

/* The report's moments in the order in which they must lie; one that was not sent is where the one before is. What is
 * left of the whole is the proxy's own. An answer that begins before the request has ended is not waited for. */
static void stages_fill(uint64_t to[REC_STAGE_COUNT], const struct wire_request *e, int64_t whole_ns) {
  if (e->up_tx_first_ns < 0) return; /* it asked nobody */
  int64_t tx = within(e->up_tx_first_ns, 0, whole_ns), rx = within(e->up_rx_first_ns, tx, whole_ns);
  int64_t tx_last = e->up_tx_last_ns < 0 ? rx : within(e->up_tx_last_ns, tx, rx);
  int64_t rx_last = within(e->up_rx_last_ns, rx, whole_ns), down = within(e->down_tx_first_ns, rx, whole_ns);
  int64_t pass = down > rx_last ? down - rx_last : down - rx, held = down > rx_last ? 0 : pass;
  to[e->attempts > 1 ? REC_STAGE_RETRIED : REC_STAGE_BEFORE] += (uint64_t)tx;
  to[REC_STAGE_SEND] += (uint64_t)(tx_last - tx);
  to[REC_STAGE_WAIT] += (uint64_t)(rx - tx_last);
  to[REC_STAGE_PASS] += (uint64_t)pass;
  to[REC_STAGE_RECEIVE] += (uint64_t)(rx_last - rx - held);
}

/* One report is evidence of one request, whatever it stands for (docs/decisions/0024): a sampled one that counted as
 * ten would make ten failures of each. */
static void acc_put(struct wire_fold *f, struct fold_acc *a, const struct wire_cell *c, const struct fold_request *q) {
  enum rec_class class_ = (enum rec_class)q->class_;
  if (q->begins) {
    a->started++;
    return;
  }
  a->class_n[class_]++;
  a->ended_started += q->began;
  a->retries += q->retries;
  a->bytes_in += q->bytes_in;
  a->bytes_out += q->bytes_out;
  if (class_ == REC_CLASS_OK && !q->is_tcp) {
    a->latency_sum_ns += (uint64_t)q->latency_ns;
    for (unsigned i = 0; i < REC_STAGE_COUNT; i++) a->stage_ns[i] += q->stage_ns[i];
    fold_hist_put(f, a, hist_bucket((uint64_t)q->latency_ns), 1);
    if (c->mean_ns && (uint64_t)q->latency_ns > 2 * c->mean_ns) show(f, &a->slow, q);
  } else if (rec_class_failed(class_)) {
    show(f, &a->failed, q);
  }
}

void fold_tell(struct wire_fold *f, const struct fold_request *q) {
  const struct wire_base *b = wire_cells_base_view(f->cells, q->base);
  static const uint8_t dim[] = {REC_DIM_NAMESPACE, REC_DIM_SERVICE, REC_DIM_VERSION,          REC_DIM_CLUSTER,
                                REC_DIM_REGION,    REC_DIM_POD,     REC_DIM_CALLER_NAMESPACE, REC_DIM_CALLER};
  struct wire_seen seen = {.side = b->side, .class_ = q->class_, .gateway = b->gateway, .is_tcp = q->is_tcp};
  seen.code = q->has_code ? q->code : 0;
  seen.flags = q->flags;
  seen.weight = q->weight;
  seen.request_id = q->request_id;
  seen.end_ns = q->end_ns;
  seen.latency_ns = q->latency_ns;
  for (unsigned i = 0; i < sizeof dim; i++) seen.dim[dim[i]] = wire_names_view(f->names, b->id[i]);
  seen.dim[REC_DIM_ROUTE] = wire_names_view(f->names, q->route);
  seen.own_cluster = wire_names_view(f->names, b->id[WIRE_BASE_OWN_CLUSTER]);
  seen.own_region = wire_names_view(f->names, b->id[WIRE_BASE_OWN_REGION]);
  seen.own_version = wire_names_view(f->names, b->id[WIRE_BASE_OWN_VERSION]);
  seen.own_pod = wire_names_view(f->names, b->id[WIRE_BASE_OWN_POD]);
  f->watcher(f->watcher_arg, &seen);
}

/* The name of the route; WIRE_NAME_FULL where it is refused, which is counted. TCP has none. */
static uint32_t route_find(struct wire_fold *f, const struct wire_base *b, const struct wire_request *e) {
  if (e->is_tcp) return 0;
  bool other = false, says = wire_route_says(e->route_name);
  unsigned reason = REC_COUNTER_REJECT_CELL_LIMIT;
  struct wire_route_ask ask = {b->id[WIRE_BASE_NAMESPACE], b->id[WIRE_BASE_SERVICE], e->method, e->route_name,
                               e->original_path.n ? e->original_path : e->path};
  uint32_t route = WIRE_NAME_FULL;
  if (says && e->route_name.n > LIMIT_NAME_BYTES)
    reason = REC_COUNTER_REJECT_NAME;
  else if (!wire_identity_is_utf8(says ? e->route_name : ask.path))
    reason = REC_COUNTER_REJECT_UTF8;
  else
    route = wire_routes_find(f->routes, &ask, &other);
  if (route == WIRE_NAME_FULL) f->counter[reason]++;
  if (other) f->counter[REC_COUNTER_ROUTE_OTHER]++;
  return route;
}

static void request_tell(struct wire_fold *f, const struct wire_base *b, const struct fold_request *q) {
  if (q->begins) {
    f->counter[REC_COUNTER_STARTS]++;
    return;
  }
  f->counter[b->side == REC_SIDE_SERVER ? REC_COUNTER_REQUESTS_SERVER : REC_COUNTER_REQUESTS_CLIENT] += q->weight;
  if (rec_class_group((enum rec_class)q->class_) == 'x') f->counter[REC_COUNTER_CLASSED_APART] += q->weight;
  if (f->watcher) fold_tell(f, q);
}

static void words_take(const struct wire_request *e, struct fold_request *q) {
  stages_fill(q->stage_ns, e, q->latency_ns);
  q->weight = e->weight > 1 ? e->weight : 1;
  q->retries = e->attempts > 1 ? e->attempts - 1 : 0;
  q->bytes_in = e->is_tcp ? e->tcp_received : e->request_headers_bytes + e->request_body_bytes;
  q->bytes_out = e->is_tcp ? e->tcp_sent : e->response_headers_bytes + e->response_body_bytes;
  q->code = e->code;
  q->has_code = e->has_code;
  q->flags = e->flags;
  q->is_tcp = e->is_tcp;
  q->request_id = e->request_id;
  q->trace_id = trace_text(e);
}

bool fold_measure(struct wire_fold *f, uint32_t base, const struct wire_request *e, struct fold_request *q) {
  const struct wire_base *b = wire_cells_base_view(f->cells, base);
  q->base = base;
  q->class_ = (uint8_t)wire_outcome(e);
  bool counts = !q->begins || b->side == REC_SIDE_SERVER || b->gateway;
  if (counts) {
    q->route = route_find(f, b, e);
    counts = q->route != WIRE_NAME_FULL;
  }
  if (counts)
    words_take(e, q);
  else
    wire_cells_base_trim(f->cells, base);
  return counts;
}

void fold_count(struct wire_fold *f, const struct fold_request *q) {
  request_tell(f, wire_cells_base_view(f->cells, q->base), q);
  if (q->tick < 0) {
    wire_cells_base_trim(f->cells, q->base);
    return;
  }
  uint32_t cell = wire_cells_add(f->cells, q->base, q->route, (uint64_t)q->tick);
  struct wire_cell *c = cell ? wire_cells_view(f->cells, cell) : NULL;
  struct fold_acc *a = c ? fold_acc_find(f, c, cell, q->tick) : NULL;
  if (!a) {
    f->counter[REC_COUNTER_REJECT_CELL_LIMIT]++;
    if (!c) wire_cells_base_trim(f->cells, q->base);
    return;
  }
  acc_put(f, a, c, q);
}
