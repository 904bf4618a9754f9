/* PagerDuty Events API v2 (developer.pagerduty.com/docs/events-api-v2): trigger, acknowledge, resolve, with the
 * incident's id as dedup_key. Limits of its documentation: summary 1,024 characters, dedup_key 255, body 512 KB.
 * Answers: 202 taken; 429 and 5xx again later; 400 never. */
#include <stdio.h>
#include <yyjson.h>

#include "act_kind.h"
#include "act_pairs.h"
#include "base_json.h"

#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"
#define PAGERDUTY_BODY_BYTES (512u * 1000u)
#define PAGERDUTY_SUMMARY_CHARS 1024u

static const char *const action[] = {
    [ACT_OPENED] = "trigger", [ACT_CHANGED] = "trigger", [ACT_ACKED] = "acknowledge", [ACT_ENDED] = "resolve"};

static void key_str(struct base_json *j, const char *key, struct base_str value) {
  if (value.n == 0) return;
  json_key(j, key);
  json_str(j, value);
}

static void key_cut(struct base_json *j, const char *key, struct base_str value, size_t chars_max) {
  struct base_buf b = buf_open(value.n + 8);
  view_cut(value, chars_max, &b);
  key_str(j, key, buf_str(&b));
  buf_fini(&b);
}

static struct base_str severity(const struct act_message *m) {
  struct base_str rest = str_of(m->receiver->severities), name, value;
  while (pairs_next(&rest, &name, &value))
    if (str_eq(name, m->view->severity_text)) return value;
  return m->view->severity_text; /* all three are words of PagerDuty's, too */
}

static void key_entities(struct base_json *j, const char *key, yyjson_val *list) {
  size_t i, n;
  yyjson_val *v;
  char text[4096];
  json_key(j, key);
  json_array(j);
  if (yyjson_is_arr(list)) yyjson_arr_foreach(list, i, n, v) {
      struct base_buf b = buf_over(text, sizeof text);
      view_entity_text(v, &b);
      json_str(j, buf_str(&b));
    }
  json_close(j);
}

static void custom_details(struct base_json *j, const struct act_view *v) {
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  json_key(j, "custom_details");
  json_object(j);
  key_str(j, "incident_id", v->id);
  view_culprit_text(v, &b);
  key_str(j, "culprit", buf_str(&b));
  key_str(j, "evidence", view_text(v->cause, "evidence"));
  buf_clear(&b);
  view_impact_text(v, &b);
  key_str(j, "impact", buf_str(&b));
  key_str(j, "started_at", view_text(v->root, "started_at"));
  key_str(j, "detected_at", view_text(v->root, "detected_at"));
  key_str(j, "telemetry", view_text(v->root, "telemetry"));
  json_key(j, "confidence");
  json_f64(j, yyjson_get_num(yyjson_obj_get(v->root, "confidence")));
  key_entities(j, "affected", yyjson_obj_get(v->root, "affected"));
  key_entities(j, "not_affected", yyjson_obj_get(v->root, "not_affected"));
  json_close(j);
}

/* source is required: what has the problem, as narrowly as it is known. */
static struct base_str source(const struct act_view *v) {
  static const char *const dims[] = {"pod", "service", "cluster", "region"};
  for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
    struct base_str s = view_culprit(v, dims[i]);
    if (s.n) return s;
  }
  return STR("mesh");
}

static void payload(struct base_json *j, const struct act_message *m) {
  const struct act_view *v = m->view;
  json_key(j, "payload");
  json_object(j);
  key_cut(j, "summary", v->summary.n ? v->summary : STR("incident"), PAGERDUTY_SUMMARY_CHARS);
  key_str(j, "source", source(v));
  key_str(j, "severity", severity(m));
  key_str(j, "timestamp", view_text(v->root, "detected_at"));
  key_str(j, "component", view_culprit(v, "service"));
  key_str(j, "group", view_culprit(v, "namespace"));
  key_str(j, "class", v->kind);
  custom_details(j, v);
  json_close(j);
}

static void links(struct base_json *j, const struct act_message *m) {
  char text[1024];
  struct base_buf b = buf_over(text, sizeof text);
  if (!view_link(m->view, m->conf->public_url, &b) || b.bad) return;
  json_key(j, "links");
  json_array(j);
  json_object(j);
  key_str(j, "href", buf_str(&b));
  key_str(j, "text", STR("the incident in Foreshock"));
  json_close(j);
  json_close(j);
  key_str(j, "client_url", buf_str(&b));
}

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  struct base_json json = json_over(&out->body), *j = &json;
  (void)memo_next;
  if (out->url.n == 0) buf_put_str(&out->url, STR(PAGERDUTY_URL));
  json_object(j);
  key_str(j, "routing_key", m->token);
  key_str(j, "event_action", str_of(action[m->event]));
  key_str(j, "dedup_key", m->view->id);
  if (m->event == ACT_OPENED || m->event == ACT_CHANGED) {
    key_str(j, "client", str_of(m->receiver->source));
    links(j, m);
    payload(j, m);
  }
  json_close(j);
  bool ok = request_header(out, "Content-Type", STR("application/json"));
  return ok && out->body.n <= PAGERDUTY_BODY_BYTES ? ACT_MADE : ACT_MADE_NOT;
}

/* {"status": "invalid event", "message": …, "errors": […]}; it says what is wrong with a key, never the key. */
static enum act_judged judge(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                             char why[ACT_WHY_BYTES]) {
  (void)m;
  (void)memo_next;
  if (a->status < 300) return act_judge_http(a);
  yyjson_doc *doc = yyjson_read(a->body.n ? a->body.p : "", a->body.n, 0);
  yyjson_val *root = yyjson_doc_get_root(doc), *first = yyjson_arr_get_first(yyjson_obj_get(root, "errors"));
  const char *text = yyjson_get_str(first ? first : yyjson_obj_get(root, "message"));
  snprintf(why, ACT_WHY_BYTES, "status %d%s%.100s", a->status, text ? ": " : "", text ? text : "");
  yyjson_doc_free(doc);
  return act_judge_http(a);
}

const struct act_kind act_kind_pagerduty = {make, judge};
