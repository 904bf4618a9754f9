/* epoll, level-triggered. A slot a descriptor; its generation travels with the event, so that an event fetched
 * before a drop is recognised as stale even where the descriptor's number is in use again. */
#include "io_loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base_must.h"

enum { LOOP_BATCH = 64 /* events a wake-up */, LOOP_TIMERS = 32 };

struct loop_slot {
  io_ready fn; /* NULL: free */
  void *ctx;
  unsigned events;
  uint32_t generation;
};

struct loop_timer {
  int fd; /* -1: free */
  io_timer fn;
  void *ctx;
};

struct io_loop {
  int epoll_fd;
  int wake_fd;
  atomic_bool stop;
  struct loop_slot *slot; /* by descriptor */
  size_t slot_n;
  struct loop_timer timer[LOOP_TIMERS];
};

static void loop_wake(void *ctx, unsigned events) {
  struct io_loop *l = ctx;
  (void)events;
  uint64_t n;
  (void)!read(l->wake_fd, &n, sizeof n);
}

struct io_loop *io_loop_open(void) {
  struct io_loop *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  for (size_t i = 0; i < LOOP_TIMERS; i++) l->timer[i].fd = -1;
  l->wake_fd = -1;
  l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (l->epoll_fd >= 0) l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (l->wake_fd < 0 || !io_loop_add(l, l->wake_fd, IO_READ, loop_wake, l)) {
    int cause = errno;
    io_loop_close(l);
    errno = cause;
    return NULL;
  }
  return l;
}

void io_loop_close(struct io_loop *l) {
  if (!l) return;
  for (int i = 0; i < LOOP_TIMERS; i++) {
    if (l->timer[i].fd >= 0) io_loop_timer_drop(l, i + 1);
  }
  if (l->wake_fd >= 0) (void)close(l->wake_fd);
  if (l->epoll_fd >= 0) (void)close(l->epoll_fd);
  free(l->slot);
  free(l);
}

static bool loop_grow(struct io_loop *l, size_t want) {
  if (want <= l->slot_n) return true;
  size_t n = l->slot_n ? l->slot_n : 64;
  while (n < want) n *= 2;
  struct loop_slot *slot = realloc(l->slot, n * sizeof *slot);
  if (!slot) return false;
  for (size_t i = l->slot_n; i < n; i++) slot[i] = (struct loop_slot){0};
  l->slot = slot;
  l->slot_n = n;
  return true;
}

static bool loop_ctl(struct io_loop *l, int op, int fd, unsigned events) {
  struct epoll_event e = {.events = (events & IO_READ ? (uint32_t)EPOLLIN : 0) |
                                    (events & IO_WRITE ? (uint32_t)EPOLLOUT : 0)};
  e.data.u64 = (uint64_t)l->slot[fd].generation << 32 | (uint32_t)fd;
  return epoll_ctl(l->epoll_fd, op, fd, &e) == 0;
}

bool io_loop_add(struct io_loop *l, int fd, unsigned events, io_ready fn, void *ctx) {
  MUST(fd >= 0 && fn);
  if (!loop_grow(l, (size_t)fd + 1)) return false;
  struct loop_slot *s = &l->slot[fd];
  MUST(!s->fn);
  if (!loop_ctl(l, EPOLL_CTL_ADD, fd, events)) return false;
  s->fn = fn;
  s->ctx = ctx;
  s->events = events;
  return true;
}

bool io_loop_set(struct io_loop *l, int fd, unsigned events) {
  MUST(fd >= 0 && (size_t)fd < l->slot_n && l->slot[fd].fn);
  if (l->slot[fd].events == events) return true;
  if (!loop_ctl(l, EPOLL_CTL_MOD, fd, events)) return false;
  l->slot[fd].events = events;
  return true;
}

void io_loop_drop(struct io_loop *l, int fd) {
  MUST(fd >= 0 && (size_t)fd < l->slot_n && l->slot[fd].fn);
  (void)loop_ctl(l, EPOLL_CTL_DEL, fd, 0);
  l->slot[fd] = (struct loop_slot){.generation = l->slot[fd].generation + 1};
}

static void loop_timer_fire(void *ctx, unsigned events) {
  struct loop_timer *t = ctx;
  (void)events;
  uint64_t n;
  if (read(t->fd, &n, sizeof n) == (ssize_t)sizeof n) t->fn(t->ctx);
}

int io_loop_timer_add(struct io_loop *l, int64_t period_ns, io_timer fn, void *ctx) {
  MUST(period_ns > 0 && fn);
  int i = 0;
  while (i < LOOP_TIMERS && l->timer[i].fd >= 0) i++;
  if (i == LOOP_TIMERS) return 0;
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return 0;
  struct timespec period = {.tv_sec = period_ns / TIME_NS_PER_S, .tv_nsec = period_ns % TIME_NS_PER_S};
  struct itimerspec spec = {.it_interval = period, .it_value = period};
  if (timerfd_settime(fd, 0, &spec, NULL) != 0 || !io_loop_add(l, fd, IO_READ, loop_timer_fire, &l->timer[i])) {
    (void)close(fd);
    return 0;
  }
  l->timer[i] = (struct loop_timer){fd, fn, ctx};
  return i + 1;
}

void io_loop_timer_drop(struct io_loop *l, int handle) {
  MUST(handle > 0 && handle <= LOOP_TIMERS && l->timer[handle - 1].fd >= 0);
  struct loop_timer *t = &l->timer[handle - 1];
  io_loop_drop(l, t->fd);
  (void)close(t->fd);
  t->fd = -1;
}

static void loop_dispatch(struct io_loop *l, const struct epoll_event *e) {
  uint32_t fd = (uint32_t)e->data.u64, generation = (uint32_t)(e->data.u64 >> 32);
  struct loop_slot s = l->slot[fd]; /* a copy: the callback may grow the table */
  if (!s.fn || s.generation != generation) return;
  unsigned ready = (e->events & EPOLLIN ? IO_READ : 0u) | (e->events & EPOLLOUT ? IO_WRITE : 0u);
  if (e->events & (EPOLLERR | EPOLLHUP)) ready = IO_READ | IO_WRITE;
  if (ready & s.events) s.fn(s.ctx, ready & s.events);
}

static bool loop_step(struct io_loop *l, int timeout_ms) {
  struct epoll_event batch[LOOP_BATCH];
  int n = epoll_wait(l->epoll_fd, batch, LOOP_BATCH, timeout_ms);
  MUST(n >= 0 || errno == EINTR);
  for (int i = 0; i < n; i++) loop_dispatch(l, &batch[i]);
  return n > 0;
}

void io_loop_run(struct io_loop *l) {
  while (!atomic_load(&l->stop)) (void)loop_step(l, -1);
  atomic_store(&l->stop, false);
}

bool io_loop_stopped(const struct io_loop *l) {
  return atomic_load(&l->stop);
}

bool io_loop_poll(struct io_loop *l) {
  return loop_step(l, 0);
}

void io_loop_stop(struct io_loop *l) {
  int cause = errno; /* a signal handler must leave errno alone */
  uint64_t one = 1;
  atomic_store(&l->stop, true);
  (void)!write(l->wake_fd, &one, sizeof one);
  errno = cause;
}
