/* The keys of a receiver of alerts. */
#include <stddef.h>
#include <string.h>

#include "base_must.h"
#include "daemon_conf_value.h"

#define CONF_AT_NAME(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_ACTTYPE(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_URL(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_STRING(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_PAIRS(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_SEVERITY(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_BOOL(name) offsetof(struct act_receiver_conf, name)
#define CONF_AT_DURATION(name) offsetof(struct act_receiver_conf, name##_ns)

static const struct conf_key keys[] = {
#define X(type, name, def, min, max, unit, types, text) \
  {CONF_##type, #name, def, unit, text, min, max, CONF_AT_##type(name)},
    ACT_RECEIVER_TABLE(X)
#undef X
};
#define X(type, name, def, min, max, unit, types, text) types,
static const char *const key_types[] = {ACT_RECEIVER_TABLE(X)};
#undef X

#define KEY_N (sizeof keys / sizeof keys[0])
_Static_assert(KEY_N <= 32, "a set of keys is one word");

static void *field_of(struct act_receiver_conf *r, size_t key) {
  return (char *)r + keys[key].offset;
}

void conf_receiver_init(struct act_receiver_conf *r) {
  struct conf_err err;
  memset(r, 0, sizeof *r);
  for (size_t i = 0; i < KEY_N; i++) MUST(conf_value_set(field_of(r, i), &keys[i], str_of(keys[i].def), &err));
}

int conf_receiver_key(struct base_str key) {
  for (size_t i = 0; i < KEY_N; i++)
    if (str_eq(str_of(keys[i].name), key)) return (int)i;
  return -1;
}

bool conf_receiver_set(struct act_receiver_conf *r, int key, struct base_str value, struct conf_err *err) {
  MUST(key >= 0 && (size_t)key < KEY_N);
  return conf_value_set(field_of(r, (size_t)key), &keys[key], value, err);
}

bool conf_receiver_has(const struct act_receiver_conf *r, int key, struct conf_err *err) {
  MUST(key >= 0 && (size_t)key < KEY_N && r->type < ACT_TYPE_COUNT);
  if (strchr(key_types[key], act_type_letter((enum act_type)r->type))) return true;
  return conf_fail(err, "%s: not for a receiver of type %s", keys[key].name, act_type_text((enum act_type)r->type));
}
