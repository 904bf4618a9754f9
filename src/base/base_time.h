/* Times as one-member structs so that kinds cannot be mixed. Wall time is nanoseconds since 1970-01-01 UTC;
 * a span is nanoseconds. Only `io` reads clocks; everything else is handed its time. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_str.h"

struct base_wall {
  int64_t ns;
};

struct base_mono {
  int64_t ns;
};

#define TIME_NS_PER_S 1000000000ll
#define TIME_NS_PER_MS 1000000ll
#define TIME_TEXT_BYTES 52 /* "2026-03-02T09:00:00.000000000Z" and a NUL, with room for any int */

/* Writes RFC 3339 UTC with nanoseconds. Range: years 1678..2262 (all of int64). */
void time_text(struct base_wall t, char out[TIME_TEXT_BYTES]);

/* Reads RFC 3339 with 'Z' or a numeric offset and 0..9 fraction digits. False where s is anything else. */
bool time_read(struct base_str s, struct base_wall *out);

#endif
