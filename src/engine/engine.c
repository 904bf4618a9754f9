#include "base_math.h"
#include "base_must.h"
#include "detect_mask.h"
#include "detect_rate.h"
#include "detect_ratio.h"
#include "engine_impl.h"
#include "series_recent.h"

#define TICKS_PER_WEEK (604800.0 * (double)LIMIT_TICKS_PER_S)
#define PAIRS_MIN 100.0 /* a mesh of one service still pays for a few */
#define ALIGN 64u
#define UNHEARD_NATS 20.0
#define HUSH_NS TIME_NS_PER_S               /* a mesh's flushes are so far apart at least; more is learned, */
#define HUSH_RISE 8                         /* from about so many, */
#define HUSH_MEMORY_NS (60 * TIME_NS_PER_S) /* and forgotten in so long */
#define UNHEARD_NS_MAX (35 * TIME_NS_PER_S) /* a longer silence of everybody is nobody calling */

struct layout {
  size_t catalog, state, gathered, rec, by_order, season, gauge, end;
  size_t signal;
};

static size_t up(size_t n) {
  return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static struct layout layout_of(uint32_t series_max) {
  struct layout l;
  const size_t signals = (size_t)LIMIT_BUCKETS * LIMIT_SIGNALS_PER_BUCKET;
  l.catalog = up(sizeof(struct engine));
  l.state = l.catalog + up(series_catalog_bytes(series_max));
  l.signal = l.state + up((size_t)series_max * sizeof(struct series_state));
  l.gathered = l.signal + up(signals * sizeof(struct detect_signal));
  l.rec = l.gathered + up((signals + ENGINE_APART_MAX) * sizeof(struct detect_signal));
  l.by_order = l.rec + up((size_t)LIMIT_INCIDENTS_OPEN * sizeof(struct rec_incident));
  l.season = l.by_order + up((size_t)series_max * sizeof(uint32_t));
  l.gauge = l.season + up((size_t)series_catalog_nodes(series_max) * sizeof(struct engine_season));
  l.end = l.gauge + up(gauge_table_bytes(engine_gauges(series_max)));
  return l;
}

size_t engine_bytes(const struct engine_conf *conf) {
  return layout_of(conf->series_max).end;
}

struct engine *engine_init(void *mem, size_t mem_bytes, const struct engine_conf *conf) {
  MUST(conf->series_max >= 64 && conf->series_max <= LIMIT_SERIES_MAX && conf->alerts_per_week > 0.0);
  MUST(mem_bytes >= engine_bytes(conf) && ((uintptr_t)mem & (ALIGN - 1)) == 0);
  struct layout l = layout_of(conf->series_max);
  char *p = mem;
  struct engine *e = mem;
  e->conf = *conf;
  series_catalog_init(&e->catalog, p + l.catalog, l.state - l.catalog, conf->series_max);
  e->state = (struct series_state *)(void *)(p + l.state);
  e->gathered = (struct detect_signal *)(void *)(p + l.gathered);
  e->rec = (struct rec_incident *)(void *)(p + l.rec);
  e->by_order = (uint32_t *)(void *)(p + l.by_order);
  struct detect_signal *signal = (struct detect_signal *)(void *)(p + l.signal);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
    e->bucket[b] = (struct engine_bucket){.first = SERIES_NONE, .last = SERIES_NONE};
    e->bucket[b].out.signal = signal + (size_t)b * LIMIT_SIGNALS_PER_BUCKET;
    e->bucket[b].out.cap = LIMIT_SIGNALS_PER_BUCKET;
  }
  e->season = (struct engine_season *)(void *)(p + l.season);
  gauge_table_init(&e->gauge, p + l.gauge, engine_gauges(conf->series_max));
  const char *why;
  MUST(rec_scopes_read(conf->mute, e->mute, &e->mute_n, &why));
  e->mesh_idx = REC_SERIES_NONE;
  e->apart.signal = e->apart_signal;
  e->apart.cap = ENGINE_APART_MAX;
  engine_threshold_set(e);
  return e;
}

void engine_threshold_set(struct engine *e) {
  unsigned used = 0;
  for (unsigned s = 0; s < ENGINE_SHARES; s++) used += e->pairs[s] > 0;
  for (unsigned s = 0; s < ENGINE_SHARES; s++) {
    double pairs = (double)e->pairs[s] > PAIRS_MIN ? (double)e->pairs[s] : PAIRS_MIN;
    e->log_c[s] = math_log(TICKS_PER_WEEK * pairs * (double)(used ? used : 1) / e->conf.alerts_per_week);
  }
}

void engine_pairs_add(struct engine *e, const struct rec_series *s, int sign) {
  uint64_t n = detect_mask_count(s->level, s->side);
  uint64_t *pairs = &e->pairs[rec_level_share(s->level)];
  uint32_t mask = detect_mask(s->level, s->side);
  *pairs = sign > 0 ? *pairs + n : *pairs - n;
  for (; mask; mask &= mask - 1) {
    uint64_t *watched = &e->watched[__builtin_ctz(mask)];
    *watched = sign > 0 ? *watched + 1 : *watched - 1;
  }
  e->live_n = sign > 0 ? e->live_n + 1 : e->live_n - 1;
}

void engine_list_append(struct engine *e, unsigned bucket, uint32_t series_idx) {
  struct engine_bucket *b = &e->bucket[bucket];
  e->state[series_idx].next = SERIES_NONE;
  if (b->last == SERIES_NONE)
    b->first = series_idx;
  else
    e->state[b->last].next = series_idx;
  b->last = series_idx;
}

static void list_remove(struct engine *e, struct engine_bucket *b, uint32_t series_idx) {
  uint32_t prev = SERIES_NONE;
  for (uint32_t i = b->first; i != SERIES_NONE; prev = i, i = e->state[i].next) {
    if (i != series_idx) continue;
    if (prev == SERIES_NONE)
      b->first = e->state[i].next;
    else
      e->state[prev].next = e->state[i].next;
    if (b->last == i) b->last = prev;
    e->state[i].used = 0;
    return;
  }
}

void engine_take(struct engine *e, unsigned bucket, const struct rec_batch *in) {
  MUST(bucket < LIMIT_BUCKETS && !e->bucket[bucket].in);
  e->bucket[bucket].in = in;
}

static void bucket_open(struct engine *e, unsigned bucket, uint32_t seq) {
  struct engine_bucket *b = &e->bucket[bucket];
  for (size_t i = 0; i < b->in->drop_n; i++)
    if (b->in->drop[i].series_idx < e->conf.series_max) list_remove(e, b, b->in->drop[i].series_idx);
  for (size_t i = 0; i < b->in->series_n; i++) {
    const struct rec_series *s = &b->in->series[i];
    if (s->series_idx >= e->conf.series_max || e->state[s->series_idx].used) continue;
    detect_series_init(&e->state[s->series_idx], s, seq);
    engine_list_append(e, bucket, s->series_idx);
  }
}

/* A tick that is given out long after its time was held up by silence: nobody was heard, and then somebody spoke. In a
 * recording that is all that can be known. Some seconds of it are lost streams; what is longer is taken at its word,
 * and nobody called. Decided where it begins. Reads only what the head wrote. */
static enum engine_silence tick_silence(const struct engine *e, struct rec_tick t) {
  int64_t lag = t.now.ns - t.end.ns, hush = e->hush_ns + e->hush_ns / 4;
  if (hush < HUSH_NS) hush = HUSH_NS;
  if (lag <= LIMIT_LAG_NS_MAX + hush) return ENGINE_HEARD;
  if (e->silence != ENGINE_HEARD) return e->silence;
  int64_t silent = lag - LIMIT_LAG_NS_MAX - hush + HUSH_NS;
  double nats = (double)silent * 1e-9 * e->mesh_nats_per_s; /* against that silence being chance */
  return lag <= UNHEARD_NS_MAX && nats >= UNHEARD_NATS ? ENGINE_UNHEARD : ENGINE_QUIET;
}

/* Where all proxies speak at once every few seconds, that is what is usual, however many messages come then. A cut
 * stream does not say what is. */
static void hush_learn(struct engine *e, struct rec_tick t) {
  int64_t gap = t.now.ns - e->tick.now.ns;
  if (e->tick.end.ns == 0) e->hush_ns = LIMIT_LAG_NS_MAX;
  if (e->tick.end.ns == 0 || gap <= 0) return;
  if (gap > HUSH_MEMORY_NS / 8) gap = HUSH_MEMORY_NS / 8;
  if (gap > e->hush_ns)
    e->hush_ns += (gap - e->hush_ns) / HUSH_RISE;
  else
    e->hush_ns -= (int64_t)((double)(e->hush_ns - gap) * ((double)gap / (double)HUSH_MEMORY_NS));
}

/* How much a second without any request says: the mesh's rate over its overdispersion. */
static void mesh_rate_set(struct engine *e) {
  const struct series_state *s = e->mesh_idx == REC_SERIES_NONE ? NULL : &e->state[e->mesh_idx];
  e->mesh_nats_per_s = 0.0;
  if (!s || !s->used) return;
  double phi = (double)(s->rate.phi_ten > s->rate.phi ? s->rate.phi_ten : s->rate.phi);
  e->mesh_nats_per_s = detect_rate_per_s(&s->rate) / phi;
}

/* The first tick after a restart or a jump of the clock: time is missing between the last one and it. The seconds
 * that follow say nothing about traffic. Reads only what the head wrote, so every bucket finds the same. */
static uint32_t grace_until(const struct engine *e, struct rec_tick t) {
  if (t.cut || tick_silence(e, t) == ENGINE_UNHEARD) return (uint32_t)t.seq + ENGINE_GRACE;
  bool first = e->tick.end.ns == 0, whole = t.end.ns - e->tick.end.ns == LIMIT_TICK_NS;
  return first || whole ? e->grace_seq : (uint32_t)t.seq + ENGINE_GRACE;
}

void engine_bucket_tick(struct engine *e, unsigned bucket, struct rec_tick t) {
  MUST(bucket < LIMIT_BUCKETS && t.seq < 0xffffffffu);
  struct engine_bucket *b = &e->bucket[bucket];
  uint32_t seq = (uint32_t)t.seq;
  struct detect_context ctx = {.seq = seq, .rates = seq >= grace_until(e, t)};
  memcpy(ctx.log_c, e->log_c, sizeof ctx.log_c);
  memcpy(ctx.prior, e->prior, sizeof ctx.prior);
  memcpy(ctx.raised, e->raised, sizeof ctx.raised);
  b->out.n = 0;
  if (b->in) {
    bucket_open(e, bucket, seq);
    for (size_t i = 0; i < b->in->obs_n; i++) {
      const struct rec_obs *o = &b->in->obs[i];
      if (o->series_idx >= e->conf.series_max || !e->state[o->series_idx].used) continue;
      struct series_state *s = &e->state[o->series_idx];
      detect_series_step(s, o, b->in->cell, &ctx, &b->out);
    }
  }
  if ((seq + 1) % LIMIT_TICKS_PER_S != 0) return;
  for (uint32_t i = b->first; i != SERIES_NONE; i = e->state[i].next) {
    struct series_state *s = &e->state[i];
    if (s->step_seq != seq) detect_series_step(s, NULL, NULL, &ctx, &b->out);
  }
}

static bool signal_before(const struct detect_signal *a, const struct detect_signal *b) {
  return a->series_idx != b->series_idx ? a->series_idx < b->series_idx : a->signal < b->signal;
}

static void sift(struct detect_signal *s, size_t at, size_t n) {
  for (size_t child = 2 * at + 1; child < n; at = child, child = 2 * at + 1) {
    if (child + 1 < n && signal_before(&s[child], &s[child + 1])) child++;
    if (!signal_before(&s[at], &s[child])) return;
    struct detect_signal t = s[at];
    s[at] = s[child];
    s[child] = t;
  }
}

static void signals_sort(struct detect_signal *s, size_t n) {
  for (size_t i = n / 2; i-- > 0;) sift(s, i, n);
  for (size_t end = n; end-- > 1;) {
    struct detect_signal t = s[0];
    s[0] = s[end];
    s[end] = t;
    sift(s, 0, end);
  }
}

/* New series of all buckets in ascending number, which is the order in which the door gave them out. */
static void catalog_step(struct engine *e, uint32_t seq) {
  size_t at[LIMIT_BUCKETS] = {0};
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
    const struct rec_batch *in = e->bucket[b].in;
    for (size_t i = 0; in && i < in->drop_n; i++) {
      const struct series_entry *entry = series_catalog_find(&e->catalog, in->drop[i].series_idx);
      if (!entry) continue;
      incident_life_drop(&e->head, in->drop[i].series_idx, seq);
      engine_pairs_add(e, &entry->who, -1);
      series_catalog_drop(&e->catalog, in->drop[i].series_idx);
      if (in->drop[i].series_idx == e->mesh_idx) e->mesh_idx = REC_SERIES_NONE;
    }
  }
  for (;;) {
    const struct rec_series *next = NULL;
    unsigned from = 0;
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      const struct rec_batch *in = e->bucket[b].in;
      if (!in || at[b] >= in->series_n) continue;
      if (next && next->series_idx <= in->series[at[b]].series_idx) continue;
      next = &in->series[at[b]];
      from = b;
    }
    if (!next) return;
    at[from]++;
    if (series_catalog_find(&e->catalog, next->series_idx)) continue;
    if (!series_catalog_add(&e->catalog, next)) {
      e->counter[REC_COUNTER_REJECT_SERIES_LIMIT]++;
      continue;
    }
    engine_pairs_add(e, next, 1);
    if (next->level == REC_LEVEL_MESH && next->side == REC_SIDE_SERVER) e->mesh_idx = next->series_idx;
    engine_birth_run(e, next->series_idx, seq);
  }
}

/* What a scrape tells happened before it came, up to a pace ago: the earliest is said. */
static void signals_shift(const struct engine *e, struct detect_out *o) {
  for (uint32_t i = 0; i < o->n; i++) {
    struct detect_signal *s = &o->signal[i];
    uint32_t pace = e->state[s->series_idx].pace;
    s->from_seq = s->from_seq > pace ? s->from_seq - pace : 1;
  }
}

static size_t out_move(struct engine *e, size_t n, struct detect_out *o) {
  signals_shift(e, o);
  if (o->n) memcpy(e->gathered + n, o->signal, o->n * sizeof *o->signal);
  n += o->n;
  o->n = 0;
  e->counter[REC_COUNTER_RATIO_LIMIT] += o->refused;
  o->refused = 0;
  return n;
}

static size_t signals_gather(struct engine *e, uint32_t seq) {
  size_t n = 0;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) n = out_move(e, n, &e->bucket[b].out);
  if ((seq + 1) % LIMIT_TICKS_PER_S == 0) engine_apart_run(e, seq, &e->apart);
  n = out_move(e, n, &e->apart);
  signals_sort(e->gathered, n);
  return n;
}

/* Once a minute: what the services have in common, for the ratios of all series. */
static void priors_step(struct engine *e, uint32_t seq) {
  struct detect_moments m[REC_SIGNAL_RATIO_COUNT] = {{0}};
  if ((seq + 1) % (60u * LIMIT_TICKS_PER_S) != 0) return;
  for (uint32_t i = 0; i < e->catalog.node_n; i++) {
    uint32_t idx = e->catalog.node[i].series[REC_SIDE_SERVER];
    if (idx == REC_SERIES_NONE) idx = e->catalog.node[i].series[REC_SIDE_CLIENT];
    if (idx == REC_SERIES_NONE || !e->state[idx].used) continue;
    for (unsigned k = 0; k < REC_SIGNAL_RATIO_COUNT; k++) {
      const struct series_ratio *r = series_ratio_find(&e->state[idx], REC_SIGNAL_RATIO_FIRST + k);
      detect_moments_add(&m[k], r ? (double)r->a : 0.0, (double)e->state[idx].requests);
    }
  }
  for (unsigned k = 0; k < REC_SIGNAL_RATIO_COUNT; k++) e->prior[k] = detect_moments_prior(&m[k]);
}

void engine_head_tick(struct engine *e, const struct rec_head_batch *in, struct rec_tick t, struct rec_out *out) {
  static const struct rec_head_batch nothing = {0};
  uint32_t seq = (uint32_t)t.seq;
  catalog_step(e, seq);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) e->bucket[b].in = NULL;
  size_t n = signals_gather(e, seq);
  engine_gauge_run(e, in ? in : &nothing, t);
  engine_mute_take(e, in ? in : &nothing);
  struct incident_view v = {&e->catalog, e->state, seq, e->log_c, tick_silence(e, t) == ENGINE_UNHEARD, &e->gauge};
  out->incident_n =
      incident_life_tick(&e->head, &v, e->gathered, n, in ? in : &nothing, t, e->rec, LIMIT_INCIDENTS_OPEN);
  for (size_t i = 0; i < out->incident_n; i++) {
    e->rec_out[i] = &e->rec[i];
    e->rec[i].muted = engine_muted(e, &e->rec[i]);
  }
  out->incident = e->rec_out;
  engine_adopt_run(e);
  engine_threshold_set(e);
  if ((seq + 1) % LIMIT_TICKS_PER_S == 0 || (in && in->gap_n)) engine_gap_run(e, seq);
  if ((seq + 1) % LIMIT_TICKS_PER_S == 0) engine_hold_run(e, seq);
  engine_calibrate_run(e, seq);
  engine_season_run(e, t);
  priors_step(e, seq);
  e->grace_seq = grace_until(e, t);
  e->silence = tick_silence(e, t);
  hush_learn(e, t);
  mesh_rate_set(e);
  e->tick = t;
  e->counter[REC_COUNTER_TICKS]++;
  e->counter[REC_COUNTER_ALARMS] = e->head.counter_alarms;
  e->counter[REC_COUNTER_INCIDENTS_OPENED] = e->head.counter_opened;
  e->counter[REC_COUNTER_INCIDENTS_CLOSED] = e->head.counter_closed;
  e->counter[REC_COUNTER_INCIDENT_LIMIT] = e->head.counter_limit;
  e->counter[REC_COUNTER_ALARM_LIMIT] = e->head.counter_alarm_limit;
  e->counter[REC_COUNTER_CHANGE_LIMIT] = e->head.counter_changes;
  e->counter[REC_COUNTER_GRAPH_LIMIT] = e->catalog.graph_full;
}

void engine_tick(struct engine *e, const struct rec_head_batch *in, struct rec_tick t, struct rec_out *out) {
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) engine_bucket_tick(e, b, t);
  engine_head_tick(e, in, t, out);
}

void engine_info(const struct engine *e, struct engine_info *out) {
  *out = (struct engine_info){.tick_seq = e->tick.seq,
                              .tick_end = e->tick.end,
                              .tick_now = e->tick.now,
                              .series_n = e->live_n,
                              .series_max = e->conf.series_max,
                              .incidents_open = incident_life_open_n(&e->head),
                              .threshold_log_min = e->log_c[0],
                              .threshold_log_max = e->log_c[0],
                              .bytes_per_series = sizeof(struct series_state),
                              .gauge_n = e->gauge.n,
                              .gauge_max = e->gauge.max};
  for (unsigned s = 1; s < ENGINE_SHARES; s++) {
    if (e->log_c[s] < out->threshold_log_min) out->threshold_log_min = e->log_c[s];
    if (e->log_c[s] > out->threshold_log_max) out->threshold_log_max = e->log_c[s];
  }
}

const struct rec_series *engine_series(const struct engine *e, uint32_t series_idx) {
  const struct series_entry *entry = series_catalog_find(&e->catalog, series_idx);
  return entry ? &entry->who : NULL;
}

uint32_t engine_series_n(const struct engine *e) {
  return e->catalog.entry_n;
}

const uint64_t *engine_counters(const struct engine *e) {
  return e->counter;
}

void engine_alarms(const struct engine *e, uint32_t n[REC_LEVEL_COUNT]) {
  memset(n, 0, REC_LEVEL_COUNT * sizeof *n);
  for (uint32_t i = 0; i < e->head.alarm_n; i++) {
    const struct rec_series *who = engine_series(e, e->head.alarm[i].series_idx);
    if (who && e->head.alarm[i].over_seq == 0) n[who->level]++;
  }
}

bool engine_series_rate(const struct engine *e, uint32_t series_idx, struct engine_rate *out) {
  if (!series_catalog_find(&e->catalog, series_idx) || !e->state[series_idx].used) return false;
  const struct series_state *s = &e->state[series_idx];
  uint32_t seq = (uint32_t)e->tick.seq, back = 10u * LIMIT_TICKS_PER_S;
  struct series_sum sum =
      series_recent_sum(s, seq > back ? seq - back : 0, seq > LIMIT_TICKS_PER_S ? seq - LIMIT_TICKS_PER_S : 0);
  struct incident_view v = {&e->catalog, e->state, seq, e->log_c, false, &e->gauge};
  struct incident_normal n = incident_normal_of(&v, series_idx, seq);
  double fine = sum.n - sum.e;
  *out = (struct engine_rate){.requests_per_s = sum.n / 10.0,
                              .errors_per_s = sum.e / 10.0,
                              .latency_mean_ms = fine > 0.0 ? 1e3 * sum.lat_s / fine : 0.0,
                              .learned_requests_per_s = n.requests_per_s,
                              .learned_error_ratio = n.error_ratio,
                              .learned_latency_mean_ms = 1e3 * n.latency_mean_s,
                              .alarming = incident_life_alarming(&e->head, series_idx),
                              .age_s = (uint32_t)n.age_s};
  return true;
}
