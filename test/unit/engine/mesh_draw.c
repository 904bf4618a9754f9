#include <stdlib.h>

#include "base_must.h"
#include "mesh_impl.h"

/* What one series sees in the tick that is drawn. */
struct seen {
  struct rec_obs obs;
  uint32_t hist[HIST_BUCKETS];
};

/* What the calls of a service did to it, in one cluster, and how many of its flows have yet to bear it. */
struct harm {
  uint32_t failed, slow, flows;
  double slow_ms;
};

/* Behind each other: seen[series_n], harm[services * clusters], obs[series_n], cells, born records, factors. */
struct mesh_acc {
  struct seen *seen;
  struct harm *harm;
  struct rec_obs *obs;
  struct rec_hist_cell *cell;
  struct rec_series *born;
  double factor[MESH_FACTORS];
  char rest[];
};

static size_t up(size_t n) {
  return (n + 15) & ~(size_t)15;
}

static size_t harm_n(const struct mesh *m) {
  return (size_t)m->conf.service_n * m->conf.cluster_n;
}

size_t mesh_acc_bytes(const struct mesh *m) {
  size_t n = m->series_n;
  return sizeof(struct mesh_acc) + 16 + up(n * sizeof(struct seen)) + up(harm_n(m) * sizeof(struct harm)) +
         up(n * sizeof(struct rec_obs)) + up(n * HIST_BUCKETS * sizeof(struct rec_hist_cell)) +
         n * sizeof(struct rec_series);
}

double *mesh_acc_factors(struct mesh *m) {
  struct mesh_acc *a = m->acc;
  char *p = a->rest + (16 - ((uintptr_t)a->rest & 15));
  a->seen = (struct seen *)(void *)p;
  a->harm = (struct harm *)(void *)(p += up(m->series_n * sizeof(struct seen)));
  a->obs = (struct rec_obs *)(void *)(p += up(harm_n(m) * sizeof(struct harm)));
  a->cell = (struct rec_hist_cell *)(void *)(p += up(m->series_n * sizeof(struct rec_obs)));
  a->born = (struct rec_series *)(void *)(p + up((size_t)m->series_n * HIST_BUCKETS * sizeof(struct rec_hist_cell)));
  return a->factor;
}

static bool fault_hits(const struct mesh *m, const struct mesh_fault *x, const struct mesh_flow *f) {
  return m->seq >= x->from && m->seq < x->to && (x->caller == MESH_ANY || x->caller == f->caller) &&
         (x->service == MESH_ANY || x->service == f->service) && (x->cluster == MESH_ANY || x->cluster == f->cluster) &&
         (x->pod == MESH_ANY || x->pod == f->pod) && (x->route == MESH_ANY || x->route == f->route);
}

static uint32_t count_draw(struct mesh *m, const struct mesh_flow *f) {
  double rate = f->rate;
  for (uint32_t i = 0; i < m->fault_n; i++) {
    const struct mesh_fault *x = &m->fault[i];
    if (x->traffic == 0.0 || !fault_hits(m, x, f)) continue;
    rate *= x->traffic < 0.0 ? 0.0 : x->traffic;
  }
  if (!m->conf.even) return rng_poisson(&m->rng, rate);
  uint64_t before = (uint64_t)((double)m->seq * rate);
  return (uint32_t)((uint64_t)((double)(m->seq + 1) * rate) - before);
}

/* One flow's requests of the tick as they turn out. */
struct turn {
  uint32_t n, failed, inherited, slow, inherited_slow, between;
  enum rec_class class_;
  double slow_ms, inherited_ms;
  bool borne;
};

static void faults_apply(struct mesh *m, const struct mesh_flow *f, struct turn *t) {
  t->failed = rng_binomial(&m->rng, t->n, m->conf.error_p);
  for (uint32_t i = 0; i < m->fault_n; i++) {
    const struct mesh_fault *x = &m->fault[i];
    if (!fault_hits(m, x, f)) continue;
    uint32_t left = t->n - t->failed - t->between;
    if (x->fail_p > 0.0) {
      uint32_t hit = rng_binomial(&m->rng, left, x->fail_p);
      *(x->between ? &t->between : &t->failed) += hit;
      t->class_ = x->class_ ? x->class_ : REC_CLASS_SERVER_ERROR;
      t->borne = x->borne;
    }
    if (x->slow_p > 0.0) {
      t->slow = rng_binomial(&m->rng, t->n - t->failed - t->between, x->slow_p);
      t->slow_ms = x->slow_ms;
    }
  }
}

/* All flows of a service bear what its calls did, by chance alike. */
static uint32_t share_draw(struct mesh *m, uint32_t n, uint32_t flows) {
  if (m->conf.even || flows <= 1) return (n + flows - 1) / flows;
  return rng_binomial(&m->rng, n, 1.0 / (double)flows);
}

static void harm_inherit(struct mesh *m, const struct mesh_flow *f, struct turn *t) {
  struct harm *h = &m->acc->harm[f->service * m->conf.cluster_n + f->cluster];
  uint32_t left = t->n - t->failed - t->between, share = share_draw(m, h->failed, h->flows);
  t->inherited = share < left ? share : left;
  h->failed -= t->inherited;
  left -= t->inherited;
  if (t->slow > left) t->slow = left;
  left -= t->slow;
  share = share_draw(m, h->slow, h->flows);
  t->inherited_slow = share < left ? share : left;
  t->inherited_ms = h->slow_ms;
  h->slow -= t->inherited_slow;
  h->flows--;
}

static void harm_pass(struct mesh *m, const struct mesh_flow *f, const struct turn *t) {
  if (f->caller == MESH_ANY) return;
  struct harm *h = &m->acc->harm[f->caller * m->conf.cluster_n + f->cluster];
  bool fails = t->class_ != REC_CLASS_CANCELLED && !t->borne; /* who gives up knows why */
  if (fails) h->failed += t->failed + t->inherited + t->between;
  h->slow += t->slow + t->inherited_slow;
  if (t->slow)
    h->slow_ms = t->slow_ms;
  else if (t->inherited_slow)
    h->slow_ms = t->inherited_ms;
}

static void seen_add(struct mesh *m, const struct mesh_flow *f, enum rec_side side, const struct seen *s) {
  for (unsigned k = 0; k < f->series_n[side]; k++) {
    struct seen *to = &m->acc->seen[f->series[side][k]];
    for (unsigned c = 0; c < REC_CLASS_COUNT; c++) to->obs.class_n[c] += s->obs.class_n[c];
    for (unsigned j = 0; j < HIST_BUCKETS; j++) to->hist[j] += s->hist[j];
    to->obs.latency_sum_ns += s->obs.latency_sum_ns;
  }
}

static void flow_tell(struct mesh *m, const struct mesh_flow *f, const struct turn *t) {
  struct seen s = {0};
  uint32_t fine = t->n - t->failed - t->inherited - t->between;
  for (uint32_t i = 0; i < fine; i++) {
    double ms = MESH_BASE_MS * m->acc->factor[rng_next(&m->rng) % MESH_FACTORS];
    if (i < t->slow)
      ms += t->slow_ms;
    else if (i < t->slow + t->inherited_slow)
      ms += t->inherited_ms;
    uint64_t ns = (uint64_t)(ms * 1e6);
    s.hist[hist_bucket(ns)]++;
    s.obs.latency_sum_ns += ns;
  }
  s.obs.class_n[REC_CLASS_OK] = fine;
  s.obs.class_n[t->class_ ? t->class_ : REC_CLASS_SERVER_ERROR] += t->failed;
  s.obs.class_n[REC_CLASS_SERVER_ERROR] += t->inherited;
  struct seen server = s;
  server.obs.class_n[REC_CLASS_OK] += t->between; /* the server answered well, and in no time worth the name */
  server.hist[0] += t->between;
  s.obs.class_n[t->class_ ? t->class_ : REC_CLASS_SERVER_ERROR] += t->between;
  if (!m->silent[f->service]) seen_add(m, f, REC_SIDE_SERVER, &server);
  if (f->caller != MESH_ANY && !m->silent[f->caller]) seen_add(m, f, REC_SIDE_CLIENT, &s);
}

static uint32_t cells_put(const struct seen *s, struct rec_hist_cell *cell, uint32_t n) {
  for (uint32_t j = 0; j < HIST_BUCKETS; j++)
    if (s->hist[j]) cell[n++] = (struct rec_hist_cell){j, s->hist[j]};
  return n;
}

static bool seen_any(const struct seen *s) {
  uint32_t n = 0;
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) n += s->obs.class_n[c];
  return n > 0;
}

static void batches_make(struct mesh *m) {
  struct mesh_acc *a = m->acc;
  uint32_t obs_n = 0, cell_n = 0, born_n = 0;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    m->batch[b] = (struct rec_batch){.drop = m->batch[b].drop, .drop_n = m->batch[b].drop_n, .cell = a->cell};
  for (uint32_t i = 0; i < m->series_n; i++) {
    uint32_t idx = m->by_bucket[i];
    struct rec_batch *batch = &m->batch[m->series[idx].bucket];
    if (!seen_any(&a->seen[idx])) continue;
    if (!m->born[idx]) {
      if (!batch->series_n) batch->series = &a->born[born_n];
      a->born[born_n++] = m->series[idx];
      batch->series_n++;
      m->born[idx] = 1;
    }
    if (!batch->obs_n) batch->obs = &a->obs[obs_n];
    struct rec_obs *o = &a->obs[obs_n++];
    *o = a->seen[idx].obs;
    o->series_idx = idx;
    o->hist_from = cell_n;
    cell_n = cells_put(&a->seen[idx], a->cell, cell_n);
    o->hist_n = cell_n - o->hist_from;
    batch->obs_n++;
    batch->cell_n = cell_n;
  }
}

void mesh_draw(struct mesh *m) {
  memset(m->acc->seen, 0, m->series_n * sizeof *m->acc->seen);
  memset(m->acc->harm, 0, harm_n(m) * sizeof *m->acc->harm);
  for (uint32_t i = 0; i < m->flow_n; i++)
    m->acc->harm[m->flow[i].service * m->conf.cluster_n + m->flow[i].cluster].flows++;
  for (uint32_t i = 0; i < m->flow_n; i++) {
    struct turn t = {.n = count_draw(m, &m->flow[i])};
    faults_apply(m, &m->flow[i], &t);
    harm_inherit(m, &m->flow[i], &t);
    harm_pass(m, &m->flow[i], &t);
    flow_tell(m, &m->flow[i], &t);
  }
  batches_make(m);
  m->tick.seq = m->seq++;
  m->tick.end.ns += LIMIT_TICK_NS + m->jump_ns;
  m->tick.now.ns = m->tick.end.ns + 300000000;
  m->jump_ns = 0;
}

void mesh_see(struct mesh *m, const struct rec_out *out) {
  for (size_t i = 0; i < out->incident_n; i++) {
    uint32_t k = 0;
    while (k < m->seen_n && m->seen[k].in.id_hash != out->incident[i]->id_hash) k++;
    MUST(k < MESH_SEEN);
    if (k == m->seen_n) {
      m->seen_n++;
      m->seen[k].opened_seq = (uint32_t)m->tick.seq;
    }
    m->seen[k].in = *out->incident[i];
    m->seen[k].told++;
  }
}

void mesh_feed(struct mesh *m, struct engine *e) {
  struct rec_out out;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_take(e, b, &m->batch[b]);
  engine_tick(e, &m->head, m->tick, &out);
  mesh_see(m, &out);
  m->head = (struct rec_head_batch){0};
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) m->batch[b].drop_n = 0;
}

void mesh_run(struct mesh *m, struct engine *e, uint32_t ticks) {
  for (; ticks; ticks--) {
    mesh_draw(m);
    mesh_feed(m, e);
  }
}
