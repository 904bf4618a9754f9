/* The gauges of an incident's likely causes that are not as usual: a line each, at its furthest. */
#include <yyjson.h>

#include "daemon_explain_room.h"

#define GAUGE_MOST 1e15 /* a larger value is not shown in digits */

static void put_value(struct base_buf *b, double value, struct base_str unit, bool ascii) {
  if (value < GAUGE_MOST && value > -GAUGE_MOST)
    explain_put_measure(b, value, explain_scale_of(unit, value, ascii));
  else
    buf_put_f(b, "%.2g", value);
}

static void put_usual(struct base_buf *b, yyjson_val *usual, struct base_str unit, bool ascii) {
  char text[2][48];
  struct base_buf end[2];
  for (unsigned i = 0; i < 2; i++) {
    end[i] = buf_over(text[i], sizeof text[i]);
    put_value(&end[i], yyjson_get_num(yyjson_arr_get(usual, i)), unit, ascii);
  }
  buf_put_str(b, STR(", usually "));
  buf_put_str(b, buf_str(&end[0]));
  if (str_eq(buf_str(&end[0]), buf_str(&end[1]))) return;
  buf_put_str(b, STR(" to "));
  buf_put_str(b, buf_str(&end[1]));
}

static void gauge_line(struct text *t, yyjson_val *g) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  struct base_str unit = explain_str(g, "unit"), part = explain_str(g, "part");
  explain_put_entity(b, yyjson_obj_get(g, "entity"));
  if (yyjson_is_true(yyjson_obj_get(g, "new"))) {
    buf_put_f(b, " logs what it never did before: \"%.*s\"", STR_ARG(explain_str(g, "line")));
  } else {
    buf_put_f(b, ": %.*s ", STR_ARG(explain_str(g, "metric")));
    if (part.n) buf_put_f(b, "(%.*s) ", STR_ARG(part));
    put_value(b, explain_num(g, "value"), unit, t->ascii);
    put_usual(b, yyjson_obj_get(g, "usual"), unit, t->ascii);
  }
  buf_put_str(b, STR(", since "));
  explain_put_clock(b, explain_str(g, "since"));
  text_wrap(t, "  - ", buf_str(b));
}

void explain_gauges(struct text *t, yyjson_val *incident) {
  yyjson_val *list = yyjson_obj_get(incident, "gauges"), *g;
  size_t idx, n;
  yyjson_arr_foreach(list, idx, n, g) gauge_line(t, g);
}
