#include "io_dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_limits.h"
#include "base_must.h"
#include "base_time.h"

enum {
  DNS_TIMEOUT_MS = 2000, /* of the first try at a server */
  DNS_TRIES = 2,
  DNS_ADDRESSES = 256 /* of one answer of A or AAAA */
};
#define DNS_STEP_NS (200 * TIME_NS_PER_MS) /* while somebody waits: how often tries are looked at */

struct dns_ask {
  struct io_dns *dns;
  struct dns_ask *next;
  io_dns_told fn;
  void *ctx;
  unsigned waits; /* answers to come: two of addresses, one of services */
  bool good;      /* one came */
  int problem;    /* of the last that did not; ARES_SUCCESS */
  uint32_t n;
  struct io_dns_host host[IO_DNS_ANSWERS];
};

struct dns_socket {
  struct io_dns *dns;
  int fd;
  struct dns_socket *next;
};

struct io_dns {
  struct io_loop *loop;
  ares_channel channel;
  bool channel_open, closing;
  int timer; /* 0: nobody waits */
  unsigned ask_n;
  struct dns_ask *ask;
  struct dns_socket *socket;
};

/* ---- c-ares and the loop ---- */

static void socket_ready(void *ctx, unsigned events) {
  struct dns_socket *s = ctx;
  ares_process_fd(s->dns->channel, events & IO_READ ? s->fd : ARES_SOCKET_BAD,
                  events & IO_WRITE ? s->fd : ARES_SOCKET_BAD);
}

static void socket_drop(struct io_dns *d, struct dns_socket *s) {
  for (struct dns_socket **at = &d->socket; *at; at = &(*at)->next) {
    if (*at != s) continue;
    *at = s->next;
    break;
  }
  io_loop_drop(d->loop, s->fd);
  free(s);
}

static void socket_add(struct io_dns *d, int fd, unsigned events) {
  struct dns_socket *s = malloc(sizeof *s);
  if (!s) return; /* its try times out */
  *s = (struct dns_socket){d, fd, d->socket};
  if (io_loop_add(d->loop, fd, events, socket_ready, s))
    d->socket = s;
  else
    free(s);
}

static void on_socket(void *ctx, ares_socket_t fd, int reads, int writes) {
  struct io_dns *d = ctx;
  struct dns_socket *s = d->socket;
  unsigned events = (reads ? IO_READ : 0u) | (writes ? IO_WRITE : 0u);
  while (s && s->fd != fd) s = s->next;
  if (s && events && io_loop_set(d->loop, fd, events)) return;
  if (s) socket_drop(d, s);
  if (events) socket_add(d, fd, events);
}

static void dns_step(void *ctx) {
  struct io_dns *d = ctx;
  ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* ---- answers ---- */

static void ask_end(struct dns_ask *a) {
  struct io_dns *d = a->dns;
  for (struct dns_ask **at = &d->ask; *at; at = &(*at)->next) {
    if (*at != a) continue;
    *at = a->next;
    break;
  }
  if (--d->ask_n == 0 && d->timer) {
    io_loop_timer_drop(d->loop, d->timer);
    d->timer = 0;
  }
  /* One kind of address is enough, but a failed question is not an answer of none. */
  bool good = a->good && (a->n > 0 || a->problem == ARES_SUCCESS);
  if (!d->closing) a->fn(a->ctx, good, good ? "" : ares_strerror(a->problem), a->host, good ? a->n : 0);
  free(a);
}

/* Of a question, then of reading what answers it. True where there is something. */
static bool ask_answered(struct dns_ask *a, int status) {
  bool none = status == ARES_ENODATA || status == ARES_ENOTFOUND;
  if (none || status == ARES_SUCCESS)
    a->good = true;
  else
    a->problem = status;
  return status == ARES_SUCCESS;
}

static void host_add(struct dns_ask *a, const char *host, uint16_t port) {
  if (a->n == IO_DNS_ANSWERS || strlen(host) >= IO_DNS_HOST_BYTES) return;
  (void)snprintf(a->host[a->n].host, IO_DNS_HOST_BYTES, "%s", host);
  a->host[a->n++].port = port;
}

static void on_services(void *ctx, int status, int timeouts, unsigned char *bytes, int n) {
  struct dns_ask *a = ctx;
  struct ares_srv_reply *all = NULL;
  (void)timeouts;
  if (ask_answered(a, status)) (void)ask_answered(a, ares_parse_srv_reply(bytes, n, &all));
  for (struct ares_srv_reply *s = all; s; s = s->next) host_add(a, s->host, s->port);
  if (all) ares_free_data(all);
  ask_end(a);
}

static void address_add(struct dns_ask *a, int family, const void *address) {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, address, text, sizeof text)) host_add(a, text, 0);
}

static void on_v4(void *ctx, int status, int timeouts, unsigned char *bytes, int n) {
  struct dns_ask *a = ctx;
  struct ares_addrttl all[DNS_ADDRESSES];
  int all_n = DNS_ADDRESSES;
  (void)timeouts;
  if (ask_answered(a, status) && ask_answered(a, ares_parse_a_reply(bytes, n, NULL, all, &all_n)))
    for (int i = 0; i < all_n; i++) address_add(a, AF_INET, &all[i].ipaddr);
  if (--a->waits == 0) ask_end(a);
}

static void on_v6(void *ctx, int status, int timeouts, unsigned char *bytes, int n) {
  struct dns_ask *a = ctx;
  struct ares_addr6ttl all[DNS_ADDRESSES];
  int all_n = DNS_ADDRESSES;
  (void)timeouts;
  if (ask_answered(a, status) && ask_answered(a, ares_parse_aaaa_reply(bytes, n, NULL, all, &all_n)))
    for (int i = 0; i < all_n; i++) address_add(a, AF_INET6, &all[i].ip6addr);
  if (--a->waits == 0) ask_end(a);
}

/* ---- the object ---- */

static bool channel_open(struct io_dns *d, const char *servers, const char **err) {
  struct ares_options o = {.timeout = DNS_TIMEOUT_MS, .tries = DNS_TRIES, .sock_state_cb = on_socket};
  o.sock_state_cb_data = d;
  int rv = ares_library_init(ARES_LIB_INIT_ALL);
  if (rv == ARES_SUCCESS)
    rv = ares_init_options(&d->channel, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  d->channel_open = rv == ARES_SUCCESS;
  if (rv == ARES_SUCCESS && servers[0]) rv = ares_set_servers_ports_csv(d->channel, servers);
  *err = ares_strerror(rv);
  return rv == ARES_SUCCESS;
}

struct io_dns *io_dns_open(struct io_loop *loop, const char *servers, const char **err) {
  struct io_dns *d = calloc(1, sizeof *d);
  *err = "out of memory";
  if (!d) return NULL;
  d->loop = loop;
  if (channel_open(d, servers, err)) return d;
  io_dns_close(d);
  return NULL;
}

void io_dns_close(struct io_dns *d) {
  if (!d) return;
  d->closing = true;
  if (d->channel_open) ares_destroy(d->channel); /* ends every question */
  MUST(!d->ask);
  while (d->socket) socket_drop(d, d->socket);
  ares_library_cleanup();
  free(d);
}

bool io_dns_ask(struct io_dns *d, const char *name, io_dns_told fn, void *ctx) {
  struct dns_ask *a = d->ask_n < LIMIT_DNS_AT_ONCE ? calloc(1, sizeof *a) : NULL;
  if (a && !d->timer && !(d->timer = io_loop_timer_add(d->loop, DNS_STEP_NS, dns_step, d))) {
    free(a);
    return false;
  }
  if (!a) return false;
  *a = (struct dns_ask){.dns = d, .next = d->ask, .fn = fn, .ctx = ctx, .waits = name[0] == '_' ? 1u : 2u};
  d->ask = a;
  d->ask_n++;
  if (name[0] == '_') {
    ares_search(d->channel, name, ns_c_in, ns_t_srv, on_services, a);
    return true;
  }
  ares_search(d->channel, name, ns_c_in, ns_t_a, on_v4, a);
  ares_search(d->channel, name, ns_c_in, ns_t_aaaa, on_v6, a); /* a lives: it waits for two */
  return true;
}
