/* replay of one incident: from its black box, or from a pack. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon_command.h"
#include "daemon_remake.h"
#include "daemon_replay.h"
#include "daemon_setup.h"

static bool json_write(const char *path, const struct base_buf *json) {
  bool standard = strcmp(path, "-") == 0;
  FILE *f = standard ? stdout : fopen(path, "we");
  bool good = f && fwrite(json->p, 1, json->n, f) == json->n && fputc('\n', f) != EOF && fflush(f) == 0;
  if (f && !standard && fclose(f) != 0) good = false;
  if (!good) command_say("%s: cannot be written", standard ? "standard output" : path);
  return good;
}

/* One line on standard error: what was made, and whether it is what was told. */
static bool compare(const struct remake *r) {
  const struct pack *p = r->pack;
  if (r->rev == 0) return command_fail("%s: not made again in %llu ticks", p->id, (unsigned long long)r->ticks) == 0;
  if (p->stored.n == 0) {
    command_say("%s: made again up to state %llu; what was told is no longer kept", p->id, (unsigned long long)r->rev);
    return true;
  }
  bool same = str_eq(buf_str(&r->json), buf_str(&p->stored));
  command_say("%s: state %llu after %llu ticks, %s what was told", p->id, (unsigned long long)r->rev,
              (unsigned long long)r->ticks, same ? "byte for byte" : "and it differs from");
  return same;
}

/* What follows the last state in a file must be whole, too. */
static bool drain(struct pack *p, struct journal_err *err) {
  struct base_str body;
  enum journal_status status;
  while (p->is_file && (status = pack_next(p, &body, err)) != JOURNAL_END)
    if (status != JOURNAL_OK) return false;
  return true;
}

static bool make(struct pack *p, struct daemon_conf *conf, unsigned threads, const char *out) {
  struct journal_err err = {0};
  struct remake r = {0};
  enum journal_status status = JOURNAL_END;
  if (!remake_conf(p, conf, &err)) return command_fail("%s", err.text) == 0;
  if (setup_engine_hash(conf) != p->engine) command_say("made by version %s, not by this one", p->version);
  bool good = remake_open(&r, p, conf, threads, &err);
  while (good && (status = remake_next(&r, &err)) == JOURNAL_OK) continue;
  good = good && status == JOURNAL_END && drain(p, &err);
  if (!good) command_say("%s", err.text);
  if (r.rev) good = json_write(out, &r.json) && good;
  good = compare(&r) && good;
  remake_close(&r);
  return good;
}

int replay_pack(const char *path, const char *data, const char *id, unsigned threads, const char *out) {
  struct pack p;
  struct journal_err err = {0};
  struct daemon_conf *conf = malloc(sizeof *conf);
  if (!conf) return command_fail("out of memory");
  bool good = id ? pack_open_dir(&p, data, id, &err) : pack_open_file(&p, path, &err);
  if (!good) command_say("%s", err.text);
  good = good && make(&p, conf, threads, out);
  pack_close(&p);
  free(conf);
  return good ? EXIT_DONE : EXIT_BAD;
}
