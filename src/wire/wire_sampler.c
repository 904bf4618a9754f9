#include "wire_sampler.h"

#include <math.h>

void wire_sampler_init(struct wire_sampler *m, wire_sample_sink *sink, void *arg, uint64_t *counter) {
  m->sink = sink;
  m->arg = arg;
  m->counter = counter;
  wire_sampler_start(m);
  sampler_clear(m);
}

void wire_sampler_start(struct wire_sampler *m) {
  m->tally = (struct wire_sample_tally){0};
  m->common_n = 0;
  m->common_over = false;
  m->text = buf_over(m->text_mem, sizeof m->text_mem);
  m->common_text = buf_over(m->common_mem, sizeof m->common_mem);
}

void wire_sampler_reject(struct wire_sampler *m, enum rec_counter reason) {
  m->counter[reason]++;
  m->tally.rejected++;
}

static void count(struct wire_sampler *m, bool whole) {
  m->counter[REC_COUNTER_SAMPLES]++;
  if (whole)
    m->tally.histograms++;
  else
    m->tally.samples++;
}

void wire_sampler_give(struct wire_sampler *m) {
  struct wire_sample *s = &m->s;
  bool over = m->over || m->common_over || s->label_n + m->common_n > WIRE_SAMPLE_LABELS;
  if (over || m->text.bad || m->common_text.bad) {
    wire_sampler_reject(m, REC_COUNTER_REJECT_SAMPLE_LABELS);
    return;
  }
  bool whole = s->kind == WIRE_SAMPLE_HISTOGRAM;
  double v = whole || s->kind == WIRE_SAMPLE_SUMMARY ? s->sum : s->value;
  count(m, whole);
  if (sample_is_stale(v)) {
    s->stale = true;
    s->value = s->sum = 0;
  } else if (!isfinite(v)) {
    m->counter[REC_COUNTER_SAMPLES_NOT_FINITE]++;
    return;
  }
  memcpy(s->label + s->label_n, m->common, m->common_n * sizeof *m->common);
  s->label_n += m->common_n;
  m->sink(m->arg, s);
  s->label_n -= m->common_n;
}
