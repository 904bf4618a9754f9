/* What makes one incident again: the engine's memory from before it began, the ticks since, and the incident as it was
 * told. Read from a data directory, where its black box says what belongs to it, or from the one file that `export`
 * wrote of that. The file is a journal (journal.h) of these frames, in this order:
 *
 *   REC_FRAME_PACK         { "pack": 1, "incident": id, "version": …, "engine": 16 hex digits, "muted": bool,
 *                            "names": "plain" | "hashed", "checkpoint_bytes": n, "conf": YAML }
 *   REC_FRAME_PACK_MEMORY  the checkpoint in parts of 4 MiB, none where the engine had heard nothing
 *   REC_FRAME_INCIDENT     the last state that was told
 *   REC_FRAME_TICK         the input of each tick
 *   REC_FRAME_PACK_END     empty */
#ifndef DAEMON_PACK_H
#define DAEMON_PACK_H

#include "daemon_box_file.h"
#include "journal.h"
#include "rec_codec.h"

struct pack {
  char id[17];
  uint64_t id_hash, engine;
  char version[BOX_VERSION_BYTES];
  bool muted, hashed;
  struct base_buf conf;   /* YAML */
  struct base_buf memory; /* a checkpoint's bytes; none: a fresh engine */
  struct base_buf stored; /* the incident's JSON; empty: it is no longer in the log */
  uint64_t stored_rev;
  /* Where the ticks are. */
  struct journal_cursor *cursor;
  uint64_t to; /* the last frame; a file's end is told by its last frame */
  bool is_file, ended;
};

/* Writes "what: why"; returns false. For all that opens, reads and writes packs. */
bool pack_fail(struct journal_err *err, const char *what, const char *why);

/* Is it a file that export wrote? */
bool pack_is(const char *path);
/* dir: a data directory, also of a running daemon. False: err tells. Close it either way. */
bool pack_open_dir(struct pack *p, const char *dir, const char *id, struct journal_err *err);
bool pack_open_file(struct pack *p, const char *path, struct journal_err *err);
/* JOURNAL_OK: the next tick's frame; body lives until the next call. END: that was all. BAD, IO: err tells. */
enum journal_status pack_next(struct pack *p, struct base_str *body, struct journal_err *err);
void pack_close(struct pack *p);

/* An empty one, for whoever makes another from it. */
void pack_init(struct pack *p);
/* A file, in this order: the frames before the ticks, each tick's, the last one. False: err tells. */
bool pack_head_write(const struct pack *p, struct journal *out, struct journal_err *err);
bool pack_frame_write(struct journal *out, enum rec_frame kind, struct base_str body, struct journal_err *err);
bool pack_end_write(struct journal *out, struct journal_err *err);

#endif
