/* A scratch directory of a test's own, and whole files read and written there. */
#ifndef JOURNAL_SCRATCH_H
#define JOURNAL_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "journal_os.h"

static char scratch[256];

static inline int scratch_open(void **state) {
  (void)state;
  const char *root = getenv("TMPDIR");
  (void)snprintf(scratch, sizeof scratch, "%s/foreshock_journal_XXXXXX", root ? root : "/tmp");
  return mkdtemp(scratch) ? 0 : -1;
}

static inline void scratch_empty(const char *path) {
  DIR *dir = opendir(path);
  for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
    char *sub = NULL;
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
    if (asprintf(&sub, "%s/%s", path, d->d_name) < 0) abort();
    if (unlink(sub) != 0) {
      scratch_empty(sub);
      (void)rmdir(sub);
    }
    free(sub);
  }
  if (dir) (void)closedir(dir);
}

static inline int scratch_close(void **state) {
  (void)state;
  scratch_empty(scratch);
  return rmdir(scratch);
}

/* scratch/name; lives until the sixteenth call after it. */
static inline const char *scratch_path(const char *name) {
  static char path[16][512];
  static unsigned next;
  char *p = path[next++ % 16];
  (void)snprintf(p, sizeof path[0], "%s/%s", scratch, name);
  return p;
}

static inline struct base_buf file_bytes(const char *path) {
  struct base_buf b = buf_open(64u << 20);
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0);
  for (;;) {
    char *p = buf_reserve(&b, 65536);
    ssize_t n = journal_os_read(fd, p, 65536);
    assert_true(p && n >= 0);
    if (n == 0) break;
    b.n += (size_t)n;
  }
  (void)close(fd);
  return b;
}

static inline void file_make(const char *path, const void *bytes, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(journal_os_write(fd, bytes, n), n);
  (void)close(fd);
}

static inline struct journal *must_open(const struct journal_conf *conf) {
  struct journal_err err = {""};
  struct journal *j = journal_open(conf, &err);
  if (!j) print_error("%s\n", err.text);
  assert_non_null(j);
  return j;
}

/* Frame i of the tests: its kind and body follow from its number. */
static inline struct base_str frame_body(uint64_t i, char mem[64]) {
  int n = snprintf(mem, 64, "frame %llu %.*s", (unsigned long long)i, (int)(i % 23), "abcdefghijklmnopqrstuvw");
  return (struct base_str){mem, (size_t)n};
}

static inline void append(struct journal *j, unsigned n) {
  for (unsigned k = 0; k < n; k++) {
    char mem[64];
    uint64_t i = journal_next(j);
    assert_int_equal(journal_append(j, (uint8_t)i, frame_body(i, mem)), JOURNAL_OK);
    assert_int_equal(journal_next(j), i + 1);
  }
}

/* The next frame must be number i, as append() wrote it. */
static inline void assert_frame(struct journal_cursor *c, uint64_t i) {
  char mem[64];
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body = STR_NONE;
  struct journal_err err = {""};
  enum journal_status status = journal_cursor_next(c, &number, &kind, &body, &err);
  if (status != JOURNAL_OK) print_error("frame %llu: status %d %s\n", (unsigned long long)i, status, err.text);
  assert_int_equal(status, JOURNAL_OK);
  assert_int_equal(number, i);
  assert_int_equal(kind, (uint8_t)i);
  assert_true(str_eq(body, frame_body(i, mem)));
}

/* The status of one more step that must not give a frame. */
static inline enum journal_status stop_status(struct journal_cursor *c, struct journal_err *err) {
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body = STR_NONE;
  enum journal_status status = journal_cursor_next(c, &number, &kind, &body, err);
  assert_int_not_equal(status, JOURNAL_OK);
  return status;
}

static inline struct journal_cursor *must_read(const char *path, uint64_t from) {
  struct journal_err err = {""};
  struct journal_cursor *c = journal_cursor_open(path, from, &err);
  if (!c) print_error("%s\n", err.text);
  assert_non_null(c);
  return c;
}

#endif
