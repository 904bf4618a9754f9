/* The table of targets: chains by hash, and a binary heap by due time. */
#include <stdlib.h>

#include "base_must.h"
#include "io_scrape_room.h"

static void heap_put(struct scrape_table *t, uint32_t at, struct scrape_target *it) {
  t->heap[at] = it;
  it->heap_idx = at;
}

static void heap_up(struct scrape_table *t, uint32_t at) {
  struct scrape_target *it = t->heap[at];
  while (at > 0 && t->heap[(at - 1) / 2]->due.ns > it->due.ns) {
    heap_put(t, at, t->heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  heap_put(t, at, it);
}

static void heap_down(struct scrape_table *t, uint32_t at, uint32_t n) {
  struct scrape_target *it = t->heap[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && t->heap[child + 1]->due.ns < t->heap[child]->due.ns) child++;
    if (t->heap[child]->due.ns >= it->due.ns) break;
    heap_put(t, at, t->heap[child]);
    at = child;
  }
  heap_put(t, at, it);
}

void table_later(struct scrape_table *t, struct scrape_target *it) {
  heap_down(t, it->heap_idx, t->n);
}

struct scrape_target *table_find(const struct scrape_table *t, uint64_t hash, const struct io_scrape_job *job,
                                 const struct io_scrape_target *want) {
  struct scrape_target *it = t->chain[hash % SCRAPE_CHAINS];
  for (; it; it = it->chain) {
    if (it->hash != hash || it->job != job) continue;
    if (str_eq(str_of(it->url), want->url) && str_eq(str_of(it->labels), want->labels)) return it;
  }
  return NULL;
}

static bool table_grow(struct scrape_table *t) {
  if (t->n < t->cap) return true;
  uint32_t cap = t->cap ? t->cap * 2 : 64;
  struct scrape_target **list = realloc(t->list, cap * sizeof(*list));
  if (!list) return false;
  t->list = list;
  struct scrape_target **heap = realloc(t->heap, cap * sizeof(*heap));
  if (!heap) return false;
  t->heap = heap;
  t->cap = cap;
  return true;
}

bool table_add(struct scrape_table *t, struct scrape_target *it) {
  if (!table_grow(t)) return false;
  struct scrape_target **chain = &t->chain[it->hash % SCRAPE_CHAINS];
  it->chain = *chain;
  *chain = it;
  it->list_idx = t->n;
  t->list[t->n] = it;
  heap_put(t, t->n, it);
  heap_up(t, t->n++);
  return true;
}

static void heap_remove(struct scrape_table *t, struct scrape_target *it, uint32_t n) {
  uint32_t at = it->heap_idx;
  if (at == n) return;
  heap_put(t, at, t->heap[n]);
  heap_down(t, at, n);
  heap_up(t, at);
}

void table_drop(struct scrape_table *t, struct scrape_target *it) {
  struct scrape_target **chain = &t->chain[it->hash % SCRAPE_CHAINS];
  MUST(t->n > 0 && t->list[it->list_idx] == it && t->heap[it->heap_idx] == it);
  while (*chain != it) chain = &(*chain)->chain;
  *chain = it->chain;
  t->n--;
  t->list[it->list_idx] = t->list[t->n];
  t->list[it->list_idx]->list_idx = it->list_idx;
  heap_remove(t, it, t->n);
  free(it);
}

void table_fini(struct scrape_table *t) {
  while (t->n) table_drop(t, t->list[t->n - 1]);
  free(t->list);
  free(t->heap);
}
