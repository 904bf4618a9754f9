/* Prints each request that the fold counts of an input, for a comparison with an independent count.
 *
 *   seen_dump FORMAT PATH    side, callee, callee's namespace, caller, class, code, flags, end, latency (ns), weight,
 *                            request id, route; tab-separated, an absent name is empty */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base_must.h"
#include "daemon_input.h"

static void seen_put(void *arg, const struct wire_seen *s) {
  (void)arg;
  (void)printf("%s\t%.*s\t%.*s\t%.*s\t%s\t%u\t%u\t%" PRId64 "\t%" PRId64 "\t%u\t%.*s\t%.*s\n",
               rec_side_text((enum rec_side)s->side), STR_ARG(s->dim[REC_DIM_SERVICE]),
               STR_ARG(s->dim[REC_DIM_NAMESPACE]), STR_ARG(s->dim[REC_DIM_CALLER]),
               rec_class_text((enum rec_class)s->class_), s->code, s->flags, s->end_ns, s->latency_ns, s->weight,
               STR_ARG(s->request_id), STR_ARG(s->dim[REC_DIM_ROUTE]));
}

static void read_all(struct wire_fold *f, struct daemon_input *in) {
  struct base_wall none = {0};
  struct door door = {0};
  struct door_message d;
  struct daemon_message m;
  struct rec_tick tick;
  const char *reason;
  wire_stream *stream = calloc(daemon_input_streams(in), sizeof *stream);
  MUST(stream);
  while (daemon_input_next(in, &m) == DAEMON_INPUT_OK) {
    if (!stream[m.stream]) stream[m.stream] = wire_fold_stream_open(f);
    MUST(door_take(&door, m.wire, m.bytes, &d, &reason));
    (void)door_fold(f, stream[m.stream], d.form, d.bytes, none);
    while (wire_fold_tick(f, none, false, &tick)) continue;
  }
  while (wire_fold_tick(f, none, true, &tick)) continue;
  door_close(&door);
  free(stream);
}

int main(int argc, char **argv) {
  struct wire_fold_conf conf = {.series_max = LIMIT_SERIES_DEFAULT, .table_key = {1, 2}};
  enum daemon_format format;
  char err[256];
  if (argc != 3 || !daemon_format_read(argv[1], &format)) return 2;
  struct daemon_input *in = daemon_input_open(argv[2], format, err, sizeof err);
  if (!in) {
    (void)fprintf(stderr, "%s\n", err);
    return 1;
  }
  size_t bytes = wire_fold_bytes(&conf);
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MUST(mem != MAP_FAILED);
  struct wire_fold *f = wire_fold_init(mem, bytes, &conf);
  wire_fold_watch(f, seen_put, NULL);
  read_all(f, in);
  daemon_input_close(in);
  return munmap(mem, bytes) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
