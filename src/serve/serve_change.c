/* Changes: a pipeline says what it changed, and the list of what changed lately. Strict: an unknown field is a typing
 * error that would otherwise go unnoticed until the night it matters. */
#include <yyjson.h>

#include "serve_room.h"

#define CHANGE_AHEAD_NS (3600 * TIME_NS_PER_S) /* a change may be announced, but not for tomorrow */

/* Nothing where it holds a NUL: it would be cut there, and might name somebody else. */
static struct base_str change_str(yyjson_val *v) {
  struct base_str s = yyjson_is_str(v) ? (struct base_str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
  return str_find(s, 0, 0) == s.n ? s : STR_NONE;
}

/* One text field; absent gives `otherwise`. */
static bool change_text(struct serve_call *c, yyjson_val *obj, const char *name, size_t max, struct base_str otherwise,
                        struct base_str *out) {
  yyjson_val *v = yyjson_obj_get(obj, name);
  *out = v ? change_str(v) : otherwise;
  if (out->n > 0 && out->n <= max) return true;
  serve_fail(c, 400, "%s: wants a text of 1 to %zu bytes", name, max);
  return false;
}

static int change_dim(struct base_str key) {
  for (unsigned d = 0; d < REC_DIM_COUNT; d++)
    if (str_eq(str_of(rec_dim_text(d)), key)) return (int)d;
  return -1;
}

static bool change_kind_known(struct base_str kind) {
  for (unsigned l = 0; l < REC_LEVEL_COUNT; l++)
    if (str_eq(str_of(rec_level_kind(l)), kind)) return true;
  return false;
}

static bool change_entity_field(struct serve_call *c, struct base_str key, yyjson_val *v, struct rec_entity *out) {
  struct base_str text = change_str(v);
  if (text.n == 0 || text.n > LIMIT_NAME_BYTES) {
    serve_fail(c, 400, "entity.%.*s: wants a text of 1 to %u bytes", (int)(key.n < 32 ? key.n : 32), key.p,
               LIMIT_NAME_BYTES);
    return false;
  }
  if (str_eq(key, STR("kind"))) {
    out->kind = text;
    return true;
  }
  int d = change_dim(key);
  if (d >= 0) out->dim[d] = text;
  if (d < 0) serve_fail(c, 400, "entity.%.*s: unknown field", (int)(key.n < 32 ? key.n : 32), key.p);
  return d >= 0;
}

bool serve_entity_read(struct serve_call *c, struct yyjson_val *obj, struct rec_entity *out) {
  size_t i, n;
  yyjson_val *key, *v;
  memset(out, 0, sizeof *out);
  if (!yyjson_is_obj(obj)) {
    serve_fail(c, 400, "entity: wants an object such as {\"kind\": \"service\", \"service\": \"cart\"}");
    return false;
  }
  yyjson_obj_foreach(obj, i, n, key, v) {
    if (!change_entity_field(c, change_str(key), v, out)) return false;
  }
  if (change_kind_known(out->kind)) return true;
  serve_fail(c, 400, "entity.kind: wants service, pod, route, edge, version, cluster, region or mesh");
  return false;
}

static bool change_fields_known(struct serve_call *c, yyjson_val *root) {
  static const char *const names[] = {"at", "source", "kind", "entity", "summary"};
  size_t i, n;
  yyjson_val *key, *v;
  yyjson_obj_foreach(root, i, n, key, v) {
    struct base_str k = change_str(key);
    bool known = false;
    for (size_t f = 0; f < sizeof names / sizeof names[0]; f++) known |= str_eq(k, str_of(names[f]));
    if (known) continue;
    serve_fail(c, 400, "%.*s: unknown field", (int)(k.n < 64 ? k.n : 64), k.p);
    return false;
  }
  return true;
}

static bool change_at(struct serve_call *c, yyjson_val *root, struct base_wall *at) {
  struct serve_source *src = &c->serve->conf.source;
  struct serve_status status = {0};
  src->status(src->ctx, &status);
  yyjson_val *v = yyjson_obj_get(root, "at");
  *at = status.now;
  if (!v) return true;
  if (time_read(change_str(v), at) && at->ns <= status.now.ns + CHANGE_AHEAD_NS) return true;
  serve_fail(c, 400, "at: wants a time such as 2026-03-02T09:00:00Z, at most an hour ahead");
  return false;
}

bool serve_change_read(struct serve_call *c, yyjson_val *root, struct rec_change *out) {
  if (!yyjson_is_obj(root)) {
    serve_fail(c, 400, "the body is not a JSON object");
    return false;
  }
  return change_fields_known(c, root) && change_at(c, root, &out->at) &&
         change_text(c, root, "source", 64, STR("api"), &out->source) &&
         change_text(c, root, "kind", 64, STR_NONE, &out->kind) &&
         change_text(c, root, "summary", LIMIT_TEXT_BYTES - 1, STR_NONE, &out->summary) &&
         serve_entity_read(c, yyjson_obj_get(root, "entity"), &out->entity);
}

/* ---- the list: what is in the log, and what the traffic shows by itself ---- */

static void change_json(struct base_buf *out, const struct rec_change *change) {
  struct base_json json = json_over(out), *j = &json;
  json_object(j);
  json_key(j, "at");
  json_time(j, change->at);
  json_key(j, "source");
  json_str(j, change->source);
  json_key(j, "kind");
  json_str(j, change->kind);
  serve_entity_json(j, &change->entity);
  json_key(j, "summary");
  json_str(j, change->summary);
  json_close(j);
}

static bool change_known(const struct serve *s, struct base_str json) {
  for (uint32_t i = 0; i < list_n(&s->changes); i++)
    if (str_eq(list_back(&s->changes, i)->json, json)) return true;
  return false;
}

/* What is known already, from its record or from a tick that is applied again, is not told twice. */
void serve_change_add(struct serve *s, const struct rec_change *change) {
  char text[SERVE_CHANGE_BYTES];
  struct base_buf b = buf_over(text, sizeof text);
  change_json(&b, change);
  if (b.bad || change_known(s, buf_str(&b))) return;
  list_add(&s->changes, change->at, buf_str(&b), change->entity.dim[REC_DIM_SERVICE]);
  serve_live_event(s, "change", buf_str(&b));
}

/* A service or a version that begins or ceases to serve. While the mesh is being met for the first time everything is
 * new, and nothing is news. */
static void change_of_series(struct serve *s, const struct rec_series *who, struct base_wall at, bool gone) {
  char text[2 * LIMIT_NAME_BYTES + 64];
  struct base_buf b = buf_over(text, sizeof text);
  bool version = who->level == REC_LEVEL_VERSION;
  if (who->side != REC_SIDE_SERVER || (!version && who->level != REC_LEVEL_SERVICE)) return;
  if (version) buf_put_f(&b, "version %.*s of ", STR_ARG(who->dim[REC_DIM_VERSION]));
  buf_put_f(&b, "%.*s %s", STR_ARG(who->dim[REC_DIM_SERVICE]), gone ? "serves no more" : "serves its first requests");
  struct rec_change change = {.at = at,
                              .source = STR("traffic"),
                              .kind = gone ? STR("gone") : STR("new"),
                              .summary = buf_str(&b),
                              .entity = serve_series_entity(who)};
  serve_change_add(s, &change);
}

void serve_changes_tick(struct serve *s, const struct rec_tick_input *in) {
  const struct serve_source *src = &s->conf.source;
  for (size_t i = 0; i < in->head.change_n; i++) serve_change_add(s, &in->head.change[i]);
  if (s->first_tick.ns == 0) s->first_tick = in->tick.end;
  if (in->tick.end.ns - s->first_tick.ns < SERVE_MEETING_NS) return;
  for (unsigned b = 0; b < LIMIT_BUCKETS; b++) {
    const struct rec_batch *batch = &in->bucket[b];
    for (size_t i = 0; i < batch->series_n; i++) change_of_series(s, &batch->series[i], in->tick.end, false);
    for (size_t i = 0; i < batch->drop_n; i++) {
      const struct rec_series *who = src->series(src->ctx, batch->drop[i].series_idx);
      if (who) change_of_series(s, who, in->tick.end, true);
    }
  }
}

/* ---- a pipeline's word ---- */

/* Its record has all of it, so that a start can tell the engine what a kill kept from it. */
static void change_take(struct serve_call *c, const struct rec_change *change) {
  struct serve_source *src = &c->serve->conf.source;
  char text[SERVE_CHANGE_BYTES];
  struct base_buf b = buf_over(text, sizeof text);
  change_json(&b, change);
  bool taken = src->change(src->ctx, change);
  serve_audit(c, "change", change->source, change->summary, taken ? "accepted" : "busy",
              taken && !b.bad ? buf_str(&b) : STR_NONE);
  if (taken) serve_change_add(c->serve, change);
  serve_accepted(c, taken);
}

void serve_change_post(struct serve_call *c) {
  static const char *const none[] = {NULL};
  if (!serve_query_only(c, none)) return;
  yyjson_read_err err;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)c->req->body.p, c->req->body.n, 0, NULL, &err);
  if (!doc) {
    serve_fail(c, 400, "the body is not JSON: %s at byte %zu", err.msg, err.pos);
    return;
  }
  struct rec_change change = {0};
  if (serve_change_read(c, yyjson_doc_get_root(doc), &change)) {
    change_take(c, &change);
  }
  yyjson_doc_free(doc);
}

void serve_changes_get(struct serve_call *c) {
  serve_list_get(c, &c->serve->changes, "changes", "service");
}
