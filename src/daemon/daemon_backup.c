/* backup: a copy of the history, of incidents or of series, while a daemon writes it. */
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
  const char *name = option_has(o, "series") ? "series.db" : "history.db";
  snprintf(path, sizeof path, "%.*s/%s", (int)CONF_STRING_BYTES - 1, data, name);
  return store_backup(path, out, err) ? EXIT_DONE : command_fail("%s", err);
}

static const struct option_spec backup_options[] = {
    {"data", "DIR", "the data directory of the daemon"},
    {"out", "FILE", "the copy; must not exist yet"},
    {"series", NULL, "copy the history of series, not that of incidents"},
    {0},
};

const struct daemon_command command_backup = {
    .name = "backup",
    .usage = "--data DIR --out FILE [--series]",
    .about = "copies the history of incidents, or of series (SQLite), also while a daemon runs",
    .more =
        "The copy is one file, checked, and appears when it is complete. To restore, stop the daemon and put it in the "
        "place of DIR/history.db,\nor of DIR/series.db with --series (remove the -wal and -shm beside it).",
    .options = backup_options,
    .run = backup_run,
};
