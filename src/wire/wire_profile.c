/* Names -> families and fields. */
#include "wire_profile.h"

#include "base_hash.h"
#include "base_must.h"

#define FIXED HASH_KEY_FIXED

enum {
#define X(name, text, source, doc) SOURCE_##name = WIRE_SOURCE_##source,
  WIRE_PROFILE_TABLE(X)
#undef X
};

static const struct wire_family family[] = {
#define X(profile, name, dotted, role, unit, rank)                                                               \
  {{name, sizeof(name) - 1}, {dotted, sizeof(dotted) - 1}, unit, WIRE_PROFILE_##profile, WIRE_ROLE_##role, rank, \
   SOURCE_##profile},
    WIRE_FAMILY_TABLE(X)
#undef X
};
#define FAMILIES (sizeof family / sizeof *family)

_Static_assert(FAMILIES < 64, "a set of them is one word");

static uint32_t slot_of(struct base_str name) {
  return (uint32_t)(hash_bytes(FIXED, name.p, name.n) % WIRE_FAMILY_SLOTS);
}

static void family_put(struct wire_families *t, struct base_str name, uint8_t row) {
  if (name.n == 0) return;
  uint32_t at = slot_of(name);
  while (t->slot[at]) at = (at + 1) % WIRE_FAMILY_SLOTS;
  t->slot[at] = (uint8_t)(row + 1);
}

void wire_families_init(struct wire_families *t) {
  *t = (struct wire_families){{0}};
  for (uint8_t row = 0; row < FAMILIES; row++) {
    family_put(t, family[row].name, row);
    family_put(t, family[row].dotted, row);
  }
}

static uint8_t family_find(const struct wire_families *t, struct base_str name) {
  for (uint32_t at = slot_of(name); t->slot[at]; at = (at + 1) % WIRE_FAMILY_SLOTS) {
    uint8_t row = (uint8_t)(t->slot[at] - 1);
    if (str_eq(family[row].name, name) || str_eq(family[row].dotted, name)) return row;
  }
  return WIRE_FAMILY_NONE;
}

static bool cut_tail(struct base_str *s, struct base_str tail) {
  if (s->n <= tail.n || !str_ends(*s, tail)) return false;
  *s = str_cut(*s, 0, s->n - tail.n);
  return true;
}

uint8_t wire_families_find(const struct wire_families *t, const struct wire_sample *s, enum wire_part *part) {
  struct base_str name = s->name;
  *part = WIRE_PART_WHOLE;
  uint8_t row = family_find(t, name);
  if (row != WIRE_FAMILY_NONE || s->kind == WIRE_SAMPLE_SUMMARY) return row;
  if (cut_tail(&name, STR("_bucket")))
    *part = WIRE_PART_BUCKET;
  else if (cut_tail(&name, STR("_sum")))
    *part = WIRE_PART_SUM;
  else if (cut_tail(&name, STR("_count")))
    *part = WIRE_PART_COUNT;
  else if (!cut_tail(&name, STR("_total"))) /* OpenMetrics adds it to counters that have none */
    return WIRE_FAMILY_NONE;
  return family_find(t, name);
}

const struct wire_family *wire_family_view(uint8_t row) {
  MUST(row < FAMILIES);
  return &family[row];
}

uint8_t wire_family_count(void) {
  return (uint8_t)FAMILIES;
}

static const struct {
  struct base_str label;
  uint8_t field;
} label[] = {
#define X(field, text) {{text, sizeof(text) - 1}, WIRE_FIELD_##field},
    WIRE_FIELD_TABLE(X)
#undef X
};
#define LABELS (sizeof label / sizeof *label)

/* A dot is an underscore. */
static bool label_eq(struct base_str key, struct base_str text) {
  if (key.n != text.n) return false;
  for (size_t i = 0; i < key.n; i++)
    if (key.p[i] != text.p[i] && !(key.p[i] == '.' && text.p[i] == '_')) return false;
  return true;
}

/* What meshes write where they know nothing. */
static bool says(struct base_str value) {
  return value.n && !str_eq(value, STR("unknown")) && !str_eq(value, STR("-"));
}

void wire_fields_read(const struct wire_sample *s, struct wire_fields *out) {
  uint8_t row_of[WIRE_FIELD_COUNT];
  *out = (struct wire_fields){{{NULL, 0}}};
  memset(row_of, UINT8_MAX, sizeof row_of);
  for (uint32_t i = 0; i < s->label_n; i++) {
    if (!says(s->label[i].value)) continue;
    for (uint8_t row = 0; row < LABELS; row++) {
      if (!label_eq(s->label[i].key, label[row].label)) continue;
      uint8_t field = label[row].field;
      if (row < row_of[field]) { /* of one key twice, the first stays */
        row_of[field] = row;
        out->of[field] = s->label[i].value;
      }
      break;
    }
  }
}
