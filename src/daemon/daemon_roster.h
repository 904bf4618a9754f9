/* Who has which number once a log's ticks are applied, told before they are: what the engine knows now, changed by what
 * the ticks add and drop. With it the door can go on behind ticks that the engine has not heard yet. */
#ifndef DAEMON_ROSTER_H
#define DAEMON_ROSTER_H

#include "engine.h"
#include "rec_codec.h"

struct roster;

/* e must outlive it, and hear nothing from the first roster_tick to the last roster_at. NULL: out of memory. */
struct roster *roster_open(const struct engine *e);
/* The next tick of the log; what it adds is copied. False: out of memory. Cost: the tick's new and dropped series. */
bool roster_tick(struct roster *r, const struct rec_tick_input *in);
/* Numbers given so far: 0..n-1. */
uint32_t roster_n(const struct roster *r);
/* Whose the number is, or NULL. Lives until the next tick. */
const struct rec_series *roster_at(const struct roster *r, uint32_t series_idx);
/* r may be NULL. */
void roster_close(struct roster *r);

#endif
