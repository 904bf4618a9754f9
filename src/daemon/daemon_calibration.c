#include "daemon_calibration.h"

#include <yyjson.h>

#include "daemon_explain_room.h"

enum {
  CELL_BYTES = 64,
  SIGNAL_COLUMNS = 16,
  WEEKS_COLUMNS = 9,
  IN_USE_COLUMNS = 8,
  RAISED_COLUMNS = 8,
  LEVEL_COLUMNS = 12
};

/* A cell of a table, right-aligned when it is put. */
struct cell {
  char bytes[CELL_BYTES];
  struct base_buf buf;
};

static struct base_buf *cell_new(struct cell *c) {
  c->buf = buf_over(c->bytes, sizeof c->bytes);
  return &c->buf;
}

static void cell_put(struct text *t, const struct cell *c, unsigned columns, enum text_colour colour) {
  unsigned n = text_columns(buf_str(&c->buf));
  buf_put_f(t->out, " %*s", (int)(n + 1 < columns ? columns - n - 1 : 0), "");
  text_colour(t, colour, buf_str(&c->buf));
}

static void put_text(struct text *t, const char *z, unsigned columns) {
  struct cell c;
  buf_put_str(cell_new(&c), str_of(z));
  cell_put(t, &c, columns, TEXT_DIM);
}

static void put_number(struct text *t, double v, unsigned columns, enum text_colour colour) {
  struct cell c;
  explain_put_number(cell_new(&c), v, 3);
  cell_put(t, &c, columns, colour);
}

/* "31/55": seen, and at most expected. */
static void put_level(struct text *t, yyjson_val *level) {
  struct cell c;
  struct base_buf *b = cell_new(&c);
  double seen = explain_num(level, "seen"), bound = explain_num(level, "bound");
  explain_put_number(b, seen, 3);
  buf_put_char(b, '/');
  if (bound > 0 && bound < 0.01)
    buf_put_str(b, STR("<.01"));
  else
    explain_put_number(b, bound, 2);
  cell_put(t, &c, LEVEL_COLUMNS, TEXT_PLAIN);
}

static size_t levels_that_fit(const struct text *t, yyjson_val *signal) {
  size_t n = yyjson_arr_size(yyjson_obj_get(signal, "exceeding"));
  unsigned before = SIGNAL_COLUMNS + WEEKS_COLUMNS + IN_USE_COLUMNS + RAISED_COLUMNS;
  size_t fit = t->width > before ? (t->width - before) / LEVEL_COLUMNS : 0;
  return n < fit ? n : fit;
}

static void put_head(struct text *t, yyjson_val *signal) {
  struct cell c;
  size_t n = levels_that_fit(t, signal);
  buf_put_f(t->out, "%-*s", SIGNAL_COLUMNS, "signal");
  put_text(t, "weeks", WEEKS_COLUMNS);
  put_text(t, "in use", IN_USE_COLUMNS);
  put_text(t, "raised", RAISED_COLUMNS);
  for (size_t i = 0; i < n; i++) {
    struct base_buf *b = cell_new(&c);
    buf_put_char(b, '>');
    explain_put_number(b, explain_num(yyjson_arr_get(yyjson_obj_get(signal, "exceeding"), i), "level"), 3);
    cell_put(t, &c, LEVEL_COLUMNS, TEXT_DIM);
  }
  buf_put_char(t->out, '\n');
}

static void put_row(struct text *t, yyjson_val *signal) {
  struct base_str name = explain_str(signal, "signal");
  double in_use = explain_num(signal, "raised_to"), raised = in_use - explain_num(signal, "threshold");
  size_t n = levels_that_fit(t, signal);
  text_put(t, name);
  for (size_t i = text_columns(name); i < SIGNAL_COLUMNS; i++) buf_put_char(t->out, ' ');
  put_number(t, explain_num(signal, "series_weeks"), WEEKS_COLUMNS, TEXT_PLAIN);
  put_number(t, in_use, IN_USE_COLUMNS, TEXT_PLAIN);
  if (raised > 1e-9)
    put_number(t, raised, RAISED_COLUMNS, TEXT_YELLOW);
  else
    put_text(t, "-", RAISED_COLUMNS);
  for (size_t i = 0; i < n; i++) put_level(t, yyjson_arr_get(yyjson_obj_get(signal, "exceeding"), i));
  buf_put_char(t->out, '\n');
}

static bool watched(yyjson_val *signal) {
  return explain_num(signal, "series_weeks") > 0;
}

static void put_unwatched(struct text *t, yyjson_val *list) {
  struct explain_words w;
  struct base_buf *b = explain_words_new(&w);
  size_t i, n;
  yyjson_val *v;
  yyjson_arr_foreach(list, i, n, v) {
    if (watched(v)) continue;
    buf_put_str(b, b->n ? STR(", ") : STR("Not watched so far: "));
    buf_put_str(b, explain_str(v, "signal"));
  }
  if (b->n == 0) return;
  buf_put_char(b, '.');
  text_wrap(t, "", buf_str(b));
}

void calibration_text(struct text *t, yyjson_val *list) {
  size_t i, n, rows = 0;
  yyjson_val *v;
  yyjson_arr_foreach(list, i, n, v) {
    if (!watched(v)) continue;
    if (rows++ == 0) put_head(t, v);
    put_row(t, v);
  }
  if (rows) buf_put_char(t->out, '\n');
  if (rows)
    text_wrap(t, "",
              STR("weeks: watched so far while no incident was open, summed over the series. in use: the evidence that "
                  "an alarm needs, in nats, and by how much of it the traffic itself raised it; it is never lowered. "
                  ">10: how often evidence rose over 10 nats and fell again without an alarm / how often at most it "
                  "should have."));
  put_unwatched(t, list);
}
