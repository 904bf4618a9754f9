#include "serve_list.h"

#include <stdlib.h>

#include "base_must.h"

bool list_open(struct serve_list *l, uint32_t max) {
  MUST(max > 0);
  *l = (struct serve_list){.row = calloc(max, sizeof *l->row), .max = max};
  return l->row != NULL;
}

/* A row's texts are one block, which the JSON begins. */
static void row_free(struct serve_row *r) {
  free((char *)(uintptr_t)r->json.p);
}

void list_close(struct serve_list *l) {
  for (uint32_t i = 0; l->row && i < l->max; i++) row_free(&l->row[i]);
  free(l->row);
  l->row = NULL;
}

void list_add(struct serve_list *l, struct base_wall at, struct base_str json, struct base_str about) {
  char *text = malloc(json.n + about.n + 1);
  if (!text) return;
  if (json.n) memcpy(text, json.p, json.n);
  if (about.n) memcpy(text + json.n, about.p, about.n);
  struct serve_row *r = &l->row[l->n++ % l->max];
  row_free(r);
  *r = (struct serve_row){at, {text, json.n}, {text + json.n, about.n}};
}

uint32_t list_n(const struct serve_list *l) {
  return l->n < l->max ? (uint32_t)l->n : l->max;
}

const struct serve_row *list_back(const struct serve_list *l, uint32_t i) {
  MUST(i < list_n(l));
  return &l->row[(l->n - 1 - i) % l->max];
}
