/* Names as numbers: each distinct name is kept once, number 0 is the empty name. Names stay until a sweep finds
 * them unmarked, so that years of new pods do not fill the table. Memory is the caller's zeroed block; what is
 * not used is not touched.
 *
 * layout:  struct | entry[max] | head[2 * max, a power of two] | text[bytes] */
#ifndef WIRE_CELL_NAME_H
#define WIRE_CELL_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "base_hash.h"
#include "base_limits.h"
#include "base_str.h"

struct wire_names;

#define WIRE_NAME_FULL 0xffffffffu

/* max: names at one time, a power of two; text is bounded by 64 bytes a name on average. */
size_t wire_names_bytes(uint32_t max);
struct wire_names *wire_names_init(void *mem, uint32_t max, struct base_hash_key key);

/* The number of s, which is at most LIMIT_NAME_BYTES long; WIRE_NAME_FULL where neither place nor text is left.
 * Cost: one hash, one probe. */
uint32_t wire_names_add(struct wire_names *t, struct base_str s);
/* Lives until the name is swept. */
struct base_str wire_names_view(const struct wire_names *t, uint32_t id);

/* Is more than three quarters of the places or of the text used? */
bool wire_names_crowded(const struct wire_names *t);
/* Collection: mark all names in use, then sweep the rest. Cost: one pass over the names. */
void wire_names_mark(struct wire_names *t, uint32_t id);
void wire_names_sweep(struct wire_names *t);

#endif
