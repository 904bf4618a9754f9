/* Points of one series in a row, packed. The form, after a byte for its version:
 *
 *   varint n | runs of known and unknown points, in turn, a varint each, known first, until n
 *   then four columns of the known points: requests, errors, mean, p99
 *
 * A column is the differences of its values, zigzag varints; behind a 0 stands how many more there are. Durations are
 * logarithms: 1 + 128 log2(us + 1), rounded, so that they come back within 0.3 %; 0: there was no fine request. */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_str.h"

#define CHUNK_POINTS_MAX 1024u

struct store_point {
  uint64_t requests, errors;
  double mean_ms, p99_ms; /* of fine requests; < 0: there were none */
  bool known;
};

/* n <= CHUNK_POINTS_MAX. Cost: two logarithms a point. */
void chunk_write(const struct store_point *p, uint32_t n, struct base_buf *out);
/* Reads exactly n points. False: broken, or of another number. */
bool chunk_read(struct base_str bytes, struct store_point *p, uint32_t n);

/* Sums up: means weigh by fine requests, p99 is that of the worst. */
void point_add(struct store_point *sum, const struct store_point *p);

#endif
