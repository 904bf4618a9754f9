#include "detect_fewer.h"

#include "base_math.h"

#define ALTS 3u
#define W_MIN 1e-5 /* a rate that is steadier than to a third of a percent gains nothing by it */
#define W_MAX 1.0

static const double alt_k[ALTS] = {0.05, 0.2, 0.5};
static const double alt_log_k[ALTS] = {-2.9957322735539909, -1.6094379124341003, -0.6931471805599453};

/* By Stirling's series: what is left out is below 1 / (360 a^3). */
static double null_log(double x, double m, double w) {
  double a = 1.0 / (w < W_MIN ? W_MIN : w > W_MAX ? W_MAX : w), b = a + x;
  return b * math_log_fast(b / (a + m)) - x + 0.5 * math_log_fast(a / b) + (1.0 / b - 1.0 / a) / 12.0;
}

double detect_fewer(double x, double m, double w) {
  double l[ALTS], top, sum = 0.0;
  for (unsigned i = 0; i < ALTS; i++) l[i] = x * alt_log_k[i] - alt_k[i] * m;
  top = l[0];
  for (unsigned i = 1; i < ALTS; i++) top = l[i] > top ? l[i] : top;
  for (unsigned i = 0; i < ALTS; i++) sum += math_exp_fast(l[i] - top);
  return top + math_log_fast(sum / (double)ALTS) - null_log(x, m, w);
}

double detect_fewer_smallest(double nats, double m, double w) {
  double low = 0.0, high = 1.0;
  if (detect_fewer(0.0, m, w) < nats) return 0.0;
  for (unsigned i = 0; i < 30; i++) { /* evidence falls with x as long as x is below m */
    double mid = 0.5 * (low + high);
    if (detect_fewer(mid * m, m, w) >= nats)
      low = mid;
    else
      high = mid;
  }
  return low;
}
