#include "act_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base_json.h"

struct act_template {
  struct base_str text; /* of the same block */
};

/* Reads one piece: bytes up to a placeholder, then its path (none at the end). */
static bool piece_next(struct base_str text, size_t *at, struct base_str *plain, struct base_str *path) {
  static const struct base_str open = {"{{", 2}, close = {"}}", 2};
  size_t from = *at, end;
  *path = STR_NONE;
  while (*at < text.n && !str_starts(str_cut(text, *at, text.n), open)) ++*at;
  *plain = str_cut(text, from, *at);
  if (*at == text.n) return true;
  for (end = *at + 2; end < text.n && !str_starts(str_cut(text, end, text.n), close);) end++;
  if (end >= text.n) return false;
  *path = str_cut(text, *at + 2, end);
  while (path->n && path->p[0] == ' ') *path = str_cut(*path, 1, path->n);
  while (path->n && path->p[path->n - 1] == ' ') path->n--;
  *at = end + 2;
  return path->n > 0;
}

/* Whether what follows the bytes is inside a JSON string; `inside` before them. */
static bool is_inside(struct base_str plain, bool inside) {
  for (size_t i = 0; i < plain.n; i++) {
    if (inside && plain.p[i] == '\\')
      i++;
    else if (plain.p[i] == '"')
      inside = !inside;
  }
  return inside;
}

static yyjson_val *path_find(yyjson_val *at, struct base_str path) {
  for (size_t i = 0; at && i <= path.n;) {
    size_t end = str_find(path, '.', i), index = 0;
    struct base_str key = str_cut(path, i, end);
    if (yyjson_is_obj(at)) {
      at = yyjson_obj_getn(at, key.n ? key.p : "", key.n);
    } else if (yyjson_is_arr(at)) {
      for (size_t k = 0; k < key.n; k++)
        index =
            key.p[k] >= '0' && key.p[k] <= '9' && index < 9999 ? index * 10 + (size_t)(key.p[k] - '0') : SIZE_MAX / 16;
      at = key.n ? yyjson_arr_get(at, index) : NULL;
    } else {
      at = NULL;
    }
    i = end + 1;
  }
  return at;
}

/* What json_quote writes, without its quotes. */
static void put_inside(struct base_buf *out, struct base_str s) {
  struct base_buf quoted = buf_open(s.n * 6 + 2);
  json_quote(&quoted, s);
  if (quoted.bad)
    out->bad = true;
  else
    buf_put_str(out, str_cut(buf_str(&quoted), 1, quoted.n - 1));
  buf_fini(&quoted);
}

static void put_text(struct base_buf *out, struct base_str s, bool inside) {
  if (inside)
    put_inside(out, s);
  else
    json_quote(out, s);
}

static void put_value(struct base_buf *out, yyjson_val *val, bool inside) {
  if (yyjson_is_str(val) || (inside && (!val || yyjson_is_null(val)))) {
    put_text(out, view_str(val), inside);
    return;
  }
  size_t n = 0;
  char *json = val ? yyjson_val_write(val, 0, &n) : NULL;
  struct base_str s = json ? (struct base_str){json, n} : STR("null");
  if (inside)
    put_inside(out, s);
  else
    buf_put_str(out, s);
  free(json);
}

static void put_path(struct base_buf *out, struct base_str path, bool inside, const struct act_view *v,
                     enum act_event event, const char *public_url) {
  char text[4096];
  struct base_buf own = buf_over(text, sizeof text);
  if (str_eq(path, STR("incident"))) {
    put_value(out, v->root, inside);
    return;
  }
  if (str_eq(path, STR("event"))) {
    buf_put_str(&own, str_of(act_event_text(event)));
  } else if (str_eq(path, STR("culprit"))) {
    view_culprit_text(v, &own);
  } else if (str_eq(path, STR("link"))) {
    (void)view_link(v, public_url, &own);
  } else {
    put_value(out, path_find(v->root, path), inside);
    return;
  }
  put_text(out, buf_str(&own), inside);
}

void template_write(const struct act_template *t, const struct act_view *v, enum act_event event,
                    const char *public_url, struct base_buf *out) {
  struct base_str plain, path;
  bool inside = false;
  for (size_t at = 0; at < t->text.n;) {
    if (!piece_next(t->text, &at, &plain, &path)) break; /* template_read saw that there is no such thing */
    buf_put_str(out, plain);
    inside = is_inside(plain, inside);
    if (path.n) put_path(out, path, inside, v, event, public_url);
  }
}

/* The smallest incident: each path is there or not, and both must give JSON. */
static bool template_is_json(const struct act_template *t) {
  struct act_view v;
  struct base_buf out = buf_open(4u * TEMPLATE_BYTES);
  bool ok = view_open(&v, STR("{\"id\":\"0000000000000000\",\"severity\":\"info\",\"summary\":\"a \\\"b\\\"\"}"));
  if (ok) template_write(t, &v, ACT_OPENED, "", &out);
  yyjson_doc *doc = ok && !out.bad ? yyjson_read(out.n ? out.p : "", out.n, 0) : NULL;
  ok = doc != NULL;
  yyjson_doc_free(doc);
  buf_fini(&out);
  view_close(&v);
  return ok;
}

static bool template_pieces(struct base_str text, char why[160]) {
  struct base_str plain, path;
  for (size_t at = 0; at < text.n;) {
    size_t from = at;
    if (piece_next(text, &at, &plain, &path)) continue;
    snprintf(why, 160, "a placeholder after byte %zu is empty or has no end", from);
    return false;
  }
  return true;
}

struct act_template *template_read(struct base_str text, char why[160]) {
  if (text.n > TEMPLATE_BYTES) {
    snprintf(why, 160, "larger than %u bytes", TEMPLATE_BYTES);
    return NULL;
  }
  if (!template_pieces(text, why)) return NULL;
  struct act_template *t = malloc(sizeof *t + text.n);
  snprintf(why, 160, "%s", t ? "not JSON once it is filled" : "out of memory");
  if (!t) return NULL;
  if (text.n) memcpy(t + 1, text.p, text.n);
  t->text = (struct base_str){(const char *)(t + 1), text.n};
  if (template_is_json(t)) return t;
  template_free(t);
  return NULL;
}

void template_free(struct act_template *t) {
  free(t);
}
