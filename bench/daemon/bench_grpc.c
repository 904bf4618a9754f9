/* The transport alone: a child process feeds messages of an access log's size over loopback, as HTTP/2 frames of
 * 16 KiB; the server only counts them. Prints bytes and messages per CPU-second of the server.
 *
 *   bench_grpc [MB]      MB of messages a size, default 2000; 0 is a short run for the tests */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base_must.h"
#include "io_server.h"
#include "rec_counter.h"

enum { FRAME_BYTES = 16384, FRAME_HEAD_BYTES = 9, BURST_BYTES = 512 << 10 };

struct feed {
  struct io_loop *loop;
  uint64_t messages, bytes, bytes_want, digest;
  uint64_t counters[REC_COUNTER_COUNT];
};

/* ---- the child: raw frames, within the windows that the server gives ---- */

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

/* Frames that cover a whole number of messages, to be sent over and over. */
static void frames_make(struct sender *s, size_t message_bytes) {
  size_t each = message_bytes + 5, many = BURST_BYTES / each + 1, left = each * many, at = 0, n = 0;
  s->frames = malloc(left + (left / FRAME_BYTES + 1) * FRAME_HEAD_BYTES);
  if (!s->frames) _exit(1);
  for (; left; left -= n) {
    n = left < FRAME_BYTES ? left : FRAME_BYTES;
    s->n += frame_put(s->frames + s->n, n, 0, 0, 1);
    for (size_t i = 0; i < n; i++, at++) {
      size_t k = at % each;
      s->frames[s->n++] = k == 0 ? 0 : (char)(k < 5 ? message_bytes >> (32 - 8 * k) : k * 31);
    }
  }
}

_Noreturn static void sender_run(uint16_t port, size_t message_bytes) {
  static struct sender s = {.window_stream = 65535, .window_connection = 65535};
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  s.fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(s.fd, (struct sockaddr *)&sa, sizeof sa) != 0) _exit(1);
  frames_make(&s, message_bytes);
  sender_greet(&s);
  for (;;) {
    const unsigned char *f = (const unsigned char *)s.frames + s.at;
    size_t from = s.at;
    int64_t window = s.window_stream < s.window_connection ? s.window_stream : s.window_connection;
    int64_t used = 0;
    while (s.at < s.n) {
      int64_t n = (int64_t)f[0] << 16 | (int64_t)f[1] << 8 | f[2];
      if (used + n > window) break;
      used += n;
      s.at += (size_t)n + FRAME_HEAD_BYTES;
      f += n + FRAME_HEAD_BYTES;
    }
    s.window_stream -= used;
    s.window_connection -= used;
    send_all(s.fd, s.frames + from, s.at - from);
    if (s.at == s.n) s.at = 0;
    sender_hear(&s, used == 0);
  }
}

/* ---- the server ---- */

static void *feed_open(void *ctx, struct base_str peer) {
  (void)peer;
  return ctx;
}

static int feed_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct feed *f = stream;
  (void)recv;
  f->messages++;
  f->bytes += bytes.n;
  f->digest += (unsigned char)bytes.p[bytes.n / 2] + bytes.n;
  if (f->bytes >= f->bytes_want) io_loop_stop(f->loop);
  return IO_GRPC_OK;
}

/* Ends a run that broke off, too. */
static void feed_close(void *stream) {
  struct feed *f = stream;
  io_loop_stop(f->loop);
}

static double cpu_s(void) {
  struct timespec t;
  MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_size(size_t message_bytes, uint64_t bytes_want) {
  static struct feed f;
  const char *err = NULL;
  f = (struct feed){.loop = io_loop_open(), .bytes_want = bytes_want};
  const struct io_grpc_method method = {"/bench.Feed/Send", &f, feed_open, feed_message, feed_close};
  struct io_server_conf conf = {
      .address = "127.0.0.1", .method = &method, .method_n = 1, .idle_ns = 60 * TIME_NS_PER_S, .counters = f.counters};
  struct io_server *server = io_server_open(f.loop, &conf, &err);
  MUST(server);
  pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) sender_run(io_server_port(server), message_bytes);
  double before = cpu_s();
  io_loop_run(f.loop);
  double took = cpu_s() - before;
  io_server_close(server);
  io_loop_close(f.loop);
  (void)waitpid(child, NULL, 0);
  MUST(f.bytes >= bytes_want && f.counters[REC_COUNTER_REJECT_FRAME] == 0);
  (void)printf("# grpc message_bytes=%zu messages=%" PRIu64 " digest=%" PRIu64 " cpu_s=%.3f", message_bytes, f.messages,
               f.digest, took);
  (void)printf(" GB_per_cpu_s=%.2f messages_per_cpu_s=%.0f\n", (double)f.bytes / 1e9 / took, (double)f.messages / took);
}

int main(int argc, char **argv) {
  static const size_t size[] = {900, 4 << 10, 16 << 10, 17 << 10, 64 << 10, 1 << 20};
  uint64_t mb = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
  for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) bench_size(size[i], mb ? mb * 1000000 : 4000000);
  if (!mb) (void)printf("1..1\nok 1 - a feed of every size arrives\n");
  return 0;
}
