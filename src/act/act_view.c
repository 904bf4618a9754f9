#include "act_view.h"

#include <stdio.h>
#include <yyjson.h>

#include "base_must.h"

static const char *const severity_text[] = {"info", "warning", "critical"};

const char *act_severity_text(enum act_severity s) {
  MUST(s < ACT_SEVERITY_COUNT);
  return severity_text[s];
}

bool act_severity_read(struct base_str text, enum act_severity *out) {
  for (unsigned i = 0; i < ACT_SEVERITY_COUNT; i++) {
    if (!str_eq(text, str_of(severity_text[i]))) continue;
    *out = (enum act_severity)i;
    return true;
  }
  return false;
}

struct base_str view_str(struct yyjson_val *val) {
  return yyjson_is_str(val) ? (struct base_str){yyjson_get_str(val), yyjson_get_len(val)} : STR_NONE;
}

struct base_str view_text(struct yyjson_val *obj, const char *key) {
  return view_str(yyjson_obj_get(obj, key));
}

static bool id_read(struct base_str text, uint64_t *out) {
  if (text.n != 16) return false;
  *out = 0;
  for (size_t i = 0; i < 16; i++) {
    char c = text.p[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    *out = *out << 4 | (uint64_t)digit;
  }
  return true;
}

bool view_open(struct act_view *v, struct base_str json) {
  *v = (struct act_view){.json = json, .doc = yyjson_read(json.n ? json.p : "", json.n, 0)};
  v->root = yyjson_doc_get_root(v->doc);
  if (!yyjson_is_obj(v->root)) return false;
  v->id = view_text(v->root, "id");
  v->verdict = view_text(v->root, "verdict");
  v->kind = view_text(v->root, "kind");
  v->severity_text = view_text(v->root, "severity");
  v->summary = view_text(v->root, "summary");
  v->cause = yyjson_arr_get_first(yyjson_obj_get(v->root, "root_causes"));
  return id_read(v->id, &v->id_hash) && act_severity_read(v->severity_text, &v->severity);
}

void view_close(struct act_view *v) {
  yyjson_doc_free(v->doc);
  v->doc = NULL;
}

struct base_str view_culprit(const struct act_view *v, const char *dim) {
  return view_text(yyjson_obj_get(v->cause, "entity"), dim);
}

void view_entity_text(struct yyjson_val *entity, struct base_buf *out) {
  size_t i, n, written = 0;
  yyjson_val *key, *value;
  if (yyjson_is_obj(entity)) yyjson_obj_foreach(entity, i, n, key, value) {
      struct base_str k = {yyjson_get_str(key), yyjson_get_len(key)}, v = view_str(value);
      if (str_eq(k, STR("kind")) || v.n == 0) continue;
      buf_put_f(out, "%s%.*s ", written++ ? ", " : "", STR_ARG(k));
      buf_put_str(out, v);
    }
  if (!written) buf_put_str(out, STR("unknown"));
}

void view_culprit_text(const struct act_view *v, struct base_buf *out) {
  view_entity_text(yyjson_obj_get(v->cause, "entity"), out);
}

void view_impact_text(const struct act_view *v, struct base_buf *out) {
  yyjson_val *i = yyjson_obj_get(v->root, "impact");
  buf_put_f(out, "%llu requests, %llu failed, %llu slow",
            (unsigned long long)yyjson_get_uint(yyjson_obj_get(i, "requests")),
            (unsigned long long)yyjson_get_uint(yyjson_obj_get(i, "failed")),
            (unsigned long long)yyjson_get_uint(yyjson_obj_get(i, "slow")));
}

bool view_link(const struct act_view *v, const char *public_url, struct base_buf *out) {
  struct base_str base = str_of(public_url);
  if (base.n && base.p[base.n - 1] == '/') base.n--;
  if (base.n == 0) return false;
  buf_put_str(out, base);
  buf_put_f(out, "/#/incidents/%.*s", STR_ARG(v->id));
  return true;
}

static bool is_continuation(char c) {
  return ((unsigned char)c & 0xc0u) == 0x80u;
}

void view_cut(struct base_str s, size_t chars_max, struct base_buf *out) {
  size_t chars = 0, last = 0; /* last: where the character chars_max begins */
  MUST(chars_max > 0);
  for (size_t i = 0; i < s.n; i++) {
    if (is_continuation(s.p[i])) continue;
    if (++chars == chars_max) last = i;
  }
  if (chars <= chars_max) {
    buf_put_str(out, s);
    return;
  }
  buf_put_str(out, str_cut(s, 0, last));
  buf_put_str(out, STR("\xe2\x80\xa6"));
}
