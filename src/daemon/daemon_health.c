/* health: does a daemon answer, and is it ready? For containers' health checks and for scripts. */
#include <stdio.h>
#include <yyjson.h>

#include "daemon_ask.h"
#include "daemon_command.h"

static int health_run(const struct option_set *o) {
  struct ask a;
  if (!ask_open(&a, o, "/readyz")) return EXIT_BAD;
  yyjson_doc *doc = ask_get(&a);
  if (!doc) return EXIT_BAD;
  yyjson_doc_free(doc);
  puts("ready");
  return EXIT_DONE;
}

static const struct option_spec health_options[] = {ASK_OPTIONS, {0}};

const struct daemon_command command_health = {
    .name = "health",
    .usage = "[--url URL]",
    .about = "exits with 0 where a running daemon is ready",
    .options = health_options,
    .run = health_run,
};
