#include "base_must.h"
#include "incident_case.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define LONG_NS TIME_NS_PER_S        /* requests that take less begin and end in the same moment, as onsets go */
#define EARLY_NS (3 * TIME_NS_PER_S) /* after it was opened */
#define ENDS_TOGETHER (3u * LIMIT_TICKS_PER_S)

static void entity_series(const struct incident_view *v, uint32_t idx, struct rec_entity *out) {
  const struct rec_series *w = &v->catalog->entry[idx].who;
  *out = (struct rec_entity){.kind = str_of(rec_level_kind(w->level))};
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) out->dim[d] = w->dim[d];
  if (w->level == REC_LEVEL_POD) { /* a pod's region and version follow from it: an entity names no more than it must */
    out->dim[REC_DIM_REGION] = STR_NONE;
    out->dim[REC_DIM_VERSION] = STR_NONE;
  }
}

void incident_entity_node(const struct incident_view *v, uint32_t node, struct rec_entity *out) {
  *out = (struct rec_entity){.kind = STR("service")};
  out->dim[REC_DIM_NAMESPACE] = v->catalog->node[node].ns;
  out->dim[REC_DIM_SERVICE] = v->catalog->node[node].name;
}

void incident_entity_of(const struct incident_view *v, const struct incident_cause *c, struct rec_entity *out) {
  if (c->series_idx != NONE && series_catalog_find(v->catalog, c->series_idx)) {
    entity_series(v, c->series_idx, out);
    if (c->within) out->dim[REC_DIM_CLUSTER] = v->catalog->entry[c->within_idx].who.dim[REC_DIM_CLUSTER];
  } else if (c->node != NONE) {
    incident_entity_node(v, c->node, out);
  } else {
    *out = (struct rec_entity){.kind = STR("mesh")};
  }
}

static void lists_write(const struct incident_view *v, const struct incident_story *s, struct rec_incident *out) {
  for (uint32_t i = 0; i < s->cause_n; i++) {
    struct rec_cause *k = &out->cause[out->cause_n++];
    incident_entity_of(v, &s->cause[i], &k->entity);
    k->score = s->cause[i].score;
    k->signal = s->cause[i].signal;
    memcpy(k->evidence, s->cause[i].evidence, sizeof k->evidence);
  }
  for (uint32_t i = 0; i < s->reached_n; i++) incident_entity_node(v, s->reached[i], &out->affected[out->affected_n++]);
  for (uint32_t i = 0; i < s->route_n; i++)
    if (series_catalog_find(v->catalog, s->route[i])) entity_series(v, s->route[i], &out->affected[out->affected_n++]);
  for (uint32_t i = 0; i < s->healthy_n; i++)
    if (series_catalog_find(v->catalog, s->healthy[i]))
      entity_series(v, s->healthy[i], &out->not_affected[out->not_affected_n++]);
}

/* Requests of the culprit's series since the onset, exactly as the seconds are kept; once a second is added it stays.
 */
static void impact_add(const struct incident_view *v, struct incident_case *c, uint32_t to) {
  uint32_t idx = c->story.cause_n ? c->story.cause[0].shown_idx : NONE;
  struct series_sum sum = {0}, one;
  uint32_t last = to / LIMIT_TICKS_PER_S;
  if (idx == NONE || !series_catalog_find(v->catalog, idx)) return;
  if (idx != c->impact_series) {
    c->impact_series = idx;
    c->impact_n = c->impact_failed = c->impact_slow = 0;
    sum = series_recent_sum(&v->state[idx], c->from_seq, last * LIMIT_TICKS_PER_S - 1);
    c->impact_sec = last;
  }
  for (; c->impact_sec < last; c->impact_sec++)
    if (series_recent_second(&v->state[idx], c->impact_sec, &one)) {
      sum.n += one.n;
      sum.e += one.e;
    }
  c->impact_n += (uint64_t)sum.n;
  c->impact_failed += (uint64_t)sum.e;
  if (c->family == INCIDENT_LATENCY) c->impact_slow += (uint64_t)(sum.n - sum.e);
}

/* What an exemplar's series say of a dimension, or STR_NONE. */
static struct base_str exemplar_dim(const struct incident_view *v, const struct incident_exemplar *x, enum rec_dim d) {
  for (unsigned i = 0; i < 4; i++) {
    const struct series_entry *e = series_catalog_find(v->catalog, x->series[i]);
    if (e && e->who.dim[d].n) return e->who.dim[d];
  }
  return STR_NONE;
}

/* Every name that the first cause carries is the exemplar's too. */
static bool exemplar_fits(const struct incident_view *v, const struct incident_case *c,
                          const struct incident_exemplar *x) {
  struct rec_entity want;
  if (c->story.cause_n == 0) return false;
  incident_entity_of(v, &c->story.cause[0], &want);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (want.dim[d].n && !str_eq(want.dim[d], exemplar_dim(v, x, d))) return false;
  return true;
}

/* The newest ones that fit: failures for an incident of failures, slow ones for one of latency. */
static void exemplars_write(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                            struct rec_incident *out) {
  int64_t since = out->started_at.ns - TIME_NS_PER_S;
  int64_t until = incident_seq_wall(h, v, incident_case_until(h, v, c, v->seq + 1)).ns + TIME_NS_PER_S;
  for (uint32_t i = 0; i < h->exemplar_n && out->exemplar_n < LIMIT_EXEMPLARS; i++) {
    uint32_t at = (h->exemplar_next + INCIDENT_EXEMPLARS - 1 - i) % INCIDENT_EXEMPLARS;
    const struct incident_exemplar *x = &h->exemplar[at];
    bool failed = rec_class_failed(x->class_);
    if (x->at.ns < since || x->at.ns > until || (c->family == INCIDENT_ERRORS) != failed || !x->request_id[0]) continue;
    if (!exemplar_fits(v, c, x)) continue;
    bool twice = false;
    for (uint32_t k = 0; k < out->exemplar_n; k++) twice |= strcmp(out->exemplar[k].request_id, x->request_id) == 0;
    if (twice) continue;
    struct rec_shown *s = &out->exemplar[out->exemplar_n++];
    s->at = x->at;
    memcpy(s->request_id, x->request_id, sizeof s->request_id);
    memcpy(s->trace_id, x->trace_id, sizeof s->trace_id);
  }
}

/* Requests are counted when they end. One that ended when it was found, and took long to get there, says when it began.
 */
static void early_note(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  int64_t onset = incident_seq_wall(h, v, c->first_seq).ns,
          settled = incident_seq_wall(h, v, c->opened_seq > c->first_seq ? c->opened_seq : c->first_seq).ns;
  if (c->occurrences > 1 || (c->family != INCIDENT_ERRORS && c->family != INCIDENT_LATENCY)) return;
  for (uint32_t i = 0; i < h->exemplar_n; i++) {
    const struct incident_exemplar *x = &h->exemplar[i];
    int64_t end = x->at.ns + (int64_t)x->latency_ns;
    if (x->latency_ns < LONG_NS || end < onset || end > settled + EARLY_NS) continue;
    if ((c->family == INCIDENT_ERRORS) != rec_class_failed(x->class_) || !exemplar_fits(v, c, x)) continue;
    if (c->early_ns == 0 || x->at.ns < c->early_ns) c->early_ns = x->at.ns;
  }
}

static void changes_write(const struct incident_head *h, struct rec_incident *out) {
  int64_t from = out->started_at.ns - 600 * TIME_NS_PER_S, to = out->updated_at.ns;
  for (uint32_t i = 0; i < h->change_n && out->change_n < LIMIT_CHANGES; i++) {
    const struct incident_change *x = &h->change[(h->change_next + INCIDENT_CHANGES - 1 - i) % INCIDENT_CHANGES];
    if (x->at.ns < from || x->at.ns > to) continue;
    struct rec_change *k = &out->change[out->change_n++];
    *k = (struct rec_change){
        .at = x->at, .source = str_of(x->source), .kind = str_of(x->kind), .summary = str_of(x->summary)};
    k->entity.kind = str_of(x->entity_kind);
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) k->entity.dim[d] = str_of(x->dim[d]);
  }
}

/* Where the trouble ended: the last of its alarms' ends; but where these lie close together, each found with some
 * error, their median, as the last of many would be late. Of the first 64. */
static uint32_t end_seq(const struct incident_head *h, const struct incident_case *c, bool of_family) {
  uint32_t end[64], n = 0;
  for (uint32_t i = 0; i < h->alarm_n && n < 64; i++) {
    const struct incident_alarm *a = &h->alarm[i];
    if (a->case_idx != incident_case_number(h, c) || a->over_seq == 0) continue;
    if (of_family && incident_family_of(a->signal) != c->family) continue;
    uint32_t at = n++;
    for (; at > 0 && end[at - 1] > a->over_seq; at--) end[at] = end[at - 1];
    end[at] = a->over_seq;
  }
  if (n == 0) return 0;
  uint32_t last = end[n - 1 - n / 10]; /* one in ten may be far out */
  return last - end[n / 2] <= ENDS_TOGETHER ? end[n / 2] : last;
}

static void kind_set(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                     struct rec_incident *out) {
  static const char *const by_family[] = {"errors", "latency", "traffic", "errors", "change", "change"};
  const char *kind = by_family[c->family];
  const struct incident_cause *first = c->story.cause_n ? &c->story.cause[0] : NULL;
  enum incident_family of = first ? incident_family_of(first->signal) : (enum incident_family)c->family;
  /* Of what it is told of, though alarms of another kind have come since. */
  if (first && c->family < INCIDENT_GAP && of >= INCIDENT_TRAFFIC) kind = rec_signal_kind(first->signal);
  struct rec_entity named = {0};
  if (first) incident_entity_of(v, first, &named);
  bool full = first && (first->signal == REC_SIGNAL_OVERLOAD || /* slow, and refusing */
                        (c->family == INCIDENT_LATENCY && first->node != NONE &&
                         incident_alarm_strongest(h, v, c, first->node, REC_SIGNAL_OVERLOAD, false)));
  bool pressed = first && (c->family == INCIDENT_ERRORS || c->family == INCIDENT_LATENCY) &&
                 incident_gauge_full(&c->gauges, &named, first->node);
  if (full || pressed) kind = "saturation";
  if (c->drain == INCIDENT_DRAIN_YES) kind = "change";
  struct base_buf b = buf_over(out->kind, sizeof out->kind - 1);
  buf_put_str(&b, str_of(kind));
}

static void again_write(const struct incident_head *h, const struct incident_view *v, struct incident_case *c,
                        uint32_t end, struct rec_incident *out) {
  if (c->again_n) c->again[c->again_n - 1].over_seq = end;
  out->occurrences = c->occurrences;
  for (uint32_t i = 0; i < c->again_n; i++) {
    struct rec_again *a = &out->again[out->again_n++];
    a->started_at = incident_seq_wall(h, v, c->again[i].from_seq);
    if (c->again[i].over_seq) a->ended_at = incident_seq_wall(h, v, c->again[i].over_seq);
  }
  for (uint32_t i = 0; i < c->decision_n; i++) {
    struct rec_decision *d = &out->decision[out->decision_n++];
    d->at.ns = c->decision[i].at_ns;
    memcpy(d->text, c->decision[i].text, sizeof d->text);
  }
}

void incident_write(const struct incident_head *h, const struct incident_view *v, struct incident_case *c, bool going,
                    enum rec_state state, struct rec_incident *out) {
  bool alive = incident_case_alive(h, v, c);
  *out = (struct rec_incident){.id_hash = c->id_hash, .rev = c->rev, .tick_seq = v->seq, .state = (uint8_t)state};
  out->verdict = c->story.verdict;
  out->severity = c->story.severity;
  out->acked = (uint8_t)c->acked;
  out->started_at = incident_seq_wall(h, v, c->first_seq);
  out->updated_at = h->tick_now;
  out->detected_at.ns = c->detected_ns ? c->detected_ns : h->tick_now.ns;
  c->detected_ns = out->detected_at.ns;
  bool over = !alive || (state == REC_STATE_CLOSED && !going); /* alarms that are left are another incident's */
  uint32_t end = 0;
  if (over) {
    end = end_seq(h, c, true);
    if (!end) end = end_seq(h, c, false);
    if (c->family >= INCIDENT_GAP) end = c->last_seq + 1;
    if (alive && !end) end = v->seq + 1;
    if (end <= c->from_seq) end = c->from_seq + 1;
    out->ended_at = incident_seq_wall(h, v, end);
  }
  kind_set(h, v, c, out);
  memcpy(out->summary, c->story.summary, sizeof out->summary);
  lists_write(v, &c->story, out);
  if (going || over) impact_add(v, c, going ? v->seq + 1 : end + LIMIT_TICKS_PER_S - 1);
  out->impact_requests = c->before_n + c->impact_n;
  out->impact_failed = c->before_failed + c->impact_failed;
  out->impact_slow = c->before_slow + c->impact_slow;
  again_write(h, v, c, end, out);
  bool degraded = h->degraded_seq && v->seq - h->degraded_seq < 60u * LIMIT_TICKS_PER_S;
  struct base_buf t = buf_over(out->telemetry, sizeof out->telemetry - 1);
  char lost[sizeof out->telemetry - sizeof "degraded: "];
  incident_gap_text(h, lost, sizeof lost);
  buf_put_str(&t, degraded ? STR("degraded: ") : STR("complete"));
  if (degraded) buf_put_str(&t, str_of(lost));
  early_note(h, v, c);
  if (c->early_ns && c->early_ns < out->started_at.ns) out->started_at.ns = c->early_ns;
  exemplars_write(h, v, c, out);
  changes_write(h, out);
  incident_finding_write(h, v, c, out);
  incident_chain_write(v, c, out);
  incident_time_write(v, c, out);
  incident_gauge_write(&c->gauges, out);
  out->confidence = incident_confidence(c, out);
}
