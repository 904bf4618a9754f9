/* Scopes: what an operator does not want to be paged for. "service=cart cluster=east-1; route=GET /health" are two;
 * an entity is inside a scope when it carries each of its names. */
#ifndef REC_SCOPE_H
#define REC_SCOPE_H

#include "rec_input.h"

#define REC_SCOPES 32u
#define REC_SCOPE_NAMES 4u

struct rec_scope {
  uint32_t n;
  uint8_t dim[REC_SCOPE_NAMES];
  struct base_str value[REC_SCOPE_NAMES]; /* views into the text */
};

/* Reads a text of at most REC_SCOPES scopes, apart by ';'. Conditions are apart by blanks; a value that holds blanks
 * (a route) reaches to the next " KEY=" or the end of its scope. False: *why says what is wrong (static text). */
bool rec_scopes_read(struct base_str text, struct rec_scope out[REC_SCOPES], uint32_t *n, const char **why);
bool rec_scope_holds(const struct rec_scope *s, const struct rec_entity *e);

#endif
