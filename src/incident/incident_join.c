#include "base_hash.h"
#include "base_must.h"
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define NEAR_S 30u                        /* onsets so close may be one trouble */
#define AT_ONCE (10u * LIMIT_TICKS_PER_S) /* before the evidence has settled who is victim of whom */
#define GROWS (60u * LIMIT_TICKS_PER_S)   /* a slow service may begin to fail so much later */
#define FAILS 0.2                         /* of its requests: worse than being slow */
#define SOON_LEAST 3u
#define DEPTH_MAX 24u
#define CALLS_DEPTH 4u
#define NEAR (NEAR_S * LIMIT_TICKS_PER_S)

struct who {
  enum incident_family family;
  uint32_t node;   /* of the alarm's service, NONE for mesh, region, cluster */
  uint32_t source; /* where its trouble begins */
  struct base_str cluster;
  bool evident; /* the source shows excess */
  bool loaded;  /* latency that more traffic explains */
  bool between; /* the clients of the source see it, the source does not */
  bool apart;   /* stands out from its siblings: no trouble of others can be why */
  bool up;
  bool moves; /* from one cluster to another */
  bool fails; /* a fifth of its requests or more */
  uint8_t signal;
};

static bool alarming(const struct incident_head *h, const struct incident_view *v, uint32_t node, uint8_t signal) {
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    if (h->alarm[i].signal != signal || h->alarm[i].over_seq) continue;
    const struct series_entry *e = series_catalog_find(v->catalog, h->alarm[i].series_idx);
    if (e && e->node == node) return true;
  }
  return false;
}

/* Signals without recent seconds: down along the calls to services that have the same alarm. */
static uint32_t other_source(const struct incident_head *h, const struct incident_view *v, uint32_t node,
                             uint8_t signal) {
  const struct series_catalog *c = v->catalog;
  for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
    uint32_t next = NONE;
    for (uint32_t e = c->node[node].first_out; e != NONE && next == NONE; e = c->edge[e].next_out)
      if (c->edge[e].to != node && alarming(h, v, c->edge[e].to, signal)) next = c->edge[e].to;
    if (next == NONE) return node;
    node = next;
  }
  return node;
}

/* A service and who calls it, if only through others: all within so many calls up, INCIDENT_NODES at most. */
static void callers_of(const struct series_catalog *c, uint32_t node, unsigned depth, struct incident_nodes *out) {
  uint32_t done = 0;
  out->n = 0;
  (void)incident_nodes_add(out, node);
  for (unsigned d = 0; d < depth; d++)
    for (uint32_t end = out->n; done < end; done++)
      for (uint32_t e = c->node[out->node[done]].first_in; e != NONE; e = c->edge[e].next_in)
        (void)incident_nodes_add(out, c->edge[e].from);
}

/* Does `from` call `to`, if only through at most depth - 1 others? */
static bool calls(const struct series_catalog *c, uint32_t from, uint32_t to, unsigned depth) {
  struct incident_nodes up;
  callers_of(c, to, depth, &up);
  return incident_nodes_has(&up, from);
}

bool incident_related(const struct series_catalog *c, uint32_t a, uint32_t b) {
  return calls(c, a, b, CALLS_DEPTH) || calls(c, b, a, CALLS_DEPTH);
}

static bool case_has(const struct incident_head *h, const struct incident_case *c, uint8_t signal) {
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx == incident_case_number(h, c) && h->alarm[i].signal == signal) return true;
  return false;
}

/* Clusters have dependencies of their own: where its calls explain what sets a cluster apart, it is a victim. */
static void cluster_apart(const struct incident_view *v, const struct incident_alarm *a, struct who *w) {
  enum incident_family f = incident_family_shown(a->signal);
  uint32_t source = incident_rank_source(v, w->node, w->cluster, f, a->from_seq, v->seq);
  if (source == w->node) return;
  w->family = f;
  w->apart = false;
}

static struct who who_of(const struct incident_head *h, const struct incident_view *v, const struct incident_alarm *a) {
  const struct series_entry *e = series_catalog_find(v->catalog, a->series_idx);
  struct who w = {.family = incident_family_of(a->signal), .node = NONE, .source = NONE};
  MUST(e);
  w.up = a->signal == REC_SIGNAL_REQUESTS_UP;
  w.apart = a->signal == REC_SIGNAL_ERRORS_APART || a->signal == REC_SIGNAL_LATENCY_APART;
  w.node = e->node;
  w.cluster = e->who.dim[REC_DIM_CLUSTER];
  w.source = w.node;
  w.signal = a->signal;
  if (w.node != NONE && w.family == INCIDENT_OTHER && !w.apart) w.source = other_source(h, v, w.node, a->signal);
  if (w.node != NONE && w.family == INCIDENT_TRAFFIC) {
    w.source = incident_traffic_root(v, w.node, w.up, a->from_seq);
    w.moves = incident_traffic_moves(v, w.node, a->from_seq);
  }
  if (w.apart && e->who.level == REC_LEVEL_SERVICE_CLUSTER) cluster_apart(v, a, &w);
  if (w.node == NONE || w.family >= INCIDENT_TRAFFIC) return w;
  w.source = incident_rank_source(v, w.node, w.cluster, w.family, a->from_seq, v->seq);
  struct incident_excess s = incident_excess_of(v, incident_node_series(v, w.source, REC_SIDE_SERVER, w.cluster),
                                                w.family, a->from_seq, v->seq);
  struct incident_excess k = incident_excess_of(v, incident_node_series(v, w.source, REC_SIDE_CLIENT, w.cluster),
                                                w.family, a->from_seq, v->seq);
  w.evident = incident_z(s) >= 2.0 || incident_z(k) >= 2.0;
  w.between = incident_z(k) >= 3.0 && s.x < 0.5 * k.x;
  w.fails = w.family == INCIDENT_ERRORS && (s.x >= FAILS * s.n || k.x >= FAILS * k.n);
  if (w.family == INCIDENT_LATENCY)
    w.loaded = incident_traffic_loads(h, v, w.source, NONE, false, a->from_seq, v->seq) == INCIDENT_LOAD_EXPLAINS;
  return w;
}

static bool adjacent(const struct incident_view *v, const struct incident_nodes *set, uint32_t node) {
  const struct series_catalog *c = v->catalog;
  for (uint32_t e = c->node[node].first_out; e != NONE; e = c->edge[e].next_out)
    if (incident_nodes_has(set, c->edge[e].to)) return true;
  for (uint32_t e = c->node[node].first_in; e != NONE; e = c->edge[e].next_in)
    if (incident_nodes_has(set, c->edge[e].from)) return true;
  return false;
}

/* Is it a member, or does one call it, if only through others? */
static bool called_by(const struct incident_view *v, const struct incident_nodes *set, uint32_t node) {
  struct incident_nodes up;
  callers_of(v->catalog, node, CALLS_DEPTH, &up);
  for (uint32_t i = 0; i < set->n; i++)
    if (incident_nodes_has(&up, set->node[i])) return true;
  return false;
}

static bool near_onset(const struct incident_case *c, uint32_t from) {
  return from + NEAR >= c->from_seq && from <= c->last_seq + NEAR;
}

static bool same_onset(const struct incident_case *c, uint32_t from) {
  return from + NEAR >= c->from_seq && from <= c->from_seq + NEAR;
}

static bool fits_traffic(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         const struct who *w, uint32_t from) {
  if (!near_onset(c, from)) return false;
  if (c->family == INCIDENT_TRAFFIC) {
    if (c->up != w->up && !w->moves) return false; /* what moves goes up in one place and down in another */
    if (w->node == NONE || c->nodes.n == 0 || incident_nodes_has(&c->nodes, w->source)) return true;
    return incident_nodes_has(&c->nodes, w->node) || adjacent(v, &c->nodes, w->node);
  }
  if (case_has(h, c, REC_SIGNAL_ERRATIC)) return true; /* users who bunch are many for a while */
  /* Users see it, and stay away; callers see it, and try again. */
  if (w->node == NONE && (!w->up || c->family == INCIDENT_ERRORS)) return same_onset(c, from);
  /* Fewer or more calls around and below failing services are their consequence. */
  return w->node != NONE && (adjacent(v, &c->nodes, w->node) || called_by(v, &c->nodes, w->node));
}

/* The same signal at services of which one calls the other is one trouble that is handed on. */
static bool fits_other(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                       const struct who *w, uint32_t from) {
  if (w->family != INCIDENT_OTHER || c->family != INCIDENT_OTHER || w->apart || !same_onset(c, from)) return false;
  if (!case_has(h, c, w->signal) || c->source == NONE || w->source == NONE) return false;
  if (w->signal == REC_SIGNAL_ERRATIC) return true; /* users who bunch bunch everywhere */
  return incident_related(v->catalog, c->source, w->source);
}

/* Is it failures of that class? By the evidence for it alone, which may be too little for an alarm yet. */
static bool of_class(const struct incident_view *v, const struct who *w, enum rec_signal signal) {
  for (unsigned side = 0; side < REC_SIDE_COUNT; side++) {
    uint32_t idx = incident_node_series(v, w->source, (enum rec_side)side, w->cluster);
    const struct series_ratio *r = idx == NONE ? NULL : series_ratio_find(&v->state[idx], signal);
    if (r && detect_ratio_suspects(r)) return true;
  }
  return false;
}

/* Who fails may well be slow: that is no news, whenever it shows. */
static bool failing_then_slow(const struct incident_case *c, enum incident_family family) {
  return c->family == INCIDENT_ERRORS && family == INCIDENT_LATENCY;
}

/* Slow first, and failing while it still is: a queue that has run full. Or the other way round. Within a minute unless
 * it refuses for load, and where it is: a trouble that has been going on, or is one cluster's, must not hide an outage.
 */
static bool grows(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                  const struct who *w, uint32_t from) {
  if (w->family >= INCIDENT_TRAFFIC || w->source != c->source || w->source == NONE) return false;
  if (!incident_case_alive(h, v, c)) return false;
  if (case_has(h, c, REC_SIGNAL_OVERLOAD) || of_class(v, w, REC_SIGNAL_OVERLOAD)) return true;
  if (from > c->from_seq + GROWS && !failing_then_slow(c, w->family)) return false;
  uint32_t told = c->story.cause_n ? c->story.cause[0].series_idx : NONE;
  struct base_str there = told == NONE ? STR_NONE : v->catalog->entry[told].who.dim[REC_DIM_CLUSTER];
  struct base_str here = w->cluster;
  if (there.n && !here.n) here = incident_narrow_scope(v, w->source, w->family, from, v->seq);
  return !there.n || !here.n || str_eq(there, here);
}

/* What follows of failing or being slow, at any time: others give up, try again, and its parts differ; who fails
 * answers with few bytes. Refusals are none of these. */
static bool consequence(const struct incident_case *c, uint8_t signal) {
  switch (signal) {
    case REC_SIGNAL_BYTES: return c->family == INCIDENT_ERRORS;
    case REC_SIGNAL_CANCELLED:
    case REC_SIGNAL_RETRIES:
    case REC_SIGNAL_HANGING:
    case REC_SIGNAL_ERRORS_APART:
    case REC_SIGNAL_LATENCY_APART:
    case REC_SIGNAL_ERRORS_DRIFT:
    case REC_SIGNAL_LATENCY_DRIFT: return true;
    default: return false;
  }
}

/* Is it of the same kind? A part that stands out, or a drift, is of the kind that it shows. */
static bool same_kind(const struct incident_head *h, const struct incident_case *c, const struct who *w) {
  if (w->family == c->family) return w->family != INCIDENT_OTHER || case_has(h, c, w->signal);
  if (c->family != INCIDENT_OTHER || w->source != c->source) return false;
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx == incident_case_number(h, c) && incident_family_shown(h->alarm[i].signal) == w->family)
      return true;
  return false;
}

static bool refuses(const struct incident_head *h, const struct incident_case *c) {
  return case_has(h, c, REC_SIGNAL_DENIED) || case_has(h, c, REC_SIGNAL_THROTTLED) ||
         case_has(h, c, REC_SIGNAL_CLIENT_ERRORS);
}

/* Who is refused by a service that it calls fails itself. */
static bool fits_refusal(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         const struct who *w, uint32_t from) {
  if (w->family != INCIDENT_ERRORS || c->family != INCIDENT_OTHER || c->source == NONE || !same_onset(c, from))
    return false;
  return refuses(h, c) && calls(v->catalog, w->source, c->source, 1);
}

/* The evidence of all services together had risen for other troubles; this one takes it past the bar. */
static bool pushed_by(const struct incident_view *v, const struct incident_case *c, const struct who *w,
                      uint32_t from) {
  return w->family == c->family && from <= c->from_seq && v->seq <= c->opened_seq + NEAR;
}

/* A trouble of another kind that begins half a minute later than this one is another trouble, or at least news. So are
 * refusals and other amounts of bytes elsewhere, but for those of a service that waits for what fails. */
static bool is_news(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                    const struct who *w, uint32_t from) {
  bool elsewhere = w->source != c->source, other = w->family == INCIDENT_OTHER;
  if (consequence(c, w->signal)) return false;
  if (same_kind(h, c, w)) /* of another service, and in its own time? */
    return elsewhere && other && w->signal != REC_SIGNAL_ERRATIC && !same_onset(c, from);
  if (elsewhere && other && c->family < INCIDENT_TRAFFIC)
    return !(c->family == INCIDENT_ERRORS && incident_nodes_has(&c->nodes, w->source) && same_onset(c, from));
  if (elsewhere && !other && c->family == INCIDENT_OTHER && refuses(h, c) && !fits_refusal(h, v, c, w, from))
    return true;
  /* Who is slow fails in time, refuses or loses its callers; nobody being there is none of these. */
  bool later = from > c->from_seq + AT_ONCE;
  if (later && w->family == INCIDENT_ERRORS && c->family == INCIDENT_LATENCY && of_class(v, w, REC_SIGNAL_UNREACHABLE))
    return true;
  /* What shows before the failures do, as tries do, has begun with them, whatever its evidence stood at before. */
  bool just = c->family == INCIDENT_OTHER && !elsewhere && v->seq <= c->opened_seq + NEAR;
  return !just && !same_onset(c, from) && !grows(h, v, c, w, from);
}

/* Slow for the calls that fail: time that was lost on those, and on trying again, is in no duration of theirs. */
static bool waits(const struct incident_view *v, const struct incident_case *c, const struct who *w) {
  const struct series_catalog *g = v->catalog;
  bool slow = w->family == INCIDENT_LATENCY || w->signal == REC_SIGNAL_LATENCY_APART;
  if (c->family != INCIDENT_ERRORS || !slow || w->source == NONE) return false;
  for (uint32_t e = g->node[w->source].first_out; e != NONE; e = g->edge[e].next_out) {
    if (!incident_nodes_has(&c->nodes, g->edge[e].to)) continue;
    struct incident_excess x =
        incident_excess_of(v, incident_call_series(v, e, w->cluster), INCIDENT_ERRORS, c->from_seq, v->seq);
    if (incident_z(x) >= 3.0) return true;
  }
  return false;
}

/* A network that is known to be slow as such goes on to reach services, those with few requests late. */
static bool of_region(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c) {
  return c->story.cause_n && c->story.cause[0].node == NONE && incident_case_alive(h, v, c);
}

static bool exemplar_of(const struct incident_view *v, const struct incident_exemplar *x, uint32_t node) {
  for (unsigned k = 0; k < sizeof x->series / sizeof x->series[0]; k++) {
    const struct series_entry *e = series_catalog_find(v->catalog, x->series[k]);
    if (e && e->node == node) return true;
  }
  return false;
}

/* What fails sooner than the slow call could have answered does not fail for waiting. Of the requests that are known
 * one by one, since the onset. */
static bool fails_soon(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                       const struct who *w, uint32_t from) {
  if (w->family != INCIDENT_ERRORS || c->family != INCIDENT_LATENCY || w->node != w->source || c->story.rate <= 0.0)
    return false;
  uint32_t idx = incident_node_series(v, w->node, REC_SIDE_SERVER, STR_NONE), soon = 0, all = 0;
  if (idx == NONE) return false;
  double waits_s = incident_normal_of(v, idx, from).latency_mean_s + 0.5 * c->story.rate;
  int64_t since = incident_seq_wall(h, v, from).ns - TIME_NS_PER_S;
  for (uint32_t i = 0; i < h->exemplar_n; i++) {
    const struct incident_exemplar *x = &h->exemplar[i];
    if (x->at.ns < since || x->class_ != REC_CLASS_SERVER_ERROR || !exemplar_of(v, x, w->node)) continue;
    all++;
    soon += (double)x->latency_ns * 1e-9 < waits_s;
  }
  return all >= SOON_LEAST && 3 * soon >= 2 * all;
}

/* Requests that hang are missed first, and told as slow when they end: did they begin near the onset? Of requests that
 * are let go all at once the first took twice the mean. */
static bool began_with(const struct incident_view *v, const struct incident_case *c, const struct who *w,
                       uint32_t from) {
  if (from <= c->from_seq + NEAR) return true;
  if (w->family != INCIDENT_LATENCY || w->source == NONE) return false;
  uint32_t idx = incident_node_series(v, w->source, REC_SIDE_SERVER, w->cluster);
  struct incident_excess e = incident_excess_of(v, idx, INCIDENT_LATENCY, from, v->seq);
  double longest = e.bad > 0.0 ? 2.0 * e.x / e.bad * (double)LIMIT_TICKS_PER_S : 0.0;
  return longest + (double)NEAR >= (double)(from - c->from_seq);
}

static bool fits_trouble(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         const struct who *w, uint32_t from) {
  if (c->family == INCIDENT_TRAFFIC) {   /* a drop that turns out to be failures; a surge stays its own story */
    if (c->up && w->loaded) return true; /* but for the waiting that it causes */
    if (c->up || !began_with(v, c, w, from)) return false;
    if (w->node == NONE) return near_onset(c, from); /* of requests that hung, by those who waited for them */
    return incident_nodes_has(&c->nodes, w->source) || adjacent(v, &c->nodes, w->source);
  }
  if (w->node == NONE) return near_onset(c, from) || pushed_by(v, c, w, from);
  /* Of a whole region, say, and nobody's: what names a service joins where it is of the same kind, else it is news. */
  if (c->nodes.n == 0) return near_onset(c, from) && (w->family == c->family || w->family == INCIDENT_OTHER);
  if (incident_nodes_has(&c->nodes, w->source) && waits(v, c, w)) return near_onset(c, from);
  if (w->node != c->source && fails_soon(h, v, c, w, from)) return false;
  /* Of a victim whose parts began to differ when its trouble began: the trouble need not reach all parts alike. */
  enum incident_family shown = incident_family_shown(w->signal);
  bool alike = c->family == INCIDENT_OTHER || c->family == shown || failing_then_slow(c, shown);
  if (w->apart && w->node == c->source && alike) return true;
  if (w->apart) return incident_nodes_has(&c->nodes, w->node) && same_onset(c, from);
  if (is_news(h, v, c, w, from)) return false;
  if (incident_shared_has(c, w->source)) return true;
  if (w->source == c->source || fits_other(h, v, c, w, from) || fits_refusal(h, v, c, w, from)) return true;
  /* A trouble that begins at a mere victim of this one, later and by evidence of its own, is another one. */
  bool victim = incident_nodes_has(&c->nodes, w->source),
       at_once = from + AT_ONCE >= c->from_seq && from <= c->from_seq + AT_ONCE;
  if (victim && (at_once || !w->evident)) return true;
  if (w->between && c->between && w->family == c->family && (same_onset(c, from) || of_region(h, v, c)))
    return true; /* one network, many services */
  if (w->evident || !near_onset(c, from)) return false;
  return incident_nodes_has(&c->nodes, w->node) || adjacent(v, &c->nodes, w->node);
}

/* One that begins where this does; then a trouble before a mere change of traffic; then the newest. */
static bool fits_better(const struct incident_case *c, const struct incident_case *than, const struct who *w) {
  bool same = c->source == w->source, same_than = than->source == w->source;
  if (same != same_than) return same;
  bool traffic = c->family == INCIDENT_TRAFFIC, traffic_than = than->family == INCIDENT_TRAFFIC;
  if (traffic != traffic_than && w->family != INCIDENT_TRAFFIC) return !traffic;
  return c->opened_seq > than->opened_seq;
}

static uint16_t case_find(const struct incident_head *h, const struct incident_view *v, const struct who *w,
                          uint32_t from) {
  uint16_t best = INCIDENT_NO_CASE;
  for (uint16_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *c = &h->case_[i];
    if (!c->used || c->resting || c->family >= INCIDENT_GAP) continue;
    bool fits = w->family == INCIDENT_TRAFFIC ? fits_traffic(h, v, c, w, from) : fits_trouble(h, v, c, w, from);
    if (!fits) continue;
    if (best == INCIDENT_NO_CASE || fits_better(c, &h->case_[best], w)) best = i;
  }
  return best;
}

/* A place for a case: a free one, or that of the one that has rested longest. */
static uint16_t case_place(struct incident_head *h) {
  uint16_t rested = INCIDENT_NO_CASE;
  for (uint16_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    if (!h->case_[i].used) return i;
    if (h->case_[i].resting && (rested == INCIDENT_NO_CASE || h->case_[i].rest_seq < h->case_[rested].rest_seq))
      rested = i;
  }
  return rested;
}

struct incident_case *incident_case_open(struct incident_head *h, const struct incident_view *v,
                                         enum incident_family family) {
  uint16_t i = case_place(h);
  if (i == INCIDENT_NO_CASE) return NULL;
  struct incident_case *c = &h->case_[i];
  *c = (struct incident_case){.used = 1,
                              .family = (uint8_t)family,
                              .dirty = 1,
                              .first_seq = v->seq,
                              .from_seq = v->seq,
                              .opened_seq = v->seq,
                              .last_seq = v->seq,
                              .source = NONE,
                              .second = NONE,
                              .key_series = NONE,
                              .occurrences = 1,
                              .trace = {.series_idx = NONE},
                              .impact_series = NONE};
  c->id_hash = hash_mix((uint64_t)family, (uint64_t)incident_seq_wall(h, v, v->seq).ns);
  h->counter_opened++;
  return c;
}

/* The alarm that makes its id. */
static void key_set(const struct incident_head *h, const struct incident_view *v, struct incident_case *c,
                    const struct incident_alarm *a) {
  const struct rec_series *key = &v->catalog->entry[a->series_idx].who;
  uint64_t who = hash_mix(rec_series_hash(key), a->signal);
  c->key_series = a->series_idx;
  c->id_hash = hash_mix(who, (uint64_t)incident_seq_wall(h, v, v->seq).ns);
}

static uint16_t case_open(struct incident_head *h, const struct incident_view *v, const struct who *w,
                          const struct incident_alarm *a) {
  struct incident_case *c = incident_case_open(h, v, w->family);
  if (!c) return INCIDENT_NO_CASE;
  c->up = w->up;
  c->first_seq = c->from_seq = a->from_seq;
  c->source = w->source;
  key_set(h, v, c, a);
  return incident_case_number(h, c);
}

/* All cases are in use: the nearest in time takes it, so that nothing is lost to sight. */
static uint16_t case_any(const struct incident_head *h) {
  uint16_t best = 0;
  for (uint16_t i = 1; i < LIMIT_INCIDENTS_OPEN; i++) /* none of them rests, else there were room */
    if (h->case_[i].opened_seq > h->case_[best].opened_seq) best = i;
  return best;
}

/* A thousand alarms of one tick need not all ask all members again who calls them: in each cluster the first one does.
 */
static void reach(struct incident_case *c, const struct incident_view *v, const struct who *w) {
  struct incident_reach *r = &c->reach;
  uint64_t key = hash_mix(hash_bytes(HASH_KEY_FIXED, w->cluster.p, w->cluster.n), (uint64_t)w->family);
  uint32_t i = 0, none = 0, *done = &none;
  if (r->seq != v->seq) r->n = 0;
  r->seq = v->seq;
  while (i < r->n && r->key[i] != key) i++;
  if (i < INCIDENT_REACHES) {
    done = &r->done[i];
    if (i == r->n) {
      r->key[r->n++] = key;
      *done = 0;
    }
  }
  incident_nodes_reach(v, &c->nodes, *done, w->source, w->cluster, w->family, c->from_seq, v->seq);
  *done = c->nodes.n;
}

static void case_take(struct incident_case *c, const struct incident_view *v, const struct who *w) {
  /* Other requests than usual are of another size, and make others wait. */
  if (c->family == INCIDENT_TRAFFIC && (w->loaded || w->signal == REC_SIGNAL_BYTES)) return;
  if (c->family == INCIDENT_TRAFFIC && w->family != INCIDENT_TRAFFIC) {
    c->family = (uint8_t)w->family;
    c->source = w->source;
    c->nodes.n = c->reach.n = 0;
  }
  /* Who refuses some is slower in the mean of the others: that takes over what was told of it only where it shows. */
  bool worse = w->family == INCIDENT_ERRORS || w->evident;
  if (c->family == INCIDENT_OTHER && w->family < INCIDENT_TRAFFIC && w->node != NONE && worse) {
    c->family = (uint8_t)w->family;
    c->source = w->source;
  }
  /* Failing is worse than slow; refusing for load is why it is. */
  if (c->family == INCIDENT_LATENCY && w->fails && w->source == c->source && !of_class(v, w, REC_SIGNAL_OVERLOAD))
    c->family = INCIDENT_ERRORS;
  if (c->source == NONE) c->source = w->source;
  c->between |= w->between;
  c->last_seq = v->seq;
  c->alarm_n++;
  c->dirty = 1;
  if (w->family == INCIDENT_TRAFFIC && c->family != INCIDENT_TRAFFIC) return; /* a consequence spreads no further */
  if (w->family >= INCIDENT_TRAFFIC || w->node == NONE) {
    (void)incident_nodes_add(&c->nodes, w->source);
    (void)incident_nodes_add(&c->nodes, w->node);
  } else {
    reach(c, v, w);
    (void)incident_nodes_add(&c->nodes, w->node);
  }
}

/* The onset of a case is the median of its alarms' onsets: each is found with some error, and the earliest of many
 * would be early. Of the first 64 alarms of the case's family; those that began after it was opened are not why. */
static void onset_set(struct incident_head *h, uint16_t i) {
  uint32_t from[64], n = 0;
  struct incident_case *c = &h->case_[i];
  for (uint32_t k = 0; k < h->alarm_n && n < 64; k++) {
    const struct incident_alarm *a = &h->alarm[k];
    if (a->case_idx != i || incident_family_of(a->signal) != c->family || a->from_seq > c->opened_seq) continue;
    uint32_t at = n++;
    for (; at > 0 && from[at - 1] > a->from_seq; at--) from[at] = from[at - 1];
    from[at] = a->from_seq;
  }
  if (!n) return;
  c->from_seq = from[(n - 1) / 2] > c->own_seq ? from[(n - 1) / 2] : c->own_seq;
  if (c->occurrences == 1) c->first_seq = c->from_seq;
  if (c->again_n) c->again[c->again_n - 1].from_seq = c->from_seq;
}

void incident_join(struct incident_head *h, const struct incident_view *v, struct incident_alarm *a) {
  struct who w = who_of(h, v, a);
  uint16_t i = case_find(h, v, &w, a->from_seq);
  if (i == INCIDENT_NO_CASE) i = case_open(h, v, &w, a);
  if (i == INCIDENT_NO_CASE) {
    h->counter_limit++;
    i = case_any(h);
  }
  a->case_idx = i;
  case_take(&h->case_[i], v, &w);
  onset_set(h, i);
}

static bool at_service(const struct incident_view *v, const struct incident_alarm *a, uint32_t node) {
  return series_catalog_find(v->catalog, a->series_idx) && incident_alarm_node(v, a) == node;
}

bool incident_case_split(struct incident_head *h, const struct incident_view *v, struct incident_case *c,
                         uint32_t node) {
  uint16_t i = incident_case_number(h, c);
  const struct incident_alarm *key = NULL;
  for (uint32_t k = 0; k < h->alarm_n; k++) {
    const struct incident_alarm *a = &h->alarm[k];
    if (a->case_idx != i || incident_family_of(a->signal) != c->family || !at_service(v, a, node)) continue;
    if (!key || a->log_e > key->log_e) key = a;
  }
  struct incident_case *own = key ? incident_case_open(h, v, (enum incident_family)c->family) : NULL;
  if (!own) return false;
  own->source = node;
  own->own_seq = incident_rank_onset(v, node, (enum incident_family)c->family, c->from_seq, v->seq);
  key_set(h, v, own, key);
  for (uint32_t k = 0; k < h->alarm_n; k++) {
    struct incident_alarm *a = &h->alarm[k];
    if (a->case_idx != i || !at_service(v, a, node)) continue;
    a->case_idx = incident_case_number(h, own);
    own->alarm_n++;
  }
  onset_set(h, incident_case_number(h, own));
  onset_set(h, i);
  incident_nodes_reach(v, &own->nodes, 0, node, STR_NONE, (enum incident_family)own->family, own->from_seq, v->seq);
  c->dirty = 1;
  return true;
}
