#include "daemon_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "act_sign.h"
#include "base_json.h"
#include "base_must.h"
#include "rec_gauge.h"
#include "rec_scope.h"

#define HASH_IDS 4096u /* incidents of one pack; commands about later ones keep no id */

struct id_pair {
  uint64_t was, is;
};

struct hash {
  struct engine_names names;
  unsigned char key[32];
  struct id_pair id[HASH_IDS];
  size_t id_n;
  uint8_t bucket[LIMIT_SERIES_MAX]; /* of each series number, by the new names */
};

/* ---- names ---- */

static char kind_letter(unsigned what) {
  static const char letter[REC_DIM_COUNT] = {
      [REC_DIM_NAMESPACE] = 'n',       [REC_DIM_SERVICE] = 's', [REC_DIM_CLUSTER] = 'c',
      [REC_DIM_REGION] = 'r',          [REC_DIM_ZONE] = 'z',    [REC_DIM_POD] = 'p',
      [REC_DIM_ROUTE] = 't',           [REC_DIM_VERSION] = 'v', [REC_DIM_CALLER] = 's',
      [REC_DIM_CALLER_NAMESPACE] = 'n'};
  if (what < REC_DIM_COUNT) return letter[what];
  return what == ENGINE_WORD_REQUEST ? 'q' : 'x';
}

static void mac_of(const struct hash *h, struct base_str was, unsigned char mac[SIGN_MAC_BYTES]) {
  MUST(sign_mac((struct base_str){(const char *)h->key, sizeof h->key}, was, mac));
}

static size_t name_hash(void *ctx, unsigned what, struct base_str was, char out[ENGINE_WORD_BYTES]) {
  unsigned char mac[SIGN_MAC_BYTES];
  mac_of(ctx, was, mac);
  struct base_buf b = buf_over(out, ENGINE_WORD_BYTES);
  bool trace = what == ENGINE_WORD_TRACE;
  char text[2 * 16 + 1];
  for (unsigned i = 0; i < 16; i++) snprintf(text + 2 * i, 3, "%02x", mac[i]);
  if (!trace) buf_put_f(&b, "%c-", kind_letter(what));
  buf_put(&b, text, trace ? 32 : 12);
  return b.n;
}

static uint64_t id_hash(void *ctx, uint64_t was) {
  unsigned char mac[SIGN_MAC_BYTES];
  uint64_t v = 0;
  mac_of(ctx, (struct base_str){(const char *)&was, sizeof was}, mac);
  memcpy(&v, mac, sizeof v);
  return v;
}

struct hash *hash_open(void) {
  struct hash *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->names = (struct engine_names){h, name_hash, id_hash};
  if (getrandom(h->key, sizeof h->key, 0) == (ssize_t)sizeof h->key) return h;
  hash_close(h);
  return NULL;
}

void hash_close(struct hash *h) {
  if (h) explicit_bzero(h->key, sizeof h->key);
  free(h);
}

const struct engine_names *hash_names(struct hash *h) {
  return &h->names;
}

void hash_series(struct hash *h, const struct engine *e) {
  for (uint32_t i = 0; i < engine_series_n(e); i++) {
    const struct rec_series *s = engine_series(e, i);
    if (s) h->bucket[i] = s->bucket;
  }
}

void hash_id_put(struct hash *h, uint64_t was, uint64_t is) {
  if (hash_id(h, was) == 0 && h->id_n < HASH_IDS) h->id[h->id_n++] = (struct id_pair){was, is};
}

uint64_t hash_id(const struct hash *h, uint64_t was) {
  for (size_t i = 0; i < h->id_n; i++)
    if (h->id[i].was == was) return h->id[i].is;
  return 0;
}

/* ---- a tick ---- */

struct work {
  struct hash *h;
  struct base_arena *arena;
  bool bad;
};

static void *take(struct work *w, size_t n, size_t size, size_t align) {
  void *p = n ? arena_take(w->arena, n * size, align) : NULL;
  w->bad |= n && !p;
  return p;
}
#define TAKE(w, type, n) ((type *)take((w), (n), sizeof(type), _Alignof(type)))

static void word(struct work *w, unsigned what, struct base_str *s) {
  char *out = s->n && !w->bad ? TAKE(w, char, ENGINE_WORD_BYTES) : NULL;
  *s = out ? (struct base_str){out, name_hash(w->h, what, *s, out)} : STR_NONE;
}

static int series_order(const void *a, const void *b) {
  const struct rec_series *x = a, *y = b;
  return (x->series_idx > y->series_idx) - (x->series_idx < y->series_idx);
}

static int obs_order(const void *a, const void *b) {
  const struct rec_obs *x = a, *y = b;
  return (x->series_idx > y->series_idx) - (x->series_idx < y->series_idx);
}

/* What each bucket gets, and then has. */
struct bucket_fill {
  size_t series_n, obs_n, cell_n, drop_n;
};

/* A drop is of the series that had the number until now. */
static void drops_move(struct work *w, const struct rec_tick_input *in, struct rec_tick_input *out) {
  struct rec_drop *drop[LIMIT_BUCKETS];
  size_t n[LIMIT_BUCKETS] = {0};
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    for (size_t i = 0; i < in->bucket[b].drop_n; i++) n[w->h->bucket[in->bucket[b].drop[i].series_idx]]++;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) out->bucket[b].drop = drop[b] = TAKE(w, struct rec_drop, n[b]);
  if (w->bad) return;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    for (size_t i = 0; i < in->bucket[b].drop_n; i++) {
      unsigned to = w->h->bucket[in->bucket[b].drop[i].series_idx];
      drop[to][out->bucket[to].drop_n++] = in->bucket[b].drop[i];
    }
}

static void series_rename(struct work *w, const struct rec_series *s, struct rec_series *out) {
  *out = *s;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) word(w, d, &out->dim[d]);
  out->bucket = (uint8_t)(rec_series_hash(out) % LIMIT_BUCKETS);
  w->h->bucket[s->series_idx] = out->bucket;
}

static void series_move(struct work *w, const struct rec_tick_input *in, struct rec_tick_input *out) {
  size_t n = 0, at = 0, count[LIMIT_BUCKETS] = {0};
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) n += in->bucket[b].series_n;
  struct rec_series *all = TAKE(w, struct rec_series, n), *to[LIMIT_BUCKETS];
  for (unsigned b = 0; b < LIMIT_BUCKETS && !w->bad; b++)
    for (size_t i = 0; i < in->bucket[b].series_n; i++) series_rename(w, &in->bucket[b].series[i], &all[at++]);
  if (n) qsort(all, at, sizeof *all, series_order);
  for (size_t i = 0; i < at; i++) count[all[i].bucket]++;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) out->bucket[b].series = to[b] = TAKE(w, struct rec_series, count[b]);
  for (size_t i = 0; i < at && !w->bad; i++) to[all[i].bucket][out->bucket[all[i].bucket].series_n++] = all[i];
}

static void obs_count(const struct work *w, const struct rec_tick_input *in, struct bucket_fill n[LIMIT_BUCKETS]) {
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++)
    for (size_t i = 0; i < in->bucket[b].obs_n; i++) {
      struct bucket_fill *f = &n[w->h->bucket[in->bucket[b].obs[i].series_idx]];
      f->obs_n++;
      f->cell_n += in->bucket[b].obs[i].hist_n;
    }
}

static void obs_move(struct work *w, const struct rec_tick_input *in, struct rec_tick_input *out) {
  struct bucket_fill n[LIMIT_BUCKETS] = {0};
  struct rec_obs *obs[LIMIT_BUCKETS];
  struct rec_hist_cell *cell[LIMIT_BUCKETS];
  obs_count(w, in, n);
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
    out->bucket[b].obs = obs[b] = TAKE(w, struct rec_obs, n[b].obs_n);
    out->bucket[b].cell = cell[b] = TAKE(w, struct rec_hist_cell, n[b].cell_n);
  }
  for (unsigned b = 0; b < LIMIT_BUCKETS && !w->bad; b++)
    for (size_t i = 0; i < in->bucket[b].obs_n; i++) {
      struct rec_obs o = in->bucket[b].obs[i];
      unsigned to = w->h->bucket[o.series_idx];
      struct rec_batch *batch = &out->bucket[to];
      if (o.hist_n) memcpy(cell[to] + batch->cell_n, in->bucket[b].cell + o.hist_from, o.hist_n * sizeof *cell[to]);
      o.hist_from = (uint32_t)batch->cell_n;
      batch->cell_n += o.hist_n;
      obs[to][batch->obs_n++] = o;
    }
  for (unsigned b = 0; b < LIMIT_BUCKETS && !w->bad; b++)
    if (out->bucket[b].obs_n) qsort(obs[b], out->bucket[b].obs_n, sizeof *obs[b], obs_order);
}

/* ---- the head's part ---- */

static void exemplars_rename(struct work *w, const struct rec_head_batch *in, struct rec_head_batch *out) {
  struct rec_exemplar *x = TAKE(w, struct rec_exemplar, in->exemplar_n);
  for (size_t i = 0; i < in->exemplar_n && !w->bad; i++) {
    x[i] = in->exemplar[i];
    word(w, ENGINE_WORD_REQUEST, &x[i].request_id);
    word(w, ENGINE_WORD_TRACE, &x[i].trace_id);
  }
  out->exemplar = x;
}

static void changes_rename(struct work *w, const struct rec_head_batch *in, struct rec_head_batch *out) {
  struct rec_change *x = TAKE(w, struct rec_change, in->change_n);
  for (size_t i = 0; i < in->change_n && !w->bad; i++) {
    x[i] = in->change[i];
    word(w, ENGINE_WORD_TEXT, &x[i].source);
    word(w, ENGINE_WORD_TEXT, &x[i].kind);
    word(w, ENGINE_WORD_TEXT, &x[i].summary);
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) word(w, d, &x[i].entity.dim[d]);
  }
  out->change = x;
}

static void command_id(struct work *w, struct base_str *id) {
  char was[17] = "", *is = TAKE(w, char, 17);
  if (w->bad) return;
  if (id->n == 16) memcpy(was, id->p, 16);
  snprintf(is, 17, "%016llx", (unsigned long long)hash_id(w->h, strtoull(was, NULL, 16)));
  *id = (struct base_str){is, 16};
}

static void commands_rename(struct work *w, const struct rec_head_batch *in, struct rec_head_batch *out) {
  struct rec_command *x = TAKE(w, struct rec_command, in->command_n);
  for (size_t i = 0; i < in->command_n && !w->bad; i++) {
    x[i] = in->command[i];
    command_id(w, &x[i].incident_id);
    word(w, ENGINE_WORD_TEXT, &x[i].who);
  }
  out->command = x;
}

static void gaps_rename(struct work *w, const struct rec_head_batch *in, struct rec_head_batch *out) {
  struct rec_gap *x = TAKE(w, struct rec_gap, in->gap_n);
  for (size_t i = 0; i < in->gap_n && !w->bad; i++) {
    x[i] = in->gap[i];
    word(w, REC_DIM_POD, &x[i].node);
    word(w, REC_DIM_NAMESPACE, &x[i].ns);
    word(w, REC_DIM_SERVICE, &x[i].service);
    word(w, REC_DIM_CLUSTER, &x[i].cluster);
  }
  out->gap = x;
}

static int gauge_order(const void *a, const void *b) {
  return rec_gauge_cmp(a, b);
}

static void gauges_move(struct work *w, const struct rec_head_batch *in, struct rec_head_batch *out) {
  struct rec_gauge *x = TAKE(w, struct rec_gauge, in->gauge_n);
  for (size_t i = 0; i < in->gauge_n && !w->bad; i++) {
    x[i] = in->gauge[i];
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) word(w, d, &x[i].dim[d]);
    word(w, ENGINE_WORD_TEXT, &x[i].metric);
    word(w, ENGINE_WORD_TEXT, &x[i].part);
    x[i].line = STR_NONE;
  }
  if (in->gauge_n && !w->bad) qsort(x, in->gauge_n, sizeof *x, gauge_order);
  out->gauge = x;
}

bool hash_tick(struct hash *h, const struct rec_tick_input *in, struct base_arena *arena, struct rec_tick_input *out) {
  struct work w = {.h = h, .arena = arena};
  *out = (struct rec_tick_input){.tick = in->tick, .head = in->head};
  drops_move(&w, in, out);
  series_move(&w, in, out);
  obs_move(&w, in, out);
  exemplars_rename(&w, &in->head, &out->head);
  changes_rename(&w, &in->head, &out->head);
  commands_rename(&w, &in->head, &out->head);
  gaps_rename(&w, &in->head, &out->head);
  gauges_move(&w, &in->head, &out->head);
  return !w.bad;
}

/* ---- configuration ---- */

void hash_conf(struct hash *h, const struct daemon_conf *c, struct base_buf *out) {
  struct rec_scope scope[REC_SCOPES];
  struct base_buf mute = buf_open(CONF_STRING_BYTES);
  uint32_t n = 0;
  const char *why;
  char name[ENGINE_WORD_BYTES];
  if (!rec_scopes_read(str_of(c->mute), scope, &n, &why)) n = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (i) buf_put_char(&mute, ';');
    for (uint32_t k = 0; k < scope[i].n; k++) {
      size_t name_n = name_hash(h, scope[i].dim[k], scope[i].value[k], name);
      buf_put_f(&mute, "%s%s=%.*s", k ? " " : "", rec_dim_text((enum rec_dim)scope[i].dim[k]), (int)name_n, name);
    }
  }
  conf_write(c, true, out);
  buf_put_str(out, STR("mute: "));
  json_quote(out, buf_str(&mute));
  buf_put_char(out, '\n');
  out->bad |= mute.bad;
  buf_fini(&mute);
}
