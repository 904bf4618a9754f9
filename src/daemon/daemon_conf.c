#include "daemon_conf.h"

#include <stddef.h>
#include <stdio.h>

#include "base_must.h"
#include "daemon_conf_value.h"

#define CONF_FIELD_STRING(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_ADDRESS(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_SCOPES(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_NAMES(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_BOOL(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_URL(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_U64(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_LOGFORM(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_DOUBLE(name) offsetof(struct daemon_conf, name)
#define CONF_FIELD_DURATION(name) offsetof(struct daemon_conf, name##_ns)

static const struct conf_key conf_keys[] = {
#define X(type, name, def, min, max, unit, text) \
  {CONF_##type, #name, def, unit, text, min, max, CONF_FIELD_##type(name)},
    CONF_TABLE(X)
#undef X
};

#define CONF_KEY_N (sizeof conf_keys / sizeof conf_keys[0])

static const struct conf_key *conf_key_find(struct base_str name) {
  for (size_t i = 0; i < CONF_KEY_N; i++)
    if (str_eq(str_of(conf_keys[i].name), name)) return &conf_keys[i];
  return NULL;
}

static void *conf_field(struct daemon_conf *c, const struct conf_key *k) {
  return (char *)c + k->offset;
}

void conf_init(struct daemon_conf *c) {
  memset(c, 0, sizeof *c);
  struct conf_err err;
  for (size_t i = 0; i < CONF_KEY_N; i++)
    MUST(conf_value_set(conf_field(c, &conf_keys[i]), &conf_keys[i], str_of(conf_keys[i].def), &err));
}

bool conf_has(struct base_str key) {
  return conf_key_find(key) != NULL;
}

bool conf_set(struct daemon_conf *c, struct base_str key, struct base_str value, struct conf_err *err) {
  const struct conf_key *k = conf_key_find(key);
  if (!k && (str_eq(key, STR("receivers")) || str_eq(key, STR("scrape"))))
    return conf_fail(err, "%.*s: only in a file", STR_ARG(key));
  if (!k) return conf_fail(err, "unknown key '%.*s'", (int)(key.n < 64 ? key.n : 64), key.n ? key.p : "");
  return conf_value_set(conf_field(c, k), k, value, err);
}

bool conf_set_pair(struct daemon_conf *c, const char *pair, struct conf_err *err) {
  struct base_str s = str_of(pair);
  size_t eq = str_find(s, '=', 0);
  memset(err, 0, sizeof *err);
  if (eq == s.n) return conf_fail(err, "wants KEY=VALUE, not '%.64s'", pair);
  return conf_set(c, str_cut(s, 0, eq), str_cut(s, eq + 1, s.n), err);
}

void conf_write(const struct daemon_conf *c, bool numbers_only, struct base_buf *out) {
  for (size_t i = 0; i < CONF_KEY_N; i++) {
    const struct conf_key *k = &conf_keys[i];
    bool number = k->type == CONF_U64 || k->type == CONF_DOUBLE || k->type == CONF_DURATION;
    if (numbers_only && !number) continue;
    buf_put_f(out, "%s: ", k->name);
    conf_value_write((const char *)c + k->offset, k, out);
    buf_put_char(out, '\n');
  }
}

void conf_err_text(const struct conf_err *err, const char *path, struct base_buf *out) {
  if (err->line)
    buf_put_f(out, "%s:%u:%u: %s", path, err->line, err->column, err->text);
  else
    buf_put_f(out, "%s: %s", path, err->text);
}
