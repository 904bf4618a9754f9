/* Ordinary requests over HTTP/2, for the same handler that HTTP/1.1 has: a request is whole before its handler runs,
 * and its answer is whole when it returns. */
#include <stdio.h>
#include <stdlib.h>

#include "base_must.h"
#include "io_h2.h"
#include "io_inflate.h"

enum { EXTRA_FIELDS_MAX = 4, FIELD_BYTES_MAX = 32 };

struct h2_http {
  struct base_buf method, path, type, accept;
  struct base_buf body;
  bool refused; /* over the limit, or no memory */
};

/* What a handler may see of the headers; each with its bound from the total of headers. */
static struct base_buf *http_part(struct h2_http *q, struct base_str name) {
  if (str_eq(name, STR(":method"))) return &q->method;
  if (str_eq(name, STR(":path"))) return &q->path;
  if (str_eq(name, STR("content-type"))) return &q->type;
  return str_eq(name, STR("accept")) ? &q->accept : NULL;
}

static struct h2_http *http_open(void) {
  struct h2_http *q = calloc(1, sizeof *q);
  if (!q) return NULL;
  struct base_buf *part[] = {&q->method, &q->path, &q->type, &q->accept};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) *part[i] = buf_open(LIMIT_HTTP_HEADER_BYTES);
  q->body = buf_open(LIMIT_HTTP_BODY_BYTES);
  return q;
}

void h2_http_free(struct h2_stream *st) {
  struct h2_http *q = st->http;
  if (!q) return;
  struct base_buf *part[] = {&q->method, &q->path, &q->type, &q->accept};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) buf_fini(part[i]);
  io_hold_give(st->h->link->hold, &q->body);
  free(q);
  st->http = NULL;
}

void h2_http_header(struct h2_stream *st, struct base_str name, struct base_str value) {
  if (st->grpc) { /* it turned out to be a call */
    h2_http_free(st);
    return;
  }
  if (!st->http && !(st->http = http_open())) return;
  if (str_eq(name, STR("content-encoding"))) {
    st->gzip = str_eq(value, STR("gzip"));
    st->snappy = str_eq(value, STR("snappy"));
    st->encoding_unknown = !st->gzip && !st->snappy && !str_eq(value, STR("identity"));
  }
  struct base_buf *part = http_part(st->http, name);
  if (part && part->n == 0) buf_put_str(part, value);
}

void h2_http_take(struct h2_stream *st, struct base_str in) {
  struct h2_http *q = st->http;
  st->data_at = st->h->now.mono;
  if (in.n <= LIMIT_HTTP_BODY_BYTES - q->body.n && io_hold_put(st->h->link->hold, &q->body, in)) return;
  h2_refuse(st, in.n > LIMIT_HTTP_BODY_BYTES - q->body.n ? "413" : "503");
}

static ssize_t body_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
                         nghttp2_data_source *source, void *user) {
  struct h2_stream *st = source->ptr;
  size_t left = st->reply.n - st->reply_sent;
  (void)session;
  (void)id;
  (void)user;
  if (n > left) n = left;
  if (n) memcpy(buf, st->reply.p + st->reply_sent, n);
  st->reply_sent += n;
  if (st->reply_sent == st->reply.n) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)n;
}

/* A request that nobody here serves is heard to its end, so that no answer crosses it, unless it is long; what it says
 * is not kept. */
void h2_away_take(struct h2_stream *st, size_t n) {
  st->data_at = st->h->now.mono;
  st->away_bytes += n;
  if (st->away_bytes > LIMIT_HTTP_HEADER_BYTES) h2_refuse(st, st->away);
}

void h2_away_end(struct h2_stream *st) {
  const struct base_str words = STR("gRPC is spoken here: POST, content-type application/grpc\n");
  nghttp2_data_provider body = {.source.ptr = st, .read_callback = body_read};
  nghttp2_nv nv[] = {NV(":status", st->away, 3), NV_LIT("content-type", "text/plain; charset=utf-8"),
                     NV_LIT("allow", "POST")};
  st->answered = true;
  st->reply = buf_open(words.n);
  buf_put_str(&st->reply, words);
  size_t n = strcmp(st->away, "405") == 0 ? 3 : 2;
  h2_check(st->h, nghttp2_submit_response(st->h->session, st->id, nv, n, st->reply.bad ? NULL : &body));
}

/* "Name: value\r\n" lines of a handler as fields; names in lower case, as HTTP/2 wants them. */
static size_t extra_fields(const char *extra, char name[EXTRA_FIELDS_MAX][FIELD_BYTES_MAX], nghttp2_nv *nv) {
  struct base_str rest = str_of(extra);
  size_t n = 0;
  while (rest.n && n < EXTRA_FIELDS_MAX) {
    size_t colon = str_find(rest, ':', 0), end = str_find(rest, '\r', colon);
    MUST(colon < FIELD_BYTES_MAX && end > colon + 2);
    for (size_t i = 0; i < colon; i++)
      name[n][i] = (char)(rest.p[i] >= 'A' && rest.p[i] <= 'Z' ? rest.p[i] + 32 : rest.p[i]);
    nv[n] = (nghttp2_nv){(uint8_t *)name[n], (uint8_t *)(uintptr_t)(rest.p + colon + 2), colon, end - colon - 2,
                         NGHTTP2_NV_FLAG_NONE};
    rest = str_cut(rest, end + 2, rest.n);
    n++;
  }
  return n;
}

static void http_answer(struct h2_stream *st, const struct io_http_response *res) {
  char status[8], length[24], name[EXTRA_FIELDS_MAX][FIELD_BYTES_MAX];
  nghttp2_data_provider body = {.source.ptr = st, .read_callback = body_read};
  bool has_body = res->status != 204 && st->reply.n > 0;
  nghttp2_nv nv[3 + EXTRA_FIELDS_MAX] = {
      NV(":status", status, (size_t)snprintf(status, sizeof status, "%d", res->status))};
  size_t n = 1;
  if (has_body || res->status == 200) nv[n++] = NV("content-type", res->content_type, strlen(res->content_type));
  nv[n++] = NV("content-length", length, (size_t)snprintf(length, sizeof length, "%zu", has_body ? st->reply.n : 0));
  n += extra_fields(res->extra, name, nv + n);
  io_count(st->h->link, REC_COUNTER_HTTP_REQUESTS);
  if (res->status >= 400) io_count(st->h->link, REC_COUNTER_HTTP_ERRORS);
  h2_check(st->h, nghttp2_submit_response(st->h->session, st->id, nv, n, has_body ? &body : NULL));
}

static void http_handle(struct h2_stream *st, struct base_str body) {
  struct h2_http *q = st->http;
  const struct io_server_conf *conf = st->h->link->conf;
  struct base_str target = buf_str(&q->path);
  size_t mark = str_find(target, '?', 0);
  struct io_http_request req = {.method = buf_str(&q->method),
                                .path = str_cut(target, 0, mark),
                                .query = mark < target.n ? str_cut(target, mark + 1, target.n) : STR_NONE,
                                .content_type = buf_str(&q->type),
                                .accept = buf_str(&q->accept),
                                .body = body,
                                .snappy = st->snappy};
  struct io_http_response res = {.status = 200, .content_type = "application/json"};
  res.body = buf_open(LIMIT_HTTP_OUT_BYTES);
  conf->http(conf->http_ctx, &req, &res);
  MUST(!res.stream);
  st->reply = res.body;
  if (st->reply.bad)
    h2_refuse(st, "500");
  else
    http_answer(st, &res);
}

void h2_http_end(struct h2_stream *st) {
  struct h2_http *q = st->http;
  struct base_buf plain = buf_open(0);
  st->answered = true;
  if (st->encoding_unknown) {
    h2_refuse(st, "415");
    return;
  }
  enum io_inflate s = IO_INFLATE_OK;
  if (st->gzip) s = io_inflate(st->h->link->hold, buf_str(&q->body), LIMIT_HTTP_BODY_BYTES, &plain);
  if (s == IO_INFLATE_OK)
    http_handle(st, st->gzip ? buf_str(&plain) : buf_str(&q->body));
  else
    h2_refuse(st, s == IO_INFLATE_BAD ? "400" : s == IO_INFLATE_OVERSIZE ? "413" : "503");
  if (st->gzip) io_hold_give(st->h->link->hold, &plain);
}
