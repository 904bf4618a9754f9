/* The listener's own duties: errors that say why, IPv6, peers' names, running out of descriptors, drain. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_server.h"
#include "rec_counter.h"

struct env {
  struct io_loop *loop;
  struct io_server *server;
  uint64_t counters[REC_COUNTER_COUNT];
  int timer;
  unsigned want; /* connections to wait for */
  int ticks;
};

static void env_open(struct env *e, const char *address) {
  const char *err = NULL;
  *e = (struct env){.loop = io_loop_open()};
  struct io_server_conf conf = {.address = address, .idle_ns = TIME_NS_PER_S, .counters = e->counters};
  e->server = io_server_open(e->loop, &conf, &err);
}

static void env_close(struct env *e) {
  io_server_close(e->server);
  io_loop_close(e->loop);
}

static void env_tick(void *ctx) {
  struct env *e = ctx;
  bool there = e->server && io_server_connections(e->server) == e->want;
  if (there || ++e->ticks > 500) io_loop_stop(e->loop);
}

/* Runs the loop until there are so many connections; false: 5 s were not enough. */
static bool run_until(struct env *e, unsigned connections) {
  e->want = connections;
  e->ticks = 0;
  int timer = io_loop_timer_add(e->loop, 10 * TIME_NS_PER_MS, env_tick, e);
  io_loop_run(e->loop);
  io_loop_timer_drop(e->loop, timer);
  return io_server_connections(e->server) == connections;
}

static int client_open(int family, uint16_t port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(family, SOCK_STREAM, 0);
  bool ip4 = family == AF_INET;
  int rv = connect(fd, ip4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, ip4 ? sizeof v4 : sizeof v6);
  if (rv == 0) return fd;
  (void)close(fd);
  return -1;
}

static void open_says_why_it_cannot(void **state) {
  (void)state;
  uint64_t counters[REC_COUNTER_COUNT] = {0};
  const char *err = NULL;
  struct io_loop *l = io_loop_open();
  struct io_server_conf conf = {.address = "localhost", .counters = counters};
  assert_null(io_server_open(l, &conf, &err));
  assert_string_equal(err, "the address is no numeric IPv4 or IPv6 address");
  conf.address = "127.0.0.1";
  struct io_server *first = io_server_open(l, &conf, &err);
  assert_non_null(first);
  conf.port = io_server_port(first);
  assert_true(conf.port > 0);
  assert_null(io_server_open(l, &conf, &err));
  assert_int_equal(errno, EADDRINUSE);
  assert_string_equal(err, "cannot bind to the address and port");
  io_server_close(first);
  struct io_server *again = io_server_open(l, &conf, &err); /* the port is free again at once */
  assert_non_null(again);
  io_server_close(again);
  io_loop_close(l);
}

static void ipv6_is_served(void **state) {
  (void)state;
  struct env e;
  env_open(&e, "::1");
  if (!e.server) {
    io_loop_close(e.loop);
    skip(); /* a machine without IPv6 */
  }
  int fd = client_open(AF_INET6, io_server_port(e.server));
  assert_true(fd >= 0);
  assert_true(run_until(&e, 1));
  (void)close(fd);
  assert_true(run_until(&e, 0));
  env_close(&e);
}

static void stop_loop(void *ctx) {
  io_loop_stop(ctx);
}

/* Without descriptors to accept with: counted, no spinning; and connections are taken as soon as there are some. */
static void out_of_descriptors(void **state) {
  (void)state;
  enum { CLIENTS = 5 };
  struct env e;
  struct rlimit old, none;
  int fd[CLIENTS];
  env_open(&e, "127.0.0.1");
  for (int i = 0; i < CLIENTS; i++) assert_true((fd[i] = client_open(AF_INET, io_server_port(e.server))) >= 0);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  e.timer = io_loop_timer_add(e.loop, 300 * TIME_NS_PER_MS, stop_loop, e.loop);
  int next = dup(0);
  (void)close(next);
  none = (struct rlimit){(rlim_t)next, old.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  io_loop_run(e.loop);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
  assert_int_equal(io_server_connections(e.server), 0);
  assert_in_range(e.counters[REC_COUNTER_CONNECTION_LIMIT], 1, 10);
  io_loop_timer_drop(e.loop, e.timer);
  assert_true(run_until(&e, CLIENTS));
  for (int i = 0; i < CLIENTS; i++) (void)close(fd[i]);
  env_close(&e);
}

static void silent_connections_end(void **state) {
  (void)state;
  struct env e;
  env_open(&e, "127.0.0.1");
  int fd = client_open(AF_INET, io_server_port(e.server));
  assert_true(run_until(&e, 1));
  assert_true(run_until(&e, 0)); /* after the idle limit of 1 s */
  assert_int_equal(e.counters[REC_COUNTER_CONNECTIONS_OPENED], 1);
  assert_int_equal(e.counters[REC_COUNTER_CONNECTIONS_CLOSED], 1);
  (void)close(fd);
  env_close(&e);
}

static void drain_takes_no_more(void **state) {
  (void)state;
  struct env e;
  env_open(&e, "127.0.0.1");
  uint16_t port = io_server_port(e.server);
  int fd = client_open(AF_INET, port);
  assert_true(run_until(&e, 1));
  assert_true(io_server_drain(e.server)); /* nothing was asked on it: it goes at once */
  assert_int_equal(io_server_connections(e.server), 0);
  assert_int_equal(client_open(AF_INET, port), -1);
  assert_true(io_server_drain(e.server));
  (void)close(fd);
  env_close(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(open_says_why_it_cannot), cmocka_unit_test(ipv6_is_served),
      cmocka_unit_test(out_of_descriptors),      cmocka_unit_test(silent_connections_end),
      cmocka_unit_test(drain_takes_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
