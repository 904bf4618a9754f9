/* top: the page's overview in a terminal, over the same API. Plain ANSI: each screen is written over the one before, so
 * that nothing flickers. Where standard output is no terminal it prints once and ends. */
#include "daemon_top.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

#include "daemon_ask.h"
#include "daemon_command.h"

#define TOP_PERIOD_MS 1000
#define TOP_SCREEN_BYTES (1u << 20)
#define TOP_WIDTH_MAX 400u

static volatile sig_atomic_t top_over;

static void top_signal(int number) {
  (void)number;
  top_over = 1;
}

/* What is asked each second. */
enum { TOP_STATUS, TOP_INCIDENTS, TOP_MESH, TOP_GRAPH, TOP_CHANGES, TOP_PATHS };

static const char *const top_path[TOP_PATHS] = {
    [TOP_STATUS] = "/api/v1/status",
    [TOP_INCIDENTS] = "/api/v1/incidents?state=open&limit=1024",
    [TOP_MESH] = "/api/v1/series?entity=%7B%22kind%22:%22mesh%22%7D",
    [TOP_GRAPH] = "/api/v1/graph",
    [TOP_CHANGES] = "/api/v1/changes?limit=8",
};

struct top {
  struct ask ask[TOP_PATHS];
  yyjson_doc *doc[TOP_PATHS];
  char problem[ASK_ERR_BYTES];
};

static bool top_open(struct top *t, const struct option_set *o) {
  bool all = true;
  for (unsigned i = 0; i < TOP_PATHS && all; i++) all = ask_open(&t->ask[i], o, top_path[i]);
  return all;
}

static void docs_drop(yyjson_doc *doc[TOP_PATHS]) {
  for (unsigned i = 0; i < TOP_PATHS; i++) yyjson_doc_free(doc[i]);
}

static void top_drop(struct top *t) {
  docs_drop(t->doc);
  memset(t->doc, 0, sizeof t->doc);
}

/* All or none: what was known stays, and is told to be old. */
static bool top_ask(struct top *t) {
  yyjson_doc *doc[TOP_PATHS] = {NULL};
  bool all = true;
  for (unsigned i = 0; i < TOP_PATHS && all; i++) all = (doc[i] = ask_try(&t->ask[i], t->problem)) != NULL;
  if (all) {
    top_drop(t);
    memcpy(t->doc, doc, sizeof doc);
    t->problem[0] = 0;
  } else {
    docs_drop(doc);
  }
  return all;
}

static void top_draw(const struct top *t, struct text *text, const char *url, unsigned rows, const char *end) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  yyjson_val *root[TOP_PATHS];
  for (unsigned i = 0; i < TOP_PATHS; i++) root[i] = yyjson_doc_get_root(t->doc[i]);
  struct top_answers a = {.status = root[TOP_STATUS],
                          .incidents = yyjson_obj_get(root[TOP_INCIDENTS], "incidents"),
                          .mesh = yyjson_arr_get_first(yyjson_obj_get(root[TOP_MESH], "series")),
                          .graph = root[TOP_GRAPH],
                          .changes = yyjson_obj_get(root[TOP_CHANGES], "changes"),
                          .url = url,
                          .problem = t->problem[0] ? t->problem : NULL,
                          .now_ns = now.tv_sec * TIME_NS_PER_S + now.tv_nsec};
  top_screen(text, &a, rows, end);
}

static int top_once(struct top *t, const char *url) {
  struct base_buf out = buf_open(TOP_SCREEN_BYTES);
  struct text text = text_stdout(&out);
  int status = EXIT_BAD;
  if (top_ask(t)) {
    top_draw(t, &text, url, UINT32_MAX, "\n");
    status = command_print(&out);
  } else {
    command_say("%s", t->problem);
  }
  buf_fini(&out);
  return status;
}

/* ---- the terminal ---- */

/* One whole screen in one write. The last row has no end: the terminal would scroll. */
static bool top_show(const struct top *t, const char *url) {
  struct winsize size = {0};
  struct base_buf out = buf_open(TOP_SCREEN_BYTES);
  struct text text = text_stdout(&out);
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  if (known) text.width = size.ws_col < TOP_WIDTH_MAX ? size.ws_col : TOP_WIDTH_MAX;
  unsigned rows = known && size.ws_row > 2 ? size.ws_row - 1u : 23u;
  buf_put_str(&out, STR("\033[H"));
  top_draw(t, &text, url, rows, "\033[K\r\n");
  buf_put_str(&out, STR("\033[J\033[2mq ends\033[0m\033[K"));
  bool good = command_print(&out) == EXIT_DONE;
  buf_fini(&out);
  return good;
}

/* Waits for the period or a key; false: it is to end. */
static bool top_wait(void) {
  struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
  char key = 0;
  int n = poll(&in, 1, TOP_PERIOD_MS);
  if (n > 0 && read(STDIN_FILENO, &key, 1) == 0) key = 'q'; /* nobody is there any more */
  return !top_over && key != 'q' && key != 3 && key != 4;
}

static int top_live(struct top *t, const char *url) {
  struct termios was, raw;
  bool terminal = tcgetattr(STDIN_FILENO, &was) == 0, good;
  struct sigaction end = {.sa_handler = top_signal};
  sigaction(SIGINT, &end, NULL);
  sigaction(SIGTERM, &end, NULL);
  if (terminal) {
    raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  fputs("\033[?1049h\033[?25l", stdout);
  do {
    (void)top_ask(t);
    good = top_show(t, url);
  } while (good && top_wait());
  fputs("\033[?25h\033[?1049l", stdout);
  fflush(stdout);
  if (terminal) tcsetattr(STDIN_FILENO, TCSANOW, &was);
  return good ? EXIT_DONE : EXIT_BAD;
}

static int top_run(const struct option_set *o) {
  struct top t = {0};
  if (!top_open(&t, o)) return EXIT_BAD;
  const char *url = option_get(o, "url", ASK_URL);
  bool once = option_has(o, "once") || !isatty(STDOUT_FILENO);
  int status = once ? top_once(&t, url) : top_live(&t, url);
  top_drop(&t);
  return status;
}

static const struct option_spec top_options[] = {
    ASK_OPTIONS,
    {"once", NULL, "print one screen, with all services, and end; as where standard output is no terminal"},
    {0},
};

const struct daemon_command command_top = {
    .name = "top",
    .usage = "[--url URL] [--token FILE] [--cacert FILE] [--once]",
    .about = "shows a running daemon live in the terminal: open incidents first, then the services",
    .options = top_options,
    .run = top_run,
};
