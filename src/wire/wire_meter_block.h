/* A block: what one scrape tells, given out evenly over as many ticks as the next one takes to come
 * (docs/detectors/pace.md). Plain data; the meter gives its flows' blocks out with this, and bench/null its pods'. */
#ifndef WIRE_METER_BLOCK_H
#define WIRE_METER_BLOCK_H

#include "base_hist.h"
#include "rec_name.h"

/* What a block holds. */
struct meter_sum {
  uint64_t latency_ns, bytes_in, bytes_out;
  uint32_t class_n[REC_CLASS_COUNT];
  uint32_t retries;
  uint32_t hist[HIST_BUCKETS];
};

/* A block under way: of `all`, slice k of `slices` comes next; slices 0: there is none, but durations that are left. */
struct meter_block {
  struct meter_sum all;
  uint32_t hist_n, hist_given[HIST_BUCKETS]; /* durations in all; of each bucket, those that were given out */
  uint32_t k, slices;
  uint32_t batch; /* of the target */
};

/* A count that stops at the top. */
static inline void meter_add(uint32_t *to, uint32_t n) {
  *to = UINT32_MAX - *to < n ? UINT32_MAX : *to + n;
}

void meter_sum_add(struct meter_sum *to, const struct meter_sum *s);

/* Slices of a block at that pace, in ticks: an eighth more, for scrapes that come late. */
uint32_t meter_block_ticks(uint32_t pace);
/* What has not been given out yet starts again over so many slices, > 0. */
void meter_block_again(struct meter_block *b, int64_t slices);
/* The next slice, of that tick, into *part; zeros where nothing is left. It has no more durations than fine requests
 * (class OK). Cost: a few passes over the buckets, a division for each that is not empty. */
void meter_block_next(struct meter_block *b, int64_t tick, struct meter_sum *part);

#endif
