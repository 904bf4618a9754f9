/* The one way from bytes to the fold, for every wire that is spoken: what is JSON, Zipkin's or packed is recoded first,
 * so that the fold, and a recording, know few forms of messages. */
#ifndef DAEMON_DOOR_H
#define DAEMON_DOOR_H

#include "wire_fold.h"

/* X(NAME, name of the form in a recording's stream). */
#define DOOR_FORM_TABLE(X)                \
  X(ALS, "als")                           \
  X(TRACES, "otlp-traces")                \
  X(LOGS, "otlp-logs")                    \
  X(METRICS, "otlp-metrics")              \
  X(ENVOY_METRICS, "envoy-metrics")       \
  X(PROMETHEUS, "prometheus")             \
  X(PROMETHEUS_PROTO, "prometheus-proto") \
  X(REMOTE_WRITE, "remote-write")

enum door_form {
#define X(name, text) DOOR_FORM_##name,
  DOOR_FORM_TABLE(X)
#undef X
      DOOR_FORM_COUNT
};
const char *door_form_text(enum door_form form);
/* False where it is none; "" is ALS, as recordings have it that know no other. */
bool door_form_read(struct base_str text, enum door_form *out);

/* Are they metrics, which become samples (wire_fold_metrics)? */
bool door_form_is_metrics(enum door_form form);

/* X(NAME, form, what is done at the door). CHECKED: its frame is looked through; OPAQUE: the fold judges all of it. */
#define DOOR_WIRE_TABLE(X)                      \
  X(ALS, ALS, OPAQUE)                           \
  X(TRACES, TRACES, CHECKED)                    \
  X(TRACES_JSON, TRACES, RECODED)               \
  X(LOGS, LOGS, CHECKED)                        \
  X(LOGS_JSON, LOGS, RECODED)                   \
  X(ZIPKIN, TRACES, RECODED)                    \
  X(ZIPKIN_JSON, TRACES, RECODED)               \
  X(METRICS, METRICS, CHECKED)                  \
  X(METRICS_JSON, METRICS, RECODED)             \
  X(ENVOY_METRICS, ENVOY_METRICS, OPAQUE)       \
  X(PROMETHEUS, PROMETHEUS, OPAQUE)             \
  X(PROMETHEUS_PROTO, PROMETHEUS_PROTO, OPAQUE) \
  X(REMOTE_WRITE, REMOTE_WRITE, CHECKED)        \
  X(REMOTE_WRITE_SNAPPY, REMOTE_WRITE, UNPACKED)

enum door_wire {
#define X(name, form, how) DOOR_##name,
  DOOR_WIRE_TABLE(X)
#undef X
};

struct door_counts;

struct door {
  char *mem;                  /* LIMIT_MESSAGE_BYTES, taken when first needed */
  struct door_counts *counts; /* likewise */
};
void door_close(struct door *d);

struct door_message {
  enum door_form form;
  struct base_str bytes; /* in the input, or in the door until the next call */
  uint32_t lost;         /* spans without ids */
  bool oversize;         /* why it was not taken: unpacked or recoded, it would be over LIMIT_MESSAGE_BYTES */
};
/* False with a static *reason where the bytes are broken, or too many. */
bool door_take(struct door *d, enum door_wire wire, struct base_str bytes, struct door_message *out,
               const char **reason);

/* What a fold would understand of a remote write, for an answer where there is none: a recorder. All zero for other
 * forms, and where memory is out. */
struct wire_sample_tally door_tally(struct door *d, const struct door_message *m);

/* Hands a message to the fold; the stream matters to Envoy's two services alone, whose first message says who sends. */
uint32_t door_fold(struct wire_fold *f, wire_stream s, enum door_form form, struct base_str bytes,
                   struct base_wall recv);

#endif
