/* OTLP messages through the fold: which of their spans and records are requests, who reports them, and where they
 * wait. */
#include "base_must.h"
#include "wire_fold_state.h"

#define RESOURCE_UNREAD SIZE_MAX
#define LOG_ERROR 5u /* of WIRE_FOLD_SEVERITIES: this, and FATAL */

/* --- who reports ----------------------------------------------------------------------------------------------- */

/* Of all parts with their lengths; short ones together, as hashing costs by the call. */
static uint64_t reporter_hash(const struct wire_fold *f, const struct wire_reporter *r) {
#define X(name) r->name,
  const struct base_str part[] = {WIRE_REPORTER_NAMES(X)};
#undef X
  char text[FOLD_KEY_BYTES];
  uint64_t h = hash_mix(f->epoch, r->is_proxy);
  size_t n = 0;
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    h = hash_mix(h, part[i].n);
    if (part[i].n > sizeof text - n) {
      h = hash_mix(h, hash_bytes(f->key, part[i].p, part[i].n));
    } else if (part[i].n) {
      memcpy(text + n, part[i].p, part[i].n);
      n += part[i].n;
    }
  }
  return hash_mix(h, hash_bytes(f->key, text, n));
}

struct wire_node_ref fold_reporter(struct wire_fold *f, const struct wire_reporter *r, uint64_t tick,
                                   unsigned *reason) {
  uint64_t hash = reporter_hash(f, r);
  struct fold_identity *known = &f->identity[hash % FOLD_IDENTITIES];
  struct wire_node_rec *rec = known->hash == hash ? wire_nodes_view(f->nodes, known->node) : NULL;
  struct base_str id = r->node_id.n ? r->node_id : r->pod;
  if (rec && str_eq(wire_names_view(f->names, rec->id), id)) {
    rec->seen_tick = tick;
    return known->node;
  }
  struct wire_self self;
  wire_identity_reporter(r, &self);
  struct wire_node_ref ref = wire_nodes_add(f->nodes, id, &self, tick, reason);
  if (ref.at) *known = (struct fold_identity){hash, ref};
  return ref;
}

static bool is_reporter(const struct wire_reporter *a, const struct wire_reporter *b) {
#define X(name) \
  if (a->name.n != b->name.n || (a->name.p != b->name.p && !str_eq(a->name, b->name))) return false;
  WIRE_REPORTER_NAMES(X)
#undef X
  return a->is_proxy == b->is_proxy;
}

/* The items of a resource mostly have one reporter or two: a proxy's span of a try says less of it than that of the
 * request. */
static struct wire_node_ref item_reporter(struct wire_fold *f, const struct wire_reporter *r, uint64_t tick,
                                          unsigned *reason) {
  struct fold_otlp *o = &f->otlp;
  for (unsigned i = 0; i < FOLD_REPORTERS; i++) {
    struct wire_node_rec *rec = wire_nodes_view(f->nodes, o->node[i]);
    if (!rec || !is_reporter(&o->reporter[i], r)) continue;
    rec->seen_tick = tick;
    return o->node[i];
  }
  unsigned at = o->node_next++ % FOLD_REPORTERS;
  o->reporter[at] = *r;
  return o->node[at] = fold_reporter(f, r, tick, reason);
}

/* --- one item -------------------------------------------------------------------------------------------------- */

/* The ids of the span under way, which is wanted when it is known what it tells. */
static void link_read(struct wire_fold *f) {
  struct fold_otlp *o = &f->otlp;
  const struct wire_span *s = &o->span;
  o->link_id = o->link_parent = 0;
  if (!s->trace_id.n || !s->span_id.n) return;
  uint64_t trace = wire_link_trace(f->links, s->trace_id);
  o->link_id = wire_link_id(trace, s->span_id);
  wire_links_near(f->links, o->link_id);
  if (!s->parent_id.n) return;
  o->link_parent = wire_link_id(trace, s->parent_id);
  wire_links_near(f->links, o->link_parent);
}

/* Reads the next item into f->otlp. */
static enum wire_status item_read(struct wire_fold *f, struct fold_run *run) {
  struct fold_otlp *o = &f->otlp;
  struct base_str item;
  struct wire_err err;
  enum wire_status s = wire_otlp_next(&run->otlp, &item, &err);
  if (s != WIRE_OK) return s;
  if (run->resource_at != run->otlp.attribute_at) {
    run->resource_at = run->otlp.attribute_at;
    memset(o->node, 0, sizeof o->node);
    if (wire_resource_read(wire_otlp_resource(&run->otlp), &o->keys, &o->resource, &err) != WIRE_OK)
      attrs_clear(&o->resource);
  }
  if (run->wire == FOLD_WIRE_SPANS) {
    s = wire_span_read(item, &o->keys, &o->span, &o->item, &err);
    if (s != WIRE_OK) return s;
    link_read(f);
    wire_told_span(&o->resource, &o->span, &o->item, &o->told);
  } else {
    s = wire_log_read(item, &o->keys, &o->log, &o->item, &err);
    if (s == WIRE_OK) wire_told_log(&o->resource, &o->log, &o->keys, &o->item, &o->told);
  }
  return s;
}

/* Whose line it is goes by the same rules as requests; a pod that these were seen of keeps the names that they gave. */
static void log_mine(struct wire_fold *f, uint32_t class_) {
  struct wire_self self;
  wire_identity_reporter(&f->otlp.told.who, &self);
  wire_gauge_known(f->gauge, &self.who);
  (void)wire_template_take(f->templates, &self.who, f->otlp.log.body, class_ >= LOG_ERROR);
}

static void log_other(struct wire_fold *f) {
  const struct fold_otlp *o = &f->otlp;
  static const enum rec_counter counter[FOLD_SEVERITIES] = {
      REC_COUNTER_LOGS_UNSPECIFIED, REC_COUNTER_LOGS_TRACE, REC_COUNTER_LOGS_DEBUG, REC_COUNTER_LOGS_INFO,
      REC_COUNTER_LOGS_WARN,        REC_COUNTER_LOGS_ERROR, REC_COUNTER_LOGS_FATAL};
  uint32_t class_ = o->log.severity == 0 || o->log.severity > 24 ? 0 : (o->log.severity + 3) / 4;
  unsigned reason;
  uint32_t service = wire_identity_name(f->names, o->told.who.service, &reason);
  f->counter[counter[class_]]++;
  log_mine(f, class_);
  if (service == WIRE_NAME_FULL) service = 0;
  for (uint32_t i = 0; i < FOLD_LOG_SERVICES; i++) {
    struct fold_log_row *row = &f->log_row[i];
    if (row->used && row->service != service) continue;
    row->used = 1;
    row->service = service;
    row->n[class_]++;
    return;
  }
}

/* What is no request to be counted. */
static void item_tally(struct wire_fold *f, struct fold_run *run) {
  const struct fold_otlp *o = &f->otlp;
  bool spans = run->wire == FOLD_WIRE_SPANS;
  run->entry_n++;
  f->counter[REC_COUNTER_ENTRIES]++;
  f->counter[spans ? REC_COUNTER_SPANS : REC_COUNTER_LOGS]++;
  if (o->told.kind == WIRE_TOLD_POOR) f->counter[REC_COUNTER_REJECT_LOG_POOR]++;
  if (o->told.kind == WIRE_TOLD_ATTEMPT) f->counter[REC_COUNTER_SPANS_TRY]++;
  if (o->told.kind != WIRE_TOLD_OTHER) return;
  if (spans)
    f->counter[REC_COUNTER_SPANS_OTHER]++;
  else
    log_other(f);
}

/* --- links ----------------------------------------------------------------------------------------------------- */

static void span_link(struct wire_fold *f, const struct fold_run *run, enum wire_link_role role, int64_t tick,
                      struct fold_wait *w) {
  const struct fold_otlp *o = &f->otlp;
  if (!o->link_id) return;
  struct wire_link_span link = {.id = o->link_id,
                                .parent = o->link_parent,
                                .self = run->node,
                                .role = role,
                                .proxy = o->told.who.is_proxy,
                                .tick = (uint32_t)tick};
  wire_links_add(f->links, &link);
  if (!w) return;
  w->id = link.id;
  w->parent = link.parent;
}

/* --- requests -------------------------------------------------------------------------------------------------- */

static bool is_refused(struct wire_fold *f, const struct wire_request *e) {
  if (e->time_absurd || e->start_ns > FOLD_START_NS_MAX || e->duration_ns > FOLD_SPAN_NS_MAX)
    f->counter[REC_COUNTER_REJECT_TIME]++;
  else if (!e->has_start)
    f->counter[REC_COUNTER_REJECT_NO_START]++;
  else if (fold_is_own(f, e))
    f->counter[REC_COUNTER_OWN]++;
  else
    return false;
  return true;
}

/* Whom a call goes to, by name, as this service calls it. */
static uint64_t target_hash(const struct wire_fold *f, struct wire_node_ref self, const struct wire_request *e) {
  const struct wire_node_rec *n = wire_nodes_view(f->nodes, self);
  struct base_str name = e->upstream_cluster.n ? e->upstream_cluster : e->authority;
  if (!n || name.n == 0) return 0;
  return hash_mix((uint64_t)n->who.namespace_ << 32 | n->who.service, hash_bytes(f->key, name.p, name.n));
}

/* Fills *w of the request that f->otlp holds; false where it has no identity, which is counted. */
static bool wait_fill(struct wire_fold *f, struct fold_run *run, struct fold_wait *w) {
  const struct wire_request *e = &f->otlp.told.request;
  struct fold_ends ends;
  unsigned reason = 0;
  uint32_t base = fold_resolve(f, run, e, &ends, &reason);
  if (!base) {
    f->counter[reason]++;
    return false;
  }
  if (!fold_measure(f, base, e, &w->q)) return false;
  wire_cells_base_keep(f->cells, base, (uint64_t)f->open_tick);
  w->source = e->source;
  w->self = ends.self;
  w->target = target_hash(f, ends.self, e);
  w->generation = wire_cells_base_view(f->cells, base)->generation;
  return true;
}

static void wait_ids(struct wire_fold *f, const struct fold_run *run, struct fold_wait *w) {
  const struct base_str id = w->q.request_id;
  const struct base_str trace = run->wire == FOLD_WIRE_SPANS ? f->otlp.span.trace_id : f->otlp.log.trace_id;
  w->request_id_n = (uint8_t)(id.n <= sizeof w->request_id ? id.n : 0);
  if (w->request_id_n) memcpy(w->request_id, id.p, w->request_id_n);
  w->has_trace = trace.n == sizeof w->trace;
  if (w->has_trace) memcpy(w->trace, trace.p, sizeof w->trace);
}

static void request_take(struct wire_fold *f, struct fold_run *run, struct fold_wait *w) {
  const struct fold_request *q = &w->q;
  bool late = q->tick >= 0 && q->end_ns / LIMIT_TICK_NS != q->tick;
  if (q->tick < 0) f->counter[REC_COUNTER_REJECT_LATE]++;
  if (late) f->counter[REC_COUNTER_LATE]++;
  if (!wait_fill(f, run, w)) return;
  wait_ids(f, run, w);
  bool server = wire_cells_base_view(f->cells, q->base)->side == REC_SIDE_SERVER;
  w->role = server ? WIRE_LINK_SERVER : WIRE_LINK_CLIENT;
  if (run->wire == FOLD_WIRE_SPANS) span_link(f, run, (enum wire_link_role)w->role, q->end_ns / LIMIT_TICK_NS, w);
  fold_wait_put(f, w);
}

static enum step item_take(struct wire_fold *f, struct fold_run *run) {
  struct fold_otlp *o = &f->otlp;
  struct fold_wait w;
  unsigned reason = 0;
  bool counts = o->told.kind == WIRE_TOLD_REQUEST;
  bool links = counts || o->told.kind == WIRE_TOLD_ATTEMPT;
  /* Before the first tick there is no other time than the request's own. */
  uint64_t tick = (uint64_t)(f->started ? f->open_tick : o->told.request.start_ns / LIMIT_TICK_NS);
  run->node = links ? item_reporter(f, &o->told.who, tick, &reason) : (struct wire_node_ref){0};
  run->hint = (uint8_t)o->told.hint;
  struct wire_node_rec *node = wire_nodes_view(f->nodes, run->node);
  if (counts && !node) f->counter[reason ? reason : REC_COUNTER_REJECT_NO_IDENTIFIER]++;
  counts = counts && node && !is_refused(f, &o->told.request);
  if (counts) memset(&w, 0, sizeof w);
  if (counts && fold_place(f, run, node, &o->told.request, &w.q) == STEP_HOLD) return STEP_HOLD;
  item_tally(f, run);
  if (counts)
    request_take(f, run, &w);
  else if (node && o->told.kind == WIRE_TOLD_ATTEMPT)
    span_link(f, run, WIRE_LINK_TRY, (int64_t)(o->span.end_ns / LIMIT_TICK_NS), NULL);
  return STEP_DONE;
}

/* --- one message ----------------------------------------------------------------------------------------------- */

enum step fold_otlp_step(struct wire_fold *f, struct fold_run *run) {
  for (;;) {
    struct wire_otlp_iter before = run->otlp;
    enum wire_status s = item_read(f, run);
    if (s == WIRE_END) return STEP_DONE;
    if (s == WIRE_BAD) {
      f->counter[REC_COUNTER_REJECT_ENTRY]++;
      continue;
    }
    if (item_take(f, run) == STEP_DONE) continue;
    run->otlp = before;
    run->resource_at = RESOURCE_UNREAD;
    return STEP_HOLD;
  }
}

bool fold_otlp_end(struct wire_fold *f, const struct fold_run *run, int64_t *end_ns) {
  struct fold_run copy = *run;
  copy.resource_at = RESOURCE_UNREAD;
  MUST(item_read(f, &copy) == WIRE_OK);
  *end_ns = f->otlp.told.request.start_ns + f->otlp.told.request.duration_ns;
  return f->otlp.told.kind == WIRE_TOLD_REQUEST;
}

void fold_otlp_drop(struct wire_fold *f, struct fold_run *run) {
  enum wire_status s;
  run->resource_at = RESOURCE_UNREAD;
  while ((s = item_read(f, run)) != WIRE_END) {
    if (s == WIRE_BAD) {
      f->counter[REC_COUNTER_REJECT_ENTRY]++;
      continue;
    }
    item_tally(f, run);
    if (f->otlp.told.kind == WIRE_TOLD_REQUEST) f->counter[REC_COUNTER_REJECT_AHEAD]++;
  }
}

uint32_t wire_fold_otlp(struct wire_fold *f, enum wire_otlp_kind kind, struct base_str bytes, struct base_wall recv) {
  struct wire_err err;
  f->counter[REC_COUNTER_MESSAGES]++;
  f->counter[REC_COUNTER_MESSAGE_BYTES] += bytes.n;
  if (bytes.n > LIMIT_MESSAGE_BYTES || wire_otlp_check(bytes, &err) != WIRE_OK) {
    f->counter[bytes.n > LIMIT_MESSAGE_BYTES ? REC_COUNTER_REJECT_OVERSIZE : REC_COUNTER_REJECT_MESSAGE]++;
    return 0;
  }
  struct fold_run run = {.recv_ns = recv.ns, .newest_ns = INT64_MIN, .oldest_ns = INT64_MAX};
  run.wire = kind == WIRE_OTLP_TRACES ? FOLD_WIRE_SPANS : FOLD_WIRE_LOGS;
  run.resource_at = RESOURCE_UNREAD;
  wire_otlp_iter_init(&run.otlp, bytes);
  if (recv.ns) wire_clock_arrive(&f->clock, recv.ns);
  fold_run_take(f, &run);
  return run.entry_n;
}

uint32_t wire_fold_logs(const struct wire_fold *f, struct wire_fold_log *out, uint32_t max) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < FOLD_LOG_SERVICES && f->log_row[i].used && n < max; i++, n++) {
    out[n].service = wire_names_view(f->names, f->log_row[i].service);
    memcpy(out[n].n, f->log_row[i].n, sizeof out[n].n);
  }
  return n;
}
