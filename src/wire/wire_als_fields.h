/* The protobuf fields that the ALS decoder reads: the one place where their numbers stand. A test compares the table
 * with the descriptors of Envoy's .proto files. */
#ifndef WIRE_ALS_FIELDS_H
#define WIRE_ALS_FIELDS_H

#include "wire_pb.h"

/* X(name in WIRE_ALS_FIELD_TABLE, full name of the message) */
#define WIRE_ALS_MESSAGE_TABLE(X)                                                         \
  X(msg, "envoy.service.accesslog.v3.StreamAccessLogsMessage")                            \
  X(identifier, "envoy.service.accesslog.v3.StreamAccessLogsMessage.Identifier")          \
  X(http_logs, "envoy.service.accesslog.v3.StreamAccessLogsMessage.HTTPAccessLogEntries") \
  X(tcp_logs, "envoy.service.accesslog.v3.StreamAccessLogsMessage.TCPAccessLogEntries")   \
  X(node, "envoy.config.core.v3.Node")                                                    \
  X(locality, "envoy.config.core.v3.Locality")                                            \
  X(address, "envoy.config.core.v3.Address")                                              \
  X(socket, "envoy.config.core.v3.SocketAddress")                                         \
  X(pipe, "envoy.config.core.v3.Pipe")                                                    \
  X(http, "envoy.data.accesslog.v3.HTTPAccessLogEntry")                                   \
  X(tcp, "envoy.data.accesslog.v3.TCPAccessLogEntry")                                     \
  X(connection, "envoy.data.accesslog.v3.ConnectionProperties")                           \
  X(common, "envoy.data.accesslog.v3.AccessLogCommon")                                    \
  X(flags, "envoy.data.accesslog.v3.ResponseFlags")                                       \
  X(tls, "envoy.data.accesslog.v3.TLSProperties")                                         \
  X(cert, "envoy.data.accesslog.v3.TLSProperties.CertificateProperties")                  \
  X(san, "envoy.data.accesslog.v3.TLSProperties.CertificateProperties.SubjectAltName")    \
  X(request, "envoy.data.accesslog.v3.HTTPRequestProperties")                             \
  X(response, "envoy.data.accesslog.v3.HTTPResponseProperties")                           \
  X(timestamp, "google.protobuf.Timestamp")                                               \
  X(duration, "google.protobuf.Duration")                                                 \
  X(u32, "google.protobuf.UInt32Value")                                                   \
  X(bytes, "google.protobuf.BytesValue")                                                  \
  X(any, "google.protobuf.Any")                                                           \
  X(struct, "google.protobuf.Struct")                                                     \
  X(value, "google.protobuf.Value")

/* X(message, field, number, enum pb_type without PB_) */
#define WIRE_ALS_FIELD_TABLE(X)                           \
  X(msg, identifier, 1, LEN)                              \
  X(msg, http_logs, 2, LEN)                               \
  X(msg, tcp_logs, 3, LEN)                                \
  X(identifier, node, 1, LEN)                             \
  X(identifier, log_name, 2, LEN)                         \
  X(http_logs, log_entry, 1, LEN)                         \
  X(tcp_logs, log_entry, 1, LEN)                          \
  X(node, id, 1, LEN)                                     \
  X(node, cluster, 2, LEN)                                \
  X(node, metadata, 3, LEN)                               \
  X(node, locality, 4, LEN)                               \
  X(node, user_agent_name, 6, LEN)                        \
  X(locality, region, 1, LEN)                             \
  X(locality, zone, 2, LEN)                               \
  X(locality, sub_zone, 3, LEN)                           \
  X(address, socket_address, 1, LEN)                      \
  X(address, pipe, 2, LEN)                                \
  X(address, envoy_internal_address, 3, LEN)              \
  X(socket, address, 2, LEN)                              \
  X(socket, port_value, 3, VARINT)                        \
  X(socket, named_port, 4, LEN)                           \
  X(pipe, path, 1, LEN)                                   \
  X(http, common_properties, 1, LEN)                      \
  X(http, protocol_version, 2, VARINT)                    \
  X(http, request, 3, LEN)                                \
  X(http, response, 4, LEN)                               \
  X(tcp, common_properties, 1, LEN)                       \
  X(tcp, connection_properties, 2, LEN)                   \
  X(connection, received_bytes, 1, VARINT)                \
  X(connection, sent_bytes, 2, VARINT)                    \
  X(common, sample_rate, 1, I64)                          \
  X(common, downstream_remote_address, 2, LEN)            \
  X(common, downstream_local_address, 3, LEN)             \
  X(common, tls_properties, 4, LEN)                       \
  X(common, start_time, 5, LEN)                           \
  X(common, time_to_last_rx_byte, 6, LEN)                 \
  X(common, time_to_first_upstream_tx_byte, 7, LEN)       \
  X(common, time_to_last_upstream_tx_byte, 8, LEN)        \
  X(common, time_to_first_upstream_rx_byte, 9, LEN)       \
  X(common, time_to_last_upstream_rx_byte, 10, LEN)       \
  X(common, time_to_first_downstream_tx_byte, 11, LEN)    \
  X(common, time_to_last_downstream_tx_byte, 12, LEN)     \
  X(common, upstream_remote_address, 13, LEN)             \
  X(common, upstream_local_address, 14, LEN)              \
  X(common, upstream_cluster, 15, LEN)                    \
  X(common, response_flags, 16, LEN)                      \
  X(common, metadata, 17, LEN)                            \
  X(common, upstream_transport_failure_reason, 18, LEN)   \
  X(common, route_name, 19, LEN)                          \
  X(common, downstream_direct_remote_address, 20, LEN)    \
  X(common, filter_state_objects, 21, LEN)                \
  X(common, custom_tags, 22, LEN)                         \
  X(common, duration, 23, LEN)                            \
  X(common, upstream_request_attempt_count, 24, VARINT)   \
  X(common, connection_termination_details, 25, LEN)      \
  X(common, stream_id, 26, LEN)                           \
  X(common, downstream_transport_failure_reason, 28, LEN) \
  X(common, downstream_wire_bytes_sent, 29, VARINT)       \
  X(common, downstream_wire_bytes_received, 30, VARINT)   \
  X(common, upstream_wire_bytes_sent, 31, VARINT)         \
  X(common, upstream_wire_bytes_received, 32, VARINT)     \
  X(common, access_log_type, 33, VARINT)                  \
  X(flags, unauthorized_details, 13, LEN)                 \
  X(tls, tls_version, 1, VARINT)                          \
  X(tls, tls_sni_hostname, 3, LEN)                        \
  X(tls, local_certificate_properties, 4, LEN)            \
  X(tls, peer_certificate_properties, 5, LEN)             \
  X(tls, tls_session_id, 6, LEN)                          \
  X(tls, ja3_fingerprint, 7, LEN)                         \
  X(cert, subject_alt_name, 1, LEN)                       \
  X(cert, subject, 2, LEN)                                \
  X(cert, issuer, 3, LEN)                                 \
  X(san, uri, 1, LEN)                                     \
  X(san, dns, 2, LEN)                                     \
  X(request, request_method, 1, VARINT)                   \
  X(request, scheme, 2, LEN)                              \
  X(request, authority, 3, LEN)                           \
  X(request, port, 4, LEN)                                \
  X(request, path, 5, LEN)                                \
  X(request, user_agent, 6, LEN)                          \
  X(request, referer, 7, LEN)                             \
  X(request, forwarded_for, 8, LEN)                       \
  X(request, request_id, 9, LEN)                          \
  X(request, original_path, 10, LEN)                      \
  X(request, request_headers_bytes, 11, VARINT)           \
  X(request, request_body_bytes, 12, VARINT)              \
  X(request, request_headers, 13, LEN)                    \
  X(response, response_code, 1, LEN)                      \
  X(response, response_headers_bytes, 2, VARINT)          \
  X(response, response_body_bytes, 3, VARINT)             \
  X(response, response_headers, 4, LEN)                   \
  X(response, response_trailers, 5, LEN)                  \
  X(response, response_code_details, 6, LEN)              \
  X(timestamp, seconds, 1, VARINT)                        \
  X(timestamp, nanos, 2, VARINT)                          \
  X(duration, seconds, 1, VARINT)                         \
  X(duration, nanos, 2, VARINT)                           \
  X(u32, value, 1, VARINT)                                \
  X(bytes, value, 1, LEN)                                 \
  X(any, type_url, 1, LEN)                                \
  X(any, value, 2, LEN)                                   \
  X(struct, fields, 1, LEN)                               \
  X(value, null_value, 1, VARINT)                         \
  X(value, number_value, 2, I64)                          \
  X(value, string_value, 3, LEN)                          \
  X(value, bool_value, 4, VARINT)                         \
  X(value, struct_value, 5, LEN)                          \
  X(value, list_value, 6, LEN)

/* TAG_<message>_<field>: the number and wire type as they stand before the field. */
enum wire_als_tag {
#define X(message, field, number, type) TAG_##message##_##field = PB_TAG(number, PB_##type),
  WIRE_ALS_FIELD_TABLE(X)
#undef X
};

/* An entry of any protobuf map. */
#define TAG_MAP_KEY PB_TAG(1, PB_LEN)
#define TAG_MAP_VALUE PB_TAG(2, PB_LEN)

#endif
