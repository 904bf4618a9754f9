/* A listener with its start line, shared by run and record; and the loop's end by signal. */
#ifndef DAEMON_LISTEN_H
#define DAEMON_LISTEN_H

#include "io_server.h"

/* Opens, and says on stderr "foreshock: WHAT on ADDRESS:PORT" with the real port. NULL: one clear line was said. */
struct io_server *listen_open(struct io_loop *l, const struct io_server_conf *conf, const char *what);

/* SIGINT and SIGTERM stop the loop, each time. One loop a process. */
void listen_signals(struct io_loop *l);

/* Drains the servers (NULLs are skipped) until no connection is left or patience_ns is over or a second signal
 * comes, then closes them. */
void listen_drain(struct io_loop *l, struct io_server **server, unsigned server_n, int64_t patience_ns);

#endif
