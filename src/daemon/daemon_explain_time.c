/* Where the time of an edge's requests goes: a sentence, then a line a place with what is normal, what is now, and a
 * bar as long as what is more. */
#include <yyjson.h>

#include "daemon_explain_room.h"

#define TIME_MOST_MS 1e12

enum { TIME_BAR_CELLS = 24, TIME_LABEL_COLUMNS = 20, TIME_VALUE_COLUMNS = 10, TIME_VALUE_BYTES = 48 };

struct time_words {
  const char *place, *label, *within;
};

static const struct time_words time_words[] = {
    {"client_proxy", "caller's proxy", "in the caller's proxy"},
    {"retries", "earlier tries", "in tries before the last"},
    {"upload", "request's body", "in sending the request"},
    {"network", "network", "in the network between them"},
    {"server_proxy", "callee's proxy", "in the callee's proxy"},
    {"application", "application", "in the application"},
    {"download", "answer's body", "in the answer's download"},
    {"beyond", "beyond the proxy", "beyond the caller's proxy: the callee's does not report"},
    {"several", "", "in several places"},
};

static const struct time_words *words_of(struct base_str place) {
  for (size_t i = 0; i < sizeof time_words / sizeof time_words[0]; i++)
    if (str_eq(place, str_of(time_words[i].place))) return &time_words[i];
  return NULL; /* came after this program */
}

static bool is_sound(yyjson_val *stage) {
  double normal = explain_num(stage, "normal_ms"), now = explain_num(stage, "now_ms");
  return normal > -TIME_MOST_MS && normal < TIME_MOST_MS && now > -TIME_MOST_MS && now < TIME_MOST_MS;
}

static double more_ms(yyjson_val *stage) {
  double more = explain_num(stage, "now_ms") - explain_num(stage, "normal_ms");
  return more > 0 ? more : 0;
}

static void put_ms(struct base_buf *b, double ms) {
  explain_put_number(b, ms, ms >= 10 ? 3 : 2);
  buf_put_str(b, STR(" ms"));
}

static void sentence(struct text *t, yyjson_val *time, double named_ms, double total_ms) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  struct base_str place = explain_str(time, "place");
  const struct time_words *w = words_of(place);
  explain_put_entity(b, yyjson_obj_get(time, "edge"));
  buf_put_str(b, STR(": a request takes "));
  put_ms(b, total_ms);
  buf_put_str(b, STR(" more than normal"));
  if (named_ms > 0) {
    buf_put_str(b, STR(", "));
    put_ms(b, named_ms);
    buf_put_str(b, STR(" of it "));
  } else {
    buf_put_str(b, STR(", "));
  }
  buf_put_str(b, w ? str_of(w->within) : place);
  buf_put_char(b, '.');
  text_wrap(t, "", buf_str(b));
}

static void put_right(struct base_buf *out, struct base_str s) {
  for (size_t n = s.n; n < TIME_VALUE_COLUMNS; n++) buf_put_char(out, ' ');
  buf_put_str(out, s);
}

static void put_value(struct base_buf *out, double ms) {
  char bytes[TIME_VALUE_BYTES];
  struct base_buf b = buf_over(bytes, sizeof bytes);
  put_ms(&b, ms);
  put_right(out, buf_str(&b));
}

static void head(struct text *t) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  for (unsigned n = 0; n < TIME_LABEL_COLUMNS + 2; n++) buf_put_char(b, ' ');
  put_right(b, STR("normal"));
  put_right(b, STR("now"));
  text_put(t, buf_str(b));
  buf_put_char(t->out, '\n');
}

static void line(struct text *t, yyjson_val *stage, double most_ms) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  struct base_str place = explain_str(stage, "place");
  const struct time_words *w = words_of(place);
  unsigned cells = most_ms > 0 ? (unsigned)(more_ms(stage) / most_ms * TIME_BAR_CELLS + 0.5) : 0;
  struct base_str label = w ? str_of(w->label) : place;
  buf_put_str(b, STR("  "));
  buf_put_str(b, label);
  for (size_t n = label.n; n < TIME_LABEL_COLUMNS; n++) buf_put_char(b, ' ');
  put_value(b, explain_num(stage, "normal_ms"));
  put_value(b, explain_num(stage, "now_ms"));
  if (cells) buf_put_str(b, STR("  "));
  for (unsigned i = 0; i < cells; i++) buf_put_str(b, t->ascii ? STR("#") : STR("\xe2\x96\x88"));
  text_put(t, buf_str(b));
  buf_put_char(t->out, '\n');
}

void explain_time(struct text *t, yyjson_val *incident) {
  yyjson_val *time = yyjson_obj_get(incident, "time"), *stages = yyjson_obj_get(time, "stages"), *v;
  double total = 0, most = 0, named = 0;
  size_t idx, n;
  yyjson_arr_foreach(stages, idx, n, v) {
    double more = more_ms(v);
    if (!is_sound(v)) return;
    total += more;
    if (more > most) most = more;
    if (str_eq(explain_str(v, "place"), explain_str(time, "place"))) named = more;
  }
  if (yyjson_arr_size(stages) == 0) return;
  sentence(t, time, named, total);
  head(t);
  yyjson_arr_foreach(stages, idx, n, v) line(t, v, most);
}
