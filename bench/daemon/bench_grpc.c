/* The transport alone: a child process feeds messages of an access log's size over loopback, as HTTP/2 frames of
 * 16 KiB; the server only counts them. Prints bytes and messages per CPU-second of the server.
 *
 *   bench_grpc [MB]      MB of messages a size, default 2000; 0 is a short run for the tests */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base_must.h"
#include "bench_sender.h"
#include "io_server.h"
#include "rec_counter.h"

enum { BURST_BYTES = 512 << 10 };

struct feed {
  struct io_loop *loop;
  uint64_t messages, bytes, bytes_want, digest;
  uint64_t counters[REC_COUNTER_COUNT];
};

/* A whole number of messages, to be sent over and over. */
static char *body_make(size_t message_bytes, size_t *n) {
  size_t each = message_bytes + 5, many = BURST_BYTES / each + 1;
  char *body = malloc(each * many);
  MUST(body);
  *n = each * many;
  for (size_t at = 0; at < *n; at++) {
    size_t k = at % each;
    body[at] = k == 0 ? 0 : (char)(k < 5 ? message_bytes >> (32 - 8 * k) : k * 31);
  }
  return body;
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
  const struct io_grpc_method method = {
      .path = "/bench.Feed/Send", .ctx = &f, .open = feed_open, .message = feed_message, .close = feed_close};
  struct io_server_conf conf = {
      .address = "127.0.0.1", .method = &method, .method_n = 1, .idle_ns = 60 * TIME_NS_PER_S, .counters = f.counters};
  struct io_server *server = io_server_open(f.loop, &conf, &err);
  MUST(server);
  size_t body_n = 0;
  char *body = body_make(message_bytes, &body_n);
  pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) sender_run(io_server_port(server), body, body_n, true);
  double before = cpu_s();
  io_loop_run(f.loop);
  double took = cpu_s() - before;
  io_server_close(server);
  io_loop_close(f.loop);
  (void)waitpid(child, NULL, 0);
  free(body);
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
