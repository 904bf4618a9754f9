/* incidents, explain and calibration: readers of a running daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "daemon_ask.h"
#include "daemon_calibration.h"
#include "daemon_command.h"
#include "daemon_explain.h"
#include "serve_store.h"

static void view_put_json(struct base_buf *out, yyjson_val *v) {
  size_t n = 0;
  char *line = yyjson_val_write(v, 0, &n);
  if (!line) {
    out->bad = true;
    return;
  }
  buf_put(out, line, n);
  buf_put_char(out, '\n');
  free(line);
}

/* One incident in the chosen form. */
static void view_put(struct text *t, yyjson_val *incident, bool json) {
  if (json)
    view_put_json(t->out, incident);
  else
    explain_line(t, incident);
}

static int view_list(const struct option_set *o) {
  struct ask ask;
  if (!ask_open(&ask, o, "/api/v1/incidents?limit=1024")) return EXIT_BAD;
  yyjson_doc *doc = ask_get(&ask);
  if (!doc) return EXIT_BAD;
  yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "incidents"), *v;
  struct base_buf out = buf_open(ASK_BODY_BYTES);
  struct text t = text_stdout(&out);
  bool json = option_has(o, "json");
  size_t i, n;
  yyjson_arr_foreach(list, i, n, v) view_put(&t, v, json);
  if (!json && yyjson_arr_size(list) == 0) buf_put_str(&out, STR("no incidents\n"));
  int status = command_print(&out);
  buf_fini(&out);
  yyjson_doc_free(doc);
  return status;
}

struct view_follow {
  const struct option_set *options;
  bool incident; /* the event under way is one */
  int status;
};

static bool view_event(void *ctx, struct base_str line) {
  struct view_follow *f = ctx;
  if (str_starts(line, STR("event: "))) f->incident = str_eq(line, STR("event: incident"));
  if (!f->incident || !str_starts(line, STR("data: "))) return true;
  yyjson_doc *doc = yyjson_read(line.p + 6, line.n - 6, 0);
  struct base_buf out = buf_open(ASK_BODY_BYTES);
  struct text t = text_stdout(&out);
  if (doc) view_put(&t, yyjson_doc_get_root(doc), option_has(f->options, "json"));
  f->status = command_print(&out);
  buf_fini(&out);
  yyjson_doc_free(doc);
  return f->status == EXIT_DONE;
}

static int view_incidents(const struct option_set *o) {
  int status = view_list(o);
  if (status != EXIT_DONE || !option_has(o, "follow")) return status;
  struct ask ask;
  if (!ask_open(&ask, o, "/api/v1/stream")) return EXIT_BAD;
  struct view_follow f = {.options = o};
  struct io_client_conf conf = ask_client(&ask);
  char err[IO_CLIENT_ERR_BYTES];
  if (!io_client_lines(&conf, ASK_LINE_BYTES, view_event, &f, err)) return command_fail("%s: %s", ask.url, err);
  return f.status ? f.status : command_fail("%s: the stream ended", ask.url);
}

static const struct option_spec view_incidents_options[] = {
    ASK_OPTIONS,
    {"json", NULL, "one incident a line, as JSON"},
    {"follow", NULL, "stay, and print each new state as it comes"},
    {0},
};

const struct daemon_command command_incidents = {
    .name = "incidents",
    .usage = "[--url URL] [--token FILE] [--cacert FILE] [--json] [--follow]",
    .about = "lists the incidents of a running daemon, newest first",
    .options = view_incidents_options,
    .run = view_incidents,
};

/* One line of what `replay --incidents` writes. */
static bool file_line(FILE *f, char **line, size_t *cap, size_t *n) {
  ssize_t got = getline(line, cap, f);
  *n = got > 0 ? (size_t)got : 0;
  return got > 0;
}

/* Those of a file whose id it is, or all. */
static int view_explain_file(const struct option_set *o, const char *path) {
  FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
  if (!f) return command_fail("%s: %s", path, strerror(errno));
  struct base_buf out = buf_open(ASK_BODY_BYTES);
  struct text t = text_stdout(&out);
  char *line = NULL;
  size_t cap = 0, n, number = 0, shown = 0;
  int status = EXIT_DONE;
  t.ascii |= option_has(o, "ascii");
  while (status == EXIT_DONE && file_line(f, &line, &cap, &n)) {
    yyjson_doc *doc = yyjson_read(line, n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *id = yyjson_obj_get(root, "id");
    number++;
    if (!yyjson_is_str(id)) {
      status = command_fail("%s:%zu: no incident as JSON", path, number);
    } else if (!o->positional_n || yyjson_equals_str(id, o->positional[0])) {
      if (shown++) buf_put_str(&out, STR("\n\n"));
      explain_whole(&t, root);
    }
    yyjson_doc_free(doc);
  }
  if (status == EXIT_DONE) status = command_print(&out);
  if (status == EXIT_DONE && !shown && o->positional_n)
    status = command_fail("%s: no incident %.64s", path, o->positional[0]);
  buf_fini(&out);
  free(line);
  if (f != stdin) fclose(f);
  return status;
}

static int view_explain(const struct option_set *o) {
  uint64_t id;
  char path[64];
  if (option_get(o, "file", NULL)) return view_explain_file(o, option_get(o, "file", NULL));
  if (!o->positional_n) {
    command_say("explain: an incident's id is missing; `foreshock incidents` lists them");
    return EXIT_USAGE;
  }
  if (!serve_id_read(str_of(o->positional[0]), &id))
    return command_fail("%.64s: an incident's id has 16 hex digits; `foreshock incidents` lists them",
                        o->positional[0]);
  snprintf(path, sizeof path, "/api/v1/incidents/%016llx", (unsigned long long)id);
  struct ask ask;
  if (!ask_open(&ask, o, path)) return EXIT_BAD;
  yyjson_doc *doc = ask_get(&ask);
  if (!doc) return EXIT_BAD;
  struct base_buf out = buf_open(ASK_BODY_BYTES);
  struct text t = text_stdout(&out);
  t.ascii |= option_has(o, "ascii");
  explain_whole(&t, yyjson_doc_get_root(doc));
  int status = command_print(&out);
  buf_fini(&out);
  yyjson_doc_free(doc);
  return status;
}

static const struct option_spec view_explain_options[] = {
    ASK_OPTIONS,
    {"file", "FILE",
     "of what `replay --incidents` wrote, not of a daemon; - is standard input, and without ID all are told"},
    {"ascii", NULL, "draw with ASCII characters only, as where the locale is not one of UTF-8"},
    {0},
};

const struct daemon_command command_explain = {
    .name = "explain",
    .usage = "[ID] [--url URL] [--token FILE] [--cacert FILE] [--file FILE] [--ascii]",
    .about =
        "tells an incident of a running daemon in full: what, cause, evidence, numbers and plot, who suffers, when",
    .options = view_explain_options,
    .positional_min = 0,
    .positional_max = 1,
    .run = view_explain,
};

static int view_calibration(const struct option_set *o) {
  struct ask ask;
  if (!ask_open(&ask, o, "/api/v1/status")) return EXIT_BAD;
  yyjson_doc *doc = ask_get(&ask);
  if (!doc) return EXIT_BAD;
  yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "calibration");
  struct base_buf out = buf_open(ASK_BODY_BYTES);
  struct text t = text_stdout(&out);
  int status = EXIT_BAD;
  if (!yyjson_is_arr(list)) {
    command_say("%s: that daemon does not tell of its calibration", ask.url);
  } else {
    if (option_has(o, "json"))
      view_put_json(&out, list);
    else
      calibration_text(&t, list);
    status = command_print(&out);
  }
  buf_fini(&out);
  yyjson_doc_free(doc);
  return status;
}

static const struct option_spec view_calibration_options[] = {
    ASK_OPTIONS,
    {"json", NULL, "all levels, as JSON on one line"},
    {0},
};

const struct daemon_command command_calibration = {
    .name = "calibration",
    .usage = "[--url URL] [--token FILE] [--cacert FILE] [--json]",
    .about = "shows what the traffic itself says of the thresholds: how high evidence rises while nothing is wrong",
    .options = view_calibration_options,
    .run = view_calibration,
};
