/* One connection's TLS, over buffers. */
#include "io_tls_conn.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_must.h"
#include "io_tls_room.h"

enum {
  TLS_OUT_BYTES_MAX = 256 << 10, /* a handshake's flight with its certificates, or one record and what OpenSSL adds */
  TLS_OUT_BYTES_KEPT = 4 << 10   /* a larger buffer does not outlive its burst */
};

/* ---- OpenSSL's input and output ---- */

static int bio_read(BIO *b, char *out, size_t n, size_t *got) {
  struct io_tls_conn *c = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  *got = n < c->in.n ? n : c->in.n;
  if (*got == 0) {
    BIO_set_retry_read(b);
    return 0;
  }
  memcpy(out, c->in.p, *got);
  c->in = str_cut(c->in, *got, c->in.n);
  return 1;
}

static int bio_write(BIO *b, const char *bytes, size_t n, size_t *put) {
  struct io_tls_conn *c = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  buf_put(&c->out, bytes, n);
  *put = c->out.bad ? 0 : n;
  return !c->out.bad;
}

static long bio_ctrl(BIO *b, int what, long n, void *p) {
  (void)b;
  (void)n;
  (void)p;
  return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_open(void) {
  BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "buffers");
  if (!m) return NULL;
  MUST(BIO_meth_set_read_ex(m, bio_read) == 1 && BIO_meth_set_write_ex(m, bio_write) == 1);
  MUST(BIO_meth_set_ctrl(m, bio_ctrl) == 1);
  return m;
}

/* ---- whom to let in ---- */

static bool name_is(struct base_str want, struct base_str name, bool uri) {
  if (uri && want.p[want.n - 1] == '*') return str_starts(name, str_cut(want, 0, want.n - 1));
  return uri ? str_eq(want, name) : str_eq_nocase(want, name);
}

static bool name_allowed(const char *allow, struct base_str name, bool uri) {
  struct base_str all = str_of(allow);
  for (size_t at = 0; at < all.n;) {
    size_t end = str_find(all, ';', at);
    if (name_is(str_cut(all, at, end), name, uri)) return true;
    at = end + 1;
  }
  return false;
}

/* Does one of the certificate's URIs and DNS names stand on the list? Names with a NUL in them equal none. */
static bool cert_allowed(const X509 *cert, const char *allow) {
  GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  bool found = false;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && !found; i++) {
    const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
    if (g->type != GEN_URI && g->type != GEN_DNS) continue;
    const ASN1_IA5STRING *s = g->d.ia5;
    struct base_str name = {(const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
    found = name.n && name_allowed(allow, name, g->type == GEN_URI);
  }
  GENERAL_NAMES_free(names);
  return found;
}

int tls_on_verify(int good, X509_STORE_CTX *store) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  struct io_tls_conn *c = SSL_get_app_data(ssl);
  if (!good) {
    c->fail = IO_TLS_FAIL_UNTRUSTED;
    snprintf(c->why, sizeof c->why, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return 0;
  }
  if (!c->allow || X509_STORE_CTX_get_error_depth(store) > 0) return 1;
  if (cert_allowed(X509_STORE_CTX_get_current_cert(store), c->allow)) return 1;
  c->fail = IO_TLS_FAIL_NOT_ALLOWED;
  snprintf(c->why, sizeof c->why, "none of the certificate's names is allowed");
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

/* ---- the object ---- */

struct io_tls_conn *tls_conn_open(SSL_CTX *ctx, BIO_METHOD *bio) {
  struct io_tls_conn *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  ERR_clear_error();
  c->out = buf_open(TLS_OUT_BYTES_MAX);
  c->ssl = SSL_new(ctx);
  BIO *b = c->ssl ? BIO_new(bio) : NULL;
  if (!b) {
    io_tls_conn_close(c);
    return NULL;
  }
  BIO_set_data(b, c);
  BIO_set_init(b, 1);
  SSL_set_bio(c->ssl, b, b); /* takes it over */
  SSL_set_app_data(c->ssl, c);
  return c;
}

struct io_tls_conn *io_tls_accept(struct io_tls *t) {
  struct io_tls_conn *c = tls_conn_open(t->ctx, t->bio);
  if (!c) return NULL;
  c->allow = t->conf.client_allow[0] ? t->conf.client_allow : NULL;
  SSL_set_accept_state(c->ssl);
  return c;
}

void io_tls_conn_close(struct io_tls_conn *c) {
  if (!c) return;
  SSL_free(c->ssl);
  buf_fini(&c->out);
  free(c);
}

void io_tls_take(struct io_tls_conn *c, struct base_str bytes) {
  c->in = bytes;
}

static enum io_tls_step conn_break(struct io_tls_conn *c) {
  unsigned long e = ERR_peek_last_error();
  c->broken = true;
  c->in = STR_NONE;
  if (c->fail == IO_TLS_FAIL_NONE) {
    bool none = ERR_GET_REASON(e) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    c->fail = none ? IO_TLS_FAIL_NO_CERTIFICATE : IO_TLS_FAIL_OTHER;
    long verify = SSL_is_server(c->ssl) ? X509_V_OK : SSL_get_verify_result(c->ssl);
    snprintf(c->why, sizeof c->why, "%s",
             verify == X509_V_OK ? tls_error_text() : X509_verify_cert_error_string(verify));
  }
  ERR_clear_error();
  return IO_TLS_BAD;
}

enum io_tls_step io_tls_read(struct io_tls_conn *c, char out[IO_TLS_PLAIN_BYTES], size_t *n) {
  *n = 0;
  if (c->broken) return IO_TLS_BAD;
  ERR_clear_error();
  int rv = SSL_read_ex(c->ssl, out, IO_TLS_PLAIN_BYTES, n);
  c->ready = SSL_is_init_finished(c->ssl) == 1;
  if (rv == 1) return IO_TLS_DATA;
  switch (SSL_get_error(c->ssl, rv)) {
    case SSL_ERROR_WANT_READ: return c->out.bad ? conn_break(c) : IO_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: c->in = STR_NONE; return IO_TLS_END;
    default: return conn_break(c);
  }
}

bool io_tls_ready(const struct io_tls_conn *c) {
  return c->ready && !c->broken;
}

bool io_tls_is_h2(const struct io_tls_conn *c) {
  const unsigned char *name = NULL;
  unsigned n = 0;
  SSL_get0_alpn_selected(c->ssl, &name, &n);
  return n == 2 && memcmp(name, "h2", 2) == 0;
}

size_t io_tls_write(struct io_tls_conn *c, struct base_str bytes) {
  size_t n = 0;
  MUST(c->ready && c->out.n == c->out_sent);
  if (c->broken || c->ended || bytes.n == 0) return 0;
  ERR_clear_error();
  if (SSL_write_ex(c->ssl, bytes.p, bytes.n, &n) != 1) {
    (void)conn_break(c);
    return 0;
  }
  return n;
}

bool io_tls_end(struct io_tls_conn *c) {
  if (c->broken || c->ended || !c->ready) return false;
  c->ended = true;
  ERR_clear_error();
  (void)SSL_shutdown(c->ssl);
  ERR_clear_error();
  return true;
}

struct base_str io_tls_peek(const struct io_tls_conn *c) {
  return str_cut(buf_str(&c->out), c->out_sent, c->out.n);
}

void io_tls_sent(struct io_tls_conn *c, size_t n) {
  MUST(n <= c->out.n - c->out_sent);
  c->out_sent += n;
  if (c->out_sent < c->out.n) return;
  c->out_sent = 0;
  if (c->out.cap > TLS_OUT_BYTES_KEPT)
    buf_fini(&c->out);
  else
    buf_clear(&c->out);
}

enum io_tls_fail io_tls_failure(const struct io_tls_conn *c) {
  return c->fail;
}

const char *io_tls_failure_text(const struct io_tls_conn *c) {
  return c->why;
}
