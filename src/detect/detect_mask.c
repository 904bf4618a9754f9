#include "detect_mask.h"

bool detect_mask_apart(enum rec_level level) {
  return level == REC_LEVEL_POD || level == REC_LEVEL_VERSION || level == REC_LEVEL_SERVICE_CLUSTER;
}

bool detect_mask_stages(enum rec_level level) {
  return level == REC_LEVEL_EDGE;
}

uint32_t detect_mask(enum rec_level level, enum rec_side side) {
  const uint32_t failing = DETECT_BIT(ERRORS) | DETECT_BIT(UNREACHABLE) | DETECT_BIT(TIMEOUTS) | DETECT_BIT(OVERLOAD);
  const uint32_t clients = DETECT_BIT(CLIENT_ERRORS) | DETECT_BIT(DENIED) | DETECT_BIT(THROTTLED) |
                           DETECT_BIT(CANCELLED) | DETECT_BIT(RETRIES);
  const uint32_t drift = DETECT_BIT(ERRORS_DRIFT) | DETECT_BIT(LATENCY_DRIFT);
  const uint32_t apart = DETECT_BIT(ERRORS_APART) | DETECT_BIT(LATENCY_APART);
  const uint32_t quality = failing | DETECT_BIT(LATENCY), flow = DETECT_TRAFFIC | DETECT_BIT(ERRATIC);
  bool server = side == REC_SIDE_SERVER;
  switch (level) {
    case REC_LEVEL_MESH:
    case REC_LEVEL_REGION:
    case REC_LEVEL_CLUSTER: return server ? quality | drift | flow : quality;
    case REC_LEVEL_POD:
    case REC_LEVEL_VERSION: return quality | clients | (server ? apart : 0);
    case REC_LEVEL_SERVICE_CLUSTER: return quality | clients | (server ? apart | drift | DETECT_TRAFFIC : 0);
    case REC_LEVEL_EDGE: return server ? 0 : quality | clients | drift | flow | DETECT_BIT(BYTES);
    case REC_LEVEL_EDGE_CLUSTER: return server ? 0 : quality | clients | DETECT_TRAFFIC;
    case REC_LEVEL_SERVICE:
    case REC_LEVEL_ROUTE:
      return quality | clients | (server ? drift | flow | DETECT_BIT(BYTES) | DETECT_BIT(HANGING) : 0);
    default: return quality | clients | (server ? DETECT_TRAFFIC : 0);
  }
}

unsigned detect_mask_count(enum rec_level level, enum rec_side side) {
  return (unsigned)__builtin_popcount(detect_mask(level, side));
}
