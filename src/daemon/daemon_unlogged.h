/* States of incidents, and records of actions, that the incident log does not have for sure yet: they are written again
 * when the disk is back. Of each incident the newest state; past LIMIT_UNLOGGED the oldest record goes. */
#ifndef DAEMON_UNLOGGED_H
#define DAEMON_UNLOGGED_H

#include "base_str.h"
#include "rec_codec.h"

struct unlogged_item {
  struct unlogged_item *next;
  enum rec_frame kind;
  uint64_t id;          /* of the incident; 0 for a record of an action */
  struct base_str text; /* behind the item */
};

struct unlogged {
  struct unlogged_item *first, *last;
  uint32_t n;
};

/* Copies text. Returns how many records were lost to the bound, or for want of memory. */
uint32_t unlogged_put(struct unlogged *u, enum rec_frame kind, uint64_t id, struct base_str text);
void unlogged_clear(struct unlogged *u);

#endif
