/* Small unary calls: OTLP exports of about five spans each, as Envoy's tracer sends them, over one and over several
 * HTTP/2 connections. A child process calls; prints calls and spans per CPU-second of the receiving thread: of the
 * transport alone, which only counts, and of the whole line behind it (decoding, joining, fold, every tick of the
 * engine). Beside them, in the same run, the same messages on one stream: what a call costs above a message. The median
 * of three runs.
 *
 *   bench_unary [CALLS [FILE]]   CALLS a run, default 100000; 0 is a short run for the tests. FILE: bodies of captured
 *                                calls, cut into calls of five spans */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base_must.h"
#include "bench_caller.h"
#include "bench_sender.h"
#include "bench_spans.h"
#include "daemon_line.h"
#include "io_server.h"
#include "rec_counter.h"

#define EACH 5u /* spans in a call */
#define RUNS 3
#define CALLS_DEFAULT 100000u
#define MADE_CALLS 20000u
#define INPUT_BYTES_MAX (256u << 20)
#define PAUSE_NS (2 * TIME_NS_PER_S)
#define LOOK_NS (2 * TIME_NS_PER_MS)
#define PATH "/bench.Feed/Send" /* as bench_sender has it */

struct shape {
  const char *name;
  unsigned connections, in_flight; /* 0: one stream of messages */
};

static const struct shape shapes[] = {{"one stream of messages", 1, 0},
                                      {"1 connection, 100 calls at a time", 1, 100},
                                      {"8 connections, 16 calls at a time", 8, 16},
                                      {"64 connections, one call at a time", 64, 1}};

struct feed {
  struct io_loop *loop;
  struct io_server *server;
  struct line *line; /* NULL: the transport alone */
  wire_stream stream;
  uint64_t calls, calls_want, connections;
  uint64_t counters[REC_COUNTER_COUNT];
};

/* ---- what is sent ---- */

struct tape {
  struct base_buf body;
  struct spans_range range;
  size_t at;
};

static void tape_next(void *ctx, const char **bytes, size_t *n) {
  struct tape *t = ctx;
  struct base_str message;
  if (t->at == t->body.n) {
    t->at = 0;
    spans_move(t->body.p, t->body.n, t->range.last_ns - t->range.first_ns + PAUSE_NS);
  }
  size_t from = t->at;
  MUST(spans_next(buf_str(&t->body), &t->at, &message));
  *bytes = t->body.p + from;
  *n = t->at - from;
}

static struct tape tape_open(const char *path) {
  struct base_buf raw = buf_open(INPUT_BYTES_MAX);
  struct tape t = {.body = buf_open(INPUT_BYTES_MAX)};
  if (path) {
    FILE *f = fopen(path, "rb");
    char *mem = buf_reserve(&raw, INPUT_BYTES_MAX);
    MUST(f && mem);
    raw.n = fread(mem, 1, INPUT_BYTES_MAX, f);
    (void)fclose(f);
  } else {
    spans_make(&raw, MADE_CALLS, EACH);
  }
  spans_cut(buf_str(&raw), EACH, &t.body);
  buf_fini(&raw);
  t.range = spans_range(buf_str(&t.body));
  MUST(!t.body.bad && t.range.spans > 0);
  return t;
}

/* So many messages one after the other, later each time round, for the one stream. */
static struct base_buf tape_unroll(struct tape *t, uint64_t calls) {
  struct base_buf out = buf_open(4ull << 30);
  const char *p;
  size_t n;
  for (uint64_t i = 0; i < calls; i++) {
    tape_next(t, &p, &n);
    buf_put(&out, p, n);
  }
  MUST(!out.bad);
  return out;
}

/* ---- the server ---- */

static int feed_take(struct feed *f, struct base_str bytes) {
  f->calls++;
  if (!f->line) return IO_GRPC_OK;
  line_message(f->line, f->stream, DOOR_FORM_TRACES, bytes, (struct base_wall){0});
  while (line_step(f->line, (struct base_wall){0}, false)) continue;
  return IO_GRPC_OK;
}

static int feed_call(void *ctx, const struct io_grpc_call *call, struct base_buf *reply, const char **why) {
  (void)reply;
  (void)why;
  return feed_take(ctx, call->bytes);
}

static void *feed_open(void *ctx, struct base_str peer) {
  (void)peer;
  return ctx;
}

static int feed_message(void *stream, struct base_str bytes, struct base_wall recv) {
  (void)recv;
  return feed_take(stream, bytes);
}

static void feed_close(void *stream) {
  struct feed *f = stream;
  io_loop_stop(f->loop);
}

/* Everybody came and has gone. */
static void feed_look(void *ctx) {
  struct feed *f = ctx;
  bool came = f->counters[REC_COUNTER_CONNECTIONS_OPENED] >= f->connections;
  if (came && io_server_connections(f->server) == 0) io_loop_stop(f->loop);
}

static double cpu_s(void) {
  struct timespec t;
  MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn static void child_run(const struct feed *f, const struct shape *shape, struct tape *t) {
  uint16_t port = io_server_port(f->server);
  if (shape->in_flight == 0) {
    struct base_buf all = tape_unroll(t, f->calls_want);
    sender_run(port, all.p, all.n, false);
  }
  struct caller_conf conf = {.port = port,
                             .path = PATH,
                             .connections = shape->connections,
                             .in_flight = shape->in_flight,
                             .calls = f->calls_want};
  struct caller_result r = caller_run(&conf, tape_next, t);
  _exit(r.answered == f->calls_want && r.bodies == r.answered && r.failed == 0 ? 0 : 1);
}

/* CPU-seconds of one run. */
static double run(const struct shape *shape, struct tape *t, struct line *line, uint64_t calls) {
  static struct feed f;
  const char *err = NULL;
  int status = 1;
  f = (struct feed){.loop = io_loop_open(), .line = line, .calls_want = calls, .connections = shape->connections};
  if (line) f.stream = line_stream_open(line);
  struct io_grpc_method method = {
      .path = PATH, .ctx = &f, .open = feed_open, .message = feed_message, .close = feed_close};
  if (shape->in_flight) method = (struct io_grpc_method){.path = PATH, .ctx = &f, .call = feed_call};
  struct io_server_conf conf = {
      .address = "127.0.0.1", .method = &method, .method_n = 1, .idle_ns = 60 * TIME_NS_PER_S, .counters = f.counters};
  f.server = io_server_open(f.loop, &conf, &err);
  MUST(f.server && io_loop_timer_add(f.loop, LOOK_NS, feed_look, &f));
  pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) child_run(&f, shape, t);
  double before = cpu_s();
  io_loop_run(f.loop);
  double took = cpu_s() - before;
  if (line) line_stream_close(line, f.stream);
  io_server_close(f.server);
  MUST(waitpid(child, &status, 0) == child && f.calls == calls && f.counters[REC_COUNTER_REJECT_FRAME] == 0);
  MUST(status == 0);
  io_loop_close(f.loop);
  return took;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static struct line *line_new(void) {
  const struct line_conf conf = {.engine = {.series_max = LIMIT_SERIES_DEFAULT, .alerts_per_week = 1}, .threads = 1};
  const char *err = NULL;
  struct line *l = line_open(&conf, &err);
  MUST(l);
  return l;
}

/* Each run's child has the tape as it lies, so its times are those of the first run: each has a line of its own. */
static void bench(const struct shape *shape, struct tape *t, bool whole, uint64_t calls) {
  double took[RUNS], each = (double)t->range.spans;
  struct base_str message;
  uint64_t messages = 0, entries = 0;
  for (size_t at = 0; spans_next(buf_str(&t->body), &at, &message);) messages++;
  for (int i = 0; i < RUNS; i++) {
    struct line *line = whole ? line_new() : NULL;
    took[i] = run(shape, t, line, calls);
    if (line) entries = wire_fold_counters(line_fold(line))[REC_COUNTER_SPANS];
    if (line) line_close(line);
  }
  qsort(took, RUNS, sizeof took[0], by_size);
  double s = took[RUNS / 2], spans = whole ? (double)entries : (double)calls * each / (double)messages;
  (void)printf("# unary %-9s %-34s calls=%" PRIu64 " bytes_a_call=%zu cpu_s=%.3f calls_per_cpu_s=%.0f",
               whole ? "line" : "transport", shape->name, calls, t->body.n / messages, s, (double)calls / s);
  (void)printf(" spans_per_cpu_s=%.0f\n", spans / s);
}

int main(int argc, char **argv) {
  uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : CALLS_DEFAULT;
  struct tape t = tape_open(argc > 2 ? argv[2] : NULL);
  for (int whole = 0; whole < 2; whole++)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench(&shapes[i], &t, whole, calls ? calls : 2000);
  if (!calls) (void)printf("1..1\nok 1 - calls of every shape are answered\n");
  buf_fini(&t.body);
  return 0;
}
