#include "bench_caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  FRAME_BYTES = 16384,
  FRAME_HEAD_BYTES = 9,
  OUT_BYTES = 1 << 20,
  IN_BYTES = 1 << 16,
  BLOCK_BYTES = 256,
  DATA = 0,
  HEADERS = 1,
  RST = 3,
  SETTINGS = 4,
  PING = 6,
  GOAWAY = 7,
  WINDOW_UPDATE = 8,
  END_STREAM = 1,
  ACK = 1,
  END_HEADERS = 4
};

struct conn {
  int fd;
  uint32_t id; /* of the next stream */
  unsigned in_flight;
  int64_t window; /* the connection's */
  size_t out_n, out_at, in_n;
  unsigned char in[IN_BYTES];
  char out[OUT_BYTES];
};

struct caller {
  const struct caller_conf *conf;
  caller_next next;
  void *ctx;
  const char *message; /* the next one, where it did not fit yet */
  size_t message_n;
  uint64_t begun;
  struct caller_result result;
  struct conn *conn;
  char first[BLOCK_BYTES]; /* headers of a connection's first call: all of them go into its table */
  size_t first_n;
};

_Noreturn static void broken(const char *what) {
  (void)fprintf(stderr, "caller: %s\n", what);
  _exit(1);
}

/* ---- out ---- */

static void put(struct conn *c, const void *bytes, size_t n) {
  memcpy(c->out + c->out_n, bytes, n);
  c->out_n += n;
}

static void frame_head(struct conn *c, size_t n, int type, int flags, uint32_t stream) {
  const unsigned char head[FRAME_HEAD_BYTES] = {
      (unsigned char)(n >> 16),      (unsigned char)(n >> 8),      (unsigned char)n,
      (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
      (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
  put(c, head, sizeof head);
}

static void literal(struct caller *l, char index, const char *name, const char *value) {
  l->first[l->first_n++] = index;
  if (name) {
    l->first[l->first_n++] = (char)strlen(name);
    memcpy(l->first + l->first_n, name, strlen(name));
    l->first_n += strlen(name);
  }
  l->first[l->first_n++] = (char)strlen(value);
  memcpy(l->first + l->first_n, value, strlen(value));
  l->first_n += strlen(value);
}

/* POST, http, then what goes into the table (RFC 7541, 6.2.1), last of all at its index 62. */
static void headers_make(struct caller *l) {
  memcpy(l->first, "\x83\x86", 2);
  l->first_n = 2;
  literal(l, 0x44, NULL, l->conf->path);
  literal(l, 0x41, NULL, "foreshock");
  literal(l, 0x5f, NULL, "application/grpc");
  literal(l, 0x40, "te", "trailers");
  literal(l, 0x7a, NULL, "bench");
}

static const char again[] = {(char)0x83, (char)0x86, (char)0xc2, (char)0xc1, (char)0xc0, (char)0xbf, (char)0xbe};

static void call_put(struct caller *l, struct conn *c) {
  bool first = c->id == 1;
  frame_head(c, first ? l->first_n : sizeof again, HEADERS, END_HEADERS, c->id);
  put(c, first ? l->first : again, first ? l->first_n : sizeof again);
  size_t left = l->message_n;
  for (const char *p = l->message; left;) {
    size_t n = left < FRAME_BYTES ? left : FRAME_BYTES;
    left -= n;
    frame_head(c, n, DATA, left ? 0 : END_STREAM, c->id);
    put(c, p, n);
    p += n;
  }
  c->window -= (int64_t)l->message_n;
  c->id += 2;
  c->in_flight++;
  l->begun++;
  l->message = NULL;
}

static int64_t now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_over(const struct caller *l) {
  if (l->conf->calls && l->begun >= l->conf->calls) return true;
  return l->conf->until_ns && now_ns() >= l->conf->until_ns;
}

static void calls_put(struct caller *l, struct conn *c) {
  if (c->out_at == c->out_n) c->out_at = c->out_n = 0;
  while (c->in_flight < l->conf->in_flight && !is_over(l)) {
    if (!l->message) l->next(l->ctx, &l->message, &l->message_n);
    size_t room = l->message_n + BLOCK_BYTES + (l->message_n / FRAME_BYTES + 2) * FRAME_HEAD_BYTES;
    if (room > OUT_BYTES) broken("a message is too long");
    if (c->out_n + room > OUT_BYTES || c->window < (int64_t)l->message_n) return;
    call_put(l, c);
  }
}

static void conn_send(struct conn *c) {
  while (c->out_at < c->out_n) {
    ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) broken("the server takes no more");
    c->out_at += (size_t)n;
  }
}

/* ---- in ---- */

static void answer_take(struct caller *l, struct conn *c, bool good) {
  c->in_flight--;
  l->result.answered += good;
  l->result.failed += !good;
}

static void frame_take(struct caller *l, struct conn *c, const unsigned char *f, size_t n) {
  uint32_t stream = (uint32_t)(f[5] & 127) << 24 | (uint32_t)f[6] << 16 | (uint32_t)f[7] << 8 | f[8];
  const unsigned char *p = f + FRAME_HEAD_BYTES;
  if (f[3] == DATA) l->result.bodies++;
  if (f[3] == HEADERS && f[4] & END_STREAM) answer_take(l, c, true);
  if (f[3] == RST) answer_take(l, c, false);
  if (f[3] == WINDOW_UPDATE && stream == 0)
    c->window += (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | p[3];
  if (f[3] == GOAWAY) broken("the server says goodbye");
  if ((f[3] == SETTINGS || f[3] == PING) && !(f[4] & ACK)) {
    size_t echo = f[3] == PING ? n : 0;
    if (c->out_n + FRAME_HEAD_BYTES + echo > OUT_BYTES) return;
    frame_head(c, echo, f[3], ACK, 0);
    put(c, p, echo);
  }
}

static void conn_hear(struct caller *l, struct conn *c) {
  ssize_t k = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, MSG_DONTWAIT);
  if (k == 0) broken("the server hangs up");
  if (k < 0) return;
  c->in_n += (size_t)k;
  size_t at = 0;
  while (c->in_n - at >= FRAME_HEAD_BYTES) {
    const unsigned char *f = c->in + at;
    size_t n = (size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2];
    if (c->in_n - at < FRAME_HEAD_BYTES + n) break;
    frame_take(l, c, f, n);
    at += FRAME_HEAD_BYTES + n;
  }
  memmove(c->in, c->in + at, c->in_n - at);
  c->in_n -= at;
}

/* ---- all ---- */

static void conn_open(struct conn *c, uint16_t port) {
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (struct sockaddr *)&sa, sizeof sa) != 0) broken("cannot connect");
  (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->id = 1;
  c->window = 65535;
  put(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  frame_head(c, 0, SETTINGS, 0, 0);
  frame_head(c, 4, WINDOW_UPDATE, 0, 0); /* room for the answers to all calls */
  put(c, "\x7f\xff\0\0", 4);
}

/* One turn of all connections; false once nothing is under way and nothing will be. */
static bool turn(struct caller *l, struct pollfd *polled) {
  bool busy = false;
  for (unsigned i = 0; i < l->conf->connections; i++) {
    struct conn *c = &l->conn[i];
    calls_put(l, c);
    conn_send(c);
    bool waits = c->out_at < c->out_n;
    busy |= waits || c->in_flight > 0;
    polled[i] = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (waits ? POLLOUT : 0))};
  }
  if (!busy) return false;
  (void)poll(polled, l->conf->connections, -1);
  for (unsigned i = 0; i < l->conf->connections; i++)
    if (polled[i].revents) conn_hear(l, &l->conn[i]);
  return true;
}

struct caller_result caller_run(const struct caller_conf *conf, caller_next next, void *ctx) {
  struct caller l = {.conf = conf, .next = next, .ctx = ctx};
  struct pollfd polled[CALLER_CONNECTIONS];
  if (conf->connections == 0 || conf->connections > CALLER_CONNECTIONS) broken("so many connections");
  l.conn = calloc(conf->connections, sizeof *l.conn);
  if (!l.conn) broken("no memory");
  headers_make(&l);
  for (unsigned i = 0; i < conf->connections; i++) conn_open(&l.conn[i], conf->port);
  while (turn(&l, polled)) continue;
  for (unsigned i = 0; i < conf->connections; i++) (void)close(l.conn[i].fd);
  free(l.conn);
  return l.result;
}
