/* One of several siblings against the others in the same seconds, so that load and shared trouble cancel
 * (docs/detectors/apart.md). A bucket's step gathers a member's second; the head compares at the barrier.
 *
 *   errors   given the E failures of all, e of them here:  s = n w0 / (n w0 + x),  x = sum of the siblings' n_j w_j,
 *            l = [e ln k - E ln(1 + s (k - 1))] / phi,  k = 3, 20;   w0: upper credible end of the learned odds
 *   latency  difference of the mean bucket numbers, z = (D - edge) / sqrt(sd_b^2 (1/n + 1/n_siblings)),
 *            l = (mu z - mu^2 / 2) / phi,  mu = .5, 3, at most .4 sqrt(n);  edge: learned difference and its zone */
#ifndef DETECT_APART_H
#define DETECT_APART_H

#include "detect_alarm.h"

#define DETECT_APART_KNOWN_S 120u /* seconds compared: before, only a newcomer among settled siblings may alarm */
#define DETECT_APART_COLD (20u * LIMIT_TICKS_PER_S)     /* ticks of age: a member's latency does not count before */
#define DETECT_APART_SETTLED (600u * LIMIT_TICKS_PER_S) /* ticks of age: others are compared with it */

void detect_apart_init(struct series_apart *a, uint32_t seq);

/* Fine requests of one step, for the second that it belongs to. */
void detect_apart_add(struct series_apart *a, const struct rec_hist_cell *cell, uint32_t cell_n, uint32_t seq);
/* Requests with a duration in second `sec`, and the sum of their bucket numbers; 0 where it has none. */
uint32_t detect_apart_timed(const struct series_apart *a, uint32_t sec, double *sum_b);

/* One second of one member, or the sum of its siblings (itself left out). */
struct detect_apart_second {
  double n, e;         /* requests, failures */
  double x;            /* siblings: requests times their learned odds */
  double timed, sum_b; /* fine requests with a duration, and the sum of their bucket numbers; siblings: of those less
                        * their learned differences */
};

/* What siblings have in common. */
struct detect_apart_common {
  double sd_b;                           /* standard deviation of one request's bucket number, > 0; 0: unknown */
  double odds_info, off_info;            /* 1 / variance of the persistent odds (relative), and differences (buckets) */
  double errors_phi, latency_phi, zeta2; /* what a member starts from */
};

/* Moments of the members' learned differences. phi_first: overdispersion of failures where no member knows it yet. */
struct detect_apart_moments {
  double odds_dev, off_dev, errors_phi, latency_phi, zeta2;
  uint32_t count;
};
void detect_apart_moments_add(struct detect_apart_moments *m, const struct series_apart *a, enum rec_level level);
struct detect_apart_common detect_apart_moments_common(const struct detect_apart_moments *m, enum rec_level level,
                                                       double sd_b, double phi_first);

/* Learned odds of a failure here over those of the siblings, > 0. */
double detect_apart_odds(const struct series_apart *a, enum rec_level level);

struct detect_apart_when {
  uint32_t seq;    /* the last tick of the second */
  bool newcomer;   /* younger than the siblings that it is compared with: may raise before its own level is known */
  bool cold;       /* the latency says nothing yet */
  bool still;      /* nothing is learned: an incident is open over it */
  uint32_t hold;   /* ticks for which a difference must have lasted: scrapes of siblings are not of the same seconds */
  double log_c[2]; /* thresholds of errors and latency, for steps of one tick */
};
struct detect_apart_verdict {
  struct detect_verdict errors, latency;
};
/* One second; both sides had requests. Learns by itself. The threshold is lowered by ln 4, as steps are seconds.
 * Cost: a handful of logarithms and roots, twice as many in seconds with a failure. */
struct detect_apart_verdict detect_apart_step(struct series_apart *a, const struct detect_apart_second *own,
                                              const struct detect_apart_second *rest,
                                              const struct detect_apart_common *common,
                                              const struct detect_apart_when *when);

/* Nobody to compare with in this second: an alarm of which nothing was heard for 60 s is over. */
struct detect_apart_verdict detect_apart_idle(struct series_apart *a, uint32_t seq);

/* The present level is the normal one from now on: it is learned anew, for two minutes without a word. */
void detect_apart_adopt(struct series_apart *a, uint32_t seq);

/* The smallest failure ratio, and the smallest slowdown (a factor), that would be shown within span_s seconds of
 * traffic like own's and rest's (of one second). A ratio above 1 or a factor of HUGE cannot be. */
#define DETECT_APART_HUGE 1e9
struct detect_apart_least {
  double error_ratio, latency_factor;
};
struct detect_apart_least detect_apart_smallest(const struct series_apart *a, const struct detect_apart_second *own,
                                                const struct detect_apart_second *rest,
                                                const struct detect_apart_common *common, double log_c, double span_s);

#endif
