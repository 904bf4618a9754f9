/* check and version. */
#include <curl/curl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <yaml.h>
#include <yyjson.h>

#include "act_probe.h"
#include "daemon_command.h"
#include "daemon_conf.h"
#include "daemon_setup.h"
#include "daemon_tls.h"
#include "daemon_version.h"

/* What a file cannot tell by itself: whether the receivers' templates are any. Secrets are not read here: they may be
 * elsewhere. */
static int check_receivers(struct daemon_conf *conf, const char *path) {
  for (uint32_t i = 0; i < conf->alerts.receiver_n; i++) {
    char why[ACT_WHY_BYTES];
    struct act_probe *p = act_probe_open(&conf->alerts, i, why);
    if (!p) fprintf(stderr, "%s: receiver %s: %s\n", path, conf->alerts.receiver[i].name, why);
    if (!p) return EXIT_BAD;
    act_probe_close(p);
  }
  return EXIT_DONE;
}

static int check_tls(const struct daemon_conf *conf, const char *path) {
  struct tls_set set;
  char why[IO_TLS_WHY_BYTES];
  bool good = tls_open(conf, &set, why);
  if (!good) fprintf(stderr, "%s: %s\n", path, why);
  for (unsigned i = 0; i < TLS_LISTENERS; i++) {
    const char *problem = set.of[i] ? io_tls_problem(set.of[i], io_wall_now()) : NULL;
    if (problem) fprintf(stderr, "%s: %s_tls_cert: %s\n", path, tls_listener_text((enum tls_listener)i), problem);
    good &= !problem;
  }
  tls_close(&set);
  return good ? EXIT_DONE : EXIT_BAD;
}

static int check_file(struct daemon_conf *conf, const char *path) {
  struct conf_err err;
  conf_init(conf);
  if (conf_load(conf, path, &err)) {
    struct serve_tokens tokens;
    if (conf->api_tokens[0] && !setup_tokens(conf->api_tokens, &tokens)) return EXIT_BAD;
    int status = check_tls(conf, path);
    return status == EXIT_DONE ? check_receivers(conf, path) : status;
  }
  char text[2048];
  struct base_buf out = buf_over(text, sizeof text - 1);
  conf_err_text(&err, path, &out);
  text[out.n] = 0;
  fprintf(stderr, "%s\n", text);
  return EXIT_BAD;
}

static int check_run(const struct option_set *o) {
  const char *path = option_get(o, "config", NULL);
  if (!path) {
    command_say("check: wants --config FILE");
    return EXIT_USAGE;
  }
  struct daemon_conf *conf = malloc(sizeof *conf);
  if (!conf) return command_fail("out of memory");
  int status = check_file(conf, path);
  free(conf);
  return status;
}

static const struct option_spec check_options[] = {
    {"config", "FILE", "the configuration to check; - is standard input"},
    {0},
};

const struct daemon_command command_check = {
    .name = "check",
    .usage = "--config FILE",
    .about = "says what is wrong in a configuration, with line and column",
    .options = check_options,
    .run = check_run,
};

static int version_run(const struct option_set *o) {
  (void)o;
  struct base_buf text = buf_open(4096);
  buf_put_f(&text, "foreshock %s (%s)\n", DAEMON_VERSION, DAEMON_COMMIT);
  buf_put_f(&text, "nghttp2 %s, libyaml %s, yyjson %s\n", DAEMON_NGHTTP2, yaml_get_version_string(),
            YYJSON_VERSION_STRING);
  buf_put_f(&text, "%s, SQLite %s\n", curl_version(), sqlite3_libversion());
  int status = command_print(&text);
  buf_fini(&text);
  return status;
}

const struct daemon_command command_version = {
    .name = "version",
    .usage = "",
    .about = "prints version, commit and libraries",
    .run = version_run,
};
