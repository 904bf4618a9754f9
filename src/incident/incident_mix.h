/* Is something slower, or does it fail more, only because it gets other requests than usual? */
#ifndef INCIDENT_MIX_H
#define INCIDENT_MIX_H

#include "incident_view.h"

/* By direct standardisation: each stratum's requests against the stratum's own normal. A service of which the cheap
 * half of the requests stays away is slower in the mean, and nothing is wrong with it.
 *
 *   X   = excess of all requests of the series against their normal     (incident_view.h)
 *   X_m = sum over strata of a stratum's excess against its own normal
 *
 * X - X_m is what the mix alone does: sum n_i (normal_i - normal), the requests' own scatter is not in it. True where
 * that is a standard deviation of X at least, where X_m is less than MIX_SHARE of X and within MIX_Z standard
 * deviations of nothing, or less than MIX_LITTLE of X (below nothing, where X is), and where the strata hold nearly all
 * requests. The strata, any kind of which will do:
 *
 *   a service, all of it or in one cluster   its routes there; its callers; its pods
 *   a version                                its pods
 *   a pod, a version, an edge                the routes of all of the service: what is slow there is slow in them, too
 *   cluster, region, mesh                    the pods there, and so the services
 *
 * Ticks [from, to]. Cost: a sum for each stratum; for the last kind two passes over the catalog. */
bool incident_mix_explains(const struct incident_view *v, uint32_t series_idx, enum incident_family family,
                           uint32_t from, uint32_t to);

/* The same of an alarm of bytes, whose sums are not kept: true where none of the service's routes (of all services,
 * where the series is nobody's) has evidence of its own, and there are two at least. */
bool incident_mix_bytes(const struct incident_view *v, uint32_t series_idx);

/* An alarm of failures, of which there are no more a second than ever: others end no more, or come no more, and those
 * that fail are left. True where fewer than half of the usual requests came. */
bool incident_mix_survives(const struct incident_view *v, uint32_t series_idx, uint32_t from, uint32_t to);

#endif
