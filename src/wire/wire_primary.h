/* One source counts for each reporter: the best that speaks of it (enum wire_source). A reporter is a service, on one
 * side, and its pod where pods are named; what a worse source tells of it is not counted while the better one is alive,
 * and for WIRE_PRIMARY_TICKS after its last word, so that no gap makes the sources take turns.
 *
 * A source that names no pod is asked about for the whole service, and one that names no namespace for every service of
 * the name. A bounded table of sets; the oldest goes, which costs at most a request counted from two sources. */
#ifndef WIRE_PRIMARY_H
#define WIRE_PRIMARY_H

#include "base_hash.h"
#include "wire_request.h"

#define WIRE_PRIMARY_TICKS (60u * LIMIT_TICKS_PER_S)

struct wire_primaries;

/* Names by their numbers, 0 where unknown. */
struct wire_reporter_id {
  uint32_t namespace_, service, pod;
  uint8_t side; /* enum rec_side */
};

size_t wire_primary_bytes(void);
struct wire_primaries *wire_primary_init(void *mem, struct base_hash_key key);
/* True where this source is the one that counts for the reporter now; it is alive then. *switched: it has taken the
 * place of another. Cost: up to five cache lines; ask once a tick of a source that is always right
 * (WIRE_SOURCE_ALS). */
bool wire_primary_take(struct wire_primaries *t, const struct wire_reporter_id *who, enum wire_source source,
                       int64_t tick, bool *switched);

/* The source that counts for the reporter now; false where none is alive. */
bool wire_primary_view(const struct wire_primaries *t, const struct wire_reporter_id *who, int64_t tick,
                       enum wire_source *source);
/* Counts reports of single requests that came of this reporter, whichever source counts for it. */
void wire_primary_tell(struct wire_primaries *t, const struct wire_reporter_id *who, uint64_t n);
/* How many came since the table knows it. */
uint64_t wire_primary_told(const struct wire_primaries *t, const struct wire_reporter_id *who);

#endif
