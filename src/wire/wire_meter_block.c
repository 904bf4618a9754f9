/* Slice k of K of a count n is the difference of n (k + 1) / K and n k / K, both rounded, so that the sum is exact. */
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

static uint64_t slice(uint64_t n, uint32_t k, uint32_t slices) {
  return n ? given(n, k + 1, slices) - given(n, k, slices) : 0; /* most buckets are empty */
}

/* Durations come first, and wait for the fine requests that they stand with (durations_fit): rounded up. */
static uint64_t given_up(uint64_t n, uint32_t k, uint32_t slices) {
  return n / slices * k + (n % slices * k + slices - 1) / slices;
}

static uint64_t slice_up(uint64_t n, uint32_t k, uint32_t slices) {
  return n ? given_up(n, k + 1, slices) - given_up(n, k, slices) : 0;
}

#define EACH(to, from, what, what_hist)                                                                   \
  do {                                                                                                    \
    (to)->bytes_in = what((from)->bytes_in);                                                              \
    (to)->bytes_out = what((from)->bytes_out);                                                            \
    (to)->retries = (uint32_t)what((from)->retries);                                                      \
    for (unsigned i = 0; i < REC_CLASS_COUNT; i++) (to)->class_n[i] = (uint32_t)what((from)->class_n[i]); \
    for (unsigned i = 0; i < HIST_BUCKETS; i++) (to)->hist[i] = (uint32_t)what_hist((from)->hist[i]);     \
  } while (0)

/* Time is given with the fine requests that took it: a tick without any could not keep it. */
static uint64_t latency_given(const struct meter_block *b, uint32_t k) {
  uint64_t n = b->all.class_n[REC_CLASS_OK], part = given(n, k, b->slices);
  return n ? b->all.latency_ns / n * part + b->all.latency_ns % n * part / n : given(b->all.latency_ns, k, b->slices);
}

void meter_block_again(struct meter_block *b, int64_t slices) {
  MUST(slices > 0);
  if (b->slices && b->k) {
    b->all.latency_ns -= latency_given(b, b->k);
#define REST(n) ((n)-given((n), b->k, b->slices))
#define REST_UP(n) ((n)-given_up((n), b->k, b->slices))
    EACH(&b->all, &b->all, REST, REST_UP);
#undef REST
#undef REST_UP
  }
  b->k = 0;
  b->slices = (uint32_t)slices;
}

/* A tick has no more durations than fine requests: both are rounded by themselves, and histograms that know no outcome
 * are of all requests. What is over waits; from another bucket on in each tick, so that none is favoured. No more waits
 * than a block has fine requests. */
static void durations_fit(struct meter_held *held, struct meter_sum *part, uint32_t most, int64_t tick) {
  uint64_t left = part->class_n[REC_CLASS_OK], n = 0;
  for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
    uint32_t at = (uint32_t)((i + (uint64_t)tick) % HIST_BUCKETS);
    uint64_t want = (uint64_t)part->hist[at] + held->of[at], give = want < left ? want : left, wait = want - give;
    if (wait > most - n) wait = most - n;
    part->hist[at] = (uint32_t)give;
    held->of[at] = (uint32_t)wait;
    left -= give;
    n += wait;
  }
  held->n = (uint32_t)n;
}

static bool any_duration(const struct meter_sum *s) {
  for (uint32_t i = 0; i < HIST_BUCKETS; i++)
    if (s->hist[i]) return true;
  return false;
}

void meter_block_next(struct meter_block *b, struct meter_held *held, int64_t tick, struct meter_sum *part) {
  *part = (struct meter_sum){0};
  if (b->k == b->slices) return;
#define SLICE(n) slice((n), b->k, b->slices)
#define SLICE_UP(n) slice_up((n), b->k, b->slices)
  EACH(part, &b->all, SLICE, SLICE_UP);
#undef SLICE
#undef SLICE_UP
  part->latency_ns = latency_given(b, b->k + 1) - latency_given(b, b->k);
  if (held->n || any_duration(part)) durations_fit(held, part, b->all.class_n[REC_CLASS_OK], tick);
  if (++b->k == b->slices) *b = (struct meter_block){.batch = b->batch};
}
