/* What a receiver was told, by incident, and the log of it: DIR, one frame a message, its body one JSON object. The log
 * is read at the start and appended to; what the disk does not take waits, and only a kill meanwhile can have it told
 * twice; no alert waits for it.
 *
 * The first frame says when the receiver was first there: what was over before is not told to it any more. */
#ifndef ACT_TOLD_H
#define ACT_TOLD_H

#include "act_decide.h"

struct told_item {
  struct act_known known; /* once what waits is told */
  char *memo;             /* NULL: nothing remembered */
  int64_t at_ns;          /* monotonic; of the last message of this process, INT64_MIN: none */
};

struct told;

/* dir: NULL for memory only; made where it is missing. now: of the wall clock. NULL: out of memory. */
struct told *told_open(const char *dir, struct base_wall now);
void told_close(struct told *t);

/* When the receiver was first there, less a minute for clocks that differ. */
struct base_wall told_since(const struct told *t);

/* NULL: not known. Lives until the next told_plan. */
struct told_item *told_find(struct told *t, uint64_t id);
/* Notes what will be known; makes the item. The one that was not heard of for longest gives way where there are
 * LIMIT_INCIDENTS_KEPT. NULL: out of memory. */
struct told_item *told_plan(struct told *t, uint64_t id, const struct act_known *known);
/* memo: NULL to leave it. */
void told_memo(struct told_item *i, const char *memo);
/* Appends to the log that this was told (dead: NULL) or will never be (why). False: the disk could not take it; then it
 * waits in memory, 1 MiB of such at most, for the next one or for told_retry. */
bool told_write(struct told *t, enum act_event event, const struct act_known *known, const char *memo, const char *dead,
                struct base_wall now);

/* Does anything wait for the disk; and a try to write it, true where nothing waits any more. */
bool told_waiting(const struct told *t);
bool told_retry(struct told *t);

uint32_t told_n(const struct told *t);
struct told_item *told_at(struct told *t, uint32_t i);

#endif
