/* stats: what the decoder and identity understood. */
#include "daemon_command.h"
#include "daemon_stats.h"

static int stats_run(const struct option_set *o) {
  const char *text = option_get(o, "format", "als");
  enum daemon_format format;
  if (daemon_format_read(text, &format)) return daemon_stats(o->positional[0], format, stdout, stderr);
  command_say("stats: no format '%.32s'; " DAEMON_FORMAT_NAMES, text);
  return EXIT_USAGE;
}

static const struct option_spec stats_options[] = {
    {"format", "FORMAT", DAEMON_FORMAT_NAMES},
    {0},
};

const struct daemon_command command_stats = {
    .name = "stats",
    .usage = "[--format FORMAT] INPUT",
    .about = "counts what is in a recording, as one JSON object",
    .more = "INPUT is a file, a directory of streams where the format is als-grpc, or - for standard input.",
    .options = stats_options,
    .positional_min = 1,
    .positional_max = 1,
    .run = stats_run,
};
