#include "wire_prom_line.h"

enum { NAME_START = 1, NAME_REST = 2 };

/* clang-format off */
#define LETTERS(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const uint8_t kind[256] = {
  ['0'] = 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, [':'] = 3, ['A'] = LETTERS(3), ['_'] = 3, ['a'] = LETTERS(3)};
/* clang-format on */

struct base_str prom_name(struct prom_line *l) {
  const char *from = l->p, *p = from;
  if (p == l->end || !(kind[(uint8_t)*p] & NAME_START)) return STR_NONE;
  while (p < l->end && kind[(uint8_t)*p] & NAME_REST) p++;
  l->p = p;
  return (struct base_str){from, (size_t)(p - from)};
}

struct base_str prom_word(struct prom_line *l) {
  const char *from = l->p;
  while (l->p < l->end && !prom_is_blank(*l->p)) l->p++;
  return (struct base_str){from, (size_t)(l->p - from)};
}

/* From the first backslash on. `\n`, `\"` and `\\`; before another character the backslash stays, as in Prometheus. */
static bool escaped(struct prom_line *l, const char *from, struct base_str *out) {
  size_t at = l->text->n;
  buf_put(l->text, from, (size_t)(l->p - from));
  for (; l->p < l->end && *l->p != '"'; l->p++) {
    char c = *l->p;
    if (c != '\\') {
      buf_put_char(l->text, c);
      continue;
    }
    if (++l->p == l->end) return false;
    c = *l->p;
    if (c != 'n' && c != '"' && c != '\\') buf_put_char(l->text, '\\');
    buf_put_char(l->text, c == 'n' ? '\n' : c);
  }
  if (l->p == l->end) return false;
  l->p++;
  *out = (struct base_str){l->text->p + at, l->text->n - at};
  return true;
}

bool prom_quoted(struct prom_line *l, struct base_str *out) {
  const char *from = l->p, *p = from;
  while (p < l->end && *p != '"' && *p != '\\') p++;
  l->p = p;
  if (p == l->end) return false;
  if (*p == '\\') return escaped(l, from, out);
  l->p = p + 1;
  *out = (struct base_str){from, (size_t)(p - from)};
  return true;
}

/* key="value", or a quoted name alone; *is_name tells which. */
static bool pair(struct prom_line *l, struct wire_label *out, bool *is_name) {
  bool quoted = *l->p == '"';
  l->p += quoted;
  *is_name = false;
  if (!quoted) {
    out->key = prom_name(l);
    if (out->key.n == 0) return false;
  } else if (!prom_quoted(l, &out->key)) {
    return false;
  }
  prom_blanks(l);
  if (l->p < l->end && *l->p == '=') {
    l->p++;
    prom_blanks(l);
    return l->p < l->end && *l->p++ == '"' && prom_quoted(l, &out->value);
  }
  *is_name = quoted;
  return quoted;
}

bool prom_labels(struct prom_line *l, struct base_str *name, struct wire_label *label, uint32_t max, uint32_t *n) {
  *n = 0;
  for (;;) {
    prom_blanks(l);
    if (l->p == l->end) return false;
    if (*l->p == '}') break;
    struct wire_label one;
    bool is_name;
    if (!pair(l, &one, &is_name)) return false;
    if (is_name) {
      if (name->n || one.key.n == 0) return false;
      *name = one.key;
    } else if (one.value.n) {
      if (*n < max) label[*n] = one;
      *n += 1;
    }
    prom_blanks(l);
    if (l->p == l->end) return false;
    if (*l->p == ',')
      l->p++;
    else if (*l->p != '}')
      return false;
  }
  l->p++;
  return true;
}
