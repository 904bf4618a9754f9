#include "daemon_stats_row.h"

#include <stdlib.h>

#include "base_hash.h"

#define HEADS (1u << 16)

struct rows {
  struct row *head[HEADS];
  size_t n;
  const struct row **sorted;
};

struct rows *rows_open(void) {
  return calloc(1, sizeof(struct rows));
}

static void row_close(struct row *w) {
  for (unsigned i = 0; i < ROW_NAMES; i++) free((void *)(uintptr_t)w->name[i].p);
  free(w->code);
  free(w->fine);
  free(w);
}

void rows_close(struct rows *r) {
  if (!r) return;
  for (uint32_t i = 0; i < HEADS; i++)
    for (struct row *w = r->head[i], *next; w; w = next) {
      next = w->next;
      row_close(w);
    }
  free(r->sorted);
  free(r);
}

static uint64_t row_hash(enum row_kind kind, uint32_t side, const struct base_str name[ROW_NAMES]) {
  uint64_t h = hash_mix(kind, side);
  for (unsigned i = 0; i < ROW_NAMES; i++) h = hash_mix(h, hash_bytes(HASH_KEY_FIXED, name[i].p, name[i].n));
  return h;
}

static struct row *row_at(const struct rows *r, uint64_t hash, enum row_kind kind, uint32_t side,
                          const struct base_str name[ROW_NAMES]) {
  for (struct row *w = r->head[hash % HEADS]; w; w = w->next) {
    if (w->hash != hash || w->kind != kind || w->side != side) continue;
    unsigned same = 0;
    while (same < ROW_NAMES && str_eq(w->name[same], name[same])) same++;
    if (same == ROW_NAMES) return w;
  }
  return NULL;
}

const struct row *rows_find(const struct rows *r, enum row_kind kind, uint32_t side,
                            const struct base_str name[ROW_NAMES]) {
  return row_at(r, row_hash(kind, side, name), kind, side, name);
}

static bool name_copy(struct base_str from, struct base_str *to) {
  char *p = malloc(from.n + 1);
  if (!p) return false;
  if (from.n) memcpy(p, from.p, from.n);
  *to = (struct base_str){p, from.n};
  return true;
}

static struct row *row_open(struct rows *r, uint64_t hash, enum row_kind kind, uint32_t side,
                            const struct base_str name[ROW_NAMES]) {
  struct row *w = r->n < ROWS_MAX ? calloc(1, sizeof *w) : NULL;
  if (!w) return NULL;
  bool good = true;
  for (unsigned i = 0; i < ROW_NAMES; i++) good = good && name_copy(name[i], &w->name[i]);
  if (good && kind == ROW_SERVICE) good = (w->fine = calloc(HIST_FINE_BUCKETS, sizeof *w->fine)) != NULL;
  if (!good) {
    row_close(w);
    return NULL;
  }
  w->hash = hash;
  w->kind = kind;
  w->side = side;
  w->next = r->head[hash % HEADS];
  r->head[hash % HEADS] = w;
  r->n++;
  return w;
}

static bool row_code_put(struct row *w, uint32_t code, uint32_t weight) {
  uint32_t at = 0;
  if (code >= ROW_CODES) code = ROW_CODES - 1;
  while (at < w->code_n && w->code[at].code < code) at++;
  if (at == w->code_n || w->code[at].code != code) {
    struct row_code *grown = realloc(w->code, (w->code_n + 1) * sizeof *grown);
    if (!grown) return false;
    w->code = grown;
    memmove(grown + at + 1, grown + at, (w->code_n - at) * sizeof *grown);
    grown[at] = (struct row_code){code, 0};
    w->code_n++;
  }
  w->code[at].n += weight;
  return true;
}

bool rows_add(struct rows *r, enum row_kind kind, uint32_t side, const struct base_str name[ROW_NAMES],
              const struct wire_seen *seen) {
  uint64_t hash = row_hash(kind, side, name);
  struct row *w = row_at(r, hash, kind, side, name);
  if (!w && !(w = row_open(r, hash, kind, side, name))) return false;
  w->requests += seen->weight;
  w->errors += rec_class_failed(seen->class_) ? seen->weight : 0;
  w->class_n[seen->class_] += seen->weight;
  for (unsigned bit = 1; bit < WIRE_FLAG_COUNT; bit++) w->flag_n[bit] += (seen->flags >> bit & 1u) * seen->weight;
  if (w->fine && seen->class_ == REC_CLASS_OK && !seen->is_tcp)
    w->fine[hist_fine_bucket((uint64_t)seen->latency_ns)] += seen->weight;
  return row_code_put(w, seen->code, seen->weight);
}

static int row_cmp(const void *a, const void *b) {
  const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  static const unsigned order[ROW_NAMES] = {1, 0, 3, 2}; /* by service first, then its namespace */
  for (unsigned i = 0; i < ROW_NAMES; i++) {
    int c = str_cmp(x->name[order[i]], y->name[order[i]]);
    if (c) return c;
  }
  return x->side < y->side ? -1 : x->side > y->side;
}

const struct row *const *rows_sorted(struct rows *r, size_t *n) {
  free(r->sorted);
  *n = 0;
  r->sorted = malloc((r->n + 1) * sizeof *r->sorted);
  if (!r->sorted) return NULL;
  for (uint32_t i = 0; i < HEADS; i++)
    for (const struct row *w = r->head[i]; w; w = w->next) r->sorted[(*n)++] = w;
  qsort(r->sorted, *n, sizeof *r->sorted, row_cmp);
  return r->sorted;
}
