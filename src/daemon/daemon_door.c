#include "daemon_door.h"

#include <stdlib.h>

#include "io_snappy.h"
#include "wire_otlp.h"
#include "wire_recode.h"
#include "wire_remote.h"

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
  free(d->counts);
  *d = (struct door){0};
}

bool door_form_is_metrics(enum door_form form) {
  return form >= DOOR_FORM_METRICS;
}

enum how { HOW_OPAQUE, HOW_CHECKED, HOW_RECODED, HOW_UNPACKED };

static const struct {
  enum door_form form;
  enum how how;
} wires[] = {
#define X(name, form, how) {DOOR_FORM_##form, HOW_##how},
    DOOR_WIRE_TABLE(X)
#undef X
};

static enum wire_status recode(enum door_wire wire, struct base_str bytes, struct base_buf *out, struct door_message *m,
                               struct wire_err *err) {
  switch (wire) {
    case DOOR_TRACES_JSON: return wire_recode_traces(bytes, out, err);
    case DOOR_LOGS_JSON: return wire_recode_logs(bytes, out, err);
    case DOOR_METRICS_JSON: return wire_recode_metrics(bytes, out, err);
    case DOOR_ZIPKIN: return wire_recode_zipkin(bytes, out, &m->lost, err);
    case DOOR_ZIPKIN_JSON: return wire_recode_zipkin_json(bytes, out, &m->lost, err);
    default: return WIRE_BAD;
  }
}

static bool unpack(struct base_str packed, struct base_buf *out, struct wire_err *err) {
  enum io_snappy s = io_snappy_unpack(packed, out->p, out->cap, &out->n);
  out->bad = s == IO_SNAPPY_OVERSIZE;
  if (s == IO_SNAPPY_BAD) err->reason = "broken snappy";
  return s == IO_SNAPPY_OK && wire_otlp_check(buf_str(out), err) == WIRE_OK;
}

/* Into the door's own memory. */
static bool remade(struct door *d, enum door_wire wire, struct base_str bytes, struct door_message *out,
                   struct wire_err *err) {
  if (!d->mem && !(d->mem = malloc(LIMIT_MESSAGE_BYTES))) {
    err->reason = "out of memory";
    return false;
  }
  struct base_buf buf = buf_over(d->mem, LIMIT_MESSAGE_BYTES);
  bool good =
      wires[wire].how == HOW_UNPACKED ? unpack(bytes, &buf, err) : recode(wire, bytes, &buf, out, err) == WIRE_OK;
  out->bytes = buf_str(&buf);
  out->oversize = buf.bad;
  return good;
}

bool door_take(struct door *d, enum door_wire wire, struct base_str bytes, struct door_message *out,
               const char **reason) {
  struct wire_err err = {0, "over the size limit"};
  enum how how = wires[wire].how;
  bool good = true;
  *out = (struct door_message){.form = wires[wire].form, .bytes = bytes};
  if (how == HOW_RECODED || how == HOW_UNPACKED)
    good = remade(d, wire, bytes, out, &err);
  else if (how == HOW_CHECKED)
    good = bytes.n <= LIMIT_MESSAGE_BYTES && wire_otlp_check(bytes, &err) == WIRE_OK;
  *reason = err.reason;
  return good;
}

struct door_counts {
  struct wire_sampler sampler;
  struct wire_remote remote;
  uint64_t counter[REC_COUNTER_COUNT];
};

static void sample_drop(void *arg, const struct wire_sample *s) {
  (void)arg;
  (void)s;
}

struct wire_sample_tally door_tally(struct door *d, const struct door_message *m) {
  struct wire_err err;
  if (m->form != DOOR_FORM_REMOTE_WRITE) return (struct wire_sample_tally){0};
  if (!d->counts && !(d->counts = calloc(1, sizeof *d->counts))) return (struct wire_sample_tally){0};
  struct wire_sampler *sampler = &d->counts->sampler;
  wire_sampler_init(sampler, sample_drop, NULL, d->counts->counter);
  (void)wire_remote_take(sampler, &d->counts->remote, m->bytes, &err);
  return sampler->tally;
}

static enum wire_metrics_kind metrics_kind(enum door_form form) {
  switch (form) {
    case DOOR_FORM_ENVOY_METRICS: return WIRE_METRICS_ENVOY;
    case DOOR_FORM_PROMETHEUS: return WIRE_METRICS_TEXT;
    case DOOR_FORM_PROMETHEUS_PROTO: return WIRE_METRICS_PROTO;
    case DOOR_FORM_REMOTE_WRITE: return WIRE_METRICS_REMOTE;
    default: return WIRE_METRICS_OTLP;
  }
}

uint32_t door_fold(struct wire_fold *f, wire_stream s, enum door_form form, struct base_str bytes,
                   struct base_wall recv) {
  if (door_form_is_metrics(form)) return wire_fold_metrics(f, metrics_kind(form), s, bytes, recv);
  if (form == DOOR_FORM_ALS) return wire_fold_message(f, s, bytes, recv);
  return wire_fold_otlp(f, form == DOOR_FORM_LOGS ? WIRE_OTLP_LOGS : WIRE_OTLP_TRACES, bytes, recv);
}
