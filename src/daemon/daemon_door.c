#include "daemon_door.h"

#include <stdlib.h>

#include "wire_otlp.h"
#include "wire_recode.h"

static const char *const form_text[] = {
#define X(name, text) text,
    DOOR_FORM_TABLE(X)
#undef X
};

const char *door_form_text(enum door_form form) {
  return form_text[form];
}

bool door_form_read(struct base_str text, enum door_form *out) {
  *out = DOOR_FORM_ALS;
  if (text.n == 0) return true;
  for (unsigned i = 0; i < DOOR_FORM_COUNT; i++) {
    if (!str_eq(text, str_of(form_text[i]))) continue;
    *out = (enum door_form)i;
    return true;
  }
  return false;
}

void door_close(struct door *d) {
  free(d->mem);
  d->mem = NULL;
}

static enum wire_status recode(enum door_wire wire, struct base_str bytes, struct base_buf *out, struct door_message *m,
                               struct wire_err *err) {
  switch (wire) {
    case DOOR_TRACES_JSON: return wire_recode_traces(bytes, out, err);
    case DOOR_LOGS_JSON: return wire_recode_logs(bytes, out, err);
    case DOOR_ZIPKIN: return wire_recode_zipkin(bytes, out, &m->lost, err);
    case DOOR_ZIPKIN_JSON: return wire_recode_zipkin_json(bytes, out, &m->lost, err);
    default: return WIRE_BAD;
  }
}

bool door_take(struct door *d, enum door_wire wire, struct base_str bytes, struct door_message *out,
               const char **reason) {
  struct wire_err err = {0, "over the size limit"};
  bool logs = wire == DOOR_LOGS || wire == DOOR_LOGS_JSON;
  *out = (struct door_message){.form = logs ? DOOR_FORM_LOGS : DOOR_FORM_TRACES, .bytes = bytes};
  *reason = err.reason;
  if (wire == DOOR_ALS) out->form = DOOR_FORM_ALS;
  if (wire == DOOR_ALS) return true;
  if (wire == DOOR_TRACES || wire == DOOR_LOGS) {
    if (bytes.n > LIMIT_MESSAGE_BYTES) return false;
    bool good = wire_otlp_check(bytes, &err) == WIRE_OK;
    *reason = err.reason;
    return good;
  }
  if (!d->mem && !(d->mem = malloc(LIMIT_MESSAGE_BYTES))) {
    *reason = "out of memory";
    return false;
  }
  struct base_buf buf = buf_over(d->mem, LIMIT_MESSAGE_BYTES);
  bool good = recode(wire, bytes, &buf, out, &err) == WIRE_OK;
  out->bytes = buf_str(&buf);
  *reason = err.reason;
  return good;
}

uint32_t door_fold(struct wire_fold *f, wire_stream s, enum door_form form, struct base_str bytes,
                   struct base_wall recv) {
  if (form == DOOR_FORM_ALS) return wire_fold_message(f, s, bytes, recv);
  return wire_fold_otlp(f, form == DOOR_FORM_LOGS ? WIRE_OTLP_LOGS : WIRE_OTLP_TRACES, bytes, recv);
}
