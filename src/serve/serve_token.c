#include "serve_token.h"

#include <strings.h>

static struct base_str word_next(struct base_str *rest) {
  size_t from = 0, to;
  while (from < rest->n && (rest->p[from] == ' ' || rest->p[from] == '\t' || rest->p[from] == '\r')) from++;
  for (to = from; to < rest->n && rest->p[to] != ' ' && rest->p[to] != '\t' && rest->p[to] != '\r';) to++;
  struct base_str word = str_cut(*rest, from, to);
  *rest = str_cut(*rest, to, rest->n);
  return word;
}

/* The characters of RFC 6750's b64token, and no others: a token must survive a header. */
static bool token_clean(struct base_str s) {
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && (c == 0 || !strchr("-._~+/=", c))) return false;
  }
  return true;
}

static bool name_clean(struct base_str s) {
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] < 0x21 || s.p[i] == 0x7f) return false;
  return s.n > 0 && s.n <= TOKEN_NAME_BYTES;
}

static bool known(const struct serve_tokens *t, struct base_str name, struct base_str text) {
  for (uint32_t i = 0; i < t->n; i++) {
    const struct serve_token *k = &t->token[i];
    if (str_eq(str_of(k->name), name) || str_eq((struct base_str){k->text, k->text_n}, text)) return true;
  }
  return false;
}

/* NULL: taken, or nothing on the line. */
static const char *line_read(struct base_str line, struct serve_tokens *out) {
  line = str_cut(line, 0, str_find(line, '#', 0));
  struct base_str name = word_next(&line), right = word_next(&line), text = word_next(&line);
  if (name.n == 0) return NULL;
  if (word_next(&line).n) return "wants NAME PERMISSION TOKEN and nothing more";
  bool act = str_eq(right, STR("act"));
  if (!name_clean(name)) return "the name is longer than 64 bytes or holds a control byte";
  if (!act && !str_eq(right, STR("read"))) return "the permission is neither read nor act";
  if (text.n < TOKEN_BYTES_MIN || text.n > TOKEN_BYTES_MAX) return "a token has 16 to 256 characters";
  if (!token_clean(text)) return "a token has letters, digits and -._~+/= only";
  if (known(out, name, text)) return "this name or token stands above already";
  if (out->n == LIMIT_TOKENS) return "more than 64 tokens";
  struct serve_token *t = &out->token[out->n++];
  memcpy(t->name, name.p, name.n);
  t->name[name.n] = 0;
  memcpy(t->text, text.p, text.n);
  t->text_n = text.n;
  t->right = act ? TOKEN_ACT : TOKEN_READ;
  return NULL;
}

bool tokens_read(struct base_str text, struct serve_tokens *out, unsigned *line, const char **reason) {
  memset(out, 0, sizeof *out);
  *line = 0;
  for (size_t at = 0; at < text.n;) {
    size_t end = str_find(text, '\n', at);
    ++*line;
    *reason = line_read(str_cut(text, at, end), out);
    if (*reason) return false;
    at = end + 1;
  }
  *reason = out->n ? NULL : "no token in it";
  return out->n > 0;
}

static bool same_in_fixed_time(const struct serve_token *t, struct base_str s) {
  unsigned differ = t->text_n != s.n;
  for (size_t i = 0; i < TOKEN_BYTES_MAX; i++)
    differ |= (unsigned char)t->text[i] ^ (unsigned)(i < s.n ? (unsigned char)s.p[i] : 0);
  return !differ;
}

const struct serve_token *tokens_find(const struct serve_tokens *t, struct base_str authorization) {
  const struct serve_token *found = NULL;
  if (authorization.n < 8 || strncasecmp(authorization.p, "Bearer ", 7) != 0) return NULL;
  struct base_str s = str_cut(authorization, 7, authorization.n);
  while (s.n && s.p[s.n - 1] == ' ') s.n--;
  if (s.n > TOKEN_BYTES_MAX) return NULL;
  for (uint32_t i = 0; i < t->n; i++)
    if (same_in_fixed_time(&t->token[i], s)) found = &t->token[i];
  return found;
}
