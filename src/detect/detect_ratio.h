/* Ratios: e events among n requests of one step (errors by class, retries). Discounted beta baseline with an empirical
 * Bayes prior from all services, and an e-detector over odds (docs/detectors/ratio.md):
 *   p0 = (a + 3 sqrt a + 4.5 - 2 min(kappa m, 1)) / (N + kappa + 1),  a = A + kappa m      upper credible end, 3 sd
 *   or where the ratio's own wander ends for an alternative, if that is higher (detect_zone.h, in log odds)
 *   alternatives: odds x3, p1 = 0.6 outright (short sharp faults), and their geometric mean
 *   l  = e 2 ln x - n ln(1 + p0 sqrt(k) (x - 1/x))     clusters of mean size m, of k times the odds; x: of k and m */
#ifndef DETECT_RATIO_H
#define DETECT_RATIO_H

#include "detect_alarm.h"

#define DETECT_RATIO_NEWBORN 40u  /* ticks of age, 10 s: before, nothing is said at all */
#define DETECT_RATIO_DOUBT 20.0   /* nats more are asked of evidence until phi is known */
#define DETECT_RATIO_ARMED 240u   /* ticks of age, 60 s: phi must have seen a few windows */
#define DETECT_RATIO_FREEZES 480u /* ticks of age, 120 s: before, a newborn learns whatever it sees */
#define DETECT_RATIO_TAU 14400.0f /* ticks: one hour */

/* What the services of the mesh have in common: mean m and strength kappa of a beta distribution of their ratios, by
 * the method of moments over services. kappa is 0 where they have nothing in common, and bounded. */
struct detect_prior {
  float mean, strength;
};

void detect_ratio_init(struct series_ratio *r, uint8_t signal, uint32_t seq);

/* A ratio whose first event comes now has been watched all the time: its evidence is set to what so many seconds
 * without an event leave. With L = exp(-c n) a second, R = L (1 - L^t) / (1 - L). */
void detect_ratio_idle(struct series_ratio *r, struct detect_prior prior, float requests, uint32_t seconds);

/* requests: discounted requests of the series before this step. armed: may raise. */
struct detect_verdict detect_ratio_step(struct series_ratio *r, struct detect_prior prior, float requests, uint32_t n,
                                        uint32_t e, double log_c, bool armed, uint32_t seq, uint32_t dt);
/* Forgets an alarm and all evidence. */
void detect_ratio_clear(struct series_ratio *r, uint32_t seq);
/* Is the evidence so far enough that the baseline should not learn? */
bool detect_ratio_suspects(const struct series_ratio *r);
/* Learns the step; call after it. per_s: requests of a second of late. keep: the discount of this step, in (0, 1]. */
void detect_ratio_learn(struct series_ratio *r, struct detect_prior prior, float requests, double per_s, uint32_t n,
                        uint32_t e, float keep, bool freeze);
/* Closes the ten-second window of win_n requests: updates phi. One with events under suspicion is held until the next
 * one closes, and learned only where that had none. windows: how many the series has had before. */
void detect_ratio_window(struct series_ratio *r, float requests, float win_n, float windows);

/* The learned mean ratio, in [0, 1]. */
double detect_ratio_mean(const struct series_ratio *r, float requests);
double detect_ratio_upper(const struct series_ratio *r, struct detect_prior prior, float requests);
/* Up to which ratio all is normal for an alternative (0 .. SERIES_RATIO_ALTS - 1): p0 of its likelihood ratio. */
double detect_ratio_edge(const struct series_ratio *r, struct detect_prior prior, float requests, unsigned alternative);
/* The learned slow variance of the log odds: how windows of ten seconds differ together with those before them. Its
 * error is a standard deviation of about phi / sqrt(48 a); chance can make it negative. */
double detect_ratio_wander(const struct series_ratio *r);

/* Requests and events that the alarm in force has seen; zeroes while calm. */
void detect_ratio_since(const struct series_ratio *r, double *n, double *e);

/* The smallest ratio, as a multiple of the learned mean, whose expected evidence passes log_c within span_s seconds of
 * per_s requests each: max over alternatives of E l >= log_c + ln 3.
 * 0 where none does. Cost: 40 evaluations. */
double detect_ratio_smallest(const struct series_ratio *r, struct detect_prior prior, float requests, double per_s,
                             double log_c, double span_s);

/* Method of moments over services (Kleinman 1973): feed a and n of each, then ask. */
struct detect_moments {
  double a, n, n2, sum_np2; /* sums of A_j, N_j, N_j^2, N_j p_j^2 */
  uint32_t count;
};
void detect_moments_add(struct detect_moments *m, double a, double n);
struct detect_prior detect_moments_prior(const struct detect_moments *m);

#endif
