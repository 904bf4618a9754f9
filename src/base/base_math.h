/* Logarithms and exponentials that give the same bits on every machine: plain IEEE double arithmetic in a written
 * order, no libm (whose last bits differ between versions and CPUs). Compile with -ffp-contract=off.
 *
 *   function               argument          accuracy (tested against libm over dense grids)
 *   math_exp               any finite        1e-15 relative; 1e-323 absolute below 2e-308
 *   math_log               x >= 0            1e-15 relative
 *   math_log1p             x >= -1           1e-15 relative
 *   math_log1p_exp         any finite        1e-15 relative: log(1 + e^x)
 *   math_lgamma            x > 0             1e-14 * max(1, |lgamma|)
 *   math_norm_sf           any finite        1e-14 relative: P(Z > z), standard normal
 *   math_norm_quantile     0 < p < 1         1e-14 * max(1, |z|): z with P(Z <= z) = p
 *   math_exp_fast          clamped, see it   1.5e-7 relative
 *   math_log_fast          x > 0, clamped    1e-7 absolute
 *   math_log1p_exp_fast    clamped, see it   3e-6 absolute
 *
 * Arguments are never NaN (design: NaN never enters). The fast forms are branchless and inline, so that a loop over
 * an array of them can be vectorised; the values do not change with that. */
#ifndef BASE_MATH_H
#define BASE_MATH_H

#include <stdint.h>
#include <string.h>

#define MATH_LN2 0x1.62e42fefa39efp-1
#define MATH_HALF_LN_2PI 0x1.d67f1c864beb5p-1

/* e^x. Above 709.782 +infinity, below -745.14 0. */
double math_exp(double x);
/* Natural logarithm, x >= 0. math_log(0) is -infinity. */
double math_log(double x);
/* log(1 + x), x >= -1, exact to the last digits where x is small. math_log1p(-1) is -infinity. */
double math_log1p(double x);
/* log(1 + e^x) without overflow: x where x is large, e^x where it is very negative. */
double math_log1p_exp(double x);
/* Square root, x >= 0; correctly rounded, as IEEE 754 asks. */
double math_sqrt(double x);
/* log of the gamma function, x > 0. math_lgamma(n + 1) = log n!. Stirling's series; below 8 shifted up first. */
double math_lgamma(double x);
/* P(Z > z) for a standard normal Z, accurate in the far tail (0 past 38.6). */
double math_norm_sf(double z);
/* The z with P(Z <= z) = p, 0 < p < 1. For the upper tail use -math_norm_quantile(small p). */
double math_norm_quantile(double p);

static inline uint64_t math_bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline double math_of_bits(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* e^x for x in [-708, 709]: x = k ln 2 + r; 2^k by adding to the exponent's bits, e^r = 1 + r Q(r), Q a minimax
 * polynomial of degree 4. */
static inline double math_exp_fast_inside(double x) {
  const double round_by = 0x1.8p52; /* adding it leaves the nearest integer in the low bits */
  double t = x * 0x1.71547652b82fep0 + round_by;
  double r = x - (t - round_by) * MATH_LN2;
  double r2 = r * r;
  double q = (0x1.000000d568750p+0 + r * 0x1.fffdba89245a4p-2) +
             r2 * ((0x1.5553b7e2a78f5p-3 + r * 0x1.573dbcec971b2p-5) + r2 * 0x1.129391f492b88p-7);
  return (1.0 + r * q) * math_of_bits((math_bits(t) << 52) + 0x3ff0000000000000ull);
}

/* e^x, relative error <= 1.5e-7; exactly 1 at 0. x is clamped to [-708, 709], so results stay finite and > 0. */
static inline double math_exp_fast(double x) {
  x = x < -708.0 ? -708.0 : x;
  return math_exp_fast_inside(x > 709.0 ? 709.0 : x);
}

/* log x, absolute error <= 1e-7; exactly 0 at 1. x below 2.2e-308 (0, too) is taken as that: -708.396.
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)); log m = f P(f), f = m - 1, P a minimax polynomial of degree 7. */
static inline double math_log_fast(double x) {
  const uint64_t sqrt_half = 0x3fe6a09e667f3bcdull, one = 0x3ff0000000000000ull;
  x = x < 0x1p-1022 ? 0x1p-1022 : x;
  uint64_t u = math_bits(x) + (one - sqrt_half);
  double k = math_of_bits(0x4330000000000000ull | u >> 52) - (0x1p52 + 1023.0);
  double f = math_of_bits((u & 0x000fffffffffffffull) + sqrt_half) - 1.0;
  double f2 = f * f;
  double lo =
      (0x1.fffff9c0d9127p-1 - f * 0x1.0000dfe913dccp-1) + f2 * (0x1.555ccdbc09f7dp-2 - f * 0x1.ff2add1205c37p-3);
  double hi =
      (0x1.96ffe1d44b5fep-3 - f * 0x1.62fcff76cb70ep-3) + f2 * (0x1.5048b8b4ef501p-3 - f * 0x1.9dccad4fc56f4p-4);
  return k * MATH_LN2 + f * (lo + f2 * f2 * hi);
}

/* log(1 + e^x), absolute error <= 3e-6; any x (past +-708 it is x, or 3e-308).
 * max(x, 0) + log1p(u) with u = e^-|x| in (0, 1]; log1p(u) = u P(u), P a minimax polynomial of degree 5. */
static inline double math_log1p_exp_fast(double x) {
  double size = __builtin_fabs(x);
  double u = math_exp_fast_inside(size > 708.0 ? -708.0 : -size);
  double u2 = u * u;
  double p =
      (0x1.fffae114beec2p-1 - u * 0x1.fe89ddf4600a9p-2) +
      u2 * ((0x1.48318fb46af1dp-2 - u * 0x1.97a03c145c264p-3) + u2 * (0x1.71070dbaf1977p-4 - u * 0x1.4473c86565650p-6));
  return 0.5 * (x + size) + u * p;
}

#endif
