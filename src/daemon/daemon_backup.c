/* backup: a copy of the history, while a daemon writes it. */
#include <stdio.h>

#include "daemon_command.h"
#include "daemon_conf.h"
#include "store.h"

static int backup_run(const struct option_set *o) {
  const char *data = option_get(o, "data", NULL), *out = option_get(o, "out", NULL);
  char path[CONF_STRING_BYTES + 16], err[256];
  if (!data || !out) {
    command_say("backup: wants --data DIR and --out FILE");
    return EXIT_USAGE;
  }
  snprintf(path, sizeof path, "%.*s/history.db", (int)CONF_STRING_BYTES - 1, data);
  return store_backup(path, out, err) ? EXIT_DONE : command_fail("%s", err);
}

static const struct option_spec backup_options[] = {
    {"data", "DIR", "the data directory of the daemon"},
    {"out", "FILE", "the copy; must not exist yet"},
    {0},
};

const struct daemon_command command_backup = {
    .name = "backup",
    .usage = "--data DIR --out FILE",
    .about = "copies the history of incidents (SQLite), also while a daemon runs",
    .more =
        "The copy is one file, checked, and appears when it is complete. To restore, stop the daemon and put it in the "
        "place of DIR/history.db (remove history.db-wal and -shm).",
    .options = backup_options,
    .run = backup_run,
};
