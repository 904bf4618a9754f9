/* A query string's parameters, percent-decoded. */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base_str.h"

#define QUERY_PARAMS_MAX 16u
#define QUERY_BYTES_MAX 4096u

struct serve_param {
  struct base_str name, value; /* into the query's own text */
};

struct serve_query {
  struct serve_param param[QUERY_PARAMS_MAX];
  unsigned param_n;
  char text[QUERY_BYTES_MAX];
};

/* Decodes %XX (and '+' as a space where `plus`) into out[0..cap). False: broken escape or too long. */
bool query_decode(struct base_str raw, bool plus, char *out, size_t cap, size_t *n);
/* NULL: fine; else a static text that says what is wrong. A name may come once only. */
const char *query_read(struct base_str raw, struct serve_query *q);
/* The value, or STR_NONE where the parameter is absent (p == NULL). */
struct base_str query_find(const struct serve_query *q, const char *name);
/* Decimal digits, 1..max. */
bool serve_u32_read(struct base_str text, uint32_t max, uint32_t *out);
/* The first parameter that is not in the NULL-ended list, or NULL. */
const struct serve_param *query_unknown(const struct serve_query *q, const char *const *names);

#endif
