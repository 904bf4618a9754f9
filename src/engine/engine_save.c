/* A checkpoint: the engine's memory as plain data. Names are written out and the catalog is built again from them in
 * the order in which it was first built, so that numbers, lists and sums come out the same. */
#include "base_hash.h"
#include "base_must.h"
#include "engine_impl.h"

#define MAGIC 0x314b48534f464b43ull /* "CKFOSHK1" */
#define VERSION 13u
#define LENGTH_AT 24u /* bytes of the whole checkpoint, its trailing digest included */

struct sink {
  char *p; /* NULL: only counted, or hashed */
  size_t n, cap;
  uint64_t hash;
  bool hashes, bad;
  const struct engine_names *names; /* NULL: names are written as they are */
};

static void sink_put(struct sink *s, const void *bytes, size_t n) {
  if (s->hashes) s->hash = hash_mix(s->hash, hash_bytes(HASH_KEY_FIXED, bytes, n));
  if (s->p && n <= s->cap - s->n) {
    if (n) memcpy(s->p + s->n, bytes, n);
  } else if (s->p) {
    s->bad = true;
    return;
  }
  s->n += n;
}

static void sink_u64(struct sink *s, uint64_t v) {
  sink_put(s, &v, sizeof v);
}

static void sink_str(struct sink *s, struct base_str v) {
  sink_u64(s, v.n);
  sink_put(s, v.p, v.n);
}

static void sink_name(struct sink *s, unsigned dim, struct base_str v) {
  char other[ENGINE_WORD_BYTES];
  if (s->names && v.n) v = (struct base_str){other, s->names->name(s->names->ctx, dim, v, other)};
  sink_str(s, v);
}

struct source {
  const char *p;
  size_t n, at;
  bool bad;
};

static void source_get(struct source *s, void *out, size_t n) {
  if (s->bad || n > s->n - s->at) {
    s->bad = true;
    memset(out, 0, n);
    return;
  }
  if (n) memcpy(out, s->p + s->at, n);
  s->at += n;
}

static uint64_t source_u64(struct source *s) {
  uint64_t v = 0;
  source_get(s, &v, sizeof v);
  return v;
}

static struct base_str source_str(struct source *s) {
  uint64_t n = source_u64(s);
  if (s->bad || n > s->n - s->at || n > LIMIT_NAME_BYTES) {
    s->bad = true;
    return STR_NONE;
  }
  struct base_str v = {s->p + s->at, (size_t)n};
  s->at += (size_t)n;
  return v;
}

static void graph_save(const struct series_catalog *c, struct sink *s) {
  sink_u64(s, c->node_n);
  for (uint32_t i = 0; i < c->node_n; i++) {
    sink_name(s, REC_DIM_NAMESPACE, c->node[i].ns);
    sink_name(s, REC_DIM_SERVICE, c->node[i].name);
  }
  sink_u64(s, c->edge_n);
  for (uint32_t i = 0; i < c->edge_n; i++) {
    sink_u64(s, c->edge[i].from);
    sink_u64(s, c->edge[i].to);
  }
}

static void series_save(const struct engine *e, uint32_t idx, struct sink *s) {
  char text[REC_DIM_COUNT][ENGINE_WORD_BYTES];
  const struct rec_series *w = &e->catalog.entry[idx].who;
  struct rec_series other;
  if (s->names) {
    other = engine_series_rename(w, s->names, text);
    w = &other;
  }
  uint8_t head[4] = {w->level, w->side, w->bucket, e->state[idx].used};
  sink_u64(s, idx);
  sink_put(s, head, sizeof head);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) sink_str(s, w->dim[d]);
  struct series_state state = e->state[idx];
  state.next = SERIES_NONE; /* lists are built again */
  sink_put(s, &state, sizeof state);
}

static void order_sift(const struct series_catalog *c, uint32_t *by, size_t at, size_t n) {
  for (size_t child = 2 * at + 1; child < n; at = child, child = 2 * at + 1) {
    if (child + 1 < n && c->entry[by[child]].order < c->entry[by[child + 1]].order) child++;
    if (c->entry[by[at]].order >= c->entry[by[child]].order) return;
    uint32_t t = by[at];
    by[at] = by[child];
    by[child] = t;
  }
}

/* Live series in the order of adding (a heap sort), or, where that is all the same, as they come; returns how many. */
static uint32_t order_list(const struct series_catalog *c, uint32_t *by, bool sorted) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->entry_n; i++)
    if (c->entry[i].live) by[n++] = i;
  if (!sorted) return n;
  for (size_t i = n / 2; i-- > 0;) order_sift(c, by, i, n);
  for (size_t end = n; end-- > 1;) {
    uint32_t t = by[0];
    by[0] = by[end];
    by[end] = t;
    order_sift(c, by, 0, end);
  }
  return n;
}

static void gauges_save(const struct engine *e, struct sink *s) {
  const struct gauge_table *t = &e->gauge;
  sink_u64(s, t->n);
  sink_u64(s, t->swept);
  for (uint32_t at = 0; at < t->max; at++) {
    if (!(t->used[at / 64] >> (at % 64) & 1u)) continue;
    struct gauge_watch w = t->watch[at];
    w.next = GAUGE_NONE; /* chains are built again */
    if (s->names) engine_gauge_rename(w.key, &w.key_n, w.line, &w.line_n, s->names);
    sink_u64(s, at | (uint64_t)(t->hot[at / 64] >> (at % 64) & 1u) << 32);
    sink_put(s, &w, sizeof w);
  }
}

static void all_save(const struct engine *e, struct sink *s) {
  const struct series_catalog *c = &e->catalog;
  sink_u64(s, MAGIC);
  sink_u64(s, VERSION);
  sink_u64(s, e->conf.series_max);
  sink_u64(s, 0); /* the length, put in by engine_copy */
  sink_put(s, &e->tick, sizeof e->tick);
  sink_put(s, e->counter, sizeof e->counter);
  sink_u64(s, e->grace_seq);
  sink_u64(s, e->silence);
  sink_u64(s, e->mesh_idx);
  sink_put(s, &e->mesh_nats_per_s, sizeof e->mesh_nats_per_s);
  sink_put(s, &e->hush_ns, sizeof e->hush_ns);
  sink_put(s, e->prior, sizeof e->prior);
  sink_put(s, e->tail, sizeof e->tail);
  sink_put(s, e->raised, sizeof e->raised);
  sink_put(s, &e->calm_weeks, sizeof e->calm_weeks);
  graph_save(c, s);
  sink_put(s, e->season, (size_t)c->node_n * sizeof *e->season);
  uint32_t live = order_list(c, e->by_order, s->p || s->hashes);
  sink_u64(s, live);
  for (uint32_t i = 0; i < live; i++) series_save(e, e->by_order[i], s);
  gauges_save(e, s);
  sink_put(s, &e->head, sizeof e->head);
}

size_t engine_save_bytes(const struct engine *e) {
  struct sink s = {.p = NULL};
  all_save(e, &s);
  return s.n + sizeof(uint64_t);
}

static size_t copy(const struct engine *e, void *dst, size_t dst_bytes, const struct engine_names *names) {
  struct sink s = {.p = dst, .cap = dst_bytes, .names = names};
  all_save(e, &s);
  if (s.bad || s.cap - s.n < sizeof(uint64_t)) return 0;
  uint64_t length = s.n + sizeof(uint64_t);
  memcpy(s.p + LENGTH_AT, &length, sizeof length);
  return (size_t)length;
}

size_t engine_copy(const struct engine *e, void *dst, size_t dst_bytes) {
  return copy(e, dst, dst_bytes, NULL);
}

void engine_seal(void *dst, size_t n) {
  MUST(n > sizeof(uint64_t));
  uint64_t digest = hash_bytes(HASH_KEY_FIXED, dst, n - sizeof digest);
  memcpy((char *)dst + n - sizeof digest, &digest, sizeof digest);
}

size_t engine_save(const struct engine *e, void *dst, size_t dst_bytes) {
  size_t n = engine_copy(e, dst, dst_bytes);
  if (n) engine_seal(dst, n);
  return n;
}

size_t engine_save_as(struct engine *e, void *dst, size_t dst_bytes, const struct engine_names *names) {
  engine_head_rename(&e->head, names);
  size_t n = copy(e, dst, dst_bytes, names);
  if (n) engine_seal(dst, n);
  return n;
}

uint64_t engine_digest(const struct engine *e) {
  struct sink s = {.hash = 1, .hashes = true};
  all_save(e, &s);
  return s.hash;
}

static bool graph_load(struct engine *e, struct source *s) {
  uint64_t nodes = source_u64(s);
  for (uint64_t i = 0; i < nodes && !s->bad; i++) {
    struct base_str ns = source_str(s), name = source_str(s);
    if (s->bad || series_catalog_node(&e->catalog, ns, name) != i) return false;
  }
  uint64_t edges = source_u64(s);
  for (uint64_t i = 0; i < edges && !s->bad; i++) {
    uint64_t from = source_u64(s), to = source_u64(s);
    if (s->bad || from >= nodes || to >= nodes) return false;
    if (series_catalog_edge(&e->catalog, (uint32_t)from, (uint32_t)to) != i) return false;
  }
  return !s->bad;
}

static bool series_load(struct engine *e, struct source *s) {
  struct rec_series w = {0};
  uint8_t head[4];
  uint64_t idx = source_u64(s);
  source_get(s, head, sizeof head);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) w.dim[d] = source_str(s);
  if (s->bad || idx >= e->conf.series_max || head[0] >= REC_LEVEL_COUNT || head[1] >= REC_SIDE_COUNT ||
      head[2] >= LIMIT_BUCKETS)
    return false;
  w.series_idx = (uint32_t)idx;
  w.level = head[0];
  w.side = head[1];
  w.bucket = head[2];
  if (series_catalog_find(&e->catalog, w.series_idx) || !series_catalog_add(&e->catalog, &w)) return false;
  struct series_state *state = &e->state[idx];
  source_get(s, state, sizeof *state);
  if (s->bad || state->series_idx != idx || state->level != w.level || state->side != w.side) return false;
  engine_pairs_add(e, &w, 1);
  if (head[3]) engine_list_append(e, w.bucket, w.series_idx);
  return true;
}

static bool story_sound(const struct engine *e, const struct incident_story *s) {
  if (s->cause_n > LIMIT_CAUSES || s->reached_n > sizeof s->reached / sizeof s->reached[0] ||
      s->healthy_n > INCIDENT_COMPARED || s->route_n > sizeof s->route / sizeof s->route[0] || s->hop_n > LIMIT_HOPS)
    return false;
  for (uint32_t i = 0; i < s->cause_n; i++)
    if ((s->cause[i].node >= e->catalog.node_n && s->cause[i].node != REC_SERIES_NONE) ||
        (s->cause[i].within && s->cause[i].within_idx >= e->conf.series_max))
      return false;
  for (uint32_t i = 0; i < s->reached_n; i++)
    if (s->reached[i] >= e->catalog.node_n) return false;
  for (uint32_t i = 0; i < s->hop_n; i++)
    if (s->hop[i].edge >= e->catalog.edge_n) return false;
  return true;
}

static bool rollout_sound(const struct engine *e, const struct incident_rollout *r) {
  if (r->use >= INCIDENT_ROLLOUT_USES) return false;
  if (r->use == INCIDENT_ROLLOUT_FREE) return true;
  return r->node < e->catalog.node_n && r->new_idx < e->conf.series_max && r->old_idx < e->conf.series_max &&
         (r->case_idx < LIMIT_INCIDENTS_OPEN || r->case_idx == INCIDENT_NO_CASE);
}

static bool time_sound(const struct engine *e, const struct incident_time *t) {
  return !t->told || (t->edge < e->catalog.edge_n && t->place <= REC_PLACE_COUNT && t->told < 1u << REC_PLACE_COUNT);
}

static bool head_sound(const struct engine *e) {
  const struct incident_head *h = &e->head;
  if (h->alarm_n > LIMIT_ALARMS || h->exemplar_n > INCIDENT_EXEMPLARS || h->exemplar_next >= INCIDENT_EXEMPLARS ||
      h->change_n > INCIDENT_CHANGES || h->change_next >= INCIDENT_CHANGES)
    return false;
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if ((h->alarm[i].series_idx >= e->conf.series_max && h->alarm[i].series_idx != REC_SERIES_NONE) ||
        (h->alarm[i].case_idx >= LIMIT_INCIDENTS_OPEN && h->alarm[i].case_idx != INCIDENT_NO_CASE) ||
        h->alarm[i].signal >= REC_SIGNAL_COUNT)
      return false;
  for (uint32_t i = 0; i < INCIDENT_ROLLOUTS; i++)
    if (!rollout_sound(e, &h->rollout[i])) return false;
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *c = &h->case_[i];
    if (!c->used) continue;
    if (c->nodes.n > INCIDENT_NODES || !story_sound(e, &c->story) || c->family >= INCIDENT_FAMILIES ||
        c->again_n > LIMIT_AGAIN || c->decision_n > LIMIT_DECISIONS || !time_sound(e, &c->time) ||
        !incident_gauge_sound(&c->gauges, e->catalog.node_n))
      return false;
    if (c->source >= e->catalog.node_n && c->source != REC_SERIES_NONE) return false;
    if (c->shared_n > LIMIT_CAUSES) return false;
    for (uint32_t k = 0; k < c->shared_n; k++)
      if (c->shared[k] >= e->catalog.node_n) return false;
    for (uint32_t k = 0; k < c->nodes.n; k++)
      if (c->nodes.node[k] >= e->catalog.node_n) return false;
  }
  return true;
}

static bool gauges_load(struct engine *e, struct source *s) {
  struct gauge_table *t = &e->gauge;
  uint64_t n = source_u64(s), swept = source_u64(s);
  if (s->bad || n > t->max || swept >= t->max) return false;
  t->swept = (uint32_t)swept;
  for (uint64_t i = 0; i < n; i++) {
    struct gauge_watch w;
    uint64_t at = source_u64(s);
    source_get(s, &w, sizeof w);
    if (s->bad || at >> 33 || !gauge_table_restore(t, (uint32_t)at, &w, at >> 32 & 1u)) return false;
  }
  return true;
}

static enum engine_status head_load(struct engine *e, struct source *s) {
  if (source_u64(s) != MAGIC) return s->bad ? ENGINE_BAD_DATA : ENGINE_BAD_MAGIC;
  if (source_u64(s) != VERSION) return s->bad ? ENGINE_BAD_DATA : ENGINE_BAD_VERSION;
  if (source_u64(s) != e->conf.series_max) return s->bad ? ENGINE_BAD_DATA : ENGINE_BAD_CONF;
  return source_u64(s) == s->n + sizeof(uint64_t) ? ENGINE_OK : ENGINE_BAD_DATA;
}

static enum engine_status all_load(struct engine *e, struct source *s) {
  source_get(s, &e->tick, sizeof e->tick);
  source_get(s, e->counter, sizeof e->counter);
  e->grace_seq = (uint32_t)source_u64(s);
  uint64_t silence = source_u64(s);
  if (silence > ENGINE_QUIET) return ENGINE_BAD_DATA;
  e->silence = (enum engine_silence)silence;
  uint64_t mesh = source_u64(s);
  if (mesh >= e->conf.series_max && mesh != REC_SERIES_NONE) return ENGINE_BAD_DATA;
  e->mesh_idx = (uint32_t)mesh;
  source_get(s, &e->mesh_nats_per_s, sizeof e->mesh_nats_per_s);
  source_get(s, &e->hush_ns, sizeof e->hush_ns);
  source_get(s, e->prior, sizeof e->prior);
  source_get(s, e->tail, sizeof e->tail);
  source_get(s, e->raised, sizeof e->raised);
  source_get(s, &e->calm_weeks, sizeof e->calm_weeks);
  if (s->bad || !graph_load(e, s)) return ENGINE_BAD_DATA;
  source_get(s, e->season, (size_t)e->catalog.node_n * sizeof *e->season);
  uint64_t live = source_u64(s);
  for (uint64_t i = 0; i < live; i++)
    if (!series_load(e, s)) return ENGINE_BAD_DATA;
  if (!gauges_load(e, s)) return ENGINE_BAD_DATA;
  source_get(s, &e->head, sizeof e->head);
  engine_threshold_set(e);
  return s->bad || s->at != s->n || !head_sound(e) ? ENGINE_BAD_DATA : ENGINE_OK;
}

enum engine_status engine_load(struct engine *e, const void *src, size_t src_bytes) {
  struct source s = {src, src_bytes, 0, false};
  uint64_t digest = 0;
  MUST(e->catalog.entry_n == 0);
  if (src_bytes < sizeof digest) return ENGINE_BAD_DATA;
  s.n -= sizeof digest;
  memcpy(&digest, s.p + s.n, sizeof digest);
  enum engine_status status = head_load(e, &s);
  if (status != ENGINE_OK) return status;
  return hash_bytes(HASH_KEY_FIXED, s.p, s.n) == digest ? all_load(e, &s) : ENGINE_BAD_DIGEST;
}

const char *engine_status_text(enum engine_status s) {
  static const char *const text[] = {
      "ok", "not a checkpoint", "of another version", "for another max_series", "its digest does not match", "broken"};
  MUST(s <= ENGINE_BAD_DATA);
  return text[s];
}
