#include "base_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"

struct base_buf buf_over(void *mem, size_t cap) {
  MUST(mem || cap == 0);
  return (struct base_buf){.p = mem, .cap = cap, .max = cap};
}

struct base_buf buf_open(size_t max) {
  return (struct base_buf){.max = max, .heap = true};
}

void buf_fini(struct base_buf *b) {
  if (b->heap) free(b->p);
  *b = (struct base_buf){.max = b->max, .heap = b->heap};
}

void buf_clear(struct base_buf *b) {
  b->n = 0;
  b->bad = false;
}

/* Makes room for `more` bytes or sets bad. */
static bool buf_room(struct base_buf *b, size_t more) {
  if (b->bad) return false;
  if (more <= b->cap - b->n) return true;
  if (!b->heap || more > b->max - b->n) {
    b->bad = true;
    return false;
  }
  size_t first = b->max < 256 ? b->max : 256, want = b->cap ? b->cap : first;
  while (want - b->n < more) want = want > b->max / 2 ? b->max : want * 2;
  char *p = realloc(b->p, want);
  if (!p) {
    b->bad = true;
    return false;
  }
  b->p = p;
  b->cap = want;
  return true;
}

char *buf_reserve(struct base_buf *b, size_t n) {
  if (n == 0 && !b->p) n = 1; /* a pointer to stand on, even for nothing */
  return buf_room(b, n) ? b->p + b->n : NULL;
}

void buf_put(struct base_buf *b, const void *bytes, size_t n) {
  if (n == 0 || !buf_room(b, n)) return;
  memcpy(b->p + b->n, bytes, n);
  b->n += n;
}

void buf_put_str(struct base_buf *b, struct base_str s) {
  buf_put(b, s.p, s.n);
}

void buf_put_char(struct base_buf *b, char c) {
  buf_put(b, &c, 1);
}

void buf_put_u64(struct base_buf *b, uint64_t v) {
  char d[20];
  size_t i = sizeof d;
  do {
    d[--i] = (char)('0' + v % 10);
    v /= 10;
  } while (v);
  buf_put(b, d + i, sizeof d - i);
}

void buf_put_i64(struct base_buf *b, int64_t v) {
  if (v < 0) buf_put_char(b, '-');
  buf_put_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_put_f(struct base_buf *b, const char *fmt, ...) {
  char small[512];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  va_end(ap);
  MUST(n >= 0);
  if ((size_t)n < sizeof small) {
    buf_put(b, small, (size_t)n);
    return;
  }
  if (!buf_room(b, (size_t)n + 1)) return;
  va_start(ap, fmt);
  (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
  va_end(ap);
  b->n += (size_t)n;
}
