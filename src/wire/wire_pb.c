#include "wire_pb.h"

#include "base_limits.h"

#define PB_VARINT_BYTES 10

/* Little-endian, whatever the machine; compilers make one load of it. */
static inline uint32_t load32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t load64(const uint8_t *p) {
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
         (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* The same of n < 8 bytes, with zeros above: parts that overlap make one. */
static inline uint64_t load_short(const uint8_t *p, size_t n) {
  if (n >= 4) return load32(p) | (uint64_t)load32(p + n - 4) << (8 * (n - 4));
  if (n == 0) return 0;
  return p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

/* Nine or ten bytes: a number with its highest bits set, mostly a negative one. */
static struct pb_long varint_big(const uint8_t *p, size_t n) {
  uint64_t v = 0;
  if (n > PB_VARINT_BYTES) n = PB_VARINT_BYTES;
  for (size_t i = 0; i < n; i++) {
    v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
    if (p[i] < 0x80) return (struct pb_long){p + i + 1, v};
  }
  return (struct pb_long){NULL, 0};
}

/* Eight bytes are taken at once; the first without its high bit ends the varint, and the 7-bit groups up to it are
 * moved together by pairs, fours and eights: no branch depends on the length. */
struct pb_long pb_varint_long(const uint8_t *p, const uint8_t *end) {
  size_t n = (size_t)(end - p);
  uint64_t w = n >= 8 ? load64(p) : load_short(p, n);
  uint64_t stops = ~w & 0x8080808080808080ull;
  if (stops == 0) return varint_big(p, n);
  unsigned bits = (unsigned)__builtin_ctzll(stops) + 1;
  if (bits / 8 > n) return (struct pb_long){NULL, 0};
  w &= (~0ull >> (64 - bits)) & 0x7f7f7f7f7f7f7f7full;
  w = (w & 0x007f007f007f007full) | (w & 0x7f007f007f007f00ull) >> 1;
  w = (w & 0x00003fff00003fffull) | (w & 0x3fff00003fff0000ull) >> 2;
  w = (w & 0x000000000fffffffull) | (w & 0x0fffffff00000000ull) >> 4;
  return (struct pb_long){p + bits / 8, w};
}

/* Passes over a field that is no group; a group's end is not one either. */
static inline void skip_plain(struct wire_pb *c, uint32_t tag) {
  switch (tag & 7) {
    case PB_VARINT: pb_varint(c); break;
    case PB_I64: pb_fixed64(c); break;
    case PB_LEN: pb_view(c); break;
    case PB_I32: pb_fixed32(c); break;
    default: pb_fail(c, (tag & 7) == PB_GROUP_END ? "group end without a group" : "unknown wire type");
  }
}

/* Passes over a group whose start tag was read. The numbers of the open groups are a stack, not a recursion. */
static void skip_group(struct wire_pb *c, uint32_t tag) {
  uint32_t open[LIMIT_PB_DEPTH];
  uint32_t depth = 0;
  open[depth++] = tag >> 3;
  while (depth > 0) {
    enum wire_status s = pb_next(c, &tag);
    if (s == WIRE_END) pb_fail(c, "group without an end");
    if (s != WIRE_OK) return;
    if ((tag >> 3) == 0) {
      pb_fail(c, "field number 0");
    } else if ((tag & 7) == PB_GROUP) {
      if (depth < LIMIT_PB_DEPTH) {
        open[depth++] = tag >> 3;
      } else {
        pb_fail(c, "groups nest too deep");
      }
    } else if ((tag & 7) == PB_GROUP_END) {
      if (open[--depth] != tag >> 3) pb_fail(c, "group ended by another number");
    } else {
      skip_plain(c, tag);
    }
  }
}

struct pb_past pb_field_past(const uint8_t *p, const uint8_t *end, uint32_t tag) {
  struct wire_pb c = {p, end, NULL};
  if ((tag >> 3) == 0) {
    pb_fail(&c, "field number 0");
  } else if ((tag & 7) == PB_GROUP) {
    skip_group(&c, tag);
  } else {
    skip_plain(&c, tag);
  }
  return (struct pb_past){c.p, c.reason};
}
