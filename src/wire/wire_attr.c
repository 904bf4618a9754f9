#include "wire_attr.h"

#include "base_must.h"
#include "wire_otlp_fields.h"

struct row {
  struct base_str name;
  uint8_t attr;
};

static const struct row table[] = {
#define X(attr, text) {{text, sizeof(text) - 1}, WIRE_ATTR_##attr},
    WIRE_ATTR_TABLE(X)
#undef X
};
#define ROWS (sizeof table / sizeof *table)
_Static_assert(ROWS < UINT8_MAX && ROWS * 2 < WIRE_ATTR_SLOTS, "slots");

/* Length, first, middle and the last two bytes tell nearly all names of the table apart. */
static uint32_t slot_of(struct base_str name) {
  const unsigned char *p = (const unsigned char *)name.p;
  uint32_t h = (uint32_t)name.n | (uint32_t)p[0] << 8 | (uint32_t)p[name.n / 2] << 16 | (uint32_t)p[name.n - 1] << 24;
  h ^= (uint32_t)p[name.n - name.n / 4 - 1] * 0x9e3779u;
  return h * 0x9e3779b1u >> 23;
}

void wire_attr_keys_init(struct wire_attr_keys *k) {
  memset(k, 0, sizeof *k);
  for (uint32_t i = 0; i < ROWS; i++) {
    uint32_t at = slot_of(table[i].name);
    MUST(wire_attr_find(k, table[i].name) == WIRE_ATTR_NONE);
    while (k->slot[at]) at = (at + 1) % WIRE_ATTR_SLOTS;
    k->slot[at] = (uint8_t)(i + 1);
  }
}

uint32_t wire_attr_find(const struct wire_attr_keys *k, struct base_str name) {
  if (name.n == 0) return WIRE_ATTR_NONE;
  for (uint32_t at = slot_of(name); k->slot[at]; at = (at + 1) % WIRE_ATTR_SLOTS) {
    uint32_t row = k->slot[at] - 1u;
    if (str_eq(table[row].name, name)) return row;
  }
  return WIRE_ATTR_NONE;
}

static void value_put(struct wire_attrs *a, enum wire_attr i, struct wire_attr_value v) {
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

void attrs_read(struct wire_attrs *a, const struct wire_attr_keys *keys, struct wire_pb *outer) {
  struct wire_pb c = pb_enter(outer);
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
  pb_leave(outer, &c);
  if (!got || row == WIRE_ATTR_NONE || c.reason) return;
  v.row = row;
  value_put(a, (enum wire_attr)table[row].attr, v);
}
