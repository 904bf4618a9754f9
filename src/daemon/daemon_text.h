/* Text for a person: wrapped to the terminal's width, coloured only where that is welcome, and without the control
 * characters that a name from the mesh might hold. */
#ifndef DAEMON_TEXT_H
#define DAEMON_TEXT_H

#include <stdbool.h>

#include "base_buf.h"

struct text {
  struct base_buf *out;
  unsigned width; /* columns */
  bool colour;
  bool ascii; /* nothing of our own beyond ASCII; names pass as they are */
};

enum text_colour { TEXT_PLAIN, TEXT_BOLD, TEXT_DIM, TEXT_RED, TEXT_YELLOW, TEXT_GREEN };

/* For standard output: width of the terminal within 40..120, 80 where there is none; colours on a terminal only, and
 * not with NO_COLOR or TERM=dumb; ASCII where the locale (LC_ALL, LC_CTYPE, LANG) is not one of UTF-8. */
struct text text_stdout(struct base_buf *out);
/* s without control characters. */
void text_put(struct text *t, struct base_str s);
void text_colour(struct text *t, enum text_colour colour, struct base_str s);
/* Columns that s takes, one a character: wide scripts may take more. */
unsigned text_columns(struct base_str s);
/* A paragraph: the first line behind `lead`, the further ones behind as many spaces. Words longer than the line
 * stand alone on it, uncut. Ends the line. */
void text_wrap(struct text *t, const char *lead, struct base_str s);

#endif
