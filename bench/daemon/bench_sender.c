/* The sending side of the transport benchmarks: raw HTTP/2 frames within the windows that the server gives. */
#include "bench_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_BYTES = 16384, FRAME_HEAD_BYTES = 9 };

struct sender {
  int fd;
  char *frames; /* whole messages, as DATA frames */
  size_t n, at;
  int64_t window_stream, window_connection;
  size_t in_n;
  unsigned char in[65536];
};

static size_t frame_put(char *at, size_t n, int type, int flags, int stream) {
  const unsigned char head[FRAME_HEAD_BYTES] = {(unsigned char)(n >> 16),
                                                (unsigned char)(n >> 8),
                                                (unsigned char)n,
                                                (unsigned char)type,
                                                (unsigned char)flags,
                                                0,
                                                0,
                                                0,
                                                (unsigned char)stream};
  memcpy(at, head, sizeof head);
  return sizeof head;
}

static void send_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
    if (k <= 0) _exit(0); /* the server has enough */
    p += k;
    n -= (size_t)k;
  }
}

/* Preface, SETTINGS, and HEADERS: literals without indexing and without Huffman. */
static void sender_greet(struct sender *s) {
  static const char *const field[] = {
      ":method", "POST",         ":scheme",          "http", ":path",   "/bench.Feed/Send", ":authority",
      "x",       "content-type", "application/grpc", "te",   "trailers"};
  char out[512], block[256];
  size_t n = 24, b = 0;
  for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
    size_t len = strlen(field[i]);
    if (i % 2 == 0) block[b++] = 0;
    block[b++] = (char)len;
    memcpy(block + b, field[i], len);
    b += len;
  }
  memcpy(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  n += frame_put(out + n, 0, 4, 0, 0);
  n += frame_put(out + n, b, 1, 4, 1);
  memcpy(out + n, block, b);
  send_all(s->fd, out, n + b);
}

/* Takes the server's frames: SETTINGS say the stream's first window, WINDOW_UPDATE what comes on top. */
static void sender_frame(struct sender *s, const unsigned char *f, size_t n) {
  if (f[3] == 8) {
    int64_t more = (int64_t)f[9] << 24 | (int64_t)f[10] << 16 | (int64_t)f[11] << 8 | f[12];
    if (f[8]) {
      s->window_stream += more;
    } else {
      s->window_connection += more;
    }
  }
  for (size_t i = 9; f[3] == 4 && i + 6 <= n; i += 6) {
    uint32_t value = (uint32_t)f[i + 2] << 24 | (uint32_t)f[i + 3] << 16 | (uint32_t)f[i + 4] << 8 | f[i + 5];
    if (f[i + 1] == 4) s->window_stream += (int64_t)value - 65535;
  }
  if (f[3] == 4 && f[4] == 0) { /* the larger window holds from our acknowledgement on */
    char ack[FRAME_HEAD_BYTES];
    send_all(s->fd, ack, frame_put(ack, 0, 4, 1, 0));
  }
}

static void sender_hear(struct sender *s, bool wait) {
  ssize_t k = recv(s->fd, s->in + s->in_n, sizeof s->in - s->in_n, wait ? 0 : MSG_DONTWAIT);
  if (k == 0) _exit(0);
  if (k < 0) return;
  s->in_n += (size_t)k;
  size_t at = 0;
  while (s->in_n - at >= FRAME_HEAD_BYTES) {
    const unsigned char *f = s->in + at;
    size_t n = FRAME_HEAD_BYTES + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
    if (s->in_n - at < n) break;
    sender_frame(s, f, n);
    at += n;
  }
  memmove(s->in, s->in + at, s->in_n - at);
  s->in_n -= at;
}

/* The body as DATA frames. */
static void frames_make(struct sender *s, const char *body, size_t left) {
  s->frames = malloc(left + (left / FRAME_BYTES + 1) * FRAME_HEAD_BYTES);
  if (!s->frames) _exit(1);
  for (size_t n = 0; left; left -= n, body += n) {
    n = left < FRAME_BYTES ? left : FRAME_BYTES;
    s->n += frame_put(s->frames + s->n, n, 0, 0, 1);
    memcpy(s->frames + s->n, body, n);
    s->n += n;
  }
}

/* END_STREAM, then whatever the server still has to say. */
_Noreturn static void sender_end(struct sender *s) {
  char end[FRAME_HEAD_BYTES];
  send_all(s->fd, end, frame_put(end, 0, 0, 1, 1));
  for (;;) sender_hear(s, true);
}

_Noreturn void sender_run(uint16_t port, const char *body, size_t n, bool again) {
  static struct sender s = {.window_stream = 65535, .window_connection = 65535};
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  s.fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(s.fd, (struct sockaddr *)&sa, sizeof sa) != 0) _exit(1);
  frames_make(&s, body, n);
  sender_greet(&s);
  for (;;) {
    const unsigned char *f = (const unsigned char *)s.frames + s.at;
    size_t from = s.at;
    int64_t window = s.window_stream < s.window_connection ? s.window_stream : s.window_connection;
    int64_t used = 0;
    while (s.at < s.n) {
      int64_t k = (int64_t)f[0] << 16 | (int64_t)f[1] << 8 | f[2];
      if (used + k > window) break;
      used += k;
      s.at += (size_t)k + FRAME_HEAD_BYTES;
      f += k + FRAME_HEAD_BYTES;
    }
    s.window_stream -= used;
    s.window_connection -= used;
    send_all(s.fd, s.frames + from, s.at - from);
    if (s.at == s.n && again) s.at = 0;
    if (s.at == s.n) sender_end(&s);
    sender_hear(&s, used == 0);
  }
}
