#include "sample_text.h"

#include "wire_number.h"

static void value_text(struct base_buf *out, const struct wire_sample *s) {
  if (s->kind != WIRE_SAMPLE_HISTOGRAM && s->kind != WIRE_SAMPLE_SUMMARY) {
    number_write(out, s->value);
    return;
  }
  buf_put_u64(out, s->count);
  buf_put_char(out, '/');
  if (s->has_sum)
    number_write(out, s->sum);
  else
    buf_put_char(out, '-');
  buf_put_str(out, STR(" ["));
  for (uint32_t i = 0; i < s->bucket_n; i++) {
    if (i) buf_put_char(out, ' ');
    number_write(out, s->bucket[i].upper);
    buf_put_f(out, ":%llu", (unsigned long long)s->bucket[i].n);
  }
  buf_put_char(out, ']');
}

void sample_text(void *arg, const struct wire_sample *s) {
  struct base_buf *out = arg;
  buf_put_f(out, "%s %.*s", sample_kind_text((enum wire_sample_kind)s->kind), STR_ARG(s->name));
  for (uint32_t i = 0; i < s->label_n; i++)
    buf_put_f(out, "%c%.*s=\"%.*s\"", i ? ',' : '{', STR_ARG(s->label[i].key), STR_ARG(s->label[i].value));
  buf_put_str(out, s->label_n ? STR("} ") : STR(" "));
  value_text(out, s);
  if (s->time_ns) buf_put_f(out, " @%lld", (long long)s->time_ns);
  if (s->start_ns) buf_put_f(out, " ^%lld", (long long)s->start_ns);
  if (s->mode == WIRE_SAMPLE_DELTA) buf_put_str(out, STR(" delta"));
  if (s->unit.n) buf_put_f(out, " unit %.*s", STR_ARG(s->unit));
  if (s->stale) buf_put_str(out, STR(" stale"));
  buf_put_char(out, '\n');
}
