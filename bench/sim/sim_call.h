/* One user request and all that it causes: a tree of calls, each told of by the caller's proxy and the callee's. */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include "sim_send.h"

struct sim_visit {
  uint32_t cluster, op;
  int64_t at_ns;
  uint64_t number; /* of the request; seeds its own random numbers */
};

struct sim_run {
  struct sim_world *world;
  struct sim_send *send;
  uint64_t requests, failed;
};

void call_user(struct sim_run *r, const struct sim_visit *v);

#endif
