#include "daemon_tls.h"

#include <stdio.h>

#include "daemon_log.h"

static const char *const listener_text[TLS_LISTENERS] = {"grpc", "http", "api"};

const char *tls_listener_text(enum tls_listener l) {
  return listener_text[l];
}

#define TLS_OF(l)                                                                                              \
  (struct io_tls_conf) {                                                                                       \
    .cert_file = conf->l##_tls_cert, .key_file = conf->l##_tls_key, .client_ca_file = conf->l##_tls_client_ca, \
    .client_required = conf->l##_tls_client_required != 0, .client_allow = conf->l##_tls_client_allow          \
  }

static struct io_tls_conf tls_conf_of(const struct daemon_conf *conf, enum tls_listener l) {
  const struct io_tls_conf all[TLS_LISTENERS] = {TLS_OF(grpc), TLS_OF(http), TLS_OF(api)};
  return all[l];
}

/* What one key asks of another. */
static const char *tls_wrong(const struct io_tls_conf *c) {
  if (!c->cert_file[0] && (c->key_file[0] || c->client_ca_file[0])) return "_tls_cert: not given, and others are";
  if (c->client_allow[0] && !c->client_ca_file[0]) return "_tls_client_allow: wants _tls_client_ca";
  if (c->client_allow[0] && !c->client_required) return "_tls_client_allow: wants _tls_client_required: true";
  return NULL;
}

static bool tls_open_one(const struct daemon_conf *conf, struct tls_set *set, enum tls_listener l,
                         char why[IO_TLS_WHY_BYTES]) {
  struct io_tls_conf c = tls_conf_of(conf, l);
  const char *wrong = tls_wrong(&c);
  char text[IO_TLS_WHY_BYTES];
  if (wrong) snprintf(why, IO_TLS_WHY_BYTES, "%s%s", listener_text[l], wrong);
  if (wrong) return false;
  if (!c.cert_file[0]) return true;
  set->of[l] = io_tls_open(&c, text);
  if (!set->of[l]) snprintf(why, IO_TLS_WHY_BYTES, "%s_tls: %.200s", listener_text[l], text);
  return set->of[l] != NULL;
}

bool tls_open_receivers(const struct daemon_conf *conf, struct tls_set *set, char why[IO_TLS_WHY_BYTES]) {
  *set = (struct tls_set){0};
  return tls_open_one(conf, set, TLS_GRPC, why) && tls_open_one(conf, set, TLS_HTTP, why);
}

bool tls_open(const struct daemon_conf *conf, struct tls_set *set, char why[IO_TLS_WHY_BYTES]) {
  return tls_open_receivers(conf, set, why) && tls_open_one(conf, set, TLS_API, why);
}

void tls_close(struct tls_set *set) {
  for (unsigned i = 0; i < TLS_LISTENERS; i++) io_tls_close(set->of[i]);
  *set = (struct tls_set){0};
}

void tls_watch(struct tls_set *set, struct base_wall now) {
  for (unsigned i = 0; i < TLS_LISTENERS; i++) {
    const char *problem = set->of[i] ? io_tls_problem(set->of[i], now) : NULL;
    if ((problem != NULL) == set->said[i]) continue;
    set->said[i] = problem != NULL;
    log_say(problem ? BASE_LEVEL_ERROR : BASE_LEVEL_INFO, "tls", "%s: %s", listener_text[i],
            problem ? problem : "the certificate is good again");
  }
}

const char *tls_clients_text(const struct daemon_conf *conf, enum tls_listener l) {
  struct io_tls_conf c = tls_conf_of(conf, l);
  if (!c.client_ca_file[0]) return "none";
  return c.client_required ? "required" : "asked for";
}
