/* When users ask, in which cluster and for what. Visits start at random and hold several requests with pauses
 * between, which is what makes real arrivals burstier than Poisson. */
#ifndef SIM_ARRIVE_H
#define SIM_ARRIVE_H

#include "sim_call.h"

struct arrive_next {
  int64_t at_ns;
  uint64_t visit;
  uint32_t cluster, step, left;
  uint32_t copy_of; /* 1 + the operation, for a request that a surge of one operation added; else 0 */
};

struct sim_arrive {
  const struct sim_conf *conf;
  struct sim_rng rng;
  int64_t clock_ns;
  uint64_t visits;
  struct arrive_next *heap; /* by time */
  size_t heap_n, heap_max;
  double weight_sum;
  int64_t noise_second; /* until which the rate's noise is drawn */
  double wander[SIM_CLUSTER_MAX], burst[SIM_CLUSTER_MAX];
  int64_t burst_until_s[SIM_CLUSTER_MAX];
  double rate_max; /* bound for thinning, visits a second */
};

/* Starts a while before 0, so that visits are under way when the recording starts. */
void arrive_init(struct sim_arrive *a, const struct sim_conf *conf);
void arrive_fini(struct sim_arrive *a);
/* The next request, in order of time; false past the end of the recording. */
bool arrive_next(struct sim_arrive *a, struct sim_visit *v);

#endif
