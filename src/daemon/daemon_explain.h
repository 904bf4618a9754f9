/* An incident's JSON as a person on call wants to read it. */
#ifndef DAEMON_EXPLAIN_H
#define DAEMON_EXPLAIN_H

#include "daemon_text.h"

struct yyjson_val;

/* One line for a list: id, state, severity, start, summary. */
void explain_line(struct text *t, struct yyjson_val *incident);
/* The whole story: what, since when, cause and evidence, the finding's numbers and plot, who suffers and who does not,
 * timeline, requests. Missing or odd members are left out. */
void explain_whole(struct text *t, struct yyjson_val *incident);

#endif
