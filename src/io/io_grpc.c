#include "io_grpc.h"

#include "base_must.h"

/* Taken at once for a message that is cut; more only as its bytes come in, so that a prefix alone cannot make the
 * program allocate what it announces. */
enum { BODY_BYTES_FIRST = 64 << 10 };

void io_grpc_init(struct io_grpc *g, struct io_hold *hold, uint32_t message_bytes_max) {
  MUST(hold);
  *g = (struct io_grpc){.hold = hold, .message_bytes_max = message_bytes_max, .body = buf_open(0)};
}

static void grpc_body_give(struct io_grpc *g) {
  if (g->body.cap) io_hold_give(g->hold, &g->body);
  g->body = buf_open(0);
  g->shown = false;
}

void io_grpc_fini(struct io_grpc *g) {
  grpc_body_give(g);
}

bool io_grpc_partial(const struct io_grpc *g) {
  return g->prefix_n > 0;
}

static struct base_str grpc_pull(struct base_str *in, size_t n) {
  struct base_str head = str_cut(*in, 0, n);
  *in = str_cut(*in, n, in->n);
  return head;
}

/* The prefix is whole: what it says. */
static enum io_deframe grpc_prefix_read(struct io_grpc *g) {
  const uint8_t *p = g->prefix;
  g->want = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
  if (p[0] > 1) return IO_DEFRAME_BAD;
  if (p[0] == 1 && !g->gzip) return IO_DEFRAME_COMPRESSED;
  g->packed = p[0] == 1;
  return g->want > g->message_bytes_max ? IO_DEFRAME_OVERSIZE : IO_DEFRAME_MESSAGE;
}

/* True once the prefix is whole and good. */
static bool grpc_prefix_take(struct io_grpc *g, struct base_str *in) {
  if (g->prefix_n == IO_GRPC_PREFIX_BYTES) return true;
  struct base_str part = grpc_pull(in, IO_GRPC_PREFIX_BYTES - g->prefix_n);
  if (part.n) memcpy(g->prefix + g->prefix_n, part.p, part.n);
  g->prefix_n = (uint8_t)(g->prefix_n + part.n);
  if (g->prefix_n < IO_GRPC_PREFIX_BYTES) return false;
  enum io_deframe read = grpc_prefix_read(g);
  if (read != IO_DEFRAME_MESSAGE) g->broken = (uint8_t)read;
  return !g->broken;
}

static enum io_deframe grpc_body_take(struct io_grpc *g, struct base_str *in, struct base_str *message) {
  if (g->body.max == 0) {
    g->body = io_hold_take(g->hold, g->message_bytes_max);
    uint32_t first = g->want < BODY_BYTES_FIRST ? g->want : BODY_BYTES_FIRST;
    if (!io_hold_reserve(g->hold, &g->body, first)) return IO_DEFRAME_MEMORY;
  }
  if (!io_hold_put(g->hold, &g->body, grpc_pull(in, g->want - g->body.n))) return IO_DEFRAME_MEMORY;
  if (g->body.n < g->want) return IO_DEFRAME_MORE;
  *message = buf_str(&g->body);
  g->shown = true;
  return IO_DEFRAME_MESSAGE;
}

enum io_deframe io_grpc_next(struct io_grpc *g, struct base_str *in, struct base_str *message) {
  if (g->shown) grpc_body_give(g);
  if (g->broken) return g->broken;
  if (!grpc_prefix_take(g, in)) return g->broken ? g->broken : IO_DEFRAME_MORE;
  enum io_deframe step = IO_DEFRAME_MESSAGE;
  if (g->body.n == 0 && in->n >= g->want) {
    *message = grpc_pull(in, g->want);
  } else if (in->n == 0) {
    return IO_DEFRAME_MORE;
  } else {
    step = grpc_body_take(g, in, message);
  }
  if (step == IO_DEFRAME_MESSAGE) g->prefix_n = 0;
  if (step == IO_DEFRAME_MEMORY) {
    grpc_body_give(g);
    g->broken = IO_DEFRAME_MEMORY;
  }
  return step;
}
