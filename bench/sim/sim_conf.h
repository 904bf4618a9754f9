/* A scenario: what bench/quality/README.md describes, read from its text. All settings are doubles in the units of
 * their names; 0 and 1 for switches. */
#ifndef SIM_CONF_H
#define SIM_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SIM_CLUSTER_MAX = 8,
  SIM_SERVICE_MAX = 64,
  SIM_OP_MAX = 128,
  SIM_CALL_MAX = 32, /* of one operation */
  SIM_EVENT_MAX = 64,
  SIM_EXTRA_MAX = 64,
  SIM_NAME = 64
};

/* name, default, smallest, largest */
#define SIM_SETTING_TABLE(X)                                                                       \
  X(duration_s, 1500, 1, 864000)     /* length of the recording */                                 \
  X(rate_per_s, 8.3, 0.001, 100000)  /* user requests, mean of the whole mesh */                   \
  X(session_mean, 3, 1, 1000)        /* requests of one visit (geometric); 1 = Poisson */          \
  X(think_s, 3, 0, 3600)             /* mean pause inside a visit */                               \
  X(wander_sd, 0.05, 0, 2)           /* slow wander of the log rate (AR 1), per cluster */         \
  X(wander_tau_s, 60, 1, 86400)      /* its memory */                                              \
  X(burst_sd, 0, 0, 3)               /* sd of log-normal bursts of 2 to 10 s on the rate */        \
  X(day_amp, 0, 0, 0.99)             /* daily shape: rate * (1 + amp sin) */                       \
  X(day_period_s, 86400, 10, 864000) /* compress the day here */                                   \
  X(week_amp, 0, 0, 0.99)            /* on days 6 and 7 of a week the rate is 1 - this */          \
  X(start_day, 0, 0, 7)              /* where in the week the recording starts, days */            \
  X(net_same_ms, 0.4, 0, 10000)      /* one way, inside a cluster */                               \
  X(net_cross_ms, 18, 0, 10000)      /* one way, between clusters */                               \
  X(util, 0.42, 0, 0.95)             /* load of a service when one cluster takes all users */      \
  X(load_tau_s, 30, 1, 600)          /* memory of the load that slows a service down */            \
  X(full_load, 0, 0, 1)              /* load past which a service refuses (UO); 0 = off */         \
  X(own_sigma, 0.35, 0, 3)           /* of the log of a service's own time */                      \
  X(tail_p, 0.004, 0, 1)             /* share of requests that hit a slow tail */                  \
  X(tail_factor, 5, 1, 1000)         /* median slow-down of those */                               \
  X(mode_p, 0, 0, 1)                 /* bimodal: share of cache misses */                          \
  X(mode_factor, 5, 1, 1000)         /* their slow-down */                                         \
  X(pod_sd, 0, 0, 2)                 /* of the log of each pod's lasting speed */                  \
  X(cluster_sd, 0, 0, 2)             /* of the log of a service's speed in each cluster */         \
  X(req_sigma, 0, 0, 3)              /* of the log of the request bodies' sizes */                 \
  X(err_p, 0.0005, 0, 1)             /* own 500s of each service */                                \
  X(err_wander_sd, 0, 0, 3)          /* wander of its log (AR 1), per service: failures cluster */ \
  X(err_wander_tau_s, 20, 1, 86400)  /* its memory */                                              \
  X(attempts, 2, 1, 10)              /* tries in all, connect failures */                          \
  X(attempts_5xx, 1, 1, 10)          /* tries in all, any 5xx answer */                            \
  X(timeout_ms, 0, 0, 600000)        /* of users' calls, each deeper 0.8 of it; 0 = none */        \
  X(peers, 1, 0, 1)                  /* peer metadata in filter state */                           \
  X(start_logs, 0, 0, 1)             /* proxies tell of requests at their start too */             \
  X(plain, 0, 0, 1)                  /* plain Envoy instead of Istio identity */                   \
  X(flush_ms, 1000, 1, 60000)        /* each proxy's flush interval */                             \
  X(flush_phased, 0, 0, 1)           /* 0: all on the full interval; 1: each at its own phase */   \
  X(buffer_bytes, 0, 0, 16777216)    /* a message is closed past this size; 0 = never */           \
  X(identifier_first, 0, 0, 1)       /* 1: not where a proxy's messages follow in a row */         \
  X(skew_ms, 0, 0, 10000)            /* clock of each pod off by up to this, either way */         \
  X(loss_p, 0, 0, 1)                 /* share of messages lost */                                  \
  X(dup_p, 0, 0, 1)                  /* share of messages sent twice */                            \
  X(late_p, 0, 0, 1)                 /* share of messages held back */                             \
  X(late_ms, 3000, 0, 60000)         /* for up to this long */                                     \
  X(jitter_s, 0, 0, 600)             /* each event starts up to this much later, by the seed */    \
  X(slow, 0, 0, 1)                   /* for score.py: only with --slow */                          \
  X(slow_duration_s, 0, 0, 864000)   /* for score.py: the length with --slow; 0 = the same */

#define X(name, def, lo, hi) double name;
struct sim_settings {
  SIM_SETTING_TABLE(X)
};
#undef X

struct sim_cluster {
  char name[SIM_NAME], region[SIM_NAME], zone[SIM_NAME];
  double share;
};

struct sim_service {
  char name[SIM_NAME], ns[SIM_NAME], version[SIM_NAME];
  uint32_t pods;         /* in each of its clusters */
  uint32_t cluster_mask; /* bit = cluster index */
  bool is_gateway;
  bool silent;        /* has no proxy: nobody reports for it */
  double err_p, util; /* own 500s; load; the settings unless tuned */
  bool err_tuned, util_tuned;
};

/* Pods of another version that run from the start beside the service's own. */
struct sim_extra {
  uint32_t service, pods;
  char version[SIM_NAME];
};

struct sim_call {
  uint32_t op;
  double prob;
  bool soft;     /* the caller copes with its failure */
  bool parallel; /* starts with the call before it */
  bool direct;   /* past the caller's proxy */
  uint32_t attempts_5xx;
  double timeout_ms;
};

struct sim_op {
  char name[SIM_NAME]; /* service.op */
  char method[8];
  char path[128]; /* {LO-HI} stands for a number, as wide as LO */
  char route[SIM_NAME];
  uint32_t service;
  double own_ms, body_bytes, weight; /* weight > 0: users ask for it at the gateway */
  double denied_p, missing_p;        /* 401 and 404 of its own */
  struct sim_call call[SIM_CALL_MAX];
  uint32_t calls;
};

/* name; healthy unless said otherwise; acts on the tries of calls; makes them fail; defaults of prob, factor, count */
/* clang-format off */
#define SIM_EVENT_TABLE(X)               \
  X(errors,    0, 1, 1, 1.0, 1.0,  2)    \
  X(latency,   0, 1, 0, 1.0, 1.0,  2)    \
  X(dip,       0, 1, 1, 1.0, 1.0,  2)    \
  X(outage,    0, 1, 1, 1.0, 1.0,  2)    \
  X(overload,  0, 1, 1, 1.0, 1.0,  2)    \
  X(timeout,   0, 1, 1, 1.0, 1.0,  2)    \
  X(network,   0, 0, 0, 1.0, 1.0,  2)    \
  X(drop,      0, 0, 0, 1.0, 1.0,  2)    \
  X(surge,     1, 0, 0, 1.0, 1.0,  2)    \
  X(failover,  1, 0, 0, 1.0, 1.0,  2)    \
  X(rollout,   0, 1, 1, 0.0, 1.0,  2)    \
  X(crash,     0, 0, 0, 1.0, 1.0,  2)    \
  X(scaleout,  1, 0, 0, 1.0, 1.0,  2)    \
  X(scalein,   1, 0, 0, 1.0, 1.0,  1)    \
  X(scalezero, 1, 0, 0, 1.0, 1.0,  2)    \
  X(restart,   1, 0, 0, 1.0, 1.0,  2)    \
  X(gap,       1, 0, 0, 1.0, 1.0,  2)    \
  X(cut,       1, 0, 0, 1.0, 1.0,  2)    \
  X(loss,      1, 0, 0, 0.3, 1.0,  2)    \
  X(erratic,   0, 0, 0, 1.0, 10.0, 2)    \
  X(hang,      0, 1, 0, 1.0, 1.0,  2)    \
  X(bytes,     0, 1, 0, 1.0, 5.0,  2)    \
  X(ramp,      0, 1, 1, 0.02, 1.0, 2)    \
  X(drift,     0, 1, 0, 1.0, 1.0,  2)    \
  X(storm,     0, 1, 1, 0.9, 1.1,  6)    \
  X(retrymask, 0, 1, 1, 0.3, 1.0,  6)    \
  X(queue,     0, 1, 0, 1.0, 4.0,  2)
/* clang-format on */
#define X(name, healthy, acts, fails, prob, factor, count) SIM_EVENT_##name,
enum sim_event_kind { SIM_EVENT_TABLE(X) SIM_EVENT_KINDS };
#undef X

struct sim_event_trait {
  const char *name;
  bool healthy, acts, fails;
  double prob, factor;
  uint32_t count;
};
extern const struct sim_event_trait sim_event_trait[SIM_EVENT_KINDS];

/* Where an event of kind latency puts its time. */
#define SIM_PLACE_TABLE(X) X(application) X(network) X(client_proxy) X(server_proxy) X(retries) X(download)
#define X(name) SIM_PLACE_##name,
enum sim_place { SIM_PLACE_TABLE(X) SIM_PLACES };
#undef X

enum sim_flag { SIM_FLAG_NONE, SIM_FLAG_UF, SIM_FLAG_UH, SIM_FLAG_UO, SIM_FLAG_UT, SIM_FLAG_UC, SIM_FLAG_DC };

/* -1 or an empty name: any. */
struct sim_event {
  char id[SIM_NAME];
  enum sim_event_kind kind;
  int64_t at_ns, for_ns;
  int service, cluster, op, caller, to;
  int caller_cluster;
  int pod_nth; /* the n-th pod of service in cluster; -2: by the seed */
  char version[SIM_NAME], pod[SIM_NAME * 2];
  double prob, factor, add_ms, tail;
  double roll_s, ramp_s;    /* of a rollout; until a surge has its full size */
  double per_day;           /* of a drift: growth a day instead of one that is reached at the end */
  double trigger_s;         /* of a storm: how long its first cause lasts */
  double drain_p, linger_s; /* of pods that leave: share that they reset, for so long */
  uint32_t code;
  uint32_t count; /* pods of a scaling; tries of a call in a storm, retrymask or queue */
  uint32_t hits;  /* only the first so many requests are touched; 0: all */
  enum sim_flag flag;
  enum sim_place place;
  bool overloads; /* of a surge or failover: some service will refuse; the truth tells which */
  bool unhealthy, has_place, has_prob, has_factor, has_add, has_code, of_requests;
};

struct sim_conf {
  char name[SIM_NAME];
  struct sim_settings set;
  struct sim_cluster cluster[SIM_CLUSTER_MAX];
  uint32_t clusters;
  double link_ms[SIM_CLUSTER_MAX][SIM_CLUSTER_MAX]; /* one way */
  bool link_set[SIM_CLUSTER_MAX][SIM_CLUSTER_MAX];
  struct sim_service service[SIM_SERVICE_MAX];
  uint32_t services;
  struct sim_extra extra[SIM_EXTRA_MAX];
  uint32_t extras;
  struct sim_op op[SIM_OP_MAX];
  uint32_t ops;
  struct sim_event event[SIM_EVENT_MAX];
  uint32_t events;
  uint64_t seed; /* as given */
  uint64_t key;  /* seed and name: scenarios of one seed share no randomness */
};

/* Reads a scenario and what it includes. False with a line on stderr (file, line, reason). The seed decides where a
 * scenario leaves a choice: a|b|c. */
bool conf_read(struct sim_conf *c, const char *path, uint64_t seed);
const char *conf_flag_name(enum sim_flag f);
const char *conf_place_name(enum sim_place p);

#endif
