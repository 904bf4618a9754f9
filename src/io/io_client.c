#include "io_client.h"

#include <errno.h>
#include <llhttp.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base_must.h"
#include "base_time.h"

enum { CLIENT_HOST_BYTES = 256, CLIENT_READ_BYTES = 16 << 10 };

struct client_url {
  char host[CLIENT_HOST_BYTES];
  char port[8];
  struct base_str authority; /* as it stands in the url */
  struct base_str target;    /* "/path?query" */
};

struct client {
  int fd;
  llhttp_t parser;
  int status;
  bool stopped; /* the line callback has enough */
  bool whole;
  struct base_buf *body; /* the body, or the line under way */
  io_client_line line;   /* NULL: the body is gathered */
  void *ctx;
  const char *token; /* NULL: none */
  char *err;
};

__attribute__((format(printf, 2, 3))) static bool client_fail(char *err, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(err, IO_CLIENT_ERR_BYTES, fmt, ap);
  va_end(ap);
  return false;
}

/* ---- the url ---- */

static bool port_read(struct base_str port, char out[8]) {
  unsigned long v = 0;
  for (size_t i = 0; i < port.n; i++) {
    if (port.p[i] < '0' || port.p[i] > '9' || i >= 5) return false;
    v = v * 10 + (unsigned long)(port.p[i] - '0');
  }
  if (port.n == 0 || v == 0 || v > 65535) return false;
  (void)snprintf(out, 8, "%lu", v);
  return true;
}

/* "host", "host:port", "[::1]:port" */
static bool authority_read(struct base_str authority, struct client_url *u) {
  struct base_str host = authority, port = STR("80");
  bool literal = authority.n && authority.p[0] == '[';
  size_t end = literal ? str_find(authority, ']', 0) : str_find(authority, ':', 0);
  if (literal && end == authority.n) return false;
  host = str_cut(authority, literal ? 1 : 0, end);
  struct base_str rest = str_cut(authority, literal ? end + 1 : end, authority.n);
  if (rest.n && rest.p[0] != ':') return false;
  if (rest.n) port = str_cut(rest, 1, rest.n);
  if (host.n == 0 || host.n >= sizeof u->host || !port_read(port, u->port)) return false;
  memcpy(u->host, host.p, host.n);
  u->host[host.n] = 0;
  u->authority = authority;
  return true;
}

static bool url_is_clean(struct base_str url) {
  for (size_t i = 0; i < url.n; i++) {
    if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f) return false;
  }
  return true;
}

static bool url_read(const char *z, struct client_url *u, char *err) {
  struct base_str url = str_of(z), scheme = STR("http://");
  if (!str_starts(url, scheme)) return client_fail(err, "%.100s: only http:// is spoken here", z);
  if (!url_is_clean(url)) return client_fail(err, "the url holds a space or a control byte");
  size_t slash = scheme.n;
  while (slash < url.n && url.p[slash] != '/' && url.p[slash] != '?' && url.p[slash] != '#') slash++;
  u->target = str_cut(url, slash, str_find(url, '#', slash));
  if (authority_read(str_cut(url, scheme.n, slash), u)) return true;
  return client_fail(err, "%.100s: no host and port in it", z);
}

/* ---- the connection ---- */

static bool timeout_set(int fd, int64_t timeout_ns) {
  struct timeval tv = {.tv_sec = (time_t)(timeout_ns / TIME_NS_PER_S),
                       .tv_usec = (suseconds_t)(timeout_ns % TIME_NS_PER_S / 1000)};
  return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0 &&
         setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0;
}

static const char *cause_text(int cause) {
  bool late = cause == EAGAIN || cause == EWOULDBLOCK || cause == EINPROGRESS;
  return late ? "timed out" : strerror(cause);
}

static int connect_to(const struct addrinfo *a, int64_t timeout_ns) {
  int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
  if (fd < 0) return -1;
  if (timeout_set(fd, timeout_ns) && connect(fd, a->ai_addr, a->ai_addrlen) == 0) return fd;
  int cause = errno;
  (void)close(fd);
  errno = cause;
  return -1;
}

/* Tries each address of the host. -1: err. */
static int client_connect(const struct client_url *u, int64_t timeout_ns, char *err) {
  struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  int rv = getaddrinfo(u->host, u->port, &want, &list);
  if (rv != 0) {
    (void)client_fail(err, "%.100s: %s", u->host, gai_strerror(rv));
    return -1;
  }
  int fd = -1, cause = 0;
  for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
    fd = connect_to(a, timeout_ns);
    cause = errno;
  }
  freeaddrinfo(list);
  if (fd < 0) (void)client_fail(err, "cannot connect to %.100s port %s: %s", u->host, u->port, cause_text(cause));
  return fd;
}

static bool client_ask(struct client *c, const struct client_url *u) {
  struct base_buf out = buf_open(16 << 10);
  buf_put_str(&out, STR("GET "));
  if (u->target.n == 0 || u->target.p[0] != '/') buf_put_char(&out, '/');
  buf_put_str(&out, u->target);
  buf_put_f(&out, " HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: foreshock\r\nAccept: */*\r\nConnection: close\r\n",
            STR_ARG(u->authority));
  if (c->token) buf_put_f(&out, "Authorization: Bearer %s\r\n", c->token);
  buf_put_str(&out, STR("\r\n"));
  bool sent = !out.bad;
  for (size_t at = 0; sent && at < out.n;) {
    ssize_t n = send(c->fd, out.p + at, out.n - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    sent = n > 0;
    if (sent) at += (size_t)n;
  }
  bool long_url = out.bad;
  buf_fini(&out);
  if (sent) return true;
  return client_fail(c->err, "%s", long_url ? "the url is too long" : cause_text(errno));
}

/* ---- the answer ---- */

static int on_headers_complete(llhttp_t *p) {
  struct client *c = p->data;
  c->status = p->status_code;
  p->upgrade = 0;
  if (!c->line || c->status == 200 || c->status < 200) return 0;
  (void)client_fail(c->err, "the server answered %d", c->status);
  return -1;
}

static bool line_end(struct client *c) {
  struct base_str line = buf_str(c->body);
  if (line.n && line.p[line.n - 1] == '\r') line.n--;
  c->stopped = !c->line(c->ctx, line);
  buf_clear(c->body);
  return !c->stopped;
}

static int on_body(llhttp_t *p, const char *at, size_t n) {
  struct client *c = p->data;
  struct base_str in = {at, n};
  while (c->line && in.n) {
    size_t nl = str_find(in, '\n', 0);
    buf_put_str(c->body, str_cut(in, 0, nl));
    if (nl == in.n || c->body->bad) break;
    in = str_cut(in, nl + 1, in.n);
    if (!line_end(c)) return -1;
  }
  if (!c->line) buf_put_str(c->body, in);
  if (!c->body->bad) return 0;
  (void)client_fail(c->err, "%s of more than %zu bytes", c->line ? "a line" : "a body", c->body->max);
  return -1;
}

static int on_message_complete(llhttp_t *p) {
  struct client *c = p->data;
  if (c->status < 200) return 0; /* 100 Continue: the answer is still to come */
  c->whole = true;
  return HPE_PAUSED;
}

static const llhttp_settings_t client_settings = {
    .on_headers_complete = on_headers_complete, .on_body = on_body, .on_message_complete = on_message_complete};

/* Reads until the answer is whole, the callback has enough, or something fails. */
static bool client_read(struct client *c) {
  char bytes[CLIENT_READ_BYTES];
  while (!c->whole && !c->stopped) {
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return client_fail(c->err, "the server's answer: %s", cause_text(errno));
    c->err[0] = 0;
    llhttp_errno_t e = n ? llhttp_execute(&c->parser, bytes, (size_t)n) : llhttp_finish(&c->parser);
    if (c->whole || c->stopped) break;
    if (e != HPE_OK && c->err[0]) return false;
    if (e != HPE_OK) return client_fail(c->err, "the server's answer is no HTTP/1.1, or is cut short");
    if (n == 0) return client_fail(c->err, "the server closed the connection before it had answered");
  }
  if (c->line && !c->stopped && c->body->n) (void)line_end(c);
  return true;
}

static bool client_run(const char *url, int64_t timeout_ns, struct client *c) {
  struct client_url u;
  MUST(timeout_ns > 0);
  if (!url_read(url, &u, c->err)) return false;
  c->fd = client_connect(&u, timeout_ns, c->err);
  if (c->fd < 0) return false;
  llhttp_init(&c->parser, HTTP_RESPONSE, &client_settings);
  c->parser.data = c;
  bool done = client_ask(c, &u) && client_read(c);
  (void)close(c->fd);
  return done;
}

bool io_client_get(const char *url, const char *token, int64_t timeout_ns, size_t body_bytes_max,
                   struct io_client_reply *reply, char err[IO_CLIENT_ERR_BYTES]) {
  *reply = (struct io_client_reply){.body = buf_open(body_bytes_max)};
  struct client c = {.body = &reply->body, .token = token, .err = err};
  bool done = client_run(url, timeout_ns, &c);
  reply->status = c.status;
  return done;
}

bool io_client_lines(const char *url, const char *token, int64_t timeout_ns, size_t line_bytes_max, io_client_line line,
                     void *ctx, char err[IO_CLIENT_ERR_BYTES]) {
  struct base_buf body = buf_open(line_bytes_max);
  struct client c = {.body = &body, .line = line, .ctx = ctx, .token = token, .err = err};
  MUST(line);
  bool done = client_run(url, timeout_ns, &c);
  buf_fini(&body);
  return done;
}
