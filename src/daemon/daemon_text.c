#include "daemon_text.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TEXT_WIDTH = 80, TEXT_WIDTH_MIN = 40, TEXT_WIDTH_MAX = 120 };

static unsigned text_width(void) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return TEXT_WIDTH;
  if (size.ws_col < TEXT_WIDTH_MIN) return TEXT_WIDTH_MIN;
  return size.ws_col > TEXT_WIDTH_MAX ? TEXT_WIDTH_MAX : size.ws_col;
}

static bool text_colours(void) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
}

/* The first of the three that is set and not empty counts (POSIX, Environment Variables 8.2). */
static bool text_utf8(void) {
  static const char *const name[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  const char *locale = NULL;
  for (size_t i = 0; i < sizeof name / sizeof name[0] && !(locale && locale[0]); i++) locale = getenv(name[i]);
  const char *dot = locale ? strchr(locale, '.') : NULL;
  return dot && (strncasecmp(dot, ".utf-8", 6) == 0 || strncasecmp(dot, ".utf8", 5) == 0);
}

struct text text_stdout(struct base_buf *out) {
  return (struct text){.out = out, .width = text_width(), .colour = text_colours(), .ascii = !text_utf8()};
}

/* Bytes of a control character at p: C0, DEL, or C1 in its UTF-8 form; 0 where it is none. */
static size_t text_control(const char *p, size_t n) {
  unsigned char c = (unsigned char)p[0];
  if (c < 0x20 || c == 0x7f) return 1;
  return c == 0xc2 && n > 1 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0 ? 2 : 0;
}

void text_put(struct text *t, struct base_str s) {
  for (size_t i = 0; i < s.n;) {
    size_t control = text_control(s.p + i, s.n - i);
    buf_put_char(t->out, control ? '?' : s.p[i]);
    i += control ? control : 1;
  }
}

void text_colour(struct text *t, enum text_colour colour, struct base_str s) {
  static const char *const code[] = {"", "\033[1m", "\033[2m", "\033[1;31m", "\033[1;33m", "\033[1;32m"};
  bool on = t->colour && colour != TEXT_PLAIN;
  if (on) buf_put_str(t->out, str_of(code[colour]));
  text_put(t, s);
  if (on) buf_put_str(t->out, STR("\033[0m"));
}

unsigned text_columns(struct base_str s) {
  unsigned n = 0;
  for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
  return n;
}

void text_wrap(struct text *t, const char *lead, struct base_str s) {
  unsigned indent = text_columns(str_of(lead)), column = indent;
  buf_put_str(t->out, str_of(lead));
  for (size_t at = 0; at < s.n;) {
    size_t end = str_find(s, ' ', at);
    struct base_str word = str_cut(s, at, end);
    at = end + 1;
    if (word.n == 0) continue;
    unsigned wide = text_columns(word);
    bool first = column == indent;
    if (!first && column + 1 + wide > t->width) {
      buf_put_f(t->out, "\n%*s", (int)indent, "");
      column = indent;
      first = true;
    }
    if (!first) buf_put_char(t->out, ' ');
    text_put(t, word);
    column += wide + !first;
  }
  buf_put_char(t->out, '\n');
}
