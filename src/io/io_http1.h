/* Inside of io_http1: a connection's state, shared by its two halves: requests in (io_http1.c), responses and event
 * streams out (io_http1_reply.c). */
#ifndef IO_HTTP1_H
#define IO_HTTP1_H

#include <llhttp.h>

#include "base_limits.h"
#include "io_conn.h"

/* Request headers whose value is kept. X(NAME, text in lower case) */
#define HTTP1_KEPT_TABLE(X)               \
  X(HOST, "host")                         \
  X(CONTENT_TYPE, "content-type")         \
  X(ACCEPT, "accept")                     \
  X(EXPECT, "expect")                     \
  X(CONTENT_ENCODING, "content-encoding") \
  X(AUTHORIZATION, "authorization")       \
  X(IF_NONE_MATCH, "if-none-match")       \
  X(ACCEPT_ENCODING, "accept-encoding")   \
  X(TRANSFER_ENCODING, "transfer-encoding")
enum http1_kept {
#define X(name, text) HTTP1_KEPT_##name,
  HTTP1_KEPT_TABLE(X)
#undef X
      HTTP1_KEPT_COUNT
};

enum {
  HTTP1_NAME_BYTES = 32,           /* a longer header name is none that is kept */
  HTTP1_IN_BYTES = 1 << 20,        /* bytes that wait: a wake-up's reads */
  HTTP1_OUT_BYTES_HIGH = 256 << 10 /* past it no further pipelined request is taken */
};

/* A range of io_http1.head. */
struct http1_span {
  size_t at, n;
};

struct io_http_stream {
  struct io_http1 *h;
  bool open;
  struct io_http_response *res; /* while the handler runs: what is written goes before its end */
  void (*gone)(void *ctx);
  void *ctx;
};

struct io_http1 {
  const struct io_link *link;
  llhttp_t parser;
  struct io_now now;

  /* the request under way */
  struct base_buf head; /* target and kept values */
  struct http1_span target, kept[HTTP1_KEPT_COUNT];
  unsigned kept_n[HTTP1_KEPT_COUNT]; /* how often it came */
  char name[HTTP1_NAME_BYTES];
  size_t name_n;
  int kept_now; /* whose value is coming, -1: of none */
  size_t head_bytes;
  bool started, head_done, complete, keep_alive;
  int refuse; /* the status it is refused with, 0 */
  struct base_buf body;
  struct base_mono since; /* it began, or the last one ended */

  struct base_buf in; /* bytes that wait until output has gone */
  struct base_buf out;
  size_t out_sent;
  bool last;     /* no further request is read */
  bool draining; /* the request under way is the last */
  bool broken;
  struct io_http_stream stream;
};

/* Writes a response; body may be empty. Without memory for it the connection is broken. */
void http1_reply(struct io_http1 *h, const struct io_http_response *res);
/* {"error": …} with the status that fits; the connection ends with it. */
void http1_reply_error(struct io_http1 *h, int status);
void http1_out(struct io_http1 *h, struct base_str bytes);
/* Calls the handler for the complete request and writes what it said. */
void http1_serve(struct io_http1 *h);
/* The event stream's reader is gone. */
void http1_stream_lose(struct io_http1 *h);

#endif
