/* The listener and its connections: accept, sniff the protocol, move bytes between sockets and protocol objects,
 * idle limits, drain. A connection that ends is closed at once but freed only when the loop calls next, because
 * its objects may be on the stack. */
#include "io_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base_limits.h"
#include "base_must.h"
#include "io_conn.h"
#include "io_tls_conn.h"

enum {
  READ_BYTES = 256 << 10,
  READS_AT_ONCE = 4,  /* of one connection, a wake-up; then the others' turn */
  SENDS_AT_ONCE = 16, /* likewise */
  ACCEPTS_AT_ONCE = 64,
  PEER_BYTES = INET6_ADDRSTRLEN + 8
};
#define LINGER_NS (2 * TIME_NS_PER_S) /* for the client to read our last word before a reset could wipe it out */
#define SWEEP_NS_MIN (20 * TIME_NS_PER_MS)
#define SWEEP_NS_MAX TIME_NS_PER_S
#define HOARD_NS (2 * TIME_NS_PER_S)
#define RENEW_NS TIME_NS_PER_S /* between two looks at the certificate's files */

enum conn_state { CONN_HANDSHAKE, CONN_SNIFF, CONN_H2, CONN_HTTP1, CONN_LINGER, CONN_ENDED };

struct io_conn {
  struct io_server *server;
  int fd;
  enum conn_state state;
  unsigned slot;                  /* in the server's table */
  size_t preface_n;               /* bytes of the HTTP/2 preface seen so far */
  bool eof;                       /* the peer sends no more */
  struct base_mono since;         /* accepted, or lingering */
  struct base_mono moved;         /* the socket took output, or none waits */
  struct io_tls_conn *tls;        /* NULL: plain text */
  bool heard;                     /* a byte came */
  struct io_conn *before, *after; /* in the list of handshakes */
  struct io_h2 *h2;
  struct io_http1 *http1;
  struct io_link link;
  struct io_conn *reap_next;
  char peer[PEER_BYTES];
};

struct io_server {
  struct io_loop *loop;
  struct io_server_conf conf;
  int listen_fd; /* -1: draining */
  int timer;
  bool accept_paused; /* out of descriptors: until the next sweep */
  struct io_hold hold;
  struct io_conn **conn;
  unsigned conn_n, conn_cap;
  struct io_conn *reap;
  struct io_conn *oldest, *newest; /* handshakes under way */
  unsigned handshake_n;
  struct base_mono renewed_at; /* when the certificate's files were looked at */
  char plain_buf[IO_TLS_PLAIN_BYTES];
  char read_buf[READ_BYTES];
};

/* ---- the table ---- */

static void server_reap(struct io_server *s) {
  while (s->reap) {
    struct io_conn *c = s->reap;
    s->reap = c->reap_next;
    io_h2_close(c->h2);
    io_http1_close(c->http1);
    io_tls_conn_close(c->tls);
    free(c);
  }
}

static bool table_grow(struct io_server *s) {
  if (s->conn_n < s->conn_cap) return true;
  unsigned cap = s->conn_cap ? s->conn_cap * 2 : 64;
  struct io_conn **conn = realloc(s->conn, cap * sizeof(*conn));
  if (!conn) return false;
  s->conn = conn;
  s->conn_cap = cap;
  return true;
}

static void handshake_add(struct io_conn *c) {
  struct io_server *s = c->server;
  c->before = s->newest;
  if (s->newest) s->newest->after = c;
  if (!s->oldest) s->oldest = c;
  s->newest = c;
  s->handshake_n++;
}

static void handshake_drop(struct io_conn *c) {
  struct io_server *s = c->server;
  if (c->before) c->before->after = c->after;
  if (c->after) c->after->before = c->before;
  if (s->oldest == c) s->oldest = c->after;
  if (s->newest == c) s->newest = c->before;
  c->before = c->after = NULL;
  s->handshake_n--;
}

static void conn_end(struct io_conn *c) {
  struct io_server *s = c->server;
  if (c->state == CONN_ENDED) return;
  if (c->state == CONN_HANDSHAKE) handshake_drop(c);
  c->state = CONN_ENDED;
  io_loop_drop(s->loop, c->fd);
  (void)close(c->fd);
  s->conn[c->slot] = s->conn[--s->conn_n];
  s->conn[c->slot]->slot = c->slot;
  s->conf.counters[REC_COUNTER_CONNECTIONS_CLOSED]++;
  c->reap_next = s->reap;
  s->reap = c;
  if (c->h2) io_h2_drop(c->h2);
  if (c->http1) io_http1_drop(c->http1);
}

/* ---- one connection ---- */

static struct base_str plain_peek(struct io_conn *c) {
  if (c->state == CONN_H2) return io_h2_peek(c->h2);
  return c->state == CONN_HTTP1 ? io_http1_peek(c->http1) : STR_NONE;
}

static void plain_sent(struct io_conn *c, size_t n) {
  if (c->state == CONN_H2) io_h2_sent(c->h2, n);
  if (c->state == CONN_HTTP1) io_http1_sent(c->http1, n);
}

static bool plain_done(const struct io_conn *c) {
  if (c->state == CONN_H2) return io_h2_done(c->h2);
  return c->state == CONN_HTTP1 && io_http1_done(c->http1);
}

/* Encrypts the next of what waits; where nothing does and all is said, the end. */
static struct base_str sealed_peek(struct io_conn *c) {
  struct base_str out = io_tls_peek(c->tls);
  if (out.n || !io_tls_ready(c->tls)) return out;
  struct base_str plain = plain_peek(c);
  if (plain.n)
    plain_sent(c, io_tls_write(c->tls, plain));
  else if (plain_done(c) || c->eof)
    (void)io_tls_end(c->tls);
  return io_tls_peek(c->tls);
}

static struct base_str conn_peek(struct io_conn *c) {
  return c->tls && c->state != CONN_LINGER && c->state != CONN_ENDED ? sealed_peek(c) : plain_peek(c);
}

static void conn_sent(struct io_conn *c, size_t n) {
  if (c->tls)
    io_tls_sent(c->tls, n);
  else
    plain_sent(c, n);
}

/* Nothing more is to be sent, once what waits is. */
static bool conn_done(const struct io_conn *c) {
  return plain_done(c) || (c->tls && io_tls_failure(c->tls) != IO_TLS_FAIL_NONE);
}

/* All is said: tell the peer, then wait for its end a while, reading and dropping, so that no reset overtakes the
 * last answer. */
static void conn_linger(struct io_conn *c) {
  if (c->eof || shutdown(c->fd, SHUT_WR) != 0 || !io_loop_set(c->server->loop, c->fd, IO_READ)) {
    conn_end(c);
    return;
  }
  if (c->h2) io_h2_drop(c->h2);
  if (c->http1) io_http1_drop(c->http1);
  if (c->state == CONN_HANDSHAKE) handshake_drop(c);
  c->state = CONN_LINGER;
  c->since = io_mono_now();
}

static void conn_watch(struct io_conn *c, bool output_waits) {
  bool reads = !c->eof && (c->state != CONN_HTTP1 || io_http1_wants_read(c->http1));
  unsigned events = (reads ? IO_READ : 0u) | (output_waits ? IO_WRITE : 0u);
  if (events == 0 || !io_loop_set(c->server->loop, c->fd, events)) conn_end(c);
}

/* Sends what the socket takes, then sets what to wait for, or ends the connection. */
static void conn_flush(struct io_conn *c) {
  if (c->state == CONN_ENDED || c->state == CONN_LINGER) return;
  struct base_str out = conn_peek(c);
  bool moved = out.n == 0;
  for (int i = 0; i < SENDS_AT_ONCE && out.n; i++) {
    ssize_t n = send(c->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      conn_end(c);
      return;
    }
    if (n < 0) break;
    moved = true;
    conn_sent(c, (size_t)n);
    out = conn_peek(c);
  }
  if (moved) c->moved = io_mono_now();
  if (out.n == 0 && conn_done(c)) {
    conn_linger(c);
  } else {
    conn_watch(c, out.n > 0);
  }
}

static void conn_wake(void *ctx) {
  conn_flush(ctx);
}

static void conn_become(struct io_conn *c, enum conn_state state, struct io_now now) {
  if (state == CONN_H2) c->h2 = io_h2_open(&c->link, now);
  if (state == CONN_HTTP1) c->http1 = io_http1_open(&c->link, now);
  if (c->h2 || c->http1) {
    c->state = state;
  } else {
    conn_end(c);
  }
}

/* Compares with the preface as far as bytes are here. What was matched before is known by heart and need not be
 * kept: it is the preface's own head. */
static void conn_sniff(struct io_conn *c, struct base_str bytes, struct io_now now) {
  struct base_str preface = IO_H2_PREFACE;
  size_t had = c->preface_n, i = 0;
  while (i < bytes.n && c->preface_n < preface.n && bytes.p[i] == preface.p[c->preface_n]) {
    c->preface_n++;
    i++;
  }
  if (c->preface_n == preface.n) {
    conn_become(c, CONN_H2, now);
  } else if (i < bytes.n) {
    conn_become(c, CONN_HTTP1, now);
  } else {
    return;
  }
  if (c->state == CONN_H2) {
    io_h2_take(c->h2, str_cut(preface, 0, had), now);
    io_h2_take(c->h2, bytes, now);
  } else if (c->state == CONN_HTTP1) {
    io_http1_take(c->http1, str_cut(preface, 0, had), now);
    io_http1_take(c->http1, bytes, now);
  }
}

static void conn_take(struct io_conn *c, struct base_str bytes, struct io_now now) {
  switch (c->state) {
    case CONN_SNIFF: conn_sniff(c, bytes, now); break;
    case CONN_H2: io_h2_take(c->h2, bytes, now); break;
    case CONN_HTTP1: io_http1_take(c->http1, bytes, now); break;
    case CONN_HANDSHAKE:
    case CONN_LINGER:
    case CONN_ENDED: break;
  }
}

/* ---- TLS ---- */

static void tls_failed(struct io_conn *c) {
  static const enum rec_counter counter[] = {
#define X(name, counter) REC_COUNTER_##counter,
      IO_TLS_FAIL_TABLE(X)
#undef X
  };
  bool shook = c->state != CONN_HANDSHAKE;
  io_count(&c->link, shook ? REC_COUNTER_TLS_BROKEN : counter[io_tls_failure(c->tls)]);
  if (!shook) io_tls_refuse(c->server->conf.tls, c->link.peer, io_tls_failure_text(c->tls));
}

static void tls_shook(struct io_conn *c, struct io_now now) {
  handshake_drop(c);
  c->state = CONN_SNIFF;
  c->since = now.mono;
  io_count(&c->link, REC_COUNTER_TLS_HANDSHAKES);
  /* Who has agreed on HTTP/2 is held to it: no sniffing. */
  if (io_tls_is_h2(c->tls)) conn_become(c, CONN_H2, now);
}

/* Takes what the wire brought to its protocol. False: the peer is through, or the connection broken. */
static bool sealed_take(struct io_conn *c, struct base_str bytes, struct io_now now) {
  char *plain = c->server->plain_buf;
  io_tls_take(c->tls, bytes);
  for (;;) {
    size_t n = 0;
    enum io_tls_step step = io_tls_read(c->tls, plain, &n);
    if (c->state == CONN_HANDSHAKE && io_tls_ready(c->tls)) tls_shook(c, now);
    if (step == IO_TLS_MORE) return true;
    if (step == IO_TLS_BAD) tls_failed(c);
    if (step != IO_TLS_DATA) return false;
    conn_take(c, (struct base_str){plain, n}, now);
    if (c->state == CONN_ENDED) return true;
  }
}

/* The peer's end of sending. What was asked before is still answered. */
static void conn_eof(struct io_conn *c) {
  c->eof = true;
  conn_flush(c);
  if (c->state == CONN_ENDED) return;
  struct base_str rest = conn_peek(c);
  if (rest.n == 0) conn_end(c);
}

/* False: no more is to be read. */
static bool wire_take(struct io_conn *c, struct base_str bytes, struct io_now now) {
  c->heard = true;
  if (c->state == CONN_LINGER || (c->tls && io_tls_failure(c->tls) != IO_TLS_FAIL_NONE)) return true;
  if (!c->tls) {
    conn_take(c, bytes, now);
    return true;
  }
  if (sealed_take(c, bytes, now)) return true;
  if (io_tls_failure(c->tls) == IO_TLS_FAIL_NONE) conn_eof(c); /* close_notify */
  return false;
}

static bool conn_read_more(const struct io_conn *c) {
  return c->state != CONN_ENDED && (c->state != CONN_HTTP1 || io_http1_wants_read(c->http1));
}

static void conn_read(struct io_conn *c) {
  struct io_server *s = c->server;
  struct io_now now = {io_wall_now(), io_mono_now()};
  for (int i = 0; i < READS_AT_ONCE && conn_read_more(c); i++) {
    ssize_t n = recv(c->fd, s->read_buf, READ_BYTES, MSG_DONTWAIT);
    if (n > 0 && !wire_take(c, (struct base_str){s->read_buf, (size_t)n}, now)) return;
    bool lost = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    if ((n == 0 || lost) && c->state == CONN_HANDSHAKE && c->heard) io_count(&c->link, REC_COUNTER_TLS_CUT);
    if (lost) conn_end(c);
    if (n == 0) conn_eof(c);
    if (n == 0 || lost) return;
    if (n < READ_BYTES) break; /* the socket is empty, or nearly */
  }
}

static void conn_ready(void *ctx, unsigned events) {
  struct io_conn *c = ctx;
  server_reap(c->server);
  if (events & IO_READ) conn_read(c);
  conn_flush(c);
}

/* ---- accept ---- */

/* "192.0.2.1:4711", "[2001:db8::1]:4711"; an IPv4 client of an IPv6 listener reads as IPv4. */
static void peer_text(const struct sockaddr_storage *sa, char out[PEER_BYTES]) {
  char ip[INET6_ADDRSTRLEN] = "?";
  if (sa->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const void *)sa;
    (void)inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
    (void)snprintf(out, PEER_BYTES, "%s:%u", ip, ntohs(v4->sin_port));
    return;
  }
  const struct sockaddr_in6 *v6 = (const void *)sa;
  bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
  (void)inet_ntop(mapped ? AF_INET : AF_INET6, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), ip, sizeof ip);
  (void)snprintf(out, PEER_BYTES, mapped ? "%s:%u" : "[%s]:%u", ip, ntohs(v6->sin6_port));
}

/* NULL: out of memory. */
static struct io_conn *conn_new(struct io_server *s) {
  struct io_conn *c = calloc(1, sizeof *c);
  if (!c || !s->conf.tls || (c->tls = io_tls_accept(s->conf.tls))) return c;
  free(c);
  return NULL;
}

/* Room for one more handshake: a crowd of clients that never finish theirs locks nobody out. */
static void handshake_room(struct io_server *s) {
  while (s->handshake_n >= LIMIT_TLS_HANDSHAKES) {
    s->conf.counters[REC_COUNTER_TLS_CROWDED_OUT]++;
    conn_end(s->oldest);
  }
}

/* Takes fd over: it becomes a connection or is closed. */
static void conn_open(struct io_server *s, int fd, const struct sockaddr_storage *sa) {
  int on = 1;
  struct io_conn *c = NULL;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  handshake_room(s);
  if (s->conn_n < LIMIT_CONNECTIONS && table_grow(s)) c = conn_new(s);
  if (!c || !io_loop_add(s->loop, fd, IO_READ, conn_ready, c)) {
    if (c) io_tls_conn_close(c->tls);
    free(c);
    (void)close(fd);
    s->conf.counters[REC_COUNTER_CONNECTION_LIMIT]++;
    return;
  }
  c->server = s;
  c->fd = fd;
  c->since = c->moved = io_mono_now();
  peer_text(sa, c->peer);
  c->link = (struct io_link){&s->conf, &s->hold, str_of(c->peer), conn_wake, c};
  c->slot = s->conn_n;
  s->conn[s->conn_n++] = c;
  c->state = c->tls ? CONN_HANDSHAKE : CONN_SNIFF;
  if (c->tls) handshake_add(c);
  s->conf.counters[REC_COUNTER_CONNECTIONS_OPENED]++;
}

static void server_accept(void *ctx, unsigned events) {
  struct io_server *s = ctx;
  (void)events;
  server_reap(s);
  for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    int fd = accept4(s->listen_fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      conn_open(s, fd, &sa);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      s->conf.counters[REC_COUNTER_CONNECTION_LIMIT]++;
      s->accept_paused = io_loop_set(s->loop, s->listen_fd, 0);
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

/* ---- time ---- */

/* While half of the listener's memory is held, who reads nothing gets no more patience than this. */
static bool conn_hoards(struct io_conn *c, struct io_now now) {
  const struct io_hold *hold = &c->server->hold;
  if (hold->bytes < hold->bytes_max / 2 || now.mono.ns - c->moved.ns < HOARD_NS || conn_peek(c).n == 0) return false;
  io_count(&c->link, REC_COUNTER_SLOW_READERS);
  return true;
}

static void conn_sweep(struct io_conn *c, struct io_now now) {
  int64_t idle_ns = c->server->conf.idle_ns;
  bool stuck = idle_ns > 0 && now.mono.ns - c->moved.ns >= idle_ns && conn_peek(c).n > 0;
  bool mute = c->state == CONN_SNIFF && idle_ns > 0 && now.mono.ns - c->since.ns >= idle_ns;
  bool lingered = c->state == CONN_LINGER && now.mono.ns - c->since.ns >= LINGER_NS;
  bool slow = c->state == CONN_HANDSHAKE && now.mono.ns - c->since.ns >= LIMIT_TLS_HANDSHAKE_NS;
  if (slow) io_count(&c->link, REC_COUNTER_TLS_TIMEOUT);
  if (stuck || mute || lingered || slow || conn_hoards(c, now)) {
    conn_end(c);
    return;
  }
  if (c->state == CONN_H2) io_h2_tick(c->h2, now);
  if (c->state == CONN_HTTP1) io_http1_tick(c->http1, now);
  conn_flush(c);
}

static void server_renew(struct io_server *s, struct base_mono now) {
  if (!s->conf.tls || now.ns - s->renewed_at.ns < RENEW_NS) return;
  enum io_tls_renewed how = io_tls_look(s->conf.tls);
  s->renewed_at = now;
  if (how == IO_TLS_RENEWED) s->conf.counters[REC_COUNTER_TLS_RENEWED]++;
  if (how == IO_TLS_STALE) s->conf.counters[REC_COUNTER_TLS_STALE]++;
}

static void server_sweep(void *ctx) {
  struct io_server *s = ctx;
  struct io_now now = {io_wall_now(), io_mono_now()};
  server_reap(s);
  server_renew(s, now.mono);
  if (s->accept_paused && s->listen_fd >= 0) s->accept_paused = !io_loop_set(s->loop, s->listen_fd, IO_READ);
  /* From the end: one that ends is replaced by one that was swept already. */
  for (unsigned i = s->conn_n; i-- > 0;) {
    if (i < s->conn_n) conn_sweep(s->conn[i], now);
  }
}

static int64_t sweep_period_ns(int64_t idle_ns) {
  int64_t ns = idle_ns / 8;
  if (ns < SWEEP_NS_MIN) ns = idle_ns > 0 ? SWEEP_NS_MIN : SWEEP_NS_MAX;
  return ns < SWEEP_NS_MAX ? ns : SWEEP_NS_MAX;
}

/* ---- open and close ---- */

static socklen_t address_read(const struct io_server_conf *conf, struct sockaddr_storage *sa) {
  struct sockaddr_in *v4 = (void *)sa;
  struct sockaddr_in6 *v6 = (void *)sa;
  if (inet_pton(AF_INET, conf->address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(conf->port);
    return sizeof *v4;
  }
  if (inet_pton(AF_INET6, conf->address, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(conf->port);
    return sizeof *v6;
  }
  return 0;
}

/* A listening socket, or -1 with *err and errno. */
static int listen_open(const struct io_server_conf *conf, const char **err) {
  struct sockaddr_storage sa = {0};
  int on = 1;
  socklen_t n = address_read(conf, &sa);
  *err = "the address is no numeric IPv4 or IPv6 address";
  errno = EINVAL;
  if (n == 0) return -1;
  *err = "cannot make a socket";
  int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  *err = "cannot bind to the address and port";
  if (bind(fd, (struct sockaddr *)&sa, n) == 0) {
    *err = "cannot listen";
    if (listen(fd, SOMAXCONN) == 0) return fd;
  }
  int cause = errno;
  (void)close(fd);
  errno = cause;
  return -1;
}

struct io_server *io_server_open(struct io_loop *l, const struct io_server_conf *conf, const char **err) {
  MUST(l && conf && conf->address && conf->counters && (conf->method || conf->method_n == 0));
  int fd = listen_open(conf, err);
  if (fd < 0) return NULL;
  struct io_server *s = calloc(1, sizeof *s);
  if (s) {
    s->loop = l;
    s->conf = *conf;
    s->listen_fd = fd;
    io_hold_init(&s->hold, LIMIT_HELD_BYTES);
    if (conf->tls) io_tls_offer(conf->tls, conf->method_n > 0 || conf->http_over_h2, conf->http != NULL);
    s->timer = io_loop_timer_add(l, sweep_period_ns(conf->idle_ns), server_sweep, s);
  }
  if (s && s->timer && io_loop_add(l, fd, IO_READ, server_accept, s)) return s;
  int cause = errno;
  *err = "no memory or descriptors for the listener";
  if (s && s->timer) io_loop_timer_drop(l, s->timer);
  free(s);
  (void)close(fd);
  errno = cause;
  return NULL;
}

uint16_t io_server_port(const struct io_server *s) {
  struct sockaddr_storage sa = {0};
  socklen_t n = sizeof sa;
  if (s->listen_fd < 0 || getsockname(s->listen_fd, (struct sockaddr *)&sa, &n) != 0) return 0;
  return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&sa)->sin_port
                                       : ((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
}

unsigned io_server_connections(const struct io_server *s) {
  return s->conn_n;
}

static void listen_close(struct io_server *s) {
  if (s->listen_fd < 0) return;
  io_loop_drop(s->loop, s->listen_fd);
  (void)close(s->listen_fd);
  s->listen_fd = -1;
}

static void conn_drain(struct io_conn *c) {
  if (c->state == CONN_SNIFF || c->state == CONN_HANDSHAKE) conn_end(c);
  if (c->state == CONN_H2) io_h2_drain(c->h2);
  if (c->state == CONN_HTTP1) io_http1_drain(c->http1);
  conn_flush(c);
}

bool io_server_drain(struct io_server *s) {
  bool first = s->listen_fd >= 0;
  listen_close(s);
  for (unsigned i = first ? s->conn_n : 0; i-- > 0;) {
    if (i < s->conn_n) conn_drain(s->conn[i]);
  }
  return s->conn_n == 0;
}

void io_server_close(struct io_server *s) {
  if (!s) return;
  listen_close(s);
  while (s->conn_n) {
    struct io_conn *c = s->conn[s->conn_n - 1];
    if (c->state == CONN_H2) io_h2_abort(c->h2);
    conn_flush(c);
    conn_end(c);
  }
  server_reap(s);
  io_loop_timer_drop(s->loop, s->timer);
  io_hold_fini(&s->hold);
  free(s->conn);
  free(s);
}
