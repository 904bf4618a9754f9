#include "incident_case.h"
#include "series_half.h"
#include "series_recent.h"

#define BEFORE_S 40u /* of normal life before the onset */

static void slot_add(struct series_slot *to, struct series_sum s) {
  to->n = half_of(half_value(to->n) + (uint64_t)(s.n + 0.5));
  to->e = half_of(half_value(to->e) + (uint64_t)(s.e + 0.5));
  to->lat_us = half_of(half_value(to->lat_us) + (uint64_t)(s.lat_s > 0.0 ? s.lat_s * 1e6 : 0.0));
}

static struct series_sum slot_sum(struct series_slot s) {
  return (struct series_sum){(double)half_value(s.n), (double)half_value(s.e), 1e-6 * (double)half_value(s.lat_us)};
}

static void trace_fold(struct incident_trace *t) {
  for (uint32_t i = 0; i < LIMIT_PLOT / 2; i++) {
    struct series_slot two = t->slot[2 * i];
    slot_add(&two, slot_sum(t->slot[2 * i + 1]));
    t->slot[i] = two;
  }
  memset(&t->slot[LIMIT_PLOT / 2], 0, LIMIT_PLOT / 2 * sizeof t->slot[0]);
  t->step_s *= 2;
}

/* A second from the rings; of one that is only kept in its ten, a tenth. */
static struct series_sum second_of(const struct series_state *s, uint32_t sec) {
  struct series_sum one;
  if (series_recent_second(s, sec, &one)) return one;
  if (!series_recent_ten(s, sec / SERIES_COARSE_S, &one)) return (struct series_sum){0};
  return (struct series_sum){one.n / 10.0, one.e / 10.0, one.lat_s / 10.0};
}

void incident_trace_step(const struct incident_view *v, struct incident_case *c) {
  struct incident_trace *t = &c->trace;
  uint32_t idx = c->story.cause_n ? c->story.cause[0].shown_idx : REC_SERIES_NONE;
  uint32_t end = (v->seq + 1) / LIMIT_TICKS_PER_S; /* seconds before it are whole */
  if (idx == REC_SERIES_NONE || !series_catalog_find(v->catalog, idx) || !v->state[idx].used) return;
  if (t->series_idx != idx || t->step_s == 0) {
    uint32_t onset = c->from_seq / LIMIT_TICKS_PER_S;
    *t = (struct incident_trace){.series_idx = idx, .first_s = onset > BEFORE_S ? onset - BEFORE_S : 0, .step_s = 1};
  }
  for (uint32_t sec = t->first_s + t->n; sec < end; sec++, t->n++) {
    while ((sec - t->first_s) / t->step_s >= LIMIT_PLOT) trace_fold(t);
    slot_add(&t->slot[(sec - t->first_s) / t->step_s], second_of(&v->state[idx], sec));
  }
}
