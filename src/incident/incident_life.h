/* The life of incidents, tick by tick: alarms in, records out. */
#ifndef INCIDENT_LIFE_H
#define INCIDENT_LIFE_H

#include "incident_case.h"

/* One barrier: signals of all buckets sorted by (series_idx, signal), head records, the tick. Records that changed
 * are written to rec[0..max) and their number returned; max >= LIMIT_INCIDENTS_OPEN. */
uint32_t incident_life_tick(struct incident_head *h, const struct incident_view *v, const struct detect_signal *signal,
                            size_t signal_n, const struct rec_head_batch *in, struct rec_tick tick,
                            struct rec_incident *rec, uint32_t max);

/* A series is forgotten: its alarms end. */
void incident_life_drop(struct incident_head *h, uint32_t series_idx, uint32_t seq);

uint32_t incident_life_open_n(const struct incident_head *h);
bool incident_life_alarming(const struct incident_head *h, uint32_t series_idx);

#endif
