/* The whole room, with its thread: everything that is taken is told once, also while somebody reads the counters and
 * while another receiver hangs; the end waits for what is due, and no longer than its patience. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "act.h"
#include "io_loop.h"

/* A receiver that takes every POST, one a connection; or, not accepting, hangs. */
struct double_ {
  int fd;
  uint16_t port;
  atomic_uint posts;
  pthread_t thread;
};

static void answer(int fd, struct double_ *d) {
  static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  char bytes[65536];
  size_t n = 0, want = SIZE_MAX;
  while (n < want && n < sizeof bytes - 1) {
    ssize_t got = read(fd, bytes + n, sizeof bytes - 1 - n);
    if (got <= 0) return;
    n += (size_t)got;
    bytes[n] = 0;
    const char *end = strstr(bytes, "\r\n\r\n"), *length = strstr(bytes, "Content-Length: ");
    if (end && length) want = (size_t)(end + 4 - bytes) + strtoul(length + 16, NULL, 10);
  }
  (void)!write(fd, text, sizeof text - 1);
  atomic_fetch_add(&d->posts, 1);
}

static void *serve(void *ctx) {
  struct double_ *d = ctx;
  for (;;) {
    int fd = accept(d->fd, NULL, NULL);
    if (fd < 0) return NULL;
    answer(fd, d);
    (void)close(fd);
  }
}

static void double_open(struct double_ *d, bool accepts) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t n = sizeof at;
  *d = (struct double_){.fd = socket(AF_INET, SOCK_STREAM, 0)};
  assert_true(d->fd >= 0 && bind(d->fd, (struct sockaddr *)&at, n) == 0 && listen(d->fd, 64) == 0);
  assert_int_equal(getsockname(d->fd, (struct sockaddr *)&at, &n), 0);
  d->port = ntohs(at.sin_port);
  if (accepts) assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

static void double_close(struct double_ *d) {
  (void)shutdown(d->fd, SHUT_RDWR);
  if (d->thread) pthread_join(d->thread, NULL);
  (void)close(d->fd);
}

static void receiver_set(struct act_receiver_conf *c, const char *name, uint16_t port) {
  *c = (struct act_receiver_conf){
      .type = ACT_WEBHOOK, .timeout_ns = 60 * TIME_NS_PER_S, .retry_for_ns = 60 * TIME_NS_PER_S};
  snprintf(c->name, sizeof c->name, "%s", name);
  snprintf(c->url, sizeof c->url, "http://127.0.0.1:%u/", port);
}

static void tell(struct act *a, uint64_t id, unsigned rev, bool over) {
  char text[512];
  const char *end = over ? "\"2026-03-02T09:01:00Z\"" : "null";
  snprintf(text, sizeof text,
           "{\"id\":\"%016llx\",\"rev\":%u,\"verdict\":\"unhealthy\",\"kind\":\"errors\",\"severity\":\"info\","
           "\"summary\":\"s\",\"ended_at\":%s,\"updated_at\":\"2026-03-02T09:01:00Z\"}",
           (unsigned long long)id, rev, end);
  assert_true(act_incident(a, str_of(text)));
  act_go(a);
}

static uint64_t delivered(struct act *a, uint32_t idx, uint64_t want) {
  struct act_stats s = {0};
  for (unsigned i = 0; i < 30000 && s.delivered < want; i++) {
    assert_true(act_stats(a, idx, &s));
    (void)usleep(2000);
  }
  return s.delivered;
}

static void everything_is_told_once_while_another_hangs(void **state) {
  (void)state;
  static struct act_conf conf;
  static struct double_ good, hang;
  char why[ACT_ERR_BYTES] = "";
  struct act_stats s;
  conf = (struct act_conf){.receiver_n = 2, .public_url = "", .version = "1"};
  double_open(&good, true);
  double_open(&hang, false);
  receiver_set(&conf.receiver[0], "hang", hang.port);
  receiver_set(&conf.receiver[1], "good", good.port);
  struct act *a = act_open(&conf, NULL, why);
  if (!a) fail_msg("%s", why);
  assert_true(act_start(a));
  for (uint64_t id = 1; id <= 100; id++) {
    tell(a, id, 1, false);
    tell(a, id, 1, false); /* the same state again is no news */
    assert_true(act_stats(a, 1, &s));
  }
  for (uint64_t id = 1; id <= 100; id++) tell(a, id, 2, true);
  assert_int_equal(delivered(a, 1, 200), 200);
  assert_true(act_stats(a, 0, &s));
  assert_int_equal(s.delivered, 0);
  assert_int_equal(s.waiting, 200);
  assert_false(act_stats(a, 2, &s));
  assert_int_equal(act_lost(a), 0);
  assert_true(act_incident(a, STR("no JSON"))); /* looked at by the thread, and left */
  int64_t before = io_mono_now().ns;
  act_close(a, TIME_NS_PER_S / 2);
  assert_true(io_mono_now().ns - before < 3 * TIME_NS_PER_S);
  assert_int_equal(atomic_load(&good.posts), 200);
  double_close(&good);
  double_close(&hang);
}

static void the_end_tells_what_is_due(void **state) {
  (void)state;
  static struct act_conf conf;
  static struct double_ good;
  char why[ACT_ERR_BYTES] = "";
  conf = (struct act_conf){.receiver_n = 1, .public_url = "", .version = "1"};
  double_open(&good, true);
  receiver_set(&conf.receiver[0], "good", good.port);
  struct act *a = act_open(&conf, NULL, why);
  if (!a) fail_msg("%s", why);
  assert_true(act_start(a));
  for (uint64_t id = 1; id <= 20; id++) tell(a, id, 1, false);
  act_close(a, 20 * TIME_NS_PER_S);
  assert_int_equal(atomic_load(&good.posts), 20);
  double_close(&good);
}

static void what_cannot_be_made_is_said_at_the_start(void **state) {
  (void)state;
  static struct act_conf conf;
  char why[ACT_ERR_BYTES] = "";
  conf = (struct act_conf){.receiver_n = 1, .public_url = "", .version = "1"};
  receiver_set(&conf.receiver[0], "r", 1);
  snprintf(conf.receiver[0].template_file, ACT_TEXT_BYTES, "/nonexistent/template");
  assert_null(act_open(&conf, NULL, why));
  assert_non_null(strstr(why, "receiver r: template_file: "));
}

int main(void) {
  (void)unsetenv("http_proxy");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_is_told_once_while_another_hangs),
      cmocka_unit_test(the_end_tells_what_is_due),
      cmocka_unit_test(what_cannot_be_made_is_said_at_the_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
