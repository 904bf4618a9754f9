/* The records of actions that an earlier process kept: listed again, and what they said of mutes and changes. A kill
 * can come between such a record, which is on disk before its answer, and the tick that would have told the engine:
 * what no tick has is given again. */
#include <yyjson.h>

#include "serve_room.h"

#define RESUME_FIRST_NS (3600 * TIME_NS_PER_S) /* where the engine has heard nothing at all, so far back at most */
#define RESUME_SAID_BYTES 512u

static struct base_str member(yyjson_val *root, const char *key) {
  yyjson_val *v = yyjson_obj_get(root, key);
  return yyjson_is_str(v) ? (struct base_str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
}

static bool change_of(struct serve *s, yyjson_val *root, struct rec_change *out) {
  char said[RESUME_SAID_BYTES]; /* what would be answered; there is nobody to hear it */
  struct io_http_response res = {.body = buf_over(said, sizeof said)};
  struct serve_call c = {.serve = s, .res = &res};
  memset(out, 0, sizeof *out);
  return serve_change_read(&c, yyjson_obj_get(root, "change"), out);
}

static bool resume_change(struct serve *s, yyjson_val *root) {
  struct rec_change change;
  return change_of(s, root, &change) && s->conf.source.change(s->conf.source.ctx, &change);
}

static bool resume_command(struct serve *s, yyjson_val *root, enum rec_verb verb, struct base_wall at) {
  struct rec_command command = {
      .at = at, .verb = (uint8_t)verb, .incident_id = member(root, "about"), .who = member(root, "who")};
  return s->conf.source.command(s->conf.source.ctx, &command);
}

static bool resume_row(struct serve *s, const struct serve_row *row) {
  yyjson_doc *doc = yyjson_read(row->json.p, row->json.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  struct base_str action = member(root, "action");
  enum rec_verb verb;
  bool again = false;
  if (!str_eq(member(root, "result"), STR("accepted")))
    again = false;
  else if (str_eq(action, STR("change")))
    again = resume_change(s, root);
  else if (serve_verb_read(action, &verb))
    again = resume_command(s, root, verb, row->at);
  yyjson_doc_free(doc);
  return again;
}

static void known_mute(struct serve *s, struct base_str about) {
  uint64_t id;
  if (!serve_id_read(about, &id)) return;
  serve_mute_add(s, id);
  (void)serve_store_mute(s->conf.store, id);
}

void serve_audit_known(struct serve *s, struct base_str text) {
  yyjson_doc *doc = yyjson_read(text.p, text.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc);
  struct base_str action = member(root, "action"), about = member(root, "about");
  bool taken = str_eq(member(root, "result"), STR("accepted"));
  struct base_wall at;
  struct rec_change change;
  if (time_read(member(root, "at"), &at)) list_add(&s->audit, at, text, about);
  if (taken && str_eq(action, STR("mute"))) known_mute(s, about);
  if (taken && change_of(s, root, &change)) serve_change_add(s, &change);
  yyjson_doc_free(doc);
}

uint32_t serve_resume(struct serve *s, struct base_wall heard) {
  struct serve_status status = {0};
  uint32_t n = 0;
  s->conf.source.status(s->conf.source.ctx, &status);
  if (heard.ns == 0) heard.ns = status.now.ns - RESUME_FIRST_NS;
  for (uint32_t i = list_n(&s->audit); i-- > 0;)
    if (list_back(&s->audit, i)->at.ns > heard.ns) n += resume_row(s, list_back(&s->audit, i));
  return n;
}
