/* Any HTTP endpoint: the template's body, or the whole incident; signed where there is a secret. webhook-id is the same
 * for each attempt at one message, so that a receiver can leave out what it has. */
#include <stdio.h>

#include "act_kind.h"
#include "act_pairs.h"
#include "act_sign.h"
#include "act_template.h"
#include "base_json.h"

void act_message_id(const struct act_message *m, struct base_buf *out) {
  buf_put_f(out, "%.*s.%llu.%s", STR_ARG(m->view->id), (unsigned long long)m->rev, act_event_text(m->event));
}

void act_plain_body(const struct act_message *m, struct base_buf *out) {
  char text[1024];
  struct base_buf link = buf_over(text, sizeof text);
  struct base_json json = json_over(out), *j = &json;
  json_object(j);
  json_key(j, "event");
  json_text(j, act_event_text(m->event));
  if (view_link(m->view, m->conf->public_url, &link) && !link.bad) {
    json_key(j, "link");
    json_str(j, buf_str(&link));
  }
  json_key(j, "incident");
  json_raw(j, m->view->json);
  json_close(j);
}

static bool sign(const struct act_message *m, struct act_request *out) {
  char id[128], at[32], signature[128];
  struct base_buf i = buf_over(id, sizeof id), t = buf_over(at, sizeof at), s = buf_over(signature, sizeof signature);
  act_message_id(m, &i);
  buf_put_i64(&t, m->now.ns / TIME_NS_PER_S);
  if (!request_header(out, "webhook-id", buf_str(&i)) || !request_header(out, "webhook-timestamp", buf_str(&t)))
    return false;
  if (!m->receiver->secret_file[0]) return true;
  return sign_webhook(m->secret, buf_str(&i), buf_str(&t), buf_str(&out->body), &s) && !s.bad &&
         request_header(out, "webhook-signature", buf_str(&s));
}

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  (void)memo_next;
  if (m->template_)
    template_write(m->template_, m->view, m->event, m->conf->public_url, &out->body);
  else
    act_plain_body(m, &out->body);
  bool ok = !out->body.bad && sign(m, out) && request_header(out, "Content-Type", STR("application/json")) &&
            request_bearer(m, out);
  return ok ? ACT_MADE : ACT_MADE_NOT;
}

const struct act_kind act_kind_webhook = {make, act_judge_plain};
