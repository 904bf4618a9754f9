/* Inside of io_tls*.c: the two objects. */
#ifndef IO_TLS_ROOM_H
#define IO_TLS_ROOM_H

#include <openssl/ssl.h>
#include <sys/stat.h>

#include "base_buf.h"
#include "io_tls_conn.h"

enum { TLS_FILES = 3 /* certificate, key, client CA */ };

/* A file as it stands on disk; of one that is not there, zeros. */
struct tls_file {
  const char *path; /* "" for none */
  dev_t dev;
  ino_t ino;
  off_t size;
  struct timespec changed;
};

struct io_tls {
  SSL_CTX *ctx; /* of new connections */
  BIO_METHOD *bio;
  struct io_tls_conf conf;                          /* its texts are copies */
  struct tls_file file[TLS_FILES], seen[TLS_FILES]; /* as they were when read; as they were at the last look */
  bool h2, http1;
  bool stale;
  char problem[IO_TLS_WHY_BYTES], refused[IO_TLS_WHY_BYTES];
};

struct io_tls_client {
  SSL_CTX *ctx;
  BIO_METHOD *bio;
};

struct io_tls_conn {
  SSL *ssl;
  struct base_str in;  /* taken, not read yet */
  struct base_buf out; /* to be sent */
  size_t out_sent;
  bool ready, broken, ended;
  const char *allow; /* names of clients, NULL for any */
  enum io_tls_fail fail;
  char why[IO_TLS_WHY_BYTES];
};

/* OpenSSL's input and output over the object's buffers. NULL: out of memory. */
BIO_METHOD *tls_bio_open(void);
/* A connection with nothing but its buffers. */
struct io_tls_conn *tls_conn_open(SSL_CTX *ctx, BIO_METHOD *bio);
/* The settings of both sides. NULL: out of memory. */
SSL_CTX *tls_ctx_open(const SSL_METHOD *method);
/* Certificate and key; key_file "" for the same file. False: why. */
bool tls_ctx_show(SSL_CTX *ctx, const char *cert_file, const char *key_file, char why[IO_TLS_WHY_BYTES]);
/* What OpenSSL says against the file; false. Forgets it. */
bool tls_fail(char why[IO_TLS_WHY_BYTES], const char *path);
/* The newest error of OpenSSL in words, and forgets them all. */
const char *tls_error_text(void);
/* The verify callback of a server. */
int tls_on_verify(int good, X509_STORE_CTX *store);

#endif
