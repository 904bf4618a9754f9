/* Inside of room io: the two protocols as objects without a socket. Bytes go in by take, come out by peek and
 * sent; the connection moves them, and the fuzzers do. Life: open, take/peek/sent/tick in any order, drop (the
 * application hears that its streams are gone; the object is dead but its memory stays, for it may be on the
 * stack), close (memory goes). */
#ifndef IO_CONN_H
#define IO_CONN_H

#include "io_hold.h"
#include "io_server.h"
#include "rec_counter.h"

/* What a protocol sees of its connection. Outlives the object. */
struct io_link {
  const struct io_server_conf *conf;
  struct io_hold *hold;
  struct base_str peer;
  void (*wake)(void *ctx); /* output appeared outside of take and tick: send it, if the socket will */
  void *ctx;
};

/* The clocks, read once a wake-up. */
struct io_now {
  struct base_wall wall;
  struct base_mono mono;
};

static inline void io_count(const struct io_link *link, enum rec_counter c) {
  link->conf->counters[c]++;
}

/* The first bytes of an HTTP/2 connection (RFC 9113, 3.4). */
#define IO_H2_PREFACE STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

struct io_h2;
struct io_h2 *io_h2_open(const struct io_link *link, struct io_now now); /* NULL: out of memory */
void io_h2_take(struct io_h2 *h, struct base_str bytes, struct io_now now);
/* Output that waits, a view until the next call; empty: none. Then sent: the first n bytes of it are gone. */
struct base_str io_h2_peek(struct io_h2 *h);
void io_h2_sent(struct io_h2 *h, size_t n);
/* Nothing will come any more: close when the output is out. */
bool io_h2_done(const struct io_h2 *h);
/* Idle limits and keep-alive pings; call a few times in idle_ns. */
void io_h2_tick(struct io_h2 *h, struct io_now now);
/* GOAWAY: open streams go on, new ones are not taken. */
void io_h2_drain(struct io_h2 *h);
/* Ends the open streams with UNAVAILABLE. */
void io_h2_abort(struct io_h2 *h);
void io_h2_drop(struct io_h2 *h);
void io_h2_close(struct io_h2 *h);

struct io_http1;
struct io_http1 *io_http1_open(const struct io_link *link, struct io_now now);
void io_http1_take(struct io_http1 *h, struct base_str bytes, struct io_now now);
struct base_str io_http1_peek(struct io_http1 *h);
void io_http1_sent(struct io_http1 *h, size_t n);
bool io_http1_done(const struct io_http1 *h);
/* False while so much output waits that pipelined requests must, too. */
bool io_http1_wants_read(const struct io_http1 *h);
void io_http1_tick(struct io_http1 *h, struct io_now now);
/* Ends event streams, and the connection after the request under way. */
void io_http1_drain(struct io_http1 *h);
void io_http1_drop(struct io_http1 *h);
void io_http1_close(struct io_http1 *h);

#endif
