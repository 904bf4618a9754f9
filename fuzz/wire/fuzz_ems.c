/* Streams of Envoy's metrics service of any bytes. Input: messages, each behind two bytes of length. */
#include "fuzz_samples.h"
#include "wire_als.h"
#include "wire_ems.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct fuzz_samples *f = samples_open();
  struct wire_ems_stream stream = {0};
  for (size_t at = 0; at + 2 <= n;) {
    size_t size = (size_t)data[at] << 8 | data[at + 1];
    if (size > n - at - 2) size = n - at - 2;
    struct base_str bytes = {(const char *)data + at + 2, size};
    struct wire_als_msg msg;
    struct wire_err err;
    wire_sampler_start(&f->sampler);
    sampler_common(&f->sampler, STR("node_id"), STR("a"));
    if (wire_als_msg_read(bytes, &msg, &err) == WIRE_OK) {
      bool deltas = stream.deltas;
      wire_ems_take(&f->sampler, &stream, bytes);
      MUST(stream.deltas >= deltas && stream.watched_n <= WIRE_EMS_WATCHED && f->sampler.common_n == 1);
    }
    at += 2 + size;
  }
  return 0;
}
