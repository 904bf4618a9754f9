/* incidents, explain and calibration: readers of a running daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "daemon_calibration.h"
#include "daemon_command.h"
#include "daemon_explain.h"
#include "io_client.h"
#include "serve_store.h"

#define VIEW_URL "http://127.0.0.1:7070"
#define VIEW_TIMEOUT_NS (10 * TIME_NS_PER_S)
#define VIEW_BODY_BYTES ((size_t)64 << 20)
#define VIEW_LINE_BYTES ((size_t)1 << 20)

struct view_url {
  char text[2048];
};

/* The base URL without its last slash, and the path. */
static struct view_url view_url(const struct option_set *o, const char *path) {
  const char *base = option_get(o, "url", VIEW_URL);
  size_t n = strlen(base);
  struct view_url u;
  if (n && base[n - 1] == '/') n--;
  snprintf(u.text, sizeof u.text, "%.*s%s", (int)(n < 1500 ? n : 1500), base, path);
  return u;
}

/* The API's own words where it gave any. */
static void view_refused(const struct io_client_reply *reply, const char *url) {
  yyjson_doc *doc = yyjson_read(reply->body.n ? reply->body.p : "", reply->body.n, 0);
  const char *text = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "error"));
  command_say("%s: status %d%s%s", url, reply->status, text ? ": " : "", text ? text : "");
  yyjson_doc_free(doc);
}

/* NULL: one clear line was said. */
static yyjson_doc *view_get(const char *url) {
  struct io_client_reply reply = {0};
  char err[IO_CLIENT_ERR_BYTES];
  yyjson_doc *doc = NULL;
  if (!io_client_get(url, VIEW_TIMEOUT_NS, VIEW_BODY_BYTES, &reply, err)) {
    command_say("%s: %s; is `foreshock run` running there?", url, err);
  } else if (reply.status != 200) {
    view_refused(&reply, url);
  } else {
    doc = yyjson_read(reply.body.n ? reply.body.p : "", reply.body.n, 0);
    if (!doc) command_say("%s: the answer is not JSON", url);
  }
  buf_fini(&reply.body);
  return doc;
}

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
  struct view_url url = view_url(o, "/api/v1/incidents?limit=1024");
  yyjson_doc *doc = view_get(url.text);
  if (!doc) return EXIT_BAD;
  yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "incidents"), *v;
  struct base_buf out = buf_open(VIEW_BODY_BYTES);
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
  struct base_buf out = buf_open(VIEW_BODY_BYTES);
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
  struct view_url url = view_url(o, "/api/v1/stream");
  struct view_follow f = {.options = o};
  char err[IO_CLIENT_ERR_BYTES];
  if (!io_client_lines(url.text, VIEW_TIMEOUT_NS, VIEW_LINE_BYTES, view_event, &f, err))
    return command_fail("%s: %s", url.text, err);
  return f.status ? f.status : command_fail("%s: the stream ended", url.text);
}

static const struct option_spec view_incidents_options[] = {
    {"url", "URL", "where the daemon's API is (default " VIEW_URL ")"},
    {"json", NULL, "one incident a line, as JSON"},
    {"follow", NULL, "stay, and print each new state as it comes"},
    {0},
};

const struct daemon_command command_incidents = {
    .name = "incidents",
    .usage = "[--url URL] [--json] [--follow]",
    .about = "lists the incidents of a running daemon, newest first",
    .options = view_incidents_options,
    .run = view_incidents,
};

static int view_explain(const struct option_set *o) {
  uint64_t id;
  char path[64];
  if (!serve_id_read(str_of(o->positional[0]), &id))
    return command_fail("%.64s: an incident's id has 16 hex digits; `foreshock incidents` lists them",
                        o->positional[0]);
  snprintf(path, sizeof path, "/api/v1/incidents/%016llx", (unsigned long long)id);
  struct view_url url = view_url(o, path);
  yyjson_doc *doc = view_get(url.text);
  if (!doc) return EXIT_BAD;
  struct base_buf out = buf_open(VIEW_BODY_BYTES);
  struct text t = text_stdout(&out);
  t.ascii |= option_has(o, "ascii");
  explain_whole(&t, yyjson_doc_get_root(doc));
  int status = command_print(&out);
  buf_fini(&out);
  yyjson_doc_free(doc);
  return status;
}

static const struct option_spec view_explain_options[] = {
    {"url", "URL", "where the daemon's API is (default " VIEW_URL ")"},
    {"ascii", NULL, "draw with ASCII characters only, as where the locale is not one of UTF-8"},
    {0},
};

const struct daemon_command command_explain = {
    .name = "explain",
    .usage = "ID [--url URL] [--ascii]",
    .about =
        "tells an incident of a running daemon in full: what, cause, evidence, numbers and plot, who suffers, when",
    .options = view_explain_options,
    .positional_min = 1,
    .positional_max = 1,
    .run = view_explain,
};

static int view_calibration(const struct option_set *o) {
  struct view_url url = view_url(o, "/api/v1/status");
  yyjson_doc *doc = view_get(url.text);
  if (!doc) return EXIT_BAD;
  yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "calibration");
  struct base_buf out = buf_open(VIEW_BODY_BYTES);
  struct text t = text_stdout(&out);
  int status = EXIT_BAD;
  if (!yyjson_is_arr(list)) {
    command_say("%s: that daemon does not tell of its calibration", url.text);
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
    {"url", "URL", "where the daemon's API is (default " VIEW_URL ")"},
    {"json", NULL, "all levels, as JSON on one line"},
    {0},
};

const struct daemon_command command_calibration = {
    .name = "calibration",
    .usage = "[--url URL] [--json]",
    .about = "shows what the traffic itself says of the thresholds: how high evidence rises while nothing is wrong",
    .options = view_calibration_options,
    .run = view_calibration,
};
