/* The fault that a service is told to have, live, and what it did: one at a time, set over the control address.
 *
 *   GET /fault?route=NAME&delay_ms=N&error_p=P&code=N&start_ms=N&for_ms=N
 *   GET /clear
 *   GET /status
 *
 * Each answers {"served":N,"bad":N,"first_bad_ns":N}. start_ms is wall time; a request is bad where it arrives inside
 * the fault's time, on its route, and is delayed or fails because of it. `route` left out means all routes. */
#ifndef MESH_FAULT_H
#define MESH_FAULT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh_rand.h"

/* What happens to one request. */
struct fault_effect {
  double delay_ms; /* on top of its own time */
  int code;        /* 0: it does not fail */
};

/* Wall clock, ns. */
int64_t fault_now_ns(void);

/* The effect on a request of this route that arrived at arrival_ns; counts it. Any thread. */
struct fault_effect fault_take(const char *route, int64_t arrival_ns, struct mesh_rand *r);

/* Carries out one control request; writes the answer. False: it was not understood. Any thread. */
bool fault_command(const char *path, char *answer, size_t answer_bytes);

#endif
