/* Frames in segment files: the input log, the incident log, recordings. A frame:
 *
 *   u32le length of body | u32le CRC-32C of kind and body | u8 kind | body
 *
 * A segment starts with the 16 bytes "FSHK1 journal\n" NUL-padded, then u64le number of its first frame. Files are
 * named <16 hex digits of that number>.seg in the log's directory; a single-file recording has one segment.
 * Appending is buffered; journal_sync makes it durable. Opening for append cuts a torn tail (a frame that is not
 * whole or whose CRC fails at the very end); a bad frame in the middle is BAD and counted, and reading goes on at
 * the next segment. Such damage is never cut away: a directory goes on in a new segment, whose number leaves room for
 * every frame that may have been behind the damage; a single file is not opened for append.
 *
 * Numbers ascend but may leave gaps: where segments were removed, or after damage. */
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
  uint32_t segments_max;  /* so many newest are kept in any case, older ones while they are pinned; 0: all */
};

/* Creates or continues a log; only one writer at a time may have it open. A file that is no regular one (a pipe, "-")
 * is a stream that starts anew. NULL: err tells. Reads the last segment once. */
struct journal *journal_open(const struct journal_conf *conf, struct journal_err *err);
/* Number of the frame that the next append gets, from 0. */
uint64_t journal_next(const struct journal *j);
/* The first frame of the segments that are kept in any case: from it on nothing but damage is missing. */
uint64_t journal_window(const struct journal *j);
/* Bytes of the older segments, which only pins hold. Cost: a pass over them. */
uint64_t journal_held_bytes(const struct journal *j);
/* Takes the frame whole, or, with JOURNAL_IO, not at all: then earlier frames could not be written; they (64 KiB and
 * a frame at most) are still kept in memory, and a later call tries again: a full disk may have room then. After a
 * failed fdatasync nothing is known about the disk: every later call is JOURNAL_IO; close, and open again.
 * Cost: a copy and a CRC; one write each 64 KiB. body.n <= LIMIT_FRAME_BYTES. */
enum journal_status journal_append(struct journal *j, uint8_t kind, struct base_str body);
/* Writes what is buffered; with durable also fdatasync. */
enum journal_status journal_sync(struct journal *j, bool durable);
/* The open segment's file, for another thread to duplicate and sync; the segments before it are durable. -1: there is
 * none that can be synced. */
int journal_fd(const struct journal *j);
/* What the last JOURNAL_IO was about. Lives as long as j. */
const char *journal_error(const struct journal *j);
/* Segments that hold frames [from, to] are kept until unpinned. A pin_id that is pinned already is moved. Pins live in
 * memory: the owner sets them again after opening. */
void journal_pin(struct journal *j, uint64_t pin_id, uint64_t from, uint64_t to);
void journal_unpin(struct journal *j, uint64_t pin_id);
/* Writes what is buffered, durably; call journal_sync first to learn whether that works. j may be NULL. */
void journal_close(struct journal *j);

/* Reads a directory, a file, or "-" from frame `from` on (or the oldest kept where that is later). */
struct journal_cursor *journal_cursor_open(const char *path, uint64_t from, struct journal_err *err);
/* JOURNAL_OK: the next frame; body lives until the next call.
 * END: no more now; a later call may give more (a live directory or file is followed). err->text is empty, or names
 *      file and offset of a frame that is not whole: being written, or torn.
 * BAD: *err names file, offset and reason; call again to go on after it, where that is possible.
 * IO:  *err tells; call again to retry. */
enum journal_status journal_cursor_next(struct journal_cursor *c, uint64_t *number, uint8_t *kind,
                                        struct base_str *body, struct journal_err *err);
void journal_cursor_close(struct journal_cursor *c);

/* A snapshot file: written to a temporary name (path and ".tmp"), fsynced, renamed. Reading checks magic, length and
 * CRC and appends to *out; END: there is no such file; BAD: not a whole snapshot, or larger than *out may be. */
enum journal_status journal_snapshot_write(const char *path, struct base_str bytes, struct journal_err *err);
enum journal_status journal_snapshot_read(const char *path, struct base_buf *out, struct journal_err *err);

/* Makes the directory and every one on the way, as `mkdir -p` does. False: errno tells. */
bool journal_dirs_make(const char *path);

#endif
