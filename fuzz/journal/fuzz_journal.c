/* A log on disk, whatever its bytes. The input is a single-file journal: the frames of a scan over the bytes, of a
 * cursor over the file, and of a cursor after the file was opened for append must tell one story. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base_hash.h"
#include "base_must.h"
#include "journal.h"
#include "journal_frame.h"
#include "journal_os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct story {
  uint64_t frames, digest;
  bool bad;
};

/* Reads to the end; a frame more than the bytes can hold would be a loop. */
static struct story tell(const char *path, size_t bytes) {
  struct story story = {0};
  struct journal_err err;
  uint64_t number = 0;
  uint8_t kind = 0;
  struct base_str body;
  struct journal_cursor *c = journal_cursor_open(path, 0, &err);
  if (!c) return (struct story){.bad = true};
  for (enum journal_status status = JOURNAL_OK; status != JOURNAL_END;) {
    status = journal_cursor_next(c, &number, &kind, &body, &err);
    MUST(status != JOURNAL_IO && story.frames <= bytes);
    story.bad = story.bad || status == JOURNAL_BAD;
    if (status != JOURNAL_OK) continue;
    story.frames++;
    story.digest = hash_mix(hash_mix(story.digest, kind), hash_bytes(HASH_KEY_FIXED, body.p, body.n));
  }
  journal_cursor_close(c);
  return story;
}

/* Opens for append, adds a frame, and reads again: the frames before it are those of `before`. */
static void append_try(const char *path, size_t bytes, struct story before) {
  struct journal_err err;
  struct journal *j = journal_open(&(struct journal_conf){.file = path}, &err);
  if (!j) return;
  MUST(journal_append(j, 1, STR("more")) == JOURNAL_OK);
  MUST(journal_sync(j, false) == JOURNAL_OK);
  journal_close(j);
  struct story after = tell(path, bytes + JOURNAL_HEADER_BYTES + 64);
  MUST(!after.bad && after.frames == before.frames + 1);
  MUST(after.digest == hash_mix(hash_mix(before.digest, 1), hash_bytes(HASH_KEY_FIXED, "more", 4)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[64];
  int fd = memfd_create("fuzz_journal", MFD_CLOEXEC);
  MUST(fd >= 0 && journal_os_write(fd, data, size) == size);
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  struct story story = tell(path, size);
  uint64_t first = 0;
  if (size >= JOURNAL_HEADER_BYTES && journal_header_read(data, &first)) {
    struct base_str all = {(const char *)data, size};
    struct journal_scan scan = journal_scan(str_cut(all, JOURNAL_HEADER_BYTES, size));
    MUST(scan.frames == story.frames && scan.sound_end <= size - JOURNAL_HEADER_BYTES);
    MUST(!story.bad || scan.damaged);
    append_try(path, size, story);
  }
  (void)close(fd);
  return 0;
}
