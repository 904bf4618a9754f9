#include "null_draw.h"

#include "base_math.h"

#define INVERSION_MAX 12.0

/* One of the polar method's two normals; the other is not kept, so that a draw has no memory. */
double draw_normal(struct sim_rng *r) {
  double x, y, s;
  do {
    x = 2.0 * rng_unit(r) - 1.0;
    y = 2.0 * rng_unit(r) - 1.0;
    s = x * x + y * y;
  } while (s >= 1.0 || s <= 0.0);
  return x * math_sqrt(-2.0 * math_log(s) / s);
}

double draw_gamma(struct sim_rng *r, double shape) {
  double boost = 1.0, of = shape;
  if (shape < 1.0) {
    boost = math_exp(math_log(1.0 - rng_unit(r)) / shape);
    shape += 1.0;
  }
  double d = shape - 1.0 / 3.0, c = 1.0 / math_sqrt(9.0 * d);
  for (;;) {
    double x = draw_normal(r), v = 1.0 + c * x;
    if (v <= 0.0) continue;
    v = v * v * v;
    if (math_log(1.0 - rng_unit(r)) < 0.5 * x * x + d * (1.0 - v + math_log(v))) return boost * d * v / of;
  }
}

static uint32_t poisson_inverse(struct sim_rng *r, double mean) {
  double p = math_exp(-mean), u = rng_unit(r);
  uint32_t x = 0;
  while (u > p && x < 1000) {
    u -= p;
    p *= mean / ++x;
  }
  return x;
}

uint32_t draw_poisson(struct sim_rng *r, double mean) {
  if (mean <= 0.0) return 0;
  if (mean < INVERSION_MAX) return poisson_inverse(r, mean);
  double log_mean = math_log(mean), b = 0.931 + 2.53 * math_sqrt(mean), a = -0.059 + 0.02483 * b;
  double inverse = 1.1239 + 1.1328 / (b - 3.4), inside = 0.9277 - 3.6224 / (b - 2.0);
  for (;;) {
    double u = rng_unit(r) - 0.5, v = 1.0 - rng_unit(r), us = 0.5 - (u < 0.0 ? -u : u);
    if (us <= 0.0) continue;
    double at = (2.0 * a / us + b) * u + mean + 0.43;
    if (at < 0.0 || at > 4e9) continue;
    uint32_t x = (uint32_t)at;
    if (us >= 0.07 && v <= inside) return x;
    if (us < 0.013 && v > us) continue;
    if (math_log(v * inverse / (a / (us * us) + b)) <= x * log_mean - mean - math_lgamma(x + 1.0)) return x;
  }
}

static uint32_t binomial_inverse(struct sim_rng *r, uint32_t n, double p) {
  double odds = p / (1.0 - p), f = math_exp(n * math_log1p(-p)), u = rng_unit(r);
  uint32_t x = 0;
  while (u > f && x < n) {
    u -= f;
    f *= odds * (n - x) / (x + 1.0);
    x++;
  }
  return x;
}

static uint32_t binomial_reject(struct sim_rng *r, uint32_t n, double p) {
  double m = math_sqrt(n * p * (1.0 - p)), b = 1.15 + 2.53 * m, a = -0.0873 + 0.0248 * b + 0.01 * p;
  double centre = n * p + 0.5, inside = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * m, log_odds = math_log(p / (1 - p));
  double mode = (double)(uint32_t)((n + 1.0) * p), h = math_lgamma(mode + 1.0) + math_lgamma(n - mode + 1.0);
  for (;;) {
    double u = rng_unit(r) - 0.5, v = 1.0 - rng_unit(r), us = 0.5 - (u < 0.0 ? -u : u);
    if (us <= 0.0) continue;
    double at = (2.0 * a / us + b) * u + centre;
    if (at < 0.0 || at >= n + 1.0) continue;
    uint32_t x = (uint32_t)at;
    if (us >= 0.07 && v <= inside) return x;
    v *= alpha / (a / (us * us) + b);
    if (math_log(v) <= h - math_lgamma(x + 1.0) - math_lgamma(n - x + 1.0) + (x - mode) * log_odds) return x;
  }
}

uint32_t draw_binomial(struct sim_rng *r, uint32_t n, double p) {
  if (n == 0 || p <= 0.0) return 0;
  if (p >= 1.0) return n;
  if (p > 0.5) return n - draw_binomial(r, n, 1.0 - p);
  return n * p < INVERSION_MAX ? binomial_inverse(r, n, p) : binomial_reject(r, n, p);
}

void draw_alias_init(struct draw_alias *a, const double *weight) {
  double left[DRAW_CELLS], sum = 0.0;
  uint16_t small[DRAW_CELLS], large[DRAW_CELLS];
  uint32_t small_n = 0, large_n = 0;
  for (uint32_t i = 0; i < DRAW_CELLS; i++) sum += weight[i];
  for (uint32_t i = 0; i < DRAW_CELLS; i++) {
    left[i] = weight[i] / sum * DRAW_CELLS;
    a->cut[i] = 1u << 22;
    a->other[i] = (uint16_t)i;
    if (left[i] < 1.0)
      small[small_n++] = (uint16_t)i;
    else
      large[large_n++] = (uint16_t)i;
  }
  while (small_n && large_n) {
    uint16_t s = small[--small_n], l = large[large_n - 1];
    a->cut[s] = (uint32_t)(left[s] * (1u << 22));
    a->other[s] = l;
    left[l] -= 1.0 - left[s];
    if (left[l] >= 1.0) continue;
    large_n--;
    small[small_n++] = l;
  }
}
