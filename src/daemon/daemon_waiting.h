/* Ticks that came while older ones are still being applied, encoded (rec_codec.h), oldest first. */
#ifndef DAEMON_WAITING_H
#define DAEMON_WAITING_H

#include "base_str.h"
#include "rec_codec.h"

struct waiting_tick {
  struct waiting_tick *next;
  uint64_t frame;       /* its number in the journal */
  struct base_str body; /* behind the item */
};

struct waiting {
  struct waiting_tick *first, *last;
  uint32_t n;
  size_t bytes; /* of the bodies, at most LIMIT_WAITING_TICK_BYTES */
};

/* Is there room for so many bytes? For any one tick there is where nothing waits. */
bool waiting_has_room(const struct waiting *w, size_t n);
/* Copies body. False: no room, or out of memory. */
bool waiting_put(struct waiting *w, uint64_t frame, struct base_str body);
/* The oldest, the caller's to free, or NULL. */
struct waiting_tick *waiting_take(struct waiting *w);
void waiting_clear(struct waiting *w);

#endif
