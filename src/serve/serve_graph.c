/* The mesh as nodes (services) and edges (calls), with what they do now and where they run. */
#include <stdlib.h>

#include "base_must.h"
#include "serve_room.h"

#define GRAPH_NO_SERIES 0xffffffffu
#define FIXED_MAX 1e12 /* a larger number is written as any other */

struct graph_item {
  struct base_str ns, name, caller_ns, caller; /* a node has no caller */
  uint32_t series_idx;                         /* GRAPH_NO_SERIES: known by name only */
  uint8_t side;
};

/* A service runs in a cluster, as its pods say. */
struct graph_place {
  struct base_str ns, name, cluster, region;
};

struct graph_places {
  struct graph_place *place;
  size_t n;
};

struct graph_list {
  struct graph_item *item;
  size_t n, max;
  bool cut;
};

static int graph_cmp_key(const struct graph_item *a, const struct graph_item *b) {
  int c = str_cmp(a->ns, b->ns);
  if (!c) c = str_cmp(a->name, b->name);
  if (!c) c = str_cmp(a->caller_ns, b->caller_ns);
  return c ? c : str_cmp(a->caller, b->caller);
}

/* Within a key: a series before a bare name, the serving side's word before the calling side's. */
static int graph_cmp(const void *x, const void *y) {
  const struct graph_item *a = x, *b = y;
  int c = graph_cmp_key(a, b);
  if (c) return c;
  int a_bare = a->series_idx == GRAPH_NO_SERIES, b_bare = b->series_idx == GRAPH_NO_SERIES;
  if (a_bare != b_bare) return a_bare - b_bare;
  if (a->side != b->side) return a->side - b->side;
  return (a->series_idx > b->series_idx) - (a->series_idx < b->series_idx);
}

static int place_cmp(const void *x, const void *y) {
  const struct graph_place *a = x, *b = y;
  int c = str_cmp(a->ns, b->ns);
  if (!c) c = str_cmp(a->name, b->name);
  if (!c) c = str_cmp(a->cluster, b->cluster);
  return c ? c : str_cmp(a->region, b->region);
}

static void places_read(const struct serve_source *src, struct graph_places *p) {
  uint32_t n = src->series_n(src->ctx);
  size_t kept = 0;
  for (uint32_t i = 0; i < n && p->n < SERVE_PLACES_MAX; i++) {
    const struct rec_series *s = src->series(src->ctx, i);
    if (!s || s->level != REC_LEVEL_POD || s->dim[REC_DIM_CLUSTER].n == 0) continue;
    p->place[p->n++] = (struct graph_place){s->dim[REC_DIM_NAMESPACE], s->dim[REC_DIM_SERVICE], s->dim[REC_DIM_CLUSTER],
                                            s->dim[REC_DIM_REGION]};
  }
  if (p->n) qsort(p->place, p->n, sizeof *p->place, place_cmp);
  for (size_t i = 0; i < p->n; i++)
    if (kept == 0 || place_cmp(&p->place[kept - 1], &p->place[i])) p->place[kept++] = p->place[i];
  p->n = kept;
}

/* Those of one service stand together: the first of them, by bisection. */
static size_t places_find(const struct graph_places *p, const struct graph_item *i) {
  size_t low = 0, high = p->n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int c = str_cmp(p->place[mid].ns, i->ns);
    if (!c) c = str_cmp(p->place[mid].name, i->name);
    if (c < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static void graph_clusters(struct base_json *j, const struct graph_places *p, const struct graph_item *i) {
  json_key(j, "clusters");
  json_array(j);
  for (size_t k = places_find(p, i); k < p->n; k++) {
    if (!str_eq(p->place[k].ns, i->ns) || !str_eq(p->place[k].name, i->name)) break;
    json_object(j);
    json_key(j, "cluster");
    json_str(j, p->place[k].cluster);
    json_key(j, "region");
    json_str(j, p->place[k].region);
    json_close(j);
  }
  json_close(j);
}

static void graph_add(struct graph_list *l, struct graph_item item) {
  if (l->n == l->max)
    l->cut = true;
  else
    l->item[l->n++] = item;
}

/* Sorts, and keeps the best of each key. */
static void graph_settle(struct graph_list *l) {
  if (l->n == 0) return;
  qsort(l->item, l->n, sizeof *l->item, graph_cmp);
  size_t kept = 1;
  for (size_t i = 1; i < l->n; i++)
    if (graph_cmp_key(&l->item[kept - 1], &l->item[i])) l->item[kept++] = l->item[i];
  l->n = kept;
}

static struct graph_item graph_bare(struct base_str ns, struct base_str name) {
  return (struct graph_item){.ns = ns, .name = name, .series_idx = GRAPH_NO_SERIES};
}

static void graph_take(const struct rec_series *s, uint32_t idx, struct graph_list *nodes, struct graph_list *edges) {
  struct graph_item item = {
      .ns = s->dim[REC_DIM_NAMESPACE], .name = s->dim[REC_DIM_SERVICE], .series_idx = idx, .side = s->side};
  if (s->level == REC_LEVEL_SERVICE) graph_add(nodes, item);
  if (s->level != REC_LEVEL_EDGE) return;
  item.caller_ns = s->dim[REC_DIM_CALLER_NAMESPACE];
  item.caller = s->dim[REC_DIM_CALLER];
  graph_add(edges, item);
}

static void graph_read(const struct serve_source *src, struct graph_list *nodes, struct graph_list *edges) {
  uint32_t n = src->series_n(src->ctx);
  for (uint32_t i = 0; i < n; i++) {
    const struct rec_series *s = src->series(src->ctx, i);
    if (s) graph_take(s, i, nodes, edges);
  }
  graph_settle(edges);
  for (size_t i = 0; i < edges->n; i++) {
    graph_add(nodes, graph_bare(edges->item[i].ns, edges->item[i].name));
    graph_add(nodes, graph_bare(edges->item[i].caller_ns, edges->item[i].caller));
  }
  graph_settle(nodes);
}

static const char *rate_health(const struct serve_rate *r) {
  if (r->alarming) return "alarming";
  return r->learned_requests_per_s > 0 ? "ok" : "learning";
}

void serve_fixed_json(struct base_json *j, double v, unsigned decimals) {
  static const double unit[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
  char text[32];
  size_t at = sizeof text;
  MUST(decimals <= 6);
  if (!(v >= 0 && v < FIXED_MAX)) {
    json_f64(j, v);
    return;
  }
  uint64_t n = (uint64_t)(v * unit[decimals] + 0.5);
  for (; decimals && n % 10 == 0; decimals--) n /= 10; /* no zeros at the end */
  for (unsigned written = 0; n || written <= decimals; written++, n /= 10) {
    if (decimals && written == decimals) text[--at] = '.';
    text[--at] = (char)('0' + n % 10);
  }
  json_raw(j, (struct base_str){text + at, sizeof text - at});
}

void serve_rate_json(struct base_json *j, const struct serve_rate *r) {
  const struct {
    const char *key;
    double value;
    unsigned decimals;
  } field[] = {
      {"requests_per_s", r->requests_per_s, 3},           {"errors_per_s", r->errors_per_s, 3},
      {"latency_mean_ms", r->latency_mean_ms, 3},         {"learned_requests_per_s", r->learned_requests_per_s, 3},
      {"learned_error_ratio", r->learned_error_ratio, 6}, {"learned_latency_mean_ms", r->learned_latency_mean_ms, 3},
  };
  for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
    json_key(j, field[i].key);
    serve_fixed_json(j, field[i].value, field[i].decimals);
  }
  json_key(j, "age_s");
  json_u64(j, r->age_s);
  json_key(j, "health");
  json_text(j, rate_health(r));
}

void serve_entity_json(struct base_json *j, const struct rec_entity *e) {
  json_key(j, "entity");
  json_object(j);
  json_key(j, "kind");
  json_str(j, e->kind);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (e->dim[d].n == 0) continue;
    json_key(j, rec_dim_text(d));
    json_str(j, e->dim[d]);
  }
  json_close(j);
}

/* "namespace/service", or the bare service where no namespace is known. */
static void graph_id(struct base_json *j, const char *key, struct base_str ns, struct base_str name) {
  char text[2 * LIMIT_NAME_BYTES + 2];
  struct base_buf t = buf_over(text, sizeof text);
  buf_put_str(&t, ns);
  if (ns.n) buf_put_char(&t, '/');
  buf_put_str(&t, name);
  json_key(j, key);
  json_str(j, buf_str(&t));
}

static void graph_entity(struct base_json *j, const struct graph_item *i) {
  struct rec_entity e = {.kind = i->caller.n ? STR("edge") : STR("service")};
  e.dim[REC_DIM_NAMESPACE] = i->ns;
  e.dim[REC_DIM_SERVICE] = i->name;
  e.dim[REC_DIM_CALLER_NAMESPACE] = i->caller_ns;
  e.dim[REC_DIM_CALLER] = i->caller;
  serve_entity_json(j, &e);
}

/* A name without a series has no numbers: it is known as a caller or callee only. */
static void graph_now(struct base_json *j, const struct serve_source *src, const struct graph_item *i) {
  struct serve_rate r;
  bool known = i->series_idx != GRAPH_NO_SERIES && src->rate(src->ctx, i->series_idx, &r);
  json_key(j, "side");
  if (!known) {
    json_null(j);
    json_key(j, "health");
    json_text(j, "unknown");
    return;
  }
  json_text(j, rec_side_text(i->side));
  serve_rate_json(j, &r);
}

static void graph_node(struct base_json *j, const struct serve_source *src, const struct graph_item *i,
                       const struct graph_places *places) {
  json_object(j);
  graph_id(j, "id", i->ns, i->name);
  graph_entity(j, i);
  graph_clusters(j, places, i);
  graph_now(j, src, i);
  json_close(j);
}

static void graph_edge(struct base_json *j, const struct serve_source *src, const struct graph_item *i) {
  json_object(j);
  graph_id(j, "source", i->caller_ns, i->caller);
  graph_id(j, "target", i->ns, i->name);
  graph_entity(j, i);
  graph_now(j, src, i);
  json_close(j);
}

static void graph_json(struct base_buf *out, const struct serve_source *src, const struct graph_list *nodes,
                       const struct graph_list *edges, const struct graph_places *places) {
  struct base_json json = json_over(out), *j = &json;
  json_object(j);
  json_key(j, "nodes");
  json_array(j);
  for (size_t i = 0; i < nodes->n; i++) graph_node(j, src, &nodes->item[i], places);
  json_close(j);
  json_key(j, "edges");
  json_array(j);
  for (size_t i = 0; i < edges->n; i++) graph_edge(j, src, &edges->item[i]);
  json_close(j);
  json_key(j, "cut");
  json_bool(j, nodes->cut || edges->cut);
  json_close(j);
  buf_put_char(out, '\n');
}

/* False: out of memory. */
static bool graph_make(struct serve *s) {
  const struct serve_source *src = &s->conf.source;
  struct graph_list edges = {.max = SERVE_EDGES_MAX}, nodes = {.max = SERVE_NODES_MAX + 2 * SERVE_EDGES_MAX};
  struct graph_places places = {.place = malloc(SERVE_PLACES_MAX * sizeof *places.place)};
  edges.item = malloc(edges.max * sizeof *edges.item);
  nodes.item = malloc(nodes.max * sizeof *nodes.item);
  bool room = edges.item && nodes.item && places.place;
  buf_clear(&s->graph);
  if (room) {
    graph_read(src, &nodes, &edges);
    places_read(src, &places);
    graph_json(&s->graph, src, &nodes, &edges, &places);
  }
  free(edges.item);
  free(nodes.item);
  free(places.place);
  return room && !s->graph.bad;
}

/* Made at most once a second, however many ask: of thousands of services it takes milliseconds. */
void serve_graph_get(struct serve_call *c) {
  static const char *const none[] = {NULL};
  struct serve *s = c->serve;
  struct serve_status st = {0};
  if (!serve_query_only(c, none)) return;
  s->conf.source.status(s->conf.source.ctx, &st);
  bool fresh = s->graph.n && st.now.ns >= s->graph_at.ns && st.now.ns - s->graph_at.ns < TIME_NS_PER_S;
  if (!fresh && !graph_make(s)) {
    buf_fini(&s->graph);
    s->graph = buf_open(LIMIT_HTTP_OUT_BYTES);
    serve_fail(c, 500, "out of memory");
    return;
  }
  if (!fresh) s->graph_at = st.now;
  buf_put_str(&c->res->body, buf_str(&s->graph));
}
