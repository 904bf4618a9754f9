/* The last LIMIT_HISTORY_S seconds of series, at one second, in one block of a given size. It reads the input log's
 * ticks, so its counts are exact; what it holds reaches no verdict.
 *
 *   [ struct | place of each series number (4 bytes) | rings: head, open second's histogram, LIMIT_HISTORY_S points ]
 *
 * Where the rings do not suffice, levels have an order (serve_history.c): a service takes the ring of a pod, never the
 * other way; what finds none is counted [history_limit], and what loses its own [history_evicted]. Pages of rings that
 * are never used cost nothing. */
#ifndef SERVE_HISTORY_H
#define SERVE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_counter.h"
#include "rec_input.h"

struct serve_history;

/* One second, or several together. */
struct history_point {
  uint64_t requests, errors;
  double latency_mean_ms; /* of the fine ones; < 0: there were none */
  double latency_p99_ms;  /* likewise; of several seconds that of the worst */
};

/* Identity of a series that this has not seen coming (known from a checkpoint), or NULL. */
typedef const struct rec_series *(*history_who)(void *ctx, uint32_t series_idx);

/* bytes: for rings; 0 keeps none. NULL: out of memory. */
struct serve_history *history_open(size_t bytes, uint32_t series_max, history_who who, void *ctx);
void history_close(struct serve_history *h);
/* One tick's batches. counters: history_limit and history_evicted are added to. */
void history_tick(struct serve_history *h, const struct rec_batch *batch, unsigned batch_n, struct base_wall end,
                  uint64_t *counters);
/* The newest whole second (Unix time), 0 where nothing was seen. */
int64_t history_newest(const struct serve_history *h);
/* Does it hold anything of the series? From that second on. */
bool history_since(const struct serve_history *h, uint32_t series_idx, int64_t *from_s);
/* Seconds [from_s, from_s + n). False where they are not all held. A held second without requests is a zero. */
bool history_read(const struct serve_history *h, uint32_t series_idx, int64_t from_s, uint32_t n,
                  struct history_point *out);
/* Of the rings in use. */
size_t history_bytes(const struct serve_history *h);
uint32_t history_rings(const struct serve_history *h, uint32_t *used);

#endif
