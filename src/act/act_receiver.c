#include "act_receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "act_queue.h"
#include "act_send.h"
#include "act_told.h"
#include "base_must.h"

#define RECEIVER_RESOLVED_NS (900 * TIME_NS_PER_S) /* an end is sent again for so long, as Prometheus does */
#define RECEIVER_DISK_NS (5 * TIME_NS_PER_S)       /* between two tries of a log that could not be written */
#define RECEIVER_PIECE_BYTES 4096u                 /* PIPE_BUF: a pipe that is ready takes so much without blocking */

struct act_receiver {
  struct receiver_conf conf;
  const struct act_receiver_conf *own;
  struct act_sender sender;
  struct told *told;
  struct act_queue queue;
  struct queue_item *busy; /* under way, or NULL */
  bool resending;          /* a list of all alerts is under way */
  uint32_t failures;       /* in a row */
  int64_t due_ns;          /* nothing is sent before: the back-off after failures */
  int64_t resend_ns;       /* when to send all alerts again */
  int64_t disk_ns;         /* when to try the log again, where something waits for it */
  int out_fd;              /* standard output's, -1 for the other types */
  size_t out_n;            /* bytes of the line that are written */
  struct act_stats stats;
};

/* ---- open, close ---- */

struct act_receiver *act_receiver_open(const struct receiver_conf *conf, char why[160]) {
  struct act_receiver *r = calloc(1, sizeof *r);
  snprintf(why, 160, "out of memory");
  if (!r) return NULL;
  r->conf = *conf;
  r->own = &conf->conf->receiver[conf->idx];
  r->out_fd = -1;
  r->stats.name = r->own->name;
  r->stats.type = act_type_text((enum act_type)r->own->type);
  bool ok = sender_open(&r->sender, conf->conf, conf->idx, why);
  if (ok) r->told = told_open(conf->dir, io_wall_now());
  if (ok && r->told) return r;
  act_receiver_close(r);
  return NULL;
}

static void out_done(struct act_receiver *r) {
  if (r->out_fd < 0) return;
  io_loop_drop(r->conf.loop, r->out_fd);
  (void)close(r->out_fd);
  r->out_fd = -1;
}

void act_receiver_close(struct act_receiver *r) {
  if (!r) return;
  out_done(r);
  queue_fini(&r->queue);
  told_close(r->told);
  sender_close(&r->sender);
  free(r);
}

/* ---- what waits ---- */

static void note_disk(struct act_receiver *r, bool ok) {
  if (!ok) r->stats.disk_errors++;
}

/* Said at the first, second, fourth … of a reason. */
static void bury(struct act_receiver *r, const struct queue_item *i, enum act_dead dead) {
  uint64_t n = ++r->stats.dead[dead];
  if ((n & (n - 1)) == 0)
    log_put(&r->conf.conf->log, BASE_LEVEL_ERROR, "alerts", "%s: `%s` of incident %016llx given up: %s (%llu so far)",
            r->own->name, act_event_text(i->event), (unsigned long long)i->after.state.id, act_dead_text(dead),
            (unsigned long long)n);
  note_disk(r, told_write(r->told, i->event, &i->after, NULL, act_dead_text(dead), io_wall_now()));
}

/* What gets graver is told at once; what else changes waits until the last message is old enough. */
static int64_t due_of(const struct act_receiver *r, const struct told_item *known, const struct act_state *s,
                      enum act_event event, int64_t now_ns) {
  if (event != ACT_CHANGED || !known || known->at_ns == INT64_MIN) return now_ns;
  if (s->severity > known->known.state.severity) return now_ns;
  int64_t due = known->at_ns + r->own->update_interval_ns;
  return due > now_ns ? due : now_ns;
}

static void enqueue(struct act_receiver *r, unsigned events, const struct told_item *known, const struct act_state *s,
                    struct base_str json, int64_t now_ns) {
  for (unsigned e = 0; e < ACT_EVENT_COUNT; e++) {
    if (!(events & 1u << e)) continue;
    struct act_known after = act_known_after(known ? &known->known : NULL, s, 1u << e);
    if (events >> (e + 1)) { /* another message of the same state follows: it is not told yet */
      after.state.rev = s->rev - 1;
      after.state.acked = false;
    }
    int64_t due = due_of(r, known, s, (enum act_event)e, now_ns);
    bool ok = true;
    struct queue_item *old = queue_put(&r->queue, r->busy, (enum act_event)e, &after, json, now_ns, due, &ok);
    if (!ok) r->stats.dead[ACT_DEAD_QUEUE_FULL]++; /* no memory */
    if (!old) continue;
    bury(r, old, ACT_DEAD_QUEUE_FULL);
    free(old);
  }
}

void act_receiver_take(struct act_receiver *r, const struct act_state *s, struct base_str json, struct base_mono at) {
  struct told_item *known = told_find(r->told, s->id);
  unsigned events = act_decide(r->own, known ? &known->known : NULL, s);
  if (!events) return;
  enqueue(r, events, known, s, json, at.ns);
  struct act_known after = act_known_after(known ? &known->known : NULL, s, events);
  (void)told_plan(r->told, s->id, &after);
}

void act_receiver_known(struct act_receiver *r, const struct act_state *s, struct base_str json) {
  if (!told_find(r->told, s->id) && s->updated_at.ns < told_since(r->told).ns) return;
  act_receiver_take(r, s, json, io_mono_now());
}

/* ---- what comes back ---- */

static void good(struct act_receiver *r, struct queue_item *i, int64_t now_ns) {
  struct told_item *known = told_find(r->told, i->after.state.id);
  double delay_s = (double)(now_ns - i->born_ns) / 1e9;
  r->failures = 0;
  r->due_ns = 0;
  r->stats.problem[0] = 0;
  r->stats.delivered++;
  if (!i->held) r->stats.delay_s_last = delay_s;
  if (!i->held && delay_s > r->stats.delay_s_max) r->stats.delay_s_max = delay_s;
  if (known) known->at_ns = now_ns;
  if (known) told_memo(known, r->sender.memo_next);
  note_disk(r, told_write(r->told, i->event, &i->after, r->sender.memo_next, NULL, io_wall_now()));
  queue_drop(&r->queue, i);
}

static void retry(struct act_receiver *r, struct queue_item *i, int64_t after_ns, int64_t now_ns) {
  if (now_ns - i->born_ns > r->own->retry_for_ns) {
    bury(r, i, ACT_DEAD_EXPIRED);
    queue_drop(&r->queue, i);
    return;
  }
  r->stats.retried++;
  i->attempts++;
  int64_t wait = queue_backoff_ns(i->attempts, i->after.state.id);
  i->due_ns = now_ns + (after_ns > wait ? after_ns : wait);
}

static void failed(struct act_receiver *r, uint64_t key, int64_t after_ns, int64_t now_ns) {
  int64_t wait = queue_backoff_ns(++r->failures, key);
  r->due_ns = now_ns + (after_ns > wait ? after_ns : wait);
}

static const char *memo_of(struct act_receiver *r, const struct queue_item *i) {
  struct told_item *known = told_find(r->told, i->after.state.id);
  return known && known->memo ? known->memo : "";
}

/* Says why, once for each reason. */
static void say_problem(struct act_receiver *r, const char *why) {
  if (strcmp(r->stats.problem, why) == 0) return;
  snprintf(r->stats.problem, sizeof r->stats.problem, "%s", why);
  if (why[0]) log_put(&r->conf.conf->log, BASE_LEVEL_WARNING, "alerts", "%s: %s", r->own->name, why);
}

static void judge_item(struct act_receiver *r, struct queue_item *i, enum act_judged judged, int64_t after_ns,
                       const char *why) {
  int64_t now_ns = io_mono_now().ns;
  struct told_item *known = told_find(r->told, i->after.state.id);
  switch (judged) {
    case ACT_GOOD: good(r, i, now_ns); return;
    case ACT_ANEW:
      if (known) told_memo(known, "");
      r->stats.retried++;
      return;
    case ACT_RETRY:
      failed(r, i->after.state.id, after_ns, now_ns);
      retry(r, i, after_ns, now_ns);
      break;
    case ACT_REFUSED:
      bury(r, i, ACT_DEAD_REFUSED);
      queue_drop(&r->queue, i);
      break;
  }
  say_problem(r, why);
}

static void answered(void *ctx, const struct act_answer *a) {
  struct act_receiver *r = ctx;
  char why[ACT_WHY_BYTES];
  struct queue_item *i = r->busy;
  MUST(i || r->resending);
  enum act_judged judged = sender_judge(&r->sender, a, i ? memo_of(r, i) : "", why);
  r->busy = NULL;
  if (i) {
    judge_item(r, i, judged, a->retry_after_ns, why);
  } else {
    r->resending = false;
    say_problem(r, why);
    int64_t now_ns = io_mono_now().ns;
    if (judged == ACT_GOOD) r->failures = 0;
    if (judged == ACT_RETRY) failed(r, 0, a->retry_after_ns, now_ns);
    if (judged == ACT_RETRY) r->resend_ns = now_ns;
  }
  r->conf.wake(r->conf.ctx);
}

/* ---- standard output ---- */

static void out_answered(struct act_receiver *r, const char *error) {
  struct act_answer a = {0};
  out_done(r);
  snprintf(a.error, sizeof a.error, "%s", error);
  answered(r, &a);
}

/* In pieces that a pipe takes without blocking; a reader that is stuck leaves the rest for later. */
static void out_ready(void *ctx, unsigned events) {
  struct act_receiver *r = ctx;
  struct base_str rest = str_cut(buf_str(&r->sender.request.body), r->out_n, SIZE_MAX);
  (void)events;
  ssize_t n = write(r->out_fd, rest.p, rest.n < RECEIVER_PIECE_BYTES ? rest.n : RECEIVER_PIECE_BYTES);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n < 0) {
    out_answered(r, strerror(errno));
    return;
  }
  r->out_n += (size_t)n;
  if ((size_t)n == rest.n) out_answered(r, "");
}

/* What epoll does not take (a regular file) never blocks for long. */
static void out_write_all(struct act_receiver *r) {
  while (r->out_fd >= 0) {
    struct base_str rest = str_cut(buf_str(&r->sender.request.body), r->out_n, SIZE_MAX);
    ssize_t n = write(r->out_fd, rest.p, rest.n);
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) r->out_n += (size_t)n;
    if (n > 0 && (size_t)n < rest.n) continue;
    int cause = n < 0 ? errno : 0;
    (void)close(r->out_fd);
    r->out_fd = -1;
    struct act_answer a = {0};
    snprintf(a.error, sizeof a.error, "%s", cause ? strerror(cause) : "");
    answered(r, &a);
  }
}

static bool out_begin(struct act_receiver *r) {
  r->out_n = 0;
  r->out_fd = dup(STDOUT_FILENO); /* of its own, so that it can be watched */
  if (r->out_fd < 0) return false;
  if (!io_loop_add(r->conf.loop, r->out_fd, IO_WRITE, out_ready, r)) out_write_all(r);
  return true;
}

/* ---- sending ---- */

static bool post(struct act_receiver *r) {
  if (r->own->type == ACT_STDOUT) return out_begin(r);
  return act_http_post(r->conf.http, &r->sender.request, r->own->timeout_ns, answered, r);
}

/* True where something happened: there may be more to do at once. */
static bool send_item(struct act_receiver *r, struct queue_item *i, int64_t now_ns, struct base_wall wall) {
  char why[ACT_WHY_BYTES];
  enum sender_made made = sender_make(&r->sender, i->event, i->json, memo_of(r, i), wall, why);
  r->busy = i;
  if (made == SENDER_MADE && post(r)) return false;
  r->busy = NULL;
  if (made == SENDER_NOTHING) {
    note_disk(r, told_write(r->told, i->event, &i->after, NULL, NULL, wall));
    queue_drop(&r->queue, i);
    return true;
  }
  say_problem(r, made == SENDER_MADE ? "out of memory or descriptors" : why);
  if (made == SENDER_NOT) {
    bury(r, i, ACT_DEAD_UNMADE);
    queue_drop(&r->queue, i);
    return true;
  }
  failed(r, i->after.state.id, 0, now_ns);
  retry(r, i, 0, now_ns);
  return true;
}

static void resend_list(struct act_receiver *r, int64_t now_ns, struct base_wall wall) {
  for (uint32_t k = 0; k < told_n(r->told); k++) {
    const struct told_item *i = told_at(r->told, k);
    bool lately = i->at_ns != INT64_MIN && now_ns - i->at_ns < RECEIVER_RESOLVED_NS;
    if (!i->memo || !i->memo[0] || (!i->known.open && !lately)) continue;
    struct base_str json = r->conf.latest(r->conf.ctx, i->known.state.id);
    if (json.n) sender_resend_add(&r->sender, json, i->memo, i->known.open, wall);
  }
}

static void resend(struct act_receiver *r, int64_t now_ns, struct base_wall wall) {
  char why[ACT_WHY_BYTES];
  r->resend_ns = now_ns + r->own->resend_ns;
  if (!sender_resend_begin(&r->sender, wall, why)) {
    say_problem(r, why);
    return;
  }
  resend_list(r, now_ns, wall);
  r->resending = true;
  if (!sender_resend_end(&r->sender) || !post(r)) r->resending = false;
}

/* What the disk did not take is tried again from time to time. */
static void disk_retry(struct act_receiver *r, int64_t now_ns) {
  if (!told_waiting(r->told) || now_ns < r->disk_ns) return;
  r->disk_ns = now_ns + RECEIVER_DISK_NS;
  note_disk(r, told_retry(r->told));
}

static int64_t next_of(const struct act_receiver *r) {
  int64_t due = queue_due(&r->queue);
  if (r->own->type == ACT_ALERTMANAGER && r->resend_ns < due) due = r->resend_ns;
  return due < r->due_ns ? r->due_ns : due;
}

bool act_receiver_step(struct act_receiver *r, struct base_mono now, struct base_wall wall, int64_t *next_ns) {
  if (r->resend_ns == 0) r->resend_ns = now.ns + r->own->resend_ns / 4; /* after a start: what fired then still does */
  while (!r->busy && !r->resending && now.ns >= r->due_ns) {
    struct queue_item *i = queue_pick(&r->queue, now.ns);
    if (i && send_item(r, i, now.ns, wall)) continue;
    if (!i && r->own->type == ACT_ALERTMANAGER && now.ns >= r->resend_ns) resend(r, now.ns, wall);
    break;
  }
  disk_retry(r, now.ns);
  bool idle = !r->busy && !r->resending && !(now.ns >= r->due_ns && queue_pick(&r->queue, now.ns));
  *next_ns = r->busy || r->resending ? INT64_MAX : next_of(r);
  if (told_waiting(r->told) && r->disk_ns < *next_ns) *next_ns = r->disk_ns;
  return idle;
}

void act_receiver_stats(const struct act_receiver *r, struct base_mono now, struct act_stats *out) {
  *out = r->stats;
  out->waiting = r->queue.n;
  out->oldest_s = r->queue.first ? (double)(now.ns - r->queue.first->born_ns) / 1e9 : 0;
}
