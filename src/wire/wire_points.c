#include "wire_points.h"

#include <math.h>

#include "base_must.h"
#include "wire_number.h"
#include "wire_otlp.h"
#include "wire_otlp_fields.h"

enum { TEMPORALITY_DELTA = 1, TEMPORALITY_CUMULATIVE = 2, FLAG_NO_VALUE = 1 };

/* The frame of metrics is that of spans (wire_otlp_next). */
_Static_assert((int)OTLP_metrics_resource_metrics == (int)OTLP_traces_resource_spans, "one frame");
_Static_assert((int)OTLP_of_resource_metrics_resource == (int)OTLP_of_resource_spans_resource, "one frame");
_Static_assert((int)OTLP_of_resource_metrics_scope_metrics == (int)OTLP_of_resource_spans_scope_spans, "one frame");
_Static_assert((int)OTLP_of_scope_metrics_metrics == (int)OTLP_of_scope_spans_spans, "one frame");

/* What all points of a metric share. */
struct metric {
  struct base_str name, unit, data;
  uint32_t kind; /* tag of its data; 0: none that is known */
  uint64_t temporality;
  bool monotonic;
};

/* A point under way. */
struct point {
  struct wire_sampler *m;
  uint64_t flags;
  uint32_t count_n, bound_n; /* of an explicit histogram */
  bool has_value;
  bool bad, over;
};

/* ---- attributes ---- */

static struct base_str number_text(struct base_buf *text, struct wire_pb *c, uint32_t tag) {
  size_t from = text->n;
  if (tag == OTLP_any_double_value)
    number_write(text, pb_double(c));
  else if (tag == OTLP_any_int_value)
    buf_put_i64(text, (int64_t)pb_varint(c));
  else
    buf_put_str(text, pb_varint(c) ? STR("true") : STR("false"));
  return (struct base_str){text->p + from, text->n - from};
}

/* AnyValue as text; absent where it is none. The last member counts. */
static struct base_str any_text(struct wire_pb *outer, struct base_buf *text) {
  struct wire_pb c = pb_enter(outer);
  struct base_str value = STR_NONE;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case OTLP_any_string_value: value = pb_view(&c); break;
      case OTLP_any_bool_value:
      case OTLP_any_int_value:
      case OTLP_any_double_value: value = number_text(text, &c, tag); break;
      default: value = STR_NONE; pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
  return value;
}

/* The KeyValue at *outer. False where it has no value that is a text. */
static bool pair_read(struct wire_pb *outer, struct base_buf *text, struct base_str *key, struct base_str *value) {
  struct wire_pb c = pb_enter(outer);
  uint32_t tag;
  *key = *value = STR_NONE;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_pair_key)
      *key = pb_view(&c);
    else if (tag == OTLP_pair_value)
      *value = any_text(&c, text);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  return value->p && key->n;
}

static void attribute_read(struct wire_sampler *m, struct wire_pb *c) {
  struct base_str key, value;
  if (pair_read(c, &m->text, &key, &value)) sampler_label(m, key, value);
}

/* The resource's attributes become common labels. False where it is broken. */
static bool resource_read(struct wire_sampler *m, struct base_str resource) {
  struct wire_pb c = pb_over(resource);
  struct base_str key, value;
  uint32_t tag;
  m->common_n = 0;
  m->common_over = false;
  buf_clear(&m->common_text);
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != OTLP_resource_attributes)
      pb_skip(&c, tag);
    else if (pair_read(&c, &m->common_text, &key, &value))
      sampler_common(m, key, value);
  }
  return c.reason == NULL;
}

/* ---- fields that all points have ---- */

static void time_read(struct point *p, struct wire_pb *c, int64_t *ns) {
  uint64_t v = pb_fixed64(c);
  if (v > (uint64_t)INT64_MAX) p->bad = true;
  *ns = (int64_t)(v & (uint64_t)INT64_MAX);
}

static void exemplar_pass(struct wire_sampler *m, struct wire_pb *c, uint32_t tag) {
  pb_skip(c, tag);
  sampler_exemplar(m);
}

static void sum_read(struct point *p, struct wire_pb *c) {
  p->m->s.sum = pb_double(c);
  p->m->s.has_sum = true;
}

/* ---- numbers ---- */

static void number_field(struct point *p, uint32_t tag, struct wire_pb *c) {
  struct wire_sample *s = &p->m->s;
  switch (tag) {
    case OTLP_number_start_time_unix_nano: time_read(p, c, &s->start_ns); break;
    case OTLP_number_time_unix_nano: time_read(p, c, &s->time_ns); break;
    case OTLP_number_as_double:
      s->value = pb_double(c);
      p->has_value = true;
      break;
    case OTLP_number_as_int:
      s->value = (double)(int64_t)pb_fixed64(c);
      p->has_value = true;
      break;
    case OTLP_number_attributes: attribute_read(p->m, c); break;
    case OTLP_number_flags: p->flags = pb_varint(c); break;
    case OTLP_number_exemplars: exemplar_pass(p->m, c, tag); break;
    default: pb_skip(c, tag);
  }
}

/* ---- explicit histograms ---- */

static void count_add(struct point *p, uint64_t n) {
  if (p->count_n < WIRE_SAMPLE_BOUNDS)
    p->m->bucket[p->count_n++].n = n;
  else
    p->over = true;
}

static void bound_add(struct point *p, double upper) {
  if (p->bound_n == WIRE_SAMPLE_BOUNDS - 1) {
    p->over = true;
    return;
  }
  if (!isfinite(upper) || (p->bound_n && upper <= p->m->bucket[p->bound_n - 1].upper)) p->bad = true;
  p->m->bucket[p->bound_n++].upper = upper;
}

static void item_add(struct point *p, struct wire_pb *c, bool bounds) {
  if (bounds)
    bound_add(p, pb_double(c));
  else
    count_add(p, pb_fixed64(c));
}

/* Both lists are of 8 bytes an item, packed or one by one. */
static void list_read(struct point *p, uint32_t tag, struct wire_pb *c, bool bounds) {
  if ((tag & 7) != PB_LEN) {
    item_add(p, c, bounds);
    return;
  }
  struct wire_pb list = pb_enter(c);
  while (list.p < list.end && !p->over) item_add(p, &list, bounds);
  pb_leave(c, &list);
}

#define PACKED(tag) (((uint32_t)(tag) & ~7u) | PB_LEN)

static void histogram_field(struct point *p, uint32_t tag, struct wire_pb *c) {
  struct wire_sample *s = &p->m->s;
  switch (tag) {
    case OTLP_histogram_point_start_time_unix_nano: time_read(p, c, &s->start_ns); break;
    case OTLP_histogram_point_time_unix_nano: time_read(p, c, &s->time_ns); break;
    case OTLP_histogram_point_count: s->count = pb_fixed64(c); break;
    case OTLP_histogram_point_sum: sum_read(p, c); break;
    case OTLP_histogram_point_bucket_counts:
    case PACKED(OTLP_histogram_point_bucket_counts): list_read(p, tag, c, false); break;
    case OTLP_histogram_point_explicit_bounds:
    case PACKED(OTLP_histogram_point_explicit_bounds): list_read(p, tag, c, true); break;
    case OTLP_histogram_point_attributes: attribute_read(p->m, c); break;
    case OTLP_histogram_point_flags: p->flags = pb_varint(c); break;
    case OTLP_histogram_point_exemplars: exemplar_pass(p->m, c, tag); break;
    default: pb_skip(c, tag);
  }
}

/* One count more than bounds; neither of both: no buckets were kept. */
static void histogram_end(struct point *p) {
  struct wire_sampler *m = p->m;
  if (p->count_n == 0 && p->bound_n == 0) count_add(p, m->s.count);
  if (p->count_n != p->bound_n + 1) {
    p->bad = true;
    return;
  }
  m->bucket[p->bound_n].upper = INFINITY;
  m->s.bucket = m->bucket;
  m->s.bucket_n = p->count_n;
}

/* ---- exponential histograms ---- */

static void index_add(struct point *p, struct wire_exp_side *side, int64_t index, uint64_t n) {
  if (index < INT32_MIN || index >= INT32_MAX)
    p->bad = p->bad || n;
  else
    exp_add(side, (int32_t)index, n);
}

static int32_t offset_find(struct base_str bytes) {
  struct wire_pb c = pb_over(bytes);
  int32_t offset = 0;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_buckets_offset)
      offset = (int32_t)pb_zigzag(&c);
    else
      pb_skip(&c, tag);
  }
  return offset;
}

static void side_read(struct point *p, struct wire_pb *outer, struct wire_exp_side *side) {
  struct base_str bytes = pb_view(outer);
  struct wire_pb c = pb_over(bytes);
  int64_t index = offset_find(bytes);
  uint32_t tag;
  side->n = 0;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_buckets_bucket_counts) {
      index_add(p, side, index++, pb_varint(&c));
    } else if (tag == PACKED(OTLP_buckets_bucket_counts)) {
      struct wire_pb list = pb_enter(&c);
      while (list.p < list.end) index_add(p, side, index++, pb_varint(&list));
      pb_leave(&c, &list);
    } else {
      pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
}

static void exponential_field(struct point *p, uint32_t tag, struct wire_pb *c) {
  struct wire_sample *s = &p->m->s;
  struct wire_exp *e = &p->m->exp;
  switch (tag) {
    case OTLP_exponential_point_attributes: attribute_read(p->m, c); break;
    case OTLP_exponential_point_start_time_unix_nano: time_read(p, c, &s->start_ns); break;
    case OTLP_exponential_point_time_unix_nano: time_read(p, c, &s->time_ns); break;
    case OTLP_exponential_point_count: s->count = pb_fixed64(c); break;
    case OTLP_exponential_point_sum: sum_read(p, c); break;
    case OTLP_exponential_point_scale: e->scale = (int32_t)pb_zigzag(c); break;
    case OTLP_exponential_point_zero_count: e->zero_n = pb_fixed64(c); break;
    case OTLP_exponential_point_zero_threshold: e->zero = pb_double(c); break;
    case OTLP_exponential_point_positive: side_read(p, c, &e->positive); break;
    case OTLP_exponential_point_negative: side_read(p, c, &e->negative); break;
    case OTLP_exponential_point_flags: p->flags = pb_varint(c); break;
    case OTLP_exponential_point_exemplars: exemplar_pass(p->m, c, tag); break;
    default: pb_skip(c, tag);
  }
}

static void exponential_end(struct point *p) {
  struct wire_sampler *m = p->m;
  if (!isfinite(m->exp.zero) || m->exp.zero < 0) {
    p->bad = true;
    return;
  }
  m->s.bucket = m->bucket;
  m->s.bucket_n = wire_exp_buckets(&m->exp, m->bucket, WIRE_SAMPLE_BOUNDS);
  p->over = p->over || m->s.bucket_n == 0;
}

/* ---- summaries ---- */

static void summary_field(struct point *p, uint32_t tag, struct wire_pb *c) {
  struct wire_sample *s = &p->m->s;
  switch (tag) {
    case OTLP_summary_point_start_time_unix_nano: time_read(p, c, &s->start_ns); break;
    case OTLP_summary_point_time_unix_nano: time_read(p, c, &s->time_ns); break;
    case OTLP_summary_point_count: s->count = pb_fixed64(c); break;
    case OTLP_summary_point_sum: sum_read(p, c); break;
    case OTLP_summary_point_attributes: attribute_read(p->m, c); break;
    case OTLP_summary_point_flags: p->flags = pb_varint(c); break;
    default: pb_skip(c, tag);
  }
}

/* ---- points ---- */

/* One way to read a point for each kind of metric. */
struct reader {
  uint32_t metric; /* tag of Metric's data */
  uint8_t kind;
  bool has_mode;
  void (*field)(struct point *p, uint32_t tag, struct wire_pb *c);
  void (*end)(struct point *p); /* NULL: nothing is left to be done */
};

static const struct reader *reader_of(uint32_t metric) {
  static const struct reader readers[] = {
      {OTLP_metric_gauge, WIRE_SAMPLE_GAUGE, false, number_field, NULL},
      {OTLP_metric_sum, WIRE_SAMPLE_COUNTER, true, number_field, NULL},
      {OTLP_metric_histogram, WIRE_SAMPLE_HISTOGRAM, true, histogram_field, histogram_end},
      {OTLP_metric_exponential_histogram, WIRE_SAMPLE_HISTOGRAM, true, exponential_field, exponential_end},
      {OTLP_metric_summary, WIRE_SAMPLE_SUMMARY, false, summary_field, NULL}};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (readers[i].metric == metric) return &readers[i];
  MUST(false); /* metric_head knows the same ones */
}

static void sample_begin(struct wire_sampler *m, const struct metric *d, const struct reader *r) {
  sampler_clear(m);
  if (r->metric == OTLP_metric_exponential_histogram) exp_clear(&m->exp);
  m->s.name = d->name;
  m->s.unit = d->unit;
  m->s.has_sum = r->kind == WIRE_SAMPLE_SUMMARY; /* its 0 is not sent */
  m->s.kind = r->metric == OTLP_metric_sum && !d->monotonic ? WIRE_SAMPLE_GAUGE : r->kind;
  if (r->has_mode && d->temporality == TEMPORALITY_DELTA) m->s.mode = WIRE_SAMPLE_DELTA;
}

static void point_end(struct point *p, const struct reader *r) {
  struct wire_sampler *m = p->m;
  if (p->flags & FLAG_NO_VALUE) {
    m->s.bucket_n = 0;
    m->s.stale = true;
    m->s.value = m->s.sum = 0;
  } else if (r->end && !p->bad && !p->over) {
    r->end(p);
  }
}

static void point_take(struct wire_sampler *m, const struct metric *d, const struct reader *r, struct base_str bytes) {
  struct point p = {.m = m};
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  sample_begin(m, d, r);
  while (pb_next(&c, &tag) == WIRE_OK) r->field(&p, tag, &c);
  point_end(&p, r);
  bool valueless = r->field == number_field && !p.has_value && !m->s.stale;
  if (c.reason || p.bad || valueless)
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
  else if (p.over)
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE_BUCKETS);
  else
    wire_sampler_give(m);
}

/* ---- metrics ---- */

/* Sum, Histogram and ExponentialHistogram have their points and their temporality at the same numbers. */
_Static_assert((int)OTLP_sum_data_points == (int)OTLP_gauge_data_points, "one reader");
_Static_assert((int)OTLP_histogram_data_points == (int)OTLP_gauge_data_points, "one reader");
_Static_assert((int)OTLP_exponential_data_points == (int)OTLP_gauge_data_points, "one reader");
_Static_assert((int)OTLP_summary_data_points == (int)OTLP_gauge_data_points, "one reader");
_Static_assert((int)OTLP_histogram_aggregation_temporality == (int)OTLP_sum_aggregation_temporality, "one reader");
_Static_assert((int)OTLP_exponential_aggregation_temporality == (int)OTLP_sum_aggregation_temporality, "one reader");

static bool data_head(struct metric *d) {
  struct wire_pb c = pb_over(d->data);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_sum_aggregation_temporality)
      d->temporality = pb_varint(&c);
    else if (tag == OTLP_sum_is_monotonic)
      d->monotonic = pb_varint(&c) != 0;
    else
      pb_skip(&c, tag);
  }
  return c.reason == NULL;
}

/* What its points need to know may stand behind them. */
static bool metric_head(struct base_str bytes, struct metric *d) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  *d = (struct metric){0};
  while (pb_next(&c, &tag) == WIRE_OK) {
    switch (tag) {
      case OTLP_metric_name: d->name = pb_view(&c); break;
      case OTLP_metric_unit: d->unit = pb_view(&c); break;
      case OTLP_metric_gauge:
      case OTLP_metric_sum:
      case OTLP_metric_histogram:
      case OTLP_metric_exponential_histogram:
      case OTLP_metric_summary:
        d->kind = tag;
        d->data = pb_view(&c);
        break;
      default: pb_skip(&c, tag);
    }
  }
  return c.reason == NULL && data_head(d);
}

static void metric_take(struct wire_sampler *m, struct base_str bytes) {
  struct metric d;
  if (!metric_head(bytes, &d) || d.kind == 0) {
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
    return;
  }
  const struct reader *r = reader_of(d.kind);
  bool timely = !r->has_mode || d.temporality == TEMPORALITY_DELTA || d.temporality == TEMPORALITY_CUMULATIVE;
  struct wire_pb c = pb_over(d.data);
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag != OTLP_gauge_data_points) {
      pb_skip(&c, tag);
      continue;
    }
    struct base_str point = pb_view(&c);
    if (timely && d.name.n)
      point_take(m, &d, r, point);
    else
      wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
  }
}

void wire_points_take(struct wire_sampler *m, struct base_str bytes) {
  struct wire_otlp_iter it;
  struct base_str item;
  struct wire_err err;
  const char *resource_at = NULL; /* of the one that was read */
  bool sound = true;
  enum wire_status s;
  wire_otlp_iter_init(&it, bytes);
  while ((s = wire_otlp_next(&it, &item, &err)) != WIRE_END) {
    if (s == WIRE_OK) {
      struct base_str resource = wire_otlp_resource(&it);
      if (resource.p != resource_at) sound = resource_read(m, resource);
      resource_at = resource.p;
    }
    if (s == WIRE_OK && sound)
      metric_take(m, item);
    else
      wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
  }
}
