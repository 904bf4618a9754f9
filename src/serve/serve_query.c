#include "serve_query.h"

static int query_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool query_decode(struct base_str raw, bool plus, char *out, size_t cap, size_t *n) {
  size_t at = 0;
  for (size_t i = 0; i < raw.n; i++) {
    char c = raw.p[i];
    if (c == '%') {
      if (raw.n - i < 3) return false;
      int high = query_hex(raw.p[i + 1]), low = query_hex(raw.p[i + 2]);
      if (high < 0 || low < 0) return false;
      c = (char)(high << 4 | low);
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    if (at == cap) return false;
    out[at++] = c;
  }
  *n = at;
  return true;
}

/* One decoded piece appended to the query's text. */
static bool query_piece(struct serve_query *q, size_t *used, struct base_str raw, struct base_str *out) {
  size_t n = 0;
  if (!query_decode(raw, true, q->text + *used, sizeof q->text - *used, &n)) return false;
  *out = (struct base_str){q->text + *used, n};
  *used += n;
  return true;
}

const char *query_read(struct base_str raw, struct serve_query *q) {
  size_t used = 0;
  q->param_n = 0;
  for (size_t at = 0; at < raw.n;) {
    size_t end = str_find(raw, '&', at), eq = str_find(raw, '=', at);
    struct base_str pair = str_cut(raw, at, end);
    at = end + 1;
    if (pair.n == 0) continue;
    if (q->param_n == QUERY_PARAMS_MAX) return "too many query parameters";
    struct serve_param *p = &q->param[q->param_n];
    if (eq > end) eq = end;
    if (!query_piece(q, &used, str_cut(raw, end - pair.n, eq), &p->name) ||
        !query_piece(q, &used, str_cut(raw, eq + 1, end), &p->value))
      return "query is too long or has a broken % escape";
    for (unsigned i = 0; i < q->param_n; i++)
      if (str_eq(q->param[i].name, p->name)) return "query parameter given twice";
    q->param_n++;
  }
  return NULL;
}

struct base_str query_find(const struct serve_query *q, const char *name) {
  for (unsigned i = 0; i < q->param_n; i++)
    if (str_eq(q->param[i].name, str_of(name))) return q->param[i].value;
  return STR_NONE;
}

const struct serve_param *query_unknown(const struct serve_query *q, const char *const *names) {
  for (unsigned i = 0; i < q->param_n; i++) {
    const char *const *name = names;
    while (*name && !str_eq(q->param[i].name, str_of(*name))) name++;
    if (!*name) return &q->param[i];
  }
  return NULL;
}

bool serve_u32_read(struct base_str text, uint32_t max, uint32_t *out) {
  uint64_t v = 0;
  if (text.n == 0 || text.n > 9) return false;
  for (size_t i = 0; i < text.n; i++) {
    if (text.p[i] < '0' || text.p[i] > '9') return false;
    v = v * 10 + (uint64_t)(text.p[i] - '0');
  }
  *out = (uint32_t)v;
  return v >= 1 && v <= max;
}
