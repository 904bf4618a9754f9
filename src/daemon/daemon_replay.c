#include "daemon_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon_command.h"
#include "daemon_incident.h"
#include "daemon_pack.h"
#include "daemon_setup.h"
#include "io_loop.h"
#include "rec_counter.h"

#define REPLAY_INCIDENTS_MAX 65536u
#define REPLAY_INCIDENT_BYTES (1u << 20)
#define REPLAY_SHOW_NS (200 * TIME_NS_PER_MS)

/* ---- for the readers ---- */

void replay_step(struct replay *r, struct base_wall now) {
  r->clock = now;
  while (line_step(r->line, now, false)) continue;
  (void)line_step_quiet(r->line, now);
}

void replay_fail(struct replay *r, const char *text) {
  if (!r->failed) snprintf(r->error, sizeof r->error, "%s", text);
  r->failed = true;
}

void replay_progress(struct replay *r) {
  if (!r->progress) return;
  int64_t now = io_mono_now().ns;
  if (now - r->shown_at < REPLAY_SHOW_NS) return;
  r->shown_at = now;
  const uint64_t *n = wire_fold_counters(line_fold(r->line));
  fprintf(stderr, "\r%llu messages, %llu entries, %llu ticks, %u incidents ",
          (unsigned long long)n[REC_COUNTER_MESSAGES], (unsigned long long)n[REC_COUNTER_ENTRIES],
          (unsigned long long)r->ticks, serve_store_n(r->store));
}

/* ---- what comes out of the line ---- */

static void replay_incident(void *ctx, const struct rec_incident *incident) {
  struct replay *r = ctx;
  incident_text(incident, &r->json);
  if (r->json.bad || serve_store_put(r->store, buf_str(&r->json)) == SERVE_PUT_BAD) r->lost = true;
}

static void replay_tick(void *ctx, const struct rec_tick_input *in, struct rec_tick tick) {
  struct replay *r = ctx;
  (void)in;
  (void)tick;
  r->ticks++;
}

/* ---- the command ---- */

static bool replay_write(struct replay *r, const char *path) {
  bool standard = strcmp(path, "-") == 0;
  FILE *f = standard ? stdout : fopen(path, "we");
  const struct serve_item *const *item = serve_store_sorted(r->store);
  for (uint32_t i = 0; f && item && i < serve_store_n(r->store); i++) {
    if (item[i]->merged) continue;
    fwrite(item[i]->json.p, 1, item[i]->json.n, f);
    fputc('\n', f);
  }
  bool good = f && fflush(f) == 0 && !ferror(f);
  if (!good) command_say("%s: %s", standard ? "standard output" : path, strerror(errno));
  if (f && !standard && fclose(f) != 0) good = false;
  return good;
}

static double replay_seconds(const struct timespec *t) {
  return (double)t->tv_sec + (double)t->tv_nsec / 1e9;
}

static void replay_summary(struct replay *r, double wall_s) {
  const uint64_t *n = wire_fold_counters(line_fold(r->line));
  struct engine_info info;
  struct timespec cpu = {0};
  char end[TIME_TEXT_BYTES];
  engine_info(line_engine(r->line), &info);
  time_text(info.tick_end, end);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  if (r->progress) fputs("\r\033[K", stderr);
  fprintf(stderr, "%llu messages, %llu entries, %llu ticks to %s, %u series, %u incidents\n",
          (unsigned long long)n[REC_COUNTER_MESSAGES], (unsigned long long)n[REC_COUNTER_ENTRIES],
          (unsigned long long)r->ticks, end, info.series_n, serve_store_n(r->store));
  if (r->skipped) fprintf(stderr, "%llu messages passed over\n", (unsigned long long)r->skipped);
  fprintf(stderr, "%.2f s, %.2f s of CPU\n", wall_s, replay_seconds(&cpu));
}

static void replay_read(struct replay *r, const char *format, const char *path) {
  enum daemon_format messages;
  if (strcmp(format, "recording") == 0)
    replay_recording(r, path);
  else if (strcmp(format, "journal") == 0)
    replay_journal(r, path);
  else if (daemon_format_read(format, &messages))
    replay_messages(r, path, messages);
  while (line_step(r->line, r->clock, true)) continue;
}

static int replay_results(struct replay *r, const struct option_set *o, double wall_s) {
  const char *incidents = option_get(o, "incidents", "-");
  bool good = replay_write(r, incidents);
  replay_summary(r, wall_s);
  if (option_has(o, "digest"))
    fprintf(strcmp(incidents, "-") == 0 ? stderr : stdout, "digest %016llx\n",
            (unsigned long long)engine_digest(line_engine(r->line)));
  if (r->lost) command_say("more incidents than can be kept, or out of memory");
  if (r->failed) command_say("%s", r->error);
  return good && !r->failed && !r->lost ? EXIT_DONE : EXIT_BAD;
}

static bool replay_open(struct replay *r, const struct daemon_conf *conf) {
  struct line_conf line = {.engine = setup_engine(conf), .threads = setup_threads(conf)};
  const char *err = "out of memory";
  r->json = buf_open(REPLAY_INCIDENT_BYTES);
  r->store = serve_store_open(REPLAY_INCIDENTS_MAX);
  r->line = r->store ? line_open(&line, &err) : NULL;
  if (!r->line) {
    command_say("%s", err);
    return false;
  }
  line_on(r->line, replay_incident, replay_tick, r);
  r->progress = isatty(STDERR_FILENO) != 0;
  return true;
}

static void replay_close(struct replay *r) {
  if (r->line) line_close(r->line);
  serve_store_close(r->store);
  buf_fini(&r->json);
}

static bool replay_conf(struct daemon_conf *conf, const struct option_set *o) {
  const char *threads = option_get(o, "threads", NULL);
  struct conf_err err = {0};
  if (!setup_conf(conf, o)) return false;
  if (!threads || conf_set(conf, STR("threads"), str_of(threads), &err)) return true;
  command_say("--threads: %s", err.text);
  return false;
}

static bool replay_format_known(const char *format) {
  enum daemon_format messages;
  return daemon_format_read(format, &messages) || strcmp(format, "recording") == 0 || strcmp(format, "journal") == 0;
}

/* One incident again: its configuration is its own. */
static int replay_one(const struct option_set *o, struct daemon_conf *conf) {
  const char *id = option_get(o, "incident", NULL), *data = option_get(o, "data", NULL), *path = o->positional[0];
  if ((id && (!data || path)) || option_has(o, "config") || option_has(o, "set") || option_has(o, "format")) {
    command_say("replay: of one incident wants --incident ID --data DIR, or a pack; and no configuration");
    return EXIT_USAGE;
  }
  if (!replay_conf(conf, o)) return EXIT_BAD;
  return replay_pack(path, data, id, setup_threads(conf), option_get(o, "incidents", "-"));
}

static int replay_all(const struct option_set *o, struct daemon_conf *conf) {
  const char *format = option_get(o, "format", "als"), *path = o->positional[0];
  struct replay r = {0};
  if (!path) {
    command_say("replay: wants INPUT, or --incident ID --data DIR");
    return EXIT_USAGE;
  }
  if (!replay_format_known(format)) {
    command_say("replay: no format '%.32s'; " DAEMON_FORMAT_NAMES ", recording or journal", format);
    return EXIT_USAGE;
  }
  if (!replay_conf(conf, o)) return EXIT_BAD;
  int status = EXIT_BAD;
  if (replay_open(&r, conf)) {
    struct base_mono from = io_mono_now();
    replay_read(&r, format, path);
    status = replay_results(&r, o, (double)(io_mono_now().ns - from.ns) / 1e9);
  }
  replay_close(&r);
  return status;
}

static int replay_run(const struct option_set *o) {
  const char *path = o->positional[0];
  bool one = option_has(o, "incident") || (path && !option_has(o, "format") && pack_is(path));
  struct daemon_conf *conf = malloc(sizeof *conf);
  if (!conf) return command_fail("out of memory");
  int status = one ? replay_one(o, conf) : replay_all(o, conf);
  free(conf);
  return status;
}

static const struct option_spec replay_options[] = {
    {"format", "FORMAT", DAEMON_FORMAT_NAMES ", recording or journal"},
    {"incident", "ID", "make this incident of --data again, from its black box"},
    {"data", "DIR", "the data directory that has it; its daemon may be running"},
    {"incidents", "FILE", "write the incidents to FILE, one JSON line each; - (default) is standard output"},
    {"threads", "N", "threads of the engine; the answer does not depend on it; 0: one a core"},
    {"digest", NULL,
     "print a digest of all that was learned: to standard output, or to standard error where the "
     "incidents go to standard output"},
    {"config", "FILE", "read the configuration from FILE (YAML)"},
    {"set", "KEY=VALUE", "set one configuration key; may be repeated"},
    {0},
};

const struct daemon_command command_replay = {
    .name = "replay",
    .usage =
        "[--format FORMAT] [--incidents FILE] [--threads N] [--digest] [--set KEY=VALUE]... INPUT\n"
        "       foreshock replay [--incidents FILE] [--threads N] --incident ID --data DIR | PACK",
    .about = "runs the engine over a recording, or makes one incident again",
    .more =
        "INPUT is a file, a directory where the format is journal, or - for standard input. Time is the "
        "recording's own. A\nbroken or cut input is reported at the end; what could be read counts.\n"
        "With --incident, or of a PACK that export wrote: one incident is made again, and compared with what was told "
        "then;\nwhere it is not the same byte for byte, the exit status is 1.",
    .options = replay_options,
    .positional_max = 1,
    .run = replay_run,
};
