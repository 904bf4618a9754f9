/* The one codec of the input log's records, for journal frames. A tick's input is one frame (kind REC_FRAME_TICK):
 * everything that arrived for the 64 buckets and the head, then the tick. Little-endian; counts are LEB128
 * varints; strings are length and bytes. Reading checks every bound and allocates nothing outside the arena. */
#ifndef REC_CODEC_H
#define REC_CODEC_H

#include "base_arena.h"
#include "base_buf.h"
#include "rec_input.h"

enum rec_frame { REC_FRAME_TICK = 1,     /* rec_codec_tick_* */
                 REC_FRAME_INCIDENT = 2, /* an incident's JSON */
                 REC_FRAME_STREAM = 16,  /* recording: rec_arrival, kind open */
                 REC_FRAME_MESSAGE = 17, /* recording: a message of a stream */
                 REC_FRAME_STREAM_END = 18,
                 REC_FRAME_CLOSE = 19 /* recording: ticks were asked for at this clock */ };

struct rec_tick_input {
  struct rec_tick tick;
  struct rec_batch bucket[LIMIT_BUCKETS];
  struct rec_head_batch head;
};

/* Sets out->bad where it does not fit. Same input, same bytes. */
void rec_codec_tick_write(const struct rec_tick_input *in, struct base_buf *out);
/* Views into bytes and the arena. False: broken or too large for the arena; *reason is a static text. */
bool rec_codec_tick_read(struct base_str bytes, struct base_arena *arena, struct rec_tick_input *out, const char **reason);

/* What a receiver saw, for recordings. */
struct rec_arrival {
  uint64_t stream;       /* number of the stream within the recording, from 1 */
  struct base_wall recv; /* receiver's clock */
  struct base_str bytes; /* the message; empty for open, end and close */
};
void rec_codec_arrival_write(const struct rec_arrival *in, struct base_buf *out);
bool rec_codec_arrival_read(struct base_str bytes, struct rec_arrival *out, const char **reason);

#endif
