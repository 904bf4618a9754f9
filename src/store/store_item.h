/* What waits to be written. */
#ifndef STORE_ITEM_H
#define STORE_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base_limits.h"
#include "base_str.h"

enum store_kind { STORE_INCIDENT, STORE_AUDIT };

struct store_item {
  struct store_item *next;
  enum store_kind kind;
  uint64_t id;       /* of the incident, 0 for none */
  uint64_t tick_seq; /* of an audit record, which is the n-th of its tick */
  uint32_t n;
  int64_t at_ns;
  const char *verb;     /* static */
  struct base_str text; /* the incident's JSON; who asked. Behind the item */
};

struct store_queue {
  struct store_item *first, *last;
  uint32_t n;
  size_t bytes;
};

/* NULL: out of memory. */
struct store_item *store_item_new(enum store_kind kind, struct base_str text);
/* Takes it in; an older state of the same incident goes. Returns how many items gave way to the bound. */
uint32_t store_queue_put(struct store_queue *q, struct store_item *item);
void store_queue_fini(struct store_queue *q);
/* Puts what was taken out of q in front of what came since. Returns as store_queue_put. */
uint32_t store_queue_return(struct store_queue *q, struct store_queue *taken);

/* The 16 hex digits of "id" in an incident's JSON. */
bool store_id_read(struct base_str json, uint64_t *id);

#endif
