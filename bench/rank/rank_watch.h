/* Failures of one series under the program's own ratio detector, a row a step. */
#ifndef RANK_WATCH_H
#define RANK_WATCH_H

#include "detect_ratio.h"

struct rank_watch {
  struct series_ratio ratio;
  float requests; /* discounted */
  uint32_t row;
};
void rank_watch_init(struct rank_watch *w);
/* Judges a row, then learns it as the engine would. log_c: nats. */
struct detect_verdict rank_watch_step(struct rank_watch *w, double n, double failed, double log_c);

#endif
