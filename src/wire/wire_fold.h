/* Entries in, records out. One fold per process: it knows who the nodes are, which cell (identity tuple) an entry
 * belongs to, holds the open ticks, and gives out series numbers.
 *
 *   wire_request ─► identity ─► cell ─► (tick, cell) counts ─► on close: per-series obs, by bucket
 *
 * Pure: no clock, no sockets; memory is taken once in wire_fold_open's block. Integer counts commute, so the
 * order of arrival inside a tick cannot change what comes out (a batch is sorted by series_idx; series numbers
 * are given in order of the sorted key among those first seen in one tick). */
#ifndef WIRE_FOLD_H
#define WIRE_FOLD_H

#include "rec_input.h"
#include "wire_als.h"
#include "wire_sampler.h"
#include "wire_gauge.h"

struct wire_fold;
struct wire_meter;

/* A stream's memory at the fold: its node and log name. 0 is no stream. */
typedef uint32_t wire_stream;

struct wire_fold_conf {
  uint32_t series_max;   /* LIMIT_SERIES_DEFAULT */
  uint64_t table_key[2]; /* key of the tables that attackers could fill; any values */
};

size_t wire_fold_bytes(const struct wire_fold_conf *conf);
/* mem must be zeroed (fresh from the OS) and aligned to 64. */
struct wire_fold *wire_fold_init(void *mem, size_t bytes, const struct wire_fold_conf *conf);

/* Per-process totals, by reason; names in rec_counter.h. */
const uint64_t *wire_fold_counters(const struct wire_fold *f);

wire_stream wire_fold_stream_open(struct wire_fold *f);
void wire_fold_stream_close(struct wire_fold *f, wire_stream s);

/* One message of a stream, as it arrived; ask wire_fold_tick after each until it says no, so that there is room for
 * what follows. recv is the receiver's clock, or ns == 0 in a replay that has none.
 * Broken messages and entries are counted by reason and lose nothing else. Returns the number of entries
 * understood. */
uint32_t wire_fold_message(struct wire_fold *f, wire_stream s, struct base_str bytes, struct base_wall recv);

/* The same for one ExportTraceServiceRequest or ExportLogsServiceRequest of OTLP. They have no stream: whom an item
 * speaks for stands in it. Spans and access logs are counted when their tick closes (wire_fold_wait.c), so that both
 * ends of a call and better sources are known. Returns the number of spans or records understood. */
enum wire_otlp_kind { WIRE_OTLP_TRACES, WIRE_OTLP_LOGS };
uint32_t wire_fold_otlp(struct wire_fold *f, enum wire_otlp_kind kind, struct base_str bytes, struct base_wall recv);

/* The same for one message of metrics; its samples go to the meter (wire_meter.h). The stream matters to Envoy's
 * metrics service alone, which says who it is in a stream's first message. An exposition may have the line of its
 * target before it (wire_preface.h), which also says its form; without one, TEXT is OpenMetrics where it ends as that.
 * Returns the number of samples understood. */
enum wire_metrics_kind {
  WIRE_METRICS_OTLP,  /* ExportMetricsServiceRequest */
  WIRE_METRICS_ENVOY, /* StreamMetricsMessage */
  WIRE_METRICS_TEXT,
  WIRE_METRICS_PROTO, /* delimited MetricFamily */
  WIRE_METRICS_REMOTE /* remote write 1.0 or 2.0, without snappy */
};
uint32_t wire_fold_metrics(struct wire_fold *f, enum wire_metrics_kind kind, wire_stream s, struct base_str bytes,
                           struct base_wall recv);
/* What became of the last such message. */
const struct wire_sample_tally *wire_fold_tally(const struct wire_fold *f);
/* Calls `watcher` for each sample, before the meter has it. NULL ends it. */
void wire_fold_watch_samples(struct wire_fold *f, wire_sample_sink *watcher, void *arg);

/* Log records that are no access logs, by service and severity: unspecified, then as OTLP groups them, TRACE .. FATAL.
 * Views live until the next call of the fold. Gives the number of rows, at most max. */
#define WIRE_FOLD_SEVERITIES 7u
struct wire_fold_log {
  struct base_str service; /* empty: not said */
  uint64_t n[WIRE_FOLD_SEVERITIES];
};
uint32_t wire_fold_logs(const struct wire_fold *f, struct wire_fold_log *out, uint32_t max);

/* Who reports by what: for each reporter, on each side, the source that counted in the last minute (wire_primary.h).
 * At most max of them; returns how many there are, and by source in total. Views live until the next call of the
 * fold. */
struct wire_fold_source {
  struct base_str namespace_, service, node;
  uint8_t side;   /* enum rec_side */
  uint8_t source; /* enum wire_source */
};
uint32_t wire_fold_sources(const struct wire_fold *f, struct wire_fold_source *out, uint32_t max,
                           uint64_t total[WIRE_SOURCE_COUNT]);
const char *wire_source_text(enum wire_source source);

/* Where samples of metrics go (wire_meter.h). */
struct wire_meter *wire_fold_meter(struct wire_fold *f);

/* Is a tick complete? True fills *tick (seq continues from the last) with the next window that the watermark has
 * passed. `now` is the receiver's clock (ns == 0: none; the newest event counts as now). With a clock and no stream
 * open there is nobody to hear: no tick is given, and time goes on at the first stream, with a jump in tick->end that
 * tells the engine that seconds are missing. With `flush` the open
 * ticks are given out to the last, for the end of an input. Call wire_fold_take for it, then ask again. */
bool wire_fold_tick(struct wire_fold *f, struct base_wall now, bool flush, struct rec_tick *tick);
/* The batches of that tick: bucket 0..63 and the head. Views live until the next wire_fold call. */
struct rec_batch wire_fold_take(struct wire_fold *f, unsigned bucket);
struct rec_head_batch wire_fold_take_head(struct wire_fold *f);

/* What the fold made of one request, for reports that count entry by entry (`stats`). Views live during the call. */
struct wire_seen {
  uint8_t side, class_;
  bool gateway; /* a client report that is its reporter's own server report too */
  bool is_tcp;
  uint32_t code;   /* 0: none */
  uint32_t flags;  /* WIRE_FLAG bits */
  uint32_t weight; /* requests that it stands for */
  struct base_str request_id;
  int64_t end_ns, latency_ns;
  struct base_str dim[REC_DIM_COUNT]; /* serving side, route, caller; as its series have them */
  struct base_str own_cluster, own_region, own_version, own_pod; /* of the reporter of a client report */
};
typedef void wire_fold_watcher(void *arg, const struct wire_seen *seen);
/* Calls `watcher` for each finished request that has an identity, late ones too. NULL ends it. */
void wire_fold_watch(struct wire_fold *f, wire_fold_watcher *watcher, void *arg);

/* Where samples of gauges go (wire_gauge_take); they come out with the next tick. */
struct wire_gauges *wire_fold_gauges(struct wire_fold *f);

/* A restart: the engine's memory knows these series; numbers must go on from there. Call once per series in
 * ascending idx before the first message. */
bool wire_fold_series_restore(struct wire_fold *f, const struct rec_series *s);
void wire_fold_tick_restore(struct wire_fold *f, uint64_t next_seq, struct base_wall end);

#endif
