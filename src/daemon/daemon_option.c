#include "daemon_option.h"

#include <stdio.h>
#include <string.h>

#include "base_must.h"

static const struct option_spec *option_find(const struct option_spec *spec, const char *name, size_t n) {
  for (; spec && spec->name; spec++)
    if (strlen(spec->name) == n && memcmp(spec->name, name, n) == 0) return spec;
  return NULL;
}

static bool option_fail(struct option_set *o, const char *what, const char *arg) {
  snprintf(o->error, sizeof o->error, "%s: %.100s", what, arg);
  return false;
}

/* arg starts with "--". Sets *used to the number of arguments taken, 1 or 2. */
static bool option_read_one(struct option_set *o, const char *arg, const char *next, int *used) {
  const char *name = arg + 2, *eq = strchr(name, '=');
  const struct option_spec *s = option_find(o->spec, name, eq ? (size_t)(eq - name) : strlen(name));
  *used = 1;
  if (!s) return option_fail(o, "unknown option", arg);
  if (o->given_n == OPTION_GIVEN_MAX) return option_fail(o, "too many options", arg);
  const char *value = eq ? eq + 1 : "";
  if (!s->value && eq) return option_fail(o, "takes no value", arg);
  if (s->value && !eq) {
    if (!next) return option_fail(o, "wants a value", arg);
    value = next;
    *used = 2;
  }
  o->given[o->given_n].spec = s;
  o->given[o->given_n++].value = value;
  return true;
}

static bool option_positional(struct option_set *o, const char *arg) {
  if (o->positional_n == OPTION_POSITIONAL_MAX) return option_fail(o, "too many arguments", arg);
  o->positional[o->positional_n++] = arg;
  return true;
}

bool option_read(struct option_set *o, const struct option_spec *spec, int argc, char **argv) {
  memset(o, 0, sizeof *o);
  o->spec = spec;
  bool rest = false;
  for (int i = 0, used = 1; i < argc; i += used) {
    const char *arg = argv[i];
    used = 1;
    if (!rest && strcmp(arg, "--") == 0) {
      rest = true;
    } else if (!rest && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
      o->help = true;
    } else if (!rest && strncmp(arg, "--", 2) == 0) {
      if (!option_read_one(o, arg, i + 1 < argc ? argv[i + 1] : NULL, &used)) return false;
    } else if (!rest && arg[0] == '-' && arg[1]) {
      return option_fail(o, "unknown option", arg);
    } else if (!option_positional(o, arg)) {
      return false;
    }
  }
  return true;
}

const char *option_get(const struct option_set *o, const char *name, const char *otherwise) {
  MUST(option_find(o->spec, name, strlen(name)));
  for (unsigned i = o->given_n; i-- > 0;)
    if (strcmp(o->given[i].spec->name, name) == 0) return o->given[i].value;
  return otherwise;
}

bool option_has(const struct option_set *o, const char *name) {
  return option_get(o, name, NULL) != NULL;
}
