/* An output buffer that is born with its maximum and has a sticky error: write freely, check `bad` once at the
 * end. Two kinds: over a caller's memory (fixed, allowed everywhere) and growing on the heap (shell rooms only,
 * `buf_open`). A write that does not fit writes nothing more and sets bad. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_str.h"

struct base_buf {
  char *p;
  size_t n;   /* bytes written */
  size_t cap; /* bytes at p */
  size_t max; /* never grows past this */
  bool heap;  /* p is owned and grows by doubling */
  bool bad;   /* sticky: something did not fit (or memory ran out) */
};

/* A fixed buffer over mem[0..cap). */
struct base_buf buf_over(void *mem, size_t cap);
/* A growing heap buffer, at most max bytes. Allocates nothing until the first write. */
struct base_buf buf_open(size_t max);
/* Frees a heap buffer; no effect on a fixed one. */
void buf_fini(struct base_buf *b);
void buf_clear(struct base_buf *b);

void buf_put(struct base_buf *b, const void *bytes, size_t n);
void buf_put_str(struct base_buf *b, struct base_str s);
void buf_put_char(struct base_buf *b, char c);
void buf_put_u64(struct base_buf *b, uint64_t v); /* decimal */
void buf_put_i64(struct base_buf *b, int64_t v);  /* decimal */
void buf_put_f(struct base_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n bytes at the end, to be filled by the caller and then counted with b->n += used. NULL and bad where
 * they do not fit. */
char *buf_reserve(struct base_buf *b, size_t n);

static inline struct base_str buf_str(const struct base_buf *b) {
  return (struct base_str){b->p, b->n};
}

#endif
