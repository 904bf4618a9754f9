/* The API over HTTP/1.1: incidents, graph, series, live stream, changes, status, metrics, health, and the page.
 * One thread: the loop's. What it shows of the engine comes through `struct serve_source`, because this room must
 * not know the engine. docs/openapi.yaml describes every path. */
#ifndef SERVE_H
#define SERVE_H

#include "base_buf.h"
#include "io_server.h"
#include "rec_codec.h"
#include "rec_counter.h"
#include "serve_history.h"
#include "serve_store.h"
#include "serve_token.h"

#define SERVE_STREAMS_MAX 128u       /* live streams; one more gets 503 */
#define SERVE_INCIDENTS_DEFAULT 256u /* of a listing without `limit` */
#define SERVE_INCIDENTS_MAX 1024u    /* largest `limit` */
#define SERVE_SERIES_MAX 256u        /* series in one answer */
#define SERVE_SERIES_POINTS_MAX 32u  /* likewise, where their seconds are asked for */
#define SERVE_PLOTS_MAX 8u           /* series shown with an incident: its finding's, causes, affected */
#define SERVE_PLOT_BEFORE_S 120      /* so much of the time before its start, and after its end */
#define SERVE_PLOT_AFTER_S 60
#define SERVE_PLACES_MAX 65536u /* pods read for the clusters of services */
#define SERVE_WHO_BYTES 128u    /* of the name that an operator gives */
#define SERVE_NODES_MAX 4096u   /* nodes in the graph, and a quarter of its edges; the answer says when cut */
#define SERVE_EDGES_MAX (4u * SERVE_NODES_MAX)
#define SERVE_GAPS_MAX 64u      /* proxies with incomplete reports in one answer; the answer has their number, too */
#define SERVE_TARGETS_MAX 64u   /* targets that are down, in one answer; the answer has their number, too */
#define SERVE_REPORTERS_MAX 64u /* reporters listed with their source; the answer has their number, too */
#define SERVE_LEVELS_MAX 32u    /* levels of one signal's calibration */

struct serve;

struct serve_rate {
  double requests_per_s, errors_per_s, latency_mean_ms; /* of the last 10 s */
  double learned_requests_per_s, learned_error_ratio, learned_latency_mean_ms;
  bool alarming;
  uint32_t age_s;
};

struct serve_status {
  struct base_wall now, started_at, tick_end; /* tick_end.ns == 0: no tick yet */
  uint64_t tick_seq;
  uint32_t series_n, series_max, incidents_open, connections, threads;
  double alerts_per_week, threshold_log_min, threshold_log_max;
  size_t bytes_per_series;
  uint32_t boxes;                   /* incidents whose input is kept */
  uint64_t box_bytes, series_bytes; /* disk that those hold, and the history of series */
  const char *data_dir;             /* "" for memory only */
  const char *problem;              /* what keeps the disk from being written, NULL where all is well */
  bool ready, restoring;            /* restoring: what came since the last checkpoint is not applied yet */
};

/* Normal life of one point of a series, and the smallest change that would be shown within a minute; 0: none. */
struct serve_band {
  double low, high;
};
struct serve_normal {
  struct serve_band requests_per_s, error_ratio, latency_mean_ms;
  double latency_p99_ms;
  double smallest_fewer, smallest_more, smallest_slower; /* factors */
  double smallest_error_ratio;
};

/* A proxy whose reports are incomplete now. */
struct serve_gap {
  const char *node, *service, *cluster; /* "" where unknown; live until the next call */
  uint8_t reason;                       /* enum rec_gap_reason */
  double lost_share;                    /* 0..1, 0 unknown */
};

/* By what somebody reports on one side; live until the next call. */
struct serve_reporter {
  struct base_str ns, service, node; /* empty where unknown */
  uint8_t side;                      /* enum rec_side */
  const char *source;
};

/* What the traffic itself says of one signal's threshold: how often the evidence went over levels, in nats. */
struct serve_calibration {
  uint8_t signal; /* enum rec_signal */
  double series_weeks;
  uint32_t level_n;
  double level[SERVE_LEVELS_MAX], seen[SERVE_LEVELS_MAX], bound[SERVE_LEVELS_MAX];
  double threshold, raised_by; /* nats; in use is their sum */
};

/* What a series did in one step; not known: nobody listened, or it is kept no longer. */
struct serve_point {
  struct history_point sum;
  bool known;
};

#define SERVE_DEAD_MAX 8u

/* A receiver of alerts. */
struct serve_receiver {
  const char *name, *type;
  uint64_t delivered, retried, disk_errors;
  uint32_t dead_n;
  const char *dead_reason[SERVE_DEAD_MAX];
  uint64_t dead[SERVE_DEAD_MAX];
  uint32_t waiting;
  double oldest_s, delay_s_last, delay_s_max;
  char problem[160]; /* of the last attempt, empty where it was good */
};

/* A listener of ours. */
struct serve_listener {
  const char *name, *clients; /* clients: what it does with their certificates */
  uint16_t port;
  uint32_t connections;
  bool tls;
  /* with TLS */
  struct base_wall not_after; /* of its certificate */
  const char *problem;        /* NULL: none; live until the next call */
  const char *refused;        /* whom it refused last, and why; "": nobody */
};

/* A job of the scraper. */
struct serve_job {
  const char *name;
  uint32_t targets, up, down; /* the rest was not asked yet */
  const char *problem;        /* of its files or names, NULL: none; live until the next call */
};

/* A target whose last scrape brought nothing; live until the next call. */
struct serve_target {
  const char *job, *url, *labels, *why;
  struct base_wall since, asked_at;
};

struct serve_source {
  void *ctx;
  void (*status)(void *ctx, struct serve_status *out);
  uint64_t (*counter)(void *ctx, enum rec_counter c);
  uint32_t (*series_n)(void *ctx);
  const struct rec_series *(*series)(void *ctx, uint32_t idx); /* NULL: that number is not in use */
  bool (*rate)(void *ctx, uint32_t idx, struct serve_rate *out);
  /* False: nothing is learned. */
  bool (*normal)(void *ctx, uint32_t idx, uint32_t step_s, struct serve_normal *out);
  /* Fills at most max of the proxies whose reports are incomplete; returns how many there are. */
  uint32_t (*telemetry)(void *ctx, struct serve_gap *out, uint32_t max);
  /* Fills at most max of those who reported in the last minute; returns how many there are. NULL: nobody asks. */
  uint32_t (*reporters)(void *ctx, struct serve_reporter *out, uint32_t max);
  /* The idx-th kind of source and how many reporters it counts for; NULL: there are no more. */
  const char *(*reporters_by)(void *ctx, uint32_t idx, uint64_t *n);
  /* Alarms that go on, by level. NULL: nobody knows. */
  void (*alarms)(void *ctx, uint32_t n[REC_LEVEL_COUNT]);
  /* The idx-th room that holds memory for good, and the bytes of it that are resident; NULL: there are no more. May be
   * NULL itself. */
  const char *(*memory)(void *ctx, uint32_t idx, uint64_t *bytes);
  void (*calibration)(void *ctx, struct serve_calibration out[REC_SIGNAL_COUNT]);
  /* The idx-th receiver of alerts; false: there are fewer. NULL: there are none. */
  bool (*receiver)(void *ctx, uint32_t idx, struct serve_receiver *out);
  /* The idx-th listener; false: there are fewer. NULL: there are none. */
  bool (*listener)(void *ctx, uint32_t idx, struct serve_listener *out);
  /* The idx-th job of the scraper; false: there are fewer. NULL: there are none. */
  bool (*job)(void *ctx, uint32_t idx, struct serve_job *out);
  /* Fills at most max of the targets that are down; returns how many there are. NULL with job. */
  uint32_t (*targets_down)(void *ctx, struct serve_target *out, uint32_t max);
  /* The last state of an incident that is no longer in memory; appended to *out. NULL: there is no history. */
  bool (*incident)(void *ctx, uint64_t id, struct base_buf *out);
  /* Points older than those in memory: how many seconds back there may be some of that step, 0: none; and those of
   * [from_s, from_s + n * step_s), as far as out does not know them yet. rows: what may be read for one answer, counted
   * down; false: more than that, or unreadable now. Both may be NULL. */
  int64_t (*reach)(void *ctx, uint32_t step_s);
  bool (*points)(void *ctx, uint32_t idx, int64_t from_s, uint32_t step_s, uint32_t n, struct serve_point *out,
                 uint32_t *rows);
  /* Both copy what they need; false: too many wait for the next tick. */
  bool (*change)(void *ctx, const struct rec_change *change);
  bool (*command)(void *ctx, const struct rec_command *command);
  /* Keeps the record of an action, one JSON object; may be NULL. */
  void (*audit)(void *ctx, struct base_str json);
};

struct serve_conf {
  struct serve_source source;
  struct serve_store *store;         /* owned by the caller; changed by serve_incident and by a mute */
  struct serve_history *history;     /* owned by the caller; changed by serve_tick only */
  const struct serve_tokens *tokens; /* NULL: whoever reaches the listener may read and act */
  uint64_t *counters;                /* REC_COUNTER_COUNT of them, the caller's */
  const char *version, *commit;
};

/* NULL: out of memory. */
struct serve *serve_open(const struct serve_conf *conf);
/* Ends the live streams. */
void serve_close(struct serve *s);
/* An io_http_handler; ctx is the struct serve. */
void serve_http(void *ctx, const struct io_http_request *req, struct io_http_response *res);
/* A new state of an incident: kept, and sent to the live streams where it is news. */
enum serve_put serve_incident(struct serve *s, struct base_str json);
/* A tick's input, before the engine's answer to it: history, changes. */
void serve_tick(struct serve *s, const struct rec_tick_input *in);
/* The record of an action that an earlier process kept. */
void serve_audit_known(struct serve *s, struct base_str json);
/* At a start, once all records are known and the engine is back: what was taken after `heard`, the clock of the last
 * tick that the engine knows, is handed to the source again. How many that were. */
uint32_t serve_resume(struct serve *s, struct base_wall heard);
/* Did an operator mute it? The caller says so in each state of it that it hands over. */
bool serve_muted(const struct serve *s, uint64_t id);
/* Call once a second: sends a summary to the live streams. */
void serve_second(struct serve *s);

#endif
