/* A cursor over JSON text (RFC 8259), for a reader that knows what it looks for. Zero copy, no allocation, no
 * recursion; as with wire_pb the first fault is sticky, and every later read gives nothing.
 *
 *   struct wire_json c = wire_json_over(text);
 *   wire_json_object(&c);
 *   while (wire_json_key(&c, &key)) {
 *     if (str_eq(key, STR("name"))) name = wire_json_string(&c);
 *     else wire_json_skip(&c);
 *   }
 *   wire_json_end(&c);
 *   if (c.reason) ... broken at c.p
 *
 * Broken is what the grammar forbids, and nesting deeper than LIMIT_JSON_DEPTH. Keys are compared as they stand: one
 * written with escapes is an unknown key. Of doubled keys the reader sees both. Text is not checked for UTF-8. */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base_buf.h"
#include "base_str.h"

struct wire_json {
  const char *p, *end;
  const char *reason; /* NULL while sound; else a static text */
  uint32_t depth;     /* of open objects and arrays */
  bool fresh;         /* just opened: no comma is due */
};

enum wire_json_kind {
  WIRE_JSON_NONE,
  WIRE_JSON_OBJECT,
  WIRE_JSON_ARRAY,
  WIRE_JSON_STRING,
  WIRE_JSON_NUMBER,
  WIRE_JSON_TRUE,
  WIRE_JSON_FALSE,
  WIRE_JSON_NULL
};

struct wire_json wire_json_over(struct base_str text);
void wire_json_fail(struct wire_json *c, const char *reason);
/* What stands next; WIRE_JSON_NONE at the end and where it is no value. */
enum wire_json_kind wire_json_peek(struct wire_json *c);

/* Opens what stands next; a fault where it is of another kind. */
void wire_json_object(struct wire_json *c);
void wire_json_array(struct wire_json *c);
/* The next key of the object that is open, its value next; false at its end (which is then closed) or broken. */
bool wire_json_key(struct wire_json *c, struct base_str *key);
/* True where another value of the open array comes next; false at its end (which is then closed) or broken. */
bool wire_json_item(struct wire_json *c);
/* Nothing but blanks may be left. */
void wire_json_end(struct wire_json *c);

/* Passes over one value of any kind. */
void wire_json_skip(struct wire_json *c);
/* Passes over one value and gives its text. */
struct base_str wire_json_raw(struct wire_json *c);
/* What stands between the quotes, escapes as they are. */
struct base_str wire_json_string(struct wire_json *c);
/* A number's text. */
struct base_str wire_json_number(struct wire_json *c);
/* A whole number, be it a number or a string (as protobuf's JSON has 64-bit numbers); 0 and a fault where neither.
 * null is 0. */
int64_t wire_json_int(struct wire_json *c);
bool wire_json_bool(struct wire_json *c);

/* The string's text without escapes; a lone surrogate becomes U+FFFD. */
void wire_json_unescape(struct base_str raw, struct base_buf *out);

#endif
