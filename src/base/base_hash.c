#include "base_hash.h"

#include <string.h>

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct sip {
  uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s) {
  s->v0 += s->v1;
  s->v1 = ROTL(s->v1, 13) ^ s->v0;
  s->v0 = ROTL(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = ROTL(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = ROTL(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = ROTL(s->v1, 17) ^ s->v2;
  s->v2 = ROTL(s->v2, 32);
}

static inline uint64_t le64(const unsigned char *p) {
  uint64_t v;
  memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  v = __builtin_bswap64(v);
#endif
  return v;
}

static inline uint64_t le32(const unsigned char *p) {
  uint32_t v;
  memcpy(&v, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  v = __builtin_bswap32(v);
#endif
  return v;
}

/* The last n < 8 bytes, with zeros above: parts that overlap make one. */
static inline uint64_t le_rest(const unsigned char *p, size_t n) {
  if (n >= 4) return le32(p) | le32(p + n - 4) << (8 * (n - 4));
  if (n == 0) return 0;
  return p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
}

uint64_t hash_bytes(struct base_hash_key key, const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  struct sip s = {key.k0 ^ 0x736f6d6570736575ull, key.k1 ^ 0x646f72616e646f6dull, key.k0 ^ 0x6c7967656e657261ull,
                  key.k1 ^ 0x7465646279746573ull};
  size_t left = n;
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t m = le64(p);
    s.v3 ^= m;
    sip_round(&s);
    s.v0 ^= m;
  }
  uint64_t last = (uint64_t)n << 56 | le_rest(p, left);
  s.v3 ^= last;
  sip_round(&s);
  s.v0 ^= last;
  s.v2 ^= 0xff;
  for (int i = 0; i < 3; i++) sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
