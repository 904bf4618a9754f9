/* The table of `foreshock calibration`: what the traffic itself says of the thresholds. */
#ifndef DAEMON_CALIBRATION_H
#define DAEMON_CALIBRATION_H

#include "daemon_text.h"

struct yyjson_val;

/* From the member "calibration" of /api/v1/status. A row a signal that was watched, as many levels as the text is wide
 * for, the lowest first; then what the columns mean. Missing or odd members are left out. */
void calibration_text(struct text *t, struct yyjson_val *list);

#endif
