/* Prometheus' native histograms (prometheus.io/docs/specs/native_histograms), as its exposition in protobuf and its
 * remote write have them: the same message but for the numbers of its fields. */
#ifndef WIRE_NATIVE_H
#define WIRE_NATIVE_H

#include "wire_pb.h"
#include "wire_sampler.h"

/* The tags (PB_TAG) of one of the two; 0 where it has none. Repeated numbers may come packed or one by one. */
struct wire_native_tags {
  uint32_t count, count_float, sum, schema, zero_threshold, zero_count, zero_count_float;
  uint32_t span[2], delta[2], value[2]; /* negative, positive; `span` alone is a message */
  uint32_t custom;                      /* bounds of schema -53 */
};

/* Reads `bytes` into m->s: count, sum and, where it is a native one, its buckets; counts as doubles are rounded.
 * Gives 0, or the reason (enum rec_counter) why it is refused. *native: whether there are buckets. */
unsigned wire_native_read(struct wire_sampler *m, const struct wire_native_tags *tags, struct base_str bytes,
                          bool *native);

/* A gauge histogram is no count of anything that happened: its parts go out as gauges, as they stand in text, instead
 * of the whole under way. */
void wire_native_gauge_give(struct wire_sampler *m);

/* A count that is sent as a double, to the next whole number; false where it is negative, too large or no number. */
static inline bool count_of(double v, uint64_t *n) {
  if (!(v >= 0 && v < 9.2e18)) return false;
  *n = (uint64_t)(v + 0.5);
  return true;
}

#endif
