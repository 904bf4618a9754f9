/* Runs the gauge detector over a CSV on standard input: header, then `time` and one or more numbers a row; an empty
 * cell is a missing sample. Prints a row for each: time, the row's score in nats, and for a single column also side,
 * forecast, low, high and 1 where a level was adopted.
 * Several columns are one entity's gauges: the row's score is the mean of theirs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect_gauge.h"

#define COLUMNS_MAX 512u

struct table {
  struct detect_gauge gauge[COLUMNS_MAX];
  unsigned columns;
};

static struct table table; /* too large for a stack */

static unsigned columns_count(const char *header) {
  unsigned n = 0;
  for (const char *p = header; *p; p++) n += *p == ',';
  return n;
}

/* One row into the gauges. Returns the verdict of the last column that had a value; *score: the mean of all that had.
 */
static struct detect_gauge_verdict row_step(char *line, double *time_s, double *score) {
  struct detect_gauge_verdict v = {0};
  char *at = line, *end = line;
  *time_s = strtod(at, &end);
  double sum = 0.0;
  unsigned seen = 0;
  for (unsigned c = 0; c < table.columns && *end == ','; c++) {
    at = end + 1;
    double x = strtod(at, &end);
    if (end == at || x - x != 0.0) { /* missing, or not finite */
      end += strcspn(end, ",\n");
      continue;
    }
    v = detect_gauge_step(&table.gauge[c], x, *time_s);
    sum += v.score;
    seen++;
  }
  *score = seen ? sum / (double)seen : 0.0;
  return v;
}

int main(void) {
  char *line = NULL;
  size_t cap = 0;
  if (getline(&line, &cap, stdin) < 0) return 1;
  table.columns = columns_count(line);
  if (table.columns == 0 || table.columns > COLUMNS_MAX) {
    fprintf(stderr, "public_gauge: %u columns of numbers, 1 to %u wanted\n", table.columns, COLUMNS_MAX);
    return 1;
  }
  for (unsigned c = 0; c < table.columns; c++) detect_gauge_init(&table.gauge[c]);
  while (getline(&line, &cap, stdin) > 0) {
    double time_s, score;
    struct detect_gauge_verdict v = row_step(line, &time_s, &score);
    if (table.columns == 1) {
      printf("%.0f,%.4f,%d,%.9g,%.9g,%.9g,%d\n", time_s, score, v.side, v.forecast, v.low, v.high, v.adopted);
    } else {
      printf("%.0f,%.4f\n", time_s, score);
    }
  }
  free(line);
  return 0;
}
