/* Samples from lines of text, through a fold, into sums by who and how: for tests of metrics. */
#ifndef METER_MAKE_H
#define METER_MAKE_H

#include "wire_fold.h"
#include "wire_meter.h"

#define METER_SUMS 256u

/* What the watcher saw, added up. */
struct meter_made_sum {
  char key[400]; /* "side caller>namespace/service v=version c=cluster p=pod r=route class" */
  uint64_t n;
};

struct meter_made {
  void *mem;
  size_t bytes;
  struct wire_fold *f;
  struct meter_made_sum sum[METER_SUMS];
  uint32_t sum_n;
  uint64_t tick_n;
  /* of the observations of level SERVICE on the server's side of the last tick */
  struct rec_obs service;
  bool has_service;
  /* over all ticks, of the same */
  uint64_t ok_n, hist_n, latency_ns, bytes_in, partial_n, zero_n;
  uint32_t pace;
  uint32_t gap_n, whole_n; /* records of lost telemetry: SCRAPE and COUNTED, WHOLE */
  struct rec_gap gap;
};

struct meter_made *meter_open(void);
void meter_close(struct meter_made *t);

/* One line `name{key="value",...} number [@start_s]` of an exposition, with the target's labels behind. Times in
 * seconds after T0; recv_s < 0: none. `stale` as the number is the stale marker. Counters are cumulative. */
#define METER_T0_S 1767225600ll
void meter_line(struct meter_made *t, const char *target, const char *line, double at_s, double recv_s);
/* Lines, each ended by \n, all of one moment; then the ticks that are complete are taken. */
void meter_scrape(struct meter_made *t, const char *target, const char *lines, double at_s);
/* The receiver's clock goes on to this moment. */
void meter_wait(struct meter_made *t, double until_s);
void meter_flush(struct meter_made *t);
/* The sum of this key; 0 where there is none. */
uint64_t meter_sum_of(const struct meter_made *t, const char *key);
void meter_print(const struct meter_made *t);

#endif
