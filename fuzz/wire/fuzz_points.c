/* OTLP metrics of any bytes. Input: a byte of mode (bit 0: JSON, which is recoded first and must then be sound), then a
 * message. */
#include "fuzz_samples.h"
#include "wire_otlp.h"
#include "wire_points.h"
#include "wire_recode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static char mem[1 << 20];
  if (n == 0) return 0;
  struct fuzz_samples *f = samples_open();
  struct base_str bytes = {(const char *)data + 1, n - 1};
  struct base_buf out = buf_over(mem, sizeof mem);
  struct wire_err err;
  if (data[0] & 1) {
    if (wire_recode_metrics(bytes, &out, &err) != WIRE_OK) return 0;
    bytes = buf_str(&out);
    MUST(wire_otlp_check(bytes, &err) == WIRE_OK);
  }
  if (wire_otlp_check(bytes, &err) != WIRE_OK) return 0;
  wire_points_take(&f->sampler, bytes);
  samples_end(f);
  return 0;
}
