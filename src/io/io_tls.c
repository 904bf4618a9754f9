/* A listener's certificate: read, watched, read again. */
#include "io_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base_must.h"
#include "io_tls_room.h"

#define TLS_SESSION_S 300 /* a ticket's life: how long a client whose certificate has ended may come back with one */
/* TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has no others. */
#define TLS_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

const char *tls_error_text(void) {
  unsigned long e = ERR_peek_last_error();
  const char *text = e ? ERR_reason_error_string(e) : NULL;
  ERR_clear_error();
  return text ? text : "unknown error";
}

/* A key behind a password would be asked for on the terminal: there is nobody. */
static int on_password(char *out, int cap, int writing, void *ctx) {
  (void)out;
  (void)cap;
  (void)writing;
  (void)ctx;
  return -1;
}

SSL_CTX *tls_ctx_open(const SSL_METHOD *method) {
  SSL_CTX *ctx = SSL_CTX_new(method);
  if (!ctx) return NULL;
  MUST(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
  (void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_default_passwd_cb(ctx, on_password);
  MUST(SSL_CTX_set_cipher_list(ctx, TLS_CIPHERS) == 1);
  return ctx;
}

bool tls_fail(char why[IO_TLS_WHY_BYTES], const char *path) {
  unsigned long e = ERR_peek_error(); /* the oldest: of the system's refusal to open */
  if (ERR_SYSTEM_ERROR(e))
    snprintf(why, IO_TLS_WHY_BYTES, "%.160s: %.80s", path, strerror(ERR_GET_REASON(e)));
  else
    snprintf(why, IO_TLS_WHY_BYTES, "%.160s: %.80s", path, tls_error_text());
  ERR_clear_error();
  return false;
}

bool tls_ctx_show(SSL_CTX *ctx, const char *cert_file, const char *key_file, char why[IO_TLS_WHY_BYTES]) {
  const char *key = key_file[0] ? key_file : cert_file;
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1) return tls_fail(why, cert_file);
  return SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 || tls_fail(why, key);
}

/* ---- what is asked of clients ---- */

static bool ctx_ask(SSL_CTX *ctx, const struct io_tls_conf *conf, char why[IO_TLS_WHY_BYTES]) {
  if (!conf->client_ca_file[0]) return true;
  STACK_OF(X509_NAME) *names = NULL;
  if (SSL_CTX_load_verify_file(ctx, conf->client_ca_file) == 1) names = SSL_load_client_CA_file(conf->client_ca_file);
  if (!names) return tls_fail(why, conf->client_ca_file);
  SSL_CTX_set_client_CA_list(ctx, names);
  /* A CA in the middle may be trusted by itself. */
  (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (conf->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     tls_on_verify);
  return true;
}

/* "spiffe://domain/…/" and "*", any URI, or a DNS name. */
static bool name_check(struct base_str name, const char **reason) {
  size_t star = str_find(name, '*', 0), slashes = 0;
  bool uri = false;
  for (size_t i = 0; i < name.n; i++) {
    if (i + 2 < name.n && memcmp(name.p + i, "://", 3) == 0) uri = true;
    if (name.p[i] == '/') slashes++;
    *reason = "a name has no blanks";
    if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f) return false;
  }
  *reason = "an empty name";
  if (name.n == 0) return false;
  *reason = "'*' stands only at the end of a URI, behind a '/' of its path";
  if (star < name.n) return uri && star == name.n - 1 && name.p[star - 1] == '/' && slashes >= 3;
  return true;
}

bool io_tls_allow_check(struct base_str allow, const char **reason) {
  for (size_t at = 0; at < allow.n;) {
    size_t end = str_find(allow, ';', at);
    if (!name_check(str_cut(allow, at, end), reason)) return false;
    at = end + 1;
  }
  *reason = "a ';' at the end";
  return allow.n == 0 || allow.p[allow.n - 1] != ';';
}

/* ---- ALPN ---- */

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
                   void *ctx) {
  const struct io_tls *t = ctx;
  static const unsigned char offer[] = "\x02h2\x08http/1.1";
  const unsigned char *from = offer + (t->h2 ? 0 : 3);
  unsigned n = (t->h2 ? 3u : 0u) + (t->http1 ? 9u : 0u);
  unsigned char *chosen = NULL;
  (void)ssl;
  if (n == 0) return SSL_TLSEXT_ERR_NOACK;
  int rv = SSL_select_next_proto(&chosen, out_n, from, n, in, in_n);
  *out = chosen;
  return rv == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void io_tls_offer(struct io_tls *t, bool h2, bool http1) {
  t->h2 = h2;
  t->http1 = http1;
}

/* ---- reading the files ---- */

static SSL_CTX *ctx_read(struct io_tls *t, char why[IO_TLS_WHY_BYTES]) {
  SSL_CTX *ctx = tls_ctx_open(TLS_server_method());
  snprintf(why, IO_TLS_WHY_BYTES, "out of memory");
  if (!ctx) return NULL;
  /* Without a context of their own, resumed sessions of clients with certificates would be refused. */
  MUST(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"foreshock", 9) == 1);
  (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  (void)SSL_CTX_set_timeout(ctx, TLS_SESSION_S);
  SSL_CTX_set_alpn_select_cb(ctx, on_alpn, t);
  if (tls_ctx_show(ctx, t->conf.cert_file, t->conf.key_file, why) && ctx_ask(ctx, &t->conf, why)) return ctx;
  SSL_CTX_free(ctx);
  return NULL;
}

static void file_look(struct tls_file *f) {
  struct stat st;
  const char *path = f->path;
  *f = (struct tls_file){.path = path};
  if (!path[0] || stat(path, &st) != 0) return;
  *f = (struct tls_file){path, st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static void files_look(const struct io_tls *t, struct tls_file out[TLS_FILES]) {
  const char *path[TLS_FILES] = {t->conf.cert_file, t->conf.key_file, t->conf.client_ca_file};
  for (int i = 0; i < TLS_FILES; i++) {
    out[i].path = path[i];
    file_look(&out[i]);
  }
}

static bool files_same(const struct tls_file a[TLS_FILES], const struct tls_file b[TLS_FILES]) {
  for (int i = 0; i < TLS_FILES; i++) {
    bool same = a[i].dev == b[i].dev && a[i].ino == b[i].ino && a[i].size == b[i].size &&
                a[i].changed.tv_sec == b[i].changed.tv_sec && a[i].changed.tv_nsec == b[i].changed.tv_nsec;
    if (!same) return false;
  }
  return true;
}

enum io_tls_renewed io_tls_look(struct io_tls *t) {
  struct tls_file now[TLS_FILES];
  files_look(t, now);
  bool quiet = files_same(now, t->seen), known = files_same(now, t->file);
  memcpy(t->seen, now, sizeof now);
  if (known || !quiet) return IO_TLS_SAME;
  memcpy(t->file, now, sizeof now);
  SSL_CTX *ctx = ctx_read(t, t->problem);
  t->stale = ctx == NULL;
  if (!ctx) return IO_TLS_STALE;
  SSL_CTX_free(t->ctx);
  t->ctx = ctx;
  return IO_TLS_RENEWED;
}

/* ---- open and close ---- */

static void conf_free(struct io_tls_conf *c) {
  const char *text[] = {c->cert_file, c->key_file, c->client_ca_file, c->client_allow};
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) free((char *)(uintptr_t)text[i]);
}

static bool conf_copy(const struct io_tls_conf *from, struct io_tls_conf *to) {
  *to = (struct io_tls_conf){strdup(from->cert_file), strdup(from->key_file), strdup(from->client_ca_file),
                             from->client_required, strdup(from->client_allow)};
  return to->cert_file && to->key_file && to->client_ca_file && to->client_allow;
}

struct io_tls *io_tls_open(const struct io_tls_conf *conf, char why[IO_TLS_WHY_BYTES]) {
  struct io_tls *t = calloc(1, sizeof *t);
  snprintf(why, IO_TLS_WHY_BYTES, "out of memory");
  if (!t) return NULL;
  bool ok = conf_copy(conf, &t->conf) && (t->bio = tls_bio_open());
  if (ok) files_look(t, t->file);
  memcpy(t->seen, t->file, sizeof t->file);
  if (ok) t->ctx = ctx_read(t, why);
  if (t->ctx) return t;
  io_tls_close(t);
  return NULL;
}

void io_tls_close(struct io_tls *t) {
  if (!t) return;
  SSL_CTX_free(t->ctx);
  BIO_meth_free(t->bio);
  conf_free(&t->conf);
  free(t);
}

struct base_wall io_tls_not_after(const struct io_tls *t) {
  struct tm tm;
  const X509 *cert = SSL_CTX_get0_certificate(t->ctx);
  if (!cert || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1) return (struct base_wall){0};
  return (struct base_wall){(int64_t)timegm(&tm) * TIME_NS_PER_S};
}

const char *io_tls_problem(struct io_tls *t, struct base_wall now) {
  if (t->stale) return t->problem;
  if (io_tls_not_after(t).ns > now.ns) return NULL;
  snprintf(t->problem, sizeof t->problem, "%.200s: the certificate has expired", t->conf.cert_file);
  return t->problem;
}

const char *io_tls_refused(const struct io_tls *t) {
  return t->refused;
}

void io_tls_refuse(struct io_tls *t, struct base_str peer, const char *why) {
  snprintf(t->refused, sizeof t->refused, "%.*s: %s", (int)(peer.n < 64 ? peer.n : 64), peer.p, why);
}
