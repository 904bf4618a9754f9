#include "base_math.h"

#include <math.h>

#include "base_must.h"

#define LN2_HI 0x1.62e42fee00000p-1 /* 33 bits: k * LN2_HI is exact */
#define LN2_LO 0x1.a39ef35793c76p-33

/* e^r for r = hi - lo, |r| <= ln(2)/2: 1 + r + r^2 Q(r), Q a minimax polynomial of degree 9, error 4e-18. */
static double exp_reduced(double hi, double lo) {
  double r = hi - lo, r2 = r * r, r4 = r2 * r2;
  double q01 = 0x1.000000000000bp-1 + r * 0x1.5555555555561p-3;
  double q23 = 0x1.5555555550030p-5 + r * 0x1.111111110d61ap-7;
  double q45 = 0x1.6c16c185a74f1p-10 + r * 0x1.a01a01baed115p-13;
  double q67 = 0x1.a0199693a6f33p-16 + r * 0x1.71dddfb4ea1afp-19;
  double q89 = 0x1.28b0493ee36abp-22 + r * 0x1.af85a9a38f246p-26;
  double q = (q01 + r2 * q23) + r4 * ((q45 + r2 * q67) + r4 * q89);
  return 1.0 + (hi + (r2 * q - lo));
}

/* y * 2^k for y in [0.7, 1.5) and k in -1076..1024; results below 2^-1022 are rounded once. */
static double scale(double y, int k) {
  if (k > 1023) return y * 2.0 * math_of_bits((uint64_t)(k - 1 + 1023) << 52);
  if (k >= -1021) return y * math_of_bits((uint64_t)(k + 1023) << 52);
  return y * math_of_bits((uint64_t)(k + 1000 + 1023) << 52) * 0x1p-1000;
}

double math_exp(double x) {
  if (x > 0x1.62e42fefa39efp+9) return (double)INFINITY;
  if (x < -745.14) return 0.0;
  const double round_by = 0x1.8p52;
  double k = (x * 0x1.71547652b82fep0 + round_by) - round_by;
  return scale(exp_reduced(x - k * LN2_HI, k * LN2_LO), (int)k);
}

/* log(2^k (1 + f)) for 1 + f in [sqrt(1/2), sqrt(2)]. With s = f / (2 + f), log(1 + f) = 2 atanh(s) = 2 s + s z R(z)
 * where z = s^2; arranged so that f, which is exact, is added last (the scheme of fdlibm). R: minimax polynomial of
 * degree 6, error 4e-16 of a term that is at most 1 % of the whole. */
static double log_reduced(double f, double k) {
  double half_f2 = 0.5 * f * f, s = f / (2.0 + f), z = s * s, w = z * z;
  double even =
      0x1.5555555555558p-1 + w * (0x1.2492492e03dd7p-2 + w * (0x1.7462ba290a66ap-3 + w * 0x1.2b5fc0bea6ecbp-3));
  double odd = 0x1.9999999995224p-2 + w * (0x1.c71c62d03d5fcp-3 + w * 0x1.39fdb91f1039ep-3);
  double r = z * (even + z * odd);
  return s * (half_f2 + r) + k * LN2_LO - half_f2 + f + k * LN2_HI;
}

double math_log(double x) {
  double k = 0.0;
  if (x < 0x1p-1022) {
    MUST(x >= 0.0);
    if (x == 0.0) return -(double)INFINITY;
    x *= 0x1p54;
    k = -54.0;
  }
  if (x > 0x1.fffffffffffffp1023) return x;
  const uint64_t sqrt_half = 0x3fe6a09e667f3bcdull, one = 0x3ff0000000000000ull;
  uint64_t u = math_bits(x) + (one - sqrt_half);
  k += (double)(int)(u >> 52) - 1023.0;
  return log_reduced(math_of_bits((u & 0x000fffffffffffffull) + sqrt_half) - 1.0, k);
}

/* Small x is the exact f of the reduction. Elsewhere |log(1 + x)| > 0.34, so what the rounding of 1 + x loses is
 * 3e-16 of the result at most (nothing for x <= -0.5, where the sum is exact). */
double math_log1p(double x) {
  return x > -0.2928 && x < 0.4142 ? log_reduced(x, 0.0) : math_log(1.0 + x);
}

double math_log1p_exp(double x) {
  return x > 0.0 ? x + math_log1p(math_exp(-x)) : math_log1p(math_exp(x));
}

double math_sqrt(double x) {
  MUST(x >= 0.0);
  return sqrt(x); /* one instruction: the room is compiled with -fno-math-errno */
}

/* Stirling's series (Abramowitz and Stegun 6.1.41); the first term left out is < 1e-15 at x = 8. */
static double stirling(double x) {
  double y = 1.0 / x, z = y * y;
  double sum = 1.0 / 1188.0 + z * (-691.0 / 360360.0 + z * (1.0 / 156.0));
  sum = 1.0 / 12.0 + z * (-1.0 / 360.0 + z * (1.0 / 1260.0 + z * (-1.0 / 1680.0 + z * sum)));
  return (x - 0.5) * math_log(x) - x + MATH_HALF_LN_2PI + y * sum;
}

double math_lgamma(double x) {
  MUST(x > 0.0);
  if (x == 1.0 || x == 2.0) return 0.0;
  if (x >= 8.0) return stirling(x);
  double product = 1.0;
  for (; x < 8.0; x += 1.0) product *= x;
  return stirling(x) - math_log(product);
}

/* exp(-z^2 / 2), z >= 0: z^2 is split so that the large part is exact. */
static double norm_density(double z) {
  double head = (double)(int64_t)(z * 16.0) / 16.0, rest = (z - head) * (z + head);
  return math_exp(-0.5 * head * head) * math_exp(-0.5 * rest);
}

/* Evaluates c[0] x^(n-1) + … + c[n-1]. */
static double horner(const double *c, int n, double x) {
  double y = c[0];
  for (int i = 1; i < n; i++) y = y * x + c[i];
  return y;
}

/* Rational approximations of W. J. Cody (Math. Comp. 23, 1969; ACM TOMS 715), in three ranges of |z|. */
static double norm_center(double z) { /* P(0 < Z < z), |z| <= 0.67448975 */
  static const double a[] = {.065682337918207449113, 2.2352520354606839287, 161.02823106855587881,
                             1067.6894854603709582, 18154.981253343561249};
  static const double b[] = {1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205,
                             45507.789335026729956};
  return z * horner(a, 5, z * z) / horner(b, 5, z * z);
}

static double norm_tail(double z) { /* P(Z > z), z > 0.67448975 */
  static const double c[] = {1.0765576773720192317e-8, .39894151208813466764, 8.8831497943883759412,
                             93.506656132177855979,    597.27027639480026226, 2494.5375852903726711,
                             6848.1904505362823326,    11602.651437647350124, 9842.7148383839780218};
  static const double d[] = {1.0,
                             22.266688044328115691,
                             235.38790178262499861,
                             1519.377599407554805,
                             6485.558298266760755,
                             18615.571640885098091,
                             34900.952721145977266,
                             38912.003286093271411,
                             19685.429676859990727};
  static const double p[] = {.02307344176494017303,  .21589853405795699,     .1274011611602473639,
                             0.02223527787064980743, .001421619193227893466, 2.9112874951168792e-5};
  static const double q[] = {1.0,
                             1.28426009614491121,
                             .468238212480865118,
                             .0659881378689285515,
                             .00378239633202758244,
                             7.29751555083966205e-5};
  if (z <= 5.65685424949238) return norm_density(z) * horner(c, 9, z) / horner(d, 9, z);
  double y = 1.0 / (z * z);
  return norm_density(z) * (0.398942280401432677939946 - y * horner(p, 6, y) / horner(q, 6, y)) / z;
}

double math_norm_sf(double z) {
  if (z > 38.6) return 0.0;
  if (z < -38.6) return 1.0;
  if (z > 0.67448975) return norm_tail(z);
  if (z < -0.67448975) return 1.0 - norm_tail(-z);
  return 0.5 - norm_center(z);
}

/* M. J. Wichura, algorithm AS 241 (Applied Statistics 37, 1988), PPND16. */
double math_norm_quantile(double p) {
  static const double a[] = {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
                             4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
                             1.3314166789178437745e2, 3.3871328727963666080e0};
  static const double b[] = {
      5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
      5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0};
  static const double c[] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                             1.27045825245236838258e0,  3.64784832476320460504e0,  5.76949722146069140550e0,
                             4.63033784615654529590e0,  1.42343711074968357734e0};
  static const double d[] = {
      1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
      6.89767334985100004550e-1, 1.67638483018380384940e0,  2.05319162663775882187e0,  1.0};
  static const double e[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                             2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
                             5.46378491116411436990e0,  6.65790464350110377720e0};
  static const double f[] = {
      2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
      1.48753612908506148525e-2,  1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};
  MUST(p > 0.0 && p < 1.0);
  double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    double r = 0.180625 - q * q;
    return q * horner(a, 8, r) / horner(b, 8, r);
  }
  double r = math_sqrt(-math_log(q < 0.0 ? p : 1.0 - p));
  double z = r <= 5.0 ? horner(c, 8, r - 1.6) / horner(d, 8, r - 1.6) : horner(e, 8, r - 5.0) / horner(f, 8, r - 5.0);
  return q < 0.0 ? -z : z;
}
