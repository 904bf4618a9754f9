/* Pairs of reports in any order, at any time, from any proxy: what is told stays bounded and makes sense. Eight bytes
 * are a call: what, who, the other end, request, and by how much the clock goes on. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base_must.h"
#include "wire_pair.h"

#define CALL_BYTES 8u
#define NODES 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(struct wire_pairs *p, const uint8_t *c, int64_t now_ns) {
  static const char id[] = "0f3c9a12-5b7e-4c1d-9e2f-a1b2c3d4e5f6";
  struct wire_pair_report r = {.request_id = {id + c[3] % 16, c[3] % 64 < 20 ? c[3] % 64 : 20},
                               .now_ns = now_ns,
                               .end_ns = now_ns - c[4] * 40000000ll,
                               .self = {1 + c[1] % NODES, 1 + c[5] % 2},
                               .other = {c[2] % (NODES + 1), 1},
                               .self_service = c[1] % 4,
                               .other_service = c[2] % 4,
                               .callee = c[5] % 4,
                               .attempts = 1 + c[5] / 4,
                               .client = c[0] & 8,
                               .owed = c[0] & 16};
  r.start_ns = r.end_ns - c[6];
  wire_pair_report(p, &r);
}

static void step(struct wire_pairs *p, int64_t now_ns) {
  const struct wire_pair_gap *gap;
  uint32_t n = wire_pair_step(p, now_ns, &gap);
  MUST(n <= LIMIT_GAPS);
  for (uint32_t i = 0; i < n; i++) {
    MUST(gap[i].lost <= gap[i].expected && gap[i].reason < REC_GAP_REASON_COUNT);
    MUST(gap[i].reason != REC_GAP_WHOLE || gap[i].expected == 0);
  }
}

static void call(struct wire_pairs *p, const uint8_t *c, int64_t now_ns) {
  struct wire_node_ref self = {1 + c[1] % NODES, 1};
  switch (c[0] % 8) {
    case 0: wire_pair_heard(p, self, now_ns, c[4]); break;
    case 1: wire_pair_cut(p, self, now_ns); break;
    case 2: wire_pair_join(p, self); break;
    case 3: wire_pair_useless(p, self, c[4] & 1 ? REC_GAP_LATE : REC_GAP_SHED); break;
    default: report(p, c, now_ns); break;
  }
  step(p, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t counter[REC_COUNTER_COUNT] = {0};
  size_t bytes = wire_pair_bytes();
  void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MUST(mem != MAP_FAILED);
  struct wire_pairs *p = wire_pair_init(mem, counter);
  int64_t now_ns = 1767225600000000000ll;
  for (size_t at = 0; at + CALL_BYTES <= size; at += CALL_BYTES) {
    now_ns += (int64_t)data[at + 7] * data[at + 7] * 400000;
    call(p, data + at, now_ns);
  }
  MUST(munmap(mem, bytes) == 0);
  return 0;
}
