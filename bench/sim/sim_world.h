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
  /* ns after the start: in the endpoints [listed_from, listed_until), answering outside [dead_from, dead_until);
   * its proxy's batches are lost in [mute_from, mute_until) */
  int64_t listed_from, listed_until, dead_from, dead_until, mute_from, mute_until;
  int64_t skew_ns, phase_ns;
};

struct sim_load {
  double rate_per_s; /* exponentially smoothed arrivals */
  double tau_s;
  int64_t last_ns;
};

struct sim_world {
  const struct sim_conf *conf;
  struct sim_pod *pod;
  uint32_t pods, pods_max;
  uint32_t *list[SIM_SERVICE_MAX][SIM_CLUSTER_MAX]; /* pods of a service in a cluster */
  uint32_t list_n[SIM_SERVICE_MAX][SIM_CLUSTER_MAX];
  struct sim_load load[SIM_SERVICE_MAX][SIM_CLUSTER_MAX];
  double pod_capacity_per_s[SIM_SERVICE_MAX];
  int event_pod[SIM_EVENT_MAX]; /* the pod that an event is about, or SIM_POD_NONE */
};

/* What the events make of one try of a call. */
struct sim_effect {
  uint32_t code; /* 0: nothing; the answer that the server (flag NONE) or the caller's proxy gives */
  enum sim_flag flag;
  double add_ms, factor; /* on the server's own time */
};

bool world_init(struct sim_world *w, struct sim_conf *conf);
void world_fini(struct sim_world *w);

/* A pod that is listed, in the caller's cluster if it has one, else anywhere; SIM_POD_NONE where there is none. */
int world_pick(const struct sim_world *w, struct sim_rng *rng, uint32_t service, uint32_t cluster, int64_t at_ns);
bool world_pod_dead(const struct sim_world *w, int pod, int64_t at_ns);
/* Counts an arrival and gives the slow-down that the load brings, >= 1 (M/M/1: 1 / (1 - load)). */
double world_load(struct sim_world *w, uint32_t service, uint32_t cluster, int64_t at_ns);
/* One way, without the events' share and with it. */
int64_t world_net_ns(const struct sim_world *w, uint32_t op, int from_pod, int to_pod, int64_t at_ns);
struct sim_effect world_effect(const struct sim_world *w, struct sim_rng *rng, uint32_t op, int from_pod, int to_pod,
                               int64_t at_ns);
bool world_event_on(const struct sim_event *e, int64_t at_ns);
/* Is the service scaled away at that time? Then nobody calls it. */
bool world_idle(const struct sim_world *w, uint32_t service, int64_t at_ns);

#endif
