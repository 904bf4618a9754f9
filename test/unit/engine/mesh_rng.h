/* Seeded random numbers for tests: splitmix64 (Steele, Lea, Flood 2014); the same bits on every machine. */
#ifndef MESH_RNG_H
#define MESH_RNG_H

#include <stdint.h>

struct mesh_rng {
  uint64_t at;
};

uint64_t rng_next(struct mesh_rng *r);
/* In [0, 1). */
double rng_unit(struct mesh_rng *r);
/* Poisson of the mean: products of uniforms, in parts of mean 16. Exact; cost about the mean. */
uint32_t rng_poisson(struct mesh_rng *r, double mean);
/* Binomial by inversion of gaps (geometric): exact; cost about n p. */
uint32_t rng_binomial(struct mesh_rng *r, uint32_t n, double p);

#endif
