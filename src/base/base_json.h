/* A JSON writer into a base_buf (RFC 8259). Commas come by themselves; nesting is checked with MUST, because wrong
 * nesting is a bug. What does not fit sets the buffer's `bad`. Same calls, same bytes. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_time.h"

#define JSON_DEPTH_MAX 32u

struct base_json {
  struct base_buf *out;
  uint32_t depth;
  uint32_t object; /* bit d: depth d is an object, otherwise an array */
  uint32_t filled; /* bit d: depth d has a member already */
  bool keyed;      /* a key was written and waits for its value */
};

struct base_json json_over(struct base_buf *out);

void json_object(struct base_json *j); /* opens { */
void json_array(struct base_json *j);  /* opens [ */
void json_close(struct base_json *j);  /* closes the innermost of either */
/* True where everything that was opened is closed and the buffer is not bad. */
bool json_whole(const struct base_json *j);

void json_key(struct base_json *j, const char *key);
void json_key_str(struct base_json *j, struct base_str key);

/* A key and its value. json_key_text: null where z is NULL or empty. */
void json_key_u64(struct base_json *j, const char *key, uint64_t v);
void json_key_f64(struct base_json *j, const char *key, double v);
void json_key_text(struct base_json *j, const char *key, const char *z);

void json_str(struct base_json *j, struct base_str s);
void json_text(struct base_json *j, const char *z); /* z is not NULL */
void json_u64(struct base_json *j, uint64_t v);
void json_i64(struct base_json *j, int64_t v);
/* The fewest digits (15 to 17) that read back to the same double; null where v is not finite. */
void json_f64(struct base_json *j, double v);
void json_bool(struct base_json *j, bool v);
void json_null(struct base_json *j);
void json_time(struct base_json *j, struct base_wall t);  /* RFC 3339 with nanoseconds, as a string */
void json_raw(struct base_json *j, struct base_str json); /* a value that is JSON already; not checked */

/* s between quotes, escaped: quote, backslash and control characters; each maximal part that is not UTF-8 becomes
 * one U+FFFD (Unicode 15, 3.9). For texts outside a JSON document. */
void json_quote(struct base_buf *out, struct base_str s);

#endif
