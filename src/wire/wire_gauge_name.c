/* The names of gauges: which row of the table one is of. */
#include "base_must.h"
#include "wire_gauge_table.h"
#include "wire_gauge_who.h"

#define CANON_BYTES 160u /* no name of the table is longer */

static const struct wire_gauge_kind kinds[] = {
#define X(name, how, unit, role, bad, part, what) \
  {name, WIRE_GAUGE_##how, REC_UNIT_##unit, REC_ROLE_##role, REC_BAD_##bad, part},
    WIRE_GAUGE_TABLE(X)
#undef X
};
#define KINDS (sizeof kinds / sizeof *kinds)
_Static_assert(KINDS <= WIRE_GAUGE_ROWS, "the table of rows is large enough");

static uint32_t slot_of(struct base_str name) {
  return (uint32_t)hash_bytes(HASH_KEY_FIXED, name.p, name.n) % (2 * WIRE_GAUGE_ROWS);
}

void wire_gauge_words_init(struct wire_gauge_words *w) {
  *w = (struct wire_gauge_words){.known_n = 0};
  for (uint16_t i = 0; i < KINDS; i++) {
    uint32_t at = slot_of(str_of(kinds[i].name));
    while (w->row[at]) at = (at + 1) % (2 * WIRE_GAUGE_ROWS);
    w->row[at] = (uint16_t)(i + 1);
  }
  wire_gauge_labels_init(w);
}

static const struct wire_gauge_kind *row_find(const struct wire_gauge_words *w, struct base_str name) {
  for (uint32_t at = slot_of(name); w->row[at]; at = (at + 1) % (2 * WIRE_GAUGE_ROWS)) {
    const struct wire_gauge_kind *k = &kinds[w->row[at] - 1];
    if (str_eq(str_of(k->name), name)) return k;
  }
  return NULL;
}

/* prefix, then the text with underscores for dots; STR_NONE where it is too long to be in the table. */
static struct base_str canon(struct base_str prefix, struct base_str text, char mem[CANON_BYTES]) {
  if (prefix.n + text.n > CANON_BYTES) return STR_NONE;
  if (prefix.n) memcpy(mem, prefix.p, prefix.n);
  for (size_t i = 0; i < text.n; i++) mem[prefix.n + i] = text.p[i] == '.' ? '_' : text.p[i];
  return (struct base_str){mem, prefix.n + text.n};
}

static struct base_str without_total(struct base_str name) {
  const struct base_str total = STR("_total");
  return name.n > total.n && str_ends(name, total) ? str_cut(name, 0, name.n - total.n) : name;
}

/* Envoy's dotted names: <group>.<name>.<stat>, the name with any dots, the stat of up to three words; and
 * <group>.<stat>, where the name is a label. */
static bool dotted_read(const struct wire_gauge_words *w, struct base_str rest, struct base_str prefix,
                        struct wire_gauge_name *out) {
  char mem[CANON_BYTES];
  size_t at = rest.n;
  for (unsigned words = 1; words <= 3 && at > 0; words++) {
    at--;
    while (at > 0 && rest.p[at] != '.') at--;
    size_t from = rest.p[at] == '.' ? at + 1 : at;
    const struct wire_gauge_kind *k = row_find(w, canon(prefix, str_cut(rest, from, rest.n), mem));
    if (!k) continue;
    *out = (struct wire_gauge_name){.kind = k, .inside = from ? str_cut(rest, 0, from - 1) : STR_NONE};
    return true;
  }
  return false;
}

static bool envoy_read(const struct wire_gauge_words *w, struct base_str name, struct wire_gauge_name *out) {
  static const struct {
    struct base_str group, prefix;
  } group[] = {{{"cluster.", 8}, {"envoy_cluster_", 14}},
               {{"http.", 5}, {"envoy_http_", 11}},
               {{"listener.", 9}, {"envoy_listener_", 15}},
               {{"server.", 7}, {"envoy_server_", 13}},
               {{"overload.", 9}, {"envoy_overload_", 15}}};
  for (size_t i = 0; i < sizeof group / sizeof *group; i++)
    if (str_starts(name, group[i].group))
      return dotted_read(w, str_cut(name, group[i].group.n, name.n), group[i].prefix, out);
  return false;
}

/* envoy_overload_<action>_active, envoy_overload_<resource>_pressure */
static bool overload_read(const struct wire_gauge_words *w, struct base_str name, struct wire_gauge_name *out) {
  const struct base_str prefix = STR("envoy_overload_");
  size_t last = name.n;
  if (!str_starts(name, prefix)) return false;
  while (last > prefix.n && name.p[last - 1] != '_') last--;
  if (last <= prefix.n) return false;
  char mem[CANON_BYTES];
  out->kind = row_find(w, canon(prefix, str_cut(name, last, name.n), mem));
  out->inside = str_cut(name, prefix.n, last - 1);
  return out->kind != NULL;
}

struct wire_gauge_name wire_gauge_name_read(const struct wire_gauge_words *w, struct base_str name) {
  const struct base_str upstream = STR("envoy_cluster_");
  struct wire_gauge_name out = {.shown = name};
  char mem[CANON_BYTES];
  name = without_total(name);
  out.kind = row_find(w, canon(STR_NONE, name, mem));
  if (!out.kind && !envoy_read(w, name, &out)) (void)overload_read(w, name, &out);
  out.upstream = out.kind && str_starts(str_of(out.kind->name), upstream);
  out.shown = out.upstream ? str_of(out.kind->name + upstream.n) : name;
  return out;
}
