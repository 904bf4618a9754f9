/* The recent past of a series: 15 slots of one second and 11 of ten seconds, in event time. */
#ifndef SERIES_RECENT_H
#define SERIES_RECENT_H

#include "series_state.h"

#define SERIES_COARSE_S 10u

/* Adds what one tick saw. seq must not go back. */
void series_recent_add(struct series_state *s, uint32_t seq, uint64_t n, uint64_t e, float lat_s);

struct series_sum {
  double n, e, lat_s;
};

/* Second `sec` (tick number / 4), or ten-second `ten` (tick number / 40). False where it is not kept (older than
 * the ring); a time after the newest data is zero and kept. */
bool series_recent_second(const struct series_state *s, uint32_t sec, struct series_sum *out);
bool series_recent_ten(const struct series_state *s, uint32_t ten, struct series_sum *out);

/* Everything in ticks [from_seq, to_seq], at the finest resolution kept, whole slots only; older parts than the
 * rings reach are left out. */
struct series_sum series_recent_sum(const struct series_state *s, uint32_t from_seq, uint32_t to_seq);

#endif
