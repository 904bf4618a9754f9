#include "detect_mask.h"

uint32_t detect_mask(enum rec_level level, enum rec_side side) {
  const uint32_t quality = DETECT_ALL & ~DETECT_TRAFFIC;
  const uint32_t clients = DETECT_BIT(CLIENT_ERRORS) | DETECT_BIT(DENIED) | DETECT_BIT(THROTTLED) |
                           DETECT_BIT(CANCELLED) | DETECT_BIT(RETRIES);
  bool pooled = level == REC_LEVEL_MESH || level == REC_LEVEL_REGION || level == REC_LEVEL_CLUSTER;
  bool edge = level == REC_LEVEL_EDGE || level == REC_LEVEL_EDGE_CLUSTER;
  if (level == REC_LEVEL_POD || level == REC_LEVEL_VERSION) return quality;
  if (pooled) return (side == REC_SIDE_SERVER ? DETECT_ALL : quality) & ~clients;
  if (edge) return side == REC_SIDE_CLIENT ? DETECT_ALL : 0;
  return side == REC_SIDE_SERVER ? DETECT_ALL : quality;
}

unsigned detect_mask_count(enum rec_level level, enum rec_side side) {
  return (unsigned)__builtin_popcount(detect_mask(level, side));
}
