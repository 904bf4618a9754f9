/* Threads that run the 64 buckets of a tick. Work is handed out by number; who does which bucket cannot matter,
 * since buckets know nothing of each other and the head waits for all. */
#ifndef DAEMON_POOL_H
#define DAEMON_POOL_H

#include <stdint.h>

struct pool;

typedef void (*pool_work)(void *ctx, unsigned item);

/* threads >= 1, the caller's own included: 1 starts none. NULL where a thread could not be started. */
struct pool *pool_open(unsigned threads);
/* Runs fn(ctx, 0..items-1), each once; returns when all are done. */
void pool_run(struct pool *p, unsigned items, pool_work fn, void *ctx);
void pool_close(struct pool *p);

#endif
