/* Attributes by name: of the many that spans, log records and resources carry, those that say who, where and how it
 * ended. One table for all of them: every name under which the meshes and SDKs send a thing. Where a message has one
 * thing under several names, the one that stands first in the table counts, and of two alike the last. */
#ifndef WIRE_ATTR_H
#define WIRE_ATTR_H

#include "wire_pb.h"

/* X(NAME, text). Rows with one NAME are one attribute under several names: OpenTelemetry's semantic conventions of
 * today and before 1.21, Envoy's and Istio's tags, the labels of their access logs and of Kuma's. */
#define WIRE_ATTR_TABLE(X)                                   \
  X(SERVICE, "service.name")                                 \
  X(SERVICE_NAMESPACE, "service.namespace")                  \
  X(SERVICE_VERSION, "service.version")                      \
  X(SERVICE_INSTANCE, "service.instance.id")                 \
  X(POD, "k8s.pod.name")                                     \
  X(POD_IP, "k8s.pod.ip")                                    \
  X(K8S_NAMESPACE, "k8s.namespace.name")                     \
  X(K8S_CLUSTER, "k8s.cluster.name")                         \
  X(REGION, "cloud.region")                                  \
  X(ZONE, "cloud.availability_zone")                         \
  X(SDK, "telemetry.sdk.name")                               \
  X(LOG_NAME, "log_name")                                    \
  X(NODE_ZONE, "zone_name")                                  \
  X(NODE_ZONE, "zone")                                       \
  X(NODE_CLUSTER, "cluster_name")                            \
  X(NODE_ID, "node_name")                                    \
  X(NODE_ID, "node_id")                                      \
  X(KUMA_MESH, "kuma.mesh")                                  \
  X(KUMA_ZONE, "kuma.zone")                                  \
  X(KUMA_WORKLOAD, "kuma.workload")                          \
  X(ISTIO_SERVICE, "istio.canonical_service")                \
  X(ISTIO_REVISION, "istio.canonical_revision")              \
  X(ISTIO_NAMESPACE, "istio.namespace")                      \
  X(ISTIO_CLUSTER, "istio.cluster_id")                       \
  X(COMPONENT, "component")                                  \
  X(REQUEST_ID, "guid:x-request-id")                         \
  X(REQUEST_ID, "request_id")                                \
  X(REQUEST_ID, "request.id")                                \
  X(REQUEST_ID, "x_request_id")                              \
  X(REQUEST_ID, "x-request-id")                              \
  X(METHOD, "http.method")                                   \
  X(METHOD, "http.request.method")                           \
  X(METHOD, "method")                                        \
  X(METHOD, "request_method")                                \
  X(CODE, "http.status_code")                                \
  X(CODE, "http.response.status_code")                       \
  X(CODE, "response_code")                                   \
  X(CODE, "code")                                            \
  X(URL, "http.url")                                         \
  X(URL, "url.full")                                         \
  X(PATH, "url.path")                                        \
  X(PATH, "http.target")                                     \
  X(PATH, "path")                                            \
  X(PATH, "request_path")                                    \
  X(ROUTE, "http.route")                                     \
  X(ROUTE, "url.template")                                   \
  X(ROUTE_NAME, "route_name")                                \
  X(ROUTE_NAME, "route.name")                                \
  X(AGENT, "user_agent")                                     \
  X(AGENT, "user_agent.original")                            \
  X(AGENT, "http.user_agent")                                \
  X(BYTES_IN, "request_size")                                \
  X(BYTES_IN, "bytes_received")                              \
  X(BYTES_IN, "envoy.bytes_received")                        \
  X(BYTES_IN, "http.request.body.size")                      \
  X(BYTES_OUT, "response_size")                              \
  X(BYTES_OUT, "bytes_sent")                                 \
  X(BYTES_OUT, "envoy.bytes_sent")                           \
  X(BYTES_OUT, "http.response.body.size")                    \
  X(UPSTREAM_CLUSTER, "upstream_cluster")                    \
  X(UPSTREAM_CLUSTER, "upstream.cluster")                    \
  X(UPSTREAM_HOST, "upstream_address")                       \
  X(UPSTREAM_HOST, "upstream_host")                          \
  X(UPSTREAM_HOST, "upstream.host")                          \
  X(UPSTREAM_LOCAL, "upstream_local_address")                \
  X(DOWNSTREAM_CLUSTER, "downstream_cluster")                \
  X(DOWNSTREAM_LOCAL, "downstream_local_address")            \
  X(DOWNSTREAM_LOCAL, "downstream.local")                    \
  X(DOWNSTREAM_REMOTE, "downstream_remote_address")          \
  X(DOWNSTREAM_REMOTE, "downstream.remote")                  \
  X(PEER_ADDRESS, "peer.address")                            \
  X(PEER_ADDRESS, "network.peer.address")                    \
  X(PEER_ADDRESS, "net.peer.ip")                             \
  X(PEER_ADDRESS, "net.sock.peer.addr")                      \
  X(PEER_PORT, "network.peer.port")                          \
  X(FLAGS, "response_flags")                                 \
  X(FLAGS, "envoy.response_flags")                           \
  X(FLAGS, "flags")                                          \
  X(ERROR, "error")                                          \
  X(ERROR_TYPE, "error.type")                                \
  X(GRPC, "grpc.status_code")                                \
  X(GRPC, "rpc.grpc.status_code")                            \
  X(GRPC, "grpc_status")                                     \
  X(GRPC, "grpc_status_number")                              \
  X(RPC_STATUS, "rpc.response.status_code")                  \
  X(GRPC_PATH, "grpc.path")                                  \
  X(RPC_SYSTEM, "rpc.system")                                \
  X(RPC_SYSTEM, "rpc.system.name")                           \
  X(RPC_SERVICE, "rpc.service")                              \
  X(RPC_METHOD, "rpc.method")                                \
  X(PEER_SERVICE, "peer.service")                            \
  X(PEER_SERVICE, "service.peer.name")                       \
  X(HOST, "server.address")                                  \
  X(HOST, "net.peer.name")                                   \
  X(HOST_PORT, "server.port")                                \
  X(HOST_PORT, "net.peer.port")                              \
  X(DB, "db.system")                                         \
  X(DB, "db.system.name")                                    \
  X(AUTHORITY, "authority")                                  \
  X(AUTHORITY, ":authority")                                 \
  X(ATTEMPTS, "upstream_request_attempt_count")              \
  X(START, "start_time")                                     \
  X(DURATION, "duration")                                    \
  X(DURATION, "duration_ms")                                 \
  X(DURATION, "envoy.duration_ms")                           \
  X(UPSTREAM_TIME, "upstream_service_time")                  \
  X(DIRECTION, "dir")                                        \
  X(DIRECTION, "direction")                                  \
  X(DIRECTION, "traffic_direction")                          \
  X(DIRECTION, "reporter")                                   \
  X(SOURCE, "src")                                           \
  X(SOURCE, "source_service")                                \
  X(SOURCE, "source_canonical_service")                      \
  X(SOURCE, "source_workload")                               \
  X(SOURCE_NAMESPACE, "source_namespace")                    \
  X(SOURCE_NAMESPACE, "source_workload_namespace")           \
  X(DESTINATION, "dst")                                      \
  X(DESTINATION, "destination_service")                      \
  X(DESTINATION, "destination_canonical_service")            \
  X(DESTINATION, "destination_workload")                     \
  X(DESTINATION_NAMESPACE, "destination_namespace")          \
  X(DESTINATION_NAMESPACE, "destination_workload_namespace") \
  X(PROTOCOL, "protocol")                                    \
  X(PROTOCOL, "http.protocol")

/* The attributes, each once, in the order of the table. */
#define WIRE_ATTR_NAMES(X)                                                                                             \
  X(SERVICE)                                                                                                           \
  X(SERVICE_NAMESPACE)                                                                                                 \
  X(SERVICE_VERSION)                                                                                                   \
  X(SERVICE_INSTANCE)                                                                                                  \
  X(POD)                                                                                                               \
  X(POD_IP)                                                                                                            \
  X(K8S_NAMESPACE)                                                                                                     \
  X(K8S_CLUSTER)                                                                                                       \
  X(REGION)                                                                                                            \
  X(ZONE)                                                                                                              \
  X(SDK)                                                                                                               \
  X(LOG_NAME) X(NODE_ZONE) X(NODE_CLUSTER) X(NODE_ID) X(KUMA_MESH) X(KUMA_ZONE) X(KUMA_WORKLOAD) X(ISTIO_SERVICE)      \
      X(ISTIO_REVISION) X(ISTIO_NAMESPACE) X(ISTIO_CLUSTER) X(COMPONENT) X(REQUEST_ID) X(METHOD) X(CODE) X(URL)        \
          X(PATH) X(ROUTE) X(ROUTE_NAME) X(AGENT) X(BYTES_IN) X(BYTES_OUT) X(UPSTREAM_CLUSTER) X(UPSTREAM_HOST)        \
              X(UPSTREAM_LOCAL) X(DOWNSTREAM_CLUSTER) X(DOWNSTREAM_LOCAL) X(DOWNSTREAM_REMOTE) X(PEER_ADDRESS)         \
                  X(PEER_PORT) X(FLAGS) X(ERROR) X(ERROR_TYPE) X(GRPC) X(RPC_STATUS) X(GRPC_PATH) X(RPC_SYSTEM)        \
                      X(RPC_SERVICE) X(RPC_METHOD) X(PEER_SERVICE) X(HOST) X(HOST_PORT) X(DB) X(AUTHORITY) X(ATTEMPTS) \
                          X(START) X(DURATION) X(UPSTREAM_TIME) X(DIRECTION) X(SOURCE) X(SOURCE_NAMESPACE)             \
                              X(DESTINATION) X(DESTINATION_NAMESPACE) X(PROTOCOL)

enum wire_attr {
#define X(name) WIRE_ATTR_##name,
  WIRE_ATTR_NAMES(X)
#undef X
      WIRE_ATTR_COUNT
};

/* A text, or a whole number. A bool is 0 or 1; a double is cut to its whole part; arrays, lists and bytes are not
 * read. */
struct wire_attr_value {
  struct base_str text; /* p NULL: a number */
  int64_t number;
  uint32_t row; /* of the table */
};

/* Only value[i] with its bit set means something. */
struct wire_attrs {
  uint64_t has[(WIRE_ATTR_COUNT + 63) / 64];
  struct wire_attr_value value[WIRE_ATTR_COUNT];
};

#define X(attr, text) +1
enum { WIRE_ATTR_ROWS = 0 WIRE_ATTR_TABLE(X) };
#undef X
#define WIRE_ATTR_NAME_MAX 32u

/* A name as it is compared. */
struct wire_attr_name {
  uint64_t first, second, third, last;
  uint32_t n, attr;
};

/* Hash of the table's names, built once (wire_attr_keys_init) in its owner's memory. */
#define WIRE_ATTR_SLOT_BITS 10u
#define WIRE_ATTR_SLOTS (1u << WIRE_ATTR_SLOT_BITS)
struct wire_attr_keys {
  uint8_t slot[WIRE_ATTR_SLOTS]; /* 1 + row, 0 free */
  struct wire_attr_name name[WIRE_ATTR_ROWS];
};
void wire_attr_keys_init(struct wire_attr_keys *k);
/* The row of a name, WIRE_ATTR_NONE where it is none of the table. Cost: 3 to 5 ns. */
#define WIRE_ATTR_NONE UINT32_MAX
uint32_t wire_attr_find(const struct wire_attr_keys *k, struct base_str name);

static inline void attrs_clear(struct wire_attrs *a) {
  memset(a->has, 0, sizeof a->has);
}

static inline bool attrs_has(const struct wire_attrs *a, enum wire_attr i) {
  return a->has[i / 64] >> (i % 64) & 1;
}

/* Empty where absent or a number. */
static inline struct base_str attrs_text(const struct wire_attrs *a, enum wire_attr i) {
  return attrs_has(a, i) && a->value[i].text.p ? a->value[i].text : STR_NONE;
}

/* A text that stands behind all that was read under a name of its own. */
void attrs_put(struct wire_attrs *a, enum wire_attr i, struct base_str text);
/* The same under a name of the table, as attrs_read has it. */
void attrs_put_row(struct wire_attrs *a, uint32_t row, struct base_str text);
/* A number, or a text that is one in decimal and nothing else; false where it is neither or negative. */
bool attrs_number(const struct wire_attrs *a, enum wire_attr i, uint64_t *out);
/* Takes in the KeyValue that stands at c, behind its tag, and all that follow it with the same tag, of one byte. Gives
 * the place behind them, or where one is broken and why. */
struct pb_past attrs_take(struct wire_attrs *a, const struct wire_attr_keys *keys, struct wire_pb c, uint32_t tag);
static inline void attrs_read(struct wire_attrs *a, const struct wire_attr_keys *keys, struct wire_pb *outer,
                              uint32_t tag) {
  struct pb_past past = attrs_take(a, keys, *outer, tag);
  outer->p = past.p;
  if (__builtin_expect(past.reason != NULL, 0)) pb_fail(outer, past.reason);
}

#endif
