/* Seeded random numbers for the simulator: xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. A request
 * has its own stream, so that a fault changes the requests that it touches and no others. */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdint.h>

struct sim_rng {
  uint64_t s[4];
};

/* Independent streams for different (seed, a, b). */
void rng_init(struct sim_rng *r, uint64_t seed, uint64_t a, uint64_t b);
uint64_t rng_next(struct sim_rng *r);
double rng_unit(struct sim_rng *r);                                   /* [0, 1) */
uint32_t rng_below(struct sim_rng *r, uint32_t n);                    /* 0 .. n-1; n > 0 */
double rng_exp(struct sim_rng *r, double mean);                       /* exponential */
double rng_lognormal(struct sim_rng *r, double median, double sigma); /* two draws */
uint32_t rng_geometric(struct sim_rng *r, double mean);               /* 1, 2, …; mean >= 1 */

#endif
