#include "wire_cell.h"

#include "base_must.h"

struct wire_cells {
  struct wire_names *names;
  struct wire_series_table *series;
  struct base_hash_key key;
  struct wire_base *base;
  uint32_t *base_head;
  struct wire_cell *cell;
  uint32_t *cell_head;
  uint32_t base_n, base_free;
  uint32_t cell_n, cell_free, step_at, base_step_at;
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_cells_bytes(void) {
  return up64(sizeof(struct wire_cells)) + up64(sizeof(struct wire_base) * WIRE_BASES) +
         up64(sizeof(uint32_t) * WIRE_BASES) + up64(sizeof(struct wire_cell) * LIMIT_CELLS) +
         sizeof(uint32_t) * LIMIT_CELLS;
}

struct wire_cells *wire_cells_init(void *mem, struct wire_names *names, struct wire_series_table *series,
                                   struct base_hash_key key) {
  struct wire_cells *t = mem;
  char *p = (char *)mem + up64(sizeof *t);
  t->base = (struct wire_base *)(void *)p;
  p += up64(sizeof(struct wire_base) * WIRE_BASES);
  t->base_head = (uint32_t *)(void *)p;
  p += up64(sizeof(uint32_t) * WIRE_BASES);
  t->cell = (struct wire_cell *)(void *)p;
  p += up64(sizeof(struct wire_cell) * LIMIT_CELLS);
  t->cell_head = (uint32_t *)(void *)p;
  t->names = names;
  t->series = series;
  t->key = key;
  t->base_n = 1;
  t->cell_n = 1;
  return t;
}

_Static_assert(WIRE_BASE_COUNT % 2 == 0, "names by twos");

static uint64_t base_hash(const struct wire_cells *t, const struct wire_base *b) {
  uint64_t h = hash_mix(t->key.k0, (uint64_t)b->side << 1 | b->gateway);
  for (unsigned i = 0; i < WIRE_BASE_COUNT; i += 2) h = hash_mix(h, (uint64_t)b->id[i] << 32 | b->id[i + 1]);
  return h;
}

uint32_t wire_cells_base(struct wire_cells *t, const struct wire_base *key) {
  uint64_t hash = base_hash(t, key);
  uint32_t *head = &t->base_head[hash % WIRE_BASES];
  for (uint32_t at = *head; at; at = t->base[at].next) {
    const struct wire_base *b = &t->base[at];
    if (b->hash == hash && b->side == key->side && b->gateway == key->gateway &&
        memcmp(b->id, key->id, sizeof b->id) == 0)
      return at;
  }
  uint32_t at = t->base_free;
  if (at)
    t->base_free = t->base[at].next;
  else if (t->base_n < WIRE_BASES)
    at = t->base_n++;
  else
    return 0;
  uint32_t generation = t->base[at].generation + 1;
  t->base[at] = *key;
  t->base[at].hash = hash;
  t->base[at].generation = generation;
  t->base[at].used = 1;
  t->base[at].cell_n = 0;
  t->base[at].next = *head;
  *head = at;
  return at;
}

struct wire_base *wire_cells_base_view(struct wire_cells *t, uint32_t base) {
  MUST(base && base < t->base_n);
  return &t->base[base];
}

static void base_drop(struct wire_cells *t, uint32_t at) {
  uint32_t *link = &t->base_head[t->base[at].hash % WIRE_BASES];
  while (*link != at) link = &t->base[*link].next;
  *link = t->base[at].next;
  t->base[at] = (struct wire_base){.next = t->base_free, .generation = t->base[at].generation};
  t->base_free = at;
}

/* A cell while its series are looked up. */
struct feed {
  struct wire_cells *t;
  struct wire_cell *c;
  uint32_t dim[REC_DIM_COUNT];
  uint8_t side;
  uint64_t tick;
};

/* The cell feeds this level. Gives the slot, 0 where the table of series is full. */
static uint32_t feed_level(struct feed *f, enum rec_level level) {
  MUST(f->c->series_n < WIRE_CELL_SERIES);
  uint32_t slot = wire_series_add(f->t->series, (uint8_t)level, f->side, f->dim, f->tick);
  if (!slot) {
    f->c->series_missing++;
    return 0;
  }
  wire_series_view(f->t->series, slot)->cell_n++;
  f->c->series[f->c->series_n++] = slot;
  return slot;
}

static void feed_show(struct feed *f, unsigned use, enum rec_level level) {
  uint32_t slot = feed_level(f, level);
  if (!f->c->show[use]) f->c->show[use] = slot;
}

/* Levels of the serving side, as far as it is known: service, pod, routes. */
static void feed_service(struct feed *f, bool all) {
  const uint32_t *d = f->dim;
  if (!d[REC_DIM_SERVICE]) return;
  feed_show(f, 0, REC_LEVEL_SERVICE);
  if (d[REC_DIM_CLUSTER]) feed_level(f, REC_LEVEL_SERVICE_CLUSTER);
  if (d[REC_DIM_POD]) feed_show(f, 1, REC_LEVEL_POD);
  if (d[REC_DIM_ROUTE]) feed_show(f, 2, REC_LEVEL_ROUTE);
  if (!all) return;
  if (d[REC_DIM_VERSION]) feed_level(f, REC_LEVEL_VERSION);
  if (d[REC_DIM_ROUTE] && d[REC_DIM_CLUSTER]) feed_level(f, REC_LEVEL_ROUTE_CLUSTER);
}

static void feed_place(struct feed *f, uint32_t cluster, uint32_t region) {
  uint32_t was_cluster = f->dim[REC_DIM_CLUSTER], was_region = f->dim[REC_DIM_REGION];
  f->dim[REC_DIM_CLUSTER] = cluster;
  f->dim[REC_DIM_REGION] = region;
  if (region) feed_level(f, REC_LEVEL_REGION);
  if (cluster) feed_level(f, REC_LEVEL_CLUSTER);
  f->dim[REC_DIM_CLUSTER] = was_cluster;
  f->dim[REC_DIM_REGION] = was_region;
}

static void feed_edge(struct feed *f) {
  if (!f->dim[REC_DIM_SERVICE] || !f->dim[REC_DIM_CALLER]) return;
  feed_show(f, 3, REC_LEVEL_EDGE);
  if (f->dim[REC_DIM_CLUSTER]) feed_level(f, REC_LEVEL_EDGE_CLUSTER);
}

static void feed_dims(struct feed *f, const uint32_t id[WIRE_BASE_COUNT], uint32_t route) {
  f->dim[REC_DIM_NAMESPACE] = id[WIRE_BASE_NAMESPACE];
  f->dim[REC_DIM_SERVICE] = id[WIRE_BASE_SERVICE];
  f->dim[REC_DIM_VERSION] = id[WIRE_BASE_VERSION];
  f->dim[REC_DIM_CLUSTER] = id[WIRE_BASE_CLUSTER];
  f->dim[REC_DIM_REGION] = id[WIRE_BASE_REGION];
  f->dim[REC_DIM_POD] = id[WIRE_BASE_POD];
  f->dim[REC_DIM_CALLER_NAMESPACE] = id[WIRE_BASE_CALLER_NAMESPACE];
  f->dim[REC_DIM_CALLER] = id[WIRE_BASE_CALLER];
  f->dim[REC_DIM_ROUTE] = route;
}

/* A gateway has nobody who reports what it serves but itself. */
static void feed_gateway(struct feed *f, const uint32_t id[WIRE_BASE_COUNT]) {
  f->side = REC_SIDE_SERVER;
  f->dim[REC_DIM_NAMESPACE] = id[WIRE_BASE_CALLER_NAMESPACE];
  f->dim[REC_DIM_SERVICE] = id[WIRE_BASE_CALLER];
  f->dim[REC_DIM_VERSION] = id[WIRE_BASE_OWN_VERSION];
  f->dim[REC_DIM_CLUSTER] = id[WIRE_BASE_OWN_CLUSTER];
  f->dim[REC_DIM_REGION] = id[WIRE_BASE_OWN_REGION];
  f->dim[REC_DIM_POD] = id[WIRE_BASE_OWN_POD];
  feed_service(f, true);
}

static void cell_feeds(struct wire_cells *t, struct wire_cell *c, const struct wire_base *b, uint64_t tick) {
  struct feed f = {.t = t, .c = c, .side = b->side, .tick = tick};
  bool server = b->side == REC_SIDE_SERVER;
  feed_dims(&f, b->id, c->route);
  if (server) feed_level(&f, REC_LEVEL_MESH);
  if (server)
    feed_place(&f, b->id[WIRE_BASE_CLUSTER], b->id[WIRE_BASE_REGION]);
  else
    feed_place(&f, b->id[WIRE_BASE_OWN_CLUSTER], b->id[WIRE_BASE_OWN_REGION]);
  feed_service(&f, server);
  feed_edge(&f);
  if (b->gateway) feed_gateway(&f, b->id);
}

void wire_cells_base_trim(struct wire_cells *t, uint32_t base) {
  if (t->base[base].used && t->base[base].cell_n == 0 && t->base[base].kept_tick == 0) base_drop(t, base);
}

void wire_cells_base_keep(struct wire_cells *t, uint32_t base, uint64_t tick) {
  t->base[base].kept_tick = tick ? tick : 1;
}

static bool base_is_idle(const struct wire_base *b, uint64_t tick) {
  return b->used && b->cell_n == 0 && b->kept_tick + WIRE_CELL_IDLE_TICKS < tick;
}

static void bases_step(struct wire_cells *t, uint64_t tick) {
  for (uint32_t n = t->base_n / 256 + 1; n; n--) {
    if (++t->base_step_at >= t->base_n) t->base_step_at = 1;
    if (t->base_step_at >= t->base_n) return;
    if (base_is_idle(&t->base[t->base_step_at], tick)) base_drop(t, t->base_step_at);
  }
}

uint32_t wire_cells_add(struct wire_cells *t, uint32_t base, uint32_t route, uint64_t tick) {
  uint64_t hash = hash_mix(hash_mix(t->key.k1, base), route);
  uint32_t *head = &t->cell_head[hash % LIMIT_CELLS];
  for (uint32_t at = *head; at; at = t->cell[at].next)
    if (t->cell[at].base == base && t->cell[at].route == route) return at;
  uint32_t at = t->cell_free;
  if (at)
    t->cell_free = t->cell[at].next;
  else if (t->cell_n < LIMIT_CELLS)
    at = t->cell_n++;
  else
    return 0;
  struct wire_cell *c = &t->cell[at];
  *c = (struct wire_cell){.hash = hash, .base = base, .route = route, .next = *head, .used = 1, .fed_tick = tick};
  *head = at;
  t->base[base].cell_n++;
  cell_feeds(t, c, &t->base[base], tick);
  return at;
}

struct wire_cell *wire_cells_view(struct wire_cells *t, uint32_t cell) {
  MUST(cell && cell < t->cell_n);
  return &t->cell[cell];
}

static void cell_drop(struct wire_cells *t, uint32_t at) {
  struct wire_cell *c = &t->cell[at];
  uint32_t *link = &t->cell_head[c->hash % LIMIT_CELLS];
  while (*link != at) link = &t->cell[*link].next;
  *link = c->next;
  for (uint32_t i = 0; i < c->series_n; i++) wire_series_view(t->series, c->series[i])->cell_n--;
  t->base[c->base].cell_n--;
  wire_cells_base_trim(t, c->base);
  *c = (struct wire_cell){.next = t->cell_free};
  t->cell_free = at;
}

void wire_cells_step(struct wire_cells *t, uint64_t tick) {
  bases_step(t, tick);
  for (uint32_t n = t->cell_n / 256 + 1; n; n--) {
    if (++t->step_at >= t->cell_n) t->step_at = 1;
    if (t->step_at >= t->cell_n) return;
    struct wire_cell *c = &t->cell[t->step_at];
    if (c->used && c->fed_tick + WIRE_CELL_IDLE_TICKS < tick) cell_drop(t, t->step_at);
  }
}

void wire_cells_mark(struct wire_cells *t) {
  for (uint32_t at = 1; at < t->base_n; at++)
    for (unsigned i = 0; i < WIRE_BASE_COUNT; i++) wire_names_mark(t->names, t->base[at].id[i]);
  for (uint32_t at = 1; at < t->cell_n; at++) wire_names_mark(t->names, t->cell[at].route);
}
