/* Random draws for the series simulator, all exact, on top of sim_rng; logarithms from base_math, so that a seed gives
 * the same numbers on every machine. */
#ifndef NULL_DRAW_H
#define NULL_DRAW_H

#include <stdint.h>

#include "sim_rng.h"

double draw_normal(struct sim_rng *r);
/* Gamma with mean 1 and variance 1/shape; shape > 0 (Marsaglia and Tsang 2000). */
double draw_gamma(struct sim_rng *r, double shape);
/* Inversion below a mean of 12, transformed rejection (Hoermann 1993, PTRS) above. */
uint32_t draw_poisson(struct sim_rng *r, double mean);
/* Inversion below n p = 12, transformed rejection (Hoermann 1993, BTRS) above. p in [0, 1]. */
uint32_t draw_binomial(struct sim_rng *r, uint32_t n, double p);

/* One of up to DRAW_CELLS cells with given weights in constant time (Walker 1977, as built by Vose 1991). */
#define DRAW_CELLS 1024u
struct draw_alias {
  uint32_t cut[DRAW_CELLS]; /* below: the cell itself, else its alias; in 2^-22 */
  uint16_t other[DRAW_CELLS];
};

void draw_alias_init(struct draw_alias *a, const double *weight);

static inline uint32_t draw_cell(const struct draw_alias *a, struct sim_rng *r) {
  uint64_t u = rng_next(r);
  uint32_t cell = (uint32_t)(u >> 54), at = (uint32_t)(u >> 32) & 0x3fffffu;
  return at < a->cut[cell] ? cell : a->other[cell];
}

#endif
