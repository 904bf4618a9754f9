#include "wire_json.h"

#include "base_limits.h"

struct wire_json wire_json_over(struct base_str text) {
  return (struct wire_json){.p = text.p, .end = text.p ? text.p + text.n : text.p, .fresh = true};
}

void wire_json_fail(struct wire_json *c, const char *reason) {
  if (!c->reason) c->reason = reason;
  c->end = c->p;
}

static void blanks(struct wire_json *c) {
  while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t')) c->p++;
}

enum wire_json_kind wire_json_peek(struct wire_json *c) {
  blanks(c);
  if (c->p >= c->end) return WIRE_JSON_NONE;
  switch (*c->p) {
    case '{': return WIRE_JSON_OBJECT;
    case '[': return WIRE_JSON_ARRAY;
    case '"': return WIRE_JSON_STRING;
    case 't': return WIRE_JSON_TRUE;
    case 'f': return WIRE_JSON_FALSE;
    case 'n': return WIRE_JSON_NULL;
    default: return *c->p == '-' || (*c->p >= '0' && *c->p <= '9') ? WIRE_JSON_NUMBER : WIRE_JSON_NONE;
  }
}

static bool take(struct wire_json *c, char want) {
  blanks(c);
  if (c->p >= c->end || *c->p != want) return false;
  c->p++;
  return true;
}

static void enter(struct wire_json *c, char bracket, const char *reason) {
  if (!take(c, bracket)) {
    wire_json_fail(c, reason);
  } else if (++c->depth > LIMIT_JSON_DEPTH) {
    wire_json_fail(c, "nests too deep");
  }
  c->fresh = true;
}

void wire_json_object(struct wire_json *c) {
  enter(c, '{', "no object");
}

void wire_json_array(struct wire_json *c) {
  enter(c, '[', "no array");
}

/* True where another member comes; false where the bracket closes, or broken. */
static bool another(struct wire_json *c, char close) {
  if (c->reason) return false;
  if (take(c, close)) {
    c->depth--;
    c->fresh = false;
    return false;
  }
  if (!c->fresh && !take(c, ',')) {
    wire_json_fail(c, "a comma is missing");
    return false;
  }
  c->fresh = false;
  return true;
}

bool wire_json_key(struct wire_json *c, struct base_str *key) {
  if (!another(c, '}')) return false;
  *key = wire_json_string(c);
  if (!c->reason && !take(c, ':')) wire_json_fail(c, "a colon is missing");
  return c->reason == NULL;
}

bool wire_json_item(struct wire_json *c) {
  if (!another(c, ']')) return false;
  if (wire_json_peek(c) != WIRE_JSON_NONE) return true;
  wire_json_fail(c, "a value is missing");
  return false;
}

void wire_json_end(struct wire_json *c) {
  blanks(c);
  if (!c->reason && c->p != c->end) wire_json_fail(c, "more than one value");
}

static bool is_hex(char ch) {
  return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
}

/* Past one escape; c->p stands behind the backslash. */
static void escape_skip(struct wire_json *c) {
  char ch = c->p < c->end ? *c->p++ : 0;
  if (ch == 'u') {
    for (int i = 0; i < 4; i++, c->p++) {
      if (c->p < c->end && is_hex(*c->p)) continue;
      wire_json_fail(c, "broken escape");
      return;
    }
  } else if (ch == 0 || !strchr("\"\\/bfnrt", ch)) {
    wire_json_fail(c, "broken escape");
  }
}

struct base_str wire_json_string(struct wire_json *c) {
  if (!take(c, '"')) {
    wire_json_fail(c, "no string");
    return STR_NONE;
  }
  const char *from = c->p;
  while (c->p < c->end && *c->p != '"') {
    unsigned char ch = (unsigned char)*c->p++;
    if (ch < 0x20) wire_json_fail(c, "control character in a string");
    if (ch == '\\') escape_skip(c);
  }
  if (c->p >= c->end) {
    wire_json_fail(c, "string without an end");
    return STR_NONE;
  }
  return (struct base_str){from, (size_t)(c->p++ - from)};
}

static size_t digits(struct wire_json *c) {
  const char *from = c->p;
  while (c->p < c->end && *c->p >= '0' && *c->p <= '9') c->p++;
  return (size_t)(c->p - from);
}

struct base_str wire_json_number(struct wire_json *c) {
  blanks(c);
  const char *from = c->p;
  if (c->p < c->end && *c->p == '-') c->p++;
  bool zero = c->p < c->end && *c->p == '0';
  size_t n = digits(c);
  bool good = n > 0 && !(zero && n > 1);
  if (good && c->p < c->end && *c->p == '.') {
    c->p++;
    good = digits(c) > 0;
  }
  if (good && c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
    c->p++;
    if (c->p < c->end && (*c->p == '+' || *c->p == '-')) c->p++;
    good = digits(c) > 0;
  }
  if (good) return (struct base_str){from, (size_t)(c->p - from)};
  wire_json_fail(c, "no number");
  return STR_NONE;
}

static void word(struct wire_json *c, struct base_str want) {
  blanks(c);
  if ((size_t)(c->end - c->p) >= want.n && memcmp(c->p, want.p, want.n) == 0)
    c->p += want.n;
  else
    wire_json_fail(c, "no value");
}

static void scalar_skip(struct wire_json *c) {
  switch (wire_json_peek(c)) {
    case WIRE_JSON_STRING: (void)wire_json_string(c); break;
    case WIRE_JSON_NUMBER: (void)wire_json_number(c); break;
    case WIRE_JSON_TRUE: word(c, STR("true")); break;
    case WIRE_JSON_FALSE: word(c, STR("false")); break;
    case WIRE_JSON_NULL: word(c, STR("null")); break;
    default: wire_json_fail(c, "no value");
  }
}

/* The kinds of what is open are bits, not a recursion: 1 an object. */
void wire_json_skip(struct wire_json *c) {
  uint64_t kinds = 0;
  uint32_t base = c->depth;
  _Static_assert(LIMIT_JSON_DEPTH <= 64, "a bit each");
  struct base_str key;
  for (;;) {
    enum wire_json_kind kind = wire_json_peek(c);
    if (kind == WIRE_JSON_OBJECT || kind == WIRE_JSON_ARRAY) {
      kinds = kinds << 1 | (kind == WIRE_JSON_OBJECT);
      if (kind == WIRE_JSON_OBJECT)
        wire_json_object(c);
      else
        wire_json_array(c);
    } else {
      scalar_skip(c);
    }
    while (!c->reason && c->depth > base && !(kinds & 1 ? wire_json_key(c, &key) : wire_json_item(c))) kinds >>= 1;
    if (c->reason || c->depth == base) return;
  }
}

struct base_str wire_json_raw(struct wire_json *c) {
  blanks(c);
  const char *from = c->p;
  wire_json_skip(c);
  return c->reason ? STR_NONE : (struct base_str){from, (size_t)(c->p - from)};
}

/* Decimal, with a sign, that fits into 64 bits; times of OTLP are unsigned and go up to 2^64 - 1. */
static bool int_read(struct base_str s, int64_t *out) {
  bool minus = s.n > 0 && s.p[0] == '-';
  uint64_t n = 0;
  if (s.n == (size_t)minus || s.n > 20) return false;
  for (size_t i = minus; i < s.n; i++) {
    uint64_t digit = (uint64_t)(s.p[i] - '0');
    if (s.p[i] < '0' || s.p[i] > '9' || n > (UINT64_MAX - digit) / 10) return false;
    n = n * 10 + digit;
  }
  *out = (int64_t)(minus ? 0 - n : n);
  return true;
}

int64_t wire_json_int(struct wire_json *c) {
  enum wire_json_kind kind = wire_json_peek(c);
  int64_t out = 0;
  if (kind == WIRE_JSON_NULL) {
    scalar_skip(c);
    return 0;
  }
  struct base_str text = kind == WIRE_JSON_STRING ? wire_json_string(c) : wire_json_number(c);
  if (!c->reason && !int_read(text, &out)) wire_json_fail(c, "no whole number");
  return c->reason ? 0 : out;
}

bool wire_json_bool(struct wire_json *c) {
  enum wire_json_kind kind = wire_json_peek(c);
  if (kind != WIRE_JSON_TRUE && kind != WIRE_JSON_FALSE && kind != WIRE_JSON_NULL)
    wire_json_fail(c, "neither true nor false");
  if (!c->reason) scalar_skip(c);
  return kind == WIRE_JSON_TRUE && !c->reason;
}

static uint32_t hex4(const char *p) {
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) {
    char ch = p[i];
    v = v << 4 | (uint32_t)(ch <= '9' ? ch - '0' : (ch | 0x20) - 'a' + 10);
  }
  return v;
}

static void utf8_put(struct base_buf *out, uint32_t v) {
  if (v < 0x80) {
    buf_put_char(out, (char)v);
  } else if (v < 0x800) {
    buf_put_char(out, (char)(0xc0 | v >> 6));
    buf_put_char(out, (char)(0x80 | (v & 0x3f)));
  } else if (v < 0x10000) {
    buf_put_char(out, (char)(0xe0 | v >> 12));
    buf_put_char(out, (char)(0x80 | (v >> 6 & 0x3f)));
    buf_put_char(out, (char)(0x80 | (v & 0x3f)));
  } else {
    buf_put_char(out, (char)(0xf0 | v >> 18));
    buf_put_char(out, (char)(0x80 | (v >> 12 & 0x3f)));
    buf_put_char(out, (char)(0x80 | (v >> 6 & 0x3f)));
    buf_put_char(out, (char)(0x80 | (v & 0x3f)));
  }
}

/* \uXXXX, and the second half of a pair where one follows. Gives the bytes used behind the u. */
static size_t unicode_put(struct base_str raw, size_t at, struct base_buf *out) {
  uint32_t v = hex4(raw.p + at);
  if (v >= 0xd800 && v < 0xdc00 && at + 10 <= raw.n && raw.p[at + 4] == '\\' && raw.p[at + 5] == 'u') {
    uint32_t low = hex4(raw.p + at + 6);
    if (low >= 0xdc00 && low < 0xe000) {
      utf8_put(out, 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00));
      return 10;
    }
  }
  utf8_put(out, v >= 0xd800 && v < 0xe000 ? 0xfffd : v);
  return 4;
}

void wire_json_unescape(struct base_str raw, struct base_buf *out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  size_t plain = str_find(raw, '\\', 0);
  buf_put_str(out, str_cut(raw, 0, plain));
  for (size_t i = plain; i + 1 < raw.n;) {
    if (raw.p[i + 1] == 'u') {
      i += 2 + unicode_put(raw, i + 2, out);
    } else {
      buf_put_char(out, to[strchr(from, raw.p[i + 1]) - from]);
      i += 2;
    }
    size_t next = str_find(raw, '\\', i);
    buf_put_str(out, str_cut(raw, i, next));
    i = next;
  }
}
