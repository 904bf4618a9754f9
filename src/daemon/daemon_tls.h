/* TLS of the listeners, from the configuration. */
#ifndef DAEMON_TLS_H
#define DAEMON_TLS_H

#include "daemon_conf.h"
#include "io_server.h"

enum tls_listener { TLS_GRPC, TLS_HTTP, TLS_API, TLS_LISTENERS };

struct tls_set {
  struct io_tls *of[TLS_LISTENERS]; /* NULL: plain text */
  bool said[TLS_LISTENERS];         /* that there is a problem */
};

const char *tls_listener_text(enum tls_listener l); /* "grpc" */
/* Reads every certificate, key and CA that is configured. False: why names the listener, the file and the reason; *set
 * is then only good for tls_close. */
bool tls_open(const struct daemon_conf *conf, struct tls_set *set, char why[IO_TLS_WHY_BYTES]);
void tls_close(struct tls_set *set);
/* Says a line when a problem with a certificate begins, and when it is over; call about once a second. */
void tls_watch(struct tls_set *set, struct base_wall now);
/* As tls_open, for all but the API, which the recorder has none of. */
bool tls_open_receivers(const struct daemon_conf *conf, struct tls_set *set, char why[IO_TLS_WHY_BYTES]);
/* What a listener does with client certificates: "none", "asked for", "required". */
const char *tls_clients_text(const struct daemon_conf *conf, enum tls_listener l);

#endif
