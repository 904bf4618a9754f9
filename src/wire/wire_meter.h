/* Metrics as counts of the same cells that access logs fill: what takes the samples that decoders give. */
#ifndef WIRE_METER_H
#define WIRE_METER_H

#include "base_time.h"
#include "wire_sample.h"

struct wire_meter;
struct wire_fold;

/* Takes one sample. recv: when it arrived, or ns == 0 in a replay that has no clock of its own. */
void wire_meter_take(struct wire_meter *m, const struct wire_sample *s, struct base_wall recv);

size_t wire_meter_bytes(void);
/* mem zeroed and aligned to 64. */
struct wire_meter *wire_meter_init(void *mem, struct wire_fold *f);

#endif
