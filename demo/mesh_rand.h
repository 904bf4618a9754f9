/* Seeded random numbers of the demo's programs: splitmix64 (Steele, Lea, Flood 2014). One state a thread. */
#ifndef MESH_RAND_H
#define MESH_RAND_H

#include <math.h>
#include <stdint.h>

struct mesh_rand {
  uint64_t state;
};

static inline uint64_t rand_next(struct mesh_rand *r) {
  uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* In (0, 1): never 0, so that a logarithm may follow. */
static inline double rand_unit(struct mesh_rand *r) {
  return ((double)(rand_next(r) >> 11) + 0.5) * 0x1p-53;
}

/* Exponential with the given mean. */
static inline double rand_exp(struct mesh_rand *r, double mean) {
  return -mean * log(rand_unit(r));
}

/* Log-normal with the given median; sigma is the standard deviation of the logarithm. Box and Muller's method. */
static inline double rand_lognormal(struct mesh_rand *r, double median, double sigma) {
  double radius = sqrt(-2.0 * log(rand_unit(r)));
  double normal = radius * cos(6.283185307179586 * rand_unit(r));
  return median * exp(sigma * normal);
}

#endif
