/* One request as one reporter tells it, whatever the wire: an entry of Envoy's access log service, an access log as an
 * OTLP log record, a span. A decoder fills one, the fold takes it. Zero copy: every base_str points into the message
 * and lives as long as it. What a source does not say is 0, absent, or WIRE_NEVER. */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include "base_limits.h"
#include "base_str.h"
#include "wire_pb.h"

/* Where and why bytes were refused. */
struct wire_err {
  size_t offset;      /* in the message */
  const char *reason; /* static text */
};

struct wire_pair {
  struct base_str key, value;
};

struct wire_addr {
  struct base_str ip; /* the text that Envoy sent; a pipe's path where is_pipe; absent for an Envoy-internal address */
  uint32_t port;
  bool is_pipe;
};

/* Response flags, bit = field number of the ResponseFlags message (1..28). */
/* clang-format off */
#define WIRE_FLAG_TABLE(X)                                                                                           \
  X(1, LH) X(2, UH) X(3, UT) X(4, LR) X(5, UR) X(6, UF) X(7, UC) X(8, UO) X(9, NR) X(10, DI) X(11, FI) X(12, RL)     \
  X(13, UAEX) X(14, RLSE) X(15, DC) X(16, URX) X(17, SI) X(18, IH) X(19, DPE) X(20, UMSDR) X(21, RFCF) X(22, NFCF)   \
  X(23, DT) X(24, UPE) X(25, NC) X(26, OM) X(27, DF) X(28, DR)
/* clang-format on */
#define X(bit, name) WIRE_FLAG_##name = bit,
enum wire_flag { WIRE_FLAG_TABLE(X) WIRE_FLAG_COUNT = 29 };
#undef X
#define WIRE_FLAG(name) (1u << WIRE_FLAG_##name)

/* AccessLogType. */
enum wire_log_type {
  WIRE_LOG_NOT_SET = 0,
  WIRE_LOG_TCP_CONNECTED = 1,
  WIRE_LOG_TCP_PERIODIC = 2,
  WIRE_LOG_TCP_END = 3,
  WIRE_LOG_DOWNSTREAM_START = 4,
  WIRE_LOG_DOWNSTREAM_PERIODIC = 5,
  WIRE_LOG_DOWNSTREAM_END = 6,
  WIRE_LOG_UPSTREAM_POOL_READY = 7,
  WIRE_LOG_UPSTREAM_PERIODIC = 8,
  WIRE_LOG_UPSTREAM_END = 9,
  WIRE_LOG_TUNNEL = 10,
  WIRE_LOG_UDP_START = 11,
  WIRE_LOG_UDP_PERIODIC = 12,
  WIRE_LOG_UDP_END = 13,
  WIRE_LOG_TCP_START = 14
};

/* Durations from start_time in ns; WIRE_NEVER: it did not happen. */
#define WIRE_NEVER (-1ll)

/* Of the downstream connection. Of several alternative names in a certificate the first URI and the first DNS name. */
struct wire_tls {
  uint32_t version; /* 0 none, 1..4 = TLS 1.0..1.3 */
  struct base_str sni, local_uri, peer_uri, peer_dns, peer_subject, peer_issuer, session_id, ja3;
};

/* X(NAME, text, explanation) */
#define WIRE_SOURCE_TABLE(X)                                                                         \
  X(ALS, "access_log_service", "Envoy's access log service: each request")                           \
  X(LOG, "otlp_logs", "access logs as OTLP log records: each request")                               \
  X(PROXY_SPAN, "proxy_spans", "spans of proxies: each request, or a sample")                        \
  X(SPAN, "spans", "spans of applications: each request, or a sample")                               \
  X(MESH_METRIC, "mesh_metrics", "metrics of a mesh's proxies that name both ends: counts a scrape") \
  X(PROXY_METRIC, "proxy_metrics", "Envoy's own statistics: counts a scrape")                        \
  X(APP_METRIC, "app_metrics", "metrics of applications: counts a scrape")

/* Where a report comes from, best first: what a better source tells of a reporter is not counted from a worse one. */
enum wire_source {
#define X(name, text, doc) WIRE_SOURCE_##name,
  WIRE_SOURCE_TABLE(X)
#undef X
      WIRE_SOURCE_COUNT
};

/* How it ended, where there is no status that tells. */
enum wire_said { WIRE_SAID_NOTHING, WIRE_SAID_FINE, WIRE_SAID_FAILED, WIRE_SAID_TIMEOUT };

struct wire_who;

struct wire_request {
  bool is_tcp;
  bool has_start;   /* start_time was sent and is sound */
  bool time_absurd; /* start_time or a duration is negative, has nanoseconds outside 0..999999999, or is over 292
                     * years; each such time is given as if it had not been sent */
  uint8_t source;   /* enum wire_source */
  uint8_t said;     /* enum wire_said */
  uint32_t weight;  /* requests that it stands for where reports are sampled; 0 as 1 */
  /* Who the other end is, where the report itself names it; NULL where it does not. */
  const struct wire_who *caller, *callee;
  /* common_properties */
  struct wire_addr downstream_remote, downstream_local, downstream_direct_remote, upstream_remote, upstream_local;
  struct wire_tls tls;
  bool has_tls;
  int64_t start_ns; /* wall */
  int64_t rx_last_ns, up_tx_first_ns, up_tx_last_ns, up_rx_first_ns, up_rx_last_ns, down_tx_first_ns, down_tx_last_ns,
      duration_ns;
  struct base_str upstream_cluster, route_name, stream_id;
  struct base_str upstream_failure, downstream_failure, termination;
  uint32_t flags; /* WIRE_FLAG bits */
  uint32_t attempts;
  uint32_t log_type;  /* enum wire_log_type */
  double sample_rate; /* 0 where not sent, negative or not finite; Envoy does not send it */
  uint64_t down_wire_sent, down_wire_received, up_wire_sent, up_wire_received;
  struct base_str dynamic_metadata; /* raw envoy.config.core.v3.Metadata */
  /* filter_state_objects that identity reads: raw google.protobuf.Struct, or the FlatNode of wasm.* (older Istio) */
  struct base_str upstream_peer, downstream_peer;
  bool upstream_peer_flat, downstream_peer_flat;
  struct base_str upstream_peer_id, downstream_peer_id; /* wasm.*_peer_id */
  /* http */
  uint32_t protocol; /* 0 unspecified, 1 HTTP/1.0, 2 HTTP/1.1, 3 HTTP/2, 4 HTTP/3 */
  uint32_t method;   /* RequestMethod, 0..9 */
  uint32_t authority_port;
  struct base_str scheme, authority, path, original_path, user_agent, referer, forwarded_for, request_id;
  uint64_t request_headers_bytes, request_body_bytes, response_headers_bytes, response_body_bytes;
  /* of the headers and trailers that were asked for; absent where not sent. grpc_*: of the trailers, else of the
   * response headers; content_type and upgrade: of the request */
  struct base_str traceparent, b3_traceid, b3_single, content_type, upgrade, grpc_status, grpc_message;
  struct base_str response_content_type;
  struct base_str trace_id; /* in hex, where a source has it by itself */
  bool has_code;            /* response_code was sent, be it 0 */
  uint32_t code;
  struct base_str code_details;
  /* tcp */
  uint64_t tcp_received, tcp_sent;
  /* custom tags: the first LIMIT_CUSTOM_TAGS keys in wire order; pairs of further keys are counted in tag_over. Last,
   * because only tag[0..tag_n) is ever written. */
  uint32_t tag_n, tag_over;
  struct wire_pair tag[LIMIT_CUSTOM_TAGS];
};

/* Everything absent; the tags are not touched, as their count says how many of them mean something. */
static inline void request_clear(struct wire_request *e) {
  memset(e, 0, offsetof(struct wire_request, tag));
  e->start_ns = e->rx_last_ns = e->up_tx_first_ns = e->up_tx_last_ns = e->up_rx_first_ns = WIRE_NEVER;
  e->up_rx_last_ns = e->down_tx_first_ns = e->down_tx_last_ns = e->duration_ns = WIRE_NEVER;
}

#endif
