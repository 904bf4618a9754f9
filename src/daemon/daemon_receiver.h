/* The receivers: hand each message to the line, to a recording, or to both, and answer who sent it.
 *
 *   gRPC   Envoy's access log and metrics services (streams); OTLP traces, logs and metrics (calls)
 *   HTTP   POST /v1/traces, /v1/logs, /v1/metrics (protobuf or JSON), /api/v2/spans (Zipkin, protobuf or JSON),
 *          /api/v1/write (Prometheus' remote write 1.0 and 2.0)
 *
 * A sender is told: what is broken (INVALID_ARGUMENT, 400), too large (RESOURCE_EXHAUSTED, 413), partly refused
 * (partial_success), or to come again (UNAVAILABLE, 503 with Retry-After) while the loop does not keep up: its last
 * RECEIVER_LATE_BEATS beats each came RECEIVER_LATE_NS late. One long pause is none of that. */
#ifndef DAEMON_RECEIVER_H
#define DAEMON_RECEIVER_H

#include "daemon_line.h"
#include "daemon_recording.h"
#include "io_server.h"

#define RECEIVER_LATE_NS (500 * TIME_NS_PER_MS)
#define RECEIVER_LATE_BEATS 4u
#define RECEIVER_SILENT_NS (60 * TIME_NS_PER_S)
#define RECEIVER_METHODS 5u
#define RECEIVER_STREAMS 2u

/* Calls have no stream; those of one form count as one that is open until nothing came for RECEIVER_SILENT_NS. */
struct receiver_form {
  bool open;
  wire_stream line_stream;
  uint64_t recording_stream;
  int64_t heard_ns; /* the receiver's clock */
};

/* A method of streams: which form its messages have. */
struct receiver_method {
  struct receiver *receiver;
  enum door_form form;
};

struct receiver {
  struct line *line;           /* NULL: recording only */
  struct recording *recording; /* NULL: not recorded */
  uint64_t *counters;          /* of the door; messages are counted here only where there is no line */
  bool news;                   /* something came since the last step; cleared by the stepper */
  unsigned late_n;             /* beats that came late, without one in between that did not */
  int64_t stepped_ns;          /* monotonic; 0 before the first step */
  struct receiver_form form[DOOR_FORM_COUNT];
  struct door door;
  struct receiver_method method[RECEIVER_STREAMS];
  char written[256]; /* header lines of the last answer to a remote write */
};

/* Methods and handler for io_server_conf; r must outlive the server. */
void receiver_methods(struct receiver *r, struct io_grpc_method out[RECEIVER_METHODS]);
void receiver_http(void *ctx, const struct io_http_request *req, struct io_http_response *res);
/* What came of a scrape, an io_scraped_fn; ctx is the receiver: the exposition behind the line of its target
 * (wire_preface.h), or nothing. Whether the target answered goes on as well, as a sample `up` of its own. */
struct io_scraped;
void receiver_scraped(void *ctx, const struct io_scraped *s);
/* At every beat of the stepper's timer, taken or not: sees how late the loop is, and whom nothing was heard of. */
void receiver_step(struct receiver *r, struct base_wall now, struct base_mono mono);
void receiver_close(struct receiver *r, struct base_wall now);

#endif
