/* Frames in segment files: the input log, the incident log, recordings. A frame:
 *
 *   u32le length of body | u32le CRC-32C of kind and body | u8 kind | body
 *
 * A segment starts with the 16 bytes "FSHK1 journal\n" NUL-padded, then u64le number of its first frame. Files are
 * named <16 hex digits of that number>.seg in the log's directory; a single-file recording has one segment.
 * Appending is buffered; journal_sync makes it durable. Opening for append cuts a torn tail (a frame that is not
 * whole or whose CRC fails at the very end); a bad frame in the middle is BAD and counted, and reading goes on at
 * the next segment. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_limits.h"
#include "base_str.h"

struct journal;        /* a writer */
struct journal_cursor; /* a reader */

enum journal_status { JOURNAL_OK, JOURNAL_END, JOURNAL_BAD, JOURNAL_IO };

struct journal_err {
  char text[256]; /* file, offset, reason */
};

struct journal_conf {
  const char *dir;        /* a directory of segments, or NULL with `file` */
  const char *file;       /* a single-file log ("-": standard output) */
  uint64_t segment_bytes; /* roll past this; 0: LIMIT_SEGMENT_BYTES */
  uint32_t segments_max;  /* oldest unpinned removed past this; 0: never */
};

/* Creates or continues a log. NULL: err tells. */
struct journal *journal_open(const struct journal_conf *conf, struct journal_err *err);
/* Number of the frame that the next append gets, from 0. */
uint64_t journal_next(const struct journal *j);
enum journal_status journal_append(struct journal *j, uint8_t kind, struct base_str body);
/* Writes what is buffered; with durable also fdatasync. */
enum journal_status journal_sync(struct journal *j, bool durable);
/* Segments that hold frames [from, to] are kept until unpinned. */
void journal_pin(struct journal *j, uint64_t pin_id, uint64_t from, uint64_t to);
void journal_unpin(struct journal *j, uint64_t pin_id);
void journal_close(struct journal *j);

/* Reads a directory, a file, or "-" from frame `from` on (or the oldest kept where that is later). */
struct journal_cursor *journal_cursor_open(const char *path, uint64_t from, struct journal_err *err);
/* JOURNAL_OK: the next frame; body lives until the next call. END: no more now. BAD: *err names file, offset and
 * reason; call again to go on after it, where that is possible. */
enum journal_status journal_cursor_next(struct journal_cursor *c, uint64_t *number, uint8_t *kind, struct base_str *body,
                                        struct journal_err *err);
void journal_cursor_close(struct journal_cursor *c);

/* A snapshot file: written to a temporary name, fsynced, renamed. Reading checks magic, length and CRC. */
enum journal_status journal_snapshot_write(const char *path, struct base_str bytes, struct journal_err *err);
enum journal_status journal_snapshot_read(const char *path, struct base_buf *out, struct journal_err *err);

#endif
