#include "incident_gauge.h"

#include "base_math.h"

#define NONE REC_SERIES_NONE

static uint32_t node_of(const struct incident_view *v, const struct rec_gauge_names *n) {
  return n->dim[REC_DIM_SERVICE].n
             ? series_catalog_node_find(v->catalog, n->dim[REC_DIM_NAMESPACE], n->dim[REC_DIM_SERVICE])
             : NONE;
}

/* Rose it near the onset? The sample that shows a rise may come a usual step after it. */
static bool is_timely(const struct gauge_watch *w, struct base_wall onset) {
  int64_t from = w->episode.from_ns - onset.ns, step_ns = (int64_t)((double)w->gauge.step_s * 1e9);
  if (step_ns > GAUGE_QUIET_NS) step_ns = GAUGE_QUIET_NS;
  return from >= -INCIDENT_GAUGE_BEFORE_NS && from <= INCIDENT_GAUGE_AFTER_NS + step_ns;
}

double incident_gauge_says(enum rec_role role, double score) {
  double share = score / INCIDENT_GAUGE_FULL;
  if (!rec_role_ranks(role)) return 0.0;
  return share < 1.0 ? share : 1.0;
}

static uint32_t index_of(const struct incident_nodes *set, uint32_t node) {
  for (uint32_t i = 0; i < set->n; i++)
    if (set->node[i] == node) return i;
  return NONE;
}

static void weigh_one(const struct incident_nodes *set, uint32_t node, double more, double says[INCIDENT_NODES]) {
  uint32_t i = node == NONE || more <= 0.0 ? NONE : index_of(set, node);
  if (i != NONE && says[i] < more) says[i] = more;
}

/* The next hot gauge that is timely and has a service, from *at on; NULL at the end. */
static const struct gauge_watch *hot_next(const struct incident_view *v, struct base_wall onset, uint32_t *at,
                                          uint32_t *node) {
  struct rec_gauge_names names;
  while ((*at = gauge_table_hot(v->gauge, *at)) != GAUGE_NONE) {
    const struct gauge_watch *w = &v->gauge->watch[(*at)++];
    if (!is_timely(w, onset) || !rec_gauge_key_read(w->key, w->key_n, &names)) continue;
    *node = node_of(v, &names);
    if (*node != NONE) return w;
  }
  return NULL;
}

void incident_gauge_weigh(const struct incident_view *v, const struct incident_gauges *kept,
                          const struct incident_nodes *set, struct base_wall onset, double says[INCIDENT_NODES]) {
  const struct gauge_watch *w;
  uint32_t node;
  for (uint32_t i = 0; i < set->n; i++) says[i] = 0.0;
  for (uint32_t i = 0; i < kept->n; i++)
    weigh_one(set, kept->gauge[i].node, incident_gauge_says(kept->gauge[i].role, (double)kept->gauge[i].episode.score),
              says);
  for (uint32_t at = 0; v->gauge && (w = hot_next(v, onset, &at, &node));)
    weigh_one(set, node, incident_gauge_says(w->role, (double)w->episode.score), says);
}

static void let_go(struct incident_gauges *kept, const struct incident_nodes *of) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < kept->n; i++)
    if (incident_nodes_has(of, kept->gauge[i].node)) kept->gauge[n++] = kept->gauge[i];
  kept->n = n;
}

static struct base_str key_of(const struct incident_gauge *g) {
  return (struct base_str){g->key, g->key_n};
}

/* Of the better cause first, then what ranks, then what says more; the key decides what is alike. */
static bool is_before(const struct incident_gauge *a, const struct incident_gauge *b, const struct incident_nodes *of) {
  uint32_t x = index_of(of, a->node), y = index_of(of, b->node);
  bool r = rec_role_ranks(a->role) || a->novel, s = rec_role_ranks(b->role) || b->novel;
  if (x != y) return x < y;
  if (r != s) return r;
  if (a->episode.score > b->episode.score || a->episode.score < b->episode.score)
    return a->episode.score > b->episode.score;
  return str_cmp(key_of(a), key_of(b)) < 0;
}

static void sort(struct incident_gauges *kept, const struct incident_nodes *of) {
  for (uint32_t i = 1; i < kept->n; i++)
    for (uint32_t k = i; k > 0 && is_before(&kept->gauge[k], &kept->gauge[k - 1], of); k--) {
      struct incident_gauge t = kept->gauge[k];
      kept->gauge[k] = kept->gauge[k - 1];
      kept->gauge[k - 1] = t;
    }
}

static struct incident_gauge gauge_of(const struct gauge_watch *w, uint32_t node) {
  struct incident_gauge g = {.episode = w->episode,
                             .node = node,
                             .key_n = w->key_n,
                             .role = w->role,
                             .unit = w->unit,
                             .line_n = w->line_n,
                             .novel = w->novel};
  memcpy(g.key, w->key, w->key_n);
  memcpy(g.line, w->line, w->line_n);
  return g;
}

/* Into its own place, a free one, or that of the last where it comes before that. */
static void keep_one(struct incident_gauges *kept, struct incident_gauge g, const struct incident_nodes *of) {
  uint32_t i = 0;
  while (i < kept->n && !str_eq(key_of(&kept->gauge[i]), key_of(&g))) i++;
  if (i == LIMIT_GAUGES_SHOWN) {
    sort(kept, of);
    i--;
    if (!is_before(&g, &kept->gauge[i], of)) return;
  }
  kept->gauge[i] = g;
  if (i == kept->n) kept->n++;
}

void incident_gauge_keep(const struct incident_view *v, struct incident_gauges *kept, const struct incident_nodes *of,
                         struct base_wall onset) {
  const struct gauge_watch *w;
  uint32_t node;
  let_go(kept, of);
  for (uint32_t at = 0; v->gauge && (w = hot_next(v, onset, &at, &node));)
    if (incident_nodes_has(of, node)) keep_one(kept, gauge_of(w, node), of);
  sort(kept, of);
}

bool incident_gauge_fits(const struct incident_gauge *g, const struct rec_entity *e) {
  struct rec_gauge_names n;
  if (!rec_gauge_key_read(g->key, g->key_n, &n)) return false;
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (d == REC_DIM_POD && n.dim[REC_DIM_CALLER].n) continue; /* who measured, at the other end */
    if (n.dim[d].n && e->dim[d].n && !str_eq(n.dim[d], e->dim[d])) return false;
  }
  return true;
}

bool incident_gauge_full(const struct incident_gauges *kept, const struct rec_entity *e, uint32_t node) {
  for (uint32_t i = 0; i < kept->n; i++) {
    const struct incident_gauge *g = &kept->gauge[i];
    if (g->node == node && g->role == REC_ROLE_SATURATION && incident_gauge_fits(g, e)) return true;
  }
  return false;
}

/* ---- words ---- */

static void put_bytes(struct base_buf *b, double v, const char *per) {
  static const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB"};
  unsigned k = 0;
  for (; k < 4 && (v >= 999.5 || v <= -999.5); k++) v /= 1000.0;
  buf_put_f(b, k && v < 100.0 && v > -100.0 ? "%.1f %s%s" : "%.0f %s%s", v, unit[k], per);
}

static void put_count(struct base_buf *b, double v) {
  double size = v < 0.0 ? -v : v;
  if (size < 1e-3)
    buf_put_char(b, '0');
  else
    buf_put_f(b, size >= 100.0 ? "%.0f" : "%.3g", v);
}

static void put_value(struct base_buf *b, double v, uint8_t unit) {
  switch (unit) {
    case REC_UNIT_BYTES: put_bytes(b, v, ""); break;
    case REC_UNIT_BYTES_PER_S: put_bytes(b, v, "/s"); break;
    case REC_UNIT_SHARE: put_count(b, 100.0 * v), buf_put_str(b, STR(" %")); break;
    case REC_UNIT_SECONDS: put_count(b, v), buf_put_str(b, STR(" s")); break;
    case REC_UNIT_PER_S: put_count(b, v), buf_put_str(b, STR("/s")); break;
    case REC_UNIT_CORES: put_count(b, v), buf_put_str(b, STR(" cores")); break;
    default: put_count(b, v); break;
  }
}

static void put_usual(struct base_buf *b, const struct gauge_episode *e, uint8_t unit) {
  char text[2][48];
  struct base_buf end[2] = {buf_over(text[0], sizeof text[0]), buf_over(text[1], sizeof text[1])};
  put_value(&end[0], e->low, unit);
  put_value(&end[1], e->high, unit);
  buf_put_str(b, STR(", usually "));
  buf_put_str(b, buf_str(&end[0]));
  if (str_eq(buf_str(&end[0]), buf_str(&end[1]))) return;
  buf_put_str(b, STR(" to "));
  buf_put_str(b, buf_str(&end[1]));
}

static void put_since(struct base_buf *b, int64_t ns) {
  char text[TIME_TEXT_BYTES];
  time_text((struct base_wall){ns}, text);
  buf_put_f(b, ", since %.8s", text + sizeof "2026-03-02T" - 1);
}

static void put_who(struct base_buf *b, const struct rec_gauge_names *n) {
  struct base_str pod = n->dim[REC_DIM_POD];
  buf_put_str(b, pod.n ? pod : n->dim[n->dim[REC_DIM_CALLER].n ? REC_DIM_CALLER : REC_DIM_SERVICE]);
  if (n->dim[REC_DIM_CALLER].n) {
    buf_put_str(b, STR(" to "));
    buf_put_str(b, n->dim[REC_DIM_SERVICE]);
  }
}

/* "; cart-7f: upstream_rq_pending_active 48, usually 0 to 3, since 12:00:03" */
static void put_sentence(struct base_buf *b, const struct incident_gauge *g) {
  struct rec_gauge_names n;
  if (!rec_gauge_key_read(g->key, g->key_n, &n)) return;
  buf_put_str(b, STR("; "));
  put_who(b, &n);
  if (g->novel) {
    buf_put_f(b, " logs what it never did before: \"%.*s\"", (int)g->line_n, g->line);
  } else {
    buf_put_f(b, ": %.*s ", STR_ARG(n.metric));
    if (n.part.n) buf_put_f(b, "(%.*s) ", STR_ARG(n.part));
    put_value(b, g->episode.peak, g->unit);
    put_usual(b, &g->episode, g->unit);
  }
  put_since(b, g->episode.from_ns);
}

void incident_gauge_text(const struct incident_gauges *kept, const struct rec_entity *e, uint32_t node, char *evidence,
                         size_t cap) {
  size_t at = strnlen(evidence, cap);
  for (uint32_t i = 0, said = 0; i < kept->n && said < INCIDENT_GAUGE_SENTENCES && at < cap; i++) {
    const struct incident_gauge *g = &kept->gauge[i];
    if (g->node != node || !incident_gauge_fits(g, e)) continue;
    struct base_buf b = buf_over(evidence + at, cap - at - 1);
    put_sentence(&b, g);
    if (!b.bad) {
      at += b.n;
      said++;
    }
    evidence[at] = 0;
  }
}

/* ---- the record ---- */

static struct base_str kind_of(const struct base_str *dim) {
  if (dim[REC_DIM_CALLER].n) return STR("edge");
  return dim[REC_DIM_POD].n ? STR("pod") : STR("service");
}

void incident_gauge_write(const struct incident_gauges *kept, struct rec_incident *out) {
  out->gauge_n = 0;
  for (uint32_t i = 0; i < kept->n; i++) {
    const struct incident_gauge *g = &kept->gauge[i];
    struct rec_gauge_names n;
    if (!rec_gauge_key_read(g->key, g->key_n, &n)) continue;
    struct rec_pressure *p = &out->gauge[out->gauge_n++];
    *p = (struct rec_pressure){.metric = n.metric,
                               .part = n.part,
                               .line = {g->line, g->line_n},
                               .entity.kind = kind_of(n.dim),
                               .role = g->role,
                               .unit = g->unit,
                               .side = g->episode.side < 0 ? REC_BAD_BELOW : REC_BAD_ABOVE,
                               .novel = g->novel,
                               .value = g->episode.peak,
                               .low = g->episode.low,
                               .high = g->episode.high,
                               .score = (double)g->episode.score,
                               .since = {g->episode.from_ns},
                               .at = {g->episode.peak_ns}};
    memcpy(p->entity.dim, n.dim, sizeof p->entity.dim);
  }
}

bool incident_gauge_sound(const struct incident_gauges *kept, uint32_t node_n) {
  struct rec_gauge_names n;
  if (kept->n > LIMIT_GAUGES_SHOWN) return false;
  for (uint32_t i = 0; i < kept->n; i++) {
    const struct incident_gauge *g = &kept->gauge[i];
    if (g->node >= node_n || g->key_n > REC_GAUGE_KEY_BYTES || g->line_n > LIMIT_LOG_LINE_BYTES) return false;
    if (g->role >= REC_ROLE_COUNT || g->unit >= REC_UNIT_COUNT || !rec_gauge_key_read(g->key, g->key_n, &n))
      return false;
  }
  return true;
}
