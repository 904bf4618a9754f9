#include "incident_drain.h"

#include "base_math.h"
#include "incident_change.h"
#include "incident_silent.h"
#include "series_recent.h"

#define NONE REC_SERIES_NONE
#define S LIMIT_TICKS_PER_S
#define LINGERS (3u * S)   /* a pod that leaves is still asked for so long; one that crashed for longer */
#define TRAILS (S + S / 2) /* after its last answer: one that crashed is asked on without any */
#define CALM (2u * S)      /* without a failure: it is over */
#define MISSED (6u * S)    /* by then a pod that has gone is missed */
#define AT_ONCE 0.5        /* of a service leaves at a time at most */
#define GOES_ON 0.7        /* of the usual requests, of what is left of it */
#define Z_OWN 3.0          /* the service itself reports failures */

/* What is known of the failures of a case whose first cause is a service, or a part of one. */
struct drain {
  uint32_t node, last; /* the last tick with a failure */
  bool retried;
  bool rolls; /* a new version takes over: pod after pod leaves */
  double cut; /* requests that failed, or were tried again */
  struct incident_left left;
};

static bool is_cut(uint8_t signal) {
  return signal == REC_SIGNAL_ERRORS || signal == REC_SIGNAL_UNREACHABLE || signal == REC_SIGNAL_RETRIES;
}

/* The last tick at which the alarm stood at its full height. */
static uint32_t last_of(const struct incident_view *v, const struct incident_alarm *a) {
  const struct series_ratio *r = series_ratio_find(&v->state[a->series_idx], a->signal);
  if (a->over_seq) return a->over_seq;
  return r && r->best != SERIES_RATIO_CALM ? r->alarm.seq : v->seq;
}

/* Its alarms: failures that only clients report. False where something else is said of the service. */
static bool alarms_look(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c,
                        struct drain *d) {
  const struct incident_alarm *a;
  double most = 0.0;
  d->last = c->from_seq;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (incident_alarm_node(v, a) != d->node) continue;
    bool client = v->catalog->entry[a->series_idx].who.side == REC_SIDE_CLIENT;
    bool failure = incident_family_of(a->signal) == INCIDENT_ERRORS;
    if (failure && (!client || !is_cut(a->signal))) return false;
    if (!is_cut(a->signal)) continue;
    uint32_t last = last_of(v, a);
    if (last > d->last) d->last = last;
    double ticks = (double)(last > a->from_seq ? last - a->from_seq + 1 : 1), times = (double)a->seen_per_tick * ticks;
    if (a->signal != REC_SIGNAL_RETRIES || times <= most) continue;
    most = times;
    d->retried = true;
  }
  const struct series_node *node = &v->catalog->node[d->node];
  uint32_t idx = node->series[REC_SIDE_CLIENT], own = node->series[REC_SIDE_SERVER];
  uint32_t from = c->from_seq > S ? c->from_seq - S : 0;
  d->cut = incident_excess_of(v, idx, INCIDENT_ERRORS, from, v->seq).x + most;
  return incident_z(incident_excess_of(v, own, INCIDENT_ERRORS, from, v->seq)) < Z_OWN;
}

static double rate_of(const struct incident_view *v, uint32_t idx) {
  return v->state[idx].used ? series_usual_per_tick(&v->state[idx]) : 0.0;
}

/* What was under way to pods with so many requests a tick, while they were still asked. */
static double under_way(double per_tick) {
  double n = per_tick * (double)LINGERS;
  return n + 3.0 * math_sqrt(n + 1.0);
}

static bool goes_on(const struct incident_view *v, const struct drain *d) {
  uint32_t idx = v->catalog->node[d->node].series[REC_SIDE_SERVER], from = (d->last / S + 1) * S, to = v->seq / S * S;
  if (to <= from) return false;
  double due = rate_of(v, idx) * (double)(to - from), came = series_recent_sum(&v->state[idx], from, to - 1).n;
  return came > 0.0 && due - came <= (1.0 - GOES_ON) * due + 3.0 * math_sqrt(due);
}

/* More was cut than leaving pods can have had under way. One more of them may be leaving that is not missed yet. */
static bool too_many(const struct incident_view *v, const struct drain *d) {
  double all = rate_of(v, v->catalog->node[d->node].series[REC_SIDE_SERVER]);
  if (!d->rolls) return d->cut > under_way(AT_ONCE * all);
  return d->cut > under_way(d->left.per_tick + all / (double)d->left.pods);
}

static enum incident_drain verdict_of(const struct incident_view *v, const struct incident_case *c,
                                      const struct drain *d) {
  uint32_t until = d->left.n ? d->left.last_seq + TRAILS : c->from_seq + LINGERS;
  if (d->rolls && c->cut_from_seq + LINGERS > until) until = c->cut_from_seq + LINGERS; /* the next pod */
  if (d->left.pods < 2 || d->last > until || too_many(v, d)) return INCIDENT_DRAIN_NO;
  if (v->seq < d->last + CALM) return INCIDENT_DRAIN_MAYBE;
  bool late = v->seq >= d->last + MISSED, gone = d->left.n && d->last <= d->left.last_seq + TRAILS;
  if (gone && d->cut <= under_way(d->left.per_tick) && goes_on(v, d)) return INCIDENT_DRAIN_YES;
  return late ? INCIDENT_DRAIN_NO : INCIDENT_DRAIN_MAYBE;
}

static void drain_tell(const struct incident_head *h, const struct incident_view *v, const struct drain *d,
                       struct incident_case *c) {
  struct base_str fresh = incident_change_version(h, v, d->node);
  struct base_buf b = buf_over(c->story.summary, sizeof c->story.summary - 1);
  buf_put_f(&b, "pods of %.*s leave", STR_ARG(v->catalog->node[d->node].name));
  if (fresh.n) buf_put_f(&b, " as %.*s takes over", STR_ARG(fresh));
  buf_put_f(&b, ": %.0f requests were %s, and none since; the others go on", d->cut < 1.0 ? 1.0 : d->cut,
            d->retried ? "cut or tried again" : "cut");
  c->story.summary[b.n] = 0;
  c->story.verdict = REC_VERDICT_EXPECTED;
  c->story.severity = REC_SEVERITY_INFO;
}

void incident_drain_judge(const struct incident_head *h, const struct incident_view *v, struct incident_case *c) {
  const struct incident_cause *k = c->story.cause;
  struct drain d = {.node = c->story.cause_n ? k->node : NONE};
  if (c->drain == INCIDENT_DRAIN_NO) return;
  if ((c->family != INCIDENT_ERRORS && c->family != INCIDENT_OTHER) || d.node == NONE) {
    if (c->drain != INCIDENT_DRAIN_UNASKED)
      c->drain = INCIDENT_DRAIN_NO; /* it has become another trouble: it is told */
    return;
  }
  if (c->drain == INCIDENT_DRAIN_UNASKED && c->shown) return;
  uint8_t was = c->drain;
  d.left = incident_silent_left(v, d.node, c->from_seq);
  d.rolls = incident_change_version(h, v, d.node).n > 0;
  bool cut = is_cut(k->signal) && alarms_look(h, v, c, &d);
  if (d.last > c->cut_last_seq + CALM) c->cut_from_seq = d.last;
  c->cut_last_seq = d.last;
  c->drain = (uint8_t)(cut ? verdict_of(v, c, &d) : INCIDENT_DRAIN_NO);
  if (c->drain == INCIDENT_DRAIN_MAYBE && was == INCIDENT_DRAIN_YES) c->drain = INCIDENT_DRAIN_YES; /* the next pod */
  if (c->drain == INCIDENT_DRAIN_YES) drain_tell(h, v, &d, c);
  if (c->drain == INCIDENT_DRAIN_NO && was == INCIDENT_DRAIN_YES) c->story.verdict = REC_VERDICT_UNHEALTHY;
  if (c->drain != was || c->drain == INCIDENT_DRAIN_MAYBE) c->dirty = 1;
}
