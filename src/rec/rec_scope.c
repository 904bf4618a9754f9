#include "rec_scope.h"

static struct base_str trim(struct base_str s) {
  while (s.n && s.p[0] == ' ') s = str_cut(s, 1, s.n);
  while (s.n && s.p[s.n - 1] == ' ') s.n--;
  return s;
}

/* The dimension whose key stands at the start of s with a '=' behind it, or REC_DIM_COUNT. */
static unsigned key_at(struct base_str s, size_t *bytes) {
  for (unsigned d = 0; d < REC_DIM_COUNT; d++) {
    struct base_str key = str_of(rec_dim_text(d));
    if (s.n <= key.n || s.p[key.n] != '=' || !str_eq(str_cut(s, 0, key.n), key)) continue;
    *bytes = key.n + 1;
    return d;
  }
  return REC_DIM_COUNT;
}

/* Where the value ends: before a blank that is followed by a key. */
static size_t value_end(struct base_str s) {
  size_t bytes;
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] == ' ' && key_at(trim(str_cut(s, i, s.n)), &bytes) != REC_DIM_COUNT) return i;
  return s.n;
}

static bool scope_read(struct base_str s, struct rec_scope *out, const char **why) {
  *out = (struct rec_scope){0};
  for (s = trim(s); s.n; s = trim(s)) {
    size_t bytes = 0;
    unsigned dim = key_at(s, &bytes);
    if (dim == REC_DIM_COUNT) {
      *why =
          "a condition is not NAME=VALUE with a known name (namespace, service, cluster, region, pod, route, version, "
          "caller)";
      return false;
    }
    if (out->n == REC_SCOPE_NAMES) {
      *why = "a scope has more than four conditions";
      return false;
    }
    s = str_cut(s, bytes, s.n);
    size_t end = value_end(s);
    out->dim[out->n] = (uint8_t)dim;
    out->value[out->n] = trim(str_cut(s, 0, end));
    if (out->value[out->n++].n == 0) {
      *why = "a condition has no value";
      return false;
    }
    s = str_cut(s, end, s.n);
  }
  return true;
}

bool rec_scopes_read(struct base_str text, struct rec_scope out[REC_SCOPES], uint32_t *n, const char **why) {
  *n = 0;
  while (text.n) {
    size_t end = 0;
    while (end < text.n && text.p[end] != ';') end++;
    struct base_str one = trim(str_cut(text, 0, end));
    text = end < text.n ? str_cut(text, end + 1, text.n) : STR_NONE;
    if (one.n == 0) continue;
    if (*n == REC_SCOPES) {
      *why = "there are more than 32 scopes";
      return false;
    }
    if (!scope_read(one, &out[*n], why)) return false;
    ++*n;
  }
  return true;
}

bool rec_scope_holds(const struct rec_scope *s, const struct rec_entity *e) {
  for (uint32_t i = 0; i < s->n; i++)
    if (!str_eq(e->dim[s->dim[i]], s->value[i])) return false;
  return s->n > 0;
}
