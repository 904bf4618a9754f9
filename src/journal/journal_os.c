#include "journal_os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool journal_err_set(struct journal_err *err, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
  va_end(ap);
  return false;
}

size_t journal_os_write(int fd, const void *bytes, size_t n) {
  size_t done = 0;
  while (done < n) {
    ssize_t k = write(fd, (const char *)bytes + done, n - done);
    if (k < 0 && errno == EINTR) continue;
    if (k == 0) errno = ENOSPC;
    if (k <= 0) break;
    done += (size_t)k;
  }
  return done;
}

ssize_t journal_os_read(int fd, void *bytes, size_t n) {
  size_t done = 0;
  while (done < n) {
    ssize_t k = read(fd, (char *)bytes + done, n - done);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return -1;
    if (k == 0) break;
    done += (size_t)k;
  }
  return (ssize_t)done;
}

bool journal_os_sync_parent(const char *path) {
  const char *slash = strrchr(path, '/');
  char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  if (!dir) return false;
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(dir);
  if (fd < 0) return false;
  bool done = fsync(fd) == 0;
  int why = errno;
  (void)close(fd);
  errno = why;
  return done;
}

/* True where name is 16 lower-case hex digits and ".seg". */
static bool segment_name_read(const char *name, uint64_t *first) {
  uint64_t v = 0;
  if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0) return false;
  for (int i = 0; i < 16; i++) {
    static const char hex[] = "0123456789abcdef";
    const char *digit = strchr(hex, name[i]);
    if (!digit) return false;
    v = v << 4 | (uint64_t)(digit - hex);
  }
  *first = v;
  return true;
}

static int number_order(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

ssize_t journal_os_segments(const char *dir_path, uint64_t **first) {
  size_t n = 0, cap = 0;
  *first = NULL;
  DIR *dir = opendir(dir_path);
  if (!dir) return -1;
  for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
    uint64_t v = 0;
    if (!segment_name_read(d->d_name, &v)) continue;
    if (n == cap) {
      cap = cap ? cap * 2 : 32;
      uint64_t *more = realloc(*first, cap * sizeof **first);
      if (!more) {
        (void)closedir(dir);
        free(*first);
        errno = ENOMEM;
        return -1;
      }
      *first = more;
    }
    (*first)[n++] = v;
  }
  (void)closedir(dir);
  if (n) qsort(*first, n, sizeof **first, number_order);
  return (ssize_t)n;
}

char *journal_os_segment_path(const char *dir, uint64_t first) {
  char *path = NULL;
  return asprintf(&path, "%s/%016llx.seg", dir, (unsigned long long)first) < 0 ? NULL : path;
}

bool journal_dirs_make(const char *path) {
  char part[PATH_MAX];
  size_t n = strlen(path);
  if (n >= sizeof part) return false;
  memcpy(part, path, n + 1);
  for (size_t i = 1; i <= n; i++) {
    if (part[i] != '/' && part[i] != 0) continue;
    char was = part[i];
    part[i] = 0;
    if (mkdir(part, 0750) != 0 && errno != EEXIST) return false;
    part[i] = was;
  }
  return true;
}
