/* The only clock of the program. */
#include <time.h>

#include "base_must.h"
#include "io_loop.h"

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  MUST(clock_gettime(id, &t) == 0);
  return (int64_t)t.tv_sec * TIME_NS_PER_S + t.tv_nsec;
}

struct base_wall io_wall_now(void) {
  return (struct base_wall){clock_ns(CLOCK_REALTIME)};
}

struct base_mono io_mono_now(void) {
  return (struct base_mono){clock_ns(CLOCK_MONOTONIC)};
}
