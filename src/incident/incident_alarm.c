/* The alarms of one case. */
#include "incident_case.h"

const struct incident_alarm *incident_alarm_next(const struct incident_head *h, const struct incident_view *v,
                                                 const struct incident_case *c, uint32_t *at) {
  uint16_t own = incident_case_number(h, c);
  while (*at < h->alarm_n) {
    const struct incident_alarm *a = &h->alarm[(*at)++];
    if (a->case_idx == own && series_catalog_find(v->catalog, a->series_idx)) return a;
  }
  return NULL;
}

const struct incident_alarm *incident_alarm_strongest(const struct incident_head *h, const struct incident_view *v,
                                                      const struct incident_case *c, uint32_t node, uint8_t signal,
                                                      bool in_force) {
  const struct incident_alarm *best = NULL, *a;
  for (uint32_t at = 0; (a = incident_alarm_next(h, v, c, &at));) {
    if (a->signal != signal || incident_alarm_node(v, a) != node || (in_force && a->over_seq)) continue;
    if (!best || a->log_e > best->log_e) best = a;
  }
  return best;
}

uint32_t incident_case_until(const struct incident_head *h, const struct incident_view *v,
                             const struct incident_case *c, uint32_t now) {
  uint32_t end = c->from_seq;
  bool alive = incident_case_alive(h, v, c);
  for (uint32_t i = 0; i < h->alarm_n; i++) {
    const struct incident_alarm *a = &h->alarm[i];
    if (a->case_idx != incident_case_number(h, c) || incident_family_of(a->signal) != c->family) continue;
    if (a->over_seq == 0 && alive) return now;
    if (a->over_seq > end) end = a->over_seq;
  }
  return end > c->from_seq ? end : now;
}
