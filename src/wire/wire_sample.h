/* One sample of one metric as its source tells it, whatever the wire: a line of a Prometheus exposition, a sample of a
 * remote write, a data point of OTLP, a metric of Envoy's metrics service. A decoder fills one and hands it on, the
 * meter (wire_meter.h) takes it. Zero copy: every base_str points into the message, or into the decoder's own scratch,
 * and lives until the sink returns. */
#ifndef WIRE_SAMPLE_H
#define WIRE_SAMPLE_H

#include "base_limits.h"
#include "base_str.h"

#define WIRE_SAMPLE_LABELS 64u  /* labels of one sample; one with more is refused */
#define WIRE_SAMPLE_BOUNDS 320u /* buckets of one histogram; one with more is refused */

/* X(NAME, text). UNTYPED: the source does not say (remote write without metadata); the profile's table decides. */
#define WIRE_SAMPLE_KIND_TABLE(X) \
  X(UNTYPED, "untyped")           \
  X(COUNTER, "counter")           \
  X(GAUGE, "gauge")               \
  X(HISTOGRAM, "histogram")       \
  X(SUMMARY, "summary")

enum wire_sample_kind {
#define X(name, text) WIRE_SAMPLE_##name,
  WIRE_SAMPLE_KIND_TABLE(X)
#undef X
      WIRE_SAMPLE_KIND_COUNT
};

static inline const char *sample_kind_text(enum wire_sample_kind kind) {
  static const char *const text[] = {
#define X(name, text) text,
      WIRE_SAMPLE_KIND_TABLE(X)
#undef X
  };
  return text[kind];
}

/* What a count is since: its beginning, or the sample before. */
enum wire_sample_mode { WIRE_SAMPLE_CUMULATIVE, WIRE_SAMPLE_DELTA };

struct wire_label {
  struct base_str key, value;
};

/* A bucket: so many observations above the bound before it and up to `upper`, which is +Inf for the last. */
struct wire_bucket {
  double upper;
  uint64_t n;
};

struct wire_sample {
  /* As sent, without a unit that the source keeps apart. A classic histogram whose parts are samples of their own keeps
   * its suffix (_bucket, _sum, _count) and its `le`: each part is a counter, or untyped where types are not sent. One
   * that comes whole is of kind HISTOGRAM and has its buckets below. */
  struct base_str name;
  struct base_str unit; /* OTLP, OpenMetrics: "s", "ms", "By"; absent where not said */
  uint8_t kind;         /* enum wire_sample_kind */
  uint8_t mode;         /* enum wire_sample_mode; of counters and histograms */
  bool stale;           /* Prometheus' stale marker: the series has ended; no value */
  bool has_sum;
  int64_t time_ns;  /* wall; 0: not said, the receiver's clock holds */
  int64_t start_ns; /* wall; since when a cumulative count counts, or a delta; 0: not said */
  double value;     /* counter, gauge, untyped: finite */
  /* a whole histogram, or a summary's count and sum; buckets ascending, exponential ones made explicit */
  uint64_t count;
  double sum;
  uint32_t bucket_n;
  const struct wire_bucket *bucket;
  /* labels of the sample, then those of its resource or target; a key of the sample comes first and wins */
  uint32_t label_n;
  struct wire_label label[WIRE_SAMPLE_LABELS];
};

typedef void wire_sample_sink(void *arg, const struct wire_sample *s);

#endif
