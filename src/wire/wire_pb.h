/* A cursor over protobuf wire format (protobuf.dev, "Encoding"). Zero copy: views point into the input. No
 * allocation, no recursion; every read is bounded by the end of the input.
 *
 *   struct wire_pb c = pb_over(bytes);
 *   uint32_t tag;
 *   while (pb_next(&c, &tag) == WIRE_OK) switch (tag) {
 *     case PB_TAG(1, PB_LEN): name = pb_view(&c); break;
 *     default: pb_skip(&c, tag);
 *   }
 *   if (c.reason) ... broken at c.p
 *
 * The error is sticky: the first fault sets `reason`, leaves p where it happened and makes p the end, so that every
 * loop stops and every later read gives zero. What counts as broken: a varint over ten bytes, a tag that does not
 * fit in 32 bits, field number 0, wire types 6 and 7, a length past the end, a group that does not end or nests
 * deeper than LIMIT_PB_DEPTH. As in other protobuf readers a known field with a foreign wire type is an unknown
 * field, and excess high bits of a varint are dropped. Text is not checked for UTF-8. */
#ifndef WIRE_PB_H
#define WIRE_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base_str.h"

enum wire_status { WIRE_OK, WIRE_END, WIRE_BAD };

enum pb_type { PB_VARINT = 0, PB_I64 = 1, PB_LEN = 2, PB_GROUP = 3, PB_GROUP_END = 4, PB_I32 = 5 };

/* What stands before a field: its number (1..536870911) and the type of what follows. */
#define PB_TAG(number, type) (((uint32_t)(number) << 3) | (uint32_t)(type))

struct wire_pb {
  const uint8_t *p, *end;
  const char *reason; /* NULL while sound; else a static text */
};

static inline struct wire_pb pb_over(struct base_str bytes) {
  const uint8_t *p = (const uint8_t *)bytes.p;
  return (struct wire_pb){p, p ? p + bytes.n : p, NULL};
}

/* The first fault stays. */
static inline void pb_fail(struct wire_pb *c, const char *reason) {
  if (!c->reason) c->reason = reason;
  c->end = c->p;
}

/* A fault inside a field of c becomes c's. */
static inline void pb_leave(struct wire_pb *c, const struct wire_pb *inner) {
  if (__builtin_expect(inner->reason != NULL, 0)) {
    c->p = inner->p;
    pb_fail(c, inner->reason);
  }
}

/* What the out-of-line parts give back, in two registers: cursors whose address is never taken stay in registers, too.
 */
struct pb_long {
  const uint8_t *next; /* NULL: broken */
  uint64_t v;
};
/* A varint of any length in [p, end). */
struct pb_long pb_varint_long(const uint8_t *p, const uint8_t *end);

struct pb_past {
  const uint8_t *p;   /* behind the field, or where it broke */
  const char *reason; /* NULL while sound */
};
struct pb_past pb_field_past(const uint8_t *p, const uint8_t *end, uint32_t tag);

/* Most numbers in logs, lengths above all, have one or two bytes: those are read in place. */
static inline uint64_t pb_varint(struct wire_pb *c) {
  const uint8_t *p = c->p;
  if (__builtin_expect(p < c->end && *p < 0x80, 1)) {
    c->p = p + 1;
    return *p;
  }
  if (c->end - p >= 2 && p[1] < 0x80) {
    c->p = p + 2;
    return (uint64_t)(*p & 0x7f) | (uint64_t)p[1] << 7;
  }
  struct pb_long l = pb_varint_long(p, c->end);
  if (__builtin_expect(l.next != NULL, 1)) {
    c->p = l.next;
    return l.v;
  }
  pb_fail(c, "broken varint");
  return 0;
}

/* Little-endian 8 bytes. */
static inline uint64_t pb_fixed64(struct wire_pb *c) {
  uint64_t v = 0;
  if (c->end - c->p < 8) {
    pb_fail(c, "fixed64 past the end");
    return 0;
  }
  for (unsigned i = 0; i < 8; i++) v |= (uint64_t)c->p[i] << (8 * i);
  c->p += 8;
  return v;
}

/* Little-endian 4 bytes. */
static inline uint32_t pb_fixed32(struct wire_pb *c) {
  uint32_t v = 0;
  if (c->end - c->p < 4) {
    pb_fail(c, "fixed32 past the end");
    return 0;
  }
  for (unsigned i = 0; i < 4; i++) v |= (uint32_t)c->p[i] << (8 * i);
  c->p += 4;
  return v;
}

static inline double pb_double(struct wire_pb *c) {
  uint64_t bits = pb_fixed64(c);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* sint32 and sint64: small numbers of either sign are short. */
static inline int64_t pb_zigzag(struct wire_pb *c) {
  uint64_t v = pb_varint(c);
  return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Length and bytes. A present but empty field has a pointer, so that it differs from an absent one. */
static inline struct base_str pb_view(struct wire_pb *c) {
  uint64_t n = pb_varint(c);
  if (__builtin_expect(n > (size_t)(c->end - c->p), 0)) {
    pb_fail(c, "length past the end");
    n = 0;
  }
  struct base_str s = {(const char *)c->p, (size_t)n};
  c->p += n;
  return s;
}

/* A cursor over a length-delimited field. */
static inline struct wire_pb pb_enter(struct wire_pb *c) {
  return pb_over(pb_view(c));
}

/* WIRE_OK: *tag stands before the next field, which must be read or skipped. WIRE_END: the input is used up.
 * WIRE_BAD: broken here or before. Tags of one and two bytes, that is fields 1..2047, are read in place. */
static inline enum wire_status pb_next(struct wire_pb *c, uint32_t *tag) {
  const uint8_t *p = c->p;
  if (__builtin_expect(p >= c->end, 0)) return c->reason ? WIRE_BAD : WIRE_END;
  uint32_t t = *p;
  if (__builtin_expect(t < 0x80, 1)) {
    c->p = p + 1;
  } else if (__builtin_expect(c->end - p >= 2 && p[1] < 0x80, 1)) {
    t = (t & 0x7f) | (uint32_t)p[1] << 7;
    c->p = p + 2;
  } else {
    uint64_t v = pb_varint(c);
    if (v > UINT32_MAX) pb_fail(c, "tag over 32 bits");
    if (c->reason) return WIRE_BAD;
    t = (uint32_t)v;
  }
  *tag = t;
  return WIRE_OK;
}

/* Passes over the field behind `tag`, groups with all they hold. */
static inline void pb_skip(struct wire_pb *c, uint32_t tag) {
  struct pb_past past = pb_field_past(c->p, c->end, tag);
  c->p = past.p;
  if (__builtin_expect(past.reason != NULL, 0)) pb_fail(c, past.reason);
}

#endif
