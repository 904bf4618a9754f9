#include "wire_gauge.h"

#include "base_must.h"
#include "rec_counter.h"
#include "wire_gauge_who.h"

#define NONE UINT32_MAX
#define HEADS (2u * WIRE_GAUGE_SLOTS)
#define ENTITIES 65536u /* counts of keys by a hash of the entity: two entities may share one, and its bound */
#define LATE_NS (60 * TIME_NS_PER_S)      /* a sample that is older when it comes says nothing of now */
#define AHEAD_NS (10 * TIME_NS_PER_S)     /* a clock that is further ahead is not believed */
#define SPAN_NS_MAX (600 * TIME_NS_PER_S) /* growth over a longer time is no rate of now */
#define SWEEP_TICKS 1024u
#define MISS_BYTES 128u

struct slot {
  uint64_t label_hash; /* of counters: the same key may stand for several, each with its own count */
  uint64_t seen_tick;
  int64_t at_ns;   /* of the value that waits */
  int64_t prev_ns; /* counters: of `prev`, 0 none */
  int64_t start_ns;
  int64_t zero_ns; /* of the first sample, while all were 0 */
  double value, prev;
  uint32_t zero_n; /* such samples; NONE: it was something once */
  uint32_t next, waits_next, entity;
  uint32_t lead_n;
  int64_t lead_ns;
  uint16_t key_n;
  uint8_t used, waits, role, unit, bad, novel, line_n;
  char key[REC_GAUGE_KEY_BYTES];
  char line[LIMIT_LOG_LINE_BYTES];
};

struct wire_gauges {
  struct base_hash_key key;
  uint64_t *counter;
  struct wire_gauge_words words;
  struct wire_gauge_pods pods;
  struct slot *slot;
  uint32_t head[HEADS];
  uint32_t slot_n, free; /* slots ever used; list of free ones, by next */
  uint32_t waits_first, waits_last;
  uint32_t swept;
  uint64_t tick;
  uint16_t entity_n[ENTITIES];
  char miss[MISS_BYTES]; /* the name of the last sample that was of no row: samples come family by family */
  size_t miss_n;
  struct rec_gauge out[LIMIT_GAUGES_TICK];
};

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

size_t wire_gauges_bytes(void) {
  return up64(sizeof(struct wire_gauges)) + up64(sizeof(struct slot) * WIRE_GAUGE_SLOTS);
}

struct wire_gauges *wire_gauges_init(void *mem, struct base_hash_key key, uint64_t *counter) {
  struct wire_gauges *g = mem;
  MUST(((uintptr_t)mem & 63) == 0);
  g->key = g->pods.key = key;
  g->counter = counter;
  g->slot = (struct slot *)(void *)((char *)mem + up64(sizeof *g));
  g->free = g->waits_first = g->waits_last = NONE;
  memset(g->head, 0xff, sizeof g->head);
  wire_gauge_words_init(&g->words);
  return g;
}

void wire_gauge_series(struct wire_gauges *g, const struct rec_series *series) {
  if (series->level == REC_LEVEL_POD) wire_gauge_pods_learn(&g->pods, series);
  if (series->level == REC_LEVEL_EDGE) wire_gauge_edges_learn(&g->pods, series->dim);
}

void wire_gauge_known(struct wire_gauges *g, struct wire_who *who) {
  wire_gauge_pods_name(&g->pods, who);
}

/* ---- slots ---- */

struct key {
  char p[REC_GAUGE_KEY_BYTES];
  size_t n;
  uint64_t label_hash, hash;
};

static bool slot_is(const struct slot *s, const struct key *k) {
  return s->label_hash == k->label_hash && s->key_n == k->n && memcmp(s->key, k->p, k->n) == 0;
}

static uint32_t entity_of(const struct wire_gauges *g, const struct rec_gauge *in) {
  uint64_t h = 1;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) h = hash_mix(h, hash_bytes(g->key, in->dim[d].p, in->dim[d].n));
  return (uint32_t)(h % ENTITIES);
}

static uint32_t slot_new(struct wire_gauges *g) {
  uint32_t at = g->free;
  if (at != NONE)
    g->free = g->slot[at].next;
  else
    at = g->slot_n < WIRE_GAUGE_SLOTS ? g->slot_n++ : NONE;
  return at;
}

static struct slot *slot_add(struct wire_gauges *g, const struct key *k, const struct rec_gauge *in) {
  uint32_t entity = entity_of(g, in), at;
  if (g->entity_n[entity] >= LIMIT_GAUGES_ENTITY) {
    g->counter[REC_COUNTER_GAUGE_ENTITY_LIMIT]++;
    return NULL;
  }
  at = slot_new(g);
  if (at == NONE) {
    g->counter[REC_COUNTER_GAUGE_LIMIT]++;
    return NULL;
  }
  struct slot *s = &g->slot[at];
  *s = (struct slot){.label_hash = k->label_hash, .key_n = (uint16_t)k->n, .used = 1, .entity = entity};
  memcpy(s->key, k->p, k->n);
  s->next = g->head[k->hash % HEADS];
  g->head[k->hash % HEADS] = at;
  g->entity_n[entity]++;
  return s;
}

static struct slot *slot_find(struct wire_gauges *g, const struct rec_gauge *in, uint64_t label_hash) {
  struct key k;
  k.n = rec_gauge_key_write(in, k.p);
  if (k.n == 0) {
    g->counter[REC_COUNTER_GAUGE_NAME_LIMIT]++;
    return NULL;
  }
  k.label_hash = label_hash;
  k.hash = hash_mix(hash_bytes(g->key, k.p, k.n), label_hash);
  for (uint32_t at = g->head[k.hash % HEADS]; at != NONE; at = g->slot[at].next)
    if (slot_is(&g->slot[at], &k)) return &g->slot[at];
  return slot_add(g, &k, in);
}

static void slot_drop(struct wire_gauges *g, uint32_t at) {
  struct slot *s = &g->slot[at];
  uint32_t *to = &g->head[hash_mix(hash_bytes(g->key, s->key, s->key_n), s->label_hash) % HEADS];
  while (*to != at) to = &g->slot[*to].next;
  *to = s->next;
  g->entity_n[s->entity]--;
  *s = (struct slot){.next = g->free};
  g->free = at;
}

/* ---- a value ---- */

static bool is_worse(const struct slot *s, double value) {
  return s->bad == REC_BAD_BELOW ? value < s->value : value > s->value;
}

static void wait(struct wire_gauges *g, struct slot *s) {
  uint32_t at = (uint32_t)(s - g->slot);
  s->waits = 1;
  s->waits_next = NONE;
  if (g->waits_last == NONE)
    g->waits_first = at;
  else
    g->slot[g->waits_last].waits_next = at;
  g->waits_last = at;
}

/* True while it never was anything but 0. */
static bool rests(struct slot *s, double value, int64_t at_ns) {
  if (s->zero_n == NONE) return false;
  if (value >= -0.0 && value <= 0.0) {
    if (s->zero_n == 0) s->zero_ns = at_ns;
    if (s->zero_n < LIMIT_GAUGE_LEAD)
      s->zero_n++;
    else
      s->zero_ns += (at_ns - s->zero_ns) / LIMIT_GAUGE_LEAD; /* the lead's own usual distance */
    return true;
  }
  if (s->zero_n && at_ns > s->zero_ns) {
    s->lead_n = s->zero_n;
    s->lead_ns = at_ns - s->zero_ns;
  }
  s->zero_n = NONE;
  return false;
}

static void value_take(struct wire_gauges *g, struct slot *s, double value, int64_t at_ns) {
  s->seen_tick = g->tick;
  if (rests(s, value, at_ns)) return;
  bool first = !s->waits;
  if (first || is_worse(s, value)) s->value = value;
  if (first || at_ns > s->at_ns) s->at_ns = at_ns;
  if (first) wait(g, s);
}

static bool is_finite(double v) {
  return v - v >= -0.0 && v - v <= 0.0;
}

/* Growth and the time that it took. False: nothing to compare with. A count that fell began anew. */
static bool grown(struct slot *s, const struct wire_sample *in, int64_t at_ns, double *by, int64_t *span_ns) {
  bool delta = in->mode == WIRE_SAMPLE_DELTA, known = s->prev_ns != 0 && at_ns > s->prev_ns;
  bool anew = in->value < s->prev || (in->start_ns && s->start_ns && in->start_ns > s->start_ns);
  *by = delta || anew ? in->value : in->value - s->prev;
  *span_ns = at_ns - s->prev_ns;
  if (delta && in->start_ns > 0 && in->start_ns < at_ns) {
    *span_ns = at_ns - in->start_ns;
    known = true;
  }
  if (s->prev_ns != 0 && at_ns <= s->prev_ns) return false;
  s->prev = in->value;
  s->prev_ns = at_ns;
  s->start_ns = in->start_ns;
  return known && *span_ns <= SPAN_NS_MAX && *by >= 0.0;
}

static bool counter_take(struct wire_gauges *g, struct slot *s, const struct wire_sample *in, uint8_t how,
                         int64_t at_ns) {
  double by;
  int64_t span_ns;
  s->seen_tick = g->tick;
  if (!grown(s, in, at_ns, &by, &span_ns)) return true;
  if (how == WIRE_GAUGE_RATE) by /= (double)span_ns / 1e9;
  if (is_finite(by)) value_take(g, s, by, at_ns);
  return true;
}

/* ---- a sample ---- */

/* The sample's time; 0 where it cannot be used. */
static int64_t time_of(struct wire_gauges *g, const struct wire_sample *s, struct base_wall recv) {
  if (s->time_ns <= 0) return recv.ns;
  if (recv.ns == 0 || s->time_ns > recv.ns + AHEAD_NS) return recv.ns ? recv.ns : s->time_ns;
  if (s->time_ns >= recv.ns - LATE_NS) return s->time_ns;
  g->counter[REC_COUNTER_GAUGE_LATE]++;
  return 0;
}

/* Of an application that names itself. A proxy has hundreds of gauges that tell nobody anything: of those only the
 * table's are taken, whichever way they come. */
static bool is_application(const struct wire_sample *s) {
  bool named = false;
  for (uint32_t i = 0; i < s->label_n; i++) {
    if (str_eq(s->label[i].key, STR("node_id"))) return false;
    named |= str_eq(s->label[i].key, STR("service.name"));
  }
  return named && !str_starts(s->name, STR("envoy_"));
}

static bool can_be(const struct wire_gauges *g, const struct wire_sample *s) {
  if (s->stale || s->kind == WIRE_SAMPLE_HISTOGRAM || s->kind == WIRE_SAMPLE_SUMMARY) return false;
  bool missed = s->name.n == g->miss_n && s->name.n && memcmp(s->name.p, g->miss, g->miss_n) == 0;
  return (!missed || s->kind == WIRE_SAMPLE_GAUGE) && is_finite(s->value);
}

static void miss_keep(struct wire_gauges *g, struct base_str name) {
  if (name.n > MISS_BYTES || name.n == 0) return;
  memcpy(g->miss, name.p, name.n);
  g->miss_n = name.n;
}

/* What the name says. False: it is nobody's whom we watch. */
static bool name_take(struct wire_gauges *g, const struct wire_sample *s, struct wire_gauge_name *name) {
  if (!can_be(g, s)) return false;
  *name = wire_gauge_name_read(&g->words, s->name);
  if (name->kind) return true;
  miss_keep(g, s->name);
  return s->kind == WIRE_SAMPLE_GAUGE && is_application(s);
}

static uint8_t unit_of(struct base_str unit) {
  if (str_eq(unit, STR("By")) || str_eq(unit, STR("bytes"))) return REC_UNIT_BYTES;
  if (str_eq(unit, STR("s")) || str_eq(unit, STR("seconds"))) return REC_UNIT_SECONDS;
  return REC_UNIT_NONE;
}

static uint64_t labels_hash(const struct wire_gauges *g, const struct wire_sample *s) {
  uint64_t sum = 1; /* labels are a set: their order says nothing */
  for (uint32_t i = 0; i < s->label_n; i++) {
    const struct wire_label *l = &s->label[i];
    sum += hash_mix(hash_bytes(g->key, l->key.p, l->key.n), hash_bytes(g->key, l->value.p, l->value.n));
  }
  return sum;
}

bool wire_gauge_take(struct wire_gauges *g, const struct wire_sample *s, struct base_wall recv) {
  char part[WIRE_GAUGE_PART_BYTES];
  struct wire_gauge_name name;
  if (!name_take(g, s, &name)) return false;
  struct rec_gauge in = {.metric = name.shown};
  int64_t at_ns = time_of(g, s, recv);
  if (at_ns <= 0) return false;
  if (!wire_gauge_who(&g->words, &g->pods, s, &name, part, &in)) {
    g->counter[REC_COUNTER_GAUGE_NOBODY]++;
    return false;
  }
  uint8_t how = name.kind ? name.kind->how : WIRE_GAUGE_VALUE;
  struct slot *slot = slot_find(g, &in, how == WIRE_GAUGE_VALUE ? 0 : labels_hash(g, s));
  if (!slot) return false;
  slot->role = name.kind ? name.kind->role : REC_ROLE_OTHER;
  slot->unit = name.kind ? name.kind->unit : unit_of(s->unit);
  slot->bad = name.kind ? name.kind->bad : REC_BAD_EITHER;
  if (how != WIRE_GAUGE_VALUE) return counter_take(g, slot, s, how, at_ns);
  value_take(g, slot, s->value, at_ns);
  return true;
}

bool wire_gauge_put(struct wire_gauges *g, const struct rec_gauge *in) {
  struct slot *s = slot_find(g, in, 0);
  if (!s) return false;
  s->role = in->role;
  s->unit = in->unit;
  s->bad = in->bad;
  s->novel = in->novel;
  s->line_n = (uint8_t)(in->line.n <= LIMIT_LOG_LINE_BYTES ? in->line.n : 0);
  if (s->line_n) memcpy(s->line, in->line.p, s->line_n);
  if (in->novel) s->zero_n = NONE;
  value_take(g, s, in->value, in->at.ns);
  return true;
}

/* ---- the tick ---- */

static void give(const struct slot *s, struct rec_gauge *out) {
  struct rec_gauge_names names;
  MUST(rec_gauge_key_read(s->key, s->key_n, &names));
  *out = (struct rec_gauge){.at = {s->at_ns},
                            .value = s->value,
                            .lead_n = s->lead_n,
                            .lead_ns = s->lead_ns,
                            .metric = names.metric,
                            .part = names.part,
                            .line = {s->line, s->line_n},
                            .role = s->role,
                            .unit = s->unit,
                            .bad = s->bad,
                            .novel = s->novel != 0};
  memcpy(out->dim, names.dim, sizeof out->dim);
}

static void sink(struct rec_gauge *g, size_t at, size_t n) {
  for (size_t child = 2 * at + 1; child < n; at = child, child = 2 * at + 1) {
    if (child + 1 < n && rec_gauge_cmp(&g[child], &g[child + 1]) < 0) child++;
    if (rec_gauge_cmp(&g[at], &g[child]) >= 0) return;
    struct rec_gauge t = g[at];
    g[at] = g[child];
    g[child] = t;
  }
}

static void sort(struct rec_gauge *g, size_t n) {
  for (size_t at = n / 2; at-- > 0;) sink(g, at, n);
  for (size_t end = n; end-- > 1;) {
    struct rec_gauge t = g[0];
    g[0] = g[end];
    g[end] = t;
    sink(g, 0, end);
  }
}

static bool same_key(const struct rec_gauge *a, const struct rec_gauge *b) {
  struct rec_gauge at = *a;
  at.at = b->at;
  return rec_gauge_cmp(&at, b) == 0;
}

/* Counters with several sets of labels are one gauge: the worse speaks. Sorted, so they lie side by side. */
static size_t merge(struct rec_gauge *g, size_t n) {
  size_t keep = 0;
  for (size_t i = 0; i < n; i++) {
    if (keep == 0 || !same_key(&g[keep - 1], &g[i])) {
      g[keep++] = g[i];
      continue;
    }
    struct rec_gauge *a = &g[keep - 1];
    a->at = g[i].at; /* the later one's */
    if (g[i].bad == REC_BAD_BELOW ? g[i].value < a->value : g[i].value > a->value) a->value = g[i].value;
    if (g[i].lead_n > a->lead_n || (g[i].lead_n == a->lead_n && g[i].lead_ns > a->lead_ns)) {
      a->lead_n = g[i].lead_n;
      a->lead_ns = g[i].lead_ns;
    }
  }
  return keep;
}

static void sweep(struct wire_gauges *g) {
  for (uint32_t i = 0; i < WIRE_GAUGE_SLOTS / SWEEP_TICKS; i++, g->swept = (g->swept + 1) % WIRE_GAUGE_SLOTS) {
    const struct slot *s = &g->slot[g->swept];
    if (g->swept < g->slot_n && s->used && !s->waits && g->tick - s->seen_tick > WIRE_GAUGE_IDLE_TICKS)
      slot_drop(g, g->swept);
  }
}

const struct rec_gauge *wire_gauge_close(struct wire_gauges *g, uint64_t tick, size_t *n) {
  size_t taken = 0;
  g->tick = tick;
  sweep(g);
  while (g->waits_first != NONE && taken < LIMIT_GAUGES_TICK) {
    struct slot *s = &g->slot[g->waits_first];
    give(s, &g->out[taken++]);
    s->waits = 0;
    s->lead_n = 0;
    s->lead_ns = 0;
    g->waits_first = s->waits_next;
    if (g->waits_first == NONE) g->waits_last = NONE;
  }
  if (g->waits_first != NONE) g->counter[REC_COUNTER_GAUGE_TICK_LIMIT]++;
  sort(g->out, taken);
  *n = merge(g->out, taken);
  return g->out;
}
