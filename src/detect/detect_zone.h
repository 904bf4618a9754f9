/* How far a baseline that wanders by itself must be trusted to go: the zone around it in which no change is one. */
#ifndef DETECT_ZONE_H
#define DETECT_ZONE_H

#include "base_math.h"

#define DETECT_ZONE_NATS 25.0 /* what wander that lasts must not be able to say */
#define DETECT_ZONE_MIN 1.5   /* the narrowest zone, in standard deviations of the wander */
#define DETECT_ZONE_MAX 4.0   /* and the widest */

/* Distance of the edge of the null from the baseline, for an alternative at the distance `far` (> 0) and a wander of
 * standard deviation sd, in the same unit.
 *
 * A wander of w sd that lasts lets evidence grow as if the threshold's nats h were fewer by the share 2 (w sd - off) /
 * (far - off). Normal wander goes so far with probability exp(-w^2 / 2). The promise holds for all w if that costs at
 * least as many nats: off (far - off) >= h sd^2. Far alternatives therefore need little zone; near ones are cut off
 * at DETECT_ZONE_MAX. */
static inline double detect_zone(double far, double sd) {
  double inside = far * far - 4.0 * DETECT_ZONE_NATS * sd * sd, off = DETECT_ZONE_MAX * sd;
  if (inside > 0.0) {
    double enough = 0.5 * (far - math_sqrt(inside));
    if (enough < off) off = enough;
  }
  return off > DETECT_ZONE_MIN * sd ? off : DETECT_ZONE_MIN * sd;
}

#endif
