/* Is a service slower, or does it fail more, only because it gets other requests than usual? */
#ifndef INCIDENT_MIX_H
#define INCIDENT_MIX_H

#include "incident_view.h"

/* By direct standardisation: each stratum's requests against the stratum's own normal. A service of which the cheap
 * half of the requests stays away is slower in the mean, and nothing is wrong with it. Strata: its routes; its callers.
 * In one cluster, or in all where it is empty; ticks [from, to].
 *
 *   X   = excess of all requests against the normal of all      (incident_view.h)
 *   X_m = sum over strata of a stratum's excess against its own normal
 *
 * True where X_m is less than MIX_SHARE of X and within MIX_Z standard deviations of nothing, or less than MIX_LITTLE
 * of X, and the strata hold nearly all requests. False where X is not above zero. Cost: a sum for each route and each
 * caller. */
bool incident_mix_explains(const struct incident_view *v, uint32_t node, struct base_str cluster,
                           enum incident_family family, uint32_t from, uint32_t to);

#endif
