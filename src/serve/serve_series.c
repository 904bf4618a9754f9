/* Single series: what they do now, their last seconds, and what is normal for them. */
#include <stdlib.h>
#include <yyjson.h>

#include "serve_room.h"

#define SERIES_STEP_S_MAX 86400u
#define SERIES_NORMAL_STEP_S_MAX 60u /* what is normal for longer steps is not told */
#define SERIES_POINTS_USUAL 1440u    /* where no step is asked for, the smallest that gives no more points */

/* Seconds [from_s, to_s) in steps; n points. */
struct series_span {
  int64_t from_s;
  uint32_t step_s, n;
};

static int signal_find(struct base_str text) {
  for (unsigned s = 0; s < REC_SIGNAL_COUNT; s++)
    if (str_eq(str_of(rec_signal_text(s)), text)) return (int)s;
  return -1;
}

/* Its level has that kind, and it has every name that the entity has. */
static bool series_matches(const struct rec_series *s, const struct rec_entity *e) {
  if (!str_eq(str_of(rec_level_kind(s->level)), e->kind)) return false;
  uint32_t dims = rec_series_dims(s->level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    struct base_str have = dims >> d & 1u ? s->dim[d] : STR_NONE;
    if (e->dim[d].n && !str_eq(have, e->dim[d])) return false;
  }
  return true;
}

static void series_value(struct base_json *j, int signal, const struct serve_rate *r) {
  json_key(j, "signal");
  json_text(j, rec_signal_text((enum rec_signal)signal));
  json_key(j, "value");
  switch (signal) {
    case REC_SIGNAL_REQUESTS_DOWN:
    case REC_SIGNAL_REQUESTS_UP: json_f64(j, r->requests_per_s); break;
    case REC_SIGNAL_ERRORS: json_f64(j, r->errors_per_s); break;
    case REC_SIGNAL_LATENCY: json_f64(j, r->latency_mean_ms); break;
    default: json_null(j); break;
  }
}

struct rec_entity serve_series_entity(const struct rec_series *s) {
  struct rec_entity e = {.kind = str_of(rec_level_kind(s->level))};
  uint32_t dims = rec_series_dims(s->level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (dims >> d & 1u) e.dim[d] = s->dim[d];
  return e;
}

static void series_who(struct base_json *j, const struct rec_series *s) {
  struct rec_entity e = serve_series_entity(s);
  serve_entity_json(j, &e);
  json_key(j, "level");
  json_text(j, rec_level_text(s->level));
  json_key(j, "side");
  json_text(j, rec_side_text(s->side));
}

/* ---- normal life ---- */

static void band_json(struct base_json *j, const char *key, struct serve_band b) {
  json_key(j, key);
  json_array(j);
  json_f64(j, b.low);
  json_f64(j, b.high);
  json_close(j);
}

static void known_f64(struct base_json *j, const char *key, double v) {
  json_key(j, key);
  if (v > 0)
    json_f64(j, v);
  else
    json_null(j);
}

static void normal_json(struct base_json *j, const struct serve_source *src, uint32_t idx, uint32_t step_s) {
  struct serve_normal n;
  json_key(j, "normal");
  if (!src->normal(src->ctx, idx, step_s, &n)) {
    json_null(j);
    return;
  }
  json_object(j);
  json_key(j, "step_s");
  json_u64(j, step_s);
  band_json(j, "requests_per_s", n.requests_per_s);
  band_json(j, "error_ratio", n.error_ratio);
  band_json(j, "latency_mean_ms", n.latency_mean_ms);
  known_f64(j, "latency_p99_ms", n.latency_p99_ms);
  json_key(j, "smallest");
  json_object(j);
  known_f64(j, "fewer_requests", n.smallest_fewer);
  known_f64(j, "more_requests", n.smallest_more);
  known_f64(j, "slower", n.smallest_slower);
  known_f64(j, "error_ratio", n.smallest_error_ratio);
  json_close(j);
  json_close(j);
}

/* ---- points ---- */

enum column { COLUMN_REQUESTS, COLUMN_ERRORS, COLUMN_MEAN, COLUMN_P99, COLUMNS };

/* < 0: nothing to say. */
static double column_value(const struct serve_point *at, enum column c, uint32_t step_s) {
  const struct history_point *p = &at->sum;
  if (!at->known) return -1;
  switch (c) {
    case COLUMN_REQUESTS: return (double)p->requests / (double)step_s;
    case COLUMN_ERRORS: return (double)p->errors / (double)step_s;
    case COLUMN_MEAN: return p->latency_mean_ms;
    default: return p->latency_p99_ms;
  }
}

/* Three digits behind the point are finer than anything that is measured. */
static void column_json(struct base_json *j, const struct serve_point *p, const struct series_span *at, enum column c) {
  static const char *const key[COLUMNS] = {"requests_per_s", "errors_per_s", "latency_mean_ms", "latency_p99_ms"};
  json_key(j, key[c]);
  json_array(j);
  for (uint32_t i = 0; i < at->n; i++) {
    double v = column_value(&p[i], c, at->step_s);
    if (v < 0)
      json_null(j);
    else
      serve_fixed_json(j, v, 3);
  }
  json_close(j);
}

/* What is known of the span: from memory, and what that has no more from the disk. */
static bool points_take(struct serve_call *c, uint32_t idx, const struct series_span *at, struct serve_point *p) {
  const struct serve_history *h = c->serve->conf.history;
  const struct serve_source *src = &c->serve->conf.source;
  uint32_t before = at->n;
  for (uint32_t i = at->n; i-- > 0;) {
    p[i] = (struct serve_point){.sum = {.latency_mean_ms = -1, .latency_p99_ms = -1}};
    p[i].known = history_read(h, idx, at->from_s + (int64_t)i * at->step_s, at->step_s, &p[i].sum);
    if (p[i].known) before = i;
  }
  return !before || !src->points || src->points(src->ctx, idx, at->from_s, at->step_s, before, p, &c->rows);
}

static void points_write(struct base_json *j, const struct serve_point *p, struct series_span at) {
  while (at.n && !p->known) { /* begins where it is known */
    p++;
    at.n--;
    at.from_s += at.step_s;
  }
  json_object(j);
  json_key(j, "from");
  json_time(j, (struct base_wall){at.from_s * TIME_NS_PER_S});
  json_key(j, "step_s");
  json_u64(j, at.step_s);
  for (unsigned column = 0; column < COLUMNS; column++) column_json(j, p, &at, column);
  json_close(j);
}

/* The points of the span, to be freed, where any is known or memory has the series; else NULL. *good false: too much
 * was asked for, or the disk cannot be read now. */
static struct serve_point *points_open(struct serve_call *c, uint32_t idx, const struct series_span *at, bool *good) {
  int64_t since;
  struct serve_point *p = malloc((at->n ? at->n : 1) * sizeof *p);
  *good = p && points_take(c, idx, at, p);
  bool any = *good && history_since(c->serve->conf.history, idx, &since);
  for (uint32_t i = 0; *good && i < at->n; i++) any |= p[i].known;
  if (any) return p;
  free(p);
  return NULL;
}

static bool points_json(struct serve_call *c, struct base_json *j, uint32_t idx, const struct series_span *at) {
  bool good;
  struct serve_point *p = points_open(c, idx, at, &good);
  json_key(j, "points");
  if (p)
    points_write(j, p, *at);
  else
    json_null(j);
  free(p);
  return good;
}

/* The newest whole second's end, or now where nothing was heard yet. */
static int64_t span_end(const struct serve_call *c) {
  const struct serve_source *src = &c->serve->conf.source;
  int64_t newest = history_newest(c->serve->conf.history);
  struct serve_status status = {0};
  if (newest == 0) src->status(src->ctx, &status);
  return newest ? newest + 1 : status.now.ns / TIME_NS_PER_S;
}

/* How far back from there points of that step may be. */
static int64_t span_reach(const struct serve_call *c, uint32_t step_s) {
  const struct serve_source *src = &c->serve->conf.source;
  int64_t disk = src->reach ? src->reach(src->ctx, step_s) : 0;
  return disk > (int64_t)LIMIT_HISTORY_S ? disk : (int64_t)LIMIT_HISTORY_S;
}

/* What is whole and can be held of [from_s, to_s). */
static struct series_span span_clip(const struct serve_call *c, int64_t from_s, int64_t to_s, uint32_t step_s) {
  int64_t newest = span_end(c), oldest = newest - span_reach(c, step_s);
  if (to_s > newest) to_s = newest;
  if (from_s < oldest) from_s = oldest;
  from_s -= from_s % (int64_t)step_s; /* equal steps for every reader */
  struct series_span at = {.from_s = from_s, .step_s = step_s};
  if (to_s > from_s) at.n = (uint32_t)((to_s - from_s) / (int64_t)step_s);
  return at;
}

/* No finer than what is kept of that time. step_s 0: as fine as gives a usual number of points. */
static uint32_t span_step(const struct serve_call *c, int64_t from_s, int64_t to_s, uint32_t step_s) {
  static const uint32_t ladder[] = {1,   2,    5,    10,   20,   30,    60,    120,  300,
                                    600, 1200, 1800, 3600, 7200, 21600, 43200, 86400};
  int64_t newest = span_end(c), end = to_s < newest ? to_s : newest;
  int64_t back = newest - from_s, reach_max = span_reach(c, 60);
  if (back > reach_max) back = reach_max;
  if (from_s < newest - back) from_s = newest - back;
  uint32_t at_least = span_reach(c, 1) >= back ? 1 : span_reach(c, 10) >= back ? 10 : 60;
  if (step_s) return (step_s + at_least - 1) / at_least * at_least;
  for (size_t i = 0; i < sizeof ladder / sizeof ladder[0]; i++)
    if (ladder[i] % at_least == 0 && (end - from_s) / ladder[i] <= SERIES_POINTS_USUAL) return ladder[i];
  return SERIES_STEP_S_MAX;
}

/* ---- GET /api/v1/series ---- */

struct series_ask {
  struct rec_entity entity;
  int signal; /* -1: none named */
  bool history;
  int64_t from_s, to_s;
  uint32_t step_s, limit;
  struct series_span at; /* what is told of that */
};

static bool ask_time(struct serve_call *c, const char *name, int64_t *out) {
  struct base_str v = query_find(&c->query, name);
  struct base_wall t;
  if (!v.p) return true;
  if (!time_read(v, &t)) {
    serve_fail(c, 400, "%s: wants a time such as 2026-03-02T09:00:00Z", name);
    return false;
  }
  *out = t.ns / TIME_NS_PER_S;
  return true;
}

/* "1", "10s", "1m" or "6h". */
static bool ask_step(struct serve_call *c, uint32_t *out) {
  struct base_str v = query_find(&c->query, "step");
  if (!v.p) return true;
  char last = v.n ? v.p[v.n - 1] : 0;
  uint32_t unit = last == 'h' ? 3600 : last == 'm' ? 60 : 1, n = 0;
  struct base_str digits = last == 'h' || last == 'm' || last == 's' ? str_cut(v, 0, v.n - 1) : v;
  if (serve_u32_read(digits, SERIES_STEP_S_MAX / unit, &n)) {
    *out = n * unit;
    return true;
  }
  serve_fail(c, 400, "step: wants 1s to %us", SERIES_STEP_S_MAX);
  return false;
}

/* Settles the step; false: that would be too many points. */
static bool ask_size(struct serve_call *c, struct series_ask *ask) {
  ask->step_s = span_step(c, ask->from_s, ask->to_s, ask->step_s);
  ask->at = span_clip(c, ask->from_s, ask->to_s, ask->step_s);
  c->rows = LIMIT_SERIES_ROWS;
  if (!ask->history || ask->at.n <= LIMIT_SERIES_POINTS) return true;
  serve_fail(c, 400, "step: these would be %u points of %u at most; a larger step, or a shorter time", ask->at.n,
             LIMIT_SERIES_POINTS);
  return false;
}

static bool ask_read(struct serve_call *c, struct series_ask *ask) {
  static const char *const names[] = {"entity", "signal", "from", "to", "step", "limit", NULL};
  const struct serve_query *q = &c->query;
  struct base_str signal = query_find(q, "signal");
  *ask = (struct series_ask){.signal = -1, .to_s = INT64_MAX};
  if (!serve_query_only(c, names)) return false;
  ask->history = query_find(q, "from").p || query_find(q, "to").p || query_find(q, "step").p;
  uint32_t most = ask->limit = ask->history ? SERVE_SERIES_POINTS_MAX : SERVE_SERIES_MAX;
  if (signal.p && (ask->signal = signal_find(signal)) < 0) {
    serve_fail(c, 400, "signal: no such signal");
    return false;
  }
  if (!serve_query_u32(c, "limit", SERVE_SERIES_MAX, &ask->limit)) return false;
  if (ask->limit > most) ask->limit = most;
  ask->from_s = span_end(c) - (int64_t)LIMIT_HISTORY_S;
  return ask_time(c, "from", &ask->from_s) && ask_time(c, "to", &ask->to_s) && ask_step(c, &ask->step_s) &&
         ask_size(c, ask);
}

static bool series_json(struct serve_call *c, struct base_json *j, uint32_t idx, const struct series_ask *ask,
                        const struct serve_rate *r) {
  const struct serve_source *src = &c->serve->conf.source;
  json_object(j);
  series_who(j, src->series(src->ctx, idx));
  if (ask->signal >= 0) series_value(j, ask->signal, r);
  serve_rate_json(j, r);
  normal_json(j, src, idx, ask->step_s < SERIES_NORMAL_STEP_S_MAX ? ask->step_s : SERIES_NORMAL_STEP_S_MAX);
  bool good = !ask->history || points_json(c, j, idx, &ask->at);
  json_close(j);
  return good;
}

static void series_list(struct serve_call *c, const struct series_ask *ask) {
  const struct serve_source *src = &c->serve->conf.source;
  struct base_json json = json_over(&c->res->body), *j = &json;
  uint32_t shown = 0, n = src->series_n(src->ctx);
  bool cut = false;
  json_object(j);
  json_key(j, "series");
  json_array(j);
  for (uint32_t i = 0; i < n && !cut; i++) {
    const struct rec_series *s = src->series(src->ctx, i);
    struct serve_rate r;
    if (!s || !series_matches(s, &ask->entity) || !src->rate(src->ctx, i, &r)) continue;
    cut = shown == ask->limit;
    if (cut) break;
    if (!series_json(c, j, i, ask, &r)) {
      serve_fail(c, 400,
                 "more is asked for than is read for one answer, or the disk is busy: fewer series, a shorter "
                 "time or a larger step");
      return;
    }
    shown++;
  }
  json_close(j);
  json_key(j, "cut");
  json_bool(j, cut);
  json_close(j);
  buf_put_char(&c->res->body, '\n');
}

void serve_series_get(struct serve_call *c) {
  struct series_ask ask;
  if (!ask_read(c, &ask)) return;
  struct base_str text = query_find(&c->query, "entity");
  yyjson_doc *doc = yyjson_read(text.n ? text.p : "", text.n, 0);
  if (!doc)
    serve_fail(c, 400, "entity: wants JSON such as {\"kind\":\"service\",\"service\":\"cart\"}");
  else if (serve_entity_read(c, yyjson_doc_get_root(doc), &ask.entity))
    series_list(c, &ask);
  yyjson_doc_free(doc);
}

/* ---- the series of an incident ---- */

struct plots {
  struct rec_entity entity[SERVE_PLOTS_MAX]; /* views into the incident's JSON */
  uint32_t idx[SERVE_PLOTS_MAX];             /* of the series found, REC_SERIES_NONE */
  unsigned n;
};

static bool entity_same(const struct rec_entity *a, const struct rec_entity *b) {
  bool same = str_eq(a->kind, b->kind);
  for (unsigned d = 0; d < REC_DIM_COUNT && same; d++) same = str_eq(a->dim[d], b->dim[d]);
  return same;
}

static void plots_add(struct plots *p, yyjson_val *obj) {
  struct rec_entity e = {0};
  size_t i, n;
  yyjson_val *key, *v;
  if (p->n == SERVE_PLOTS_MAX || !yyjson_is_obj(obj)) return;
  yyjson_obj_foreach(obj, i, n, key, v) {
    struct base_str text = {yyjson_get_str(v), yyjson_get_len(v)};
    if (yyjson_equals_str(key, "kind")) e.kind = text;
    for (unsigned d = 0; d < REC_DIM_COUNT; d++)
      if (yyjson_equals_str(key, rec_dim_text(d))) e.dim[d] = text;
  }
  for (unsigned k = 0; k < p->n; k++)
    if (entity_same(&p->entity[k], &e)) return;
  p->entity[p->n] = e;
  p->idx[p->n++] = REC_SERIES_NONE;
}

/* The serving side's word where there is one, but of an edge the calling side's: the way between is in that alone.
 * Among the rest the coarsest level, which comes first. */
static bool plot_better(const struct serve_source *src, uint32_t was, const struct rec_series *s) {
  const struct rec_series *w = was == REC_SERIES_NONE ? NULL : src->series(src->ctx, was);
  bool is_edge = s->level == REC_LEVEL_EDGE;
  if (!w) return true;
  return s->side != w->side ? (s->side < w->side) != is_edge : s->level < w->level;
}

static void plots_find(const struct serve_source *src, struct plots *p) {
  uint32_t n = src->series_n(src->ctx);
  for (uint32_t i = 0; i < n; i++) {
    const struct rec_series *s = src->series(src->ctx, i);
    for (unsigned k = 0; s && k < p->n; k++)
      if (series_matches(s, &p->entity[k]) && plot_better(src, p->idx[k], s)) p->idx[k] = i;
  }
}

static void plots_json(struct serve_call *c, const struct plots *p, const struct series_span *at) {
  struct base_json json = json_over(&c->res->body), *j = &json;
  const struct serve_source *src = &c->serve->conf.source;
  json_array(j);
  for (unsigned k = 0; k < p->n; k++) {
    bool good;
    struct serve_point *point = p->idx[k] == REC_SERIES_NONE ? NULL : points_open(c, p->idx[k], at, &good);
    if (!point) continue;
    json_object(j);
    series_who(j, src->series(src->ctx, p->idx[k]));
    normal_json(j, src, p->idx[k], at->step_s);
    json_key(j, "points");
    points_write(j, point, *at);
    json_close(j);
    free(point);
  }
  json_close(j);
}

void serve_incident_series(struct serve_call *c, const struct serve_item *item) {
  yyjson_doc *doc = yyjson_read(item->json.p, item->json.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc), *v;
  const char *ended = yyjson_get_str(yyjson_obj_get(root, "ended_at"));
  struct base_wall end = {0};
  struct plots p = {.n = 0};
  size_t i, n;
  plots_add(&p, yyjson_obj_get(yyjson_obj_get(root, "finding"), "entity"));
  yyjson_arr_foreach(yyjson_obj_get(root, "root_causes"), i, n, v) plots_add(&p, yyjson_obj_get(v, "entity"));
  yyjson_arr_foreach(yyjson_obj_get(root, "affected"), i, n, v) plots_add(&p, v);
  int64_t from_s = item->started_at.ns / TIME_NS_PER_S - SERVE_PLOT_BEFORE_S, to_s = INT64_MAX;
  if (ended && time_read(str_of(ended), &end)) to_s = end.ns / TIME_NS_PER_S + SERVE_PLOT_AFTER_S;
  plots_find(&c->serve->conf.source, &p);
  c->rows = LIMIT_SERIES_ROWS;
  uint32_t step_s = span_step(c, from_s, to_s, 0);
  struct series_span at = span_clip(c, from_s, to_s, step_s);
  plots_json(c, &p, &at);
  yyjson_doc_free(doc);
}
