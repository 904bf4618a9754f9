/* The bytes of a segment: its header and its frames (journal.h). No files here. */
#ifndef JOURNAL_FRAME_H
#define JOURNAL_FRAME_H

#include "base_buf.h"
#include "base_str.h"

#define JOURNAL_HEADER_BYTES 24u
#define JOURNAL_FRAME_HEAD_BYTES 9u

struct journal_frame {
  uint8_t kind;
  struct base_str body;
  size_t bytes; /* of the whole frame */
};

/* MORE: a sound beginning that is not whole. BAD_LENGTH: no frame can begin so. BAD_CRC: whole, but damaged;
 * out->bytes is its length. */
enum journal_frame_status { JOURNAL_FRAME_OK, JOURNAL_FRAME_MORE, JOURNAL_FRAME_BAD_LENGTH, JOURNAL_FRAME_BAD_CRC };

/* Writes the 24 bytes of a segment's header. */
void journal_header_write(uint64_t first, unsigned char out[JOURNAL_HEADER_BYTES]);
/* False where the bytes are not a header. */
bool journal_header_read(const void *bytes, uint64_t *first);

/* Appends a frame to *out, whole or (out->bad) not at all. body.n <= LIMIT_FRAME_BYTES. */
void journal_frame_write(uint8_t kind, struct base_str body, struct base_buf *out);
/* The frame at the start of bytes; out->body points into them. */
enum journal_frame_status journal_frame_read(struct base_str bytes, struct journal_frame *out);

/* What the bytes of a segment hold, for opening it to append. */
struct journal_scan {
  uint64_t frames;  /* sound ones from the start */
  size_t sound_end; /* where they end */
  bool torn;        /* what follows is a torn tail: one frame that is not whole, or damaged and the last */
  bool damaged;     /* what follows is damage, with something behind it */
};

/* frames: everything after the header. Cost: one pass, a CRC; up to four more over an unsound tail. */
struct journal_scan journal_scan(struct base_str frames);

#endif
