/* index.jsonl of a capture: which bytes of which stream's body arrived when. */
#ifndef DAEMON_INPUT_INDEX_H
#define DAEMON_INPUT_INDEX_H

#include <stdint.h>

#include "base_str.h"
#include "base_time.h"

struct input_chunk {
  struct base_wall at;
  uint64_t line;  /* order among equal times */
  uint32_t file;  /* which of the names */
  uint64_t until; /* bytes of the file that have arrived then */
};

/* The chunks of these files (bare names) in order of arrival; lines about others and lines that cannot be read are
 * passed over. NULL and *n == 0 where there is no such file or nothing in it; free it with free(). */
struct input_chunk *input_index_read(const char *path, const char *const *name, uint32_t name_n, size_t *n);

/* One line; false where it is not about a chunk of these files. */
bool input_index_line(struct base_str line, const char *const *name, uint32_t name_n, struct input_chunk *out);

#endif
