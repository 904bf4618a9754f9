/* Samples as lines, so that a test can say what it expects of a decoder. For the tests alone.
 *
 *   KIND NAME{KEY="VALUE",…} VALUE [@TIME_NS] [^START_NS] [delta] [unit UNIT] [stale]
 *
 * A whole histogram's or summary's VALUE is count/sum, or count/- without a sum, then [UPPER:N UPPER:N …]. Values are
 * written with %g and 17 digits where fewer do not tell them. */
#ifndef SAMPLE_TEXT_H
#define SAMPLE_TEXT_H

#include "base_buf.h"
#include "wire_sample.h"

/* A sink: arg is a struct base_buf. */
void sample_text(void *arg, const struct wire_sample *s);

#endif
