#include "mesh_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

bool http_addr_read(const char *text, struct sockaddr_in *addr) {
  char ip[INET_ADDRSTRLEN];
  const char *colon = strchr(text, ':');
  if (!colon || (size_t)(colon - text) >= sizeof ip) return false;
  memcpy(ip, text, (size_t)(colon - text));
  ip[colon - text] = 0;
  char *end;
  unsigned long port = strtoul(colon + 1, &end, 10);
  if (*end || end == colon + 1 || port == 0 || port > 65535) return false;
  memset(addr, 0, sizeof *addr);
  addr->sin_family = AF_INET;
  addr->sin_port = htons((uint16_t)port);
  if (inet_pton(AF_INET, ip, &addr->sin_addr) != 1) return false;
  return ntohl(addr->sin_addr.s_addr) >> 24 == 127;
}

int http_listen(const struct sockaddr_in *addr) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 && listen(fd, 256) == 0) return fd;
  int cause = errno;
  close(fd);
  errno = cause;
  return -1;
}

void http_open(struct http_conn *c, int fd) {
  int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->fd = fd;
  c->have = 0;
}

void http_close(struct http_conn *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->have = 0;
}

bool http_connect(struct http_conn *c, const struct sockaddr_in *addr, int timeout_ms) {
  http_open(c, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (c->fd < 0) return false;
  struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(c->fd, (const struct sockaddr *)addr, sizeof *addr) == 0) return true;
  http_close(c);
  return false;
}

bool http_usable(const struct http_conn *c) {
  char byte;
  if (c->fd < 0 || c->have) return false;
  return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Reads more into the buffer. False at its end, at the stream's end, or on an error. */
static bool conn_fill(struct http_conn *c) {
  if (c->have == sizeof c->buf) return false;
  ssize_t n;
  do n = recv(c->fd, c->buf + c->have, sizeof c->buf - c->have, 0);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return false;
  c->have += (size_t)n;
  return true;
}

/* Drops bytes from the front of what was read. */
static void conn_drop(struct http_conn *c, size_t n) {
  memmove(c->buf, c->buf + n, c->have - n);
  c->have -= n;
}

static bool conn_skip_body(struct http_conn *c, uint64_t left) {
  while (left > 0) {
    if (c->have == 0 && !conn_fill(c)) return false;
    size_t n = left < c->have ? (size_t)left : c->have;
    conn_drop(c, n);
    left -= n;
  }
  return true;
}

static bool text_copy(char *dst, size_t dst_bytes, const char *src, size_t n) {
  if (n >= dst_bytes) return false;
  memcpy(dst, src, n);
  dst[n] = 0;
  return true;
}

/* "GET /path HTTP/1.1" or "HTTP/1.1 200 OK", n bytes. */
static bool line_read_first(const char *line, size_t n, struct http_message *out) {
  if (n >= 12 && memcmp(line, "HTTP/1.", 7) == 0) {
    out->status = (int)strtol(line + 9, NULL, 10);
    return out->status >= 100 && out->status <= 599;
  }
  const char *sp = memchr(line, ' ', n);
  if (!sp || !text_copy(out->method, sizeof out->method, line, (size_t)(sp - line))) return false;
  const char *path = sp + 1, *end = memchr(path, ' ', n - (size_t)(path - line));
  return end && text_copy(out->path, sizeof out->path, path, (size_t)(end - path));
}

static bool header_is(const char *line, size_t name_bytes, const char *name) {
  return strlen(name) == name_bytes && strncasecmp(line, name, name_bytes) == 0;
}

static bool line_read_header(const char *line, size_t n, struct http_message *out) {
  const char *colon = memchr(line, ':', n);
  if (!colon) return false;
  size_t name_bytes = (size_t)(colon - line);
  const char *value = colon + 1, *end = line + n;
  while (value < end && *value == ' ') value++;
  size_t value_bytes = (size_t)(end - value);
  char number[24];
  if (header_is(line, name_bytes, "content-length")) {
    if (!text_copy(number, sizeof number, value, value_bytes)) return false;
    out->body_bytes = strtoull(number, NULL, 10);
    return out->body_bytes <= HTTP_BODY_BYTES;
  }
  if (header_is(line, name_bytes, "transfer-encoding")) return false;
  if (header_is(line, name_bytes, "connection")) {
    out->close = value_bytes == 5 && strncasecmp(value, "close", 5) == 0;
  } else if (header_is(line, name_bytes, "x-request-id")) {
    text_copy(out->request_id, sizeof out->request_id, value, value_bytes);
  } else if (header_is(line, name_bytes, "traceparent")) {
    text_copy(out->traceparent, sizeof out->traceparent, value, value_bytes);
  }
  return true;
}

static bool head_read(const char *head, size_t head_bytes, struct http_message *out) {
  const char *line = head, *end = head + head_bytes;
  bool first = true;
  while (line < end) {
    const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
    if (!stop || stop == line) break;
    size_t n = (size_t)(stop - line);
    if (!(first ? line_read_first(line, n, out) : line_read_header(line, n, out))) return false;
    first = false;
    line = stop + 2;
  }
  return !first;
}

bool http_read(struct http_conn *c, struct http_message *out) {
  memset(out, 0, sizeof *out);
  const char *end;
  while (!(end = memmem(c->buf, c->have, "\r\n\r\n", 4)))
    if (!conn_fill(c)) return false;
  size_t head_bytes = (size_t)(end - c->buf) + 4;
  if (!head_read(c->buf, head_bytes, out)) return false;
  conn_drop(c, head_bytes);
  return conn_skip_body(c, out->body_bytes);
}

static bool fd_write_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    n -= (size_t)sent;
  }
  return true;
}

static const char *status_text(int status) {
  return status < 400 ? "OK" : status < 500 ? "Refused" : "Failed";
}

/* Appends "name: value" where there is a value. *at never passes room. */
static void header_add(char *head, size_t room, size_t *at, const char *name, const char *value) {
  if (!value || !*value || *at >= room) return;
  int n = snprintf(head + *at, room - *at, "%s: %s\r\n", name, value);
  *at = n < 0 || (size_t)n >= room - *at ? room : *at + (size_t)n;
}

bool http_write(struct http_conn *c, const struct http_send *what) {
  char out[2048 + HTTP_SENT_BODY_BYTES];
  const size_t room = 2048;
  int n = what->status ? snprintf(out, room, "HTTP/1.1 %d %s\r\n", what->status, status_text(what->status))
                       : snprintf(out, room, "%s %s HTTP/1.1\r\n", what->method, what->path);
  if (n < 0 || (size_t)n >= room || what->body_bytes > HTTP_SENT_BODY_BYTES) return false;
  size_t at = (size_t)n;
  char length[24];
  snprintf(length, sizeof length, "%zu", what->body_bytes);
  header_add(out, room, &at, "host", what->status ? NULL : what->host);
  header_add(out, room, &at, "x-request-id", what->request_id);
  header_add(out, room, &at, "traceparent", what->traceparent);
  header_add(out, room, &at, "content-length", length);
  if (at + 2 >= room) return false;
  memcpy(out + at, "\r\n", 2);
  at += 2;
  if (what->body)
    memcpy(out + at, what->body, what->body_bytes);
  else
    memset(out + at, 'x', what->body_bytes);
  return fd_write_all(c->fd, out, at + what->body_bytes);
}
