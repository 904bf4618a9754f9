/* Memory for what is only half here: parts of messages, request bodies, unsent responses. One account a listener,
 * so that many slow peers together stay bounded (LIMIT_HELD_BYTES), and a few spare buffers, so that a feed of
 * messages that are split over frames allocates nothing once it is warm. */
#ifndef IO_HOLD_H
#define IO_HOLD_H

#include "base_buf.h"

/* Buffers of these sizes are spared, others are freed. */
enum { IO_HOLD_SPARES = 8, IO_HOLD_SPARE_BYTES_MIN = 4 << 10, IO_HOLD_SPARE_BYTES_MAX = 256 << 10 };

struct io_hold {
  size_t bytes; /* capacity of all buffers that are out */
  size_t bytes_max;
  unsigned spare_n;
  struct base_buf spare[IO_HOLD_SPARES];
  void *inflater; /* of io_inflate.c, made when first needed */
};

void io_hold_init(struct io_hold *h, size_t bytes_max);
void io_hold_fini(struct io_hold *h);

/* An empty heap buffer of at most max bytes, a spare one where there is one. (A plain buf_open will do where it may
 * stay empty for long.) */
struct base_buf io_hold_take(struct io_hold *h, size_t max);
/* Takes the bytes back and leaves *b empty with its maximum. *b must be a heap buffer that grew through the two
 * functions below only. */
void io_hold_give(struct io_hold *h, struct base_buf *b);
/* Appends. False: over b's maximum, over the account, or out of memory; b is then only good for io_hold_give. */
bool io_hold_put(struct io_hold *h, struct base_buf *b, struct base_str s);
/* Room for n more bytes at once, where a buffer's size is known before. Same answer. */
bool io_hold_reserve(struct io_hold *h, struct base_buf *b, size_t n);

#endif
