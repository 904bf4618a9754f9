/* Incidents in memory: the last state of each, as JSON text, with what is filtered and sorted by read out of it.
 * Bounded; past the bound the longest-known closed one goes. */
#ifndef SERVE_STORE_H
#define SERVE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base_str.h"
#include "base_time.h"

struct serve_store;

struct serve_item {
  uint64_t id, rev;
  struct base_wall started_at, updated_at;
  bool open, expected, acked, merged; /* merged: it turned out to be a part of another */
  char kind[16], severity[12];
  struct base_str json;     /* one line, no newline */
  struct base_str services; /* names of causes and affected, each ended by a NUL */
};

enum serve_put { SERVE_PUT_NEW, SERVE_PUT_CHANGED, SERVE_PUT_OLD, SERVE_PUT_BAD };

/* NULL: out of memory. */
struct serve_store *serve_store_open(uint32_t items_max);
void serve_store_close(struct serve_store *s);
/* Keeps a state. OLD: that state or a later one is known already (by rev) and nothing changed. BAD: not an
 * incident's JSON, or no memory. */
enum serve_put serve_store_put(struct serve_store *s, struct base_str json);
uint32_t serve_store_n(const struct serve_store *s);
/* By the id's 16 hex digits; NULL where unknown. Lives until the next put. */
const struct serve_item *serve_store_find(const struct serve_store *s, struct base_str id);
/* All, by started_at then id; valid until the next put. NULL where the store is empty or memory ran out. */
const struct serve_item *const *serve_store_sorted(struct serve_store *s);
/* By started_at, then id: <0, 0, >0. */
int serve_item_order(const struct serve_item *a, const struct serve_item *b);
/* Its JSON says "muted": true from now on. False: unknown, or it did already. */
bool serve_store_mute(struct serve_store *s, uint64_t id);
/* Is the service a cause or affected? */
bool serve_item_names(const struct serve_item *i, struct base_str service);
/* Reads 16 hex digits. */
bool serve_id_read(struct base_str text, uint64_t *id);

#endif
