/* The codec: what reads well is in range, and writes back to the same bytes. The first byte chooses the record. */
#include <stdlib.h>

#include "base_must.h"
#include "rec_codec.h"
#include "rec_text.h"

#define MEMORY (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tick_try(struct base_str bytes) {
  static _Alignas(16) char memory[MEMORY];
  struct base_arena arena = arena_over(memory, sizeof memory);
  struct base_buf again = buf_open(bytes.n + 1), text = buf_open(64u << 20);
  struct rec_tick_input in;
  const char *reason = NULL;
  bool sound = rec_codec_tick_read(bytes, &arena, &in, &reason);
  MUST(sound == !reason);
  MUST(arena.n <= 64 * bytes.n + 1024);
  if (sound) {
    rec_codec_tick_write(&in, &again);
    MUST(!again.bad && str_eq(buf_str(&again), bytes));
    rec_text_tick_input(&in, &text);
  }
  buf_fini(&again);
  buf_fini(&text);
}

static void arrival_try(struct base_str bytes) {
  struct base_buf again = buf_open(bytes.n + 1);
  struct rec_arrival in;
  const char *reason = NULL;
  if (rec_codec_arrival_read(bytes, &in, &reason)) {
    rec_codec_arrival_write(&in, &again);
    MUST(!again.bad && str_eq(buf_str(&again), bytes));
  }
  buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct base_str rest = {(const char *)data + 1, size - 1};
  if (data[0] & 1) {
    arrival_try(rest);
  } else {
    tick_try(rest);
  }
  return 0;
}
