/* The way back: incidents, checkpoint, the journal's tail, and what came while that was applied. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_must.h"
#include "daemon_keep_room.h"
#include "daemon_roster.h"
#include "daemon_waiting.h"

#define RESTORE_ARENA_BYTES ((size_t)64 << 20)
#define RESTORE_PIN 0u    /* in the journal: the tail stays until it is applied */
#define CATCH_UP_TICKS 8u /* applied for each that fewer may wait */

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

/* The way through the tail, and through what came meanwhile. The tail is read twice: first to know its end and whom it
 * names, so that the door can go on behind it, then to apply it. */
struct restore {
  struct keep *keep;
  struct line *line;
  struct keep_between between;
  struct base_arena arena;
  void *mem;                /* the arena's */
  struct rec_tick_input in; /* of the frame under way */
  struct keep_restored *out;
  struct roster *roster;         /* NULL but in the first pass */
  struct journal_cursor *cursor; /* of the second pass; NULL before and after it */
  uint64_t last;                 /* frame that the tail ends with */
  uint64_t seq;                  /* of the last tick of the tail so far */
  struct base_wall end;          /* and its end */
  bool broken;                   /* the journal's end is not what the engine has */
  bool has_seq;                  /* false: a fresh engine, which may begin with frame 0 only */
  struct waiting waiting;        /* behind the tail */
  uint32_t waiting_max;          /* so many may wait once the tail is applied */
  uint32_t caught_n;             /* so many of those that waited were applied */
};

static bool restore_note(struct restore *r, const char *text) {
  snprintf(r->out->note, sizeof r->out->note, "%s", text);
  return false;
}

static bool restore_read(struct restore *r, struct base_str body) {
  const char *reason = "";
  r->arena.n = 0;
  return rec_codec_tick_read(body, &r->arena, &r->in, &reason) || restore_note(r, reason);
}

/* First pass. False: what follows cannot be used. */
static bool restore_look(struct restore *r, uint64_t number, struct base_str body) {
  if (!restore_read(r, body)) return false;
  struct rec_tick tick = r->in.tick;
  if (!r->has_seq && number != 0)
    return restore_note(r, "the journal's beginning is gone and there is no checkpoint for the rest");
  if (r->has_seq && tick.seq > r->seq + 1) return restore_note(r, "the journal has a gap; what follows it is not used");
  if (r->has_seq && tick.seq != r->seq + 1) return true;
  if (!roster_tick(r->roster, &r->in)) return restore_note(r, "out of memory");
  r->last = number;
  r->seq = tick.seq;
  r->end = tick.end;
  r->has_seq = true;
  r->out->ticks++;
  return true;
}

/* The next frame of a tick. False: nothing more can be read. */
static bool restore_next(struct restore *r, struct journal_cursor *c, uint64_t *number, struct base_str *body) {
  struct journal_err err = {0};
  uint8_t kind;
  for (;;) {
    enum journal_status status = journal_cursor_next(c, number, &kind, body, &err);
    if (status == JOURNAL_BAD && r->roster) restore_note(r, err.text); /* its gap shows in the next tick */
    if (status == JOURNAL_END || status == JOURNAL_IO) return false;
    r->broken |= status == JOURNAL_BAD;
    if (status == JOURNAL_OK && kind == REC_FRAME_TICK) return true;
  }
}

static void restore_scan(struct restore *r, const char *dir, uint64_t from) {
  struct journal_err err = {0};
  struct journal_cursor *c = journal_cursor_open(dir, from, &err);
  uint64_t number;
  struct base_str body;
  if (!c) return;
  while (restore_next(r, c, &number, &body)) {
    if (restore_look(r, number, body)) continue;
    r->broken = true;
    break;
  }
  journal_cursor_close(c);
}

/* ---- second pass ---- */

static void tail_end(struct restore *r) {
  journal_cursor_close(r->cursor);
  r->cursor = NULL;
}

/* The next tick of the tail. False: there is none any more. */
static bool tail_step(struct restore *r) {
  uint64_t number;
  struct base_str body;
  struct engine_info info;
  while (r->cursor && restore_next(r, r->cursor, &number, &body) && number <= r->last) {
    engine_info(line_engine(r->line), &info);
    if (!restore_read(r, body)) break;
    if (info.tick_end.ns && r->in.tick.seq <= info.tick_seq) continue;
    r->keep->frame = number;
    line_apply(r->line, &r->in);
    return true;
  }
  if (r->cursor) tail_end(r);
  return false;
}

/* The next tick of those that wait. False: none does. */
static bool waiting_step(struct restore *r) {
  struct waiting_tick *t = waiting_take(&r->waiting);
  if (!t) return false;
  MUST(restore_read(r, t->body)); /* we wrote it */
  r->keep->frame = t->frame;
  if (r->between.heard) r->between.heard(r->between.ctx, &r->in);
  line_apply(r->line, &r->in);
  free(t);
  r->caught_n++;
  return true;
}

static bool restore_step(struct restore *r) {
  return tail_step(r) || waiting_step(r);
}

static void restore_poll(struct restore *r) {
  if (r->between.poll) r->between.poll(r->between.ctx);
}

static bool restore_is_full(const struct restore *r, size_t n) {
  return !waiting_has_room(&r->waiting, n) || (!r->cursor && r->waiting.n >= r->waiting_max);
}

/* A tick was closed. Where too much waits, and where it cannot wait, what is before it is applied right now: nothing is
 * received meanwhile, so that senders are slowed down. */
void restore_wait(struct restore *r, const struct rec_tick_input *in, const struct base_buf *text) {
  while (!text->bad && restore_is_full(r, text->n) && restore_step(r)) continue;
  bool may = !text->bad && !restore_is_full(r, text->n);
  if (may && waiting_put(&r->waiting, r->keep->written, buf_str(text))) return;
  while (restore_step(r)) continue;
  if (r->between.heard) r->between.heard(r->between.ctx, in);
  r->keep->frame = r->keep->written;
  line_apply(r->line, in);
}

/* ---- the whole way ---- */

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
  if (k->journal) box_journal(k->boxes, k->journal, false);
}

/* The door goes on with the numbers that the engine will have behind the tail. */
static void restore_fold(struct restore *r) {
  struct wire_fold *fold = line_fold(r->line);
  if (!r->has_seq) return;
  for (uint32_t i = 0; i < roster_n(r->roster); i++) {
    const struct rec_series *s = roster_at(r->roster, i);
    if (s) wire_fold_series_restore(fold, s);
  }
  wire_fold_tick_restore(fold, r->seq + 1, r->end);
}

void restore_drop(struct restore *r) {
  if (!r) return;
  if (r->cursor) journal_cursor_close(r->cursor);
  waiting_clear(&r->waiting);
  roster_close(r->roster);
  free(r->mem);
  free(r);
}

static struct restore *restore_open(struct keep *k, struct line *line, const struct keep_between *between,
                                    struct keep_restored *out) {
  struct restore *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (struct restore){.keep = k, .line = line, .out = out};
  if (between) r->between = *between;
  r->mem = malloc(RESTORE_ARENA_BYTES);
  r->roster = roster_open(line_engine(line));
  r->arena = arena_over(r->mem, r->mem ? RESTORE_ARENA_BYTES : 0);
  if (r->mem && r->roster) return r;
  restore_drop(r);
  return NULL;
}

/* Loads the checkpoint; the number of the frame behind it. */
static uint64_t restore_checkpoint(struct restore *r) {
  struct journal_err err = {0};
  struct engine_info info;
  uint64_t from = 0;
  r->out->checkpoint = checkpoint_load(r->keep->conf.dir, line_engine(r->line), &from, &err);
  if (err.text[0]) restore_note(r, err.text); /* also where the one before was sound */
  r->keep->fresh = !r->out->checkpoint;
  if (!r->out->checkpoint) return from;
  engine_info(line_engine(r->line), &info);
  r->seq = info.tick_seq;
  r->end = info.tick_end;
  r->has_seq = true;
  return from;
}

/* What is in front of the tick that the door closes next, and that the door knows it. */
static void restore_look_ahead(struct restore *r) {
  struct keep *k = r->keep;
  uint64_t from = restore_checkpoint(r);
  if (access(k->journal_dir, F_OK) == 0) restore_scan(r, k->journal_dir, from);
  if (!r->has_seq && r->out->note[0]) restore_put_aside(k);
  restore_fold(r);
  roster_close(r->roster);
  r->roster = NULL;
  (void)keep_incidents_open(k); /* what the tail tells may be news */
  (void)keep_logs_open(k);
  if (r->out->ticks == 0) return;
  k->written = r->last;
  if (k->journal) journal_pin(k->journal, RESTORE_PIN, from, r->last);
  r->cursor = journal_cursor_open(k->journal_dir, from, &(struct journal_err){0});
}

/* What could be read once can be gone: a disk that fails in between. */
static void restore_check(struct restore *r) {
  struct engine_info info;
  engine_info(line_engine(r->line), &info);
  if (r->out->ticks == 0 || info.tick_seq == r->seq) return;
  r->broken = true;
  restore_note(r, "the journal could not be read again; what it ends with is not used");
}

bool keep_restore(struct keep *k, struct line *line, const struct keep_between *between, struct keep_restored *out) {
  memset(out, 0, sizeof *out);
  struct restore *r = k->restore = restore_open(k, line, between, out);
  if (!r) return false;
  restore_look_ahead(r);
  line_hold(line, true);
  if (r->cursor) restore_poll(r);
  while (tail_step(r)) restore_poll(r);
  restore_check(r);
  if (k->journal) journal_unpin(k->journal, RESTORE_PIN);
  if (r->broken) restore_broken(k);
  return true;
}

/* Fewer and fewer may wait, and in the end none, so that this ends also where ticks come as fast as they are applied.
 */
void keep_catch_up(struct keep *k) {
  struct restore *r = k->restore;
  uint32_t from_n = r->waiting_max = r->waiting.n;
  r->caught_n = 0;
  while (waiting_step(r)) {
    uint32_t less = r->caught_n / CATCH_UP_TICKS;
    r->waiting_max = less < from_n ? from_n - less : 0;
    restore_poll(r);
  }
  line_hold(r->line, false);
  k->restore = NULL;
  restore_drop(r);
}
