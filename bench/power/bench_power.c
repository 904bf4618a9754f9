/* What is found, how soon: fault x rate x noise, many runs each, half an hour of history before the fault, at two
 * thresholds: ln c 26.6 (100,000 series, a false alarm a week) and 20.4 (a small mesh).
 *
 *   bench_power [--runs N] [--seed S] [--fault NAME] [--pace S] [--csv FILE]
 *   bench_power tiny         a few cells: for the tests; fails when what must be found is not
 *
 * A fault counts as found when the right signal's alarm is raised between its first tick and 10 s after its last. A
 * fault begins at a random tick of a minute. The faults of one rate and noise share their histories. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_must.h"
#include "detect_step.h"
#include "null_pace.h"
#include "power_table.h"

#define HISTORY (1800u * LIMIT_TICKS_PER_S)
#define AFTER (10u * LIMIT_TICKS_PER_S)
#define MINUTE (60u * LIMIT_TICKS_PER_S)
#define RUNS_MAX 1000u
#define THRESHOLDS 2u
#define TINY_PER_S 20.0 /* the tests ask for what is certain */

static const double log_c[THRESHOLDS] = {26.6, 20.4};

struct options {
  uint32_t runs;
  uint64_t seed;
  uint32_t pace; /* ticks between scrapes; 0: each request is told */
  const char *fault, *csv;
  bool tiny;
};

/* One cell of the table: delays in ticks of the runs that found it. */
struct cell {
  uint32_t runs, found[THRESHOLDS];
  uint32_t delay[THRESHOLDS][RUNS_MAX];
};

struct life {
  struct series_state state;
  struct traffic traffic;
  struct pace pace;
  uint32_t seq; /* the next tick */
};

static void series_open(struct life *l) {
  struct rec_series who = {.series_idx = 1, .level = REC_LEVEL_SERVICE, .side = REC_SIDE_SERVER};
  detect_series_init(&l->state, &who, l->seq);
}

/* The next tick; true where the signal's alarm is raised in it. */
static bool life_step(struct life *l, double threshold, enum rec_signal signal) {
  struct detect_signal said[32];
  struct detect_out out = {.signal = said, .cap = 32};
  struct detect_context ctx = {.seq = l->seq, .rates = true, .log_c = {threshold, threshold, threshold}};
  if (l->pace.pace) {
    bool told = pace_step(&l->pace, &l->traffic);
    if (l->pace.told_n == 1) series_open(l);
    if (told) detect_series_step(&l->state, &l->pace.obs, l->pace.cell, &ctx, &out);
  } else {
    bool any = traffic_step(&l->traffic, 1), second = (l->seq + 1) % LIMIT_TICKS_PER_S == 0;
    if (any || second) detect_series_step(&l->state, any ? &l->traffic.obs : NULL, l->traffic.cell, &ctx, &out);
  }
  l->seq++;
  for (uint32_t i = 0; i < out.n; i++)
    if (said[i].signal == signal && said[i].event == DETECT_RAISED) return true;
  return false;
}

static void life_open(struct life *l, const struct traffic_conf *conf, const struct options *o, uint64_t stream) {
  memset(l, 0, sizeof *l);
  series_open(l);
  traffic_init(&l->traffic, conf, o->seed, stream);
  pace_init(&l->pace, o->pace);
  while (l->seq < HISTORY) (void)life_step(l, 1e30, REC_SIGNAL_LATENCY);
}

/* Ticks from the fault's first to the alarm's, inclusive; 0: not found in time. */
static uint32_t fault_run(const struct life *history, const struct power_fault *f, uint32_t wait, double threshold) {
  const uint32_t after = AFTER + 3 * history->pace.pace;
  static struct life l;
  uint32_t last = f->fault_s * LIMIT_TICKS_PER_S, ticks = 0;
  l = *history;
  while (wait--)
    if (life_step(&l, threshold, f->signal)) return 0; /* a false alarm hides the fault */
  while (ticks < last + after) {
    l.traffic.fault = f->fault;
    if (ticks >= last) l.traffic.fault = TRAFFIC_HEALTHY;
    if (f->ramp_from > 0.0 && ticks < last)
      l.traffic.fault.event_p = f->ramp_from + (f->fault.event_p - f->ramp_from) * ticks / last;
    ticks++;
    if (life_step(&l, threshold, f->signal)) return ticks;
  }
  return 0;
}

static bool fault_asked(const struct power_fault *f, const struct options *o) {
  return o->fault ? strstr(f->name, o->fault) != NULL : !o->tiny || f->tiny;
}

static bool fault_at(const struct power_fault *f, const struct power_noise *noise, double per_s, double event_p) {
  if (!(f->noises >> (noise - power_noise) & 1u) || f->event_p < event_p || f->event_p > event_p) return false;
  for (const double *r = f->rates; *r > 0.0; r++)
    if (*r <= per_s && *r >= per_s) return true;
  return false;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* "0.985,2.25": share found and median delay in seconds. */
static const char *cell_text(struct cell *c, unsigned h, char *text, size_t bytes) {
  qsort(c->delay[h], c->found[h], sizeof c->delay[h][0], ascending);
  if (c->found[h])
    snprintf(text, bytes, "%.3f,%.2f", (double)c->found[h] / c->runs,
             (double)c->delay[h][c->found[h] / 2] / (double)LIMIT_TICKS_PER_S);
  else
    snprintf(text, bytes, "0.000,");
  return text;
}

static void cell_write(FILE *f, const struct power_fault *fault, const struct power_noise *noise, double per_s,
                       struct cell *c) {
  char at[THRESHOLDS][32];
  for (unsigned h = 0; h < THRESHOLDS; h++) cell_text(c, h, at[h], sizeof at[h]);
  const char *before = power_prototype(fault->name, noise->name, per_s);
  fprintf(f, "%s,%s,%g,%s,%s,%s\n", fault->name, noise->name, per_s, at[0], at[1], before);
}

/* All faults of one rate, noise and error ratio, over the same histories. Returns how many of those that a tiny run
 * asks for were missed. */
static unsigned group_run(const struct power_noise *noise, double per_s, double event_p, const struct options *o,
                          FILE *csv) {
  static struct cell cell[POWER_FAULTS_MAX];
  static struct life history;
  unsigned any = 0, missed = 0;
  if (o->tiny && (noise != power_noise || per_s < TINY_PER_S)) return 0;
  MUST(power_fault_n <= POWER_FAULTS_MAX);
  memset(cell, 0, sizeof cell);
  for (unsigned i = 0; i < power_fault_n; i++)
    any += fault_asked(&power_fault[i], o) && fault_at(&power_fault[i], noise, per_s, event_p);
  if (!any) return 0;
  struct traffic_conf conf = noise->conf;
  conf.per_s = per_s;
  conf.event_p = event_p;
  for (uint32_t run = 0; run < o->runs; run++) {
    uint64_t stream =
        (uint64_t)(noise - power_noise) << 48 | (uint64_t)(per_s * 10.0) << 32 | (uint64_t)(event_p * 1e4) << 16 | run;
    life_open(&history, &conf, o, stream);
    uint32_t wait = rng_below(&history.traffic.rng, MINUTE);
    for (unsigned i = 0; i < power_fault_n; i++) {
      const struct power_fault *f = &power_fault[i];
      if (!fault_asked(f, o) || !fault_at(f, noise, per_s, event_p)) continue;
      cell[i].runs++;
      for (unsigned h = 0; h < THRESHOLDS; h++) {
        uint32_t ticks = fault_run(&history, f, wait, log_c[h]);
        if (ticks) cell[i].delay[h][cell[i].found[h]++] = ticks;
      }
    }
  }
  for (unsigned i = 0; i < power_fault_n; i++) {
    if (cell[i].runs == 0) continue;
    missed += power_fault[i].tiny && cell[i].found[1] < cell[i].runs;
    cell_write(csv, &power_fault[i], noise, per_s, &cell[i]);
  }
  fflush(csv);
  return missed;
}

static struct options options_read(int argc, char **argv) {
  struct options o = {.runs = 200, .seed = 1};
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "tiny") == 0) {
      o.tiny = true;
      o.runs = 5;
      continue;
    }
    if (strcmp(argv[i], "--runs") == 0) o.runs = (uint32_t)strtoul(value, NULL, 10);
    if (strcmp(argv[i], "--seed") == 0) o.seed = strtoull(value, NULL, 10);
    if (strcmp(argv[i], "--pace") == 0) o.pace = (uint32_t)(strtod(value, NULL) * LIMIT_TICKS_PER_S);
    if (strcmp(argv[i], "--fault") == 0) o.fault = value;
    if (strcmp(argv[i], "--csv") == 0) o.csv = value;
    i++;
  }
  if (o.runs == 0 || o.runs > RUNS_MAX) o.runs = RUNS_MAX;
  return o;
}

int main(int argc, char **argv) {
  struct options o = options_read(argc, argv);
  FILE *csv = o.csv ? fopen(o.csv, "w") : stdout;
  unsigned missed = 0;
  MUST(csv);
  fprintf(csv, "%sfault,noise,per_s,found_26.6,delay_s_26.6,found_20.4,delay_s_20.4,prototype\n", o.csv ? "" : "# ");
  for (unsigned n = 0; n < power_noise_n; n++)
    for (unsigned e = 0; e < power_event_p_n; e++)
      for (unsigned r = 0; r < power_rate_n; r++)
        missed += group_run(&power_noise[n], power_rate[r], power_event_p[e], &o, csv);
  if (o.csv) fclose(csv);
  printf("%s 1 - what must be found is found\n1..1\n", o.tiny && missed ? "not ok" : "ok");
  return o.tiny && missed ? 1 : 0;
}
