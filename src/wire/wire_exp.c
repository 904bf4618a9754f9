#include "wire_exp.h"

#include <float.h>
#include <math.h>

#include "base_math.h"
#include "base_must.h"

#define LN2 0.69314718055994530942
enum { SCALE_MAX = 1100 };

double wire_exp_bound(int64_t index, int32_t scale) {
  if (scale > SCALE_MAX) scale = SCALE_MAX;
  if (scale < -SCALE_MAX) scale = -SCALE_MAX;
  double e = ldexp((double)index, -scale);
  if (e >= 1024) return INFINITY;
  if (e < -1080) return 0;
  int whole = (int)e; /* rounds to 0; the rest is to be in [0, 1) */
  if (whole > e) whole--;
  return ldexp(math_exp((e - whole) * LN2), whole);
}

struct writer {
  struct wire_bucket *out;
  uint32_t n, max;
};

/* A bound that does not rise holds nothing of its own: what it counts is in the bucket before. */
static void put(struct writer *w, double upper, uint64_t n) {
  if (upper < -DBL_MAX) upper = -DBL_MAX;
  if (w->n && upper <= w->out[w->n - 1].upper) {
    w->out[w->n - 1].n += n;
    return;
  }
  MUST(w->n < w->max);
  w->out[w->n++] = (struct wire_bucket){upper, n};
}

static uint32_t distinct(const struct wire_exp_side *s, unsigned shift) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->n; i++) n += i == 0 || s->bucket[i].index >> shift != s->bucket[i - 1].index >> shift;
  return n;
}

static void positive_put(struct writer *w, const struct wire_exp_side *s, unsigned shift, int32_t scale) {
  for (uint32_t i = 0; i < s->n; i++) {
    int64_t index = s->bucket[i].index >> shift;
    put(w, wire_exp_bound(index, scale), 0);
    put(w, wire_exp_bound(index + 1, scale), s->bucket[i].n);
  }
}

static void negative_put(struct writer *w, const struct wire_exp_side *s, unsigned shift, int32_t scale) {
  for (uint32_t i = s->n; i-- > 0;) {
    int64_t index = s->bucket[i].index >> shift;
    put(w, -wire_exp_bound(index + 1, scale), 0);
    put(w, -wire_exp_bound(index, scale), s->bucket[i].n);
  }
}

uint32_t wire_exp_buckets(const struct wire_exp *e, struct wire_bucket *out, uint32_t max) {
  MUST(max >= 16);
  if (e->positive.over || e->negative.over) return 0;
  struct writer w = {out, 0, max};
  unsigned shift = 0;
  while (2 * (distinct(&e->positive, shift) + distinct(&e->negative, shift)) + 2 > max) shift++;
  int32_t scale = e->scale < -SCALE_MAX ? -SCALE_MAX : e->scale;
  negative_put(&w, &e->negative, shift, scale - (int32_t)shift);
  if (e->zero_n || e->negative.n) put(&w, e->zero, e->zero_n);
  positive_put(&w, &e->positive, shift, scale - (int32_t)shift);
  put(&w, INFINITY, 0);
  return w.n;
}
