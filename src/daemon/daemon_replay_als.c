/* Recorded ALS streams. They have no clock but their own entries'. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon_input.h"
#include "daemon_replay.h"

static void als_fail(struct replay *r, const struct daemon_message *m) {
  char text[sizeof r->error];
  snprintf(text, sizeof text, "%.300s: offset %llu: %.100s", m->file, (unsigned long long)m->offset, m->reason);
  replay_fail(r, text);
}

static void als_message(struct replay *r, wire_stream *stream, const struct daemon_message *m) {
  if (!stream[m->stream]) stream[m->stream] = line_stream_open(r->line);
  if (!stream[m->stream]) {
    replay_fail(r, "too many streams");
    return;
  }
  line_message(r->line, stream[m->stream], m->bytes, (struct base_wall){0});
  replay_step(r, (struct base_wall){0});
  replay_progress(r);
}

static void als_read(struct replay *r, struct daemon_input *in, wire_stream *stream) {
  struct daemon_message m;
  for (;;) {
    switch (daemon_input_next(in, &m)) {
      case DAEMON_INPUT_OK: als_message(r, stream, &m); break;
      case DAEMON_INPUT_SKIP: r->skipped++; break;
      case DAEMON_INPUT_CUT: als_fail(r, &m); break;
      case DAEMON_INPUT_END: return;
    }
  }
}

void replay_als(struct replay *r, const char *path, bool grpc) {
  char err[512];
  struct daemon_input *in = daemon_input_open(path, grpc ? DAEMON_FORMAT_ALS_GRPC : DAEMON_FORMAT_ALS, err, sizeof err);
  if (!in) {
    replay_fail(r, err);
    return;
  }
  wire_stream *stream = calloc(daemon_input_streams(in), sizeof *stream);
  if (stream)
    als_read(r, in, stream);
  else
    replay_fail(r, "out of memory");
  free(stream);
  daemon_input_close(in);
}
