#include "rec_codec.h"

#include "base_hist.h"
#include "base_must.h"

#define VARINT_BYTES_MAX 10u

/* ---- writing ---- */

/* Straight into the buffer where even the longest fits: a tick is mostly varints. */
static void put_varint(struct base_buf *out, uint64_t v) {
  unsigned char local[VARINT_BYTES_MAX];
  bool direct = !out->bad && out->cap - out->n >= VARINT_BYTES_MAX;
  unsigned char *bytes = direct ? (unsigned char *)out->p + out->n : local;
  size_t n = 0;
  for (; v > 0x7f; v >>= 7) bytes[n++] = (unsigned char)(v | 0x80);
  bytes[n++] = (unsigned char)v;
  if (direct) {
    out->n += n;
  } else {
    buf_put(out, local, n);
  }
}

static void put_u64(struct base_buf *out, uint64_t v) {
  unsigned char bytes[8];
  for (unsigned i = 0; i < 8; i++) bytes[i] = (unsigned char)(v >> (8 * i));
  buf_put(out, bytes, sizeof bytes);
}

static void put_str(struct base_buf *out, struct base_str s, size_t max) {
  if (s.n > max) out->bad = true;
  put_varint(out, s.n);
  buf_put_str(out, s);
}

/* v as the distance to the value before; *next is one past that value. */
static void put_ascending(struct base_buf *out, uint32_t v, uint32_t *next) {
  if (v < *next || v >= LIMIT_SERIES_MAX) out->bad = true;
  put_varint(out, v - *next);
  *next = v + 1;
}

static void put_series_ref(struct base_buf *out, uint32_t idx) {
  if (idx != REC_SERIES_NONE && idx >= LIMIT_SERIES_MAX) out->bad = true;
  put_varint(out, idx == REC_SERIES_NONE ? 0 : (uint64_t)idx + 1);
}

static void put_series(struct base_buf *out, const struct rec_series *s, unsigned bucket, uint32_t *next) {
  if (s->bucket != bucket || (rec_series_hash(s) & (LIMIT_BUCKETS - 1)) != bucket) out->bad = true;
  put_ascending(out, s->series_idx, next);
  buf_put_char(out, (char)s->level);
  buf_put_char(out, (char)s->side);
  uint32_t dims = rec_series_dims(s->level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (dims >> d & 1u) put_str(out, s->dim[d], LIMIT_NAME_BYTES);
}

static void put_cells(struct base_buf *out, const struct rec_hist_cell *cell, uint32_t n) {
  uint32_t next = 0;
  put_varint(out, n);
  for (uint32_t i = 0; i < n; i++) {
    if (cell[i].bucket >= HIST_BUCKETS || cell[i].count == 0) out->bad = true;
    put_ascending(out, cell[i].bucket, &next);
    put_varint(out, cell[i].count);
  }
}

static void put_stages(struct base_buf *out, const uint64_t stage_ns[REC_STAGE_COUNT]) {
  uint32_t mask = 0;
  for (unsigned i = 0; i < REC_STAGE_COUNT; i++) mask |= (uint32_t)(stage_ns[i] != 0) << i;
  put_varint(out, mask);
  for (unsigned i = 0; i < REC_STAGE_COUNT; i++)
    if (stage_ns[i]) put_varint(out, stage_ns[i]);
}

static void put_obs(struct base_buf *out, const struct rec_obs *o, const struct rec_batch *b, uint32_t *next) {
  MUST(o->hist_from <= b->cell_n && o->hist_n <= b->cell_n - o->hist_from);
  put_ascending(out, o->series_idx, next);
  uint32_t mask = 0;
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) mask |= (uint32_t)(o->class_n[c] != 0) << c;
  put_varint(out, mask);
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++)
    if (o->class_n[c]) put_varint(out, o->class_n[c]);
  put_varint(out, o->retries);
  put_varint(out, o->started);
  put_varint(out, o->ended_started);
  put_cells(out, o->hist_n ? &b->cell[o->hist_from] : NULL, o->hist_n);
  put_varint(out, o->latency_sum_ns);
  put_stages(out, o->stage_ns);
  put_varint(out, o->bytes_in);
  put_varint(out, o->bytes_out);
  put_varint(out, (uint64_t)o->pace << 1 | o->partial);
}

static void put_batch(struct base_buf *out, const struct rec_batch *b, unsigned bucket) {
  uint32_t next = 0;
  put_varint(out, b->series_n);
  for (size_t i = 0; i < b->series_n; i++) put_series(out, &b->series[i], bucket, &next);
  uint64_t cells = 0;
  for (size_t i = 0; i < b->obs_n; i++) cells += b->obs[i].hist_n;
  put_varint(out, b->obs_n);
  put_varint(out, cells);
  next = 0;
  for (size_t i = 0; i < b->obs_n; i++) put_obs(out, &b->obs[i], b, &next);
  put_varint(out, b->drop_n);
  for (size_t i = 0; i < b->drop_n; i++) {
    if (b->drop[i].series_idx >= LIMIT_SERIES_MAX) out->bad = true;
    put_varint(out, b->drop[i].series_idx);
  }
}

static void put_exemplar(struct base_buf *out, const struct rec_exemplar *e) {
  if (e->class_ >= REC_CLASS_COUNT || e->side >= REC_SIDE_COUNT) out->bad = true;
  put_u64(out, (uint64_t)e->at.ns);
  for (unsigned i = 0; i < 4; i++) put_series_ref(out, e->series[i]);
  buf_put_char(out, (char)e->class_);
  buf_put_char(out, (char)e->side);
  put_varint(out, e->latency_ns);
  put_str(out, e->request_id, LIMIT_REQUEST_ID_BYTES);
  put_str(out, e->trace_id, LIMIT_TRACE_ID_BYTES);
}

static uint32_t dims_mask(const struct base_str dim[REC_DIM_COUNT]) {
  uint32_t mask = 0;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) mask |= (uint32_t)(dim[d].n != 0) << d;
  return mask;
}

/* The names that are set, behind the mask of which. */
static void put_dims(struct base_buf *out, const struct base_str dim[REC_DIM_COUNT]) {
  uint32_t mask = dims_mask(dim);
  put_varint(out, mask);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (mask >> d & 1u) put_str(out, dim[d], LIMIT_NAME_BYTES);
}

static void put_change(struct base_buf *out, const struct rec_change *c) {
  put_u64(out, (uint64_t)c->at.ns);
  put_str(out, c->source, LIMIT_NAME_BYTES);
  put_str(out, c->kind, LIMIT_NAME_BYTES);
  put_str(out, c->summary, LIMIT_TEXT_BYTES);
  put_str(out, c->entity.kind, LIMIT_NAME_BYTES);
  put_dims(out, c->entity.dim);
}

static void put_command(struct base_buf *out, const struct rec_command *c) {
  put_u64(out, (uint64_t)c->at.ns);
  buf_put_char(out, (char)c->verb);
  put_str(out, c->incident_id, LIMIT_NAME_BYTES);
  put_str(out, c->who, LIMIT_NAME_BYTES);
}

static void put_gap(struct base_buf *out, const struct rec_gap *g) {
  if (g->reason >= REC_GAP_REASON_COUNT) out->bad = true;
  put_str(out, g->node, LIMIT_NAME_BYTES);
  put_str(out, g->ns, LIMIT_NAME_BYTES);
  put_str(out, g->service, LIMIT_NAME_BYTES);
  put_str(out, g->cluster, LIMIT_NAME_BYTES);
  put_varint(out, g->expected);
  put_varint(out, g->lost);
  buf_put_char(out, (char)g->reason);
}

static uint64_t bits_of(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static bool finite_bits(uint64_t bits) {
  return (bits >> 52 & 0x7ffu) != 0x7ffu;
}

static bool words_sound(const struct rec_gauge *g) {
  return g->role < REC_ROLE_COUNT && g->unit < REC_UNIT_COUNT && g->bad < REC_BAD_COUNT;
}

static bool lead_sound(const struct rec_gauge *g) {
  return g->lead_n <= LIMIT_GAUGE_LEAD && (g->lead_n ? g->lead_ns > 0 : g->lead_ns == 0);
}

static void put_gauge(struct base_buf *out, const struct rec_gauge *g) {
  uint64_t bits = bits_of(g->value);
  if (!words_sound(g) || !lead_sound(g) || !finite_bits(bits) || g->metric.n == 0 || dims_mask(g->dim) == 0)
    out->bad = true;
  put_u64(out, (uint64_t)g->at.ns);
  put_dims(out, g->dim);
  put_str(out, g->metric, LIMIT_NAME_BYTES);
  put_str(out, g->part, LIMIT_NAME_BYTES);
  put_str(out, g->line, LIMIT_LOG_LINE_BYTES);
  put_u64(out, bits);
  put_varint(out, g->lead_n);
  put_varint(out, (uint64_t)g->lead_ns);
  buf_put_char(out, (char)g->role);
  buf_put_char(out, (char)g->unit);
  buf_put_char(out, (char)g->bad);
  buf_put_char(out, (char)g->novel);
}

static void put_head(struct base_buf *out, const struct rec_head_batch *h) {
  put_varint(out, h->exemplar_n);
  for (size_t i = 0; i < h->exemplar_n; i++) put_exemplar(out, &h->exemplar[i]);
  put_varint(out, h->change_n);
  for (size_t i = 0; i < h->change_n; i++) put_change(out, &h->change[i]);
  put_varint(out, h->command_n);
  for (size_t i = 0; i < h->command_n; i++) put_command(out, &h->command[i]);
  put_varint(out, h->gap_n);
  for (size_t i = 0; i < h->gap_n; i++) put_gap(out, &h->gap[i]);
  put_varint(out, h->gauge_n);
  for (size_t i = 0; i < h->gauge_n; i++) put_gauge(out, &h->gauge[i]);
}

void rec_codec_tick_write(const struct rec_tick_input *in, struct base_buf *out) {
  buf_put_char(out, (char)REC_CODEC_VERSION);
  put_varint(out, in->tick.seq);
  put_u64(out, (uint64_t)in->tick.end.ns);
  put_u64(out, (uint64_t)in->tick.now.ns);
  buf_put_char(out, (char)in->tick.cut);
  uint64_t mask = 0;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    if (in->bucket[b].series_n || in->bucket[b].obs_n || in->bucket[b].drop_n) mask |= 1ull << b;
  put_u64(out, mask);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    if (mask >> b & 1u) put_batch(out, &in->bucket[b], b);
  put_head(out, &in->head);
}

void rec_codec_arrival_write(const struct rec_arrival *in, struct base_buf *out) {
  put_varint(out, in->stream);
  put_u64(out, (uint64_t)in->recv.ns);
  buf_put_str(out, in->bytes);
}

/* ---- reading ---- */

/* A cursor with a sticky error: after the first one every take gives 0 or nothing. */
struct take {
  struct base_str bytes;
  size_t at;
  struct base_arena *arena;
  const char *reason; /* NULL: sound so far */
};

static void refuse(struct take *t, const char *reason) {
  if (!t->reason) t->reason = reason;
}

static struct base_str take_bytes(struct take *t, uint64_t n) {
  if (t->reason || n > t->bytes.n - t->at) {
    refuse(t, "the frame ends inside a record");
    return STR_NONE;
  }
  struct base_str s = str_cut(t->bytes, t->at, t->at + (size_t)n);
  t->at += (size_t)n;
  return n ? s : STR_NONE;
}

static uint8_t take_u8(struct take *t) {
  struct base_str s = take_bytes(t, 1);
  return s.n ? (uint8_t)s.p[0] : 0;
}

static uint64_t take_u64(struct take *t) {
  struct base_str s = take_bytes(t, 8);
  uint64_t v = 0;
  for (size_t i = 0; i < s.n; i++) v |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
  return v;
}

static struct base_wall take_wall(struct take *t) {
  return (struct base_wall){(int64_t)take_u64(t)};
}

/* A varint of at most max, in its shortest form. A frame is mostly these: straight from its bytes. */
static uint64_t take_varint(struct take *t, uint64_t max) {
  size_t left = t->bytes.n - t->at;
  uint64_t v = 0;
  for (unsigned i = 0; i < VARINT_BYTES_MAX && !t->reason; i++) {
    if (i == left) {
      refuse(t, "the frame ends inside a record");
      return 0;
    }
    unsigned char byte = (unsigned char)t->bytes.p[t->at + i];
    v |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    if ((i && byte == 0) || (i == VARINT_BYTES_MAX - 1 && byte > 1)) break;
    t->at += i + 1;
    if (v > max) refuse(t, "a number is out of range");
    return t->reason ? 0 : v;
  }
  refuse(t, "a varint is not in its shortest form");
  return 0;
}

static uint32_t take_u32(struct take *t) {
  return (uint32_t)take_varint(t, UINT32_MAX);
}

static struct base_str take_str(struct take *t, size_t max) {
  return take_bytes(t, take_varint(t, max));
}

/* Counterpart of put_ascending: the result is below limit. */
static uint32_t take_ascending(struct take *t, uint32_t limit, uint32_t *next) {
  uint64_t v = *next + take_varint(t, limit);
  if (v >= limit) refuse(t, "a number is out of range");
  if (t->reason) return 0;
  *next = (uint32_t)v + 1;
  return (uint32_t)v;
}

static uint32_t take_series_ref(struct take *t) {
  uint32_t v = (uint32_t)take_varint(t, LIMIT_SERIES_MAX);
  return v ? v - 1 : REC_SERIES_NONE;
}

/* A number of records that take at least bytes_min each: more than the frame can hold is refused before memory is
 * asked for. */
static size_t take_count(struct take *t, size_t bytes_min) {
  uint64_t n = take_varint(t, UINT32_MAX);
  if (n > (t->bytes.n - t->at) / bytes_min) refuse(t, "a count exceeds the frame");
  return t->reason ? 0 : (size_t)n;
}

static void *take_memory(struct take *t, size_t n, size_t size, size_t align) {
  void *p = n && !t->reason ? arena_take(t->arena, n * size, align) : NULL;
  if (n && !p) refuse(t, "the frame needs more memory than it may have");
  return p;
}
#define TAKE_NEW(t, type, n) ((type *)take_memory((t), (n), sizeof(type), _Alignof(type)))

static void take_series(struct take *t, struct rec_series *s, unsigned bucket, uint32_t *next) {
  *s = (struct rec_series){.series_idx = take_ascending(t, LIMIT_SERIES_MAX, next), .bucket = (uint8_t)bucket};
  s->level = take_u8(t);
  s->side = take_u8(t);
  if (s->level >= REC_LEVEL_COUNT || s->side >= REC_SIDE_COUNT) {
    refuse(t, "a series has no known level or side");
    return;
  }
  uint32_t dims = rec_series_dims(s->level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (dims >> d & 1u) s->dim[d] = take_str(t, LIMIT_NAME_BYTES);
  if (!t->reason && (rec_series_hash(s) & (LIMIT_BUCKETS - 1)) != bucket) refuse(t, "a series is in a wrong bucket");
}

static void take_classes(struct take *t, struct rec_obs *o) {
  uint64_t mask = take_varint(t, (1ull << REC_CLASS_COUNT) - 1);
  for (unsigned c = 0; c < REC_CLASS_COUNT; c++) {
    if (!(mask >> c & 1u)) continue;
    o->class_n[c] = take_u32(t);
    if (o->class_n[c] == 0) refuse(t, "a class is listed with no requests");
  }
}

/* The obs' cells go behind the `used` ones at cell[0..cell_n). */
static void take_cells(struct take *t, struct rec_obs *o, struct rec_hist_cell *cell, size_t cell_n, size_t *used) {
  uint64_t n = take_varint(t, HIST_BUCKETS);
  if (n > cell_n - *used) refuse(t, "an observation has more cells than its batch");
  if (t->reason) return;
  o->hist_from = (uint32_t)*used;
  o->hist_n = (uint32_t)n;
  uint32_t next = 0;
  for (uint32_t i = 0; i < n; i++) {
    struct rec_hist_cell *c = &cell[(*used)++];
    c->bucket = take_ascending(t, HIST_BUCKETS, &next);
    c->count = take_u32(t);
    if (c->count == 0) refuse(t, "a cell is empty");
  }
}

static void take_obs(struct take *t, struct rec_obs *o, uint32_t *next) {
  *o = (struct rec_obs){.series_idx = take_ascending(t, LIMIT_SERIES_MAX, next)};
  take_classes(t, o);
  o->retries = take_u32(t);
  o->started = take_u32(t);
  o->ended_started = take_u32(t);
}

static void take_stages(struct take *t, uint64_t stage_ns[REC_STAGE_COUNT]) {
  uint64_t mask = take_varint(t, (1ull << REC_STAGE_COUNT) - 1);
  for (unsigned i = 0; i < REC_STAGE_COUNT; i++) {
    if (!(mask >> i & 1u)) continue;
    stage_ns[i] = take_varint(t, UINT64_MAX);
    if (stage_ns[i] == 0) refuse(t, "a stage is listed with no time");
  }
}

static void take_sums(struct take *t, struct rec_obs *o) {
  o->latency_sum_ns = take_varint(t, UINT64_MAX);
  take_stages(t, o->stage_ns);
  o->bytes_in = take_varint(t, UINT64_MAX);
  o->bytes_out = take_varint(t, UINT64_MAX);
  uint64_t pace = take_varint(t, UINT16_MAX << 1 | 1);
  o->pace = (uint16_t)(pace >> 1);
  o->partial = pace & 1;
}

/* The least bytes that a record can take; what bounds the memory for a count. */
enum {
  SERIES_BYTES = 3,
  OBS_BYTES = 11,
  CELL_BYTES = 2,
  DROP_BYTES = 1,
  EXEMPLAR_BYTES = 17,
  CHANGE_BYTES = 13,
  COMMAND_BYTES = 11,
  GAP_BYTES = 7,
  GAUGE_BYTES = 29
};

static void take_batch_obs(struct take *t, struct rec_batch *b) {
  uint32_t next = 0;
  size_t used = 0;
  b->obs_n = take_count(t, OBS_BYTES);
  b->cell_n = take_count(t, CELL_BYTES);
  struct rec_obs *obs = TAKE_NEW(t, struct rec_obs, b->obs_n);
  struct rec_hist_cell *cell = TAKE_NEW(t, struct rec_hist_cell, b->cell_n);
  for (size_t i = 0; i < b->obs_n && !t->reason; i++) {
    take_obs(t, &obs[i], &next);
    take_cells(t, &obs[i], cell, b->cell_n, &used);
    take_sums(t, &obs[i]);
  }
  if (used != b->cell_n) refuse(t, "a batch has cells that no observation owns");
  b->obs = obs;
  b->cell = cell;
}

static void take_batch(struct take *t, struct rec_batch *b, unsigned bucket) {
  uint32_t next = 0;
  b->series_n = take_count(t, SERIES_BYTES);
  struct rec_series *series = TAKE_NEW(t, struct rec_series, b->series_n);
  for (size_t i = 0; i < b->series_n && !t->reason; i++) take_series(t, &series[i], bucket, &next);
  b->series = series;
  take_batch_obs(t, b);
  b->drop_n = take_count(t, DROP_BYTES);
  struct rec_drop *drop = TAKE_NEW(t, struct rec_drop, b->drop_n);
  for (size_t i = 0; i < b->drop_n && !t->reason; i++)
    drop[i].series_idx = (uint32_t)take_varint(t, LIMIT_SERIES_MAX - 1);
  b->drop = drop;
  if (b->series_n + b->obs_n + b->drop_n == 0) refuse(t, "a bucket is listed with nothing in it");
}

static void take_exemplar(struct take *t, struct rec_exemplar *e) {
  e->at = take_wall(t);
  for (unsigned i = 0; i < 4; i++) e->series[i] = take_series_ref(t);
  e->class_ = take_u8(t);
  e->side = take_u8(t);
  if (e->class_ >= REC_CLASS_COUNT || e->side >= REC_SIDE_COUNT) refuse(t, "an exemplar has no known class or side");
  e->latency_ns = take_varint(t, UINT64_MAX);
  e->request_id = take_str(t, LIMIT_REQUEST_ID_BYTES);
  e->trace_id = take_str(t, LIMIT_TRACE_ID_BYTES);
}

static uint64_t take_dims(struct take *t, struct base_str dim[REC_DIM_COUNT]) {
  uint64_t mask = take_varint(t, (1ull << REC_DIM_COUNT) - 1);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (!(mask >> d & 1u)) continue;
    dim[d] = take_str(t, LIMIT_NAME_BYTES);
    if (dim[d].n == 0) refuse(t, "a name is listed and empty");
  }
  return mask;
}

static void take_change(struct take *t, struct rec_change *c) {
  *c = (struct rec_change){.at = take_wall(t)};
  c->source = take_str(t, LIMIT_NAME_BYTES);
  c->kind = take_str(t, LIMIT_NAME_BYTES);
  c->summary = take_str(t, LIMIT_TEXT_BYTES);
  c->entity.kind = take_str(t, LIMIT_NAME_BYTES);
  (void)take_dims(t, c->entity.dim);
}

static void take_command(struct take *t, struct rec_command *c) {
  c->at = take_wall(t);
  c->verb = take_u8(t);
  c->incident_id = take_str(t, LIMIT_NAME_BYTES);
  c->who = take_str(t, LIMIT_NAME_BYTES);
}

static void take_gap(struct take *t, struct rec_gap *g) {
  g->node = take_str(t, LIMIT_NAME_BYTES);
  g->ns = take_str(t, LIMIT_NAME_BYTES);
  g->service = take_str(t, LIMIT_NAME_BYTES);
  g->cluster = take_str(t, LIMIT_NAME_BYTES);
  g->expected = take_u32(t);
  g->lost = take_u32(t);
  g->reason = take_u8(t);
  if (g->reason >= REC_GAP_REASON_COUNT) refuse(t, "a gap has no known reason");
}

static void take_gauge(struct take *t, struct rec_gauge *g) {
  *g = (struct rec_gauge){.at = take_wall(t)};
  if (take_dims(t, g->dim) == 0) refuse(t, "a gauge is nobody's");
  g->metric = take_str(t, LIMIT_NAME_BYTES);
  if (g->metric.n == 0) refuse(t, "a gauge has no name");
  g->part = take_str(t, LIMIT_NAME_BYTES);
  g->line = take_str(t, LIMIT_LOG_LINE_BYTES);
  uint64_t bits = take_u64(t);
  if (!finite_bits(bits)) refuse(t, "a gauge's value is not finite");
  memcpy(&g->value, &bits, sizeof bits);
  g->lead_n = take_u32(t);
  g->lead_ns = (int64_t)take_varint(t, INT64_MAX);
  if (!lead_sound(g)) refuse(t, "a gauge's lead is out of range");
  g->role = take_u8(t);
  g->unit = take_u8(t);
  g->bad = take_u8(t);
  uint8_t novel = take_u8(t);
  g->novel = novel == 1;
  if (!words_sound(g) || novel > 1) refuse(t, "a gauge has no known role, unit or side");
}

static void take_head(struct take *t, struct rec_head_batch *h) {
  h->exemplar_n = take_count(t, EXEMPLAR_BYTES);
  struct rec_exemplar *exemplar = TAKE_NEW(t, struct rec_exemplar, h->exemplar_n);
  for (size_t i = 0; i < h->exemplar_n && !t->reason; i++) take_exemplar(t, &exemplar[i]);
  h->exemplar = exemplar;
  h->change_n = take_count(t, CHANGE_BYTES);
  struct rec_change *change = TAKE_NEW(t, struct rec_change, h->change_n);
  for (size_t i = 0; i < h->change_n && !t->reason; i++) take_change(t, &change[i]);
  h->change = change;
  h->command_n = take_count(t, COMMAND_BYTES);
  struct rec_command *command = TAKE_NEW(t, struct rec_command, h->command_n);
  for (size_t i = 0; i < h->command_n && !t->reason; i++) take_command(t, &command[i]);
  h->command = command;
  h->gap_n = take_count(t, GAP_BYTES);
  struct rec_gap *gap = TAKE_NEW(t, struct rec_gap, h->gap_n);
  for (size_t i = 0; i < h->gap_n && !t->reason; i++) take_gap(t, &gap[i]);
  h->gap = gap;
  h->gauge_n = take_count(t, GAUGE_BYTES);
  struct rec_gauge *gauge = TAKE_NEW(t, struct rec_gauge, h->gauge_n);
  for (size_t i = 0; i < h->gauge_n && !t->reason; i++) take_gauge(t, &gauge[i]);
  h->gauge = gauge;
}

bool rec_codec_tick_read(struct base_str bytes, struct base_arena *arena, struct rec_tick_input *out,
                         const char **reason) {
  struct take take = {.bytes = bytes, .arena = arena}, *t = &take;
  *out = (struct rec_tick_input){0};
  if (take_u8(t) != REC_CODEC_VERSION) refuse(t, "the record's version is not known");
  out->tick.seq = take_varint(t, UINT64_MAX);
  out->tick.end = take_wall(t);
  out->tick.now = take_wall(t);
  uint8_t cut = take_u8(t);
  if (cut > 1) refuse(t, "the tick's mark is neither 0 nor 1");
  out->tick.cut = cut == 1;
  uint64_t mask = take_u64(t);
  for (unsigned b = 0; b < LIMIT_BUCKETS && !t->reason; b++)
    if (mask >> b & 1u) take_batch(t, &out->bucket[b], b);
  take_head(t, &out->head);
  if (t->at != bytes.n) refuse(t, "bytes follow the last record");
  *reason = t->reason;
  return !t->reason;
}

bool rec_codec_arrival_read(struct base_str bytes, struct rec_arrival *out, const char **reason) {
  struct take take = {.bytes = bytes}, *t = &take;
  out->stream = take_varint(t, UINT64_MAX);
  out->recv = take_wall(t);
  out->bytes = take_bytes(t, t->reason ? 0 : bytes.n - t->at);
  *reason = t->reason;
  return !t->reason;
}
