#include "wire_route.h"

#define LIT(z) \
  { (z), sizeof(z) - 1 }
static const struct base_str says_nothing[] = {
    LIT("default"),       LIT("allow_any"), LIT("block_all"), LIT("passthrough"), LIT("local_route"),
    LIT("local"),         LIT("backend"),   LIT("route"),     LIT("inbound"),     LIT("outbound"),
    LIT("local_service"), LIT("all"),       LIT("catch-all"), LIT("catchall"),    LIT("ingress")};

bool wire_route_says(struct base_str name) {
  if (name.n == 0 || str_starts(name, STR("inbound|")) || str_starts(name, STR("outbound|"))) return false;
  for (size_t i = 0; i < sizeof says_nothing / sizeof *says_nothing; i++)
    if (str_eq(name, says_nothing[i])) return false;
  return true;
}

struct base_str wire_route_path(struct base_str path) {
  path.n = str_find(path, '?', 0);
  path.n = str_find(path, '#', 0);
  if (path.n && path.p[0] != '/') {
    size_t mark = str_find(path, ':', 0);
    if (str_starts(str_cut(path, mark, path.n), STR("://")))
      path = str_cut(path, str_find(path, '/', mark + 3), path.n);
  }
  return path;
}

static bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_mark(char c) {
  return c == '-' || c == '_' || c == ':' || c == '.' || c == 'T' || c == 'Z' || c == '+';
}

static bool has_upper_or_dot(struct base_str s) {
  for (size_t i = 0; i < s.n; i++)
    if (is_upper(s.p[i]) || s.p[i] == '.') return true;
  return false;
}

static bool is_identifier(struct base_str s, char extra) {
  for (size_t i = 0; i < s.n; i++)
    if (!is_upper(s.p[i]) && !is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '_' && s.p[i] != extra) return false;
  return s.n > 0 && !is_digit(s.p[0]);
}

bool wire_route_is_grpc(struct base_str path) {
  if (path.n < 4 || path.p[0] != '/') return false;
  size_t slash = str_find(path, '/', 1);
  struct base_str service = str_cut(path, 1, slash), method = str_cut(path, slash + 1, path.n);
  if (!is_identifier(service, '.') || !is_identifier(method, '_')) return false;
  return is_upper(method.p[0]) && has_upper_or_dot(service);
}

/* What the characters of a segment are. */
struct shape {
  size_t digit, letter, hex, mark, other, changes;
  bool foreign; /* a character that user input brings along */
};

static unsigned char_kind(char c) {
  return is_upper(c) ? 1 : is_lower(c) ? 2 : is_digit(c) ? 3 : 4;
}

static struct shape shape_of(struct base_str s) {
  struct shape h = {0};
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    h.digit += is_digit(c);
    h.letter += is_upper(c) || is_lower(c);
    h.hex += is_hex(c);
    h.mark += is_mark(c);
    h.foreign |= c == '%' || c == '@' || c == ',' || c == '=';
    h.changes += i > 0 && char_kind(c) != char_kind(s.p[i - 1]);
  }
  return h;
}

static bool is_uuid(struct base_str s) {
  if (s.n != 36) return false;
  for (size_t i = 0; i < s.n; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? s.p[i] != '-' : !is_hex(s.p[i])) return false;
  }
  return true;
}

/* v1, v2alpha1, v1beta2: an API's version is a word. */
static bool is_api_version(struct base_str s) {
  if (s.n < 2 || s.n > 10 || s.p[0] != 'v' || !is_digit(s.p[1])) return false;
  size_t i = 1;
  while (i < s.n && is_digit(s.p[i])) i++;
  struct base_str rest = str_cut(s, i, s.n);
  return rest.n == 0 || str_starts(rest, STR("alpha")) || str_starts(rest, STR("beta"));
}

bool wire_route_is_value(struct base_str s) {
  size_t digits = 0;
  while (digits < s.n && is_digit(s.p[digits])) digits++;
  if (s.n > WIRE_ROUTE_SEGMENT_BYTES || (s.n && digits == s.n)) return true;
  struct shape h = shape_of(s);
  if (h.foreign) return true;
  if (h.digit && h.digit + h.mark == s.n && s.p[0] != 'T' && s.p[0] != 'Z') return true;
  if (is_uuid(s)) return true;
  if (is_api_version(s)) return false;
  if (h.hex == s.n && s.n >= 8 && (h.digit || s.n >= 16)) return true;
  if (s.n >= 8 && h.letter && h.digit >= 2) return true;
  return s.n >= 16 && h.changes >= s.n / 3 && h.letter + h.digit > s.n / 2 &&
         h.changes > 2 * (s.n - h.letter - h.digit);
}

struct base_str wire_route_method(uint32_t method) {
  static const struct base_str text[] = {LIT(""),       LIT("GET"),     LIT("HEAD"),    LIT("POST"),  LIT("PUT"),
                                         LIT("DELETE"), LIT("CONNECT"), LIT("OPTIONS"), LIT("TRACE"), LIT("PATCH")};
  return text[method < sizeof text / sizeof *text ? method : 0];
}

bool wire_route_segment(struct base_str *path, struct base_str *segment) {
  size_t from = 0;
  while (from < path->n && path->p[from] == '/') from++;
  size_t to = str_find(*path, '/', from);
  *segment = str_cut(*path, from, to);
  *path = str_cut(*path, to, path->n);
  return segment->n > 0;
}
