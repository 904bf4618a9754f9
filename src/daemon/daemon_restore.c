/* The way back: incidents, checkpoint, the journal's tail. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon_keep_room.h"

#define RESTORE_ARENA_BYTES ((size_t)64 << 20)

void keep_incidents_read(struct keep *k, keep_incident_fn fn, void *ctx) {
  struct journal_err err = {0};
  if (access(k->incidents_dir, F_OK) != 0) return;
  struct journal_cursor *c = journal_cursor_open(k->incidents_dir, 0, &err);
  if (!c) return;
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  enum journal_status status;
  while ((status = journal_cursor_next(c, &number, &kind, &body, &err)) == JOURNAL_OK || status == JOURNAL_BAD)
    if (status == JOURNAL_OK && (kind == REC_FRAME_INCIDENT || kind == REC_FRAME_AUDIT))
      fn(ctx, (enum rec_frame)kind, body);
  journal_cursor_close(c);
}

/* One pass over the tail. */
struct restore {
  struct keep *keep;
  struct line *line;
  struct base_arena arena;
  struct keep_restored *out;
  keep_between_fn between;
  void *ctx;
  uint64_t seq; /* of the last tick that the engine knows */
  bool broken;  /* the journal's end is not what the engine has */
  bool has_seq; /* false: a fresh engine, which may begin with frame 0 only */
};

static bool restore_note(struct restore *r, const char *text) {
  snprintf(r->out->note, sizeof r->out->note, "%s", text);
  return false;
}

/* False: what follows cannot be used. */
static bool restore_frame(struct restore *r, uint64_t number, struct base_str body) {
  struct rec_tick_input *in = calloc(1, sizeof *in);
  const char *reason = "out of memory";
  r->arena.n = 0;
  bool ok = in && rec_codec_tick_read(body, &r->arena, in, &reason);
  if (!ok)
    restore_note(r, reason);
  else if (!r->has_seq && number != 0)
    ok = restore_note(r, "the journal's beginning is gone and there is no checkpoint for the rest");
  else if (r->has_seq && in->tick.seq > r->seq + 1)
    ok = restore_note(r, "the journal has a gap; what follows it is not used");
  else if (!r->has_seq || in->tick.seq == r->seq + 1) {
    r->keep->frame = number;
    line_apply(r->line, in);
    r->seq = in->tick.seq;
    r->has_seq = true;
    r->out->ticks++;
    if (r->between) r->between(r->ctx);
  }
  free(in);
  return ok;
}

static void restore_tail(struct restore *r, const char *dir, uint64_t from) {
  struct journal_err err = {0};
  struct journal_cursor *c = journal_cursor_open(dir, from, &err);
  if (!c) return;
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  for (;;) {
    enum journal_status status = journal_cursor_next(c, &number, &kind, &body, &err);
    if (status == JOURNAL_BAD) restore_note(r, err.text); /* the gap that it leaves shows in the next tick */
    if (status == JOURNAL_END || status == JOURNAL_IO) break;
    r->broken |= status == JOURNAL_BAD;
    if (status == JOURNAL_OK && kind == REC_FRAME_TICK && !restore_frame(r, number, body)) {
      r->broken = true;
      break;
    }
  }
  journal_cursor_close(c);
}

/* An old journal that a fresh engine cannot continue is put aside as journal.old, in place of an older one. */
static void restore_put_aside(struct keep *k) {
  char old[PATH_MAX + 8], file[PATH_MAX + 300];
  snprintf(old, sizeof old, "%s.old", k->journal_dir);
  DIR *d = opendir(old);
  for (struct dirent *e; d && (e = readdir(d));) {
    snprintf(file, sizeof file, "%s/%s", old, e->d_name);
    if (e->d_name[0] != '.') (void)unlink(file);
  }
  if (d) closedir(d);
  (void)rmdir(old);
  if (rename(k->journal_dir, old) != 0) keep_fail(k, "an unusable journal cannot be put aside");
  box_reset(k->boxes);
}

/* What is appended now does not follow from what is there: the next checkpoint bridges it. */
static void restore_broken(struct keep *k) {
  k->fresh = false;
  box_gap(k->boxes);
}

/* The door must go on with the engine's numbers. */
static void restore_fold(struct line *line) {
  const struct engine *e = line_engine(line);
  struct wire_fold *fold = line_fold(line);
  struct engine_info info;
  engine_info(e, &info);
  if (info.tick_end.ns == 0) return;
  for (uint32_t i = 0; i < engine_series_n(e); i++) {
    const struct rec_series *s = engine_series(e, i);
    if (s) wire_fold_series_restore(fold, s);
  }
  wire_fold_tick_restore(fold, info.tick_seq + 1, info.tick_end);
}

void keep_restore(struct keep *k, struct line *line, keep_between_fn between, void *ctx, struct keep_restored *out) {
  struct restore r = {.keep = k, .line = line, .between = between, .ctx = ctx, .out = out};
  struct journal_err err = {0};
  uint64_t from = 0;
  memset(out, 0, sizeof *out);
  void *mem = malloc(RESTORE_ARENA_BYTES);
  r.arena = arena_over(mem, mem ? RESTORE_ARENA_BYTES : 0);
  out->checkpoint = checkpoint_load(k->conf.dir, line_engine(line), &from, &err);
  if (err.text[0]) restore_note(&r, err.text); /* also where the one before was sound */
  if (out->checkpoint) {
    struct engine_info info;
    engine_info(line_engine(line), &info);
    r.seq = info.tick_seq;
    r.has_seq = true;
  }
  k->fresh = !out->checkpoint;
  (void)keep_incidents_open(k); /* what the tail tells may be news */
  if (between) between(ctx);
  if (access(k->journal_dir, F_OK) == 0) {
    restore_tail(&r, k->journal_dir, from);
    if (!r.has_seq && out->note[0])
      restore_put_aside(k);
    else if (r.broken)
      restore_broken(k);
  }
  free(mem);
  restore_fold(line);
  (void)keep_logs_open(k);
}
