/* Bump allocation over a caller's block, for things that live as long as the block. No free; a mark can be
 * taken and returned to. Asking for more than is left returns NULL: the caller has a defined outcome for that. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base_str.h"

struct base_arena {
  char *p;
  size_t n;
  size_t cap;
};

static inline struct base_arena arena_over(void *mem, size_t cap) {
  return (struct base_arena){mem, 0, cap};
}

/* n bytes aligned to `align` (a power of two), or NULL. Memory is not cleared. */
void *arena_take(struct base_arena *a, size_t n, size_t align);
/* A copy of s inside the arena, or STR_NONE where it does not fit. */
struct base_str arena_str(struct base_arena *a, struct base_str s);

#define ARENA_NEW(a, type, count) ((type *)arena_take((a), sizeof(type) * (count), _Alignof(type)))

#endif
