/* Prometheus' remote write: the bytes of one WriteRequest (1.0) or io.prometheus.write.v2.Request (2.0), unpacked from
 * snappy, -> samples (wire_sampler.h). Source: prometheus.io/docs/specs/prw, both versions, and prompb in Prometheus'
 * own source. The two have no field number of a request in common, so a message says by itself which it is.
 *
 * Types are known where the message has them: 2.0 beside each series, 1.0 as metadata, which it mostly sends in
 * messages of their own; elsewhere a sample is untyped. Parts of classic histograms are counters, of gauge histograms
 * gauges, quantiles gauges. Native histograms come whole, made explicit. Stale markers are told. Inside a series
 * samples must not go back in time [sample_order]. Labels with an empty value are absent. A series without a name, with
 * a symbol that is not there or an odd number of them loses all its samples [sample_malformed]. */
#ifndef WIRE_REMOTE_H
#define WIRE_REMOTE_H

#include "wire_request.h"
#include "wire_sampler.h"

#define WIRE_REMOTE_TYPES 1024u /* families of one 1.0 message whose type is known; the rest is untyped */

struct wire_remote_type_of {
  struct base_str family;
  uint32_t type;
};

/* Room for what a message says once. */
struct wire_remote {
  uint32_t symbol_n, type_n;
  struct wire_remote_type_of type[2 * WIRE_REMOTE_TYPES]; /* by hash of the family */
  struct base_str symbol[LIMIT_SYMBOLS];
};

/* WIRE_BAD: the frame is broken or has too many symbols, and nothing was taken: *err tells why. m->tally has what 2.0
 * wants to be told in the answer's header. Cost: bench samples. */
enum wire_status wire_remote_take(struct wire_sampler *m, struct wire_remote *r, struct base_str bytes,
                                  struct wire_err *err);

#endif
