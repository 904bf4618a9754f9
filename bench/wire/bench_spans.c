#include "bench_spans.h"

#include <stdlib.h>

#include "otlp_make.h"
#include "wire_otlp.h"
#include "wire_otlp_fields.h"
#include "wire_pb_write.h"

#define EACH_MAX 64u
#define T0 1767225600000000000ll

/* ---- made ---- */

static size_t prefix_put(struct base_buf *out) {
  buf_put(out, "\0\0\0\0\0", SPANS_PREFIX_BYTES);
  return out->n;
}

static void prefix_fill(struct base_buf *out, size_t from) {
  size_t size = out->n - from;
  for (unsigned i = 0; i < 4; i++) out->p[from - 4 + i] = (char)(size >> (24 - 8 * i));
}

static void made_put(struct base_buf *out, const struct made_pair *resource, const struct made_span *s, size_t n) {
  size_t from = prefix_put(out);
  otlp_make_spans(out, resource, s, n);
  prefix_fill(out, from);
}

static struct made_span client_made(const char *id, int64_t at_ns) {
  return (struct made_span){.trace = id,
                            .id = id,
                            .name = "GET",
                            .kind = WIRE_SPAN_CLIENT,
                            .start_ns = at_ns,
                            .span_ns = 5000000,
                            .attr = {{"server.address", "shop"},
                                     {"http.request.method", "GET"},
                                     {"http.response.status_code", "200"},
                                     {"url.full", "http://shop/carts/7"}}};
}

static struct made_span server_made(const char *id, int64_t at_ns) {
  return (struct made_span){.trace = id,
                            .id = id + 2,
                            .parent = id,
                            .name = "GET /carts/{id}",
                            .kind = WIRE_SPAN_SERVER,
                            .start_ns = at_ns,
                            .span_ns = 4000000,
                            .attr = {{"http.route", "/carts/{id}"},
                                     {"http.request.method", "GET"},
                                     {"http.response.status_code", "200"},
                                     {"url.path", "/carts/7"}}};
}

/* Ids are the texts' first bytes, so a few hundred calls are in flight at a time. */
static void calls_put(struct base_buf *out, uint32_t first, uint32_t n) {
  static const struct made_pair web[] = {{"service.name", "web"}, {"k8s.pod.name", "web-1"}, {NULL, NULL}};
  static const struct made_pair shop[] = {{"service.name", "shop"}, {"k8s.pod.name", "shop-1"}, {NULL, NULL}};
  char id[EACH_MAX][4] = {{0}};
  struct made_span client[EACH_MAX], server[EACH_MAX];
  for (uint32_t i = 0; i < n; i++) {
    int64_t at_ns = T0 + (int64_t)(first + i) * 100000;
    id[i][0] = (char)(1 + (first + i) % 250);
    id[i][2] = (char)(251 - (first + i) % 250);
    client[i] = client_made(id[i], at_ns);
    server[i] = server_made(id[i], at_ns);
  }
  made_put(out, web, client, n);
  made_put(out, shop, server, n);
}

void spans_make(struct base_buf *out, uint32_t calls, uint32_t each) {
  for (uint32_t i = 0; i < calls; i += each) calls_put(out, i, each < EACH_MAX ? each : EACH_MAX);
}

/* ---- captured ---- */

bool spans_next(struct base_str body, size_t *at, struct base_str *message) {
  if (body.n - *at < SPANS_PREFIX_BYTES) return false;
  const unsigned char *p = (const unsigned char *)body.p + *at;
  size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
  if (n > body.n - *at - SPANS_PREFIX_BYTES) return false;
  *message = str_cut(body, *at + SPANS_PREFIX_BYTES, *at + SPANS_PREFIX_BYTES + n);
  *at += SPANS_PREFIX_BYTES + n;
  return true;
}

/* An export under way: its spans are of one resource. */
struct cut {
  struct base_buf *out;
  size_t from, group, scope; /* where the export, its ResourceSpans and ScopeSpans begin */
  struct base_str resource;
  unsigned spans;
};

static void cut_end(struct cut *c) {
  if (!c->spans) return;
  pbw_leave(c->out, c->scope);
  pbw_leave(c->out, c->group);
  prefix_fill(c->out, c->from);
  c->spans = 0;
}

static void cut_span(struct cut *c, struct base_str resource, struct base_str span) {
  if (c->spans && resource.p != c->resource.p) cut_end(c);
  if (!c->spans) {
    c->resource = resource;
    c->from = prefix_put(c->out);
    c->group = pbw_enter(c->out, OTLP_traces_resource_spans);
    pbw_str(c->out, OTLP_of_resource_spans_resource, resource);
    c->scope = pbw_enter(c->out, OTLP_of_resource_spans_scope_spans);
  }
  pbw_str(c->out, OTLP_of_scope_spans_spans, span);
  c->spans++;
}

void spans_cut(struct base_str body, unsigned each, struct base_buf *out) {
  struct cut c = {.out = out};
  struct base_str message, span;
  struct wire_err err;
  for (size_t at = 0; spans_next(body, &at, &message); cut_end(&c)) {
    struct wire_otlp_iter it;
    wire_otlp_iter_init(&it, message);
    while (wire_otlp_next(&it, &span, &err) == WIRE_OK) {
      cut_span(&c, wire_otlp_resource(&it), span);
      if (c.spans == each) cut_end(&c);
    }
  }
}

/* ---- time ---- */

static int64_t fixed_read(const char *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return (int64_t)v;
}

/* Calls with the place of each span's start and end. */
static uint64_t times_each(struct base_str body, void (*each)(void *ctx, const char *at, bool end), void *ctx) {
  struct base_str message, span;
  struct wire_err err;
  uint64_t spans = 0;
  for (size_t at = 0; spans_next(body, &at, &message);) {
    struct wire_otlp_iter it;
    wire_otlp_iter_init(&it, message);
    for (; wire_otlp_next(&it, &span, &err) == WIRE_OK; spans++) {
      struct wire_pb c = pb_over(span);
      uint32_t tag;
      while (pb_next(&c, &tag) == WIRE_OK) {
        if (tag == OTLP_span_start_time_unix_nano) each(ctx, (const char *)c.p, false);
        if (tag == OTLP_span_end_time_unix_nano) each(ctx, (const char *)c.p, true);
        pb_skip(&c, tag);
      }
    }
  }
  return spans;
}

static void range_take(void *ctx, const char *at, bool end) {
  struct spans_range *r = ctx;
  int64_t ns = fixed_read(at);
  if (!end && ns < r->first_ns) r->first_ns = ns;
  if (end && ns > r->last_ns) r->last_ns = ns;
}

struct spans_range spans_range(struct base_str body) {
  struct spans_range r = {.first_ns = INT64_MAX, .last_ns = INT64_MIN};
  r.spans = times_each(body, range_take, &r);
  return r;
}

struct move {
  char *body;
  const char *from; /* the same bytes, to read */
  int64_t by_ns;
};

static void time_move(void *ctx, const char *at, bool end) {
  const struct move *m = ctx;
  int64_t ns = fixed_read(at) + m->by_ns;
  (void)end;
  memcpy(m->body + (at - m->from), &ns, sizeof ns);
}

void spans_move(char *body, size_t n, int64_t by_ns) {
  struct move m = {.body = body, .from = body, .by_ns = by_ns};
  (void)times_each((struct base_str){body, n}, time_move, &m);
}
