/* The same traffic as scrapes tell it: of several pods, each scraped every P ticks at a phase of its own, given out by
 * the meter's own code (docs/detectors/pace.md). */
#ifndef NULL_PACE_H
#define NULL_PACE_H

#include "null_traffic.h"
#include "wire_meter_block.h"

#define PACE_PODS 4u

struct pace_pod {
  struct meter_sum open; /* since its last scrape */
  struct meter_block block;
  uint32_t scrape_n; /* the first scrape counts nothing */
};

struct pace {
  uint32_t pace, tick; /* pace 0: request by request */
  uint32_t told_n;     /* ticks told so far: the series begins with the first */
  struct pace_pod pod[PACE_PODS];
  struct rec_obs obs; /* of the last step */
  struct rec_hist_cell cell[HIST_BUCKETS];
};

void pace_init(struct pace *p, uint32_t pace);
/* One tick of t, told as the scrapes tell it, into obs and cell. False where nothing is told yet. */
bool pace_step(struct pace *p, struct traffic *t);

#endif
