/* A chunk of points, whatever its bytes: refused, or read into points that are written and read back the same. The
 * first byte says how many points are asked for. */
#include <math.h>
#include <stdlib.h>

#include "base_must.h"
#include "store_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct store_point *a, const struct store_point *b, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    MUST(a[i].known == b[i].known && a[i].requests == b[i].requests && a[i].errors == b[i].errors);
    MUST(a[i].mean_ms == b[i].mean_ms && a[i].p99_ms == b[i].p99_ms && isfinite(a[i].mean_ms) && isfinite(a[i].p99_ms));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct store_point p[CHUNK_POINTS_MAX], q[CHUNK_POINTS_MAX];
  if (size == 0) return 0;
  uint32_t n = data[0] * 4u;
  if (!chunk_read((struct base_str){(const char *)data + 1, size - 1}, p, n)) return 0;
  struct base_buf out = buf_open(1u << 20);
  chunk_write(p, n, &out);
  MUST(!out.bad && chunk_read(buf_str(&out), q, n));
  same(p, q, n);
  buf_fini(&out);
  return 0;
}
