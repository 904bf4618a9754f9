/* How a request ended: an entry -> one class of rec_name.h, by rules in a fixed order (docs/reference-identity.md).
 * The first that fits wins:
 *   1 health check   user agent of a prober
 *   2 injected       FI, DI
 *   3 cached         RFCF
 *   4 cancelled      DR, DC without an answer, gRPC 1
 *   5 long lived     CONNECT, an upgrade or 101, text/event-stream, with a success status
 *   6 the flags that say what broke at the proxy, the status that it brought being its own
 *   7 gRPC status where given (it wins over HTTP 200)
 *   8 the HTTP status
 * A TCP connection has no status: its flags, else OK. */
#ifndef WIRE_OUTCOME_H
#define WIRE_OUTCOME_H

#include <stdbool.h>

#include "rec_name.h"
#include "wire_als.h"

enum rec_class wire_outcome(const struct wire_request *e);

/* The code 0..16 of a grpc-status text; -1 where it is none. */
int wire_outcome_grpc(struct base_str text);

#endif
