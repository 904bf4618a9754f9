/* One event loop a thread: epoll, timerfd, eventfd. The only room that reads clocks. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base_time.h"

struct io_loop;

enum { IO_READ = 1, IO_WRITE = 2 };

/* Called with the events that are ready (IO_READ, IO_WRITE; an error or hang-up gives both that were asked for). */
typedef void (*io_ready)(void *ctx, unsigned events);
typedef void (*io_timer)(void *ctx);

struct io_loop *io_loop_open(void); /* NULL: out of descriptors or memory, errno tells */
void io_loop_close(struct io_loop *l);

/* Adds, changes and removes a descriptor. A removed one is never called again, even for events already fetched. */
bool io_loop_add(struct io_loop *l, int fd, unsigned events, io_ready fn, void *ctx);
bool io_loop_set(struct io_loop *l, int fd, unsigned events);
void io_loop_drop(struct io_loop *l, int fd);

/* A periodic timer, first after period. Returns a handle > 0, 0 on failure. */
int io_loop_timer_add(struct io_loop *l, int64_t period_ns, io_timer fn, void *ctx);
void io_loop_timer_drop(struct io_loop *l, int handle);

/* Runs until io_loop_stop, which any thread or signal handler may call. */
void io_loop_run(struct io_loop *l);
void io_loop_stop(struct io_loop *l);
/* Was it asked to stop, and has not yet? */
bool io_loop_stopped(const struct io_loop *l);
/* Handles what is ready now and waits for nothing: for long work that must not keep others waiting. True where anything
 * was ready: there may be more. */
bool io_loop_poll(struct io_loop *l);

struct base_wall io_wall_now(void);
struct base_mono io_mono_now(void);

#endif
