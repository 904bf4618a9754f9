#include "act_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base_must.h"

#define HTTP_CONNECT_MS 5000L /* within the timeout of the whole */
#define HTTP_RETRY_AFTER_S_MAX 3600

struct http_call {
  struct http_call *next;
  CURL *easy;
  struct curl_slist *headers;
  struct base_buf body, answer;
  char error[CURL_ERROR_SIZE];
  act_answered fn;
  void *ctx;
};

/* A socket that libcurl waits for. */
struct http_socket {
  struct http_socket *next;
  struct act_http *http;
  int fd;
};

struct act_http {
  struct io_loop *loop;
  CURLM *multi;
  int timer_fd;
  bool timer_added;
  struct http_call *call;
  struct http_socket *socket;
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
    (void)curl_multi_remove_handle(h->multi, c->easy);
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

static void http_finished(struct act_http *h) {
  int left = 0;
  CURLMsg *msg;
  while ((msg = curl_multi_info_read(h->multi, &left))) {
    struct http_call *c = NULL;
    if (msg->msg != CURLMSG_DONE) continue;
    CURLcode code = msg->data.result;
    (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
    MUST(c);
    struct act_answer answer;
    call_answer(c, code, &answer);
    act_answered fn = c->fn;
    void *ctx = c->ctx;
    fn(ctx, &answer);
    call_free(h, c);
  }
}

/* ---- libcurl and the loop ---- */

static void socket_ready(void *ctx, unsigned events) {
  struct http_socket *s = ctx;
  struct act_http *h = s->http;
  int running = 0;
  int bits = (events & IO_READ ? CURL_CSELECT_IN : 0) | (events & IO_WRITE ? CURL_CSELECT_OUT : 0);
  (void)curl_multi_socket_action(h->multi, s->fd, bits, &running);
  http_finished(h);
}

static void timer_ready(void *ctx, unsigned events) {
  struct act_http *h = ctx;
  uint64_t n;
  int running = 0;
  (void)events;
  (void)!read(h->timer_fd, &n, sizeof n);
  (void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  http_finished(h);
}

static struct http_socket *socket_find(struct act_http *h, int fd) {
  for (struct http_socket *s = h->socket; s; s = s->next)
    if (s->fd == fd) return s;
  return NULL;
}

static void socket_drop(struct act_http *h, struct http_socket *s) {
  for (struct http_socket **at = &h->socket; *at; at = &(*at)->next) {
    if (*at != s) continue;
    *at = s->next;
    break;
  }
  io_loop_drop(h->loop, s->fd);
  free(s);
}

static int socket_add(struct act_http *h, int fd, unsigned events) {
  struct http_socket *s = malloc(sizeof *s);
  if (!s) return -1;
  *s = (struct http_socket){.next = h->socket, .http = h, .fd = fd};
  if (!io_loop_add(h->loop, fd, events, socket_ready, s)) {
    free(s);
    return -1;
  }
  h->socket = s;
  return 0;
}

/* Sockets are looked up here and not by what libcurl keeps of them, so that a number that it uses again is known. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *kept) {
  struct act_http *h = ctx;
  struct http_socket *s = socket_find(h, fd);
  (void)easy;
  (void)kept;
  if (what == CURL_POLL_REMOVE) {
    if (s) socket_drop(h, s);
    return 0;
  }
  unsigned events = (what & CURL_POLL_IN ? IO_READ : 0u) | (what & CURL_POLL_OUT ? IO_WRITE : 0u);
  if (s && io_loop_set(h->loop, fd, events)) return 0;
  if (s) socket_drop(h, s); /* closed and opened again behind our back */
  return socket_add(h, fd, events);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx) {
  struct act_http *h = ctx;
  struct itimerspec spec = {{0, 0}, {0, 0}};
  (void)multi;
  if (timeout_ms >= 0) {
    spec.it_value.tv_sec = timeout_ms / 1000;
    spec.it_value.tv_nsec = timeout_ms ? timeout_ms % 1000 * TIME_NS_PER_MS : 1; /* 0 would disarm */
  }
  return timerfd_settime(h->timer_fd, 0, &spec, NULL);
}

struct act_http *act_http_open(struct io_loop *loop) {
  struct act_http *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->loop = loop;
  h->multi = curl_multi_init();
  h->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  h->timer_added = h->timer_fd >= 0 && io_loop_add(loop, h->timer_fd, IO_READ, timer_ready, h);
  if (!h->multi || !h->timer_added) {
    act_http_close(h);
    return NULL;
  }
  (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
  (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
  return h;
}

void act_http_close(struct act_http *h) {
  if (!h) return;
  while (h->call) call_free(h, h->call);
  if (h->multi) (void)curl_multi_cleanup(h->multi);
  while (h->socket) socket_drop(h, h->socket);
  if (h->timer_added) io_loop_drop(h->loop, h->timer_fd);
  if (h->timer_fd >= 0) (void)close(h->timer_fd);
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
            curl_multi_add_handle(h->multi, c->easy) == CURLM_OK;
  free(url);
  if (!ok) call_free(h, c);
  return ok;
}
