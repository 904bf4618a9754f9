/* A server for the hardness tests: counts what arrives and says so over HTTP.
 *
 *   hard_server [IDLE_MS]      prints "port N" and serves until it is told to stop
 *
 * gRPC:  /test.Feed/Send takes messages. "refuse" as a message ends its stream with INVALID_ARGUMENT.
 *        /test.Feed/Closed refuses every stream.
 * HTTP:  GET /counts (JSON: counters, and messages, bytes and a checksum of the feed), /echo, /big?BYTES,
 *        /events (an event stream; POST /emit?TEXT writes to all of them), POST /drain, POST /stop */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "io_server.h"
#include "rec_counter.h"

enum { READERS_MAX = 64 };

struct hard {
  struct io_loop *loop;
  struct io_server *server;
  uint64_t counters[REC_COUNTER_COUNT];
  uint64_t messages, bytes, sum; /* sum of the messages' Adler-32: order does not matter, content does */
  uint64_t streams, readers_gone;
  struct io_http_stream *reader[READERS_MAX];
};

static void *feed_open(void *ctx, struct base_str peer) {
  struct hard *h = ctx;
  (void)peer;
  h->streams++;
  return h;
}

static void *feed_refuse(void *ctx, struct base_str peer) {
  (void)ctx;
  (void)peer;
  return NULL;
}

static uint32_t adler32(struct base_str s) {
  uint64_t a = 1, b = 0;
  for (size_t i = 0; i < s.n; i++) {
    a += (unsigned char)s.p[i];
    b = (b + a) % 65521;
  }
  return (uint32_t)(b << 16 | a % 65521);
}

static int feed_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct hard *h = stream;
  if (recv.ns <= 0) return IO_GRPC_INTERNAL;
  if (str_eq(bytes, STR("refuse"))) return IO_GRPC_INVALID_ARGUMENT;
  h->messages++;
  h->bytes += bytes.n;
  h->sum += adler32(bytes);
  return IO_GRPC_OK;
}

static void feed_close(void *stream) {
  struct hard *h = stream;
  h->streams--;
}

static void counts_write(struct hard *h, struct base_buf *out) {
  buf_put_f(out, "{\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"sum\":%" PRIu64 ",\"streams\":%" PRIu64,
            h->messages, h->bytes, h->sum, h->streams);
  buf_put_f(out, ",\"readers_gone\":%" PRIu64 ",\"connections\":%u", h->readers_gone, io_server_connections(h->server));
#define X(name, text, doc) buf_put_f(out, ",\"c_" text "\":%" PRIu64, h->counters[REC_COUNTER_##name]);
  REC_COUNTER_TABLE(X)
#undef X
  buf_put_str(out, STR("}\n"));
}

static void echo_write(const struct io_http_request *req, struct base_buf *out) {
  buf_put_f(out, "%.*s|%.*s|%.*s|%.*s|", STR_ARG(req->method), STR_ARG(req->path), STR_ARG(req->query),
            STR_ARG(req->content_type));
  buf_put_str(out, req->body);
}

struct reader {
  struct hard *h;
  int i;
};

static void reader_gone(void *ctx) {
  struct reader *r = ctx;
  r->h->reader[r->i] = NULL;
  r->h->readers_gone++;
  free(r);
}

static void events_open(struct hard *h, struct io_http_response *res) {
  int i = 0;
  while (i < READERS_MAX && h->reader[i]) i++;
  struct reader *r = i < READERS_MAX ? malloc(sizeof *r) : NULL;
  if (!r) {
    res->status = 503;
    return;
  }
  *r = (struct reader){h, i};
  h->reader[i] = io_http_stream_keep(res, reader_gone, r);
  (void)io_http_stream_write(h->reader[i], STR("data: hello\n\n"));
}

static void events_emit(struct hard *h, struct base_str text) {
  for (int i = 0; i < READERS_MAX; i++) {
    if (!h->reader[i] || !io_http_stream_write(h->reader[i], STR("data: "))) continue;
    if (!io_http_stream_write(h->reader[i], text)) continue;
    (void)io_http_stream_write(h->reader[i], STR("\n\n"));
  }
}

static void big_write(struct base_str digits, struct base_buf *out) {
  size_t n = 0;
  for (size_t i = 0; i < digits.n && i < 9; i++) n = n * 10 + (size_t)(digits.p[i] - '0');
  char *p = buf_reserve(out, n);
  if (!p) return;
  memset(p, 'x', n);
  out->n += n;
}

static void hard_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  struct hard *h = ctx;
  if (str_eq(req->path, STR("/counts"))) {
    counts_write(h, &res->body);
  } else if (str_eq(req->path, STR("/echo"))) {
    res->content_type = "text/plain";
    echo_write(req, &res->body);
  } else if (str_eq(req->path, STR("/big"))) {
    big_write(req->query, &res->body);
  } else if (str_eq(req->path, STR("/events"))) {
    events_open(h, res);
  } else if (str_eq(req->path, STR("/emit"))) {
    events_emit(h, req->body.n ? req->body : req->query);
  } else if (str_eq(req->path, STR("/empty"))) {
    res->status = 204;
  } else if (str_eq(req->path, STR("/drain"))) {
    (void)io_server_drain(h->server);
  } else if (str_eq(req->path, STR("/stop"))) {
    io_loop_stop(h->loop);
  } else {
    res->status = 404;
    res->extra = "X-Reason: no such path\r\n";
  }
}

int main(int argc, char **argv) {
  static struct hard h;
  int64_t idle_ms = argc > 1 ? strtol(argv[1], NULL, 10) : 60000;
  const char *err = NULL;
  const struct io_grpc_method method[] = {
      {.path = "/test.Feed/Send", .ctx = &h, .open = feed_open, .message = feed_message, .close = feed_close},
      {.path = "/test.Feed/Closed", .ctx = &h, .open = feed_refuse, .message = feed_message, .close = feed_close}};
  struct io_server_conf conf = {.address = "127.0.0.1",
                                .method = method,
                                .method_n = 2,
                                .http = hard_http,
                                .http_ctx = &h,
                                .idle_ns = idle_ms * TIME_NS_PER_MS,
                                .counters = h.counters};
  h.loop = io_loop_open();
  h.server = h.loop ? io_server_open(h.loop, &conf, &err) : NULL;
  if (!h.server) {
    (void)fprintf(stderr, "hard_server: %s\n", err ? err : "no loop");
    return 1;
  }
  (void)printf("port %u\n", io_server_port(h.server));
  (void)fflush(stdout);
  io_loop_run(h.loop);
  io_server_close(h.server);
  io_loop_close(h.loop);
  return 0;
}
