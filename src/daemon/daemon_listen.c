#include "daemon_listen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "daemon_command.h"
#include "daemon_log.h"

#define DRAIN_STEP_NS (20 * TIME_NS_PER_MS)

static void listen_text(char *out, size_t cap, const char *address, uint16_t port) {
  bool is_v6 = strchr(address, ':') != NULL;
  snprintf(out, cap, "%s%s%s:%u", is_v6 ? "[" : "", address, is_v6 ? "]" : "", port);
}

struct io_server *listen_open(struct io_loop *l, const struct io_server_conf *conf, const char *what) {
  char at[96];
  const char *err = "";
  errno = 0;
  struct io_server *s = io_server_open(l, conf, &err);
  int cause = errno;
  listen_text(at, sizeof at, conf->address, s ? io_server_port(s) : conf->port);
  if (s)
    log_say(BASE_LEVEL_INFO, "listen", "%s on %s%s", what, at, conf->tls ? ", TLS" : "");
  else if (cause == EADDRINUSE)
    command_say("%s: %s is in use already; another Foreshock, or choose a port with --set", what, at);
  else
    command_say("%s: cannot listen on %s: %s%s%s", what, at, err, cause ? ": " : "", cause ? strerror(cause) : "");
  return s;
}

static struct io_loop *signal_loop;

static void listen_signal(int number) {
  (void)number;
  io_loop_stop(signal_loop);
}

void listen_signals(struct io_loop *l) {
  struct sigaction action = {.sa_handler = listen_signal};
  signal_loop = l;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

struct listen_drain {
  struct io_loop *loop;
  struct io_server **server;
  unsigned server_n;
  struct base_mono until;
};

static void listen_drain_step(void *ctx) {
  struct listen_drain *d = ctx;
  bool done = true;
  for (unsigned i = 0; i < d->server_n; i++)
    if (d->server[i] && !io_server_drain(d->server[i])) done = false;
  if (done || io_mono_now().ns >= d->until.ns) io_loop_stop(d->loop);
}

void listen_drain(struct io_loop *l, struct io_server **server, unsigned server_n, int64_t patience_ns) {
  struct listen_drain d = {l, server, server_n, {io_mono_now().ns + patience_ns}};
  int timer = io_loop_timer_add(l, DRAIN_STEP_NS, listen_drain_step, &d);
  if (timer) {
    listen_drain_step(&d);
    io_loop_run(l);
    io_loop_timer_drop(l, timer);
  }
  for (unsigned i = 0; i < server_n; i++) {
    if (server[i]) io_server_close(server[i]);
    server[i] = NULL;
  }
}
