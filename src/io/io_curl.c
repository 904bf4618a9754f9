#include "io_curl.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base_must.h"
#include "base_time.h"

/* A socket that libcurl waits for. */
struct curl_socket {
  struct io_curl *curl;
  int fd;
};

struct io_curl {
  struct io_loop *loop;
  CURLM *multi;
  io_curl_done done;
  int timer_fd;
  bool timer_added;
  struct curl_socket **socket; /* by descriptor; NULL: not waited for */
  size_t socket_n;
};

static void curl_finished(struct io_curl *c) {
  int left = 0;
  CURLMsg *msg;
  while ((msg = curl_multi_info_read(c->multi, &left))) {
    void *private_ = NULL;
    CURL *easy = msg->easy_handle;
    CURLcode code = msg->data.result;
    if (msg->msg != CURLMSG_DONE) continue;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&private_);
    (void)curl_multi_remove_handle(c->multi, easy);
    c->done(private_, easy, code);
  }
}

static void socket_ready(void *ctx, unsigned events) {
  struct curl_socket *s = ctx;
  struct io_curl *c = s->curl;
  int running = 0;
  int bits = (events & IO_READ ? CURL_CSELECT_IN : 0) | (events & IO_WRITE ? CURL_CSELECT_OUT : 0);
  (void)curl_multi_socket_action(c->multi, s->fd, bits, &running);
  curl_finished(c);
}

static void timer_ready(void *ctx, unsigned events) {
  struct io_curl *c = ctx;
  uint64_t n;
  int running = 0;
  (void)events;
  (void)!read(c->timer_fd, &n, sizeof n);
  (void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  curl_finished(c);
}

static void socket_drop(struct io_curl *c, int fd) {
  io_loop_drop(c->loop, fd);
  free(c->socket[fd]);
  c->socket[fd] = NULL;
}

static bool socket_room(struct io_curl *c, size_t want) {
  if (want <= c->socket_n) return true;
  size_t n = c->socket_n ? c->socket_n : 64;
  while (n < want) n *= 2;
  struct curl_socket **socket = realloc(c->socket, n * sizeof(*socket));
  if (!socket) return false;
  for (size_t i = c->socket_n; i < n; i++) socket[i] = NULL;
  c->socket = socket;
  c->socket_n = n;
  return true;
}

static int socket_add(struct io_curl *c, int fd, unsigned events) {
  if (!socket_room(c, (size_t)fd + 1)) return -1;
  struct curl_socket *s = malloc(sizeof *s);
  if (!s) return -1;
  *s = (struct curl_socket){c, fd};
  if (!io_loop_add(c->loop, fd, events, socket_ready, s)) {
    free(s);
    return -1;
  }
  c->socket[fd] = s;
  return 0;
}

/* Sockets are looked up here and not by what libcurl keeps of them, so that a number that it uses again is known. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *kept) {
  struct io_curl *c = ctx;
  bool known = fd >= 0 && (size_t)fd < c->socket_n && c->socket[fd];
  (void)easy;
  (void)kept;
  if (what == CURL_POLL_REMOVE) {
    if (known) socket_drop(c, fd);
    return 0;
  }
  unsigned events = (what & CURL_POLL_IN ? IO_READ : 0u) | (what & CURL_POLL_OUT ? IO_WRITE : 0u);
  if (known && io_loop_set(c->loop, fd, events)) return 0;
  if (known) socket_drop(c, fd); /* closed and opened again behind our back */
  return socket_add(c, fd, events);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx) {
  struct io_curl *c = ctx;
  struct itimerspec spec = {{0, 0}, {0, 0}};
  (void)multi;
  if (timeout_ms >= 0) {
    spec.it_value.tv_sec = timeout_ms / 1000;
    spec.it_value.tv_nsec = timeout_ms ? timeout_ms % 1000 * TIME_NS_PER_MS : 1; /* 0 would disarm */
  }
  return timerfd_settime(c->timer_fd, 0, &spec, NULL);
}

struct io_curl *io_curl_open(struct io_loop *loop, long idle_max, io_curl_done done) {
  struct io_curl *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->loop = loop;
  c->done = done;
  c->multi = curl_multi_init();
  c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  c->timer_added = c->timer_fd >= 0 && io_loop_add(loop, c->timer_fd, IO_READ, timer_ready, c);
  if (!c->multi || !c->timer_added) {
    io_curl_close(c);
    return NULL;
  }
  (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
  (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
  (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, idle_max);
  return c;
}

void io_curl_close(struct io_curl *c) {
  if (!c) return;
  if (c->multi) (void)curl_multi_cleanup(c->multi);
  for (size_t fd = 0; fd < c->socket_n; fd++)
    if (c->socket[fd]) socket_drop(c, (int)fd);
  free(c->socket);
  if (c->timer_added) io_loop_drop(c->loop, c->timer_fd);
  if (c->timer_fd >= 0) (void)close(c->timer_fd);
  free(c);
}

bool io_curl_add(struct io_curl *c, CURL *easy) {
  return curl_multi_add_handle(c->multi, easy) == CURLM_OK;
}

void io_curl_drop(struct io_curl *c, CURL *easy) {
  (void)curl_multi_remove_handle(c->multi, easy);
}
