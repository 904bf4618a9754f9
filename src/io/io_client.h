/* A small blocking HTTP/1.1 client for the command line, http:// and https://: one request a connection. */
#ifndef IO_CLIENT_H
#define IO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_str.h"

enum { IO_CLIENT_ERR_BYTES = 256 };

struct io_client_conf {
  /* "http[s]://host[:port][/path][?query]"; host is a name, an IPv4 literal or an IPv6 literal in brackets */
  const char *url;
  const char *token;     /* sent as "Authorization: Bearer …"; NULL for none */
  const char *ca_file;   /* PEM: whom to trust for https; NULL for the system's */
  const char *cert_file; /* PEM: what to show of oneself there; NULL for nothing */
  const char *key_file;  /* PEM; NULL: in cert_file, too */
  int64_t timeout_ns;    /* > 0; bounds connecting and each silence, not the whole */
};

struct io_client_reply {
  int status;           /* 200 .. 599 */
  struct base_buf body; /* buf_fini it, in every case */
};

/* GET. False: err says what failed, in one line without a newline: no such host, refused, timed out, not HTTP, a
 * certificate that is not trusted or not for this host, body over body_bytes_max. */
bool io_client_get(const struct io_client_conf *conf, size_t body_bytes_max, struct io_client_reply *reply,
                   char err[IO_CLIENT_ERR_BYTES]);

/* Returns false to stop reading. The line has no end-of-line bytes and is valid during the call. */
typedef bool (*io_client_line)(void *ctx, struct base_str line);

/* GET, and hands over each line of a 200 answer as it comes (server-sent events, JSON lines), until the server
 * ends, `line` says stop (both true), or something fails (false, err). A line over line_bytes_max fails. Another
 * status than 200 fails with it in err. */
bool io_client_lines(const struct io_client_conf *conf, size_t line_bytes_max, io_client_line line, void *ctx,
                     char err[IO_CLIENT_ERR_BYTES]);

#endif
