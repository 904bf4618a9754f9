#include "base_math.h"
#include "base_must.h"
#include "incident_case.h"
#include "incident_change.h"
#include "incident_mix.h"
#include "incident_silent.h"

#define NONE REC_SERIES_NONE
#define Z_REACHED 3.0
#define SURGE_PATIENCE (15u * LIMIT_TICKS_PER_S)
#define LATELY (20u * LIMIT_TICKS_PER_S)
#define EXCUSE (20u * LIMIT_TICKS_PER_S)
#define SUBSIDES_Z 4.5 /* of the last seconds alone, asked anew each second: as many are asked for as that takes */
#define OWN_Z 5.0      /* standard deviations of excess that a cause of its own has at least, where others have more */
#define GOES 0.8       /* of its slowness, in ten seconds after twenty */
#define RETURNS 0.5    /* of what a drop of traffic has lost at its height */
#define RETRIED 0.05f  /* a share of requests tried again that is no side effect */
#define REGION_SERVICES 3u
#define REGION_SHARE 0.7
#define SECOND_Z 8.0 /* and one that is to be an incident of its own; with so much of what it shows: */
#define SECOND_SHARE 0.28
#define CALM_Z 1.0
#define PART_Z 3.0 /* of excess with which a part is told by itself: its alarm is sure, and shall still be so */
#define SETTLES (5u * LIMIT_TICKS_PER_S) /* by then lost reports are known as such */
#define RING_S 100u                      /* the rings reach back so far with whole slots */

/* What a part may do to its service by being gone. */
#define BIT(signal) (1u << REC_SIGNAL_##signal)
#define SILENT_SIGNALS                                                                                             \
  (BIT(LATENCY) | BIT(ERRORS) | BIT(UNREACHABLE) | BIT(TIMEOUTS) | BIT(OVERLOAD) | BIT(CANCELLED) | BIT(RETRIES) | \
   BIT(HANGING))

struct window {
  uint32_t from, to;
};

static struct window window_of(const struct incident_view *v, const struct incident_case *c) {
  uint32_t reach = RING_S * LIMIT_TICKS_PER_S;
  uint32_t from = v->seq - c->from_seq > reach ? v->seq - reach : c->from_seq;
  return (struct window){from, v->seq};
}

/* One that names a service tells more than a pooled one; then the one with more evidence. */
static bool alarm_tells_more(const struct incident_view *v, const struct incident_alarm *a,
                             const struct incident_alarm *b) {
  bool named = incident_alarm_node(v, a) != NONE, than = incident_alarm_node(v, b) != NONE;
  return named != than ? named : a->log_e > b->log_e;
}

/* The alarm of the case with most evidence that passes; NULL where none does. */
static const struct incident_alarm *alarm_best(const struct incident_head *h, const struct incident_view *v,
                                               const struct incident_case *c, uint32_t node, bool of_family) {
  const struct incident_alarm *best = NULL, *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (node != NONE && incident_alarm_node(v, a) != node) continue;
    if (of_family && incident_family_of(a->signal) != c->family) continue;
    if (!best || alarm_tells_more(v, a, best)) best = a;
  }
  return best;
}

/* The signal that tells most about a node: a class of its own before errors as such. */
static uint8_t signal_of(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         uint32_t node) {
  bool seen[REC_SIGNAL_COUNT] = {false};
  const struct incident_alarm *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));)
    if (incident_alarm_node(v, a) == node || node == NONE) seen[a->signal] = true;
  if (c->family == INCIDENT_LATENCY) return REC_SIGNAL_LATENCY;
  if (c->family == INCIDENT_ERRORS) {
    if (seen[REC_SIGNAL_OVERLOAD]) return REC_SIGNAL_OVERLOAD;
    if (seen[REC_SIGNAL_UNREACHABLE]) return REC_SIGNAL_UNREACHABLE;
    if (seen[REC_SIGNAL_TIMEOUTS]) return REC_SIGNAL_TIMEOUTS;
    return REC_SIGNAL_ERRORS;
  }
  a = alarm_best(h, v, c, node, true);
  return a ? a->signal : REC_SIGNAL_ERRORS;
}

/* Members and, for every strong alarm, where it begins; below each source its calls with excess. */
static void set_gather(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                       struct base_str cluster, struct window w, struct incident_nodes *set) {
  const struct incident_alarm *a;
  uint32_t asked = 0;
  *set = c->nodes;
  for (uint32_t at = 0; asked < 64 && (a = incident_alarm_next(h, v, c, &at));) {
    uint32_t node = incident_alarm_node(v, a);
    if (node == NONE || incident_family_of(a->signal) != c->family) continue;
    (void)incident_nodes_add(set, incident_rank_source(v, node, cluster, c->family, w.from, w.to));
    asked++;
  }
  if (set->n == 0) /* only pooled series spoke: everybody is asked */
    for (uint32_t i = 0; i < v->catalog->node_n; i++) {
      struct incident_excess x =
          incident_excess_of(v, incident_node_series(v, i, REC_SIDE_SERVER, cluster), c->family, w.from, w.to);
      struct incident_excess k =
          incident_excess_of(v, incident_node_series(v, i, REC_SIDE_CLIENT, cluster), c->family, w.from, w.to);
      if (incident_z(x) >= 2.0 || incident_z(k) >= 2.0) (void)incident_nodes_add(set, i);
    }
}

/* The cluster that holds the trouble where users meet it; decides at which grain the graph is read. */
static struct base_str scope_of(const struct incident_view *v, const struct incident_case *c, struct window w) {
  return c->source == NONE ? STR_NONE : incident_narrow_scope(v, c->source, c->family, w.from, w.to);
}

static void cause_put(struct incident_story *s, struct incident_cause c) {
  if (s->cause_n < LIMIT_CAUSES) s->cause[s->cause_n++] = c;
}

static void cause_first(struct incident_story *s, struct incident_cause c) {
  if (s->cause_n == LIMIT_CAUSES) s->cause_n--;
  for (uint32_t i = s->cause_n++; i > 0; i--) s->cause[i] = s->cause[i - 1];
  s->cause[0] = c;
}

static void healthy_put(struct incident_story *s, uint32_t idx) {
  if (s->healthy_n < INCIDENT_COMPARED) s->healthy[s->healthy_n++] = idx;
}

/* The part of a service that stands out from its siblings by an alarm of its own; what the excess alone did not show.
 * Two pods that do are not one pod: the cluster that does holds both, or nobody is named. */
static uint32_t apart_of(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         uint32_t node) {
  uint8_t signal = c->family == INCIDENT_LATENCY ? REC_SIGNAL_LATENCY_APART : REC_SIGNAL_ERRORS_APART;
  const struct incident_alarm *best = NULL, *a;
  uint32_t count[REC_LEVEL_COUNT] = {0};
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));)
    if (a->signal == signal && !a->over_seq && incident_alarm_node(v, a) == node)
      count[v->catalog->entry[a->series_idx].who.level]++;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (a->signal != signal || a->over_seq || incident_alarm_node(v, a) != node) continue;
    if (count[v->catalog->entry[a->series_idx].who.level] > 1) continue;
    if (!best || a->log_e > best->log_e) best = a;
  }
  return best ? best->series_idx : NONE;
}

/* Of a service, or of its part in one cluster, the part that fell silent when the trouble began is named. */
static void silent_name(const struct incident_view *v, const struct incident_case *c, struct incident_cause *k) {
  const struct rec_series *w = k->series_idx == NONE ? NULL : &v->catalog->entry[k->series_idx].who;
  const struct incident_cause *told = &c->story.cause[0];
  uint32_t idx = NONE;
  if (k->node == NONE || !(SILENT_SIGNALS >> k->signal & 1u)) return;
  if (!w || w->level == REC_LEVEL_SERVICE || w->level == REC_LEVEL_SERVICE_CLUSTER)
    idx = incident_silent_part(v, k->node, w ? w->dim[REC_DIM_CLUSTER] : STR_NONE, c->from_seq);
  /* What its siblings, or routes of theirs, show later is the load that they took over from it. */
  bool known = c->story.cause_n && told->silent && told->node == k->node;
  if (idx == NONE && known && incident_silent_still(v, told->series_idx)) idx = told->series_idx;
  if (idx == NONE) return;
  k->series_idx = idx;
  k->silent = 1;
}

void incident_story_silent(const struct incident_view *v, struct incident_case *c) {
  struct incident_cause *k = c->story.cause;
  if (c->story.cause_n == 0 || k->silent) return;
  silent_name(v, c, k);
  if (!k->silent) return;
  incident_text_silent(k);
  incident_text_summary(v, c, c->story.summary, sizeof c->story.summary);
  c->dirty = 1;
}

/* A ranked service becomes its narrowest entity, followed by the broader one that also holds. */
static void cause_name(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                       const struct incident_rank *r, bool first, struct window w, struct incident_story *s) {
  struct incident_narrow n = incident_narrow_find(v, r->node, r->client_side, c->family, w.from, w.to);
  struct incident_cause cause = {.series_idx = n.series_idx,
                                 .node = r->node,
                                 .between = r->client_side,
                                 .signal = signal_of(h, v, c, r->node),
                                 .within = n.within,
                                 .within_idx = n.broader_idx,
                                 .score = r->score};
  if (n.series_idx == NONE && !r->client_side) cause.series_idx = apart_of(h, v, c, r->node);
  if (r->edge != NONE && (n.series_idx == NONE || n.series_idx == n.broader_idx)) {
    uint32_t edge = incident_edge_series(v, r->edge, REC_SIDE_CLIENT, STR_NONE);
    if (edge != NONE) cause.series_idx = edge;
  }
  cause.shown_idx = cause.series_idx != NONE ? cause.series_idx : incident_node_series(v, r->node, n.side, STR_NONE);
  silent_name(v, c, &cause);
  incident_text_evidence(v, &cause, c->family, w.from, w.to, cause.evidence, sizeof cause.evidence);
  incident_text_silent(&cause);
  cause_put(s, cause);
  if (!first) return;
  for (uint32_t i = 0; i < n.healthy_n; i++) healthy_put(s, n.healthy[i]);
  if (n.broader_idx == NONE || n.broader_idx == cause.series_idx) return;
  cause.series_idx = cause.shown_idx = n.broader_idx;
  cause.within = 0;
  cause.score *= 0.5;
  incident_text_evidence(v, &cause, c->family, w.from, w.to, cause.evidence, sizeof cause.evidence);
  cause_put(s, cause);
}

/* Many services in one cluster that their clients find in trouble and that find none themselves: the network there. */
static void region_judge(const struct incident_view *v, const struct incident_rank *rank, uint32_t n,
                         struct base_str cluster, struct incident_story *s) {
  const struct series_catalog *c = v->catalog;
  struct base_str region = STR_NONE;
  uint32_t between = 0, idx = NONE;
  double share = 0.0;
  for (uint32_t i = 0; i < n; i++) {
    if (!rank[i].client_side) continue;
    between++;
    share += rank[i].score;
  }
  if (between < REGION_SERVICES || share < REGION_SHARE || rank[0].score > REGION_SHARE || cluster.n == 0) return;
  for (uint32_t i = 0; i < c->entry_n && region.n == 0; i++)
    if (c->entry[i].live && c->entry[i].who.level == REC_LEVEL_POD &&
        str_eq(c->entry[i].who.dim[REC_DIM_CLUSTER], cluster))
      region = c->entry[i].who.dim[REC_DIM_REGION];
  for (uint32_t i = 0; i < c->entry_n && region.n && idx == NONE; i++)
    if (c->entry[i].live && c->entry[i].who.level == REC_LEVEL_REGION &&
        str_eq(c->entry[i].who.dim[REC_DIM_REGION], region))
      idx = i;
  if (idx == NONE) return;
  struct incident_cause cause = {.series_idx = idx,
                                 .node = NONE,
                                 .shown_idx = s->cause[0].shown_idx,
                                 .between = 1,
                                 .signal = s->cause[0].signal,
                                 .score = share};
  struct base_buf b = buf_over(cause.evidence, sizeof cause.evidence - 1);
  buf_put_f(&b, "%u services in %.*s are seen in trouble by their clients and not by their own proxies", between,
            STR_ARG(cluster));
  cause_first(s, cause);
}

static void causes_sort(struct incident_story *s) {
  for (uint32_t i = 1; i < s->cause_n; i++)
    for (uint32_t k = i; k > 0 && s->cause[k - 1].score < s->cause[k].score; k--) {
      struct incident_cause t = s->cause[k];
      s->cause[k] = s->cause[k - 1];
      s->cause[k - 1] = t;
    }
}

static void reached_find(const struct incident_view *v, const struct incident_case *c, struct base_str cluster,
                         uint32_t culprit, uint32_t victim, struct window w, struct incident_story *s) {
  for (uint32_t i = 0; i < c->nodes.n && s->reached_n < 16; i++) {
    uint32_t node = c->nodes.node[i];
    uint32_t idx = incident_node_series(v, node, REC_SIDE_SERVER, cluster);
    if (node == culprit) continue;
    if (incident_z(incident_excess_of(v, idx, c->family, w.from, w.to)) >= Z_REACHED) s->reached[s->reached_n++] = node;
  }
  const struct series_catalog *cat = v->catalog;
  for (uint32_t i = cat->node[victim].first_child; i != NONE && s->route_n < 8; i = cat->entry[i].sibling) {
    if (cat->entry[i].who.level != REC_LEVEL_ROUTE || cat->entry[i].who.side != REC_SIDE_SERVER) continue;
    struct incident_excess e = incident_excess_of(v, i, c->family, w.from, w.to);
    if (incident_z(e) >= Z_REACHED)
      s->route[s->route_n++] = i;
    else if (e.n > 5.0 && incident_z(e) < 1.0 && victim != culprit)
      healthy_put(s, i);
  }
}

/* How bad it is where users are: the share that fails, or how many times slower. */
static void severity_set(const struct incident_view *v, const struct incident_case *c, uint32_t victim, struct window w,
                         struct incident_story *s) {
  uint32_t idx = incident_node_series(v, victim, REC_SIDE_SERVER, STR_NONE);
  if (idx == NONE) idx = incident_node_series(v, victim, REC_SIDE_CLIENT, STR_NONE);
  struct incident_excess e = incident_excess_of(v, idx, c->family, w.from, w.to);
  struct incident_normal n = incident_normal_of(v, idx, w.from);
  if (c->family == INCIDENT_ERRORS) {
    double failed = e.n > 0.0 ? e.x / e.n : 0.0;
    s->severity = failed >= 0.1 ? REC_SEVERITY_CRITICAL : REC_SEVERITY_WARNING;
  } else {
    double base = n.latency_mean_s > 1e-6 ? n.latency_mean_s : 1e-6;
    double slower = e.bad > 0.0 ? 1.0 + e.x / e.bad / base : 1.0;
    s->severity = slower >= 3.0 ? REC_SEVERITY_CRITICAL : REC_SEVERITY_WARNING;
  }
}

/* Seconds beyond normal, a fine request. */
static double excess_each(const struct incident_view *v, uint32_t idx, uint32_t from, uint32_t to) {
  struct incident_excess e = incident_excess_of(v, idx, INCIDENT_LATENCY, from, to);
  return e.bad > 0.0 ? e.x / e.bad : 0.0;
}

/* What a queue leaves behind goes: a trouble does not. */
static bool goes(const struct incident_view *v, uint32_t idx) {
  if (v->seq < LATELY + LATELY / 2) return false;
  uint32_t half = v->seq - LATELY / 2, before = half - LATELY;
  return excess_each(v, idx, half + 1, v->seq) <= GOES * excess_each(v, idx, before + 1, half);
}

/* It was explained so far. When the surge is over, its seconds must not be held against it: only what the last ones
 * show, where it does not go, beyond what the traffic of the last minute explains. */
static bool subsides(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                     const struct incident_story *s) {
  uint32_t from = v->seq - c->from_seq > LATELY ? v->seq - LATELY + 1 : c->from_seq;
  struct incident_excess e = incident_excess_of(v, s->cause[0].shown_idx, INCIDENT_LATENCY, from, v->seq);
  return incident_z(e) < SUBSIDES_Z || goes(v, s->cause[0].shown_idx) ||
         incident_traffic_loads(h, v, s->cause[0].node, NONE, true, from, v->seq) == INCIDENT_LOAD_EXPLAINS;
}

/* Does it fail, too? Then it is no mere load. */
static bool breaks(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                   uint32_t node) {
  const struct incident_alarm *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));)
    if (incident_alarm_node(v, a) == node &&
        (incident_family_of(a->signal) == INCIDENT_ERRORS || a->signal == REC_SIGNAL_RETRIES))
      return true;
  return false;
}

/* Slower, but no more than its own traffic explains, and nothing fails: the load, not the service. was_explained: it
 * was told so until now. */
static void load_judge(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                       bool was_explained, struct incident_story *s) {
  if (s->cause_n == 0 || s->cause[0].node == NONE || s->cause[0].between) return; /* on the way there is no queue */
  if (breaks(h, v, c, s->cause[0].node)) return;
  uint8_t signal = s->cause[0].signal;
  bool other =
      c->family == INCIDENT_OTHER && (signal == REC_SIGNAL_LATENCY_APART || signal == REC_SIGNAL_LATENCY_DRIFT);
  if (c->family != INCIDENT_LATENCY && !other) return;
  /* What was slow for so long before its load grew is not slow for that. */
  if (c->shown && !was_explained && v->seq - c->opened_seq >= EXCUSE) return;
  struct window w = window_of(v, c);
  enum incident_loaded load =
      incident_traffic_loads(h, v, s->cause[0].node, s->cause[0].series_idx, was_explained, w.from, w.to);
  /* Under a surge a queue may overflow for some seconds: only what lasts is the service's own trouble. */
  bool brief = v->seq - c->from_seq < SURGE_PATIENCE && !incident_time_on_way(&c->time);
  bool explained = load == INCIDENT_LOAD_EXPLAINS || (load == INCIDENT_LOAD_GROWN && brief);
  if (!explained && !(was_explained && subsides(h, v, c, s))) return;
  s->verdict = REC_VERDICT_EXPECTED;
  s->severity = REC_SEVERITY_INFO;
}

/* What is named shows in the mean what none of its requests do. */
static void mix_judge(const struct incident_view *v, const struct incident_case *c, struct incident_story *s) {
  struct incident_cause *k = &s->cause[0];
  if (s->cause_n == 0 || k->between || c->family > INCIDENT_LATENCY) return;
  uint32_t idx = k->series_idx;
  if (k->node != NONE && (idx == NONE || k->silent)) idx = incident_node_series(v, k->node, REC_SIDE_SERVER, STR_NONE);
  struct window w = window_of(v, c);
  if (!incident_mix_explains(v, idx, (enum incident_family)c->family, w.from, w.to)) return;
  s->verdict = REC_VERDICT_EXPECTED;
  s->severity = REC_SEVERITY_INFO;
  s->by_mix = 1;
  if (!k->silent) return;
  k->silent = 0; /* it is not asked any more, or not yet */
  k->series_idx = NONE;
  incident_text_evidence(v, k, (enum incident_family)c->family, w.from, w.to, k->evidence, sizeof k->evidence);
}

/* Fails because a service that it calls refuses: that one is asked first. */
static void refusal_judge(const struct incident_head *h, const struct incident_view *v, struct incident_case *c,
                          const struct incident_rank *first, struct window w, struct incident_story *s) {
  double ticks = (double)(w.to - w.from + 1);
  const struct incident_alarm *a =
      c->family == INCIDENT_ERRORS ? incident_other_refusal(h, v, c, first->node, first->self / ticks) : NULL;
  if (!a) return;
  uint32_t node = incident_alarm_node(v, a), part = incident_other_part(h, v, c, node, a->signal);
  struct incident_cause cause = {.series_idx = part,
                                 .node = node,
                                 .shown_idx = part != NONE ? part : a->series_idx,
                                 .signal = a->signal,
                                 .score = 1.0};
  incident_other_evidence(v, a, cause.evidence, sizeof cause.evidence);
  for (uint32_t i = 0; i < s->cause_n; i++) s->cause[i].score *= 0.5;
  cause_first(s, cause);
  if (s->reached_n < 16) s->reached[s->reached_n++] = first->node;
  c->source = node;
}

/* Slow on the way, and tried again: what failed at first is the trouble, and the waiting its price. */
static void retries_judge(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                          struct incident_story *s) {
  struct incident_cause *k = &s->cause[0];
  if (c->family != INCIDENT_LATENCY || !k->between || k->node == NONE) return;
  const struct incident_alarm *a = incident_alarm_strongest(h, v, c, k->node, REC_SIGNAL_RETRIES, false);
  if (!a || a->seen < RETRIED) return;
  char slow[sizeof k->evidence];
  memcpy(slow, k->evidence, sizeof slow);
  k->signal = REC_SIGNAL_RETRIES;
  incident_other_evidence(v, a, k->evidence, sizeof k->evidence);
  size_t n = strlen(k->evidence);
  struct base_buf b = buf_over(k->evidence + n, sizeof k->evidence - n - 1);
  buf_put_f(&b, "; %s", slow);
  k->evidence[n + b.n] = 0;
}

/* Another open incident's own cause. */
static bool taken(const struct incident_head *h, const struct incident_case *c, uint32_t node) {
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *o = &h->case_[i];
    if (o == c || !o->used || o->resting || o->family != c->family || o->story.cause_n == 0) continue;
    if (o->story.cause[0].node == node && o->story.verdict == REC_VERDICT_UNHEALTHY) return true;
  }
  return false;
}

static bool sure(const struct incident_rank *r) {
  return r->self >= OWN_Z * r->self_sd;
}

/* Which of the ranked is this incident's own: the one that it was told of, where something unrelated has come up since;
 * else the first that no other incident has. n: none. */
static uint32_t rank_own(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         const struct incident_rank *rank, uint32_t n) {
  uint32_t before = c->story.cause_n ? c->story.cause[0].node : NONE;
  for (uint32_t i = 1; i < n && before != NONE; i++)
    if (rank[i].node == before && sure(&rank[i]) && !incident_related(v->catalog, rank[0].node, before)) return i;
  for (uint32_t i = 0; i < n; i++)
    if (!taken(h, c, rank[i].node) && (i == 0 || sure(&rank[i]))) return i;
  return n;
}

/* Two troubles at once have victims in common, so each finds the other's cause. Where this one has a cause of its own
 * that neither calls the other's nor is called by it, that is left to the other incident. Returns how many stay. */
static uint32_t ranks_own(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                          struct incident_rank *rank, uint32_t n) {
  uint32_t own = rank_own(h, v, c, rank, n), keep = 1;
  if (own == n) return n;
  struct incident_rank first = rank[own];
  for (uint32_t i = own; i > 0; i--) rank[i] = rank[i - 1];
  rank[0] = first;
  for (uint32_t i = 1; i < n; i++)
    if (!taken(h, c, rank[i].node) || incident_related(v->catalog, rank[i].node, first.node)) rank[keep++] = rank[i];
  if (own > 0 && keep > 1) rank[0].score = rank[1].score; /* first, though others have more: it is no certainty */
  return keep;
}

/* By itself: most of what it shows is not its calls'. */
static bool by_itself(const struct incident_view *v, const struct incident_rank *r, enum incident_family family,
                      struct window w) {
  uint32_t idx = incident_node_series(v, r->node, REC_SIDE_SERVER, STR_NONE);
  double all = incident_excess_of(v, idx, family, w.from, w.to).x;
  return !r->client_side && r->self >= SECOND_Z * r->self_sd && r->self >= SECOND_SHARE * all;
}

/* A service and one that it calls, both in trouble by themselves: conservation leaves to each its own. The incident
 * goes on as that of the one that it was told of first. */
static void second_note(const struct incident_head *h, const struct incident_view *v, struct incident_case *c,
                        struct incident_rank *rank, uint32_t n, struct window w) {
  uint32_t at = 0, before = c->told && c->story.cause_n ? c->story.cause[0].node : NONE;
  enum incident_family family = (enum incident_family)c->family;
  bool first = n > 0 && by_itself(v, &rank[0], family, w);
  for (uint32_t i = 1; first && i < n && at == 0; i++)
    if (by_itself(v, &rank[i], family, w) && !taken(h, c, rank[i].node) &&
        incident_related(v->catalog, rank[0].node, rank[i].node))
      at = i;
  if (at && rank[at].node == before) {
    struct incident_rank own = rank[at];
    own.score = rank[0].score; /* first, though another has more */
    rank[at] = rank[0];
    rank[0] = own;
  }
  uint32_t found = at ? rank[at].node : NONE;
  if (found == c->second) return;
  c->second = found;
  c->second_seq = v->seq;
}

/* Adds to a new story what its causes' gauges show. */
static void tell_gauges(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  struct incident_nodes of = {.n = 0};
  for (uint32_t i = 0; i < c->story.cause_n; i++) (void)incident_nodes_add(&of, c->story.cause[i].node);
  incident_gauge_keep(v, &c->gauges, &of, incident_seq_wall(h, v, c->from_seq));
  for (uint32_t i = 0; i < c->story.cause_n; i++) {
    struct incident_cause *k = &c->story.cause[i];
    struct rec_entity e;
    incident_entity_of(v, k, &e);
    incident_gauge_text(&c->gauges, &e, k->node, k->evidence, sizeof k->evidence);
  }
}

static bool tell_ranked(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  struct window w = window_of(v, c);
  struct base_str cluster = scope_of(v, c, w);
  struct incident_nodes set;
  struct incident_rank rank[LIMIT_CAUSES];
  struct incident_story s = {.verdict = REC_VERDICT_UNHEALTHY};
  uint32_t victim = 0;
  set_gather(h, v, c, cluster, w, &set);
  if (set.n == 0) return false;
  double gauge[INCIDENT_NODES];
  incident_gauge_weigh(v, &c->gauges, &set, incident_seq_wall(h, v, c->from_seq), gauge);
  uint32_t n = incident_rank_run(v, &set, cluster, c->family, w.from, w.to, gauge, rank, LIMIT_CAUSES, &victim);
  n = ranks_own(h, v, c, rank, n);
  second_note(h, v, c, rank, n, w);
  if (n == 0 || (rank[0].self <= 0.0 && c->story.rate > 0.0))
    return false; /* what had an excess says more than a gauge */
  for (uint32_t i = 0; i < n; i++) cause_name(h, v, c, &rank[i], i == 0, w, &s);
  causes_sort(&s);
  region_judge(v, rank, n, cluster, &s);
  s.margin = rank[0].score - (n > 1 ? rank[1].score : 0.0);
  struct incident_excess shown = incident_excess_of(v, s.cause[0].shown_idx, c->family, w.from, w.to);
  s.rate = shown.n > 0.0 ? shown.x / shown.n : 0.0;
  c->source = rank[0].node;
  incident_nodes_reach(v, &c->nodes, 0, c->source, cluster, c->family, w.from, w.to);
  reached_find(v, c, cluster, rank[0].node, victim, w, &s);
  incident_chain_tell(h, v, c, cluster, w.from, &s);
  refusal_judge(h, v, c, &rank[0], w, &s);
  retries_judge(h, v, c, &s);
  incident_shared_tell(c, &s);
  severity_set(v, c, victim, w, &s);
  bool was_explained = c->story.verdict == REC_VERDICT_EXPECTED;
  c->story = s;
  incident_time_tell(v, c);
  tell_gauges(h, v, c);
  load_judge(h, v, c, was_explained, &c->story);
  mix_judge(v, c, &c->story);
  incident_text_summary(v, c, c->story.summary, sizeof c->story.summary);
  return rank[0].self > 0.0; /* a gauge names, and does not tell */
}

/* What a cause is told by: the alarm of its part, where it has one of that signal, else the best of its service. */
static const struct incident_alarm *alarm_of(const struct incident_head *h, const struct incident_view *v,
                                             const struct incident_case *c, uint32_t node, uint32_t part,
                                             uint8_t signal) {
  const struct incident_alarm *a;
  for (uint32_t at = 0; part != NONE && (a = incident_alarm_next(h, v, c, &at));)
    if (a->series_idx == part && a->signal == signal) return a;
  return alarm_best(h, v, c, node, true);
}

/* Nothing could be ranked (signals without recent seconds, or too little evidence left): the strongest alarm speaks,
 * at the service where it begins, and as narrowly as what the alarms have seen allows. */
static void tell_alarm(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  const struct incident_alarm *a = alarm_best(h, v, c, NONE, true);
  if (!a) a = alarm_best(h, v, c, NONE, false);
  if (!a) return;
  uint32_t node = incident_alarm_node(v, a), part = a->series_idx;
  uint8_t signal = a->signal;
  if (node != NONE) {
    node = incident_other_node(h, v, c, node, signal);
    part = incident_other_part(h, v, c, node, signal);
    const struct incident_alarm *own = alarm_of(h, v, c, node, part, signal);
    if (own) a = own;
  }
  struct incident_story s = {
      .verdict = REC_VERDICT_UNHEALTHY, .severity = REC_SEVERITY_WARNING, .margin = 0.3, .by_alarm = 1};
  struct incident_cause cause = {.series_idx = part,
                                 .node = node,
                                 .shown_idx = part != NONE ? part : a->series_idx,
                                 .signal = signal,
                                 .score = 1.0};
  silent_name(v, c, &cause);
  incident_other_evidence(v, a, cause.evidence, sizeof cause.evidence);
  incident_text_silent(&cause);
  bool was_explained = c->story.verdict == REC_VERDICT_EXPECTED;
  c->source = node;
  c->story = s;
  cause_put(&c->story, cause);
  tell_gauges(h, v, c);
  load_judge(h, v, c, was_explained, &c->story);
  mix_judge(v, c, &c->story);
  incident_text_summary(v, c, c->story.summary, sizeof c->story.summary);
}

/* Does another incident of that kind begin at a service that this one calls, or that calls it? */
static bool overshadowed(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                         uint32_t node) {
  for (uint32_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    const struct incident_case *o = &h->case_[i];
    if (o == c || !o->used || o->resting || !o->told || o->family != c->family || o->story.cause_n == 0) continue;
    uint32_t other = o->story.cause[0].node;
    if (other == NONE || incident_related(v->catalog, other, node)) return true;
  }
  return false;
}

/* Does none of its calls show even a hint of that trouble? A victim's part may be seen before what it waits for. */
static bool calls_calm(const struct incident_view *v, uint32_t node, struct base_str cluster,
                       enum incident_family family, struct window w) {
  const struct series_catalog *g = v->catalog;
  for (uint32_t e = g->node[node].first_out; e != NONE; e = g->edge[e].next_out)
    if (incident_z(incident_call_excess(v, e, cluster, family, w.from, w.to)) >= CALM_Z) return false;
  return true;
}

/* One route of forty is slow: the service as a whole shows too little to be ranked, that part shows enough to be told,
 * and neither a call of its service nor another incident explains it. False: it does not. */
static bool tell_part(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  struct incident_cause *k = &c->story.cause[0];
  if (c->story.cause_n == 0 || k->series_idx == NONE || k->node == NONE) return false;
  if (incident_family_of(k->signal) != c->family || overshadowed(h, v, c, k->node)) return false;
  struct window w = window_of(v, c);
  struct base_str cluster = v->catalog->entry[k->series_idx].who.dim[REC_DIM_CLUSTER];
  struct incident_excess x = incident_excess_of(v, k->series_idx, c->family, w.from, w.to);
  if (incident_z(x) < PART_Z || !calls_calm(v, k->node, cluster, (enum incident_family)c->family, w)) return false;
  incident_text_evidence(v, k, c->family, w.from, w.to, k->evidence, sizeof k->evidence);
  incident_text_summary(v, c, c->story.summary, sizeof c->story.summary);
  return true;
}

/* Series that carries a traffic cause's names. */
static uint32_t traffic_series(const struct incident_view *v, const struct incident_traffic *t) {
  if (t->route_idx != NONE) return t->route_idx;
  return t->node == NONE || t->cluster.n == 0 ? NONE : incident_node_series(v, t->node, REC_SIDE_SERVER, t->cluster);
}

/* False: nobody confirms the drop, and it may yet turn out that reports are lost. */
static bool tell_traffic(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  struct incident_traffic t = incident_traffic_judge(h, v, c);
  double lost = t.before_per_s - t.now_per_s;
  bool returns = c->shown && c->story.verdict == REC_VERDICT_UNHEALTHY && lost < RETURNS * c->story.lost;
  if (t.over || returns) return true; /* what was told at its height stands */
  struct incident_story s = {.verdict = (uint8_t)t.verdict, .margin = 0.6, .lost = c->up ? 0.0 : lost};
  double ratio = t.before_per_s > 0.0 ? t.now_per_s / t.before_per_s : 1.0;
  s.severity = t.verdict == REC_VERDICT_EXPECTED ? REC_SEVERITY_INFO
               : ratio < 0.2                     ? REC_SEVERITY_CRITICAL
                                                 : REC_SEVERITY_WARNING;
  struct incident_cause cause = {.series_idx = traffic_series(v, &t),
                                 .node = t.node,
                                 .score = 1.0,
                                 .signal = c->up ? REC_SIGNAL_REQUESTS_UP : REC_SIGNAL_REQUESTS_DOWN};
  cause.shown_idx = cause.series_idx != NONE ? cause.series_idx
                    : t.node != NONE         ? incident_node_series(v, t.node, REC_SIDE_SERVER, STR_NONE)
                                             : NONE;
  struct base_buf b = buf_over(cause.evidence, sizeof cause.evidence - 1);
  buf_put_f(&b, "%.1f requests a second, %.1f is normal; %s", t.now_per_s, t.before_per_s, t.reason);
  for (uint32_t i = 0; i < c->nodes.n && s.reached_n < 16; i++)
    if (c->nodes.node[i] != t.node) s.reached[s.reached_n++] = c->nodes.node[i];
  incident_text_traffic(v, &t, c, s.summary, sizeof s.summary);
  cause_put(&s, cause);
  if (t.all_idx != NONE) { /* its way in is only where it shows */
    s.cause[0].score = 0.5;
    cause.series_idx = t.all_idx;
    cause.node = NONE;
    cause_first(&s, cause);
  }
  c->story = s;
  tell_gauges(h, v, c);
  bool settled = v->seq - c->opened_seq >= SETTLES;
  if (t.back) return false;                                        /* the way down from a surge */
  if (c->up && t.verdict == REC_VERDICT_UNHEALTHY) return settled; /* what hung comes all at once when it is let go */
  return t.confirmed || t.verdict == REC_VERDICT_EXPECTED || settled;
}

bool incident_story_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  if (c->family == INCIDENT_GAP) {
    incident_gap_tell(h, v, c);
    return c->story.cause_n > 0;
  }
  if (c->family == INCIDENT_CHANGE) return incident_change_tell(h, v, c);
  if (c->family == INCIDENT_TRAFFIC) return tell_traffic(h, v, c);
  if (c->family == INCIDENT_OTHER) {
    tell_alarm(h, v, c);
    return true;
  }
  if (tell_ranked(h, v, c)) return true;
  if (c->story.cause_n == 0 || c->story.by_alarm) tell_alarm(h, v, c); /* where it begins may alarm last */
  return tell_part(h, v, c);
}
