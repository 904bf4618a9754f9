/* "name=value;name=value" of the configuration, and what several types of receivers share. */
#ifndef ACT_PAIRS_H
#define ACT_PAIRS_H

#include "act_kind.h"

/* The next pair of *rest, blanks around names and values left out. False: there is none, or it is none. */
bool pairs_next(struct base_str *rest, struct base_str *name, struct base_str *value);
/* Whether text is such a list; names are those of labels ([a-zA-Z_][a-zA-Z0-9_]*, none twice). "" is. */
bool pairs_good(struct base_str text);

/* The Authorization header, where there is a token. */
bool request_bearer(const struct act_message *m, struct act_request *out);
/* "Content-Type: application/json", "status 400: the body's first words". */
void why_status(const struct act_answer *a, char why[ACT_WHY_BYTES]);

#endif
