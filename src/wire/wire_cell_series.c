#include "wire_cell_series.h"

#include "base_must.h"

struct wire_series_table {
  struct wire_names *names;
  struct base_hash_key key;
  struct wire_series_slot *slot;
  uint32_t *head;
  uint32_t *ring; /* numbers that may be used again, oldest first */
  uint32_t max;
  uint32_t slot_n, slot_free, step_at;
  uint32_t number_n; /* numbers ever given */
  uint32_t ring_at, ring_n;
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_series_bytes(uint32_t max) {
  return up64(sizeof(struct wire_series_table)) + up64(sizeof(struct wire_series_slot) * ((size_t)max + 1)) +
         up64(sizeof(uint32_t) * 2 * max) + up64(sizeof(uint32_t) * max);
}

struct wire_series_table *wire_series_init(void *mem, uint32_t max, struct wire_names *names,
                                           struct base_hash_key key) {
  struct wire_series_table *t = mem;
  char *p = (char *)mem + up64(sizeof *t);
  t->slot = (struct wire_series_slot *)(void *)p;
  p += up64(sizeof(struct wire_series_slot) * ((size_t)max + 1));
  t->head = (uint32_t *)(void *)p;
  p += up64(sizeof(uint32_t) * 2 * max);
  t->ring = (uint32_t *)(void *)p;
  t->names = names;
  t->key = key;
  t->max = max;
  t->slot_n = 1;
  return t;
}

static struct wire_series_slot slot_want(const struct wire_series_table *t, uint8_t level, uint8_t side,
                                         const uint32_t dim[REC_DIM_COUNT]) {
  struct wire_series_slot s = {.level = level, .side = side, .idx = REC_SERIES_NONE, .used = 1};
  uint32_t dims = rec_series_dims(level);
  s.hash = hash_mix(t->key.k0, (uint64_t)level << 8 | side);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (dims >> d & 1u) s.dim[d] = dim[d];
    s.hash = hash_mix(s.hash, s.dim[d]);
  }
  return s;
}

static uint32_t *slot_head(struct wire_series_table *t, uint64_t hash) {
  return &t->head[hash % (2 * (uint64_t)t->max)];
}

static uint32_t slot_find(struct wire_series_table *t, const struct wire_series_slot *want) {
  for (uint32_t at = *slot_head(t, want->hash); at; at = t->slot[at].next) {
    const struct wire_series_slot *s = &t->slot[at];
    if (s->hash == want->hash && s->level == want->level && s->side == want->side &&
        memcmp(s->dim, want->dim, sizeof s->dim) == 0)
      return at;
  }
  return 0;
}

static uint32_t slot_open(struct wire_series_table *t, struct wire_series_slot *want) {
  uint32_t at = t->slot_free;
  if (at)
    t->slot_free = t->slot[at].next;
  else if (t->slot_n <= t->max)
    at = t->slot_n++;
  else
    return 0;
  want->next = *slot_head(t, want->hash);
  t->slot[at] = *want;
  *slot_head(t, want->hash) = at;
  struct rec_series rec = wire_series_rec(t, at);
  t->slot[at].bucket = (uint8_t)(rec_series_hash(&rec) % LIMIT_BUCKETS);
  return at;
}

uint32_t wire_series_add(struct wire_series_table *t, uint8_t level, uint8_t side, const uint32_t dim[REC_DIM_COUNT],
                         uint64_t tick) {
  struct wire_series_slot want = slot_want(t, level, side, dim);
  uint32_t at = slot_find(t, &want);
  want.fed_tick = tick;
  return at ? at : slot_open(t, &want);
}

static void ring_put(struct wire_series_table *t, uint32_t idx) {
  MUST(t->ring_n < t->max);
  t->ring[(t->ring_at + t->ring_n++) % t->max] = idx;
}

bool wire_series_restore(struct wire_series_table *t, const struct rec_series *s, uint64_t tick) {
  uint32_t dim[REC_DIM_COUNT];
  if (s->series_idx < t->number_n || s->series_idx >= t->max || s->level >= REC_LEVEL_COUNT) return false;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (s->dim[d].n > LIMIT_NAME_BYTES) return false;
    if ((dim[d] = wire_names_add(t->names, s->dim[d])) == WIRE_NAME_FULL) return false;
  }
  uint32_t at = wire_series_add(t, s->level, s->side, dim, tick);
  if (!at || t->slot[at].idx != REC_SERIES_NONE) return false;
  while (t->number_n < s->series_idx) ring_put(t, t->number_n++);
  t->slot[at].idx = t->number_n++;
  return true;
}

void wire_series_touch(struct wire_series_table *t, uint64_t tick) {
  for (uint32_t at = 1; at < t->slot_n; at++) t->slot[at].fed_tick = tick;
}

struct wire_series_slot *wire_series_view(struct wire_series_table *t, uint32_t slot) {
  MUST(slot && slot < t->slot_n);
  return &t->slot[slot];
}

struct rec_series wire_series_rec(const struct wire_series_table *t, uint32_t slot) {
  const struct wire_series_slot *s = &t->slot[slot];
  struct rec_series r = {.series_idx = s->idx, .level = s->level, .side = s->side, .bucket = s->bucket};
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) r.dim[d] = wire_names_view(t->names, s->dim[d]);
  return r;
}

/* Order of keys: level, side, then the names as text. */
static int slot_cmp(const struct wire_series_table *t, uint32_t a, uint32_t b) {
  const struct wire_series_slot *x = &t->slot[a], *y = &t->slot[b];
  if (x->level != y->level) return x->level < y->level ? -1 : 1;
  if (x->side != y->side) return x->side < y->side ? -1 : 1;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (x->dim[d] == y->dim[d]) continue;
    return str_cmp(wire_names_view(t->names, x->dim[d]), wire_names_view(t->names, y->dim[d]));
  }
  return 0;
}

static void heap_sink(const struct wire_series_table *t, uint32_t *slot, uint32_t at, uint32_t n) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= n) return;
    if (child + 1 < n && slot_cmp(t, slot[child], slot[child + 1]) < 0) child++;
    if (slot_cmp(t, slot[at], slot[child]) >= 0) return;
    uint32_t swap = slot[at];
    slot[at] = slot[child];
    slot[child] = swap;
    at = child;
  }
}

static uint32_t number_take(struct wire_series_table *t) {
  if (t->ring_n == 0) {
    MUST(t->number_n < t->max);
    return t->number_n++;
  }
  uint32_t idx = t->ring[t->ring_at];
  t->ring_at = (t->ring_at + 1) % t->max;
  t->ring_n--;
  return idx;
}

void wire_series_number(struct wire_series_table *t, uint32_t *slot, uint32_t n) {
  for (uint32_t at = n / 2; at-- > 0;) heap_sink(t, slot, at, n);
  for (uint32_t end = n; end > 1; end--) {
    uint32_t swap = slot[0];
    slot[0] = slot[end - 1];
    slot[end - 1] = swap;
    heap_sink(t, slot, 0, end - 1);
  }
  for (uint32_t i = 0; i < n; i++) t->slot[slot[i]].idx = number_take(t);
}

static bool slot_idle(const struct wire_series_slot *s, uint64_t tick) {
  uint64_t limit = s->level == REC_LEVEL_POD ? WIRE_SERIES_IDLE_POD_TICKS : WIRE_SERIES_IDLE_TICKS;
  return s->used && s->cell_n == 0 && s->fed_tick + limit < tick;
}

static void slot_drop(struct wire_series_table *t, uint32_t at) {
  struct wire_series_slot *s = &t->slot[at];
  uint32_t *link = slot_head(t, s->hash);
  while (*link != at) link = &t->slot[*link].next;
  *link = s->next;
  if (s->idx != REC_SERIES_NONE) ring_put(t, s->idx);
  *s = (struct wire_series_slot){.next = t->slot_free};
  t->slot_free = at;
}

/* Insertion by number: few are dropped in one tick. */
static void drop_put(struct rec_drop *drop, uint8_t *bucket, uint32_t n, uint32_t idx, uint8_t b) {
  uint32_t at = n;
  for (; at > 0 && drop[at - 1].series_idx > idx; at--) {
    drop[at] = drop[at - 1];
    bucket[at] = bucket[at - 1];
  }
  drop[at].series_idx = idx;
  bucket[at] = b;
}

uint32_t wire_series_step(struct wire_series_table *t, uint64_t tick, struct rec_drop *drop, uint8_t *bucket,
                          uint32_t max) {
  uint32_t n = 0;
  for (uint32_t left = t->slot_n / 256 + 1; left && n < max; left--) {
    if (++t->step_at >= t->slot_n) t->step_at = 1;
    if (t->step_at >= t->slot_n) return n;
    struct wire_series_slot *s = &t->slot[t->step_at];
    if (!slot_idle(s, tick)) continue;
    if (s->idx != REC_SERIES_NONE) {
      drop_put(drop, bucket, n, s->idx, s->bucket);
      n++;
    }
    slot_drop(t, t->step_at);
  }
  return n;
}

void wire_series_mark(struct wire_series_table *t) {
  for (uint32_t at = 1; at < t->slot_n; at++)
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) wire_names_mark(t->names, t->slot[at].dim[d]);
}
