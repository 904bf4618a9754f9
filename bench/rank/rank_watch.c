#include "rank_watch.h"

#define COUNT_MAX 1e9 /* requests a row; more are not counted */

void rank_watch_init(struct rank_watch *w) {
  detect_ratio_init(&w->ratio, 0, 0);
  w->requests = 0.0f;
  w->row = 0;
}

struct detect_verdict rank_watch_step(struct rank_watch *w, double n, double failed, double log_c) {
  /* As the engine: more is asked until the overdispersion is known. */
  double bar = log_c + (w->row < DETECT_RATIO_ARMED ? DETECT_RATIO_DOUBT : 0.0);
  uint32_t i = w->row++, total = (uint32_t)(n < COUNT_MAX ? n : COUNT_MAX);
  uint32_t bad = (uint32_t)(failed < COUNT_MAX ? failed + 0.5 : COUNT_MAX);
  float keep = detect_alarm_keep(i, 1, DETECT_RATIO_TAU);
  struct detect_verdict v = {.event = DETECT_NOTHING};
  if (total == 0) return v;
  v = detect_ratio_step(&w->ratio, (struct detect_prior){0}, w->requests, total, bad, bar, i >= DETECT_RATIO_NEWBORN, i,
                        1);
  bool frozen = v.freeze && (i >= DETECT_RATIO_FREEZES || w->ratio.best != SERIES_RATIO_CALM);
  double per_s = (double)total * (double)LIMIT_TICKS_PER_S;
  detect_ratio_learn(&w->ratio, (struct detect_prior){0}, w->requests, per_s, total, bad, keep, frozen);
  w->requests = w->requests * keep + (float)total;
  detect_ratio_window(&w->ratio, w->requests, (float)total, (float)i);
  return v;
}
