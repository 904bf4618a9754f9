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

void engine_adopt_run(struct engine *e) {
  for (uint32_t i = 0; i < e->head.alarm_n; i++) {
    struct incident_alarm *a = &e->head.alarm[i];
    if (!a->adopt) continue;
    a->adopt = 0;
    if (a->series_idx < e->conf.series_max && e->state[a->series_idx].used)
      e->state[a->series_idx].used |= (uint8_t)(part_of(a->signal) << 1);
  }
}
