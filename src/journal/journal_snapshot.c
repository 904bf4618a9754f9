/* The file: 16 bytes "FSHK1 snapshot\n" NUL-padded | u64le length | u32le CRC-32C of the bytes | the bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "journal_crc.h"
#include "journal_os.h"

#define HEAD_BYTES 28u

static const char snapshot_magic[16] = "FSHK1 snapshot\n";

static void head_write(struct base_str bytes, unsigned char head[HEAD_BYTES]) {
  uint32_t crc = journal_crc(0, bytes.p, bytes.n);
  memcpy(head, snapshot_magic, sizeof snapshot_magic);
  for (unsigned i = 0; i < 8; i++) head[16 + i] = (unsigned char)((uint64_t)bytes.n >> (8 * i));
  for (unsigned i = 0; i < 4; i++) head[24 + i] = (unsigned char)(crc >> (8 * i));
}

/* The bytes are on the disk under the temporary name. */
static bool content_write(const char *path, struct base_str bytes) {
  unsigned char head[HEAD_BYTES];
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return false;
  head_write(bytes, head);
  bool done = journal_os_write(fd, head, sizeof head) == sizeof head &&
              journal_os_write(fd, bytes.p, bytes.n) == bytes.n && fsync(fd) == 0;
  int why = errno;
  (void)close(fd);
  errno = why;
  return done;
}

enum journal_status journal_snapshot_write(const char *path, struct base_str bytes, struct journal_err *err) {
  char *temporary = NULL;
  if (asprintf(&temporary, "%s.tmp", path) < 0) {
    (void)journal_err_set(err, "%s: out of memory", path);
    return JOURNAL_IO;
  }
  bool done = content_write(temporary, bytes) && rename(temporary, path) == 0 && journal_os_sync_parent(path);
  if (!done) {
    (void)journal_err_set(err, "%s: %s", path, strerror(errno));
    (void)unlink(temporary);
  }
  free(temporary);
  return done ? JOURNAL_OK : JOURNAL_IO;
}

static enum journal_status refuse(const char *path, const char *reason, struct journal_err *err) {
  (void)journal_err_set(err, "%s: %s", path, reason);
  return JOURNAL_BAD;
}

static enum journal_status content_read(const char *path, int fd, struct base_buf *out, struct journal_err *err) {
  unsigned char head[HEAD_BYTES], expected[HEAD_BYTES];
  struct stat st;
  if (fstat(fd, &st) != 0 || journal_os_read(fd, head, sizeof head) < 0) {
    (void)journal_err_set(err, "%s: %s", path, strerror(errno));
    return JOURNAL_IO;
  }
  if (st.st_size < (off_t)HEAD_BYTES || memcmp(head, snapshot_magic, sizeof snapshot_magic) != 0)
    return refuse(path, "not a snapshot: wrong magic", err);
  size_t n = (size_t)st.st_size - HEAD_BYTES;
  char *bytes = n ? buf_reserve(out, n) : NULL;
  if (!bytes && n) return refuse(path, "larger than it may be", err);
  ssize_t got = n ? journal_os_read(fd, bytes, n) : 0;
  if (got < 0 || (size_t)got != n) {
    (void)journal_err_set(err, "%s: %s", path, got < 0 ? strerror(errno) : "it shrank while it was read");
    return JOURNAL_IO;
  }
  head_write((struct base_str){bytes, n}, expected);
  if (memcmp(head, expected, sizeof head) != 0) return refuse(path, "its length or CRC is wrong", err);
  out->n += n;
  return JOURNAL_OK;
}

enum journal_status journal_snapshot_read(const char *path, struct base_buf *out, struct journal_err *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    enum journal_status status = errno == ENOENT ? JOURNAL_END : JOURNAL_IO;
    (void)journal_err_set(err, "%s: %s", path, strerror(errno));
    return status;
  }
  enum journal_status status = content_read(path, fd, out, err);
  (void)close(fd);
  return status;
}
