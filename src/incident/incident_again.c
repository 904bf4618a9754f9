/* Troubles that come back: a dip of a second is over before anybody looks, and the tenth of the hour is no tenth
 * incident but one that recurs. */
#include "incident_case.h"

#define SHORT (5u * LIMIT_TICKS_PER_S) /* longer ones are worth an incident each, */
#define FRESH_Z 4.0                    /* what a trouble that goes on shows in INCIDENT_FRESH_TICKS: */
#define FRESH_FAILURES 3.0
#define WAKE_LEAST 10.0                 /* requests: of fewer one that is far out makes a mean */
#define SOON (180u * LIMIT_TICKS_PER_S) /* unless they come back within so long: it never was quite over */

uint32_t incident_again_rest(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c) {
  if (!c->shown || c->story.verdict != REC_VERDICT_UNHEALTHY || c->story.cause_n == 0) return 0;
  if (c->family == INCIDENT_TRAFFIC || c->family >= INCIDENT_GAP) return 0;
  return incident_case_until(h, v, c, c->from_seq + 1) - c->from_seq <= SHORT ? INCIDENT_REST_TICKS : SOON;
}

/* The same service and signal, and no two different parts of it: a dip of a few requests is not always told as
 * narrowly. */
static bool same_cause(const struct incident_case *a, const struct incident_case *b) {
  if (a->family != b->family || !b->story.cause_n) return false;
  const struct incident_cause *x = &a->story.cause[0], *y = &b->story.cause[0];
  if (x->node != y->node || x->signal != y->signal) return false;
  return x->series_idx == y->series_idx || x->series_idx == REC_SERIES_NONE || y->series_idx == REC_SERIES_NONE;
}

static bool shows_now(const struct incident_view *v, const struct incident_alarm *a) {
  enum incident_family f = incident_family_shown(a->signal);
  if (f > INCIDENT_LATENCY) return true; /* its seconds are not kept */
  struct incident_excess e = incident_excess_of(v, a->series_idx, f, v->seq - INCIDENT_FRESH_TICKS + 1u, v->seq);
  return incident_z(e) >= FRESH_Z && (f == INCIDENT_LATENCY || e.x >= FRESH_FAILURES);
}

bool incident_again_wakes(const struct incident_view *v, const struct incident_alarm *a) {
  enum incident_family f = incident_family_shown(a->signal);
  if (v->seq < 2 * INCIDENT_FRESH_TICKS) return false;
  for (uint32_t end = v->seq, i = 0; i < 2; i++, end -= INCIDENT_FRESH_TICKS) {
    struct incident_excess e = incident_excess_of(v, a->series_idx, f, end - INCIDENT_FRESH_TICKS + 1u, end);
    if (incident_z(e) < FRESH_Z || e.n < WAKE_LEAST) return false;
  }
  return true;
}

bool incident_again_fresh(const struct incident_head *h, const struct incident_view *v, struct incident_alarm *a) {
  uint32_t node = incident_alarm_node(v, a), end = 0;
  if (node == REC_SERIES_NONE || v->seq < INCIDENT_FRESH_TICKS) return true;
  for (uint16_t k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    const struct incident_case *c = &h->case_[k];
    if (!c->used || !c->resting || a->from_seq > c->last_seq || c->last_seq < end) continue;
    if (node == c->source || incident_nodes_has(&c->nodes, node)) end = c->last_seq;
  }
  if (end == 0) return true;
  if (!shows_now(v, a)) return false;
  a->from_seq = end + 1u < v->seq ? end + 1u : v->seq;
  return true;
}

uint16_t incident_again_resting(const struct incident_head *h, const struct incident_case *c) {
  uint16_t best = INCIDENT_NO_CASE;
  for (uint16_t k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    const struct incident_case *o = &h->case_[k];
    if (!o->used || !o->resting || !same_cause(c, o)) continue;
    if (best == INCIDENT_NO_CASE || o->rest_seq > h->case_[best].rest_seq) best = k;
  }
  return best;
}

uint16_t incident_again_find(const struct incident_head *h, uint16_t i) {
  const struct incident_case *c = &h->case_[i];
  if (c->shown || !c->told || c->drain == INCIDENT_DRAIN_MAYBE || c->story.verdict != REC_VERDICT_UNHEALTHY)
    return INCIDENT_NO_CASE;
  return incident_again_resting(h, c);
}

static void span_push(struct incident_case *c, struct incident_span s) {
  if (c->again_n == LIMIT_AGAIN) {
    memmove(c->again, c->again + 1, (LIMIT_AGAIN - 1) * sizeof c->again[0]);
    c->again_n--;
  }
  c->again[c->again_n++] = s;
}

void incident_again_join(struct incident_head *h, const struct incident_view *v, uint16_t from, uint16_t into) {
  struct incident_case *a = &h->case_[from], *b = &h->case_[into];
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx == from) h->alarm[i].case_idx = into;
  b->resting = 0;
  b->from_seq = a->from_seq;
  b->opened_seq = a->opened_seq;
  b->last_seq = v->seq;
  b->source = a->source;
  b->alarm_n += a->alarm_n;
  b->between = a->between;
  b->nodes = a->nodes;
  b->reach = a->reach;
  b->trace = a->trace;
  b->gauges = a->gauges;
  if (a->story.cause[0].series_idx != REC_SERIES_NONE || b->story.cause_n == 0) b->story = a->story;
  b->before_n += b->impact_n;
  b->before_failed += b->impact_failed;
  b->before_slow += b->impact_slow;
  b->impact_n = b->impact_failed = b->impact_slow = 0;
  b->impact_series = REC_SERIES_NONE;
  b->occurrences++;
  b->acked = 0;
  b->dirty = 1;
  span_push(b, (struct incident_span){a->from_seq, 0});
  a->used = 0;
  h->counter_closed++;
}
