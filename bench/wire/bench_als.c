/* How fast the ALS decoder alone is, in entries per CPU-second of the process.
 *
 *   bench_als [FILE ...]   decodes made messages, then each FILE: bodies of gRPC streams (frames of a flag, a length
 *                          and a message). Prints the median of five runs, and a hash of what was decoded, which must
 *                          be the same on every machine. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "als_make.h"
#include "base_hash.h"
#include "wire_als.h"

#define RUNS 5
#define MADE_MESSAGES 200u
#define MADE_ENTRIES 100u /* a message */
#define INPUT_BYTES_MAX (256u << 20)

struct result {
  uint64_t entries, refused, hash;
  double cpu_s;
};

static double cpu_now_s(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) abort();
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t entry_hash(uint64_t h, const struct wire_request *e) {
  h = hash_mix(h, (uint64_t)e->start_ns);
  h = hash_mix(h, (uint64_t)e->duration_ns);
  h = hash_mix(h, (uint64_t)e->code << 32 | e->flags);
  return hash_mix(h, e->path.n << 32 | e->upstream_cluster.n << 16 | e->upstream_peer.n);
}

static void message_decode(struct base_str bytes, struct result *out) {
  struct wire_als_msg msg;
  struct wire_als_iter it;
  struct wire_request entry;
  struct wire_err err;
  enum wire_status s = wire_als_msg_read(bytes, &msg, &err);
  if (s != WIRE_OK) {
    out->refused++;
    return;
  }
  wire_als_iter_init(&it, &msg);
  while ((s = wire_als_next(&it, &entry, &err)) != WIRE_END) {
    if (s == WIRE_BAD) {
      out->refused++;
    } else {
      out->hash = entry_hash(out->hash, &entry);
      out->entries++;
    }
  }
}

static struct result stream_decode(struct base_str body) {
  struct result out = {0};
  double from_s = cpu_now_s();
  for (size_t at = 0; at + 5 <= body.n;) {
    const unsigned char *p = (const unsigned char *)body.p + at;
    size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | (size_t)p[4];
    message_decode(str_cut(body, at + 5, at + 5 + n), &out);
    at += 5 + n;
  }
  out.cpu_s = cpu_now_s() - from_s;
  return out;
}

static int by_cpu(const void *a, const void *b) {
  double x = ((const struct result *)a)->cpu_s, y = ((const struct result *)b)->cpu_s;
  return (x > y) - (x < y);
}

static int bench(const char *name, struct base_str body) {
  struct result run[RUNS];
  for (int i = 0; i < RUNS; i++) run[i] = stream_decode(body);
  qsort(run, RUNS, sizeof run[0], by_cpu);
  const struct result *mid = &run[RUNS / 2];
  if (mid->entries == 0) return 1;
  double n = (double)mid->entries;
  (void)printf(
      "%-40s %8.3f M entries per CPU-second  %5.0f ns  %4.0f bytes an entry  %.2f GB/s  refused %llu  hash %016llx\n",
      name, n / mid->cpu_s / 1e6, mid->cpu_s / n * 1e9, (double)body.n / n, (double)body.n / mid->cpu_s / 1e9,
      (unsigned long long)mid->refused, (unsigned long long)mid->hash);
  return 0;
}

static void frame_put(struct base_buf *out, struct base_str message) {
  const char head[5] = {0, (char)(message.n >> 24), (char)(message.n >> 16), (char)(message.n >> 8), (char)message.n};
  buf_put(out, head, sizeof head);
  buf_put_str(out, message);
}

static int bench_made(void) {
  struct base_buf body = buf_open(INPUT_BYTES_MAX), message = buf_open(INPUT_BYTES_MAX);
  for (uint32_t i = 0; i < MADE_MESSAGES; i++) {
    buf_clear(&message);
    als_make_message(&message, (uint64_t)i * MADE_ENTRIES, MADE_ENTRIES, i == 0);
    frame_put(&body, buf_str(&message));
  }
  int failed = body.bad || message.bad || bench("made", buf_str(&body));
  buf_fini(&message);
  buf_fini(&body);
  return failed;
}

static int bench_file(const char *path) {
  FILE *f = fopen(path, "rb");
  char *mem = malloc(INPUT_BYTES_MAX);
  if (!f || !mem) return 1;
  size_t n = fread(mem, 1, INPUT_BYTES_MAX, f);
  (void)fclose(f);
  const char *name = strlen(path) > 40 ? path + strlen(path) - 40 : path;
  int failed = bench(name, (struct base_str){mem, n});
  free(mem);
  return failed;
}

int main(int argc, char **argv) {
  int failed = bench_made();
  for (int i = 1; i < argc; i++) failed |= bench_file(argv[i]);
  return failed;
}
