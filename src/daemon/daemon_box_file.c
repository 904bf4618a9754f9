#include "daemon_box_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yyjson.h>

#include "base_json.h"

/* ---- names ---- */

void box_path(const char *dir, uint64_t id, char out[PATH_MAX]) {
  snprintf(out, PATH_MAX, "%s/box/%016llx.json", dir, (unsigned long long)id);
}

void box_checkpoint_name(uint64_t frame, int64_t end_ns, char out[48]) {
  snprintf(out, 48, "%016llx-%016llx.checkpoint", (unsigned long long)frame, (unsigned long long)end_ns);
}

bool box_checkpoint_name_read(const char *name, uint64_t *frame, int64_t *end_ns) {
  char again[48], *end = NULL;
  if (strlen(name) != 16 + 1 + 16 + strlen(".checkpoint")) return false;
  *frame = strtoull(name, &end, 16);
  if (end != name + 16) return false;
  *end_ns = (int64_t)strtoull(name + 17, NULL, 16);
  box_checkpoint_name(*frame, *end_ns, again);
  return strcmp(name, again) == 0;
}

/* ---- writing ---- */

static void key_hex(struct base_json *j, const char *key, uint64_t v) {
  char text[17];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)v);
  json_key_text(j, key, text);
}

static void box_json(const struct box *b, const char *version, const char *conf, struct base_buf *out) {
  struct base_json json = json_over(out), *j = &json;
  char name[48];
  box_checkpoint_name(b->from, b->end_ns, name);
  json_object(j);
  key_hex(j, "incident", b->id);
  json_key(j, "checkpoint");
  if (b->end_ns)
    json_text(j, name);
  else
    json_null(j);
  json_key_u64(j, "from", b->from);
  json_key(j, "to");
  if (b->to == BOX_OPEN)
    json_null(j);
  else
    json_u64(j, b->to);
  json_key(j, "started");
  json_i64(j, b->started_ns);
  json_key(j, "muted");
  json_bool(j, b->muted);
  json_key_text(j, "version", version);
  key_hex(j, "engine", b->engine);
  json_key(j, "conf");
  json_text(j, conf);
  json_close(j);
  buf_put_char(out, '\n');
}

static bool bytes_write(const char *path, struct base_str bytes) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return false;
  errno = ENOSPC; /* for a short write */
  bool done = write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n;
  int why = errno;
  done = close(fd) == 0 && done;
  errno = why;
  return done;
}

bool box_write(const char *dir, const struct box *b, const char *version, const char *conf) {
  char path[PATH_MAX], part[PATH_MAX + 8];
  struct base_buf text = buf_open(BOX_FILE_BYTES);
  box_path(dir, b->id, path);
  snprintf(part, sizeof part, "%s.tmp", path);
  box_json(b, version, conf, &text);
  errno = ENOMEM;
  bool done = !text.bad && bytes_write(part, buf_str(&text)) && rename(part, path) == 0;
  int why = errno;
  if (!done) (void)unlink(part);
  buf_fini(&text);
  errno = why;
  return done;
}

/* ---- reading ---- */

static bool hex_get(yyjson_val *root, const char *key, uint64_t *out) {
  const char *text = yyjson_get_str(yyjson_obj_get(root, key));
  char *end = NULL;
  if (!text || strlen(text) != 16) return false;
  *out = strtoull(text, &end, 16);
  return *end == 0;
}

static bool checkpoint_get(yyjson_val *root, struct box *out) {
  yyjson_val *v = yyjson_obj_get(root, "checkpoint");
  uint64_t frame = 0;
  if (yyjson_is_null(v)) return out->from == 0;
  return yyjson_is_str(v) && box_checkpoint_name_read(yyjson_get_str(v), &frame, &out->end_ns) && frame == out->from &&
         out->end_ns != 0;
}

static bool box_parse(yyjson_val *root, struct box *out, struct box_about *about) {
  yyjson_val *to = yyjson_obj_get(root, "to"), *from = yyjson_obj_get(root, "from");
  const char *version = yyjson_get_str(yyjson_obj_get(root, "version"));
  const char *conf = yyjson_get_str(yyjson_obj_get(root, "conf"));
  *out = (struct box){.from = yyjson_get_uint(from), .to = yyjson_is_null(to) ? BOX_OPEN : yyjson_get_uint(to)};
  out->started_ns = yyjson_get_sint(yyjson_obj_get(root, "started"));
  out->muted = yyjson_is_true(yyjson_obj_get(root, "muted"));
  bool good = yyjson_is_uint(from) && (yyjson_is_null(to) || yyjson_is_uint(to)) && out->from <= out->to && version &&
              conf && hex_get(root, "incident", &out->id) && hex_get(root, "engine", &out->engine) &&
              checkpoint_get(root, out);
  if (!good || !about) return good;
  snprintf(about->version, sizeof about->version, "%s", version);
  buf_put_str(&about->conf, str_of(conf));
  return !about->conf.bad;
}

static ssize_t bytes_read(const char *path, char *out, size_t cap) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = read(fd, out, cap);
  (void)close(fd);
  return n;
}

bool box_read(const char *dir, uint64_t id, struct box *out, struct box_about *about, const char **reason) {
  char path[PATH_MAX], text[BOX_FILE_BYTES];
  box_path(dir, id, path);
  ssize_t n = bytes_read(path, text, sizeof text);
  *reason = n < 0 && errno == ENOENT ? "none" : "it cannot be read";
  if (n < 0) return false;
  yyjson_doc *doc = yyjson_read(text, (size_t)n, 0);
  bool good = box_parse(yyjson_doc_get_root(doc), out, about) && out->id == id;
  *reason = "it is damaged";
  yyjson_doc_free(doc);
  return good;
}
