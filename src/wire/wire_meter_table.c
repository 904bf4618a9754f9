/* The meter's tables: hash of the key, then the key whole (I7), which is kept as text in chunks. */
#include "base_must.h"
#include "wire_meter_state.h"

static size_t up64(size_t n) {
  return (n + 63) & ~(size_t)63;
}

struct parts {
  size_t series, series_head, target, target_head, flow, flow_head, bound, chunk, later, end;
};

static struct parts parts_of(void) {
  struct parts p;
  p.series = up64(sizeof(struct wire_meter));
  p.series_head = p.series + up64(sizeof(struct meter_series) * (LIMIT_METER_SERIES + 1));
  p.target = p.series_head + up64(sizeof(uint32_t) * LIMIT_METER_SERIES);
  p.target_head = p.target + up64(sizeof(struct meter_target) * (LIMIT_METER_TARGETS + 1));
  p.flow = p.target_head + up64(sizeof(uint32_t) * LIMIT_METER_TARGETS);
  p.flow_head = p.flow + up64(sizeof(struct meter_flow) * (LIMIT_METER_FLOWS + 1));
  p.bound = p.flow_head + up64(sizeof(uint32_t) * LIMIT_METER_FLOWS);
  p.chunk = p.bound + up64(sizeof(struct meter_bound) * (LIMIT_METER_BOUNDS + 1));
  p.later = p.chunk + up64(sizeof(struct meter_chunk) * (LIMIT_METER_CHUNKS + 1));
  p.end = p.later + up64(sizeof(struct meter_later) * (LIMIT_METER_BLOCKS + 1));
  return p;
}

size_t wire_meter_bytes(void) {
  return parts_of().end;
}

struct wire_meter *wire_meter_init(void *mem, struct wire_fold *f) {
  struct parts p = parts_of();
  struct wire_meter *m = mem;
  char *at = mem;
  MUST(((uintptr_t)mem & 63) == 0);
  m->fold = f;
  wire_families_init(&m->families);
  m->series = (struct meter_series *)(void *)(at + p.series);
  m->series_head = (uint32_t *)(void *)(at + p.series_head);
  m->target = (struct meter_target *)(void *)(at + p.target);
  m->target_head = (uint32_t *)(void *)(at + p.target_head);
  m->flow = (struct meter_flow *)(void *)(at + p.flow);
  m->flow_head = (uint32_t *)(void *)(at + p.flow_head);
  m->bound = (struct meter_bound *)(void *)(at + p.bound);
  m->chunk = (struct meter_chunk *)(void *)(at + p.chunk);
  m->later = (struct meter_later *)(void *)(at + p.later);
  m->series_n = m->target_n = m->flow_n = m->bound_n = m->chunk_n = m->later_n = 1;
  return m;
}

/* --- keys ------------------------------------------------------------------------------------------------------ */

static bool key_put(struct wire_meter *m, struct base_str s) {
  uint16_t n = (uint16_t)s.n;
  if (s.n > UINT16_MAX || sizeof m->key - m->key_n < sizeof n + s.n) return false;
  memcpy(m->key + m->key_n, &n, sizeof n);
  if (s.n) memcpy(m->key + m->key_n + sizeof n, s.p, s.n);
  m->key_n += (uint32_t)(sizeof n + s.n);
  return true;
}

/* Keys are compared as Prometheus writes them: a dot is an underscore. Some proxies are told twice, once in each form.
 */
static char key_char(char c) {
  return c == '.' ? '_' : c;
}

static int key_cmp(struct base_str a, struct base_str b) {
  size_t n = a.n < b.n ? a.n : b.n;
  for (size_t i = 0; i < n; i++) {
    unsigned char x = (unsigned char)key_char(a.p[i]), y = (unsigned char)key_char(b.p[i]);
    if (x != y) return x < y ? -1 : 1;
  }
  return (a.n > b.n) - (a.n < b.n);
}

static bool key_put_name(struct wire_meter *m, struct base_str s) {
  uint32_t from = m->key_n + (uint32_t)sizeof(uint16_t);
  if (!key_put(m, s)) return false;
  for (uint32_t i = from; i < m->key_n; i++) m->key[i] = key_char(m->key[i]);
  return true;
}

/* Bounds are of one series; who took the sample, and with which library, makes no other one of it. */
static bool is_left_out(struct base_str key) {
  static const struct base_str name[] = {{"le", 2}, {"quantile", 8}, {"prometheus_replica", 18}, {"__replica__", 11}};
  for (size_t i = 0; i < sizeof name / sizeof *name; i++)
    if (key_cmp(key, name[i]) == 0) return true;
  return key_cmp(str_cut(key, 0, 11), STR("otel_scope_")) == 0 ||
         key_cmp(str_cut(key, 0, 14), STR("telemetry_sdk_")) == 0;
}

/* Places of the labels in the order of their keys; of two with one key the first, which wins. */
static uint32_t labels_sort(const struct wire_sample *s, uint8_t order[WIRE_SAMPLE_LABELS]) {
  uint32_t n = 0;
  MUST(s->label_n <= WIRE_SAMPLE_LABELS);
  for (uint32_t i = 0; i < s->label_n; i++) {
    uint32_t at = n;
    int c = -1;
    if (is_left_out(s->label[i].key)) continue;
    while (at > 0 && (c = key_cmp(s->label[order[at - 1]].key, s->label[i].key)) > 0) at--;
    if (at > 0 && c == 0) continue;
    memmove(order + at + 1, order + at, n - at);
    order[at] = (uint8_t)i;
    n++;
  }
  return n;
}

bool meter_key_series(struct wire_meter *m, uint8_t row, const struct wire_sample *s) {
  uint8_t order[WIRE_SAMPLE_LABELS + 1];
  uint32_t n = labels_sort(s, order);
  m->key[0] = (char)row;
  m->key_n = 1;
  for (uint32_t i = 0; i < n; i++)
    if (!key_put_name(m, s->label[order[i]].key) || !key_put(m, s->label[order[i]].value)) return false;
  return true;
}

bool meter_key_target(struct wire_meter *m) {
  static const uint8_t field[] = {WIRE_FIELD_POD,      WIRE_FIELD_NAMESPACE, WIRE_FIELD_JOB,
                                  WIRE_FIELD_INSTANCE, WIRE_FIELD_NODE_ID,   WIRE_FIELD_CLUSTER};
  const struct wire_fields *l = &m->fields;
  m->key_n = 0;
  for (size_t i = 0; i < sizeof field; i++)
    if (!key_put(m, l->of[field[i]])) return false;
  /* Its own labels are asked only where the scrape's say too little, as its `up` has those alone. */
  if (!l->of[WIRE_FIELD_INSTANCE].n && !key_put(m, l->of[WIRE_FIELD_KUMA_WORKLOAD])) return false;
  bool bare = !l->of[WIRE_FIELD_POD].n && !l->of[WIRE_FIELD_INSTANCE].n && !l->of[WIRE_FIELD_NODE_ID].n;
  return !bare || key_put(m, l->of[WIRE_FIELD_SERVICE]);
}

static uint32_t chunk_take(struct wire_meter *m) {
  uint32_t at = m->chunk_free;
  if (at) {
    m->chunk_free = m->chunk[at].next;
    return at;
  }
  return m->chunk_n <= LIMIT_METER_CHUNKS ? m->chunk_n++ : 0;
}

static void chunks_drop(struct wire_meter *m, uint32_t first) {
  while (first) {
    uint32_t next = m->chunk[first].next;
    m->chunk[first].next = m->chunk_free;
    m->chunk_free = first;
    first = next;
  }
}

/* Keeps m->key; 0 where no room is left. An empty key takes one chunk, too. */
static uint32_t chunks_put(struct wire_meter *m) {
  uint32_t first = 0, last = 0, done = 0;
  do {
    uint32_t at = chunk_take(m), n = m->key_n - done < METER_CHUNK ? m->key_n - done : METER_CHUNK;
    if (!at) {
      chunks_drop(m, first);
      return 0;
    }
    m->chunk[at].next = 0;
    memcpy(m->chunk[at].p, m->key + done, n);
    if (last)
      m->chunk[last].next = at;
    else
      first = at;
    last = at;
    done += n;
  } while (done < m->key_n);
  return first;
}

static bool chunks_eq(const struct wire_meter *m, uint32_t at, uint32_t key_n) {
  if (key_n != m->key_n) return false;
  for (uint32_t done = 0; done < key_n; done += METER_CHUNK, at = m->chunk[at].next) {
    uint32_t n = key_n - done < METER_CHUNK ? key_n - done : METER_CHUNK;
    if (memcmp(m->chunk[at].p, m->key + done, n) != 0) return false;
  }
  return true;
}

/* --- series, targets, flows ------------------------------------------------------------------------------------ */

uint32_t meter_series_find(struct wire_meter *m, bool *is_new) {
  uint64_t hash = hash_bytes(m->fold->key, m->key, m->key_n);
  uint32_t *head = &m->series_head[hash % LIMIT_METER_SERIES];
  *is_new = false;
  for (uint32_t i = *head; i; i = m->series[i].next)
    if (m->series[i].hash == hash && chunks_eq(m, m->series[i].chunk, m->series[i].key_n)) return i;
  uint32_t at = m->series_free ? m->series_free : m->series_n <= LIMIT_METER_SERIES ? m->series_n : 0;
  uint32_t chunk = at ? chunks_put(m) : 0;
  if (!chunk) return 0;
  if (m->series_free)
    m->series_free = m->series[at].next;
  else
    m->series_n++;
  m->series[at] = (struct meter_series){.hash = hash, .chunk = chunk, .key_n = m->key_n, .next = *head, .used = 1};
  *head = at;
  *is_new = true;
  return at;
}

uint32_t meter_target_find(struct wire_meter *m, bool add) {
  uint64_t hash = hash_bytes(m->fold->key, m->key, m->key_n);
  uint32_t *head = &m->target_head[hash % LIMIT_METER_TARGETS];
  for (uint32_t i = *head; i; i = m->target[i].next)
    if (m->target[i].hash == hash && chunks_eq(m, m->target[i].chunk, m->target[i].key_n)) return i;
  uint32_t at = m->target_free ? m->target_free : m->target_n <= LIMIT_METER_TARGETS ? m->target_n : 0;
  uint32_t chunk = at && add ? chunks_put(m) : 0;
  if (!chunk) return 0;
  if (m->target_free)
    m->target_free = m->target[at].next;
  else
    m->target_n++;
  m->target[at] = (struct meter_target){
      .hash = hash, .chunk = chunk, .key_n = m->key_n, .next = *head, .used = 1, .up = 1, .first_tick = INT64_MAX};
  *head = at;
  return at;
}

uint32_t meter_flow_find(struct wire_meter *m, uint32_t target, uint32_t base, uint32_t route) {
  uint64_t hash = hash_mix(hash_mix(hash_mix(m->fold->key.k1, target), base), route);
  uint32_t *head = &m->flow_head[hash % LIMIT_METER_FLOWS];
  for (uint32_t i = *head; i; i = m->flow[i].next)
    if (m->flow[i].target == target && m->flow[i].base == base && m->flow[i].route == route) return i;
  uint32_t at = m->flow_free;
  if (at)
    m->flow_free = m->flow[at].next;
  else if (m->flow_n <= LIMIT_METER_FLOWS)
    at = m->flow_n++;
  else
    return 0;
  m->flow[at] = (struct meter_flow){.hash = hash, .target = target, .base = base, .route = route, .next = *head};
  m->flow[at].used = 1;
  m->flow[at].count_rank = m->flow[at].hist_rank = UINT8_MAX;
  m->flow[at].sibling = m->target[target].flow;
  m->target[target].flow = at;
  *head = at;
  return at;
}

uint32_t meter_bound_take(struct wire_meter *m) {
  uint32_t at = m->bound_free;
  if (at)
    m->bound_free = m->bound[at].next;
  else if (m->bound_n <= LIMIT_METER_BOUNDS)
    at = m->bound_n++;
  if (at) m->bound[at] = (struct meter_bound){0};
  return at;
}

void meter_bound_drop(struct wire_meter *m, uint32_t at) {
  m->bound[at].next = m->bound_free;
  m->bound_free = at;
}

uint32_t meter_later_take(struct wire_meter *m) {
  uint32_t at = m->later_free;
  if (at)
    m->later_free = m->later[at].next;
  else if (m->later_n <= LIMIT_METER_BLOCKS)
    at = m->later_n++;
  if (at) m->later[at] = (struct meter_later){.next = 0};
  return at;
}

void meter_later_drop(struct wire_meter *m, uint32_t at) {
  m->later[at].next = m->later_free;
  m->later_free = at;
}

static void series_drop(struct wire_meter *m, uint32_t at) {
  struct meter_series *s = &m->series[at];
  uint32_t *link = &m->series_head[s->hash % LIMIT_METER_SERIES];
  while (*link != at) link = &m->series[*link].next;
  *link = s->next;
  chunks_drop(m, s->chunk);
  for (uint32_t b = s->bound, next; b; b = next) {
    next = m->bound[b].next;
    meter_bound_drop(m, b);
  }
  *s = (struct meter_series){.next = m->series_free};
  m->series_free = at;
}

static void flow_drop(struct wire_meter *m, uint32_t at) {
  struct meter_flow *w = &m->flow[at];
  uint32_t *link = &m->flow_head[w->hash % LIMIT_METER_FLOWS];
  while (*link != at) link = &m->flow[*link].next;
  *link = w->next;
  for (uint32_t i = w->later, next; i; i = next) {
    next = m->later[i].next;
    meter_later_drop(m, i);
  }
  *w = (struct meter_flow){.next = m->flow_free};
  m->flow_free = at;
}

void meter_target_drop(struct wire_meter *m, uint32_t target) {
  struct meter_target *t = &m->target[target];
  for (uint32_t i = t->series, next; i; i = next) {
    next = m->series[i].sibling;
    series_drop(m, i);
  }
  for (uint32_t i = t->flow, next; i; i = next) {
    next = m->flow[i].sibling;
    flow_drop(m, i);
  }
  uint32_t *link = &m->target_head[t->hash % LIMIT_METER_TARGETS];
  while (*link != target) link = &m->target[*link].next;
  *link = t->next;
  chunks_drop(m, t->chunk);
  *t = (struct meter_target){.next = m->target_free};
  m->target_free = target;
}
