/* Exponential histograms, be they OTLP's or Prometheus' native ones, made explicit: bounds and counts of their own.
 *
 * base = 2^(2^-scale). A bucket of index i holds values in (base^i, base^(i+1)] and, among the negative ones, in
 * [-base^(i+1), -base^i); the zero bucket holds [-zero, zero]. Source: opentelemetry.io/docs/specs/otel/metrics/
 * data-model, "ExponentialHistogram"; Prometheus' bucket i is (base^(i-1), base^i], which is index i - 1 here. */
#ifndef WIRE_EXP_H
#define WIRE_EXP_H

#include "wire_sample.h"

#define WIRE_EXP_BUCKETS 2048u /* that hold anything, of one sign; a histogram with more is refused */

struct wire_exp_bucket {
  int32_t index;
  uint64_t n;
};

struct wire_exp_side {
  bool over;  /* more than fit */
  uint32_t n; /* ascending by index */
  struct wire_exp_bucket bucket[WIRE_EXP_BUCKETS];
};

struct wire_exp {
  int32_t scale;
  double zero; /* width of the zero bucket, >= 0 */
  uint64_t zero_n;
  struct wire_exp_side positive, negative;
};

static inline void exp_clear(struct wire_exp *e) {
  e->scale = 0;
  e->zero = 0;
  e->zero_n = 0;
  e->positive.n = e->negative.n = 0;
  e->positive.over = e->negative.over = false;
}

/* Behind those that are there; empty buckets are left out. */
static inline void exp_add(struct wire_exp_side *s, int32_t index, uint64_t n) {
  if (n == 0) return;
  if (s->n < WIRE_EXP_BUCKETS)
    s->bucket[s->n++] = (struct wire_exp_bucket){index, n};
  else
    s->over = true;
}

/* Writes buckets into out[0..max), max at least 16: ascending, empty stretches as one bucket, the last one +Inf. Where
 * they would not fit, neighbours are put together by halving the scale, which is exact (the same source, "perfect
 * subsetting"). Gives their number; 0 where one of the sides is over. Cost: two exponentials a bucket that holds
 * anything.
 */
uint32_t wire_exp_buckets(const struct wire_exp *e, struct wire_bucket *out, uint32_t max);

/* base^index at that scale: 2^(index * 2^-scale); 0 or infinite past the doubles' range. Exact where it is a power of
 * two. */
double wire_exp_bound(int64_t index, int32_t scale);

#endif
