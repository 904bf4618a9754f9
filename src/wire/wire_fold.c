#include "wire_fold.h"

#include "base_must.h"
#include "base_time.h"
#include "wire_meter_state.h"

#define OWN_PATH STR("/envoy.service.accesslog.")

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

/* Cuts the block into parts; with p == NULL only counts. */
struct cutter {
  char *p;
  size_t n;
};

static void *cut(struct cutter *c, size_t n) {
  void *at = c->p ? c->p + c->n : NULL;
  c->n += up64(n);
  return at;
}

static void cut_out(struct cutter *c, struct fold_out *o, size_t series_max) {
  o->obs = cut(c, sizeof *o->obs * series_max);
  o->page = cut(c, sizeof *o->page * series_max);
  o->slot = cut(c, sizeof *o->slot * series_max);
  o->order = cut(c, sizeof *o->order * series_max);
  o->order_tmp = cut(c, sizeof *o->order_tmp * series_max);
  o->sorted = cut(c, sizeof *o->sorted * series_max);
  o->cell = cut(c, sizeof *o->cell * series_max * HIST_BUCKETS);
  o->series = cut(c, sizeof *o->series * series_max);
  o->fresh = cut(c, sizeof *o->fresh * series_max);
  o->drop = cut(c, sizeof *o->drop * FOLD_DROPS);
  o->drop_sorted = cut(c, sizeof *o->drop_sorted * FOLD_DROPS);
  o->drop_bucket = cut(c, FOLD_DROPS);
  o->exemplar = cut(c, sizeof *o->exemplar * FOLD_SHOWN);
  o->gap = cut(c, sizeof *o->gap * LIMIT_GAPS);
  o->shown = cut(c, sizeof *o->shown * FOLD_SHOWN);
}

struct parts {
  void *names, *routes, *nodes, *series, *cells, *pair, *between, *links, *primary, *meter, *gauge, *templates;
};

static void cut_all(struct cutter *c, struct wire_fold *f, const struct wire_fold_conf *conf, struct parts *p) {
  cut(c, sizeof *f);
  p->names = cut(c, wire_names_bytes(FOLD_NAMES));
  p->routes = cut(c, wire_routes_bytes());
  p->nodes = cut(c, wire_nodes_bytes());
  p->series = cut(c, wire_series_bytes(conf->series_max));
  p->cells = cut(c, wire_cells_bytes());
  p->pair = cut(c, wire_pair_bytes());
  p->between = cut(c, wire_between_bytes());
  p->links = cut(c, wire_links_bytes());
  p->primary = cut(c, wire_primary_bytes());
  p->meter = cut(c, wire_meter_bytes());
  p->gauge = cut(c, wire_gauges_bytes());
  p->templates = cut(c, wire_templates_bytes());
  f->wait = cut(c, sizeof *f->wait * LIMIT_WAITING);
  f->alias = cut(c, sizeof *f->alias * FOLD_ALIASES);
  f->log_row = cut(c, sizeof *f->log_row * FOLD_LOG_SERVICES);
  f->stream = cut(c, sizeof *f->stream * FOLD_STREAMS);
  f->identity = cut(c, sizeof *f->identity * FOLD_IDENTITIES);
  f->known = cut(c, sizeof *f->known * FOLD_KEY_SETS * FOLD_KEY_WAYS);
  f->acc = cut(c, sizeof *f->acc * FOLD_ACCS);
  f->page = cut(c, sizeof *f->page * FOLD_PAGES);
  f->shown = cut(c, sizeof *f->shown * FOLD_SHOWN);
  f->sampler = cut(c, sizeof *f->sampler);
  f->remote = cut(c, sizeof *f->remote);
  for (int i = 0; i < 2; i++) f->hold[i].bytes = cut(c, LIMIT_MESSAGE_BYTES);
  cut_out(c, &f->out, conf->series_max);
}

size_t wire_fold_bytes(const struct wire_fold_conf *conf) {
  struct wire_fold f;
  struct cutter c = {NULL, 0};
  struct parts p;
  MUST(conf->series_max > 0 && conf->series_max <= LIMIT_SERIES_MAX);
  cut_all(&c, &f, conf, &p);
  return c.n;
}

struct wire_fold *wire_fold_init(void *mem, size_t bytes, const struct wire_fold_conf *conf) {
  struct wire_fold *f = mem;
  struct cutter c = {mem, 0};
  struct parts p;
  MUST(((uintptr_t)mem & 63) == 0 && bytes >= wire_fold_bytes(conf));
  cut_all(&c, f, conf, &p);
  f->conf = *conf;
  f->key = (struct base_hash_key){conf->table_key[0], conf->table_key[1]};
  f->names = wire_names_init(p.names, FOLD_NAMES, f->key);
  f->routes = wire_routes_init(p.routes, f->names, f->key);
  f->nodes = wire_nodes_init(p.nodes, f->names, f->key);
  f->series = wire_series_init(p.series, conf->series_max, f->names, f->key);
  f->cells = wire_cells_init(p.cells, f->names, f->series, f->key);
  f->pair = wire_pair_init(p.pair, f->counter);
  f->between = wire_between_init(p.between);
  f->links = wire_links_init(p.links, f->key, &f->counter[REC_COUNTER_SPAN_LINKS_LOST]);
  f->primary = wire_primary_init(p.primary, f->key);
  f->meter = wire_meter_init(p.meter, f);
  f->gauge = wire_gauges_init(p.gauge, f->key, f->counter);
  f->templates = wire_templates_init(p.templates, f->key, f->counter);
  wire_attr_keys_init(&f->otlp.keys);
  f->stream_n = f->acc_n = f->page_n = f->shown_n = f->wait_n = 1;
  f->next_seq = 1;
  f->touched_tick = INT64_MIN;
  wire_clock_init(&f->clock);
  fold_metrics_init(f);
  return f;
}

const uint64_t *wire_fold_counters(const struct wire_fold *f) {
  return f->counter;
}

struct wire_meter *wire_fold_meter(struct wire_fold *f) {
  return f->meter;
}

void wire_fold_watch(struct wire_fold *f, wire_fold_watcher *watcher, void *arg) {
  f->watcher = watcher;
  f->watcher_arg = arg;
}

wire_stream wire_fold_stream_open(struct wire_fold *f) {
  uint32_t at = f->stream_free;
  if (at)
    f->stream_free = f->stream[at].next;
  else if (f->stream_n < FOLD_STREAMS)
    at = f->stream_n++;
  else
    return 0;
  f->stream[at] = (struct fold_stream){.open = 1};
  f->stream_open_n++;
  return at;
}

static void stream_leave(struct wire_fold *f, struct fold_stream *s) {
  struct wire_node_rec *n = wire_nodes_view(f->nodes, s->node);
  if (n) n->stream_n--;
  s->node = (struct wire_node_ref){0};
}

void wire_fold_stream_close(struct wire_fold *f, wire_stream s) {
  if (s == 0) return;
  MUST(s < f->stream_n && f->stream[s].open);
  struct wire_node_ref node = f->stream[s].node;
  stream_leave(f, &f->stream[s]);
  const struct wire_node_rec *n = wire_nodes_view(f->nodes, node);
  if (n && n->stream_n == 0 && f->started) wire_pair_cut(f->pair, node, fold_pair_clock(f));
  f->stream_open_n--;
  f->stream[s] = (struct fold_stream){.next = f->stream_free};
  f->stream_free = s;
}

/* --- who a stream is ------------------------------------------------------------------------------------------- */

static uint64_t identity_hash(const struct wire_fold *f, const struct wire_node *n) {
  const struct base_str part[] = {n->id, n->cluster, n->region, n->zone, n->metadata};
  uint64_t h = f->epoch;
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) h = hash_mix(h, hash_bytes(f->key, part[i].p, part[i].n));
  return h;
}

/* Recordings repeat the identifier in every message: those go by a hash of it all. */
struct wire_node_ref fold_node(struct wire_fold *f, const struct wire_node *node, unsigned *reason) {
  uint64_t hash = identity_hash(f, node), tick = f->started ? (uint64_t)f->open_tick : 0;
  struct fold_identity *known = &f->identity[hash % FOLD_IDENTITIES];
  struct wire_node_rec *rec = known->hash == hash ? wire_nodes_view(f->nodes, known->node) : NULL;
  if (rec && str_eq(wire_names_view(f->names, rec->id), node->id)) {
    rec->seen_tick = tick;
    return known->node;
  }
  struct wire_self self;
  wire_identity_self(node, &self);
  struct wire_node_ref ref = wire_nodes_add(f->nodes, node->id, &self, tick, reason);
  if (ref.at) *known = (struct fold_identity){hash, ref};
  return ref;
}

static void stream_identify(struct wire_fold *f, struct fold_stream *s, const struct wire_als_msg *msg) {
  unsigned reason = 0;
  struct wire_node_ref ref = fold_node(f, &msg->node, &reason);
  s->hint = (uint8_t)wire_identity_hint(msg->log_name);
  if (ref.at == s->node.at && ref.generation == s->node.generation) return;
  stream_leave(f, s);
  if (!ref.at) {
    f->counter[reason]++;
    return;
  }
  s->node = ref;
  wire_nodes_view(f->nodes, ref)->stream_n++;
  wire_pair_join(f->pair, ref);
}

/* --- one entry ------------------------------------------------------------------------------------------------- */

/* How long it took; the last thing that happened stands in where an Envoy gives no duration. */
static int64_t span_ns(const struct wire_request *e) {
  if (e->duration_ns >= 0) return e->duration_ns;
  const int64_t t[] = {e->down_tx_last_ns, e->down_tx_first_ns, e->up_rx_last_ns, e->up_rx_first_ns, e->rx_last_ns};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++)
    if (t[i] >= 0) return t[i];
  return 0;
}

/* HTTP streams that a TCP logger reports: they end as HTTP streams do. Envoys that give no type: by the route, or
 * because HTTP requests were logged at the same listener. */
static bool is_twin(const struct wire_node_rec *node, const struct wire_request *e) {
  if (!e->is_tcp || e->log_type == WIRE_LOG_TCP_END) return false;
  if (e->log_type == WIRE_LOG_DOWNSTREAM_END || e->route_name.n) return true;
  for (uint32_t i = 0; i < node->http_port_n; i++)
    if (node->http_port[i] == e->downstream_local.port) return true;
  return false;
}

static void http_port_learn(struct wire_node_rec *node, uint32_t port) {
  if (node->http_port_n && node->http_port[0] == port) return;
  for (uint32_t i = 1; i < node->http_port_n; i++) {
    if (node->http_port[i] != port) continue;
    node->http_port[i] = node->http_port[0];
    node->http_port[0] = (uint16_t)port;
    return;
  }
  if (node->http_port_n < WIRE_NODE_PORTS) node->http_port[node->http_port_n++] = (uint16_t)port;
}

static void own_learn(struct wire_fold *f, struct base_str cluster) {
  unsigned reason;
  uint32_t name = wire_identity_name(f->names, cluster, &reason);
  if (name == 0 || name == WIRE_NAME_FULL || f->own_n == FOLD_OWN) return;
  for (uint32_t i = 0; i < f->own_n; i++)
    if (f->own[i] == name) return;
  f->own[f->own_n++] = name;
}

/* Entries about the access log's own stream would feed themselves. Its path says so, and over TCP its cluster. */
bool fold_is_own(struct wire_fold *f, const struct wire_request *e) {
  if (!e->is_tcp) {
    if (!str_starts(e->path, OWN_PATH)) return false;
    own_learn(f, e->upstream_cluster);
    return true;
  }
  for (uint32_t i = 0; i < f->own_n; i++)
    if (str_eq(wire_names_view(f->names, f->own[i]), e->upstream_cluster)) return true;
  return false;
}

/* Does the listener log begins, and did it when this request began? One that begins is remembered. */
static bool starts_learn(struct wire_node_rec *node, const struct wire_request *e, bool begins) {
  struct wire_starts *s = node->starts;
  for (uint32_t i = 0; i < WIRE_NODE_STARTS; i++) {
    if (s[i].from_ns == 0) {
      if (begins) s[i] = (struct wire_starts){e->downstream_local.port, e->start_ns};
      return begins;
    }
    if (s[i].port == e->downstream_local.port) return e->start_ns >= s[i].from_ns;
  }
  return false;
}

/* What counts: requests that end, and those that begin. */
static bool is_counted(const struct wire_request *e) {
  if (e->log_type == WIRE_LOG_DOWNSTREAM_START) return !e->is_tcp;
  return e->log_type == WIRE_LOG_NOT_SET || e->log_type == WIRE_LOG_DOWNSTREAM_END || e->log_type == WIRE_LOG_TCP_END;
}

/* Is this entry no request to be counted, and under which reason? */
static bool is_passed_over(struct wire_fold *f, const struct wire_node_rec *node, const struct wire_request *e,
                           enum rec_counter *reason) {
  int64_t span = span_ns(e);
  if (!is_counted(e))
    *reason = REC_COUNTER_PROGRESS;
  else if (is_twin(node, e))
    *reason = REC_COUNTER_TWINS;
  else if (fold_is_own(f, e))
    *reason = REC_COUNTER_OWN;
  else if (e->time_absurd || (e->has_start && (e->start_ns < 0 || e->start_ns > FOLD_START_NS_MAX)) ||
           span > FOLD_SPAN_NS_MAX)
    *reason = REC_COUNTER_REJECT_TIME;
  else if (!e->has_start)
    *reason = REC_COUNTER_REJECT_NO_START;
  else
    return false;
  return true;
}

static void started(struct wire_fold *f, int64_t end_ns) {
  int64_t lag_ns = wire_clock_lag(&f->clock);
  int64_t from_ns = (end_ns < f->clock.arrival_ns ? end_ns : f->clock.arrival_ns) - lag_ns;
  f->open_tick = from_ns > 0 ? from_ns / LIMIT_TICK_NS : 0;
  f->started = true;
}

void fold_clock(struct wire_fold *f, int64_t now_ns) {
  wire_clock_arrive(&f->clock, now_ns);
  if (!f->started) started(f, now_ns);
}

/* The tick that an end counts in: -1 too late. STEP_HOLD: ticks have to close first. */
static enum step place(struct wire_fold *f, int64_t end_ns, int64_t *tick) {
  if (!f->started) {
    wire_clock_arrive(&f->clock, end_ns);
    started(f, end_ns);
  }
  *tick = end_ns / LIMIT_TICK_NS;
  if (*tick >= f->open_tick + (int64_t)LIMIT_OPEN_TICKS) {
    wire_clock_arrive(&f->clock, end_ns);
    return STEP_HOLD;
  }
  if (*tick >= f->open_tick) return STEP_DONE;
  bool late = f->open_tick * LIMIT_TICK_NS - end_ns <= LIMIT_LATE_NS_MAX;
  *tick = late ? f->open_tick : -1;
  return STEP_DONE;
}

/* Far ahead of all that was seen: only a replay needs a second witness, a receiver has its own clock. */
static bool is_ahead(const struct wire_fold *f, const struct fold_run *run, int64_t end_ns) {
  if (run->confirmed || run->recv_ns || !f->started) return false;
  int64_t newest = run->newest_ns > f->clock.arrival_ns ? run->newest_ns : f->clock.arrival_ns;
  return end_ns > newest + LIMIT_AHEAD_NS_MAX;
}

static void run_saw(const struct wire_fold *f, struct fold_run *run, int64_t end_ns) {
  if (end_ns > run->newest_ns) run->newest_ns = end_ns;
  if (end_ns < run->oldest_ns && f->clock.arrival_ns - end_ns <= LIMIT_LAG_NS_MAX) run->oldest_ns = end_ns;
}

/* The access log is the best source there is: it says once a message that it is alive. */
static inline void claim(struct wire_fold *f, struct fold_run *run, const struct fold_ends *ends, uint8_t side,
                         bool request) {
  bool itself = ends->self.at == run->node.at;
  if (itself)
    run->told_n[side] += request;
  else if (request)
    fold_tell_events(f, ends->self, side, 1);
  if (itself && run->claimed & 1u << side) return;
  (void)fold_primary(f, ends->self, side, WIRE_SOURCE_ALS);
  if (itself) run->claimed |= (uint8_t)(1u << side);
}

static void entry_count(struct wire_fold *f, struct fold_run *run, const struct wire_request *e, struct fold_request *q,
                        bool late) {
  unsigned reason = 0;
  struct fold_ends ends;
  uint32_t base = fold_resolve(f, run, e, &ends, &reason);
  if (!base) {
    f->counter[reason]++;
    wire_pair_useless(f->pair, run->node, REC_GAP_SHED);
    return;
  }
  if (q->tick < 0) {
    f->counter[REC_COUNTER_REJECT_LATE]++;
    wire_pair_useless(f->pair, ends.self, REC_GAP_LATE);
  } else if (late) {
    f->counter[REC_COUNTER_LATE]++;
  }
  claim(f, run, &ends, wire_cells_base_view(f->cells, base)->side, !q->begins && !e->is_tcp);
  if (!q->begins) fold_pair_report(f, run, base, &ends, e, q->end_ns);
  base = fold_between(f, base, &ends, e, q->begins ? -1 : q->end_ns);
  if (fold_measure(f, base, e, q)) fold_count(f, q);
}

/* When and in which tick. A request that only begins counts when it began. */
enum step fold_place(struct wire_fold *f, struct fold_run *run, struct wire_node_rec *node,
                     const struct wire_request *e, struct fold_request *q) {
  q->latency_ns = q->begins ? 0 : span_ns(e);
  q->end_ns = e->start_ns + q->latency_ns;
  if (run->recv_ns) q->end_ns = wire_skew_end(&node->skew, run->recv_ns, q->end_ns);
  if (q->end_ns < 0) q->end_ns = 0;
  if (is_ahead(f, run, q->end_ns) || place(f, q->end_ns, &q->tick) == STEP_HOLD) return STEP_HOLD;
  run_saw(f, run, q->end_ns);
  return STEP_DONE;
}

static void entry_tally(struct wire_fold *f, struct fold_run *run, struct wire_node_rec *node,
                        const struct wire_request *e) {
  run->entry_n++;
  f->counter[REC_COUNTER_ENTRIES]++;
  f->counter[e->is_tcp ? REC_COUNTER_ENTRIES_TCP : REC_COUNTER_ENTRIES_HTTP]++;
  if (e->tag_over) f->counter[REC_COUNTER_CUSTOM_TAG_LIMIT] += e->tag_over;
  if (!e->is_tcp && e->downstream_local.port) http_port_learn(node, e->downstream_local.port);
}

static enum step entry_take(struct wire_fold *f, struct fold_run *run, const struct wire_request *e) {
  struct wire_node_rec *node = wire_nodes_view(f->nodes, run->node);
  enum rec_counter reason = REC_COUNTER_ENTRIES;
  struct fold_request q = {.begins = e->log_type == WIRE_LOG_DOWNSTREAM_START};
  bool counts = !is_passed_over(f, node, e, &reason);
  if (counts && fold_place(f, run, node, e, &q) == STEP_HOLD) return STEP_HOLD;
  entry_tally(f, run, node, e);
  if (!counts) {
    f->counter[reason]++;
    return STEP_DONE;
  }
  q.began = starts_learn(node, e, q.begins);
  if (q.begins) f->counter[REC_COUNTER_PROGRESS]++;
  entry_count(f, run, e, &q, q.end_ns / LIMIT_TICK_NS != q.tick);
  return STEP_DONE;
}

/* --- one message ----------------------------------------------------------------------------------------------- */

/* Takes entries until the message ends or an entry has to wait; run->it then stands before that one. */
static enum step als_step(struct wire_fold *f, struct fold_run *run) {
  struct wire_request e;
  struct wire_err err;
  for (;;) {
    struct wire_als_iter before = run->it;
    enum wire_status status = wire_als_next(&run->it, &e, &err);
    if (status == WIRE_END) return STEP_DONE;
    if (status == WIRE_BAD) {
      f->counter[REC_COUNTER_REJECT_ENTRY]++;
      continue;
    }
    if (entry_take(f, run, &e) == STEP_DONE) continue;
    run->it = before;
    return STEP_HOLD;
  }
}

static enum step run_step(struct wire_fold *f, struct fold_run *run) {
  bool als = run->wire == FOLD_WIRE_ALS;
  for (uint8_t side = 0; side < 2; side++) run->told_n[side] = 0;
  enum step step = als ? als_step(f, run) : fold_otlp_step(f, run);
  for (uint8_t side = 0; side < 2; side++)
    if (run->told_n[side]) fold_tell_events(f, run->node, side, run->told_n[side]);
  if (step == STEP_HOLD) return STEP_HOLD;
  if (run->oldest_ns != INT64_MAX) {
    if (!run->recv_ns) wire_clock_arrive(&f->clock, run->newest_ns);
    wire_clock_late(&f->clock, run->oldest_ns);
  }
  if (als && f->started) wire_pair_heard(f->pair, run->node, fold_pair_clock(f), run->entry_n);
  return STEP_DONE;
}

/* Why a run had to stop: the entry that it stands before is ahead of the clock; else it waits for ticks. */
static bool run_is_ahead(struct wire_fold *f, const struct fold_run *run) {
  struct wire_als_iter it = run->it;
  struct wire_request e;
  struct wire_err err;
  int64_t end_ns;
  if (run->wire != FOLD_WIRE_ALS) return fold_otlp_end(f, run, &end_ns) && is_ahead(f, run, end_ns);
  MUST(wire_als_next(&it, &e, &err) == WIRE_OK);
  return is_ahead(f, run, e.start_ns + span_ns(&e));
}

static struct base_str *run_bytes(struct fold_run *run) {
  return run->wire == FOLD_WIRE_ALS ? &run->it.bytes : &run->otlp.bytes;
}

static void hold_put(struct fold_hold *h, const struct fold_run *run) {
  h->run = *run;
  struct base_str *bytes = run_bytes(&h->run);
  MUST(bytes->n <= LIMIT_MESSAGE_BYTES);
  memmove(h->bytes, bytes->p, bytes->n);
  bytes->p = h->bytes;
  h->run.resource_at = SIZE_MAX;
  h->used = true;
}

static void als_drop(struct wire_fold *f, struct fold_run *run) {
  struct wire_request e;
  struct wire_err err;
  enum wire_status status;
  while ((status = wire_als_next(&run->it, &e, &err)) != WIRE_END) {
    if (status == WIRE_BAD) {
      f->counter[REC_COUNTER_REJECT_ENTRY]++;
      continue;
    }
    f->counter[REC_COUNTER_ENTRIES]++;
    f->counter[e.is_tcp ? REC_COUNTER_ENTRIES_TCP : REC_COUNTER_ENTRIES_HTTP]++;
    f->counter[REC_COUNTER_REJECT_AHEAD]++;
    wire_pair_useless(f->pair, run->node, REC_GAP_SHED);
  }
}

/* Gives up on a message that nobody confirmed: its entries are counted and forgotten. */
static void hold_drop(struct wire_fold *f, struct fold_run *run) {
  if (run->wire == FOLD_WIRE_ALS)
    als_drop(f, run);
  else
    fold_otlp_drop(f, run);
}

/* A message that is ahead of the clock: it waits, and the very next message confirms it if that is ahead too. After
 * one in step it was wrong, and the new one waits in its place: where time has really jumped, all are ahead. */
static void ahead_take(struct wire_fold *f, struct fold_run *run) {
  struct fold_hold *h = &f->hold[0];
  if (!h->used) {
    hold_put(h, run);
    f->normal_n = 0;
    return;
  }
  if (f->normal_n) {
    hold_drop(f, &h->run);
    hold_put(h, run);
    f->normal_n = 0;
    return;
  }
  h->run.confirmed = true;
  run->confirmed = true;
  hold_put(&f->hold[1], run);
}

static void normal_took(struct wire_fold *f) {
  struct fold_hold *h = &f->hold[0];
  if (!h->used || h->run.confirmed || ++f->normal_n <= FOLD_NORMAL_MAX) return;
  hold_drop(f, &h->run);
  h->used = false;
}

static bool is_waiting(const struct wire_fold *f) {
  return (f->hold[0].used && f->hold[0].run.confirmed) || f->hold[1].used;
}

void fold_run_take(struct wire_fold *f, struct fold_run *run) {
  if (is_waiting(f)) { /* the caller did not ask for ticks */
    hold_drop(f, run);
    return;
  }
  if (run_step(f, run) == STEP_DONE) {
    if (run->newest_ns != INT64_MIN) normal_took(f);
    return;
  }
  if (run_is_ahead(f, run))
    ahead_take(f, run);
  else
    hold_put(&f->hold[1], run);
}

uint32_t wire_fold_message(struct wire_fold *f, wire_stream s, struct base_str bytes, struct base_wall recv) {
  struct wire_als_msg msg;
  struct wire_err err;
  f->counter[REC_COUNTER_MESSAGES]++;
  f->counter[REC_COUNTER_MESSAGE_BYTES] += bytes.n;
  if (bytes.n > LIMIT_MESSAGE_BYTES) {
    f->counter[REC_COUNTER_REJECT_OVERSIZE]++;
    return 0;
  }
  if (wire_als_msg_read(bytes, &msg, &err) != WIRE_OK) {
    f->counter[REC_COUNTER_REJECT_MESSAGE]++;
    return 0;
  }
  MUST(s < f->stream_n && (s == 0 || f->stream[s].open));
  struct fold_stream *stream = &f->stream[s];
  if (s && msg.has_node) stream_identify(f, stream, &msg);
  if (!wire_nodes_view(f->nodes, stream->node)) {
    f->counter[REC_COUNTER_REJECT_NO_IDENTIFIER]++;
    return 0;
  }
  struct fold_run run = {
      .node = stream->node, .hint = stream->hint, .recv_ns = recv.ns, .newest_ns = INT64_MIN, .oldest_ns = INT64_MAX};
  if (recv.ns) wire_clock_arrive(&f->clock, recv.ns);
  wire_als_iter_init(&run.it, &msg);
  fold_run_take(f, &run);
  return run.entry_n;
}

/* --- ticks ----------------------------------------------------------------------------------------------------- */

static bool tick_is_complete(struct wire_fold *f) {
  if (!f->started) return false;
  int64_t mark = wire_clock_watermark(&f->clock);
  int64_t target = mark / LIMIT_TICK_NS;
  /* Over an hour of silence: what is open is given out, then time goes on at the other side. */
  if (target - f->open_tick > FOLD_JUMP_TICKS && f->touched_tick < f->open_tick) f->open_tick = target;
  if (f->dark && f->touched_tick < f->open_tick) {
    if (f->stream_open_n == 0 && !wire_meter_hears(f->meter)) return false;
    f->dark = false;
    if (f->open_tick < target) f->open_tick = target;
  }
  return f->open_tick < target;
}

static bool tick_give(struct wire_fold *f, bool cut, struct rec_tick *tick) {
  fold_wait_close(f, f->open_tick);
  wire_meter_close(f->meter, f->open_tick);
  fold_close(f, f->open_tick);
  f->open_tick++;
  f->counter[REC_COUNTER_TICKS]++;
  *tick = (struct rec_tick){f->next_seq++, {f->open_tick * LIMIT_TICK_NS}, {f->clock.arrival_ns}, cut};
  return true;
}

/* Goes on with a message that waited for ticks. False: nothing waits, or it still has to. */
static bool hold_step(struct wire_fold *f) {
  for (int i = 0; i < 2; i++) {
    struct fold_hold *h = &f->hold[i];
    if (!h->used || (i == 0 && !h->run.confirmed)) continue;
    if (run_step(f, &h->run) == STEP_HOLD) {
      if (!run_is_ahead(f, &h->run)) return tick_is_complete(f);
      hold_drop(f, &h->run);
    }
    h->used = false;
    return true;
  }
  return false;
}

bool wire_fold_tick(struct wire_fold *f, struct base_wall now, bool flush, struct rec_tick *tick) {
  if (now.ns && f->started) wire_clock_arrive(&f->clock, now.ns);
  if (now.ns && f->stream_open_n == 0 && !wire_meter_hears(f->meter)) f->dark = true;
  do {
    if (tick_is_complete(f)) return tick_give(f, false, tick);
  } while (hold_step(f));
  if (!flush) return false;
  if (f->hold[0].used) {
    /* The end of the input: it is believed where nothing spoke against it. */
    if (f->normal_n == 0) {
      f->hold[0].run.confirmed = true;
      return wire_fold_tick(f, now, flush, tick);
    }
    hold_drop(f, &f->hold[0].run);
    f->hold[0].used = false;
  }
  return f->started && f->open_tick <= f->touched_tick && tick_give(f, true, tick);
}

struct wire_gauges *wire_fold_gauges(struct wire_fold *f) {
  return f->gauge;
}

bool wire_fold_series_restore(struct wire_fold *f, const struct rec_series *s) {
  wire_gauge_series(f->gauge, s);
  return wire_series_restore(f->series, s, f->started ? (uint64_t)f->open_tick : 0);
}

void wire_fold_tick_restore(struct wire_fold *f, uint64_t next_seq, struct base_wall end) {
  f->next_seq = next_seq;
  f->open_tick = end.ns / LIMIT_TICK_NS;
  f->started = true;
  f->dark = true;
  wire_clock_arrive(&f->clock, end.ns);
  wire_series_touch(f->series, (uint64_t)f->open_tick);
}
