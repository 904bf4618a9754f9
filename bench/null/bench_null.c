/* How often do detectors alarm while nothing is wrong? Simulates series-days of quiet life (null_scenario.c), steps
 * them through detect_series_step as the engine would, counts the alarms at thresholds 10 to 30 nats (null_watch.h) and
 * holds them against the promise: at most T e^-h a series-day, T = 345,600 ticks.
 *
 *   bench_null [--days N] [--seed S] [--scenario NAME] [--jobs J] [--fine SHARE] [--pace S] [--csv FILE]
 *   bench_null tiny         a few series-days: for the tests; fails when the promise is broken grossly
 *
 * Each series-day starts from nothing. The share `fine` of them (a tenth, where not said) is stepped at each tick with
 * requests and at each second's end, as the engine does; the others once a second, which a likelihood over four ticks
 * allows and which is four times faster. The promise is that of ticks for both: a step a second has a quarter of the
 * occasions, so for those T is 86,400. Alarms count from an age of one minute on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base_math.h"
#include "base_must.h"
#include "null_pace.h"
#include "null_scenario.h"
#include "null_watch.h"

#define DAY_TICKS (86400u * LIMIT_TICKS_PER_S)
#define COUNTED_AGE (60u * LIMIT_TICKS_PER_S)
#define SCENARIOS_MAX 64u
#define SLOW_PER_S 2.0 /* slower series are always stepped by ticks: it costs them little */

struct options {
  uint32_t days, jobs;
  uint64_t seed;
  double fine;
  uint32_t pace; /* ticks between scrapes; 0: each request is told */
  const char *scenario, *csv;
  bool tiny;
};

struct tally {
  uint64_t alarms[WATCH_SIGNALS][WATCH_THRESHOLDS];
  double days, steps; /* steps: T summed up */
};

static void series_open(struct series_state *s, uint32_t seq) {
  struct rec_series who = {.series_idx = 1, .level = REC_LEVEL_SERVICE, .side = REC_SIDE_SERVER};
  memset(s, 0, sizeof *s);
  detect_series_init(s, &who, seq);
}

/* One step of `ticks` ticks that ends at tick seq. */
static void series_step(struct series_state *s, struct traffic *t, struct pace *p, uint32_t ticks, uint32_t seq) {
  struct detect_signal signal[32];
  struct detect_out out = {.signal = signal, .cap = 32};
  struct detect_context ctx = {.seq = seq, .rates = true, .log_c = {1e30, 1e30, 1e30}};
  bool any = p->pace ? pace_step(p, t) : traffic_step(t, ticks);
  if (p->pace) {
    if (p->told_n == 1) series_open(s, seq);
    if (any) detect_series_step(s, &p->obs, p->cell, &ctx, &out);
    return;
  }
  if (any || (seq + 1) % LIMIT_TICKS_PER_S == 0) detect_series_step(s, any ? &t->obs : NULL, t->cell, &ctx, &out);
}

static void day_run(struct watch *w, struct traffic *t, const struct traffic_conf *conf, const struct options *o,
                    uint32_t day, bool fine, uint32_t ticks) {
  struct series_state s;
  traffic_init(t, conf, o->seed, (uint64_t)(conf - null_scenario) << 32 | day);
  series_open(&s, 0);
  watch_clear(w);
  uint32_t step = fine || o->pace ? 1 : LIMIT_TICKS_PER_S;
  struct pace p;
  pace_init(&p, o->pace);
  for (uint32_t seq = step - 1; seq < ticks; seq += step) {
    watch_before(w, &s);
    series_step(&s, t, &p, step, seq);
    watch_after(w, &s, seq >= COUNTED_AGE);
  }
}

/* The days of one process: every jobs-th. */
static void days_run(struct tally *tally, const struct options *o, uint32_t job) {
  struct traffic *t = malloc(sizeof *t);
  struct watch *w = malloc(sizeof *w);
  MUST(t && w);
  uint32_t ticks = o->tiny ? DAY_TICKS / 24 : DAY_TICKS, every = o->fine > 0.0 ? (uint32_t)(1.0 / o->fine + 0.5) : 0;
  for (uint32_t i = job; i < o->days * null_scenario_n; i += o->jobs) {
    uint32_t scenario = i % null_scenario_n, day = i / null_scenario_n;
    if (o->scenario && strcmp(o->scenario, null_scenario[scenario].name) != 0) continue;
    bool slow = null_scenario[scenario].per_s <= SLOW_PER_S, fine = slow || (every && (day + scenario) % every == 0);
    memset(w->alarms, 0, sizeof w->alarms);
    day_run(w, t, &null_scenario[scenario], o, day, fine, ticks);
    for (unsigned s = 0; s < WATCH_SIGNALS; s++)
      for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) tally[scenario].alarms[s][h] += w->alarms[s][h];
    tally[scenario].days += (double)ticks / DAY_TICKS;
    tally[scenario].steps += fine || o->pace ? ticks : ticks / LIMIT_TICKS_PER_S;
  }
  free(t);
  free(w);
}

static void tally_add(struct tally *to, const struct tally *from) {
  for (unsigned s = 0; s < WATCH_SIGNALS; s++)
    for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) to->alarms[s][h] += from->alarms[s][h];
  to->days += from->days;
  to->steps += from->steps;
}

/* A process a job, over memory that they share; the sum does not depend on their number. */
static void jobs_run(struct tally *all, const struct options *o) {
  size_t bytes = (size_t)o->jobs * SCENARIOS_MAX * sizeof(struct tally);
  struct tally *part = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  MUST(part != MAP_FAILED && null_scenario_n <= SCENARIOS_MAX);
  fflush(stdout);
  for (uint32_t job = 0; job < o->jobs; job++) {
    pid_t pid = o->jobs > 1 ? fork() : 0;
    MUST(pid >= 0);
    if (pid > 0) continue;
    days_run(part + (size_t)job * SCENARIOS_MAX, o, job);
    if (o->jobs > 1) _exit(0);
  }
  for (int status; o->jobs > 1 && wait(&status) > 0;) MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  for (uint32_t job = 0; job < o->jobs; job++)
    for (unsigned i = 0; i < null_scenario_n; i++) tally_add(&all[i], &part[(size_t)job * SCENARIOS_MAX + i]);
  munmap(part, bytes);
}

/* P(at least k) of a Poisson of that mean: how well `at most the mean` fits with k alarms. */
static double at_least_p(uint64_t k, double mean) {
  double below = 0.0;
  if (k == 0) return 1.0;
  if ((double)k < mean) return 0.5;
  for (uint64_t i = 0; i < k && i < 100000; i++)
    below += math_exp((double)i * math_log(mean) - mean - math_lgamma((double)i + 1.0));
  return below < 1.0 ? 1.0 - below : 0.0;
}

/* Says where more alarms of the first `signals` signals were seen than the promise allows, a line a signal; returns at
 * how many thresholds. */
static unsigned claim_check(const char *name, const struct tally *t, unsigned signals, double level_p) {
  unsigned broken = 0;
  for (unsigned s = 0; s < signals; s++) {
    unsigned before = broken;
    for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) {
      double bound = t->steps * math_exp(-watch_threshold(h));
      if (at_least_p(t->alarms[s][h], bound) >= level_p) continue;
      if (broken++ == before) printf("# %s %s above the promise:", name, watch_signal_text(s));
      printf(" %.0f nats %llu > %.2g", watch_threshold(h), (unsigned long long)t->alarms[s][h], bound);
    }
    if (broken > before) putchar('\n');
  }
  return broken;
}

static void tally_write(FILE *f, const char *name, const struct tally *t) {
  for (unsigned s = 0; s < WATCH_SIGNALS; s++) {
    fprintf(f, "%s,%s,%.0f,%.0f", name, watch_signal_text(s), t->days, t->steps);
    for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) fprintf(f, ",%llu", (unsigned long long)t->alarms[s][h]);
    fputc('\n', f);
  }
}

static void csv_write(FILE *f, const struct tally *all, const struct tally *total) {
  fprintf(f, "scenario,signal,series_days,steps");
  for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) fprintf(f, ",alarms_%.0f", watch_threshold(h));
  fputc('\n', f);
  for (unsigned i = 0; i < null_scenario_n; i++)
    if (all[i].days > 0.0) tally_write(f, null_scenario[i].name, &all[i]);
  tally_write(f, "all", total);
  fprintf(f, "all,bound,%.0f,%.0f", total->days, total->steps);
  for (unsigned h = 0; h < WATCH_THRESHOLDS; h++) fprintf(f, ",%.3g", total->steps * math_exp(-watch_threshold(h)));
  fputc('\n', f);
}

static struct options options_read(int argc, char **argv) {
  struct options o = {.days = 4, .jobs = 1, .seed = 1, .fine = 0.1};
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "tiny") == 0) {
      o.tiny = true;
      continue;
    }
    if (strcmp(argv[i], "--days") == 0) o.days = (uint32_t)strtoul(value, NULL, 10);
    if (strcmp(argv[i], "--seed") == 0) o.seed = strtoull(value, NULL, 10);
    if (strcmp(argv[i], "--jobs") == 0) o.jobs = (uint32_t)strtoul(value, NULL, 10);
    if (strcmp(argv[i], "--fine") == 0) o.fine = strtod(value, NULL);
    if (strcmp(argv[i], "--pace") == 0) o.pace = (uint32_t)(strtod(value, NULL) * LIMIT_TICKS_PER_S);
    if (strcmp(argv[i], "--scenario") == 0) o.scenario = value;
    if (strcmp(argv[i], "--csv") == 0) o.csv = value;
    i++;
  }
  if (o.jobs == 0 || o.jobs > 64) o.jobs = 1;
  return o;
}

int main(int argc, char **argv) {
  static struct tally all[SCENARIOS_MAX], total;
  struct options o = options_read(argc, argv);
  jobs_run(all, &o);
  /* The tests hold traffic and latency to the promise; ratios do not keep it yet where failures come in clusters. */
  unsigned broken = 0, signals = o.tiny ? WATCH_ERRORS : WATCH_SIGNALS;
  for (unsigned i = 0; i < null_scenario_n; i++) {
    tally_add(&total, &all[i]);
    if (all[i].days > 0.0) broken += claim_check(null_scenario[i].name, &all[i], signals, o.tiny ? 1e-9 : 0.05);
  }
  printf("# %u of the scenarios' cells are above the promise\n", broken);
  broken = claim_check("all", &total, signals, o.tiny ? 1e-6 : 0.05);
  printf("# %.0f series-days a signal\n", total.days);
  tally_write(stdout, "# all", &total);
  if (o.csv) {
    FILE *f = fopen(o.csv, "w");
    MUST(f);
    csv_write(f, all, &total);
    fclose(f);
  }
  printf("%s 1 - at most T e^-h alarms while nothing is wrong\n1..1\n", broken ? "not ok" : "ok");
  return broken ? 1 : 0;
}
