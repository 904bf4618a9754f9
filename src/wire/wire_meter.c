/* One sample: whose it is, what it grew by, where that goes. */
#include "base_must.h"
#include "wire_meter_state.h"

#define COUNT(m, name) ((m)->fold->counter[REC_COUNTER_##name]++)

/* The receiver's clock, or without one the sample's own. A single time far ahead of all others is not believed. */
static bool moment_of(struct wire_meter *m, const struct wire_sample *s, struct base_wall recv, int64_t *at_ns,
                      int64_t *now_ns) {
  const struct wire_clock *c = &m->fold->clock;
  *now_ns = recv.ns ? recv.ns : s->time_ns;
  *at_ns = s->time_ns ? s->time_ns : *now_ns;
  if (*at_ns <= 0 || *at_ns > FOLD_START_NS_MAX || *now_ns <= 0 || s->start_ns < 0 || s->start_ns > FOLD_START_NS_MAX) {
    COUNT(m, REJECT_SAMPLE_TIME);
    return false;
  }
  bool ahead = !recv.ns && m->fold->started && *now_ns > c->arrival_ns + METER_JUMP_NS;
  m->jump_n = ahead ? m->jump_n + 1 : 0;
  if (ahead && m->jump_n <= METER_JUMP_SAMPLES) {
    COUNT(m, REJECT_AHEAD);
    return false;
  }
  return true;
}

/* --- who ------------------------------------------------------------------------------------------------------- */

/* Where a destination is, for requests that will reach nobody and name it less (as in wire_fold_resolve.c). */
static void place_learn(struct wire_fold *f, struct wire_node_ref node, const struct wire_request *e, uint32_t base) {
  uint32_t cluster = wire_cells_base_view(f->cells, base)->id[WIRE_BASE_CLUSTER];
  if (!e->callee || !cluster || !e->upstream_cluster.n) return;
  struct wire_place *p = wire_nodes_place(f->nodes, node, e->upstream_cluster, true);
  if (!p) return;
  p->known = 1;
  p->cluster = cluster;
}

/* The flow that the sample under way belongs to, by what m->told says; 0: none, which is counted. Fills the class. */
static uint32_t flow_of(struct wire_meter *m, uint32_t target, uint8_t *class_) {
  struct wire_fold *f = m->fold;
  struct fold_run run = {.hint = (uint8_t)m->told.hint};
  struct fold_request q = {0};
  struct fold_ends ends;
  unsigned reason = REC_COUNTER_REJECT_NO_IDENTIFIER;
  run.node = fold_reporter(f, &m->told.who, (uint64_t)f->open_tick, &reason);
  uint32_t base = run.node.at ? fold_resolve(f, &run, &m->told.request, &ends, &reason) : 0;
  if (!base) {
    f->counter[reason]++;
    return 0;
  }
  place_learn(f, run.node, &m->told.request, base);
  if (!fold_measure(f, base, &m->told.request, &q)) return 0;
  uint32_t at = meter_flow_find(m, target, base, q.route);
  *class_ = q.class_;
  if (!at) {
    COUNT(m, REJECT_METER_LIMIT);
    return 0;
  }
  struct meter_flow *w = &m->flow[at];
  wire_cells_base_keep(f->cells, base, (uint64_t)f->open_tick);
  w->self = ends.self;
  w->side = wire_cells_base_view(f->cells, base)->side;
  w->source = m->told.request.source;
  if (!m->target[target].node.at) m->target[target].node = ends.self;
  return at;
}

/* What of its flow a series is. Which of several families that tell the same counts, grown_put knows. */
static uint8_t role_of(struct wire_meter *m, const struct meter_series *s, const struct wire_family *family) {
  struct meter_flow *w = &m->flow[s->flow];
  if (!s->flow || (family->role == WIRE_ROLE_LATENCY && s->class_ != REC_CLASS_OK)) return WIRE_ROLE_KNOWN;
  w->counts |= family->role == WIRE_ROLE_REQUESTS || family->role == WIRE_ROLE_BOTH ||
               family->role == WIRE_ROLE_CONNECTIONS || family->role == WIRE_ROLE_REFUSED;
  if (family->role == WIRE_ROLE_LATENCY && family->rank < w->hist_rank) w->hist_rank = family->rank;
  return family->role;
}

static void series_open(struct wire_meter *m, uint32_t at, uint8_t row, const struct wire_sample *s) {
  const struct wire_family *family = wire_family_view(row);
  struct meter_series *to = &m->series[at];
  to->row = row;
  to->role = WIRE_ROLE_KNOWN;
  wire_fields_read(s, &m->fields);
  if (meter_key_target(m)) to->target = meter_target_find(m, true);
  if (!to->target) return;
  to->sibling = m->target[to->target].series;
  m->target[to->target].series = at;
  if (!wire_profile_tell(family, &m->fields, &m->text, &m->told)) {
    COUNT(m, SAMPLES_NOBODY);
    return;
  }
  to->flow = flow_of(m, to->target, &to->class_);
  to->role = role_of(m, to, family);
}

static uint32_t series_of(struct wire_meter *m, uint8_t row, const struct wire_sample *s) {
  bool is_new = false;
  uint32_t at = meter_key_series(m, row, s) ? meter_series_find(m, &is_new) : 0;
  if (is_new) series_open(m, at, row, s);
  if (at && m->series[at].target) return at;
  COUNT(m, REJECT_METER_LIMIT);
  return 0;
}

/* --- how much -------------------------------------------------------------------------------------------------- */

bool meter_is_born(const struct meter_target *t, uint8_t row, const struct wire_sample *s) {
  if (s->start_ns && t->before_ns && s->start_ns >= t->before_ns) return true;
  return t->batch_n > 1 && (t->families >> row & 1);
}

/* Since when the value counts, and over how long. METER_SINCE_NOTHING: it is the first, and nobody knows. */
static enum meter_since since_of(const struct meter_target *t, uint8_t row, const struct wire_sample *s,
                                 const struct meter_count *last, double value, int64_t at_ns, int64_t *span_ns) {
  *span_ns = last->at_ns ? at_ns - last->at_ns : t->before_ns ? t->batch_ns - t->before_ns : 0;
  if (s->mode == WIRE_SAMPLE_DELTA) {
    if (s->start_ns && s->start_ns < at_ns) *span_ns = at_ns - s->start_ns;
    return METER_SINCE_ZERO;
  }
  if (!last->at_ns) return meter_is_born(t, row, s) ? METER_SINCE_ZERO : METER_SINCE_NOTHING;
  bool reset = value < last->value || (s->start_ns && last->start_ns && s->start_ns > last->start_ns);
  return reset ? METER_SINCE_ZERO : METER_SINCE_LAST;
}

/* What a counter grew by; false where nothing can be said. */
static bool count_step(struct wire_meter *m, const struct meter_series *s, struct meter_count *last,
                       const struct wire_sample *sample, double value, int64_t at_ns, double *grown) {
  const struct meter_target *t = &m->target[s->target];
  int64_t span_ns;
  if (!(value >= 0.0) || value > 1e18) {
    COUNT(m, REJECT_SAMPLE_VALUE);
    return false;
  }
  if (last->at_ns && at_ns <= last->at_ns) {
    COUNT(m, REJECT_SAMPLE_OLD);
    return false;
  }
  enum meter_since since = since_of(t, s->row, sample, last, value, at_ns, &span_ns);
  if (since == METER_SINCE_ZERO && last->at_ns && sample->mode == WIRE_SAMPLE_CUMULATIVE) COUNT(m, SAMPLE_RESETS);
  *grown = since == METER_SINCE_LAST ? value - last->value : value;
  *grown *= meter_share(t, span_ns);
  *last = (struct meter_count){value, at_ns, sample->start_ns};
  return since != METER_SINCE_NOTHING;
}

static uint32_t whole(double grown) {
  return grown < 4e9 ? (uint32_t)(grown + 0.5) : 4000000000u;
}

/* A better family tells the same requests: what the one before told in this batch is taken back. False: this one is the
 * worse. */
static bool rank_take(struct wire_meter *m, struct meter_flow *w, struct meter_sum *to, uint8_t rank) {
  struct meter_target *t = &m->target[w->target];
  if (rank > w->count_rank) return false;
  for (unsigned i = 0; rank < w->count_rank && w->ranked_batch == t->batch_n && i < REC_CLASS_COUNT; i++) {
    uint32_t n = to->class_n[i] < w->ranked_n[i] ? to->class_n[i] : w->ranked_n[i];
    to->class_n[i] -= n;
    t->block_n -= n;
    meter_loss_take(m, w, n);
  }
  if (rank < w->count_rank || w->ranked_batch != t->batch_n) memset(w->ranked_n, 0, sizeof w->ranked_n);
  w->ranked_batch = t->batch_n;
  w->count_rank = rank;
  return true;
}

static void requests_add(struct wire_meter *m, const struct meter_series *s, struct meter_sum *to, double grown) {
  meter_add(&to->class_n[s->class_], whole(grown));
  m->target[s->target].block_n += whole(grown);
  if (s->role != WIRE_ROLE_CONNECTIONS && s->role != WIRE_ROLE_REFUSED)
    meter_loss_add(m, &m->flow[s->flow], whole(grown));
}

/* What grew goes to its place in the flow. */
static void grown_put(struct wire_meter *m, const struct meter_series *s, double grown) {
  struct meter_flow *w = &m->flow[s->flow];
  struct meter_sum *to = meter_flow_open(m, w);
  switch ((enum wire_role)s->role) {
    case WIRE_ROLE_REQUESTS:
    case WIRE_ROLE_BOTH:
      if (!rank_take(m, w, to, wire_family_view(s->row)->rank)) break;
      meter_add(&w->ranked_n[s->class_], whole(grown));
      requests_add(m, s, to, grown);
      break;
    case WIRE_ROLE_CONNECTIONS:
    case WIRE_ROLE_REFUSED: requests_add(m, s, to, grown); break;
    case WIRE_ROLE_BYTES_IN: to->bytes_in += (uint64_t)(grown + 0.5); break;
    case WIRE_ROLE_BYTES_OUT: to->bytes_out += (uint64_t)(grown + 0.5); break;
    case WIRE_ROLE_RETRIES: meter_add(&to->retries, whole(grown)); break;
    default: break;
  }
}

double meter_unit(const struct wire_family *family, const struct wire_sample *s) {
  if (str_eq(s->unit, STR("s")) || str_eq(s->unit, STR("seconds"))) return 1e9;
  if (str_eq(s->unit, STR("ms")) || str_eq(s->unit, STR("milliseconds"))) return 1e6;
  return (double)family->unit_ns;
}

/* Does this histogram's time count: of fine requests, of the family that counts? */
static bool is_timed(const struct wire_meter *m, const struct meter_series *s) {
  const struct wire_family *family = wire_family_view(s->row);
  if (s->role == WIRE_ROLE_LATENCY) return family->rank <= m->flow[s->flow].hist_rank;
  return s->role == WIRE_ROLE_BOTH && s->class_ == REC_CLASS_OK && family->rank <= m->flow[s->flow].count_rank;
}

static bool is_bytes(const struct meter_series *s) {
  return s->role == WIRE_ROLE_BYTES_IN || s->role == WIRE_ROLE_BYTES_OUT;
}

static void sum_take(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample, double value,
                     int64_t at_ns) {
  double grown;
  if (!is_timed(m, s) && !is_bytes(s)) return;
  if (!count_step(m, s, &s->sum, sample, value, at_ns, &grown)) return;
  if (is_bytes(s))
    grown_put(m, s, grown);
  else
    meter_flow_open(m, &m->flow[s->flow])->latency_ns +=
        (uint64_t)(grown * meter_unit(wire_family_view(s->row), sample));
}

/* A histogram or summary as one sample. */
static void histogram_take(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample,
                           int64_t at_ns) {
  const struct meter_count before = s->count;
  double grown;
  int64_t span_ns;
  if (before.at_ns && at_ns <= before.at_ns) {
    COUNT(m, REJECT_SAMPLE_OLD);
    return;
  }
  enum meter_since since =
      since_of(&m->target[s->target], s->row, sample, &before, (double)sample->count, at_ns, &span_ns);
  if (count_step(m, s, &s->count, sample, (double)sample->count, at_ns, &grown) && s->role == WIRE_ROLE_BOTH)
    grown_put(m, s, grown);
  if (sample->has_sum) {
    if (since == METER_SINCE_ZERO) s->sum.value = 0.0; /* sums may fall by themselves: the count tells */
    sum_take(m, s, sample, sample->sum, at_ns);
  }
  if (!is_timed(m, s) || !sample->bucket_n) return;
  s->hist_ns = at_ns;
  meter_hist_whole(m, s, sample, since);
}

static void sample_take(struct wire_meter *m, struct meter_series *s, const struct wire_sample *sample,
                        enum wire_part part, int64_t at_ns) {
  double grown;
  bool histogram = sample->kind == WIRE_SAMPLE_HISTOGRAM || sample->kind == WIRE_SAMPLE_SUMMARY;
  if (part == WIRE_PART_SUM) {
    sum_take(m, s, sample, sample->value, at_ns);
  } else if (part == WIRE_PART_BUCKET) {
    if (is_timed(m, s)) meter_hist_part(m, s, sample, at_ns);
  } else if (part == WIRE_PART_WHOLE && histogram) {
    histogram_take(m, s, sample, at_ns);
  } else if (part == WIRE_PART_WHOLE || s->role == WIRE_ROLE_BOTH) {
    if (count_step(m, s, &s->count, sample, sample->value, at_ns, &grown)) grown_put(m, s, grown);
  }
}

/* `up`, as whoever scrapes tells it: 0 is a target that did not answer, and its end that it is none any more. */
static void up_take(struct wire_meter *m, const struct wire_sample *s) {
  wire_fields_read(s, &m->fields);
  uint32_t at = meter_key_target(m) ? meter_target_find(m, false) : 0;
  if (!at) return;
  struct meter_target *t = &m->target[at];
  t->up_said = 1;
  t->up = !s->stale && s->value > 0.0;
  t->gone = s->stale;
}

void wire_meter_take(struct wire_meter *m, const struct wire_sample *s, struct base_wall recv) {
  enum wire_part part;
  int64_t at_ns, now_ns;
  uint8_t row = wire_families_find(&m->families, s, &part);
  if (!moment_of(m, s, recv, &at_ns, &now_ns)) return;
  fold_clock(m->fold, now_ns);
  uint8_t role = row == WIRE_FAMILY_NONE ? WIRE_ROLE_KNOWN : wire_family_view(row)->role;
  m->fold->counter[role == WIRE_ROLE_KNOWN ? REC_COUNTER_SAMPLES_OTHER : REC_COUNTER_SAMPLES_METERED]++;
  if (role == WIRE_ROLE_KNOWN) return;
  if (role == WIRE_ROLE_UP) {
    up_take(m, s);
    return;
  }
  uint32_t at = series_of(m, row, s);
  if (!at) return;
  if (s->stale) {
    COUNT(m, SAMPLES_STALE);
    return;
  }
  meter_target_hear(m, &m->target[m->series[at].target], row, at_ns, now_ns);
  if (m->series[at].flow) sample_take(m, &m->series[at], s, part, at_ns);
}
