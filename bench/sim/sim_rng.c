#include "sim_rng.h"

#include <math.h>

static uint64_t splitmix(uint64_t *x) {
  uint64_t z = *x += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

void rng_init(struct sim_rng *r, uint64_t seed, uint64_t a, uint64_t b) {
  uint64_t x = seed;
  x = splitmix(&x) ^ a;
  x = splitmix(&x) ^ b;
  for (int i = 0; i < 4; i++) r->s[i] = splitmix(&x);
}

static uint64_t rotl(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct sim_rng *r) {
  uint64_t *s = r->s;
  uint64_t out = rotl(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return out;
}

double rng_unit(struct sim_rng *r) {
  return (double)(rng_next(r) >> 11) * 0x1p-53;
}

uint32_t rng_below(struct sim_rng *r, uint32_t n) {
  return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

double rng_exp(struct sim_rng *r, double mean) {
  return -mean * log(1.0 - rng_unit(r));
}

double rng_lognormal(struct sim_rng *r, double median, double sigma) {
  double u = 1.0 - rng_unit(r);
  double v = rng_unit(r);
  return median * exp(sigma * sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

uint32_t rng_geometric(struct sim_rng *r, double mean) {
  if (mean <= 1.0) return 1;
  double n = 1.0 + floor(log(1.0 - rng_unit(r)) / log(1.0 - 1.0 / mean));
  return n > 1e6 ? 1000000u : (uint32_t)n;
}
