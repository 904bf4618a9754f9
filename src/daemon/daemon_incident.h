/* An incident's state as the store, the log and the API have it: the contract's JSON with "rev" as its last member,
 * which counts the incident's states from 1. */
#ifndef DAEMON_INCIDENT_H
#define DAEMON_INCIDENT_H

#include "base_buf.h"
#include "rec_incident.h"

/* Over what out held. Sets out->bad where it does not fit. */
void incident_text(const struct rec_incident *in, struct base_buf *out);

#endif
