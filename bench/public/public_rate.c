/* Runs the detectors of a service's requests over a CSV on standard input: header, then
 *   time, requests[, failures of the server[, failures of the client]]
 * a row a second, integers; a missing second had no requests. Arguments: thresholds (ln c); each has a series of its
 * own, since an alarm changes what is learned. Prints "ln c, signal, time it was raised, its log e-value" an alarm, and
 * at the end "ln c, seconds, <seconds>, 0" a threshold. */
#include <stdio.h>
#include <stdlib.h>

#include "base_limits.h"
#include "detect_step.h"
#include "rec_name.h"

#define THRESHOLDS_MAX 16
#define SIGNALS_CAP 64u
#define GAP_MAX_S 86400 /* a longer hole in the times is none of ours */

struct run {
  double log_c;
  struct series_state state;
};

static struct run runs[THRESHOLDS_MAX];
static int run_n;

static void alarms_print(const struct run *r, const struct detect_out *out, double time_s) {
  for (uint32_t i = 0; i < out->n; i++) {
    const struct detect_signal *s = &out->signal[i];
    if (s->event == DETECT_RAISED)
      printf("%g,%s,%.0f,%.2f\n", r->log_c, rec_signal_text(s->signal), time_s, (double)s->log_e);
  }
}

/* One second: three silent ticks and one with all that came in it. */
static void second_step(struct run *r, const struct rec_obs *obs, uint32_t second, double time_s) {
  struct detect_signal signal[SIGNALS_CAP];
  struct detect_out out = {.signal = signal, .cap = SIGNALS_CAP};
  struct detect_context ctx = {
      .seq = (second + 1) * LIMIT_TICKS_PER_S - 1, .rates = true, .log_c = {r->log_c, r->log_c, r->log_c}};
  bool any = detect_obs_requests(obs) != 0;
  detect_series_step(&r->state, any ? obs : NULL, NULL, &ctx, &out);
  alarms_print(r, &out, time_s);
}

static struct rec_obs obs_of(const long *cell) {
  struct rec_obs obs = {0};
  long fine = cell[0] - cell[1] - cell[2];
  obs.class_n[REC_CLASS_OK] = fine > 0 ? (uint32_t)fine : 0;
  obs.class_n[REC_CLASS_SERVER_ERROR] = (uint32_t)cell[1];
  obs.class_n[REC_CLASS_CLIENT_ERROR] = (uint32_t)cell[2];
  return obs;
}

/* time and up to three counts, negative ones and absent ones taken as 0. */
static bool row_read(const char *line, long *time_s, long *cell) {
  char *end;
  *time_s = strtol(line, &end, 10);
  if (end == line) return false;
  cell[0] = cell[1] = cell[2] = 0;
  for (int i = 0; i < 3 && *end == ','; i++) {
    const char *at = end + 1;
    cell[i] = strtol(at, &end, 10);
    if (cell[i] < 0) cell[i] = 0;
  }
  return true;
}

static void second_all(const long *cell, uint32_t second, long time_s) {
  struct rec_obs obs = obs_of(cell);
  for (int i = 0; i < run_n; i++) second_step(&runs[i], &obs, second, (double)time_s);
}

int main(int argc, char **argv) {
  const struct rec_series who = {.level = REC_LEVEL_SERVICE, .side = REC_SIDE_SERVER};
  for (int i = 1; i < argc && run_n < THRESHOLDS_MAX; i++) {
    runs[run_n].log_c = strtod(argv[i], NULL);
    detect_series_init(&runs[run_n++].state, &who, 0);
  }
  char *line = NULL;
  size_t cap = 0;
  uint32_t second = 0;
  long time_s, last = 0, cell[3], none[3] = {0};
  if (getline(&line, &cap, stdin) < 0) return 1;
  while (getline(&line, &cap, stdin) > 0) {
    if (!row_read(line, &time_s, cell)) continue;
    if (second && time_s > last + 1 && time_s - last <= GAP_MAX_S)
      while (++last < time_s) second_all(none, second++, last);
    second_all(cell, second++, time_s);
    last = time_s;
  }
  for (int i = 0; i < run_n; i++) printf("%g,seconds,%u,0\n", runs[i].log_c, second);
  free(line);
  return 0;
}
