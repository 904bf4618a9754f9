/* The newest so many JSON texts, each with a time: what the API lists of changes and actions. */
#ifndef SERVE_LIST_H
#define SERVE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base_str.h"
#include "base_time.h"

struct serve_row {
  struct base_wall at;
  struct base_str json, about; /* about: what it is about, for filters; may be empty */
};

struct serve_list {
  struct serve_row *row; /* row n % max is the oldest once all are used */
  uint32_t max;
  uint64_t n; /* ever added */
};

/* False: out of memory. */
bool list_open(struct serve_list *l, uint32_t max);
void list_close(struct serve_list *l);
/* Copies both texts. Without memory for them nothing is added. */
void list_add(struct serve_list *l, struct base_wall at, struct base_str json, struct base_str about);
uint32_t list_n(const struct serve_list *l);
/* 0: the newest added. Its number is l->n - 1 - i, for as long as the process lives. */
const struct serve_row *list_back(const struct serve_list *l, uint32_t i);

#endif
