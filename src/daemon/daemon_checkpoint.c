#include "daemon_checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECKPOINT_MAGIC "FSHKCP1\n"
#define CHECKPOINT_HEAD_BYTES 16u
#define CHECKPOINT_FILE_BYTES ((size_t)4 << 30)

struct checkpoint {
  const char *dir;
  pthread_t thread;
  bool busy;
  atomic_bool done;
  char *bytes; /* room of them, mapped */
  size_t bytes_n, room;
  int log_fd[CHECKPOINT_LOGS]; /* the thread's own; -1: none */
  enum checkpoint_state state; /* GOOD, FAILED or UNSYNCED, once it is done */
  struct journal_err err;
  char also[PATH_MAX];
};

struct checkpoint_path {
  char text[PATH_MAX];
};

static struct checkpoint_path checkpoint_path(const char *dir, bool before) {
  struct checkpoint_path p;
  snprintf(p.text, sizeof p.text, "%s/checkpoint%s", dir, before ? ".before" : "");
  return p;
}

struct checkpoint *checkpoint_open(const char *dir) {
  struct checkpoint *c = calloc(1, sizeof *c);
  if (c) c->dir = dir;
  return c;
}

void checkpoint_close(struct checkpoint *c) {
  if (!c) return;
  struct journal_err err;
  (void)checkpoint_poll(c, true, &err);
  free(c);
}

/* A second name that cannot be had is none: who wanted it looks for it. */
static void checkpoint_name(const struct checkpoint *c, const char *now) {
  struct journal_err err;
  if (link(now, c->also) == 0 || errno == EEXIST || errno == ENOENT) return;
  (void)journal_snapshot_write(c->also, (struct base_str){c->bytes, c->bytes_n}, &err);
}

/* The logs before the checkpoint, which is worth nothing to a start that finds them shorter than it says. */
static bool checkpoint_logs_sync(struct checkpoint *c) {
  bool good = true;
  for (unsigned i = 0; i < CHECKPOINT_LOGS; i++) {
    if (c->log_fd[i] < 0) continue;
    if (fdatasync(c->log_fd[i]) != 0) {
      snprintf(c->err.text, sizeof c->err.text, "%.180s: its logs cannot be synced: %.40s", c->dir, strerror(errno));
      good = false;
    }
    (void)close(c->log_fd[i]);
  }
  return good;
}

static enum checkpoint_state checkpoint_write(struct checkpoint *c) {
  struct checkpoint_path now = checkpoint_path(c->dir, false), before = checkpoint_path(c->dir, true);
  engine_seal(c->bytes + CHECKPOINT_HEAD_BYTES, c->bytes_n - CHECKPOINT_HEAD_BYTES);
  if (!checkpoint_logs_sync(c)) return CHECKPOINT_UNSYNCED;
  if (access(now.text, F_OK) == 0) (void)rename(now.text, before.text); /* a failure shows in the write */
  if (journal_snapshot_write(now.text, (struct base_str){c->bytes, c->bytes_n}, &c->err) != JOURNAL_OK)
    return CHECKPOINT_FAILED;
  if (c->also[0]) checkpoint_name(c, now.text);
  return CHECKPOINT_GOOD;
}

static void *checkpoint_thread(void *ctx) {
  struct checkpoint *c = ctx;
  c->state = checkpoint_write(c);
  atomic_store(&c->done, true);
  return NULL;
}

static void checkpoint_head(char *at, uint64_t frame_next) {
  memcpy(at, CHECKPOINT_MAGIC, 8);
  for (unsigned i = 0; i < 8; i++) at[8 + i] = (char)(frame_next >> (8 * i));
}

static void checkpoint_free(struct checkpoint *c) {
  if (c->bytes) (void)munmap(c->bytes, c->room);
  c->bytes = NULL;
}

/* In large pages where they are to be had: small ones take as long to come as the copy. */
static bool checkpoint_copy(struct checkpoint *c, const struct engine *e, uint64_t frame_next) {
  c->room = CHECKPOINT_HEAD_BYTES + engine_save_bytes(e);
  void *p = mmap(NULL, c->room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  (void)madvise(p, c->room, MADV_HUGEPAGE);
  c->bytes = p;
  checkpoint_head(c->bytes, frame_next);
  size_t n = engine_copy(e, c->bytes + CHECKPOINT_HEAD_BYTES, c->room - CHECKPOINT_HEAD_BYTES);
  c->bytes_n = CHECKPOINT_HEAD_BYTES + n;
  return n > 0;
}

bool checkpoint_save(struct checkpoint *c, const struct engine *e, uint64_t frame_next, const char *also,
                     const int log_fd[CHECKPOINT_LOGS]) {
  if (c->busy) return false;
  snprintf(c->also, sizeof c->also, "%s", also);
  for (unsigned i = 0; i < CHECKPOINT_LOGS; i++)
    c->log_fd[i] = log_fd[i] < 0 ? -1 : fcntl(log_fd[i], F_DUPFD_CLOEXEC, 3);
  atomic_store(&c->done, false);
  c->busy = checkpoint_copy(c, e, frame_next) && pthread_create(&c->thread, NULL, checkpoint_thread, c) == 0;
  if (c->busy) return true;
  for (unsigned i = 0; i < CHECKPOINT_LOGS; i++)
    if (c->log_fd[i] >= 0) (void)close(c->log_fd[i]);
  checkpoint_free(c);
  return false;
}

enum checkpoint_state checkpoint_poll(struct checkpoint *c, bool wait, struct journal_err *err) {
  if (!c->busy) return CHECKPOINT_IDLE;
  if (!wait && !atomic_load(&c->done)) return CHECKPOINT_BUSY;
  pthread_join(c->thread, NULL);
  c->busy = false;
  checkpoint_free(c);
  *err = c->err;
  return c->state;
}

size_t checkpoint_bytes(const struct checkpoint *c) {
  return c->bytes_n;
}

static bool checkpoint_fail(struct journal_err *err, const char *path, const char *reason) {
  snprintf(err->text, sizeof err->text, "%.180s: %.60s", path, reason);
  return false;
}

bool checkpoint_load_bytes(struct base_str bytes, const char *path, struct engine *e, uint64_t *frame_next,
                           struct journal_err *err) {
  if (bytes.n < CHECKPOINT_HEAD_BYTES || memcmp(bytes.p, CHECKPOINT_MAGIC, 8) != 0)
    return checkpoint_fail(err, path, "not a checkpoint");
  uint64_t frame = 0;
  for (unsigned i = 0; i < 8; i++) frame |= (uint64_t)(unsigned char)bytes.p[8 + i] << (8 * i);
  enum engine_status status = engine_load(e, bytes.p + CHECKPOINT_HEAD_BYTES, bytes.n - CHECKPOINT_HEAD_BYTES);
  if (status != ENGINE_OK) return checkpoint_fail(err, path, engine_status_text(status));
  *frame_next = frame;
  return true;
}

bool checkpoint_load_path(const char *path, struct engine *e, uint64_t *frame_next, struct journal_err *err) {
  struct base_buf bytes = buf_open(CHECKPOINT_FILE_BYTES);
  bool ok = journal_snapshot_read(path, &bytes, err) == JOURNAL_OK &&
            checkpoint_load_bytes(buf_str(&bytes), path, e, frame_next, err);
  buf_fini(&bytes);
  return ok;
}

/* A missing one is no error. */
static bool checkpoint_load_file(const char *path, struct engine *e, uint64_t *frame_next, struct journal_err *err) {
  if (access(path, F_OK) != 0 && errno == ENOENT) return false;
  return checkpoint_load_path(path, e, frame_next, err);
}

bool checkpoint_load(const char *dir, struct engine *e, uint64_t *frame_next, struct journal_err *err) {
  struct checkpoint_path now = checkpoint_path(dir, false), before = checkpoint_path(dir, true);
  err->text[0] = 0;
  return checkpoint_load_file(now.text, e, frame_next, err) || checkpoint_load_file(before.text, e, frame_next, err);
}
