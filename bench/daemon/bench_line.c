/* The whole line fed over plain gRPC: transport, decoding, identity, fold, every tick of the engine. A child process
 * sends a recording once; prints entries per CPU-second of the receiving thread. Time is the recording's own.
 *
 *   bench_line FILE      a recording as `replay --format als` reads it (varint-delimited), or, named *.grpc, the body
 * of one stream as Envoy sent it */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base_must.h"
#include "bench_sender.h"
#include "daemon_line.h"
#include "io_server.h"
#include "rec_counter.h"

struct feed {
  struct io_loop *loop;
  struct line *line;
  wire_stream stream;
  uint64_t counters[REC_COUNTER_COUNT];
};

static void *feed_open(void *ctx, struct base_str peer) {
  (void)peer;
  return ctx;
}

static int feed_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct feed *f = stream;
  (void)recv;
  line_message(f->line, f->stream, DOOR_FORM_ALS, bytes, (struct base_wall){0});
  while (line_step(f->line, (struct base_wall){0}, false)) continue;
  return IO_GRPC_OK;
}

static void feed_close(void *stream) {
  struct feed *f = stream;
  while (line_step(f->line, (struct base_wall){0}, true)) continue;
  io_loop_stop(f->loop);
}

static double cpu_s(void) {
  struct timespec t;
  MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *file_read(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) return NULL;
  long size = ftell(f);
  char *p = size > 0 ? malloc((size_t)size) : NULL;
  rewind(f);
  *n = p ? fread(p, 1, (size_t)size, f) : 0;
  (void)fclose(f);
  return p;
}

/* Varint-delimited messages behind gRPC's prefixes instead. */
static char *framed(const char *in, size_t n, size_t *out_n) {
  char *out = malloc(n * 3 + 16); /* a delimiter has at least one byte, a prefix five */
  size_t at = 0, to = 0;
  MUST(out);
  while (at < n) {
    size_t length = 0;
    for (unsigned shift = 0; at < n; shift += 7) {
      unsigned char c = (unsigned char)in[at++];
      length |= (size_t)(c & 127u) << shift;
      if (c < 128 || shift > 28) break;
    }
    if (length > n - at) break;
    const char head[5] = {0, (char)(length >> 24), (char)(length >> 16), (char)(length >> 8), (char)length};
    memcpy(out + to, head, sizeof head);
    memcpy(out + to + 5, in + at, length);
    to += 5 + length;
    at += length;
  }
  *out_n = to;
  return out;
}

static void bench(const char *body, size_t n) {
  static struct feed f;
  const char *err = NULL;
  const struct line_conf conf = {.engine = {.series_max = LIMIT_SERIES_DEFAULT, .alerts_per_week = 1}, .threads = 1};
  f = (struct feed){.loop = io_loop_open(), .line = line_open(&conf, &err)};
  MUST(f.loop && f.line);
  f.stream = line_stream_open(f.line);
  const struct io_grpc_method method = {
      .path = "/bench.Feed/Send", .ctx = &f, .open = feed_open, .message = feed_message, .close = feed_close};
  struct io_server_conf server_conf = {
      .address = "127.0.0.1", .method = &method, .method_n = 1, .idle_ns = 60 * TIME_NS_PER_S, .counters = f.counters};
  struct io_server *server = io_server_open(f.loop, &server_conf, &err);
  MUST(server);
  pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) sender_run(io_server_port(server), body, n, false);
  double before = cpu_s();
  io_loop_run(f.loop);
  double took = cpu_s() - before;
  io_server_close(server);
  (void)waitpid(child, NULL, 0);
  struct engine_info info;
  struct rusage u;
  engine_info(line_engine(f.line), &info);
  MUST(getrusage(RUSAGE_SELF, &u) == 0);
  uint64_t entries = wire_fold_counters(line_fold(f.line))[REC_COUNTER_ENTRIES];
  (void)printf("# line entries=%" PRIu64 " bytes=%zu ticks=%" PRIu64 " series=%u cpu_s=%.3f", entries, n, info.tick_seq,
               info.series_n, took);
  (void)printf(" entries_per_cpu_s=%.0f rss_kib=%ld digest=%016" PRIx64 "\n", (double)entries / took, u.ru_maxrss,
               engine_digest(line_engine(f.line)));
  line_close(f.line);
  io_loop_close(f.loop);
  MUST(entries > 0);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  size_t n = 0, body_n = 0, length = strlen(argv[1]);
  char *file = file_read(argv[1], &n);
  if (!file || n == 0) {
    (void)fprintf(stderr, "bench_line: %s: cannot be read\n", argv[1]);
    return 1;
  }
  bool grpc = length > 5 && strcmp(argv[1] + length - 5, ".grpc") == 0;
  char *body = grpc ? file : framed(file, n, &body_n);
  bench(body, grpc ? n : body_n);
  if (!grpc) free(body);
  free(file);
  return 0;
}
