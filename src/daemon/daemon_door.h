/* The one way from bytes to the fold, for every wire that is spoken: what is not protobuf of Envoy or OTLP is recoded
 * first, so that the fold, and a recording, know three forms of messages. */
#ifndef DAEMON_DOOR_H
#define DAEMON_DOOR_H

#include "wire_fold.h"

/* X(NAME, name of the form in a recording's stream). */
#define DOOR_FORM_TABLE(X) \
  X(ALS, "als")            \
  X(TRACES, "otlp-traces") \
  X(LOGS, "otlp-logs")

enum door_form {
#define X(name, text) DOOR_FORM_##name,
  DOOR_FORM_TABLE(X)
#undef X
      DOOR_FORM_COUNT
};
const char *door_form_text(enum door_form form);
/* False where it is none; "" is ALS, as recordings have it that know no other. */
bool door_form_read(struct base_str text, enum door_form *out);

enum door_wire { DOOR_ALS, DOOR_TRACES, DOOR_TRACES_JSON, DOOR_LOGS, DOOR_LOGS_JSON, DOOR_ZIPKIN, DOOR_ZIPKIN_JSON };

struct door {
  char *mem; /* LIMIT_MESSAGE_BYTES, taken when first needed */
};
void door_close(struct door *d);

struct door_message {
  enum door_form form;
  struct base_str bytes; /* in the input, or in the door until the next call */
  uint32_t lost;         /* spans without ids */
};
/* False with a static *reason where the bytes are broken, or too many. */
bool door_take(struct door *d, enum door_wire wire, struct base_str bytes, struct door_message *out,
               const char **reason);

/* Hands a message to the fold; the stream matters to ALS alone. */
uint32_t door_fold(struct wire_fold *f, wire_stream s, enum door_form form, struct base_str bytes,
                   struct base_wall recv);

#endif
