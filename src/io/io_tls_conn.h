/* Inside of room io: TLS of one connection as an object without a socket, as the protocols are (io_conn.h). Bytes of
 * the wire go in by take and come out by peek and sent; plain ones come out by read and go in by write. */
#ifndef IO_TLS_CONN_H
#define IO_TLS_CONN_H

#include "io_tls.h"

/* Why a handshake failed. X(NAME, counter of it) */
#define IO_TLS_FAIL_TABLE(X)            \
  X(NONE, TLS_FAILED)                   \
  X(OTHER, TLS_FAILED)                  \
  X(NO_CERTIFICATE, TLS_NO_CERTIFICATE) \
  X(UNTRUSTED, TLS_UNTRUSTED)           \
  X(NOT_ALLOWED, TLS_NOT_ALLOWED)

enum io_tls_fail {
#define X(name, counter) IO_TLS_FAIL_##name,
  IO_TLS_FAIL_TABLE(X)
#undef X
};

enum io_tls_step { IO_TLS_DATA, IO_TLS_MORE, IO_TLS_END, IO_TLS_BAD };

enum { IO_TLS_PLAIN_BYTES = 16384 /* of one record (RFC 8446, 5.1) */ };

struct io_tls_conn;

/* What a listener speaks inside of TLS, for ALPN (RFC 7301). A client that names nothing of it is refused. */
void io_tls_offer(struct io_tls *t, bool h2, bool http1);
/* The serving side of a connection. NULL: out of memory. */
struct io_tls_conn *io_tls_accept(struct io_tls *t);

/* A client's own view of servers: whom to trust (""; the system's), what to show (""; nothing). */
struct io_tls_client;
struct io_tls_client *io_tls_client_open(const char *ca_file, const char *cert_file, const char *key_file,
                                         char why[IO_TLS_WHY_BYTES]);
void io_tls_client_close(struct io_tls_client *t);
/* The calling side; host, a name or an address, is what the server's certificate must be for. NULL: out of memory.
 * io_tls_hello makes the first bytes to send. */
struct io_tls_conn *io_tls_connect(struct io_tls_client *t, const char *host);
void io_tls_hello(struct io_tls_conn *c);

void io_tls_conn_close(struct io_tls_conn *c);

/* Bytes of the wire, a view that must live until io_tls_read says MORE. */
void io_tls_take(struct io_tls_conn *c, struct base_str bytes);
/* DATA: *n plain bytes stand in out, at most IO_TLS_PLAIN_BYTES of room is used; call again. MORE: all that was taken
 * is used up. END: the peer says it is through. BAD: the connection is broken; what io_tls_peek has is the alert that
 * tells the peer. */
enum io_tls_step io_tls_read(struct io_tls_conn *c, char out[IO_TLS_PLAIN_BYTES], size_t *n);
/* The handshake is over, and the peer may be here. */
bool io_tls_ready(const struct io_tls_conn *c);
/* ALPN said h2. */
bool io_tls_is_h2(const struct io_tls_conn *c);
/* Encrypts the front of bytes, and says how much of it; 0: the connection is broken. Only while ready, and while
 * nothing waits to be sent, so that memory stays bounded. */
size_t io_tls_write(struct io_tls_conn *c, struct base_str bytes);
/* Says close_notify; true the first time, on a connection that is not broken. */
bool io_tls_end(struct io_tls_conn *c);
/* Bytes for the wire, a view until the next call; then: the first n of them are gone. */
struct base_str io_tls_peek(const struct io_tls_conn *c);
void io_tls_sent(struct io_tls_conn *c, size_t n);

enum io_tls_fail io_tls_failure(const struct io_tls_conn *c);
/* The failure in words; valid as long as c. */
const char *io_tls_failure_text(const struct io_tls_conn *c);

#endif
