/* Exports of spans for benchmarks: bodies of gRPC calls one after the other, each behind its prefix of five bytes; made
 * ones, and captured ones cut small and moved in time. */
#ifndef BENCH_SPANS_H
#define BENCH_SPANS_H

#include "base_buf.h"

#define SPANS_PREFIX_BYTES 5u

/* Calls of one application to another: two spans each, every 100 us, `each` calls in an export of either side. */
void spans_make(struct base_buf *out, uint32_t calls, uint32_t each);

/* The next export at *at, which moves behind it; false at the end, and where one is cut. */
bool spans_next(struct base_str body, size_t *at, struct base_str *message);

/* The same spans in exports of at most `each` of them, each with its resource. Scopes are left out. */
void spans_cut(struct base_str body, unsigned each, struct base_buf *out);

/* Counts the spans of all exports, and gives the first start and the last end. */
struct spans_range {
  uint64_t spans;
  int64_t first_ns, last_ns;
};
struct spans_range spans_range(struct base_str body);

/* All starts and ends later by so much, in place. */
void spans_move(char *body, size_t n, int64_t by_ns);

#endif
