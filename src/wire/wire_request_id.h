/* What stands for a request id in tables of them. */
#ifndef WIRE_REQUEST_ID_H
#define WIRE_REQUEST_ID_H

#include "base_hash.h"
#include "base_str.h"

#define WIRE_REQUEST_ID_BYTES 128u /* a longer one is not compared */

/* By words: a clash that somebody makes on purpose merges two requests of his own. */
static inline uint64_t wire_request_id_hash(struct base_str id) {
  uint64_t h = id.n, word;
  size_t at = 0;
  for (; at + sizeof word < id.n; at += sizeof word) {
    memcpy(&word, id.p + at, sizeof word);
    h = hash_mix(h, word);
  }
  word = 0;
  memcpy(&word, id.p + at, id.n - at);
  return hash_mix(h, word);
}

#endif
