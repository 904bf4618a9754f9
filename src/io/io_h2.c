/* HTTP/2 and gRPC over one connection: an nghttp2 session, and a stream object a call. What else comes over HTTP/2 is
 * in io_h2_http.c.
 *
 * A call's life: HEADERS complete -> route (refused with an HTTP status, or trailers-only, or opened and answered
 * with HEADERS at once) -> DATA through the deframer to the method -> the client ends: an empty message and
 * trailers grpc-status 0. An error answers at once with its trailers, then RST_STREAM(NO_ERROR) tells the client
 * that the rest is not wanted. A unary call is answered when the client ends: what its method said of the one
 * message waits in the stream until then. */
#include "io_h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_limits.h"
#include "base_must.h"
#include "io_inflate.h"

enum {
  STREAM_WINDOW_BYTES = 1 << 20,
  CONNECTION_WINDOW_BYTES = 16 << 20,
  OUT_BYTES_AT_ONCE = 16 << 10, /* frames gathered for one send */
  OUT_BYTES_KEPT = 4 << 10,     /* a larger buffer does not outlive its burst */
  HEADER_OVERHEAD_BYTES = 32    /* what RFC 9113, 6.5.2 adds to each field */
};

static void stream_app_close(struct h2_stream *st) {
  if (!st->app) return;
  void *app = st->app;
  st->app = NULL;
  st->method->close(app);
  io_count(st->h->link, REC_COUNTER_STREAMS_CLOSED);
}

void h2_refuse(struct h2_stream *st, const char *status) {
  nghttp2_nv nv[] = {NV(":status", status, strlen(status)), NV_LIT("allow", "POST")};
  st->answered = true;
  size_t n = strcmp(status, "405") == 0 ? 2 : 1;
  h2_check(st->h, nghttp2_submit_response(st->h->session, st->id, nv, n, NULL));
}

/* Ends the call with a status other than OK; trailers only where nothing was sent yet. */
static void stream_fail(struct h2_stream *st, int status, const char *message) {
  char digits[12];
  int n = snprintf(digits, sizeof digits, "%d", status);
  MUST(status != IO_GRPC_OK && n > 0);
  nghttp2_nv nv[] = {NV_LIT(":status", "200"), NV_LIT("content-type", "application/grpc"),
                     NV_LIT("grpc-accept-encoding", "identity,gzip"), NV("grpc-status", digits, (size_t)n),
                     NV("grpc-message", message, strlen(message))};
  nghttp2_session *session = st->h->session;
  st->answered = true;
  int rv = st->headers_sent ? nghttp2_submit_trailer(session, st->id, nv + 3, 2)
                            : nghttp2_submit_response(session, st->id, nv, 5, NULL);
  h2_check(st->h, rv);
  stream_app_close(st);
}

static ssize_t stream_reply_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
                                 nghttp2_data_source *source, void *user) {
  static const nghttp2_nv ok = {(uint8_t *)(uintptr_t) "grpc-status", (uint8_t *)(uintptr_t) "0", 11, 1, 0};
  static const char empty[IO_GRPC_PREFIX_BYTES] = {0};
  struct h2_stream *st = source->ptr;
  (void)user;
  struct base_str all = st->reply.n ? buf_str(&st->reply) : (struct base_str){empty, sizeof empty};
  size_t left = all.n - st->reply_sent;
  if (n > left) n = left;
  memcpy(buf, all.p + st->reply_sent, n);
  st->reply_sent += n;
  if (st->reply_sent < all.n) return (ssize_t)n;
  *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  if (nghttp2_submit_trailer(session, id, &ok, 1) != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  return (ssize_t)n;
}

static const nghttp2_nv reply_head[] = {
    {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "200", 7, 3, 0},
    {(uint8_t *)(uintptr_t) "content-type", (uint8_t *)(uintptr_t) "application/grpc", 12, 16, 0},
    {(uint8_t *)(uintptr_t) "grpc-accept-encoding", (uint8_t *)(uintptr_t) "identity,gzip", 20, 13, 0}};

/* The client is through and all went well: the answer, of a stream an empty message (clients with a unary answer
 * demand one), and trailers. */
static void stream_finish(struct h2_stream *st) {
  nghttp2_data_provider reply = {.source.ptr = st, .read_callback = stream_reply_read};
  nghttp2_session *session = st->h->session;
  st->answered = true;
  stream_app_close(st);
  h2_check(st->h, st->headers_sent ? nghttp2_submit_data(session, NGHTTP2_FLAG_END_STREAM, st->id, &reply)
                                   : nghttp2_submit_response(session, st->id, reply_head, 3, &reply));
}

static void stream_open(struct h2_stream *st) {
  if (st->method->call) return; /* nothing to open, and nothing to say before the answer */
  st->app = st->method->open(st->method->ctx, st->h->link->peer);
  if (!st->app) {
    stream_fail(st, IO_GRPC_RESOURCE_EXHAUSTED, "too many streams");
    return;
  }
  io_count(st->h->link, REC_COUNTER_STREAMS_OPENED);
  st->headers_sent = true;
  h2_check(st->h, nghttp2_submit_headers(st->h->session, NGHTTP2_FLAG_NONE, st->id, NULL, reply_head, 3, NULL));
}

/* What is no gRPC, where nothing else is served; NULL: it is. */
static const char *stream_away(const struct h2_stream *st) {
  if (st->h->link->conf->method_n == 0) return "404";
  if (!st->post) return "405";
  return st->grpc ? NULL : "415";
}

/* The request's headers are whole. */
static void stream_route(struct h2_stream *st) {
  if (st->header_bytes > LIMIT_HTTP_HEADER_BYTES) {
    h2_refuse(st, "431");
  } else if (st->h->link->conf->http_over_h2 && !st->grpc) {
    if (!st->http) h2_refuse(st, "503");
  } else if ((st->away = stream_away(st))) {
    return;
  } else if (!st->method) {
    io_count(st->h->link, REC_COUNTER_STREAMS_UNKNOWN);
    stream_fail(st, IO_GRPC_UNIMPLEMENTED, "unknown method");
  } else {
    st->deframe.gzip = st->gzip;
    stream_open(st);
  }
}

/* Messages cannot be found any more in what comes. */
static void stream_fail_deframe(struct h2_stream *st, enum io_deframe why) {
  const struct io_link *link = st->h->link;
  switch (why) {
    case IO_DEFRAME_COMPRESSED:
      io_count(link, REC_COUNTER_REJECT_COMPRESSED);
      stream_fail(st, IO_GRPC_UNIMPLEMENTED, "compressed messages are not supported");
      break;
    case IO_DEFRAME_OVERSIZE:
      io_count(link, REC_COUNTER_REJECT_OVERSIZE);
      stream_fail(st, IO_GRPC_RESOURCE_EXHAUSTED, "message over the size limit");
      break;
    case IO_DEFRAME_BAD:
      io_count(link, REC_COUNTER_REJECT_FRAME);
      stream_fail(st, IO_GRPC_INTERNAL, "unknown flags of a message");
      break;
    default: stream_fail(st, IO_GRPC_RESOURCE_EXHAUSTED, "too many half-sent messages"); break;
  }
}

/* The one message of a unary call; its answer waits for the client's end. */
static void stream_call(struct h2_stream *st, struct base_str message) {
  struct io_grpc_call call = {st->h->link->peer, message, st->h->now.wall};
  const char *why = "refused by the receiver";
  if (st->called) {
    stream_fail(st, IO_GRPC_INTERNAL, "more than one message");
    return;
  }
  st->called = true;
  st->reply = buf_open(IO_GRPC_PREFIX_BYTES + LIMIT_GRPC_REPLY_BYTES);
  buf_put(&st->reply, "\0\0\0\0\0", IO_GRPC_PREFIX_BYTES);
  int status = st->method->call(st->method->ctx, &call, &st->reply, &why);
  size_t n = st->reply.n - IO_GRPC_PREFIX_BYTES;
  if (status != IO_GRPC_OK) {
    stream_fail(st, status, why);
  } else if (st->reply.bad) {
    stream_fail(st, IO_GRPC_INTERNAL, "no memory for the answer");
  } else {
    st->reply.p[3] = (char)(n >> 8);
    st->reply.p[4] = (char)n;
  }
}

static void stream_message(struct h2_stream *st, struct base_str message) {
  if (st->method->call) {
    stream_call(st, message);
    return;
  }
  int status = st->method->message(st->app, message, st->h->now.wall);
  if (status != IO_GRPC_OK) stream_fail(st, status, "refused by the receiver");
}

static void stream_unpack(struct h2_stream *st, struct base_str packed) {
  struct base_buf plain;
  switch (io_inflate(st->h->link->hold, packed, LIMIT_MESSAGE_BYTES, &plain)) {
    case IO_INFLATE_OK: stream_message(st, buf_str(&plain)); break;
    case IO_INFLATE_OVERSIZE: stream_fail_deframe(st, IO_DEFRAME_OVERSIZE); break;
    case IO_INFLATE_MEMORY: stream_fail_deframe(st, IO_DEFRAME_MEMORY); break;
    case IO_INFLATE_BAD:
      io_count(st->h->link, REC_COUNTER_REJECT_COMPRESSED);
      stream_fail(st, IO_GRPC_INTERNAL, "the message is no gzip");
      break;
  }
  io_hold_give(st->h->link->hold, &plain);
}

static void stream_take(struct h2_stream *st, struct base_str in) {
  st->data_at = st->h->now.mono;
  while (!st->answered) {
    struct base_str message;
    enum io_deframe step = io_grpc_next(&st->deframe, &in, &message);
    if (step == IO_DEFRAME_MORE) return;
    if (step != IO_DEFRAME_MESSAGE) {
      stream_fail_deframe(st, step);
    } else if (st->deframe.packed) {
      stream_unpack(st, message);
    } else {
      stream_message(st, message);
    }
  }
}

/* The client has ended its side. */
static void stream_end(struct h2_stream *st) {
  if (st->answered) return;
  if (st->http) {
    h2_http_end(st);
  } else if (st->away) {
    h2_away_end(st);
  } else if (io_grpc_partial(&st->deframe)) {
    io_count(st->h->link, REC_COUNTER_REJECT_FRAME);
    stream_fail(st, IO_GRPC_INTERNAL, "the last message is cut short");
  } else if (st->method->call && !st->called) {
    stream_fail(st, IO_GRPC_INTERNAL, "no message");
  } else {
    stream_finish(st);
  }
}

static void stream_free(struct h2_stream *st) {
  struct io_h2 *h = st->h;
  if (!st->answered && io_grpc_partial(&st->deframe)) io_count(h->link, REC_COUNTER_REJECT_FRAME);
  stream_app_close(st);
  io_grpc_fini(&st->deframe);
  h2_http_free(st);
  buf_fini(&st->reply);
  if (st->prev) st->prev->next = st->next;
  if (st->next) st->next->prev = st->prev;
  if (h->streams == st) h->streams = st->next;
  free(st);
}

/* ---- nghttp2's callbacks ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  struct io_h2 *h = user;
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  struct h2_stream *st = calloc(1, sizeof *st);
  if (!st) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  st->h = h;
  st->id = frame->hd.stream_id;
  st->data_at = h->stream_at = h->now.mono;
  io_grpc_init(&st->deframe, h->link->hold, LIMIT_MESSAGE_BYTES);
  st->next = h->streams;
  if (h->streams) h->streams->prev = st;
  h->streams = st;
  (void)nghttp2_session_set_stream_user_data(session, st->id, st);
  return 0;
}

static const struct io_grpc_method *method_find(const struct io_server_conf *conf, struct base_str path) {
  for (unsigned i = 0; i < conf->method_n; i++) {
    if (str_eq(path, str_of(conf->method[i].path))) return &conf->method[i];
  }
  return NULL;
}

/* "application/grpc", "application/grpc+proto", "application/grpc;…"; not "application/grpc-web". */
static bool type_is_grpc(struct base_str type) {
  struct base_str base = STR("application/grpc");
  return str_starts(type, base) && (type.n == base.n || type.p[base.n] == '+' || type.p[base.n] == ';');
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_p, size_t name_n,
                     const uint8_t *value_p, size_t value_n, uint8_t flags, void *user) {
  struct io_h2 *h = user;
  (void)flags;
  struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (!st || frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  struct base_str name = {(const char *)name_p, name_n}, value = {(const char *)value_p, value_n};
  st->header_bytes += name_n + value_n + HEADER_OVERHEAD_BYTES;
  if (st->header_bytes > LIMIT_HTTP_HEADER_BYTES) return 0;
  if (str_eq(name, STR(":method"))) st->post = str_eq(value, STR("POST"));
  if (str_eq(name, STR(":path"))) st->method = method_find(h->link->conf, value);
  if (str_eq(name, STR("content-type"))) st->grpc = type_is_grpc(value);
  if (str_eq(name, STR("grpc-encoding"))) st->gzip = str_eq(value, STR("gzip"));
  if (h->link->conf->http_over_h2) h2_http_header(st, name, value);
  return 0;
}

/* An id below the newest that was passed over is closed for good (RFC 9113, 5.1.1); nghttp2 lets its HEADERS pass, as
 * it does not remember which were used. We remember the last 64. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user) {
  struct io_h2 *h = user;
  if (hd->type != NGHTTP2_HEADERS || hd->stream_id % 2 == 0) return 0;
  int32_t back = (h->newest - hd->stream_id) / 2;
  if (hd->stream_id > h->newest) {
    h->begun = (-back < 64 ? h->begun << -back : 0) | 1;
    h->newest = hd->stream_id;
  } else if (back < 64 && !(h->begun >> back & 1)) {
    h2_check(h, nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR));
  }
  return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  struct io_h2 *h = user;
  h->frame_at = h->now.mono;
  h->ping_out = false;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (!st) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) stream_route(st);
  if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) stream_end(st);
  return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *user) {
  struct h2_stream *st = nghttp2_session_get_stream_user_data(session, id);
  (void)flags;
  (void)user;
  struct base_str in = {(const char *)p, n};
  if (!st || st->answered) return 0;
  if (st->away)
    h2_away_take(st, n);
  else if (st->app || (st->method && st->method->call && !st->http))
    stream_take(st, in);
  else if (st->http)
    h2_http_take(st, in);
  return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  struct io_h2 *h = user;
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
    bool flood =
        frame->goaway.error_code == NGHTTP2_INTERNAL_ERROR || frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM;
    io_count(h->link, flood ? REC_COUNTER_FLOODED : REC_COUNTER_REJECT_FRAME);
  }
  bool ends = frame->hd.type == NGHTTP2_HEADERS && frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
  if (ends && nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
    h2_check(h, nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR));
  }
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user) {
  struct io_h2 *h = user;
  (void)error_code;
  struct h2_stream *st = nghttp2_session_get_stream_user_data(session, id);
  if (!st) return 0;
  h->stream_at = h->now.mono;
  stream_free(st);
  return 0;
}

/* ---- the object ---- */

static bool session_open(struct io_h2 *h) {
  nghttp2_session_callbacks *cb;
  if (nghttp2_session_callbacks_new(&cb) != 0) return false;
  nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
  nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
  int rv = nghttp2_session_server_new(&h->session, cb, h);
  nghttp2_session_callbacks_del(cb);
  if (rv != 0) return false;
  const nghttp2_settings_entry iv[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, LIMIT_STREAMS_PER_CONNECTION},
                                       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
                                       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_HTTP_HEADER_BYTES}};
  return nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, iv, sizeof iv / sizeof iv[0]) == 0 &&
         nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW_BYTES) == 0;
}

struct io_h2 *io_h2_open(const struct io_link *link, struct io_now now) {
  struct io_h2 *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->link = link;
  h->now = now;
  h->frame_at = h->stream_at = now.mono;
  h->newest = -1;
  h->out = buf_open(4 * OUT_BYTES_AT_ONCE);
  if (session_open(h)) return h;
  io_h2_close(h);
  return NULL;
}

void io_h2_take(struct io_h2 *h, struct base_str bytes, struct io_now now) {
  if (h->broken || bytes.n == 0) return;
  h->now = now;
  ssize_t used = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, bytes.n);
  if (used >= 0) return;
  io_count(h->link, used == NGHTTP2_ERR_FLOODED ? REC_COUNTER_FLOODED : REC_COUNTER_REJECT_FRAME);
  h->broken = true;
}

/* Frames are small; gather some of them for one send. */
static void out_fill(struct io_h2 *h) {
  buf_clear(&h->out);
  h->out_sent = 0;
  while (!h->broken && h->out.n < OUT_BYTES_AT_ONCE) {
    const uint8_t *p;
    ssize_t n = nghttp2_session_mem_send(h->session, &p);
    if (n == 0) break;
    if (n > 0) buf_put(&h->out, p, (size_t)n);
    if (n < 0 || h->out.bad) h->broken = true;
  }
}

struct base_str io_h2_peek(struct io_h2 *h) {
  if (h->out_sent == h->out.n) out_fill(h);
  return str_cut(buf_str(&h->out), h->out_sent, h->out.n);
}

void io_h2_sent(struct io_h2 *h, size_t n) {
  MUST(n <= h->out.n - h->out_sent);
  h->out_sent += n;
  if (h->out_sent < h->out.n || h->out.cap <= OUT_BYTES_KEPT) return;
  buf_fini(&h->out);
  h->out_sent = 0;
}

bool io_h2_done(const struct io_h2 *h) {
  return h->broken || (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session));
}

/* A call whose message has stopped half-way holds memory: it ends, silent calls between messages do not. */
static void streams_idle_end(struct io_h2 *h, int64_t idle_ns) {
  for (struct h2_stream *st = h->streams; st; st = st->next) {
    bool half = st->http || st->away || io_grpc_partial(&st->deframe);
    if (st->answered || !half || h->now.mono.ns - st->data_at.ns < idle_ns) continue;
    io_count(h->link, REC_COUNTER_STREAMS_IDLE);
    if (st->http || st->away)
      h2_refuse(st, "408");
    else
      stream_fail(st, IO_GRPC_DEADLINE, "message not completed in time");
  }
}

/* The peer does not answer pings, or is stuck inside of a frame. */
static void h2_give_up(struct io_h2 *h) {
  for (struct h2_stream *st = h->streams; st; st = st->next) {
    if (st->app) io_count(h->link, REC_COUNTER_STREAMS_IDLE);
  }
  h2_check(h, nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR));
}

void io_h2_tick(struct io_h2 *h, struct io_now now) {
  int64_t idle_ns = h->link->conf->idle_ns;
  h->now = now;
  if (idle_ns <= 0 || io_h2_done(h)) return;
  streams_idle_end(h, idle_ns);
  int64_t silent_ns = now.mono.ns - h->frame_at.ns;
  if (!h->streams && now.mono.ns - h->stream_at.ns >= idle_ns) {
    h2_check(h, nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR));
  } else if (h->streams && silent_ns >= idle_ns) {
    h2_give_up(h);
  } else if (h->streams && silent_ns >= idle_ns / 2 && !h->ping_out) {
    h->ping_out = true;
    h2_check(h, nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL));
  }
}

void io_h2_drain(struct io_h2 *h) {
  int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);
  h2_check(h, nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0));
}

void io_h2_abort(struct io_h2 *h) {
  for (struct h2_stream *st = h->streams; st; st = st->next) {
    if (st->app && !st->answered) stream_fail(st, IO_GRPC_UNAVAILABLE, "shutting down");
  }
}

void io_h2_drop(struct io_h2 *h) {
  h->broken = true;
  while (h->streams) stream_free(h->streams);
}

void io_h2_close(struct io_h2 *h) {
  if (!h) return;
  io_h2_drop(h);
  nghttp2_session_del(h->session);
  buf_fini(&h->out);
  free(h);
}
