/* Listeners: gRPC (HTTP/2 by prior knowledge, or by ALPN inside of TLS) and HTTP/1.1. One listener can serve both:
 * the 24-byte preface decides. Every limit of base_limits.h applies; what is refused is counted in the caller's
 * counters (enum rec_counter). All on one loop. */
#ifndef IO_SERVER_H
#define IO_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_str.h"
#include "base_time.h"
#include "io_loop.h"
#include "io_tls.h"

struct io_server;

enum {
  IO_GRPC_OK = 0,
  IO_GRPC_INVALID_ARGUMENT = 3,
  IO_GRPC_DEADLINE = 4,
  IO_GRPC_RESOURCE_EXHAUSTED = 8,
  IO_GRPC_UNIMPLEMENTED = 12,
  IO_GRPC_INTERNAL = 13,
  IO_GRPC_UNAVAILABLE = 14
};

struct io_grpc_call;

/* A gRPC method: client-streaming, or unary where `call` is set. A message may be compressed with gzip. Of a stream the
 * server never stops reading and answers only when the client's stream ends
 * (headers early, trailers grpc-status then). */
struct io_grpc_method {
  const char *path; /* "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs" */
  void *ctx;
  /* A stream begins; peer is "192.0.2.1:4711" or "[2001:db8::1]:4711", valid as long as the stream. Returns the
   * stream's own context (never NULL; NULL refuses with RESOURCE_EXHAUSTED). */
  void *(*open)(void *ctx, struct base_str peer);
  /* One whole message; bytes are valid during the call only. Returns IO_GRPC_OK to go on, or the status that
   * ends the stream. */
  int (*message)(void *stream, struct base_str bytes, struct base_wall recv);
  void (*close)(void *stream);
  /* The answer's message goes into *reply (at most LIMIT_GRPC_REPLY_BYTES; more is INTERNAL). Returns IO_GRPC_OK, or
   * the status that the client gets, with *why (static) as its message. */
  int (*call)(void *ctx, const struct io_grpc_call *call, struct base_buf *reply, const char **why);
};

/* One call of a unary method: one message, one answer. */
struct io_grpc_call {
  struct base_str peer, bytes; /* bytes are valid during the call only */
  struct base_wall recv;
};

/* HTTP/1.1. The handler fills the response before it returns, or keeps the connection for a stream of server-sent
 * events by setting res->stream (then io_http_stream_write and _close later). */
struct io_http_stream;

struct io_http_request {
  struct base_str method, path, query; /* path without the query, both still percent-encoded */
  struct base_str content_type, accept, accept_encoding;
  struct base_str authorization, if_none_match;
  struct base_str body; /* unpacked, where it came with Content-Encoding: gzip */
  bool snappy;          /* Content-Encoding: snappy, which the handler has to unpack */
};

struct io_http_response {
  int status;                    /* 200 where untouched */
  const char *content_type;      /* "application/json" where untouched */
  const char *extra;             /* further header lines, each with CRLF, or NULL; must outlive the call */
  struct base_buf body;          /* write into it */
  struct io_http_stream *stream; /* set by calling io_http_stream_keep(res) */
};

typedef void (*io_http_handler)(void *ctx, const struct io_http_request *req, struct io_http_response *res);

struct io_http_stream *io_http_stream_keep(struct io_http_response *res, void (*gone)(void *ctx), void *ctx);
/* False where the client is too slow (bounded queue) or gone; the stream is then closed and `gone` is called. */
bool io_http_stream_write(struct io_http_stream *s, struct base_str bytes);
void io_http_stream_close(struct io_http_stream *s);

struct io_server_conf {
  const char *address;                 /* "127.0.0.1" or "::1" or any literal; numeric only */
  uint16_t port;                       /* 0: any; see io_server_port */
  const struct io_grpc_method *method; /* may be NULL */
  unsigned method_n;
  io_http_handler http; /* NULL: HTTP/1.1 gets 404 */
  void *http_ctx;
  bool http_over_h2;  /* the handler serves HTTP/2 requests, too; it keeps no event streams then */
  struct io_tls *tls; /* NULL: plain text; the caller's, must outlive the server, which looks after its renewal */
  int64_t idle_ns;    /* a connection with no byte for so long is closed (slow loris: also partial frames) */
  uint64_t *counters; /* REC_COUNTER_COUNT of them, owned by the caller, same thread */
};

/* Opens and listens. NULL: *err holds a static text and errno the cause. */
struct io_server *io_server_open(struct io_loop *l, const struct io_server_conf *conf, const char **err);
uint16_t io_server_port(const struct io_server *s);
unsigned io_server_connections(const struct io_server *s);
/* Drain: stop accepting, GOAWAY, answer what ends; true when no connection is left. Call again until true or your
 * patience ends; then io_server_close ends the rest. */
bool io_server_drain(struct io_server *s);
void io_server_close(struct io_server *s);

#endif
