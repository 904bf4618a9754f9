/* Gauges at the door: samples in, records of the tick out. Which metrics are taken is a table (wire_gauge_table.h); of
 * OTLP any other gauge of an application that names itself is, too, with the role `other`.
 *
 *   wire_sample ─► name ─► who ─► slot of the key ─► a value, or a counter's rate ─► waits for the tick ─► rec_gauge
 *
 * What was never anything but 0 is not told: its first sample that is something brings the zeros along
 * (rec_gauge.lead). Several samples of one key in one tick are one: the worse. Pure; one block of memory; every table
 * bounded. */
#ifndef WIRE_GAUGE_H
#define WIRE_GAUGE_H

#include "base_hash.h"
#include "base_time.h"
#include "rec_gauge.h"
#include "wire_identity.h"
#include "wire_sample.h"

#define WIRE_GAUGE_SLOTS 65536u /* keys known at one time; of counters each set of labels [gauge_limit] */
#define WIRE_GAUGE_IDLE_TICKS (900ull * LIMIT_TICKS_PER_S) /* a key not told of for so long is forgotten */

struct wire_gauges;

size_t wire_gauges_bytes(void);
/* mem: zeroed, aligned to 64. counter: of enum rec_counter, counted up. */
struct wire_gauges *wire_gauges_init(void *mem, struct base_hash_key key, uint64_t *counter);

/* A series of requests that is new: a pod keeps the names that its series has, and of the clusters of a proxy those are
 * taken that it calls. */
void wire_gauge_series(struct wire_gauges *g, const struct rec_series *series);

/* Names of a pod that requests were seen of, over what is said of it. */
void wire_gauge_known(struct wire_gauges *g, struct wire_who *who);

/* One sample; recv: the receiver's clock, ns == 0 where there is none. True where it was a gauge's and taken. Cost of
 * one that is none: a hash of its name, where the one before had another. */
bool wire_gauge_take(struct wire_gauges *g, const struct wire_sample *s, struct base_wall recv);
/* One that the program makes itself (counts of log lines); the entity and names stand in *in. */
bool wire_gauge_put(struct wire_gauges *g, const struct rec_gauge *in);

/* The samples that wait, at most LIMIT_GAUGES_TICK, sorted; the rest waits on. Views live until the next call. */
const struct rec_gauge *wire_gauge_close(struct wire_gauges *g, uint64_t tick, size_t *n);

#endif
