/* Keyed hash for tables whose keys come from outside: SipHash-1-3 (Aumasson and Bernstein 2012; the reduced-round
 * form that Rust and Ruby use for tables). Same key and bytes, same answer on every machine. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct base_hash_key {
  uint64_t k0, k1;
};

/* The fixed key of everything that reaches a log or a digest (bucket of a series, segment digests). */
#define HASH_KEY_FIXED ((struct base_hash_key){0x6f72657368306b46ull, 0x5f666f72655f736bull})

uint64_t hash_bytes(struct base_hash_key key, const void *bytes, size_t n);

/* Mixes v into h; for digests over integers in a fixed order. */
static inline uint64_t hash_mix(uint64_t h, uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
  h *= 0xff51afd7ed558ccdull;
  return h ^ (h >> 32);
}

#endif
