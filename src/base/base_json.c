#include "base_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"

struct base_json json_over(struct base_buf *out) {
  return (struct base_json){.out = out};
}

static bool in_object(const struct base_json *j) {
  return j->depth > 0 && (j->object >> (j->depth - 1) & 1u);
}

/* The comma before a member of the innermost array or object, where one is due. */
static void comma(struct base_json *j) {
  if (j->depth == 0) return;
  uint32_t bit = 1u << (j->depth - 1);
  if (j->filled & bit) buf_put_char(j->out, ',');
  j->filled |= bit;
}

/* Every value passes here first. */
static void value_begin(struct base_json *j) {
  if (j->keyed) {
    j->keyed = false;
    return;
  }
  MUST(!in_object(j));
  comma(j);
}

static void nest(struct base_json *j, bool object) {
  value_begin(j);
  MUST(j->depth < JSON_DEPTH_MAX);
  uint32_t bit = 1u << j->depth++;
  j->object = object ? j->object | bit : j->object & ~bit;
  j->filled &= ~bit;
  buf_put_char(j->out, object ? '{' : '[');
}

void json_object(struct base_json *j) {
  nest(j, true);
}

void json_array(struct base_json *j) {
  nest(j, false);
}

void json_close(struct base_json *j) {
  MUST(j->depth > 0 && !j->keyed);
  buf_put_char(j->out, in_object(j) ? '}' : ']');
  j->depth--;
}

bool json_whole(const struct base_json *j) {
  return j->depth == 0 && !j->out->bad;
}

void json_key_str(struct base_json *j, struct base_str key) {
  MUST(in_object(j) && !j->keyed);
  comma(j);
  json_quote(j->out, key);
  buf_put_char(j->out, ':');
  j->keyed = true;
}

void json_key(struct base_json *j, const char *key) {
  json_key_str(j, str_of(key));
}

void json_str(struct base_json *j, struct base_str s) {
  value_begin(j);
  json_quote(j->out, s);
}

void json_text(struct base_json *j, const char *z) {
  MUST(z);
  json_str(j, str_of(z));
}

void json_u64(struct base_json *j, uint64_t v) {
  value_begin(j);
  buf_put_u64(j->out, v);
}

void json_i64(struct base_json *j, int64_t v) {
  value_begin(j);
  buf_put_i64(j->out, v);
}

void json_f64(struct base_json *j, double v) {
  if (!isfinite(v)) {
    json_null(j);
    return;
  }
  value_begin(j);
  char text[32];
  for (int digits = 15; digits <= 17; digits++) {
    (void)snprintf(text, sizeof text, "%.*g", digits, v);
    if (strtod(text, NULL) == v) break;
  }
  buf_put_str(j->out, str_of(text));
}

void json_bool(struct base_json *j, bool v) {
  value_begin(j);
  buf_put_str(j->out, v ? STR("true") : STR("false"));
}

void json_null(struct base_json *j) {
  value_begin(j);
  buf_put_str(j->out, STR("null"));
}

void json_time(struct base_json *j, struct base_wall t) {
  char text[TIME_TEXT_BYTES];
  time_text(t, text);
  json_text(j, text);
}

void json_raw(struct base_json *j, struct base_str json) {
  value_begin(j);
  buf_put_str(j->out, json);
}

/* The range that the second byte of a UTF-8 sequence may have after `lead`, and the sequence's length; 0 where lead
 * cannot begin one (Unicode 15, table 3-7). */
static size_t utf8_lead(unsigned char lead, unsigned char *lo, unsigned char *hi) {
  *lo = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  *hi = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/* Bytes of the character at s.p[at], which is not ASCII; *sound is false where they are no character but the longest
 * beginning of one (at least one byte). */
static size_t utf8_step(struct base_str s, size_t at, bool *sound) {
  const unsigned char *p = (const unsigned char *)s.p;
  unsigned char lo = 0, hi = 0;
  size_t want = utf8_lead(p[at], &lo, &hi), have = 1;
  while (have < want && at + have < s.n && p[at + have] >= lo && p[at + have] <= hi) {
    have++;
    lo = 0x80;
    hi = 0xbf;
  }
  *sound = want > 0 && have == want;
  return have;
}

/* An ASCII character that may not stand in a string as it is. */
static void escape(struct base_buf *out, char c) {
  static const char hex[] = "0123456789abcdef";
  static const char plain[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, what follows the backslash */
  for (size_t i = 0; i < sizeof plain - 1; i += 2) {
    if (plain[i] != c) continue;
    buf_put(out, (const char[]){'\\', plain[i + 1]}, 2);
    return;
  }
  buf_put(out, (const char[]){'\\', 'u', '0', '0', hex[(unsigned char)c >> 4], hex[c & 15]}, 6);
}

void json_quote(struct base_buf *out, struct base_str s) {
  buf_put_char(out, '"');
  size_t at = 0, from = 0; /* [from, at) is fine and not yet written */
  while (at < s.n) {
    unsigned char c = (unsigned char)s.p[at];
    bool sound = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
    size_t step = c < 0x80 ? 1 : utf8_step(s, at, &sound);
    if (!sound) {
      buf_put_str(out, str_cut(s, from, at));
      if (c < 0x80) {
        escape(out, (char)c);
      } else {
        buf_put_str(out, STR("\xef\xbf\xbd"));
      }
      from = at + step;
    }
    at += step;
  }
  buf_put_str(out, str_cut(s, from, at));
  buf_put_char(out, '"');
}

void json_key_u64(struct base_json *j, const char *key, uint64_t v) {
  json_key(j, key);
  json_u64(j, v);
}

void json_key_f64(struct base_json *j, const char *key, double v) {
  json_key(j, key);
  json_f64(j, v);
}

void json_key_text(struct base_json *j, const char *key, const char *z) {
  json_key(j, key);
  if (z && z[0])
    json_text(j, z);
  else
    json_null(j);
}
