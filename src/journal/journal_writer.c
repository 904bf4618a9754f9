#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_must.h"
#include "journal.h"
#include "journal_frame.h"
#include "journal_os.h"

#define FLUSH_BYTES (64u << 10)
#define BUFFER_BYTES_MAX ((size_t)FLUSH_BYTES + JOURNAL_FRAME_HEAD_BYTES + LIMIT_FRAME_BYTES)

struct pin {
  uint64_t id, from, to;
};

struct segment {
  uint64_t first, bytes; /* bytes: 0 for the open one, whose size is the journal's */
};

struct journal {
  char *dir;             /* NULL: a single file or a stream */
  char *path;            /* of the open segment */
  int fd;                /* its descriptor, at its end less what is buffered */
  int lock_fd;           /* the directory, locked; -1 with a single file */
  bool stream;           /* no regular file: nothing to sync */
  bool broken;           /* an fdatasync failed */
  uint64_t first, next;  /* frame numbers: the open segment's first, the next append's */
  uint64_t bytes;        /* of the open segment, the buffered ones too */
  uint64_t rolled_bytes; /* of the one before it, while that is closed */
  uint64_t segment_bytes;
  uint32_t segments_max;
  struct base_buf buffer;
  struct segment *segment; /* of the directory, ascending; the last is the open one */
  size_t segment_n;
  struct pin *pin;
  size_t pin_n;
  bool pin_all; /* no memory for a pin: nothing is removed any more */
  struct journal_err err;
};

static bool fail(struct journal *j, const char *what) {
  return journal_err_set(&j->err, "%s: %s: %s", j->path ? j->path : j->dir, what, strerror(errno));
}

/* ---- segments ---- */

/* Makes the open, empty file a segment whose first frame is `first`. */
static bool segment_begin(struct journal *j, uint64_t first) {
  unsigned char header[JOURNAL_HEADER_BYTES];
  journal_header_write(first, header);
  j->first = j->next = first;
  j->bytes = sizeof header;
  if (j->stream) {
    buf_put(&j->buffer, header, sizeof header);
    return !j->buffer.bad || fail(j, "buffer");
  }
  if (ftruncate(j->fd, 0) != 0 || lseek(j->fd, 0, SEEK_SET) != 0) return fail(j, "truncate");
  if (journal_os_write(j->fd, header, sizeof header) != sizeof header) return fail(j, "write");
  if (fdatasync(j->fd) != 0) return fail(j, "sync");
  return journal_os_sync_parent(j->path) || fail(j, "sync the directory");
}

/* What a crash while a segment was begun can leave: a head of its header, or zeros. */
static bool header_torn(const unsigned char *bytes, size_t n, uint64_t first) {
  static const unsigned char zero[JOURNAL_HEADER_BYTES];
  unsigned char header[JOURNAL_HEADER_BYTES];
  journal_header_write(first, header);
  return n < sizeof header ? memcmp(bytes, header, n) == 0 : memcmp(bytes, zero, sizeof zero) == 0;
}

static bool tail_cut(struct journal *j, uint64_t end) {
  if (ftruncate(j->fd, (off_t)end) != 0) return fail(j, "cut the torn tail");
  return fdatasync(j->fd) == 0 || fail(j, "sync");
}

/* Finds the end of the open segment of `size` bytes and cuts a torn tail; *damaged: it must not be appended to, and
 * j->next is past every number that may have been given. */
static bool segment_measure(struct journal *j, size_t size, bool *damaged) {
  void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, j->fd, 0);
  if (map == MAP_FAILED) return fail(j, "map");
  struct base_str all = {map, size};
  struct journal_scan scan = journal_scan(str_cut(all, JOURNAL_HEADER_BYTES, size));
  (void)munmap(map, size);
  j->next = j->first + scan.frames;
  j->bytes = JOURNAL_HEADER_BYTES + scan.sound_end;
  *damaged = scan.damaged;
  if (scan.damaged) j->next += (size - j->bytes) / JOURNAL_FRAME_HEAD_BYTES + 1;
  if (scan.torn && !tail_cut(j, j->bytes)) return false;
  return lseek(j->fd, (off_t)j->bytes, SEEK_SET) >= 0 || fail(j, "seek");
}

/* Goes on with the regular file at j->fd, which may be empty; `first` is the number that it must have. */
static bool segment_continue(struct journal *j, uint64_t first, bool *damaged) {
  struct stat st;
  unsigned char header[JOURNAL_HEADER_BYTES];
  *damaged = false;
  if (fstat(j->fd, &st) != 0) return fail(j, "stat");
  ssize_t n = journal_os_read(j->fd, header, sizeof header);
  if (n < 0) return fail(j, "read");
  if (header_torn(header, (size_t)n, first)) return segment_begin(j, first);
  if ((size_t)n < sizeof header || !journal_header_read(header, &j->first))
    return journal_err_set(&j->err, "%s: not a journal: it does not start with its magic", j->path);
  if (j->dir && j->first != first) return journal_err_set(&j->err, "%s: its number is not its name's", j->path);
  return segment_measure(j, (size_t)st.st_size, damaged);
}

static bool segment_note(struct journal *j, uint64_t first) {
  struct segment *more = realloc(j->segment, (j->segment_n + 1) * sizeof *more);
  if (!more) return fail(j, "list segments");
  j->segment = more;
  if (j->segment_n) j->segment[j->segment_n - 1].bytes = j->rolled_bytes;
  j->segment[j->segment_n++] = (struct segment){first, 0};
  return true;
}

/* Opens a new segment in place of the open one, whose frames are durable. On failure the old one stays. */
static bool segment_roll(struct journal *j) {
  char *old_path = j->path;
  int old_fd = j->fd;
  uint64_t old_first = j->first, old_bytes = j->bytes;
  j->rolled_bytes = old_bytes;
  j->path = journal_os_segment_path(j->dir, j->next);
  j->fd = j->path ? open(j->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640) : -1;
  bool made = j->fd >= 0;
  if ((made || fail(j, "create")) && segment_begin(j, j->next) && segment_note(j, j->next)) {
    if (old_fd >= 0) (void)close(old_fd);
    free(old_path);
    return true;
  }
  if (made) (void)unlink(j->path);
  if (made) (void)close(j->fd);
  free(j->path);
  j->path = old_path;
  j->fd = old_fd;
  j->first = old_first;
  j->bytes = old_bytes;
  return false;
}

static bool segment_pinned(const struct journal *j, size_t i) {
  uint64_t from = j->segment[i].first, end = j->segment[i + 1].first;
  for (size_t k = 0; k < j->pin_n; k++)
    if (j->pin[k].from < end && j->pin[k].to >= from) return true;
  return j->pin_all;
}

/* The newest segments are there in any case; those before this one only as far as pins hold them. */
static size_t window_begin(const struct journal *j) {
  return j->segments_max && j->segment_n > j->segments_max ? j->segment_n - j->segments_max : 0;
}

/* Removes the segments before the window that no pin holds. */
static void segments_prune(struct journal *j) {
  if (!j->dir) return;
  for (size_t i = 0; i < window_begin(j);) {
    char *path = segment_pinned(j, i) ? NULL : journal_os_segment_path(j->dir, j->segment[i].first);
    bool gone = path && (unlink(path) == 0 || errno == ENOENT);
    free(path);
    if (!gone) {
      i++;
      continue;
    }
    j->segment_n--;
    memmove(&j->segment[i], &j->segment[i + 1], (j->segment_n - i) * sizeof *j->segment);
  }
}

/* ---- open and close ---- */

static bool lock_take(struct journal *j, int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) return fail(j, "lock");
  return journal_err_set(&j->err, "%s: another process writes to it", j->path ? j->path : j->dir);
}

/* The directory exists, and is ours alone. */
static bool dir_take(struct journal *j) {
  if (mkdir(j->dir, 0750) == 0) {
    if (!journal_os_sync_parent(j->dir)) return fail(j, "sync the parent directory");
  } else if (errno != EEXIST) {
    return fail(j, "create the directory");
  }
  j->lock_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (j->lock_fd < 0) return fail(j, "open");
  return lock_take(j, j->lock_fd);
}

/* The directory's segments with their sizes. */
static bool segments_list(struct journal *j) {
  uint64_t *first = NULL;
  struct stat st;
  ssize_t n = journal_os_segments(j->dir, &first);
  if (n < 0) return fail(j, "list");
  for (ssize_t i = 0; i < n; i++) {
    if (!segment_note(j, first[i])) break;
    char *path = journal_os_segment_path(j->dir, first[i]);
    j->rolled_bytes = path && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    free(path);
  }
  free(first);
  return j->segment_n == (size_t)n;
}

static bool dir_open(struct journal *j) {
  bool damaged = false;
  if (!dir_take(j) || !segments_list(j)) return false;
  size_t n = j->segment_n;
  if (n == 0) return segment_roll(j);
  j->path = journal_os_segment_path(j->dir, j->segment[n - 1].first);
  j->fd = j->path ? open(j->path, O_RDWR | O_CLOEXEC) : -1;
  if (j->fd < 0) return fail(j, "open");
  if (!segment_continue(j, j->segment[n - 1].first, &damaged)) return false;
  return !damaged || segment_roll(j);
}

static bool file_open(struct journal *j) {
  struct stat st;
  bool damaged = false;
  bool standard = strcmp(j->path, "-") == 0;
  j->fd = standard ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (j->fd < 0) return fail(j, "open");
  if (fstat(j->fd, &st) != 0) return fail(j, "stat");
  j->stream = standard || !S_ISREG(st.st_mode);
  if (j->stream) return segment_begin(j, 0);
  if (!lock_take(j, j->fd) || !segment_continue(j, 0, &damaged)) return false;
  if (!damaged) return true;
  return journal_err_set(&j->err, "%s: damaged at offset %llu, with more behind it; not appended to", j->path,
                         (unsigned long long)j->bytes);
}

static void journal_free(struct journal *j) {
  if (j->fd >= 0) (void)close(j->fd);
  if (j->lock_fd >= 0) (void)close(j->lock_fd);
  buf_fini(&j->buffer);
  free(j->dir);
  free(j->path);
  free(j->segment);
  free(j->pin);
  free(j);
}

struct journal *journal_open(const struct journal_conf *conf, struct journal_err *err) {
  MUST(!conf->dir != !conf->file);
  struct journal *j = calloc(1, sizeof *j);
  char *name = j ? strdup(conf->dir ? conf->dir : conf->file) : NULL;
  if (!name) {
    free(j);
    (void)journal_err_set(err, "out of memory");
    return NULL;
  }
  j->fd = j->lock_fd = -1;
  j->buffer = buf_open(BUFFER_BYTES_MAX);
  j->segment_bytes = conf->segment_bytes ? conf->segment_bytes : LIMIT_SEGMENT_BYTES;
  j->segments_max = conf->segments_max;
  *(conf->dir ? &j->dir : &j->path) = name;
  if (!(conf->dir ? dir_open(j) : file_open(j))) {
    *err = j->err;
    journal_free(j);
    return NULL;
  }
  return j;
}

void journal_close(struct journal *j) {
  if (!j) return;
  (void)journal_sync(j, true);
  journal_free(j);
}

uint64_t journal_next(const struct journal *j) {
  return j->next;
}

uint64_t journal_window(const struct journal *j) {
  return j->segment_n ? j->segment[window_begin(j)].first : j->first;
}

uint64_t journal_held_bytes(const struct journal *j) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < window_begin(j); i++) bytes += j->segment[i].bytes;
  return bytes;
}

int journal_fd(const struct journal *j) {
  return j->stream || j->broken ? -1 : j->fd;
}

const char *journal_error(const struct journal *j) {
  return j->err.text;
}

/* ---- writing ---- */

/* What could not be written stays in the buffer, and goes on at the same place next time. */
static bool flush(struct journal *j) {
  size_t done = journal_os_write(j->fd, j->buffer.p, j->buffer.n);
  j->buffer.n -= done;
  if (j->buffer.n == 0) return true;
  int why = errno;
  memmove(j->buffer.p, j->buffer.p + done, j->buffer.n);
  errno = why;
  return fail(j, "write");
}

enum journal_status journal_sync(struct journal *j, bool durable) {
  if (j->broken || !flush(j)) return JOURNAL_IO;
  if (!durable || j->stream || fdatasync(j->fd) == 0) return JOURNAL_OK;
  j->broken = true; /* the kernel may have dropped the pages: a second fdatasync would lie */
  (void)fail(j, "sync");
  return JOURNAL_IO;
}

/* Room for one more frame: in the buffer, and in the segment. */
static bool room(struct journal *j) {
  if (j->broken || (j->buffer.n >= FLUSH_BYTES && !flush(j))) return false;
  if (!j->dir || j->bytes < j->segment_bytes || j->next == j->first) return true;
  if (journal_sync(j, true) != JOURNAL_OK || !segment_roll(j)) return false;
  segments_prune(j);
  return true;
}

enum journal_status journal_append(struct journal *j, uint8_t kind, struct base_str body) {
  MUST(body.n <= LIMIT_FRAME_BYTES);
  if (!room(j)) return JOURNAL_IO;
  journal_frame_write(kind, body, &j->buffer);
  if (j->buffer.bad) {
    j->buffer.bad = false;
    errno = ENOMEM;
    (void)fail(j, "buffer");
    return JOURNAL_IO;
  }
  j->next++;
  j->bytes += JOURNAL_FRAME_HEAD_BYTES + body.n;
  if (j->buffer.n >= FLUSH_BYTES) (void)flush(j); /* the frame is kept either way; the next call reports */
  return JOURNAL_OK;
}

/* ---- pins ---- */

static struct pin *pin_find(struct journal *j, uint64_t id) {
  for (size_t i = 0; i < j->pin_n; i++)
    if (j->pin[i].id == id) return &j->pin[i];
  return NULL;
}

void journal_pin(struct journal *j, uint64_t pin_id, uint64_t from, uint64_t to) {
  MUST(from <= to);
  struct pin *pin = pin_find(j, pin_id);
  if (!pin) {
    struct pin *more = realloc(j->pin, (j->pin_n + 1) * sizeof *more);
    j->pin_all = j->pin_all || !more;
    if (!more) return;
    j->pin = more;
    pin = &j->pin[j->pin_n++];
  }
  *pin = (struct pin){pin_id, from, to};
}

void journal_unpin(struct journal *j, uint64_t pin_id) {
  struct pin *pin = pin_find(j, pin_id);
  if (!pin) return;
  *pin = j->pin[--j->pin_n];
  segments_prune(j);
}
