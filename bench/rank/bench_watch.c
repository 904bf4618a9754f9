/* Watches series of public data with the program's own detectors, a row a step, causally. Standard input, a line a
 * series:
 *
 *   ratio NAME N E N E ...        requests and failures of each row (detect_ratio.h)
 *   latency NAME K Q.. N V.. N V.. K quantiles' ranks, then of each row requests and those quantiles in seconds, `-`
 * where missing (detect_latency.h; a histogram is drawn through the quantiles) spans NAME T D T D ...        single
 * requests: tick (250 ms) and seconds, ticks rising (detect_latency.h as it runs live) gauge NAME STEP_S V V ...     a
 * number a row, `-` where missing (detect_gauge.h)
 *
 * Argument: the evidence at which an alarm is raised, nats. Output, a line an alarm: NAME, kind, first row of the
 * trouble, row of the alarm, evidence. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect_gauge.h"
#include "detect_latency.h"
#include "rank_watch.h"

#define CALM 2.0 /* nats: a gauge's trouble begins after its last row with less */

struct words {
  char *at;
};

static bool word_next(struct words *w, double *value) {
  char *end;
  while (*w->at == ' ') w->at++;
  if (*w->at == '-' && (w->at[1] == ' ' || w->at[1] == 0)) {
    w->at++;
    *value = -1e300;
    return true;
  }
  *value = strtod(w->at, &end);
  bool found = end != w->at && *value - *value == 0.0;
  w->at = end;
  return found;
}

static void alarm_print(const char *name, const char *kind, uint32_t from, uint32_t at, double score) {
  printf("%s %s %u %u %.2f\n", name, kind, from, at, score);
}

static void ratio_watch(const char *name, struct words *w, double log_c) {
  struct rank_watch watch;
  double n, e;
  rank_watch_init(&watch);
  for (uint32_t i = 0; word_next(w, &n) && word_next(w, &e); i++) {
    struct detect_verdict v = rank_watch_step(&watch, n > 0.0 ? n : 0.0, e > 0.0 ? e : 0.0, log_c);
    if (v.event == DETECT_RAISED) alarm_print(name, "errors", v.from_seq, i, v.log_e);
  }
}

#define QUANTILES 8u
#define BELOW 0.25     /* the fastest request, relative to the lowest quantile */
#define ABOVE 1.5      /* the slowest, relative to the highest */
#define MINUTE_ROWS 6u /* the engine's minute is six of its windows; a row is a window */
#define LATENCY_ARMED 240u

struct quantiles {
  uint32_t n;
  double rank[QUANTILES + 2], value[QUANTILES + 2]; /* with both ends */
};

/* Share of requests below v: between quantiles straight in the logarithm. */
static double share_below(const struct quantiles *q, double v) {
  if (v <= q->value[0]) return 0.0;
  for (uint32_t i = 1; i < q->n; i++) {
    if (v >= q->value[i]) continue;
    double at = log(v / q->value[i - 1]) / log(q->value[i] / q->value[i - 1]);
    return q->rank[i - 1] + at * (q->rank[i] - q->rank[i - 1]);
  }
  return 1.0;
}

static uint32_t cells_draw(const struct quantiles *q, uint32_t n, struct rec_hist_cell *cell, double *sum_s) {
  uint32_t cells = 0, done = 0;
  *sum_s = 0.0;
  for (uint32_t b = 0; b < HIST_BUCKETS; b++) {
    double low = 1e-9 * (double)hist_bucket_ns(b), high = 1e-9 * (double)hist_bucket_ns(b + 1);
    uint32_t upto = b + 1 == HIST_BUCKETS ? n : (uint32_t)(share_below(q, high) * (double)n + 0.5);
    if (upto <= done) continue;
    cell[cells++] = (struct rec_hist_cell){b, upto - done};
    *sum_s += (double)(upto - done) * 0.5 * (low + high);
    done = upto;
  }
  return cells;
}

/* A row's quantiles, made to rise. False where one is missing. */
static bool quantiles_next(struct words *w, struct quantiles *q, uint32_t k, double *n) {
  bool whole = true;
  if (!word_next(w, n)) return false;
  for (uint32_t i = 1; i <= k; i++) {
    if (!word_next(w, &q->value[i])) return false;
    whole = whole && q->value[i] > 0.0;
  }
  if (!whole) *n = 0.0;
  q->value[0] = BELOW * q->value[1];
  q->value[k + 1] = ABOVE * q->value[k];
  for (uint32_t i = 1; i < k + 2; i++)
    if (q->value[i] < 1.001 * q->value[i - 1]) q->value[i] = 1.001 * q->value[i - 1];
  return true;
}

static void latency_watch(const char *name, struct words *w, double log_c) {
  struct series_latency d;
  struct quantiles q = {0};
  struct rec_hist_cell cell[HIST_BUCKETS];
  double k, n, sum_s;
  detect_latency_init(&d, 0);
  if (!word_next(w, &k) || k < 1.0 || k > QUANTILES) return;
  q.n = (uint32_t)k + 2;
  for (uint32_t i = 1; i <= (uint32_t)k; i++)
    if (!word_next(w, &q.rank[i])) return;
  q.rank[q.n - 1] = 1.0;
  for (uint32_t i = 0; quantiles_next(w, &q, (uint32_t)k, &n); i++) {
    if (!(n >= 1.0) || n > 1e9) continue;
    uint32_t cells = cells_draw(&q, (uint32_t)n, cell, &sum_s);
    struct detect_verdict v =
        detect_latency_step(&d, cell, cells, (uint32_t)n, sum_s, log_c, i >= LATENCY_ARMED, i, 1, i, true);
    if (v.event == DETECT_RAISED) alarm_print(name, "latency", v.from_seq, i, v.log_e);
    detect_latency_window(&d, 1.0f / (float)((i < 360u ? i : 360u) + 1u));
    if (i % MINUTE_ROWS == MINUTE_ROWS - 1u)
      detect_latency_minute(&d, 1.0f / (float)((i / MINUTE_ROWS < 60u ? i / MINUTE_ROWS : 60u) + 1u));
  }
}

#define TICKS_MAX 1000000u
#define WINDOW_TICKS 40u
#define MINUTE_TICKS 240u

struct tick {
  uint32_t seq, n, cells;
  struct rec_hist_cell cell[HIST_BUCKETS];
  double sum_s;
};

static void tick_add(struct tick *t, double seconds) {
  uint32_t bucket = hist_bucket((uint64_t)(seconds * 1e9)), i = 0;
  while (i < t->cells && t->cell[i].bucket < bucket) i++;
  if (i == t->cells || t->cell[i].bucket != bucket) {
    memmove(&t->cell[i + 1], &t->cell[i], (t->cells - i) * sizeof t->cell[0]);
    t->cell[i] = (struct rec_hist_cell){bucket, 0};
    t->cells++;
  }
  t->cell[i].count++;
  t->sum_s += seconds;
  t->n++;
}

/* Judges a tick, then closes the windows and minutes that end before the next one. */
static void tick_close(const char *name, struct series_latency *d, const struct tick *t, uint32_t *last, uint32_t next,
                       double log_c) {
  if (t->n > 0) {
    struct detect_verdict v =
        detect_latency_step(d, t->cell, t->cells, t->n, t->sum_s, log_c, true, t->seq, t->seq - *last, t->seq, true);
    if (v.event == DETECT_RAISED) alarm_print(name, "latency", v.from_seq, t->seq, v.log_e);
    *last = t->seq;
  }
  for (uint32_t i = t->seq + 1; i <= next; i++) {
    uint32_t windows = i / WINDOW_TICKS, minutes = i / MINUTE_TICKS;
    if (i % WINDOW_TICKS == 0) detect_latency_window(d, 1.0f / (float)(windows < 360u ? windows : 360u));
    if (i % MINUTE_TICKS == 0) detect_latency_minute(d, 1.0f / (float)(minutes < 60u ? minutes : 60u));
  }
}

static void spans_watch(const char *name, struct words *w, double log_c) {
  struct series_latency d;
  struct tick t = {0};
  uint32_t last = 0;
  double at, seconds;
  detect_latency_init(&d, 0);
  while (word_next(w, &at) && word_next(w, &seconds)) {
    if (at < (double)t.seq || at >= (double)TICKS_MAX || !(seconds >= 0.0) || seconds > 1e6) continue;
    if ((uint32_t)at > t.seq) {
      tick_close(name, &d, &t, &last, (uint32_t)at, log_c);
      t = (struct tick){.seq = (uint32_t)at};
    }
    tick_add(&t, seconds);
  }
  tick_close(name, &d, &t, &last, t.seq, log_c);
}

static void gauge_watch(const char *name, struct words *w, double log_c) {
  struct detect_gauge g;
  double step_s, value;
  uint32_t calm = 0;
  bool standing = false;
  detect_gauge_init(&g);
  if (!word_next(w, &step_s)) return;
  for (uint32_t i = 0; word_next(w, &value); i++) {
    if (value < -1e299) continue;
    struct detect_gauge_verdict v = detect_gauge_step(&g, value, step_s * (double)(i + 1));
    if (v.score < CALM || v.side < 0) { /* faster than ever is no trouble */
      calm = i + 1;
      standing = false;
    } else if (v.score >= log_c && !standing) {
      standing = true;
      alarm_print(name, "gauge", calm, i, v.score);
    }
  }
}

int main(int argc, char **argv) {
  double log_c = argc > 1 ? strtod(argv[1], NULL) : 0.0;
  char *text = NULL;
  size_t cap = 0;
  if (!(log_c > 0.0)) {
    fprintf(stderr, "bench_watch: the threshold wanted, nats\n");
    return 1;
  }
  while (getline(&text, &cap, stdin) > 0) {
    text[strcspn(text, "\r\n")] = 0;
    char *name = strchr(text, ' '), *rest = name ? strchr(name + 1, ' ') : NULL;
    if (!rest) continue;
    *name++ = 0;
    *rest++ = 0;
    struct words w = {rest};
    if (strcmp(text, "ratio") == 0) ratio_watch(name, &w, log_c);
    if (strcmp(text, "latency") == 0) latency_watch(name, &w, log_c);
    if (strcmp(text, "spans") == 0) spans_watch(name, &w, log_c);
    if (strcmp(text, "gauge") == 0) gauge_watch(name, &w, log_c);
  }
  free(text);
  return 0;
}
