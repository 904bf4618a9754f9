/* Spans and log records -> what they tell of a request. Pure functions over attributes; nothing is kept. Which span
 * counts, and as whose report, is told in docs/reference-identity.md. */
#ifndef WIRE_TOLD_H
#define WIRE_TOLD_H

#include "wire_attr.h"
#include "wire_identity.h"
#include "wire_otlp.h"

enum wire_told_kind {
  WIRE_TOLD_OTHER,   /* no request: an internal span, a message queue, a log of another kind */
  WIRE_TOLD_REQUEST, /* one request as its reporter saw it */
  WIRE_TOLD_ATTEMPT, /* a proxy's try of a request that it reports by another span: only when it was is told, as half of
                        a proxy's spans are such and nothing else is asked of them */
  WIRE_TOLD_POOR     /* an access log without what counting needs */
};

struct wire_told {
  enum wire_told_kind kind;
  enum wire_hint hint;
  struct wire_reporter who;
  struct wire_request request;
  struct wire_who caller, callee; /* request.caller and .callee point here where they are known */
};

/* Fills *out of a span. Views point into the message; a weight comes from th in the trace state (OpenTelemetry,
 * "Probability sampling": a threshold T of 2^56 stands for 2^56 / (2^56 - T) spans, rounded up or down by the trace
 * id's hash so that the mean is right), at most LIMIT_SAMPLE_WEIGHT. */
void wire_told_span(const struct wire_attrs *resource, const struct wire_span *s, const struct wire_attrs *a,
                    struct wire_told *out);
/* The same of a log record; *a may grow by what the record's text says. */
void wire_told_log(const struct wire_attrs *resource, const struct wire_log *l, const struct wire_attr_keys *keys,
                   struct wire_attrs *a, struct wire_told *out);

/* The weight of a trace state. 1 where it says nothing, or nothing sound. */
uint32_t wire_told_weight(struct base_str trace_state, struct base_str trace_id);

/* Text access logs: the fields of a line in one of the known formats (Envoy's default, Istio's, Kuma's; JSON objects)
 * go into *a behind what is there. False where it is none of them. */
bool wire_told_text(struct base_str body, const struct wire_attr_keys *keys, struct wire_attrs *a);

/* What both have. */
void told_reporter(const struct wire_attrs *resource, const struct wire_attrs *a, struct wire_reporter *out);
void told_words(const struct wire_attrs *a, struct wire_request *e);
void told_time(struct wire_request *e, uint64_t start_ns, uint64_t span_ns);
struct wire_addr told_address(struct base_str text);
/* By their texts: a RequestMethod, 0 where it is none; flags as in a log ("UF,URX"); gRPC's status, as a number in text
 * or by its name, as the number in text, absent where it is none. */
uint32_t told_method(struct base_str text);
uint32_t told_flags(struct base_str text);
struct base_str told_grpc(struct base_str text);

#endif
