/* gRPC's length-prefixed messages out of any cut of their bytes: a flag byte, four bytes of length (big endian),
 * the message. A message that lies whole in the bytes at hand is passed on where it lies; only one that is cut is
 * copied together. Pure but for the buffer that it takes from the account. */
#ifndef IO_GRPC_H
#define IO_GRPC_H

#include "base_str.h"
#include "io_hold.h"

enum { IO_GRPC_PREFIX_BYTES = 5 };

enum io_deframe {
  IO_DEFRAME_MORE,       /* all bytes consumed, no message complete */
  IO_DEFRAME_MESSAGE,    /* *message is one */
  IO_DEFRAME_COMPRESSED, /* the compressed flag, where it was not agreed */
  IO_DEFRAME_OVERSIZE,   /* longer than the maximum */
  IO_DEFRAME_BAD,        /* a flag byte that gRPC does not know */
  IO_DEFRAME_MEMORY      /* the account is exhausted */
};

struct io_grpc {
  struct io_hold *hold;
  uint32_t message_bytes_max;
  uint8_t prefix[IO_GRPC_PREFIX_BYTES];
  uint8_t prefix_n;
  uint8_t broken; /* enum io_deframe, sticky; 0 */
  bool gzip;      /* the compressed flag was agreed */
  bool packed;    /* the message handed out has it */
  bool shown;     /* body was handed out and goes back at the next call */
  uint32_t want;  /* bytes of the message under way */
  struct base_buf body;
};

void io_grpc_init(struct io_grpc *g, struct io_hold *hold, uint32_t message_bytes_max);
void io_grpc_fini(struct io_grpc *g);
/* Consumes from the front of *in until one message is complete or *in is empty. *message is valid until the next
 * call and as long as the bytes of *in. The last four answers are sticky. Cost: at most one copy of a message. */
enum io_deframe io_grpc_next(struct io_grpc *g, struct base_str *in, struct base_str *message);
/* A message has begun and is not complete. */
bool io_grpc_partial(const struct io_grpc *g);

#endif
