#include "daemon_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base_limits.h"
#include "base_must.h"

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t start, done;
  pthread_t thread[LIMIT_THREADS];
  unsigned threads; /* started, the caller's not counted */
  uint64_t round;
  unsigned items, next, left;
  pool_work fn;
  void *ctx;
  int quit;
};

/* Takes items of the current round until there are none. Called and left with the lock held. */
static void items_work(struct pool *p) {
  while (p->next < p->items) {
    unsigned item = p->next++;
    pool_work fn = p->fn;
    void *ctx = p->ctx;
    (void)pthread_mutex_unlock(&p->lock);
    fn(ctx, item);
    (void)pthread_mutex_lock(&p->lock);
    if (--p->left == 0) (void)pthread_cond_signal(&p->done);
  }
}

static void *worker(void *arg) {
  struct pool *p = arg;
  uint64_t seen = 0;
  (void)pthread_mutex_lock(&p->lock);
  for (;;) {
    while (!p->quit && p->round == seen) (void)pthread_cond_wait(&p->start, &p->lock);
    if (p->quit) break;
    seen = p->round;
    items_work(p);
  }
  (void)pthread_mutex_unlock(&p->lock);
  return NULL;
}

struct pool *pool_open(unsigned threads) {
  MUST(threads >= 1 && threads <= LIMIT_THREADS);
  struct pool *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  if (pthread_mutex_init(&p->lock, NULL) || pthread_cond_init(&p->start, NULL) || pthread_cond_init(&p->done, NULL)) {
    free(p);
    return NULL;
  }
  for (; p->threads + 1 < threads; p->threads++) {
    if (pthread_create(&p->thread[p->threads], NULL, worker, p)) {
      pool_close(p);
      return NULL;
    }
  }
  return p;
}

void pool_run(struct pool *p, unsigned items, pool_work fn, void *ctx) {
  if (p->threads == 0) {
    for (unsigned i = 0; i < items; i++) fn(ctx, i);
    return;
  }
  (void)pthread_mutex_lock(&p->lock);
  p->fn = fn;
  p->ctx = ctx;
  p->items = p->left = items;
  p->next = 0;
  p->round++;
  (void)pthread_cond_broadcast(&p->start);
  items_work(p);
  while (p->left) (void)pthread_cond_wait(&p->done, &p->lock);
  (void)pthread_mutex_unlock(&p->lock);
}

void pool_close(struct pool *p) {
  (void)pthread_mutex_lock(&p->lock);
  p->quit = 1;
  (void)pthread_cond_broadcast(&p->start);
  (void)pthread_mutex_unlock(&p->lock);
  for (unsigned i = 0; i < p->threads; i++) (void)pthread_join(p->thread[i], NULL);
  (void)pthread_cond_destroy(&p->done);
  (void)pthread_cond_destroy(&p->start);
  (void)pthread_mutex_destroy(&p->lock);
  free(p);
}
