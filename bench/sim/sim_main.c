/* meshsim: writes what the sidecars of a simulated mesh would send, and the truth. Same scenario, seed and binary:
 * same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim_arrive.h"
#include "sim_truth.h"

static const int64_t EPOCH_S = 1772442000; /* 2026-03-02T09:00:00Z */

struct args {
  const char *scenario, *out, *truth;
  uint64_t seed;
  double duration_s, rate_per_s; /* 0: the scenario's */
  double speed;                  /* not 0: tell how fast it went */
};

static const char usage_text[] =
    "usage: meshsim --scenario FILE --out FILE.als|- [--truth FILE.json] [--seed N] [--duration S] [--rate R]\n"
    "               [--speed 1]\n";

static int usage(const char *why) {
  fprintf(stderr, "meshsim: %s\n%s", why, usage_text);
  return 2;
}

static const char *args_set(struct args *a, const char *key, const char *value) {
  char *end = NULL;
  if (strcmp(key, "--scenario") == 0)
    a->scenario = value;
  else if (strcmp(key, "--out") == 0)
    a->out = value;
  else if (strcmp(key, "--truth") == 0)
    a->truth = value;
  else if (strcmp(key, "--seed") == 0)
    a->seed = strtoull(value, &end, 10);
  else if (strcmp(key, "--duration") == 0)
    a->duration_s = strtod(value, &end);
  else if (strcmp(key, "--rate") == 0)
    a->rate_per_s = strtod(value, &end);
  else if (strcmp(key, "--speed") == 0)
    a->speed = strtod(value, &end);
  else
    return "unknown option";
  return end && (*end || end == value) ? "not a number" : NULL;
}

static const char *args_read(struct args *a, int argc, char **argv) {
  *a = (struct args){.seed = 1};
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return "a value is missing";
    const char *why = args_set(a, argv[i], argv[i + 1]);
    if (why) return why;
  }
  return a->scenario && a->out ? NULL : "--scenario and --out are needed";
}

static void simulate(struct sim_run *r, const struct sim_conf *conf) {
  struct sim_arrive arrive;
  struct sim_visit v;
  arrive_init(&arrive, conf);
  while (arrive_next(&arrive, &v)) {
    send_until(r->send, v.at_ns);
    call_user(r, &v);
  }
  arrive_fini(&arrive);
}

static void tell_speed(const struct sim_run *r) {
  double cpu_s = (double)clock() / CLOCKS_PER_SEC;
  double entries = (double)(r->send->entries + r->send->lost);
  fprintf(stderr, "%llu requests, %.0f entries in %.2f s of CPU: %.0f requests/s, %.0f entries/s\n",
          (unsigned long long)r->requests, entries, cpu_s, (double)r->requests / cpu_s, entries / cpu_s);
}

static bool run(const struct args *a, struct sim_conf *conf, FILE *out) {
  struct sim_world world;
  struct sim_als als;
  struct sim_send *send = malloc(sizeof *send);
  if (!send) abort();
  if (!world_init(&world, conf)) {
    free(send);
    return false;
  }
  als_init(&als, &world, EPOCH_S);
  send_init(send, &als, out);
  struct sim_run r = {.world = &world, .send = send};
  simulate(&r, conf);
  bool good = send_end(send);
  if (!good) fprintf(stderr, "%s: cannot be written\n", a->out);
  if (good && a->truth && !truth_write(a->truth, &r, EPOCH_S)) {
    fprintf(stderr, "%s: cannot be written\n", a->truth);
    good = false;
  }
  if (good && a->speed != 0) tell_speed(&r);
  send_fini(send);
  free(send);
  als_fini(&als);
  world_fini(&world);
  return good;
}

int main(int argc, char **argv) {
  struct args a;
  if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(usage_text, stdout) < 0;
  const char *why = args_read(&a, argc, argv);
  if (why) return usage(why);
  struct sim_conf *conf = malloc(sizeof *conf);
  if (!conf || !conf_read(conf, a.scenario, a.seed)) return 1;
  if (a.duration_s > 0) conf->set.duration_s = a.duration_s;
  if (a.rate_per_s > 0) conf->set.rate_per_s = a.rate_per_s;
  bool to_stdout = strcmp(a.out, "-") == 0;
  FILE *out = to_stdout ? stdout : fopen(a.out, "wb");
  if (!out) {
    fprintf(stderr, "%s: cannot be opened\n", a.out);
    return 1;
  }
  setvbuf(out, NULL, _IOFBF, 1 << 20);
  bool good = run(&a, conf, out);
  if (!to_stdout && fclose(out) != 0) good = false;
  free(conf);
  return good ? 0 : 1;
}
