/* The plot of a finding in a terminal: a line of dots, two across and four down in each cell (braille patterns,
 * U+2800), over the shaded band of normal life, with the onset and the end marked below. In ASCII a cell is one star.
 * The value axis begins at 0, so that a difference looks as large as it is. */
#include <stdlib.h>
#include <yyjson.h>

#include "base_limits.h"
#include "daemon_explain_room.h"

enum { PLOT_ROWS = 8, PLOT_CELLS_MAX = 64, PLOT_DOT_ROWS = 4 * PLOT_ROWS, PLOT_LABEL_BYTES = 48 };

struct plot {
  struct text *t;
  yyjson_val *incident;
  int64_t from_ns, step_ns;
  unsigned n, cells;
  double value[LIMIT_PLOT]; /* < 0: none */
  double low, high, top;    /* band, low < 0: none; the axis ends at top */
  struct explain_scale scale;
  uint8_t dots[PLOT_ROWS][PLOT_CELLS_MAX];
  char label[3][PLOT_LABEL_BYTES]; /* top, half, 0 */
  unsigned label_columns;
  int64_t onset_ns, end_ns; /* INT64_MAX: none */
};

/* ---- reading ---- */

static void read_points(struct plot *p, yyjson_val *values) {
  size_t i, n;
  yyjson_val *v;
  yyjson_arr_foreach(values, i, n, v) {
    if (p->n == LIMIT_PLOT) break;
    double x = yyjson_is_num(v) ? yyjson_get_num(v) : -1;
    p->value[p->n++] = x;
    if (x > p->top) p->top = x;
  }
}

static void read_band(struct plot *p, yyjson_val *band) {
  yyjson_val *low = yyjson_arr_get(band, 0), *high = yyjson_arr_get(band, 1);
  p->low = -1;
  if (!yyjson_is_num(low) || !yyjson_is_num(high)) return;
  p->low = yyjson_get_num(low);
  p->high = yyjson_get_num(high);
  if (p->high < p->low || p->high < 0) p->low = -1;
  if (p->low >= 0 && p->high > p->top) p->top = p->high;
}

static int64_t read_time(yyjson_val *obj, const char *key) {
  struct base_wall w;
  return time_read(explain_str(obj, key), &w) ? w.ns : INT64_MAX;
}

/* False: there is nothing to draw. */
static bool plot_read(struct plot *p, struct text *t, yyjson_val *incident) {
  yyjson_val *json = yyjson_obj_get(incident, "plot"), *finding = yyjson_obj_get(incident, "finding");
  uint64_t step_s = explain_u64(json, "step_s");
  *p = (struct plot){.t = t, .incident = incident, .from_ns = read_time(json, "from"), .top = -1};
  read_points(p, yyjson_obj_get(json, "values"));
  if (p->top < 0 || step_s == 0 || step_s > 86400 || p->from_ns > INT64_MAX / 2) return false;
  read_band(p, yyjson_obj_get(json, "band"));
  p->step_ns = (int64_t)step_s * TIME_NS_PER_S;
  p->onset_ns = read_time(finding, "onset");
  p->end_ns = read_time(incident, "ended_at");
  p->scale = explain_scale_of(explain_str(finding, "unit"), p->top, t->ascii);
  return p->top * p->scale.scale < 1e12;
}

/* ---- scale ---- */

/* The least of 1, 1.2, 1.6, 2, 3, 4, 5, 6, 8 times a power of ten that is not below v; 1 for 0. Halves of these are
 * short, too. */
static double round_up(double v) {
  static const double step[] = {1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10};
  double power = 1e-9;
  if (v <= 0) return 1;
  while (power * 10 <= v) power *= 10;
  for (size_t i = 0; i < sizeof step / sizeof step[0]; i++)
    if (power * step[i] >= v * (1 - 1e-12)) return power * step[i];
  return power * 10;
}

static void plot_scale(struct plot *p) {
  double shown = round_up(p->top * p->scale.scale);
  p->top = shown / p->scale.scale;
  for (unsigned i = 0; i < 3; i++) {
    struct base_buf b = buf_over(p->label[i], PLOT_LABEL_BYTES - 1);
    explain_put_number(&b, shown * (2 - i) / 2, 4);
    buf_put_str(&b, str_of(p->scale.text));
    p->label[i][b.n] = 0;
    unsigned columns = text_columns(buf_str(&b));
    if (columns > p->label_columns) p->label_columns = columns;
  }
  unsigned room = p->t->width > p->label_columns + 2 ? p->t->width - p->label_columns - 2 : 1;
  p->cells = room < PLOT_CELLS_MAX ? room : PLOT_CELLS_MAX;
}

/* Counted from below. */
static unsigned dot_row(const struct plot *p, double v) {
  double row = v / p->top * (PLOT_DOT_ROWS - 1) + 0.5;
  return row >= PLOT_DOT_ROWS - 1 ? PLOT_DOT_ROWS - 1 : (unsigned)row;
}

/* ---- dots ---- */

static void dot_set(struct plot *p, unsigned x, unsigned y) {
  static const uint8_t bit[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}; /* from below */
  p->dots[y / 4][x / 2] |= bit[x % 2][y % 4];
}

/* A point is a step as wide as its time; a rise or fall to it is drawn, a gap is not bridged. */
static void plot_draw(struct plot *p) {
  unsigned wide = 2 * p->cells;
  for (unsigned i = 0; i < p->n; i++) {
    if (p->value[i] < 0) continue;
    unsigned y = dot_row(p, p->value[i]), x = i * wide / p->n, end = (i + 1) * wide / p->n;
    if (end == x) end = x + 1;
    if (i && p->value[i - 1] >= 0)
      for (unsigned before = dot_row(p, p->value[i - 1]); before != y; before += before < y ? 1 : -1u)
        dot_set(p, x, before);
    for (; x < end; x++) dot_set(p, x, y);
  }
}

/* ---- writing ---- */

/* The cell in which a time stands; cells where it is outside of the plot. */
static unsigned cell_of(const struct plot *p, int64_t ns) {
  int64_t span = p->step_ns * p->n;
  if (ns < p->from_ns || ns >= p->from_ns + span) return p->cells;
  return (unsigned)((double)(ns - p->from_ns) / (double)span * p->cells);
}

static bool in_band(const struct plot *p, unsigned row) {
  return p->low >= 0 && dot_row(p, p->high) >= 4 * row && dot_row(p, p->low) < 4 * (row + 1);
}

static void put_cell(const struct plot *p, struct base_buf *b, unsigned row, unsigned cell) {
  uint8_t dots = p->dots[row][cell];
  if (dots && p->t->ascii)
    buf_put_char(b, '*');
  else if (dots)
    buf_put(b, (const char[]){'\xe2', (char)(0xa0 + (dots >> 6)), (char)(0x80 + (dots & 63))}, 3);
  else if (in_band(p, row))
    buf_put_str(b, p->t->ascii ? STR("-") : STR("\xe2\x96\x91"));
  else
    buf_put_char(b, ' ');
}

static enum text_colour cell_colour(const struct plot *p, unsigned row, unsigned cell) {
  if (!p->dots[row][cell]) return in_band(p, row) ? TEXT_DIM : TEXT_PLAIN;
  unsigned end = p->end_ns == INT64_MAX ? p->cells : cell_of(p, p->end_ns);
  bool ill = p->onset_ns != INT64_MAX && p->onset_ns < p->from_ns + p->step_ns * p->n;
  unsigned onset = p->onset_ns < p->from_ns ? 0 : cell_of(p, p->onset_ns);
  return ill && cell >= onset && cell < end ? explain_colour(p->incident) : TEXT_PLAIN;
}

/* Cells of one colour together, without the blanks at the end. */
static void put_row(const struct plot *p, unsigned row) {
  unsigned end = p->cells;
  while (end && !p->dots[row][end - 1] && !in_band(p, row)) end--;
  for (unsigned cell = 0; cell < end;) {
    char bytes[3 * PLOT_CELLS_MAX];
    struct base_buf b = buf_over(bytes, sizeof bytes);
    enum text_colour colour = cell_colour(p, row, cell);
    while (cell < end && cell_colour(p, row, cell) == colour) put_cell(p, &b, row, cell++);
    text_colour(p->t, colour, buf_str(&b));
  }
  buf_put_char(p->t->out, '\n');
}

static void put_label(const struct plot *p, const char *label, const char *mark, const char *mark_ascii) {
  unsigned columns = text_columns(str_of(label));
  buf_put_f(p->t->out, "%*s%s %s", (int)(p->label_columns - columns), "", label, p->t->ascii ? mark_ascii : mark);
}

static void put_axis(const struct plot *p) {
  unsigned onset = cell_of(p, p->onset_ns), end = cell_of(p, p->end_ns);
  put_label(p, p->label[2], "\xe2\x94\x94", "+");
  for (unsigned c = 0; c < p->cells; c++) {
    bool marked = c == onset || c == end;
    if (p->t->ascii)
      buf_put_char(p->t->out, marked ? '^' : '-');
    else
      buf_put_str(p->t->out, marked ? STR("\xe2\x96\xb2") : STR("\xe2\x94\x80"));
  }
  buf_put_char(p->t->out, '\n');
}

/* "onset 09:21:00" beginning under its mark, or ending there where it would not fit. `column`: where the line stands
 * already; the new column, 0 for a line that was ended. */
static unsigned put_mark(const struct plot *p, const char *what, int64_t ns, unsigned column) {
  char text[TIME_TEXT_BYTES], words[2 * TIME_TEXT_BYTES];
  unsigned cell = cell_of(p, ns), indent = p->label_columns + 2;
  if (cell == p->cells) return column;
  time_text((struct base_wall){ns}, text);
  struct base_buf b = buf_over(words, sizeof words);
  buf_put_f(&b, "%s ", what);
  explain_put_clock(&b, str_of(text));
  unsigned at = indent + cell, n = (unsigned)b.n;
  if (at + n > indent + p->cells) at = at + 1 > n ? at + 1 - n : 0;
  if (column && column >= at) {
    buf_put_char(p->t->out, '\n');
    column = 0;
  }
  buf_put_f(p->t->out, "%*s%.*s", (int)(at - column), "", STR_ARG(buf_str(&b)));
  return at + n;
}

static void put_legend(const struct plot *p) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  char text[TIME_TEXT_BYTES];
  struct base_wall at = {p->from_ns};
  time_text(at, text);
  buf_put_str(b, STR("From "));
  explain_put_clock(b, str_of(text));
  at.ns += p->step_ns * p->n;
  time_text(at, text);
  buf_put_str(b, STR(" to "));
  explain_put_clock(b, str_of(text));
  buf_put_f(b, " UTC, %lld s a point", (long long)(p->step_ns / TIME_NS_PER_S));
  if (p->low >= 0) {
    buf_put_f(b, "; %s normal: ", p->t->ascii ? "-" : "\xe2\x96\x91");
    explain_put_number(b, p->low * p->scale.scale, 3);
    buf_put_str(b, STR(" to "));
    explain_put_measure(b, p->high, p->scale);
  }
  text_wrap(p->t, "", buf_str(b));
}

void explain_plot(struct text *t, yyjson_val *incident) {
  struct plot p;
  if (!plot_read(&p, t, incident)) return;
  plot_scale(&p);
  plot_draw(&p);
  buf_put_char(t->out, '\n');
  for (unsigned row = PLOT_ROWS; row-- > 0;) {
    bool tick = row == PLOT_ROWS - 1 || row == PLOT_ROWS / 2 - 1;
    if (tick)
      put_label(&p, p.label[row == PLOT_ROWS - 1 ? 0 : 1], "\xe2\x94\xa4", "+");
    else
      put_label(&p, "", "\xe2\x94\x82", "|");
    put_row(&p, row);
  }
  put_axis(&p);
  unsigned column = put_mark(&p, "onset", p.onset_ns, 0);
  if (put_mark(&p, "over", p.end_ns, column)) buf_put_char(t->out, '\n');
  put_legend(&p);
}
