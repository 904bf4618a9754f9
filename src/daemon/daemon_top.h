/* One screen of `foreshock top` from the API's answers. */
#ifndef DAEMON_TOP_H
#define DAEMON_TOP_H

#include "daemon_text.h"

struct yyjson_val;

struct top_answers {
  struct yyjson_val *status, *incidents, *mesh, *graph, *changes; /* as the API gave them; NULL: it did not */
  const char *url;
  const char *problem; /* why it did not, NULL where it did */
  int64_t now_ns;      /* Unix time, for ages */
};

/* At most `rows` lines of t->width columns, each ended by `end`: head, problems, open incidents (the worst first),
 * where there is room what changed lately, then as many services as fit, those that alarm first. Names are cut to their
 * column. */
void top_screen(struct text *t, const struct top_answers *a, unsigned rows, const char *end);

#endif
