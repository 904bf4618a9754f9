/* Does an incident still go on? Its alarms say so. Those of victims end late: what reached them was small for what they
 * usually show, and so is the evidence that it is gone; so may those of another kind at the culprit. */
#include "incident_case.h"
#include "incident_change.h"

#define S LIMIT_TICKS_PER_S
#define LATELY (20u * S) /* of so long a victim is asked whether it still shows something, */
#define LATELY_Z 3.0     /* by so many standard deviations */

/* Of the service where the incident begins, and of its kind; or nobody knows where that is. */
static bool is_own(const struct incident_view *v, const struct incident_case *c, const struct incident_alarm *a) {
  if (c->source == REC_SERIES_NONE) return true;
  return incident_alarm_node(v, a) == c->source && incident_family_shown(a->signal) == (enum incident_family)c->family;
}

/* One of the parts that come and go, and not the one that is told of: one that was new in a trouble has known nothing
 * else. */
static bool is_other_part(const struct incident_view *v, const struct incident_case *c,
                          const struct incident_alarm *a) {
  enum rec_level level = v->catalog->entry[a->series_idx].who.level;
  if (level != REC_LEVEL_POD && level != REC_LEVEL_VERSION) return false;
  return c->story.cause_n > 0 && c->story.cause[0].series_idx != a->series_idx;
}

static bool holds(const struct incident_view *v, const struct incident_case *c, const struct incident_alarm *a) {
  enum incident_family f = incident_family_shown(a->signal);
  if (!series_catalog_find(v->catalog, a->series_idx)) return true;
  if ((is_own(v, c, a) && !is_other_part(v, c, a)) || f > INCIDENT_LATENCY || c->family > INCIDENT_LATENCY) return true;
  return incident_z(incident_excess_of(v, a->series_idx, f, v->seq - LATELY + 1u, v->seq)) >= LATELY_Z;
}

bool incident_case_alive(const struct incident_head *h, const struct incident_view *v, const struct incident_case *c) {
  uint16_t own = incident_case_number(h, c);
  if (c->family == INCIDENT_GAP) return incident_gap_n(h) > 0;
  if (c->family == INCIDENT_CHANGE) return incident_change_alive(h, c);
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx == own && h->alarm[i].over_seq == 0 && holds(v, c, &h->alarm[i])) return true;
  return false;
}

void incident_alarms_leave(struct incident_head *h, uint16_t case_idx) {
  uint32_t keep = 0;
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    struct incident_alarm a = h->alarm[i];
    if (a.case_idx == case_idx && a.over_seq) continue;
    if (a.case_idx == case_idx) a.case_idx = INCIDENT_NO_CASE;
    h->alarm[keep++] = a;
  }
  h->alarm_n = keep;
}

void incident_alarms_wake(struct incident_head *h, const struct incident_view *v) {
  uint32_t keep = 0;
  for (uint32_t i = 0; i < h->alarm_n; i++)
    if (h->alarm[i].case_idx != INCIDENT_NO_CASE || !h->alarm[i].over_seq) h->alarm[keep++] = h->alarm[i];
  h->alarm_n = keep;
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    struct incident_alarm *a = &h->alarm[i];
    if (a->case_idx != INCIDENT_NO_CASE || !series_catalog_find(v->catalog, a->series_idx)) continue;
    if (!incident_again_wakes(v, a)) continue;
    a->from_seq = v->seq - 2u * INCIDENT_FRESH_TICKS + 1u;
    a->raised_seq = v->seq;
    incident_join(h, v, a);
  }
}
