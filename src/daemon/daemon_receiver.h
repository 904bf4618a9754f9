/* Envoy's access log service as a gRPC method: hands each message to the line, to a recording, or to both. */
#ifndef DAEMON_RECEIVER_H
#define DAEMON_RECEIVER_H

#include "daemon_line.h"
#include "daemon_recording.h"
#include "io_server.h"

struct receiver {
  struct line *line;           /* NULL: recording only */
  struct recording *recording; /* NULL: not recorded */
  uint64_t *counters;          /* of the door; messages are counted here only where there is no line */
  bool news;                   /* something came since the last step; cleared by the stepper */
};

/* The method for io_server_conf; r must outlive the server. */
struct io_grpc_method receiver_method(struct receiver *r);

#endif
