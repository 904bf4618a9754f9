/* alert test: a made-up incident, opened and ended, told to each receiver once; each one's answer is printed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "act_probe.h"
#include "base_json.h"
#include "daemon_command.h"
#include "daemon_setup.h"
#include "daemon_version.h"

#define ALERT_JSON_BYTES 4096u

/* Clearly a test: by its words, by its names, and by a severity that wakes nobody. The id is that of this second, so
 * that no receiver takes two tests for one. */
static void alert_incident(struct base_wall now, bool ended, struct base_buf *out) {
  char at[TIME_TEXT_BYTES];
  time_text(now, at);
  buf_put_f(out,
            "{\"id\":\"%016" PRIx64
            "\",\"verdict\":\"unhealthy\",\"kind\":\"errors\",\"severity\":\"info\","
            "\"state\":\"%s\",\"acked\":false,\"muted\":false,\"started_at\":\"%s\",\"detected_at\":\"%s\",",
            (uint64_t)(now.ns / TIME_NS_PER_S), ended ? "closed" : "open", at, at);
  buf_put_f(out, "\"ended_at\":%s%s%s,\"updated_at\":\"%s\",", ended ? "\"" : "", ended ? at : "null",
            ended ? "\"" : "", at);
  buf_put_f(out,
            "\"summary\":\"[TEST] foreshock alert test: nothing is wrong; this receiver works\",\"root_causes\":[{"
            "\"score\":1,\"entity\":{\"kind\":\"service\",\"namespace\":\"test\",\"service\":\"foreshock-alert-test\"},"
            "\"signal\":\"errors\",\"evidence\":\"made up by foreshock alert test\"}],\"affected\":[],"
            "\"not_affected\":[],\"impact\":{\"requests\":0,\"failed\":0,\"slow\":0},\"changes\":[],\"exemplars\":[],"
            "\"confidence\":1,\"telemetry\":\"complete\",\"rev\":%u}",
            ended ? 2u : 1u);
}

static bool alert_show(struct act_probe *p, const char *name, enum act_event event, struct base_str incident) {
  char why[ACT_WHY_BYTES];
  struct base_str body;
  enum act_probed probed = act_probe_show(p, event, incident, &body, why);
  if (probed == ACT_PROBE_BAD) {
    command_say("%s: %s: %s", name, act_event_text(event), why);
    return false;
  }
  if (probed == ACT_PROBE_GOOD) printf("# %s, %s\n%.*s\n", name, act_event_text(event), STR_ARG(body));
  return true;
}

static bool alert_send(struct act_probe *p, const char *name, enum act_event event, struct base_str incident) {
  char why[ACT_WHY_BYTES];
  int status = 0;
  enum act_probed probed = act_probe_send(p, event, incident, &status, why);
  printf("%s: %s: ", name, act_event_text(event));
  if (status) printf("status %d, ", status);
  if (probed == ACT_PROBE_GOOD)
    printf("taken\n");
  else
    printf("NOT taken: %s\n", why);
  fflush(stdout);
  return probed == ACT_PROBE_GOOD;
}

static bool alert_receiver(const struct act_conf *conf, uint32_t idx, struct base_wall now, bool print) {
  const char *name = conf->receiver[idx].name;
  char why[ACT_WHY_BYTES];
  bool ok = true;
  struct act_probe *p = act_probe_open(conf, idx, why);
  if (!p) command_say("%s: %s", name, why);
  for (unsigned end = 0; p && ok && end < 2; end++) {
    char json[ALERT_JSON_BYTES];
    struct base_buf b = buf_over(json, sizeof json);
    enum act_event event = end ? ACT_ENDED : ACT_OPENED;
    alert_incident(now, end != 0, &b);
    ok = print ? alert_show(p, name, event, buf_str(&b)) : alert_send(p, name, event, buf_str(&b));
  }
  act_probe_close(p);
  return p && ok;
}

static int alert_receivers(struct daemon_conf *conf, const char *only, bool print) {
  struct base_wall now = io_wall_now();
  uint32_t asked = 0;
  bool ok = true;
  conf->alerts.public_url = conf->public_url;
  conf->alerts.version = DAEMON_VERSION;
  for (uint32_t i = 0; i < conf->alerts.receiver_n; i++) {
    if (only && strcmp(only, conf->alerts.receiver[i].name) != 0) continue;
    asked++;
    ok &= alert_receiver(&conf->alerts, i, now, print);
  }
  if (asked == 0 && only) return command_fail("no receiver '%.64s' in the configuration", only);
  if (asked == 0) return command_fail("no receivers in the configuration; docs/alerts.md");
  return ok ? EXIT_DONE : EXIT_BAD;
}

static int alert_run(const struct option_set *o) {
  if (strcmp(o->positional[0], "test") != 0) {
    command_say("alert: wants `test`, not '%.64s'", o->positional[0]);
    return EXIT_USAGE;
  }
  struct daemon_conf *conf = calloc(1, sizeof *conf);
  if (!conf) return command_fail("out of memory");
  int status = EXIT_BAD;
  if (setup_conf(conf, o)) status = alert_receivers(conf, option_get(o, "receiver", NULL), option_has(o, "print"));
  free(conf);
  return status;
}

static const struct option_spec alert_options[] = {
    {"config", "FILE", "the configuration with the receivers"},
    {"receiver", "NAME", "only this one"},
    {"print", NULL, "print what would be sent, with *** for what is secret; send nothing"},
    {0},
};

const struct daemon_command command_alert = {
    .name = "alert",
    .usage = "test --config FILE [--receiver NAME] [--print]",
    .about = "tells a made-up incident, marked as a test, to the receivers of alerts, and prints their answers",
    .more =
        "The incident is opened and ended at once; a receiver's filters are not asked. 1 where one does not take it.",
    .options = alert_options,
    .positional_min = 1,
    .positional_max = 1,
    .run = alert_run,
};
