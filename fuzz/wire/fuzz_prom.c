/* Expositions of any bytes, with or without the line of a target. Input: a byte of form (modulo 3), then the bytes.
 * What a text gives line by line is counted against its lines. */
#include "fuzz_samples.h"
#include "wire_preface.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0) return 0;
  struct fuzz_samples *f = samples_open();
  struct base_str bytes = {(const char *)data + 1, n - 1};
  struct wire_preface p;
  struct wire_err err = {0, NULL};
  size_t lines = 1;
  if (wire_preface_read(&f->sampler, bytes, (enum wire_prom_form)(data[0] % 3), &p, &err) != WIRE_OK) {
    MUST(err.reason && err.offset <= bytes.n);
    return 0;
  }
  err.reason = NULL;
  if (wire_prom_take(&f->sampler, p.form, p.body, &err) != WIRE_OK) MUST(err.reason && err.offset <= p.body.n);
  for (size_t i = 0; i < p.body.n; i++) lines += p.body.p[i] == '\n';
  if (p.form != WIRE_PROM_PROTO) MUST(f->sampler.tally.samples + f->sampler.tally.rejected <= lines);
  samples_end(f);
  return 0;
}
