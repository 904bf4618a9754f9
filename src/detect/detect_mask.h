/* Which signals are watched at which level and side. What is not watched is still learned, as evidence.
 *
 * Rates are judged where traffic means something by itself (services, routes, edges, clusters), not at pods and
 * versions, whose share of it is a load balancer's choice. Client reports of a service repeat the server's rate, so
 * only edges judge theirs. What is the clients' doing is judged where it has a name to go with it, not over a whole
 * cluster or mesh. Server-side edges are evidence only: the client side judges them. Pods, versions and clusters of a
 * service are compared with their siblings, by the servers' word. */
#ifndef DETECT_MASK_H
#define DETECT_MASK_H

#include "rec_name.h"

#define DETECT_BIT(name) (1u << REC_SIGNAL_##name)
#define DETECT_TRAFFIC (DETECT_BIT(REQUESTS_DOWN) | DETECT_BIT(REQUESTS_UP))
#define DETECT_ALL ((1u << REC_SIGNAL_COUNT) - 1u)

/* Series of this level are compared with their siblings; the others are judged by how their requests come. */
bool detect_mask_apart(enum rec_level level);
/* Series of this level keep how their requests' time divides, in the place of what hangs. */
bool detect_mask_stages(enum rec_level level);
/* Bit i: signal i is watched. */
uint32_t detect_mask(enum rec_level level, enum rec_side side);
unsigned detect_mask_count(enum rec_level level, enum rec_side side);

#endif
