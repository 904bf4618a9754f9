/* Changes that traffic itself tells of: a version that takes over from another, pods that come or go, services and
 * routes that appear. Each goes into the head's ring of changes with the source "traffic"; a rollout opens an incident,
 * expected, that holds the new version against the old one in the same seconds (docs/detectors/expected.md). */
#ifndef INCIDENT_CHANGE_H
#define INCIDENT_CHANGE_H

#include "incident_case.h"

/* One tick, after its signals were taken. At the last tick of each second: a tenth of the services is looked through
 * for versions, a sixtieth for the rest, and the rollouts under way are compared. Cost: one pass over the narrower
 * series of these services. */
void incident_change_step(struct incident_head *h, const struct incident_view *v);

/* A place in the ring for a change at that time; the oldest one goes. */
struct incident_change *incident_change_put(struct incident_head *h, struct base_wall at);

/* A series is forgotten: what it takes part in is over. */
void incident_change_drop(struct incident_head *h, uint32_t series_idx);

/* Is the rollout that this case is about still under way? */
bool incident_change_alive(const struct incident_head *h, const struct incident_case *c);

/* The story of the case's rollout, as it stands. False: it is over. */
bool incident_change_tell(const struct incident_head *h, const struct incident_view *v, struct incident_case *c);

/* The version that takes over at the service just now, or STR_NONE. */
struct base_str incident_change_version(const struct incident_head *h, const struct incident_view *v, uint32_t node);

/* The log e-value that the new one of a rollout fails more, or takes longer, than the old one in the same seconds, by
 * any chance of looking: sums of log-likelihood ratios and a mixture of normals (Robbins 1970), valid at all times. */
double incident_change_fails(const struct incident_rollout *r);
double incident_change_slower(const struct incident_rollout *r);

#endif
