/* How fast decoding, identity and fold are together, with ticks closed on the way, in entries per CPU-second.
 *
 *   bench_fold [FILE ...]   folds a made mesh, then all FILEs together: bodies of gRPC streams (frames of a flag, a
 *                           length and a message), each file its own stream, a message of each by turns. Prints the
 *                           median of five runs and a hash of all that came out, the same on every machine. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base_hash.h"
#include "fold_make.h"
#include "rec_counter.h"
#include "wire_fold.h"

#define RUNS 5
#define STREAMS_MAX 64u
#define INPUT_BYTES_MAX (512u << 20)
#define MADE_PODS 12u
#define MADE_MESSAGES 150u /* a pod */
#define MADE_ENTRIES 40u   /* a message */

struct result {
  uint64_t entries, obs, ticks, hash;
  double cpu_s;
};

struct body {
  struct base_str bytes;
  size_t at;
  wire_stream stream;
};

static double cpu_now_s(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) abort();
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void ticks_take(struct wire_fold *f, bool flush, struct result *out) {
  struct rec_tick tick;
  while (wire_fold_tick(f, (struct base_wall){0}, flush, &tick)) {
    out->ticks++;
    for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
      struct rec_batch batch = wire_fold_take(f, b);
      out->obs += batch.obs_n;
      for (size_t i = 0; i < batch.obs_n; i++)
        out->hash =
            hash_mix(out->hash, batch.obs[i].series_idx ^ batch.obs[i].latency_sum_ns ^ batch.obs[i].class_n[0]);
    }
    out->hash = hash_mix(out->hash, tick.seq);
  }
}

/* The next message of a body; false at its end. */
static bool body_next(struct body *b, struct base_str *out) {
  if (b->at + 5 > b->bytes.n) return false;
  const unsigned char *p = (const unsigned char *)b->bytes.p + b->at;
  size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
  *out = str_cut(b->bytes, b->at + 5, b->at + 5 + n);
  b->at += 5 + n;
  return true;
}

static struct result fold_run(struct wire_fold *f, struct body *body, unsigned n) {
  struct result out = {0};
  struct base_str message;
  for (unsigned i = 0; i < n; i++) {
    body[i].at = 0;
    body[i].stream = wire_fold_stream_open(f);
  }
  double from_s = cpu_now_s();
  for (bool any = true; any;) {
    any = false;
    for (unsigned i = 0; i < n; i++) {
      if (!body_next(&body[i], &message)) continue;
      any = true;
      out.entries += wire_fold_message(f, body[i].stream, message, (struct base_wall){0});
      ticks_take(f, false, &out);
    }
  }
  ticks_take(f, true, &out);
  out.cpu_s = cpu_now_s() - from_s;
  out.entries = wire_fold_counters(f)[REC_COUNTER_ENTRIES];
  return out;
}

static int by_cpu(const void *a, const void *b) {
  double x = ((const struct result *)a)->cpu_s, y = ((const struct result *)b)->cpu_s;
  return (x > y) - (x < y);
}

static int bench(const char *name, struct body *body, unsigned n) {
  struct wire_fold_conf conf = {.series_max = LIMIT_SERIES_DEFAULT, .table_key = {1, 2}};
  struct result run[RUNS];
  size_t bytes = wire_fold_bytes(&conf);
  for (int i = 0; i < RUNS; i++) {
    void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mem == MAP_FAILED) return 1;
    run[i] = fold_run(wire_fold_init(mem, bytes, &conf), body, n);
    if (munmap(mem, bytes) != 0) return 1;
  }
  qsort(run, RUNS, sizeof run[0], by_cpu);
  const struct result *mid = &run[RUNS / 2];
  if (mid->entries == 0) return 1;
  (void)printf(
      "%-12s %8.3f M entries per CPU-second  %5.0f ns an entry  %llu entries %llu obs %llu ticks  hash %016llx\n", name,
      (double)mid->entries / mid->cpu_s / 1e6, mid->cpu_s / (double)mid->entries * 1e9,
      (unsigned long long)mid->entries, (unsigned long long)mid->obs, (unsigned long long)mid->ticks,
      (unsigned long long)mid->hash);
  return 0;
}

static void frame_put(struct base_buf *out, struct base_str message) {
  const char head[5] = {0, (char)(message.n >> 24), (char)(message.n >> 16), (char)(message.n >> 8), (char)message.n};
  buf_put(out, head, sizeof head);
  buf_put_str(out, message);
}

/* An Istio sidecar's word: half its requests come in from the pod before it, half go out to the pod behind it. */
static void made_entries(struct made *m, char (*path)[32], char (*ip)[16], uint32_t pod, uint32_t message) {
  for (uint32_t i = 0; i < MADE_ENTRIES; i++) {
    uint32_t k = message * MADE_ENTRIES + i;
    bool in = i % 2;
    (void)snprintf(path[i], 32, "/carts/%u/items", k * 7919u % 100000u);
    (void)snprintf(ip[i], 16, "10.1.0.%u", (in ? pod + MADE_PODS - 1 : pod + 1) % MADE_PODS + 1);
    m[i] = (struct made){.start_ns = 1767225600000000000ll + k * 5000000ll,
                         .span_ns = 1000000 + k * 7919ll % 9000000,
                         .cluster = in ? "inbound|8080||" : "outbound|80||cart.shop.svc.cluster.local",
                         .route = "default",
                         .path = path[i],
                         .authority = "cart.shop",
                         .code = k % 50 ? 200 : 503,
                         .request_id = "2a7c1e52-8f7a-4ce8-9a41-0ddba11c0ffe",
                         .up_port = 8080,
                         .local_port = 8080,
                         .up_ip = in ? "127.0.0.1" : ip[i],
                         .remote_ip = in ? ip[i] : "10.1.0.99",
                         .local_ip = "10.96.0.10",
                         .peer_key = in ? "downstream_peer" : "upstream_peer",
                         .peer = {"cart-v1-6c9f7d8b5-x7k2p", "shop", "cart", "v1", "c1", "r1", "cart-v1"}};
  }
}

static void made_body(struct base_buf *out, uint32_t pod) {
  static struct made m[MADE_ENTRIES];
  static char path[MADE_ENTRIES][32], ip[MADE_ENTRIES][16];
  static char mem[1 << 20];
  char id[128], name[32], address[16];
  (void)snprintf(address, sizeof address, "10.1.0.%u", pod + 1);
  (void)snprintf(name, sizeof name, "cart-v1-%u", pod);
  (void)snprintf(id, sizeof id, "sidecar~%s~%s.shop~shop.svc.cluster.local", address, name);
  struct made_node node = {.id = id,
                           .node_cluster = "cart.shop",
                           .region = "r1",
                           .pod = name,
                           .ns = "shop",
                           .service = "cart",
                           .version = "v1",
                           .cluster = "c1",
                           .ips = address,
                           .log_name = "mesh"};
  for (uint32_t i = 0; i < MADE_MESSAGES; i++) {
    struct base_buf message = buf_over(mem, sizeof mem);
    made_entries(m, path, ip, pod, i);
    fold_make_message(&message, i ? NULL : &node, m, MADE_ENTRIES);
    if (message.bad) abort();
    frame_put(out, buf_str(&message));
  }
}

static int bench_made(void) {
  struct base_buf out[MADE_PODS];
  struct body body[MADE_PODS];
  for (uint32_t i = 0; i < MADE_PODS; i++) {
    out[i] = buf_open(INPUT_BYTES_MAX);
    made_body(&out[i], i);
    body[i] = (struct body){.bytes = buf_str(&out[i])};
  }
  int failed = bench("made", body, MADE_PODS);
  for (uint32_t i = 0; i < MADE_PODS; i++) buf_fini(&out[i]);
  return failed;
}

static bool file_read(const char *path, struct body *out) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0) return false;
  long n = ftell(f);
  char *mem = n > 0 && (size_t)n <= INPUT_BYTES_MAX ? malloc((size_t)n) : NULL;
  rewind(f);
  bool good = mem && fread(mem, 1, (size_t)n, f) == (size_t)n;
  (void)fclose(f);
  *out = (struct body){.bytes = {mem, good ? (size_t)n : 0}};
  return good;
}

int main(int argc, char **argv) {
  static struct body body[STREAMS_MAX];
  unsigned n = 0;
  int failed = bench_made();
  for (int i = 1; i < argc && n < STREAMS_MAX; i++) failed |= !file_read(argv[i], &body[n++]);
  if (n) failed |= bench("files", body, n);
  for (unsigned i = 0; i < n; i++) free((void *)(uintptr_t)body[i].bytes.p);
  return failed;
}
