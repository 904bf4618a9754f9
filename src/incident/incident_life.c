#include "incident_life.h"

#include "base_must.h"
#include "incident_change.h"
#include "incident_drain.h"
#include "incident_mix.h"

#define S LIMIT_TICKS_PER_S
#define HOLD (20u * S)       /* an incident stays open so long after its last alarm: flapping is one incident */
#define RANK_EARLY (60u * S) /* ranked each second while young, */
#define RANK_LATE (10u * S)  /* then each ten */
#define RECOVERING 2.0       /* nats of the recovery CUSUM */
#define FADING (8u * S)
#define LAST (20u * S)
#define KIN (5u * S)
#define OWN (20u * S)   /* a cause that it was told of for so long is its own */
#define SECOND (5u * S) /* so long two causes must stand side by side to be two incidents */
#define APART_Z 0.5     /* standard deviations of its own excess that a part has at least which stands out */
#define DOUBT (60u * S) /* an alarm whose excess names no cause must stand so long before it is shown */

/* The series' alarm of that signal: in force, or over, of an incident that is still kept open. */
static struct incident_alarm *alarm_find(struct incident_head *h, uint32_t series_idx, uint8_t signal, bool over) {
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    struct incident_alarm *a = &h->alarm[i];
    if (over && a->case_idx == INCIDENT_NO_CASE) continue;
    if (a->series_idx == series_idx && a->signal == signal && (a->over_seq != 0) == over) return a;
  }
  return NULL;
}

static void alarm_again(struct incident_head *h, const struct incident_view *v, struct incident_alarm *a,
                        const struct detect_signal *s) {
  struct incident_case *c = &h->case_[a->case_idx];
  a->over_seq = 0;
  a->raised_seq = v->seq;
  if (s->log_e > a->log_e) a->log_e = s->log_e;
  c->last_seq = v->seq;
  c->alarm_n++;
  c->dirty = 1;
}

static void alarm_end(struct incident_head *h, struct incident_alarm *a, uint32_t over) {
  a->over_seq = over ? over : 1;
  if (a->case_idx != INCIDENT_NO_CASE) h->case_[a->case_idx].dirty = 1;
}

/* A mean, or a share, that moves as other requests stay away is no trouble of its own, and joins none. What is slow all
 * the same is so in one of the strata, which has a detector of its own. */
static bool alarm_of_mix(const struct incident_view *v, const struct detect_signal *s) {
  enum incident_family family = incident_family_shown(s->signal);
  bool apart = s->signal == REC_SIGNAL_LATENCY_APART;
  if (s->signal == REC_SIGNAL_BYTES) return incident_mix_bytes(v, s->series_idx);
  if (!apart && incident_family_of(s->signal) > INCIDENT_LATENCY) return false;
  if (family == INCIDENT_ERRORS && incident_mix_survives(v, s->series_idx, s->from_seq, v->seq)) return true;
  /* Its siblings have become faster. */
  if (apart && incident_z(incident_excess_of(v, s->series_idx, family, s->from_seq, v->seq)) < APART_Z) return true;
  return incident_mix_explains(v, s->series_idx, family, s->from_seq, v->seq);
}

static void alarm_raise(struct incident_head *h, const struct incident_view *v, const struct detect_signal *s) {
  h->counter_alarms++;
  if (!series_catalog_find(v->catalog, s->series_idx) || alarm_of_mix(v, s)) return;
  struct incident_alarm *again = alarm_find(h, s->series_idx, s->signal, true);
  if (again) { /* its incident has not closed: it flaps */
    alarm_again(h, v, again, s);
    return;
  }
  if (h->alarm_n == LIMIT_ALARMS) {
    h->counter_alarm_limit++;
    return;
  }
  struct incident_alarm *a = &h->alarm[h->alarm_n++];
  *a = (struct incident_alarm){.series_idx = s->series_idx,
                               .from_seq = s->from_seq,
                               .raised_seq = v->seq,
                               .log_e = s->log_e,
                               .case_idx = INCIDENT_NO_CASE,
                               .signal = s->signal};
  if (incident_again_fresh(h, v, a))
    incident_join(h, v, a);
  else
    h->alarm_n--;
}

/* Failures first, then surges, which explain latency; drops of traffic last: what follows from a failure finds its
 * incident open. Of each kind the pooled series (mesh, region, cluster) come last, for they know no service. */
#define TURNS 10u
static unsigned turn_of(const struct incident_view *v, const struct detect_signal *s) {
  static const unsigned order[] = {
      [INCIDENT_ERRORS] = 0, [INCIDENT_LATENCY] = 2, [INCIDENT_OTHER] = 3, [INCIDENT_TRAFFIC] = 4};
  /* no alarm is INCIDENT_GAP's */
  unsigned turn = s->signal == REC_SIGNAL_REQUESTS_UP ? 1 : order[incident_family_of(s->signal)];
  const struct series_entry *e = series_catalog_find(v->catalog, s->series_idx);
  return 2 * turn + (!e || e->node == REC_SERIES_NONE);
}

static void signals_take(struct incident_head *h, const struct incident_view *v, const struct detect_signal *signal,
                         size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (signal[i].event != DETECT_OVER) continue;
    struct incident_alarm *a = alarm_find(h, signal[i].series_idx, signal[i].signal, false);
    if (a) alarm_end(h, a, signal[i].from_seq);
  }
  for (unsigned turn = 0; turn < TURNS; turn++)
    for (size_t i = 0; i < n; i++)
      if (signal[i].event == DETECT_RAISED && turn_of(v, &signal[i]) == turn) alarm_raise(h, v, &signal[i]);
}

static void text_copy(char *out, size_t cap, struct base_str s) {
  size_t n = s.n < cap ? s.n : cap - 1;
  if (n) memcpy(out, s.p, n);
  out[n] = 0;
}

static void exemplars_take(struct incident_head *h, const struct rec_head_batch *in) {
  for (size_t i = 0; i < in->exemplar_n; i++) {
    const struct rec_exemplar *x = &in->exemplar[i];
    struct incident_exemplar *e = &h->exemplar[h->exemplar_next];
    *e = (struct incident_exemplar){.at = x->at, .latency_ns = x->latency_ns, .class_ = x->class_};
    memcpy(e->series, x->series, sizeof e->series);
    text_copy(e->request_id, sizeof e->request_id, x->request_id);
    text_copy(e->trace_id, sizeof e->trace_id, x->trace_id);
    h->exemplar_next = (h->exemplar_next + 1) % INCIDENT_EXEMPLARS;
    if (h->exemplar_n < INCIDENT_EXEMPLARS) h->exemplar_n++;
  }
}

static void changes_take(struct incident_head *h, const struct rec_head_batch *in) {
  for (size_t i = 0; i < in->change_n; i++) {
    const struct rec_change *x = &in->change[i];
    struct incident_change *c = incident_change_put(h, x->at);
    text_copy(c->source, sizeof c->source, x->source);
    text_copy(c->kind, sizeof c->kind, x->kind);
    text_copy(c->summary, sizeof c->summary, x->summary);
    text_copy(c->entity_kind, sizeof c->entity_kind, x->entity.kind);
    for (unsigned d = 0; d < REC_DIM_COUNT; d++) text_copy(c->dim[d], sizeof c->dim[d], x->entity.dim[d]);
  }
}

/* An operator says that it is meant: nobody is paged, and its level is learned at once. */
static void case_mark(struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  c->marked = c->dirty = 1;
  c->story.verdict = REC_VERDICT_EXPECTED;
  incident_adopt_step(h, v);
}

static void commands_take(struct incident_head *h, const struct incident_view *v, const struct rec_head_batch *in) {
  for (size_t i = 0; i < in->command_n; i++) {
    for (unsigned k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
      struct incident_case *c = &h->case_[k];
      struct rec_incident probe = {.id_hash = c->id_hash};
      char id[17];
      rec_incident_id(&probe, id);
      if (!c->used || !str_eq(in->command[i].incident_id, str_of(id))) continue;
      if (in->command[i].verb == REC_VERB_ACK && !c->acked) c->acked = c->dirty = 1;
      if (in->command[i].verb == REC_VERB_EXPECT && !c->marked) case_mark(h, v, c);
    }
  }
}

/* Is one of its alarms still gathering evidence? One that recovers would only dilute it with good requests. */
static bool goes_on(const struct incident_head *h, const struct incident_view *v, uint16_t case_idx) {
  if (h->case_[case_idx].family >= INCIDENT_GAP) return incident_case_alive(h, v, &h->case_[case_idx]);
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    const struct incident_alarm *a = &h->alarm[i];
    if (a->case_idx != case_idx || a->over_seq != 0 || incident_family_of(a->signal) != h->case_[case_idx].family)
      continue;
    if (incident_recovery(v, a->series_idx, a->signal) < RECOVERING) return true;
  }
  return false;
}

static bool rank_due(const struct incident_case *c, uint32_t seq) {
  uint32_t step = seq - c->opened_seq < RANK_EARLY ? S : RANK_LATE;
  return seq - c->ranked_seq >= step;
}

static bool hangs(const struct incident_case *c) {
  return c->family == INCIDENT_OTHER && c->story.cause[0].signal == REC_SIGNAL_HANGING;
}

/* Slow, failing and hanging by the same cause since the same moment: by their alarms alone they may have looked like
 * two. */
static bool kin(const struct incident_case *a, const struct incident_case *b) {
  uint32_t apart = a->first_seq > b->first_seq ? a->first_seq - b->first_seq : b->first_seq - a->first_seq;
  return (a->family < INCIDENT_TRAFFIC || hangs(a)) && (b->family < INCIDENT_TRAFFIC || hangs(b)) && apart <= KIN &&
         a->story.cause[0].node != REC_SERIES_NONE;
}

static bool same_story(const struct incident_case *a, const struct incident_case *b) {
  if (!a->used || !b->used || a->resting || b->resting || !a->story.cause_n || !b->story.cause_n) return false;
  if (a->family != b->family && !kin(a, b)) return false;
  const struct incident_cause *x = &a->story.cause[0], *y = &b->story.cause[0];
  /* What moved went down in one place and up in another, and is one story. */
  bool expected = a->story.verdict == REC_VERDICT_EXPECTED && b->story.verdict == REC_VERDICT_EXPECTED;
  return x->series_idx == y->series_idx && x->node == y->node && (a->up == b->up || expected);
}

/* Two cases that name the same cause are one incident: the older takes the alarms. Its number, or none. */
static uint16_t older_of(const struct incident_head *h, uint16_t i) {
  const struct incident_case *c = &h->case_[i];
  for (uint16_t k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    const struct incident_case *o = &h->case_[k];
    if (k == i || !same_story(o, c)) continue;
    if (o->opened_seq < c->opened_seq || (o->opened_seq == c->opened_seq && k < i)) return k;
  }
  return INCIDENT_NO_CASE;
}

static void case_merge(struct incident_head *h, uint16_t from, uint16_t into) {
  struct incident_case *a = &h->case_[from], *b = &h->case_[into];
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx == from) h->alarm[i].case_idx = into;
  for (uint32_t i = 0; i < a->nodes.n; i++) (void)incident_nodes_add(&b->nodes, a->nodes.node[i]);
  if (a->last_seq > b->last_seq) b->last_seq = a->last_seq;
  b->alarm_n += a->alarm_n;
  b->between |= a->between;
  b->told |= a->told;
  if (a->family == INCIDENT_ERRORS && b->family == INCIDENT_LATENCY) b->family = INCIDENT_ERRORS; /* that is worse */
  b->dirty = 1;
  a->used = 0;
  h->counter_closed++;
}

void incident_decide(struct incident_case *c, struct base_wall at, const char *text) {
  if (c->decision_n == LIMIT_DECISIONS) {
    memmove(c->decision, c->decision + 1, (LIMIT_DECISIONS - 1) * sizeof c->decision[0]);
    c->decision_n--;
  }
  struct incident_decision *d = &c->decision[c->decision_n++];
  d->at_ns = at.ns;
  text_copy(d->text, sizeof d->text, str_of(text));
  c->dirty = 1;
}

/* A verdict that turns after it was told is a decision that somebody will ask about. */
static void verdict_note(struct incident_head *h, struct incident_case *c, uint8_t before) {
  if (!c->shown || c->story.verdict == before) return;
  incident_decide(c, h->tick_end,
                  c->story.verdict == REC_VERDICT_EXPECTED ? "judged expected: see the summary for the reason"
                                                           : "judged unhealthy: what made it expected no longer holds");
}

/* The first cause shows little of its trouble in the last seconds: it is probably over, though its alarms are not sure
 * yet. What was told at its height says more than what could be told now. */
static bool fading(const struct incident_view *v, const struct incident_case *c) {
  uint32_t idx = c->story.cause_n ? c->story.cause[0].shown_idx : REC_SERIES_NONE;
  if (idx == REC_SERIES_NONE || c->story.rate <= 0.0 || v->seq - c->from_seq < 2 * FADING) return false;
  if (incident_family_of(c->story.cause[0].signal) != c->family) return false; /* it was told of other alarms */
  struct incident_excess last = incident_excess_of(v, idx, c->family, v->seq - FADING + 1, v->seq);
  return last.x < 0.25 * c->story.rate * (last.n > 1.0 ? last.n : 1.0);
}

/* Alarms of few requests end late: what shows nothing any more in the last seconds is not news. */
static bool still_shows(const struct incident_view *v, const struct incident_case *c) {
  uint32_t idx = c->story.cause_n ? c->story.cause[0].shown_idx : REC_SERIES_NONE;
  if (idx == REC_SERIES_NONE || c->family >= INCIDENT_TRAFFIC) return true;
  return incident_excess_of(v, idx, (enum incident_family)c->family, v->seq - LAST + 1, v->seq).x > 0.0;
}

static uint32_t cause_node(const struct incident_case *c) {
  return c->story.cause_n ? c->story.cause[0].node : REC_SERIES_NONE;
}

static void case_tell(struct incident_head *h, const struct incident_view *v, uint16_t i, bool alive) {
  struct incident_case *c = &h->case_[i];
  uint8_t before = c->story.verdict;
  uint32_t node = cause_node(c);
  bool going = goes_on(h, v, i);
  if ((going && !fading(v, c)) || c->story.cause_n == 0)
    c->told |= incident_story_tell(h, v, c) && !incident_brief_waits(h, v, i);
  else
    incident_story_silent(v, c);
  if (cause_node(c) != node) c->cause_seq = v->seq;
  incident_drain_judge(h, v, c);
  if (alive && going && v->seq - c->opened_seq >= DOUBT && still_shows(v, c)) c->told = 1;
  if (c->marked) c->story.verdict = REC_VERDICT_EXPECTED;
  verdict_note(h, c, before);
}

static void case_close(struct incident_head *h, const struct incident_view *v, uint16_t i) {
  struct incident_case *c = &h->case_[i];
  uint32_t rest = incident_again_rest(h, v, c);
  incident_brief_note(h, v, c);
  incident_alarms_leave(h, i);
  h->counter_closed++;
  c->second = REC_SERIES_NONE; /* if it comes back, of that time's own */
  c->used = c->resting = rest > 0;
  c->rest_seq = v->seq + rest;
}

/* Where a case has turned out to be another one, its number there: an older one that is open, or one that rests. */
static uint16_t case_same(struct incident_head *h, const struct incident_view *v, uint16_t i) {
  uint16_t rested = incident_again_find(h, i);
  if (rested == INCIDENT_NO_CASE) {
    uint16_t older = older_of(h, i), first = older == INCIDENT_NO_CASE ? incident_shared_find(h, v, i) : older;
    if (first != older) incident_shared_take(&h->case_[first], &h->case_[i]);
    return first;
  }
  incident_again_join(h, v, i, rested);
  return rested;
}

/* Did parts of its service stand out from their siblings, and do so no more? */
static bool apart_is_over(const struct incident_head *h, uint16_t i) {
  bool any = false;
  for (uint32_t k = 0; k < h->alarm_n; k++) {
    const struct incident_alarm *a = &h->alarm[k];
    if (a->case_idx != i || (a->signal != REC_SIGNAL_ERRORS_APART && a->signal != REC_SIGNAL_LATENCY_APART)) continue;
    if (a->over_seq == 0) return false;
    any = true;
  }
  return any;
}

/* Another incident that begins where this one's second cause is, and the next ones; its number, or none. */
static uint16_t case_behind(const struct incident_head *h, uint16_t i) {
  const struct incident_case *c = &h->case_[i];
  for (uint16_t k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    const struct incident_case *o = &h->case_[k];
    if (k == i || !o->used || o->resting || o->family != c->family || !o->shown) continue;
    for (uint32_t n = 1; n < c->story.cause_n; n++)
      if (cause_node(o) == c->story.cause[n].node) return k;
  }
  return INCIDENT_NO_CASE;
}

/* It has long been told of a cause of its own, and now shows nothing but another incident's: its own trouble is over,
 * and the alarms that are left are of that one. Its number, or none. before: as it was told until now, since that tick.
 */
static uint16_t case_left_to(const struct incident_head *h, const struct incident_view *v, uint16_t i,
                             const struct incident_story *before, uint32_t since) {
  const struct incident_case *c = &h->case_[i];
  uint32_t was = before->cause_n ? before->cause[0].node : REC_SERIES_NONE, is = cause_node(c);
  if (!c->shown || was == REC_SERIES_NONE || is == REC_SERIES_NONE || before->verdict != REC_VERDICT_UNHEALTHY ||
      before->cause[0].between || v->seq - since < OWN)
    return INCIDENT_NO_CASE;
  if (was != is) return incident_related(v->catalog, was, is) ? older_of(h, i) : INCIDENT_NO_CASE;
  bool part_gone = before->cause[0].series_idx != REC_SERIES_NONE && c->story.cause[0].series_idx == REC_SERIES_NONE;
  return part_gone && apart_is_over(h, i) ? case_behind(h, i) : INCIDENT_NO_CASE;
}

/* A second cause that has stood beside the first for long enough takes its alarms and goes, unless the load explains
 * both. */
static void second_leave(struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  if (c->second == REC_SERIES_NONE || !c->told || v->seq - c->second_seq < SECOND) return;
  if (c->family == INCIDENT_LATENCY && c->story.verdict == REC_VERDICT_EXPECTED &&
      incident_traffic_loads(h, v, c->second, REC_SERIES_NONE, true, c->from_seq, v->seq) == INCIDENT_LOAD_EXPLAINS)
    return;
  if (incident_case_split(h, v, c, c->second)) c->second = REC_SERIES_NONE;
}

/* Tells it anew. The number of the case that it has turned out to be part of, or none; *own: its own trouble is over,
 * it ends as it was told until now, and what is left of its alarms is that one's. */
static uint16_t case_retell(struct incident_head *h, const struct incident_view *v, uint16_t i, bool alive, bool *own) {
  struct incident_case *c = &h->case_[i];
  struct incident_story before = c->story;
  uint32_t since = c->cause_seq;
  case_tell(h, v, i, alive);
  uint16_t left = case_left_to(h, v, i, &before, since);
  *own = left != INCIDENT_NO_CASE;
  if (*own) c->story = before;
  return *own ? left : case_same(h, v, i);
}

static bool case_step(struct incident_head *h, const struct incident_view *v, uint16_t i, struct rec_incident *rec) {
  struct incident_case *c = &h->case_[i];
  if (c->resting) {
    c->used = v->seq < c->rest_seq;
    return false;
  }
  bool alive = incident_case_alive(h, v, c), second_ends = (v->seq + 1) % S == 0, own;
  if (alive) c->last_seq = v->seq;
  bool ends = !alive && v->seq - c->last_seq >= HOLD;
  if (second_ends) incident_trace_step(v, c);
  if (!c->dirty && !ends && !(alive && rank_due(c, v->seq))) return false;
  c->ranked_seq = v->seq;
  c->dirty = 0;
  incident_other_look(h, v, c);
  c->rev++;
  second_leave(h, v, c);
  uint16_t same = case_retell(h, v, i, alive, &own);
  if (!c->used) return false; /* it goes on as an earlier one, which is written in its turn */
  bool told = c->told && c->drain != INCIDENT_DRAIN_MAYBE, closed = ends || same != INCIDENT_NO_CASE;
  if (told) incident_write(h, v, c, !own && goes_on(h, v, i), closed ? REC_STATE_CLOSED : REC_STATE_OPEN, rec);
  if (same != INCIDENT_NO_CASE) {
    if (!own) rec->merged_hash = h->case_[same].id_hash;
    case_merge(h, i, same);
    return told && c->shown;
  }
  c->shown |= told;
  if (ends) case_close(h, v, i);
  return told;
}

/* Older than the last INCIDENT_JUMPS of them an incident is not. */
static void jump_note(struct incident_head *h, const struct incident_view *v, struct base_wall end) {
  int64_t extra = end.ns - h->tick_end.ns - LIMIT_TICK_NS;
  if (h->tick_end.ns == 0 || extra == 0) return;
  h->jump[h->jump_n++ % INCIDENT_JUMPS] = (struct incident_jump){extra, v->seq, 0};
}

uint32_t incident_life_tick(struct incident_head *h, const struct incident_view *v, const struct detect_signal *signal,
                            size_t signal_n, const struct rec_head_batch *in, struct rec_tick tick,
                            struct rec_incident *rec, uint32_t max) {
  uint32_t n = 0;
  MUST(max >= LIMIT_INCIDENTS_OPEN);
  incident_gap_step(h, v, in, tick);
  jump_note(h, v, tick.end);
  h->tick_end = tick.end;
  h->tick_now = tick.now;
  exemplars_take(h, in);
  changes_take(h, in);
  commands_take(h, v, in);
  signals_take(h, v, signal, signal_n);
  if ((v->seq + 1) % S == 0) incident_alarms_wake(h, v);
  incident_change_step(h, v);
  if ((v->seq + 1) % (60u * S) == 0) {
    incident_adopt_step(h, v);
    incident_load_step(h, v);
  }
  for (uint16_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++)
    if (h->case_[i].used && case_step(h, v, i, &rec[n])) n++;
  return n;
}

static uint32_t list_without(uint32_t *list, uint32_t n, uint32_t idx) {
  uint32_t keep = 0;
  for (uint32_t i = 0; i < n; i++)
    if (list[i] != idx) list[keep++] = list[i];
  return keep;
}

/* The number may be given to another series, which must not be named for this one's deeds. */
static void story_forget(struct incident_case *c, uint32_t idx) {
  for (uint32_t i = 0; i < c->story.cause_n; i++) {
    struct incident_cause *k = &c->story.cause[i];
    if (k->series_idx == idx) k->series_idx = REC_SERIES_NONE;
    if (k->shown_idx == idx) k->shown_idx = REC_SERIES_NONE;
  }
  c->story.route_n = list_without(c->story.route, c->story.route_n, idx);
  c->story.healthy_n = list_without(c->story.healthy, c->story.healthy_n, idx);
  if (c->impact_series == idx) c->impact_series = REC_SERIES_NONE;
  if (c->trace.series_idx == idx) c->trace.series_idx = REC_SERIES_NONE;
}

void incident_life_drop(struct incident_head *h, uint32_t series_idx, uint32_t seq) {
  incident_change_drop(h, series_idx);
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    struct incident_alarm *a = &h->alarm[i];
    if (a->series_idx != series_idx) continue;
    if (a->over_seq == 0) alarm_end(h, a, seq);
    a->series_idx = REC_SERIES_NONE;
  }
  for (unsigned i = 0; i < LIMIT_INCIDENTS_OPEN; i++)
    if (h->case_[i].used) story_forget(&h->case_[i], series_idx);
  for (uint32_t i = 0; i < h->exemplar_n; i++)
    for (unsigned k = 0; k < 4; k++)
      if (h->exemplar[i].series[k] == series_idx) h->exemplar[i].series[k] = REC_SERIES_NONE;
}

uint32_t incident_life_open_n(const struct incident_head *h) {
  uint32_t n = 0;
  for (unsigned i = 0; i < LIMIT_INCIDENTS_OPEN; i++) n += h->case_[i].used && !h->case_[i].resting;
  return n;
}

bool incident_life_alarming(const struct incident_head *h, uint32_t series_idx) {
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].series_idx == series_idx && h->alarm[i].over_seq == 0) return true;
  return false;
}

struct base_wall incident_seq_wall(const struct incident_head *h, const struct incident_view *v, uint32_t seq) {
  int64_t back_ns = ((int64_t)v->seq - (int64_t)seq + 1) * LIMIT_TICK_NS;
  for (uint32_t i = 0; i < INCIDENT_JUMPS && i < h->jump_n; i++)
    if (h->jump[i].seq > seq) back_ns += h->jump[i].ns;
  return (struct base_wall){h->tick_end.ns - back_ns};
}
