#include "wire_prom.h"

#include "wire_prom_room.h"

struct base_str prom_unit(struct base_str word) {
  static const struct base_str unit[][2] = {{{"seconds", 7}, {"s", 1}},        {{"milliseconds", 12}, {"ms", 2}},
                                            {{"microseconds", 12}, {"us", 2}}, {{"nanoseconds", 11}, {"ns", 2}},
                                            {{"bytes", 5}, {"By", 2}},         {{"ratio", 5}, {"1", 1}}};
  for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
    if (str_eq(word, unit[i][0])) return unit[i][1];
  return word;
}

bool wire_prom_is_openmetrics(struct base_str text) {
  static const struct base_str last = {"# EOF", 5};
  size_t n = text.n;
  n -= n && text.p[n - 1] == '\n';
  n -= n && text.p[n - 1] == '\r';
  if (n < last.n || memcmp(text.p + n - last.n, last.p, last.n) != 0) return false;
  return n == last.n || text.p[n - last.n - 1] == '\n';
}

enum wire_status wire_prom_take(struct wire_sampler *m, enum wire_prom_form form, struct base_str bytes,
                                struct wire_err *err) {
  if (form == WIRE_PROM_PROTO) return prom_proto_take(m, bytes, err);
  return prom_text_take(m, bytes, form == WIRE_PROM_OPENMETRICS, err);
}
