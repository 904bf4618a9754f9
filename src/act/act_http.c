#include "act_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base_must.h"
#include "io_curl.h"

#define HTTP_CONNECT_MS 5000L /* within the timeout of the whole */
#define HTTP_RETRY_AFTER_S_MAX 3600
#define HTTP_IDLE_MAX 64L /* connections kept between two calls */

struct http_call {
  struct http_call *next;
  struct act_http *http;
  CURL *easy;
  struct curl_slist *headers;
  struct base_buf body, answer;
  char error[CURL_ERROR_SIZE];
  act_answered fn;
  void *ctx;
};

struct act_http {
  struct io_curl *curl;
  struct http_call *call;
};

/* ---- requests ---- */

void request_init(struct act_request *r) {
  *r = (struct act_request){.url = buf_open(4096), .body = buf_open(8u << 20), .ca_file = ""};
}

void request_fini(struct act_request *r) {
  buf_fini(&r->url);
  buf_fini(&r->body);
}

void act_request_clear(struct act_request *r) {
  buf_clear(&r->url);
  buf_clear(&r->body);
  r->header_n = 0;
  r->ca_file = "";
}

bool request_header(struct act_request *r, const char *name, struct base_str value) {
  if (r->header_n == ACT_HEADERS) return false;
  for (size_t i = 0; i < value.n; i++)
    if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f) return false;
  char *line = r->header[r->header_n];
  int n = snprintf(line, sizeof r->header[0], "%s: %.*s", name, STR_ARG(value));
  if (n < 0 || (size_t)n >= sizeof r->header[0]) return false;
  r->header_n++;
  return true;
}

/* ---- the end of a call ---- */

static void call_free(struct act_http *h, struct http_call *c) {
  for (struct http_call **at = &h->call; *at; at = &(*at)->next) {
    if (*at != c) continue;
    *at = c->next;
    break;
  }
  if (c->easy) {
    io_curl_drop(h->curl, c->easy);
    curl_easy_cleanup(c->easy);
  }
  curl_slist_free_all(c->headers);
  buf_fini(&c->body);
  buf_fini(&c->answer);
  free(c);
}

/* libcurl's own words for what went wrong name hosts and addresses, but no path, header or body. */
static void call_answer(struct http_call *c, CURLcode code, struct act_answer *out) {
  long status = 0;
  curl_off_t after_s = 0;
  *out = (struct act_answer){.body = buf_str(&c->answer)};
  if (code == CURLE_OK) (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK) (void)curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after_s);
  if (after_s > HTTP_RETRY_AFTER_S_MAX) after_s = HTTP_RETRY_AFTER_S_MAX;
  out->status = (int)status;
  out->retry_after_ns = (int64_t)after_s * TIME_NS_PER_S;
  if (code == CURLE_OK) return;
  const char *text = code == CURLE_URL_MALFORMAT || !c->error[0] ? curl_easy_strerror(code) : c->error;
  snprintf(out->error, sizeof out->error, "%.*s", (int)sizeof out->error - 1, text);
}

static void call_done(void *private_, CURL *easy, CURLcode code) {
  struct http_call *c = private_;
  struct act_answer answer;
  MUST(c && c->easy == easy);
  call_answer(c, code, &answer);
  c->fn(c->ctx, &answer);
  call_free(c->http, c);
}

struct act_http *act_http_open(struct io_loop *loop) {
  struct act_http *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->curl = io_curl_open(loop, HTTP_IDLE_MAX, call_done);
  if (h->curl) return h;
  free(h);
  return NULL;
}

void act_http_close(struct act_http *h) {
  if (!h) return;
  while (h->call) call_free(h, h->call);
  io_curl_close(h->curl);
  free(h);
}

/* ---- a call ---- */

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx) {
  struct http_call *c = ctx;
  size_t room = ACT_ANSWER_BYTES - c->answer.n;
  buf_put(&c->answer, bytes, n < room ? n : room);
  return one * n;
}

static bool call_headers(struct http_call *c, const struct act_request *r) {
  for (unsigned i = 0; i < r->header_n; i++) {
    struct curl_slist *more = curl_slist_append(c->headers, r->header[i]);
    if (!more) return false;
    c->headers = more;
  }
  struct curl_slist *more = curl_slist_append(c->headers, "Expect:"); /* no waiting for 100 Continue */
  if (more) c->headers = more;
  return more != NULL;
}

static bool call_options(struct http_call *c, const struct act_request *r, const char *url, int64_t timeout_ns) {
  CURL *e = c->easy;
  long timeout_ms = (long)(timeout_ns / TIME_NS_PER_MS);
  bool ok = curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body.p) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < HTTP_CONNECT_MS ? timeout_ms : HTTP_CONNECT_MS) ==
        CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
  /* A name lookup that hangs is left to its thread: to wait for that thread would hold up every other call. */
  ok &= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_USERAGENT, "foreshock") == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
  if (r->ca_file[0]) ok &= curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_file) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_WRITEDATA, c) == CURLE_OK;
  ok &= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error) == CURLE_OK;
  return ok && curl_easy_setopt(e, CURLOPT_PRIVATE, c) == CURLE_OK;
}

bool act_http_post(struct act_http *h, const struct act_request *r, int64_t timeout_ns, act_answered fn, void *ctx) {
  struct http_call *c = calloc(1, sizeof *c);
  if (!c) return false;
  c->http = h;
  c->next = h->call;
  h->call = c;
  c->fn = fn;
  c->ctx = ctx;
  c->answer = buf_open(ACT_ANSWER_BYTES);
  c->body = buf_open(r->body.max);
  buf_put_str(&c->body, buf_str(&r->body));
  char *url = strndup(r->url.n ? r->url.p : "", r->url.n);
  c->easy = curl_easy_init();
  bool ok = url && c->easy && !c->body.bad && call_headers(c, r) && call_options(c, r, url, timeout_ns) &&
            io_curl_add(h->curl, c->easy);
  free(url);
  if (!ok) call_free(h, c);
  return ok;
}
