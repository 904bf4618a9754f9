/* A view of bytes: pointer and length, never owned, never NUL-terminated by promise. An absent string has
 * p == NULL and n == 0; an empty one may have any p. Lives as long as what it points into. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct base_str {
  const char *p;
  size_t n;
};

#define STR(lit) ((struct base_str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct base_str){NULL, 0})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, ((s).n ? (s).p : "")

static inline struct base_str str_of(const char *z) {
  return (struct base_str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(struct base_str a, struct base_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The same but for the case of ASCII letters. */
static inline bool str_eq_nocase(struct base_str a, struct base_str b) {
  if (a.n != b.n) return false;
  for (size_t i = 0; i < a.n; i++) {
    char x = a.p[i] >= 'A' && a.p[i] <= 'Z' ? (char)(a.p[i] + 32) : a.p[i];
    char y = b.p[i] >= 'A' && b.p[i] <= 'Z' ? (char)(b.p[i] + 32) : b.p[i];
    if (x != y) return false;
  }
  return true;
}

/* Byte order, a shorter prefix first. Returns <0, 0, >0. */
static inline int str_cmp(struct base_str a, struct base_str b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.p, b.p, n) : 0;
  return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool str_starts(struct base_str s, struct base_str prefix) {
  return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct base_str s, struct base_str tail) {
  return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0);
}

static inline bool str_has(struct base_str s, struct base_str word) {
  for (size_t i = 0; i + word.n <= s.n; i++)
    if (word.n == 0 || memcmp(s.p + i, word.p, word.n) == 0) return true;
  return false;
}

/* Index of byte c in s at or after `from`, or s.n where there is none. */
static inline size_t str_find(struct base_str s, char c, size_t from) {
  if (from >= s.n) return s.n;
  const char *hit = memchr(s.p + from, c, s.n - from);
  return hit ? (size_t)(hit - s.p) : s.n;
}

/* Bytes [from, to) of s; both are clipped to s.n. */
static inline struct base_str str_cut(struct base_str s, size_t from, size_t to) {
  if (from > s.n) from = s.n;
  if (to > s.n) to = s.n;
  if (to < from) to = from;
  return s.p ? (struct base_str){s.p + from, to - from} : STR_NONE;
}

#endif
