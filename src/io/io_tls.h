/* TLS for listeners: what one of them shows and asks for, and its certificate as it is renewed on disk. TLS 1.2
 * and 1.3; no renegotiation, no compression; sessions are resumed by tickets that no certificate's renewal outlives.
 *
 * Where client certificates are checked, the chain must end in one of the given CAs and be for TLS clients, and the
 * certificate must hold one of the allowed names where there is a list of them: an exact URI or DNS name of its
 * subjectAltName, or a URI that begins with the part before a final "/" and "*" ("spiffe://td/ns/shop/" and "*"). */
#ifndef IO_TLS_H
#define IO_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base_str.h"
#include "base_time.h"

enum { IO_TLS_WHY_BYTES = 256 };

struct io_tls_conf {
  const char *cert_file;      /* PEM: the certificate, then those between it and its root */
  const char *key_file;       /* PEM; "": in cert_file, too */
  const char *client_ca_file; /* PEM; "": no client certificate is asked for */
  bool client_required;       /* a client without a certificate is refused */
  const char *client_allow;   /* names, ';' between two; "": whoever the CA vouches for. Wants client_required */
};

struct io_tls;

/* Reads the files; copies what it needs. NULL: why says which file, and what is wrong with it. */
struct io_tls *io_tls_open(const struct io_tls_conf *conf, char why[IO_TLS_WHY_BYTES]);
/* Connections under way keep what they need. */
void io_tls_close(struct io_tls *t);

/* False, with a static *reason, where a list of names is none. */
bool io_tls_allow_check(struct base_str allow, const char **reason);

enum io_tls_renewed { IO_TLS_SAME, IO_TLS_RENEWED, IO_TLS_STALE };

/* Looks at the files, which costs three calls of stat; call about once a second. Files that changed, and then did not
 * until the next look, are read: new connections use them from then on (RENEWED). Where they are broken the old ones
 * stay in use (STALE, once; io_tls_problem says why), until they change again. */
enum io_tls_renewed io_tls_look(struct io_tls *t);

/* What is wrong now: files that could not be read, a certificate that has expired. NULL: nothing. Valid until the next
 * call with t. */
const char *io_tls_problem(struct io_tls *t, struct base_wall now);
/* The end of the certificate's life. */
struct base_wall io_tls_not_after(const struct io_tls *t);
/* Who was refused last and why, "192.0.2.1:4711: certificate has expired"; "": nobody yet. */
const char *io_tls_refused(const struct io_tls *t);
void io_tls_refuse(struct io_tls *t, struct base_str peer, const char *why);

#endif
