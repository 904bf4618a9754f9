/* The ranking itself, apart from where its numbers come from: excess in, shares of the blame out. The live engine fills
 * it from the series that it watches (incident_rank.c), the harness in bench/rank from tables of public data. Formulas
 * in docs/detectors/ranking.md. All functions are pure; all excess is in failed requests or request-seconds. */
#ifndef INCIDENT_WEIGH_H
#define INCIDENT_WEIGH_H

#include <stdbool.h>
#include <stdint.h>

/* What one reporter saw of one thing in a window, beyond its normal. */
struct incident_excess {
  double x;   /* failed requests or request-seconds beyond normal */
  double sd;  /* of x under the null, > 0 */
  double n;   /* requests in the window */
  double bad; /* failures in the window (errors), or requests that were fine (latency) */
};

static inline double incident_z(struct incident_excess e) {
  return e.x / e.sd;
}

/* What is weighed of one service. Open it, give it each of its calls, then ask. */
struct incident_weight {
  struct incident_excess server, client; /* as its own proxies report it; as its callers do */
  bool reports;                          /* it has proxies that report, though perhaps not in this window */
  double own, own_var;                   /* D_v: what its calls do not hold */
  double way, way_var;                   /* on the ways to it and from it together, of those that are hot */
  double way_in, way_in_var;             /* on all ways to it */
  uint32_t way_n, way_hot, way_in_n;
};
void incident_weight_open(struct incident_weight *w, bool reports, struct incident_excess server,
                          struct incident_excess client);
/* One of its calls, as its own proxies report it. */
void incident_weight_call(struct incident_weight *w, struct incident_excess call);

/* One way to it (incoming) or from it: what the caller sees less what the callee does, of the same requests. Optional.
 */
void incident_weight_way(struct incident_weight *w, bool incoming, struct incident_excess way);

/* Its own excess (D_v) and that on the way to it (N_v); each 0 where it does not pass the gate of 3 sd. */
struct incident_self {
  double own, own_sd;
  double between, between_sd;
};
struct incident_self incident_weight_self(const struct incident_weight *w);

/* Ruzicka's similarity of two courses of n bins, negative bins counted as 0: sum min / sum max; 0 where both are 0. */
double incident_concordance(const double *a, const double *b, uint32_t n);

/* A service's claim to have begun it. Start from zeroes; id is the caller's own. */
struct incident_claim {
  uint32_t id;
  struct incident_self self;
  double concordance; /* of its self-excess with the victim's excess, 0..1 */
  double strain;      /* of what it runs on, 0..1: incident_weigh_strain */
  double gauge;       /* how far its gauges are from usual, 0..1: incident_gauge.h */
  double score;       /* found by incident_claim_add and incident_claims_share */
};

/* How much slower a queue at utilisation `now` is than at its usual one, in nats: ln((1 - usual) / (1 - now)), at most
 * 1; 0 below 3 sd (of which there are at least 5 % of the usual one). Utilisations 0..1. A cause among others, no
 * alarm. */
double incident_weigh_strain(double usual, double sd, double now);

/* Is the larger part of it on the way? */
bool incident_claim_between(const struct incident_claim *c);
/* Puts the claim among the best so far, best first; *n of them, at most max > 0. Gives it its score. */
void incident_claim_add(struct incident_claim *best, uint32_t *n, uint32_t max, struct incident_claim c);
/* Adds what gauges say, where no claim explains half of the victim's excess: to each at most as much as that half. Adds
 * what strain says. Then divides the scores by their sum, if it is not 0. victim: its excess. Returns how many have a
 * score, which come first. */
uint32_t incident_claims_share(struct incident_claim *best, uint32_t n, double victim);

#endif
