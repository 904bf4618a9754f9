/* Alertmanager, API v2: POST /api/v2/alerts (its openapi.yaml). An alert is known by its labels, so only what stays the
 * same while it fires is a label; where severity or culprit changes, the old alert is resolved in the request that
 * fires the new one. Everything else is an annotation. Alertmanager forgets an alert at endsAt, so it is sent again
 * before that (docs/alerts.md). */
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "act_kind.h"
#include "act_pairs.h"
#include "base_json.h"

static void key_str(struct base_json *j, const char *key, struct base_str value) {
  if (value.n == 0) return; /* Alertmanager drops labels without a value */
  json_key(j, key);
  json_str(j, value);
}

static void labels_own(struct base_json *j, const char *pairs) {
  struct base_str rest = str_of(pairs), name, value;
  while (pairs_next(&rest, &name, &value)) {
    json_key_str(j, name);
    json_str(j, value);
  }
}

void alertmanager_labels(const struct act_message *m, struct base_buf *out) {
  struct base_json json = json_over(out), *j = &json;
  json_object(j);
  key_str(j, "alertname", STR("ForeshockIncident"));
  key_str(j, "incident_id", m->view->id);
  key_str(j, "severity", m->view->severity_text);
  key_str(j, "kind", m->view->kind);
  key_str(j, "service", view_culprit(m->view, "service"));
  key_str(j, "namespace", view_culprit(m->view, "namespace"));
  key_str(j, "cluster", view_culprit(m->view, "cluster"));
  labels_own(j, m->receiver->labels);
  json_close(j);
}

static void annotation_texts(struct base_json *j, const struct act_view *v) {
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  view_culprit_text(v, &b);
  key_str(j, "culprit", buf_str(&b));
  buf_clear(&b);
  view_impact_text(v, &b);
  key_str(j, "impact", buf_str(&b));
}

static void annotations(struct base_json *j, const struct act_message *m) {
  const struct act_view *v = m->view;
  json_key(j, "annotations");
  json_object(j);
  key_str(j, "summary", v->summary);
  key_str(j, "description", view_text(v->cause, "evidence"));
  annotation_texts(j, v);
  key_str(j, "verdict", v->verdict);
  key_str(j, "telemetry", view_text(v->root, "telemetry"));
  key_str(j, "acknowledged", yyjson_is_true(yyjson_obj_get(v->root, "acked")) ? STR("yes") : STR_NONE);
  json_close(j);
}

void alertmanager_alert(const struct act_message *m, const char *labels, struct base_wall ends_at,
                        struct base_buf *out) {
  struct base_json json = json_over(out), *j = &json;
  char link[1024];
  struct base_buf b = buf_over(link, sizeof link);
  json_object(j);
  json_key(j, "labels");
  json_raw(j, str_of(labels));
  annotations(j, m);
  key_str(j, "startsAt", view_text(m->view->root, "started_at"));
  json_key(j, "endsAt");
  json_time(j, ends_at);
  if (view_link(m->view, m->conf->public_url, &b) && !b.bad) key_str(j, "generatorURL", buf_str(&b));
  json_close(j);
}

struct base_wall alertmanager_end(const struct act_message *m) {
  struct base_wall t;
  return time_read(view_text(m->view->root, "ended_at"), &t) ? t : m->now;
}

/* Where it goes to; the URL without the path will do. */
bool alertmanager_request(const struct act_message *m, struct act_request *out) {
  struct base_str url = buf_str(&out->url), path = STR("/api/v2/alerts");
  while (url.n && url.p[url.n - 1] == '/') url.n--;
  out->url.n = url.n;
  if (url.n < path.n || !str_eq(str_cut(url, url.n - path.n, url.n), path)) buf_put_str(&out->url, path);
  return request_header(out, "Content-Type", STR("application/json")) && request_bearer(m, out);
}

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  struct base_buf labels = buf_over(memo_next, ACT_MEMO_BYTES - 1);
  struct base_wall fires_until = {m->now.ns + 4 * m->receiver->resend_ns};
  if (m->event == ACT_ACKED) return ACT_MADE_NOTHING; /* it has no such state; the annotation goes with the next */
  alertmanager_labels(m, &labels);
  if (labels.bad || !alertmanager_request(m, out)) return ACT_MADE_NOT;
  memo_next[labels.n] = 0;
  bool other = m->memo[0] && strcmp(m->memo, memo_next) != 0;
  buf_put_char(&out->body, '[');
  if (m->event == ACT_ENDED) {
    if (m->memo[0]) snprintf(memo_next, ACT_MEMO_BYTES, "%s", m->memo);
    alertmanager_alert(m, memo_next, alertmanager_end(m), &out->body);
  } else {
    if (other) alertmanager_alert(m, m->memo, m->now, &out->body);
    if (other) buf_put_char(&out->body, ',');
    alertmanager_alert(m, memo_next, fires_until, &out->body);
  }
  buf_put_char(&out->body, ']');
  return ACT_MADE;
}

const struct act_kind act_kind_alertmanager = {make, act_judge_plain};
