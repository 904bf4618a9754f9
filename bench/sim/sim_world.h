/* The mesh at a moment: which pods run, how loaded a service is, and what the scenario's events do to a call.
 * Everything follows from the scenario; pods that events bring or take are laid out before the start. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim_conf.h"
#include "sim_rng.h"

#define SIM_NS_PER_MS 1000000ll
#define SIM_NS_PER_S 1000000000ll
#define SIM_NEVER INT64_MAX
#define SIM_ALWAYS INT64_MIN

enum { SIM_POD_NONE = -1 };

struct sim_pod {
  uint32_t service, cluster;
  char version[SIM_NAME], name[SIM_NAME * 2], ip[16], workload[SIM_NAME * 2];
  char node_id[SIM_NAME * 6];
  /* ns after the start: in the endpoints [listed_from, listed_until), answering outside [dead_from, dead_until) */
  int64_t listed_from, listed_until, dead_from, dead_until;
  int64_t drain_from; /* from here to listed_until it resets part of what comes, as drain_event says */
  uint32_t drain_event;
  int64_t skew_ns, phase_ns;
  double slowness; /* lasting factor on the own time */
  bool restarts;   /* leaves the endpoints while it is dead */
};

struct sim_load {
  double rate_per_s;         /* exponentially smoothed arrivals */
  double tau_s, short_tau_s; /* its memory, in normal life and after an overload */
  int64_t last_ns, short_until_ns;
};

/* Failures of a service's own that cluster: the wander of their log share, and how far it has come. */
struct sim_err {
  double log_wander;
  int64_t second;
};

enum { STORM_TRIES = 300 };

/* What an event has done so far. */
struct sim_event_state {
  uint32_t hits;
  int64_t hit_first_ns, hit_last_ns;
  double tries, calls; /* of a storm: fading counts of the tries at its target, and of the first ones among them */
  uint64_t drained;    /* tries that pods which leave have reset */
  uint32_t refused[SIM_SERVICE_MAX][SIM_CLUSTER_MAX]; /* tries that found a service full */
  int64_t refused_first_ns;
};

struct sim_world {
  const struct sim_conf *conf;
  struct sim_pod *pod;
  uint32_t pods, pods_max;
  uint32_t *list[SIM_SERVICE_MAX][SIM_CLUSTER_MAX]; /* pods of a service in a cluster */
  uint32_t list_n[SIM_SERVICE_MAX][SIM_CLUSTER_MAX];
  struct sim_load load[SIM_SERVICE_MAX][SIM_CLUSTER_MAX];
  double pod_capacity_per_s[SIM_SERVICE_MAX];
  double slowness[SIM_SERVICE_MAX][SIM_CLUSTER_MAX]; /* lasting, of a service in a cluster */
  struct sim_err err[SIM_SERVICE_MAX];
  struct sim_event_state event_state[SIM_EVENT_MAX];
  int64_t now_ns;               /* start of the user request that is simulated; never goes back */
  int event_pod[SIM_EVENT_MAX]; /* the pod that an event is about, or SIM_POD_NONE */
};

bool world_init(struct sim_world *w, struct sim_conf *conf);
void world_fini(struct sim_world *w);

/* A pod that is listed, in the caller's cluster if it has one, else anywhere; SIM_POD_NONE where there is none. */
int world_pick(const struct sim_world *w, struct sim_rng *rng, uint32_t service, uint32_t cluster, int64_t at_ns);
bool world_pod_dead(const struct sim_world *w, int pod, int64_t at_ns);
/* A request's tree is simulated at once, so its later calls run ahead of the others'. State that is kept in order of
 * time counts them at most a second ahead: what waits long for something adds no load by waiting. */
int64_t world_clock(const struct sim_world *w, int64_t at_ns);
/* Counts an arrival and gives the slow-down that the load brings, >= 1 (M/M/1: 1 / (1 - load)). */
double world_load(struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns);
/* The load alone: arrivals by capacity; above 1 where more comes than can be served. */
double world_load_now(struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns);
double world_slowdown(double load);
/* The service's own share of failures at that time. */
double world_err_p(struct sim_world *w, uint32_t service, int64_t at_ns);
/* Is the pod one of those that event i is about (service, cluster, version, pod)? */
bool world_in_target(const struct sim_world *w, uint32_t i, uint32_t pod);
bool world_event_on(const struct sim_event *e, int64_t at_ns);
/* Is the service scaled away at that time? Then nobody calls it. */
bool world_idle(const struct sim_world *w, uint32_t service, int64_t at_ns);

#endif
