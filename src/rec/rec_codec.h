/* The one codec of the input log's records, for journal frames. A tick's input is one frame (kind REC_FRAME_TICK):
 * the tick, and everything that arrived for the 64 buckets and the head before it closed. Little-endian; counts are
 * LEB128 varints; strings are length and bytes. Reading checks every bound and allocates nothing outside the arena.
 * One meaning has one encoding: what reads well, writes back to the same bytes.
 *
 *   tick    u8 version | seq | i64 end | i64 now | u64 mask of the buckets that have anything | those | head
 *   bucket  n series | n obs, n cells | n drops
 *   series  idx (after the one before) | level, side | a string for each dim of the level, in order
 *   obs     idx (after the one before) | mask of classes, their counts | retries, started, ended started | n cells,
 *           each bucket (after the one before) and count | latency sum | mask of stages, their sums |
 *           bytes in | bytes out
 *   drop    idx
 *   head    n exemplars | n changes | n commands | n gaps | n gauges
 *   gap     node, namespace, service, cluster | expected, lost | reason
 *   gauge   i64 at | mask of dims, their strings | metric, part, line | u64 value's bits | lead n, lead ns |
 *           role, unit, bad, novel
 *
 * Numbers that ascend are written as the distance to the number before, less one. */
#ifndef REC_CODEC_H
#define REC_CODEC_H

#include "base_arena.h"
#include "base_buf.h"
#include "rec_input.h"

enum rec_frame {
  REC_FRAME_TICK = 1,     /* rec_codec_tick_* */
  REC_FRAME_INCIDENT = 2, /* an incident's JSON */
  REC_FRAME_AUDIT = 3,    /* an action asked of the API, as JSON; in the incident log */
  REC_FRAME_STREAM = 16,  /* recording: rec_arrival, kind open */
  REC_FRAME_MESSAGE = 17, /* recording: a message of a stream */
  REC_FRAME_STREAM_END = 18,
  REC_FRAME_CLOSE = 19,       /* recording: ticks were asked for at this clock */
  REC_FRAME_TOLD = 20,        /* recording: changes and commands that the API took, as a tick's input of nothing else */
  REC_FRAME_PACK = 32,        /* a packed incident: what it is, as JSON */
  REC_FRAME_PACK_MEMORY = 33, /* a part of its checkpoint */
  REC_FRAME_PACK_END = 34     /* nothing is missing before it */
};

struct rec_tick_input {
  struct rec_tick tick;
  struct rec_batch bucket[LIMIT_BUCKETS];
  struct rec_head_batch head;
};

#define REC_CODEC_VERSION 5u

/* Appends the frame's body. Sets out->bad where it does not fit, or where the reader would refuse it: a text over
 * its limit, numbers out of range or out of order. Same input, same bytes. */
void rec_codec_tick_write(const struct rec_tick_input *in, struct base_buf *out);
/* Views into bytes and the arena, both of which *out needs as long as it is used. Obs, cells and series come out as
 * rec_input.h asks: ascending, in range, each series in its own bucket. The arena takes at most 64 times the bytes.
 * False: broken or too large for the arena; *reason is a static text and *out is not to be used. */
bool rec_codec_tick_read(struct base_str bytes, struct base_arena *arena, struct rec_tick_input *out,
                         const char **reason);

/* What a receiver saw, for recordings. */
struct rec_arrival {
  uint64_t stream;       /* number of the stream within the recording, from 1 */
  struct base_wall recv; /* receiver's clock */
  struct base_str bytes; /* the message; empty for open, end and close */
};
/* Appends the frame's body: varint stream | i64 recv | the bytes. */
void rec_codec_arrival_write(const struct rec_arrival *in, struct base_buf *out);
bool rec_codec_arrival_read(struct base_str bytes, struct rec_arrival *out, const char **reason);

#endif
