/* io.prometheus.client: MetricFamily -> samples. */
#include <math.h>

#include "base_time.h"
#include "wire_native.h"
#include "wire_prom_fields.h"
#include "wire_prom_room.h"

static const struct wire_native_tags native_tags = {
    .count = PROM_Histogram_sample_count,
    .count_float = PROM_Histogram_sample_count_float,
    .sum = PROM_Histogram_sample_sum,
    .schema = PROM_Histogram_schema,
    .zero_threshold = PROM_Histogram_zero_threshold,
    .zero_count = PROM_Histogram_zero_count,
    .zero_count_float = PROM_Histogram_zero_count_float,
    .span = {PROM_Histogram_negative_span, PROM_Histogram_positive_span},
    .delta = {PROM_Histogram_negative_delta, PROM_Histogram_positive_delta},
    .value = {PROM_Histogram_negative_count, PROM_Histogram_positive_count}};

/* One metric under way. */
struct metric {
  struct wire_sampler *m;
  uint32_t value_tag; /* of the value that was read; 0 none */
  unsigned reason;    /* enum rec_counter: why it is refused */
};

/* ---- values ---- */

static void exemplar_pass(struct wire_sampler *m, struct wire_pb *c, uint32_t tag) {
  pb_skip(c, tag);
  sampler_exemplar(m);
}

/* google.protobuf.Timestamp, as ns; 0 where it cannot be. */
static int64_t timestamp_read(struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  int64_t s = 0, ns = 0, all;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PB_TAG(1, PB_VARINT))
      s = (int64_t)pb_varint(&c);
    else if (tag == PB_TAG(2, PB_VARINT))
      ns = (int64_t)pb_varint(&c);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  bool good = s >= 0 && ns >= 0 && ns < TIME_NS_PER_S && !__builtin_mul_overflow(s, TIME_NS_PER_S, &all) &&
              !__builtin_add_overflow(all, ns, &all);
  return good ? all : 0;
}

/* Gauge, Counter and Untyped have their value at one number. */
_Static_assert(PROM_Gauge_value == PROM_Counter_value && PROM_Gauge_value == PROM_Untyped_value, "one reader");

static void scalar_read(struct metric *r, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_Counter_value)
      r->m->s.value = pb_double(&c);
    else if (tag == PROM_Counter_created_timestamp)
      r->m->s.start_ns = timestamp_read(&c);
    else if (tag == PROM_Counter_exemplar)
      exemplar_pass(r->m, &c, tag);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
}

static void summary_read(struct metric *r, struct wire_pb *outer) {
  struct wire_sample *s = &r->m->s;
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  s->has_sum = true;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case PROM_Summary_sample_count: s->count = pb_varint(&c); break;
      case PROM_Summary_sample_sum: s->sum = pb_double(&c); break;
      case PROM_Summary_created_timestamp: s->start_ns = timestamp_read(&c); break;
      default: pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

/* A classic bucket counts all up to its bound. *below: those of the buckets before. */
static void bucket_read(struct metric *r, struct wire_pb *outer, uint64_t *below) {
  struct wire_sampler *m = r->m;
  struct wire_pb c = pb_enter(outer);
  uint64_t n = 0, rounded = 0;
  double upper = 0;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_Bucket_cumulative_count)
      n = pb_varint(&c);
    else if (tag == PROM_Bucket_cumulative_count_float)
      r->reason = count_of(pb_double(&c), &rounded) ? r->reason : REC_COUNTER_REJECT_SAMPLE;
    else if (tag == PROM_Bucket_upper_bound)
      upper = pb_double(&c);
    else if (tag == PROM_Bucket_exemplar)
      exemplar_pass(m, &c, tag);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  if (rounded) n = rounded;
  bool first = m->s.bucket_n == 0;
  if (m->s.bucket_n == WIRE_SAMPLE_BOUNDS - 1 && upper < INFINITY) {
    r->reason = REC_COUNTER_REJECT_SAMPLE_BUCKETS;
  } else if (n < *below || isnan(upper) || (!first && upper <= m->bucket[m->s.bucket_n - 1].upper)) {
    r->reason = REC_COUNTER_REJECT_SAMPLE;
  } else {
    m->bucket[m->s.bucket_n++] = (struct wire_bucket){upper, n - *below};
    *below = n;
  }
}

static void classic_read(struct metric *r, struct base_str bytes) {
  struct wire_sample *s = &r->m->s;
  struct wire_pb c = pb_over(bytes);
  uint64_t below = 0;
  uint32_t tag;
  s->bucket = r->m->bucket;
  s->bucket_n = 0;
  while (!r->reason && pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_Histogram_bucket)
      bucket_read(r, &c, &below);
    else
      pb_skip(&c, tag);
  }
  if (c.reason && !r->reason) r->reason = REC_COUNTER_REJECT_SAMPLE;
  if (s->count < below) s->count = below; /* read while it was counted up */
  if (r->reason || (s->bucket_n && r->m->bucket[s->bucket_n - 1].upper == INFINITY)) return;
  r->m->bucket[s->bucket_n++] = (struct wire_bucket){INFINITY, s->count - below};
}

/* Where a histogram is both, the native one is the finer. */
static void histogram_read(struct metric *r, struct base_str bytes) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  bool native;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_Histogram_created_timestamp)
      r->m->s.start_ns = timestamp_read(&c);
    else if (tag == PROM_Histogram_exemplars)
      exemplar_pass(r->m, &c, tag);
    else
      pb_skip(&c, tag);
  }
  r->reason = wire_native_read(r->m, &native_tags, bytes, &native);
  if (!r->reason && !native) classic_read(r, bytes);
}

/* ---- metrics ---- */

static void label_read(struct wire_sampler *m, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  struct base_str key = STR_NONE, value = STR_NONE;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_LabelPair_name)
      key = pb_view(&c);
    else if (tag == PROM_LabelPair_value)
      value = pb_view(&c);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  if (value.n) sampler_label(m, key, value);
}

static void time_read_ms(struct metric *r, struct wire_pb *c) {
  int64_t ms = (int64_t)pb_varint(c);
  if (ms < 0 || __builtin_mul_overflow(ms, TIME_NS_PER_MS, &r->m->s.time_ns)) r->reason = REC_COUNTER_REJECT_TIME;
}

static void metric_field(struct metric *r, uint32_t tag, struct wire_pb *c) {
  switch (tag) {
    case PROM_Metric_label: label_read(r->m, c); return;
    case PROM_Metric_timestamp_ms: time_read_ms(r, c); return;
    case PROM_Metric_gauge:
    case PROM_Metric_counter:
    case PROM_Metric_untyped: scalar_read(r, c); break;
    case PROM_Metric_summary: summary_read(r, c); break;
    case PROM_Metric_histogram: histogram_read(r, pb_view(c)); break;
    default: pb_skip(c, tag); return;
  }
  r->value_tag = tag;
}

static void metric_take(struct wire_sampler *m, const struct wire_prom_family *f, struct base_str bytes) {
  static const struct {
    uint32_t tag;
    uint8_t kind;
  } types[PROM_TYPES] = {[PROM_COUNTER] = {PROM_Metric_counter, WIRE_SAMPLE_COUNTER},
                         [PROM_GAUGE] = {PROM_Metric_gauge, WIRE_SAMPLE_GAUGE},
                         [PROM_SUMMARY] = {PROM_Metric_summary, WIRE_SAMPLE_SUMMARY},
                         [PROM_UNTYPED] = {PROM_Metric_untyped, WIRE_SAMPLE_UNTYPED},
                         [PROM_HISTOGRAM] = {PROM_Metric_histogram, WIRE_SAMPLE_HISTOGRAM},
                         [PROM_GAUGE_HISTOGRAM] = {PROM_Metric_histogram, WIRE_SAMPLE_GAUGE}};
  struct metric r = {.m = m};
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  sampler_clear(m);
  m->s.name = f->name;
  m->s.unit = f->unit;
  while (pb_next(&c, &tag) == WIRE_OK && !r.reason) metric_field(&r, tag, &c);
  bool sound = !c.reason && f->name.n && f->type < PROM_TYPES && r.value_tag == types[f->type].tag;
  if (r.reason || !sound) {
    wire_sampler_reject(m, r.reason ? (enum rec_counter)r.reason : REC_COUNTER_REJECT_SAMPLE);
    return;
  }
  m->s.kind = types[f->type].kind;
  if (f->deltas && f->type == PROM_COUNTER) m->s.mode = WIRE_SAMPLE_DELTA;
  if (f->type == PROM_GAUGE_HISTOGRAM)
    wire_native_gauge_give(m);
  else
    wire_sampler_give(m);
}

/* ---- families ---- */

/* What its metrics have in common may stand behind them. */
bool wire_prom_family_read(struct base_str bytes, struct wire_prom_family *f) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  *f = (struct wire_prom_family){.bytes = bytes};
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_MetricFamily_name)
      f->name = pb_view(&c);
    else if (tag == PROM_MetricFamily_unit)
      f->unit = pb_view(&c);
    else if (tag == PROM_MetricFamily_type)
      f->type = (uint32_t)pb_varint(&c);
    else
      pb_skip(&c, tag);
  }
  f->unit = prom_unit(f->unit);
  return c.reason == NULL;
}

void wire_prom_family_take(struct wire_sampler *m, const struct wire_prom_family *f) {
  struct wire_pb c = pb_over(f->bytes);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == PROM_MetricFamily_metric)
      metric_take(m, f, pb_view(&c));
    else
      pb_skip(&c, tag);
  }
}

enum wire_status prom_proto_take(struct wire_sampler *m, struct base_str bytes, struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  while (c.p < c.end) {
    struct wire_prom_family f;
    struct base_str one = pb_view(&c);
    if (c.reason) break;
    if (wire_prom_family_read(one, &f))
      wire_prom_family_take(m, &f);
    else
      wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
  }
  if (!c.reason) return WIRE_OK;
  *err = (struct wire_err){(size_t)((const char *)c.p - bytes.p), c.reason};
  return WIRE_BAD;
}
