#include "io_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 4096 };

static ssize_t read_some(int fd, char *out, size_t n) {
  ssize_t got = -1;
  do {
    got = read(fd, out, n);
  } while (got < 0 && errno == EINTR);
  return got;
}

static void close_quietly(int fd) {
  int cause = errno;
  (void)close(fd);
  errno = cause;
}

bool io_file_read(const char *path, struct base_buf *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = 1;
  while (n > 0) {
    char *at = buf_reserve(out, READ_BYTES);
    n = at ? read_some(fd, at, READ_BYTES) : -1;
    if (!at) errno = EFBIG;
    if (n > 0) out->n += (size_t)n;
  }
  close_quietly(fd);
  return n == 0;
}

bool io_line_read(const char *path, char *out, size_t cap) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t n = 0;
  ssize_t got = 1;
  while (n < cap && (got = read_some(fd, out + n, cap - n)) > 0) n += (size_t)got;
  close_quietly(fd);
  if (got >= 0) errno = got ? EFBIG : 0;
  while (got == 0 && n && strchr(" \t\r\n", out[n - 1])) n--;
  bool good = got == 0 && n && !memchr(out, 0, n) && !memchr(out, '\n', n);
  if (good)
    out[n] = 0;
  else
    explicit_bzero(out, cap);
  return good;
}
