#include "detect_gauge_table.h"

#include "base_hash.h"
#include "base_must.h"

#define SWEEP_CALLS 256u

static uint32_t words_of(uint32_t max) {
  return (max + 63) / 64;
}

static uint32_t heads_of(uint32_t max) {
  uint32_t n = 64;
  while (n < max) n *= 2;
  return n;
}

size_t gauge_table_bytes(uint32_t max) {
  size_t heads = (heads_of(max) * sizeof(uint32_t) + 7) & ~(size_t)7;
  return (size_t)max * sizeof(struct gauge_watch) + heads + 2 * (size_t)words_of(max) * sizeof(uint64_t);
}

void gauge_table_init(struct gauge_table *t, void *mem, uint32_t max) {
  char *p = mem;
  uint32_t heads = heads_of(max);
  MUST(((uintptr_t)mem & 7) == 0 && max > 0);
  *t = (struct gauge_table){.watch = mem, .max = max, .mask = heads - 1};
  p += (size_t)max * sizeof(struct gauge_watch);
  t->head = (uint32_t *)(void *)p;
  p += (heads * sizeof(uint32_t) + 7) & ~(size_t)7;
  t->used = (uint64_t *)(void *)p;
  t->hot = t->used + words_of(max);
  for (uint32_t i = 0; i < heads; i++) t->head[i] = GAUGE_NONE;
}

static bool bit_has(const uint64_t *words, uint32_t at) {
  return words[at / 64] >> (at % 64) & 1u;
}

static void bit_set(uint64_t *words, uint32_t at, bool on) {
  uint64_t bit = 1ull << (at % 64);
  words[at / 64] = on ? words[at / 64] | bit : words[at / 64] & ~bit;
}

struct key {
  char p[REC_GAUGE_KEY_BYTES];
  size_t n;
};

/* ---- the table ---- */

static uint32_t *chain_of(const struct gauge_table *t, const char *key, size_t n) {
  return &t->head[hash_bytes(HASH_KEY_FIXED, key, n) & t->mask];
}

static uint32_t find(const struct gauge_table *t, const struct key *k) {
  uint32_t at = *chain_of(t, k->p, k->n);
  while (at != GAUGE_NONE &&
         !str_eq((struct base_str){t->watch[at].key, t->watch[at].key_n}, (struct base_str){k->p, k->n}))
    at = t->watch[at].next;
  return at;
}

/* The lowest free number, so that a table that was loaded goes on as the one that was saved. */
static uint32_t free_find(const struct gauge_table *t) {
  for (uint32_t w = 0; t->n < t->max && w < words_of(t->max); w++) {
    if (t->used[w] == UINT64_MAX) continue;
    uint32_t at = w * 64 + (uint32_t)__builtin_ctzll(~t->used[w]);
    return at < t->max ? at : GAUGE_NONE;
  }
  return GAUGE_NONE;
}

static void chain(struct gauge_table *t, uint32_t at) {
  uint32_t *head = chain_of(t, t->watch[at].key, t->watch[at].key_n);
  t->watch[at].next = *head;
  *head = at;
  bit_set(t->used, at, true);
  t->n++;
}

static uint32_t add(struct gauge_table *t, const struct key *k) {
  uint32_t at = free_find(t);
  if (at == GAUGE_NONE) return at;
  struct gauge_watch *w = &t->watch[at];
  memset(w, 0, sizeof *w);
  detect_gauge_init(&w->gauge);
  memcpy(w->key, k->p, k->n);
  w->key_n = (uint16_t)k->n;
  w->at_ns = INT64_MIN;
  chain(t, at);
  return at;
}

static void drop(struct gauge_table *t, uint32_t at) {
  uint32_t *to = chain_of(t, t->watch[at].key, t->watch[at].key_n);
  while (*to != at) to = &t->watch[*to].next;
  *to = t->watch[at].next;
  bit_set(t->used, at, false);
  bit_set(t->hot, at, false);
  t->n--;
}

/* ---- episodes ---- */

static bool bad_side(const struct gauge_watch *w, int side) {
  return w->bad == REC_BAD_EITHER || (w->bad == REC_BAD_ABOVE) == (side > 0);
}

static void episode_begin(struct gauge_watch *w, const struct detect_gauge_verdict *v) {
  w->novel = false;
  double low = !w->negative && v->low < 0.0 ? 0.0 : v->low;
  w->episode = (struct gauge_episode){.from_ns = w->at_ns,
                                      .peak_ns = w->at_ns,
                                      .peak = w->value,
                                      .low = low,
                                      .high = v->high > low ? v->high : low,
                                      .side = v->side};
}

static void episode_go_on(struct gauge_watch *w, const struct detect_gauge_verdict *v) {
  struct gauge_episode *e = &w->episode;
  e->calm = 0;
  if ((w->value - e->peak) * e->side > 0.0) {
    e->peak = w->value;
    e->peak_ns = w->at_ns;
  }
  if ((float)v->score > e->score) e->score = (float)v->score;
  if (v->score >= GAUGE_LOUD) e->loud_ns = w->at_ns;
}

/* A stir on the other side is another one. One that never got loud is forgotten when it ends; a loud one stands until
 * the next begins. */
static void episode_step(struct gauge_watch *w, const struct detect_gauge_verdict *v) {
  struct gauge_episode *e = &w->episode;
  bool stirs = v->score >= GAUGE_STIR && bad_side(w, v->side), goes_on = e->from_ns != 0 && e->calm < GAUGE_CALM;
  if (stirs && !(goes_on && e->side == v->side)) {
    episode_begin(w, v);
    goes_on = true;
  }
  if (stirs)
    episode_go_on(w, v);
  else if (goes_on && ++e->calm == GAUGE_CALM && e->loud_ns == 0)
    *e = (struct gauge_episode){0};
}

/* A template that was never logged before: its first line is the episode. */
static void novel_step(struct gauge_watch *w, const struct rec_gauge *in) {
  if (w->episode.from_ns == 0)
    w->episode = (struct gauge_episode){.from_ns = w->at_ns, .side = 1, .score = (float)in->value};
  w->episode.loud_ns = w->episode.peak_ns = w->at_ns;
  w->novel = true;
  w->line_n = (uint8_t)(in->line.n <= LIMIT_LOG_LINE_BYTES ? in->line.n : 0);
  if (w->line_n) memcpy(w->line, in->line.p, w->line_n);
}

static bool is_hot(const struct gauge_watch *w, int64_t end_ns) {
  const struct gauge_episode *e = &w->episode;
  int64_t usual_ns = 2 * (int64_t)((double)w->gauge.step_s * 1e9); /* rare samples are not yet silence */
  int64_t quiet_ns = usual_ns > GAUGE_QUIET_NS ? usual_ns : GAUGE_QUIET_NS;
  return e->loud_ns != 0 && end_ns - e->loud_ns <= quiet_ns;
}

/* The zeros that came before the first sample that the door gave. */
static void lead_step(struct gauge_watch *w, const struct rec_gauge *in) {
  double step_s = (double)in->lead_ns * 1e-9 / (double)(in->lead_n ? in->lead_n : 1);
  for (uint32_t i = in->lead_n; i > 0; i--)
    (void)detect_gauge_step(&w->gauge, 0.0, (double)w->at_ns * 1e-9 - (double)i * step_s);
}

static void step(struct gauge_watch *w, const struct rec_gauge *in) {
  if (in->novel) {
    novel_step(w, in);
    return;
  }
  if (w->gauge.n == 0) lead_step(w, in);
  struct detect_gauge_verdict v = detect_gauge_step(&w->gauge, in->value, (double)w->at_ns * 1e-9);
  if (in->value < 0.0) w->negative = true;
  episode_step(w, &v);
}

enum gauge_taken gauge_table_take(struct gauge_table *t, const struct rec_gauge *in, struct base_wall end) {
  struct key k;
  k.n = rec_gauge_key_write(in, k.p);
  if (k.n == 0) return GAUGE_LONG;
  uint32_t at = find(t, &k);
  if (at == GAUGE_NONE) at = add(t, &k);
  if (at == GAUGE_NONE) return GAUGE_FULL;
  struct gauge_watch *w = &t->watch[at];
  int64_t at_ns = in->at.ns > end.ns + GAUGE_AHEAD_NS ? end.ns : in->at.ns;
  if (at_ns <= w->at_ns) return GAUGE_OLD;
  w->at_ns = at_ns;
  w->seen_ns = end.ns;
  w->value = in->value;
  w->role = in->role;
  w->unit = in->unit;
  w->bad = in->bad;
  step(w, in);
  bit_set(t->hot, at, is_hot(w, end.ns));
  return GAUGE_TAKEN;
}

void gauge_table_sweep(struct gauge_table *t, struct base_wall end) {
  uint32_t turn = (t->max + SWEEP_CALLS - 1) / SWEEP_CALLS;
  for (uint32_t i = 0; i < turn; i++, t->swept = (t->swept + 1) % t->max) {
    if (!bit_has(t->used, t->swept)) continue;
    const struct gauge_watch *w = &t->watch[t->swept];
    if (end.ns - w->seen_ns > GAUGE_IDLE_NS)
      drop(t, t->swept);
    else if (!is_hot(w, end.ns))
      bit_set(t->hot, t->swept, false);
  }
}

uint32_t gauge_table_hot(const struct gauge_table *t, uint32_t from) {
  for (uint32_t w = from / 64; w < words_of(t->max); w++) {
    uint64_t left = t->hot[w];
    if (w == from / 64) left &= UINT64_MAX << (from % 64);
    if (left) return w * 64 + (uint32_t)__builtin_ctzll(left);
  }
  return GAUGE_NONE;
}

bool gauge_table_restore(struct gauge_table *t, uint32_t at, const struct gauge_watch *w, bool hot) {
  struct rec_gauge_names names;
  if (at >= t->max || bit_has(t->used, at) || w->key_n > REC_GAUGE_KEY_BYTES || w->line_n > LIMIT_LOG_LINE_BYTES)
    return false;
  if (!rec_gauge_key_read(w->key, w->key_n, &names) || names.metric.n == 0) return false;
  if (w->role >= REC_ROLE_COUNT || w->unit >= REC_UNIT_COUNT || w->bad >= REC_BAD_COUNT) return false;
  t->watch[at] = *w;
  chain(t, at);
  bit_set(t->hot, at, hot);
  return true;
}
