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
#include "io_tls_conn.h"

enum { CLIENT_HOST_BYTES = 256, CLIENT_READ_BYTES = IO_TLS_PLAIN_BYTES };

struct client_url {
  char host[CLIENT_HOST_BYTES];
  char port[8];
  bool tls;
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
  const struct io_client_conf *conf;
  struct io_tls_client *trust; /* NULL: http:// */
  struct io_tls_conn *tls;
  char sealed[CLIENT_READ_BYTES];
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
  struct base_str host = authority, port = u->tls ? STR("443") : STR("80");
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
  u->tls = str_starts(url, STR("https://"));
  if (u->tls) scheme = STR("https://");
  if (!str_starts(url, scheme)) return client_fail(err, "%.100s: only http:// and https:// are spoken here", z);
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

static bool wire_send(struct client *c, struct base_str out) {
  while (out.n) {
    ssize_t n = send(c->fd, out.p, out.n, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return client_fail(c->err, "%s", cause_text(errno));
    out = str_cut(out, (size_t)n, out.n);
  }
  return true;
}

/* > 0 bytes; 0: the server has closed; -1: err. */
static ssize_t wire_recv(struct client *c, char out[CLIENT_READ_BYTES]) {
  for (;;) {
    ssize_t n = recv(c->fd, out, CLIENT_READ_BYTES, 0);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    (void)client_fail(c->err, "the server's answer: %s", cause_text(errno));
    return -1;
  }
}

static bool sealed_flush(struct client *c) {
  struct base_str out = io_tls_peek(c->tls);
  if (!wire_send(c, out)) return false;
  if (out.n) io_tls_sent(c->tls, out.n);
  return true;
}

/* As wire_recv, of plain bytes; -2: the handshake is over, and nothing has come yet. */
static ssize_t sealed_recv(struct client *c, char out[CLIENT_READ_BYTES], bool hello) {
  for (;;) {
    size_t n = 0;
    enum io_tls_step step = io_tls_read(c->tls, out, &n);
    if (!sealed_flush(c)) return -1;
    if (step == IO_TLS_DATA) return (ssize_t)n;
    if (step == IO_TLS_END) return 0;
    if (hello && io_tls_ready(c->tls)) return -2;
    if (step == IO_TLS_BAD) (void)client_fail(c->err, "TLS: %s", io_tls_failure_text(c->tls));
    if (step == IO_TLS_BAD) return -1;
    ssize_t got = wire_recv(c, c->sealed);
    if (got <= 0) return got;
    io_tls_take(c->tls, (struct base_str){c->sealed, (size_t)got});
  }
}

static bool client_hello(struct client *c, const struct client_url *u) {
  char none[CLIENT_READ_BYTES];
  if (!u->tls) return true;
  c->tls = io_tls_connect(c->trust, u->host);
  if (!c->tls) return client_fail(c->err, "out of memory");
  io_tls_hello(c->tls);
  ssize_t n = sealed_recv(c, none, true);
  return n == -2 || (n == -1 ? false : client_fail(c->err, "the server closed the connection instead of TLS"));
}

static bool client_send(struct client *c, struct base_str plain) {
  while (c->tls && plain.n) {
    size_t n = io_tls_write(c->tls, plain);
    if (n == 0) return client_fail(c->err, "TLS: %s", io_tls_failure_text(c->tls));
    if (!sealed_flush(c)) return false;
    plain = str_cut(plain, n, plain.n);
  }
  return wire_send(c, plain);
}

static bool client_ask(struct client *c, const struct client_url *u) {
  struct base_buf out = buf_open(16 << 10);
  buf_put_str(&out, STR("GET "));
  if (u->target.n == 0 || u->target.p[0] != '/') buf_put_char(&out, '/');
  buf_put_str(&out, u->target);
  buf_put_f(&out, " HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: foreshock\r\nAccept: */*\r\nConnection: close\r\n",
            STR_ARG(u->authority));
  if (c->conf->token) buf_put_f(&out, "Authorization: Bearer %s\r\n", c->conf->token);
  buf_put_str(&out, STR("\r\n"));
  bool sent = out.bad ? client_fail(c->err, "the url is too long") : client_send(c, buf_str(&out));
  buf_fini(&out);
  return sent;
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
    ssize_t n = c->tls ? sealed_recv(c, bytes, false) : wire_recv(c, bytes);
    if (n < 0) return false;
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

static bool client_trust(struct client *c) {
  const struct io_client_conf *f = c->conf;
  char why[IO_TLS_WHY_BYTES];
  c->trust = io_tls_client_open(f->ca_file ? f->ca_file : "", f->cert_file ? f->cert_file : "",
                                f->key_file ? f->key_file : "", why);
  return c->trust || client_fail(c->err, "%.200s", why);
}

static bool client_run(struct client *c) {
  struct client_url u;
  MUST(c->conf->timeout_ns > 0);
  if (!url_read(c->conf->url, &u, c->err) || (u.tls && !client_trust(c))) return false;
  c->fd = client_connect(&u, c->conf->timeout_ns, c->err);
  llhttp_init(&c->parser, HTTP_RESPONSE, &client_settings);
  c->parser.data = c;
  bool done = c->fd >= 0 && client_hello(c, &u) && client_ask(c, &u) && client_read(c);
  if (c->fd >= 0) (void)close(c->fd);
  io_tls_conn_close(c->tls);
  io_tls_client_close(c->trust);
  return done;
}

bool io_client_get(const struct io_client_conf *conf, size_t body_bytes_max, struct io_client_reply *reply,
                   char err[IO_CLIENT_ERR_BYTES]) {
  *reply = (struct io_client_reply){.body = buf_open(body_bytes_max)};
  struct client c = {.body = &reply->body, .conf = conf, .err = err};
  bool done = client_run(&c);
  reply->status = c.status;
  return done;
}

bool io_client_lines(const struct io_client_conf *conf, size_t line_bytes_max, io_client_line line, void *ctx,
                     char err[IO_CLIENT_ERR_BYTES]) {
  struct base_buf body = buf_open(line_bytes_max);
  struct client c = {.body = &body, .line = line, .ctx = ctx, .conf = conf, .err = err};
  MUST(line);
  bool done = client_run(&c);
  buf_fini(&body);
  return done;
}
