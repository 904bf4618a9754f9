/* gzip (RFC 1952) in whole buffers, with a bound: what would grow past it is refused before it is written. */
#ifndef IO_INFLATE_H
#define IO_INFLATE_H

#include "io_hold.h"

enum io_inflate {
  IO_INFLATE_OK,
  IO_INFLATE_BAD,      /* no gzip, or broken */
  IO_INFLATE_OVERSIZE, /* more than max */
  IO_INFLATE_MEMORY    /* the account is exhausted */
};

/* *out is a buffer of the account, given back by the caller (io_hold_give) whatever the answer. Members one after the
 * other are one text. Memory: what the packed data says of itself, doubled while that was too little. */
enum io_inflate io_inflate(struct io_hold *hold, struct base_str packed, size_t max, struct base_buf *out);
void io_inflate_fini(struct io_hold *hold);

#endif
