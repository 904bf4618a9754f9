#include "daemon_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_json.h"
#include "io_loop.h"

#define LINE_BYTES 16384u

struct log_event {
  const char *name;
  uint32_t left; /* lines that may be said at once */
  int64_t at_ns; /* when one was added to them */
  uint64_t unsaid;
};

struct log {
  pthread_mutex_t lock;
  enum log_form form;
  int fd;
  bool is_journal;
  struct log_event event[LOG_EVENTS];
  unsigned event_n;
};

static struct log log_own = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO};

const char *log_form_text(enum log_form form) {
  static const char *const forms[] = {
#define X(name, text) text,
      LOG_FORM_TABLE(X)
#undef X
  };
  return forms[form];
}

bool log_form_read(struct base_str text, uint64_t *out) {
  for (*out = 0; *out < LOG_FORM_COUNT; ++*out)
    if (str_eq(text, str_of(log_form_text((enum log_form) * out)))) return true;
  return false;
}

/* systemd names the socket that it gave, so that a redirected stream is not taken for it. */
static bool fd_is_journal(int fd) {
  const char *named = getenv("JOURNAL_STREAM");
  unsigned long long dev, ino;
  struct stat st;
  return named && sscanf(named, "%llu:%llu", &dev, &ino) == 2 && fstat(fd, &st) == 0 && st.st_dev == dev &&
         st.st_ino == ino;
}

void log_open(enum log_form form, int fd) {
  pthread_mutex_lock(&log_own.lock);
  log_own.form = form;
  log_own.fd = fd;
  log_own.is_journal = fd_is_journal(fd);
  log_own.event_n = 0;
  pthread_mutex_unlock(&log_own.lock);
}

/* ---- the limit ---- */

static struct log_event *event_of(struct log *l, const char *name, int64_t now_ns) {
  for (unsigned i = 0; i < l->event_n; i++)
    if (strcmp(l->event[i].name, name) == 0) return &l->event[i];
  if (l->event_n == LOG_EVENTS) return &l->event[LOG_EVENTS - 1];
  l->event[l->event_n] = (struct log_event){.name = name, .left = LOG_BURST, .at_ns = now_ns};
  return &l->event[l->event_n++];
}

/* May it be said? *unsaid: how many were not, since one was. */
static bool event_take(struct log *l, const char *name, uint64_t *unsaid) {
  int64_t now_ns = io_mono_now().ns;
  struct log_event *e = event_of(l, name, now_ns);
  int64_t more = (now_ns - e->at_ns) / LOG_EVERY_NS;
  e->at_ns += more * LOG_EVERY_NS;
  e->left = e->left + more > LOG_BURST ? LOG_BURST : e->left + (uint32_t)more;
  if (e->left == 0) {
    e->unsaid++;
    return false;
  }
  e->left--;
  *unsaid = e->unsaid;
  e->unsaid = 0;
  return true;
}

/* ---- a line ---- */

struct log_line {
  enum base_level level;
  const char *event; /* NULL: none */
  struct base_str text;
  bool is_data;
  uint64_t unsaid;
};

/* Names come from the traffic: none of them begins a line of its own, or moves a terminal's cursor. */
static void put_plain(struct base_buf *b, struct base_str s) {
  for (size_t i = 0; i < s.n; i++) buf_put_char(b, (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static void line_text(const struct log_line *l, bool is_journal, struct base_buf *b) {
  if (!is_journal) buf_put_str(b, STR("foreshock: "));
  if (l->event) buf_put_f(b, "%s: ", l->event);
  put_plain(b, l->text);
  if (l->unsaid) buf_put_f(b, " (%llu more were left out)", (unsigned long long)l->unsaid);
}

static void line_json(const struct log_line *l, struct base_buf *b) {
  struct base_json json = json_over(b), *j = &json;
  json_object(j);
  json_key(j, "at");
  json_time(j, io_wall_now());
  json_key(j, "level");
  json_text(j, base_level_text(l->level));
  json_key(j, "event");
  json_text(j, l->event ? l->event : "failed");
  json_key(j, l->is_data ? "data" : "text");
  if (l->is_data)
    json_raw(j, l->text);
  else
    json_str(j, l->text);
  if (l->unsaid) {
    json_key(j, "left_out");
    json_u64(j, l->unsaid);
  }
  json_close(j);
}

static void line_write(const struct log *log, const struct log_line *l) {
  static const char *const priority[] = {"<3>", "<4>", "<6>"};
  char bytes[LINE_BYTES];
  struct base_buf b = buf_over(bytes, sizeof bytes - 1);
  _Static_assert(sizeof priority / sizeof priority[0] == BASE_LEVEL_COUNT, "a priority a level");
  if (log->is_journal) buf_put_str(&b, str_of(priority[l->level]));
  if (log->form == LOG_FORM_JSON)
    line_json(l, &b);
  else
    line_text(l, log->is_journal, &b);
  if (b.bad) return; /* texts are bounded: cannot be */
  bytes[b.n++] = '\n';
  ssize_t written = write(log->fd, bytes, b.n); /* whole or not at all; nobody could be told */
  (void)written;
}

static void line_put(struct log *log, struct log_line l) {
  pthread_mutex_lock(&log->lock);
  if (!l.event || event_take(log, l.event, &l.unsaid)) line_write(log, &l);
  pthread_mutex_unlock(&log->lock);
}

static void room_line(void *ctx, enum base_level level, const char *event, struct base_str text) {
  line_put(ctx, (struct log_line){.level = level, .event = event, .text = text});
}

struct base_log log_room(void) {
  return (struct base_log){.line = room_line, .ctx = &log_own};
}

void log_say(enum base_level level, const char *event, const char *fmt, ...) {
  char text[LOG_TEXT_BYTES];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  line_put(&log_own, (struct log_line){.level = level, .event = event, .text = str_of(text)});
}

void log_data(enum base_level level, const char *event, struct base_str json) {
  line_put(&log_own, (struct log_line){.level = level, .event = event, .text = json, .is_data = true});
}

void log_fail(struct base_str text) {
  line_put(&log_own, (struct log_line){.level = BASE_LEVEL_ERROR, .text = text});
}
