/* CloudEvents 1.0 over HTTP, structured mode (github.com/cloudevents/spec, v1.0.2): the event's attributes and the
 * incident as its data. source and id together name one event: an attempt made again has the same. */
#include "act_kind.h"
#include "act_pairs.h"
#include "base_json.h"

static void key_str(struct base_json *j, const char *key, struct base_str value) {
  json_key(j, key);
  json_str(j, value);
}

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  char text[128];
  struct base_buf b = buf_over(text, sizeof text);
  struct base_json json = json_over(&out->body), *j = &json;
  (void)memo_next;
  json_object(j);
  key_str(j, "specversion", STR("1.0"));
  act_message_id(m, &b);
  key_str(j, "id", buf_str(&b));
  key_str(j, "source", str_of(m->receiver->source));
  buf_clear(&b);
  buf_put_f(&b, "foreshock.incident.%s", act_event_text(m->event));
  key_str(j, "type", buf_str(&b));
  key_str(j, "subject", m->view->id);
  key_str(j, "time", view_text(m->view->root, "updated_at"));
  key_str(j, "datacontenttype", STR("application/json"));
  json_key(j, "data");
  json_raw(j, m->view->json);
  json_close(j);
  bool ok =
      request_header(out, "Content-Type", STR("application/cloudevents+json; charset=utf-8")) && request_bearer(m, out);
  return ok ? ACT_MADE : ACT_MADE_NOT;
}

/* 2xx is delivered, whatever the body (HTTP 1.1 Web Hooks for Event Delivery, 2.2); 410 and 415 are for good. */
const struct act_kind act_kind_cloudevents = {make, act_judge_plain};
