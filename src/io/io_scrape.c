/* When each target is asked: its time is the hash of what it is, modulo its interval, so that a job's targets are
 * spread evenly and each keeps its time over restarts of the others. */
#include "io_scrape.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base_must.h"
#include "io_scrape_room.h"

enum { BEGIN_AT_ONCE = 64 /* scrapes begun in one wake-up; then others' turn */ };
#define TIMER_NS_MIN TIME_NS_PER_MS

static void count(struct io_scrape *s, enum rec_counter c) {
  s->conf.counters[c]++;
}

/* ---- time ---- */

/* The first time after `now` that is the target's own. */
static struct base_mono due_after(const struct scrape_target *t, struct base_mono now) {
  int64_t phase = (int64_t)(t->hash % (uint64_t)t->job->interval_ns);
  int64_t at = now.ns - now.ns % t->job->interval_ns + phase;
  return (struct base_mono){at > now.ns ? at : at + t->job->interval_ns};
}

static void timer_arm(struct io_scrape *s) {
  struct itimerspec spec = {{0, 0}, {0, 0}};
  if (s->table.n) {
    int64_t ns = s->table.heap[0]->due.ns - io_mono_now().ns;
    if (ns < TIMER_NS_MIN) ns = TIMER_NS_MIN;
    spec.it_value.tv_sec = ns / TIME_NS_PER_S;
    spec.it_value.tv_nsec = ns % TIME_NS_PER_S;
  }
  MUST(timerfd_settime(s->timer_fd, 0, &spec, NULL) == 0);
}

/* A target whose time has come. Where its last call is still under way, or its time went by unseen, that scrape is left
 * out: a late one would stand at a wrong place. */
static void target_turn(struct io_scrape *s, struct scrape_target *t, struct base_mono now) {
  bool late = now.ns - t->due.ns >= t->job->interval_ns;
  t->due = due_after(t, now);
  table_later(&s->table, t);
  if (late || t->call) count(s, REC_COUNTER_SCRAPES_LEFT_OUT);
  if (!t->call) scrape_call_begin(s, t);
}

static void timer_ready(void *ctx, unsigned events) {
  struct io_scrape *s = ctx;
  uint64_t n;
  struct base_mono now = io_mono_now();
  (void)events;
  (void)!read(s->timer_fd, &n, sizeof n);
  for (int i = 0; i < BEGIN_AT_ONCE && s->table.n && s->table.heap[0]->due.ns <= now.ns; i++)
    target_turn(s, s->table.heap[0], now);
  timer_arm(s);
}

/* ---- targets ---- */

static uint64_t target_hash(const struct io_scrape *s, const struct io_scrape_job *job,
                            const struct io_scrape_target *t) {
  uint64_t h = hash_mix(hash_bytes(s->key, job->name, strlen(job->name)), hash_bytes(s->key, t->url.p, t->url.n));
  return hash_mix(h, hash_bytes(s->key, t->labels.p, t->labels.n));
}

static struct scrape_target *target_new(const struct io_scrape_job *job, const struct io_scrape_target *from) {
  struct scrape_target *t = calloc(1, sizeof *t + from->url.n + from->labels.n + 2);
  if (!t) return NULL;
  t->job = job;
  t->url = (char *)(t + 1);
  t->labels = t->url + from->url.n + 1;
  memcpy(t->url, from->url.p, from->url.n);
  memcpy(t->labels, from->labels.p, from->labels.n);
  return t;
}

void io_scrape_begin(struct io_scrape *s, const struct io_scrape_job *job) {
  for (uint32_t i = 0; i < s->table.n; i++)
    if (s->table.list[i]->job == job) s->table.list[i]->marked = false;
}

static bool target_open(struct io_scrape *s, uint64_t hash, const struct io_scrape_job *job,
                        const struct io_scrape_target *from) {
  struct scrape_target *t = s->table.n < LIMIT_SCRAPE_TARGETS ? target_new(job, from) : NULL;
  if (t) {
    t->hash = hash;
    t->marked = true;
    t->due = due_after(t, io_mono_now());
    if (table_add(&s->table, t)) return true;
    free(t);
  }
  count(s, REC_COUNTER_SCRAPE_TARGET_LIMIT);
  return false;
}

bool io_scrape_add(struct io_scrape *s, const struct io_scrape_job *job, const struct io_scrape_target *from) {
  uint64_t hash = target_hash(s, job, from);
  struct scrape_target *known = table_find(&s->table, hash, job, from);
  MUST(job->interval_ns > 0 && job->timeout_ns > 0 && from->url.n && from->labels.n);
  if (!known) return target_open(s, hash, job, from);
  known->marked = true;
  return true;
}

void io_scrape_end(struct io_scrape *s, const struct io_scrape_job *job) {
  for (uint32_t i = s->table.n; i-- > 0;) {
    struct scrape_target *t = s->table.list[i];
    if (t->job != job || t->marked) continue;
    if (t->call) scrape_call_drop(s, t);
    table_drop(&s->table, t);
  }
  timer_arm(s);
}

uint32_t io_scrape_n(const struct io_scrape *s) {
  return s->table.n;
}

void io_scrape_at(const struct io_scrape *s, uint32_t i, struct io_scrape_state *out) {
  MUST(i < s->table.n);
  const struct scrape_target *t = s->table.list[i];
  *out = (struct io_scrape_state){.job = t->job,
                                  .url = t->url,
                                  .labels = t->labels,
                                  .asked = t->asked,
                                  .up = t->up,
                                  .asked_at = t->asked_at,
                                  .since = t->since,
                                  .due = t->due,
                                  .took_ns = t->took_ns,
                                  .bytes = t->bytes,
                                  .why = t->why};
}

/* ---- open and close ---- */

#define ACCEPT_TEXTS "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.6,*/*;q=0.1"
#define ACCEPT_PROTOBUF "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"

static bool scrape_open(struct io_scrape *s) {
  s->accept = curl_slist_append(NULL, "Accept: " ACCEPT_TEXTS);
  s->accept_protobuf = curl_slist_append(NULL, "Accept: " ACCEPT_PROTOBUF ACCEPT_TEXTS);
  s->curl = io_curl_open(s->loop, (long)LIMIT_SCRAPE_TARGETS, scrape_call_done);
  s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  s->timer_added = s->timer_fd >= 0 && io_loop_add(s->loop, s->timer_fd, IO_READ, timer_ready, s);
  return s->accept && s->accept_protobuf && s->curl && s->timer_added;
}

struct io_scrape *io_scrape_open(struct io_loop *loop, const struct io_scrape_conf *conf) {
  struct io_scrape *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  s->conf = *conf;
  s->key = (struct base_hash_key){conf->seed, ~conf->seed};
  io_hold_init(&s->hold, LIMIT_HELD_BYTES);
  if (scrape_open(s)) return s;
  io_scrape_close(s);
  return NULL;
}

void io_scrape_close(struct io_scrape *s) {
  if (!s) return;
  for (uint32_t i = 0; i < s->table.n; i++)
    if (s->table.list[i]->call) scrape_call_drop(s, s->table.list[i]);
  scrape_calls_fini(s);
  table_fini(&s->table);
  io_curl_close(s->curl);
  if (s->timer_added) io_loop_drop(s->loop, s->timer_fd);
  if (s->timer_fd >= 0) (void)close(s->timer_fd);
  curl_slist_free_all(s->accept);
  curl_slist_free_all(s->accept_protobuf);
  io_hold_fini(&s->hold);
  free(s);
}
