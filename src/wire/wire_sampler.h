/* What every decoder of metrics has in hand: the sample under way, room for its buckets and for texts that cannot
 * point into the message, the labels that all samples of a message share, and where samples go. One a decoder's
 * owner, kept from message to message; a message leaves nothing behind in it but counts.
 *
 *   sampler_clear(m); m->s.name = …; sampler_label(m, key, value) …; sampler_give(m);
 *
 * Broken samples are counted by reason (rec_counter.h) and cost their neighbours nothing. */
#ifndef WIRE_SAMPLER_H
#define WIRE_SAMPLER_H

#include "base_buf.h"
#include "rec_counter.h"
#include "wire_exp.h"
#include "wire_sample.h"

#define WIRE_NATIVE_SPANS 1024u /* of one sign of a native histogram; one with more is refused */

/* Room to read a native histogram (wire_native.c): a span is a gap, then buckets one after the other. */
struct wire_native_span {
  int32_t offset;
  uint32_t length;
};
struct wire_native {
  uint32_t span_n[2]; /* negative, positive */
  struct wire_native_span span[2][WIRE_NATIVE_SPANS];
  double custom[WIRE_SAMPLE_BOUNDS];
};

/* Of one message: what went to the sink, and what did not. */
struct wire_sample_tally {
  uint64_t samples;    /* understood, histograms not among them */
  uint64_t histograms; /* whole ones */
  uint64_t exemplars;  /* passed over */
  uint64_t rejected;   /* broken, or past a limit */
};

struct wire_sampler {
  wire_sample_sink *sink;
  void *arg;
  uint64_t *counter; /* REC_COUNTER_COUNT of them */
  struct wire_sample_tally tally;
  struct wire_sample s;
  bool over;            /* the sample under way has too many labels, or too much text */
  struct base_buf text; /* of the sample under way */
  struct base_buf common_text;
  bool common_over;
  uint32_t common_n;
  struct wire_label
      common[WIRE_SAMPLE_LABELS]; /* of the target, resource or node; they stand behind the sample's own */
  struct wire_bucket bucket[WIRE_SAMPLE_BOUNDS];
  struct wire_exp exp;
  struct wire_native native;
  char text_mem[LIMIT_SAMPLE_TEXT_BYTES], common_mem[LIMIT_SAMPLE_TEXT_BYTES];
};

/* counter: of enum rec_counter, counted up. */
void wire_sampler_init(struct wire_sampler *m, wire_sample_sink *sink, void *arg, uint64_t *counter);
/* A new message: no tally, no common labels. */
void wire_sampler_start(struct wire_sampler *m);
/* The sample under way ends here: to the sink, or counted by reason. A value that is not finite, or an infinite sum, is
 * passed over; Prometheus' stale marker becomes `stale`. */
void wire_sampler_give(struct wire_sampler *m);
void wire_sampler_reject(struct wire_sampler *m, enum rec_counter reason);

/* Prometheus' marker of a series that ended (model/value in its source): a NaN of these bits. */
#define WIRE_STALE_BITS 0x7ff0000000000002ull
static inline bool sample_is_stale(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits == WIRE_STALE_BITS;
}

/* A sample begins: an untyped cumulative one, without a name, time or labels. */
static inline void sampler_clear(struct wire_sampler *m) {
  struct wire_sample *s = &m->s;
  s->name = s->unit = STR_NONE;
  s->kind = WIRE_SAMPLE_UNTYPED;
  s->mode = WIRE_SAMPLE_CUMULATIVE;
  s->stale = s->has_sum = false;
  s->time_ns = s->start_ns = 0;
  s->value = s->sum = 0;
  s->count = 0;
  s->bucket_n = s->label_n = 0;
  s->bucket = NULL;
  m->over = false;
  buf_clear(&m->text);
}

static inline void sampler_label(struct wire_sampler *m, struct base_str key, struct base_str value) {
  if (m->s.label_n < WIRE_SAMPLE_LABELS)
    m->s.label[m->s.label_n++] = (struct wire_label){key, value};
  else
    m->over = true;
}

/* A label of all samples that follow in this message. The first of one key counts. Past the limit every sample of the
 * message is refused: without all its labels it would be another one (I7). */
static inline void sampler_common(struct wire_sampler *m, struct base_str key, struct base_str value) {
  if (m->common_n < WIRE_SAMPLE_LABELS)
    m->common[m->common_n++] = (struct wire_label){key, value};
  else
    m->common_over = true;
}

static inline void sampler_exemplar(struct wire_sampler *m) {
  m->tally.exemplars++;
  m->counter[REC_COUNTER_EXEMPLARS]++;
}

#endif
