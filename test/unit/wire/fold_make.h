/* Entries and identifiers with chosen fields, for tests and benchmarks of identity and fold. */
#ifndef FOLD_MAKE_H
#define FOLD_MAKE_H

#include "als_make.h"
#include "wire_als.h"

/* One log entry. What is NULL or 0 is left out. */
struct made {
  bool tcp;
  int64_t start_ns, span_ns;
  int64_t answer_ns;    /* from the start to the upstream's first byte */
  int64_t moment_ns[7]; /* time_to_last_rx_byte .. time_to_last_downstream_tx_byte; used where span_ns > 0 and the
                         * last is not 0; below 0: not sent */
  const char *cluster, *route, *path, *authority, *agent, *request_id;
  const char *up_ip, *local_ip, *remote_ip, *peer_uri;
  uint32_t up_port, local_port;
  const char *peer_key; /* "upstream_peer" or "downstream_peer" */
  const char *peer[7];  /* name, namespace, service, revision, cluster, region, workload */
  const char *tag[3][2];
  uint32_t code, method, flags, attempts, type; /* method 0 is GET; type 0 is DownstreamEnd, 99 is none */
  const char *grpc_status;                      /* in the trailers */
};

/* Who reports. Istio where id has a ~: then pod, ns, service, version and cluster go where Istio puts them. */
struct made_node {
  const char *id, *node_cluster, *region;
  const char *pod, *ns, *service, *version, *cluster, *ips, *interception;
  const char *log_name;
};

/* A small mesh: web calls cart, and a gateway calls web. */
extern const struct made_node fold_cart, fold_web, fold_gate;

/* A message; node may be NULL. */
void fold_make_message(struct base_buf *out, const struct made_node *node, const struct made *m, uint32_t n);

#endif
