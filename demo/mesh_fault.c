#include "mesh_fault.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fault {
  char route[32]; /* empty: all */
  double delay_ms, error_p;
  int code;
  int64_t start_ns, end_ns;
};

static struct {
  pthread_mutex_t lock;
  struct fault fault;
  uint64_t served, bad;
  int64_t first_bad_ns;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

int64_t fault_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool fault_covers(const struct fault *f, const char *route, int64_t at_ns) {
  if (at_ns < f->start_ns || at_ns >= f->end_ns) return false;
  return !f->route[0] || strcmp(f->route, route) == 0;
}

struct fault_effect fault_take(const char *route, int64_t arrival_ns, struct mesh_rand *r) {
  struct fault_effect e = {0};
  pthread_mutex_lock(&state.lock);
  const struct fault *f = &state.fault;
  state.served++;
  if (fault_covers(f, route, arrival_ns)) {
    e.delay_ms = f->delay_ms > 0 ? rand_lognormal(r, f->delay_ms, 0.2) : 0;
    e.code = f->error_p > 0 && rand_unit(r) < f->error_p ? f->code : 0;
  }
  if (e.delay_ms > 0 || e.code) {
    state.bad++;
    if (!state.first_bad_ns || arrival_ns < state.first_bad_ns) state.first_bad_ns = arrival_ns;
  }
  pthread_mutex_unlock(&state.lock);
  return e;
}

/* One "name=value". False where it is unknown or out of range. */
static bool fault_set_field(struct fault *f, const char *field, int64_t *for_ms) {
  if (sscanf(field, "route=%31s", f->route) == 1) return true;
  if (sscanf(field, "delay_ms=%lf", &f->delay_ms) == 1) return f->delay_ms >= 0 && f->delay_ms <= 10000;
  if (sscanf(field, "error_p=%lf", &f->error_p) == 1) return f->error_p >= 0 && f->error_p <= 1;
  if (sscanf(field, "code=%d", &f->code) == 1) return f->code >= 400 && f->code <= 599;
  if (sscanf(field, "for_ms=%" SCNd64, for_ms) == 1) return *for_ms > 0 && *for_ms <= 3600000;
  if (sscanf(field, "start_ms=%" SCNd64, &f->start_ns) != 1 || f->start_ns < 0) return false;
  return !__builtin_mul_overflow(f->start_ns, 1000000, &f->start_ns);
}

static bool fault_read(struct fault *f, const char *query) {
  char text[512], *save = NULL;
  int64_t for_ms = 1000;
  size_t n = strlen(query);
  if (n >= sizeof text) return false;
  memcpy(text, query, n + 1);
  *f = (struct fault){.code = 503, .start_ns = fault_now_ns()};
  for (char *field = strtok_r(text, "&", &save); field; field = strtok_r(NULL, "&", &save))
    if (!fault_set_field(f, field, &for_ms)) return false;
  return !__builtin_add_overflow(f->start_ns, for_ms * 1000000, &f->end_ns);
}

static void fault_put(const struct fault *f) {
  pthread_mutex_lock(&state.lock);
  state.fault = *f;
  state.bad = 0;
  state.first_bad_ns = 0;
  pthread_mutex_unlock(&state.lock);
}

static void fault_status_write(char *answer, size_t answer_bytes) {
  pthread_mutex_lock(&state.lock);
  snprintf(answer, answer_bytes, "{\"served\":%llu,\"bad\":%llu,\"first_bad_ns\":%lld}\n",
           (unsigned long long)state.served, (unsigned long long)state.bad, (long long)state.first_bad_ns);
  pthread_mutex_unlock(&state.lock);
}

bool fault_command(const char *path, char *answer, size_t answer_bytes) {
  struct fault f = {0};
  bool set = strncmp(path, "/fault?", 7) == 0, clear = strcmp(path, "/clear") == 0;
  if (!set && !clear && strcmp(path, "/status") != 0) return false;
  if (set && !fault_read(&f, path + 7)) return false;
  if (set || clear) fault_put(&f);
  fault_status_write(answer, answer_bytes);
  return true;
}
