/* The reader of recorded messages (`replay`, `stats`), in the order in which they arrived. A format says how messages
 * stand in a file, what they are, and which files of a directory are read:
 *
 *   delimited   varint length, message; one stream
 *   grpc        bodies of gRPC calls: flag byte, 4 bytes of length, message
 *   body        one message is the whole file, as it was posted; files in the order of their names
 *
 * Of several files of gRPC streams an index.jsonl beside gives the order (the chunks of a stream with their arrival
 * times); without it ALS messages are taken by the newest end in them, others file by file.
 *
 * A message over LIMIT_MESSAGE_BYTES or with the compressed flag is passed over as broken; a file that ends inside a
 * message gives what came before. */
#ifndef DAEMON_INPUT_H
#define DAEMON_INPUT_H

#include <stdint.h>

#include "base_str.h"
#include "base_time.h"
#include "daemon_door.h"

/* X(NAME, name, framing, wire, what a directory's file names hold, and how they end). A body's JSON is told by the
 * name's end. */
/* clang-format off */
#define DAEMON_FORMAT_TABLE(X)                                                                           \
  X(ALS, "als", DELIMITED, ALS, "", ".als")                                                              \
  X(ALS_GRPC, "als-grpc", GRPC, ALS, "StreamAccessLogs", ".grpc")                                        \
  X(OTLP_TRACES_GRPC, "otlp-traces-grpc", GRPC, TRACES, "TraceService__Export", ".grpc")                 \
  X(OTLP_LOGS_GRPC, "otlp-logs-grpc", GRPC, LOGS, "LogsService__Export", ".grpc")                        \
  X(OTLP_TRACES_HTTP, "otlp-traces-http", BODY, TRACES, "v1__traces", "")                                \
  X(OTLP_LOGS_HTTP, "otlp-logs-http", BODY, LOGS, "v1__logs", "")                                        \
  X(ZIPKIN_JSON, "zipkin-json", BODY, ZIPKIN_JSON, "api__v2__spans", ".json")                            \
  X(ZIPKIN_PROTO, "zipkin-proto", BODY, ZIPKIN, "api__v2__spans", "")                                    \
  X(OTLP_METRICS_GRPC, "otlp-metrics-grpc", GRPC, METRICS, "MetricsService__Export", ".grpc")            \
  X(OTLP_METRICS_HTTP, "otlp-metrics-http", BODY, METRICS, "v1__metrics", "")                            \
  X(METRICS_GRPC, "metrics-grpc", GRPC, ENVOY_METRICS, "StreamMetrics", ".grpc")                         \
  X(PROMETHEUS_TEXT, "prometheus-text", BODY, PROMETHEUS, "prom", ".txt")                                \
  X(PROMETHEUS_PROTO, "prometheus-proto", BODY, PROMETHEUS_PROTO, "prom", ".pb")                         \
  X(REMOTE_WRITE, "remote-write", BODY, REMOTE_WRITE_SNAPPY, "api__v1__write", "")
/* clang-format on */

enum daemon_format {
#define X(name, text, framing, wire, holds, ends) DAEMON_FORMAT_##name,
  DAEMON_FORMAT_TABLE(X)
#undef X
      DAEMON_FORMAT_COUNT
};

/* False where it is none of them. */
bool daemon_format_read(const char *text, enum daemon_format *out);
/* The names of all, one after the other. */
#define DAEMON_FORMAT_NAMES                                                                                    \
  "als (default), als-grpc, otlp-traces-grpc, otlp-logs-grpc, otlp-traces-http, otlp-logs-http, zipkin-json, " \
  "zipkin-proto, otlp-metrics-grpc, otlp-metrics-http, metrics-grpc, prometheus-text, prometheus-proto or "    \
  "remote-write"

enum daemon_input_status {
  DAEMON_INPUT_OK,   /* a message */
  DAEMON_INPUT_END,  /* all was read */
  DAEMON_INPUT_SKIP, /* a message was passed over: `reason`; the input goes on */
  DAEMON_INPUT_CUT   /* a stream ends inside a message, or its framing is broken: `reason`; others go on */
};

struct daemon_message {
  struct base_str bytes; /* valid until the next call */
  enum door_wire wire;   /* what they are */
  uint32_t stream;       /* from 0: which file */
  uint64_t offset;       /* of the message's frame in its file */
  const char *file;
  const char *reason;        /* static text, where the status is no OK; */
  bool oversize, compressed; /* why it was skipped */
};

struct daemon_input;

/* NULL: err (err_bytes long) tells why. `-` is standard input. */
struct daemon_input *daemon_input_open(const char *path, enum daemon_format format, char *err, size_t err_bytes);
enum daemon_input_status daemon_input_next(struct daemon_input *in, struct daemon_message *out);
uint32_t daemon_input_streams(const struct daemon_input *in);
void daemon_input_close(struct daemon_input *in);

#endif
