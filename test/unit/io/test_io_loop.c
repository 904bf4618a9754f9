/* The loop: readiness, stale events, timers, stop from a signal handler and from a thread; the clocks. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io_loop.h"

struct pair {
  struct io_loop *loop;
  int a[2], b[2];
  int calls_a, calls_b;
  unsigned events;
};

static struct io_loop *pairs_open(struct pair *p) {
  *p = (struct pair){.loop = io_loop_open()};
  assert_non_null(p->loop);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->a), 0);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->b), 0);
  return p->loop;
}

static void pairs_close(struct pair *p) {
  for (int i = 0; i < 2; i++) {
    (void)close(p->a[i]);
    (void)close(p->b[i]);
  }
  io_loop_close(p->loop);
}

static void stop_now(void *ctx) {
  struct pair *p = ctx;
  io_loop_stop(p->loop);
}

static void byte_put(int fd) {
  assert_int_equal(write(fd, "x", 1), 1);
}

static void note_a(void *ctx, unsigned events) {
  struct pair *p = ctx;
  char c;
  p->calls_a++;
  p->events = events;
  assert_int_equal(read(p->a[0], &c, 1), 1);
  io_loop_stop(p->loop);
}

static void ready_descriptors_are_called(void **state) {
  (void)state;
  struct pair p;
  struct io_loop *l = pairs_open(&p);
  assert_true(io_loop_add(l, p.a[0], IO_READ, note_a, &p));
  byte_put(p.a[1]);
  io_loop_run(l);
  assert_int_equal(p.calls_a, 1);
  assert_int_equal(p.events, IO_READ);
  assert_true(io_loop_set(l, p.a[0], IO_READ | IO_WRITE));
  byte_put(p.a[1]);
  io_loop_run(l);
  assert_int_equal(p.events, IO_READ | IO_WRITE);
  pairs_close(&p);
}

/* Each drops the other and puts a new pair into its place, so that numbers are used again. */
static void drop_other(struct pair *p, int own, int *other) {
  (void)own;
  io_loop_drop(p->loop, other[0]);
  int again = dup(other[0]);
  assert_true(again >= 0);
  (void)close(other[0]);
  assert_int_equal(dup2(again, other[0]), other[0]);
  (void)close(again);
}

static void never(void *ctx, unsigned events) {
  (void)ctx;
  (void)events;
  fail_msg("a descriptor that was added with no events asked for was called");
}

static void drop_b(void *ctx, unsigned events) {
  struct pair *p = ctx;
  (void)events;
  if (p->calls_a++ == 0) {
    drop_other(p, p->a[0], p->b);
    assert_true(io_loop_add(p->loop, p->b[0], 0, never, p));
  }
  io_loop_stop(p->loop);
}

static void drop_a(void *ctx, unsigned events) {
  struct pair *p = ctx;
  (void)events;
  if (p->calls_b++ == 0) {
    drop_other(p, p->b[0], p->a);
    assert_true(io_loop_add(p->loop, p->a[0], 0, never, p));
  }
  io_loop_stop(p->loop);
}

static void a_stale_event_calls_nobody(void **state) {
  (void)state;
  struct pair p;
  struct io_loop *l = pairs_open(&p);
  assert_true(io_loop_add(l, p.a[0], IO_READ, drop_b, &p));
  assert_true(io_loop_add(l, p.b[0], IO_READ, drop_a, &p));
  byte_put(p.a[1]);
  byte_put(p.b[1]);
  io_loop_run(l);
  assert_int_equal(p.calls_a + p.calls_b, 1);
  pairs_close(&p);
}

static void a_hang_up_gives_what_was_asked_for(void **state) {
  (void)state;
  struct pair p;
  struct io_loop *l = pairs_open(&p);
  assert_true(io_loop_add(l, p.a[0], IO_READ, note_a, &p));
  byte_put(p.a[1]);
  (void)close(p.a[1]);
  p.a[1] = -1;
  io_loop_run(l);
  assert_int_equal(p.events, IO_READ);
  pairs_close(&p);
}

static void count_timer(void *ctx) {
  struct pair *p = ctx;
  if (++p->calls_a == 5) io_loop_stop(p->loop);
}

static void timers_are_periodic(void **state) {
  (void)state;
  struct pair p;
  struct io_loop *l = pairs_open(&p);
  struct base_mono before = io_mono_now();
  int handle = io_loop_timer_add(l, 10 * TIME_NS_PER_MS, count_timer, &p);
  assert_true(handle > 0);
  io_loop_run(l);
  int64_t took = io_mono_now().ns - before.ns;
  assert_true(took >= 50 * TIME_NS_PER_MS - TIME_NS_PER_MS);
  io_loop_timer_drop(l, handle);
  int stop = io_loop_timer_add(l, 60 * TIME_NS_PER_MS, stop_now, &p);
  io_loop_run(l);
  assert_int_equal(p.calls_a, 5);
  io_loop_timer_drop(l, stop);
  pairs_close(&p);
}

static struct io_loop *signalled;

static void on_signal(int sig) {
  (void)sig;
  io_loop_stop(signalled);
}

static void *stop_from_thread(void *ctx) {
  struct timespec wait = {.tv_nsec = 20 * TIME_NS_PER_MS};
  (void)nanosleep(&wait, NULL);
  io_loop_stop(ctx);
  return NULL;
}

static void stop_from_outside(void **state) {
  (void)state;
  struct pair p;
  pthread_t thread;
  signalled = pairs_open(&p);
  struct sigaction sa = {.sa_handler = on_signal};
  assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
  assert_int_equal(raise(SIGUSR1), 0);
  io_loop_run(signalled); /* stopped before it ran: returns at once */
  assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, signalled), 0);
  io_loop_run(signalled);
  assert_int_equal(pthread_join(thread, NULL), 0);
  pairs_close(&p);
}

static void clocks_tell_time(void **state) {
  (void)state;
  struct base_mono a = io_mono_now(), b = io_mono_now();
  assert_true(b.ns >= a.ns);
  assert_true(llabs(io_wall_now().ns / TIME_NS_PER_S - (long long)time(NULL)) <= 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ready_descriptors_are_called),
      cmocka_unit_test(a_stale_event_calls_nobody),
      cmocka_unit_test(a_hang_up_gives_what_was_asked_for),
      cmocka_unit_test(timers_are_periodic),
      cmocka_unit_test(stop_from_outside),
      cmocka_unit_test(clocks_tell_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
