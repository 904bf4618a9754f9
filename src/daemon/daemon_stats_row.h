/* The rows of `stats`: counts by (kind, side, names), on the heap, found by hash, given out sorted. */
#ifndef DAEMON_STATS_ROW_H
#define DAEMON_STATS_ROW_H

#include <stdint.h>

#include "base_hist.h"
#include "base_str.h"
#include "wire_fold.h"

enum row_kind { ROW_SERVICE, ROW_EDGE, ROW_ROUTE, ROW_POD, ROW_CLUSTER, ROW_REGION, ROW_KIND_COUNT };

#define ROW_NAMES 4u    /* namespace, service, then: caller_namespace, caller | route | pod | - */
#define ROW_CODES 1000u /* HTTP codes 0..999; what is above is counted as 999 */
#define ROWS_MAX 1000000u

struct row_code {
  uint32_t code;
  uint64_t n;
};

struct row {
  uint64_t hash;
  uint32_t kind, side;
  struct base_str name[ROW_NAMES];
  uint64_t requests, errors;
  uint64_t class_n[REC_CLASS_COUNT];
  uint64_t flag_n[WIRE_FLAG_COUNT]; /* 0: none set */
  struct row_code *code;
  uint32_t code_n;
  uint32_t *fine; /* HIST_FINE_BUCKETS, services only */
  struct row *next;
};

struct rows;

struct rows *rows_open(void);
void rows_close(struct rows *r);
/* Adds the request to the row of these names. False: out of memory, or too many rows. */
bool rows_add(struct rows *r, enum row_kind kind, uint32_t side, const struct base_str name[ROW_NAMES],
              const struct wire_seen *seen);
const struct row *rows_find(const struct rows *r, enum row_kind kind, uint32_t side,
                            const struct base_str name[ROW_NAMES]);
/* All rows by kind, names, side; *n of them. NULL: out of memory. Valid until rows_close. */
const struct row *const *rows_sorted(struct rows *r, size_t *n);

#endif
