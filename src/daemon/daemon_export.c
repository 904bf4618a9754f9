/* export: one incident with all that makes it again, in one file. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon_command.h"
#include "daemon_export_hash.h"
#include "daemon_pack.h"

static bool ticks_copy(struct pack *p, struct journal *out, struct journal_err *err) {
  struct base_str body;
  enum journal_status status;
  while ((status = pack_next(p, &body, err)) == JOURNAL_OK)
    if (!pack_frame_write(out, REC_FRAME_TICK, body, err)) return false;
  return status == JOURNAL_END;
}

static bool pack_write(struct pack *p, struct journal *out, struct journal_err *err) {
  return pack_head_write(p, out, err) && ticks_copy(p, out, err) && pack_end_write(out, err);
}

/* It appears under its name when it is whole. hash_from: the data directory, for one by hashed names; or NULL. */
static bool export_to(struct pack *p, const char *path, const char *hash_from, struct journal_err *err) {
  char part[PATH_MAX];
  int n = snprintf(part, sizeof part, "%s.part", path);
  if (n < 0 || (size_t)n >= sizeof part) return pack_fail(err, "--out", "too long");
  if (access(path, F_OK) == 0) return pack_fail(err, path, "exists already");
  (void)unlink(part);
  struct journal_conf conf = {.file = part, .segment_bytes = UINT64_MAX};
  struct journal *out = journal_open(&conf, err);
  bool good = out && (hash_from ? pack_write_hashed(p, hash_from, out, err) : pack_write(p, out, err));
  journal_close(out);
  if (good && rename(part, path) != 0) good = pack_fail(err, path, strerror(errno));
  if (!good) (void)unlink(part);
  return good;
}

static int export_run(const struct option_set *o) {
  const char *id = option_get(o, "incident", NULL), *data = option_get(o, "data", NULL);
  const char *out = option_get(o, "out", NULL);
  struct pack p;
  struct journal_err err = {0};
  if (!id || !data || !out) {
    command_say("export: wants --incident ID, --data DIR and --out FILE");
    return EXIT_USAGE;
  }
  bool good = pack_open_dir(&p, data, id, &err) && export_to(&p, out, option_has(o, "hash-names") ? data : NULL, &err);
  pack_close(&p);
  return good ? EXIT_DONE : command_fail("%s", err.text);
}

static const struct option_spec export_options[] = {
    {"incident", "ID", "the incident"},
    {"data", "DIR", "the data directory of the daemon, which may be running"},
    {"out", "FILE", "the pack; must not exist yet"},
    {"hash-names", NULL, "put keyed hashes in place of names, addresses and ids of requests; the key is forgotten"},
    {0},
};

const struct daemon_command command_export = {
    .name = "export",
    .usage = "--incident ID --data DIR --out FILE [--hash-names]",
    .about = "packs an incident with all that makes it again, for a bug report",
    .more =
        "The pack holds what the engine knew before the incident, its input since, the incident, version and "
        "configuration\n(without receivers of alerts). `foreshock replay FILE` makes the incident again from it.",
    .options = export_options,
    .run = export_run,
};
