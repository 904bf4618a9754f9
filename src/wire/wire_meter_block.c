/* Slice k of K of a count n is the difference of n (k + 1) / K and n k / K, both rounded, so that the sum is exact. A
 * block's durations are dealt out in the measure of its fine requests, those of all buckets side by side: of each
 * bucket the same share has been given at any time, to within one. */
#include "wire_meter_block.h"

#include "base_must.h"

uint32_t meter_block_ticks(uint32_t pace) {
  return pace + (pace / 8 > 0 ? pace / 8 : 1);
}

void meter_sum_add(struct meter_sum *to, const struct meter_sum *s) {
  to->latency_ns += s->latency_ns;
  to->bytes_in += s->bytes_in;
  to->bytes_out += s->bytes_out;
  meter_add(&to->retries, s->retries);
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++) meter_add(&to->class_n[i], s->class_n[i]);
  for (unsigned i = 0; i < HIST_BUCKETS; i++) meter_add(&to->hist[i], s->hist[i]);
}

/* n k / K to the nearest whole number, without overflow: the whole part and the rest by themselves. Rounded, not cut: a
 * single request is given out in the middle of its block, and not put off by every block that comes before its end. */
static uint64_t given(uint64_t n, uint32_t k, uint32_t slices) {
  return n / slices * k + (n % slices * k + slices / 2) / slices;
}

/* Counts but durations: what of `from` comes up to slice k, and from there to slice `end`. */
static void counts_between(const struct meter_sum *from, uint32_t slices, uint32_t k, uint32_t end,
                           struct meter_sum *to) {
#define PART(n) (given((n), end, slices) - given((n), k, slices))
  to->bytes_in = PART(from->bytes_in);
  to->bytes_out = PART(from->bytes_out);
  to->retries = (uint32_t)PART(from->retries);
  for (unsigned i = 0; i < REC_CLASS_COUNT; i++) to->class_n[i] = (uint32_t)PART(from->class_n[i]);
#undef PART
}

/* Time is given with the fine requests that took it: a tick without any could not keep it. */
static uint64_t latency_given(const struct meter_block *b, uint32_t k) {
  uint64_t n = b->all.class_n[REC_CLASS_OK], part = given(n, k, b->slices);
  return n ? b->all.latency_ns / n * part + b->all.latency_ns % n * part / n : given(b->all.latency_ns, k, b->slices);
}

/* --- durations ------------------------------------------------------------------------------------------------- */

/* Durations that have been given out before slice k: as many of theirs as of the fine requests. Those that are more
 * than these (histograms that know no outcome are of all requests) stay. */
static uint64_t durations_due(const struct meter_block *b, uint32_t k) {
  uint64_t n = b->all.class_n[REC_CLASS_OK], part = given(n, k, b->slices);
  return b->hist_n <= n ? (n ? part * b->hist_n / n : 0) : part;
}

/* Where between 0 and 1, in parts of 2^16, a bucket's first duration stands: neighbours far from each other, by the
 * golden ratio, so that no part of the block has all of the rare ones. */
static uint64_t phase(uint32_t bucket) {
  return (uint64_t)((bucket * 2654435769u) >> 16);
}

/* Of bucket i, when `due` of all have been. */
static uint64_t bucket_due(const struct meter_block *b, uint32_t i, uint64_t due) {
  uint64_t n = b->all.hist[i] * due, whole = n / b->hist_n, rest = n % b->hist_n;
  return whole + ((rest << 16) + phase(i) * b->hist_n >= (uint64_t)b->hist_n << 16);
}

static uint32_t bucket_give(struct meter_block *b, uint32_t i, uint64_t want, uint64_t left, struct meter_sum *part) {
  uint32_t n = (uint32_t)(want < left ? want : left);
  b->hist_given[i] += n;
  part->hist[i] += n;
  return n;
}

/* Each bucket rounds by itself, so that the sum is off by a few: these wait for a later tick, or come early; from
 * another bucket on in each tick, so that none is favoured. */
static void durations_next(struct meter_block *b, int64_t tick, struct meter_sum *part) {
  uint64_t due = durations_due(b, b->k + 1), left = due - durations_due(b, b->k);
  uint32_t from = (uint32_t)(phase((uint32_t)tick) * HIST_BUCKETS >> 16);
  if (left == 0) return;
  for (uint32_t j = 0; j < HIST_BUCKETS && left; j++) {
    uint32_t i = (from + j) % HIST_BUCKETS;
    if (b->all.hist[i] == b->hist_given[i]) continue;
    uint64_t want = bucket_due(b, i, due);
    if (want > b->hist_given[i]) left -= bucket_give(b, i, want - b->hist_given[i], left, part);
  }
  for (uint32_t i = from; left; i = (i + 1) % HIST_BUCKETS)
    if (b->all.hist[i] > b->hist_given[i]) left -= bucket_give(b, i, 1, left, part);
}

static uint32_t durations_count(const struct meter_sum *s) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < HIST_BUCKETS; i++) meter_add(&n, s->hist[i]);
  return n;
}

/* What is left waits for the next block, no more of it than this one had fine requests. */
static void durations_left(struct meter_block *b, uint32_t most) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
    b->all.hist[i] -= b->hist_given[i];
    b->hist_given[i] = 0;
    meter_add(&n, b->all.hist[i]);
  }
  b->hist_n = n;
  for (uint32_t i = 0; i < HIST_BUCKETS && n > most; i++) b->all.hist[i] = (uint32_t)bucket_due(b, i, most);
}

/* --- blocks ---------------------------------------------------------------------------------------------------- */

void meter_block_again(struct meter_block *b, int64_t slices) {
  MUST(slices > 0);
  if (b->slices && b->k) {
    b->all.latency_ns -= latency_given(b, b->k);
    counts_between(&b->all, b->slices, b->k, b->slices, &b->all);
    durations_left(b, UINT32_MAX);
  }
  b->k = 0;
  b->slices = (uint32_t)slices;
}

static void block_end(struct meter_block *b) {
  uint32_t fine = b->all.class_n[REC_CLASS_OK];
  durations_left(b, fine);
  struct meter_block rest = {.batch = b->batch};
  for (uint32_t i = 0; i < HIST_BUCKETS; i++) rest.all.hist[i] = b->all.hist[i];
  *b = rest;
}

void meter_block_next(struct meter_block *b, int64_t tick, struct meter_sum *part) {
  *part = (struct meter_sum){0};
  if (b->k == b->slices) return;
  if (b->k == 0) b->hist_n = durations_count(&b->all);
  counts_between(&b->all, b->slices, b->k, b->k + 1, part);
  part->latency_ns = latency_given(b, b->k + 1) - latency_given(b, b->k);
  if (b->hist_n) durations_next(b, tick, part);
  if (++b->k == b->slices) block_end(b);
}
