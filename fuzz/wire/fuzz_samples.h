/* What every decoder of metrics promises of a sample, whatever the bytes; for the fuzz targets of decoders alone. */
#ifndef FUZZ_SAMPLES_H
#define FUZZ_SAMPLES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base_must.h"
#include "wire_sampler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct fuzz_samples {
  struct wire_sampler sampler;
  uint64_t counter[REC_COUNTER_COUNT];
  uint64_t given, touched; /* samples; bytes of their texts, so that each is read */
};

static inline void samples_touch(struct fuzz_samples *f, struct base_str s) {
  for (size_t i = 0; i < s.n; i++) f->touched += (unsigned char)s.p[i];
}

static inline void sample_check(void *arg, const struct wire_sample *s) {
  struct fuzz_samples *f = arg;
  f->given++;
  MUST(s->kind <= WIRE_SAMPLE_SUMMARY && s->mode <= WIRE_SAMPLE_DELTA && s->name.n > 0);
  MUST(s->label_n <= WIRE_SAMPLE_LABELS && s->bucket_n <= WIRE_SAMPLE_BOUNDS);
  MUST(isfinite(s->value) && isfinite(s->sum) && s->time_ns >= 0 && s->start_ns >= 0);
  samples_touch(f, s->name);
  samples_touch(f, s->unit);
  for (uint32_t i = 0; i < s->label_n; i++) {
    samples_touch(f, s->label[i].key);
    samples_touch(f, s->label[i].value);
  }
  for (uint32_t i = 0; i < s->bucket_n; i++) MUST(i == 0 || s->bucket[i].upper > s->bucket[i - 1].upper);
  if (s->bucket_n) MUST(s->bucket[s->bucket_n - 1].upper == INFINITY);
}

/* Its memory stays from input to input; nothing of one may be seen in the next. */
static inline struct fuzz_samples *samples_open(void) {
  static struct fuzz_samples *f;
  if (!f && !(f = malloc(sizeof *f))) abort();
  memset(f->counter, 0, sizeof f->counter);
  f->given = f->touched = 0;
  wire_sampler_init(&f->sampler, sample_check, f, f->counter);
  return f;
}

/* What was given, passed over and refused adds up. */
static inline void samples_end(const struct fuzz_samples *f) {
  const struct wire_sample_tally *t = &f->sampler.tally;
  MUST(f->counter[REC_COUNTER_SAMPLES] == f->given + f->counter[REC_COUNTER_SAMPLES_NOT_FINITE]);
  MUST(t->exemplars == f->counter[REC_COUNTER_EXEMPLARS]);
}

#endif
