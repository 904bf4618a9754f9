/* One simulated series: request counts, events and durations as a sidecar's reports would sum up to, tick by tick or
 * second by second. A scenario says how it behaves while nothing is wrong; a fault changes it. Deterministic by seed.
 */
#ifndef NULL_TRAFFIC_H
#define NULL_TRAFFIC_H

#include "base_hist.h"
#include "null_draw.h"
#include "rec_input.h"

/* Durations: log-normal of median 20 ms, part of them `slow_factor` slower (a second mode), or with a Pareto tail. */
struct traffic_latency {
  double sigma;                   /* of the logarithm */
  double slow_share, slow_factor; /* second mode; share 0: none */
  double pareto;                  /* exponent of the tail of the slowest 5 %; 0: none */
  double wander_sd, wander_s;     /* all durations: AR(1) of the logarithm and its memory */
  double share_wander_sd;         /* of the second mode's share (its logarithm), same memory */
  double load;                    /* utilisation at the mean rate: durations grow like 1 / (1 - load) */
};

struct traffic_conf {
  const char *name;
  double per_s;               /* mean rate */
  double dispersion;          /* negative binomial: variance of a second over its mean; 1: Poisson */
  double wander_sd, wander_s; /* AR(1) of the log rate and its memory */
  double day_amp;             /* sine over 24 h */
  double visit_mean, think_s; /* visits of several requests with pauses between; mean 1: none */
  double event_p;             /* failures; other events are scaled from it (null_traffic.c) */
  double event_cluster;       /* mean number of failures that come together; 1: alone */
  double event_wander_sd, event_wander_s;
  struct traffic_latency latency;
};

/* What is wrong at the moment. Calm: TRAFFIC_HEALTHY. */
struct traffic_fault {
  double rate;                    /* factor */
  double event_p;                 /* replaces the conf's where >= 0 */
  double slow_factor, slow_share; /* so many of the requests take so much longer */
};
#define TRAFFIC_HEALTHY ((struct traffic_fault){1.0, -1.0, 1.0, 0.0})

enum { TRAFFIC_MAP_CELLS = 2048 };

struct traffic {
  struct traffic_conf conf;
  struct traffic_fault fault;
  struct sim_rng rng;
  struct draw_alias fast, slow; /* durations in 64 cells an octave */
  double rate_wander, event_wander, latency_wander, share_wander, gamma, phase;
  uint32_t thinking; /* visits that will ask again */
  uint64_t tick;
  uint8_t bucket[TRAFFIC_MAP_CELLS]; /* of a cell */
  double cell_ns[TRAFFIC_MAP_CELLS];
  uint32_t hist[HIST_BUCKETS];
  struct rec_obs obs; /* of the last step */
  struct rec_hist_cell cell[HIST_BUCKETS];
};

void traffic_init(struct traffic *t, const struct traffic_conf *conf, uint64_t seed, uint64_t stream);
/* Draws `ticks` ticks (1 or 4; never across a second) into obs and cell. False where no request came. */
bool traffic_step(struct traffic *t, uint32_t ticks);

#endif
