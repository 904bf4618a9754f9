/* Remote writes of any bytes, 1.0 and 2.0. */
#include "fuzz_samples.h"
#include "wire_remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static struct wire_remote *r;
  struct fuzz_samples *f = samples_open();
  struct base_str bytes = {(const char *)data, n};
  struct wire_err err = {0, NULL};
  if (!r && !(r = malloc(sizeof *r))) abort();
  if (wire_remote_take(&f->sampler, r, bytes, &err) != WIRE_OK) {
    MUST(err.reason && err.offset <= n && f->given == 0);
    return 0;
  }
  samples_end(f);
  return 0;
}
