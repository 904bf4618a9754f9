/* Profiles of metrics, as tables: which families of samples are requests, latencies, bytes, retries; which labels say
 * who, where and how it ended. Pure text; what is kept between samples is in wire_meter*.c. The tables are what
 * docs/reference-metrics.md prints. */
#ifndef WIRE_PROFILE_H
#define WIRE_PROFILE_H

#include "wire_sample.h"
#include "wire_told.h"

/* Whose families. X(NAME, text, rank among sources, explanation) */
#define WIRE_PROFILE_TABLE(X)                                                                        \
  X(ISTIO, "istio", MESH_METRIC, "Istio's standard metrics: sidecars, gateways, waypoints, ztunnel") \
  X(LINKERD, "linkerd", MESH_METRIC, "Linkerd's proxies")                                            \
  X(HUBBLE, "hubble", MESH_METRIC, "Cilium's Hubble, with a labels context")                         \
  X(ENVOY, "envoy", PROXY_METRIC, "Envoy's own statistics: plain, Kuma, Consul, Envoy Gateway")      \
  X(OTEL, "otel", APP_METRIC, "OpenTelemetry's semantic conventions, from applications")

enum wire_profile {
#define X(name, text, source, doc) WIRE_PROFILE_##name,
  WIRE_PROFILE_TABLE(X)
#undef X
      WIRE_PROFILE_COUNT
};

/* What a family counts. X(NAME, text, explanation) */
#define WIRE_ROLE_TABLE(X)                                                                                     \
  X(REQUESTS, "requests", "a counter of requests by outcome")                                                  \
  X(LATENCY, "latency", "a histogram of durations beside such a counter")                                      \
  X(BOTH, "requests and latency", "a histogram of durations that is the only count of its requests")           \
  X(BYTES_IN, "bytes in", "bytes of requests: a counter, or the sum of a histogram")                           \
  X(BYTES_OUT, "bytes out", "bytes of responses, likewise")                                                    \
  X(RETRIES, "retries", "attempts beyond the first")                                                           \
  X(CONNECTIONS, "TCP connections", "TCP connections that ended: each counts as a request without a duration") \
  X(REFUSED, "TCP failures", "TCP connections that could not be had")                                          \
  X(KNOWN, "known", "known, counted nowhere: another family says it better")                                   \
  X(UP, "target", "whether the scrape of its target went well")

enum wire_role {
#define X(name, text, doc) WIRE_ROLE_##name,
  WIRE_ROLE_TABLE(X)
#undef X
      WIRE_ROLE_COUNT
};

/* The families. X(profile, name, dotted name or "", role, nanoseconds of a unit of a duration (else 1), rank)
 * A name is as Prometheus has it, without _bucket, _sum and _count; the dotted one is what Envoy's sinks and
 * OpenTelemetry send, whose unit goes over the table's. Of two families of one proxy that count the same requests, the
 * one of the lower rank counts. */
#define WIRE_FAMILY_TABLE(X)                                                                                  \
  X(ISTIO, "istio_requests_total", "", REQUESTS, 1, 0)                                                        \
  X(ISTIO, "istio_request_duration_milliseconds", "", LATENCY, 1000000, 0)                                    \
  X(ISTIO, "istio_request_bytes", "", BYTES_IN, 1, 0)                                                         \
  X(ISTIO, "istio_response_bytes", "", BYTES_OUT, 1, 0)                                                       \
  X(ISTIO, "istio_tcp_connections_closed_total", "", CONNECTIONS, 1, 0)                                       \
  X(ISTIO, "istio_tcp_connections_failed_total", "", REFUSED, 1, 0)                                           \
  X(ISTIO, "istio_tcp_connections_opened_total", "", KNOWN, 1, 0)                                             \
  X(ISTIO, "istio_tcp_received_bytes_total", "", BYTES_IN, 1, 0)                                              \
  X(ISTIO, "istio_tcp_sent_bytes_total", "", BYTES_OUT, 1, 0)                                                 \
  X(LINKERD, "response_total", "", REQUESTS, 1, 0)                                                            \
  X(LINKERD, "response_latency_ms", "", LATENCY, 1000000, 0)                                                  \
  X(LINKERD, "request_total", "", KNOWN, 1, 0)                                                                \
  X(LINKERD, "outbound_http_route_request_statuses_total", "", REQUESTS, 1, 1)                                \
  X(LINKERD, "outbound_http_route_request_duration_seconds", "", LATENCY, 1000000000, 1)                      \
  X(LINKERD, "outbound_http_route_retry_requests_total", "", RETRIES, 1, 0)                                   \
  X(LINKERD, "outbound_grpc_route_request_statuses_total", "", REQUESTS, 1, 1)                                \
  X(LINKERD, "outbound_grpc_route_request_duration_seconds", "", LATENCY, 1000000000, 1)                      \
  X(LINKERD, "outbound_grpc_route_retry_requests_total", "", RETRIES, 1, 0)                                   \
  X(HUBBLE, "hubble_http_requests_total", "", REQUESTS, 1, 0)                                                 \
  X(HUBBLE, "hubble_http_request_duration_seconds", "", LATENCY, 1000000000, 0)                               \
  X(HUBBLE, "hubble_drop_total", "", REFUSED, 1, 0)                                                           \
  X(HUBBLE, "hubble_flows_processed_total", "", KNOWN, 1, 0)                                                  \
  X(HUBBLE, "hubble_tcp_flags_total", "", KNOWN, 1, 0)                                                        \
  X(ENVOY, "envoy_cluster_upstream_rq", "cluster.upstream_rq", REQUESTS, 1, 0)                                \
  X(ENVOY, "envoy_cluster_upstream_rq_xx", "cluster.upstream_rq_xx", REQUESTS, 1, 1)                          \
  X(ENVOY, "envoy_cluster_upstream_rq_time", "cluster.upstream_rq_time", LATENCY, 1000000, 0)                 \
  X(ENVOY, "envoy_cluster_upstream_rq_retry", "cluster.upstream_rq_retry", RETRIES, 1, 0)                     \
  X(ENVOY, "envoy_cluster_upstream_rq_total", "cluster.upstream_rq_total", KNOWN, 1, 0)                       \
  X(ENVOY, "envoy_cluster_upstream_cx_rx_bytes_total", "cluster.upstream_cx_rx_bytes_total", BYTES_OUT, 1, 0) \
  X(ENVOY, "envoy_cluster_upstream_cx_tx_bytes_total", "cluster.upstream_cx_tx_bytes_total", BYTES_IN, 1, 0)  \
  X(ENVOY, "envoy_http_downstream_rq_xx", "http.downstream_rq_xx", REQUESTS, 1, 2)                            \
  X(ENVOY, "envoy_http_downstream_rq_time", "http.downstream_rq_time", LATENCY, 1000000, 2)                   \
  X(OTEL, "http_server_request_duration_seconds", "http.server.request.duration", BOTH, 1000000000, 0)        \
  X(OTEL, "http_client_request_duration_seconds", "http.client.request.duration", BOTH, 1000000000, 0)        \
  X(OTEL, "http_server_duration_milliseconds", "http.server.duration", BOTH, 1000000, 1)                      \
  X(OTEL, "http_client_duration_milliseconds", "http.client.duration", BOTH, 1000000, 1)                      \
  X(OTEL, "rpc_server_call_duration_seconds", "rpc.server.call.duration", BOTH, 1000000000, 0)                \
  X(OTEL, "rpc_client_call_duration_seconds", "rpc.client.call.duration", BOTH, 1000000000, 0)                \
  X(OTEL, "rpc_server_duration_milliseconds", "rpc.server.duration", BOTH, 1000000, 1)                        \
  X(OTEL, "rpc_client_duration_milliseconds", "rpc.client.duration", BOTH, 1000000, 1)                        \
  X(OTEL, "http_server_request_body_size_bytes", "http.server.request.body.size", BYTES_IN, 1, 0)             \
  X(OTEL, "http_server_response_body_size_bytes", "http.server.response.body.size", BYTES_OUT, 1, 0)          \
  X(OTEL, "http_client_request_body_size_bytes", "http.client.request.body.size", BYTES_IN, 1, 0)             \
  X(OTEL, "http_client_response_body_size_bytes", "http.client.response.body.size", BYTES_OUT, 1, 0)          \
  X(OTEL, "up", "", UP, 1, 0)

/* What a label says. X(FIELD, label). Labels are compared as Prometheus writes them: a dot is an underscore. Of several
 * labels for one field the one that stands first in the table counts. */
#define WIRE_FIELD_TABLE(X)                              \
  X(POD, "k8s_pod_name")                                 \
  X(POD, "pod")                                          \
  X(POD, "pod_name")                                     \
  X(POD, "kubernetes_pod_name")                          \
  X(NAMESPACE, "k8s_namespace_name")                     \
  X(NAMESPACE, "namespace")                              \
  X(NAMESPACE, "kubernetes_namespace")                   \
  X(NAMESPACE, "pod_namespace")                          \
  X(NAMESPACE, "service_namespace")                      \
  X(SERVICE, "service_name")                             \
  X(SERVICE, "service")                                  \
  X(APP, "app_kubernetes_io_name")                       \
  X(APP, "app")                                          \
  X(JOB, "job")                                          \
  X(INSTANCE, "service_instance_id")                     \
  X(INSTANCE, "instance")                                \
  X(NODE_ID, "node_id")                                  \
  X(NODE_ID, "node_name")                                \
  X(NODE_CLUSTER, "node_cluster")                        \
  X(NODE_CLUSTER, "cluster_name")                        \
  X(NODE_CLUSTER, "local_cluster")                       \
  X(SDK, "telemetry_sdk_name")                           \
  X(VERSION, "service_version")                          \
  X(VERSION, "app_kubernetes_io_version")                \
  X(VERSION, "version")                                  \
  X(POD_HASH, "pod_template_hash")                       \
  X(CLUSTER, "k8s_cluster_name")                         \
  X(CLUSTER, "cluster_id")                               \
  X(CLUSTER, "cluster")                                  \
  X(REGION, "cloud_region")                              \
  X(REGION, "topology_kubernetes_io_region")             \
  X(REGION, "region")                                    \
  X(ZONE, "cloud_availability_zone")                     \
  X(ZONE, "topology_kubernetes_io_zone")                 \
  X(ZONE, "zone_name")                                   \
  X(ZONE, "zone")                                        \
  X(WORKLOAD, "k8s_deployment_name")                     \
  X(WORKLOAD, "deployment")                              \
  X(WORKLOAD, "workload")                                \
  X(GATEWAY, "gateway_networking_k8s_io_gateway_name")   \
  X(GATEWAY, "gateway_name")                             \
  X(GATEWAY, "istio")                                    \
  X(MESH, "kuma_mesh")                                   \
  X(MESH, "mesh")                                        \
  X(KUMA_ZONE, "kuma_zone")                              \
  X(KUMA_WORKLOAD, "kuma_workload")                      \
  X(KUMA_WORKLOAD, "kuma_io_service")                    \
  X(REPORTER, "reporter")                                \
  X(DIRECTION, "direction")                              \
  X(DIRECTION, "traffic_direction")                      \
  X(SRC_SERVICE, "source_canonical_service")             \
  X(SRC_SERVICE, "consul_source_service")                \
  X(SRC_WORKLOAD, "source_workload")                     \
  X(SRC_WORKLOAD, "source_app")                          \
  X(SRC_NAMESPACE, "source_workload_namespace")          \
  X(SRC_NAMESPACE, "source_namespace")                   \
  X(SRC_NAMESPACE, "consul_source_namespace")            \
  X(SRC_VERSION, "source_canonical_revision")            \
  X(SRC_VERSION, "source_version")                       \
  X(SRC_CLUSTER, "source_cluster")                       \
  X(SRC_CLUSTER, "consul_source_datacenter")             \
  X(SRC_REGION, "source_region")                         \
  X(SRC_ZONE, "source_zone")                             \
  X(SRC_POD, "source_pod")                               \
  X(DST_SERVICE, "destination_canonical_service")        \
  X(DST_SERVICE, "consul_destination_service")           \
  X(DST_WORKLOAD, "destination_workload")                \
  X(DST_WORKLOAD, "destination_app")                     \
  X(DST_NAMESPACE, "destination_workload_namespace")     \
  X(DST_NAMESPACE, "destination_namespace")              \
  X(DST_NAMESPACE, "consul_destination_namespace")       \
  X(DST_VERSION, "destination_canonical_revision")       \
  X(DST_VERSION, "destination_version")                  \
  X(DST_VERSION, "consul_destination_service_subset")    \
  X(DST_CLUSTER, "destination_cluster")                  \
  X(DST_CLUSTER, "consul_destination_datacenter")        \
  X(DST_REGION, "destination_region")                    \
  X(DST_ZONE, "destination_zone")                        \
  X(DST_POD, "destination_pod")                          \
  X(DST_HOST, "destination_service")                     \
  X(DST_NAME, "destination_service_name")                \
  X(DST_NAME_NAMESPACE, "destination_service_namespace") \
  X(TO_SERVICE, "dst_service")                           \
  X(TO_NAMESPACE, "dst_namespace")                       \
  X(TO_POD, "dst_pod")                                   \
  X(TO_HASH, "dst_pod_template_hash")                    \
  X(TO_WORKLOAD, "dst_deployment")                       \
  X(TO_CLUSTER, "dst_target_cluster")                    \
  X(TO_ZONE, "dst_zone")                                 \
  X(AUTHORITY, "authority")                              \
  X(CLIENT_ID, "client_id")                              \
  X(PARENT, "parent_name")                               \
  X(PARENT_NAMESPACE, "parent_namespace")                \
  X(PARENT_KIND, "parent_kind")                          \
  X(SERVER, "server_address")                            \
  X(SERVER, "net_peer_name")                             \
  X(PEER, "peer_service")                                \
  X(UPSTREAM, "envoy_cluster_name")                      \
  X(PREFIX, "envoy_http_conn_manager_prefix")            \
  X(CODE, "response_code")                               \
  X(CODE, "http_response_status_code")                   \
  X(CODE, "http_status_code")                            \
  X(CODE, "envoy_response_code")                         \
  X(CODE, "http_status")                                 \
  X(CODE, "status_code")                                 \
  X(CODE, "status")                                      \
  X(CODE_CLASS, "envoy_response_code_class")             \
  X(GRPC, "grpc_response_status")                        \
  X(GRPC, "rpc_grpc_status_code")                        \
  X(GRPC, "rpc_response_status_code")                    \
  X(GRPC, "grpc_status")                                 \
  X(FLAGS, "response_flags")                             \
  X(CLASSIFICATION, "classification")                    \
  X(REASON, "reason")                                    \
  X(ERROR, "error_type")                                 \
  X(ERROR, "error")                                      \
  X(METHOD, "http_request_method")                       \
  X(METHOD, "http_method")                               \
  X(METHOD, "method")                                    \
  X(ROUTE, "http_route")                                 \
  X(ROUTE, "url_template")                               \
  X(ROUTE_NAME, "route_name")                            \
  X(RPC_SERVICE, "rpc_service")                          \
  X(RPC_METHOD, "rpc_method")

/* The fields, each once, in the order of the table. */
/* clang-format off */
#define WIRE_FIELD_NAMES(X) \
  X(POD) X(NAMESPACE) X(SERVICE) X(APP) X(JOB) X(INSTANCE) X(NODE_ID) X(NODE_CLUSTER) X(SDK) X(VERSION) \
  X(POD_HASH) X(CLUSTER) X(REGION) X(ZONE) X(WORKLOAD) X(GATEWAY) X(MESH) X(KUMA_ZONE) X(KUMA_WORKLOAD) \
  X(REPORTER) X(DIRECTION) X(SRC_SERVICE) X(SRC_WORKLOAD) X(SRC_NAMESPACE) X(SRC_VERSION) X(SRC_CLUSTER) \
  X(SRC_REGION) X(SRC_ZONE) X(SRC_POD) X(DST_SERVICE) X(DST_WORKLOAD) X(DST_NAMESPACE) X(DST_VERSION) \
  X(DST_CLUSTER) X(DST_REGION) X(DST_ZONE) X(DST_POD) X(DST_HOST) X(DST_NAME) X(DST_NAME_NAMESPACE) X(TO_SERVICE) \
  X(TO_NAMESPACE) X(TO_POD) X(TO_HASH) X(TO_WORKLOAD) X(TO_CLUSTER) X(TO_ZONE) X(AUTHORITY) X(CLIENT_ID) X(PARENT) \
  X(PARENT_NAMESPACE) X(PARENT_KIND) X(SERVER) X(PEER) X(UPSTREAM) X(PREFIX) X(CODE) X(CODE_CLASS) X(GRPC) \
  X(FLAGS) X(CLASSIFICATION) X(REASON) X(ERROR) X(METHOD) X(ROUTE) X(ROUTE_NAME) X(RPC_SERVICE) X(RPC_METHOD)
/* clang-format on */

enum wire_field {
#define X(name) WIRE_FIELD_##name,
  WIRE_FIELD_NAMES(X)
#undef X
      WIRE_FIELD_COUNT
};

struct wire_family {
  struct base_str name, dotted;
  uint32_t unit_ns;                    /* of a duration; else 1 */
  uint8_t profile, role, rank, source; /* enum wire_profile, wire_role; rank; enum wire_source */
};

/* What part of a family a sample is. */
enum wire_part { WIRE_PART_WHOLE, WIRE_PART_BUCKET, WIRE_PART_SUM, WIRE_PART_COUNT };

#define WIRE_FAMILY_SLOTS 256u
#define WIRE_FAMILY_NONE UINT8_MAX

/* Hash of the table's names, built once in its owner's memory. */
struct wire_families {
  uint8_t slot[WIRE_FAMILY_SLOTS]; /* 1 + row; 0 free */
};

void wire_families_init(struct wire_families *t);
/* The row of the sample's family and which part it is; WIRE_FAMILY_NONE where no profile has it. Cost: one or two
 * hashes of its name. */
uint8_t wire_families_find(const struct wire_families *t, const struct wire_sample *s, enum wire_part *part);
const struct wire_family *wire_family_view(uint8_t row);
/* Rows 0..n-1. */
uint8_t wire_family_count(void);

/* A sample's labels by what they say. Views live as long as the sample's; what is not said is absent. */
struct wire_fields {
  struct base_str of[WIRE_FIELD_COUNT];
};
void wire_fields_read(const struct wire_sample *s, struct wire_fields *out);

/* Text that has to be put together: names of nodes and clusters. Lives as long as what is told of it. */
#define WIRE_PROFILE_TEXT 1400u
struct wire_profile_text {
  char node[WIRE_PROFILE_TEXT], cluster[WIRE_PROFILE_TEXT], path[WIRE_PROFILE_TEXT];
};

/* Whom a sample speaks of, as an access log of the same proxy would tell it: the reporter, whose report it is, who is
 * at the other end, how such requests ended. False where the family's labels name nobody. */
bool wire_profile_tell(const struct wire_family *family, const struct wire_fields *l, struct wire_profile_text *text,
                       struct wire_told *out);

#endif
