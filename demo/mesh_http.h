/* HTTP/1.1 as the demo's services and load generator need it between themselves and a sidecar: blocking sockets on
 * loopback, keep-alive, bodies with a Content-Length. A message that is larger, chunked or odd is an error, and the
 * connection is given up. */
#ifndef MESH_HTTP_H
#define MESH_HTTP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES 8192u       /* largest head */
#define HTTP_BODY_BYTES (1u << 20)  /* largest body read, and discarded */
#define HTTP_SENT_BODY_BYTES 16384u /* largest body sent */

/* One connection and what was read ahead of the current message. */
struct http_conn {
  int fd; /* -1: closed */
  size_t have;
  char buf[HTTP_HEAD_BYTES];
};

/* A head that was read. Texts are cut never: a value that does not fit makes the message an error, apart from the
 * two ids, which are then left empty. */
struct http_message {
  char method[12];
  char path[512];
  char request_id[80];
  char traceparent[80];
  int status; /* of a response; 0 in a request */
  uint64_t body_bytes;
  bool close; /* the peer will close after this message */
};

/* What to send. status 0: a request. */
struct http_send {
  int status;
  const char *method, *host, *path;
  const char *request_id, *traceparent; /* NULL or empty: not sent */
  const char *body;                     /* NULL: body_bytes of filler */
  size_t body_bytes;                    /* at most HTTP_SENT_BODY_BYTES */
};

/* "127.1.2.3:8080" -> addr. False where it is no IPv4 address on loopback with a port. */
bool http_addr_read(const char *text, struct sockaddr_in *addr);

/* A listening socket, or -1 with errno. */
int http_listen(const struct sockaddr_in *addr);

void http_open(struct http_conn *c, int fd);
void http_close(struct http_conn *c);

/* Connects c; both directions time out after timeout_ms. False: c stays closed. */
bool http_connect(struct http_conn *c, const struct sockaddr_in *addr, int timeout_ms);

/* True where the connection is open and nothing, not even its end, waits to be read. */
bool http_usable(const struct http_conn *c);

/* Reads one message to the end of its body. False: end, time-out or error; close the connection. */
bool http_read(struct http_conn *c, struct http_message *out);

bool http_write(struct http_conn *c, const struct http_send *what);

#endif
