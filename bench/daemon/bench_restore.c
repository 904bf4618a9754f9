/* How long a start takes until all that was learned is back: from a checkpoint alone, and with the journal since.
 *
 *   bench_restore          100,000 series
 *   bench_restore N TAIL   about N series, TAIL ticks behind the checkpoint
 *   bench_restore tiny     for the tests: also that both engines are the same
 *
 * Every series has requests in every tick, which is the most that a tail can hold. Prints TAP with the figures as
 * comments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base_must.h"
#include "daemon_keep.h"
#include "daemon_line.h"
#include "mesh_make.h"

#define WARM_TICKS 40u

static char dir[] = "/tmp/foreshock_restore_XXXXXX";

static double wall_s(void) {
  struct timespec t;
  MUST(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A chain with shortcuts: each service is called by the three before it. */
static struct mesh_call *calls_make(uint32_t services, uint32_t *n) {
  struct mesh_call *call = calloc((size_t)services * 3, sizeof *call);
  MUST(call);
  *n = 0;
  for (uint32_t to = 3; to < services; to++)
    for (uint32_t k = 1; k <= 3; k++) call[(*n)++] = (struct mesh_call){to - k, to, 1.0 / 3};
  return call;
}

struct place {
  struct keep *keep;
  struct line *line;
  struct engine_conf engine;
};

static void place_open(struct place *p, struct keep_restored *restored) {
  struct line_conf line = {.engine = p->engine, .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
  struct keep_conf conf = {.dir = dir, .segments_max = 1000, .box_bytes = 1, .conf = "", .version = "bench"};
  struct journal_err err;
  const char *why;
  p->line = line_open(&line, &why);
  p->keep = p->line ? keep_open(&conf, &err) : NULL;
  MUST(p->keep);
  keep_restore(p->keep, p->line, restored);
}

static void place_close(struct place *p) {
  keep_close(p->keep);
  line_close(p->line);
}

static void ticks_run(struct place *p, struct mesh *m, uint32_t ticks) {
  struct rec_tick_input *in = calloc(1, sizeof *in);
  MUST(in);
  for (uint32_t i = 0; i < ticks; i++) {
    mesh_draw(m);
    in->tick = m->tick;
    in->head = m->head;
    memcpy(in->bucket, m->batch, sizeof in->bucket);
    keep_tick(p->keep, in);
    line_apply(p->line, in);
  }
  keep_flush(p->keep);
  free(in);
}

/* One start; seconds. */
static double start(struct place *p, uint64_t *digest, struct keep_restored *restored) {
  double from = wall_s();
  place_open(p, restored);
  double took = wall_s() - from;
  *digest = engine_digest(line_engine(p->line));
  place_close(p);
  return took;
}

static void restore_bench(uint32_t want, uint32_t tail) {
  uint32_t services = want / 56 + 8, call_n;
  struct mesh_call *call = calls_make(services, &call_n);
  struct mesh_conf conf = {.service_n = services,
                           .cluster_n = 2,
                           .pod_n = 3,
                           .route_n = 3,
                           .version_n = 2,
                           .call = call,
                           .call_n = call_n,
                           .entry_per_s = 160.0,
                           .error_p = 0.001,
                           .seed = 7};
  struct mesh m;
  struct keep_restored restored;
  struct place p = {0};
  struct stat st;
  char path[128];
  uint64_t was, is;
  mesh_open(&m, &conf);
  p.engine = (struct engine_conf){.series_max = m.series_n + 64, .alerts_per_week = 1};
  place_open(&p, &restored);
  ticks_run(&p, &m, WARM_TICKS);
  double from = wall_s();
  keep_checkpoint(p.keep, line_engine(p.line), false);
  double copied = wall_s() - from;
  keep_checkpoint(p.keep, line_engine(p.line), true);
  was = engine_digest(line_engine(p.line));
  place_close(&p);
  snprintf(path, sizeof path, "%s/checkpoint", dir);
  MUST(stat(path, &st) == 0);
  double alone = start(&p, &is, &restored);
  MUST(restored.checkpoint && restored.ticks == 0 && was == is);
  printf("# %u series, a checkpoint of %.0f MB: copied in %.3f s; a start from it: %.3f s\n", m.series_n,
         (double)st.st_size / 1e6, copied, alone);
  place_open(&p, &restored);
  ticks_run(&p, &m, tail);
  was = engine_digest(line_engine(p.line));
  place_close(&p);
  double behind = start(&p, &is, &restored);
  MUST(restored.ticks == tail && was == is);
  printf("# with %u ticks behind it: %.3f s, %.1f ms a tick\n", tail, behind,
         1e3 * (behind - alone) / (tail ? tail : 1));
  mesh_close(&m);
  free(call);
}

int main(int argc, char **argv) {
  char command[128];
  setvbuf(stdout, NULL, _IOLBF, 0);
  MUST(mkdtemp(dir));
  if (argc > 2)
    restore_bench((uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10));
  else
    restore_bench(argc > 1 ? 300 : 100000, argc > 1 ? 8 : 40);
  snprintf(command, sizeof command, "rm -r %s", dir);
  MUST(system(command) == 0);
  puts("ok 1 - bench_restore\n1..1");
  return 0;
}
