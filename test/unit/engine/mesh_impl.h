/* Inside the toy mesh only. */
#ifndef MESH_IMPL_H
#define MESH_IMPL_H

#include "base_hist.h"
#include "base_math.h"
#include "mesh_make.h"

#define MESH_FACTORS 1024u
#define MESH_BASE_MS 4.0

/* Requests from one caller to one pod on one route. */
struct mesh_flow {
  uint32_t caller, service, cluster, pod, route;
  double rate; /* a tick */
  uint32_t series[2][REC_LEVEL_COUNT];
  uint8_t series_n[2];
};

size_t mesh_acc_bytes(const struct mesh *m);
double *mesh_acc_factors(struct mesh *m);

#endif
