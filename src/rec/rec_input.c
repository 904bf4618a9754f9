#include "rec_input.h"

#include "base_hash.h"
#include "base_must.h"

#define BIT(d) (1u << REC_DIM_##d)

uint32_t rec_series_dims(enum rec_level level) {
  const uint32_t service = BIT(NAMESPACE) | BIT(SERVICE), edge = service | BIT(CALLER_NAMESPACE) | BIT(CALLER);
  switch (level) {
    case REC_LEVEL_MESH: return 0;
    case REC_LEVEL_REGION: return BIT(REGION);
    case REC_LEVEL_CLUSTER: return BIT(CLUSTER);
    case REC_LEVEL_SERVICE: return service;
    case REC_LEVEL_SERVICE_CLUSTER: return service | BIT(CLUSTER);
    case REC_LEVEL_VERSION: return service | BIT(VERSION);
    case REC_LEVEL_POD: return service | BIT(CLUSTER) | BIT(REGION) | BIT(VERSION) | BIT(POD);
    case REC_LEVEL_ROUTE: return service | BIT(ROUTE);
    case REC_LEVEL_ROUTE_CLUSTER: return service | BIT(ROUTE) | BIT(CLUSTER);
    case REC_LEVEL_EDGE: return edge;
    case REC_LEVEL_EDGE_CLUSTER: return edge | BIT(CLUSTER);
    case REC_LEVEL_COUNT: break;
  }
  MUST(level < REC_LEVEL_COUNT);
  return 0;
}

uint64_t rec_series_hash(const struct rec_series *s) {
  uint32_t dims = rec_series_dims(s->level);
  uint64_t h = hash_mix(s->level, s->side);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    if (!(dims >> d & 1u)) continue;
    h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, s->dim[d].p, s->dim[d].n));
  }
  return h;
}

bool rec_series_eq(const struct rec_series *a, const struct rec_series *b) {
  if (a->level != b->level || a->side != b->side) return false;
  uint32_t dims = rec_series_dims(a->level);
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if ((dims >> d & 1u) && !str_eq(a->dim[d], b->dim[d])) return false;
  return true;
}
