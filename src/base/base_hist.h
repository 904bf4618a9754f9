/* Integer log-linear latency histograms. A bucket is found with one count-leading-zeros: the octave of the value
 * above a floor, cut into 2^bits linear parts. Two resolutions:
 *   coarse (the engine): 64 buckets, 4 an octave, ratio 1.14..1.25, 131 us .. 8.6 s; below is 0, above is 63.
 *   fine (reports): 64 an octave, width <= 1.6 %, so a quantile at mid-bucket is within 0.8 %; 1 us .. 4.8 h.
 * Counts are integers, so merging commutes and is exact. */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#define HIST_BUCKETS 64u
#define HIST_FLOOR_LOG2 17u /* 2^17 ns = 131 us */
#define HIST_BITS 2u

#define HIST_FINE_FLOOR_LOG2 10u
#define HIST_FINE_BITS 6u
#define HIST_FINE_BUCKETS (34u << HIST_FINE_BITS)

static inline uint32_t hist_log_linear(uint64_t ns, uint32_t floor_log2, uint32_t bits, uint32_t buckets) {
  if (ns < (1ull << floor_log2)) return 0;
  uint32_t oct = 63u - (uint32_t)__builtin_clzll(ns);
  uint32_t part = (uint32_t)(ns >> (oct - bits)) & ((1u << bits) - 1u);
  uint32_t b = ((oct - floor_log2) << bits) + part;
  return b < buckets ? b : buckets - 1;
}

/* Lower edge in ns of bucket b (b may equal the bucket count: the upper edge of the last). */
static inline uint64_t hist_edge_ns(uint32_t b, uint32_t floor_log2, uint32_t bits) {
  uint32_t oct = b >> bits, part = b & ((1u << bits) - 1u);
  return ((1ull << bits) + part) << (oct + floor_log2 - bits);
}

static inline uint32_t hist_bucket(uint64_t ns) {
  return hist_log_linear(ns, HIST_FLOOR_LOG2, HIST_BITS, HIST_BUCKETS);
}
static inline uint32_t hist_fine_bucket(uint64_t ns) {
  return hist_log_linear(ns, HIST_FINE_FLOOR_LOG2, HIST_FINE_BITS, HIST_FINE_BUCKETS);
}
static inline uint64_t hist_bucket_ns(uint32_t b) {
  return hist_edge_ns(b, HIST_FLOOR_LOG2, HIST_BITS);
}
static inline uint64_t hist_fine_bucket_ns(uint32_t b) {
  return hist_edge_ns(b, HIST_FINE_FLOOR_LOG2, HIST_FINE_BITS);
}

/* The q-quantile (0..1) in ns of `buckets` counts, interpolated inside the bucket: the value at rank
 * q*(total-1), by the midpoint rule. 0 where the histogram is empty. Cost: one pass. */
uint64_t hist_quantile_ns(const uint32_t *count, uint32_t buckets, uint32_t floor_log2, uint32_t bits, double q);

#endif
