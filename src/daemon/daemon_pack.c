#include "daemon_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yyjson.h>

#include "base_json.h"
#include "daemon_conf.h"
#include "store.h"

#define PACK_VERSION 1
#define PACK_PART_BYTES ((size_t)4 << 20)
#define PACK_MEMORY_BYTES ((size_t)4 << 30)
#define PACK_JSON_BYTES (1u << 20)
#define PACK_KIND_AT 32 /* of the first frame, behind the segment's header */

bool pack_fail(struct journal_err *err, const char *what, const char *why) {
  snprintf(err->text, sizeof err->text, "%.110s: %.140s", what, why);
  return false;
}

void pack_init(struct pack *p) {
  *p = (struct pack){.to = BOX_OPEN};
  p->conf = buf_open(CONF_FILE_BYTES);
  p->memory = buf_open(PACK_MEMORY_BYTES);
  p->stored = buf_open(PACK_JSON_BYTES);
}

void pack_close(struct pack *p) {
  journal_cursor_close(p->cursor);
  buf_fini(&p->conf);
  buf_fini(&p->memory);
  buf_fini(&p->stored);
}

bool pack_is(const char *path) {
  unsigned char head[PACK_KIND_AT + 1];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  bool is = fd >= 0 && read(fd, head, sizeof head) == (ssize_t)sizeof head && memcmp(head, "FSHK1 journal\n", 14) == 0;
  if (fd >= 0) (void)close(fd);
  return is && head[PACK_KIND_AT] == REC_FRAME_PACK;
}

static bool id_set(struct pack *p, const char *id) {
  char *end = NULL;
  p->id_hash = strtoull(id, &end, 16);
  snprintf(p->id, sizeof p->id, "%016llx", (unsigned long long)p->id_hash);
  return strcmp(p->id, id) == 0;
}

/* Takes a state of an incident where it is this one's; a later one replaces an earlier. */
static void stored_take(struct pack *p, struct base_str json) {
  yyjson_doc *doc = yyjson_read(json.n ? json.p : "", json.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  uint64_t rev = yyjson_get_uint(yyjson_obj_get(root, "rev"));
  if (yyjson_equals_str(yyjson_obj_get(root, "id"), p->id) && rev > p->stored_rev) {
    buf_clear(&p->stored);
    buf_put_str(&p->stored, json);
    p->stored_rev = rev;
  }
  yyjson_doc_free(doc);
}

/* ---- from a data directory ---- */

/* The incident log has the last states of the newest incidents, the history those of older ones. */
static void stored_find(struct pack *p, const char *dir) {
  char path[PATH_MAX];
  struct journal_err err;
  uint64_t number;
  uint8_t kind;
  struct base_str body;
  enum journal_status status;
  snprintf(path, sizeof path, "%s/incidents", dir);
  struct journal_cursor *c = access(path, F_OK) == 0 ? journal_cursor_open(path, 0, &err) : NULL;
  while (c && ((status = journal_cursor_next(c, &number, &kind, &body, &err)) == JOURNAL_OK || status == JOURNAL_BAD))
    if (status == JOURNAL_OK && kind == REC_FRAME_INCIDENT) stored_take(p, body);
  journal_cursor_close(c);
  struct base_buf json = buf_open(PACK_JSON_BYTES);
  snprintf(path, sizeof path, "%s/history.db", dir);
  if (p->stored.n == 0 && store_read(path, p->id_hash, &json)) stored_take(p, buf_str(&json));
  buf_fini(&json);
}

static bool memory_read(struct pack *p, const char *dir, const struct box *b, struct journal_err *err) {
  char path[PATH_MAX], name[48];
  if (b->end_ns == 0) return true;
  box_checkpoint_name(b->from, b->end_ns, name);
  snprintf(path, sizeof path, "%s/box/%s", dir, name);
  return journal_snapshot_read(path, &p->memory, err) == JOURNAL_OK;
}

bool pack_open_dir(struct pack *p, const char *dir, const char *id, struct journal_err *err) {
  char path[PATH_MAX], text[64];
  const char *why = NULL;
  struct box box;
  struct box_about about = {.conf = buf_open(CONF_FILE_BYTES)};
  pack_init(p);
  if (!id_set(p, id)) return pack_fail(err, id, "no incident's id, which is 16 hex digits");
  bool good = box_read(dir, p->id_hash, &box, &about, &why);
  buf_fini(&p->conf);
  p->conf = about.conf;
  if (!good) {
    snprintf(text, sizeof text, "black box of %s", p->id);
    return pack_fail(err, text, strcmp(why, "none") == 0 ? "there is none: given up, or never begun" : why);
  }
  snprintf(p->version, sizeof p->version, "%s", about.version);
  p->engine = box.engine;
  p->muted = box.muted;
  p->to = box.to;
  stored_find(p, dir);
  snprintf(path, sizeof path, "%s/journal", dir);
  p->cursor = journal_cursor_open(path, box.from, err);
  return p->cursor && memory_read(p, dir, &box, err);
}

/* ---- from a file ---- */

static bool text_take(yyjson_val *root, const char *key, struct base_buf *out) {
  const char *text = yyjson_get_str(yyjson_obj_get(root, key));
  if (text) buf_put_str(out, str_of(text));
  return text && !out->bad;
}

static bool head_parse(struct pack *p, struct base_str json, uint64_t *memory_n) {
  yyjson_doc *doc = yyjson_read(json.n ? json.p : "", json.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  const char *id = yyjson_get_str(yyjson_obj_get(root, "incident"));
  const char *version = yyjson_get_str(yyjson_obj_get(root, "version"));
  const char *engine = yyjson_get_str(yyjson_obj_get(root, "engine"));
  bool good = yyjson_get_uint(yyjson_obj_get(root, "pack")) == PACK_VERSION && id && id_set(p, id) && version &&
              engine && text_take(root, "conf", &p->conf);
  if (good) snprintf(p->version, sizeof p->version, "%s", version);
  if (good) p->engine = strtoull(engine, NULL, 16);
  p->muted = yyjson_is_true(yyjson_obj_get(root, "muted"));
  p->hashed = yyjson_equals_str(yyjson_obj_get(root, "names"), "hashed");
  *memory_n = yyjson_get_uint(yyjson_obj_get(root, "checkpoint_bytes"));
  yyjson_doc_free(doc);
  return good;
}

/* One frame of that kind. */
static bool frame_read(struct pack *p, enum rec_frame want, struct base_str *body, struct journal_err *err) {
  uint64_t number;
  uint8_t kind = 0;
  enum journal_status status = journal_cursor_next(p->cursor, &number, &kind, body, err);
  if (status == JOURNAL_OK && kind == want) return true;
  if (status == JOURNAL_BAD || status == JOURNAL_IO) return false;
  return pack_fail(err, "pack", status == JOURNAL_END ? "it ends too early" : "its frames are out of order");
}

bool pack_open_file(struct pack *p, const char *path, struct journal_err *err) {
  struct base_str body;
  uint64_t memory_n = 0;
  pack_init(p);
  p->is_file = true;
  p->cursor = journal_cursor_open(path, 0, err);
  if (!p->cursor || !frame_read(p, REC_FRAME_PACK, &body, err)) return false;
  if (!head_parse(p, body, &memory_n)) return pack_fail(err, path, "no pack that this version reads");
  while (p->memory.n < memory_n) {
    if (!frame_read(p, REC_FRAME_PACK_MEMORY, &body, err)) return false;
    buf_put_str(&p->memory, body);
    if (p->memory.bad || body.n == 0) return pack_fail(err, path, "its checkpoint is too large, or has an empty part");
  }
  if (!frame_read(p, REC_FRAME_INCIDENT, &body, err)) return false;
  stored_take(p, body);
  return true;
}

/* ---- ticks ---- */

enum journal_status pack_next(struct pack *p, struct base_str *body, struct journal_err *err) {
  uint64_t number = 0;
  uint8_t kind = 0;
  if (p->ended) return JOURNAL_END;
  enum journal_status status = journal_cursor_next(p->cursor, &number, &kind, body, err);
  p->ended = status != JOURNAL_OK || (p->is_file ? kind == REC_FRAME_PACK_END : number > p->to);
  if (status == JOURNAL_END && p->is_file) {
    (void)pack_fail(err, "pack", "it ends too early");
    return JOURNAL_BAD;
  }
  if (status != JOURNAL_OK) return status;
  if (p->ended) return JOURNAL_END;
  if (kind == REC_FRAME_TICK) return JOURNAL_OK;
  (void)pack_fail(err, "ticks", "a frame of another kind is among them");
  return JOURNAL_BAD;
}

/* ---- writing ---- */

static void head_json(const struct pack *p, struct base_buf *out) {
  struct base_json json = json_over(out), *j = &json;
  char engine[17];
  snprintf(engine, sizeof engine, "%016llx", (unsigned long long)p->engine);
  json_object(j);
  json_key_u64(j, "pack", PACK_VERSION);
  json_key_text(j, "incident", p->id);
  json_key_text(j, "version", p->version);
  json_key_text(j, "engine", engine);
  json_key(j, "muted");
  json_bool(j, p->muted);
  json_key_text(j, "names", p->hashed ? "hashed" : "plain");
  json_key_u64(j, "checkpoint_bytes", p->memory.n);
  json_key(j, "conf");
  json_str(j, buf_str(&p->conf));
  json_close(j);
}

bool pack_frame_write(struct journal *out, enum rec_frame kind, struct base_str body, struct journal_err *err) {
  return journal_append(out, (uint8_t)kind, body) == JOURNAL_OK || pack_fail(err, "pack", journal_error(out));
}

bool pack_head_write(const struct pack *p, struct journal *out, struct journal_err *err) {
  struct base_buf head = buf_open(PACK_JSON_BYTES);
  head_json(p, &head);
  bool good =
      head.bad ? pack_fail(err, "pack", "out of memory") : pack_frame_write(out, REC_FRAME_PACK, buf_str(&head), err);
  buf_fini(&head);
  for (size_t at = 0; good && at < p->memory.n; at += PACK_PART_BYTES)
    good = pack_frame_write(out, REC_FRAME_PACK_MEMORY, str_cut(buf_str(&p->memory), at, at + PACK_PART_BYTES), err);
  return good && pack_frame_write(out, REC_FRAME_INCIDENT, buf_str(&p->stored), err);
}

bool pack_end_write(struct journal *out, struct journal_err *err) {
  if (!pack_frame_write(out, REC_FRAME_PACK_END, STR_NONE, err)) return false;
  return journal_sync(out, true) == JOURNAL_OK || pack_fail(err, "pack", journal_error(out));
}
