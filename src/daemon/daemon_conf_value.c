#include "daemon_conf_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "act_pairs.h"
#include "act_view.h"
#include "base_json.h"
#include "base_must.h"
#include "base_time.h"
#include "daemon_log.h"
#include "io_tls.h"
#include "rec_scope.h"

bool conf_fail(struct conf_err *err, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(err->text, sizeof err->text, fmt, ap);
  va_end(ap);
  return false;
}

/* A NUL-terminated copy for the C library's readers; false where the value is longer or holds a NUL. */
static bool conf_text(struct base_str value, char *out, size_t cap) {
  if (value.n >= cap || (value.n && memchr(value.p, 0, value.n))) return false;
  if (value.n) memcpy(out, value.p, value.n);
  out[value.n] = 0;
  return true;
}

static bool conf_set_string(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  if ((double)value.n < k->min || (double)value.n > k->max || !conf_text(value, field, (size_t)k->max + 1))
    return conf_fail(err, "%s: wants a text of %.0f to %.0f bytes", k->name, k->min, k->max);
  return true;
}

static bool conf_set_scopes(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  struct rec_scope scope[REC_SCOPES];
  uint32_t n = 0;
  const char *why = "";
  if (!rec_scopes_read(value, scope, &n, &why)) return conf_fail(err, "%s: %s", k->name, why);
  return conf_set_string(field, k, value, err);
}

static bool conf_set_address(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  char text[INET6_ADDRSTRLEN + 1];
  unsigned char binary[sizeof(struct in6_addr)];
  if (!conf_text(value, text, sizeof text) ||
      (inet_pton(AF_INET, text, binary) != 1 && inet_pton(AF_INET6, text, binary) != 1))
    return conf_fail(err, "%s: wants a numeric address such as 127.0.0.1, 0.0.0.0 or ::1", k->name);
  return conf_set_string(field, k, value, err);
}

static bool conf_set_u64(uint64_t *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  char text[24], *end = NULL;
  errno = 0;
  uint64_t v = 0;
  bool ok = conf_text(value, text, sizeof text) && text[0] >= '0' && text[0] <= '9';
  if (ok) v = strtoull(text, &end, 10);
  if (!ok || *end || errno) return conf_fail(err, "%s: wants a whole number", k->name);
  if ((double)v < k->min || (double)v > k->max)
    return conf_fail(err, "%s: %s is outside %.0f to %.0f", k->name, text, k->min, k->max);
  *field = v;
  return true;
}

/* Reads a plain decimal number and leaves *rest at what follows; no hex, infinities or NaN. */
static bool conf_number(const char *text, double *out, const char **rest) {
  size_t n = strspn(text, "0123456789.");
  if (n == 0 || text[0] == '.' || n > 24) return false;
  char digits[32], *end = NULL;
  memcpy(digits, text, n);
  digits[n] = 0;
  *out = strtod(digits, &end);
  *rest = text + n;
  return *end == 0 && isfinite(*out);
}

static bool conf_set_double(double *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  char text[32];
  const char *rest = NULL;
  double v = 0;
  if (!conf_text(value, text, sizeof text) || !conf_number(text, &v, &rest) || *rest)
    return conf_fail(err, "%s: wants a number", k->name);
  if (v < k->min || v > k->max) return conf_fail(err, "%s: %s is outside %g to %g", k->name, text, k->min, k->max);
  *field = v;
  return true;
}

static double conf_unit_s(const char *unit) {
  static const struct {
    const char *text;
    double s;
  } units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strcmp(unit, units[i].text) == 0) return units[i].s;
  return 0;
}

static bool conf_set_duration(int64_t *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  char text[32];
  const char *rest = "";
  double v = 0, unit_s = 0;
  if (conf_text(value, text, sizeof text) && conf_number(text, &v, &rest)) unit_s = conf_unit_s(rest);
  if (unit_s == 0) return conf_fail(err, "%s: wants a duration with its unit, such as 500ms, 60s, 5m or 1h", k->name);
  if (v * unit_s < k->min || v * unit_s > k->max)
    return conf_fail(err, "%s: %s is outside %gs to %gs", k->name, text, k->min, k->max);
  *field = (int64_t)(v * unit_s * 1e9);
  return true;
}

static bool conf_set_url(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  bool ok = value.n == 0;
  for (size_t i = 0; i < value.n; i++)
    if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f)
      return conf_fail(err, "%s: a URL has no blanks", k->name);
  if (str_starts(value, STR("http://"))) ok = value.n > 7 && value.p[7] != '/';
  if (str_starts(value, STR("https://"))) ok = value.n > 8 && value.p[8] != '/';
  if (!ok) return conf_fail(err, "%s: wants a URL such as https://host:port/path", k->name);
  return conf_set_string(field, k, value, err);
}

static bool conf_set_name(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  for (size_t i = 0; i < value.n; i++) {
    char c = value.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!letter) return conf_fail(err, "%s: wants letters, digits, '-' and '_'", k->name);
  }
  return conf_set_string(field, k, value, err);
}

static bool conf_set_pairs(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  if (!pairs_good(value)) return conf_fail(err, "%s: wants NAME=VALUE, ';' between two, no name twice", k->name);
  return conf_set_string(field, k, value, err);
}

static bool conf_set_names(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  const char *why = "";
  if (!io_tls_allow_check(value, &why)) return conf_fail(err, "%s: %s", k->name, why);
  return conf_set_string(field, k, value, err);
}

static bool conf_set_bool(uint64_t *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  *field = str_eq(value, STR("true"));
  return *field || str_eq(value, STR("false")) || conf_fail(err, "%s: wants true or false", k->name);
}

static bool conf_set_severity(uint64_t *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  enum act_severity s;
  if (!act_severity_read(value, &s)) return conf_fail(err, "%s: wants info, warning or critical", k->name);
  *field = s;
  return true;
}

/* "" is for the default: none. */
static bool conf_set_type(uint64_t *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  char all[128];
  struct base_buf b = buf_over(all, sizeof all - 1);
  *field = ACT_TYPE_COUNT;
  for (unsigned t = 0; t < ACT_TYPE_COUNT; t++) {
    buf_put_f(&b, "%s%s", t ? ", " : "", act_type_text((enum act_type)t));
    if (str_eq(value, str_of(act_type_text((enum act_type)t)))) *field = t;
  }
  all[b.n] = 0;
  return *field < ACT_TYPE_COUNT || value.n == 0 || conf_fail(err, "%s: wants one of %s", k->name, all);
}

bool conf_value_set(void *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  switch (k->type) {
    case CONF_STRING: return conf_set_string(field, k, value, err);
    case CONF_SCOPES: return conf_set_scopes(field, k, value, err);
    case CONF_ADDRESS: return conf_set_address(field, k, value, err);
    case CONF_U64: return conf_set_u64(field, k, value, err);
    case CONF_DOUBLE: return conf_set_double(field, k, value, err);
    case CONF_DURATION: return conf_set_duration(field, k, value, err);
    case CONF_URL: return conf_set_url(field, k, value, err);
    case CONF_NAME: return conf_set_name(field, k, value, err);
    case CONF_PAIRS: return conf_set_pairs(field, k, value, err);
    case CONF_BOOL: return conf_set_bool(field, k, value, err);
    case CONF_SEVERITY: return conf_set_severity(field, k, value, err);
    case CONF_NAMES: return conf_set_names(field, k, value, err);
    case CONF_ACTTYPE: return conf_set_type(field, k, value, err);
    case CONF_LOGFORM: return log_form_read(value, field) || conf_fail(err, "%s: wants text or json", k->name);
  }
  MUST(!"conf type");
  return false;
}

/* Whole seconds as such. */
static void conf_write_duration(int64_t ns, struct base_buf *out) {
  if (ns % TIME_NS_PER_S == 0)
    buf_put_f(out, "%llds", (long long)(ns / TIME_NS_PER_S));
  else
    buf_put_f(out, "%.6fms", (double)ns / 1e6);
}

void conf_value_write(const void *field, const struct conf_key *k, struct base_buf *out) {
  switch (k->type) {
    case CONF_BOOL: buf_put_str(out, *(const uint64_t *)field ? STR("true") : STR("false")); break;
    case CONF_U64:
    case CONF_SEVERITY:
    case CONF_ACTTYPE: buf_put_u64(out, *(const uint64_t *)field); break;
    case CONF_LOGFORM: buf_put_str(out, str_of(log_form_text((enum log_form) * (const uint64_t *)field))); break;
    case CONF_DOUBLE: buf_put_f(out, "%.17g", *(const double *)field); break;
    case CONF_DURATION: conf_write_duration(*(const int64_t *)field, out); break;
    case CONF_STRING:
    case CONF_ADDRESS:
    case CONF_SCOPES:
    case CONF_NAMES:
    case CONF_URL:
    case CONF_NAME:
    case CONF_PAIRS: json_quote(out, str_of(field)); break; /* a JSON string is a YAML string */
  }
}
