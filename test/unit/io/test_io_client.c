/* The command line's HTTP client, against our own server and against servers that misbehave. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_client.h"
#include "io_server.h"
#include "rec_counter.h"

#define TIMEOUT_NS (5 * TIME_NS_PER_S)

struct site {
  struct io_loop *loop;
  struct io_server *server;
  uint64_t counters[REC_COUNTER_COUNT];
  pthread_t thread;
  char url[64];
};

static void stream_gone(void *ctx) {
  (void)ctx;
}

static void site_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  (void)ctx;
  if (str_eq(req->path, STR("/lines"))) {
    struct io_http_stream *s = io_http_stream_keep(res, stream_gone, NULL);
    (void)io_http_stream_write(s, STR("data: one\r\n\ndata: two\nend"));
  } else if (str_eq(req->path, STR("/none"))) {
    res->status = 404;
  }
  buf_put_f(&res->body, "%.*s?%.*s", STR_ARG(req->path), STR_ARG(req->query));
}

static void *site_run(void *ctx) {
  struct site *s = ctx;
  io_loop_run(s->loop);
  return NULL;
}

static int site_open(void **state) {
  static struct site s;
  const char *err = NULL;
  s = (struct site){.loop = io_loop_open()};
  struct io_server_conf conf = {
      .address = "127.0.0.1", .http = site_http, .idle_ns = TIMEOUT_NS, .counters = s.counters};
  s.server = io_server_open(s.loop, &conf, &err);
  if (!s.server || pthread_create(&s.thread, NULL, site_run, &s) != 0) return -1;
  (void)snprintf(s.url, sizeof s.url, "http://127.0.0.1:%u", io_server_port(s.server));
  *state = &s;
  return 0;
}

static int site_close(void **state) {
  struct site *s = *state;
  io_loop_stop(s->loop);
  (void)pthread_join(s->thread, NULL);
  io_server_close(s->server);
  io_loop_close(s->loop);
  return 0;
}

static void get_is(const char *base, const char *rest, int status, const char *body) {
  char url[128], err[IO_CLIENT_ERR_BYTES] = "";
  struct io_client_reply reply;
  (void)snprintf(url, sizeof url, "%s%s", base, rest);
  bool done = io_client_get(&(struct io_client_conf){.url = url, .timeout_ns = TIMEOUT_NS}, 1000, &reply, err);
  if (!done) fail_msg("%s: %s", url, err);
  assert_int_equal(reply.status, status);
  assert_true(str_eq(buf_str(&reply.body), str_of(body)));
  buf_fini(&reply.body);
}

static void get_gives_status_and_body(void **state) {
  struct site *s = *state;
  get_is(s->url, "/a/b?c=d", 200, "/a/b?c=d");
  get_is(s->url, "", 200, "/?");
  get_is(s->url, "?x", 200, "/?x");
  get_is(s->url, "/none#part", 404, "/none?");
}

struct lines {
  unsigned n, stop_at;
  char all[256];
};

static bool line_note(void *ctx, struct base_str line) {
  struct lines *l = ctx;
  size_t at = strlen(l->all);
  (void)snprintf(l->all + at, sizeof l->all - at, "%.*s|", STR_ARG(line));
  return ++l->n != l->stop_at;
}

static void lines_come_one_by_one(void **state) {
  struct site *s = *state;
  char url[128], err[IO_CLIENT_ERR_BYTES] = "";
  struct lines l = {.stop_at = 3};
  (void)snprintf(url, sizeof url, "%s/lines", s->url);
  assert_true(
      io_client_lines(&(struct io_client_conf){.url = url, .timeout_ns = TIMEOUT_NS}, 1000, line_note, &l, err));
  assert_string_equal(l.all, "data: one||data: two|");
  l = (struct lines){0};
  assert_false(io_client_lines(&(struct io_client_conf){.url = url, .timeout_ns = TIMEOUT_NS}, 8, line_note, &l, err));
  assert_string_equal(err, "a line of more than 8 bytes");
  (void)snprintf(url, sizeof url, "%s/none", s->url);
  assert_false(
      io_client_lines(&(struct io_client_conf){.url = url, .timeout_ns = TIMEOUT_NS}, 1000, line_note, &l, err));
  assert_string_equal(err, "the server answered 404");
}

static void get_fails(const char *url, int64_t timeout_ns, const char *want) {
  char err[IO_CLIENT_ERR_BYTES] = "";
  struct io_client_reply reply;
  assert_false(io_client_get(&(struct io_client_conf){.url = url, .timeout_ns = timeout_ns}, 10, &reply, err));
  buf_fini(&reply.body);
  if (!strstr(err, want)) fail_msg("%s: got \"%s\", want \"%s\"", url, err, want);
}

static void urls_are_checked(void **state) {
  (void)state;
  get_fails("ftp://x/", TIMEOUT_NS, "only http://");
  get_fails("x", TIMEOUT_NS, "only http://");
  get_fails("http://", TIMEOUT_NS, "no host and port");
  get_fails("http://:80/", TIMEOUT_NS, "no host and port");
  get_fails("http://x:0/", TIMEOUT_NS, "no host and port");
  get_fails("http://x:65536/", TIMEOUT_NS, "no host and port");
  get_fails("http://[::1", TIMEOUT_NS, "no host and port");
  get_fails("http://x/ HTTP/1.1\r\nX: y", TIMEOUT_NS, "space or a control byte");
}

struct liar {
  int fd;
  const char *answer; /* NULL: says nothing */
};

static void *liar_run(void *ctx) {
  struct liar *l = ctx;
  char ask[4096];
  int fd = accept(l->fd, NULL, NULL);
  if (fd < 0 || recv(fd, ask, sizeof ask, 0) <= 0) return NULL;
  if (l->answer) {
    (void)!write(fd, l->answer, strlen(l->answer));
  } else {
    (void)!recv(fd, ask, sizeof ask, 0);
  }
  (void)close(fd);
  return NULL;
}

static void liar_fails(const char *answer, int64_t timeout_ns, const char *want) {
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t n = sizeof sa;
  char url[64];
  pthread_t thread;
  struct liar l = {socket(AF_INET, SOCK_STREAM, 0), answer};
  assert_int_equal(bind(l.fd, (struct sockaddr *)&sa, sizeof sa), 0);
  assert_int_equal(listen(l.fd, 1), 0);
  assert_int_equal(getsockname(l.fd, (struct sockaddr *)&sa, &n), 0);
  assert_int_equal(pthread_create(&thread, NULL, liar_run, &l), 0);
  (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(sa.sin_port));
  get_fails(url, timeout_ns, want);
  assert_int_equal(pthread_join(thread, NULL), 0);
  (void)close(l.fd);
  get_fails(url, timeout_ns, "Connection refused");
}

static void broken_servers_are_named(void **state) {
  (void)state;
  liar_fails("hello\r\n\r\n", TIMEOUT_NS, "no HTTP/1.1");
  liar_fails("", TIMEOUT_NS, "before it had answered");
  liar_fails("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", TIMEOUT_NS, "cut short");
  liar_fails("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901", TIMEOUT_NS, "more than 10 bytes");
  liar_fails(NULL, 100 * TIME_NS_PER_MS, "timed out");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(get_gives_status_and_body, site_open, site_close),
      cmocka_unit_test_setup_teardown(lines_come_one_by_one, site_open, site_close),
      cmocka_unit_test(urls_are_checked),
      cmocka_unit_test(broken_servers_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
