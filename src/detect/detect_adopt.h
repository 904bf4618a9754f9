/* Takes the level that a series' alarms have seen as its normal one: the head's decision, carried out by the series. */
#ifndef DETECT_ADOPT_H
#define DETECT_ADOPT_H

#include "detect_step.h"

/* parts: DETECT_ADOPT_*. Alarms of those parts end. */
void detect_adopt(struct series_state *s, unsigned parts, uint32_t seq, struct detect_out *out);

#endif
