#include "daemon_waiting.h"

#include <stdlib.h>

#include "base_limits.h"

bool waiting_has_room(const struct waiting *w, size_t n) {
  return n <= LIMIT_WAITING_TICK_BYTES - w->bytes;
}

bool waiting_put(struct waiting *w, uint64_t frame, struct base_str body) {
  _Static_assert(LIMIT_FRAME_BYTES <= LIMIT_WAITING_TICK_BYTES, "one tick always fits");
  struct waiting_tick *t = waiting_has_room(w, body.n) ? malloc(sizeof *t + body.n) : NULL;
  if (!t) return false;
  if (body.n) memcpy(t + 1, body.p, body.n);
  *t = (struct waiting_tick){.frame = frame, .body = {(const char *)(t + 1), body.n}};
  if (w->last)
    w->last->next = t;
  else
    w->first = t;
  w->last = t;
  w->n++;
  w->bytes += body.n;
  return true;
}

struct waiting_tick *waiting_take(struct waiting *w) {
  struct waiting_tick *t = w->first;
  if (!t) return NULL;
  w->first = t->next;
  if (!w->first) w->last = NULL;
  w->n--;
  w->bytes -= t->body.n;
  return t;
}

void waiting_clear(struct waiting *w) {
  for (struct waiting_tick *t; (t = waiting_take(w));) free(t);
}
