/* How long a start takes until all that was learned is back: from a checkpoint alone, and with the longest tail of the
 * journal that can lie behind it, which is what comes before the next checkpoint is due.
 *
 *   bench_restore          three meshes, up to 100,000 series
 *   bench_restore N RATE   about N series, that many requests a second at each entry
 *   bench_restore tiny     for the tests: also that both engines are the same
 *
 * Prints TAP with the figures as comments, a row of a table a mesh. */
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
#define BYTES_PER_S (4u << 20)                   /* checkpoint_bytes_per_s, and */
#define INTERVAL_TICKS (60u * LIMIT_TICKS_PER_S) /* checkpoint_interval, as it is by default */

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
  double received_s; /* when telemetry was received again */
};

static void receive(void *ctx) {
  struct place *p = ctx;
  if (p->received_s == 0) p->received_s = wall_s();
}

static void place_open(struct place *p, struct keep_restored *restored) {
  struct line_conf line = {.engine = p->engine, .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
  struct keep_conf conf = {.dir = dir,
                           .segments_max = 1000,
                           .checkpoint_bytes_per_s = BYTES_PER_S,
                           .box_bytes = 1,
                           .conf = "",
                           .version = "bench"};
  struct journal_err err;
  const char *why;
  p->line = line_open(&line, &why);
  p->keep = p->line ? keep_open(&conf, &err) : NULL;
  MUST(p->keep);
  struct keep_between between = {.poll = receive, .ctx = p};
  p->received_s = 0;
  MUST(keep_restore(p->keep, p->line, &between, restored));
  keep_catch_up(p->keep);
}

static void place_close(struct place *p) {
  keep_close(p->keep);
  line_close(p->line);
}

static void tick_run(struct place *p, struct mesh *m, struct rec_tick_input *in) {
  mesh_draw(m);
  in->tick = m->tick;
  in->head = m->head;
  memcpy(in->bucket, m->batch, sizeof in->bucket);
  keep_tick(p->keep, in);
  line_apply(p->line, in);
}

/* At most so many, and no more once a checkpoint is due; returns how many. */
static uint32_t ticks_run(struct place *p, struct mesh *m, uint32_t max, bool to_due) {
  struct rec_tick_input *in = calloc(1, sizeof *in);
  int64_t work_ns = line_work_ns(p->line);
  uint32_t n = 0;
  MUST(in);
  for (bool due = false; n < max && !(to_due && due); n++) {
    tick_run(p, m, in);
    due = keep_is_due(p->keep, line_work_ns(p->line) - work_ns, (int64_t)n * LIMIT_TICK_NS);
  }
  keep_flush(p->keep);
  free(in);
  return n;
}

/* One start; seconds. */
static double start(struct place *p, uint64_t *digest, double *received, struct keep_restored *restored) {
  double from = wall_s();
  place_open(p, restored);
  double took = wall_s() - from;
  *received = p->received_s - from;
  *digest = engine_digest(line_engine(p->line));
  place_close(p);
  return took;
}

static uint64_t file_bytes(const char *name) {
  struct stat st;
  char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  MUST(stat(path, &st) == 0);
  return (uint64_t)st.st_size;
}

static void dir_clear(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s/*", dir);
  MUST(system(command) == 0);
}

/* How long the loop is held for a checkpoint. */
static double checkpoint_run(struct place *p) {
  double from = wall_s();
  keep_checkpoint(p->keep, line_engine(p->line), false);
  double held = wall_s() - from;
  keep_checkpoint(p->keep, line_engine(p->line), true);
  return held;
}

static void rows_head(void) {
  puts(
      "# | series | of them with requests in a tick | checkpoint, MB | the loop is held, s | a start from it, s | "
      "ticks until the next | MB of them | a start then receives after, s | has applied them after, s |\n"
      "# | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
}

static size_t busy(const struct mesh *m) {
  size_t n = 0;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) n += m->batch[b].obs_n;
  return n;
}

static void restore_bench(uint32_t want, double rate) {
  uint32_t services = want / 56 + 8, call_n;
  struct mesh_call *call = calls_make(services, &call_n);
  struct mesh_conf conf = {.service_n = services,
                           .cluster_n = 2,
                           .pod_n = 3,
                           .route_n = 3,
                           .version_n = 2,
                           .call = call,
                           .call_n = call_n,
                           .entry_per_s = rate,
                           .error_p = 0.001,
                           .seed = 7};
  struct mesh m;
  struct keep_restored restored;
  struct place p = {0};
  uint64_t was, is, before;
  double received;
  dir_clear();
  mesh_open(&m, &conf);
  p.engine = (struct engine_conf){.series_max = m.series_n + 64, .alerts_per_week = 1};
  place_open(&p, &restored);
  (void)ticks_run(&p, &m, WARM_TICKS, false);
  double held = checkpoint_run(&p);
  was = engine_digest(line_engine(p.line));
  place_close(&p);
  double alone = start(&p, &is, &received, &restored);
  MUST(restored.checkpoint && restored.ticks == 0 && was == is);
  place_open(&p, &restored);
  (void)checkpoint_run(&p);
  before = keep_counters(p.keep)[REC_COUNTER_JOURNAL_BYTES];
  uint32_t tail = ticks_run(&p, &m, INTERVAL_TICKS, true);
  was = engine_digest(line_engine(p.line));
  double mb = (double)(keep_counters(p.keep)[REC_COUNTER_JOURNAL_BYTES] - before) / 1e6;
  place_close(&p);
  double behind = start(&p, &is, &received, &restored);
  MUST(restored.ticks == tail && was == is);
  printf("# | %u | %zu | %.0f | %.2f | %.2f | %u | %.0f | %.2f | %.2f |\n", m.series_n, busy(&m),
         (double)file_bytes("checkpoint") / 1e6, held, alone, tail, mb, received, behind);
  mesh_close(&m);
  free(call);
}

int main(int argc, char **argv) {
  char command[128];
  setvbuf(stdout, NULL, _IOLBF, 0);
  MUST(mkdtemp(dir));
  rows_head();
  if (argc > 2) {
    restore_bench((uint32_t)strtoul(argv[1], NULL, 10), strtod(argv[2], NULL));
  } else if (argc > 1) {
    restore_bench(300, 160);
  } else {
    restore_bench(10000, 160);
    restore_bench(100000, 2);
    restore_bench(100000, 160);
  }
  snprintf(command, sizeof command, "rm -r %s", dir);
  MUST(system(command) == 0);
  puts("ok 1 - bench_restore\n1..1");
  return 0;
}
