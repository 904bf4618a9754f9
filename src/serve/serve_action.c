/* What an operator can say of an incident, as command records for the engine; and the record of everything that was
 * asked. An action is taken or refused as a whole, and either way it is written down: in the list that the API shows,
 * and by whoever gave the source, who keeps it beyond the process. */
#include <yyjson.h>

#include "serve_room.h"

static const char *verb_text(enum rec_verb verb) {
  switch (verb) {
    case REC_VERB_ACK: return "ack";
    case REC_VERB_EXPECT: return "expect";
    case REC_VERB_MUTE: return "mute";
  }
  return "unknown";
}

bool serve_verb_read(struct base_str text, enum rec_verb *out) {
  for (enum rec_verb v = REC_VERB_ACK; v <= REC_VERB_MUTE; v++) {
    if (!str_eq(text, str_of(verb_text(v)))) continue;
    *out = v;
    return true;
  }
  return false;
}

/* ---- the record ---- */

static void audit_member(struct base_json *j, const char *key, struct base_str v) {
  json_key(j, key);
  if (v.n)
    json_str(j, v);
  else
    json_null(j);
}

void serve_audit(struct serve_call *c, const char *action, struct base_str who, struct base_str about,
                 const char *result, struct base_str change) {
  struct serve *s = c->serve;
  char text[SERVE_AUDIT_BYTES];
  struct base_buf b = buf_over(text, sizeof text);
  struct base_json json = json_over(&b), *j = &json;
  struct serve_status status = {0};
  s->conf.source.status(s->conf.source.ctx, &status);
  json_object(j);
  json_key(j, "at");
  json_time(j, status.now);
  audit_member(j, "who", who);
  audit_member(j, "token", str_of(c->token ? c->token->name : NULL));
  audit_member(j, "action", str_of(action));
  audit_member(j, "about", about);
  audit_member(j, "result", str_of(result));
  if (change.n) {
    json_key(j, "change");
    json_raw(j, change);
  }
  json_close(j);
  if (b.bad) return; /* names are bounded: cannot be */
  s->conf.counters[REC_COUNTER_ACTIONS]++;
  list_add(&s->audit, status.now, buf_str(&b), about);
  if (s->conf.source.audit) s->conf.source.audit(s->conf.source.ctx, buf_str(&b));
}

void serve_audit_get(struct serve_call *c) {
  serve_list_get(c, &c->serve->audit, "actions", "about");
}

/* ---- muted by hand ---- */

void serve_mute_add(struct serve *s, uint64_t id) {
  if (!serve_muted(s, id)) s->muted[s->muted_n++ % LIMIT_MUTED] = id;
}

bool serve_muted(const struct serve *s, uint64_t id) {
  for (uint64_t i = 0; i < s->muted_n && i < LIMIT_MUTED; i++)
    if (s->muted[i] == id) return true;
  return false;
}

/* ---- an action ---- */

static bool action_who(struct serve_call *c, yyjson_val *root, struct base_str *who) {
  yyjson_val *v = yyjson_obj_get(root, "who");
  const char *token = c->token ? c->token->name : NULL;
  *who = token ? str_of(token) : STR("api");
  if (!v) return true;
  struct base_str said = {yyjson_get_str(v), yyjson_get_len(v)};
  if (!yyjson_is_str(v) || said.n == 0 || said.n > SERVE_WHO_BYTES) {
    serve_fail(c, 400, "who: wants a text of 1 to %u bytes", SERVE_WHO_BYTES);
    return false;
  }
  /* What somebody says of themselves, and whose token it came with. */
  struct base_buf b = buf_over(c->who, sizeof c->who);
  buf_put_str(&b, said);
  if (token) buf_put_f(&b, " (%s)", token);
  *who = buf_str(&b);
  return true;
}

static void action_send(struct serve_call *c, const struct serve_item *item, enum rec_verb verb, struct base_str who) {
  struct serve_source *src = &c->serve->conf.source;
  struct serve_status status = {0};
  src->status(src->ctx, &status);
  struct rec_command command = {.at = status.now, .verb = (uint8_t)verb, .incident_id = {c->id, c->id_n}, .who = who};
  bool taken = src->command(src->ctx, &command);
  if (taken && verb == REC_VERB_MUTE) {
    serve_mute_add(c->serve, item->id);
    if (serve_store_mute(c->serve->conf.store, item->id)) serve_live_incident(c->serve, item->json);
  }
  serve_audit(c, verb_text(verb), who, command.incident_id, taken ? "accepted" : "busy", STR_NONE);
  serve_accepted(c, taken);
}

static void action_read(struct serve_call *c, const struct serve_item *item, enum rec_verb verb) {
  struct base_str who = STR_NONE;
  if (c->req->body.n == 0) {
    (void)action_who(c, NULL, &who);
    action_send(c, item, verb, who);
    return;
  }
  yyjson_doc *doc = yyjson_read(c->req->body.p, c->req->body.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  if (!doc)
    serve_fail(c, 400, "the body is not JSON");
  else if (!yyjson_is_obj(root) || yyjson_obj_size(root) != (yyjson_obj_get(root, "who") ? 1u : 0u))
    serve_fail(c, 400, "wants an empty body or {\"who\": \"name\"}");
  else if (action_who(c, root, &who))
    action_send(c, item, verb, who);
  yyjson_doc_free(doc);
}

static void action_post(struct serve_call *c, enum rec_verb verb) {
  static const char *const none[] = {NULL};
  if (!serve_query_only(c, none)) return;
  const struct serve_item *item = serve_item_of_path(c);
  if (!item) return;
  if (item->open)
    action_read(c, item, verb);
  else
    serve_fail(c, 409, "this incident is over");
}

void serve_ack_post(struct serve_call *c) {
  action_post(c, REC_VERB_ACK);
}

void serve_mute_post(struct serve_call *c) {
  action_post(c, REC_VERB_MUTE);
}

void serve_expect_post(struct serve_call *c) {
  action_post(c, REC_VERB_EXPECT);
}
