/* HTTP/1.1 requests: llhttp with every lenience off, bounds, and order. One request is whole before its handler
 * runs; pipelined ones are answered in order, and wait (unread) while much output does. */
#include "io_http1.h"

#include <stdlib.h>

#include "base_must.h"
#include "io_inflate.h"

static struct base_str head_str(const struct io_http1 *h, struct http1_span s) {
  return s.n ? (struct base_str){h->head.p + s.at, s.n} : STR_NONE;
}

static void http1_clear(struct io_http1 *h) {
  io_hold_give(h->link->hold, &h->head);
  io_hold_give(h->link->hold, &h->body);
  h->target = (struct http1_span){0, 0};
  memset(h->kept, 0, sizeof h->kept);
  memset(h->kept_n, 0, sizeof h->kept_n);
  h->name_n = h->head_bytes = 0;
  h->kept_now = -1;
  h->started = h->head_done = h->complete = h->keep_alive = false;
  h->refuse = 0;
  h->since = h->now.mono;
}

/* ---- llhttp's callbacks; -1 with h->refuse set ends the connection with that status ---- */

static int refuse(struct io_http1 *h, int status) {
  h->refuse = status;
  return -1;
}

/* Counts n bytes of head; the total includes what is not kept. */
static int head_count(struct io_http1 *h, size_t n) {
  h->head_bytes += n;
  return h->head_bytes > LIMIT_HTTP_HEADER_BYTES ? refuse(h, 431) : 0;
}

static int head_keep(struct io_http1 *h, struct http1_span *s, struct base_str part) {
  if (s->n == 0) s->at = h->head.n;
  if (!io_hold_put(h->link->hold, &h->head, part)) return refuse(h, 503);
  s->n += part.n;
  return 0;
}

static int on_message_begin(llhttp_t *p) {
  struct io_http1 *h = p->data;
  http1_clear(h);
  h->started = true;
  return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t n) {
  struct io_http1 *h = p->data;
  if (head_count(h, n) != 0) return -1;
  return head_keep(h, &h->target, (struct base_str){at, n});
}

static int on_header_field(llhttp_t *p, const char *at, size_t n) {
  struct io_http1 *h = p->data;
  if (n <= sizeof h->name - h->name_n) memcpy(h->name + h->name_n, at, n);
  h->name_n = n <= sizeof h->name - h->name_n ? h->name_n + n : sizeof h->name;
  return head_count(h, n);
}

static int on_header_field_complete(llhttp_t *p) {
  static const struct base_str kept[] = {
#define X(name, text) {text, sizeof(text) - 1},
      HTTP1_KEPT_TABLE(X)
#undef X
  };
  struct io_http1 *h = p->data;
  struct base_str name = {h->name, h->name_n};
  h->name_n = 0;
  h->kept_now = -1;
  for (int i = 0; i < HTTP1_KEPT_COUNT && !h->head_done; i++) {
    if (str_eq_nocase(name, kept[i])) h->kept_now = i;
  }
  if (h->kept_now >= 0 && h->kept_n[h->kept_now]++ > 0) {
    /* Only the first of several is kept; where several matter, their number does. */
    h->kept_now = -1;
  }
  return 0;
}

static int on_header_value(llhttp_t *p, const char *at, size_t n) {
  struct io_http1 *h = p->data;
  if (head_count(h, n) != 0) return -1;
  return h->kept_now < 0 ? 0 : head_keep(h, &h->kept[h->kept_now], (struct base_str){at, n});
}

static bool method_served(uint8_t method) {
  return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_POST || method == HTTP_PUT ||
         method == HTTP_DELETE || method == HTTP_OPTIONS || method == HTTP_PATCH;
}

/* The status that a whole head earns: 0 where the request may go on. */
static int head_judge(const struct io_http1 *h, const llhttp_t *p) {
  struct base_str te = head_str(h, h->kept[HTTP1_KEPT_TRANSFER_ENCODING]);
  struct base_str expect = head_str(h, h->kept[HTTP1_KEPT_EXPECT]);
  bool te_any = h->kept_n[HTTP1_KEPT_TRANSFER_ENCODING] > 0;
  if (p->http_major != 1 || p->http_minor > 1) return 505;
  if (p->http_minor == 1 && h->kept_n[HTTP1_KEPT_HOST] != 1) return 400;
  if (te_any && (p->http_minor == 0 || h->kept_n[HTTP1_KEPT_TRANSFER_ENCODING] > 1)) return 400;
  if (te_any && !str_eq_nocase(te, STR("chunked"))) return 501;
  if (!method_served(p->method)) return 405;
  if (p->flags & F_CONTENT_LENGTH && p->content_length > LIMIT_HTTP_BODY_BYTES) return 413;
  struct base_str encoding = head_str(h, h->kept[HTTP1_KEPT_CONTENT_ENCODING]);
  if (h->kept_n[HTTP1_KEPT_CONTENT_ENCODING] > 1) return 415;
  bool known = str_eq_nocase(encoding, STR("gzip")) || str_eq_nocase(encoding, STR("snappy")) ||
               str_eq_nocase(encoding, STR("identity"));
  if (encoding.n && !known) return 415;
  if (p->http_minor == 1 && expect.n && !str_eq_nocase(expect, STR("100-continue"))) return 417;
  return 0;
}

static int on_headers_complete(llhttp_t *p) {
  struct io_http1 *h = p->data;
  int status = head_judge(h, p);
  if (status != 0) return refuse(h, status);
  h->head_done = true;
  p->upgrade = 0; /* an offer to upgrade is declined by not taking it up */
  bool body = p->flags & F_CHUNKED || (p->flags & F_CONTENT_LENGTH && p->content_length > 0);
  if (p->http_minor == 1 && body && h->kept_n[HTTP1_KEPT_EXPECT]) http1_out(h, STR("HTTP/1.1 100 Continue\r\n\r\n"));
  return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n) {
  struct io_http1 *h = p->data;
  if (n > LIMIT_HTTP_BODY_BYTES - h->body.n) return refuse(h, 413);
  return io_hold_put(h->link->hold, &h->body, (struct base_str){at, n}) ? 0 : refuse(h, 503);
}

static int on_message_complete(llhttp_t *p) {
  struct io_http1 *h = p->data;
  h->complete = true;
  h->keep_alive = llhttp_should_keep_alive(p) != 0;
  return HPE_PAUSED;
}

static const llhttp_settings_t http1_settings = {.on_message_begin = on_message_begin,
                                                 .on_url = on_url,
                                                 .on_header_field = on_header_field,
                                                 .on_header_field_complete = on_header_field_complete,
                                                 .on_header_value = on_header_value,
                                                 .on_headers_complete = on_headers_complete,
                                                 .on_body = on_body,
                                                 .on_message_complete = on_message_complete};

/* ---- the object ---- */

struct io_http1 *io_http1_open(const struct io_link *link, struct io_now now) {
  struct io_http1 *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->link = link;
  h->now = now;
  h->in = buf_open(HTTP1_IN_BYTES);
  h->out = buf_open(LIMIT_HTTP_OUT_BYTES + HTTP1_OUT_BYTES_HIGH + LIMIT_SSE_QUEUE_BYTES);
  h->head = buf_open(LIMIT_HTTP_HEADER_BYTES);
  h->body = buf_open(LIMIT_HTTP_BODY_BYTES);
  h->stream.h = h;
  llhttp_init(&h->parser, HTTP_REQUEST, &http1_settings);
  h->parser.data = h;
  http1_clear(h);
  return h;
}

static bool out_is_high(const struct io_http1 *h) {
  return h->out.n - h->out_sent > HTTP1_OUT_BYTES_HIGH;
}

/* A body in gzip becomes what it holds; the status to refuse it with, or 0. */
static int body_unpack(struct io_http1 *h) {
  struct base_buf plain;
  if (!str_eq_nocase(head_str(h, h->kept[HTTP1_KEPT_CONTENT_ENCODING]), STR("gzip"))) return 0;
  enum io_inflate s = io_inflate(h->link->hold, buf_str(&h->body), LIMIT_HTTP_BODY_BYTES, &plain);
  io_hold_give(h->link->hold, &h->body);
  h->body = plain;
  return s == IO_INFLATE_OK ? 0 : s == IO_INFLATE_BAD ? 400 : s == IO_INFLATE_OVERSIZE ? 413 : 503;
}

/* Parses from the front of *in and answers each request as it is whole, while there is room for answers. */
static void http1_parse(struct io_http1 *h, struct base_str *in) {
  while (in->n && !h->last && !h->broken && !out_is_high(h)) {
    llhttp_errno_t e = llhttp_execute(&h->parser, in->p, in->n);
    if (e == HPE_OK) {
      *in = STR_NONE;
    } else if (e == HPE_PAUSED && h->complete) {
      *in = str_cut(*in, (size_t)(llhttp_get_error_pos(&h->parser) - in->p), in->n);
      llhttp_resume(&h->parser);
      int status = body_unpack(h);
      if (status == 0)
        http1_serve(h);
      else
        http1_reply_error(h, status);
      http1_clear(h);
    } else {
      http1_reply_error(h, h->refuse ? h->refuse : 400);
    }
  }
  if (h->last || h->broken) *in = STR_NONE;
}

/* Keeps what could not be parsed yet; rest may lie in what is kept already. The caller stops reading then, so it is
 * at most one read. */
static void in_keep(struct io_http1 *h, struct base_str rest) {
  struct base_buf kept = buf_open(HTTP1_IN_BYTES);
  if (rest.n && !io_hold_put(h->link->hold, &kept, rest)) h->broken = true;
  io_hold_give(h->link->hold, &h->in);
  h->in = kept;
}

void io_http1_take(struct io_http1 *h, struct base_str bytes, struct io_now now) {
  h->now = now;
  if (h->in.n) {
    if (!io_hold_put(h->link->hold, &h->in, bytes)) h->broken = true;
    return;
  }
  http1_parse(h, &bytes);
  if (bytes.n) in_keep(h, bytes);
}

struct base_str io_http1_peek(struct io_http1 *h) {
  if (h->in.n && !out_is_high(h)) {
    struct base_str rest = buf_str(&h->in);
    http1_parse(h, &rest);
    in_keep(h, rest);
  }
  return h->broken ? STR_NONE : str_cut(buf_str(&h->out), h->out_sent, h->out.n);
}

void io_http1_sent(struct io_http1 *h, size_t n) {
  MUST(n <= h->out.n - h->out_sent);
  h->out_sent += n;
  if (h->out_sent < h->out.n) return;
  io_hold_give(h->link->hold, &h->out);
  h->out_sent = 0;
  if (!h->started) h->since = h->now.mono;
}

bool io_http1_done(const struct io_http1 *h) {
  return h->broken || (h->last && !h->stream.open);
}

bool io_http1_wants_read(const struct io_http1 *h) {
  return h->in.n == 0;
}

void io_http1_tick(struct io_http1 *h, struct io_now now) {
  int64_t idle_ns = h->link->conf->idle_ns;
  h->now = now;
  if (idle_ns <= 0 || h->last || h->out.n > h->out_sent || now.mono.ns - h->since.ns < idle_ns) return;
  if (h->started) {
    http1_reply_error(h, 408);
  } else {
    h->last = true;
  }
}

void io_http1_drain(struct io_http1 *h) {
  if (h->stream.open) {
    void (*gone)(void *) = h->stream.gone;
    void *ctx = h->stream.ctx;
    io_http_stream_close(&h->stream);
    gone(ctx);
  }
  h->draining = true;
  if (!h->started) h->last = true;
}

void io_http1_drop(struct io_http1 *h) {
  h->broken = true;
  http1_stream_lose(h);
}

void io_http1_close(struct io_http1 *h) {
  if (!h) return;
  io_http1_drop(h);
  struct base_buf *held[] = {&h->head, &h->body, &h->in, &h->out};
  for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) io_hold_give(h->link->hold, held[i]);
  free(h);
}
