/* Makes the past of a daemon: a data directory whose journal is what a recording would have left, had it been heard
 * from BEGIN on. A start from it knows the mesh as one does that heard it for so long.
 *
 *   past_make DIR BEGIN_NS < RECORDING      the recording as `replay --format als` reads it; its time is moved
 *
 * Prints the number of ticks, and when the last one ends (ns since 1970). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"
#include "daemon_input.h"
#include "daemon_keep.h"
#include "daemon_line.h"

struct past {
  struct keep *keep;
  int64_t begin_ns, delta_ns;
  uint64_t ticks;
  struct base_wall end;
};

/* By whole ticks, so that what was one tick stays one. */
static void past_tick(void *ctx, const struct rec_tick_input *in, struct rec_tick tick) {
  struct past *p = ctx;
  struct rec_tick_input moved = *in;
  struct rec_exemplar *shown = calloc(in->head.exemplar_n + 1, sizeof *shown);
  MUST(shown);
  if (p->ticks++ == 0) p->delta_ns = (p->begin_ns - tick.end.ns) / LIMIT_TICK_NS * LIMIT_TICK_NS;
  for (size_t i = 0; i < in->head.exemplar_n; i++) {
    shown[i] = in->head.exemplar[i];
    shown[i].at.ns += p->delta_ns;
  }
  moved.head.exemplar = shown;
  moved.head.gauge_n = 0;
  moved.tick.end.ns += p->delta_ns;
  moved.tick.now.ns += p->delta_ns;
  p->end = moved.tick.end;
  keep_tick(p->keep, &moved);
  free(shown);
}

static void messages_fold(struct line *line, struct daemon_input *in) {
  struct daemon_message m;
  enum daemon_input_status status;
  wire_stream stream = line_stream_open(line);
  MUST(stream);
  while ((status = daemon_input_next(in, &m)) == DAEMON_INPUT_OK) {
    line_message(line, stream, DOOR_FORM_ALS, m.bytes, (struct base_wall){0});
    while (line_step(line, (struct base_wall){0}, false)) continue;
  }
  MUST(status == DAEMON_INPUT_END);
  while (line_step(line, (struct base_wall){0}, true)) continue;
}

int main(int argc, char **argv) {
  struct line_conf line_conf = {.engine = {.series_max = LIMIT_SERIES_DEFAULT, .alerts_per_week = 1}, .threads = 1};
  struct keep_conf keep_conf = {.segments_max = 1000, .box_bytes = 1, .conf = "", .version = "test"};
  struct past p = {0};
  struct keep_restored restored;
  struct journal_err err;
  const char *why;
  char said[256];
  if (argc != 3) return 2;
  keep_conf.dir = argv[1];
  p.begin_ns = strtoll(argv[2], NULL, 10);
  struct line *line = line_open(&line_conf, &why);
  struct daemon_input *in = daemon_input_open("-", DAEMON_FORMAT_ALS, said, sizeof said);
  p.keep = keep_open(&keep_conf, &err);
  MUST(line && in && p.keep && keep_restore(p.keep, line, NULL, &restored));
  keep_catch_up(p.keep);
  line_on(line, NULL, past_tick, &p);
  line_hold(line, true); /* no engine hears it here */
  messages_fold(line, in);
  keep_close(p.keep);
  daemon_input_close(in);
  line_close(line);
  printf("%" PRIu64 " %" PRId64 "\n", p.ticks, p.end.ns);
  return 0;
}
