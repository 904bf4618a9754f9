#include "act.h"

#include <curl/curl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "act_receiver.h"
#include "base_must.h"

#define ACT_LATEST 256u /* incidents whose latest state is at hand, for sending again */

struct act_parcel {
  struct act_parcel *next;
  struct base_mono at;
  struct base_str json; /* behind it */
};

struct act_seen {
  uint64_t id;
  char *json;
  size_t n;
};

struct act {
  const struct act_conf *conf;
  struct io_loop *loop;
  struct act_http *http;
  int wake_fd, timer_fd;
  bool wake_added, timer_added;
  struct act_receiver *receiver[LIMIT_RECEIVERS];
  struct act_seen seen[ACT_LATEST]; /* the thread's, from the oldest heard of to the newest */
  uint32_t seen_n;
  pthread_t thread;
  bool running;
  pthread_mutex_t lock; /* over what follows */
  struct act_parcel *first, *last;
  uint32_t parcel_n;
  uint64_t lost;
  int64_t stop_ns; /* monotonic; 0: go on */
  struct act_stats stats[LIMIT_RECEIVERS];
  struct base_mono stats_at;
};

/* ---- the latest states ---- */

static void seen_put(struct act *a, uint64_t id, struct base_str json) {
  uint32_t i = 0;
  while (i < a->seen_n && a->seen[i].id != id) i++;
  if (i == a->seen_n && a->seen_n == ACT_LATEST) i = 0;
  char *copy = malloc(json.n);
  if (!copy) return;
  memcpy(copy, json.p, json.n);
  if (i < a->seen_n) {
    free(a->seen[i].json);
    memmove(&a->seen[i], &a->seen[i + 1], (a->seen_n - i - 1) * sizeof a->seen[0]);
    a->seen_n--;
  }
  a->seen[a->seen_n++] = (struct act_seen){id, copy, json.n};
}

static struct base_str seen_latest(void *ctx, uint64_t id) {
  struct act *a = ctx;
  for (uint32_t i = a->seen_n; i-- > 0;)
    if (a->seen[i].id == id) return (struct base_str){a->seen[i].json, a->seen[i].n};
  return STR_NONE;
}

/* ---- the thread ---- */

static void take(struct act *a, struct base_str json, struct base_mono at, bool known) {
  struct act_state s;
  if (!act_state_read(json, &s)) return;
  seen_put(a, s.id, json);
  for (uint32_t i = 0; i < a->conf->receiver_n; i++) {
    if (known)
      act_receiver_known(a->receiver[i], &s, json);
    else
      act_receiver_take(a->receiver[i], &s, json, at);
  }
}

static struct act_parcel *inbox_empty(struct act *a) {
  pthread_mutex_lock(&a->lock);
  struct act_parcel *first = a->first;
  a->first = a->last = NULL;
  a->parcel_n = 0;
  pthread_mutex_unlock(&a->lock);
  return first;
}

static void timer_set(struct act *a, int64_t at_ns) {
  struct itimerspec spec = {{0, 0}, {0, 0}};
  if (at_ns != INT64_MAX) {
    if (at_ns < 1) at_ns = 1; /* 0 would disarm */
    spec.it_value.tv_sec = at_ns / TIME_NS_PER_S;
    spec.it_value.tv_nsec = at_ns % TIME_NS_PER_S;
  }
  MUST(timerfd_settime(a->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
}

/* For act_stats. */
static void stats_copy(struct act *a) {
  struct base_mono now = io_mono_now();
  pthread_mutex_lock(&a->lock);
  for (uint32_t i = 0; i < a->conf->receiver_n; i++) act_receiver_stats(a->receiver[i], now, &a->stats[i]);
  a->stats_at = now;
  pthread_mutex_unlock(&a->lock);
}

static void step(struct act *a) {
  struct base_mono now = io_mono_now();
  int64_t next_ns = INT64_MAX;
  bool idle = true;
  for (uint32_t i = 0; i < a->conf->receiver_n; i++) {
    int64_t next;
    idle &= act_receiver_step(a->receiver[i], now, io_wall_now(), &next);
    if (next < next_ns) next_ns = next;
  }
  stats_copy(a);
  pthread_mutex_lock(&a->lock);
  int64_t stop_ns = a->stop_ns;
  bool empty = a->parcel_n == 0;
  pthread_mutex_unlock(&a->lock);
  if (stop_ns && ((idle && empty) || now.ns >= stop_ns)) io_loop_stop(a->loop);
  if (stop_ns && stop_ns < next_ns) next_ns = stop_ns;
  timer_set(a, next_ns);
}

static void wake_again(void *ctx) {
  struct act *a = ctx;
  uint64_t one = 1;
  (void)!write(a->wake_fd, &one, sizeof one);
}

static void on_wake(void *ctx, unsigned events) {
  struct act *a = ctx;
  uint64_t n;
  (void)events;
  (void)!read(a->wake_fd, &n, sizeof n);
  for (struct act_parcel *p = inbox_empty(a), *next; p; p = next) {
    next = p->next;
    take(a, p->json, p->at, false);
    free(p);
  }
  step(a);
}

static void on_timer(void *ctx, unsigned events) {
  struct act *a = ctx;
  uint64_t n;
  (void)events;
  (void)!read(a->timer_fd, &n, sizeof n);
  step(a);
}

static void *thread_main(void *ctx) {
  struct act *a = ctx;
  io_loop_run(a->loop);
  return NULL;
}

/* ---- the caller's side ---- */

static bool open_loop(struct act *a) {
  a->loop = io_loop_open();
  if (!a->loop) return false;
  a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  a->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (a->wake_fd < 0 || a->timer_fd < 0) return false;
  a->wake_added = io_loop_add(a->loop, a->wake_fd, IO_READ, on_wake, a);
  a->timer_added = io_loop_add(a->loop, a->timer_fd, IO_READ, on_timer, a);
  a->http = act_http_open(a->loop);
  return a->wake_added && a->timer_added && a->http;
}

static bool open_receivers(struct act *a, const char *dir, char why[ACT_ERR_BYTES]) {
  for (uint32_t i = 0; i < a->conf->receiver_n; i++) {
    char path[PATH_MAX], wrong[160];
    snprintf(path, sizeof path, "%s/%s", dir ? dir : "", a->conf->receiver[i].name);
    struct receiver_conf conf = {.conf = a->conf,
                                 .idx = i,
                                 .dir = dir ? path : NULL,
                                 .loop = a->loop,
                                 .http = a->http,
                                 .wake = wake_again,
                                 .latest = seen_latest,
                                 .ctx = a};
    a->receiver[i] = act_receiver_open(&conf, wrong);
    if (a->receiver[i]) continue;
    snprintf(why, ACT_ERR_BYTES, "receiver %s: %s", a->conf->receiver[i].name, wrong);
    return false;
  }
  return true;
}

struct act *act_open(const struct act_conf *conf, const char *dir, char why[ACT_ERR_BYTES]) {
  MUST(conf->receiver_n <= LIMIT_RECEIVERS);
  snprintf(why, ACT_ERR_BYTES, "alerts: out of memory or descriptors");
  struct act *a = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? calloc(1, sizeof *a) : NULL;
  if (!a) return NULL;
  a->conf = conf;
  a->wake_fd = a->timer_fd = -1;
  pthread_mutex_init(&a->lock, NULL);
  if (open_loop(a) && open_receivers(a, dir, why)) {
    stats_copy(a);
    return a;
  }
  act_close(a, 0);
  return NULL;
}

/* Past the bound the oldest goes: the newer states say more. */
static void inbox_put(struct act *a, struct act_parcel *p) {
  struct act_parcel *old = NULL;
  pthread_mutex_lock(&a->lock);
  if (a->last)
    a->last->next = p;
  else
    a->first = p;
  a->last = p;
  if (++a->parcel_n > LIMIT_ALERT_INBOX) {
    old = a->first;
    a->first = old->next;
    a->parcel_n--;
    a->lost++;
  }
  pthread_mutex_unlock(&a->lock);
  free(old);
}

bool act_incident(struct act *a, struct base_str json) {
  struct act_state s;
  if (!a->running) {
    if (!act_state_read(json, &s)) return false;
    take(a, json, io_mono_now(), true);
    return true;
  }
  struct act_parcel *p = malloc(sizeof *p + json.n);
  if (!p) return false;
  *p = (struct act_parcel){.at = io_mono_now(), .json = {(const char *)(p + 1), json.n}};
  if (json.n) memcpy(p + 1, json.p, json.n);
  inbox_put(a, p);
  return true;
}

/* An incident that goes on since before a receiver was first there is told to it, too. */
static void start_open_ones(struct act *a) {
  struct base_mono now = io_mono_now();
  for (uint32_t k = 0; k < a->seen_n; k++) {
    struct act_state s;
    struct base_str json = {a->seen[k].json, a->seen[k].n};
    if (!act_state_read(json, &s) || s.closed) continue;
    for (uint32_t i = 0; i < a->conf->receiver_n; i++) act_receiver_take(a->receiver[i], &s, json, now);
  }
}

bool act_start(struct act *a) {
  start_open_ones(a);
  stats_copy(a);
  a->running = pthread_create(&a->thread, NULL, thread_main, a) == 0;
  if (a->running) wake_again(a);
  return a->running;
}

void act_go(struct act *a) {
  wake_again(a);
}

bool act_stats(struct act *a, uint32_t idx, struct act_stats *out) {
  if (idx >= a->conf->receiver_n) return false;
  pthread_mutex_lock(&a->lock);
  *out = a->stats[idx];
  if (out->waiting) out->oldest_s += (double)(io_mono_now().ns - a->stats_at.ns) / 1e9;
  pthread_mutex_unlock(&a->lock);
  return true;
}

uint64_t act_lost(struct act *a) {
  pthread_mutex_lock(&a->lock);
  uint64_t n = a->lost;
  pthread_mutex_unlock(&a->lock);
  return n;
}

static void thread_end(struct act *a, int64_t patience_ns) {
  pthread_mutex_lock(&a->lock);
  a->stop_ns = io_mono_now().ns + patience_ns;
  pthread_mutex_unlock(&a->lock);
  wake_again(a);
  pthread_join(a->thread, NULL);
}

void act_close(struct act *a, int64_t patience_ns) {
  if (!a) return;
  if (a->running) thread_end(a, patience_ns);
  act_http_close(a->http); /* nobody is called any more */
  for (uint32_t i = 0; i < a->conf->receiver_n; i++) act_receiver_close(a->receiver[i]);
  for (struct act_parcel *p = a->first, *next; p; p = next) {
    next = p->next;
    free(p);
  }
  for (uint32_t i = 0; i < a->seen_n; i++) free(a->seen[i].json);
  if (a->wake_added) io_loop_drop(a->loop, a->wake_fd);
  if (a->timer_added) io_loop_drop(a->loop, a->timer_fd);
  if (a->wake_fd >= 0) (void)close(a->wake_fd);
  if (a->timer_fd >= 0) (void)close(a->timer_fd);
  io_loop_close(a->loop);
  pthread_mutex_destroy(&a->lock);
  curl_global_cleanup();
  free(a);
}
