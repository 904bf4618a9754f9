/* HTTP/1.1 responses and server-sent event streams. A response has its length; an event stream is chunked
 * (HTTP/1.1) or ends with the connection (HTTP/1.0), and is the last thing on its connection. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base_must.h"
#include "io_http1.h"

struct http1_status {
  int code;
  const char *text;
};

static const char *status_text(int code) {
  static const struct http1_status known[] = {{200, "OK"},
                                              {201, "Created"},
                                              {202, "Accepted"},
                                              {204, "No Content"},
                                              {301, "Moved Permanently"},
                                              {302, "Found"},
                                              {304, "Not Modified"},
                                              {400, "Bad Request"},
                                              {401, "Unauthorized"},
                                              {403, "Forbidden"},
                                              {404, "Not Found"},
                                              {405, "Method Not Allowed"},
                                              {406, "Not Acceptable"},
                                              {408, "Request Timeout"},
                                              {409, "Conflict"},
                                              {411, "Length Required"},
                                              {413, "Content Too Large"},
                                              {415, "Unsupported Media Type"},
                                              {417, "Expectation Failed"},
                                              {422, "Unprocessable Content"},
                                              {429, "Too Many Requests"},
                                              {431, "Request Header Fields Too Large"},
                                              {500, "Internal Server Error"},
                                              {501, "Not Implemented"},
                                              {503, "Service Unavailable"},
                                              {505, "HTTP Version Not Supported"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (known[i].code == code) return known[i].text;
  }
  return "Status";
}

/* An event stream's reader may never have read all: what it has read must go all the same. */
static void out_compact(struct io_http1 *h) {
  if (h->out_sent < HTTP1_OUT_BYTES_HIGH || h->out_sent < h->out.n / 2) return;
  h->out.n -= h->out_sent;
  memmove(h->out.p, h->out.p + h->out_sent, h->out.n);
  h->out_sent = 0;
}

void http1_out(struct io_http1 *h, struct base_str bytes) {
  out_compact(h);
  if (!h->broken && !io_hold_put(h->link->hold, &h->out, bytes)) h->broken = true;
}

/* IMF-fixdate (RFC 9110, 5.6.7), independent of the locale. */
static void date_write(struct base_wall now, struct base_buf *out) {
  static const char *const day[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t s = (time_t)(now.ns / TIME_NS_PER_S);
  struct tm t;
  if (!gmtime_r(&s, &t)) return;
  buf_put_f(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", day[t.tm_wday], t.tm_mday, month[t.tm_mon],
            t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static bool status_has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

static bool is_http10(const struct io_http1 *h) {
  return h->parser.http_major == 1 && h->parser.http_minor == 0;
}

/* How the body's end is found, and whether the connection goes on. */
static void framing_write(const struct io_http1 *h, const struct io_http_response *res, struct base_buf *out) {
  if (h->stream.open) {
    if (!is_http10(h)) buf_put_str(out, STR("Transfer-Encoding: chunked\r\n"));
    buf_put_str(out, STR("Cache-Control: no-store\r\n"));
  } else if (status_has_body(res->status)) {
    buf_put_f(out, "Content-Length: %zu\r\n", res->body.n);
  }
  if (h->last) {
    buf_put_str(out, STR("Connection: close\r\n"));
  } else if (is_http10(h)) {
    buf_put_str(out, STR("Connection: keep-alive\r\n"));
  }
}

static void head_write(struct io_http1 *h, const struct io_http_response *res) {
  char small[1024];
  struct base_buf out = buf_over(small, sizeof small);
  buf_put_f(&out, "HTTP/1.1 %d %s\r\n", res->status, status_text(res->status));
  date_write(h->now.wall, &out);
  if (status_has_body(res->status)) buf_put_f(&out, "Content-Type: %s\r\n", res->content_type);
  framing_write(h, res, &out);
  if (out.bad) h->broken = true; /* a content type of hundreds of bytes */
  http1_out(h, buf_str(&out));
  http1_out(h, str_of(res->extra));
  http1_out(h, STR("\r\n"));
}

static void chunk_write(struct io_http1 *h, struct base_str bytes) {
  char size[24];
  if (bytes.n == 0) return; /* an empty chunk would end the stream */
  int n = snprintf(size, sizeof size, "%zx\r\n", bytes.n);
  if (!is_http10(h)) http1_out(h, (struct base_str){size, (size_t)n});
  http1_out(h, bytes);
  if (!is_http10(h)) http1_out(h, STR("\r\n"));
}

void http1_reply(struct io_http1 *h, const struct io_http_response *res) {
  MUST(res->status >= 200 && res->status <= 599);
  io_count(h->link, REC_COUNTER_HTTP_REQUESTS);
  if (res->status >= 400) io_count(h->link, REC_COUNTER_HTTP_ERRORS);
  head_write(h, res);
  if (h->parser.method == HTTP_HEAD && h->started) return;
  if (h->stream.open) {
    chunk_write(h, buf_str(&res->body));
  } else if (status_has_body(res->status)) {
    http1_out(h, buf_str(&res->body));
  }
}

static void error_reply(struct io_http1 *h, int status) {
  char text[96];
  struct io_http_response res = {.status = status, .content_type = "application/json"};
  res.body = buf_over(text, sizeof text);
  if (status == 503) res.extra = "Retry-After: 1\r\n";
  if (status == 415) res.extra = "Accept-Encoding: gzip\r\n";
  if (status == 405) res.extra = "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";
  buf_put_f(&res.body, "{\"error\":\"%s\"}\n", status_text(status));
  http1_reply(h, &res);
}

void http1_reply_error(struct io_http1 *h, int status) {
  h->last = true;
  error_reply(h, status);
}

/* "http://host/path?query" and "/path?query" to their parts; a fragment has no business here and is cut off. */
static void target_split(struct base_str target, struct io_http_request *req) {
  if (str_starts(target, STR("http://")) || str_starts(target, STR("https://"))) {
    size_t authority = str_find(target, '/', 0) + 2;
    size_t path = str_find(target, '/', authority);
    target = path < target.n ? str_cut(target, path, target.n) : STR("/");
  }
  target = str_cut(target, 0, str_find(target, '#', 0));
  size_t q = str_find(target, '?', 0);
  req->path = str_cut(target, 0, q);
  req->query = q < target.n ? str_cut(target, q + 1, target.n) : STR_NONE;
}

static struct base_str kept_str(const struct io_http1 *h, enum http1_kept k) {
  return h->kept[k].n ? (struct base_str){h->head.p + h->kept[k].at, h->kept[k].n} : STR_NONE;
}

/* A response that knows its connection, for io_http_stream_keep. */
struct http1_response {
  struct io_http_response res;
  struct io_http1 *h;
};

static const char DEFAULT_TYPE[] = "application/json";

static void http1_handle(struct io_http1 *h, struct http1_response *r) {
  struct io_http_request req = {.method = str_of(llhttp_method_name((llhttp_method_t)h->parser.method)),
                                .content_type = kept_str(h, HTTP1_KEPT_CONTENT_TYPE),
                                .accept = kept_str(h, HTTP1_KEPT_ACCEPT),
                                .accept_encoding = kept_str(h, HTTP1_KEPT_ACCEPT_ENCODING),
                                .authorization = kept_str(h, HTTP1_KEPT_AUTHORIZATION),
                                .if_none_match = kept_str(h, HTTP1_KEPT_IF_NONE_MATCH),
                                .body = buf_str(&h->body),
                                .snappy = str_eq_nocase(kept_str(h, HTTP1_KEPT_CONTENT_ENCODING), STR("snappy"))};
  target_split((struct base_str){h->head.p + h->target.at, h->target.n}, &req);
  const struct io_server_conf *conf = h->link->conf;
  if (conf->http) {
    conf->http(conf->http_ctx, &req, &r->res);
  } else {
    r->res.status = 404;
    buf_put_str(&r->res.body, STR("{\"error\":\"Not Found\"}\n"));
  }
}

void http1_serve(struct io_http1 *h) {
  struct http1_response r = {.res = {.status = 200, .content_type = DEFAULT_TYPE}, .h = h};
  r.res.body = buf_open(LIMIT_HTTP_OUT_BYTES);
  if (!h->keep_alive || h->draining) h->last = true;
  http1_handle(h, &r);
  h->stream.res = NULL;
  if (r.res.body.bad) {
    http1_stream_lose(h);
    error_reply(h, 500);
  } else {
    http1_reply(h, &r.res);
    if (h->parser.method == HTTP_HEAD) http1_stream_lose(h);
  }
  buf_fini(&r.res.body);
}

struct io_http_stream *io_http_stream_keep(struct io_http_response *res, void (*gone)(void *ctx), void *ctx) {
  struct io_http1 *h = ((struct http1_response *)res)->h;
  MUST(!h->stream.open && gone);
  h->stream = (struct io_http_stream){.h = h, .open = true, .res = res, .gone = gone, .ctx = ctx};
  h->last = true;
  res->stream = &h->stream;
  if (res->content_type == DEFAULT_TYPE) res->content_type = "text/event-stream";
  return &h->stream;
}

void http1_stream_lose(struct io_http1 *h) {
  if (!h->stream.open) return;
  h->stream.open = false;
  h->stream.gone(h->stream.ctx);
}

bool io_http_stream_write(struct io_http_stream *s, struct base_str bytes) {
  struct io_http1 *h = s->h;
  if (!s->open) return false;
  if (s->res) {
    buf_put_str(&s->res->body, bytes);
    return true; /* what does not fit becomes an error 500 when the handler returns */
  }
  if (h->out.n - h->out_sent + bytes.n > LIMIT_SSE_QUEUE_BYTES) {
    h->broken = true;
  } else {
    chunk_write(h, bytes);
  }
  h->link->wake(h->link->ctx);
  if (h->broken) http1_stream_lose(h);
  return s->open;
}

void io_http_stream_close(struct io_http_stream *s) {
  struct io_http1 *h = s->h;
  if (!s->open) return;
  s->open = false;
  if (s->res) return; /* the handler changed its mind: an ordinary response */
  if (!is_http10(h)) http1_out(h, STR("0\r\n\r\n"));
  h->link->wake(h->link->ctx);
}
