/* A packed incident, as a stranger may send it. The input is a row of frames: kind, length (2 bytes, little-endian),
 * body; they are put into a file with sound checksums, because what is behind those is to be tried. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base_must.h"
#include "daemon_pack.h"
#include "journal_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames_write(int fd, const uint8_t *data, size_t size) {
  struct base_buf out = buf_open(64u << 20);
  unsigned char header[JOURNAL_HEADER_BYTES];
  journal_header_write(0, header);
  buf_put(&out, header, sizeof header);
  for (size_t at = 0; at + 3 <= size;) {
    size_t n = data[at + 1] | (size_t)data[at + 2] << 8;
    if (n > size - at - 3) n = size - at - 3;
    journal_frame_write(data[at], (struct base_str){(const char *)data + at + 3, n}, &out);
    at += 3 + n;
  }
  MUST(!out.bad && write(fd, out.p, out.n) == (ssize_t)out.n);
  buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[64];
  struct pack p;
  struct journal_err err;
  struct base_str body;
  size_t ticks = 0;
  int fd = memfd_create("fuzz_pack", MFD_CLOEXEC);
  MUST(fd >= 0);
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  frames_write(fd, data, size);
  bool is = pack_is(path);
  if (pack_open_file(&p, path, &err)) {
    MUST(is && p.memory.n <= size && p.stored.n <= size);
    while (pack_next(&p, &body, &err) == JOURNAL_OK) MUST(++ticks <= size);
  }
  pack_close(&p);
  (void)close(fd);
  return 0;
}
