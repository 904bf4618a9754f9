/* The records of the input log: all that the engine ever hears. One order, one codec (rec_codec.h).
 *
 *   series    a series got its number: who it is about. Comes before its first obs.
 *   obs       what one series saw in one tick: integer counts and a sparse histogram
 *   exemplar  one request worth showing
 *   tick      a window of event time is complete; closes everything before it
 *   change    something was changed (a pipeline's word, or the traffic's own labels)
 *   command   an operator's word
 *   drop      a series is forgotten (idle too long); its number may be used again
 *   gap       telemetry of one proxy was lost, or is whole again: who, how much
 *   gauge     a number that somebody sampled: cpu, a queue's length, a rate made of a counter
 *
 * All views point into the batch's or the frame's memory and live as long as it does. */
#ifndef REC_INPUT_H
#define REC_INPUT_H

#include "base_limits.h"
#include "base_str.h"
#include "base_time.h"
#include "rec_name.h"

#define REC_SERIES_NONE 0xffffffffu

/* Identity of a series: level, side and dims are the key, compared whole (I7). Which dims are set is fixed by
 * the level (rec_series_dims); `zone` and such that are known but not part of the key are left out. */
struct rec_series {
  uint32_t series_idx; /* dense from 0, given at the door in order of first appearance */
  uint8_t level;       /* enum rec_level */
  uint8_t side;        /* enum rec_side */
  uint8_t bucket;      /* rec_series_bucket(): 0..63 */
  struct base_str dim[REC_DIM_COUNT];
};

struct rec_hist_cell {
  uint32_t bucket; /* 0..HIST_BUCKETS-1 */
  uint32_t count;  /* > 0 */
};

/* pace: counts out of metrics come a scrape at a time and are given out evenly over as many ticks
 * (docs/detectors/pace.md). Of such a series a tick without an obs says nothing; no requests are an obs of zeros.
 *
 * started: proxies that log each request when it begins, too (Envoy: flush_access_log_on_new_request). Told at the
 * series of the serving side that the reporter itself stands for, never at edges, as the caller is not always known
 * yet. What is under way is the sum of started less the sum of ended_started, as far as no report was lost (gaps). A
 * finished request is in ended_started where its proxy's listener was heard to log begins since before it began. */
struct rec_obs {
  uint32_t series_idx;
  uint32_t class_n[REC_CLASS_COUNT];  /* requests by outcome */
  uint32_t retries;                   /* attempts beyond the first, summed */
  uint32_t started;                   /* requests that began in this tick; see below */
  uint32_t ended_started;             /* of those in class_n, the ones whose begin was told, too */
  uint32_t hist_from, hist_n;         /* range in the batch's cells: durations of class OK, buckets ascending */
  uint64_t latency_sum_ns;            /* of class OK */
  uint64_t stage_ns[REC_STAGE_COUNT]; /* of class OK, at level EDGE alone: how that time divides; 0 elsewhere */
  uint64_t bytes_in, bytes_out;       /* request and response bytes */
  uint16_t pace; /* ticks between the scrapes that told it, the longest; 0: each request was told by itself */
  bool partial;  /* a scrape is missing: the rest is not all that there was */
};

/* One request worth showing: failed, or slow for its series. series[]: the series of its finest identity, by
 * level of use: 0 service, 1 pod, 2 route, 3 edge; REC_SERIES_NONE where unknown. */
struct rec_exemplar {
  struct base_wall at; /* its start */
  uint32_t series[4];
  uint8_t class_; /* enum rec_class */
  uint8_t side;
  uint64_t latency_ns;
  struct base_str request_id; /* <= LIMIT_REQUEST_ID_BYTES */
  struct base_str trace_id;   /* <= LIMIT_TRACE_ID_BYTES hex digits, may be empty */
};

/* seq counts ticks from the log's first; end is event time: everything that ended before it is in. now is the
 * arrival clock when the tick closed (a receiver's wall clock live, the newest event seen in a replay). */
struct rec_tick {
  uint64_t seq;
  struct base_wall end;
  struct base_wall now;
  bool cut; /* given out because the input ended: what belongs to it need not all have come */
};

struct rec_entity {
  struct base_str kind; /* "service", "pod", … */
  struct base_str dim[REC_DIM_COUNT];
};

struct rec_change {
  struct base_wall at;
  struct base_str source; /* "api", "traffic", … */
  struct base_str kind;   /* "deploy", "config", … free text of the sender */
  struct base_str summary;
  struct rec_entity entity;
};

enum rec_verb {
  REC_VERB_ACK = 1,
  REC_VERB_EXPECT = 2, /* it is meant: adopt its level */
  REC_VERB_MUTE = 3    /* it pages nobody any more: the shell's business; the engine tells its state once more */
};

struct rec_command {
  struct base_wall at;
  uint8_t verb; /* enum rec_verb */
  struct base_str incident_id;
  struct base_str who;
};

struct rec_drop {
  uint32_t series_idx;
};

/* Telemetry lost or degraded at one reporting proxy, told once a second while it lasts, and once with reason
 * REC_GAP_WHOLE, expected and lost 0, when it is over. `lost` alone tells nothing about the end: between two lost
 * messages a second may be complete. lost / expected is the share that is missing of what it reports in these seconds;
 * both are scaled up where only a sample of the requests is compared, so their error is that of the sample. */
struct rec_gap {
  struct base_str node;                 /* pod, or node id where that is unknown */
  struct base_str ns, service, cluster; /* whom it reports for; empty where unknown */
  uint32_t expected;                    /* reports of the last seconds (4 at most) that others say it owes */
  uint32_t lost;                        /* of those, the ones that never came; 0 of 0: only the silence is known */
  uint8_t reason;                       /* enum rec_gap_reason */
};

/* One sample of a gauge (docs/detectors/gauge.md). Whose it is, metric and part are its key, compared whole (I7). A
 * gauge of the calls from one service to another names both, and in POD, where it is set, who measured: the caller's.
 * lead: the door gives nothing of a gauge that was never anything but 0; the first that is something says how many such
 * samples came before it, evenly over lead_ns. novel: not a number that moves, but a log template that its service has
 * never logged before; value is how little it was to be expected, in nats, and line one such line. */
struct rec_gauge {
  struct base_wall at;
  double value;                       /* finite */
  int64_t lead_ns;                    /* > 0 where lead_n is, else 0 */
  struct base_str metric;             /* the name that its source gave it; never empty */
  struct base_str part;               /* of the entity: an upstream cluster, a container, a pool; may be empty */
  struct base_str line;               /* <= LIMIT_LOG_LINE_BYTES; may be empty */
  struct base_str dim[REC_DIM_COUNT]; /* at least one is set */
  uint32_t lead_n;                    /* <= LIMIT_GAUGE_LEAD */
  uint8_t role, unit, bad;            /* enum rec_role, rec_unit, rec_bad */
  bool novel;
};
_Static_assert(sizeof(struct rec_gauge) == 72 + REC_DIM_COUNT * sizeof(struct base_str) + 8, "a gauge has no holes");

/* What arrives for one bucket and tick. obs is sorted by series_idx and holds each series at most once. */
struct rec_batch {
  const struct rec_series *series; /* new series of this bucket, ascending idx */
  size_t series_n;
  const struct rec_obs *obs;
  size_t obs_n;
  const struct rec_hist_cell *cell;
  size_t cell_n;
  const struct rec_drop *drop;
  size_t drop_n;
};

/* What arrives for the head and tick. */
struct rec_head_batch {
  const struct rec_exemplar *exemplar;
  size_t exemplar_n;
  const struct rec_change *change;
  size_t change_n;
  const struct rec_command *command;
  size_t command_n;
  const struct rec_gap *gap;
  size_t gap_n;
  const struct rec_gauge *gauge; /* sorted by key, then time: never by arrival */
  size_t gauge_n;
};

/* Bit i set: dim i is part of the key at this level. */
uint32_t rec_series_dims(enum rec_level level);
/* Hash of the whole key with the fixed key; the bucket is its low 6 bits. Dims not of the level are ignored. */
uint64_t rec_series_hash(const struct rec_series *s);
/* Equal keys (series_idx and bucket are not compared). */
bool rec_series_eq(const struct rec_series *a, const struct rec_series *b);

#endif
