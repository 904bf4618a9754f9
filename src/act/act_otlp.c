/* OTLP/HTTP, log records as JSON (opentelemetry.io/docs/specs/otlp; proto3 JSON with these differences: 64-bit integers
 * are strings, trace ids are hexadecimal). Only 429, 502, 503 and 504 are worth another attempt; a partial success
 * that rejects the record is a refusal. */
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "act_kind.h"
#include "act_pairs.h"
#include "base_json.h"

/* SeverityNumber: the data model's mapping of the words to INFO, WARN and ERROR2 (syslog's Critical). */
static const unsigned severity_number[ACT_SEVERITY_COUNT] = {9, 13, 18};

static void key_str(struct base_json *j, const char *key, struct base_str value) {
  json_key(j, key);
  json_str(j, value);
}

static void attribute(struct base_json *j, struct base_str key, struct base_str value) {
  if (value.n == 0) return;
  json_object(j);
  key_str(j, "key", key);
  json_key(j, "value");
  json_object(j);
  key_str(j, "stringValue", value);
  json_close(j);
  json_close(j);
}

static void resource(struct base_json *j, const struct act_message *m) {
  struct base_str rest = str_of(m->receiver->labels), name, value;
  json_key(j, "resource");
  json_object(j);
  json_key(j, "attributes");
  json_array(j);
  attribute(j, STR("service.name"), STR("foreshock"));
  attribute(j, STR("service.version"), str_of(m->conf->version));
  while (pairs_next(&rest, &name, &value)) attribute(j, name, value);
  json_close(j);
  json_close(j);
}

static void attributes(struct base_json *j, const struct act_message *m) {
  const struct act_view *v = m->view;
  char text[4096];
  struct base_buf b = buf_over(text, sizeof text);
  json_key(j, "attributes");
  json_array(j);
  attribute(j, STR("foreshock.incident.id"), v->id);
  attribute(j, STR("foreshock.incident.event"), str_of(act_event_text(m->event)));
  attribute(j, STR("foreshock.incident.verdict"), v->verdict);
  attribute(j, STR("foreshock.incident.kind"), v->kind);
  attribute(j, STR("foreshock.incident.severity"), v->severity_text);
  view_culprit_text(v, &b);
  attribute(j, STR("foreshock.incident.culprit"), buf_str(&b));
  buf_clear(&b);
  if (view_link(v, m->conf->public_url, &b)) attribute(j, STR("url.full"), buf_str(&b));
  attribute(j, STR("foreshock.incident.json"), v->json);
  json_close(j);
}

static void key_nano(struct base_json *j, const char *key, struct base_wall t) {
  char text[24];
  snprintf(text, sizeof text, "%lld", (long long)t.ns);
  json_key(j, key);
  json_text(j, text);
}

/* The trace of the first request that shows it. */
static void trace(struct base_json *j, const struct act_view *v) {
  yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(v->root, "exemplars"));
  struct base_str id = view_text(first, "trace_id");
  bool zero = true;
  for (size_t i = 0; i < id.n; i++) {
    char c = id.p[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return;
    zero &= c == '0';
  }
  if (id.n == 32 && !zero) key_str(j, "traceId", id);
}

static void record(struct base_json *j, const struct act_message *m) {
  struct base_wall at = m->now;
  char name[64];
  (void)time_read(view_text(m->view->root, "updated_at"), &at);
  snprintf(name, sizeof name, "foreshock.incident.%s", act_event_text(m->event));
  json_object(j);
  key_nano(j, "timeUnixNano", at);
  key_nano(j, "observedTimeUnixNano", m->now);
  json_key(j, "severityNumber");
  json_u64(j, severity_number[m->view->severity]);
  key_str(j, "severityText", m->view->severity_text);
  json_key(j, "eventName");
  json_text(j, name);
  json_key(j, "body");
  json_object(j);
  key_str(j, "stringValue", m->view->summary);
  json_close(j);
  attributes(j, m);
  trace(j, m->view);
  json_close(j);
}

/* {"NAME": [{ ... : opens the one element of a list. */
static void list_open(struct base_json *j, const char *key) {
  json_key(j, key);
  json_array(j);
}

static enum act_made make(const struct act_message *m, struct act_request *out, char memo_next[ACT_MEMO_BYTES]) {
  struct base_json json = json_over(&out->body), *j = &json;
  (void)memo_next;
  json_object(j);
  list_open(j, "resourceLogs");
  json_object(j);
  resource(j, m);
  list_open(j, "scopeLogs");
  json_object(j);
  json_key(j, "scope");
  json_object(j);
  key_str(j, "name", STR("foreshock.alerts"));
  json_close(j);
  list_open(j, "logRecords");
  record(j, m);
  while (j->depth) json_close(j);
  bool ok = request_header(out, "Content-Type", STR("application/json")) && request_bearer(m, out);
  return ok ? ACT_MADE : ACT_MADE_NOT;
}

/* A partial success with rejected records must not be tried again. The count is a string, or from some a number. */
static enum act_judged judge_partial(struct base_str body, char why[ACT_WHY_BYTES]) {
  yyjson_doc *doc = yyjson_read(body.n ? body.p : "", body.n, 0);
  yyjson_val *p = yyjson_obj_get(yyjson_doc_get_root(doc), "partialSuccess");
  yyjson_val *n = yyjson_obj_get(p, "rejectedLogRecords");
  const char *text = yyjson_get_str(n), *message = yyjson_get_str(yyjson_obj_get(p, "errorMessage"));
  bool rejected = text ? strtoll(text, NULL, 10) > 0 : yyjson_get_num(n) > 0;
  if (rejected) snprintf(why, ACT_WHY_BYTES, "rejected: %.120s", message ? message : "no reason given");
  yyjson_doc_free(doc);
  return rejected ? ACT_REFUSED : ACT_GOOD;
}

static enum act_judged judge(const struct act_message *m, const struct act_answer *a, char memo_next[ACT_MEMO_BYTES],
                             char why[ACT_WHY_BYTES]) {
  (void)m;
  (void)memo_next;
  if (a->status == 0) return ACT_RETRY;
  if (a->status >= 200 && a->status < 300) return judge_partial(a->body, why);
  why_status(a, why);
  bool again = a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504;
  return again ? ACT_RETRY : ACT_REFUSED;
}

const struct act_kind act_kind_otlp = {make, judge};
