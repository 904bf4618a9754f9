/* One configuration value from its text, by its type. */
#ifndef DAEMON_CONF_VALUE_H
#define DAEMON_CONF_VALUE_H

#include "daemon_conf.h"

enum conf_type {
  CONF_STRING,
  CONF_ADDRESS,
  CONF_U64,
  CONF_DOUBLE,
  CONF_DURATION,
  CONF_SCOPES,
  CONF_URL,
  CONF_NAME,
  CONF_PAIRS,
  CONF_BOOL,
  CONF_SEVERITY,
  CONF_ACTTYPE,
  CONF_NAMES,
  CONF_LOGFORM,
};

struct conf_key {
  enum conf_type type;
  const char *name, *def, *unit, *text;
  double min, max;
  size_t offset;
};

/* field has the C type of k->type; a text has room for k->max bytes and a NUL. False: err->text names key and reason.
 */
bool conf_value_set(void *field, const struct conf_key *k, struct base_str value, struct conf_err *err);

/* The value as YAML; of the types that the table of keys has. */
void conf_value_write(const void *field, const struct conf_key *k, struct base_buf *out);

/* Puts the text into *err; returns false, for `return conf_fail(...)`. */
bool conf_fail(struct conf_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
