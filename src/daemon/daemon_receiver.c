#include "daemon_receiver.h"

#include <stdlib.h>

#include "rec_counter.h"

struct receiver_stream {
  struct receiver *receiver;
  wire_stream line_stream;
  uint64_t recording_stream;
};

static void *receiver_open(void *ctx, struct base_str peer) {
  (void)peer;
  struct receiver *r = ctx;
  struct receiver_stream *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->receiver = r;
  if (r->line) s->line_stream = line_stream_open(r->line);
  if (r->line && !s->line_stream) { /* the fold's table is full */
    free(s);
    return NULL;
  }
  if (r->recording) s->recording_stream = recording_stream_open(r->recording, io_wall_now());
  r->news = true;
  return s;
}

static int receiver_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct receiver_stream *s = stream;
  struct receiver *r = s->receiver;
  if (r->recording) recording_message(r->recording, s->recording_stream, bytes, recv);
  if (r->line) {
    line_message(r->line, s->line_stream, DOOR_FORM_ALS, bytes, recv);
  } else {
    r->counters[REC_COUNTER_MESSAGES]++;
    r->counters[REC_COUNTER_MESSAGE_BYTES] += bytes.n;
  }
  r->news = true;
  return IO_GRPC_OK;
}

static void receiver_close(void *stream) {
  struct receiver_stream *s = stream;
  struct receiver *r = s->receiver;
  if (r->recording) recording_stream_close(r->recording, s->recording_stream, io_wall_now());
  if (r->line) line_stream_close(r->line, s->line_stream);
  r->news = true;
  free(s);
}

struct io_grpc_method receiver_method(struct receiver *r) {
  return (struct io_grpc_method){.path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
                                 .ctx = r,
                                 .open = receiver_open,
                                 .message = receiver_message,
                                 .close = receiver_close};
}
