/* The demo's users: an open-loop load generator. Arrivals are a Poisson process whose times do not depend on how fast
 * answers come; a request that must wait for a free worker is counted as late. Ends by itself. Loopback only.
 *
 *   meshload --target IP:PORT=WEIGHT ... --route METHOD,PATH,WEIGHT,BODY_BYTES ... --rate N --seconds N
 *            [--seed N] [--workers N]
 *
 * {id} in PATH is a random number. Ends with one line of JSON on standard output. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "mesh_http.h"
#include "mesh_plan.h"
#include "mesh_rand.h"

#define TARGETS 8u
#define ROUTES 16u
#define WORKERS_MAX 256u
#define TIMEOUT_MS 10000
#define LATE_NS 5000000 /* a start that is later than this was held up by this program */
#define IDS 5000u

struct target {
  struct sockaddr_in addr;
  double weight;
};

struct route {
  char method[12], path[128];
  double weight;
  size_t body_bytes;
};

/* One user request, drawn in the order of arrival so that a seed gives one schedule. */
struct arrival {
  int64_t at_ns; /* CLOCK_MONOTONIC */
  size_t target_idx, route_idx;
  long id;
  uint64_t trace[3];
};

static struct {
  struct target target[TARGETS];
  struct route route[ROUTES];
  size_t target_n, route_n;
  double rate_per_s, seconds;
  size_t workers;
  pthread_mutex_t lock; /* of the schedule */
  struct mesh_rand rand;
  int64_t next_ns, end_ns;
  atomic_ullong sent, failed, unanswered, late;
} load = {.rate_per_s = 50, .seconds = 10, .workers = 64, .lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool stopping;

static void on_signal(int signal) {
  (void)signal;
  stopping = true;
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t target_draw(double u) {
  size_t i = 0;
  for (double w = load.target[0].weight; i + 1 < load.target_n && u >= w; w += load.target[++i].weight) continue;
  return i;
}

static size_t route_draw(double u) {
  size_t i = 0;
  for (double w = load.route[0].weight; i + 1 < load.route_n && u >= w; w += load.route[++i].weight) continue;
  return i;
}

/* The next arrival. False: the load is over. */
static bool arrival_take(struct arrival *a) {
  pthread_mutex_lock(&load.lock);
  struct mesh_rand *r = &load.rand;
  load.next_ns += (int64_t)rand_exp(r, 1e9 / load.rate_per_s);
  a->at_ns = load.next_ns;
  a->target_idx = target_draw(rand_unit(r));
  a->route_idx = route_draw(rand_unit(r));
  a->id = 1 + (long)(rand_next(r) % IDS);
  for (int i = 0; i < 3; i++) a->trace[i] = rand_next(r);
  pthread_mutex_unlock(&load.lock);
  return a->at_ns < load.end_ns;
}

static void sleep_until(int64_t at_ns) {
  struct timespec t = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR && !stopping) continue;
}

/* Sends one request over the worker's connection and reads the answer; returns its status, 0 where there is none. */
static int request_make(struct http_conn *c, const struct arrival *a) {
  const struct route *route = &load.route[a->route_idx];
  struct http_message answer;
  char path[160], trace[64];
  if (!plan_path_write(route->path, a->id, path, sizeof path)) return 0;
  snprintf(trace, sizeof trace, "00-%016llx%016llx-%016llx-01", (unsigned long long)a->trace[0],
           (unsigned long long)a->trace[1], (unsigned long long)a->trace[2]);
  if (!http_usable(c)) {
    http_close(c);
    if (!http_connect(c, &load.target[a->target_idx].addr, TIMEOUT_MS)) return 0;
  }
  struct http_send request = {.method = route->method,
                              .host = "shop.example",
                              .path = path,
                              .traceparent = trace,
                              .body_bytes = route->body_bytes};
  bool good = http_write(c, &request) && http_read(c, &answer);
  if (!good || answer.close) http_close(c);
  return good ? answer.status : 0;
}

static void *worker_run(void *arg) {
  struct http_conn *conn = arg; /* one a target */
  struct arrival a;
  while (!stopping && arrival_take(&a)) {
    sleep_until(a.at_ns);
    if (stopping) break;
    if (now_ns() - a.at_ns > LATE_NS) load.late++;
    int status = request_make(&conn[a.target_idx], &a);
    load.sent++;
    if (status == 0) load.unanswered++;
    if (status >= 500) load.failed++;
  }
  for (size_t i = 0; i < load.target_n; i++) http_close(&conn[i]);
  return NULL;
}

static void workers_run(void) {
  pthread_t thread[WORKERS_MAX];
  struct http_conn *conn = calloc(load.workers * load.target_n, sizeof *conn);
  size_t started = 0;
  if (!conn) return;
  for (size_t i = 0; i < load.workers * load.target_n; i++) conn[i].fd = -1;
  while (started < load.workers &&
         pthread_create(&thread[started], NULL, worker_run, &conn[started * load.target_n]) == 0)
    started++;
  for (size_t i = 0; i < started; i++) pthread_join(thread[i], NULL);
  free(conn);
}

static bool target_add(const char *text) {
  char addr[64];
  struct target *t = &load.target[load.target_n];
  if (load.target_n == TARGETS || sscanf(text, "%63[^=]=%lf", addr, &t->weight) != 2) return false;
  if (!http_addr_read(addr, &t->addr) || !(t->weight > 0)) return false;
  load.target_n++;
  return true;
}

static bool route_add(const char *text) {
  struct route *r = &load.route[load.route_n];
  if (load.route_n == ROUTES) return false;
  if (sscanf(text, "%11[A-Z],%127[^,],%lf,%zu", r->method, r->path, &r->weight, &r->body_bytes) != 4) return false;
  if (!(r->weight > 0) || r->body_bytes > HTTP_SENT_BODY_BYTES) return false;
  load.route_n++;
  return true;
}

static bool option_set(int c, const char *text) {
  switch (c) {
    case 't': return target_add(text);
    case 'p': return route_add(text);
    case 'r': load.rate_per_s = strtod(text, NULL); return load.rate_per_s > 0 && load.rate_per_s <= 10000;
    case 's': load.seconds = strtod(text, NULL); return load.seconds > 0 && load.seconds <= 86400;
    case 'e': load.rand.state = strtoull(text, NULL, 10); return true;
    case 'w': load.workers = strtoul(text, NULL, 10); return load.workers > 0 && load.workers <= WORKERS_MAX;
    default: return false;
  }
}

static void weights_scale(void) {
  double targets = 0, routes = 0;
  for (size_t i = 0; i < load.target_n; i++) targets += load.target[i].weight;
  for (size_t i = 0; i < load.route_n; i++) routes += load.route[i].weight;
  for (size_t i = 0; i < load.target_n; i++) load.target[i].weight /= targets;
  for (size_t i = 0; i < load.route_n; i++) load.route[i].weight /= routes;
}

static void options_read(int argc, char **argv) {
  static const struct option known[] = {{"target", 1, 0, 't'},
                                        {"route", 1, 0, 'p'},
                                        {"rate", 1, 0, 'r'},
                                        {"seconds", 1, 0, 's'},
                                        {"seed", 1, 0, 'e'},
                                        {"workers", 1, 0, 'w'},
                                        {0}};
  int c;
  while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
    if (c != '?' && option_set(c, optarg)) continue;
    if (c != '?') fprintf(stderr, "meshload: wrong value: %s\n", optarg);
    exit(2);
  }
  if (!load.target_n || !load.route_n) {
    fprintf(stderr, "meshload: needs --target IP:PORT=WEIGHT and --route METHOD,PATH,WEIGHT,BODY_BYTES\n");
    exit(2);
  }
  weights_scale();
}

int main(int argc, char **argv) {
  options_read(argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* no orphans, even where the demo is killed hard */
  struct sigaction stop = {.sa_handler = on_signal};
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  load.next_ns = now_ns();
  load.end_ns = load.next_ns + (int64_t)(load.seconds * 1e9);
  workers_run();
  printf("{\"sent\":%llu,\"failed\":%llu,\"unanswered\":%llu,\"late\":%llu}\n", (unsigned long long)load.sent,
         (unsigned long long)load.failed, (unsigned long long)load.unanswered, (unsigned long long)load.late);
  return 0;
}
