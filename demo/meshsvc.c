/* One pod of the demo's mesh: an HTTP/1.1 service that takes a log-normal time to answer and calls other services
 * through its sidecar as its plan says. Its behaviour can be made worse while it runs (mesh_fault.h). Loopback only.
 *
 *   meshsvc --plan FILE --listen IP:PORT --control IP:PORT --sidecar IP:PORT [--seed N]
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mesh_fault.h"
#include "mesh_http.h"
#include "mesh_plan.h"
#include "mesh_rand.h"

#define CONNECTIONS_MAX 512u
#define CALL_TIMEOUT_MS 5000
#define IDS 5000u /* random ids are 1..IDS */

static struct {
  struct mesh_plan plan;
  struct sockaddr_in listen, control, sidecar;
  uint64_t seed;
  atomic_uint connections;
  atomic_ullong opened;
} svc;

/* A connection from the sidecar, and the one to the sidecar that its requests' calls go over. */
struct session {
  struct http_conn in, out;
  struct mesh_rand rand;
};

static void sleep_ms(double ms) {
  struct timespec t = {.tv_sec = (time_t)(ms / 1000)};
  t.tv_nsec = (long)((ms - 1000.0 * (double)t.tv_sec) * 1e6);
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR) continue;
}

/* The same trace, a new span: "00-<32 hex>-<16 hex>-<2 hex>". Anything else stays as it came. */
static void trace_next(char *traceparent, struct mesh_rand *r) {
  char span[17];
  if (strlen(traceparent) != 55) return;
  snprintf(span, sizeof span, "%016llx", (unsigned long long)rand_next(r));
  memcpy(traceparent + 36, span, 16);
}

/* Makes one call; returns the answer's status, 0 where there was none. */
static int session_call(struct session *s, const struct plan_call *call, const struct http_message *cause) {
  struct http_message answer;
  char path[160], trace[80];
  long id = plan_path_id(cause->path);
  if (id < 0) id = 1 + (long)(rand_next(&s->rand) % IDS);
  if (!plan_path_write(call->path, id, path, sizeof path)) return 0;
  memcpy(trace, cause->traceparent, sizeof trace);
  trace_next(trace, &s->rand);
  if (!http_usable(&s->out)) {
    http_close(&s->out);
    if (!http_connect(&s->out, &svc.sidecar, CALL_TIMEOUT_MS)) return 0;
  }
  struct http_send request = {.method = call->method,
                              .host = call->service,
                              .path = path,
                              .request_id = cause->request_id,
                              .traceparent = trace,
                              .body_bytes = call->body_bytes};
  bool good = http_write(&s->out, &request) && http_read(&s->out, &answer);
  if (!good || answer.close) http_close(&s->out);
  return good ? answer.status : 0;
}

/* Does a route's work; returns the status to answer with. */
static int session_work(struct session *s, const struct plan_route *route, const struct http_message *request) {
  struct fault_effect fault = fault_take(route->name, fault_now_ns(), &s->rand);
  double own_ms = rand_lognormal(&s->rand, route->median_ms, route->sigma);
  if (fault.code) { /* failing is quick */
    sleep_ms(own_ms / 4);
    return fault.code;
  }
  sleep_ms(own_ms + fault.delay_ms);
  if (rand_unit(&s->rand) < route->error_p) return 500;
  for (size_t i = 0; i < route->call_n; i++) {
    int status = session_call(s, &route->call[i], request);
    if (status == 0 || status >= 500) return 502;
  }
  return 200;
}

static bool session_answer(struct session *s, const struct http_message *request) {
  const struct plan_route *route = plan_find(&svc.plan, request->method, request->path);
  struct http_send answer = {.status = 404, .body_bytes = 20};
  if (route) {
    answer.status = session_work(s, route, request);
    answer.body_bytes =
        answer.status == 200 ? route->body_bytes / 2 + rand_next(&s->rand) % (route->body_bytes + 1) : 60;
  }
  return http_write(&s->in, &answer) && !request->close;
}

static void *session_run(void *arg) {
  struct session *s = arg;
  struct http_message request;
  while (http_read(&s->in, &request) && session_answer(s, &request)) continue;
  http_close(&s->in);
  http_close(&s->out);
  free(s);
  atomic_fetch_sub(&svc.connections, 1);
  return NULL;
}

/* Starts a thread for a connection; gives it up where there are too many. */
static void session_start(int fd, const pthread_attr_t *attr) {
  struct session *s = atomic_fetch_add(&svc.connections, 1) < CONNECTIONS_MAX ? calloc(1, sizeof *s) : NULL;
  pthread_t thread;
  if (s) {
    http_open(&s->in, fd);
    http_open(&s->out, -1);
    s->rand.state = svc.seed ^ (atomic_fetch_add(&svc.opened, 1) * 0x9e3779b97f4a7c15u);
    if (pthread_create(&thread, attr, session_run, s) == 0) return;
  }
  free(s);
  close(fd);
  atomic_fetch_sub(&svc.connections, 1);
}

static void *control_run(void *arg) {
  int listener = *(const int *)arg;
  struct http_conn c;
  for (;;) {
    struct http_message request;
    char text[256] = "{\"error\":\"not understood\"}\n";
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    struct timeval limit = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    http_open(&c, fd);
    if (http_read(&c, &request)) {
      bool good = fault_command(request.path, text, sizeof text);
      struct http_send answer = {.status = good ? 200 : 400, .body = text, .body_bytes = strlen(text)};
      http_write(&c, &answer);
    }
    http_close(&c);
  }
  return NULL;
}

static _Noreturn void fail(const char *what, const char *which) {
  fprintf(stderr, "meshsvc: %s: %s\n", what, which);
  exit(1);
}

static void options_read(int argc, char **argv) {
  static const struct option known[] = {{"plan", 1, 0, 'p'},    {"listen", 1, 0, 'l'}, {"control", 1, 0, 'c'},
                                        {"sidecar", 1, 0, 's'}, {"seed", 1, 0, 'r'},   {0}};
  unsigned line;
  int c;
  while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
    bool good = true;
    if (c == 'p' && !plan_read(&svc.plan, optarg, &line)) {
      fprintf(stderr, "meshsvc: %s:%u: not a plan\n", optarg, line);
      exit(1);
    }
    if (c == 'l') good = http_addr_read(optarg, &svc.listen);
    if (c == 'c') good = http_addr_read(optarg, &svc.control);
    if (c == 's') good = http_addr_read(optarg, &svc.sidecar);
    if (c == 'r') svc.seed = strtoull(optarg, NULL, 10);
    if (c == '?') exit(2);
    if (!good) fail("not a loopback address with a port", optarg);
  }
  if (!svc.plan.route_n || !svc.listen.sin_port || !svc.control.sin_port || !svc.sidecar.sin_port)
    fail("usage", "meshsvc --plan FILE --listen IP:PORT --control IP:PORT --sidecar IP:PORT [--seed N]");
}

int main(int argc, char **argv) {
  options_read(argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* no orphans, even where the demo is killed hard */
  int listener = http_listen(&svc.listen), control = http_listen(&svc.control);
  if (listener < 0 || control < 0) fail("cannot listen", strerror(errno));
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 128 * 1024);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  if (pthread_create(&thread, &attr, control_run, &control) != 0) fail("cannot start a thread", "control");
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
      session_start(fd, &attr);
    else if (errno == EMFILE || errno == ENFILE)
      sleep_ms(10);
  }
}
