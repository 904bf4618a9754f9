/* A toy mesh for the tests and benchmarks of the engine: services that call each other, and what the fold would say of
 * them in each tick, at all levels and from both sides. Failures and waiting are conserved on the graph: a call that
 * fails fails one request of its caller (where that still had one to fail), a slow call makes one as much slower.
 *
 * A service may call only services with a higher number. Services are "s0".., pods "s0-c0-p0".., clusters "c0".. in
 * regions "r0".., routes "GET /0".., versions "v0".. by pod number. Calls stay in their cluster. */
#ifndef MESH_MAKE_H
#define MESH_MAKE_H

#include "engine.h"
#include "mesh_rng.h"

#define MESH_ANY 0xffffffffu
#define MESH_FAULTS 16u
#define MESH_SEEN 128u

struct mesh_call {
  uint32_t from, to;
  double calls; /* of one request */
};

struct mesh_conf {
  uint32_t service_n, cluster_n, pod_n, route_n, version_n; /* pods: of one service in one cluster */
  const struct mesh_call *call;
  uint32_t call_n;
  double entry_per_s; /* requests from outside to each service that nobody calls */
  double error_p;     /* of every request at every service, by itself */
  bool even;          /* counts are rounded means, not drawn */
  uint64_t seed;
};

/* From tick `from` to before tick `to`, to all flows that match. MESH_ANY matches all. */
struct mesh_fault {
  uint32_t from, to;
  uint32_t caller, service, cluster, pod, route;
  double fail_p;
  enum rec_class class_;
  double slow_ms, slow_p; /* share of the requests that takes so much longer */
  double traffic;         /* factor on the requests; 0 is none given, negative: no requests */
  bool between;           /* only the client sees it */
  bool borne;             /* what fails fails no request of its caller: it does without, or tries again */
};
#define MESH_FAULT(f, t)                                                                                   \
  {                                                                                                        \
    .from = (f), .to = (t), .caller = MESH_ANY, .service = MESH_ANY, .cluster = MESH_ANY, .pod = MESH_ANY, \
    .route = MESH_ANY                                                                                      \
  }

struct mesh_flow;
struct mesh_acc;

/* The last state told of an incident, and how often it was told. */
struct mesh_seen {
  struct rec_incident in;
  uint32_t told, opened_seq;
};

struct mesh {
  struct mesh_conf conf;
  struct mesh_rng rng;
  uint32_t seq, flow_n, series_n, fault_n, seen_n;
  struct mesh_flow *flow;
  struct rec_series *series;
  struct mesh_acc *acc; /* by series */
  uint8_t *born;
  uint32_t *by_bucket; /* series sorted by bucket, then number */
  double *rate;        /* of a service, requests a tick, in one cluster */
  uint8_t *silent;     /* of a service: no proxy */
  struct mesh_fault fault[MESH_FAULTS];
  struct rec_batch batch[LIMIT_BUCKETS];
  struct rec_head_batch head; /* of the next tick; cleared after it */
  struct rec_tick tick;
  int64_t jump_ns; /* added to the time of the next ticks */
  struct mesh_seen *seen;
  void *block[8];
  struct base_buf names; /* keeps all names; never moves */
};

/* Four services: one calls two, and both the last. Two clusters, pods and versions. */
extern const struct mesh_conf mesh_diamond;

void mesh_open(struct mesh *m, const struct mesh_conf *conf);
void mesh_close(struct mesh *m);
void mesh_fault(struct mesh *m, struct mesh_fault f);
/* One that matches all of a service; what it does is yet to be said. */
struct mesh_fault mesh_fault_of(uint32_t from, uint32_t to, uint32_t service);

/* The number of a series, by place; MESH_ANY where the level has no such name. Fails the test where there is none. */
uint32_t mesh_series(const struct mesh *m, enum rec_level level, enum rec_side side, uint32_t service, uint32_t caller,
                     uint32_t cluster, uint32_t pod, uint32_t route);

/* Draws the next tick's input into batch[], head and tick; then feeds it, on the calling thread. */
void mesh_draw(struct mesh *m);
void mesh_feed(struct mesh *m, struct engine *e);
void mesh_run(struct mesh *m, struct engine *e, uint32_t ticks);
/* What the engine answered goes into seen[]. */
void mesh_see(struct mesh *m, const struct rec_out *out);

struct engine *mesh_engine_open(uint32_t series_max);
void mesh_engine_close(struct engine *e);

/* A mesh and the engine that watches it: what most tests of incidents start from. */
struct mesh_bed {
  struct mesh m;
  struct engine *e;
};
void mesh_bed_open(struct mesh_bed *b, const struct mesh_conf *conf, uint32_t series_max);
void mesh_bed_close(struct mesh_bed *b);

#endif
