/* Pods that leave in good order: what was under way to them is cut, and nothing else happens
 * (docs/detectors/expected.md).
 */
#ifndef INCIDENT_DRAIN_H
#define INCIDENT_DRAIN_H

#include "incident_case.h"

/* Judges a case whose story was told, and tells it as expected where pods leave. A case that may yet turn out to be
 * that (INCIDENT_DRAIN_MAYBE) is to be kept back: for a few seconds, and only failures by the clients' word alone of no
 * more requests than leaving pods can have under way. Cost: two passes over the service's series and one over the
 * alarms. */
void incident_drain_judge(const struct incident_head *h, const struct incident_view *v, struct incident_case *c);

#endif
