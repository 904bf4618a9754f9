/* Telemetry that is lost: who, how much, since when; told as an incident of its own that pages nobody. */
#include "base_must.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define JUMP_NS TIME_NS_PER_S
#define FORGET (10u * LIMIT_TICKS_PER_S) /* told once a second while it lasts: silence this long ends it, too */

static struct incident_gap *gap_find(struct incident_head *h, struct base_str node) {
  struct incident_gap *free = NULL;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++) {
    struct incident_gap *g = &h->gap[i];
    if (g->used && str_eq(str_of(g->pod), node)) return g;
    if (!g->used && !free) free = g;
  }
  return free;
}

static void name_copy(char *out, struct base_str s) {
  size_t n = s.n <= LIMIT_NAME_BYTES ? s.n : 0; /* refused whole, never cut */
  if (n) memcpy(out, s.p, n);
  out[n] = 0;
}

static uint32_t node_find(const struct series_catalog *c, struct base_str ns, struct base_str service) {
  for (uint32_t i = 0; service.n && i < c->node_n; i++)
    if (str_eq(c->node[i].name, service) && str_eq(c->node[i].ns, ns)) return i;
  return NONE;
}

static void gap_take(struct incident_head *h, const struct incident_view *v, const struct rec_gap *in) {
  struct incident_gap *g = gap_find(h, in->node);
  if (!g || in->node.n > LIMIT_NAME_BYTES) return;
  if (in->reason == REC_GAP_WHOLE) {
    g->used = 0;
    return;
  }
  if (!g->used) {
    *g = (struct incident_gap){.used = 1, .from_seq = v->seq};
    name_copy(g->pod, in->node);
    name_copy(g->service, in->service);
    name_copy(g->cluster, in->cluster);
    g->node = node_find(v->catalog, in->ns, in->service);
  }
  g->reason = in->reason;
  g->last_seq = v->seq;
  g->expected = in->expected;
  g->lost = in->lost < in->expected ? in->lost : in->expected;
}

static struct incident_case *case_of(struct incident_head *h) {
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++)
    if (h->case_[i].used && h->case_[i].family == INCIDENT_GAP) return &h->case_[i];
  return NULL;
}

uint32_t incident_gap_n(const struct incident_head *h) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++) n += h->gap[i].used;
  return n;
}

/* Seconds in which nobody was heard: time jumped, or the engine says so. */
static void silence_take(struct incident_head *h, const struct incident_view *v, struct rec_tick t) {
  const struct rec_gap nobody = {.node = STR("every proxy"), .reason = REC_GAP_SILENT};
  bool jump = h->tick_end.ns != 0 && t.end.ns - h->tick_end.ns > JUMP_NS;
  if (jump || v->unheard) gap_take(h, v, &nobody);
}

void incident_gap_step(struct incident_head *h, const struct incident_view *v, const struct rec_head_batch *in,
                       struct rec_tick t) {
  silence_take(h, v, t);
  for (size_t i = 0; i < in->gap_n; i++) gap_take(h, v, &in->gap[i]);
  for (uint32_t i = 0; i < LIMIT_GAPS; i++)
    if (h->gap[i].used && v->seq - h->gap[i].last_seq > FORGET) h->gap[i].used = 0;
  struct incident_case *c = case_of(h);
  if (incident_gap_n(h) == 0) {
    if (c && c->last_seq + 1 == v->seq) c->dirty = 1; /* it has just ended */
    return;
  }
  if (!c && !(c = incident_case_open(h, v, INCIDENT_GAP))) return;
  if (!h->degraded_seq || v->seq - h->degraded_seq > LIMIT_TICKS_PER_S) c->dirty = 1;
  h->degraded_seq = v->seq;
  c->last_seq = v->seq;
}

double incident_gap_share(const struct incident_head *h, uint32_t node) {
  double expected = 0.0, lost = 0.0, silent = 0.0;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++) {
    const struct incident_gap *g = &h->gap[i];
    if (!g->used || (node != NONE && g->node != node)) continue;
    expected += (double)g->expected;
    lost += (double)g->lost;
    if (g->expected == 0) silent = 1.0;
  }
  return silent > 0.0 ? 1.0 : expected > 0.0 ? lost / expected : 0.0;
}

double incident_gap_lost(const struct incident_gap *g) {
  return g->expected ? (double)g->lost / (double)g->expected : 0.0;
}

/* Those that lose most first, in the order of the table where they lose alike. */
static uint32_t worst_list(const struct incident_head *h, const struct incident_gap **out, uint32_t max) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < LIMIT_GAPS; i++) {
    const struct incident_gap *g = &h->gap[i];
    if (!g->used || (n == max && out[n - 1]->lost >= g->lost)) continue;
    uint32_t at = n < max ? n++ : n - 1;
    for (; at > 0 && out[at - 1]->lost < g->lost; at--) out[at] = out[at - 1];
    out[at] = g;
  }
  return n;
}

static uint32_t pod_series(const struct incident_view *v, const struct incident_gap *g) {
  uint32_t idx = NONE;
  if (g->node == NONE) return NONE;
  for (unsigned side = 0; side < REC_SIDE_COUNT && idx == NONE; side++)
    idx = series_catalog_child(v->catalog, v->catalog->node[g->node].first_child, REC_LEVEL_POD, side, REC_DIM_POD,
                               str_of(g->pod));
  return idx;
}

static void put_gap(struct base_buf *b, const struct incident_gap *g) {
  if (g->lost)
    buf_put_f(b, "%.0f %% of the reports of %s are missing", 100.0 * incident_gap_lost(g), g->pod);
  else
    buf_put_f(b, "%s reports nothing", g->pod);
}

void incident_gap_text(const struct incident_head *h, char *out, size_t cap) {
  const struct incident_gap *g[1];
  struct base_buf b = buf_over(out, cap - 1);
  uint32_t n = incident_gap_n(h);
  if (worst_list(h, g, 1) == 0) {
    buf_put_str(&b, STR("reports were lost in the last minute"));
  } else {
    double all = incident_gap_share(h, NONE);
    put_gap(&b, g[0]);
    if (n > 1) buf_put_f(&b, "; %u proxies in all, %.0f %% of what they should report", n, 100.0 * all);
  }
  out[b.n < cap ? b.n : cap - 1] = 0;
}

void incident_gap_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  const struct incident_gap *g[LIMIT_CAUSES];
  uint32_t n = worst_list(h, g, LIMIT_CAUSES);
  struct incident_story s = {.verdict = REC_VERDICT_EXPECTED, .severity = REC_SEVERITY_WARNING, .margin = 1.0};
  double lost = 0.0;
  if (n == 0) return;
  for (uint32_t i = 0; i < n; i++) lost += (double)g[i]->lost;
  for (uint32_t i = 0; i < n; i++) {
    struct incident_cause *k = &s.cause[s.cause_n++];
    *k = (struct incident_cause){
        .series_idx = pod_series(v, g[i]), .node = g[i]->node, .signal = REC_SIGNAL_REQUESTS_DOWN};
    k->shown_idx = k->series_idx;
    k->score = lost > 0.0 ? (double)g[i]->lost / lost : 1.0 / (double)n;
    struct base_buf b = buf_over(k->evidence, sizeof k->evidence - 1);
    buf_put_f(&b, "%s: ", rec_gap_text(g[i]->reason));
    put_gap(&b, g[i]);
    if (g[i]->expected) buf_put_f(&b, " (%u of %u that others report with it)", g[i]->lost, g[i]->expected);
  }
  char what[LIMIT_TEXT_BYTES - 64];
  incident_gap_text(h, what, sizeof what);
  struct base_buf b = buf_over(s.summary, sizeof s.summary - 1);
  buf_put_f(&b, "telemetry degraded: %s", what);
  c->story = s;
}
