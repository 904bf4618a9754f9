#include "base_hist.h"

#include "base_must.h"

uint64_t hist_quantile_ns(const uint32_t *count, uint32_t buckets, uint32_t floor_log2, uint32_t bits, double q) {
  uint64_t total = 0, seen = 0;
  MUST(q >= 0.0 && q <= 1.0);
  for (uint32_t b = 0; b < buckets; b++) total += count[b];
  if (total == 0) return 0;
  double rank = q * (double)(total - 1);
  for (uint32_t b = 0; b < buckets; b++) {
    if (count[b] && (double)(seen + count[b]) > rank) {
      double lo = b ? (double)hist_edge_ns(b, floor_log2, bits) : 0.0;
      double hi = (double)hist_edge_ns(b + 1, floor_log2, bits);
      double at = (rank - (double)seen + 0.5) / (double)count[b];
      return (uint64_t)(lo + (hi - lo) * (at < 1.0 ? at : 1.0));
    }
    seen += count[b];
  }
  return hist_edge_ns(buckets, floor_log2, bits);
}
