#include "io_snappy.h"

#include <snappy-c.h>

enum io_snappy io_snappy_unpack(struct base_str packed, void *to, size_t max, size_t *n) {
  size_t size;
  *n = 0;
  if (packed.n == 0 || snappy_uncompressed_length(packed.p, packed.n, &size) != SNAPPY_OK) return IO_SNAPPY_BAD;
  if (size > max) return IO_SNAPPY_OVERSIZE;
  size_t made = max;
  if (snappy_uncompress(packed.p, packed.n, to, &made) != SNAPPY_OK) return IO_SNAPPY_BAD;
  *n = made;
  return IO_SNAPPY_OK;
}
