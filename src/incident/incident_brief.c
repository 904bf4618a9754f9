/* Slowness of a moment. Machines stall for a second, and what waited for a trouble comes all at once when that is over:
 * true, and nothing that anybody could act on. Where it is rare it is told at once, as any trouble. Where there was
 * such a moment within the hour, or another trouble is open or was just now, slowness is told when it has lasted. */
#include "incident_case.h"

#define NONE REC_SERIES_NONE
#define LASTS (3u * LIMIT_TICKS_PER_S)
#define LATELY (2u * LIMIT_TICKS_PER_S)  /* it lasts while requests of this time are slow, or there are none */
#define HOUR (3600u * LIMIT_TICKS_PER_S) /* for so long after a moment the next ones wait */
#define AFTER (10u * LIMIT_TICKS_PER_S)  /* and for so long after another trouble */

static bool other_trouble(const struct incident_head *h, const struct incident_view *v, uint16_t i) {
  for (uint16_t k = 0; k < LIMIT_INCIDENTS_OPEN; k++) {
    const struct incident_case *o = &h->case_[k];
    if (k == i || !o->used || o->resting || !o->shown || o->family == INCIDENT_TRAFFIC || o->family >= INCIDENT_GAP)
      continue;
    if (o->story.verdict == REC_VERDICT_UNHEALTHY && v->seq - o->last_seq <= AFTER) return true;
  }
  return false;
}

static bool lasts(const struct incident_view *v, const struct incident_case *c) {
  uint32_t idx = c->story.cause_n ? c->story.cause[0].shown_idx : NONE;
  if (v->seq + 1u - c->from_seq < LASTS) return false;
  if (idx == NONE) return true;
  struct incident_excess e = incident_excess_of(v, idx, INCIDENT_LATENCY, v->seq - LATELY + 1u, v->seq);
  return e.bad <= 0.0 || e.x > 0.0;
}

bool incident_brief_waits(const struct incident_head *h, const struct incident_view *v, uint16_t i) {
  const struct incident_case *c = &h->case_[i];
  if (c->family != INCIDENT_LATENCY || c->told || c->shown || lasts(v, c)) return false;
  bool often = h->brief_seq && v->seq - h->brief_seq < HOUR;
  return (often || other_trouble(h, v, i)) && incident_again_resting(h, c) == INCIDENT_NO_CASE;
}

void incident_brief_note(struct incident_head *h, const struct incident_view *v, const struct incident_case *c) {
  if (c->family != INCIDENT_LATENCY || c->story.verdict != REC_VERDICT_UNHEALTHY) return;
  if (incident_case_until(h, v, c, c->from_seq + LASTS) - c->from_seq < LASTS) h->brief_seq = v->seq;
}
