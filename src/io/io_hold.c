#include "io_hold.h"

#include "base_must.h"
#include "io_inflate.h"

void io_hold_init(struct io_hold *h, size_t bytes_max) {
  *h = (struct io_hold){.bytes_max = bytes_max};
}

void io_hold_fini(struct io_hold *h) {
  while (h->spare_n) buf_fini(&h->spare[--h->spare_n]);
  io_inflate_fini(h);
}

struct base_buf io_hold_take(struct io_hold *h, size_t max) {
  struct base_buf b = buf_open(max);
  if (h->spare_n && h->spare[h->spare_n - 1].cap <= max) b = h->spare[--h->spare_n];
  b.max = max;
  h->bytes += b.cap;
  return b;
}

void io_hold_give(struct io_hold *h, struct base_buf *b) {
  MUST(b->heap && h->bytes >= b->cap);
  h->bytes -= b->cap;
  buf_clear(b);
  bool fit = b->cap >= IO_HOLD_SPARE_BYTES_MIN && b->cap <= IO_HOLD_SPARE_BYTES_MAX;
  if (fit && h->spare_n < IO_HOLD_SPARES) {
    h->spare[h->spare_n++] = *b;
    *b = buf_open(b->max);
  } else {
    buf_fini(b);
  }
}

bool io_hold_reserve(struct io_hold *h, struct base_buf *b, size_t n) {
  if (n == 0) return !b->bad;
  size_t before = b->cap;
  bool fits = h->bytes <= h->bytes_max && buf_reserve(b, n);
  h->bytes += b->cap - before;
  if (h->bytes > h->bytes_max) b->bad = true;
  return fits && !b->bad;
}

bool io_hold_put(struct io_hold *h, struct base_buf *b, struct base_str s) {
  if (!io_hold_reserve(h, b, s.n)) return false;
  buf_put_str(b, s);
  return true;
}
