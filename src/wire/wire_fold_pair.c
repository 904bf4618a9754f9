/* What pairs of reports tell about lost ones: from an entry to a report for wire_pair, and from what that says to
 * records. */
#include "base_must.h"
#include "wire_meter_state.h"

#define F(name) WIRE_FLAG(name)
#define NOW_NS_MAX 8000000000000000000ll
/* The proxy itself answered, or nobody did. */
#define UNANSWERED                                                                                                     \
  (F(LH) | F(UH) | F(UT) | F(LR) | F(UR) | F(UF) | F(UC) | F(UO) | F(NR) | F(DI) | F(FI) | F(RL) | F(UAEX) | F(RLSE) | \
   F(DC) | F(SI) | F(IH) | F(DPE) | F(UMSDR) | F(RFCF) | F(NFCF) | F(DT) | F(UPE) | F(NC) | F(OM) | F(DF) | F(DR))
/* The caller need not have seen an answer: it went away, or its request was none. */
#define UNSEEN (F(DC) | F(DR) | F(IH) | F(DPE) | F(SI) | F(DT))

/* The callee answered, as far as its caller tells: so the callee has it in its log. */
static bool is_answered(const struct wire_request *e) {
  return e->up_rx_first_ns >= 0 && e->upstream_remote.ip.n && !(e->flags & UNANSWERED);
}

/* The caller got an answer, as far as the callee tells: so the caller has it in its log. */
static bool is_seen(const struct wire_request *e) {
  return e->has_code && e->code && !(e->flags & UNSEEN);
}

/* A service by its names; a proxy that serves no named one stands for itself. */
static uint64_t service_number(uint32_t namespace_, uint32_t service, uint32_t node_id) {
  return service ? (uint64_t)namespace_ << 32 | service : 1ull << 63 | node_id;
}

static uint64_t service_of(struct wire_fold *f, struct wire_node_ref ref) {
  const struct wire_node_rec *n = wire_nodes_view(f->nodes, ref);
  return n ? service_number(n->who.namespace_, n->who.service, n->id) : 0;
}

/* A receiver's clock may be any number in a recording; this one can be reckoned with. */
int64_t fold_pair_clock(const struct wire_fold *f) {
  int64_t now = f->clock.arrival_ns;
  return now < 0 ? 0 : now < NOW_NS_MAX ? now : NOW_NS_MAX;
}

static bool is_other(struct wire_node_ref self, struct wire_node_ref other) {
  return other.at != 0 && other.at != self.at;
}

/* A call that reached nobody known still answers for what its earlier attempts left in the log of that service. */
static uint64_t named_callee(const struct wire_base *b) {
  return service_number(b->id[WIRE_BASE_NAMESPACE], b->id[WIRE_BASE_SERVICE], 0);
}

static void report_served(struct wire_fold *f, struct wire_pair_report *r, const struct fold_ends *ends,
                          const struct wire_request *e) {
  bool known = is_other(ends->self, ends->down);
  r->client = false;
  r->other = known ? ends->down : (struct wire_node_ref){0};
  r->other_service = known ? service_of(f, ends->down) : 0;
  r->callee = r->self_service;
  r->owed = known && is_seen(e);
  wire_pair_report(f->pair, r);
}

static void report_called(struct wire_fold *f, struct wire_pair_report *r, const struct fold_ends *ends,
                          const struct wire_base *b, const struct wire_request *e) {
  bool known = is_other(ends->self, ends->up);
  r->client = true;
  r->other = known ? ends->up : (struct wire_node_ref){0};
  r->other_service = known ? service_of(f, ends->up) : 0;
  r->callee = known ? r->other_service : named_callee(b);
  r->owed = known && is_answered(e);
  wire_pair_report(f->pair, r);
}

void fold_pair_report(struct wire_fold *f, const struct fold_run *run, uint32_t base, const struct fold_ends *ends,
                      const struct wire_request *e, int64_t end_ns) {
  const struct wire_base *b = wire_cells_base_view(f->cells, base);
  if (e->is_tcp || !wire_nodes_view(f->nodes, ends->self)) return;
  struct wire_pair_report r = {.request_id = e->request_id, .start_ns = e->start_ns, .end_ns = end_ns};
  r.now_ns = fold_pair_clock(f);
  if (r.end_ns > NOW_NS_MAX) r.end_ns = NOW_NS_MAX;
  if (r.end_ns > r.now_ns) r.now_ns = r.end_ns;
  r.self = ends->self;
  r.self_service = service_of(f, ends->self);
  r.attempts = e->attempts ? e->attempts : 1;
  if (ends->self.at != run->node.at) wire_pair_heard(f->pair, ends->self, r.now_ns, 1);
  if (b->side == REC_SIDE_SERVER || b->gateway) report_served(f, &r, ends, e);
  if (b->side == REC_SIDE_CLIENT) report_called(f, &r, ends, b, e);
}

uint32_t fold_between(struct wire_fold *f, uint32_t base, const struct fold_ends *ends, const struct wire_request *e,
                      int64_t end_ns) {
  const struct wire_base *b = wire_cells_base_view(f->cells, base);
  struct wire_between_id callee = {b->id[WIRE_BASE_NAMESPACE], b->id[WIRE_BASE_SERVICE]};
  bool call = b->side == REC_SIDE_CLIENT && ends->up.at == 0 && e->upstream_remote.ip.n,
       nameless = b->side == REC_SIDE_SERVER && b->id[WIRE_BASE_CALLER] == 0;
  if (e->is_tcp || !(call || nameless)) return base;
  struct wire_between_report r = {e->request_id, fold_pair_clock(f), e->start_ns, end_ns, callee, call};
  if (end_ns >= 0) wire_between_report(f->between, &r);
  struct wire_between_id caller = nameless ? wire_between_caller(f->between, callee) : (struct wire_between_id){0, 0};
  if (!caller.service) return base;
  struct wire_base named = {.side = b->side, .gateway = b->gateway};
  memcpy(named.id, b->id, sizeof named.id);
  named.id[WIRE_BASE_CALLER_NAMESPACE] = caller.namespace_;
  named.id[WIRE_BASE_CALLER] = caller.service;
  uint32_t known = wire_cells_base(f->cells, &named);
  if (!known) return base;
  wire_cells_base_keep(f->cells, base, (uint64_t)f->open_tick);
  return known;
}

static void gap_write(struct wire_fold *f, const struct wire_pair_gap *from, struct rec_gap *to) {
  const struct wire_node_rec *n = wire_nodes_view(f->nodes, from->node);
  *to = (struct rec_gap){.expected = from->expected, .lost = from->lost, .reason = from->reason};
  if (!n) return;
  to->node = wire_names_view(f->names, n->who.pod ? n->who.pod : n->id);
  to->ns = wire_names_view(f->names, n->who.namespace_);
  to->service = wire_names_view(f->names, n->who.service);
  to->cluster = wire_names_view(f->names, n->who.cluster);
}

void fold_pair_step(struct wire_fold *f) {
  const struct wire_pair_gap *gap;
  wire_between_step(f->between, fold_pair_clock(f));
  uint32_t n = wire_pair_step(f->pair, fold_pair_clock(f), &gap);
  MUST(n <= LIMIT_GAPS);
  for (uint32_t i = 0; i < n; i++) gap_write(f, &gap[i], &f->out.gap[i]);
  if (f->open_tick % LIMIT_TICKS_PER_S == 0) n = wire_meter_gaps(f->meter, f->out.gap, n, LIMIT_GAPS);
  f->out.gap_n = n;
}
