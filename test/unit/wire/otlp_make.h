/* OTLP messages with chosen fields, for tests and fuzz seeds. */
#ifndef OTLP_MAKE_H
#define OTLP_MAKE_H

#include "base_buf.h"

/* Pairs of texts, up to {NULL, NULL}. */
struct made_pair {
  const char *key, *value;
};

struct made_span {
  const char *trace, *id, *parent; /* one character each stands for all bytes of the id */
  const char *name, *state;
  uint32_t kind;
  int64_t start_ns, span_ns;
  bool error;
  struct made_pair attr[12];
};

struct made_log {
  int64_t time_ns;
  uint32_t severity;
  const char *body;
  struct made_pair attr[16];
};

/* One group with that resource. */
void otlp_make_spans(struct base_buf *out, const struct made_pair *resource, const struct made_span *span, size_t n);
void otlp_make_logs(struct base_buf *out, const struct made_pair *resource, const struct made_log *log, size_t n);

#endif
