/* The calling side of TLS. */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "io_tls_room.h"

static bool client_trust(SSL_CTX *ctx, const char *ca_file, char why[IO_TLS_WHY_BYTES]) {
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  if (!ca_file[0]) return SSL_CTX_set_default_verify_paths(ctx) == 1 || tls_fail(why, "the system's CAs");
  return SSL_CTX_load_verify_file(ctx, ca_file) == 1 || tls_fail(why, ca_file);
}

struct io_tls_client *io_tls_client_open(const char *ca_file, const char *cert_file, const char *key_file,
                                         char why[IO_TLS_WHY_BYTES]) {
  struct io_tls_client *t = calloc(1, sizeof *t);
  snprintf(why, IO_TLS_WHY_BYTES, "out of memory");
  if (!t) return NULL;
  t->bio = tls_bio_open();
  t->ctx = t->bio ? tls_ctx_open(TLS_client_method()) : NULL;
  if (t->ctx && client_trust(t->ctx, ca_file, why) && (!cert_file[0] || tls_ctx_show(t->ctx, cert_file, key_file, why)))
    return t;
  io_tls_client_close(t);
  return NULL;
}

void io_tls_client_close(struct io_tls_client *t) {
  if (!t) return;
  SSL_CTX_free(t->ctx);
  BIO_meth_free(t->bio);
  free(t);
}

/* The name goes into the hello, where it is one; and into what is checked. */
static bool host_set(SSL *ssl, const char *host) {
  unsigned char binary[sizeof(struct in6_addr)];
  bool literal = inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
  if (literal) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
  return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

struct io_tls_conn *io_tls_connect(struct io_tls_client *t, const char *host) {
  static const unsigned char alpn[] = "\x08http/1.1";
  struct io_tls_conn *c = tls_conn_open(t->ctx, t->bio);
  if (!c) return NULL;
  SSL_set_connect_state(c->ssl);
  if (host_set(c->ssl, host) && SSL_set_alpn_protos(c->ssl, alpn, sizeof alpn - 1) == 0) return c;
  io_tls_conn_close(c);
  return NULL;
}

void io_tls_hello(struct io_tls_conn *c) {
  (void)SSL_do_handshake(c->ssl);
}
