/* The part of a service that fell silent when its trouble began: a pod, or all that it has in one cluster. */
#ifndef INCIDENT_SILENT_H
#define INCIDENT_SILENT_H

#include "incident_view.h"

/* The one pod of the service (in `cluster`, unless that is empty) that took its last request around tick `from` and
 * none since, while the others go on: its learned rate makes that less likely than exp(-6) a part. Several
 * pods that are all that the service has in one cluster: its part there. REC_SERIES_NONE: none, or several. Cost: three
 * passes over the service's series. */
uint32_t incident_silent_part(const struct incident_view *v, uint32_t node, struct base_str cluster, uint32_t from);

#endif
