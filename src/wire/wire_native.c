#include "wire_native.h"

#include <math.h>

#include "wire_number.h"
#include "wire_prom_fields.h" /* of a span, which is the same in both */

enum { SCHEMA_CUSTOM = -53, SCHEMA_MIN = -9, SCHEMA_MAX = 52, SIDES = 2 };
#define INDEX_MAX (1ll << 30)

/* Where the next count of one sign belongs. */
struct place {
  uint32_t span; /* the next one */
  uint32_t left; /* of the one before */
  int64_t index; /* of the next count */
  int64_t count; /* deltas are to the count before */
};

struct reading {
  struct wire_sampler *m;
  const struct wire_native_tags *tags;
  struct place place[SIDES];
  uint32_t custom_n;
  int32_t schema;
  bool bad, over, spans;
};

/* Whether `tag` is of the repeated scalar `want`, in either of its forms. */
static bool is_of(uint32_t tag, uint32_t want) {
  return want && tag >> 3 == want >> 3 && ((tag & 7) == PB_LEN || tag == want);
}

/* ---- first pass: all but the counts ---- */

static void span_read(struct reading *r, unsigned side, struct wire_pb *outer) {
  struct wire_native *n = &r->m->native;
  struct wire_pb c = pb_enter(outer);
  struct wire_native_span s = {0, 0};
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_BucketSpan_offset)
      s.offset = (int32_t)pb_zigzag(&c);
    else if (tag == PROM_BucketSpan_length)
      s.length = (uint32_t)pb_varint(&c);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  r->spans = true;
  if (n->span_n[side] < WIRE_NATIVE_SPANS)
    n->span[side][n->span_n[side]++] = s;
  else
    r->over = true;
}

static void custom_add(struct reading *r, double upper) {
  struct wire_native *n = &r->m->native;
  if (r->custom_n == WIRE_SAMPLE_BOUNDS - 1)
    r->over = true;
  else if (!isfinite(upper) || (r->custom_n && upper <= n->custom[r->custom_n - 1]))
    r->bad = true;
  else
    n->custom[r->custom_n++] = upper;
}

static void custom_read(struct reading *r, uint32_t tag, struct wire_pb *c) {
  if ((tag & 7) != PB_LEN) {
    custom_add(r, pb_double(c));
    return;
  }
  struct wire_pb list = pb_enter(c);
  while (list.p < list.end) custom_add(r, pb_double(&list));
  pb_leave(c, &list);
}

/* Counts where it is over 0; the whole one beside it holds otherwise. */
static void count_float(struct reading *r, double v, uint64_t *n) {
  uint64_t rounded = 0;
  if (!count_of(v, &rounded)) r->bad = true;
  if (v > 0) *n = rounded;
}

static void head_field(struct reading *r, uint32_t tag, struct wire_pb *c) {
  const struct wire_native_tags *t = r->tags;
  struct wire_sample *s = &r->m->s;
  struct wire_exp *e = &r->m->exp;
  if (tag == t->count) {
    s->count = pb_varint(c);
  } else if (tag == t->count_float) {
    count_float(r, pb_double(c), &s->count);
  } else if (tag == t->sum) {
    s->sum = pb_double(c);
    s->has_sum = true;
  } else if (tag == t->schema) {
    r->schema = (int32_t)pb_zigzag(c);
  } else if (tag == t->zero_threshold) {
    e->zero = pb_double(c);
  } else if (tag == t->zero_count) {
    e->zero_n = pb_varint(c);
  } else if (tag == t->zero_count_float) {
    count_float(r, pb_double(c), &e->zero_n);
  } else if (tag == t->span[0] || tag == t->span[1]) {
    span_read(r, tag == t->span[1], c);
  } else if (is_of(tag, t->custom)) {
    custom_read(r, tag, c);
  } else {
    pb_skip(c, tag);
  }
}

/* ---- second pass: the counts ---- */

/* The index of the next count of that sign; false where the spans have none. */
static bool index_next(struct reading *r, unsigned side, int64_t *index) {
  const struct wire_native *n = &r->m->native;
  struct place *p = &r->place[side];
  while (p->left == 0) {
    if (p->span == n->span_n[side]) return false;
    p->index += n->span[side][p->span].offset;
    p->left = n->span[side][p->span++].length;
  }
  p->left--;
  *index = p->index++;
  return *index > -INDEX_MAX && *index < INDEX_MAX;
}

static void count_put(struct reading *r, unsigned side, uint64_t count) {
  int64_t index;
  if (!index_next(r, side, &index)) {
    r->bad = true;
    return;
  }
  struct wire_exp *e = &r->m->exp;
  int64_t at = r->schema == SCHEMA_CUSTOM ? index : index - 1;
  exp_add(side ? &e->positive : &e->negative, (int32_t)at, count);
}

static void delta_put(struct reading *r, unsigned side, int64_t delta) {
  struct place *p = &r->place[side];
  if (__builtin_add_overflow(p->count, delta, &p->count) || p->count < 0)
    r->bad = true;
  else
    count_put(r, side, (uint64_t)p->count);
}

static void value_put(struct reading *r, unsigned side, double v) {
  uint64_t n = 0;
  if (count_of(v, &n))
    count_put(r, side, n);
  else
    r->bad = true;
}

static void one_put(struct reading *r, unsigned side, bool deltas, struct wire_pb *c) {
  if (deltas)
    delta_put(r, side, pb_zigzag(c));
  else
    value_put(r, side, pb_double(c));
}

static void counts_read(struct reading *r, unsigned side, bool deltas, uint32_t tag, struct wire_pb *c) {
  if ((tag & 7) != PB_LEN) {
    one_put(r, side, deltas, c);
    return;
  }
  struct wire_pb list = pb_enter(c);
  while (list.p < list.end && !r->bad) one_put(r, side, deltas, &list);
  pb_leave(c, &list);
}

static void counts_field(struct reading *r, uint32_t tag, struct wire_pb *c) {
  const struct wire_native_tags *t = r->tags;
  for (unsigned side = 0; side < SIDES; side++) {
    bool deltas = is_of(tag, t->delta[side]);
    if (deltas || is_of(tag, t->value[side])) {
      counts_read(r, side, deltas, tag, c);
      return;
    }
  }
  pb_skip(c, tag);
}

/* ---- buckets ---- */

/* Schema -53: bucket i ends at the i-th bound that was sent, the last one at infinity. */
static bool custom_buckets(struct reading *r) {
  struct wire_sampler *m = r->m;
  const struct wire_exp_side *e = &m->exp.positive;
  for (uint32_t i = 0; i <= r->custom_n; i++)
    m->bucket[i] = (struct wire_bucket){i < r->custom_n ? m->native.custom[i] : INFINITY, 0};
  for (uint32_t i = 0; i < e->n; i++) {
    if (e->bucket[i].index < 0 || e->bucket[i].index > (int64_t)r->custom_n) return false;
    m->bucket[e->bucket[i].index].n += e->bucket[i].n;
  }
  m->s.bucket_n = r->custom_n + 1;
  return true;
}

static unsigned buckets_make(struct reading *r) {
  struct wire_sampler *m = r->m;
  struct wire_exp *e = &m->exp;
  m->s.bucket = m->bucket;
  if (r->schema == SCHEMA_CUSTOM) return custom_buckets(r) ? 0 : REC_COUNTER_REJECT_SAMPLE;
  if (r->schema < SCHEMA_MIN || r->schema > SCHEMA_MAX || !isfinite(e->zero) || e->zero < 0)
    return REC_COUNTER_REJECT_SAMPLE;
  e->scale = r->schema;
  m->s.bucket_n = wire_exp_buckets(e, m->bucket, WIRE_SAMPLE_BOUNDS);
  return m->s.bucket_n ? 0 : REC_COUNTER_REJECT_SAMPLE_BUCKETS;
}

static bool places_are_full(const struct reading *r) {
  for (unsigned side = 0; side < SIDES; side++) {
    const struct wire_native *n = &r->m->native;
    if (r->place[side].left) return false;
    for (uint32_t i = r->place[side].span; i < n->span_n[side]; i++)
      if (n->span[side][i].length) return false;
  }
  return true;
}

unsigned wire_native_read(struct wire_sampler *m, const struct wire_native_tags *tags, struct base_str bytes,
                          bool *native) {
  struct reading r = {.m = m, .tags = tags};
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  exp_clear(&m->exp);
  m->native.span_n[0] = m->native.span_n[1] = 0;
  while (pb_next(&c, &tag) == WIRE_OK) head_field(&r, tag, &c);
  *native = r.spans || m->exp.zero_n || m->exp.zero > 0 || r.custom_n;
  if (r.over) return REC_COUNTER_REJECT_SAMPLE_BUCKETS;
  if (c.reason || r.bad) return REC_COUNTER_REJECT_SAMPLE;
  if (!*native) return 0;
  c = pb_over(bytes);
  while (pb_next(&c, &tag) == WIRE_OK) counts_field(&r, tag, &c);
  if (c.reason || r.bad || !places_are_full(&r)) return REC_COUNTER_REJECT_SAMPLE;
  return buckets_make(&r);
}

/* name + suffix, in the sampler's text. */
static struct base_str name_join(struct wire_sampler *m, struct base_str name, const char *suffix) {
  size_t at = m->text.n;
  buf_put_str(&m->text, name);
  buf_put_str(&m->text, str_of(suffix));
  return (struct base_str){m->text.p + at, m->text.n - at};
}

static void part_give(struct wire_sampler *m, struct base_str name, const char *suffix, double value) {
  m->s.name = name_join(m, name, suffix);
  m->s.value = sample_is_stale(m->s.sum) ? m->s.sum : value;
  m->s.stale = false;
  wire_sampler_give(m);
}

void wire_native_gauge_give(struct wire_sampler *m) {
  struct wire_sample *s = &m->s;
  struct base_str name = s->name;
  uint64_t below = 0;
  uint32_t bucket_n = s->bucket_n, label_n = s->label_n;
  s->kind = WIRE_SAMPLE_GAUGE;
  s->bucket_n = 0;
  for (uint32_t i = 0; i < bucket_n; i++) {
    buf_clear(&m->text);
    below += m->bucket[i].n;
    number_write(&m->text, m->bucket[i].upper);
    s->label_n = label_n;
    sampler_label(m, STR("le"), buf_str(&m->text));
    part_give(m, name, "_bucket", (double)below);
  }
  buf_clear(&m->text);
  s->label_n = label_n;
  part_give(m, name, "_gcount", (double)s->count);
  part_give(m, name, "_gsum", s->sum);
  s->name = name;
}
