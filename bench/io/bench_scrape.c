/* The CPU of a loop that scrapes: 2,000 targets each 15 s and 200 each second, every one over a connection of its own
 * to an address of its own of 127/8, each exposition 50 kB.
 *
 *   bench_scrape [SECONDS [SLOW [FAST [BYTES]]]]      0 seconds: 2, with 40 targets and 20, as a test */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base_limits.h"
#include "io_scrape.h"
#include "io_server.h"
#include "rec_counter.h"

struct bench {
  struct io_loop *site_loop, *loop;
  struct io_server *site;
  uint64_t site_counters[REC_COUNTER_COUNT], counters[REC_COUNTER_COUNT];
  struct base_buf body; /* what each target says */
  uint64_t took_ns, failed;
};

static void site_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  const struct bench *b = ctx;
  (void)req;
  res->content_type = "text/plain; version=0.0.4";
  buf_put_str(&res->body, buf_str(&b->body));
}

static void body_make(struct bench *b, size_t bytes) {
  b->body = buf_open(LIMIT_SCRAPE_BYTES);
  while (b->body.n < bytes)
    buf_put_f(&b->body, "istio_requests_total{reporter=\"destination\",source_workload=\"w%zu\"} 1\n", b->body.n);
}

static void *site_run(void *ctx) {
  struct bench *b = ctx;
  io_loop_run(b->site_loop);
  return NULL;
}

static void on_scraped(void *ctx, const struct io_scraped *s) {
  struct bench *b = ctx;
  b->took_ns += (uint64_t)s->took_ns;
  b->failed += s->fail != IO_SCRAPE_NONE;
}

static void on_end(void *ctx) {
  struct bench *b = ctx;
  io_loop_stop(b->loop);
}

static double cpu_s(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void targets_add(struct bench *b, struct io_scrape *s, const struct io_scrape_job *job, unsigned n,
                        unsigned net) {
  char url[128], labels[128];
  io_scrape_begin(s, job);
  for (unsigned i = 0; i < n; i++) {
    (void)snprintf(url, sizeof url, "http://127.%u.%u.%u:%u/metrics", net, 1 + i / 200, 1 + i % 200,
                   io_server_port(b->site));
    (void)snprintf(labels, sizeof labels, "{job=\"%s\",instance=\"%u\"}", job->name, i);
    struct io_scrape_target t = {str_of(url), str_of(labels)};
    (void)io_scrape_add(s, job, &t);
  }
  io_scrape_end(s, job);
}

static struct io_scrape_job job_of(const char *name, int64_t interval_ns) {
  return (struct io_scrape_job){.name = name,
                                .interval_ns = interval_ns,
                                .timeout_ns = interval_ns,
                                .token_file = "",
                                .username = "",
                                .password_file = "",
                                .ca_file = "",
                                .cert_file = "",
                                .key_file = ""};
}

static bool site_open(struct bench *b, pthread_t *thread) {
  const char *err = "";
  b->site_loop = io_loop_open();
  struct io_server_conf conf = {.address = "0.0.0.0", .http = site_http, .http_ctx = b, .counters = b->site_counters};
  b->site = io_server_open(b->site_loop, &conf, &err);
  return b->site && pthread_create(thread, NULL, site_run, b) == 0;
}

static unsigned long argument(int argc, char **argv, int i, unsigned long without) {
  return argc > i ? strtoul(argv[i], NULL, 10) : without;
}

int main(int argc, char **argv) {
  static struct bench b;
  pthread_t thread;
  unsigned long seconds = argument(argc, argv, 1, 30);
  bool tiny = seconds == 0;
  unsigned slow_n = (unsigned)argument(argc, argv, 2, tiny ? 40 : 2000);
  unsigned fast_n = (unsigned)argument(argc, argv, 3, tiny ? 20 : 200);
  struct io_scrape_job slow = job_of("slow", (tiny ? 2 : 15) * TIME_NS_PER_S), fast = job_of("fast", TIME_NS_PER_S);
  struct rlimit files = {65536, 65536};
  (void)setrlimit(RLIMIT_NOFILE, &files);
  body_make(&b, argument(argc, argv, 4, 50000));
  b.loop = io_loop_open();
  struct io_scrape_conf conf = {.counters = b.counters, .fn = on_scraped, .ctx = &b, .seed = 1};
  struct io_scrape *s = io_scrape_open(b.loop, &conf);
  if (!s || !site_open(&b, &thread)) return 1;
  targets_add(&b, s, &slow, slow_n, 1);
  targets_add(&b, s, &fast, fast_n, 2);
  double wall = (double)(tiny ? 3 : seconds), before = cpu_s();
  if (!io_loop_timer_add(b.loop, (int64_t)wall * TIME_NS_PER_S, on_end, &b)) return 1;
  io_loop_run(b.loop);
  double cpu = cpu_s() - before;
  uint64_t n = b.counters[REC_COUNTER_SCRAPES], open = b.site_counters[REC_COUNTER_CONNECTIONS_OPENED];
  (void)printf(
      "%u targets at 15 s, %u at 1 s, %zu bytes: %.0f scrapes/s, %.1f %% of a core, %.0f us each, "
      "answered in %.2f ms, %llu connections, %llu failed, %llu left out\n",
      slow_n, fast_n, b.body.n, (double)n / wall, 100 * cpu / wall, 1e6 * cpu / (double)(n ? n : 1),
      1e-6 * (double)b.took_ns / (double)(n ? n : 1), (unsigned long long)open, (unsigned long long)b.failed,
      (unsigned long long)b.counters[REC_COUNTER_SCRAPES_LEFT_OUT]);
  io_scrape_close(s);
  io_loop_stop(b.site_loop);
  (void)pthread_join(thread, NULL);
  io_server_close(b.site);
  io_loop_close(b.site_loop);
  io_loop_close(b.loop);
  buf_fini(&b.body);
  return n ? 0 : 1;
}
