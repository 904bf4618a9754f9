#include "daemon_setup.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base_hash.h"
#include "base_must.h"
#include "daemon_command.h"
#include "daemon_version.h"

static bool setup_fail(const struct conf_err *err, const char *path) {
  char text[1024];
  struct base_buf out = buf_over(text, sizeof text - 1);
  conf_err_text(err, path, &out);
  text[out.n] = 0;
  command_say("%s", text);
  return false;
}

bool setup_conf(struct daemon_conf *conf, const struct option_set *o) {
  struct conf_err err = {0};
  const char *path = option_get(o, "config", NULL);
  conf_init(conf);
  if (path && !conf_load(conf, path, &err)) return setup_fail(&err, path);
  for (unsigned i = 0; i < o->given_n; i++) {
    bool is_set = strcmp(o->given[i].spec->name, "set") == 0;
    if (is_set && !conf_set_pair(conf, o->given[i].value, &err)) return setup_fail(&err, "--set");
  }
  return true;
}

unsigned setup_threads(const struct daemon_conf *conf) {
  if (conf->threads) return (unsigned)conf->threads;
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1u : n > (long)LIMIT_THREADS ? LIMIT_THREADS : (unsigned)n;
}

struct engine_conf setup_engine(const struct daemon_conf *conf) {
  return (struct engine_conf){.series_max = (uint32_t)conf->max_series,
                              .alerts_per_week = conf->alerts_per_week,
                              .seasonality = conf->seasonality != 0,
                              .mute = str_of(conf->mute)};
}

uint64_t setup_engine_hash(const struct daemon_conf *conf) {
  struct engine_conf e = setup_engine(conf);
  char text[CONF_STRING_BYTES + 256];
  struct base_buf out = buf_over(text, sizeof text);
  buf_put_f(&out, "%s %s %u %.17g %d ", DAEMON_VERSION, DAEMON_COMMIT, e.series_max, e.alerts_per_week, e.seasonality);
  buf_put_str(&out, e.mute);
  MUST(!out.bad);
  return hash_bytes(HASH_KEY_FIXED, out.p, out.n);
}

struct io_server_conf setup_http(const struct daemon_conf *conf, struct receiver *r, struct io_tls *tls,
                                 uint64_t *counters) {
  return (struct io_server_conf){.address = conf->http_address,
                                 .port = (uint16_t)conf->http_port,
                                 .http = receiver_http,
                                 .http_ctx = r,
                                 .http_over_h2 = true,
                                 .tls = tls,
                                 .idle_ns = conf->idle_timeout_ns,
                                 .counters = counters};
}

void setup_descriptors(void) {
  struct rlimit lim;
  if (getrlimit(RLIMIT_NOFILE, &lim) != 0) return;
  lim.rlim_cur = lim.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &lim);
}

bool setup_scrape(const struct daemon_conf *conf, struct io_loop *l, struct receiver *r, uint64_t *counters,
                  struct scrape **out) {
  struct io_scrape_conf io = {.counters = counters, .fn = receiver_scraped, .ctx = r};
  const char *err = "";
  *out = NULL;
  if (conf->scrape.job_n == 0) return true;
  (void)!getrandom(&io.seed, sizeof io.seed, GRND_NONBLOCK);
  *out = scrape_open(l, &conf->scrape, &io, &err);
  if (!*out) command_say("scrape: %s", err);
  return *out != NULL;
}

#define SETUP_TOKENS_BYTES 65536u

bool setup_tokens(const char *path, struct serve_tokens *out) {
  char text[SETUP_TOKENS_BYTES];
  const char *reason = "larger than 64 KiB";
  unsigned line = 0;
  FILE *f = fopen(path, "re");
  if (!f) {
    command_say("%s: %s", path, strerror(errno));
    return false;
  }
  size_t n = fread(text, 1, sizeof text, f);
  bool good = !ferror(f) && n < sizeof text && tokens_read((struct base_str){text, n}, out, &line, &reason);
  if (ferror(f)) reason = "cannot be read";
  fclose(f);
  explicit_bzero(text, sizeof text);
  if (!good) command_say("%s:%u: %s", path, line, reason);
  return good;
}
