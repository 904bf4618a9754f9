/* Command line options from a table: --name VALUE, --name=VALUE, --name, then positional arguments. `--` ends the
 * options; a lone `-` is positional. */
#ifndef DAEMON_OPTION_H
#define DAEMON_OPTION_H

#include <stdbool.h>

#define OPTION_GIVEN_MAX 64u
#define OPTION_POSITIONAL_MAX 4u

struct option_spec {
  const char *name;  /* without dashes; NULL ends a table */
  const char *value; /* what the value is called in the help, NULL: a flag */
  const char *help;
};

struct option_set {
  const struct option_spec *spec;
  struct {
    const struct option_spec *spec;
    const char *value; /* "" for a flag */
  } given[OPTION_GIVEN_MAX];
  unsigned given_n;
  const char *positional[OPTION_POSITIONAL_MAX];
  unsigned positional_n;
  bool help; /* --help or -h was among them */
  char error[160];
};

/* False: error says why. argv holds what follows the command's name; views into it are kept. */
bool option_read(struct option_set *o, const struct option_spec *spec, int argc, char **argv);
/* The last value given, or `otherwise`. */
const char *option_get(const struct option_set *o, const char *name, const char *otherwise);
bool option_has(const struct option_set *o, const char *name);

#endif
