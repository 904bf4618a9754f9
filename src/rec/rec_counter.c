#include "rec_counter.h"

#include "base_must.h"

#define X(name, text, doc) text,
static const char *const counter_text[] = {REC_COUNTER_TABLE(X)};
#undef X
#define X(name, text, doc) doc,
static const char *const counter_doc[] = {REC_COUNTER_TABLE(X)};
#undef X

const char *rec_counter_text(enum rec_counter c) {
  MUST(c < REC_COUNTER_COUNT);
  return counter_text[c];
}

const char *rec_counter_doc(enum rec_counter c) {
  MUST(c < REC_COUNTER_COUNT);
  return counter_doc[c];
}
