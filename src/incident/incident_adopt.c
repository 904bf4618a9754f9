/* When a changed level becomes the normal one. Never by mere patience with a failure: an outage of six hours is one in
 * its sixth hour. Each adoption is a decision on the incident's record. */
#include "incident_case.h"

#define HOUR (3600u * LIMIT_TICKS_PER_S)
#define EXPECTED_FOR (HOUR / 2) /* a change that was judged expected, and stays */
#define STANDS_FOR (24u * HOUR) /* traffic, latency, sizes: what has lasted a day is how it is now */

static void alarms_adopt(struct incident_head *h, uint16_t case_idx) {
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx == case_idx && h->alarm[i].over_seq == 0) h->alarm[i].adopt = 1;
}

static const char *reason_of(const struct incident_case *c, uint32_t seq) {
  uint32_t age = seq - c->from_seq;
  bool expected = c->story.verdict == REC_VERDICT_EXPECTED;
  if (c->marked) return "adopted as the new normal: marked as expected by an operator";
  if (expected && age >= EXPECTED_FOR && (c->family == INCIDENT_TRAFFIC || c->family == INCIDENT_LATENCY))
    return "adopted as the new normal: judged expected, and it has lasted half an hour";
  if (age >= STANDS_FOR && c->family != INCIDENT_ERRORS)
    return "adopted as the new normal: it has lasted a day; that it is healthy is not said";
  return NULL;
}

/* Slower by so little that no incident is kept open for it: else its series would never learn again. */
static void left_adopt(struct incident_head *h, const struct incident_view *v) {
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    struct incident_alarm *a = &h->alarm[i];
    if (a->case_idx != INCIDENT_NO_CASE || a->over_seq || v->seq - a->raised_seq < EXPECTED_FOR) continue;
    if (incident_family_shown(a->signal) != INCIDENT_LATENCY) continue;
    a->adopt = 1;
    a->raised_seq = v->seq; /* if it stays in force after all, it is asked again as late */
  }
}

void incident_adopt_step(struct incident_head *h, const struct incident_view *v) {
  left_adopt(h, v);
  for (uint16_t i = 0; i < LIMIT_INCIDENTS_OPEN; i++) {
    struct incident_case *c = &h->case_[i];
    if (!c->used || c->resting || c->adopted || c->family >= INCIDENT_GAP || !incident_case_alive(h, v, c)) continue;
    const char *reason = reason_of(c, v->seq);
    if (!reason) continue;
    alarms_adopt(h, i);
    incident_decide(c, h->tick_end, reason);
    c->adopted = 1;
  }
}
