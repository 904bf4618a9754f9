/* A key (its length, then its bytes), then any bytes as a google.protobuf.Struct to find it in; and the same bytes
 * walked by the cursor alone. */
#include <stdlib.h>

#include "wire_als.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Skipping must move forward through sound bytes and end at their end; a fault must be inside. */
static void walk_check(struct base_str raw) {
  struct wire_pb c = pb_over(raw);
  const uint8_t *end = c.end, *last = c.p;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    pb_skip(&c, tag);
    if (!c.reason && c.p <= last) abort();
    last = c.p;
  }
  if (c.p > end || (!c.reason && c.p != end)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct base_str all = {(const char *)data, size}, out;
  if (size == 0) return 0;
  size_t key_n = data[0];
  struct base_str key = str_cut(all, 1, 1 + key_n), raw = str_cut(all, 1 + key_n, size);
  bool is_struct = false;
  walk_check(raw);
  if (!wire_struct_find(raw, key, &out, &is_struct)) return 0;
  if (out.p < raw.p || out.n > (size_t)(raw.p + raw.n - out.p)) abort();
  if (is_struct) (void)wire_struct_find(out, key, &out, &is_struct);
  return 0;
}
