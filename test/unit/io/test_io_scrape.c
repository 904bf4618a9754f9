/* The scraper against our own server on the same loop: what is handed on, byte for byte; what is not, and why; when. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "base_limits.h"
#include "io_scrape.h"
#include "io_server.h"
#include "rec_counter.h"

#define MS TIME_NS_PER_MS
#define TIMES 4096u

struct site {
  struct io_loop *loop;
  struct io_server *server;
  struct io_scrape *scrape;
  uint64_t counters[REC_COUNTER_COUNT];
  unsigned wanted, told; /* the loop stops when so many were told */
  char last[256], why[256], accept[256];
  enum io_scrape_fail fail;
  size_t last_n;
  char url[TIMES / 64][64];
};

static void site_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  struct site *s = ctx;
  (void)snprintf(s->accept, sizeof s->accept, "%.*s", STR_ARG(req->accept));
  res->content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (str_eq(req->path, STR("/open"))) res->content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  if (str_eq(req->path, STR("/proto")))
    res->content_type = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
  if (str_eq(req->path, STR("/html"))) res->content_type = "text/html";
  if (str_eq(req->path, STR("/none"))) res->status = 404;
  if (str_eq(req->path, STR("/large"))) {
    char *p = buf_reserve(&res->body, LIMIT_SCRAPE_BYTES);
    memset(p, '#', LIMIT_SCRAPE_BYTES);
    res->body.n += LIMIT_SCRAPE_BYTES;
    return;
  }
  buf_put_f(&res->body, "a 1\n");
}

static void on_scraped(void *ctx, const struct io_scraped *r) {
  struct site *s = ctx;
  s->fail = r->fail;
  s->last_n = r->message.n;
  (void)snprintf(s->last, sizeof s->last, "%.*s", STR_ARG(str_cut(r->message, 0, 200)));
  (void)snprintf(s->why, sizeof s->why, "%s", r->why);
  if (s->told < TIMES / 64) (void)snprintf(s->url[s->told], 64, "%.*s", STR_ARG(r->labels));
  if (++s->told == s->wanted) io_loop_stop(s->loop);
}

static void site_open(struct site *s, uint64_t seed) {
  const char *err = NULL;
  memset(s, 0, sizeof *s);
  s->loop = io_loop_open();
  struct io_server_conf conf = {
      .address = "127.0.0.1", .http = site_http, .http_ctx = s, .idle_ns = 5000 * MS, .counters = s->counters};
  struct io_scrape_conf scrape = {.counters = s->counters, .fn = on_scraped, .ctx = s, .seed = seed};
  s->server = io_server_open(s->loop, &conf, &err);
  s->scrape = io_scrape_open(s->loop, &scrape);
  assert_non_null(s->server);
  assert_non_null(s->scrape);
}

static void site_close(struct site *s) {
  io_scrape_close(s->scrape);
  io_server_close(s->server);
  io_loop_close(s->loop);
}

static const struct io_scrape_job fast = {.name = "fast",
                                          .interval_ns = 250 * MS,
                                          .timeout_ns = 250 * MS,
                                          .token_file = "",
                                          .username = "",
                                          .password_file = "",
                                          .ca_file = "",
                                          .cert_file = "",
                                          .key_file = ""};

static bool put(struct site *s, const struct io_scrape_job *job, const char *path, const char *labels) {
  char url[128];
  (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", io_server_port(s->server), path);
  struct io_scrape_target t = {str_of(url), str_of(labels)};
  return io_scrape_add(s->scrape, job, &t);
}

static void run(struct site *s, unsigned wanted) {
  s->told = 0;
  s->wanted = wanted;
  io_loop_run(s->loop);
}

static void scrape_one(struct site *s, const struct io_scrape_job *job, const char *path) {
  io_scrape_begin(s->scrape, job);
  assert_true(put(s, job, path, "{job=\"fast\",instance=\"i\"}"));
  io_scrape_end(s->scrape, job);
  run(s, 1);
}

static void a_message_is_line_and_exposition(void **state) {
  static struct site s;
  (void)state;
  site_open(&s, 1);
  scrape_one(&s, &fast, "/metrics");
  assert_int_equal(s.fail, IO_SCRAPE_NONE);
  assert_string_equal(s.last, "# target {job=\"fast\",instance=\"i\"} text\na 1\n");
  assert_int_equal(s.counters[REC_COUNTER_SCRAPES], 1);
  assert_int_equal(s.counters[REC_COUNTER_SCRAPE_BYTES], s.last_n);
  assert_non_null(strstr(s.accept, "application/openmetrics-text"));
  assert_null(strstr(s.accept, "protobuf"));
  scrape_one(&s, &fast, "/open");
  assert_string_equal(s.last, "# target {job=\"fast\",instance=\"i\"} openmetrics\na 1\n");
  struct io_scrape_job proto = fast;
  proto.protobuf = true;
  io_scrape_begin(s.scrape, &fast);
  io_scrape_end(s.scrape, &fast);
  scrape_one(&s, &proto, "/proto");
  assert_string_equal(s.last, "# target {job=\"fast\",instance=\"i\"} protobuf\na 1\n");
  assert_non_null(strstr(s.accept, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"));
  site_close(&s);
}

static void fails(struct site *s, const char *path, enum io_scrape_fail fail, enum rec_counter counter,
                  const char *why) {
  uint64_t before = s->counters[counter];
  struct io_scrape_state t;
  struct io_scrape_job job = fast;
  job.interval_ns = job.timeout_ns = 1500 * MS;
  scrape_one(s, &job, path);
  assert_int_equal(s->fail, fail);
  assert_int_equal(s->counters[counter], before + 1);
  assert_int_equal(s->last_n, 0);
  if (!strstr(s->why, why)) fail_msg("%s: got \"%s\", want \"%s\"", path, s->why, why);
  io_scrape_at(s->scrape, 0, &t);
  assert_true(t.asked && !t.up);
  assert_string_equal(t.why, s->why);
  io_scrape_begin(s->scrape, &job);
  io_scrape_end(s->scrape, &job);
}

static void what_is_no_exposition_is_told(void **state) {
  static struct site s;
  (void)state;
  site_open(&s, 2);
  fails(&s, "/none", IO_SCRAPE_STATUS, REC_COUNTER_SCRAPE_STATUS, "status 404");
  fails(&s, "/html", IO_SCRAPE_FORM, REC_COUNTER_SCRAPE_FORM, "content type text/html");
  fails(&s, "/large", IO_SCRAPE_OVERSIZE, REC_COUNTER_SCRAPE_OVERSIZE, "over the size limit");
  assert_int_equal(s.counters[REC_COUNTER_SCRAPES], 0);
  /* the connection of a refused status is kept, that of an oversize answer is not */
  assert_int_equal(s.counters[REC_COUNTER_CONNECTIONS_OPENED], 1);
  site_close(&s);
}

static void connections_are_kept(void **state) {
  static struct site s;
  (void)state;
  site_open(&s, 3);
  scrape_one(&s, &fast, "/metrics");
  run(&s, 5);
  assert_int_equal(s.counters[REC_COUNTER_SCRAPES], 6);
  assert_int_equal(s.counters[REC_COUNTER_CONNECTIONS_OPENED], 1);
  site_close(&s);
}

/* 200 targets each second: each has its own time, which stays, and those are spread over the interval. */
static void targets_are_spread(void **state) {
  static struct site s;
  static const unsigned n = 200;
  static int64_t phase[200];
  unsigned tenth[10] = {0};
  struct io_scrape_job job = fast;
  (void)state;
  job.interval_ns = job.timeout_ns = 1000 * MS;
  site_open(&s, 4);
  io_scrape_begin(s.scrape, &job);
  for (unsigned i = 0; i < n; i++) {
    char labels[64];
    (void)snprintf(labels, sizeof labels, "{job=\"fast\",instance=\"%u\"}", i);
    assert_true(put(&s, &job, "/metrics", labels));
  }
  io_scrape_end(s.scrape, &job);
  for (unsigned i = 0; i < n; i++) {
    struct io_scrape_state t;
    io_scrape_at(s.scrape, i, &t);
    phase[i] = t.due.ns % job.interval_ns;
    tenth[phase[i] * 10 / job.interval_ns]++;
  }
  for (unsigned i = 0; i < 10; i++) assert_in_range(tenth[i], 5, 50); /* 20 each, on average */
  run(&s, 2 * n);
  for (unsigned i = 0; i < n; i++) {
    struct io_scrape_state t;
    io_scrape_at(s.scrape, i, &t);
    assert_true(t.asked);
    assert_int_equal(t.due.ns % job.interval_ns, phase[i]);
  }
  site_close(&s);
}

static void a_set_replaces_the_one_before(void **state) {
  static struct site s;
  (void)state;
  site_open(&s, 5);
  io_scrape_begin(s.scrape, &fast);
  assert_true(put(&s, &fast, "/metrics", "{a=\"1\"}") && put(&s, &fast, "/metrics", "{a=\"2\"}"));
  assert_true(put(&s, &fast, "/metrics", "{a=\"2\"}")); /* twice: there once */
  io_scrape_end(s.scrape, &fast);
  assert_int_equal(io_scrape_n(s.scrape), 2);
  run(&s, 6);
  io_scrape_begin(s.scrape, &fast);
  assert_true(put(&s, &fast, "/metrics", "{a=\"2\"}") && put(&s, &fast, "/metrics", "{a=\"3\"}"));
  io_scrape_end(s.scrape, &fast);
  unsigned asked = 0;
  for (uint32_t i = 0; i < 2; i++) {
    struct io_scrape_state t;
    io_scrape_at(s.scrape, i, &t);
    assert_true(strcmp(t.labels, "{a=\"2\"}") == 0 || strcmp(t.labels, "{a=\"3\"}") == 0);
    asked += t.asked;
  }
  assert_int_equal(asked, 1); /* the one that stayed kept its state */
  run(&s, 6);
  for (unsigned i = 0; i < 6; i++) assert_string_not_equal(s.url[i], "{a=\"1\"}");
  site_close(&s);
}

static void targets_are_bounded(void **state) {
  static struct site s;
  struct io_scrape_job slow = fast;
  (void)state;
  slow.interval_ns = slow.timeout_ns = 300 * TIME_NS_PER_S;
  site_open(&s, 6);
  io_scrape_begin(s.scrape, &slow);
  for (unsigned i = 0; i < LIMIT_SCRAPE_TARGETS; i++) {
    char labels[64];
    (void)snprintf(labels, sizeof labels, "{i=\"%u\"}", i);
    assert_true(put(&s, &slow, "/metrics", labels));
  }
  assert_false(put(&s, &slow, "/metrics", "{i=\"one more\"}"));
  assert_int_equal(s.counters[REC_COUNTER_SCRAPE_TARGET_LIMIT], 1);
  io_scrape_end(s.scrape, &slow);
  io_scrape_begin(s.scrape, &slow);
  io_scrape_end(s.scrape, &slow);
  assert_int_equal(io_scrape_n(s.scrape), 0);
  site_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_message_is_line_and_exposition),
      cmocka_unit_test(what_is_no_exposition_is_told),
      cmocka_unit_test(connections_are_kept),
      cmocka_unit_test(targets_are_spread),
      cmocka_unit_test(a_set_replaces_the_one_before),
      cmocka_unit_test(targets_are_bounded),
  };
  return cmocka_run_group_tests_name("io_scrape", tests, NULL, NULL);
}
