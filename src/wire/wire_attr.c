#include "wire_attr.h"

#include "base_must.h"
#include "wire_otlp_fields.h"

#define ROWS ((uint32_t)WIRE_ATTR_ROWS)
_Static_assert(ROWS < UINT8_MAX && ROWS * 2 < WIRE_ATTR_SLOTS, "slots");

struct row {
  struct base_str name;
  uint8_t attr;
};

static const struct row table[] = {
#define X(attr, text) {{text, sizeof(text) - 1}, WIRE_ATTR_##attr},
    WIRE_ATTR_TABLE(X)
#undef X
};

static inline uint64_t word_of(const char *p, size_t n) {
  uint64_t w = 0;
  memcpy(&w, p, n);
  return w;
}

/* All bytes of a name of at most 32: words that overlap where it is shorter. From 8 bytes on no branch depends on the
 * length, which is another for each attribute of a message and could not be foreseen. */
static inline struct wire_attr_name name_of(struct base_str s) {
  struct wire_attr_name w = {.n = (uint32_t)s.n};
  if (__builtin_expect(s.n >= 8, 1)) {
    w.first = word_of(s.p, 8);
    w.last = word_of(s.p + s.n - 8, 8);
    w.second = word_of(s.p + (s.n < 16 ? 0 : 8), 8);
    w.third = word_of(s.p + (s.n < 16 ? 0 : s.n - 16), 8);
  } else if (s.n >= 4) {
    w.first = word_of(s.p, 4);
    w.last = word_of(s.p + s.n - 4, 4);
  } else {
    for (size_t i = 0; i < s.n; i++) w.first = w.first << 8 | (unsigned char)s.p[i];
  }
  return w;
}

static inline bool is_same(const struct wire_attr_name *a, const struct wire_attr_name *b) {
  return ((a->first ^ b->first) | (a->second ^ b->second) | (a->third ^ b->third) | (a->last ^ b->last) |
          (a->n ^ b->n)) == 0;
}

/* First and last bytes, and the length, tell nearly all names of the table apart. */
static inline uint32_t slot_of(const struct wire_attr_name *w) {
  return (uint32_t)((w->first * 3 ^ w->last ^ (uint64_t)w->n << 32) * 0x9e3779b97f4a7c15ull >>
                    (64 - WIRE_ATTR_SLOT_BITS));
}

void wire_attr_keys_init(struct wire_attr_keys *k) {
  memset(k, 0, sizeof *k);
  for (uint32_t i = 0; i < ROWS; i++) {
    MUST(table[i].name.n <= WIRE_ATTR_NAME_MAX && wire_attr_find(k, table[i].name) == WIRE_ATTR_NONE);
    k->name[i] = name_of(table[i].name);
    k->name[i].attr = table[i].attr;
    uint32_t at = slot_of(&k->name[i]);
    while (k->slot[at]) at = (at + 1) % WIRE_ATTR_SLOTS;
    k->slot[at] = (uint8_t)(i + 1);
  }
}

static inline uint32_t row_find(const struct wire_attr_keys *k, struct base_str name) {
  if (name.n > WIRE_ATTR_NAME_MAX) return WIRE_ATTR_NONE;
  struct wire_attr_name w = name_of(name);
  for (uint32_t at = slot_of(&w); k->slot[at]; at = (at + 1) % WIRE_ATTR_SLOTS)
    if (is_same(&k->name[k->slot[at] - 1u], &w)) return k->slot[at] - 1u;
  return WIRE_ATTR_NONE;
}

uint32_t wire_attr_find(const struct wire_attr_keys *k, struct base_str name) {
  return row_find(k, name);
}

static inline void value_put(struct wire_attrs *a, enum wire_attr i, struct wire_attr_value v) {
  if (attrs_has(a, i) && a->value[i].row < v.row) return;
  a->has[i / 64] |= 1ull << (i % 64);
  a->value[i] = v;
}

void attrs_put(struct wire_attrs *a, enum wire_attr i, struct base_str text) {
  value_put(a, i, (struct wire_attr_value){text, 0, ROWS});
}

void attrs_put_row(struct wire_attrs *a, uint32_t row, struct base_str text) {
  value_put(a, (enum wire_attr)table[row].attr, (struct wire_attr_value){text, 0, row});
}

bool attrs_number(const struct wire_attrs *a, enum wire_attr i, uint64_t *out) {
  if (!attrs_has(a, i)) return false;
  const struct wire_attr_value *v = &a->value[i];
  uint64_t n = 0;
  if (!v->text.p) {
    *out = (uint64_t)v->number;
    return v->number >= 0;
  }
  if (v->text.n == 0 || v->text.n > 18) return false;
  for (size_t k = 0; k < v->text.n; k++) {
    if (v->text.p[k] < '0' || v->text.p[k] > '9') return false;
    n = n * 10 + (uint64_t)(v->text.p[k] - '0');
  }
  *out = n;
  return true;
}

/* Whole part of a double that fits; others are no value (NaN never enters). */
static bool double_whole(double d, int64_t *out) {
  if (!(d > -9e18 && d < 9e18)) return false;
  *out = (int64_t)d;
  return true;
}

/* The AnyValue: the last member of its oneof counts. False where it holds none that is read. */
static bool any_read(struct wire_pb *outer, struct wire_attr_value *v) {
  struct wire_pb c = pb_enter(outer);
  bool got = false;
  uint32_t tag;
  while (pb_next(&c, &tag) == WIRE_OK) {
    *v = (struct wire_attr_value){0};
    switch (tag) {
      case OTLP_any_string_value:
        v->text = pb_view(&c);
        got = true;
        break;
      case OTLP_any_bool_value:
        v->number = pb_varint(&c) != 0;
        got = true;
        break;
      case OTLP_any_int_value:
        v->number = (int64_t)pb_varint(&c);
        got = true;
        break;
      case OTLP_any_double_value: got = double_whole(pb_double(&c), &v->number); break;
      default: got = false; pb_skip(&c, tag);
    }
  }
  pb_leave(outer, &c);
  return got;
}

/* A KeyValue of any shape. */
static struct pb_past pair_read(struct wire_attrs *a, const struct wire_attr_keys *keys, struct base_str pair) {
  struct wire_pb c = pb_over(pair);
  uint32_t row = WIRE_ATTR_NONE, tag;
  struct wire_attr_value v = {0};
  bool got = false, named = false;
  while (pb_next(&c, &tag) == WIRE_OK) {
    if (tag == OTLP_pair_key) {
      row = wire_attr_find(keys, pb_view(&c));
      named = true;
    } else if (tag == OTLP_pair_value && !(named && row == WIRE_ATTR_NONE)) {
      got = any_read(&c, &v);
    } else {
      pb_skip(&c, tag);
    }
  }
  if (got && row != WIRE_ATTR_NONE && !c.reason) {
    v.row = row;
    value_put(a, (enum wire_attr)table[row].attr, v);
  }
  return (struct pb_past){c.p, c.reason};
}

/* What all senders write: behind the tag a length, the key, and a text that ends the pair, each under 128 bytes long.
 * Gives the place behind it; NULL where it is anything else. */
static inline const uint8_t *text_pair(const uint8_t *p, const uint8_t *end, struct base_str *key,
                                       struct base_str *text) {
  if (end - p < 7) return NULL;
  size_t n = p[0], key_n = p[2];
  if (n > 127 || n >= (size_t)(end - p) || p[1] != OTLP_pair_key || key_n + 6 > n) return NULL;
  const uint8_t *value = p + 3 + key_n, *past = p + 1 + n;
  if (value[0] != OTLP_pair_value || value[1] != past - value - 2) return NULL;
  if (value[2] != OTLP_any_string_value || value[3] != past - value - 4) return NULL;
  *key = (struct base_str){(const char *)p + 3, key_n};
  *text = (struct base_str){(const char *)value + 4, value[3]};
  return past;
}

struct pb_past attrs_take(struct wire_attrs *a, const struct wire_attr_keys *keys, struct wire_pb c, uint32_t tag) {
  struct base_str key, text;
  do {
    const uint8_t *past = text_pair(c.p, c.end, &key, &text);
    if (__builtin_expect(past != NULL, 1)) {
      uint32_t row = row_find(keys, key);
      c.p = past;
      if (row == WIRE_ATTR_NONE) continue;
      value_put(a, (enum wire_attr)keys->name[row].attr, (struct wire_attr_value){text, 0, row});
    } else {
      struct base_str pair = pb_view(&c);
      if (c.reason) break;
      struct pb_past odd = pair_read(a, keys, pair);
      if (odd.reason) return odd;
    }
  } while (c.p < c.end && *c.p == tag && c.p++);
  return (struct pb_past){c.p, c.reason};
}
