/* What the readers of a running daemon share: where it is, the token to show, and its answers. */
#ifndef DAEMON_ASK_H
#define DAEMON_ASK_H

#include "base_time.h"
#include "daemon_option.h"
#include "io_client.h"
#include "serve_token.h"

struct yyjson_doc;

#define ASK_URL "http://127.0.0.1:7070"
#define ASK_TIMEOUT_NS (10 * TIME_NS_PER_S)
#define ASK_BODY_BYTES ((size_t)64 << 20)
#define ASK_LINE_BYTES ((size_t)1 << 20)
#define ASK_ERR_BYTES 3072u

/* The options that each of them takes. */
#define ASK_OPTIONS                                                                                    \
  {"url", "URL", "where the daemon's API is (default " ASK_URL ")"},                                   \
      {"token", "FILE", "a file that begins with the API's token to be shown"},                        \
      {"cacert", "FILE", "https: certificates (PEM) to trust in place of the system's"},               \
      {"cert", "FILE", "https: the client certificate to show (PEM; its key may stand in it, too)"}, { \
    "key", "FILE", "https: the key of that certificate (PEM)"                                          \
  }

struct ask {
  char url[2048];
  char text[TOKEN_BYTES_MAX + 2];
  const char *token;                          /* NULL: none */
  const char *ca_file, *cert_file, *key_file; /* NULL: none */
};

/* --url and --token, and a path. False: one clear line was said. */
bool ask_open(struct ask *a, const struct option_set *o, const char *path);
/* How to ask there; views into a. */
struct io_client_conf ask_client(const struct ask *a);
/* NULL: err has one clear line. yyjson_doc_free it. */
struct yyjson_doc *ask_try(const struct ask *a, char err[ASK_ERR_BYTES]);
/* The same, and says the line. */
struct yyjson_doc *ask_get(const struct ask *a);

#endif
