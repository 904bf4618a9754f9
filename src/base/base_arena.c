#include "base_arena.h"

#include "base_must.h"

void *arena_take(struct base_arena *a, size_t n, size_t align) {
  MUST(align && (align & (align - 1)) == 0);
  size_t pad = (align - ((uintptr_t)(a->p + a->n) & (align - 1))) & (align - 1);
  if (pad > a->cap - a->n || n > a->cap - a->n - pad) return NULL;
  void *p = a->p + a->n + pad;
  a->n += pad + n;
  return p;
}

struct base_str arena_str(struct base_arena *a, struct base_str s) {
  char *p = arena_take(a, s.n, 1);
  if (!p) return STR_NONE;
  if (s.n) memcpy(p, s.p, s.n);
  return (struct base_str){p, s.n};
}
