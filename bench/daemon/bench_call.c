/* Plays captured exports of spans to whoever listens, as fast as it answers: each as if it ended now.
 *
 *   bench_call PORT FILE EACH SECONDS CONNECTIONS IN_FLIGHT
 *
 * FILE: bodies of gRPC calls; EACH: spans in an export, cut from those. Prints calls, refused ones and spans. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base_must.h"
#include "base_time.h"
#include "bench_caller.h"
#include "bench_spans.h"

#define INPUT_BYTES_MAX (256u << 20)
#define MESSAGE_BYTES_MAX 65535u
#define PATH "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

struct tape {
  struct base_buf body;
  size_t at;
  uint64_t spans;
};

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  MUST(clock_gettime(id, &t) == 0);
  return (int64_t)t.tv_sec * TIME_NS_PER_S + t.tv_nsec;
}

static void tape_next(void *ctx, const char **bytes, size_t *n) {
  struct tape *t = ctx;
  struct base_str message;
  if (t->at == t->body.n) t->at = 0;
  size_t from = t->at;
  MUST(spans_next(buf_str(&t->body), &t->at, &message));
  struct spans_range range = spans_range(str_cut(buf_str(&t->body), from, t->at));
  MUST(message.n <= MESSAGE_BYTES_MAX && range.spans > 0);
  spans_move(t->body.p + from, t->at - from, clock_ns(CLOCK_REALTIME) - range.last_ns);
  t->spans += range.spans;
  *bytes = t->body.p + from;
  *n = t->at - from;
}

static bool tape_open(struct tape *t, const char *path, unsigned each) {
  struct base_buf raw = buf_open(INPUT_BYTES_MAX);
  FILE *f = fopen(path, "rb");
  char *mem = f ? buf_reserve(&raw, INPUT_BYTES_MAX) : NULL;
  if (!mem) return false;
  raw.n = fread(mem, 1, INPUT_BYTES_MAX, f);
  (void)fclose(f);
  *t = (struct tape){.body = buf_open(INPUT_BYTES_MAX)};
  spans_cut(buf_str(&raw), each, &t->body);
  buf_fini(&raw);
  return t->body.n > 0 && !t->body.bad;
}

int main(int argc, char **argv) {
  struct tape t;
  if (argc != 7) return 2;
  if (!tape_open(&t, argv[2], (unsigned)strtoul(argv[3], NULL, 10))) {
    (void)fprintf(stderr, "bench_call: %s: no exports of spans\n", argv[2]);
    return 1;
  }
  struct caller_conf conf = {.port = (uint16_t)strtoul(argv[1], NULL, 10),
                             .path = PATH,
                             .connections = (unsigned)strtoul(argv[5], NULL, 10),
                             .in_flight = (unsigned)strtoul(argv[6], NULL, 10)};
  conf.until_ns = clock_ns(CLOCK_MONOTONIC) + strtoll(argv[4], NULL, 10) * TIME_NS_PER_S;
  struct caller_result r = caller_run(&conf, tape_next, &t);
  (void)printf("calls=%" PRIu64 " refused=%" PRIu64 " spans=%" PRIu64 "\n", r.answered + r.failed,
               r.answered - r.bodies + r.failed, t.spans);
  buf_fini(&t.body);
  return 0;
}
