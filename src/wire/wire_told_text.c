/* Access logs as lines of text: the formats that meshes write where nobody chose another. */
#include "wire_json.h"
#include "wire_told.h"

#define PARTS_MAX 28u
#define NOT WIRE_ATTR_COUNT

/* A part of a line: bare up to the next blank, or inside of quotes or of brackets. */
struct part {
  char quote; /* 0, '"' or '[' */
  struct base_str text;
};

/* What the parts of a format are; a format is told from another by its number of parts and their quotes. */
struct format {
  uint8_t part_n;
  struct {
    char quote;
    uint8_t attr;
  } part[PARTS_MAX];
};

#define B(attr) \
  { 0, WIRE_ATTR_##attr }
#define Q(attr) \
  { '"', WIRE_ATTR_##attr }
#define T(attr) \
  { '[', WIRE_ATTR_##attr }
#define B_ \
  { 0, NOT }
#define Q_ \
  { '"', NOT }
/* The request line "METHOD PATH PROTOCOL" is taken apart where PROTOCOL stands in quotes. */
static const struct format formats[] = {
    /* Envoy: source/common/formatter, the default of HTTP access logs. */
    {13,
     {T(START), Q(PROTOCOL), B(CODE), B(FLAGS), B(BYTES_IN), B(BYTES_OUT), B(DURATION), B(UPSTREAM_TIME), Q_, Q(AGENT),
      Q(REQUEST_ID), Q(AUTHORITY), Q(UPSTREAM_HOST)}},
    /* Istio: pilot/pkg/model/telemetry_logging.go, EnvoyTextLogFormat. */
    {22,
     {T(START),
      Q(PROTOCOL),
      B(CODE),
      B(FLAGS),
      B_,
      B_,
      Q_,
      B(BYTES_IN),
      B(BYTES_OUT),
      B(DURATION),
      B(UPSTREAM_TIME),
      Q_,
      Q(AGENT),
      Q(REQUEST_ID),
      Q(AUTHORITY),
      Q(UPSTREAM_HOST),
      B(UPSTREAM_CLUSTER),
      B(UPSTREAM_LOCAL),
      B(DOWNSTREAM_LOCAL),
      B(DOWNSTREAM_REMOTE),
      B_,
      B(ROUTE_NAME)}},
    /* Kuma: MeshAccessLog's default of HTTP. */
    {18,
     {T(START), B(KUMA_MESH), Q(PROTOCOL), B(CODE), B(FLAGS), B(BYTES_IN), B(BYTES_OUT), B(DURATION), B(UPSTREAM_TIME),
      Q_, Q(AGENT), Q_, Q(REQUEST_ID), Q(AUTHORITY), Q(SOURCE), Q(DESTINATION), Q_, Q(UPSTREAM_HOST)}},
    /* Kuma's default of TCP: [start] flags mesh address(source)->host(destination) took 5ms, sent 1 bytes, received: 2
       bytes */
    {12, {T(START), B(FLAGS), B(KUMA_MESH), B(SOURCE), B_, B(DURATION), B_, B(BYTES_OUT), B_, B_, B(BYTES_IN), B_}},
};
#undef B
#undef Q
#undef T
#undef B_
#undef Q_
#define FORMATS (sizeof formats / sizeof *formats)
#define FORMAT_KUMA_TCP 3u

/* Cuts the next part off. A backslash inside of quotes is text: Envoy escapes none. */
static bool part_next(struct base_str *line, struct part *out) {
  while (line->n && line->p[0] == ' ') *line = str_cut(*line, 1, line->n);
  if (line->n == 0) return false;
  char open = line->p[0];
  out->quote = open == '"' || open == '[' ? open : 0;
  char close = open == '"' ? '"' : open == '[' ? ']' : ' ';
  size_t from = out->quote ? 1 : 0, to = str_find(*line, close, from);
  if (out->quote && to == line->n) return false;
  out->text = str_cut(*line, from, to);
  *line = str_cut(*line, to + (out->quote ? 1 : 0), line->n);
  return true;
}

static uint32_t parts_read(struct base_str line, struct part part[PARTS_MAX]) {
  uint32_t n = 0;
  while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == ' ')) line.n--;
  while (line.n && n < PARTS_MAX)
    if (!part_next(&line, &part[n++])) return 0;
  return line.n ? 0 : n;
}

/* METHOD, PATH, PROTOCOL: the path may hold blanks, the others not. */
static void request_line(struct base_str line, struct wire_attrs *a) {
  size_t from = str_find(line, ' ', 0), to = line.n;
  while (to > from + 1 && line.p[to - 1] != ' ') to--;
  if (from == line.n || to <= from + 1) return;
  attrs_put(a, WIRE_ATTR_METHOD, str_cut(line, 0, from));
  struct base_str path = str_cut(line, from + 1, to - 1);
  if (!str_eq(path, STR("-"))) attrs_put(a, WIRE_ATTR_PATH, path);
  attrs_put(a, WIRE_ATTR_PROTOCOL, str_cut(line, to, line.n));
}

static bool fits(const struct format *f, const struct part *part, uint32_t n) {
  if (n != f->part_n) return false;
  for (uint32_t i = 0; i < n; i++)
    if (f->part[i].quote != part[i].quote) return false;
  return true;
}

/* address(source)->host(destination) and "5ms," */
static void connection_line(const struct part *part, struct wire_attrs *a) {
  struct base_str s = part[3].text, ms = part[5].text;
  size_t open = str_find(s, '(', 0), close = str_find(s, ')', open);
  size_t host = close + 3, second = str_find(s, '(', host);
  attrs_put(a, WIRE_ATTR_SOURCE, str_cut(s, open + 1, close));
  attrs_put(a, WIRE_ATTR_UPSTREAM_HOST, str_cut(s, host, second));
  attrs_put(a, WIRE_ATTR_DESTINATION, str_cut(s, second + 1, str_find(s, ')', second)));
  attrs_put(a, WIRE_ATTR_DURATION, str_cut(ms, 0, str_find(ms, 'm', 0)));
  attrs_put(a, WIRE_ATTR_METHOD, STR("-"));
}

static void format_take(const struct format *f, const struct part *part, struct wire_attrs *a) {
  bool tcp = f == &formats[FORMAT_KUMA_TCP];
  for (uint32_t i = 0; i < f->part_n; i++) {
    enum wire_attr attr = (enum wire_attr)f->part[i].attr;
    if (attr == WIRE_ATTR_PROTOCOL)
      request_line(part[i].text, a);
    else if (attr != NOT && !(tcp && (attr == WIRE_ATTR_SOURCE || attr == WIRE_ATTR_DURATION)))
      attrs_put(a, attr, part[i].text);
  }
  if (tcp) connection_line(part, a);
}

/* An object of fields, one level: texts without escapes, and numbers. */
static bool object_take(struct base_str body, const struct wire_attr_keys *keys, struct wire_attrs *a) {
  struct wire_json c = wire_json_over(body);
  struct base_str key;
  wire_json_object(&c);
  while (wire_json_key(&c, &key)) {
    uint32_t row = wire_attr_find(keys, key);
    enum wire_json_kind kind = wire_json_peek(&c);
    struct base_str text = STR_NONE;
    if (row == WIRE_ATTR_NONE || (kind != WIRE_JSON_STRING && kind != WIRE_JSON_NUMBER))
      wire_json_skip(&c);
    else
      text = kind == WIRE_JSON_STRING ? wire_json_string(&c) : wire_json_number(&c);
    if (text.p && str_find(text, '\\', 0) == text.n) attrs_put_row(a, row, text);
  }
  wire_json_end(&c);
  return !c.reason && attrs_has(a, WIRE_ATTR_CODE) && attrs_has(a, WIRE_ATTR_FLAGS);
}

bool wire_told_text(struct base_str body, const struct wire_attr_keys *keys, struct wire_attrs *a) {
  struct part part[PARTS_MAX];
  if (body.n && body.p[0] == '{') return object_take(body, keys, a);
  if (body.n == 0 || body.p[0] != '[') return false;
  uint32_t n = parts_read(body, part);
  for (uint32_t i = 0; n && i < FORMATS; i++) {
    if (!fits(&formats[i], part, n)) continue;
    if (i == FORMAT_KUMA_TCP && !str_eq(part[4].text, STR("took"))) continue;
    format_take(&formats[i], part, a);
    return true;
  }
  return false;
}
