#include "daemon_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"
#include "base_time.h"
#include "rec_scope.h"

enum conf_type { CONF_STRING, CONF_ADDRESS, CONF_U64, CONF_DOUBLE, CONF_DURATION, CONF_SCOPES };

struct conf_key {
  enum conf_type type;
  const char *name, *def, *unit, *text;
  double min, max;
  size_t offset;
};

#define CONF_FIELD_STRING(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_ADDRESS(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_SCOPES(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_U64(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_DOUBLE(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_DURATION(name) offsetof(struct daemon_conf, name##_ns)

static const struct conf_key conf_keys[] = {
#define X(type, name, def, min, max, unit, text) \
  {CONF_##type, #name, def, unit, text, min, max, CONF_FIELD_##type(name)},
    CONF_TABLE(X)
#undef X
};

#define CONF_KEY_N (sizeof conf_keys / sizeof conf_keys[0])

__attribute__((format(printf, 2, 3))) static bool conf_fail(struct conf_err *err, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(err->text, sizeof err->text, fmt, ap);
  va_end(ap);
  return false;
}

static const struct conf_key *conf_key_find(struct base_str name) {
  for (size_t i = 0; i < CONF_KEY_N; i++)
    if (str_eq(str_of(conf_keys[i].name), name)) return &conf_keys[i];
  return NULL;
}

static void *conf_field(struct daemon_conf *c, const struct conf_key *k) {
  return (char *)c + k->offset;
}

/* A NUL-terminated copy for the C library's readers; false where the value is longer or holds a NUL. */
static bool conf_text(struct base_str value, char *out, size_t cap) {
  if (value.n >= cap || (value.n && memchr(value.p, 0, value.n))) return false;
  if (value.n) memcpy(out, value.p, value.n);
  out[value.n] = 0;
  return true;
}

static bool conf_set_string(char *field, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  if ((double)value.n < k->min || (double)value.n > k->max || !conf_text(value, field, CONF_STRING_BYTES))
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

static bool conf_key_set(struct daemon_conf *c, const struct conf_key *k, struct base_str value, struct conf_err *err) {
  void *field = conf_field(c, k);
  switch (k->type) {
    case CONF_STRING: return conf_set_string(field, k, value, err);
    case CONF_SCOPES: return conf_set_scopes(field, k, value, err);
    case CONF_ADDRESS: return conf_set_address(field, k, value, err);
    case CONF_U64: return conf_set_u64(field, k, value, err);
    case CONF_DOUBLE: return conf_set_double(field, k, value, err);
    case CONF_DURATION: return conf_set_duration(field, k, value, err);
  }
  MUST(!"conf type");
  return false;
}

void conf_init(struct daemon_conf *c) {
  memset(c, 0, sizeof *c);
  struct conf_err err;
  for (size_t i = 0; i < CONF_KEY_N; i++) MUST(conf_key_set(c, &conf_keys[i], str_of(conf_keys[i].def), &err));
}

bool conf_has(struct base_str key) {
  return conf_key_find(key) != NULL;
}

bool conf_set(struct daemon_conf *c, struct base_str key, struct base_str value, struct conf_err *err) {
  const struct conf_key *k = conf_key_find(key);
  if (!k) return conf_fail(err, "unknown key '%.*s'", (int)(key.n < 64 ? key.n : 64), key.n ? key.p : "");
  return conf_key_set(c, k, value, err);
}

bool conf_set_pair(struct daemon_conf *c, const char *pair, struct conf_err *err) {
  struct base_str s = str_of(pair);
  size_t eq = str_find(s, '=', 0);
  memset(err, 0, sizeof *err);
  if (eq == s.n) return conf_fail(err, "wants KEY=VALUE, not '%.64s'", pair);
  return conf_set(c, str_cut(s, 0, eq), str_cut(s, eq + 1, s.n), err);
}

void conf_err_text(const struct conf_err *err, const char *path, struct base_buf *out) {
  if (err->line)
    buf_put_f(out, "%s:%u:%u: %s", path, err->line, err->column, err->text);
  else
    buf_put_f(out, "%s: %s", path, err->text);
}
