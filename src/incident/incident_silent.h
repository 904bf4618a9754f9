/* The part of a service that fell silent when its trouble began: a pod, or all that it has in one cluster. */
#ifndef INCIDENT_SILENT_H
#define INCIDENT_SILENT_H

#include "incident_view.h"

/* The one pod of the service (in `cluster`, unless that is empty) that took its last request around tick `from` and
 * none since, while the others go on: its learned rate makes that less likely than exp(-6) a part. Several
 * pods that are all that the service has in one cluster: its part there. REC_SERIES_NONE: none, or several. Cost: three
 * passes over the service's series. */
uint32_t incident_silent_part(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from);

/* Has nothing come of that series since, which would be unlikely by its learned rate alone? */
bool incident_silent_still(const struct incident_view *v, uint32_t series_idx);

/* The pods of the service that fell silent in the same way since shortly before tick `from`, and how many it has that
 * were there then. Cost: two passes. */
struct incident_left {
  uint32_t pods, n;
  uint32_t last_seq; /* the last request of the last of the n */
  double per_tick;   /* requests of the n, together */
};
struct incident_left incident_silent_left(const struct incident_view *v, uint32_t node, uint32_t from);

#endif
