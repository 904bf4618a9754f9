#include "wire_remote.h"

#include <math.h>

#include "base_hash.h"
#include "base_time.h"
#include "wire_native.h"
#include "wire_remote_fields.h"

_Static_assert((int)REMOTE_TimeSeries_samples == (int)REMOTE_TimeSeries2_samples, "one reader");
_Static_assert((int)REMOTE_MetricMetadata_type == (int)REMOTE_Metadata2_type, "one reader");

static const struct wire_native_tags native_tags = {
    .count = REMOTE_Histogram_count_int,
    .count_float = REMOTE_Histogram_count_float,
    .sum = REMOTE_Histogram_sum,
    .schema = REMOTE_Histogram_schema,
    .zero_threshold = REMOTE_Histogram_zero_threshold,
    .zero_count = REMOTE_Histogram_zero_count_int,
    .zero_count_float = REMOTE_Histogram_zero_count_float,
    .span = {REMOTE_Histogram_negative_spans, REMOTE_Histogram_positive_spans},
    .delta = {REMOTE_Histogram_negative_deltas, REMOTE_Histogram_positive_deltas},
    .value = {REMOTE_Histogram_negative_counts, REMOTE_Histogram_positive_counts},
    .custom = REMOTE_Histogram_custom_values};

/* One series under way: its labels stand in m->s. */
struct series {
  struct wire_sampler *m;
  struct wire_remote *r;
  bool second; /* 2.0 */
  bool bad;    /* its labels are broken */
  bool ref_odd;
  struct base_str ref_key; /* 2.0: the label whose value comes next */
  uint32_t type;
  int64_t created_ms;
  int64_t newest_ms;
  size_t from; /* the first field that is no label */
};

/* ---- types of 1.0 ---- */

static struct wire_remote_type_of *type_slot(struct wire_remote *r, struct base_str family) {
  uint32_t mask = 2 * WIRE_REMOTE_TYPES - 1;
  uint32_t i = (uint32_t)hash_bytes(HASH_KEY_FIXED, family.p, family.n) & mask;
  while (r->type[i].family.p && !str_eq(r->type[i].family, family)) i = (i + 1) & mask;
  return &r->type[i];
}

static void metadata_read(struct wire_remote *r, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  struct base_str family = STR_NONE;
  uint32_t tag, type = REMOTE_UNKNOWN;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_MetricMetadata_type)
      type = (uint32_t)pb_varint(&c);
    else if (tag == REMOTE_MetricMetadata_metric_family_name)
      family = pb_view(&c);
    else
      pb_skip(&c, tag);
  }
  if (c.reason || family.n == 0 || r->type_n == WIRE_REMOTE_TYPES) return;
  if (r->type_n == 0) memset(r->type, 0, sizeof r->type);
  struct wire_remote_type_of *slot = type_slot(r, family);
  r->type_n += slot->family.p == NULL;
  *slot = (struct wire_remote_type_of){family, type};
}

static bool ends_with(struct base_str name, struct base_str tail) {
  return name.n > tail.n && memcmp(name.p + name.n - tail.n, tail.p, tail.n) == 0;
}

/* A part's name without what it has behind its family's. */
static struct base_str family_of(struct base_str name) {
  static const struct base_str suffix[] = {{"_bucket", 7}, {"_sum", 4}, {"_count", 6}, {"_total", 6}, {"_info", 5}};
  for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
    if (ends_with(name, suffix[i])) return str_cut(name, 0, name.n - suffix[i].n);
  return name;
}

static uint32_t type_find(struct wire_remote *r, struct base_str name) {
  if (r->type_n == 0) return REMOTE_UNKNOWN;
  const struct wire_remote_type_of *slot = type_slot(r, name);
  if (!slot->family.p) slot = type_slot(r, family_of(name));
  return slot->family.p ? slot->type : REMOTE_UNKNOWN;
}

static uint8_t kind_of(uint32_t type, struct base_str name) {
  switch (type) {
    case REMOTE_COUNTER:
    case REMOTE_HISTOGRAM: return WIRE_SAMPLE_COUNTER;
    case REMOTE_SUMMARY:
      return ends_with(name, STR("_sum")) || ends_with(name, STR("_count")) ? WIRE_SAMPLE_COUNTER : WIRE_SAMPLE_GAUGE;
    case REMOTE_GAUGE:
    case REMOTE_GAUGE_HISTOGRAM:
    case REMOTE_INFO:
    case REMOTE_STATESET: return WIRE_SAMPLE_GAUGE;
    default: return WIRE_SAMPLE_UNTYPED;
  }
}

/* ---- labels ---- */

static inline void label_add(struct series *s, struct base_str key, struct base_str value) {
  static const struct base_str name = {"__name__", 8};
  if (key.n == name.n && memcmp(key.p, name.p, name.n) == 0)
    s->m->s.name = value;
  else if (value.n)
    sampler_label(s->m, key, value);
}

static void label_read(struct series *s, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  struct base_str key = STR_NONE, value = STR_NONE;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_Label_name)
      key = pb_view(&c);
    else if (tag == REMOTE_Label_value)
      value = pb_view(&c);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  label_add(s, key, value);
}

/* Names and values take turns. */
static void ref_add(struct series *s, uint64_t ref) {
  if (ref >= s->r->symbol_n) {
    s->bad = true;
    return;
  }
  struct base_str symbol = s->r->symbol[ref];
  if (s->ref_odd)
    label_add(s, s->ref_key, symbol);
  else
    s->ref_key = symbol;
  s->ref_odd = !s->ref_odd;
}

static void refs_read(struct series *s, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  while (c.p < c.end && !s->bad) ref_add(s, pb_varint(&c));
  pb_leave(outer, &c);
}

static void metadata2_read(struct series *s, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
  uint64_t unit = 0;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_Metadata2_type)
      s->type = (uint32_t)pb_varint(&c);
    else if (tag == REMOTE_Metadata2_unit_ref)
      unit = pb_varint(&c);
    else
      pb_skip(&c, tag);
  }
  pb_leave(outer, &c);
  if (unit < s->r->symbol_n) s->m->s.unit = s->r->symbol[unit];
}

/* True where the field is about the series and not one of its samples. */
static bool head_field(struct series *s, uint32_t tag, struct wire_pb *c) {
  if (!s->second) {
    if (tag != REMOTE_TimeSeries_labels) return false;
    label_read(s, c);
    return true;
  }
  switch (tag) {
    case PB_TAG(1, PB_LEN): refs_read(s, c); return true;
    case REMOTE_TimeSeries2_labels_refs: ref_add(s, pb_varint(c)); return true;
    case REMOTE_TimeSeries2_metadata: metadata2_read(s, c); return true;
    case REMOTE_TimeSeries2_created_timestamp: s->created_ms = (int64_t)pb_varint(c); return true;
    default: return false;
  }
}

static bool head_read(struct series *s, struct base_str bytes) {
  struct wire_pb c = pb_over(bytes);
  const uint8_t *from = c.end, *at = c.p;
  uint32_t tag;
  for (; pb_next(&c, &tag) == WIRE_OK; at = c.p) {
    if (head_field(s, tag, &c)) continue;
    if (from == c.end) from = at;
    pb_skip(&c, tag);
  }
  s->from = from && bytes.p ? (size_t)((const char *)from - bytes.p) : 0;
  return c.reason == NULL;
}

/* ---- samples ---- */

/* False where a time is none, which is counted. */
static bool time_set(struct series *s, int64_t ms, int64_t start_ms) {
  struct wire_sample *o = &s->m->s;
  if (ms < 0 || start_ms < 0 || __builtin_mul_overflow(ms, TIME_NS_PER_MS, &o->time_ns) ||
      __builtin_mul_overflow(start_ms, TIME_NS_PER_MS, &o->start_ns)) {
    wire_sampler_reject(s->m, REC_COUNTER_REJECT_TIME);
    return false;
  }
  if (ms < s->newest_ms) {
    wire_sampler_reject(s->m, REC_COUNTER_REJECT_SAMPLE_ORDER);
    return false;
  }
  s->newest_ms = ms;
  return true;
}

static void sample_take(struct series *s, struct base_str bytes) {
  struct wire_sampler *m = s->m;
  struct wire_pb c = pb_over(bytes);
  int64_t ms = 0, start_ms = s->created_ms;
  uint32_t tag;
  m->s.value = 0;
  m->s.stale = false;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_Sample_value)
      m->s.value = pb_double(&c);
    else if (tag == REMOTE_Sample_timestamp)
      ms = (int64_t)pb_varint(&c);
    else if (tag == REMOTE_Sample2_start_timestamp && s->second)
      start_ms = (int64_t)pb_varint(&c);
    else
      pb_skip(&c, tag);
  }
  if (c.reason || s->bad)
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE);
  else if (time_set(s, ms, start_ms))
    wire_sampler_give(m);
}

/* Where and what kind, of a histogram; the rest of it is wire_native_read's. */
static bool histogram_head(struct series *s, struct base_str bytes, bool *gauge) {
  struct wire_pb c = pb_over(bytes);
  int64_t ms = 0, start_ms = s->created_ms;
  uint32_t tag;
  *gauge = s->type == REMOTE_GAUGE_HISTOGRAM;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_Histogram_timestamp)
      ms = (int64_t)pb_varint(&c);
    else if (tag == REMOTE_Histogram2_start_timestamp && s->second)
      start_ms = (int64_t)pb_varint(&c);
    else if (tag == REMOTE_Histogram_reset_hint)
      *gauge = pb_varint(&c) == REMOTE_RESET_GAUGE || *gauge;
    else
      pb_skip(&c, tag);
  }
  if (!c.reason && !s->bad) return time_set(s, ms, start_ms);
  wire_sampler_reject(s->m, REC_COUNTER_REJECT_SAMPLE);
  return false;
}

/* It was one histogram that was sent, however many parts it has. */
static void gauge_give(struct wire_sampler *m) {
  struct wire_sample_tally before = m->tally;
  wire_native_gauge_give(m);
  m->tally.samples = before.samples;
  m->tally.histograms = before.histograms + 1;
}

/* Without buckets there is one, up to +Inf. */
static void histogram_take(struct series *s, struct base_str bytes) {
  struct wire_sampler *m = s->m;
  uint8_t kind = m->s.kind;
  bool gauge, native;
  if (!histogram_head(s, bytes, &gauge)) return;
  m->s.count = 0;
  m->s.sum = m->s.value = 0;
  m->s.has_sum = true; /* 0 is not sent */
  m->s.stale = false;
  m->s.bucket_n = 0;
  unsigned reason = wire_native_read(m, &native_tags, bytes, &native);
  m->s.kind = WIRE_SAMPLE_HISTOGRAM;
  if (reason) {
    wire_sampler_reject(m, (enum rec_counter)reason);
  } else {
    if (!native) {
      m->bucket[0] = (struct wire_bucket){(double)INFINITY, m->s.count};
      m->s.bucket = m->bucket;
      m->s.bucket_n = 1;
    }
    if (gauge)
      gauge_give(m);
    else
      wire_sampler_give(m);
  }
  m->s.bucket_n = 0;
  m->s.kind = kind;
}

static void series_take(struct wire_sampler *m, struct wire_remote *r, bool second, struct base_str bytes) {
  struct series s = {.m = m, .r = r, .second = second};
  uint32_t histograms = second ? REMOTE_TimeSeries2_histograms : REMOTE_TimeSeries_histograms;
  uint32_t exemplars = second ? REMOTE_TimeSeries2_exemplars : REMOTE_TimeSeries_exemplars;
  sampler_clear(m);
  s.bad = !head_read(&s, bytes) || s.bad || s.ref_odd || m->s.name.n == 0;
  if (!second) s.type = type_find(r, m->s.name);
  m->s.kind = kind_of(s.type, m->s.name);
  struct wire_pb c = pb_over(str_cut(bytes, s.from, bytes.n));
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_TimeSeries_samples) {
      sample_take(&s, pb_view(&c));
    } else if (tag == histograms) {
      histogram_take(&s, pb_view(&c));
    } else {
      pb_skip(&c, tag);
      if (tag == exemplars) sampler_exemplar(m);
    }
  }
}

/* ---- messages ---- */

/* The first pass: what series refer to, and whether the frame holds. */
static enum wire_status tables_read(struct wire_sampler *m, struct wire_remote *r, struct base_str bytes,
                                    struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  r->symbol_n = r->type_n = 0;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_Request2_symbols) {
      if (r->symbol_n == LIMIT_SYMBOLS) {
        wire_sampler_reject(m, REC_COUNTER_REJECT_SYMBOL_LIMIT);
        pb_fail(&c, "too many symbols");
        break;
      }
      r->symbol[r->symbol_n++] = pb_view(&c);
    } else if (tag == REMOTE_WriteRequest_metadata) {
      metadata_read(r, &c);
    } else {
      pb_skip(&c, tag);
    }
  }
  if (!c.reason) return WIRE_OK;
  *err = (struct wire_err){c.p ? (size_t)((const char *)c.p - bytes.p) : 0, c.reason};
  return WIRE_BAD;
}

enum wire_status wire_remote_take(struct wire_sampler *m, struct wire_remote *r, struct base_str bytes,
                                  struct wire_err *err) {
  struct wire_pb c = pb_over(bytes);
  uint32_t tag;
  if (tables_read(m, r, bytes, err) != WIRE_OK) return WIRE_BAD;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == REMOTE_WriteRequest_timeseries || tag == REMOTE_Request2_timeseries)
      series_take(m, r, tag == REMOTE_Request2_timeseries, pb_view(&c));
    else
      pb_skip(&c, tag);
  }
  return WIRE_OK;
}
