/* The key of a gauge as bytes, for the tables at the door and in the engine: each name with its length before it, so
 * that no two gauges have one key (I7). */
#ifndef REC_GAUGE_H
#define REC_GAUGE_H

#include "rec_input.h"

#define REC_GAUGE_KEY_BYTES 400u /* of all names together, two bytes for each one's length included */

struct rec_gauge_names {
  struct base_str dim[REC_DIM_COUNT], metric, part;
};

/* Bytes written; 0 where no record may be so: the metric has no name, or a name is over LIMIT_NAME_BYTES; and where all
 * do not fit. */
size_t rec_gauge_key_write(const struct rec_gauge *g, char out[REC_GAUGE_KEY_BYTES]);
/* Views into the key. False where it is not one that rec_gauge_key_write has written. */
bool rec_gauge_key_read(const char *key, size_t key_n, struct rec_gauge_names *out);

/* Order of gauges in a batch: by dims, metric and part, then time. < 0, 0, > 0. */
int rec_gauge_cmp(const struct rec_gauge *a, const struct rec_gauge *b);

#endif
