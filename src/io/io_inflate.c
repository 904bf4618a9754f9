#include "io_inflate.h"

#include <libdeflate.h>

enum { GZIP_BYTES_MIN = 18, ROOM_BYTES_MIN = 4 << 10, RATIO_MAX = 1032 /* of deflate */ };

void io_inflate_fini(struct io_hold *hold) {
  libdeflate_free_decompressor(hold->inflater);
  hold->inflater = NULL;
}

/* The unpacked size modulo 2^32 ends a member. It is the sender's word, good for a guess only. */
static size_t size_said(struct base_str packed) {
  const unsigned char *p = (const unsigned char *)packed.p + packed.n - 4;
  return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

/* One member behind what *out holds; *packed moves behind it. */
static enum io_inflate member_take(struct io_hold *hold, struct base_str *packed, size_t max, size_t room,
                                   struct base_buf *out) {
  for (;; room *= 2) {
    size_t used, made, left = max - out->n;
    if (room > left) room = left;
    if (!io_hold_reserve(hold, out, room ? room : 1)) return IO_INFLATE_MEMORY;
    enum libdeflate_result r =
        libdeflate_gzip_decompress_ex(hold->inflater, packed->p, packed->n, out->p + out->n, room, &used, &made);
    if (r == LIBDEFLATE_SUCCESS) {
      out->n += made;
      *packed = str_cut(*packed, used, packed->n);
      return IO_INFLATE_OK;
    }
    if (r != LIBDEFLATE_INSUFFICIENT_SPACE) return IO_INFLATE_BAD;
    if (room == left) return IO_INFLATE_OVERSIZE;
  }
}

enum io_inflate io_inflate(struct io_hold *hold, struct base_str packed, size_t max, struct base_buf *out) {
  *out = io_hold_take(hold, max + 1);
  if (packed.n < GZIP_BYTES_MIN) return IO_INFLATE_BAD;
  if (!hold->inflater && !(hold->inflater = libdeflate_alloc_decompressor())) return IO_INFLATE_MEMORY;
  size_t room = size_said(packed);
  if (room > packed.n * RATIO_MAX) room = packed.n * RATIO_MAX;
  if (room < ROOM_BYTES_MIN) room = ROOM_BYTES_MIN;
  enum io_inflate s = IO_INFLATE_OK;
  while (s == IO_INFLATE_OK && packed.n) s = member_take(hold, &packed, max, room, out);
  return s;
}
