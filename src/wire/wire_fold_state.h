/* The fold's memory; for wire_fold*.c alone.
 *
 *   wire_fold.c          streams, messages, time, ticks
 *   wire_fold_resolve.c  entry -> base (who called whom, who says so)
 *   wire_fold_count.c    base and route -> cell, counts of (tick, cell), exemplars
 *   wire_fold_close.c    a tick's cells -> its series, sorted, by bucket
 *   wire_fold_pair.c     what pairs of reports tell about lost ones: fold <-> wire_pair; and about silent callers:
 *                        fold <-> wire_between
 *   wire_fold_otlp.c     spans and log records: which are requests, and who reports them
 *   wire_fold_metrics.c  metrics: decoders -> wire_meter
 *   wire_fold_meter.c    counts out of metrics (wire_meter.h) -> counts of (tick, cell)
 *   wire_fold_source.c   which source counts for whom, and how many requests it told
 *   wire_fold_wait.c     what waits for its tick, to be joined with its other end and held against better sources */
#ifndef WIRE_FOLD_STATE_H
#define WIRE_FOLD_STATE_H

#include "base_hist.h"
#include "base_time.h"
#include "rec_counter.h"
#include "wire_between.h"
#include "wire_cell.h"
#include "wire_clock.h"
#include "wire_ems.h"
#include "wire_fold.h"
#include "wire_gauge.h"
#include "wire_identity_node.h"
#include "wire_link.h"
#include "wire_meter.h"
#include "wire_pair.h"
#include "wire_primary.h"
#include "wire_remote.h"
#include "wire_route_tree.h"
#include "wire_template.h"
#include "wire_told.h"

#define FOLD_NAMES (1u << 19)
#define FOLD_STREAMS (4u * LIMIT_CONNECTIONS)
#define FOLD_ACCS (2u * LIMIT_CELLS) /* (tick, cell) pairs at one time; more [cell_limit] */
#define FOLD_PAGES (FOLD_ACCS / 4)   /* of those with over FOLD_SPARSE latency buckets */
#define FOLD_SHOWN 8192u             /* exemplars kept in all open ticks */
#define FOLD_SHOWN_TICK 256u         /* exemplars given out a tick */
#define FOLD_DROPS 4096u             /* series forgotten a tick */
#define FOLD_SPARSE 8u
#define FOLD_KEY_BYTES 456u
#define FOLD_KEY_SETS 16384u
#define FOLD_KEY_WAYS 2u
#define FOLD_IDENTITIES 4096u
#define FOLD_OWN 8u
#define FOLD_REPORTERS 2u
#define FOLD_JUMP_TICKS (3600ll * LIMIT_TICKS_PER_S)
#define FOLD_NODE_IDLE_TICKS (3600ull * LIMIT_TICKS_PER_S)
#define FOLD_COLLECT_TICKS (300ull * LIMIT_TICKS_PER_S)
#define FOLD_SPAN_NS_MAX (30 * 86400 * TIME_NS_PER_S) /* no request lasts longer */
#define FOLD_START_NS_MAX (200ll * 365 * 86400 * TIME_NS_PER_S)
#define FOLD_ALIASES 16384u
#define FOLD_LOG_SERVICES 1024u /* services whose log records are told apart; of more, severities alone are counted */
#define FOLD_SEVERITIES WIRE_FOLD_SEVERITIES
#define FOLD_NORMAL_MAX 64u /* messages in step with the clock after which one ahead of it is not believed */

/* What a stream of Envoy's metrics service has said of itself. It does not hold its node: only logs do. */
struct fold_metrics_stream {
  struct wire_node_ref node;
  uint32_t cluster; /* name: node.cluster */
  struct wire_ems_stream ems;
};

struct fold_stream {
  uint8_t open, hint;
  struct wire_node_ref node;
  struct fold_metrics_stream metrics;
  uint32_t next; /* free list */
};

/* A request kept to be shown. */
struct fold_shown {
  int64_t start_ns;
  uint64_t latency_ns;
  uint32_t next; /* free list */
  uint8_t class_, request_id_n, trace_id_n;
  char request_id[LIMIT_REQUEST_ID_BYTES];
  char trace_id[LIMIT_TRACE_ID_BYTES];
};

/* Counts of one cell in one tick. Latencies: up to FOLD_SPARSE buckets inline, then a page of all of them. */
struct fold_acc {
  uint64_t latency_sum_ns, bytes_in, bytes_out;
  uint64_t stage_ns[REC_STAGE_COUNT];
  uint32_t class_n[REC_CLASS_COUNT];
  uint32_t retries, started, ended_started;
  uint32_t sparse_count[FOLD_SPARSE];
  uint8_t sparse_bucket[FOLD_SPARSE];
  uint32_t sparse_n;
  uint32_t page;         /* 0 none */
  uint32_t failed, slow; /* in shown, 0 none */
  uint32_t cell, next;   /* next of the tick, or of the free */
  uint16_t pace;         /* ticks between the scrapes behind it, 0: each request by itself */
  bool partial;          /* a scrape is missing */
};

struct fold_page {
  uint32_t count[HIST_BUCKETS]; /* count[0] links the free ones */
};

/* Raw identity bytes -> base, so that most requests need no look at names. */
struct fold_known {
  uint64_t hash;
  uint32_t base, base_generation;
  struct wire_node_ref self;
  struct wire_place *place; /* to be kept up to date with `cluster` */
  uint64_t place_hash;
  uint32_t place_cluster, place_namespace;
  uint32_t cluster; /* name of the upstream cluster, where requests that reach nobody may be about it too */
  uint16_t n;
  char key[FOLD_KEY_BYTES];
};

struct fold_identity {
  uint64_t hash;
  struct wire_node_ref node;
};

enum fold_wire { FOLD_WIRE_ALS, FOLD_WIRE_SPANS, FOLD_WIRE_LOGS };

/* A message on its way through the fold. */
struct fold_run {
  struct wire_node_ref node;
  uint8_t hint;
  uint8_t claimed;              /* bit: side on which its node was said to be alive */
  uint32_t told_n[2];           /* by side: its node's own reports of requests */
  bool confirmed;               /* may be far ahead of the clock */
  int64_t recv_ns;              /* 0 none */
  int64_t newest_ns, oldest_ns; /* ends seen, on the receiver's clock */
  uint8_t wire;                 /* enum fold_wire: which of the two iterators */
  struct wire_als_iter it;
  struct wire_otlp_iter otlp;
  size_t resource_at; /* whose attributes f->otlp.resource holds */
  uint32_t entry_n;
};

/* A message that must wait: for ticks to close, or for a witness. */
struct fold_hold {
  bool used;
  struct fold_run run;
  char *bytes; /* LIMIT_MESSAGE_BYTES */
};

struct fold_out {
  struct rec_obs *obs;
  struct fold_page *page; /* by obs, while adding up */
  uint32_t *slot;         /* by obs */
  uint32_t *order, *order_tmp;
  uint32_t obs_n;
  struct rec_obs *sorted;
  struct rec_hist_cell *cell;
  struct rec_series *series;
  uint32_t *fresh; /* slots to be numbered */
  uint32_t fresh_n;
  struct rec_drop *drop, *drop_sorted;
  uint8_t *drop_bucket;
  struct rec_exemplar *exemplar;
  uint32_t *exemplar_shown;
  uint32_t exemplar_n;
  uint32_t obs_at[LIMIT_BUCKETS + 1], cell_at[LIMIT_BUCKETS + 1], series_at[LIMIT_BUCKETS + 1],
      drop_at[LIMIT_BUCKETS + 1];
  struct rec_gap *gap;
  uint32_t gap_n;
  const struct rec_gauge *gauge;
  size_t gauge_n;
  struct fold_shown *shown; /* copies, as the tick's own are given back */
};

/* One request as it is counted, when it is known who, where and what: nothing of the wire that it came by is left.
 * Views live during the call. */
struct fold_request {
  int64_t end_ns, latency_ns;
  uint64_t stage_ns[REC_STAGE_COUNT]; /* how the latency divides, as far as its reporter told */
  int64_t tick;                       /* where it counts; -1: too late to count */
  uint64_t bytes_in, bytes_out;
  uint32_t base, route;
  uint32_t weight; /* requests that it stands for, at least 1 */
  uint32_t retries, code, flags;
  uint8_t class_; /* enum rec_class */
  bool has_code, is_tcp;
  bool begins; /* told when it began; not yet a request to be counted */
  bool began;  /* its begin was told, too */
  struct base_str request_id;
  struct base_str trace_id; /* as it was sent: looked at where it is shown */
  const uint8_t *trace_raw; /* or its 16 bytes */
};

/* A request that waits. */
struct fold_wait {
  struct fold_request q; /* its views are set when it is counted */
  uint64_t id, parent;   /* of wire_link_id; 0: no span */
  uint64_t target;       /* hash of whom it says that it calls, and who says it; 0: a server's report */
  struct wire_node_ref self;
  uint32_t generation;  /* of q.base */
  uint32_t next;        /* of its tick and source, or of the free */
  uint8_t source, role; /* enum wire_source, wire_link_role */
  uint8_t request_id_n;
  bool has_trace;
  uint8_t trace[16];
  char request_id[LIMIT_REQUEST_ID_BYTES];
};

/* Who answered last under a name that calls are made by, for calls that reach nobody. */
struct fold_alias {
  uint64_t target;
  struct wire_node_ref node;
};

struct fold_log_row {
  uint32_t service; /* name */
  uint32_t used;
  uint64_t n[FOLD_SEVERITIES];
};

/* The item under way, and the resource that it belongs to. */
struct fold_otlp {
  struct wire_attr_keys keys;
  struct wire_attrs resource, item;
  struct wire_span span;
  struct wire_log log;
  struct wire_told told;
  uint64_t link_id, link_parent; /* of a span: of wire_link_id; 0: none */
  /* Reporters of items before, in this resource, and their nodes; at 0: none. */
  struct wire_reporter reporter[FOLD_REPORTERS];
  struct wire_node_ref node[FOLD_REPORTERS];
  uint32_t node_next;
};

struct wire_fold {
  struct wire_fold_conf conf;
  struct base_hash_key key;
  uint64_t counter[REC_COUNTER_COUNT];
  struct wire_names *names;
  struct wire_routes *routes;
  struct wire_nodes *nodes;
  struct wire_series_table *series;
  struct wire_cells *cells;
  struct wire_pairs *pair;
  struct wire_betweens *between;
  struct fold_stream *stream;
  uint32_t stream_n, stream_free;
  struct fold_identity *identity;
  struct fold_known *known;
  uint32_t own[FOLD_OWN], own_n; /* upstream clusters that lead to this very process */
  struct wire_clock clock;
  int64_t open_tick;    /* number of the oldest open tick: its start / LIMIT_TICK_NS; meaningless before `started` */
  int64_t touched_tick; /* newest tick that counts anything */
  bool started;
  bool dark; /* no stream is open, or none was since a restart: time stands still */
  uint32_t stream_open_n;
  uint64_t next_seq;
  int64_t collected_tick;              /* when names were last swept */
  uint32_t epoch;                      /* counts those sweeps: what is known by older numbers is not asked any more */
  uint32_t tick_acc[LIMIT_OPEN_TICKS]; /* first acc of each open tick, 0 none */
  struct fold_acc *acc;
  uint32_t acc_n, acc_free;
  struct fold_page *page;
  uint32_t page_n, page_free;
  struct fold_shown *shown;
  uint32_t shown_n, shown_free;
  struct fold_hold hold[2]; /* 0 waits for a witness or for ticks; 1 is the witness */
  uint32_t normal_n;        /* messages in step with the clock since hold[0] */
  struct fold_out out;
  struct wire_links *links;
  struct wire_meter *meter;
  struct wire_primaries *primary;
  struct wire_gauges *gauge;
  struct wire_templates *templates;
  struct fold_wait *wait;
  uint32_t wait_n, wait_free;
  uint32_t wait_head[LIMIT_OPEN_TICKS][WIRE_SOURCE_COUNT];
  struct fold_alias *alias;
  struct fold_log_row *log_row;
  struct fold_otlp otlp;
  wire_fold_watcher *watcher;
  void *watcher_arg;
  struct wire_sampler *sampler; /* of metrics */
  struct wire_remote *remote;
  struct base_wall metrics_recv; /* of the message under way */
  wire_sample_sink *sample_watcher;
  void *sample_watcher_arg;
};

/* The proxies at the ends of a request, at 0 where unknown: who reports, who answers, who calls. */
struct fold_ends {
  struct wire_node_ref self, up, down;
};

/* wire_fold.c */
enum step { STEP_DONE, STEP_HOLD };
/* Whether a request that is there (start, duration) can be counted now, and in which tick: fills q's times and tick. */
enum step fold_place(struct wire_fold *f, struct fold_run *run, struct wire_node_rec *node,
                     const struct wire_request *e, struct fold_request *q);
/* Is this a report about the stream of reports to us? */
bool fold_is_own(struct wire_fold *f, const struct wire_request *e);
void fold_run_take(struct wire_fold *f, struct fold_run *run);
/* Metrics have come at now_ns: time goes on by them. */
void fold_clock(struct wire_fold *f, int64_t now_ns);
/* The node of an identifier; at 0 with *reason where its names are refused. */
struct wire_node_ref fold_node(struct wire_fold *f, const struct wire_node *node, unsigned *reason);

/* wire_fold_metrics.c */
void fold_metrics_init(struct wire_fold *f);
void fold_metrics_mark(struct wire_fold *f);

/* wire_fold_otlp.c */
/* The node of a reporter; at 0 with *reason where its names are refused. */
struct wire_node_ref fold_reporter(struct wire_fold *f, const struct wire_reporter *r, uint64_t tick, unsigned *reason);
/* Takes items until the message ends or one has to wait for ticks; run->otlp then stands before that one. */
enum step fold_otlp_step(struct wire_fold *f, struct fold_run *run);
/* When the item that the run stands before ended; false where it is no request. */
bool fold_otlp_end(struct wire_fold *f, const struct fold_run *run, int64_t *end_ns);
/* Gives up on the rest of the message. */
void fold_otlp_drop(struct wire_fold *f, struct fold_run *run);

/* wire_fold_source.c */
/* So many reports of single requests came of the node on this side. */
void fold_tell_events(struct wire_fold *f, struct wire_node_ref node, uint8_t side, uint64_t n);
/* As many as are known of it. */
uint64_t fold_told_events(struct wire_fold *f, struct wire_node_ref node, uint8_t side);
/* Does a source that tells each request count for it now? */
bool fold_is_told_each(struct wire_fold *f, struct wire_node_ref node, uint8_t side);

/* wire_fold_wait.c */
/* Is this the source that counts for the reporter on that side (enum rec_side)? Asked once a tick and node. */
bool fold_primary(struct wire_fold *f, struct wire_node_ref node, uint8_t side, enum wire_source source);
/* Keeps *w until its tick closes; where that cannot be, it counts at once. */
void fold_wait_put(struct wire_fold *f, struct fold_wait *w);
void fold_wait_close(struct wire_fold *f, int64_t tick);
void fold_wait_mark(struct wire_fold *f);

/* wire_fold_resolve.c: the base of an entry, with the node that it speaks for; 0 and *reason (a rec_counter) where
 * it has none. */
uint32_t fold_resolve(struct wire_fold *f, const struct fold_run *run, const struct wire_request *e,
                      struct fold_ends *ends, unsigned *reason);

/* wire_fold_count.c */
/* Fills q from base, class_ on, out of what the reporter said; times and tick stand already. False where it does not
 * count, which is counted. */
bool fold_measure(struct wire_fold *f, uint32_t base, const struct wire_request *e, struct fold_request *q);
void fold_count(struct wire_fold *f, const struct fold_request *q);
/* Tells the watcher, which must be there. */
void fold_tell(struct wire_fold *f, const struct fold_request *q);
void fold_acc_drop(struct wire_fold *f, uint32_t acc);
/* The counts of a cell in a tick, opened where there are none; NULL where no room is left. */
struct fold_acc *fold_acc_find(struct wire_fold *f, struct wire_cell *c, uint32_t cell, int64_t tick);
void fold_hist_put(struct wire_fold *f, struct fold_acc *a, uint32_t bucket, uint32_t n);

/* wire_fold_meter.c: what a flow has of metrics in a tick, zeros included; that it has nothing, though it should. */
struct meter_flow;
struct meter_sum;
void fold_meter_count(struct wire_fold *f, const struct meter_flow *w, const struct meter_sum *s, int64_t tick,
                      uint32_t pace);
void fold_meter_miss(struct wire_fold *f, const struct meter_flow *w, int64_t tick, uint32_t pace);

/* wire_fold_pair.c */
int64_t fold_pair_clock(const struct wire_fold *f);
void fold_pair_report(struct wire_fold *f, const struct fold_run *run, uint32_t base, const struct fold_ends *ends,
                      const struct wire_request *e, int64_t end_ns);
/* Tells of calls to services that do not report, and of requests that nobody is known to have made. Gives the base with
 * the caller that was learned, where there is one; else the same. */
uint32_t fold_between(struct wire_fold *f, uint32_t base, const struct fold_ends *ends, const struct wire_request *e,
                      int64_t end_ns);
/* Fills f->out.gap. */
void fold_pair_step(struct wire_fold *f);

/* wire_fold_close.c: fills f->out from the counts of the tick and gives them back. */
void fold_close(struct wire_fold *f, int64_t tick);

#endif
