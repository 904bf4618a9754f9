/* Metrics as counts of the same cells that access logs fill. A sample's series is known by its whole name and labels;
 * what its counter grew by since the sample before is a block of its flow (who called whom, and who says so), and a
 * block is given out evenly over as many ticks as the next one takes to come (docs/detectors/pace.md).
 *
 *   sample ─► family, series ─► delta ─► flow's block ─► a slice a tick ─► cell
 *
 * Pure; bounded by LIMIT_METER_*; belongs to the fold, whose names and cells it uses. */
#ifndef WIRE_METER_H
#define WIRE_METER_H

#include "base_time.h"
#include "wire_sample.h"

struct wire_meter;
struct wire_fold;

/* Takes one sample. recv: when it arrived, or ns == 0 in a replay that has no clock of its own: then the sample's time
 * holds. What cannot be used is counted by reason. Cost: 0.3 to 1 us, mostly hashing its labels; 10 us where the series
 * is new. */
void wire_meter_take(struct wire_meter *m, const struct wire_sample *s, struct base_wall recv);

size_t wire_meter_bytes(void);
/* mem zeroed and aligned to 64. */
struct wire_meter *wire_meter_init(void *mem, struct wire_fold *f);

/* One target or pushing process, for status and tests. Views live until the next call of the fold. */
struct wire_meter_target {
  struct base_str node, namespace_, service; /* of the first reporter that it spoke for */
  double pace_s;                             /* 0: not learned yet */
  bool missing;                              /* nothing came for longer than its pace allows */
};
/* At most max of them; returns how many there are. */
uint32_t wire_meter_targets(const struct wire_meter *m, struct wire_meter_target *out, uint32_t max);

#endif
