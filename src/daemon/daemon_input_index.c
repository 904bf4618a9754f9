#include "daemon_input_index.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX (1u << 20)
#define CHUNKS_MAX (16u << 20)

/* The end of the JSON string that begins at s[at] == '"': the index of its closing quote, or s.n. */
static size_t string_end(struct base_str s, size_t at) {
  for (at++; at < s.n && s.p[at] != '"'; at++)
    if (s.p[at] == '\\') at++;
  return at < s.n ? at : s.n;
}

/* The raw value of `key` in the object on this line, at its top level: a string without its quotes, or a number. */
static bool line_value(struct base_str line, struct base_str key, struct base_str *out) {
  unsigned depth = 0;
  for (size_t at = 0; at < line.n; at++) {
    char c = line.p[at];
    if (c == '{' || c == '[') depth++;
    if ((c == '}' || c == ']') && depth > 0) depth--;
    if (c != '"') continue;
    size_t end = string_end(line, at);
    struct base_str name = str_cut(line, at + 1, end);
    at = end;
    if (depth != 1 || at + 2 >= line.n || line.p[at + 1] != ':' || !str_eq(name, key)) continue;
    size_t from = at + 2, to = from;
    if (line.p[from] == '"') {
      *out = str_cut(line, from + 1, string_end(line, from));
      return true;
    }
    while (to < line.n && line.p[to] != ',' && line.p[to] != '}') to++;
    *out = str_cut(line, from, to);
    return true;
  }
  return false;
}

static bool number_read(struct base_str s, uint64_t *out) {
  if (s.n == 0 || s.n > 18) return false;
  *out = 0;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return false;
    *out = *out * 10 + (uint64_t)(s.p[i] - '0');
  }
  return true;
}

bool input_index_line(struct base_str line, const char *const *name, uint32_t name_n, struct input_chunk *out) {
  struct base_str method, file, offset, length, at;
  uint64_t from, n;
  if (!line_value(line, STR("method"), &method) || !str_eq(method, STR("chunk"))) return false;
  if (!line_value(line, STR("file"), &file) || !line_value(line, STR("off"), &offset) ||
      !line_value(line, STR("len"), &length) || !line_value(line, STR("t"), &at))
    return false;
  if (!number_read(offset, &from) || !number_read(length, &n) || !time_read(at, &out->at)) return false;
  for (uint32_t i = 0; i < name_n; i++) {
    if (!str_eq(file, str_of(name[i]))) continue;
    out->file = i;
    out->until = from + n;
    return true;
  }
  return false;
}

static int chunk_cmp(const void *a, const void *b) {
  const struct input_chunk *x = a, *y = b;
  if (x->at.ns != y->at.ns) return x->at.ns < y->at.ns ? -1 : 1;
  return x->line < y->line ? -1 : x->line > y->line;
}

/* Room for one more; false where memory is out or there are too many. */
static bool chunks_grow(struct input_chunk **chunk, size_t n, size_t *cap) {
  if (n < *cap) return true;
  size_t want = *cap ? *cap * 2 : 1024;
  struct input_chunk *p = want <= CHUNKS_MAX ? realloc(*chunk, want * sizeof *p) : NULL;
  if (!p) return false;
  *chunk = p;
  *cap = want;
  return true;
}

struct input_chunk *input_index_read(const char *path, const char *const *name, uint32_t name_n, size_t *n) {
  struct input_chunk *chunk = NULL, one;
  size_t cap = 0, text_cap = 0;
  char *text = NULL;
  ssize_t got;
  *n = 0;
  FILE *f = fopen(path, "re");
  if (!f) return NULL;
  for (uint64_t line = 0; (got = getline(&text, &text_cap, f)) > 0 && (size_t)got <= LINE_BYTES_MAX; line++) {
    if (!input_index_line((struct base_str){text, (size_t)got}, name, name_n, &one)) continue;
    one.line = line;
    if (!chunks_grow(&chunk, *n, &cap)) break;
    chunk[(*n)++] = one;
  }
  free(text);
  fclose(f);
  if (*n) qsort(chunk, *n, sizeof *chunk, chunk_cmp);
  return chunk;
}
