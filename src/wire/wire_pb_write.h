/* Protobuf out: fields one after the other into a base_buf, whose sticky error is the only one. A submessage gets a
 * length of four bytes (a varint with idle bits, which every reader takes), filled in when it is left, so that nothing
 * is measured before it is written. */
#ifndef WIRE_PB_WRITE_H
#define WIRE_PB_WRITE_H

#include "base_buf.h"
#include "wire_pb.h"

#define PBW_LENGTH_BYTES 4u
#define PBW_LENGTH_MAX ((1u << 28) - 1)

static inline void pbw_varint(struct base_buf *b, uint64_t v) {
  for (; v >= 0x80; v >>= 7) buf_put_char(b, (char)(v | 0x80));
  buf_put_char(b, (char)v);
}

static inline void pbw_int(struct base_buf *b, uint32_t tag, uint64_t v) {
  pbw_varint(b, tag);
  pbw_varint(b, v);
}

static inline void pbw_fixed64(struct base_buf *b, uint32_t tag, uint64_t v) {
  char bytes[8];
  for (unsigned i = 0; i < 8; i++) bytes[i] = (char)(v >> (8 * i));
  pbw_varint(b, tag);
  buf_put(b, bytes, sizeof bytes);
}

static inline void pbw_str(struct base_buf *b, uint32_t tag, struct base_str s) {
  pbw_varint(b, tag);
  pbw_varint(b, s.n);
  buf_put_str(b, s);
}

/* Opens a submessage; pbw_leave wants what it gives. */
static inline size_t pbw_enter(struct base_buf *b, uint32_t tag) {
  pbw_varint(b, tag);
  buf_put(b, "\x80\x80\x80\0", PBW_LENGTH_BYTES);
  return b->n;
}

static inline void pbw_leave(struct base_buf *b, size_t from) {
  if (b->bad) return;
  size_t n = b->n - from;
  if (n > PBW_LENGTH_MAX) {
    b->bad = true;
    return;
  }
  for (unsigned i = 0; i < PBW_LENGTH_BYTES; i++)
    b->p[from - PBW_LENGTH_BYTES + i] = (char)((n >> (7 * i) & 0x7f) | (i + 1 < PBW_LENGTH_BYTES ? 0x80 : 0));
}

#endif
