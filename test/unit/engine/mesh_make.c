#include "mesh_make.h"

#include <stdlib.h>

#include "base_must.h"
#include "mesh_impl.h"

static void *block_take(struct mesh *m, unsigned at, size_t n, size_t size) {
  void *p = calloc(n ? n : 1, size);
  MUST(p && at < sizeof m->block / sizeof m->block[0]);
  return m->block[at] = p;
}

static struct base_str name_end(struct mesh *m, size_t from) {
  MUST(!m->names.bad);
  return (struct base_str){m->names.p + from, m->names.n - from};
}

static struct base_str name_put(struct mesh *m, const char *start, uint32_t number) {
  size_t from = m->names.n;
  buf_put_f(&m->names, "%s%u", start, number);
  return name_end(m, from);
}

static struct base_str pod_put(struct mesh *m, const struct mesh_flow *f) {
  size_t from = m->names.n;
  buf_put_f(&m->names, "s%u-c%u-p%u", f->service, f->cluster, f->pod);
  return name_end(m, from);
}

static void dims_set(struct mesh *m, const struct mesh_flow *f, struct base_str dim[REC_DIM_COUNT]) {
  const struct mesh_conf *c = &m->conf;
  dim[REC_DIM_NAMESPACE] = dim[REC_DIM_CALLER_NAMESPACE] = STR("shop");
  dim[REC_DIM_SERVICE] = name_put(m, "s", f->service);
  dim[REC_DIM_CALLER] = f->caller == MESH_ANY ? STR_NONE : name_put(m, "s", f->caller);
  dim[REC_DIM_CLUSTER] = name_put(m, "c", f->cluster);
  dim[REC_DIM_REGION] = name_put(m, "r", f->cluster);
  dim[REC_DIM_POD] = pod_put(m, f);
  dim[REC_DIM_ROUTE] = name_put(m, "GET /", f->route);
  dim[REC_DIM_VERSION] = name_put(m, "v", f->pod % (c->version_n ? c->version_n : 1));
}

/* Open addressing over the series' hashes, only while the mesh is made. */
struct table {
  uint32_t *slot, mask;
};

static uint32_t series_find_or_add(struct mesh *m, struct table *t, const struct rec_series *want) {
  uint64_t hash = rec_series_hash(want);
  uint32_t at = (uint32_t)(hash >> 6) & t->mask;
  for (; t->slot[at]; at = (at + 1) & t->mask)
    if (rec_series_eq(&m->series[t->slot[at] - 1], want)) return t->slot[at] - 1;
  uint32_t idx = m->series_n++;
  m->series[idx] = *want;
  m->series[idx].series_idx = idx;
  m->series[idx].bucket = (uint8_t)(hash % LIMIT_BUCKETS);
  uint32_t dims = rec_series_dims(want->level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (!(dims >> d & 1u)) m->series[idx].dim[d] = STR_NONE;
  t->slot[at] = idx + 1;
  return idx;
}

static void flow_series(struct mesh *m, struct table *t, struct mesh_flow *f) {
  struct rec_series want = {0};
  dims_set(m, f, want.dim);
  for (unsigned side = 0; side < REC_SIDE_COUNT; side++) {
    if (side == REC_SIDE_CLIENT && f->caller == MESH_ANY) continue;
    for (unsigned level = 0; level < REC_LEVEL_COUNT; level++) {
      bool edge = level == REC_LEVEL_EDGE || level == REC_LEVEL_EDGE_CLUSTER;
      if ((edge && f->caller == MESH_ANY) || (level == REC_LEVEL_MESH && side == REC_SIDE_CLIENT)) continue;
      want.level = (uint8_t)level;
      want.side = (uint8_t)side;
      f->series[side][f->series_n[side]++] = series_find_or_add(m, t, &want);
    }
  }
}

static void flows_add(struct mesh *m, struct table *t, uint32_t caller, uint32_t service, double rate) {
  const struct mesh_conf *c = &m->conf;
  for (uint32_t cluster = 0; cluster < c->cluster_n; cluster++)
    for (uint32_t pod = 0; pod < c->pod_n; pod++)
      for (uint32_t route = 0; route < c->route_n; route++) {
        struct mesh_flow *f = &m->flow[m->flow_n++];
        *f = (struct mesh_flow){.caller = caller, .service = service, .cluster = cluster, .pod = pod, .route = route};
        f->rate = rate / (double)(c->pod_n * c->route_n);
        flow_series(m, t, f);
      }
}

/* In the order of their service, highest first: what a call did is known before its caller is drawn. */
static void flows_make(struct mesh *m, struct table *t) {
  const struct mesh_conf *c = &m->conf;
  for (uint32_t s = 0; s < c->service_n; s++) {
    bool called = false;
    for (uint32_t i = 0; i < c->call_n; i++) called |= c->call[i].to == s;
    if (!called) m->rate[s] = c->entry_per_s / (double)(LIMIT_TICKS_PER_S * c->cluster_n);
    for (uint32_t i = 0; i < c->call_n; i++) {
      MUST(c->call[i].from < c->call[i].to && c->call[i].to < c->service_n);
      if (c->call[i].to == s) m->rate[s] += m->rate[c->call[i].from] * c->call[i].calls;
    }
  }
  for (uint32_t s = c->service_n; s-- > 0;) {
    bool called = false;
    for (uint32_t i = 0; i < c->call_n; i++) {
      if (c->call[i].to != s) continue;
      called = true;
      flows_add(m, t, c->call[i].from, s, m->rate[c->call[i].from] * c->call[i].calls);
    }
    if (!called) flows_add(m, t, MESH_ANY, s, m->rate[s]);
  }
}

static void buckets_sort(struct mesh *m) {
  uint32_t n = 0;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    for (uint32_t i = 0; i < m->series_n; i++)
      if (m->series[i].bucket == b) m->by_bucket[n++] = i;
}

static void quantiles_make(double *factor) {
  for (uint32_t i = 0; i < MESH_FACTORS; i++)
    factor[i] = math_exp(0.4 * math_norm_quantile(((double)i + 0.5) / (double)MESH_FACTORS));
}

static const struct mesh_call diamond_calls[] = {{0, 1, 1.0}, {0, 2, 1.0}, {1, 3, 1.0}, {2, 3, 1.0}};
const struct mesh_conf mesh_diamond = {.service_n = 4,
                                       .cluster_n = 2,
                                       .pod_n = 2,
                                       .route_n = 1,
                                       .version_n = 2,
                                       .call = diamond_calls,
                                       .call_n = 4,
                                       .entry_per_s = 60.0,
                                       .error_p = 0.002,
                                       .seed = 3};

void mesh_open(struct mesh *m, const struct mesh_conf *conf) {
  *m = (struct mesh){.conf = *conf, .rng = {conf->seed}};
  size_t flows = (size_t)(conf->call_n + conf->service_n) * conf->cluster_n * conf->pod_n * conf->route_n;
  size_t most = flows * 22, slots = 64;
  while (slots < 2 * most) slots *= 2;
  struct table t = {calloc(slots, sizeof *t.slot), (uint32_t)slots - 1};
  MUST(t.slot);
  m->names = buf_over(block_take(m, 0, flows * 64 + 64, 1), flows * 64 + 64);
  m->flow = block_take(m, 1, flows, sizeof *m->flow);
  m->series = block_take(m, 2, most, sizeof *m->series);
  m->rate = block_take(m, 3, conf->service_n, sizeof *m->rate);
  m->silent = block_take(m, 4, conf->service_n, 1);
  flows_make(m, &t);
  free(t.slot);
  m->acc = block_take(m, 5, 1, mesh_acc_bytes(m));
  m->by_bucket = block_take(m, 6, m->series_n, sizeof *m->by_bucket + 1);
  m->born = (uint8_t *)(m->by_bucket + m->series_n);
  m->seen = block_take(m, 7, MESH_SEEN, sizeof *m->seen);
  buckets_sort(m);
  quantiles_make(mesh_acc_factors(m));
  m->tick.end.ns = 1772442000000000000;
}

void mesh_close(struct mesh *m) {
  for (unsigned i = 0; i < sizeof m->block / sizeof m->block[0]; i++) free(m->block[i]);
}

void mesh_fault(struct mesh *m, struct mesh_fault f) {
  MUST(m->fault_n < MESH_FAULTS && f.from < f.to);
  m->fault[m->fault_n++] = f;
}

struct mesh_fault mesh_fault_of(uint32_t from, uint32_t to, uint32_t service) {
  struct mesh_fault f = MESH_FAULT(from, to);
  f.service = service;
  return f;
}

uint32_t mesh_series(const struct mesh *m, enum rec_level level, enum rec_side side, uint32_t service, uint32_t caller,
                     uint32_t cluster, uint32_t pod, uint32_t route) {
  for (uint32_t i = 0; i < m->flow_n; i++) {
    const struct mesh_flow *f = &m->flow[i];
    if ((service != MESH_ANY && f->service != service) || (caller != MESH_ANY && f->caller != caller) ||
        (cluster != MESH_ANY && f->cluster != cluster) || (pod != MESH_ANY && f->pod != pod) ||
        (route != MESH_ANY && f->route != route))
      continue;
    for (unsigned k = 0; k < f->series_n[side]; k++)
      if (m->series[f->series[side][k]].level == level) return f->series[side][k];
  }
  MUST(!"no such series");
  return MESH_ANY;
}

struct engine *mesh_engine_open(uint32_t series_max) {
  struct engine_conf conf = {.series_max = series_max, .alerts_per_week = 1.0};
  size_t bytes = (engine_bytes(&conf) + 63) / 64 * 64;
  void *mem = aligned_alloc(64, bytes);
  MUST(mem);
  memset(mem, 0, bytes);
  return engine_init(mem, bytes, &conf);
}

void mesh_engine_close(struct engine *e) {
  free(e);
}

void mesh_bed_open(struct mesh_bed *b, const struct mesh_conf *conf, uint32_t series_max) {
  mesh_open(&b->m, conf);
  b->e = mesh_engine_open(series_max);
}

void mesh_bed_close(struct mesh_bed *b) {
  mesh_engine_close(b->e);
  mesh_close(&b->m);
}
