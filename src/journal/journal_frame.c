#include "journal_frame.h"

#include "base_limits.h"
#include "base_must.h"
#include "journal_crc.h"

#define SEARCH_FACTOR 4u

static const char segment_magic[16] = "FSHK1 journal\n";

static void le_put(unsigned char *out, uint64_t v, unsigned n) {
  for (unsigned i = 0; i < n; i++) out[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t le_take(const void *bytes, unsigned n) {
  const unsigned char *p = bytes;
  uint64_t v = 0;
  for (unsigned i = 0; i < n; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

void journal_header_write(uint64_t first, unsigned char out[JOURNAL_HEADER_BYTES]) {
  memcpy(out, segment_magic, sizeof segment_magic);
  le_put(out + sizeof segment_magic, first, 8);
}

bool journal_header_read(const void *bytes, uint64_t *first) {
  if (memcmp(bytes, segment_magic, sizeof segment_magic) != 0) return false;
  *first = le_take((const char *)bytes + sizeof segment_magic, 8);
  return true;
}

void journal_frame_write(uint8_t kind, struct base_str body, struct base_buf *out) {
  MUST(body.n <= LIMIT_FRAME_BYTES);
  unsigned char *head = (unsigned char *)buf_reserve(out, JOURNAL_FRAME_HEAD_BYTES + body.n);
  if (!head) return;
  le_put(head, body.n, 4);
  le_put(head + 4, journal_crc(journal_crc(0, &kind, 1), body.p, body.n), 4);
  head[8] = kind;
  if (body.n) memcpy(head + JOURNAL_FRAME_HEAD_BYTES, body.p, body.n);
  out->n += JOURNAL_FRAME_HEAD_BYTES + body.n;
}

enum journal_frame_status journal_frame_read(struct base_str bytes, struct journal_frame *out) {
  if (bytes.n >= 4 && le_take(bytes.p, 4) > LIMIT_FRAME_BYTES) return JOURNAL_FRAME_BAD_LENGTH;
  if (bytes.n < JOURNAL_FRAME_HEAD_BYTES) return JOURNAL_FRAME_MORE;
  size_t body_n = (size_t)le_take(bytes.p, 4);
  if (body_n > bytes.n - JOURNAL_FRAME_HEAD_BYTES) return JOURNAL_FRAME_MORE;
  out->bytes = JOURNAL_FRAME_HEAD_BYTES + body_n;
  out->kind = (uint8_t)bytes.p[8];
  out->body = str_cut(bytes, JOURNAL_FRAME_HEAD_BYTES, out->bytes);
  uint32_t crc = journal_crc(0, bytes.p + 8, 1 + body_n);
  return crc == le_take(bytes.p + 4, 4) ? JOURNAL_FRAME_OK : JOURNAL_FRAME_BAD_CRC;
}

/* True where a sound frame begins somewhere in rest[1..]: then rest[0..] was not the last thing written, and its
 * length is what is damaged. Empty bodies do not count, there are too few bits in them to be sure. Cost: at most
 * SEARCH_FACTOR CRCs of rest. */
static bool sound_frame_behind(struct base_str rest) {
  uint64_t budget = SEARCH_FACTOR * (uint64_t)rest.n;
  for (size_t at = 1; at < rest.n && rest.n - at > JOURNAL_FRAME_HEAD_BYTES; at++) {
    struct journal_frame frame;
    uint64_t body_n = le_take(rest.p + at, 4);
    if (body_n == 0 || body_n > rest.n - at - JOURNAL_FRAME_HEAD_BYTES) continue;
    if (body_n > budget) return false;
    budget -= body_n;
    if (journal_frame_read(str_cut(rest, at, rest.n), &frame) == JOURNAL_FRAME_OK) return true;
  }
  return false;
}

/* A frame that is not sound, at the start of rest: is it the last thing that a crash left half written? */
static bool tail_torn(enum journal_frame_status status, size_t frame_bytes, struct base_str rest) {
  if (status == JOURNAL_FRAME_BAD_LENGTH) return false;
  if (status == JOURNAL_FRAME_BAD_CRC && frame_bytes < rest.n) return false;
  return !sound_frame_behind(rest);
}

struct journal_scan journal_scan(struct base_str frames) {
  struct journal_scan scan = {0};
  while (scan.sound_end < frames.n) {
    struct journal_frame frame = {0};
    struct base_str rest = str_cut(frames, scan.sound_end, frames.n);
    enum journal_frame_status status = journal_frame_read(rest, &frame);
    if (status != JOURNAL_FRAME_OK) {
      scan.torn = tail_torn(status, frame.bytes, rest);
      scan.damaged = !scan.torn;
      break;
    }
    scan.frames++;
    scan.sound_end += frame.bytes;
  }
  return scan;
}
