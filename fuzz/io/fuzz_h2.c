/* An HTTP/2 connection without a socket. The first byte: bit 0 the input brings its own preface and SETTINGS, the
 * rest the seed of the cuts. Every stream that was opened must be closed, all memory must go back. */
#include <stdlib.h>

#include "base_must.h"
#include "io_conn.h"

struct app {
  uint64_t counters[REC_COUNTER_COUNT];
  size_t bytes;
  unsigned open;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *app_open(void *ctx, struct base_str peer) {
  struct app *a = ctx;
  MUST(peer.n > 0);
  if (a->open == 8) return NULL;
  a->open++;
  return a;
}

static int app_message(void *stream, struct base_str bytes, struct base_wall recv) {
  struct app *a = stream;
  MUST(recv.ns == 1);
  for (size_t i = 0; i < bytes.n; i++) a->bytes += (unsigned char)bytes.p[i]; /* reads every byte */
  return bytes.n == 3 ? IO_GRPC_INVALID_ARGUMENT : IO_GRPC_OK;
}

static void app_close(void *stream) {
  struct app *a = stream;
  MUST(a->open > 0);
  a->open--;
}

static void output_drop(struct io_h2 *h, uint32_t seed) {
  for (struct base_str out = io_h2_peek(h); out.n; out = io_h2_peek(h)) {
    io_h2_sent(h, seed % 3 == 0 && out.n > 1 ? out.n / 2 : out.n);
  }
}

static void feed(struct io_h2 *h, struct base_str in, uint32_t seed) {
  struct io_now now = {{1}, {1}};
  while (in.n && !io_h2_done(h)) {
    seed = seed * 1664525u + 1013904223u;
    size_t n = seed & 0x100 ? in.n : 1 + (seed >> 16) % 50;
    io_h2_take(h, str_cut(in, 0, n), now);
    in = str_cut(in, n, in.n);
    if (seed & 0x200) output_drop(h, seed);
    now.mono.ns += seed & 0x400 ? 600 : 1; /* past half of the idle limit: pings */
    if (seed & 0x800) io_h2_tick(h, now);
  }
}

static int app_call(void *ctx, const struct io_grpc_call *call, struct base_buf *reply, const char **why) {
  (void)ctx;
  *why = "odd";
  buf_put_str(reply, str_cut(call->bytes, 0, 16));
  return call->bytes.n % 2 ? IO_GRPC_INVALID_ARGUMENT : IO_GRPC_OK;
}

static void app_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  (void)ctx;
  res->status = req->body.n % 2 ? 503 : 200;
  if (req->body.n % 2) res->extra = "Retry-After: 1\r\n";
  buf_put_str(&res->body, str_cut(req->path, 0, 16));
}

static void wake(void *ctx) {
  (void)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  static struct app a;
  a = (struct app){0};
  const struct io_grpc_method method[] = {
      {.path = "/a.B/C", .ctx = &a, .open = app_open, .message = app_message, .close = app_close},
      {.path = "/a.B/U", .ctx = &a, .call = app_call}};
  const struct io_server_conf conf = {.method = method,
                                      .method_n = 2,
                                      .http = app_http,
                                      .http_over_h2 = (size && data[0] & 8) != 0,
                                      .idle_ns = 1000,
                                      .counters = a.counters};
  struct io_hold hold;
  struct io_link link = {&conf, &hold, STR("peer"), wake, NULL};
  if (size < 1) return 0;
  io_hold_init(&hold, 1 << 20);
  struct io_h2 *h = io_h2_open(&link, (struct io_now){{1}, {1}});
  MUST(h);
  if ((data[0] & 1) == 0) {
    feed(h, IO_H2_PREFACE, 0);
    feed(h, (struct base_str){settings, sizeof settings}, 0);
  }
  feed(h, (struct base_str){(const char *)data + 1, size - 1}, data[0]);
  if (data[0] & 2) io_h2_drain(h);
  if (data[0] & 4) io_h2_abort(h);
  output_drop(h, data[0]);
  io_h2_close(h);
  MUST(a.open == 0 && hold.bytes == 0);
  MUST(a.counters[REC_COUNTER_STREAMS_OPENED] == a.counters[REC_COUNTER_STREAMS_CLOSED]);
  io_hold_fini(&hold);
  return 0;
}
