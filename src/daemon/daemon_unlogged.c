#include "daemon_unlogged.h"

#include <stdlib.h>

#include "base_limits.h"

static void drop(struct unlogged *u, struct unlogged_item **at) {
  struct unlogged_item *i = *at;
  *at = i->next;
  u->n--;
  free(i);
}

static void drop_older(struct unlogged *u, uint64_t id) {
  for (struct unlogged_item **at = &u->first; id && *at; at = &(*at)->next) {
    if ((*at)->id != id) continue;
    drop(u, at);
    break;
  }
  u->last = u->first;
  while (u->last && u->last->next) u->last = u->last->next;
}

uint32_t unlogged_put(struct unlogged *u, enum rec_frame kind, uint64_t id, struct base_str text) {
  struct unlogged_item *i = malloc(sizeof *i + text.n);
  uint32_t lost = 0;
  if (!i) return 1;
  if (text.n) memcpy(i + 1, text.p, text.n);
  *i = (struct unlogged_item){.kind = kind, .id = id, .text = {(const char *)(i + 1), text.n}};
  drop_older(u, id);
  for (; u->n >= LIMIT_UNLOGGED; lost++) drop(u, &u->first);
  if (u->n)
    u->last->next = i;
  else
    u->first = i;
  u->last = i;
  u->n++;
  return lost;
}

void unlogged_clear(struct unlogged *u) {
  while (u->first) drop(u, &u->first);
  u->last = NULL;
}
