/* Hands the head's decisions on levels to the series; each does it in its next step, in its own bucket. */
#include "engine_impl.h"

static uint8_t part_of(uint8_t signal) {
  switch (incident_family_of(signal)) {
    case INCIDENT_TRAFFIC: return DETECT_ADOPT_TRAFFIC;
    case INCIDENT_LATENCY: return DETECT_ADOPT_LATENCY;
    case INCIDENT_ERRORS: return DETECT_ADOPT_RATIOS;
    default: return DETECT_ADOPT_RATIOS | DETECT_ADOPT_REST;
  }
}

static void series_adopt(struct engine *e, uint32_t idx, uint8_t parts) {
  if (idx < e->conf.series_max && e->state[idx].used) e->state[idx].used |= (uint8_t)(parts << 1);
}

/* The other end of an edge: its latency is not watched, and follows. */
static uint32_t twin_of(const struct engine *e, uint32_t idx) {
  const struct series_entry *s = series_catalog_find(&e->catalog, idx);
  if (!s || s->who.level != REC_LEVEL_EDGE || s->edge == REC_SERIES_NONE) return REC_SERIES_NONE;
  return e->catalog.edge[s->edge].series[REC_SIDE_SERVER];
}

void engine_adopt_run(struct engine *e) {
  for (uint32_t i = 0; i < e->head.alarm_n; i++) {
    struct incident_alarm *a = &e->head.alarm[i];
    if (!a->adopt) continue;
    a->adopt = 0;
    uint8_t parts = part_of(a->signal);
    series_adopt(e, a->series_idx, parts);
    if (parts & DETECT_ADOPT_LATENCY) series_adopt(e, twin_of(e, a->series_idx), DETECT_ADOPT_LATENCY);
  }
}
