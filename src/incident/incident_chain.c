/* From where users see the trouble down to its cause, call by call, whether or not a hop raised an alarm; and what
 * would show that the cause is another one. */
#include "base_must.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define Z_HOT 2.0

static bool on_chain(const struct incident_view *v, const struct incident_story *s, uint32_t node) {
  for (uint32_t i = 0; i < s->hop_n; i++)
    if (v->catalog->edge[s->hop[i].edge].to == node) return true;
  return false;
}

/* The call into a node that shows most of the trouble, from a caller that is not below it already; or NONE. */
static uint32_t hottest_in(const struct incident_view *v, const struct incident_case *c, const struct incident_story *s,
                           uint32_t node, struct base_str cluster, uint32_t from) {
  const struct series_catalog *g = v->catalog;
  uint32_t best = NONE;
  double most = 0.0;
  for (uint32_t e = g->node[node].first_in; e != NONE; e = g->edge[e].next_in) {
    if (g->edge[e].from == node || on_chain(v, s, g->edge[e].from)) continue;
    struct incident_excess x = incident_excess_of(v, incident_call_series(v, e, cluster), c->family, from, v->seq);
    if (incident_z(x) < Z_HOT || x.x <= most) continue;
    most = x.x;
    best = e;
  }
  return best;
}

static bool alarming(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                     uint32_t node) {
  const struct incident_alarm *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));)
    if (incident_alarm_node(v, a) == node) return true;
  return false;
}

static void hop_put(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                    struct incident_story *s, uint32_t edge, uint32_t idx, uint32_t from) {
  struct incident_hop *hop = &s->hop[s->hop_n++];
  hop->edge = edge;
  hop->quiet = !alarming(h, v, c, v->catalog->edge[edge].to);
  incident_text_hop(v, idx, c->family, from, v->seq, hop->evidence, sizeof hop->evidence);
}

static void chain_turn(struct incident_story *s) {
  for (uint32_t i = 0; i < s->hop_n / 2; i++) {
    struct incident_hop t = s->hop[i];
    s->hop[i] = s->hop[s->hop_n - 1 - i];
    s->hop[s->hop_n - 1 - i] = t;
  }
}

/* The call of the culprit that shows most of the trouble, and the share that it has of it; or NONE. */
static uint32_t hottest_out(const struct incident_view *v, const struct incident_case *c, uint32_t node, uint32_t from,
                            double *share) {
  const struct series_catalog *g = v->catalog;
  uint32_t server = incident_node_series(v, node, REC_SIDE_SERVER, STR_NONE), best = NONE;
  double own = incident_excess_of(v, server, c->family, from, v->seq).x, most = 0.0;
  for (uint32_t e = g->node[node].first_out; e != NONE; e = g->edge[e].next_out) {
    double x = incident_excess_of(v, incident_call_series(v, e, STR_NONE), c->family, from, v->seq).x;
    if (g->edge[e].to == node || (best != NONE && x <= most)) continue;
    most = x;
    best = g->edge[e].to;
  }
  *share = own > 0.0 && most > 0.0 ? most / own : 0.0;
  return best;
}

static void refute_put(const struct incident_view *v, const struct incident_case *c, uint32_t from,
                       struct incident_story *s) {
  const struct incident_cause *k = &s->cause[0];
  struct base_buf b = buf_over(s->refute, sizeof s->refute - 1);
  char name[LIMIT_TEXT_BYTES];
  double share;
  incident_text_entity(v, k, name, sizeof name);
  struct base_str service = v->catalog->node[k->node].name;
  uint32_t below = hottest_out(v, c, k->node, from, &share);
  if (k->silent)
    buf_put_f(&b, "a request that %s answered since the start", name);
  else if (k->between)
    buf_put_f(&b, "the same trouble in the reports of %.*s itself: then it is the service and not the way to it",
              STR_ARG(service));
  else if (k->series_idx != NONE)
    buf_put_f(&b, "the same trouble in the rest of %.*s: then it is not %s alone", STR_ARG(service), name);
  else if (below != NONE)
    buf_put_f(&b, "the trouble in what %.*s calls; %.*s, the most suspect of it, has %.0f %% of what %.*s shows",
              STR_ARG(service), STR_ARG(v->catalog->node[below].name), share < 1.0 ? 100.0 * share : 100.0,
              STR_ARG(service));
  else
    buf_put_f(&b, "%.*s waiting for something that reports nothing here", STR_ARG(service));
  s->refute[b.n] = 0;
}

void incident_chain_tell(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         struct base_str cluster, uint32_t from, struct incident_story *s) {
  MUST(s->hop_n == 0);
  if (s->cause_n == 0 || s->cause[0].node == NONE || c->family > INCIDENT_LATENCY) return;
  uint32_t node = s->cause[0].node;
  while (s->hop_n < LIMIT_HOPS) {
    uint32_t edge = hottest_in(v, c, s, node, cluster, from);
    if (edge == NONE) break;
    hop_put(h, v, c, s, edge, incident_call_series(v, edge, cluster), from);
    node = v->catalog->edge[edge].from;
  }
  chain_turn(s);
  refute_put(v, c, from, s);
}

void incident_chain_write(const struct incident_view *v, const struct incident_case *c, struct rec_incident *out) {
  const struct incident_story *s = &c->story;
  for (uint32_t i = 0; i < s->hop_n; i++) {
    struct rec_hop *hop = &out->hop[out->hop_n++];
    incident_entity_node(v, v->catalog->edge[s->hop[i].edge].from, &hop->from);
    incident_entity_node(v, v->catalog->edge[s->hop[i].edge].to, &hop->to);
    hop->quiet = s->hop[i].quiet;
    memcpy(hop->evidence, s->hop[i].evidence, sizeof hop->evidence);
  }
  memcpy(out->refute, s->refute, sizeof out->refute);
}
