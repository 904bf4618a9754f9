/* Callers that report nothing. A service without a proxy takes part in the mesh all the same: whoever calls it tells of
 * the call, and whoever it calls tells of a request from nobody. Where all of them hand on the request id, the two are
 * one request, and the silent service is who called:
 *
 *   order ── call to price, 12 ms ──►  price (no proxy)  ── ? ──►  stock, 4 ms, from nobody
 *                         same request id, the longer one around the shorter: price calls stock
 *
 * Of several such calls in one request it is the shortest that can hold the other. A service whose nameless requests
 * nearly all point at one caller gets it as their caller. It need not be the last one on the way: of two silent
 * services in a row only the first is called by somebody who tells.
 *
 * Requests are sampled by a hash of their id. Pure; the memory is a zeroed block; one meaning of the same calls in the
 * same order. layout:  struct | group[] */
#ifndef WIRE_BETWEEN_H
#define WIRE_BETWEEN_H

#include "wire_cell_name.h"

struct wire_betweens;

/* A service by its names' numbers; service 0: nobody. */
struct wire_between_id {
  uint32_t namespace_, service;
};

size_t wire_between_bytes(void);
struct wire_betweens *wire_between_init(void *mem);

/* A finished request: a call to a service that does not report itself, or one that nobody is known to have made. */
struct wire_between_report {
  struct base_str request_id;
  int64_t now_ns, start_ns, end_ns;
  struct wire_between_id callee;
  bool call;
};
/* Cost: a hash of the id, and two cache lines where it is sampled. */
void wire_between_report(struct wire_betweens *b, const struct wire_between_report *r);

/* Who makes the nameless requests to this service. Cost: a probe of a small table. */
struct wire_between_id wire_between_caller(const struct wire_betweens *b, struct wire_between_id callee);

/* Time goes on: settles what is due. */
void wire_between_step(struct wire_betweens *b, int64_t now_ns);
void wire_between_mark(const struct wire_betweens *b, struct wire_names *names);

#endif
