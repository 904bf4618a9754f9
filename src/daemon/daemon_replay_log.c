/* The project's own formats: recordings of arrivals, and journals of ticks. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base_arena.h"
#include "daemon_replay.h"
#include "journal.h"
#include "rec_codec.h"

#define LOG_STREAMS_MAX (1u << 22) /* of one recording */
#define LOG_ARENA_BYTES ((size_t)64 << 20)
#define LOG_TOLD_BYTES ((size_t)1 << 20) /* of one frame */

/* Called for each sound frame; false stops. */
typedef bool (*log_frame)(void *ctx, uint64_t number, uint8_t kind, struct base_str body);

static void log_read(struct replay *r, const char *path, log_frame frame, void *ctx) {
  struct journal_err err = {0};
  struct journal_cursor *c = journal_cursor_open(path, 0, &err);
  if (!c) {
    replay_fail(r, err.text);
    return;
  }
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  for (;;) {
    enum journal_status status = journal_cursor_next(c, &number, &kind, &body, &err);
    if (status == JOURNAL_BAD || status == JOURNAL_IO) replay_fail(r, err.text);
    if (status == JOURNAL_END || status == JOURNAL_IO) break;
    if (status == JOURNAL_OK && !frame(ctx, number, kind, body)) break;
    replay_progress(r);
  }
  journal_cursor_close(c);
}

static void log_fail(struct replay *r, uint64_t number, const char *reason) {
  char text[256];
  snprintf(text, sizeof text, "frame %llu: %.200s", (unsigned long long)number, reason);
  replay_fail(r, text);
}

/* ---- recordings ---- */

struct reader_stream {
  wire_stream line; /* 0: ended */
  enum door_form form;
};

struct recording_reader {
  struct replay *replay;
  struct reader_stream *stream; /* by number */
  uint64_t stream_n, stream_cap;
  struct base_arena arena;     /* of what was told last */
  struct rec_tick_input *told; /* NULL: out of memory */
};

/* Streams are numbered as they open, so a number that is not the next one is broken. */
static const char *reader_open(struct recording_reader *d, const struct rec_arrival *a) {
  uint64_t number = a->stream;
  enum door_form form;
  if (number != d->stream_n || number >= LOG_STREAMS_MAX) return "a stream number out of order";
  if (!door_form_read(a->bytes, &form)) return "a stream of a form that is not known";
  if (d->stream_n == d->stream_cap) {
    uint64_t cap = d->stream_cap * 2;
    struct reader_stream *grown = realloc(d->stream, cap * sizeof *grown);
    if (!grown) return "out of memory";
    d->stream = grown;
    d->stream_cap = cap;
  }
  d->stream[d->stream_n++] = (struct reader_stream){line_stream_open(d->replay->line), form};
  return NULL;
}

static struct reader_stream *reader_find(struct recording_reader *d, uint64_t number) {
  return number < d->stream_n && d->stream[number].line ? &d->stream[number] : NULL;
}

static const char *reader_message(struct recording_reader *d, const struct rec_arrival *a) {
  const struct reader_stream *s = reader_find(d, a->stream);
  if (!s) return "a message of a stream that is not open";
  line_message(d->replay->line, s->line, s->form, a->bytes, a->recv);
  return NULL;
}

static const char *reader_end(struct recording_reader *d, const struct rec_arrival *a) {
  struct reader_stream *s = reader_find(d, a->stream);
  if (!s) return "the end of a stream that is not open";
  line_stream_close(d->replay->line, s->line);
  s->line = 0;
  return NULL;
}

static const char *reader_told(struct recording_reader *d, struct base_str body) {
  const char *reason = "out of memory";
  d->arena.n = 0;
  if (!d->told || !rec_codec_tick_read(body, &d->arena, d->told, &reason)) return reason;
  const struct rec_head_batch *head = &d->told->head;
  bool taken = true;
  for (size_t i = 0; i < head->change_n; i++) taken &= line_change(d->replay->line, &head->change[i]);
  for (size_t i = 0; i < head->command_n; i++) taken &= line_command(d->replay->line, &head->command[i]);
  return taken ? NULL : "more was told than a tick takes";
}

static bool reader_frame(void *ctx, uint64_t number, uint8_t kind, struct base_str body) {
  struct recording_reader *d = ctx;
  struct rec_arrival a;
  const char *reason = "not a recording";
  if (kind == REC_FRAME_TOLD) {
    reason = reader_told(d, body);
  } else if (rec_codec_arrival_read(body, &a, &reason)) {
    switch (kind) {
      case REC_FRAME_STREAM: reason = reader_open(d, &a); break;
      case REC_FRAME_MESSAGE: reason = reader_message(d, &a); break;
      case REC_FRAME_STREAM_END: reason = reader_end(d, &a); break;
      case REC_FRAME_CLOSE:
        replay_step(d->replay, a.recv);
        reason = NULL;
        break;
      default: reason = "not a frame of a recording"; break;
    }
  }
  if (reason) log_fail(d->replay, number, reason);
  return true;
}

void replay_recording(struct replay *r, const char *path) {
  struct recording_reader d = {.replay = r, .stream_n = 1, .stream_cap = 64};
  void *mem = malloc(LOG_TOLD_BYTES);
  d.stream = calloc(d.stream_cap, sizeof *d.stream);
  d.told = calloc(1, sizeof *d.told);
  d.arena = arena_over(mem, mem ? LOG_TOLD_BYTES : 0);
  if (d.stream)
    log_read(r, path, reader_frame, &d);
  else
    replay_fail(r, "out of memory");
  free(d.stream);
  free(d.told);
  free(mem);
}

/* ---- journals ---- */

struct journal_reader {
  struct replay *replay;
  struct base_arena arena;
  struct rec_tick_input *in;
  bool began;
  uint64_t seq;
};

/* False: what follows builds on what is missing. */
static bool journal_frame_apply(void *ctx, uint64_t number, uint8_t kind, struct base_str body) {
  struct journal_reader *d = ctx;
  const char *reason = NULL;
  if (kind != REC_FRAME_TICK) {
    log_fail(d->replay, number, "not a frame of a journal of ticks");
    return true;
  }
  d->arena.n = 0;
  if (!d->began && number != 0)
    reason = "the journal's beginning is gone";
  else if (rec_codec_tick_read(body, &d->arena, d->in, &reason) && d->began && d->in->tick.seq != d->seq + 1)
    reason = "a tick is missing before it";
  if (reason) {
    log_fail(d->replay, number, reason);
    return false;
  }
  d->began = true;
  d->seq = d->in->tick.seq;
  line_apply(d->replay->line, d->in);
  return true;
}

void replay_journal(struct replay *r, const char *path) {
  char inner[4096];
  struct journal_reader d = {.replay = r};
  void *mem = malloc(LOG_ARENA_BYTES);
  d.in = calloc(1, sizeof *d.in);
  d.arena = arena_over(mem, mem ? LOG_ARENA_BYTES : 0);
  snprintf(inner, sizeof inner, "%s/journal", path);
  if (d.in && mem)
    log_read(r, access(inner, F_OK) == 0 ? inner : path, journal_frame_apply, &d);
  else
    replay_fail(r, "out of memory");
  free(d.in);
  free(mem);
}
