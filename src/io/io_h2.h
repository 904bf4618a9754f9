/* Inside of io_h2: a connection's state, shared by its two halves: gRPC calls (io_h2.c), other requests
 * (io_h2_http.c). */
#ifndef IO_H2_H
#define IO_H2_H

#include <nghttp2/nghttp2.h>

#include "base_limits.h"
#include "io_conn.h"
#include "io_grpc.h"

struct h2_http;

struct h2_stream {
  struct h2_stream *prev, *next;
  struct io_h2 *h;
  int32_t id;
  bool post, grpc, headers_sent, answered;
  bool gzip, snappy, encoding_unknown; /* of what comes: grpc-encoding, or content-encoding */
  bool called;                         /* a unary call's message came */
  int status;                          /* and what its method said */
  const struct io_grpc_method *method; /* NULL: not one of ours */
  void *app;                           /* the method's stream while it is open */
  size_t header_bytes;
  struct base_mono data_at;
  struct io_grpc deframe;
  struct h2_http *http;  /* a request that is no gRPC */
  const char *away;      /* the status that a request gets when it has ended, as nobody here serves it */
  size_t away_bytes;     /* of its body */
  struct base_buf reply; /* a message behind its prefix, or a body */
  size_t reply_sent;
};

struct io_h2 {
  const struct io_link *link;
  nghttp2_session *session;
  struct h2_stream *streams;
  struct io_now now;
  struct base_mono frame_at;  /* the last whole frame */
  struct base_mono stream_at; /* the last stream came or went */
  int32_t newest;             /* id of the newest stream, -1 before the first */
  uint64_t begun;             /* which of the 64 odd ids up to it were: bit i is newest - 2 i */
  bool ping_out;              /* a keep-alive ping is not answered */
  bool broken;                /* nghttp2 gave up, or memory is out */
  struct base_buf out;
  size_t out_sent;
};

#define NV(name_lit, value_p, value_n)                                                                              \
  ((nghttp2_nv){(uint8_t *)(uintptr_t)(name_lit), (uint8_t *)(uintptr_t)(value_p), sizeof(name_lit) - 1, (value_n), \
                NGHTTP2_NV_FLAG_NO_COPY_NAME})
#define NV_LIT(name_lit, value_lit) NV(name_lit, value_lit, sizeof(value_lit) - 1)

/* Any failure to queue output is lack of memory or a stream that is gone; the first ends the connection. */
static inline void h2_check(struct io_h2 *h, int rv) {
  if (rv == NGHTTP2_ERR_NOMEM) h->broken = true;
}

/* Answers with a bare HTTP status. */
void h2_refuse(struct h2_stream *st, const char *status);

/* io_h2_http.c: a request's headers are whole; more of its body came; it has ended; it goes. */
void h2_http_header(struct h2_stream *st, struct base_str name, struct base_str value);
void h2_http_take(struct h2_stream *st, struct base_str in);
void h2_http_end(struct h2_stream *st);
void h2_http_free(struct h2_stream *st);
/* More of a body came that nobody reads; the request has ended. */
void h2_away_take(struct h2_stream *st, size_t n);
void h2_away_end(struct h2_stream *st);

#endif
