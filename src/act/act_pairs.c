#include "act_pairs.h"

#include <stdio.h>

static struct base_str trimmed(struct base_str s) {
  while (s.n && s.p[0] == ' ') s = str_cut(s, 1, s.n);
  while (s.n && s.p[s.n - 1] == ' ') s.n--;
  return s;
}

bool pairs_next(struct base_str *rest, struct base_str *name, struct base_str *value) {
  if (rest->n == 0) return false;
  size_t end = str_find(*rest, ';', 0);
  struct base_str pair = str_cut(*rest, 0, end);
  size_t eq = str_find(pair, '=', 0);
  if (eq == pair.n) return false;
  *name = trimmed(str_cut(pair, 0, eq));
  *value = trimmed(str_cut(pair, eq + 1, pair.n));
  *rest = str_cut(*rest, end + 1, rest->n);
  return true;
}

static bool is_label_name(struct base_str s) {
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(i && c >= '0' && c <= '9')) return false;
  }
  return s.n > 0;
}

/* Is it the name of a pair before `end`? */
static bool is_named_before(struct base_str text, struct base_str name) {
  struct base_str rest = text, other, value;
  while (pairs_next(&rest, &other, &value) && other.p != name.p)
    if (str_eq(other, name)) return true;
  return false;
}

bool pairs_good(struct base_str text) {
  struct base_str rest = text, name, value;
  while (pairs_next(&rest, &name, &value))
    if (!is_label_name(name) || value.n == 0 || is_named_before(text, name)) return false;
  return rest.n == 0;
}

bool request_bearer(const struct act_message *m, struct act_request *out) {
  char text[ACT_TEXT_BYTES];
  struct base_buf b = buf_over(text, sizeof text);
  if (m->token.n == 0) return true;
  buf_put_str(&b, STR("Bearer "));
  buf_put_str(&b, m->token);
  return !b.bad && request_header(out, "Authorization", buf_str(&b));
}

void why_status(const struct act_answer *a, char why[ACT_WHY_BYTES]) {
  size_t n = a->body.n < 100 ? a->body.n : 100;
  int at = snprintf(why, ACT_WHY_BYTES, "status %d%s", a->status, n ? ": " : "");
  for (size_t i = 0; i < n && at > 0 && (size_t)at + 1 < ACT_WHY_BYTES; i++) {
    char c = a->body.p[i];
    why[at++] = c >= 0x20 && c < 0x7f ? c : ' ';
    why[at] = 0;
  }
}
