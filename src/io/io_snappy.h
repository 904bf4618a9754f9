/* snappy's block format (the format description in github.com/google/snappy), as remote write sends it: whole buffers,
 * with a bound. A block begins with how long it is unpacked, so that a bomb is refused before a byte of it is written.
 */
#ifndef IO_SNAPPY_H
#define IO_SNAPPY_H

#include <stdbool.h>
#include <stddef.h>

#include "base_str.h"

enum io_snappy {
  IO_SNAPPY_OK,
  IO_SNAPPY_BAD,     /* no snappy, or broken */
  IO_SNAPPY_OVERSIZE /* says that it is longer than max */
};

/* Unpacks into to[0..max); *n: bytes written. Cost: what `1.0 packed` takes more than
 * `write 1.0` (bench samples). */
enum io_snappy io_snappy_unpack(struct base_str packed, void *to, size_t max, size_t *n);

#endif
