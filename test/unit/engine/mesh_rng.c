#include "mesh_rng.h"

#include "base_math.h"

uint64_t rng_next(struct mesh_rng *r) {
  uint64_t z = r->at += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

double rng_unit(struct mesh_rng *r) {
  return (double)(rng_next(r) >> 11) * 0x1p-53;
}

static uint32_t poisson_part(struct mesh_rng *r, double mean) {
  double limit = math_exp(-mean), product = rng_unit(r);
  uint32_t n = 0;
  for (; product > limit; n++) product *= rng_unit(r);
  return n;
}

uint32_t rng_poisson(struct mesh_rng *r, double mean) {
  uint32_t n = 0;
  for (; mean > 16.0; mean -= 16.0) n += poisson_part(r, 16.0);
  return mean > 0.0 ? n + poisson_part(r, mean) : n;
}

uint32_t rng_binomial(struct mesh_rng *r, uint32_t n, double p) {
  if (p <= 0.0) return 0;
  if (p >= 1.0) return n;
  if (p > 0.5) return n - rng_binomial(r, n, 1.0 - p);
  double q = math_log(1.0 - p), at = 0.0;
  for (uint32_t hit = 0;; hit++) {
    at += 1.0 + (double)(int64_t)(math_log(1.0 - rng_unit(r)) / q);
    if (at > (double)n) return hit;
  }
}
