/* The names, labels and numbers of one line of an exposition; for wire_prom*.c and wire_preface.c alone. */
#ifndef WIRE_PROM_LINE_H
#define WIRE_PROM_LINE_H

#include "wire_sampler.h"

/* A line being read, without its end. Texts with escapes are rewritten into *text. */
struct prom_line {
  const char *p, *end;
  struct base_buf *text;
};

static inline bool prom_is_blank(char c) {
  return c == ' ' || c == '\t';
}

static inline void prom_blanks(struct prom_line *l) {
  while (l->p < l->end && prom_is_blank(*l->p)) l->p++;
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*, at l->p; empty where none stands there. */
struct base_str prom_name(struct prom_line *l);
/* What stands in quotes at l->p, behind the first; false where they do not end. */
bool prom_quoted(struct prom_line *l, struct base_str *out);
/* Up to the next blank or the end. */
struct base_str prom_word(struct prom_line *l);

/* The labels behind `{`, to behind `}`. A name in quotes without a value is the metric's (*name, which must be unset
 * before). Labels go to label[0..max); *n counts all of them, so that *n > max tells that some did not fit. False where
 * broken. */
bool prom_labels(struct prom_line *l, struct base_str *name, struct wire_label *label, uint32_t max, uint32_t *n);

#endif
