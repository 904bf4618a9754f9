/* An HTTP/1.1 connection without a socket; the first byte is the seed of the cuts and of when output leaves. The
 * answers must not depend on them, each request gets at most one, and all memory must go back. */
#include <stdlib.h>

#include "base_hash.h"
#include "base_limits.h"
#include "base_must.h"
#include "io_conn.h"

struct site {
  uint64_t counters[REC_COUNTER_COUNT];
  unsigned requests, kept, gone;
  struct io_http_stream *stream;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reader_gone(void *ctx) {
  struct site *s = ctx;
  s->gone++;
  s->stream = NULL;
}

static void site_http(void *ctx, const struct io_http_request *req, struct io_http_response *res) {
  struct site *s = ctx;
  s->requests++;
  MUST(req->path.n + req->query.n <= LIMIT_HTTP_HEADER_BYTES && req->body.n <= LIMIT_HTTP_BODY_BYTES);
  res->content_type = "text/plain";
  if (str_eq(req->path, STR("/e"))) {
    s->kept++;
    s->stream = io_http_stream_keep(res, reader_gone, s);
  } else if (str_eq(req->path, STR("/4"))) {
    res->status = 404;
  }
  const struct base_str part[] = {req->method, req->path, req->query, req->content_type, req->accept, req->body};
  for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
    buf_put_str(&res->body, part[i]);
    buf_put_char(&res->body, '|');
  }
}

static void wake(void *ctx) {
  (void)ctx;
}

static uint64_t output_take(struct io_http1 *h, uint64_t digest, size_t at_once) {
  for (struct base_str out = io_http1_peek(h); out.n; out = io_http1_peek(h)) {
    size_t n = out.n < at_once ? out.n : at_once;
    for (size_t i = 0; i < n; i++) digest = hash_mix(digest, (unsigned char)out.p[i]);
    io_http1_sent(h, n);
  }
  return digest;
}

/* A digest of all output. seed 0: uncut. */
static uint64_t talk(struct base_str in, uint32_t seed) {
  static struct site s;
  s = (struct site){0};
  const struct io_server_conf conf = {.http = site_http, .http_ctx = &s, .idle_ns = 1000, .counters = s.counters};
  struct io_hold hold;
  struct io_link link = {&conf, &hold, STR("peer"), wake, NULL};
  struct io_now now = {{1}, {1}};
  uint64_t digest = 0;
  io_hold_init(&hold, 64 << 20);
  struct io_http1 *h = io_http1_open(&link, now);
  MUST(h);
  while (in.n && !io_http1_done(h)) {
    size_t n = seed ? 1 + ((seed = seed * 1664525u + 1013904223u) >> 16) % 60 : in.n;
    io_http1_take(h, str_cut(in, 0, n), now);
    in = str_cut(in, n, in.n);
    if (s.stream) (void)io_http_stream_write(s.stream, STR(""));
    if (!io_http1_wants_read(h) || seed & 0x100) digest = output_take(h, digest, 1 + seed % 5000);
  }
  digest = output_take(h, digest, 100000);
  io_http1_close(h);
  MUST(s.kept == s.gone && hold.bytes == 0);
  MUST(s.counters[REC_COUNTER_HTTP_REQUESTS] <= s.requests + 1);
  io_hold_fini(&hold);
  return hash_mix(digest, s.requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct base_str in = {(const char *)data + 1, size - 1};
  MUST(talk(in, 0) == talk(in, data[0] + 1u));
  return 0;
}
