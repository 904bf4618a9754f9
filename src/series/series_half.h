/* Counts in 16 bits: 5 bits of exponent, 11 of mantissa, exact below 4096, then within 1 part in 4096. */
#ifndef SERIES_HALF_H
#define SERIES_HALF_H

#include <stdint.h>

static inline uint64_t half_value(uint16_t h) {
  uint32_t e = h >> 11, m = h & 2047u;
  return e == 0 ? m : (uint64_t)(2048u + m) << (e - 1);
}

/* Nearest representable count; values past 2^42 saturate. */
static inline uint16_t half_of(uint64_t v) {
  if (v < 4096u) return (uint16_t)v; /* e <= 1: the encoding is the number itself */
  uint32_t shift = 63u - (uint32_t)__builtin_clzll(v) - 11u;
  uint64_t m = (v + (1ull << (shift - 1))) >> shift;
  if (m == 4096u) {
    m = 2048u;
    shift++;
  }
  if (shift > 30u) return 0xffffu;
  return (uint16_t)((shift + 1u) << 11 | (uint32_t)(m - 2048u));
}

#endif
