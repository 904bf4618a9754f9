#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "daemon_explain_room.h"

struct base_buf *explain_words_new(struct explain_words *w) {
  w->buf = buf_over(w->bytes, sizeof w->bytes);
  return &w->buf;
}

struct base_str explain_str(yyjson_val *obj, const char *key) {
  yyjson_val *v = yyjson_obj_get(obj, key);
  return yyjson_is_str(v) ? (struct base_str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
}

uint64_t explain_u64(yyjson_val *obj, const char *key) {
  return yyjson_get_uint(yyjson_obj_get(obj, key));
}

double explain_num(yyjson_val *obj, const char *key) {
  return yyjson_get_num(yyjson_obj_get(obj, key));
}

bool explain_has_num(yyjson_val *obj, const char *key) {
  return yyjson_is_num(yyjson_obj_get(obj, key));
}

void explain_put_time(struct base_buf *out, struct base_str rfc3339) {
  if (rfc3339.n < 19) return;
  buf_put_str(out, str_cut(rfc3339, 0, 10));
  buf_put_char(out, ' ');
  buf_put_str(out, str_cut(rfc3339, 11, 19));
  buf_put_str(out, STR(" UTC"));
}

void explain_put_clock(struct base_buf *out, struct base_str rfc3339) {
  if (rfc3339.n < 19) return;
  size_t end = 19, from = 19;
  if (rfc3339.n > 19 && rfc3339.p[19] == '.') from = 20;
  for (size_t i = from; i < rfc3339.n && i < from + 3 && rfc3339.p[i] >= '0' && rfc3339.p[i] <= '9'; i++)
    if (rfc3339.p[i] != '0') end = i + 1;
  buf_put_str(out, str_cut(rfc3339, 11, end));
}

void explain_put_span(struct base_buf *out, double s) {
  if (s < 90)
    buf_put_f(out, "%.1f s", s);
  else if (s < 5400)
    buf_put_f(out, "%.0f min", s / 60);
  else
    buf_put_f(out, "%.1f h", s / 3600);
}

void explain_put_entity(struct base_buf *out, yyjson_val *e) {
  static const struct {
    const char *key, *before;
  } part[] = {{"pod", ", pod "},         {"version", ", version "}, {"route", ", route "},
              {"cluster", ", cluster "}, {"region", ", region "},   {"zone", ", zone "}};
  struct base_str service = explain_str(e, "service"), caller = explain_str(e, "caller");
  size_t from = out->n;
  if (caller.n) {
    buf_put_str(out, caller);
    buf_put_str(out, STR(" -> "));
  }
  buf_put_str(out, service);
  for (size_t p = 0; p < sizeof part / sizeof part[0]; p++) {
    struct base_str v = explain_str(e, part[p].key);
    if (!v.n) continue;
    buf_put_str(out, str_of(part[p].before + (out->n == from ? 2 : 0)));
    buf_put_str(out, v);
  }
  if (out->n == from) buf_put_str(out, explain_str(e, "kind"));
}

/* Digits before the point, with a comma before each three. */
static void put_thousands(struct base_buf *out, struct base_str digits) {
  for (size_t i = 0; i < digits.n; i++) {
    if (i && (digits.n - i) % 3 == 0) buf_put_char(out, ',');
    buf_put_char(out, digits.p[i]);
  }
}

void explain_put_number(struct base_buf *out, double v, int digits) {
  char text[64];
  double size = fabs(v);
  if (!(size < 1e15)) return;
  (void)snprintf(text, sizeof text, "%.*e", digits - 1, size); /* rounds first: 9.96 to two digits is 10 */
  double rounded = strtod(text, NULL);
  int power = rounded > 0 ? (int)strtol(strchr(text, 'e') + 1, NULL, 10) : 0, decimals = digits - 1 - power;
  if (decimals < 0) decimals = 0;
  if (decimals > 30) decimals = 30;
  struct base_str s = {text, (size_t)snprintf(text, sizeof text, "%.*f", decimals, rounded)};
  size_t point = str_find(s, '.', 0);
  while (s.n > point && (s.p[s.n - 1] == '0' || s.n == point + 1)) s.n--;
  if (v < 0 && rounded > 0) buf_put_char(out, '-');
  put_thousands(out, str_cut(s, 0, point));
  buf_put_str(out, str_cut(s, point, s.n));
}

struct explain_scale explain_scale_of(struct base_str unit, double value, bool ascii) {
  double size = fabs(value);
  if (str_eq(unit, STR("s"))) {
    if (size >= 0.9995) return (struct explain_scale){1, " s"};
    if (size >= 0.0009995 || size == 0) return (struct explain_scale){1e3, " ms"};
    return (struct explain_scale){1e6, ascii ? " us" : " \xc2\xb5s"};
  }
  if (str_eq(unit, STR("bytes"))) {
    if (size >= 999.5e6) return (struct explain_scale){1e-9, " GB"};
    if (size >= 999.5e3) return (struct explain_scale){1e-6, " MB"};
    return size >= 999.5 ? (struct explain_scale){1e-3, " kB"} : (struct explain_scale){1, " bytes"};
  }
  if (str_eq(unit, STR("bytes/s"))) {
    if (size >= 999.5e6) return (struct explain_scale){1e-9, " GB/s"};
    if (size >= 999.5e3) return (struct explain_scale){1e-6, " MB/s"};
    return size >= 999.5 ? (struct explain_scale){1e-3, " kB/s"} : (struct explain_scale){1, " bytes/s"};
  }
  if (str_eq(unit, STR("share"))) return (struct explain_scale){100, " %"};
  if (str_eq(unit, STR("1/s"))) return (struct explain_scale){1, "/s"};
  if (str_eq(unit, STR("cores"))) return (struct explain_scale){1, " cores"};
  return (struct explain_scale){1, ""};
}

void explain_put_measure(struct base_buf *out, double value, struct explain_scale scale) {
  explain_put_number(out, value * scale.scale, 3);
  buf_put_str(out, str_of(scale.text));
}
