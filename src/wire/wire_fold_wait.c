/* Requests out of spans and log records wait until their tick closes. By then what can tell more of them has mostly
 * come: the other end's span, and a better source that reports the same request. The tick does not wait for them: it
 * closes when it would have closed without. */
#include "base_must.h"
#include "wire_fold_state.h"

#define NOWHERE UINT32_MAX

static uint32_t *wait_head(struct wire_fold *f, int64_t tick, unsigned source) {
  return &f->wait_head[tick % LIMIT_OPEN_TICKS][source];
}

static uint32_t wait_take(struct wire_fold *f) {
  uint32_t at = f->wait_free;
  if (at) {
    f->wait_free = f->wait[at].next;
    return at;
  }
  return f->wait_n < LIMIT_WAITING ? f->wait_n++ : 0;
}

static bool is_same_service(struct wire_fold *f, struct wire_node_ref a, struct wire_node_ref b) {
  const struct wire_node_rec *x = wire_nodes_view(f->nodes, a), *y = wire_nodes_view(f->nodes, b);
  if (!x || !y || x->who.service == 0 || x->who.service != y->who.service) return false;
  return x->who.namespace_ == y->who.namespace_ || x->who.namespace_ == 0 || y->who.namespace_ == 0;
}

/* The call that a server's span answers: its parent, or what that is a try of. */
static const struct wire_link *call_find(const struct wire_fold *f, uint64_t id) {
  const struct wire_link *l = id ? wire_links_find(f->links, id) : NULL;
  if (l && l->role == WIRE_LINK_TRY && l->parent) {
    const struct wire_link *call = wire_links_find(f->links, l->parent);
    if (call && call->role != WIRE_LINK_NONE) l = call;
  }
  return l && l->role != WIRE_LINK_NONE ? l : NULL;
}

/* The proxy beside an application serves and calls for it: both send a span, and the request is one. What the proxy
 * says counts. Of two spans of a call inside of one application the outer one does. */
static bool is_inner(struct wire_fold *f, const struct fold_wait *w, const struct wire_link *own,
                     const struct wire_link *call) {
  if (w->source != WIRE_SOURCE_SPAN) return false;
  if (w->role == WIRE_LINK_CLIENT && own && own->inner.at && is_same_service(f, own->inner, w->self)) return true;
  return call && call->role == w->role && is_same_service(f, call->self, w->self);
}

static void base_caller(struct wire_base *b, const struct wire_node_rec *n) {
  b->id[WIRE_BASE_CALLER_NAMESPACE] = n->who.namespace_;
  b->id[WIRE_BASE_CALLER] = n->who.service;
}

static void id_over(uint32_t *id, uint32_t other) {
  if (other) *id = other;
}

/* The callee by what it says itself. A proxy's word for the service is the more stable one: it names those, too, that
 * do not answer. Without an answer, who answered last under that name says what service and cluster it is. */
static void base_callee(struct wire_base *b, const struct wire_node_rec *n, bool proxy, bool answered) {
  uint32_t *id = b->id;
  if (!proxy || !id[WIRE_BASE_SERVICE]) {
    id[WIRE_BASE_NAMESPACE] = n->who.namespace_;
    id[WIRE_BASE_SERVICE] = n->who.service;
  } else if (id[WIRE_BASE_NAMESPACE] && n->who.namespace_ && id[WIRE_BASE_NAMESPACE] != n->who.namespace_) {
    return; /* a gateway in between */
  } else {
    id_over(&id[WIRE_BASE_NAMESPACE], n->who.namespace_);
  }
  id_over(&id[WIRE_BASE_CLUSTER], n->who.cluster);
  if (!answered) return;
  id_over(&id[WIRE_BASE_VERSION], n->who.version);
  id_over(&id[WIRE_BASE_REGION], n->who.region);
  id_over(&id[WIRE_BASE_POD], n->who.pod);
}

/* Who answered a call; else who did last. */
static const struct wire_node_rec *callee_find(struct wire_fold *f, const struct fold_wait *w,
                                               const struct wire_link *own, bool *answered) {
  struct fold_alias *alias = &f->alias[w->target % FOLD_ALIASES];
  const struct wire_node_rec *n = own ? wire_nodes_view(f->nodes, own->answered) : NULL;
  *answered = n && n->who.service;
  if (*answered) *alias = (struct fold_alias){w->target, own->answered};
  if (*answered || alias->target != w->target) return n;
  return wire_nodes_view(f->nodes, alias->node);
}

/* What the other end's span says of itself goes over what was known. */
static void wait_join(struct wire_fold *f, struct fold_wait *w, const struct wire_link *own,
                      const struct wire_link *call) {
  bool server = w->role == WIRE_LINK_SERVER, answered = call != NULL;
  const struct wire_node_rec *n =
      server ? call ? wire_nodes_view(f->nodes, call->self) : NULL : callee_find(f, w, own, &answered);
  if (server && w->parent && !n) f->counter[REC_COUNTER_SPANS_ORPHAN]++;
  if (own && own->tries > 1 && w->q.retries == 0) w->q.retries = own->tries - 1u;
  if (!n || n->who.service == 0) return;
  if (answered) f->counter[REC_COUNTER_SPANS_JOINED]++;
  struct wire_base key = *wire_cells_base_view(f->cells, w->q.base);
  key.kept_tick = 0;
  if (server)
    base_caller(&key, n);
  else
    base_callee(&key, n, w->source == WIRE_SOURCE_PROXY_SPAN, answered);
  uint32_t base = wire_cells_base(f->cells, &key);
  if (base) w->q.base = base;
}

bool fold_primary(struct wire_fold *f, struct wire_node_ref node, uint8_t side, enum wire_source source) {
  struct wire_node_rec *n = wire_nodes_view(f->nodes, node);
  bool switched;
  MUST(side < 2);
  if (!n || !n->who.service) return true;
  if (n->asked_tick[side] == f->open_tick && n->asked_source[side] == source) return n->asked_yes[side];
  struct wire_reporter_id who = {n->who.namespace_, n->who.service, n->who.pod, side};
  n->asked_tick[side] = f->open_tick;
  n->asked_source[side] = (uint8_t)source;
  n->asked_yes[side] = wire_primary_take(f->primary, &who, source, f->open_tick, &switched);
  f->counter[REC_COUNTER_SOURCE_SWITCHED] += switched;
  return n->asked_yes[side];
}

static bool is_primary(struct wire_fold *f, const struct fold_wait *w) {
  const struct wire_base *b = wire_cells_base_view(f->cells, w->q.base);
  if (fold_primary(f, w->self, b->side, (enum wire_source)w->source)) return true;
  f->counter[REC_COUNTER_SECONDARY] += w->q.weight;
  return false;
}

static void wait_count(struct wire_fold *f, struct fold_wait *w) {
  const struct wire_link *own = w->id ? wire_links_find(f->links, w->id) : NULL;
  const struct wire_link *call = call_find(f, w->parent);
  const struct wire_base *b = wire_cells_base_view(f->cells, w->q.base);
  if (!b->used || b->generation != w->generation) { /* cannot be while bases are kept longer than ticks are open */
    f->counter[REC_COUNTER_REJECT_CELL_LIMIT]++;
    return;
  }
  if (is_inner(f, w, own, call)) {
    f->counter[REC_COUNTER_SPANS_INNER]++;
    return;
  }
  if (w->source == WIRE_SOURCE_LOG && !w->q.is_tcp) fold_tell_events(f, w->self, b->side, w->q.weight);
  if (!is_primary(f, w)) return;
  if (w->id) wait_join(f, w, own, call);
  w->q.request_id = (struct base_str){w->request_id, w->request_id_n};
  w->q.trace_id = STR_NONE;
  w->q.trace_raw = w->has_trace ? w->trace : NULL;
  fold_count(f, &w->q);
}

void fold_wait_put(struct wire_fold *f, struct fold_wait *w) {
  uint32_t at = w->q.tick >= 0 ? wait_take(f) : NOWHERE;
  if (at == NOWHERE || at == 0) { /* too late to count, or nobody may wait any more */
    if (at == 0) f->counter[REC_COUNTER_WAITING_LIMIT]++;
    wait_count(f, w);
    return;
  }
  uint32_t *head = wait_head(f, w->q.tick, w->source);
  w->next = *head;
  f->wait[at] = *w;
  *head = at;
  if (w->q.tick > f->touched_tick) f->touched_tick = w->q.tick;
}

static void wait_near(const struct wire_fold *f, const struct fold_wait *w) {
  if (w->id) wire_links_near(f->links, w->id);
  if (w->parent) wire_links_near(f->links, w->parent);
  __builtin_prefetch(&f->wait[w->next]);
}

void fold_wait_close(struct wire_fold *f, int64_t tick) {
  for (unsigned source = 0; source < WIRE_SOURCE_COUNT; source++) {
    uint32_t *head = wait_head(f, tick, source), next;
    for (uint32_t at = *head; at; at = next) {
      struct fold_wait *w = &f->wait[at];
      next = w->next;
      if (next) wait_near(f, &f->wait[next]);
      wait_count(f, w);
      w->next = f->wait_free;
      f->wait_free = at;
    }
    *head = 0;
  }
}

void fold_wait_mark(struct wire_fold *f) {
  for (unsigned i = 0; i < LIMIT_OPEN_TICKS * WIRE_SOURCE_COUNT; i++)
    for (uint32_t at = f->wait_head[i / WIRE_SOURCE_COUNT][i % WIRE_SOURCE_COUNT]; at; at = f->wait[at].next)
      wire_names_mark(f->names, f->wait[at].q.route);
  for (uint32_t i = 0; i < FOLD_LOG_SERVICES; i++) wire_names_mark(f->names, f->log_row[i].service);
}
