/* The deframer: whatever the bytes and however they are cut (the first byte is the seed of the cuts), the answer is
 * that of the uncut bytes, and all memory goes back. */
#include <stdlib.h>

#include "base_hash.h"
#include "base_must.h"
#include "io_grpc.h"

enum { MESSAGE_BYTES_MAX = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A digest of all that comes out; piece 0: uncut. */
static uint64_t digest(const uint8_t *data, size_t size, uint32_t seed) {
  struct io_hold hold;
  struct io_grpc g;
  uint64_t h = 0;
  enum io_deframe step = IO_DEFRAME_MORE;
  io_hold_init(&hold, 1 << 20);
  io_grpc_init(&g, &hold, MESSAGE_BYTES_MAX);
  for (size_t at = 0; at < size && step == IO_DEFRAME_MORE;) {
    size_t n = seed ? 1 + (seed = seed * 1664525u + 1013904223u) % 97 : size;
    if (n > size - at) n = size - at;
    struct base_str in = {(const char *)data + at, n}, m;
    while ((step = io_grpc_next(&g, &in, &m)) == IO_DEFRAME_MESSAGE)
      h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, m.p, m.n));
    at += n;
  }
  h = hash_mix(hash_mix(h, step), io_grpc_partial(&g));
  MUST(hold.bytes <= MESSAGE_BYTES_MAX * 2);
  io_grpc_fini(&g);
  MUST(hold.bytes == 0);
  io_hold_fini(&hold);
  return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  MUST(digest(data + 1, size - 1, 0) == digest(data + 1, size - 1, data[0] + 1u));
  return 0;
}
