/* Recorded messages of a format. They have no clock but their own entries'. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon_input.h"
#include "daemon_replay.h"

static void messages_fail(struct replay *r, const struct daemon_message *m, const char *reason) {
  char text[sizeof r->error];
  snprintf(text, sizeof text, "%.300s: offset %llu: %.100s", m->file, (unsigned long long)m->offset, reason);
  replay_fail(r, text);
}

struct messages {
  struct daemon_input *in;
  wire_stream *stream; /* by file */
  struct door door;
};

static void messages_take(struct replay *r, struct messages *s, const struct daemon_message *m) {
  wire_stream *stream = s->stream;
  struct door_message d;
  const char *reason;

  if (!stream[m->stream]) stream[m->stream] = line_stream_open(r->line);
  if (!stream[m->stream]) {
    replay_fail(r, "too many streams");
    return;
  }
  if (!door_take(&s->door, m->wire, m->bytes, &d, &reason)) {
    messages_fail(r, m, reason);
    return;
  }
  line_message(r->line, stream[m->stream], d.form, d.bytes, (struct base_wall){0});
  replay_step(r, (struct base_wall){0});
  replay_progress(r);
}

static void messages_read(struct replay *r, struct messages *s) {
  struct daemon_message m;
  for (;;) {
    switch (daemon_input_next(s->in, &m)) {
      case DAEMON_INPUT_OK: messages_take(r, s, &m); break;
      case DAEMON_INPUT_SKIP: r->skipped++; break;
      case DAEMON_INPUT_CUT: messages_fail(r, &m, m.reason); break;
      case DAEMON_INPUT_END: return;
    }
  }
}

void replay_messages(struct replay *r, const char *path, enum daemon_format format) {
  char err[512];
  struct messages s = {.in = daemon_input_open(path, format, err, sizeof err)};
  if (!s.in) {
    replay_fail(r, err);
    return;
  }
  s.stream = calloc(daemon_input_streams(s.in), sizeof *s.stream);
  if (s.stream)
    messages_read(r, &s);
  else
    replay_fail(r, "out of memory");
  free(s.stream);
  door_close(&s.door);
  daemon_input_close(s.in);
}
