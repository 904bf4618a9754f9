/* Event time. An entry belongs to the moment its request ended; entries come late and out of order, so a watermark
 * trails the newest arrival by as much as entries were late in the last minute.
 *
 *   arrival    newest known moment: the receiver's clock, or in a replay the newest end seen
 *   lateness   arrival - end of an entry; over LIMIT_LAG_NS_MAX it is not waited for and not learned from
 *   lag        the largest lateness of the last 60 s of arrival, within LIMIT_LAG_NS_MIN .. LIMIT_LAG_NS_MAX;
 *              2 s at the start
 *   watermark  arrival - lag, never going back */
#ifndef WIRE_CLOCK_H
#define WIRE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base_limits.h"

#define WIRE_CLOCK_WINDOW_S 60
#define WIRE_CLOCK_LAG_NS_START 2000000000ll
#define WIRE_CLOCK_NONE INT64_MIN

struct wire_clock {
  int64_t arrival_ns; /* WIRE_CLOCK_NONE before the first */
  int64_t watermark_ns;
  int64_t late_ns[WIRE_CLOCK_WINDOW_S]; /* largest of each second */
  int64_t late_s[WIRE_CLOCK_WINDOW_S];  /* which second that is */
};

void wire_clock_init(struct wire_clock *c);
/* The receiver's clock, or the newest end. Going back has no effect. */
void wire_clock_arrive(struct wire_clock *c, int64_t arrival_ns);
/* An entry's end, after wire_clock_arrive of its message. */
void wire_clock_late(struct wire_clock *c, int64_t end_ns);
int64_t wire_clock_lag(const struct wire_clock *c);
/* Moves the watermark on and gives it; WIRE_CLOCK_NONE before the first arrival. */
int64_t wire_clock_watermark(struct wire_clock *c);

/* How far a proxy's clock is off, from the smallest recv - end over 30 to 60 s. */
struct wire_skew {
  int64_t half_start_ns, min_ns, min_before_ns;
  bool started, has_before;
};

/* The end of an entry on the receiver's clock. Ahead of recv by up to 2 s: it is recv. A clock that is further ahead,
 * or that stays over 5 s behind for at least half a minute, is shifted by the smallest difference. */
int64_t wire_skew_end(struct wire_skew *s, int64_t recv_ns, int64_t end_ns);

#endif
