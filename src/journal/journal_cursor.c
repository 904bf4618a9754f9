#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_must.h"
#include "journal.h"
#include "journal_frame.h"
#include "journal_os.h"

#define READ_BYTES (64u << 10)

struct journal_cursor {
  char *dir;       /* NULL: a single file or a stream */
  char *path;      /* of the open segment; NULL: none yet */
  int fd;          /* -1: none yet */
  bool stream;     /* cannot seek */
  bool headed;     /* the open segment's header was read */
  bool given_up;   /* damage: nothing more comes from the open segment */
  bool later_seen; /* a later segment exists and the open one was read again since */
  bool named;      /* first is the number in the open segment's name */
  uint64_t first;  /* number of the open segment's first frame */
  uint64_t next;   /* number of the frame at `at` */
  uint64_t want;   /* frames before it are skipped */
  uint64_t offset; /* in the file, of buffer[at] */
  char *buffer;    /* [at, end) is read and not yet given out */
  size_t at, end, cap;
};

/* ---- bytes ---- */

/* Has n bytes from `at` on, or fewer at the end of the file. -1: errno tells. */
static ssize_t fill(struct journal_cursor *c, size_t n) {
  if (c->end - c->at >= n) return (ssize_t)(c->end - c->at);
  size_t cap = n > READ_BYTES ? n : READ_BYTES;
  memmove(c->buffer, c->buffer + c->at, c->end - c->at);
  c->end -= c->at;
  c->at = 0;
  if (cap > c->cap) {
    char *more = realloc(c->buffer, cap);
    if (!more) return -1;
    c->buffer = more;
    c->cap = cap;
  }
  while (c->end < n) {
    ssize_t k = read(c->fd, c->buffer + c->end, c->cap - c->end);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return -1;
    if (k == 0) break;
    c->end += (size_t)k;
  }
  return (ssize_t)(c->end - c->at);
}

static void pass(struct journal_cursor *c, size_t n) {
  c->at += n;
  c->offset += n;
}

/* Forgets what was read ahead: the writer may cut it and write anew. */
static bool reread(struct journal_cursor *c) {
  if (c->stream) return true;
  c->at = c->end = 0;
  return lseek(c->fd, (off_t)c->offset, SEEK_SET) >= 0;
}

static enum journal_status fail(const struct journal_cursor *c, struct journal_err *err, const char *what) {
  (void)journal_err_set(err, "%s: %s: %s", c->path ? c->path : c->dir, what, strerror(errno));
  return JOURNAL_IO;
}

static void place(const struct journal_cursor *c, struct journal_err *err, const char *reason) {
  (void)journal_err_set(err, "%s: offset %llu: %s", c->path, (unsigned long long)c->offset, reason);
}

static enum journal_status give_up(struct journal_cursor *c, struct journal_err *err, const char *reason) {
  place(c, err, reason);
  c->given_up = true;
  return JOURNAL_BAD;
}

/* ---- segments ---- */

/* The segment to read after the open one, or the one that holds frame `want` where none is open. 1, 0 none, -1. */
static int segment_pick(const struct journal_cursor *c, uint64_t *pick) {
  uint64_t *first = NULL;
  ssize_t n = journal_os_segments(c->dir, &first);
  if (n < 0) return -1;
  ssize_t i = 0;
  if (c->named) {
    while (i < n && first[i] <= c->first) i++;
  } else {
    while (i + 1 < n && first[i + 1] <= c->want) i++;
  }
  if (i < n) *pick = first[i];
  free(first);
  return i < n;
}

static bool segment_open(struct journal_cursor *c, uint64_t first) {
  char *path = journal_os_segment_path(c->dir, first);
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) {
    free(path);
    return false;
  }
  if (c->fd >= 0) (void)close(c->fd);
  free(c->path);
  c->path = path;
  c->fd = fd;
  c->first = first;
  c->named = true;
  c->headed = c->given_up = c->later_seen = false;
  c->at = c->end = 0;
  c->offset = 0;
  return true;
}

/* The open segment has nothing more. Moves to the next one (OK), or says that there is none (END). A segment that
 * the writer just removed is passed over. */
static enum journal_status segment_next(struct journal_cursor *c, struct journal_err *err) {
  for (int tries = 0; c->dir && tries < 3; tries++) {
    uint64_t pick = 0;
    int found = segment_pick(c, &pick);
    if (found < 0) return fail(c, err, "list");
    if (found == 0) return JOURNAL_END;
    if (segment_open(c, pick)) return JOURNAL_OK;
    if (errno != ENOENT) return fail(c, err, "open the next segment");
  }
  return JOURNAL_END;
}

/* The open segment ended; unfinished: inside a frame (a static text), or NULL. Before it is left for a later one it
 * is read once more, because the writer may have appended before it began the later one. */
static enum journal_status segment_ended(struct journal_cursor *c, struct journal_err *err, const char *unfinished) {
  uint64_t pick = 0;
  int later = c->dir ? segment_pick(c, &pick) : 0;
  if (later < 0) return fail(c, err, "list");
  if (later && c->later_seen) return unfinished ? give_up(c, err, unfinished) : segment_next(c, err);
  c->later_seen = later;
  if (!reread(c)) return fail(c, err, "seek");
  if (later) return JOURNAL_OK;
  if (unfinished) place(c, err, unfinished);
  return JOURNAL_END;
}

/* ---- frames ---- */

static enum journal_status header_take(struct journal_cursor *c, struct journal_err *err) {
  uint64_t first = 0;
  ssize_t n = fill(c, JOURNAL_HEADER_BYTES);
  if (n < 0) return fail(c, err, "read");
  if ((size_t)n < JOURNAL_HEADER_BYTES) return segment_ended(c, err, n ? "the file ends inside its header" : NULL);
  if (!journal_header_read(c->buffer + c->at, &first)) return give_up(c, err, "not a journal: wrong magic");
  if (c->named && first != c->first) return give_up(c, err, "the segment's number is not its name's");
  c->first = c->next = first;
  c->headed = true;
  pass(c, JOURNAL_HEADER_BYTES);
  return JOURNAL_OK;
}

/* The frame at `at`, all its bytes in the buffer where the file has them. */
static bool frame_look(struct journal_cursor *c, struct journal_frame *frame, enum journal_frame_status *status) {
  ssize_t n = fill(c, JOURNAL_FRAME_HEAD_BYTES);
  if (n < 0) return false;
  *status = journal_frame_read((struct base_str){c->buffer + c->at, (size_t)n}, frame);
  if (*status != JOURNAL_FRAME_MORE || (size_t)n < JOURNAL_FRAME_HEAD_BYTES) return true;
  const unsigned char *p = (const unsigned char *)c->buffer + c->at;
  size_t body_n = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
  n = fill(c, JOURNAL_FRAME_HEAD_BYTES + body_n);
  if (n < 0) return false;
  *status = journal_frame_read((struct base_str){c->buffer + c->at, (size_t)n}, frame);
  return true;
}

/* OK with frame->bytes == 0: look again. */
static enum journal_status frame_take(struct journal_cursor *c, struct journal_frame *frame, struct journal_err *err) {
  enum journal_frame_status status = JOURNAL_FRAME_MORE;
  frame->bytes = 0;
  if (!frame_look(c, frame, &status)) return fail(c, err, "read");
  if (status == JOURNAL_FRAME_OK) {
    pass(c, frame->bytes);
    c->later_seen = false;
    return JOURNAL_OK;
  }
  size_t whole = frame->bytes;
  frame->bytes = 0;
  if (status == JOURNAL_FRAME_BAD_LENGTH) return give_up(c, err, "a frame's length is out of range");
  if (status == JOURNAL_FRAME_MORE)
    return segment_ended(c, err, c->end > c->at ? "the file ends inside a frame" : NULL);
  ssize_t n = fill(c, whole + 1);
  if (n < 0) return fail(c, err, "read");
  if ((size_t)n > whole) return give_up(c, err, "a frame's CRC is wrong");
  return segment_ended(c, err, "the last frame's CRC is wrong");
}

/* One step towards the next frame; frame->bytes > 0 where there is one. */
static enum journal_status step(struct journal_cursor *c, struct journal_frame *frame, struct journal_err *err) {
  frame->bytes = 0;
  if (c->fd < 0 || c->given_up) return segment_next(c, err);
  if (!c->headed) return header_take(c, err);
  return frame_take(c, frame, err);
}

enum journal_status journal_cursor_next(struct journal_cursor *c, uint64_t *number, uint8_t *kind,
                                        struct base_str *body, struct journal_err *err) {
  err->text[0] = '\0';
  for (;;) {
    struct journal_frame frame;
    enum journal_status status = step(c, &frame, err);
    if (status != JOURNAL_OK) return status;
    if (frame.bytes == 0 || c->next++ < c->want) continue;
    *number = c->next - 1;
    *kind = frame.kind;
    *body = frame.body;
    return JOURNAL_OK;
  }
}

/* ---- open and close ---- */

static bool cursor_open(struct journal_cursor *c, const char *path, struct journal_err *err) {
  struct stat st;
  bool standard = strcmp(path, "-") == 0;
  char **name = &c->path;
  c->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
  if (c->fd < 0 || fstat(c->fd, &st) != 0) return journal_err_set(err, "%s: %s", path, strerror(errno));
  c->stream = standard || !S_ISREG(st.st_mode);
  if (S_ISDIR(st.st_mode)) {
    (void)close(c->fd);
    c->fd = -1;
    c->stream = false;
    name = &c->dir;
  }
  *name = strdup(path);
  c->cap = READ_BYTES;
  c->buffer = malloc(c->cap);
  if (!*name || !c->buffer) return journal_err_set(err, "%s: out of memory", path);
  enum journal_status status = c->dir ? JOURNAL_OK : header_take(c, err);
  return status == JOURNAL_OK || status == JOURNAL_END;
}

struct journal_cursor *journal_cursor_open(const char *path, uint64_t from, struct journal_err *err) {
  MUST(path);
  struct journal_cursor *c = calloc(1, sizeof *c);
  if (!c) {
    (void)journal_err_set(err, "%s: out of memory", path);
    return NULL;
  }
  c->fd = -1;
  c->want = from;
  if (cursor_open(c, path, err)) return c;
  journal_cursor_close(c);
  return NULL;
}

void journal_cursor_close(struct journal_cursor *c) {
  if (!c) return;
  if (c->fd >= 0) (void)close(c->fd);
  free(c->dir);
  free(c->path);
  free(c->buffer);
  free(c);
}
